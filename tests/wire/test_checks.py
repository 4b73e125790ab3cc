"""Rules between the fields of one object. Each constraint of the facts is enforced or left to the rules of a module."""

from decimal import Decimal
from typing import Any

import pytest

from ocpi.wire.json import Invalid, validate
from tests.wire.classes import CLASSES, OBJECTS, sample

LEFT = {
    # The owner is obliged to touch the parent; an old time makes the object no less usable for a receiver.
    ("Location", "last_updated >= max(evses[].last_updated)"),
    ("EVSE", "last_updated >= max(connectors[].last_updated)"),
    # "should", and rounded percentages often miss it by a little.
    ("EnergyMix", "sum(energy_sources[].percentage) = 100"),
}
"""Constraints that the classes do not enforce."""

SESSION_ONLY = ["CURRENT", "ENERGY_EXPORT", "ENERGY_IMPORT", "POWER", "STATE_OF_CHARGE"]
ROLE = {"role": "CPO", "party_id": "ROA", "country_code": "DE", "business_details": {"name": "Roadside"}}
PLACE = sample("Parking") | {"id": "P1"}


def evse(uid: str = "E1", **more: Any) -> dict[str, Any]:
    return sample("EVSE") | {"uid": uid} | more


def dimension(kind: str) -> list[Any]:
    return [sample("ChargingPeriod") | {"dimensions": [{"type": kind, "volume": 1}]}]


def element(restrictions: dict[str, Any] | None, *kinds: str) -> list[Any]:
    components = [{"type": kind, "price": 1, "step_size": 1} for kind in kinds]
    return [{"price_components": components, "restrictions": restrictions}]


def case(class_name: str, constraint: str, rules: tuple[str, ...], good: Any, bad: Any, path: tuple[Any, ...]) -> Any:
    marks = [pytest.mark.rule(*rules)] if rules else []
    return pytest.param(class_name, constraint, good, bad, path, marks=marks, id=f"{class_name}: {constraint}")


CASES = [
    case(
        "Credentials",
        "(role, party_id, country_code) unique over roles",
        ("T-182", "T-183"),
        {"roles": [ROLE, ROLE | {"role": "EMSP"}, ROLE | {"party_id": "ROB"}]},
        {"roles": [ROLE, ROLE | {"party_id": "roa"}]},
        ("roles", 1),
    ),
    case(
        "Location",
        "publish=true => publish_allowed_to absent/empty",
        ("T-211",),
        {"publish": False, "publish_allowed_to": [{"group_id": "G"}]},
        {"publish": True, "publish_allowed_to": [{"group_id": "G"}]},
        ("publish_allowed_to",),
    ),
    case(
        "Location",
        "evses[].parking[].parking_id in parking_places[].id",
        ("T-233",),
        {"parking_places": [PLACE], "evses": [evse(parking=[{"parking_id": "p1"}])]},
        {"parking_places": [PLACE], "evses": [evse(), evse("E2", parking=[{"parking_id": "P2"}])]},
        ("evses", 1, "parking", 0, "parking_id"),
    ),
    case(
        "Hours",
        "twentyfourseven=false => at least one regular_hours (per text)",
        ("T-241",),
        {"twentyfourseven": False, "regular_hours": [sample("RegularHours")]},
        {"twentyfourseven": False},
        ("regular_hours",),
    ),
    case(
        "Hours",
        "twentyfourseven=true => no regular_hours",
        ("T-241",),
        {"twentyfourseven": True, "regular_hours": []},
        {"twentyfourseven": True, "regular_hours": [sample("RegularHours")]},
        ("regular_hours",),
    ),
    case(
        "PublishTokenType",
        "at least one of uid, visual_number, group_id",
        ("T-214",),
        {"group_id": "G"},
        {"group_id": None, "issuer": "I", "type": "RFID"},
        (),
    ),
    case("PublishTokenType", "uid => type", ("T-215",), {"uid": "U", "type": "RFID"}, {"uid": "U"}, ("type",)),
    case(
        "PublishTokenType",
        "visual_number => issuer",
        ("T-216",),
        {"visual_number": "V", "issuer": "I"},
        {"visual_number": "V"},
        ("issuer",),
    ),
    case(
        "RegularHours",
        "period_end > period_begin",
        ("T-245",),
        {"period_begin": "08:00", "period_end": "08:01"},
        {"period_begin": "08:00", "period_end": "08:00"},
        ("period_end",),
    ),
    case(
        "CDR",
        "credit=true <=> credit_reference_id present",
        ("T-320",),
        {"credit": True, "credit_reference_id": "C1"},
        {"credit": True},
        ("credit_reference_id",),
    ),
    case(
        "CDR",
        "credit=true <=> credit_reference_id present",
        (),
        {"credit": False, "credit_reference_id": None},
        {"credit_reference_id": "C1"},
        ("credit_reference_id",),
    ),
    case(
        "CDR",
        "credit absent or false => len(id) <= 36",
        ("T-293",),
        {"credit": True, "credit_reference_id": "C1", "id": "x" * 39},
        {"credit": False, "id": "x" * 37},
        ("id",),
    ),
    *[
        case(
            "CDR",
            "charging_periods[].dimensions[].type not in {" + ", ".join(SESSION_ONLY) + "}",
            ("T-325",),
            {"charging_periods": dimension("ENERGY")},
            {"charging_periods": dimension(kind)},
            ("charging_periods", 0, "dimensions", 0, "type"),
        )
        for kind in SESSION_ONLY
    ],
    case(
        "Tariff",
        "elements with restrictions.reservation use only FLAT/TIME components",
        ("T-362",),
        {"elements": element({"reservation": "RESERVATION"}, "FLAT", "TIME") + element({"min_kwh": 1}, "ENERGY")},
        {"elements": element({"reservation": "RESERVATION"}, "TIME", "ENERGY")},
        ("elements", 0, "price_components", 1, "type"),
    ),
    case(
        "StartSession",
        "connector_id => evse_uid",
        ("T-420",),
        {"evse_uid": "E", "connector_id": "1"},
        {"connector_id": "1"},
        ("evse_uid",),
    ),
    case(
        "ActiveChargingProfileResult",
        "result=ACCEPTED => profile present",
        ("T-453",),
        {"result": "ACCEPTED", "profile": sample("ActiveChargingProfile")},
        {"result": "ACCEPTED"},
        ("profile",),
    ),
    case(
        "BookingLocation",
        "bookable_parking_options non-empty or evse_uid present",
        ("T-494",),
        {"evse_uid": None, "bookable_parking_options": [sample("BookableParkingOptions")]},
        {"evse_uid": None},
        (),
    ),
    # Stated in the text of a field and not as a constraint of the facts.
    case(
        "EVSE",
        "connector ids unique",
        ("T-226",),
        {"connectors": [sample("Connector"), sample("Connector") | {"id": "2"}]},
        {"connectors": [sample("Connector"), sample("Connector") | {"id": "AB"}]},
        ("connectors", 1),
    ),
    case(
        "Location",
        "EVSE uids unique",
        (),
        {"evses": [evse("E1"), evse("E2")]},
        {"evses": [evse("E1"), evse("E2"), evse("e1")]},
        ("evses", 2),
    ),
    case(
        "Location",
        "parking ids unique",
        ("T-232",),
        {"parking_places": [PLACE, PLACE | {"id": "P2"}]},
        {"parking_places": [PLACE, PLACE]},
        ("parking_places", 1),
    ),
    case("EnergySource", "a percentage", (), {"percentage": 100}, {"percentage": 101}, ("percentage",)),
    case("EnergySource", "no negative percentage", (), {"percentage": 0}, {"percentage": -1}, ("percentage",)),
    case(
        "ChargingProfilePeriod",
        "one decimal",
        ("T-457",),
        {"limit": Decimal("8.10")},
        {"limit": Decimal("8.15")},
        ("limit",),
    ),
    case(
        "ChargingProfile",
        "one decimal",
        ("T-457",),
        {"min_charging_rate": Decimal("6.5")},
        {"min_charging_rate": Decimal("6.55")},
        ("min_charging_rate",),
    ),
    case("RegularHours", "weekday 1 to 7", ("T-245",), {"weekday": 7}, {"weekday": 8}, ("weekday",)),
    case("RegularHours", "weekday from 1", ("T-245",), {"weekday": 1}, {"weekday": 0}, ("weekday",)),
    case("RegularHours", "24 h format", ("T-245",), {"period_end": "23:59"}, {"period_end": "24:00"}, ("period_end",)),
    case("GeoLocation", "5 decimals", ("T-240",), {"latitude": "-1.00000"}, {"latitude": "1.0000"}, ("latitude",)),
    case("GeoLocation", "a point", ("T-240",), {"longitude": "1.0000000"}, {"longitude": "1,00000"}, ("longitude",)),
    case("GeoLocation", "7 decimals", ("T-240",), {"latitude": "1.1234567"}, {"latitude": "1.12345678"}, ("latitude",)),
    case("Credentials", "no space in a token", ("T-179",), {"token": "!~"}, {"token": "a b"}, ("token",)),
    case("Credentials", "ASCII token", ("T-179",), {"token": "x" * 64}, {"token": "é"}, ("token",)),
    case("TariffRestrictions", "HH:MM", (), {"start_time": "00:00"}, {"start_time": "8:00"}, ("start_time",)),
    case(
        "TariffRestrictions",
        "no seconds",
        (),
        {"end_time": "19:59"},
        {"end_time": "19:59:59"},
        ("end_time",),
    ),
    case(
        "TariffRestrictions",
        "YYYY-MM-DD",
        (),
        {"start_date": "2026-04-01"},
        {"start_date": "01.04.2026"},
        ("start_date",),
    ),
]


@pytest.mark.parametrize(("class_name", "constraint", "good", "bad", "path"), CASES)
def test_a_rule_between_fields(class_name: str, constraint: str, good: Any, bad: Any, path: tuple[Any, ...]) -> None:
    validate(CLASSES[class_name], sample(class_name) | good)
    with pytest.raises(Invalid) as error:
        validate(CLASSES[class_name], sample(class_name) | bad)
    assert [violation.path for violation in error.value.violations] == [path]


def test_every_constraint_of_the_facts_is_enforced_or_left_with_a_reason() -> None:
    stated = {(name, constraint) for name, cls in OBJECTS.items() for constraint in cls.get("constraints", [])}
    # ChargingPeriod says of itself what the CDR enforces: the period does not know what it is part of.
    stated.remove(("ChargingPeriod", "Session only: " + ", ".join(SESSION_ONLY)))
    enforced = {(str(param.values[0]), str(param.values[1])) for param in CASES}
    assert stated <= enforced | LEFT
    assert not enforced & LEFT
    assert stated >= LEFT


@pytest.mark.parametrize("kind", SESSION_ONLY)
def test_a_session_may_have_the_dimensions_that_a_cdr_may_not(kind: str) -> None:
    validate(CLASSES["Session"], sample("Session") | {"charging_periods": dimension(kind)})


@pytest.mark.parametrize(("class_name", "field"), [("Location", "last_updated"), ("EVSE", "last_updated")])
def test_a_parent_older_than_its_child_is_taken(class_name: str, field: str) -> None:
    validate(CLASSES[class_name], sample(class_name) | {field: "2000-01-01T00:00:00Z"})
