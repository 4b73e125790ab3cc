"""The publish gate: what it finds, where, and whether that keeps a location from partners. HARBOUR-7 has nothing to find."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from backoffice.locations.rules import Severity, gate
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from tests import factories

STOP, WARN = Severity.STOP, Severity.WARN
LARGE = {
    "max_vehicle_weight": 40_000,
    "max_vehicle_height": 400,
    "max_vehicle_length": 1650,
    "max_vehicle_width": 255,
    "parking_space_length": 2000,
    "parking_space_width": 400,
    "dangerous_goods_allowed": False,
}


def flawless() -> dict[str, Any]:
    """HARBOUR-7 with a tariff on every connector."""
    tree = factories.location()
    for evse in tree["evses"]:
        for connector in evse["connectors"]:
            connector.setdefault("tariff_ids", ["DAY"])
    return tree


def changed(path: str, value: Any) -> dict[str, Any]:
    tree = deepcopy(flawless())
    node: Any = tree
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps:
        node = node[step]
    if value is None:
        del node[last]
    else:
        node[last] = value
    return tree


def found(tree: dict[str, Any]) -> list[tuple[str, str, Severity]]:
    return [(one.code, one.path, one.severity) for one in gate(wire_json.validate(wire.Location, tree))]


def test_a_location_without_flaw() -> None:
    assert found(flawless()) == []


CONNECTOR = "evses.0.connectors.0"
FLAWS: list[tuple[str, Any, str, str, Severity]] = [
    ("coordinates", {"latitude": "0.00000", "longitude": "0.00000"}, "COORDINATES_ZERO", "coordinates", STOP),
    ("coordinates", {"latitude": "11.95987", "longitude": "57.70421"}, "COORDINATES_SWAPPED", "coordinates", STOP),
    ("coordinates", {"latitude": "48.85000", "longitude": "2.35000"}, "COORDINATES_ELSEWHERE", "coordinates", WARN),
    ("evses", [], "NO_EVSE", "evses", STOP),
    ("evses.1.evse_id", None, "EVSE_ID_MISSING", "evses.1.evse_id", WARN),
    (f"{CONNECTOR}.power_type", "DC", "POWER_TYPE_MISMATCH", f"{CONNECTOR}.power_type", STOP),
    (f"{CONNECTOR}.max_electric_power", 11_000, "POWER_UNLIKELY", f"{CONNECTOR}.max_electric_power", WARN),
    ("opening_times", None, "HOURS_MISSING", "opening_times", WARN),
    ("help_phone", None, "HELP_PHONE_MISSING", "help_phone", WARN),
    ("time_zone", "Mars/Base", "TIME_ZONE_UNKNOWN", "time_zone", STOP),
    ("time_zone", "CET+1", "TIME_ZONE_UNKNOWN", "time_zone", STOP),
    (
        "parking_places.0.vehicle_types",
        ["PERSONAL_VEHICLE", "DISABLED"],
        "PARKING_IMAGE_MISSING",
        "parking_places.0.images",
        WARN,
    ),
]


@pytest.mark.parametrize(
    ("path", "value", "code", "where", "severity"), FLAWS, ids=[f"{flaw[2]}-{flaw[1]}" for flaw in FLAWS]
)
def test_each_flaw_is_found_where_it_is(path: str, value: Any, code: str, where: str, severity: Severity) -> None:
    tree = changed(path, value)
    if code == "POWER_TYPE_MISMATCH":
        tree["evses"][0]["connectors"][0]["standard"] = "IEC_62196_T1"
    assert (code, where, severity) in found(tree)


@pytest.mark.rule("T-218")
def test_time_zones_are_those_of_the_iana_database() -> None:
    for name in ("Europe/Oslo", "America/Argentina/Buenos_Aires", "Asia/Kolkata"):
        assert found(changed("time_zone", name)) == []
    for name in ("CET+1", "GMT+1", "Oslo", "europe/oslo", "+01:00"):
        assert found(changed("time_zone", name)) == [("TIME_ZONE_UNKNOWN", "time_zone", STOP)]


@pytest.mark.rule("T-246")
@pytest.mark.parametrize(
    ("percentages", "right"), [((60.5, 39.5), True), ((100,), True), ((60, 39), False), ((60, 41), False)]
)
def test_energy_sources_add_up(percentages: tuple[float, ...], right: bool) -> None:
    sources = [{"source": "WIND", "percentage": wire_json.parse(str(each).encode())} for each in percentages]
    expected = [] if right else [("ENERGY_MIX_SUM", "energy_mix.energy_sources", WARN)]
    assert found(changed("energy_mix.energy_sources", sources)) == expected
    assert found(changed("energy_mix.energy_sources", [])) == []


@pytest.mark.rule("T-243")
@pytest.mark.parametrize(
    ("begin", "end", "overlaps"),
    [
        ("2026-07-04T19:59:59Z", "2026-07-05T00:00:00Z", True),
        ("2026-07-04T00:00:00Z", "2026-07-04T04:00:01Z", True),
        ("2026-07-04T10:00:00Z", "2026-07-04T11:00:00Z", True),
        ("2026-07-04T20:00:00Z", "2026-07-05T00:00:00Z", False),
        ("2026-07-04T00:00:00Z", "2026-07-04T04:00:00Z", False),
    ],
)
def test_closings_do_not_overlap_openings(begin: str, end: str, overlaps: bool) -> None:
    tree = changed("opening_times.exceptional_closings", [{"period_begin": begin, "period_end": end}])
    expected = [("EXCEPTIONS_OVERLAP", "opening_times.exceptional_closings.0", WARN)] if overlaps else []
    assert found(tree) == expected


@pytest.mark.rule("T-234")
@pytest.mark.parametrize(
    "vehicles",
    [["TRUCK_WITH_TRAILER"], ["PERSONAL_VEHICLE", "VAN"], ["MOTORCYCLE"], ["PERSONAL_VEHICLE", "MOTORCYCLE"]],
)
def test_limits_are_needed_where_large_vehicles_park(vehicles: list[str]) -> None:
    large = not set(vehicles) <= {"MOTORCYCLE", "PERSONAL_VEHICLE"}
    tree = changed("parking_places.0.vehicle_types", vehicles)
    for name in LARGE:
        tree["parking_places"][0] = tree["parking_places"][0] | LARGE
        assert found(tree) == []
        del tree["parking_places"][0][name]
        expected = [("PARKING_LIMITS_MISSING", f"parking_places.0.{name}", WARN)] if large else []
        assert found(tree) == expected


@pytest.mark.rule("T-236")
def test_a_place_for_disabled_drivers_needs_an_image() -> None:
    tree = changed("parking_places.0.vehicle_types", ["DISABLED"])
    tree["parking_places"][0] |= LARGE
    assert [code for code, _, _ in found(tree)] == ["PARKING_IMAGE_MISSING"]
    tree["parking_places"][0]["images"] = tree["images"]
    assert found(tree) == []


@pytest.mark.rule("T-229")
def test_a_connector_names_a_tariff_also_where_charging_is_free() -> None:
    for value in (None, []):
        tree = changed(f"{CONNECTOR}.tariff_ids", value)
        assert found(tree) == [("TARIFF_MISSING", f"{CONNECTOR}.tariff_ids", WARN)]


@pytest.mark.rule("T-132")
@pytest.mark.parametrize(
    ("text", "plain"),
    [("Level 2, past <b>the</b> gate", False), ("Fish &amp; Chips", False), ("Height < 2 m & width > 1 m", True)],
)
def test_directions_are_plain_text(text: str, plain: bool) -> None:
    tree = changed("directions", [{"language": "en", "text": "Left"}, {"language": "sv", "text": text}])
    assert found(tree) == ([] if plain else [("MARKUP", "directions.1.text", WARN)])
