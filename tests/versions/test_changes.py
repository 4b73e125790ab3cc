"""Single differences between the versions, each with a value that shows it."""

from decimal import Decimal
from typing import Any

import pytest

from ocpi.versions import Context, Untranslatable, down, up
from ocpi.wire.base import Wire
from ocpi.wire.bookings import Booking, BookingLocation, BookingRequest, Calendar
from ocpi.wire.cdrs import CDR
from ocpi.wire.commands import CommandResponse, CommandResult, ReserveNow
from ocpi.wire.credentials import Credentials
from ocpi.wire.hub_client_info import ClientInfo
from ocpi.wire.locations import AdditionalGeoLocation, Connector, GeoLocation, Hours, Location
from ocpi.wire.sessions import Session
from ocpi.wire.tariffs import Tariff
from ocpi.wire.tokens import AuthorizationInfo, LocationReferences, Token
from ocpi.wire.types import Price
from tests.wire.classes import CLASSES, sample

CPO = Context(owner=("NL", "TNM"), role="CPO", partner=("DE", "ABC"))
STRICT = Context(first_edition=True)
GONE = object()
NOTHING = Untranslatable

HUB = {"role": "HUB", "country_code": "NL", "party_id": "HUB", "business_details": {"name": "H"}}
TNM = {"role": "CPO", "country_code": "NL", "party_id": "TNM", "business_details": {"name": "T"}}
DAY = {"weekday": 1, "period_begin": "08:00", "period_end": "20:00"}
FLAT = {"type": "FLAT", "price": 1, "step_size": 1}
ENERGY = {"type": "ENERGY", "price": Decimal("0.60"), "vat": 19, "step_size": 1}
TARIFF = {"elements": [{"price_components": [ENERGY, {**ENERGY, "vat": None}]}]}


SLOT = {"start_from": "2026-04-01T12:00:00Z", "end_before": "2026-04-01T13:00:00Z"}
SLOT_1_1 = {"start_date_time": "2026-04-01T12:00:00Z", "end_date_time": "2026-04-01T13:00:00Z"}
OPTION = {
    "evse_position": "LEFT",
    "vehicle_types": ["TRUCK_WITH_TRAILER"],
    "format": "SOCKET",
    "parking_space_length": 1000,
    "restricted_to_type": False,
}
OPTION_1_1 = {
    "evse_position": ["LEFT"],
    "vehicle_types": ["TRUCK_WITH_TRAILER"],
    "connector_format": ["SOCKET"],
    "min_parking_space_length": 1000,
}
TERMS = {
    "RFID_auth_required": True,
    "supported_access_methods": ["TOKEN"],
    "change_until_minutes": 60,
    "cancel_until_minutes": 60,
}


def priced(**restrictions: Any) -> dict[str, Any]:
    return {"price_components": [FLAT], "restrictions": restrictions}


Row = tuple[str, type[Wire], Context, dict[str, Any], str, Any]
"""Version, class, context, what is set on a minimal valid object, where to look in the result, what to find."""

DOWN: list[Row] = [
    ("2.2.1", Location, CPO, {"address": "x" * 60}, "address", "x" * 60),
    ("2.2.1", Location, STRICT, {"address": "x" * 44 + " y"}, "address", "x" * 44),
    ("2.2.1", Location, STRICT, {"state": "x" * 21}, "state", "x" * 20),
    ("2.1.1", Location, CPO, {"address": "x" * 60}, "address", "x" * 45),
    ("2.2.1", Connector, CPO, {"standard": "SAE_J3400"}, "standard", "TESLA_S"),
    ("2.2.1", Connector, CPO, {"standard": "MCS"}, "", NOTHING),
    (
        "2.2.1",
        CLASSES["CdrLocation"],
        CPO,
        {"connector_standard": "MCS", "connector_power_type": "DC"},
        "connector_standard",
        "IEC_62196_T2_COMBO",
    ),
    ("2.2.1", Credentials, CPO, {"hub_party_id": "NLHUB", "roles": [TNM, {**HUB, "role": "OTHER"}]}, "roles", [HUB]),
    (
        "2.2.1",
        Credentials,
        CPO,
        {"hub_party_id": "NLHUB", "roles": [TNM]},
        "roles",
        [{**HUB, "business_details": {"name": "NLHUB"}}],
    ),
    ("2.2.1", Credentials, CPO, {"hub_party_id": "NLTNM", "roles": [TNM]}, "roles", [TNM, {**TNM, "role": "HUB"}]),
    ("2.2.1", Credentials, CPO, {"hub_party_id": "NLHUB", "roles": [TNM]}, "hub_party_id", GONE),
    (
        "2.1.1",
        Credentials,
        CPO,
        {"roles": [{**TNM, "role": "EMSP", "business_details": {}}, TNM]},
        "business_details",
        {"name": "T"},
    ),
    ("2.2.1", Tariff, CPO, TARIFF | {"tax_included": "YES"}, "elements.0.price_components.0.price", Decimal("0.5042")),
    ("2.2.1", Tariff, CPO, TARIFF | {"tax_included": "YES"}, "elements.0.price_components.1.price", Decimal("0.60")),
    ("2.2.1", Tariff, CPO, TARIFF | {"tax_included": "NO"}, "elements.0.price_components.0.price", Decimal("0.60")),
    ("2.2.1", Tariff, CPO, TARIFF | {"tax_included": "N/A"}, "tax_included", GONE),
    (
        "2.2.1",
        Tariff,
        CPO,
        {"min_price": {"before_taxes": 1, "after_taxes": 2}},
        "min_price",
        {"excl_vat": 1, "incl_vat": 2},
    ),
    (
        "2.2.1",
        Tariff,
        CPO,
        {"elements": [priced(reservation="RESERVATION_OVERTIME"), priced()]},
        "elements",
        [priced()],
    ),
    ("2.2.1", Tariff, CPO, {"elements": [priced(reservation="RESERVATION_OVERTIME")]}, "", NOTHING),
    ("2.1.1", Tariff, CPO, {"elements": [priced(reservation="RESERVATION"), priced()]}, "elements", [priced()]),
    (
        "2.3.0-b1.1",
        Tariff,
        CPO,
        {"elements": [priced(reservation="RESERVATION"), priced(reservation="RESERVATION_OVERTIME")]},
        "elements",
        [priced(reservation="RESERVATION"), priced(booking="BOOKING"), priced(booking="BOOKING_OVERTIME")],
    ),
    (
        "2.3.0-b0",
        Tariff,
        CPO,
        {"elements": [priced(reservation="RESERVATION_OVERTIME"), priced(reservation="RESERVATION"), priced()]},
        "elements",
        [priced(reservation="RESERVATION"), priced()],
    ),
    ("2.3.0-b0", Tariff, CPO, {"elements": [priced(reservation="RESERVATION_CANCELLATION_FEES")]}, "", NOTHING),
    ("2.3.0-b1.1", BookingRequest, CPO, {"location_id": "L1"}, "booking_location_id", "L1"),
    ("2.3.0-b1.1", BookingRequest, CPO, {"evse_uid": "E1"}, "booking_option", {"evse_uid": "E1"}),
    ("2.3.0-b1.1", BookingRequest, CPO, {"evse_uid": "E1"}, "evse_uid", GONE),
    ("2.3.0-b1.1", BookingRequest, CPO, {"period": SLOT}, "period", SLOT_1_1),
    ("2.3.0-b1.1", Booking, CPO, {"bookable_parking_option": OPTION}, "booking_option", OPTION_1_1),
    ("2.3.0-b1.1", Booking, CPO, {"parking_id": "P1"}, "booking_option", {"parking_id": "P1"}),
    ("2.3.0-b1.1", BookingLocation, CPO, {"booking_terms": [TERMS, TERMS]}, "booking_terms.rfid_auth_required", True),
    (
        "2.3.0-b1.1",
        BookingLocation,
        CPO,
        {"bookable": {"reservation_required": True}},
        "policy.reservation_required",
        True,
    ),
    ("2.3.0-b1.1", Calendar, CPO, {"step_size": 15}, "timeslot_increment", 15),
    ("2.1.1", Tariff, CPO, {"elements": [priced(min_current=16), priced()]}, "", NOTHING),
    ("2.1.1", GeoLocation, CPO, {"latitude": "50.12345"}, "latitude", "50.123450"),
    ("2.1.1", GeoLocation, CPO, {"longitude": "-126.1234567"}, "longitude", "-126.123457"),
    ("2.1.1", AdditionalGeoLocation, CPO, {"latitude": "50.12345"}, "latitude", "50.123450"),
    ("2.1.1", AdditionalGeoLocation, CPO, {"longitude": "4.1234567"}, "longitude", "4.123457"),
    ("2.1.1", Location, CPO, {"parking_type": "ON_DRIVEWAY"}, "type", "OTHER"),
    ("2.1.1", Location, CPO, {}, "type", "UNKNOWN"),
    ("2.1.1", Location, CPO, {}, "postal_code", "#NA"),
    ("2.1.1", Connector, CPO, {"standard": "CHADEMO", "power_type": "AC_2_PHASE"}, "power_type", "AC_1_PHASE"),
    ("2.1.1", Connector, CPO, {"standard": "CHADEMO", "tariff_ids": ["A", "B"]}, "tariff_id", "A"),
    ("2.1.1", Connector, CPO, {"standard": "CHADEMO", "tariff_ids": []}, "tariff_id", GONE),
    ("2.1.1", CDR, CPO, {"credit": True, "credit_reference_id": "C"}, "", NOTHING),
    ("2.1.1", CDR, CPO, {"credit": False}, "credit", GONE),
    (
        "2.1.1",
        CDR,
        CPO,
        {"total_cost": {"before_taxes": 10, "taxes": [{"name": "VAT", "amount": 2}]}},
        "total_cost",
        10,
    ),
    ("2.1.1", CDR, CPO, {}, "location.evses.0.connectors.0.voltage", 0),
    ("2.1.1", Session, CPO, {}, "", NOTHING),
    ("2.1.1", ReserveNow, CPO, {"reservation_id": "42"}, "reservation_id", 42),
    ("2.1.1", ReserveNow, CPO, {"reservation_id": "R42"}, "", NOTHING),
    ("2.1.1", ReserveNow, CPO, {"reservation_id": "042"}, "", NOTHING),
    ("2.1.1", CommandResult, CPO, {"result": "EVSE_OCCUPIED"}, "result", "REJECTED"),
    ("2.1.1", Token, CPO, {"type": "APP_USER"}, "type", "OTHER"),
]

UP: list[Row] = [
    (
        "2.3.0-b1.1",
        Tariff,
        CPO,
        {
            "elements": [
                priced(reservation="RESERVATION"),
                priced(booking="BOOKING"),
                priced(booking="BOOKING_OVERTIME"),
            ]
        },
        "elements",
        [priced(reservation="RESERVATION"), priced(reservation="RESERVATION_OVERTIME")],
    ),
    (
        "2.3.0-b1.1",
        BookingLocation,
        CPO,
        {"evse_uid": GONE, "booking_option": OPTION_1_1 | {"evse_uid": "E1"}},
        "bookable_parking_options",
        [OPTION],
    ),
    ("2.3.0-b1.1", BookingLocation, CPO, {"evse_uid": GONE, "booking_option": {"evse_uid": "E1"}}, "evse_uid", "E1"),
    ("2.3.0-b1.1", BookingRequest, CPO, {"booking_option": {"drive_through": True}}, "bookable_parking_option", GONE),
    ("2.3.0-b1.1", CLASSES["BookableParkingOptions"], CPO, {"format": GONE}, "format", "CABLE"),
    ("2.2.1", Credentials, CPO, {"roles": [HUB]}, "hub_party_id", "NLHUB"),
    ("2.2.1", Credentials, CPO, {"roles": [HUB]}, "roles.0.role", "OTHER"),
    ("2.2.1", ClientInfo, CPO, {"role": "HUB"}, "role", "OTHER"),
    ("2.2.1", Tariff, CPO, {"tax_included": GONE}, "tax_included", "NO"),
    ("2.1.1", Hours, CPO, {"regular_hours": [DAY], "twentyfourseven": GONE}, "twentyfourseven", False),
    ("2.1.1", Hours, CPO, {"regular_hours": [], "twentyfourseven": GONE}, "twentyfourseven", GONE),
    ("2.1.1", Location, CPO, {"time_zone": None, "country": "NLD"}, "time_zone", "Europe/Amsterdam"),
    ("2.1.1", Location, CPO, {"time_zone": GONE, "country": "USA"}, "time_zone", GONE),
    ("2.1.1", Location, Context(time_zone="Europe/Madrid"), {"time_zone": GONE}, "time_zone", "Europe/Madrid"),
    ("2.1.1", Location, CPO, {"country_code": GONE, "party_id": GONE}, "party_id", "TNM"),
    ("2.1.1", Location, CPO, {"publish": GONE}, "publish", True),
    ("2.1.1", Location, CPO, {"type": "OTHER"}, "parking_type", GONE),
    ("2.1.1", Location, CPO, {"type": "OTHER"}, "type", "OTHER"),
    ("2.1.1", Location, CPO, {"type": "UNKNOWN"}, "type", GONE),
    ("2.1.1", Connector, CPO, {"tariff_id": None}, "tariff_ids", GONE),
    ("2.1.1", LocationReferences, CPO, {"connector_ids": ["1"]}, "connector_ids", ["1"]),
    ("2.1.1", CLASSES["CdrDimension"], CPO, {"type": "FLAT", "volume": 1}, "type", "TIME"),
    ("2.1.1", CLASSES["CdrDimension"], CPO, {"type": "FLAT", "volume": 1}, "volume", 0),
    ("2.1.1", CommandResponse, CPO, {"timeout": GONE, "result": "TIMEOUT"}, "result", "REJECTED"),
    ("2.1.1", CommandResponse, CPO, {"timeout": GONE}, "timeout", 60),
    ("2.1.1", CommandResult, CPO, {"result": "UNKNOWN_SESSION"}, "result", "FAILED"),
    ("2.1.1", CDR, CPO, {"auth_id": "C1", "cdr_token": GONE}, "cdr_token.uid", "C1"),
    ("2.1.1", CDR, CPO, {"auth_id": "C1", "cdr_token": GONE}, "cdr_token.country_code", "DE"),
    ("2.1.1", CDR, CPO, {"total_cost": Decimal("2.50")}, "total_cost.before_taxes", Decimal("2.50")),
]


def made(cls: type[Wire], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (sample(cls.__name__) | changes).items() if value is not GONE}


def found(tree: Any, path: str) -> Any:
    for step in path.split("."):
        tree = tree[int(step)] if type(tree) is list else tree.get(step, GONE)
    return tree


def names(rows: list[Row]) -> list[str]:
    return [f"{row[0]} {row[1].__name__} {row[4]} {number}" for number, row in enumerate(rows)]


@pytest.mark.parametrize("row", DOWN, ids=names(DOWN))
def test_down(row: Row) -> None:
    version, cls, context, changes, path, expected = row
    tree = made(cls, changes)
    if expected is NOTHING:
        with pytest.raises(Untranslatable):
            down(version, cls, tree, context)
    else:
        assert found(down(version, cls, tree, context), path) == expected


@pytest.mark.parametrize("row", UP, ids=names(UP))
def test_up(row: Row) -> None:
    version, cls, context, changes, path, expected = row
    assert found(up(version, cls, made(cls, changes), context), path) == expected


TAXED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"excl_vat": 10}, {"before_taxes": 10}),
    ({"excl_vat": 10, "incl_vat": None}, {"before_taxes": 10}),
    ({"excl_vat": 10, "incl_vat": 10}, {"before_taxes": 10, "taxes": [{"name": "VAT", "amount": 0}]}),
    (
        {"excl_vat": Decimal(9999999999999999999), "incl_vat": Decimal("9999999999999999999.000000000000000001")},
        {
            "before_taxes": Decimal(9999999999999999999),
            "taxes": [{"name": "VAT", "amount": Decimal("0.000000000000000001")}],
        },
    ),
    ({"excl_vat": "10", "incl_vat": 12}, {"before_taxes": "10", "incl_vat": 12}),
]


@pytest.mark.parametrize(("older", "newest"), TAXED)
def test_vat_is_one_tax_exactly(older: dict[str, Any], newest: dict[str, Any]) -> None:
    assert up("2.2.1", Price, older) == newest
    back = down("2.2.1", Price, newest)
    assert back == {name: value for name, value in older.items() if value is not None}


def test_several_taxes_add_up() -> None:
    taxes = [{"name": "GST", "amount": Decimal("0.1")}, {"name": "QST", "amount": Decimal("0.2")}]
    assert down("2.2.1", Price, {"before_taxes": 1, "taxes": taxes}) == {"excl_vat": 1, "incl_vat": Decimal("1.3")}
    assert down("2.2.1", Price, {"before_taxes": 1, "taxes": [{"name": "GST"}]}) == {"excl_vat": 1}


def test_an_authorization_names_the_token_that_was_asked_for() -> None:
    answer = {"allowed": "ALLOWED"}
    context = Context(known={"token": sample("Token")})
    newest = up("2.1.1", AuthorizationInfo, answer, context)
    assert newest == {**answer, "token": sample("Token")}
    assert down("2.1.1", AuthorizationInfo, newest, context) == answer


def test_a_session_embeds_only_what_was_used() -> None:
    connectors = [{**sample("Connector"), "standard": "CHADEMO", "id": each} for each in ("1", "2")]
    evses = [{**sample("EVSE"), "uid": uid, "connectors": connectors} for uid in ("A", "B")]
    location = {**sample("Location"), "id": "LOC1", "evses": evses}
    asked = []

    def find(module: str, key: tuple[str, ...]) -> dict[str, Any]:
        asked.append((module, key))
        return location

    session = made(
        Session, {"location_id": "LOC1", "evse_uid": "b", "connector_id": "2", "country_code": "NL", "party_id": "TNM"}
    )
    older = down("2.1.1", Session, session, Context(find=find))
    assert asked == [("locations", ("NL", "TNM", "LOC1"))]
    assert [evse["uid"] for evse in older["location"]["evses"]] == ["B"]
    assert [connector["id"] for connector in older["location"]["evses"][0]["connectors"]] == ["2"]
    assert "voltage" in older["location"]["evses"][0]["connectors"][0]
    assert "location_id" not in older


def test_the_token_of_a_session_is_found_by_its_contract() -> None:
    token = {**sample("Token"), "uid": "RFID1", "type": "RFID", "country_code": "DE", "party_id": "ABC"}
    context = Context(partner=("DE", "ABC"), find=lambda module, key: token if key == ("DE", "ABC", "C1") else None)
    newest = up("2.1.1", CDR, made(CDR, {"auth_id": "C1", "cdr_token": GONE}), context)
    assert newest["cdr_token"] == {
        "country_code": "DE",
        "party_id": "ABC",
        "uid": "RFID1",
        "type": "RFID",
        "contract_id": "C1",
    }
