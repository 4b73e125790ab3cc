"""The staff door of CDRs: inbox, detail, decisions, quarantine, search; who may what, and hostile values shown as text."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.cdrs.actions import checking, deciding
from backoffice.cdrs.admin import bulk
from backoffice.cdrs.models import Cdr, Quarantined
from backoffice.console import windows
from backoffice.console.models import PartyScope
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from tests import factories
from tests.cdrs.cast import own_cdr
from tests.doors.asking import Asking, snapshot
from tests.factories import Partner, small_cdr
from tests.locations.cast import logged_in, staff

LIST = "/admin/cdrs/cdr/"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def finance(db: None) -> Client:
    return logged_in(staff("fiona", "Finance"))


def told(asking: Asking, identity: str, **changes: Any) -> Cdr:
    tree = small_cdr(identity, **changes)
    tree["cdr_token"] = tree["cdr_token"] | {"uid": f"UID{identity}"}
    answered = asking.ask("POST", "2.3.0/receiver/cdrs", tree)
    assert answered.says == (201, 1000), answered.body
    checking.check_waiting(now=site.now())
    return Cdr.objects.get(object_id=identity)


def page(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def do(cdr: Cdr, what: str) -> str:
    return reverse(f"admin:cdrs_cdr_{what}", args=[cdr.pk])


def test_the_tabs_hold_what_they_say(partner: Partner, asking: Asking, finance: Client) -> None:
    told(asking, "GOOD")
    told(asking, "WRONG", total_cost={"before_taxes": Decimal("10.20")})
    own_cdr("HELD-1", partner.party, held=["ENERGY_OVER_POWER_LIMIT"])
    own_cdr("OLD-1", partner.party, session_id="S1", now=site.now() - timedelta(days=2))
    own_cdr("NEW-1", partner.party, session_id="S2")
    told(asking, "GOOD-C", credit=True, credit_reference_id="GOOD", total_cost={"before_taxes": -9})
    expected = {
        "review": {"WRONG", "GOOD-C"},
        "held": {"HELD-1"},
        "waiting": {"OLD-1"},
        "agreed": {"GOOD"},
        "credited": {"GOOD", "GOOD-C"},
        "all": {"GOOD", "WRONG", "HELD-1", "OLD-1", "NEW-1", "GOOD-C"},
    }
    every = expected["all"]
    for tab, ids in expected.items():
        text = page(finance, f"{LIST}?tab={tab}")
        assert {each for each in every if f">{each}<" in text} == ids, tab
    text = page(finance, LIST)
    assert "Total mismatch" in text
    assert "+1.20 EUR" in text
    assert "+13.3 %" in text


def test_the_totals_are_of_all_that_is_filtered_and_signed(asking: Asking, finance: Client) -> None:
    told(asking, "A")
    told(asking, "B", currency="SEK")
    told(asking, "A-C", credit=True, credit_reference_id="A", total_cost={"before_taxes": Decimal("-9.00")})
    text = page(finance, f"{LIST}?tab=all")
    assert "All 2 in EUR" in text
    foot = text[text.index("<tfoot>") : text.index("</tfoot>")]
    assert "0.00 EUR" in foot
    assert ">0.00<" in foot, "the energy of a Credit CDR counts against that of its original"
    assert "9.00 SEK" in foot
    assert "All 1 in SEK" in page(finance, f"{LIST}?tab=all&currency=SEK")


FILTERS: list[tuple[str, set[str]]] = [
    ("way=in", {"A", "B"}),
    ("way=out", {"O"}),
    ("reason=TOTAL_MISMATCH", {"B"}),
    ("verdict=AGREED", {"A"}),
    ("verdict=DIFFERS", {"B"}),
    ("verdict=RELEASED", {"O"}),
    ("verdict=WAITING", set()),
    ("verdict=nonsense&age=7", {"A", "B", "O"}),
    ("age=1d", set()),
    ("currency=sek", set()),
    ("delta=1", {"B"}),
    ("delta=1,21", set()),
    ("signed=yes", set()),
    ("credit=no", {"A", "B", "O"}),
    ("since=2026-03-10&until=2026-03-10", {"A", "B", "O"}),
    ("since=2026-03-11", set()),
    ("since=nonsense&delta=x&partner=zzz&before=~&tab=nothing&way=up", {"B"}),
    ("partner=999999999999", set()),
    ("until=9999-12-31", {"A", "B", "O"}),
]


@pytest.mark.parametrize(("query", "ids"), FILTERS)
def test_filters(query: str, ids: set[str], partner: Partner, asking: Asking, finance: Client) -> None:
    told(asking, "A")
    told(asking, "B", total_cost={"before_taxes": Decimal("10.20")})
    own_cdr("O", partner.party)
    text = page(finance, f"{LIST}?tab=all&{query}" if "tab=" not in query else f"{LIST}?{query}")
    assert {each for each in ("A", "B", "O") if f">{each}</a>" in text} == ids


def test_pages_go_on_by_key(partner: Partner, finance: Client) -> None:
    for number in range(60):
        own_cdr(f"C{number:02}", partner.party, session_id=f"S{number}", end_date_time=f"2026-03-10T10:{number:02}:00Z")
    first = finance.get(f"{LIST}?tab=all")
    assert "C59" in first.content.decode()
    assert ">C09<" not in first.content.decode()
    assert not first.context["newest"]
    older = finance.get(LIST + first.context["older"])
    text = older.content.decode()
    assert ">C09<" in text
    assert ">C10<" not in text
    assert "Newest" in text
    newer = finance.get(LIST + older.context["newer"])
    assert [row.pk for row in newer.context["found"].rows] == [row.pk for row in first.context["found"].rows]


def test_a_search_that_takes_too_long_is_given_up_with_a_sentence(
    partner: Partner, finance: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_cdr("C", partner.party)
    monkeypatch.setattr(windows, "PATIENCE_MS", 1)
    with database.cursor() as cursor:  # a row that takes a hundred milliseconds to read
        cursor.execute(
            """ALTER TABLE cdrs_cdr RENAME TO slow_cdr;
            CREATE VIEW cdrs_cdr AS SELECT s.* FROM slow_cdr s, LATERAL (SELECT pg_sleep(0.1)) p"""
        )
    assert "That search took too long" in page(finance, f"{LIST}?tab=all")


def test_empty_says_why(finance: Client, asking: Asking) -> None:
    assert "No CDR yet" in page(finance, LIST)
    told(asking, "A")
    assert "All clear" in page(finance, LIST)
    assert "Nothing matches" in page(finance, f"{LIST}?tab=all&currency=NOK")
    assert "Nothing is in quarantine" in page(finance, f"{LIST}?tab=quarantine")


def test_both_calculations_side_by_side(asking: Asking, finance: Client) -> None:
    asking.put("2.3.0/receiver/tariffs/SE/ELV/T1", factories.small_tariff("T1"))
    cdr = told(
        asking, "W", total_cost={"before_taxes": Decimal("10.20")}, total_energy_cost={"before_taxes": Decimal("10.20")}
    )
    text = page(finance, do(cdr, "change"))
    assert "Billed 1.20 EUR more than we calculate." in text
    for figure in ("10.2000", "9.0000", "≠", "Because", "20.0000 kWh", "Europe/Stockholm"):
        assert figure in text, figure
    assert text.count("rd-differs") == 2
    for tab in ("tariffs", "messages", "json", "history"):
        assert page(finance, f"{do(cdr, 'change')}?tab={tab}")
    assert "the same in both" in page(finance, f"{do(cdr, 'change')}?tab=tariffs")


def test_a_page_of_what_cannot_be_calculated(asking: Asking, finance: Client) -> None:
    cdr = told(asking, "N", tariffs=[], start_date_time="1970-01-01T00:00:00Z", end_date_time="1970-01-01T00:00:00Z")
    assert "There is no tariff to calculate by" in page(finance, do(cdr, "change"))
    odd = told(asking, "O", end_date_time="9999-12-31T23:59:59Z", total_energy=Decimal("1e18"))
    for tab in ("", "tariffs", "messages", "json", "history"):
        page(finance, f"{do(odd, 'change')}?tab={tab}")
    page(finance, f"{LIST}?tab=all")


def test_what_partners_write_is_text(asking: Asking, finance: Client) -> None:
    cdr = told(asking, HOSTILE[:36], remark=HOSTILE, meter_id=HOSTILE, currency="<b>", session_id=HOSTILE[:36])
    Cdr.objects.update(location_name=HOSTILE, sentence=HOSTILE)
    for url in (
        f"{LIST}?tab=all",
        do(cdr, "change"),
        f"{do(cdr, 'change')}?tab=json",
        f"/admin/cdrs/cdr/search/?q={HOSTILE}",
    ):
        assert HOSTILE not in page(finance, url)
    page(finance, "/admin/cdrs/cdr/search/?q=script")


# --- decisions --------------------------------------------------------------------------------------------------------


def test_release_asks_why_first(partner: Partner, finance: Client) -> None:
    cdr = own_cdr("H", partner.party, held=["ZERO_ENERGY_WITH_COST"])
    assert "Release…" in page(finance, do(cdr, "change"))
    assert "can never be changed" in page(finance, do(cdr, "release"))
    before = snapshot()
    assert "A reason is needed" in finance.post(do(cdr, "release"), {"reason": " "}).content.decode()
    assert snapshot() == before
    assert finance.post(do(cdr, "release"), {"reason": "It parked."}).status_code == 302
    cdr.refresh_from_db()
    assert cdr.state == "RELEASED"
    assert "It parked." in page(finance, f"{do(cdr, 'change')}?tab=history")
    assert "Release…" not in page(finance, do(cdr, "change"))


def test_drop_and_credit(partner: Partner, finance: Client) -> None:
    held, sent = own_cdr("H", partner.party, held=["X"]), own_cdr("S", partner.party, session_id="S1")
    finance.post(do(held, "drop"), {"reason": "A test charge."})
    answer = finance.post(do(sent, "credit"), {"reason": "The meter was broken."}, follow=True)
    assert "Credit CDR S-C is on its way." in answer.content.decode()
    assert sorted(Cdr.objects.values_list("object_id", "state")) == [
        ("H", "DROPPED"),
        ("S", "RELEASED"),
        ("S-C", "RELEASED"),
    ]
    again = finance.post(do(sent, "credit"), {"reason": "Again."}, follow=True)
    assert "credited already" in again.content.decode()


def test_a_correction_is_shown_before_it_is_done(partner: Partner, finance: Client) -> None:
    cdr = own_cdr("S", partner.party)
    url = do(cdr, "correct")
    assert "What was it really" in page(finance, url)
    shown = page(finance, f"{url}?kwh=10&ends_at=2026-03-10T10:00:00&remark=")
    assert "S-R2" in shown
    assert "4.50 EUR" in shown
    assert Cdr.objects.count() == 1
    assert "costs more than the driver saw" in page(finance, f"{url}?kwh=21")
    for wrong in ("kwh=x", "kwh=-1", "ends_at=soon", "kwh=NaN", "kwh=1e99"):
        assert 'role="alert"' in page(finance, f"{url}?{wrong}"), wrong
    assert "A reason is needed" in finance.post(url, {"kwh": "10"}).content.decode()
    assert Cdr.objects.count() == 1
    assert finance.post(url, {"kwh": "10", "reason": "The meter jumped."}).status_code == 302
    assert sorted(Cdr.objects.values_list("object_id", flat=True)) == ["S", "S-C", "S-R2"]


def test_recheck_uses_what_is_known_now(asking: Asking, finance: Client) -> None:
    cdr = told(asking, "A", tariffs=[])
    assert cdr.verdict == "NOT_PRICED"
    asking.put("2.3.0/receiver/tariffs/SE/ELV/T1", factories.small_tariff("T1"))
    assert finance.get(do(cdr, "recheck")).status_code == 405
    assert "Every figure is as we calculate it." in finance.post(do(cdr, "recheck"), follow=True).content.decode()


def test_an_old_one_is_found_by_its_age(asking: Asking, finance: Client) -> None:
    told(asking, "OLD")
    told(asking, "NEW")
    Cdr.objects.filter(object_id="OLD").update(created_at=site.now() - timedelta(days=8))
    text = page(finance, f"{LIST}?tab=all&age=7d")
    assert ">OLD</a>" in text
    assert ">NEW</a>" not in text


def test_one_is_accepted_with_a_note_and_leaves_the_review(asking: Asking, finance: Client) -> None:
    cdr = told(asking, "B", total_cost={"before_taxes": Decimal("10.20")})
    assert "Accept…" in page(finance, do(cdr, "change"))
    assert "A reason is needed" in finance.post(do(cdr, "accept"), {"reason": " "}).content.decode()
    finance.post(do(cdr, "accept"), {"reason": "Agreed by telephone."})
    assert ">B</a>" not in page(finance, f"{LIST}?tab=review")
    assert ">B</a>" in page(finance, f"{LIST}?tab=agreed&verdict=ACCEPTED")
    text = page(finance, f"{do(cdr, 'change')}?tab=history")
    assert "Agreed by telephone." in text
    assert "Accept…" not in text
    assert checking.check_waiting(now=site.now()) == 0, "no worker takes a decision of staff back"
    finance.post(do(cdr, "recheck"))
    cdr.refresh_from_db()
    assert cdr.verdict == "DIFFERS"


SEVERAL = "/admin/cdrs/cdr/several/"


def test_several_are_decided_at_once_each_by_itself(
    partner: Partner, finance: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = [own_cdr(f"H{n}", partner.party, held=["X"], session_id=f"S{n}") for n in range(3)]
    sent = own_cdr("SENT", partner.party, session_id="S9")
    chosen = {"do": "release", "pk": [*(cdr.pk for cdr in held), sent.pk, 10**15, "x"], "from": "?tab=held&way=out"}
    before = snapshot()
    asked = finance.post(SEVERAL, chosen)
    text = asked.content.decode()
    assert "3 CDRs:" in text
    assert "Not among them" in text
    assert "SENT" in text
    assert f"{LIST}?tab=held&amp;way=out" in text
    missing = finance.post(SEVERAL, chosen | {"sure": "1", "reason": " "})
    assert (missing.status_code, "A reason is needed" in missing.content.decode()) == (400, True)
    assert snapshot() == before
    fits = bulk.DEEDS["release"].do

    def somebody_was_faster(cdr: Cdr, **given: Any) -> str:
        if cdr.object_id == "H1":
            deciding.drop(cdr, now=given["now"], by="otto", reason="A test.")
        return fits(cdr, **given)

    monkeypatch.setitem(bulk.DEEDS, "release", replace(bulk.DEEDS["release"], do=somebody_was_faster))
    done = finance.post(SEVERAL, chosen | {"sure": "1", "reason": "They are right."})
    text = done.content.decode()
    assert sorted(cdr.object_id for cdr, _ in done.context["done"]) == ["H0", "H2"]
    assert [cdr.object_id for cdr, _ in done.context["failed"]] == ["H1"]
    assert "One could not be done" in text
    assert "Try these again" in text
    assert sorted(Cdr.objects.values_list("object_id", "state")) == [
        ("H0", "RELEASED"),
        ("H1", "DROPPED"),
        ("H2", "RELEASED"),
        ("SENT", "RELEASED"),
    ]


def test_received_ones_are_accepted_and_checked_again_together(asking: Asking, finance: Client) -> None:
    rows = [told(asking, name, total_cost={"before_taxes": Decimal("10.20")}) for name in ("B1", "B2")]
    pks = [cdr.pk for cdr in rows]
    text = page(finance, f"{LIST}?tab=review")
    assert text.count('form="several"') == 2
    assert 'value="drop"' not in text
    finance.post(SEVERAL, {"do": "accept", "pk": pks, "sure": "1", "reason": "One cause, talked over."})
    assert set(Cdr.objects.values_list("verdict", flat=True)) == {"ACCEPTED"}
    finance.post(SEVERAL, {"do": "recheck", "pk": pks, "sure": "1"})
    assert set(Cdr.objects.values_list("verdict", flat=True)) == {"DIFFERS"}


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"do": "credit"}, 400),
        ({}, 400),
        ({"do": "accept"}, 302),
        ({"do": "accept", "pk": "zzz"}, 302),
        ({"do": "accept", "pk": "1" * 30, "from": "//elsewhere.example/?tab=held"}, 302),
    ],
)
def test_nonsense_decides_nothing(given: dict[str, str], status: int, finance: Client) -> None:
    answer = finance.post(SEVERAL, given)
    assert answer.status_code == status
    if status == 302:
        assert answer["Location"].startswith(LIST)
    assert finance.get(SEVERAL).status_code == 405


def test_quarantine_is_seen_and_closed(asking: Asking, finance: Client) -> None:
    told(asking, "A")
    asking.ask("POST", "2.3.0/receiver/cdrs", small_cdr("A", remark="other"))
    kept = Quarantined.objects.get()
    text = page(finance, f"{LIST}?tab=quarantine")
    assert "Same id, other content" in text
    url = reverse("admin:cdrs_cdr_close", args=[kept.pk])
    assert "other" in page(finance, url)
    assert "A reason is needed" in finance.post(url, {"reason": ""}).content.decode()
    finance.post(url, {"reason": "They sent it twice."})
    kept.refresh_from_db()
    assert (kept.closed_by, kept.closed_because) == ("fiona", "They sent it twice.")
    assert "told with other content" in page(finance, do(Cdr.objects.get(), "change"))


# --- who may ----------------------------------------------------------------------------------------------------------

MATRIX = [
    ("Finance", True, True, True),
    ("Operations", True, False, False),
    ("Roaming", True, False, False),
    ("Read-only", True, False, False),
    ("Tariffs", True, False, True),
    ("", False, False, False),
]


@pytest.mark.parametrize(("group", "sees", "decides", "rechecks"), MATRIX, ids=[row[0] or "no group" for row in MATRIX])
def test_who_may_what(group: str, sees: bool, decides: bool, rechecks: bool, partner: Partner, asking: Asking) -> None:
    theirs, held = told(asking, "A"), own_cdr("H", partner.party, held=["X"])
    asking.ask("POST", "2.3.0/receiver/cdrs", small_cdr("A", remark="other"))
    kept = Quarantined.objects.get()
    client = logged_in(staff("somebody", group) if group else User.objects.create_user("somebody", is_staff=True))
    for url in (LIST, f"{LIST}?tab=quarantine", do(theirs, "change"), "/admin/cdrs/cdr/search/?q=UIDA"):
        assert client.get(url).status_code == (200 if sees else 403), url
    before = snapshot("last_login")
    closing = reverse("admin:cdrs_cdr_close", args=[kept.pk])
    if not decides:
        several = [
            client.post(SEVERAL, {"do": what, "pk": [held.pk, theirs.pk]}) for what in ("accept", "release", "drop")
        ]
        assert [answer.status_code for answer in several] == [403] * 3
        for url in (*(do(held, what) for what in ("release", "accept", "drop", "credit", "correct")), closing):
            for answer in (client.get(url), client.post(url, {"reason": "I say so.", "kwh": "1"})):
                assert answer.status_code == 403, url
    if not rechecks:
        assert client.post(do(theirs, "recheck")).status_code == 403
    if not decides and not rechecks:
        assert snapshot("last_login") == before
    assert client.get(do(held, "release")).status_code == (200 if decides else 403)
    for url in ("/admin/cdrs/cdr/add/", f"/admin/cdrs/cdr/{held.pk}/delete/"):
        assert client.post(url).status_code == 403


def test_a_scope_ends_where_its_parties_end(partner: Partner, asking: Asking) -> None:
    theirs = told(asking, "A")
    other = factories.own_party("AT-RDK", "EMSP")
    user = staff("fiona", "Finance")
    scope = PartyScope.objects.create(name="Austria")
    scope.users.add(user)
    scope.parties.add(other)
    client = logged_in(user)
    assert ">A</a>" not in page(client, f"{LIST}?tab=all")
    assert client.get(do(theirs, "change")).status_code == 404
    assert client.post(do(theirs, "recheck")).status_code == 404
    assert ">A</a>" not in page(client, "/admin/cdrs/cdr/search/?q=UIDA")
    scope.parties.add(Party.objects.get(country_code="DE", party_id="RDK"))
    assert ">A</a>" in page(client, f"{LIST}?tab=all")


# --- the search -------------------------------------------------------------------------------------------------------

SEARCHES = [
    "UIDA",
    "uid a",
    "DE-RDK-C00012345-6",
    "derdkc0001",
    "SE*ELV*E100",
    "seelve1",
    "hamnen",
    "A-LONG-ID",
    "s-a-long-id",
    "2026-03-10 09:30",
    "2026-03-10",
]


@pytest.mark.parametrize("term", SEARCHES)
def test_one_box_finds_a_charge(term: str, asking: Asking, finance: Client) -> None:
    told(asking, "A-LONG-ID")
    assert ">A-LONG-ID</a>" in page(finance, f"/admin/cdrs/cdr/search/?q={term}")


@pytest.mark.parametrize(
    "term",
    [
        "%",
        "__",
        "%%%",
        "\\",
        "2026-02-31",
        "0001-01-01",
        "9999-12-31 23:59",
        "x" * 300,
        "'; --",
        "2026-03-10 10:01",
    ],
)
def test_what_finds_nothing_is_no_error(term: str, asking: Asking, finance: Client) -> None:
    told(asking, "A-LONG-ID")
    answer = finance.get("/admin/cdrs/cdr/search/", {"q": term})
    assert answer.status_code == 200
    assert ">A-LONG-ID</a>" not in answer.content.decode()


def test_pages_ask_as_often_for_many_as_for_few(partner: Partner, asking: Asking, finance: Client) -> None:
    pages = [f"{LIST}?tab=all", f"{LIST}?tab=review", "/admin/cdrs/cdr/search/?q=UID", f"{LIST}?tab=quarantine"]
    told(asking, "A", total_cost={"before_taxes": 1})

    def counted() -> list[int]:
        found = []
        for url in pages:
            with CaptureQueriesContext(database) as queries:
                assert finance.get(url).status_code == 200
            found.append(len(queries))
        return found

    counted()
    few = counted()
    for number in range(8):
        told(asking, f"B{number}", total_cost={"before_taxes": 1})
        own_cdr(f"O{number}", partner.party, session_id=f"S{number}")
    assert counted() == few
    assert max(few) <= 25
