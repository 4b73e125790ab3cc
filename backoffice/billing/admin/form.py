"""The form of an export. What the words mean is decided by `defining.save`, whose sentences become the form's errors."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from django import forms

from backoffice.billing.models import DecimalMark, Delimiter, Direction, Encoding, Export, Format, Period
from backoffice.billing.rules.names import UnableToName, folder
from backoffice.billing.rules.schedules import EXAMPLES, UnableToRead, read, zones
from backoffice.partners.models import Party

COLUMNS = (
    *("name", "party", "direction", "period", "since", "schedule", "zone"),
    *("format", "delimiter", "decimal_mark", "encoding", "empty_files", "folder"),
)
"""Fields that are columns of Export."""

FIXED = ("party", "direction", "partners", "period", "since")


class ExportForm(forms.Form):
    """`parties`: our companies that this member of staff may choose; `whole`: he may also choose all of them."""

    name = forms.CharField(max_length=100, help_text="Files are named after it: “New CDRs” gives new-cdrs-000001.csv.")
    direction = forms.ChoiceField(choices=Direction.choices, label="What")
    party = forms.ModelChoiceField(
        queryset=Party.objects.none(), required=False, label="Of which company of ours", empty_label="All of ours"
    )
    partners = forms.CharField(
        required=False,
        max_length=2000,
        label="With which partners",
        help_text="Codes with commas, such as SE-ELV, NL-TNM. Empty: with every partner.",
    )
    period = forms.ChoiceField(
        choices=Period.choices,
        label="Which of them",
        help_text="Each CDR is in exactly one run, also one that comes late.",
    )
    since = forms.DateField(
        required=False,
        label="Leave out what ended before",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Empty: begin with the oldest CDR there is.",
    )
    schedule = forms.CharField(
        required=False,
        max_length=200,
        label="When",
        widget=forms.TextInput(attrs={"list": "schedules", "autocomplete": "off"}),
        help_text="In words, such as “every day at 06:00 Europe/Berlin”. Empty: made by hand only.",
    )
    zone = forms.CharField(
        max_length=64,
        label="Time zone",
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}),
        help_text="Of the schedule where it names none, and of where a day or month ends.",
    )
    format = forms.ChoiceField(choices=Format.choices)
    delimiter = forms.ChoiceField(choices=Delimiter.choices, label="Columns are separated by", help_text="CSV only.")
    decimal_mark = forms.ChoiceField(choices=DecimalMark.choices, label="Decimal mark", help_text="CSV only.")
    encoding = forms.ChoiceField(choices=Encoding.choices, help_text="CSV only.")
    empty_files = forms.BooleanField(required=False, label="Write a file also when there is nothing new")
    folder = forms.CharField(
        required=False,
        max_length=200,
        label="Also put it into the folder",
        help_text="Below the installation's folder for exports, with a manifest and a .done mark. It can always be downloaded.",
    )

    def __init__(self, *args: Any, parties: Any, whole: bool, fixed: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        party: Any = self.fields["party"]
        party.queryset = parties
        if not whole:
            party.required, party.empty_label = True, None
        for name in FIXED if fixed else ():
            self.fields[name].disabled = True
            self.fields[name].help_text = "Settled with its first run. Copy this export to choose anew."

    def clean_partners(self) -> list[Party]:
        codes = [code.upper() for code in re.split(r"[\s,;]+", self.cleaned_data["partners"]) if code]
        found = []
        for code in dict.fromkeys(codes):
            country, _, party_id = code.partition("-")
            party = Party.objects.filter(country_code__iexact=country, party_id__iexact=party_id).first()
            if party is None:
                raise forms.ValidationError(f"No party {code} is known here. Codes look like SE-ELV.")
            found.append(party)
        return found

    def clean_schedule(self) -> str:
        """What `defining` would refuse, told together with what else is wrong."""
        sentence: str = self.cleaned_data["schedule"]
        if sentence.strip():
            try:
                read(sentence)
            except UnableToRead as error:
                raise forms.ValidationError(str(error)) from error
        return sentence

    def clean_folder(self) -> str:
        text: str = self.cleaned_data["folder"].strip()
        try:
            return folder(text) if text else ""
        except UnableToName as error:
            raise forms.ValidationError(str(error)) from error

    @property
    def schedules(self) -> tuple[str, ...]:
        """Suggested while somebody writes."""
        return EXAMPLES

    @property
    def zones(self) -> list[str]:
        return sorted(name for name in zones().values() if "/" in name or name == "UTC")

    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields as the page groups them."""
        return [
            ("What", [self[name] for name in ("name", "direction", "party", "partners", "period", "since")]),
            ("When", [self[name] for name in ("schedule", "zone", "empty_files")]),
            ("How", [self[name] for name in ("format", "delimiter", "decimal_mark", "encoding", "folder")]),
        ]


class DatesForm(forms.Form):
    """The days of one run of an export of chosen dates."""

    first = forms.DateField(label="Charges that ended from", widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(label="to", widget=forms.DateInput(attrs={"type": "date"}))

    def dates(self) -> tuple[date, date]:
        return self.cleaned_data["first"], self.cleaned_data["last"]


def filled(export: Export) -> dict[str, Any]:
    """What the form of this export begins with."""
    facts = {name: getattr(export, name) for name in COLUMNS}
    return facts | {"party": export.party_id, "partners": ", ".join(str(party) for party in export.partners.all())}
