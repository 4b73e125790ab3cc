"""Tariffs as an operator publishes them inside its locations: imported, repaired, linted, priced, explained on their pages."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from backoffice.locations.models import ConnectorTariff
from backoffice.partners.models import Party
from backoffice.tariffs.models import Tariff, TariffVersion
from tests import factories
from tests.tariffs.test_printed_examples import REAL, needs_real
from tests.tariffs.test_published import TARIFFS, opened

pytestmark = pytest.mark.django_db


def imported() -> dict[str, Any]:
    said = StringIO()
    call_command("import_locations", str(REAL), "--party", "DE-SLB", "--json", stdout=said)
    found: dict[str, Any] = json.loads(said.getvalue())
    return found


@needs_real
def test_real_tariffs_are_imported_offered_priced_and_explained(manager: Client) -> None:
    party: Party = factories.own_party("DE-SLB", name="Stadtwerke")
    report = imported()["tariffs_report"]
    assert (report["tariffs"], report["new"], report["repaired"], report["refused"], report["flaws"]) == (
        4,
        4,
        4,
        [],
        [],
    )
    assert report["repairs"]["elements.restrictions: accept_list_for_single"] == 8
    assert "unreachable_element" in {finding["code"] for finding in report["findings"]}
    rows = list(Tariff.objects.filter(party=party))
    assert len(rows) == 4
    pages = []
    for row in rows:
        assert ConnectorTariff.objects.filter(tariff_id=row.object_id).exists()
        pages.append(opened(manager, row))
        assert row.headline in pages[-1]
        assert "30 kWh × 0." in pages[-1]  # a worked example with its steps
    assert "this element is never used" in " ".join(pages)
    assert manager.get(f"{TARIFFS}schedule/?party={party.pk}").status_code == 200
    again = imported()["tariffs_report"]
    assert (again["new"], again["changed"], again["same"]) == (0, 0, 4)
    assert TariffVersion.objects.count() == 4
