"""The worked examples that staff keep for a party: shown beside every tariff of that party, to everybody who may see it."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest

from backoffice.console.given import number
from backoffice.partners.models import Party
from backoffice.tariffs.models import SavedExample
from backoffice.tariffs.rules.examples import Example, example_of

MOST = 10

LABELS = (
    ("name", "Name"),
    ("kwh", "Energy, kWh"),
    ("minutes", "Charging, min"),
    ("idle_minutes", "Then idle, min"),
    ("reserved_minutes", "Reserved before, min"),
)
FIELDS = (*(name for name, _ in LABELS), "dc")


def of(party: Party) -> list[tuple[str, Example]]:
    """Key and example, the oldest first."""
    return [(str(row.pk), example_of(row.session)) for row in SavedExample.objects.filter(party=party)[:MOST]]


def change(request: HttpRequest, party: Party, *, sorry: Callable[[ValueError], None]) -> None:
    """Keep the example that was entered (`e.…`), or forget one."""
    kept = SavedExample.objects.filter(party=party)
    gone = number(request.POST.get("_forget"))
    if gone is not None:
        kept.filter(pk=gone).delete()
        return
    try:
        example = example_of({name: request.POST.get(f"e.{name}") for name in FIELDS})
        if kept.count() >= MOST:
            raise ValueError(f"{MOST} examples are kept already. Remove one first.")
    except ValueError as error:
        sorry(error)
        return
    SavedExample.objects.create(party=party, session=example.tree())
