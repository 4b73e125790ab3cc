"""Files as real operators hand them over: what the report says before, what is stored then, and that partners hold the same."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from backoffice.delivery.actions import draining
from backoffice.delivery.models import Message
from backoffice.locations.models import Evse, Location
from backoffice.partners.models import Party
from ocpi.wire import json as wire_json
from tests import factories
from tests.meeting import peer, platform, reachable, registered
from tests.peer import ScriptedPeer

__all__ = ["peer", "platform", "reachable"]

REAL = Path(__file__).resolve().parents[3] / "shared" / "real"
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="the data of real operators is not part of this repository")


def imported(name: str, *options: str) -> dict[str, Any]:
    said = io.StringIO()
    call_command("import_locations", str(REAL / f"{name}.json"), "--json", *options, stdout=said)
    told: dict[str, Any] = json.loads(said.getvalue())
    return told


@pytest.mark.django_db
def test_the_dry_run_tells_what_the_import_does_and_writes_nothing() -> None:
    factories.own_party("DE-SLB", "CPO")
    before = imported("swlb_locations", "--dry-run")
    assert not Location.objects.exists()
    after = imported("swlb_locations")
    assert (before.pop("applied"), after.pop("applied")) == (False, True)
    for told in (before, after):
        told.get("tariffs_report", {}).pop("applied", None)
    assert before == after
    assert (after["new"], after["changed"], after["same"], after["repaired"], after["refused"]) == (80, 0, 0, 80, [])
    assert (after["locations"], after["evses"]) == (80, 222)
    assert after["unknown_fields"] == {"evses.tariffs": 222}
    assert sum(after["embedded_tariffs"].values()) == 222
    assert (Location.objects.count(), Evse.objects.count()) == (80, 222)
    again = imported("swlb_locations")
    assert (again["new"], again["changed"], again["same"]) == (0, 0, 80)


@pytest.mark.django_db
def test_the_files_of_the_ndw_go_in() -> None:
    factories.own_party("NL-NDW", "CPO")
    told = imported("ndw_211_small-locations")
    assert (told["version"], told["new"], told["refused"], told["evses"]) == ("2.1.1", 2, [], 4)
    assert imported("ndw_211_tariffs")["refused"] == []


def test_a_partner_holds_the_same_eighty(platform: Party, peer: ScriptedPeer) -> None:
    connection = registered(peer)
    imported("swlb_locations")
    draining.drain(connection.pk)
    assert set(Message.objects.filter(module="locations").values_list("state", flat=True)) == {"DONE"}
    held = {path: tree for path, tree in peer.held.items() if path.startswith("locations/DE/RDK/")}
    assert len(held) == 80
    for row in Location.objects.all():
        ours = json.loads(wire_json.encode(row.tree()), parse_float=Decimal)
        theirs = json.loads(json.dumps(held[f"locations/DE/RDK/{row.object_id}"]), parse_float=Decimal)
        assert theirs == ours
