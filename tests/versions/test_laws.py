"""The laws of the versions: what goes up comes down the same, what goes down loses only what is declared."""

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocpi import versions
from ocpi.versions import Context, Untranslatable
from ocpi.wire.base import Wire
from ocpi.wire.json import validate
from ocpi.wire.locations import Location
from ocpi.wire.sessions import Session
from tests.versions.differences import assumed, differences, may_vanish, tidy, unexcused
from tests.versions.shapes import BOOKINGS_1_1, NO_BOOKINGS, faults, shape
from tests.versions.strategies import mangled, older_values, values
from tests.wire.classes import CLASSES, sample

OLDER = ("2.2.1", "2.1.1", BOOKINGS_1_1, NO_BOOKINGS)
TOP = {
    "2.3.0": [name for name in shape("2.3.0").classes if name in CLASSES and name != "ResponseFormat"],
    "2.2.1": """
        Location EVSE Connector Credentials VersionDetails Session CDR Tariff Token AuthorizationInfo LocationReferences
        ClientInfo StartSession StopSession ReserveNow CancelReservation UnlockConnector CommandResponse CommandResult
        SetChargingProfile ActiveChargingProfileResult ChargingPreferences
    """.split(),  # noqa: SIM905  a list of words
    "2.1.1": """
        Location EVSE Connector Credentials VersionDetails Session CDR Tariff Token AuthorizationInfo LocationReferences
        StartSession StopSession ReserveNow UnlockConnector CommandResponse CommandResult
    """.split(),  # noqa: SIM905  a list of words
    BOOKINGS_1_1: ["Booking", "BookingLocation", "BookingRequest", "Calendar", "Tariff", "CDR"],
    NO_BOOKINGS: ["Tariff", "CDR"],
}
"""What travels by itself in each version, of an edition where it makes a difference."""

ROWS = [(version, name) for version in OLDER for name in TOP[version]]
OWNER = ("NL", "TNM")

few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def context(version: str, tree: Any = None) -> Context:
    """A CPO's connection. An embedded Location of `tree` (as that version says it) is one that we hold."""
    location = tree.get("location") if type(tree) is dict else None
    held = versions.up(version, Location, location, Context(owner=OWNER)) if type(location) is dict else None
    token = {"country_code": "DE", "party_id": "ABC", "uid": "T1", "type": "RFID", "contract_id": "C1"} | {
        "issuer": "ABC",
        "valid": True,
        "whitelist": "NEVER",
        "last_updated": "2026-04-01T12:00:00Z",
    }
    return Context(
        owner=OWNER,
        role="CPO",
        partner=("DE", "ABC"),
        find=lambda module, key: held if module == "locations" else None,
        known={"token": token},
    )


def of_owner(tree: Any) -> Any:
    """The same object with the owner of the connection, whom 2.1.1 does not name. Roles keep their parties."""
    if type(tree) is list:
        return [of_owner(entry) for entry in tree]
    if type(tree) is not dict:
        return tree
    codes = {"country_code": OWNER[0], "party_id": OWNER[1]} if tree.keys() >= {"country_code", "party_id"} else {}
    return {name: value if name == "roles" else of_owner(value) for name, value in tree.items()} | codes


def where_it_was(session: dict[str, Any], location: dict[str, Any]) -> dict[str, Any]:
    """The Location with the EVSE and the Connector of a Session, which 2.1.1 embeds."""
    connector = {**sample("Connector"), "standard": "CHADEMO", "id": session["connector_id"]}
    used = {**sample("EVSE"), "uid": session["evse_uid"], "connectors": [connector]}
    return {**location, "id": session["location_id"], "evses": [used]}


@pytest.mark.parametrize("name", TOP["2.3.0"])
@few
@given(data=st.data())
def test_generated_values_are_valid(name: str, data: st.DataObject) -> None:
    tree = data.draw(values(CLASSES[name]))
    validate(CLASSES[name], tree)
    assert faults("2.3.0", name, tree) == []


@pytest.mark.parametrize(("version", "name"), ROWS)
@few
@given(data=st.data())
def test_an_older_value_is_valid_above_and_comes_back_as_it_was(version: str, name: str, data: st.DataObject) -> None:
    older = data.draw(older_values(version, name))
    assert faults(version, name, older) == []
    before = copy.deepcopy(older)
    cls, ctx = CLASSES[name], context(version, older)

    newest = versions.up(version, cls, older, ctx)
    validate(cls, newest)
    back = versions.down(version, cls, newest, ctx)

    assert older == before
    assert set(differences(shape(version), name, tidy(older), tidy(back), assumed(version, cls))) == set()


@pytest.mark.parametrize(("version", "name"), ROWS)
@few
@given(data=st.data())
def test_a_newest_value_is_valid_below_and_loses_only_what_is_declared(
    version: str, name: str, data: st.DataObject
) -> None:
    cls, form = CLASSES[name], shape("2.3.0")
    newest = of_owner(data.draw(values(cls)))
    before = copy.deepcopy(newest)
    place = where_it_was(newest, of_owner(data.draw(values(Location)))) if cls is Session else None
    ctx = replace(context(version), find=lambda module, key: place)
    try:
        older = versions.down(version, cls, newest, ctx)
    except Untranslatable:
        assert may_vanish(form, version, name)
        return
    assert newest == before
    assert faults(version, name, tidy(older)) == []
    back = versions.up(version, cls, older, ctx)
    assert unexcused(version, name, tidy(newest), tidy(back)) == set()


@pytest.mark.parametrize(("version", "name"), ROWS)
@few
@given(data=st.data())
def test_bad_content_never_breaks_the_way_up(version: str, name: str, data: st.DataObject) -> None:
    tree = data.draw(mangled(older_values(version, name)))
    before = copy.deepcopy(tree)
    versions.up(version, CLASSES[name], tree, context(version, tree))
    assert tree == before


@pytest.mark.parametrize(("version", "name"), ROWS)
@few
@given(data=st.data())
def test_a_stored_object_with_bad_content_is_told_or_withheld(version: str, name: str, data: st.DataObject) -> None:
    tree = data.draw(mangled(values(CLASSES[name])))
    try:
        versions.down(version, CLASSES[name], tree, context(version))
    except Untranslatable:
        pass


@pytest.mark.parametrize("name", TOP["2.3.0"])
@few
@given(data=st.data())
def test_the_newest_version_costs_nothing(name: str, data: st.DataObject) -> None:
    cls: type[Wire] = CLASSES[name]
    tree = data.draw(values(cls))
    assert versions.down("2.3.0", cls, tree) is tree
    assert versions.up("2.3.0", cls, tree) is tree
