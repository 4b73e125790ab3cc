"""The editor's doors: who may open which, whose drafts somebody sees, what hostile input comes to, how often it asks."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backoffice.console.models import PartyScope
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.tariffs.actions import drafting
from backoffice.tariffs.admin.differences import Change, differences
from backoffice.tariffs.models import Draft, SavedExample, Tariff
from ocpi.wire import json as wire_json
from tests import factories
from tests.locations.cast import logged_in, staff
from tests.tariffs.page import Page, text
from tests.tariffs.test_editor import DRAFTS, begun, page, post

pytestmark = pytest.mark.django_db

READERS = {"Operations", "Roaming", "Finance", "Read-only", "Tariffs"}
GROUPS = ("Operations", "Roaming", "Finance", "Read-only", "Tariffs", "nobody")

# method, path below the drafts, who may; whoever is not named gets 403 (404 for a page that exists for nobody)
DOORS: list[tuple[str, str, set[str]]] = [
    ("GET", "", READERS),
    ("GET", "add/", {"Tariffs"}),
    ("POST", "add/", {"Tariffs"}),
    ("POST", "from/{tariff}/", {"Tariffs"}),
    ("GET", "{draft}/change/", READERS),
    ("POST", "{draft}/change/", {"Tariffs"}),
    ("POST", "{draft}/live/", {"Tariffs"}),
    ("GET", "{draft}/publish/", {"Tariffs"}),
    ("POST", "{draft}/publish/", {"Tariffs"}),
    ("POST", "{draft}/discard/", {"Tariffs"}),
]


@pytest.mark.parametrize("group", GROUPS)
def test_who_may_open_which_door(group: str, ours: Party) -> None:
    draft = begun(ours)
    tariff = drafting.publish_draft(begun(ours, "kwh", id="P-1"), by=None, now=site.now())
    fields = page(logged_in(User.objects.create_superuser("root")), draft).fields
    client = logged_in(staff("somebody", group))
    before = (list(Draft.objects.values()), list(Tariff.objects.values()))
    for method, path, allowed in DOORS:
        if group in allowed and method == "POST":
            continue  # pressed in the tests of what they do
        url = DRAFTS + path.format(draft=draft.pk, tariff=tariff.pk)
        answer = client.get(url) if method == "GET" else client.post(url, fields)
        expected = {200} if group in allowed else {403, 404}
        assert answer.status_code in expected, (group, method, path, answer.status_code)
    assert (list(Draft.objects.values()), list(Tariff.objects.values())) == before


def test_readers_see_the_figures_and_no_form(ours: Party) -> None:
    client = logged_in(staff("otto", "Operations"))
    draft = begun(ours)
    answer = client.get(f"{DRAFTS}{draft.pk}/change/?p.curve=ac11")
    markup = answer.content.decode()
    assert "EUR 0.39 per kWh from 22:00 to 06:00" in text(markup)
    assert "AC 11 kW: 53.1 kWh in 5:10 h cost" in text(markup)
    assert 'name="_save"' not in markup
    assert 'name="elements.0' not in markup


def test_a_scope_hides_drafts_and_tariffs_of_other_parties(ours: Party) -> None:
    other = factories.own_party("NL-OTH", name="Other")
    draft = begun(ours)
    hidden = drafting.publish_draft(begun(ours, "kwh", id="HIDDEN"), by=None, now=site.now())
    shown = begun(other, "kwh", id="SHOWN")
    user = staff("tim", "Tariffs")
    scope = PartyScope.objects.create(name="only the other")
    scope.parties.add(other)
    scope.users.add(user)
    client = logged_in(user)
    listed = client.get(DRAFTS).content.decode()
    assert "SHOWN" in listed
    assert "T-1" not in text(listed)
    fields = page(client, shown).fields
    for path in ("change/", "live/", "publish/", "discard/"):
        assert client.post(f"{DRAFTS}{draft.pk}/{path}", fields).status_code == 404
    assert client.get(f"{DRAFTS}{draft.pk}/change/").status_code == 404
    assert client.post(f"{DRAFTS}from/{hidden.pk}/", {"how": "copy"}).status_code == 404
    compared = post(client, shown, fields | {"p.with": str(hidden.pk)}, "live")
    assert "HIDDEN" not in compared.content.decode()
    assert str(ours.pk) not in [value for value, _ in Page(client.get(f"{DRAFTS}add/").content.decode(), "").buttons]
    answer = client.post(f"{DRAFTS}add/", {"party": ours.pk, "template": "kwh"})
    assert answer.status_code == 302
    assert set(Draft.objects.exclude(pk__in=(draft.pk, shown.pk)).values_list("party", flat=True)) == {other.pk}


def test_examples_of_another_party_cannot_be_removed(ours: Party, manager: Client) -> None:
    other = factories.own_party("NL-OTH", name="Other")
    kept = SavedExample.objects.create(party=other, session={"name": "Theirs", "minutes": "5"})
    draft = begun(ours)
    post(manager, draft, page(manager, draft).fields | {"_forget": str(kept.pk)})
    assert SavedExample.objects.filter(pk=kept.pk).exists()


# --- hostile input ----------------------------------------------------------------------------------------------------


def hostile(fields: dict[str, Any]) -> list[tuple[dict[str, Any], set[int]]]:
    """What is posted, and how it may be answered."""
    base = wire_json.parse(fields["@draft"][0].encode())
    many = base | {"elements": [base["elements"][0]] * 250}
    marks = {
        name: "1"
        for n in range(250)
        for name in (f"@elements.{n}", f"@elements.{n}.price_components.0", f"@elements.{n}.restrictions")
    }
    crowd = base | {"elements": [{"price_components": base["elements"][0]["price_components"] * 50}]}
    crowd_marks = {"@elements.0": "1"} | {f"@elements.0.price_components.{n}": "1" for n in range(50)}
    row = "elements.0.price_components.0."
    return [
        ({"@draft": "{"}, {422}),
        ({"@draft": ""}, {422}),
        ({"@draft": "[1]"}, {422}),
        ({"@base": '{"a": 1e999999}'}, {422}),
        ({"@draft": "[" * 5000}, {422}),
        ({"@draft": '{"elements": [1, "x", null], "tariff_alt_text": 7, "min_price": [], "currency": {}}'}, {200}),
        ({"@draft": wire_json.encode(many).decode()} | marks, {422}),
        ({"@draft": wire_json.encode(crowd).decode()} | crowd_marks, {422}),
        ({row + "price": "9" * 18, row + "vat": "9" * 18, row + "step_size": "9" * 18}, {200}),
        ({row + "price": "0." + "0" * 17 + "1", row + "step_size": "-5"}, {200}),
        ({row + "price": "1e500", row + "vat": "NaN"}, {200}),
        ({row + "price": "-3"}, {200}),
        ({row + "type": "<script>alert(1)</script>"}, {200}),
        ({"elements.0.restrictions.min_duration": "9" * 18, "elements.1.restrictions.max_kwh": "0." + "1" * 18}, {200}),
        ({"elements.0.restrictions.start_time": "24:61", "elements.0.restrictions.start_date": "2026-02-31"}, {200}),
        ({"start_date_time": "9999-12-31T23:59", "end_date_time": "0001-01-01T00:00"}, {200}),
        ({"start_date_time": "soon", "@zone": "../../etc/passwd"}, {200}),
        ({"currency": "<b>", "id": "<script>alert(1)</script>"}, {200}),
        ({"alt.en": "<script>alert(1)</script>" * 30, "alt.<x>": "1", "alt.toolong": "x"}, {200}),
        ({"id": "a\x00b"}, {400}),
        (
            {"p.begins": "9999-99-99", "p.idle": "99999999999", "p.curve": "x", "p.zone": "/etc", "p.with": "9" * 40},
            {200},
        ),
        ({"p.begins": "0001-01-01T00:00", "p.taxes": "<script>alert(1)</script> 5, " * 9, "p.lang": "xx"}, {200}),
        ({"p.begins": "2026-03-29T02:30", "p.taxes": "A 999.9999"}, {200}),
    ]


@pytest.mark.parametrize("where", ["live", "change"])
@pytest.mark.parametrize("number", range(23))
def test_hostile_input_is_answered_with_a_sentence(number: int, where: str, ours: Party, manager: Client) -> None:
    draft = begun(ours)
    fields = page(manager, draft).fields
    changes, statuses = hostile(fields)[number]
    pressed = {"_recalculate": "1"} if where == "change" else {}
    answer = post(manager, draft, fields | changes | pressed, where)
    assert answer.status_code in statuses
    markup = answer.content.decode()
    assert "<script>alert" not in markup
    assert "Traceback" not in markup
    if answer.status_code == 422:
        assert len(text(markup[markup.index("<main") :])) > 20
    assert Draft.objects.get(pk=draft.pk).tree() == draft.tree()


@pytest.mark.parametrize("number", range(23))
def test_hostile_input_is_saved_or_refused_and_can_be_opened_again(number: int, ours: Party, manager: Client) -> None:
    draft = begun(ours)
    fields = page(manager, draft).fields
    changes, _ = hostile(fields)[number]
    answer = post(manager, draft, fields | changes | {"_save": "1"})
    assert answer.status_code in (302, 400, 409, 422)
    shown = manager.get(f"{DRAFTS}{draft.pk}/change/")
    assert shown.status_code == 200
    assert "<script>alert" not in shown.content.decode()
    assert manager.get(DRAFTS).status_code == 200
    assert manager.get(f"{DRAFTS}{draft.pk}/publish/").status_code == 200
    assert manager.post(f"{DRAFTS}{draft.pk}/publish/").status_code in (302, 422)


def test_a_form_with_too_many_fields_is_refused(ours: Party, manager: Client) -> None:
    draft = begun(ours)
    fields = page(manager, draft).fields | {f"elements.{n}.price_components.0.price": "1" for n in range(20_001)}
    assert post(manager, draft, fields, "live").status_code == 400


def test_a_copy_of_ten_thousand_elements_is_looked_at_only(ours: Party, manager: Client) -> None:
    draft = begun(ours, "kwh", elements=[{"price_components": [{"type": "FLAT", "price": 1, "step_size": 1}]}] * 10_000)
    shown = manager.get(f"{DRAFTS}{draft.pk}/change/")
    assert shown.status_code == 200
    told = text(shown.content.decode())
    assert "This draft is too large for the editor" in told
    assert "It has 10000 elements; more than 200 are not drawn here." in told
    assert 'name="_save"' not in shown.content.decode()


@pytest.mark.parametrize("lock", ["", "x", "-1", "9" * 30])
def test_a_damaged_lock_is_refused(lock: str, ours: Party, manager: Client) -> None:
    draft = begun(ours)
    assert post(manager, draft, page(manager, draft).fields | {"@lock": lock, "_save": "1"}).status_code == 400


@pytest.mark.parametrize("posted", [{}, {"template": "x"}, {"copy": "9999999"}, {"copy": "x"}, {"party": "x"}])
def test_beginning_with_nothing_says_what_to_choose(posted: dict[str, str], ours: Party, manager: Client) -> None:
    answer = manager.post(f"{DRAFTS}add/", posted)
    assert answer.status_code == 200
    assert "Choose a template, or a tariff to copy." in answer.content.decode()
    assert not Draft.objects.exists()


def test_without_a_party_of_ours_there_is_a_way_on(manager: Client) -> None:
    assert "No party of ours has tariffs" in manager.get(f"{DRAFTS}add/").content.decode()


# --- publication ------------------------------------------------------------------------------------------------------


def test_publication_tells_what_changes_and_whom_it_touches(ours: Party, manager: Client) -> None:
    heard = factories.partner(ours=[ours], receives=["tariffs"])
    pulls = factories.partner("SE-PUL:EMSP", ours=[ours])
    location = factories.location(country_code=ours.country_code, party_id=ours.party_id)
    location["evses"][0]["connectors"][0]["tariff_ids"] = ["t-1"]
    own = factories.own_location(location)
    drafting.publish_draft(begun(ours), by=None, now=site.now())
    draft = drafting.draft_of(Tariff.objects.get(), by=None, now=site.now())
    follower = drafting.begin_draft(ours, {"id": "T-NEXT"}, by=None, now=site.now(), replaces=Tariff.objects.get())
    fields = page(manager, draft).fields | {
        "elements.2.price_components.0.price": "0.60",
        "elements.2.price_components.0.step_size": "500",
        "alt.en": "",
        "_publish": "1",
    }
    assert post(manager, draft, fields).status_code == 302
    answer = manager.get(f"{DRAFTS}{draft.pk}/publish/")
    told = text(answer.content.decode())
    assert "Element 3, Energy EUR 0.54 per kWh, VAT 19 % EUR 0.60 per kWh, VAT 19 %, rounded up to 500 Wh" in told
    assert "Element 1" not in told  # did not change
    assert f"Told at once 1: {heard.connection.name}" in told
    assert f"At their next fetch 1: {pulls.connection.name}" in told
    assert "30 kWh DC in 20 min EUR 16.20 EUR 18.00" in told  # before and after
    assert f"Connectors 1 at 1 locations: {own}" in told
    assert follower.object_id in told
    assert manager.post(f"{DRAFTS}{draft.pk}/publish/").status_code == 302
    assert Tariff.objects.get().tree()["elements"][2]["price_components"][0]["step_size"] == 500


def test_a_tariff_for_some_touches_only_these(ours: Party, manager: Client) -> None:
    from backoffice.tariffs.actions.disclosing import disclose

    one = factories.partner(ours=[ours], receives=["tariffs"])
    other = factories.partner("SE-TWO:EMSP", ours=[ours], receives=["tariffs"])
    tariff = drafting.publish_draft(begun(ours), by=None, now=site.now())
    disclose(tariff, [one.connection.pk], now=site.now())
    draft = drafting.draft_of(Tariff.objects.get(), by=None, now=site.now())
    told = text(manager.get(f"{DRAFTS}{draft.pk}/publish/").content.decode())
    assert one.connection.name in told
    assert other.connection.name not in told


def test_a_future_price_goes_to_the_connectors_of_the_old_one(ours: Party, manager: Client) -> None:
    location = factories.location(country_code=ours.country_code, party_id=ours.party_id)
    location["evses"][0]["connectors"][0]["tariff_ids"] = ["T-1"]
    own = factories.own_location(location)
    old = drafting.publish_draft(begun(ours), by=None, now=site.now())
    answer = manager.post(f"{DRAFTS}from/{old.pk}/", {"how": "follow"})
    draft = Draft.objects.get()
    refused = manager.post(f"{DRAFTS}{draft.pk}/publish/")
    assert refused.status_code == 422
    assert "say from when on" in refused.content.decode()
    fields = Page(manager.get(answer.url).content.decode()).fields | {
        "start_date_time": "2030-01-01T00:00",
        "_save": "1",
    }
    post(manager, draft, fields)
    told = text(manager.get(f"{DRAFTS}{draft.pk}/publish/").content.decode())
    assert "T-1, which ends when this one starts" in told
    assert "They will offer both" in told
    assert manager.post(f"{DRAFTS}{draft.pk}/publish/").status_code == 302
    assert own.tree()["evses"][0]["connectors"][0]["tariff_ids"] == ["T-1", "T-2"]
    assert Tariff.objects.get(object_id="T-1").tree()["end_date_time"] == "2029-12-31T23:00:00Z"


def test_differences_are_told_in_words() -> None:
    from zoneinfo import ZoneInfo

    old = {
        "currency": "EUR",
        "elements": [{"price_components": [{"type": "TIME", "price": 6, "step_size": 60}]}],
        "start_date_time": "2026-06-01T00:00:00Z",
        "last_updated": "x",
    }
    new = {
        "currency": "EUR",
        "elements": [
            {
                "price_components": [{"type": "TIME", "price": 6, "vat": 19, "step_size": 60}],
                "restrictions": {"min_kwh": 5, "day_of_week": ["MONDAY"], "reservation": "RESERVATION"},
            }
        ],
        "max_price": {"before_taxes": 30},
        "x": [1],
        "last_updated": "y",
    }
    assert differences(old, new, ZoneInfo("Europe/Berlin")) == [
        Change("Element 1, holds", "always", "Mon; from 5 kWh charged on; prices the reservation"),
        Change(
            "Element 1, Charging time",
            "EUR 6 per hour, no VAT named, rounded up to 1 min",
            "EUR 6 per hour, VAT 19 %, rounded up to 1 min",
        ),
        Change("Valid from", "01 Jun 2026 02:00 Europe/Berlin", "–"),
        Change("At most", "–", "EUR 30 before taxes"),
        Change("x", "–", "[1]"),
    ]
    assert differences(new, new, ZoneInfo("UTC")) == []


# --- how often the pages ask ------------------------------------------------------------------------------------------

MOST_QUERIES = {"change": 16, "live": 16, "publish": 20, "add": 12, "list": 10}


def asked(client: Client, method: str, url: str, fields: dict[str, Any] | None = None) -> int:
    ContentType.objects.clear_cache()
    with CaptureQueriesContext(database) as queries:
        answer = client.get(url) if method == "GET" else client.post(url, fields or {})
        assert answer.status_code == 200
    return len(queries)


def test_pages_ask_as_often_whatever_the_rows(ours: Party, manager: Client) -> None:
    draft = begun(ours)

    def counts() -> dict[str, int]:
        fields = page(manager, draft).fields
        return {
            "change": asked(manager, "GET", f"{DRAFTS}{draft.pk}/change/"),
            "live": asked(manager, "POST", f"{DRAFTS}{draft.pk}/live/", fields),
            "publish": asked(manager, "GET", f"{DRAFTS}{draft.pk}/publish/"),
            "add": asked(manager, "GET", f"{DRAFTS}add/"),
            "list": asked(manager, "GET", DRAFTS),
        }

    counts()  # writes what is remembered of the reader
    few = counts()
    for number in range(12):
        drafting.publish_draft(begun(ours, "kwh", id=f"P-{number}"), by=None, now=site.now())
        begun(ours, "kwh", id=f"D-{number}")
        factories.partner(f"SE-P{number:02d}:EMSP", ours=[ours], receives=["tariffs"])
        SavedExample.objects.create(party=ours, session={"name": str(number), "minutes": "5"})
    assert counts() == few
    assert {name: n for name, n in few.items() if n > MOST_QUERIES[name]} == {}
