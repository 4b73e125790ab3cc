"""What staff fill in: an application, a key, a webhook, which locations a station system drives."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpRequest

from backoffice.api.models import Application
from backoffice.api.rules import KIND_WORDS, PER_MINUTE
from backoffice.api.serving.site import api_site
from backoffice.charge_points.models import StationSystem
from backoffice.console.scope import scoped
from backoffice.locations.models import Location
from backoffice.partners.models import Party

LIVES = (("30", "30 days"), ("90", "90 days"), ("365", "one year"), ("730", "two years"))


class NewApplication(forms.Form):
    party = forms.ModelChoiceField(
        Party.objects.none(), label="Company", help_text="The company of ours in whose name it calls."
    )
    kind = forms.ChoiceField(label="Kind", help_text="Which API it may call.")
    name = forms.CharField(
        max_length=100, label="Name", help_text="As staff know it, such as the product and the site."
    )
    contact = forms.CharField(
        max_length=200, required=False, label="Contact", help_text="Whom to ask when it misbehaves."
    )

    def __init__(self, *args: Any, request: HttpRequest, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["party"].queryset = scoped(Party.objects.filter(ours=True), request.user, "id")
        self.fields["kind"].choices = [(api.kind.value, KIND_WORDS[api.kind]) for api in api_site.apis()]


class NewKey(forms.Form):
    scopes = forms.MultipleChoiceField(
        label="Scopes", widget=forms.CheckboxSelectMultiple, help_text="No more than it needs."
    )
    days = forms.ChoiceField(choices=LIVES, initial="365", label="Expires after")
    per_minute = forms.IntegerField(
        min_value=1, max_value=100_000, initial=PER_MINUTE, label="Requests in a minute", help_text="More are refused."
    )

    def __init__(self, *args: Any, application: Application, **options: Any) -> None:
        super().__init__(*args, **options)
        api = api_site.of(application.kind)
        self.fields["scopes"].choices = [
            (name, f"{sentence} ({name})") for name, sentence in (api.scopes if api else {}).items()
        ]

    def life(self) -> timedelta:
        return timedelta(days=int(self.cleaned_data["days"]))


class NewWebhook(forms.Form):
    url = forms.CharField(max_length=500, label="URL", help_text="Where to tell, by POST. https only.")
    events = forms.MultipleChoiceField(
        required=False,
        label="Events",
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: all that there are.",
    )

    def __init__(self, *args: Any, application: Application, **options: Any) -> None:
        super().__init__(*args, **options)
        api = api_site.of(application.kind)
        self.fields["events"].choices = [
            (name, f"{sentence} ({name})") for name, (sentence, _) in (api.events if api else {}).items()
        ]


class Locations(forms.Form):
    """Those of its company that no other system drives."""

    locations = forms.MultipleChoiceField(required=False, label="Locations", widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, application: Application, **options: Any) -> None:
        super().__init__(*args, **options)
        free = Location.objects.filter(party=application.party_id).exclude(
            station_link__system__in=StationSystem.objects.exclude(pk=application.pk)
        )
        self.fields["locations"].choices = [
            (str(row.pk), f"{row} · {row.object_id} · {row.city}")
            for row in free.defer("document").order_by("name", "pk")
        ]
        self.fields[
            "locations"
        ].help_text = "Its system reports for these, and gets their orders. Others are not offered."
