"""The invented world: the same each time, valid, using the whole vocabulary, and faulty only where it means to be."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from backoffice.demo.world.building import everything, world
from backoffice.demo.world.companies import HOME, PARTNER, Company
from backoffice.demo.world.flaws import FLAWS, spoil
from backoffice.locations.rules import BOUNDS, gate
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from ocpi.wire.base import Wire

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def made(company: Company, seed: int = 7) -> list[wire.Location]:
    return [wire_json.validate(wire.Location, tree) for tree in world(company, seed=seed, at=AT)]


def test_the_same_seed_and_moment_give_the_same_bytes() -> None:
    assert wire_json.encode(everything(seed=7, at=AT)) == wire_json.encode(everything(seed=7, at=AT))


def test_another_seed_gives_another_world_of_the_same_shape() -> None:
    one, other = world(HOME, seed=7, at=AT), world(HOME, seed=8, at=AT)
    assert [tree["address"] for tree in one] != [tree["address"] for tree in other]
    assert [(tree["id"], tree["city"]) for tree in one] == [(tree["id"], tree["city"]) for tree in other]


@pytest.mark.parametrize(
    ("company", "locations", "evses", "countries", "zones"),
    [
        (
            *(HOME, 60, 200, {"DEU": 24, "GBR": 14, "PRT": 12, "FIN": 10}),
            {"Europe/Berlin", "Europe/London", "Europe/Lisbon", "Atlantic/Azores", "Europe/Helsinki"},
        ),
        (
            *(PARTNER, 40, 120, {"SWE": 14, "NLD": 12, "ESP": 9, "IRL": 5}),
            {"Europe/Stockholm", "Europe/Amsterdam", "Europe/Madrid", "Atlantic/Canary", "Europe/Dublin"},
        ),
    ],
    ids=["home", "partner"],
)
def test_size_countries_and_time_zones(
    company: Company, locations: int, evses: int, countries: dict[str, int], zones: set[str]
) -> None:
    found = made(company)
    assert len(found) == locations
    assert sum(len(location.evses) for location in found) == evses
    assert Counter(location.country for location in found) == countries
    assert {location.time_zone for location in found} == zones
    assert len({ZoneInfo(zone).utcoffset(AT.replace(tzinfo=None)) for zone in zones}) >= 2


@pytest.mark.parametrize("company", [HOME, PARTNER], ids=lambda company: company.side)
@pytest.mark.parametrize("seed", range(5))
def test_every_world_is_valid_and_every_id_is_there_once(company: Company, seed: int) -> None:
    found = made(company, seed)
    evses = [evse for location in found for evse in location.evses]
    for ids in (
        [location.id for location in found],
        [evse.uid for evse in evses],
        [evse.evse_id for evse in evses if evse.evse_id],
    ):
        assert len(set(ids)) == len(ids)
    assert {(location.country_code, location.party_id) for location in found} == {
        (company.country_code, company.party_id)
    }
    assert all(
        len(location.address) <= 45 and len(location.state or "") <= 20 for location in found
    )  # what we may send
    assert all(moment <= AT for evse in evses for moment in (evse.last_updated, evse.connectors[0].last_updated))


def test_the_gate_finds_the_flaws_and_nothing_else() -> None:
    found = [(place.city, place.name or "", finding.code) for place in made(HOME) for finding in gate(place)]
    meant = {(city, label, code) for (city, label), (code, _) in FLAWS.items()}
    assert {
        (city, name.removeprefix(f"{city}, ").rsplit(" ", 1)[0].split(" ")[0], code) for city, name, code in found
    } == {(city, label.split(" ")[0], code) for city, label, code in meant}
    assert len(found) == len(meant)
    assert [gate(place) for place in made(PARTNER) if gate(place)] == []


def test_the_gate_knows_every_country_of_the_world() -> None:
    """Else its silence about coordinates would mean nothing."""
    assert {place.country for side in (HOME, PARTNER) for place in made(side)} <= set(BOUNDS)


def test_a_flaw_that_fits_no_location_is_noticed() -> None:
    with pytest.raises(ValueError, match="Supermarket in Leipzig: 0 locations"):
        spoil([])


def _set_fields(value: Any) -> Iterator[tuple[type, str]]:
    if isinstance(value, BaseModel):
        for name in value.model_fields_set:
            yield type(value), name
            yield from _set_fields(getattr(value, name))
    elif isinstance(value, list):
        for item in value:
            yield from _set_fields(item)


def _classes(cls: type[Wire], seen: set[type[Wire]]) -> set[type[Wire]]:
    if cls not in seen:
        seen.add(cls)
        for field in cls.model_fields.values():
            pending: list[Any] = [field.annotation]
            while pending:
                kind = pending.pop()
                if isinstance(kind, type) and issubclass(kind, Wire):
                    _classes(kind, seen)
                pending.extend(get_args(kind))
    return seen


def test_every_field_of_every_class_is_used_somewhere() -> None:
    classes = _classes(wire.Location, set())
    assert len(classes) >= 17
    declared = {(cls, name) for cls in classes for name in cls.model_fields}
    used = {pair for side in (HOME, PARTNER) for place in made(side) for pair in _set_fields(place)}
    assert {f"{cls.__name__}.{name}" for cls, name in declared - used} == set()
    assert {
        name for cls, name in used if name not in cls.model_fields
    } == set()  # no misspelt field slips in as unknown


def test_texts_for_drivers_come_in_the_local_language_and_in_english() -> None:
    for place in made(HOME):
        languages = {text.language for text in place.directions}
        assert "en" in languages
        assert len(languages) == (1 if place.country == "GBR" else 2)
