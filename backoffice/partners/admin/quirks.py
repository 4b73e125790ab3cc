"""The form of a partner's habits and of the repairs that we apply to what it sends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django import forms

from backoffice.partners.models import Connection
from ocpi.versions.repairs import REPAIRS


class QuirksForm(forms.ModelForm):
    """The partner's habits, and what we do about them."""

    repairs = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    pull_every_minutes = forms.IntegerField(
        required=False, min_value=1, max_value=10_080, label="Minutes between two delta pulls", help_text="Empty: 60."
    )

    class Meta:
        model = Connection
        fields: ClassVar = [
            "name",
            "plain_token",
            "says_ptp",
            "push_enabled",
            "pull_enabled",
            "strict_delivery",
            "page_limit",
            "vanished_policy",
            "bookings_edition",
            "repairs",
        ]
        help_texts: ClassVar = {"name": "How your colleagues call this partner; the partner never sees it."}
        labels: ClassVar = {
            "plain_token": "Token without Base64",
            "says_ptp": "Our payment terminal provider says PTP",
            "push_enabled": "Push to this partner",
            "pull_enabled": "Fetch from this partner",
            "strict_delivery": "Never send a failed push again",
            "page_limit": "Objects a page, at most",
            "bookings_edition": "Edition of bookings",
            "vanished_policy": "Objects that a full pull no longer lists",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["repairs"].choices = [(name, known.sentence) for name, known in REPAIRS.items()]
        every = self.instance.pull_every
        self.fields["pull_every_minutes"].initial = int(every.total_seconds() // 60) if every else None
        self.fields["page_limit"].min_value = 1

    def clean_page_limit(self) -> int | None:
        limit: int | None = self.cleaned_data["page_limit"]
        if limit == 0:
            raise forms.ValidationError("At least one object a page, or empty for no limit.")
        return limit

    def save(self, commit: bool = True) -> Any:
        minutes = self.cleaned_data["pull_every_minutes"]
        self.instance.pull_every = timedelta(minutes=minutes) if minutes else None
        if commit:
            # only these columns: a token or state that changed meanwhile must not be written back
            self.instance.save(update_fields=[*self.Meta.fields, "pull_every"])
        return self.instance
