"""PATCH through every version: what the body names is changed, what the peer cannot see stays."""

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi import versions
from ocpi.versions import Context, Untranslatable, patch_through
from ocpi.wire.base import Wire
from ocpi.wire.cdrs import CDR
from ocpi.wire.json import validate
from ocpi.wire.locations import EVSE, Connector, Location
from ocpi.wire.sessions import Session
from ocpi.wire.tokens import Token
from tests.versions.differences import tidy
from tests.versions.strategies import values
from tests.versions.test_laws import OWNER, few, of_owner
from tests.wire.classes import sample

CONTEXT = Context(owner=OWNER, role="CPO", partner=("DE", "ABC"))
IDENTITY = {"id", "uid", "country_code", "party_id", "type"}
NEWEST_ONLY = {"parking_places", "help_phone", "parking", "accepted_service_providers"}
PATCHED = (Location, EVSE, Connector, Token)

CONNECTOR = {**sample("Connector"), "id": "1", "standard": "CHADEMO", "tariff_ids": ["T1", "T2"]}
MEGAWATT = {**CONNECTOR, "id": "2", "standard": "MCS"}
EVSE_TREE = {
    **sample("EVSE"),
    "uid": "E1",
    "capabilities": ["RFID_READER", "NLTNM-SPECIAL", "RESERVABLE"],
    "connectors": [{**CONNECTOR, "capabilities": ["ISO_15118_2_PLUG_AND_CHARGE"]}, MEGAWATT],
    "parking": [{"parking_id": "P1"}],
}
LOCATION = {
    **sample("Location"),
    "country_code": "NL",
    "party_id": "TNM",
    "parking_type": "ALONG_MOTORWAY",
    "help_phone": "+31 1",
    "evses": [EVSE_TREE],
    "parking_places": [{**sample("Parking"), "id": "P1"}],
}
SESSION = {
    **sample("Session"),
    "charging_periods": [{**sample("ChargingPeriod"), "start_date_time": "2026-04-01T10:00:00Z"}],
}
TAXED = {"before_taxes": 10, "taxes": [{"name": "GST", "amount": 1}, {"name": "QST", "amount": 1}]}


def evse(**changes: Any) -> dict[str, Any]:
    return {**EVSE_TREE, **changes}


ROWS: dict[str, tuple[str, type[Wire], dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "a field, newest": ("2.3.0", EVSE, EVSE_TREE, {"status": "CHARGING"}, evse(status="CHARGING")),
    "a nested object is replaced whole": (
        "2.3.0",
        Location,
        {**LOCATION, "operator": {"name": "A", "website": "https://a.example"}},
        {"operator": {"name": "B"}},
        {**LOCATION, "operator": {"name": "B"}},
    ),
    "a list is replaced whole": (
        "2.3.0",
        EVSE,
        EVSE_TREE,
        {"capabilities": ["RESERVABLE"]},
        evse(capabilities=["RESERVABLE"]),
    ),
    "null resets": ("2.3.0", Location, LOCATION, {"help_phone": None}, {**LOCATION, "help_phone": None}),
    "nothing": ("2.2.1", EVSE, EVSE_TREE, {}, EVSE_TREE),
    "a status": ("2.2.1", EVSE, EVSE_TREE, {"status": "CHARGING"}, evse(status="CHARGING")),
    "a list keeps the values that 2.2.1 cannot list": (
        "2.2.1",
        EVSE,
        EVSE_TREE,
        {"capabilities": ["RFID_READER", "UNLOCK_CAPABLE"]},
        evse(capabilities=["RFID_READER", "NLTNM-SPECIAL", "UNLOCK_CAPABLE"]),
    ),
    "a new order, and those behind": (
        "2.2.1",
        EVSE,
        EVSE_TREE,
        {"capabilities": ["RESERVABLE", "RFID_READER"]},
        evse(capabilities=["RESERVABLE", "RFID_READER", "NLTNM-SPECIAL"]),
    ),
    "null is an empty list": ("2.2.1", EVSE, EVSE_TREE, {"capabilities": None}, evse(capabilities=None)),
    "a connector keeps what 2.2.1 does not say, and its hidden neighbour": (
        "2.2.1",
        EVSE,
        EVSE_TREE,
        {"connectors": [{**CONNECTOR, "max_amperage": 64}]},
        evse(connectors=[{**EVSE_TREE["connectors"][0], "max_amperage": 64}, MEGAWATT]),
    ),
    "a connector more, one gone": (
        "2.2.1",
        EVSE,
        EVSE_TREE,
        {"connectors": [{**CONNECTOR, "id": "3"}]},
        evse(connectors=[{**CONNECTOR, "id": "3"}, MEGAWATT]),
    ),
    "the tariff of 2.1.1 is the first": (
        "2.1.1",
        Connector,
        CONNECTOR,
        {"tariff_id": "T9"},
        {**CONNECTOR, "tariff_ids": ["T9", "T2"]},
    ),
    "the same tariff changes nothing": ("2.1.1", Connector, CONNECTOR, {"tariff_id": "T1"}, CONNECTOR),
    "voltage": ("2.1.1", Connector, CONNECTOR, {"voltage": 400}, {**CONNECTOR, "max_voltage": 400}),
    "a type that stays OTHER": ("2.1.1", Location, LOCATION, {"type": "OTHER", "name": "N"}, {**LOCATION, "name": "N"}),
    "a type that 2.1.1 can say": (
        "2.1.1",
        Location,
        LOCATION,
        {"type": "ON_STREET"},
        {**LOCATION, "parking_type": "ON_STREET"},
    ),
    "a name does not fill in what 2.1.1 leaves out": (
        "2.1.1",
        Location,
        LOCATION,
        {"name": "N"},
        {**LOCATION, "name": "N"},
    ),
    "taxes by name survive a change elsewhere": (
        "2.2.1",
        CDR,
        {**sample("CDR"), "total_cost": TAXED},
        {"remark": "x"},
        {**sample("CDR"), "total_cost": TAXED, "remark": "x"},
    ),
    "a new sum has one tax": (
        "2.2.1",
        CDR,
        {**sample("CDR"), "total_cost": TAXED},
        {"total_cost": {"excl_vat": 10, "incl_vat": Decimal("12.5")}},
        {**sample("CDR"), "total_cost": {"before_taxes": 10, "taxes": [{"name": "VAT", "amount": Decimal("2.5")}]}},
    ),
    "an unknown field is kept": ("2.2.1", EVSE, EVSE_TREE, {"nltnm_note": "x"}, evse(nltnm_note="x")),
}


@pytest.mark.rule("T-044", "T-208")
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_patch(row: tuple[str, type[Wire], dict[str, Any], dict[str, Any], dict[str, Any]]) -> None:
    version, cls, stored, body, expected = row
    before = copy.deepcopy((stored, body))
    result = patch_through(version, cls, stored, body, CONTEXT)
    assert result == expected
    assert (stored, body) == before
    validate(cls, {**result, "parking": []} if cls is EVSE else result)


def test_charging_periods_are_appended_once() -> None:
    before = SESSION["charging_periods"]
    later = {**sample("ChargingPeriod"), "start_date_time": "2026-04-01T11:00:00Z"}
    for version in ("2.3.0", "2.2.1"):
        for body, expected in (
            ({"charging_periods": [later]}, [*before, later]),
            ({"charging_periods": [*before, later]}, [*before, later]),
            ({"charging_periods": []}, before),
            ({"charging_periods": None}, before),
            ({"kwh": 5}, before),
        ):
            patched = patch_through(version, Session, SESSION, body, appends=("charging_periods",))
            assert patched["charging_periods"] == expected


def test_a_peer_cannot_patch_what_its_version_cannot_say() -> None:
    with pytest.raises(Untranslatable):
        patch_through("2.2.1", Connector, MEGAWATT, {"max_voltage": 900})


@pytest.mark.parametrize("cls", PATCHED)
@pytest.mark.parametrize("version", ["2.2.1", "2.1.1"])
@few
@given(data=st.data())
def test_a_patch_that_repeats_what_the_peer_sees_changes_nothing(
    version: str, cls: type[Wire], data: st.DataObject
) -> None:
    stored = of_owner(data.draw(values(cls)))
    try:
        seen = versions.down(version, cls, stored, CONTEXT)
    except Untranslatable:
        return
    names = data.draw(st.sets(st.sampled_from(sorted(seen))))
    assert patch_through(version, cls, stored, {name: seen[name] for name in names}, CONTEXT) == stored


@pytest.mark.rule("T-044")
@pytest.mark.parametrize("cls", PATCHED)
@pytest.mark.parametrize("version", ["2.2.1", "2.1.1"])
@few
@given(data=st.data())
def test_a_patch_shows_what_it_names_and_keeps_the_rest(version: str, cls: type[Wire], data: st.DataObject) -> None:
    stored, other = (of_owner(data.draw(values(cls))) for _ in range(2))
    try:
        seen, source = (versions.down(version, cls, tree, CONTEXT) for tree in (stored, other))
    except Untranslatable:
        return
    names = data.draw(st.sets(st.sampled_from(sorted(source.keys() - IDENTITY))))
    body = {name: source[name] for name in names}

    patched = patch_through(version, cls, stored, body, CONTEXT)

    shown = versions.down(version, cls, patched, CONTEXT)
    assert tidy(shown) == tidy({**seen, **body})
    invisible = {name: value for name, value in stored.items() if name in NEWEST_ONLY}
    assert {name: patched.get(name) for name in invisible} == invisible
