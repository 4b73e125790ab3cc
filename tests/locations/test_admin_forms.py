"""The forms for our own locations, EVSEs and connectors: what is posted is stored, staged and noted; nothing else moves."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from backoffice.console.document_forms import nodes
from backoffice.delivery.models import Message
from backoffice.locations.actions import changing
from backoffice.locations.models import Evse, Location, StatusEvent, Withholding
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from ocpi.wire import json as wire_json
from tests import factories
from tests.locations.cast import PAGES

pytestmark = pytest.mark.django_db


def shown(client: Client, url: str) -> dict[str, Any]:
    """What a browser would post from this page unchanged."""
    answer = client.get(url)
    assert answer.status_code == 200, answer.status_code
    return posted_by(answer.context["form"])


def posted_by(form: Any) -> dict[str, Any]:
    data: dict[str, Any] = dict(form.hidden)
    for node in nodes.walk(form.nodes()):
        if node.template in ("object", "enum", "lines") and node.present:
            data["@" + node.path] = "1"
        if node.template in ("scalar", "long", "lines"):
            data[node.path] = node.text
        elif node.template == "choice":
            data[node.path] = next((value for value, _, chosen in node.choices if chosen), "")
        elif node.template == "enum":
            data[node.path] = [value for value, _, chosen in node.choices if chosen]
    return data


def without_times(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name: without_times(value) for name, value in tree.items() if name != "last_updated"}
    return [without_times(entry) for entry in tree] if isinstance(tree, list) else tree


def first_evse(location: Location) -> Evse:
    found = location.evses.order_by("position").first()
    assert found is not None
    return found


def test_saving_unchanged_forms_changes_no_byte_of_content(harbour: Location, operations: Client) -> None:
    before = harbour.tree()
    evse = first_evse(harbour)
    for page in ("edit/", f"evse/{evse.pk}/", f"evse/{evse.pk}/connector/1/"):
        url = f"{PAGES}{harbour.pk}/{page}"
        assert operations.post(url, shown(operations, url)).status_code == 302
    after = harbour.tree()
    assert wire_json.encode(after) == wire_json.encode(before)  # last_updated included: partners hear of nothing
    assert not LogEntry.objects.exists()


def test_editing_a_location_writes_that_leaf_and_tells_partners(
    harbour: Location, ours: Party, operations: Client
) -> None:
    told = factories.partner(ours=[ours], receives=["locations"])
    before = harbour.tree()
    url = f"{PAGES}{harbour.pk}/edit/"
    answer = operations.post(
        url, shown(operations, url) | {"name": "Harbour, new side", "coordinates.latitude": "55.604981"}
    )
    assert answer.status_code == 302
    after = harbour.tree()
    assert after["last_updated"] > before["last_updated"]
    wanted = before | {"name": "Harbour, new side", "coordinates": before["coordinates"] | {"latitude": "55.604981"}}
    assert without_times(after) == without_times(wanted)
    harbour.refresh_from_db()
    assert (harbour.name, harbour.latitude) == ("Harbour, new side", 55.604981)
    assert [(m.connection_id, m.object_path, m.state) for m in Message.objects.all()] == [
        (told.connection.pk, harbour.object_id, "DUE")
    ]
    assert LogEntry.objects.get().get_change_message() == (
        f"Changed name: {before['name']} -> Harbour, new side; "
        f"coordinates.latitude: {before['coordinates']['latitude']} -> 55.604981"
    )


def test_a_status_that_came_meanwhile_survives_the_form(harbour: Location, operations: Client) -> None:
    evse = first_evse(harbour)
    url = f"{PAGES}{harbour.pk}/evse/{evse.pk}/"
    data = shown(operations, url)
    changing.set_status(harbour, evse.uid, "OUTOFORDER", source="charge point", now=site.now())
    assert operations.post(url, data | {"floor_level": "-3"}).status_code == 302
    stored = next(e for e in harbour.tree()["evses"] if e["uid"] == evse.uid)
    assert (stored["status"], stored["floor_level"]) == ("OUTOFORDER", "-3")


def test_two_people_edit_different_fields(harbour: Location, operations: Client) -> None:
    url = f"{PAGES}{harbour.pk}/edit/"
    one, other = shown(operations, url), shown(operations, url)
    operations.post(url, one | {"name": "First"})
    operations.post(url, other | {"help_phone": "+46 40 123"})
    tree = harbour.tree()
    assert (tree["name"], tree["help_phone"]) == ("First", "+46 40 123")


def test_editing_a_connector_moves_the_times_above_it(harbour: Location, operations: Client) -> None:
    before = harbour.tree()
    evse = first_evse(harbour)
    url = f"{PAGES}{harbour.pk}/evse/{evse.pk}/connector/1/"
    assert operations.post(url, shown(operations, url) | {"max_amperage": "63"}).status_code == 302
    after = harbour.tree()
    changed, kept = after["evses"][0], after["evses"][0]["connectors"][1:]
    assert changed["connectors"][0]["max_amperage"] == 63
    assert changed["connectors"][0]["last_updated"] == changed["last_updated"] == after["last_updated"]
    assert kept == before["evses"][0]["connectors"][1:]
    assert after["evses"][1:] == before["evses"][1:]


def test_a_location_from_nothing_to_shared(ours: Party, operations: Client) -> None:
    told = factories.partner(ours=[ours], receives=["locations"])
    url = f"{PAGES}add/"
    answer = operations.get(url)
    data = posted_by(answer.context["form"]) | {
        "@party": str(ours.pk),
        "id": "NEW-1",
        "address": "Kade 1",
        "city": "Lund",
        "country": "SWE",
        "coordinates.latitude": "55.704660",
        "coordinates.longitude": "13.191007",
        "time_zone": "Europe/Stockholm",
    }
    assert operations.post(url, data).status_code == 302
    location = Location.objects.get(object_id="NEW-1")
    assert (location.party, location.shared) == (ours, False)
    # not shared without an EVSE
    answer = operations.post(f"{PAGES}{location.pk}/share/", {"shared": "1"}, follow=True)
    assert "No EVSE" in answer.content.decode()
    location.refresh_from_db()
    assert not location.shared
    url = f"{PAGES}{location.pk}/evse/add/"
    form = posted_by(operations.get(url).context["form"]) | {
        "uid": "E1",
        "connectors.0.standard": "IEC_62196_T2",
        "connectors.0.format": "SOCKET",
        "connectors.0.power_type": "AC_3_PHASE",
        "connectors.0.max_voltage": "230",
        "connectors.0.max_amperage": "16",
    }
    assert operations.post(url, form).status_code == 302
    evse = location.evses.get()
    assert (evse.uid, evse.status, evse.max_power) == ("E1", "PLANNED", 230 * 16 * 3)
    assert operations.post(f"{PAGES}{location.pk}/share/", {"shared": "1"}).status_code == 302
    location.refresh_from_db()
    assert location.shared
    assert Message.objects.get(object_path="NEW-1").connection_id == told.connection.pk
    assert operations.post(f"{PAGES}{location.pk}/share/", {"shared": "0"}).status_code == 302
    location.refresh_from_db()
    assert not location.shared


def test_an_id_in_use_replaces_nothing(harbour: Location, ours: Party, operations: Client) -> None:
    before = wire_json.encode(harbour.tree())
    stored = harbour.tree()
    stored.pop("evses")
    data = posted_by(operations.get(f"{PAGES}add/").context["form"]) | {
        "@party": str(ours.pk),
        "id": harbour.object_id.lower(),
        "address": "Elsewhere 1",
        "city": "Lund",
        "country": "SWE",
        "coordinates.latitude": "55.704660",
        "coordinates.longitude": "13.191007",
        "time_zone": "Europe/Stockholm",
    }
    answer = operations.post(f"{PAGES}add/", data)
    assert answer.status_code == 422
    assert "Choose another id" in answer.content.decode()
    assert "Elsewhere 1" in answer.content.decode()  # nothing has to be typed again
    assert wire_json.encode(harbour.tree()) == before


def test_an_evse_uid_is_never_used_again(harbour: Location, operations: Client) -> None:
    evse = first_evse(harbour)
    url = f"{PAGES}{harbour.pk}/evse/{evse.pk}/status/"
    assert operations.post(url, {"status": "REMOVED", "reason": "dug up"}).status_code == 302
    evse.refresh_from_db()
    assert evse.status == "REMOVED"
    assert evse.listed
    event = StatusEvent.objects.filter(evse=evse).latest("id")
    assert (event.status, event.source, event.reason) == ("REMOVED", "staff", "dug up")
    operations.post(url, {"status": "AVAILABLE", "reason": "back again"})
    evse.refresh_from_db()
    assert evse.status == "REMOVED"
    url = f"{PAGES}{harbour.pk}/evse/add/"
    form = posted_by(operations.get(url).context["form"]) | {
        "uid": evse.uid.lower(),
        "connectors.0.standard": "IEC_62196_T2",
        "connectors.0.format": "SOCKET",
        "connectors.0.power_type": "AC_3_PHASE",
        "connectors.0.max_voltage": "230",
        "connectors.0.max_amperage": "16",
    }
    answer = operations.post(url, form)
    assert answer.status_code == 422
    assert "never used again" in answer.content.decode()


def test_a_status_needs_a_reason_and_is_pushed(harbour: Location, ours: Party, operations: Client) -> None:
    factories.partner(ours=[ours], receives=["locations"])
    evse = first_evse(harbour)
    url = f"{PAGES}{harbour.pk}/evse/{evse.pk}/status/"
    was = evse.status
    assert operations.post(url, {"status": "INOPERATIVE", "reason": "  "}).status_code == 302
    evse.refresh_from_db()
    assert evse.status == was
    assert operations.post(url, {"status": "NONSENSE", "reason": "r"}).status_code == 400
    assert operations.get(url).status_code == 405
    operations.post(url, {"status": "INOPERATIVE", "reason": "cable cut"})
    evse.refresh_from_db()
    assert evse.status == "INOPERATIVE"
    assert Message.objects.get().touched == ["status"]


def test_violations_stand_at_their_fields_and_nothing_is_stored(harbour: Location, operations: Client) -> None:
    before = wire_json.encode(harbour.tree())
    url = f"{PAGES}{harbour.pk}/edit/"
    data = shown(operations, url) | {"coordinates.latitude": "north", "country": "Sweden", "images.0.url": "ftp://x"}
    answer = operations.post(url, data)
    assert answer.status_code == 422
    said = answer.content.decode()
    assert "Not saved: 3 things must be corrected." in said
    for target in ("f-coordinates-latitude", "f-country", "f-images-0-url"):
        assert f'href="#{target}"' in said
        assert f'id="{target}"' in said
        assert f'aria-describedby="{target}-error ' in said
    assert 'value="north"' in said
    assert wire_json.encode(harbour.tree()) == before


def test_a_rule_between_evse_and_location_is_told_on_the_evse_form(harbour: Location, operations: Client) -> None:
    evse = first_evse(harbour)
    url = f"{PAGES}{harbour.pk}/evse/{evse.pk}/"
    answer = operations.post(url, shown(operations, url) | {"parking.0.parking_id": "nowhere"})
    assert answer.status_code == 422
    (violation,) = answer.context["form"].violations
    assert violation.path == ("parking", 0, "parking_id")


def test_buttons_add_and_remove_without_saving(harbour: Location, operations: Client) -> None:
    before = wire_json.encode(harbour.tree())
    url = f"{PAGES}{harbour.pk}/edit/"
    data = shown(operations, url)
    count = len(harbour.tree()["images"])
    more = operations.post(url, data | {"_add": "images", "name": "Typed before"})
    assert more.status_code == 200
    form = more.context["form"]
    assert len(form.draft["images"]) == count + 1
    assert form.draft["name"] == "Typed before"
    assert more.content.decode().count("autofocus") == 1
    fewer = operations.post(url, posted_by(form) | {"_remove": "images.0"})
    assert len(fewer.context["form"].draft["images"]) == count
    assert wire_json.encode(harbour.tree()) == before


def test_a_second_connector(harbour: Location, operations: Client) -> None:
    evse = first_evse(harbour)
    url = f"{PAGES}{harbour.pk}/evse/{evse.pk}/connector/add/"
    new = {
        "id": "9",
        "standard": "CHADEMO",
        "format": "CABLE",
        "power_type": "DC",
        "max_voltage": "500",
        "max_amperage": "100",
        "tariff_ids": "T1\r\nT2",
        "@tariff_ids": "1",
    }
    assert operations.post(url, posted_by(operations.get(url).context["form"]) | new).status_code == 302
    stored = harbour.tree()["evses"][0]["connectors"][-1]
    assert (stored["id"], stored["tariff_ids"]) == ("9", ["T1", "T2"])
    evse.refresh_from_db()
    assert "CHADEMO" in evse.connector_types
    again = operations.post(url, posted_by(operations.get(url).context["form"]) | new)
    assert again.status_code == 422
    assert "has a connector 9 already" in again.content.decode()


def test_withholding_is_set_as_ticked(harbour: Location, ours: Party, operations: Client) -> None:
    one, two = (factories.partner(key, ours=[ours]) for key in ("SE-ONE:EMSP", "SE-TWO:EMSP"))
    url = f"{PAGES}{harbour.pk}/withhold/"
    operations.post(url, {"connection": [one.connection.pk]})
    assert [w.connection_id for w in Withholding.objects.all()] == [one.connection.pk]
    operations.post(url, {"connection": [two.connection.pk, 999999]})
    assert [w.connection_id for w in Withholding.objects.all()] == [two.connection.pk]
    operations.post(url, {})
    assert not Withholding.objects.exists()


def test_the_gate_leads_to_the_field(ours: Party, operations: Client) -> None:
    tree = factories.small_location("GATE", str(ours))
    tree["coordinates"] = {"latitude": "0.00000", "longitude": "0.00000"}
    location = factories.own_location(tree)
    evse = location.evses.get()
    said = operations.get(f"{PAGES}{location.pk}/change/").content.decode()
    assert f"/admin/locations/location/{location.pk}/edit/#f-coordinates" in said
    assert f"/admin/locations/location/{location.pk}/evse/{evse.pk}/connector/1/#f-tariff_ids" in said


@pytest.mark.parametrize("damage", [{"@base": ""}, {"@draft": "[]"}, {"@base": "{"}])
def test_a_damaged_form_is_refused(damage: dict[str, str], harbour: Location, operations: Client) -> None:
    url = f"{PAGES}{harbour.pk}/edit/"
    assert operations.post(url, shown(operations, url) | damage).status_code == 400


def test_nobody_writes_another_owner_or_id_through_the_hidden_parts(harbour: Location, operations: Client) -> None:
    url = f"{PAGES}{harbour.pk}/edit/"
    data = shown(operations, url)
    draft = wire_json.parse(data["@draft"].encode())
    assert isinstance(draft, dict)
    forged = draft | {"id": "OTHER", "party_id": "XXX", "country_code": "SE", "evses": []}
    operations.post(url, data | {"@draft": wire_json.encode(forged).decode()})
    after = harbour.tree()
    assert (after["id"], after["party_id"]) == ("HARBOUR-7", harbour.party.party_id)
    assert len(after["evses"]) == harbour.evses.count()
    assert Location.objects.count() == 1


def test_only_a_cpo_of_ours_is_offered_as_owner(ours: Party, operations: Client) -> None:
    factories.own_party("NL-EMS", "EMSP")
    factories.partner(ours=[ours])
    assert operations.get(f"{PAGES}add/").context["parties"] == [ours]
    ours.roles.all().delete()
    said = operations.get(f"{PAGES}add/").content.decode()
    assert "No party of our own yet" in said
