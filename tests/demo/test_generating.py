"""Generated networks: exactly as large as asked for, the same each time, never beside real data."""

from collections import Counter
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from backoffice.demo.actions import generating
from backoffice.demo.actions.generating import generate
from backoffice.demo.actions.loading import UnableToLoad, load
from backoffice.demo.world.companies import HOME
from backoffice.locations.actions.storing import store
from backoffice.locations.models import Evse, Location
from backoffice.locations.rules import gate
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from tests import factories

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


def some(**other: Any) -> list[int]:
    wanted: dict[str, Any] = {
        "country_code": "NL",
        "party_id": "GEN",
        "locations": 25,
        "evses": 63,
        "seed": 7,
        "now": NOW,
    }
    return list(generate(**wanted | other))


def test_it_is_exactly_as_large_as_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generating, "BATCH", 10)
    assert some() == [10, 20, 25]
    assert (Location.objects.count(), Evse.objects.count()) == (25, 63)
    assert set(Counter(Evse.objects.values_list("location_id", flat=True)).values()) == {2, 3}


def test_again_is_the_same_and_more_goes_on() -> None:
    some()
    before = set(Evse.objects.values_list("pk", "document"))
    some(now=NOW.replace(hour=11))
    assert set(Evse.objects.values_list("pk", "document")) == before


def test_what_it_makes_passes_the_publish_gate() -> None:
    some(locations=200, evses=600)
    findings = {
        finding.code
        for row in Location.objects.all()
        for finding in gate(wire_json.validate(wire.Location, row.tree()))
    }
    assert findings == set()
    assert Evse.objects.filter(max_power__gte=150_000).exists()


def test_it_goes_beside_the_demo() -> None:
    load(HOME, seed=7, now=NOW)
    some()
    assert Location.objects.count() == 85


def test_real_locations_refuse_it() -> None:
    party = factories.own_party("NL-TNM", name="The Real Company")
    tree = factories.small_location("LOC1", "NL-TNM")
    store(party.pk, [(tree, wire_json.validate(wire.Location, tree))], source="import", now=NOW, ours=True)
    with pytest.raises(UnableToLoad, match="locations of NL-TNM  The Real Company"):
        some()
    with pytest.raises(UnableToLoad, match="NL-TNM"):
        some(party_id="TNM")
    assert Location.objects.count() == 1


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"country_code": "DE", "party_id": "RDK"}, "of the demo world"),
        ({"locations": 10, "evses": 9}, "at least as many EVSEs"),
        ({"locations": 0, "evses": 0}, "at least as many EVSEs"),
    ],
)
def test_what_cannot_be_is_refused(wanted: dict[str, Any], sentence: str) -> None:
    load(HOME, seed=7, now=NOW)
    with pytest.raises(UnableToLoad, match=sentence):
        some(**wanted)
    assert Location.objects.count() == 60


def test_the_command() -> None:
    said = StringIO()
    call_command("generate_locations", locations=3, evses=7, party="nl-gen", stdout=said)
    assert said.getvalue().startswith("3 locations and 7 EVSEs in ")
    with pytest.raises(CommandError, match="CC-PID"):
        call_command("generate_locations", party="NLGEN")
