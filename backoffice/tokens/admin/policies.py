"""How staff say what our charge points do while a partner's eMSP is silent: one row for each connection, none for the default."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget

from backoffice.console.model_admins import ConsoleAdmin, Empty
from backoffice.console.scope import parties_of
from backoffice.partners.models import Connection
from backoffice.tokens.models import SilencePolicy

CHOICES = [
    ("WHITELIST", "Let in whom the whitelist lets in (as OCPI says)"),
    ("REFUSE", "Refuse everybody (although OCPI says to let in ALLOWED_OFFLINE)"),
]


class PolicyForm(forms.ModelForm):
    when_silent = forms.ChoiceField(
        choices=CHOICES, initial="WHITELIST", label="When nobody answers", widget=UnfoldAdminSelectWidget
    )

    class Meta:
        model = SilencePolicy
        fields = ("connection", "seconds", "when_silent", "ask_allowed", "ask_unknown")
        labels = {
            "seconds": "Seconds to wait",
            "ask_allowed": "Ask although our copy would do",
            "ask_unknown": "Ask about unknown tokens",
        }

    def clean_seconds(self) -> int:
        seconds: int = self.cleaned_data["seconds"]
        if not 1 <= seconds <= 15:
            raise forms.ValidationError("Between 1 and 15 seconds: a driver waits meanwhile.")
        return seconds


@admin.register(SilencePolicy)
class SilencePolicyAdmin(ConsoleAdmin):
    party_lookup = None  # scoped by connection, below
    form = PolicyForm
    list_display = ("connection", "waits", "silent", "ask_allowed", "ask_unknown")
    list_select_related = ("connection",)
    sortable_by = ()
    actions = None
    empty = Empty(
        "What our charge points do while a partner does not answer.",
        "The default holds for everybody: wait 3 seconds, then let in whom the whitelist lets in.",
        "Set a policy for a partner",
        "admin:tokens_silencepolicy_add",
        "tokens.add_silencepolicy",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[SilencePolicy]:
        rows = super().get_queryset(request)
        parties = parties_of(request.user)
        if parties is None:
            return rows
        return rows.filter(connection__in=Connection.objects.filter(our_parties__in=parties))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "connection":
            rows = Connection.objects.exclude(state="REMOVED")
            parties = parties_of(request.user)
            if parties is not None:
                rows = rows.filter(our_parties__in=parties).distinct()
            options["queryset"] = rows
        return super().formfield_for_foreignkey(db_field, request, **options)

    @admin.display(description="Waits")
    def waits(self, row: SilencePolicy) -> str:
        return f"{row.seconds} s"

    @admin.display(description="When nobody answers")
    def silent(self, row: SilencePolicy) -> str:
        return dict(CHOICES).get(row.when_silent, row.when_silent)
