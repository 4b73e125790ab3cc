"""PUT and PATCH of what a partner owns, at all three levels of a Location (transport_and_format#client_owned_object_push,
mod_locations#receiver_interface).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from backoffice.delivery.models import Exchange
from backoffice.locations.models import Evse, Location, StatusEvent
from backoffice.roaming_site import site
from ocpi import versions
from ocpi.wire import locations as wire
from tests import factories
from tests.doors.asking import Asking, snapshot
from tests.factories import Partner

LOCATION = "2.3.0/receiver/locations/SE/ELV/HARBOUR-7"
EVSE = f"{LOCATION}/E-100"
CONNECTOR = f"{EVSE}/1"
LEVELS = [LOCATION, EVSE, CONNECTOR]
BEFORE, AT, LATER, LATEST = (f"2026-03-0{day}T08:00:00Z" for day in range(1, 5))
BEFORE = "2026-02-28T08:00:00Z"
AT = "2026-03-01T08:00:00Z"


def body_for(path: str, **changes: Any) -> dict[str, Any]:
    """The whole object at this path, as stored by the fixture `stored`."""
    make = {LOCATION: factories.location, EVSE: factories.evse, CONNECTOR: factories.connector}[path]
    tree: dict[str, Any] = make(**changes)
    return tree


CHANGE: dict[str, dict[str, Any]] = {
    LOCATION: {"name": "Frihamnen garage, plan 2"},
    EVSE: {"physical_reference": "B2"},
    CONNECTOR: {"max_amperage": 16},
}


@pytest.mark.parametrize("path", LEVELS)
def test_what_was_put_is_served_back(path: str, stored: Asking) -> None:
    assert stored.get(path).data == body_for(path)


@pytest.mark.rule("T-103", "T-102")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("2.3.0/receiver/locations/SE/ELV/NEW1", factories.small_location("NEW1")),
        (f"{LOCATION}/E-300", factories.evse(uid="E-300", evse_id="SE*ELV*E300")),
        (f"{EVSE}/3", factories.connector(id="3")),
    ],
)
def test_new_answers_201_and_known_answers_200(path: str, body: dict[str, Any], stored: Asking) -> None:
    assert stored.put(path, body).says == (201, 1000)
    assert stored.put(path, body).says == (200, 1000)
    assert stored.get(path).data == body


@pytest.mark.rule("T-042")
@pytest.mark.parametrize("path", LEVELS)
def test_put_replaces_and_forgets_optional_fields_left_out(path: str, stored: Asking) -> None:
    optional = {
        LOCATION: ("name", "charging_when_closed", "help_phone", "energy_mix"),
        EVSE: ("floor_level", "coordinates", "capabilities"),
        CONNECTOR: ("max_electric_power", "tariff_ids", "terms_and_conditions"),
    }[path]
    body = {name: value for name, value in body_for(path, last_updated=LATER).items() if name not in optional}
    assert stored.put(path, body).says == (200, 1000)
    assert stored.get(path).data == body
    assert wire.Location.model_validate(stored.get(LOCATION).data)


@pytest.mark.rule("T-044", "T-208")
@pytest.mark.parametrize("path", LEVELS)
@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
def test_patch_changes_what_it_names_and_keeps_the_rest(path: str, version: str, stored: Asking) -> None:
    """Also through an older version, which cannot even say what the newest one holds."""
    answered = stored.patch(path.replace("2.3.0", version), CHANGE[path] | {"last_updated": LATER})
    assert answered.says == (200, 1000)
    assert stored.get(path).data == body_for(path) | CHANGE[path] | {"last_updated": LATER}


@pytest.mark.rule("T-203", "T-204", "T-207")
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_change_of_a_child_moves_its_parents(method: str, stored: Asking) -> None:
    for path, at, moved in (
        (CONNECTOR, LATER, {CONNECTOR: LATER, EVSE: LATER, LOCATION: LATER}),
        (EVSE, LATEST, {CONNECTOR: AT if method == "PUT" else LATER, EVSE: LATEST, LOCATION: LATEST}),
    ):
        body = body_for(path, last_updated=at) if method == "PUT" else CHANGE[path] | {"last_updated": at}
        assert stored.ask(method, path, body).says == (200, 1000)
        for level, expected in moved.items():
            assert stored.get(level).data["last_updated"] == expected
    other = stored.get(f"{LOCATION}/E-200").data
    assert other["last_updated"] == AT


def test_a_location_is_never_older_than_its_newest_evse(asking: Asking) -> None:
    """Whatever the partner wrote: who asks by date must find it (T-197)."""
    body = factories.location()
    body["evses"][1]["last_updated"] = LATER
    asking.put(LOCATION, body)
    assert asking.get(LOCATION).data["last_updated"] == LATER


@pytest.mark.rule("T-109", "T-206")
@pytest.mark.parametrize("path", LEVELS)
@pytest.mark.parametrize(
    "told", [{}, {"last_updated": None}, {"last_updated": 5}, {"last_updated": "now"}, {"last_updated": []}], ids=str
)
def test_a_patch_must_say_when(path: str, told: dict[str, Any], stored: Asking) -> None:
    before = snapshot()
    answered = stored.patch(path, CHANGE[path] | told)
    assert answered.says == (200, 2001)
    assert "last_updated" in answered.message
    assert snapshot() == before


@pytest.mark.rule("T-101")
@pytest.mark.parametrize(
    "below", ["NOWHERE", "NOWHERE/E-100", "NOWHERE/E-100/1", "HARBOUR-7/E-9", "HARBOUR-7/E-9/1", "HARBOUR-7/E-100/9"]
)
def test_a_patch_of_what_is_not_there_is_404(below: str, stored: Asking) -> None:
    before = snapshot()
    answered = stored.patch(f"2.3.0/receiver/locations/SE/ELV/{below}", {"last_updated": LATER})
    assert answered.status == 404
    assert stored.get(f"2.3.0/receiver/locations/SE/ELV/{below}").status == 404
    assert snapshot() == before


@pytest.mark.parametrize(("below", "make"), [("E-100", factories.evse), ("E-100/1", factories.connector)])
def test_a_child_whose_parent_is_not_there_is_404(below: str, make: Any, asking: Asking) -> None:
    before = snapshot()
    assert asking.put(f"{LOCATION}/{below}", make()).status == 404
    assert snapshot() == before


@pytest.mark.parametrize("path", LEVELS)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_what_is_older_than_ours_is_answered_1000_and_changes_nothing(path: str, method: str, stored: Asking) -> None:
    before = snapshot("seen_at")
    old = {"last_updated": BEFORE}
    body = body_for(path, **CHANGE[path], **old) if method == "PUT" else CHANGE[path] | old
    if path != CONNECTOR:
        for evse in [body, *body.get("evses", [])]:
            evse["last_updated"] = BEFORE
            for connector in evse.get("connectors", []):
                connector["last_updated"] = BEFORE
    assert stored.ask(method, path, body).says == (200, 1000)
    assert snapshot("seen_at") == before
    assert Exchange.objects.latest("id").notes["stale"] is True


@pytest.mark.parametrize("path", LEVELS)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_clock_far_ahead_freezes_nothing(path: str, method: str, stored: Asking) -> None:
    """A slip of seventy years, once; a quarter of an hour later the partner's honest changes count again."""
    slip = {"last_updated": "2099-01-01T00:00:00Z"}
    assert stored.ask(method, path, body_for(path, **slip) if method == "PUT" else slip).says == (200, 1000)
    with time_machine.travel(site.now() + timedelta(minutes=15), tick=False):
        honest = {"last_updated": f"{site.now():%Y-%m-%dT%H:%M:%SZ}"}
        body = body_for(path, **CHANGE[path], **honest) if method == "PUT" else CHANGE[path] | honest
        assert stored.ask(method, path, body).says == (200, 1000)
        assert stored.get(path).data == body_for(path) | CHANGE[path] | honest
        assert stored.get(LOCATION).data["last_updated"] == honest["last_updated"]


@pytest.mark.parametrize("path", LEVELS)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_other_content_at_the_same_time_is_taken(path: str, method: str, stored: Asking) -> None:
    """A partner may correct itself within one second; keeping the older text would keep the mistake for ever."""
    body = body_for(path, **CHANGE[path]) if method == "PUT" else CHANGE[path] | {"last_updated": AT}
    assert stored.ask(method, path, body).says == (200, 1000)
    assert stored.get(path).data == body_for(path) | CHANGE[path]


def test_the_same_again_changes_nothing_but_when_it_was_seen(stored: Asking) -> None:
    before = stored.get(LOCATION).body, Location.objects.get().generation, list(Evse.objects.values())
    assert stored.put(LOCATION, factories.location()).says == (200, 1000)
    after = stored.get(LOCATION).body, Location.objects.get().generation, list(Evse.objects.values())
    assert before[0].split(b'"status_code"')[0] == after[0].split(b'"status_code"')[0]
    assert before[1:] == after[1:]


@pytest.mark.parametrize("path", LEVELS)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.rule("T-050")
def test_path_and_body_must_agree(path: str, method: str, stored: Asking) -> None:
    identity = "uid" if path == EVSE else "id"
    wrong: list[dict[str, Any]] = [{identity: "OTHER"}, {identity: 7}]
    if path == LOCATION:
        wrong += [{"country_code": "NO"}, {"party_id": "FJO"}, {"country_code": "NO", "party_id": "FJO"}]
    before = snapshot()
    for told in wrong:
        body = body_for(path, last_updated=LATER) | told if method == "PUT" else {"last_updated": LATER} | told
        assert stored.ask(method, path, body).says == (200, 2001), told
    assert snapshot() == before


@pytest.mark.rule("T-049")
@pytest.mark.parametrize("party", ["NO/FJO", "DE/RDK", "XX/XXX", "SE/ELVA", "SWE/ELV", "S/E", "%20/%20", "ELV/SE"])
def test_the_url_of_another_party_is_404(party: str, stored: Asking, stranger: Partner) -> None:
    before = snapshot()
    country_code, party_id = party.split("/")
    for method in ("GET", "PUT", "PATCH"):
        for below, body in (
            ("HARBOUR-7", factories.location(country_code=country_code, party_id=party_id)),
            ("HARBOUR-7/E-100", factories.evse()),
            ("HARBOUR-7/E-100/1", factories.connector()),
        ):
            path = f"2.3.0/receiver/locations/{party}/{below}"
            assert stored.ask(method, path, None if method == "GET" else body).status == 404
    assert snapshot() == before


@pytest.mark.rule("T-048")
def test_the_same_id_of_two_parties_is_two_objects(us: Any) -> None:
    partner = factories.partner("SE-ELV:CPO", "SE-KRF:CPO", "FI-ELV:CPO")
    asking = Asking(partner.token)
    for owner in ("SE-ELV", "SE-KRF", "FI-ELV"):
        path = f"2.3.0/receiver/locations/{owner.replace('-', '/')}/A"
        assert asking.put(path, factories.small_location("A", owner, name=f"of {owner}")).says == (201, 1000)
    for owner in ("SE-ELV", "SE-KRF", "FI-ELV"):
        path = f"2.3.0/receiver/locations/{owner.replace('-', '/')}/A"
        asking.patch(f"{path}/E1", {"status": "BLOCKED", "last_updated": LATER})
        tree = asking.get(path).data
        assert (tree["name"], f"{tree['country_code']}-{tree['party_id']}") == (f"of {owner}", owner)
    assert Location.objects.count() == Evse.objects.count() == 3


@pytest.mark.rule("T-121")
@pytest.mark.parametrize("path", LEVELS)
def test_identifiers_are_compared_without_regard_to_case(path: str, stored: Asking) -> None:
    prefix, _, below = path.partition("SE/ELV/")
    lower = f"{prefix}se/elv/{below.lower()}"
    assert stored.get(lower).data == body_for(path)
    identity = "uid" if path == EVSE else "id"
    changed = body_for(path, last_updated=LATER)
    changed[identity] = changed[identity].lower()
    assert stored.put(lower, changed).says == (200, 1000)
    assert stored.patch(path, CHANGE[path] | {"last_updated": LATEST}).says == (200, 1000)
    assert stored.get(path).data == changed | CHANGE[path] | {"last_updated": LATEST}
    assert (Location.objects.count(), Evse.objects.count()) == (1, 2)
    assert len(stored.get(EVSE).data["connectors"]) == 2


@pytest.mark.rule("T-059")
@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
def test_fields_that_ocpi_does_not_know_are_kept_and_passed_on(version: str, asking: Asking) -> None:
    extra = {"roof_colour": "red", "nested": {"deep": [1, 2.50, None, {"x": "y"}]}, "": "", "ключ": "значение"}
    body = factories.small_location("A") | extra
    body["coordinates"] = body["coordinates"] | extra
    body["evses"][0] |= extra
    body["evses"][0]["connectors"][0] |= extra
    path = f"{version}/receiver/locations/SE/ELV/A"
    assert asking.put(path, body).says == (201, 1000)
    assert asking.get(path).data == body
    assert asking.patch(path, {"paint": "new", "last_updated": LATER}).says == (200, 1000)
    assert asking.get(path).data == body | {"paint": "new", "last_updated": LATER}
    assert asking.get("2.3.0/receiver/locations/SE/ELV/A/E1").data == body["evses"][0]


@pytest.mark.rule("T-086")
@pytest.mark.parametrize("path", LEVELS)
def test_na_is_taken_where_a_text_is_required(path: str, stored: Asking) -> None:
    """transport_and_format#no_data_available: the partner cannot know it."""
    told = {
        LOCATION: {"address": "#NA", "city": "#NA", "postal_code": "#NA", "name": "#NA"},
        EVSE: {"evse_id": "#NA", "physical_reference": "#NA"},
        CONNECTOR: {"tariff_ids": ["#NA"]},
    }[path]
    assert stored.put(path, body_for(path, last_updated=LATER, **told)).says == (200, 1000)
    assert stored.get(path).data == body_for(path, last_updated=LATER, **told)


@pytest.mark.rule("T-188")
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_an_evse_that_is_removed_stays_as_removed(method: str, stored: Asking) -> None:
    told = {"status": "REMOVED", "last_updated": LATER}
    body = factories.evse(**told) if method == "PUT" else told
    assert stored.ask(method, EVSE, body).says == (200, 1000)
    assert [evse["status"] for evse in stored.get(LOCATION).data["evses"]] == ["REMOVED", "CHARGING"]
    event = StatusEvent.objects.filter(evse__uid="E-100").latest("id")
    assert (event.previous, event.status, event.source) == ("AVAILABLE", "REMOVED", "partner")


@pytest.mark.rule("T-223")
def test_the_evse_id_of_a_removed_evse_may_go_elsewhere(stored: Asking) -> None:
    removed = factories.evse(status="REMOVED", last_updated=LATER)
    freed = removed.pop("evse_id")
    assert stored.put(EVSE, removed).says == (200, 1000)
    assert "evse_id" not in stored.get(EVSE).data
    assert stored.put(f"{LOCATION}/E-300", factories.evse(uid="E-300", evse_id=freed)).says == (201, 1000)


@pytest.mark.rule("T-186")
def test_an_evse_id_may_name_another_operator_than_the_party(stored: Asking) -> None:
    assert stored.put(f"{LOCATION}/E-300", factories.evse(uid="E-300", evse_id="DE*XYZ*E1")).says == (201, 1000)
    assert stored.get(f"{LOCATION}/E-300").data["evse_id"] == "DE*XYZ*E1"


def test_an_evse_that_a_put_of_the_location_leaves_out_is_no_longer_in_it(stored: Asking) -> None:
    body = factories.location(last_updated=LATER)
    gone = body["evses"].pop(0)
    assert stored.put(LOCATION, body).says == (200, 1000)
    assert stored.get(LOCATION).data == body
    assert stored.get(EVSE).status == 404
    before = snapshot()
    assert stored.patch(EVSE, {"status": "BLOCKED", "last_updated": LATEST}).status == 404
    assert stored.patch(CONNECTOR, {"max_amperage": 6, "last_updated": LATEST}).status == 404
    assert snapshot() == before
    assert stored.put(EVSE, gone | {"last_updated": LATEST}).says == (201, 1000)
    assert {evse["uid"] for evse in stored.get(LOCATION).data["evses"]} == {"E-200", "E-100"}


def test_a_patch_of_a_list_replaces_the_list(stored: Asking) -> None:
    """transport_and_format#patch: a field in the body is its new value."""
    evses = [factories.evse(last_updated=LATER)]
    assert stored.patch(LOCATION, {"evses": evses, "facilities": ["HOTEL"], "last_updated": LATER}).says == (200, 1000)
    expected = factories.location(evses=evses, facilities=["HOTEL"], last_updated=LATER)
    assert stored.get(LOCATION).data == expected


@pytest.mark.rule("T-134", "T-208")
@pytest.mark.parametrize(
    ("path", "field"),
    [(LOCATION, "name"), (LOCATION, "opening_times"), (EVSE, "floor_level"), (CONNECTOR, "tariff_ids")],
)
def test_null_in_a_patch_resets_an_optional_field(path: str, field: str, stored: Asking) -> None:
    assert stored.patch(path, {field: None, "last_updated": LATER}).says == (200, 1000)
    assert stored.get(path).data.get(field) is None


@pytest.mark.rule("T-100", "T-205")
@pytest.mark.parametrize(
    ("path", "field"),
    [(LOCATION, "address"), (LOCATION, "coordinates"), (EVSE, "status"), (EVSE, "connectors"), (CONNECTOR, "standard")],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_an_object_without_a_required_field_is_2001_and_not_stored(
    path: str, field: str, method: str, stored: Asking
) -> None:
    before = snapshot()
    body = (
        body_for(path, last_updated=LATER) | {field: None} if method == "PUT" else {field: None, "last_updated": LATER}
    )
    answered = stored.ask(method, path, body)
    assert answered.says == (200, 2001)
    assert field in answered.message
    if method == "PUT":
        del body[field]
        assert stored.put(path, body).says == (200, 2001)
    assert snapshot() == before


@pytest.mark.rule("T-224")
@pytest.mark.parametrize("connectors", [[], None])
def test_an_evse_has_a_connector(connectors: Any, stored: Asking) -> None:
    before = snapshot()
    told = {"connectors": connectors, "last_updated": LATER}
    assert stored.put(EVSE, factories.evse(**told)).says == (200, 2001)
    assert stored.patch(EVSE, told).says == (200, 2001)
    assert stored.put(LOCATION, factories.location(evses=[factories.evse(**told)], last_updated=LATER)).says == (
        200,
        2001,
    )
    assert snapshot() == before


@pytest.mark.rule("T-248")
def test_a_planned_status_may_have_no_end(stored: Asking) -> None:
    plan = [{"period_begin": "2026-06-01T00:00:00Z", "status": "OUTOFORDER"}]
    assert stored.patch(EVSE, {"status_schedule": plan, "last_updated": LATER}).says == (200, 1000)
    assert stored.get(EVSE).data["status_schedule"] == plan


def test_a_violation_is_named_in_the_words_of_the_version_that_was_used(asking: Asking) -> None:
    body = factories.small_location("A")
    body["evses"][0]["connectors"][0]["max_voltage"] = "230"
    for version in ("2.3.0", "2.2.1"):
        answered = asking.put(f"{version}/receiver/locations/SE/ELV/A", body)
        assert answered.says == (200, 2001)
        assert "evses.0.connectors.0.max_voltage" in answered.message
    notes = Exchange.objects.latest("id").notes["violations"]
    assert len(notes) == 1
    assert notes[0].startswith("evses.0.connectors.0.max_voltage:")


def test_every_part_of_a_patch_is_checked_against_the_whole(stored: Asking) -> None:
    """A change that is fine by itself may contradict what is stored: a public Location has no publish_allowed_to."""
    before = snapshot()
    told = {"publish_allowed_to": [{"group_id": "G"}], "last_updated": LATER}
    assert stored.patch(LOCATION, told).says == (200, 2001)
    assert snapshot() == before
    assert stored.patch(LOCATION, told | {"publish": False}).says == (200, 1000)


def test_through_2_2_1_nothing_newer_is_lost(stored: Asking) -> None:
    """Parking places, connector capabilities, help phone...: a partner that went back to 2.2.1 does not erase them."""
    whole = stored.get(LOCATION).data
    old = "2.2.1".join(LOCATION.split("2.3.0"))
    seen = stored.get(old).data
    assert seen == versions.down("2.2.1", wire.Location, whole) != whole
    steps = [
        (f"{old}/E-100", {"status": "CHARGING", "last_updated": LATER}),
        (f"{old}/E-100/1", {"max_amperage": 20, "last_updated": LATEST}),
        (old, {"name": "New", "last_updated": LATEST}),
        (old, {"opening_times": {"twentyfourseven": True}, "last_updated": LATEST}),
    ]
    for path, body in steps:
        assert stored.patch(path, body).says == (200, 1000)
    expected = factories.location(name="New", opening_times={"twentyfourseven": True}, last_updated=LATEST)
    expected["evses"][0] |= {"status": "CHARGING", "last_updated": LATEST}
    expected["evses"][0]["connectors"][0] |= {"max_amperage": 20, "last_updated": LATEST}
    assert stored.get(LOCATION).data == expected


@pytest.mark.rule("T-139")
def test_both_versions_show_one_object(asking: Asking) -> None:
    """Not asked for by the specification, but promised here: a change of version loses no object."""
    asking.put("2.2.1/receiver/locations/SE/ELV/A", factories.small_location("A"))
    assert asking.get("2.3.0/receiver/locations/SE/ELV/A").data == factories.small_location("A")


def test_numbers_keep_their_digits(stored: Asking) -> None:
    assert b'"amount":3.20' in stored.get(LOCATION).body
    assert b'"percentage":60.5' in stored.get(LOCATION).body
    assert b'"amount":3.20' in stored.get("2.2.1".join(LOCATION.split("2.3.0"))).body
