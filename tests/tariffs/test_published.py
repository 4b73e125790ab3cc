"""Published tariffs in the admin: list, page, and what staff do with them; as a browser without scripts uses it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from backoffice.delivery.models import Message
from backoffice.locations.models import Location
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.tariffs.actions import disclosing, drafting
from backoffice.tariffs.models import Draft, Tariff
from tests import factories
from tests.factories import small_tariff
from tests.tariffs.page import Page, text

pytestmark = pytest.mark.django_db

TARIFFS = "/admin/tariffs/tariff/"
NIGHT = {"start_time": "22:00", "end_time": "06:00"}


def own(object_id: str, **changes: Any) -> Tariff:
    return factories.own_tariff(small_tariff(object_id, "DE-RDK", **changes))


def theirs(party: Party, object_id: str, **changes: Any) -> Tariff:
    from backoffice.tariffs.actions.storing import PARTNER, parsed, store

    tree = small_tariff(object_id, str(party), **changes)
    (item,) = store(party.pk, [(tree, parsed(tree))], source=PARTNER, said_by="P", now=site.now(), ours=False)
    return Tariff.objects.get(pk=item.id)


def offering(object_id: str, *ids: str, owner: str = "DE-RDK", **changes: Any) -> Location:
    """A location of ours whose one connector offers these tariffs."""
    tree = factories.small_location(object_id, owner, **changes)
    tree["evses"][0]["connectors"][0]["tariff_ids"] = list(ids)
    return factories.own_location(tree)


def offered(location: Location) -> list[str]:
    found: list[str] = location.tree()["evses"][0]["connectors"][0].get("tariff_ids", [])
    return found


def listed(client: Client, query: str = "") -> list[str]:
    answer = client.get(f"{TARIFFS}{query}")
    assert answer.status_code == 200
    return [row.object_id for row in answer.context["cl"].result_list]


def opened(client: Client, tariff: Tariff, query: str = "") -> str:
    answer = client.get(f"{TARIFFS}{tariff.pk}/change/{query}")
    assert answer.status_code == 200
    return text(answer.content.decode())


# --- the list ---------------------------------------------------------------------------------------------------------


def test_the_list_tells_what_it_costs_where_it_is_offered_and_who_was_told(ours: Party, manager: Client) -> None:
    factories.partner(ours=[ours], receives=["tariffs"])
    restricted = {
        "price_components": [{"type": "ENERGY", "price": Decimal("0.39"), "step_size": 1}],
        "restrictions": NIGHT,
    }
    tariff = own(
        "NIGHT",
        elements=[restricted, small_tariff("X")["elements"][0]],
        max_price={"before_taxes": 30, "after_taxes": 40},
        type="REGULAR",
    )
    offering("L1", "night")
    offering("L2", "NIGHT", "OTHER")
    drafting.draft_of(tariff, by=None, now=site.now())
    told = text(manager.get(TARIFFS).content.decode())
    assert "EUR 0.39 per kWh from 22:00 to 06:00; otherwise EUR 0.45 per kWh" in told
    assert "time of use · max 40" in told
    assert "Regular EUR, before taxes" in told
    assert "2 2 places" in told
    assert "everyone schedule_send 1 waiting" in told
    assert "live edit_note draft" in told


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?owner=ours", ["PAST", "SOON", "PROFILE", "REGULAR", "NIGHT", "PLAIN"]),
        ("?owner=partners", ["BROKEN", "THEIRS"]),
        ("?state=LIVE", ["BROKEN", "THEIRS", "PROFILE", "REGULAR", "NIGHT", "PLAIN"]),
        ("?state=SCHEDULED", ["SOON"]),
        ("?state=ENDED", ["PAST"]),
        ("?state=WITHDRAWN", ["GONE"]),
        ("?state=corrected", ["PLAIN"]),
        ("?live_on=2000-06-01", ["BROKEN", "THEIRS", "PAST", "PROFILE", "NIGHT", "PLAIN"]),
        ("?live_on=nonsense", None),
        ("?type=all", ["BROKEN", "THEIRS", "GONE", "PAST", "SOON", "NIGHT", "PLAIN"]),
        ("?type=REGULAR", ["REGULAR"]),
        ("?currency=SEK", ["THEIRS"]),
        ("?tou=1", ["NIGHT"]),
        ("?attention=unused", ["BROKEN", "THEIRS", "PROFILE", "NIGHT"]),
        ("?attention=expiring", ["REGULAR"]),
        ("?attention=twin", ["REGULAR"]),
        ("?attention=invalid", ["BROKEN"]),
        ("?q=pla", ["PLAIN"]),
        ("?q=0.39+per+kwh", ["NIGHT"]),
        ("?q=no+such+thing", []),
        ("?attention=twin&owner=partners", []),
        ("?state=nonsense&party=x&type=x", None),
    ],
)
def test_filters_and_search(query: str, found: list[str] | None, ours: Party, manager: Client) -> None:
    partner = factories.partner(ours=[ours])
    now = site.now()

    def at(days: int) -> str:
        return f"{now + timedelta(days=days):%Y-%m-%dT00:00:00Z}"

    restricted = {
        "price_components": [{"type": "ENERGY", "price": Decimal("0.39"), "step_size": 1}],
        "restrictions": NIGHT,
    }
    plain = own("PLAIN")
    own("NIGHT", elements=[restricted])
    own("REGULAR", type="REGULAR", start_date_time="2020-01-01T00:00:00Z", end_date_time=at(9))
    own("PROFILE", type="PROFILE_GREEN")
    own("SOON", start_date_time=at(5))
    own("PAST", end_date_time="2020-01-01T00:00:00Z")
    gone = own("GONE")
    theirs(partner.party, "THEIRS", currency="SEK")
    theirs(partner.party, "BROKEN", currency="XXX")
    disclosing.withdraw(gone, now=now)
    drafting.draft_of(plain, by=None, now=now)
    offering("L1", "PLAIN", "PROFILE_OF_NOBODY")
    offering("L2", "REGULAR", "gone")
    expected = ["BROKEN", "THEIRS", "GONE", "PAST", "SOON", "PROFILE", "REGULAR", "NIGHT", "PLAIN"]
    if query == "?owner=ours":
        expected = ["GONE", *(found or [])]
    elif found is not None:
        expected = found
    assert sorted(listed(manager, query)) == sorted(expected)


def test_an_empty_list_says_what_belongs_there(manager: Client) -> None:
    told = text(manager.get(TARIFFS).content.decode())
    assert "Tariffs: ours, and those that partners tell us of." in told


def test_the_view_is_saved_as_a_price_list_and_as_ocpi(ours: Party, manager: Client) -> None:
    own("A")
    own("B", currency="SEK")
    answer = manager.get(f"{TARIFFS}export.csv?currency=SEK")
    lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 2
    assert lines[1].startswith("B,,SEK,NO,")
    answer = manager.get(f"{TARIFFS}export.json")
    trees = json.loads(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    assert sorted(each["id"] for each in trees) == ["A", "B"]
    assert json.loads(b"".join(manager.get(f"{TARIFFS}export.json?q=nothing").streaming_content)) == []  # type: ignore[attr-defined]


def test_ticked_tariffs_are_compared_or_assigned(ours: Party, manager: Client) -> None:
    one, other = own("A"), own("B")
    partner = factories.partner(ours=[ours])
    third = theirs(partner.party, "C")
    ticked = {"action": "compare_chosen", "_selected_action": [one.pk, other.pk]}
    answer = manager.post(TARIFFS, ticked)
    assert (answer.status_code, sorted(answer.url.partition("?")[2].split("&"))) == (
        302,
        [f"t={one.pk}", f"t={other.pk}"],
    )
    assert manager.get(answer.url).status_code == 200
    answer = manager.post(TARIFFS, ticked | {"action": "assign_chosen"})
    assert sorted(answer.url.partition("?")[2].split("&")) == ["add=A", "add=B", f"party={ours.pk}"]
    answer = manager.post(TARIFFS, {"action": "assign_chosen", "_selected_action": [third.pk]}, follow=True)
    assert "Choose tariffs of one party of ours" in answer.content.decode()


# --- the page of one --------------------------------------------------------------------------------------------------


def test_the_page_tells_what_it_says_and_what_it_costs(ours: Party, manager: Client) -> None:
    tariff = own(
        "A", tariff_alt_text=[{"language": "en", "text": "Ask at the desk"}], energy_mix={"is_green_energy": True}
    )
    told = opened(manager, tariff, "?p.curve=ac11")
    for part in (
        "Element 1, Energy EUR 0.45 per kWh, VAT 25 %",
        "Text, English Ask at the desk",
        "EUR 0.45 per kWh, plus 25% VAT",
        "AC 11 kW: 53.1 kWh in 5:10 h cost",
        "30 kWh DC in 20 min EUR 16.88",
        "Correct New price from a date Copy Compare Assign End… Withdraw…",
    ):
        assert part in told, part


def test_a_partners_tariff_is_read_only(ours: Party, manager: Client) -> None:
    partner = factories.partner(ours=[ours])
    tariff = theirs(partner.party, "T1")
    told = opened(manager, tariff)
    assert "partner's" in told
    assert "Copy Compare" in told
    for word in ("Correct", "Withdraw", "End…"):
        assert word not in told
    for deed in ("end", "withdraw", "disclose"):
        assert manager.post(f"{TARIFFS}{tariff.pk}/{deed}/", {"reason": "r", "to": "everyone"}).status_code == 404
    assert "changes when they tell us" in opened(manager, tariff, "?tab=partners")
    for tab in ("connectors", "versions", "messages", "json"):
        assert opened(manager, tariff, f"?tab={tab}")


def test_one_that_cannot_be_priced_says_why_on_every_page(ours: Party, manager: Client) -> None:
    partner = factories.partner(ours=[ours])
    tariff = theirs(partner.party, "T1", currency="XXX")
    assert "It names no currency." in opened(manager, tariff)
    assert "It names no currency." in text(manager.get(TARIFFS).content.decode())
    assert "It names no currency." in text(manager.get(f"{TARIFFS}compare/?t={tariff.pk}").content.decode())
    assert manager.get(f"{TARIFFS}schedule/?party={partner.party.pk}").status_code == 200


def test_versions_tell_what_changed_and_who_said_so(ours: Party, manager: Client) -> None:
    tariff = own("A")
    draft = drafting.draft_of(tariff, by=None, now=site.now())
    tree = draft.tree()
    tree["elements"][0]["price_components"][0]["price"] = Decimal("0.55")
    drafting.save_draft(draft, tree, lock=1, by=None, now=site.now())
    manager.post(f"/admin/tariffs/draft/{draft.pk}/publish/")
    told = opened(manager, tariff, "?tab=versions")
    assert "What version 2 changed in version 1" in told
    assert "Element 1, Energy EUR 0.45 per kWh, VAT 25 % EUR 0.55 per kWh, VAT 25 %" in told
    assert "tara" in told
    assert "Published." in told
    told = opened(manager, tariff, "?tab=versions&version=1")
    assert "What version 1 said" in told
    assert "EUR 0.55" not in told
    for wrong in ("x", "9", "99999999999999", "-1"):
        assert "What version 2 changed" in opened(manager, tariff, f"?tab=versions&version={wrong}")


def test_what_a_partner_gets_is_what_its_next_get_returns(ours: Party, manager: Client) -> None:
    old = factories.partner("SE-OLD:EMSP", ours=[ours], version="2.2.1")
    tariff = own("A")
    told = opened(manager, tariff, f"?tab=partners&as={old.connection.pk}")
    assert "in OCPI 2.2.1" in told
    assert '"tax_included"' not in told
    disclosing.disclose(tariff, [], now=site.now())
    told = opened(manager, tariff, f"?tab=partners&as={old.connection.pk}")
    assert "Withheld: the partner gets 404 for it. It is not disclosed to this partner" in told


# --- which one wins ---------------------------------------------------------------------------------------------------


def test_which_tariff_wins_for_whom_and_why(ours: Party, manager: Client) -> None:
    one, other = (factories.partner(key, ours=[ours]) for key in ("SE-ONE:EMSP", "SE-TWO:EMSP"))
    everybody, chosen = own("ALL"), own("REGULAR", type="REGULAR")
    disclosing.disclose(chosen, [one.connection.pk], now=site.now())
    location = offering("L1", "all", "REGULAR", "NOWHERE")
    for page in (
        f"{TARIFFS}{everybody.pk}/change/?tab=connectors",
        f"/admin/locations/location/{location.pk}/change/?tab=tariffs",
    ):

        def asked(query: str, page: str = page) -> str:
            return text(manager.get(page + query).content.decode())

        told = asked("")
        assert "It is for all sessions; REGULAR is for REGULAR and goes first." in told
        assert "It is the one for REGULAR." in told
        assert "Its owner has told us of no tariff with this id." in told
        assert "It is the one for REGULAR." in asked(f"&as={one.connection.pk}")
        told = asked(f"&as={other.connection.pk}")
        assert "Not disclosed to this partner." in told
        assert "It is for all sessions, and nothing more specific is valid." in told
        assert "For REGULAR only." in asked("&kind=AD_HOC_PAYMENT")
        assert asked("&kind=nonsense&as=x&at=9999-99-99")


def test_connectors_name_gaps_and_clashes_ahead(ours: Party, manager: Client) -> None:
    end = site.now() + timedelta(days=20)
    tariff = own("A", end_date_time=f"{end:%Y-%m-%dT%H:%M:%SZ}")
    own("B")
    offering("L1", "A")
    offering("L2", "A", "B")
    told = opened(manager, tariff, "?tab=connectors")
    assert "no price from" in told
    assert "A, B are valid at once from" in told
    assert "Compare these tariffs" in told
    told = text(manager.get(f"{TARIFFS}schedule/").content.decode())
    assert "2 gaps and clashes at connectors" in told
    assert "All charges: no price from" in told
    assert "All charges: A and B are valid at once from" in told
    for query in ("?months=3", "?months=24", "?months=7", f"?party={ours.pk}", "?party=x"):
        assert manager.get(f"{TARIFFS}schedule/{query}").status_code == 200


def test_without_any_tariff_the_schedule_says_so(manager: Client) -> None:
    assert "No tariff yet" in manager.get(f"{TARIFFS}schedule/").content.decode()


# --- ending, withdrawing, disclosing ----------------------------------------------------------------------------------


def test_ending_asks_when_connectors_would_be_left_without_a_price(ours: Party, manager: Client) -> None:
    tariff = own("A")
    own("B", type="AD_HOC_PAYMENT")
    offering("L1", "A", "B")
    page = f"{TARIFFS}{tariff.pk}/end/"
    assert manager.get(page).status_code == 200
    given = {"at": "2031-01-01T00:00", "reason": "new contract"}
    for missing in ({"at": ""}, {"at": "x"}, {"reason": " "}):
        answer = manager.post(page, given | missing)
        assert answer.status_code == 422
        assert "Nothing was changed" in answer.content.decode()
    answer = manager.post(page, given)
    assert answer.status_code == 422
    assert "one connector (A, B): Regular, from" in text(answer.content.decode())
    assert Tariff.objects.get(pk=tariff.pk).ends_at is None
    assert manager.post(page, given | {"sure": "1"}).status_code == 302
    tariff.refresh_from_db()
    assert tariff.ends_at == datetime(2030, 12, 31, 23, tzinfo=UTC)  # of Stockholm, where the location is
    assert tariff.tree()["end_date_time"] == "2030-12-31T23:00:00Z"
    assert "new contract" in LogEntry.objects.latest("pk").get_change_message()
    assert manager.post(page, {"_lift": "1", "reason": "stays"}).status_code == 302
    assert "end_date_time" not in Tariff.objects.get(pk=tariff.pk).tree()


def test_an_end_before_the_start_is_refused(ours: Party, manager: Client) -> None:
    tariff = own("A", start_date_time="2031-01-01T00:00:00Z")
    answer = manager.post(f"{TARIFFS}{tariff.pk}/end/", {"at": "2030-01-01T00:00", "reason": "r", "sure": "1"})
    assert answer.status_code == 422
    assert "the end has to be later" in text(answer.content.decode())


@pytest.mark.rule("T-335")
def test_withdrawing_takes_it_off_the_connectors_first(ours: Party, manager: Client) -> None:
    partner = factories.partner(ours=[ours], receives=["tariffs", "locations"])
    tariff = own("A")
    location = offering("L1", "a", "B")
    Message.objects.all().delete()
    page = f"{TARIFFS}{tariff.pk}/withdraw/"
    told = text(manager.get(page).content.decode())
    assert "It is taken off 1 connectors at 1 locations: L1" in told
    assert manager.post(page, {"reason": ""}).status_code == 422
    assert Tariff.objects.get(pk=tariff.pk).withdrawn_at is None
    assert offered(location) == ["a", "B"]
    assert manager.post(page, {"reason": "no longer sold"}).status_code == 302
    assert Tariff.objects.get(pk=tariff.pk).withdrawn_at is not None
    assert offered(location) == ["B"]
    owed = Message.objects.filter(connection=partner.connection).order_by("pk").values_list("module", "object_path")
    assert list(owed) == [("locations", "L1/E1"), ("tariffs", "A")]
    for deed, given in (("withdraw", {"reason": "r"}), ("end", {"reason": "r", "at": "2031-01-01T00:00", "sure": "1"})):
        answer = manager.post(f"{TARIFFS}{tariff.pk}/{deed}/", given)
        assert answer.status_code == 422
        assert "withdrawn" in text(answer.content.decode())
    manager.post(f"{TARIFFS}{tariff.pk}/disclose/", {"to": "everyone"})
    assert Tariff.objects.get(pk=tariff.pk).withdrawn_at is not None
    assert "Correct" not in opened(manager, tariff)


def test_disclosing_to_some_and_to_everyone(ours: Party, manager: Client) -> None:
    one, other = (factories.partner(key, ours=[ours], receives=["tariffs"]) for key in ("SE-ONE:EMSP", "SE-TWO:EMSP"))
    stranger = factories.partner("SE-FAR:EMSP", ours=[factories.own_party("NL-OTH")])
    tariff = own("A")
    page = f"{TARIFFS}{tariff.pk}/disclose/"
    assert manager.get(page).status_code == 405
    manager.post(page, {"to": "nonsense"})
    assert Tariff.objects.get(pk=tariff.pk).everyone
    manager.post(page, {"to": "some", "connection": [one.connection.pk, stranger.connection.pk]})
    tariff.refresh_from_db()
    assert (tariff.everyone, list(tariff.disclosures.values_list("connection", flat=True))) == (
        False,
        [one.connection.pk],
    )
    fields = Page(manager.get(f"{TARIFFS}{tariff.pk}/change/?tab=partners").content.decode(), "").ids
    assert fields is not None
    assert Message.objects.filter(connection=other.connection, module="tariffs").exists()
    assert not Message.objects.filter(connection=stranger.connection).exists()
    manager.post(page, {"to": "everyone"})
    assert Tariff.objects.get(pk=tariff.pk).everyone


# --- comparing --------------------------------------------------------------------------------------------------------


def test_tariffs_side_by_side(ours: Party, manager: Client) -> None:
    partner = factories.partner(ours=[ours])
    cheap, dear = (
        own("CHEAP"),
        theirs(
            partner.party,
            "DEAR",
            elements=[{"price_components": [{"type": "ENERGY", "price": Decimal("0.60"), "vat": 25, "step_size": 1}]}],
        ),
    )
    kronor = own("KRONOR", currency="SEK")
    told = text(manager.get(f"{TARIFFS}compare/?t={cheap.pk}&t={dear.pk}").content.decode())
    assert "30 kWh DC in 20 min 16.88 lowest 0.563 / kWh 22.50 0.750 / kWh +33.3 %" in told
    told = text(manager.get(f"{TARIFFS}compare/?t={dear.pk}&t={cheap.pk}").content.decode())
    assert "−25.0 %" in told
    told = text(manager.get(f"{TARIFFS}compare/?t={cheap.pk}&t={kronor.pk}").content.decode())
    assert "different currencies" in told
    assert "%" not in told.partition("30 kWh")[2]
    for query in ("", "?t=", "?t=x&t=99999999999999999999", f"?t={cheap.pk}&p.taxes=x&p.begins=y&p.zone=z"):
        assert manager.get(f"{TARIFFS}compare/{query}").status_code == 200


# --- assigning --------------------------------------------------------------------------------------------------------


def assign(client: Client, **fields: Any) -> Any:
    """Show what it comes to, then press the button with what the page carries."""
    shown = client.get(f"{TARIFFS}assign/", fields)
    assert shown.status_code == 200
    outcome = shown.context["outcome"]
    return client.post(f"{TARIFFS}assign/", fields | {"expected": outcome.evses if outcome else ""})


def test_assigning_by_filters(ours: Party, manager: Client) -> None:
    own("A")
    own("B")
    one, other = offering("L1", "A"), offering("L2", city="Malmö")
    assert assign(manager, add="B", place="lund").status_code == 302
    assert (offered(one), offered(other)) == (["A", "B"], [])
    assert assign(manager, add=["A", "B"], remove=["A", "B"], offers="none").status_code == 302
    assert (offered(one), offered(other)) == (["A", "B"], ["A", "B"])  # who is offered and taken off is offered
    assert assign(manager, remove="a", location=[other.pk]).status_code == 302
    assert (offered(one), offered(other)) == (["A", "B"], ["B"])
    assert assign(manager, remove="A", offers="A").status_code == 302
    assert offered(one) == ["B"]
    nothings = (
        {"current": "DC"},
        {"standard": "CHADEMO"},
        {"least": "100"},
        {"most": "1"},
        {"country": "DEU"},
        {"place": "Kiel"},
    )
    for nothing in nothings:
        answer = assign(manager, add="A", **nothing)
        assert answer.status_code == 422 or "0 EVSEs changed" in text(manager.get(answer.url).content.decode())
        assert (offered(one), offered(other)) == (["B"], ["B"])
    assert assign(manager, add="A", current="AC", least="3,5", most="22", country="SWE").status_code == 302
    assert (offered(one), offered(other)) == (["B", "A"], ["B", "A"])
    assert "On 2 EVSEs: offered A." in LogEntry.objects.latest("pk").get_change_message()


def test_only_connectors_of_the_kind_are_assigned(ours: Party, manager: Client) -> None:
    tree = factories.small_location("L1", "DE-RDK")
    (ac,) = tree["evses"][0]["connectors"]
    dc = ac | {"id": "2", "standard": "IEC_62196_T2_COMBO", "power_type": "DC", "max_voltage": 400}
    tree["evses"][0]["connectors"] = [ac, dc]
    location = factories.own_location(tree)
    own("DC")
    assert assign(manager, add="DC", current="DC").status_code == 302
    assert [each.get("tariff_ids") for each in location.tree()["evses"][0]["connectors"]] == [None, ["DC"]]
    own("AC")
    assert assign(manager, add="AC", standard="IEC_62196_T2").status_code == 302
    assert [each.get("tariff_ids") for each in location.tree()["evses"][0]["connectors"]] == [["AC"], ["DC"]]


def test_the_preview_names_what_connectors_offer_afterwards(ours: Party, manager: Client) -> None:
    own("A")
    own("B")
    offering("L1", "A")
    told = text(manager.get(f"{TARIFFS}assign/?add=B").content.decode())
    assert "One EVSE at one location: L1" in told
    assert "Regular: A and B are valid at once from" in told
    told = text(manager.get(f"{TARIFFS}assign/?remove=A").content.decode())
    assert "No tariff at all: nobody is told a price." in told
    assert "outcome" not in manager.get(f"{TARIFFS}assign/?add=UNKNOWN").content.decode().partition("<main")[2]


def test_more_than_a_hundred_are_asked_about(ours: Party, manager: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from backoffice.tariffs.admin.published import assigning

    monkeypatch.setattr(assigning, "ASK_FROM", 1)
    own("A")
    one, other = offering("L1"), offering("L2")
    answer = assign(manager, add="A")
    assert answer.status_code == 422
    assert "This changes 2 EVSEs at 2 locations." in text(answer.content.decode())
    assert (offered(one), offered(other)) == ([], [])
    offering("L3")
    answer = manager.post(f"{TARIFFS}assign/", {"add": "A", "expected": "2", "sure": "1"})
    assert answer.status_code == 422
    assert "Meanwhile 3 EVSEs fit" in text(answer.content.decode())
    assert manager.post(f"{TARIFFS}assign/", {"add": "A", "expected": "3", "sure": "1"}).status_code == 302
    assert (offered(one), offered(other)) == (["A"], ["A"])
    monkeypatch.setattr(assigning, "MOST_EVSES", 2)
    assert assign(manager, remove="A", sure="1").status_code == 422


def test_without_a_party_of_ours_nothing_is_assigned(manager: Client) -> None:
    assert "No party of ours has tariffs" in manager.get(f"{TARIFFS}assign/").content.decode()


# --- import -----------------------------------------------------------------------------------------------------------


def uploaded(client: Client, party: Party, content: bytes, name: str = "prices.csv", **fields: str) -> Any:
    return client.post(f"{TARIFFS}upload/", {"party": party.pk, "file": SimpleUploadedFile(name, content)} | fields)


def test_a_price_list_is_imported_after_its_report(ours: Party, manager: Client, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    kept = own("A", tariff_alt_url="https://prices.example", energy_mix={"is_green_energy": True})
    sheet = "id;currency;tax_included;dimension;price;vat\nA;EUR;NO;ENERGY;0,55;25\nNEW;EUR;YES;ENERGY;0,39;19\n"
    answer = uploaded(manager, ours, sheet.encode())
    assert answer.status_code == 200
    told = text(answer.content.decode())
    assert "New 1 Changed 1 Same 0" in told
    assert "Import 2 tariffs" in told
    assert not Tariff.objects.filter(object_id="NEW").exists()
    waiting = answer.context["waiting"]
    assert manager.post(f"{TARIFFS}upload/", {"waiting": waiting}).status_code == 200
    tree = Tariff.objects.get(pk=kept.pk).tree()
    assert tree["elements"][0]["price_components"][0]["price"] == Decimal("0.55")
    assert (tree["tariff_alt_url"], tree["energy_mix"]) == ("https://prices.example", {"is_green_energy": True})
    texts = {each["language"]: each["text"] for each in Tariff.objects.get(object_id="NEW").tree()["tariff_alt_text"]}
    assert texts["en"] == "EUR 0.39 per kWh, 19% VAT included"
    assert "imported already" in manager.post(f"{TARIFFS}upload/", {"waiting": waiting}).content.decode()
    again = uploaded(manager, ours, sheet.replace("0,39", "0,41").encode())
    manager.post(f"{TARIFFS}upload/", {"waiting": again.context["waiting"]})
    texts = {each["language"]: each["text"] for each in Tariff.objects.get(object_id="NEW").tree()["tariff_alt_text"]}
    assert texts["de"] == "EUR 0,41 pro kWh, inkl. 19 % MwSt."


def test_an_exported_price_list_changes_nothing(ours: Party, manager: Client, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    own("A", x_vendor=1, min_price={"before_taxes": Decimal("0.50")}, start_date_time="2026-01-01T00:00:00Z")
    sheet = b"".join(manager.get(f"{TARIFFS}export.csv").streaming_content)  # type: ignore[attr-defined]
    told = text(uploaded(manager, ours, sheet).content.decode())
    assert "New 0 Changed 0 Same 1" in told
    assert "Nothing to import" in told


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[]", "What would happen"),
        (b"{", "not valid JSON"),
        (b"id;price\nA;1\n", "lacks dimension"),
        (b"\x00\x01\x02", "not valid JSON"),
        (b"id,dimension,price\nA,SOLAR,1\n", "Refused 1"),
        (b'[{"id": "X", "evses": []}]', "none of its objects has elements"),
    ],
)
def test_a_file_that_is_none_is_answered_with_a_sentence(
    content: bytes, said: str, ours: Party, manager: Client, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    answer = uploaded(manager, ours, content)
    assert answer.status_code in (200, 422)
    assert said in text(answer.content.decode())
    assert not Tariff.objects.exists()


def test_an_upload_without_file_version_or_party_is_refused(ours: Party, manager: Client) -> None:
    assert manager.post(f"{TARIFFS}upload/", {"party": ours.pk}).status_code == 422
    assert uploaded(manager, ours, b"[]", version="9").status_code == 422
    other = factories.partner(ours=[ours]).party
    assert uploaded(manager, other, b"[]").status_code == 422
    assert manager.post(f"{TARIFFS}upload/", {"waiting": "forged"}).status_code == 422


# --- the sentence that nobody wrote -----------------------------------------------------------------------------------


def test_our_own_sentence_follows_the_price_and_what_staff_wrote_stays(ours: Party, manager: Client) -> None:
    draft = drafting.begin_draft(ours, small_tariff("A", "DE-RDK"), by=None, now=site.now())
    tariff = drafting.publish_draft(draft, by=None, now=site.now())

    def corrected(price: str, **changes: Any) -> dict[str, str]:
        draft = drafting.draft_of(Tariff.objects.get(pk=tariff.pk), by=None, now=site.now())
        tree = draft.tree() | changes
        tree["elements"][0]["price_components"][0]["price"] = Decimal(price)
        draft = drafting.save_draft(draft, tree, lock=draft.lock, by=None, now=site.now())
        drafting.publish_draft(draft, by=None, now=site.now())
        texts = Tariff.objects.get(pk=tariff.pk).tree().get("tariff_alt_text", [])
        return {each["language"]: each["text"] for each in texts}

    assert corrected("0.55")["en"] == "EUR 0.55 per kWh, plus 25% VAT"
    ours_and_theirs = [
        {"language": "en", "text": "EUR 0.55 per kWh, plus 25% VAT"},
        {"language": "de", "text": "Hier!"},
    ]
    assert corrected("0.60", tariff_alt_text=ours_and_theirs) == {
        "en": "EUR 0.60 per kWh, plus 25% VAT",
        "de": "Hier!",
    }
    assert corrected("0.65") == {"en": "EUR 0.65 per kWh, plus 25% VAT", "de": "Hier!"}
    assert not Draft.objects.exists()
