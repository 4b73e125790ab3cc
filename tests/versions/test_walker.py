"""The walk: every node of a class is reached, nothing else is touched, and places are named as the peer names them."""

from typing import Any

import pytest

from ocpi import versions
from ocpi.versions import NEWEST, VERSIONS, Context, Untranslatable, changes, down, translate_path, up
from ocpi.versions.fields import Kind, classes_below, fields_of
from ocpi.wire.base import Wire
from ocpi.wire.bookings import Booking, BookingLocation
from ocpi.wire.cdrs import CDR
from ocpi.wire.commands import StartSession
from ocpi.wire.credentials import Credentials
from ocpi.wire.locations import EVSE, Connector, EnergyMix, GeoLocation, Image, Location
from ocpi.wire.sessions import Session
from ocpi.wire.tariffs import Tariff
from ocpi.wire.tokens import Token
from ocpi.wire.types import DisplayText, Price
from ocpi.wire.versions import VersionDetails
from tests.spec import facts
from tests.wire.classes import CLASSES, describe, sample

NETWORK = {**sample("Image"), "category": "NLTNM-SPECIAL"}
PLACED = {**sample("BusinessDetails"), "logo": NETWORK}

NESTED: dict[str, tuple[type[Wire], dict[str, Any], tuple[str | int, ...], Any]] = {
    "an Image in BusinessDetails in a role": (
        Credentials,
        {**sample("Credentials"), "roles": [{**sample("CredentialsRole"), "business_details": PLACED}]},
        ("roles", 0, "business_details", "logo", "category"),
        "OTHER",
    ),
    "an Image in the operator": (
        Location,
        {**sample("Location"), "operator": PLACED},
        ("operator", "logo", "category"),
        "OTHER",
    ),
    "an Image of an EVSE": (
        Location,
        {**sample("Location"), "evses": [sample("EVSE"), {**sample("EVSE"), "images": [sample("Image"), NETWORK]}]},
        ("evses", 1, "images", 1, "category"),
        "OTHER",
    ),
    "a Token in a command": (
        StartSession,
        {**sample("StartSession"), "token": {**sample("Token"), "type": "EMAID"}},
        ("token", "type"),
        "OTHER",
    ),
    "a Price in a CDR": (CDR, sample("CDR"), ("total_cost", "excl_vat"), 3),
    "a Tariff in a CDR": (
        CDR,
        {**sample("CDR"), "tariffs": [{**sample("Tariff"), "max_price": {"before_taxes": 3, "after_taxes": 4}}]},
        ("tariffs", 0, "max_price", "incl_vat"),
        4,
    ),
    "a dimension in a Session": (
        Session,
        {
            **sample("Session"),
            "charging_periods": [
                {**sample("ChargingPeriod"), "dimensions": [{"type": "RESERVATION_OVERTIME", "volume": 1}]}
            ],
        },
        ("charging_periods", 0, "dimensions", 0, "type"),
        "RESERVATION_TIME",
    ),
}


def at(tree: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        tree = tree[step]
    return tree


@pytest.mark.parametrize("row", NESTED.values(), ids=NESTED.keys())
def test_a_node_is_reached_wherever_it_sits(row: tuple[type[Wire], dict[str, Any], tuple[str | int, ...], Any]) -> None:
    cls, tree, path, expected = row
    assert at(down("2.2.1", cls, tree), path) == expected
    assert at(down("2.2.1", cls, [tree, tree]), (1, *path)) == expected


def test_what_does_not_change_is_not_copied() -> None:
    plain = sample("Location") | {
        "evses": [sample("EVSE") | {"connectors": [sample("Connector") | {"standard": "CHADEMO"}]}]
    }
    assert down("2.2.1", Location, plain) is plain
    assert up("2.2.1", Location, plain) is plain
    richer = {**plain, "help_phone": "+31 1"}
    older = down("2.2.1", Location, richer)
    assert older == plain
    assert older["evses"] is plain["evses"]
    for cls in (DisplayText, GeoLocation):
        tree = sample(cls.__name__)
        assert down("2.2.1", cls, tree) is tree


def test_a_list_leaves_out_what_cannot_be_said() -> None:
    chademo, megawatt = ({**sample("Connector"), "standard": standard} for standard in ("CHADEMO", "MCS"))
    assert down("2.2.1", Connector, [chademo, megawatt]) == [chademo]
    evses = [
        {**sample("EVSE"), "uid": uid, "connectors": each}
        for uid, each in (("A", [megawatt]), ("B", [megawatt, chademo]))
    ]
    told = down("2.2.1", Location, {**sample("Location"), "evses": evses})
    assert [evse["uid"] for evse in told["evses"]] == ["B"]
    assert told["evses"][0]["connectors"] == [chademo]
    with pytest.raises(Untranslatable):
        down("2.2.1", EVSE, evses[0])
    mix = {**sample("EnergyMix"), "environ_impact": [{"category": "NLTNM-SPECIAL", "amount": 1}]}
    assert down("2.2.1", EnergyMix, mix)["environ_impact"] == []


def test_an_unknown_version_is_an_error() -> None:
    with pytest.raises(KeyError):
        up("2.0", Location, sample("Location"))


PERIOD_1_1 = "booking_requests.0.booking_request.period.end_date_time"

PATHS: list[tuple[str, type[Wire], str, str]] = [
    ("2.3.0", Location, "evses.0.connectors.1.max_voltage", "evses.0.connectors.1.max_voltage"),
    ("2.2.1", Location, "evses.0.connectors.1.max_voltage", "evses.0.connectors.1.max_voltage"),
    ("2.1.1", Location, "evses.0.connectors.1.max_voltage", "evses.0.connectors.1.voltage"),
    ("2.1.1", Location, "evses.0.connectors.1.tariff_ids.0", "evses.0.connectors.1.tariff_id"),
    ("2.1.1", Location, "evses.0.connectors.1.tariff_ids", "evses.0.connectors.1.tariff_id"),
    ("2.1.1", Location, "parking_type", "type"),
    ("2.1.1", Location, "energy_mix.environ_impact.0.category", "energy_mix.environ_impact.0.source"),
    ("2.1.1", Location, "nltnm_note.x", "nltnm_note.x"),
    ("2.1.1", Connector, "max_amperage", "amperage"),
    ("2.2.1", CDR, "total_cost.before_taxes", "total_cost.excl_vat"),
    ("2.2.1", CDR, "total_cost.taxes.0.amount", "total_cost.incl_vat"),
    ("2.1.1", CDR, "total_cost.before_taxes", "total_cost"),
    ("2.1.1", CDR, "cdr_location.connector_standard", "location.evses.0.connectors.0.standard"),
    ("2.1.1", CDR, "cdr_location.coordinates.latitude", "location.coordinates.latitude"),
    ("2.1.1", CDR, "cdr_location", "location"),
    ("2.1.1", Session, "start_date_time", "start_datetime"),
    ("2.1.1", Session, "connector_id", "location.evses.0.connectors.0.id"),
    ("2.1.1", Session, "cdr_token.contract_id", "auth_id"),
    ("2.1.1", Credentials, "roles.0.business_details.logo.url", "business_details.logo.url"),
    ("2.1.1", Credentials, "roles.0.party_id", "party_id"),
    ("2.1.1", Token, "contract_id", "auth_id"),
    ("2.1.1", StartSession, "token.contract_id", "token.auth_id"),
    ("2.2.1", Tariff, "min_price.after_taxes", "min_price.incl_vat"),
    ("2.2.1", Credentials, "hub_party_id", "roles"),
    ("2.3.0-b1.1", Booking, "evse_uid", "booking_option.evse_uid"),
    ("2.3.0-b1.1", Booking, "bookable_parking_option.format", "booking_option.connector_format"),
    ("2.3.0-b1.1", Booking, "booking_requests.0.booking_request.period.end_before", PERIOD_1_1),
    ("2.3.0-b1.1", BookingLocation, "bookable_parking_options.0.vehicle_types", "booking_option.vehicle_types"),
    ("2.3.0-b1.1", BookingLocation, "booking_terms.0.RFID_auth_required", "booking_terms.rfid_auth_required"),
]


def path(text: str) -> tuple[str | int, ...]:
    return tuple(int(step) if step.isdigit() else step for step in text.split("."))


@pytest.mark.parametrize(("version", "cls", "newest", "theirs"), PATHS)
def test_a_place_is_named_as_the_peer_names_it(version: str, cls: type[Wire], newest: str, theirs: str) -> None:
    assert translate_path(version, cls, path(newest)) == path(theirs)


def test_the_modules_are_those_of_the_facts() -> None:
    newer, older = facts("deltas")["b_2.2.1_vs_primary"]["modules"], facts("deltas")["c_2.1.1_vs_2.2.1"]["modules"]
    modules = {number: set(version.modules) for number, version in VERSIONS.items()}
    assert modules == {
        "2.3.0": {*newer["same"], *newer["only_in_primary"]} - {"versions"},
        "2.2.1": set(newer["same"]) - {"versions"},
        "2.1.1": set(older["same"]) - {"versions"},
    }
    assert next(iter(VERSIONS)) == NEWEST
    values = {entry["name"]: set(entry["values"]) for entry in facts("enums")}["CommandType"]
    gone = facts("deltas")["c_2.1.1_vs_2.2.1"]["enums"]["CommandType"]["only_in_newer"]
    assert [VERSIONS[number].commands for number in VERSIONS] == [values, values, values - set(gone)]


def test_fields_are_read_from_the_annotations_as_the_facts_have_them() -> None:
    for name, cls in CLASSES.items():
        for field_name, field in fields_of(cls).items():
            kind, length, card = describe(cls, field_name)
            named = {Kind.OBJECT: field.wire, Kind.ENUM: field.values, Kind.OPEN_ENUM: field.values}.get(field.kind)
            described = named.__name__ if named is not None else field.kind.value
            cardinality = ("+" if field.filled else "*") if field.many else ("1" if field.required else "?")
            assert (described, cardinality) == (kind, card), f"{name}.{field_name}"
            if field.length is not None:
                assert field.length == length


def test_the_classes_below() -> None:
    assert classes_below(Price) == {Price, CLASSES["TaxAmount"]}
    assert Image in classes_below(Credentials)
    assert Token not in classes_below(Booking)


def test_changes_tell_staff_what_a_peer_will_not_see() -> None:
    lost = {(change.cls.__name__, name) for change in changes("2.2.1", Location) for name in change.loses}
    assert ("EVSE", "parking") in lost
    assert ("Price", "taxes") not in lost
    assert changes("2.3.0", Location) == ()
    for version in VERSIONS.values():
        for change in version.changes:
            assert change.name
            assert all(change.loses.values())
            assert all(change.assumes.values())
    assert versions.changes("2.1.1", GeoLocation)


@pytest.mark.parametrize(
    ("context", "folder", "roles"),
    [
        (Context(role="CPO"), "x", ["SENDER", "SENDER", "RECEIVER"]),
        (Context(role="EMSP"), "x", ["SENDER", "RECEIVER", "SENDER"]),
        (Context(), "cpo", ["SENDER", "SENDER", "RECEIVER"]),
        (Context(), "emsp", ["SENDER", "RECEIVER", "SENDER"]),
        (Context(), "x", ["SENDER", "RECEIVER", "SENDER"]),
    ],
)
def test_endpoints_without_interface_get_that_of_the_role(context: Context, folder: str, roles: list[str]) -> None:
    tree = {
        "version": "2.1.1",
        "endpoints": [
            {"identifier": name, "url": f"https://e.example/ocpi/{folder}/{name}"}
            for name in ("credentials", "locations", "tokens")
        ],
    }
    newest = up("2.1.1", VersionDetails, tree, context)
    assert [endpoint["role"] for endpoint in newest["endpoints"]] == roles
    both = [{**endpoint, "role": role} for endpoint in newest["endpoints"] for role in ("RECEIVER", "SENDER")]
    if context.role:
        assert down("2.1.1", VersionDetails, {**newest, "endpoints": both}, context) == tree
