"""The staff pages of sessions: the list with its filters, one session, the buttons, who may press them, and what they cost."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from backoffice.cdrs.actions import issuing
from backoffice.console.models import PartyScope
from backoffice.locations.models import Location
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.sessions.actions import watching
from backoffice.sessions.models import Session
from tests import factories
from tests.doors.asking import Asking
from tests.doors.queries import Counted
from tests.factories import Partner, member, small_session, small_tariff
from tests.sessions import cast

LIST = "/admin/charging_sessions/session/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> Client:
    user = User.objects.create_superuser("anna", password="x")
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, path: str = LIST, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content[:500]
    return answer.content.decode()


def of(session: Session) -> str:
    return reverse("admin:charging_sessions_session_change", args=[session.pk])


def charge(payer: Party, number: int = 1, **given: Any) -> Session:
    evse = cast.point(tariffs=("T1",), location=f"L{number}", evse_id=f"DE*RDK*E{number}")
    return cast.begin(evse, payer, uid=f"CARD-{number}", now=given.pop("now", site.now()), **given)


@pytest.fixture
def theirs(asking: Asking) -> Session:
    told = small_session("S1", status="COMPLETED", kwh=Decimal("11.25"))
    told["charging_periods"] = [
        {
            "start_date_time": "2026-03-01T08:00:00Z",
            "tariff_id": "T1",
            "dimensions": [{"type": "ENERGY", "volume": Decimal("11.25")}, {"type": "TIME", "volume": 1}],
        }
    ]
    told["end_date_time"] = "2026-03-01T09:00:00Z"
    told["total_cost"] = {"before_taxes": 7}
    asking.put("2.3.0/receiver/tariffs/SE/ELV/T1", small_tariff("T1", at="2026-02-01T00:00:00Z"))
    assert asking.put("2.3.0/receiver/sessions/SE/ELV/S1", told).says == (201, 1000)
    return Session.objects.get(object_id="S1")


# --- the list ---------------------------------------------------------------------------------------------------------


def test_an_empty_list_says_what_belongs_there(staff: Client) -> None:
    assert "No one is charging now" in page(staff)
    assert "There was none so far" in page(staff)


def test_nobody_charges_but_somebody_did(staff: Client, theirs: Session) -> None:
    text = page(staff)
    assert "No one is charging now" in text
    assert "The last session began" in text
    assert "?state=all" in text


def test_who_charges_now_is_shown_and_renews_itself(staff: Client, partner: Partner, us: Party) -> None:
    session = charge(partner.party)
    text = page(staff)
    assert of(session) in text
    assert 'id="sessions" data-refresh="8"' in text
    assert 'data-refresh-pause="sessions"' in text
    for told in ("SE-ELV-C0001", "…1", "DE*RDK*E1", "SE-ELV →"):
        assert told in text
    assert "rs-frozen" not in text


def test_what_is_silent_is_not_shown_as_now(staff: Client, partner: Partner) -> None:
    session = charge(partner.party, now=site.now() - timedelta(hours=1))
    Session.objects.update(power_kw=77777)
    text = page(staff)
    assert 'class="rs-frozen"' in text
    assert "silent: figures are of then" in text
    assert "77777" not in text
    assert "the figures are of then" in page(staff, of(session))


def test_the_filters(staff: Client, partner: Partner, theirs: Session) -> None:
    now = site.now()
    active = charge(partner.party, 1)
    pending = charge(partner.party, 2, pending=True)
    silent = charge(partner.party, 3, now=now - timedelta(hours=1))
    done = cast.running.end(session=charge(partner.party, 4), kwh=None, reason="", now=now)
    aside = charge(partner.party, 5)
    watching.set_aside(aside, reason="Known", by="anna", now=now)
    Session.objects.filter(pk=theirs.pk).update(moved_at=now - timedelta(hours=25))
    everything = {active, pending, silent, done, aside, theirs}
    expected: dict[str, set[Session]] = {
        "": {active, pending, silent, aside},
        "?state=active": {active, silent, aside},
        "?state=pending": {pending},
        "?state=completed": {done, theirs},
        "?state=invalid": set(),
        "?state=reservation": set(),
        "?state=all": everything,
        "?state=nonsense": {active, pending, silent, aside},
        "?trouble=silent": {silent},
        "?trouble=no_cdr": {theirs},
        "?trouble=aside": {aside},
        "?state=all&way=ours": everything - {theirs},
        "?state=all&way=theirs": {theirs},
        f"?state=all&party={partner.party.pk}": everything,
        f"?state=all&party={partner.party.pk + 999}": set(),
        "?state=all&token=card-4": {done},
        "?state=all&kwh=11": {theirs},
        "?state=all&kwh=11&way=ours": set(),
        "?state=all&cost=6,50": {theirs},
        "?state=all&cost=1e999": everything,
        "?state=all&token=se elv c0001": everything - {theirs},
        "?state=all&token=DE-RDK-C1234": {theirs},
        "?state=all&token=c": set(),
        "?state=all&place=de*rdk*e3": {silent},
        "?state=all&place=L2": {pending},
        "?state=all&place=loc1": {theirs},
        "?state=all&token=%25%5C&place=%27%22%25": set(),
    }
    for query, wanted in expected.items():
        text = page(staff, LIST + query)
        assert {session for session in everything if of(session) in text} == wanted, query
    assert "Nothing matches" in page(staff, LIST + "?state=all&token=NOBODY")


def test_pages_by_key(staff: Client, partner: Partner) -> None:
    first = charge(partner.party)
    rows = []
    for number in range(120):
        copy = Session.objects.get(pk=first.pk)
        copy.pk, copy.object_id, copy.transaction = None, f"C{number}", f"TX-C{number}"
        copy.starts_at = first.starts_at - timedelta(minutes=number // 3)
        rows.append(copy)
    Session.objects.bulk_create(rows)
    seen: list[str] = []
    query = ""
    for _ in range(4):
        answer = staff.get(LIST + query)
        found = answer.context["found"]
        seen += [row.object_id for row in found.rows]
        if not answer.context["older"]:
            break
        query = answer.context["older"]
    assert len(seen) == len(set(seen)) == 121
    back = staff.get(LIST + answer.context["newer"])
    assert [row.object_id for row in back.context["found"].rows] == seen[50:100]
    for nonsense in ("?before=x_1", "?before=2026-01-01_1", "?after=_", "?before=9999-12-31T00:00:00Z_-1"):
        page(staff, LIST + nonsense)


# --- one session ------------------------------------------------------------------------------------------------------


def test_a_charge_of_ours_with_its_chart_price_and_timeline(staff: Client, partner: Partner) -> None:
    factories.own_tariff(small_tariff("T1", "DE-RDK"))
    now = site.now()
    session = charge(partner.party, now=now - timedelta(minutes=40))
    for minutes, kwh, soc in ((30, "1003", 40), (20, "1006", 60), (10, "1009", 80)):
        cast.running.meter(
            session=session,
            kwh=Decimal(kwh),
            power_kw=Decimal(18),
            soc=Decimal(soc),
            charging=True,
            now=now - timedelta(minutes=minutes),
        )
    text = page(staff, of(session))
    for told in (
        'class="rs-chart"',
        'class="rs-power"',
        'class="rs-energy"',
        'class="rs-soc"',
        "9.00 kWh in 30 min, at most 18.0 kW.",
        "rs-band rs-e0",
        "element 1 of T1",
        "kWh x 0.45 per kWh",
        "Total: 4.05 EUR before taxes, 5.06 with taxes",
        "new → ACTIVE.",
        'data-refresh="8"',
        "End it with the last reading",
        "The same as a table",
    ):
        assert told in text, told
    assert "Ask the partner again" not in text
    assert "Send charging preferences" not in text


def test_a_partners_session_shows_both_calculations_and_its_messages(staff: Client, theirs: Session) -> None:
    """Its times are those at the charge point: 08:00 UTC is 09:00 in Sweden."""
    from backoffice.sessions.actions import pricing

    Session.objects.update(time_zone="Europe/Stockholm")
    pricing.price_waiting(now=site.now())
    text = page(staff, of(theirs))
    assert text.count("2026-03-01 09:00:00") == 2
    for told in ("7.00 EUR", "5.06 EUR", "differs", "← PUT", "Ask the partner again", "11.25 kWh x 0.45 per kWh"):
        assert told in text, told
    assert "data-refresh=" not in text, "what is over does not change"
    assert "End it with the last reading" not in text


def test_a_session_leads_to_its_cdr_and_its_messages(staff: Client, partner: Partner) -> None:
    session = charge(partner.party, now=site.now() - timedelta(hours=1))
    cast.running.end(session=session, kwh=Decimal(1010), reason="", now=site.now())
    cdr = issuing.issue(session.pk, now=site.now())
    assert cdr is not None
    text = page(staff, of(session))
    assert reverse("admin:cdrs_cdr_change", args=[cdr.pk]) in text
    assert f"object=DE%2FRDK%2F{session.object_id}" in text
    alone = User.objects.create_user("alone", is_staff=True)
    alone.user_permissions.add(
        Permission.objects.get(codename="view_session", content_type__app_label="charging_sessions")
    )
    client = Client()
    client.force_login(alone)
    assert reverse("admin:cdrs_cdr_change", args=[cdr.pk]) not in page(client, of(session))


def test_a_session_that_cannot_be_has_a_page_all_the_same(staff: Client, asking: Asking) -> None:
    told = small_session("S1", kwh=-1, start_date_time="0001-01-01T00:00:00Z", end_date_time="9999-12-31T23:59:59Z")
    told["charging_periods"] = [
        {"start_date_time": "9999-12-31T23:59:59Z", "dimensions": [{"type": "ENERGY", "volume": Decimal("9e17")}]},
        {"start_date_time": "0001-01-01T00:00:00Z", "dimensions": [{"type": "TIME", "volume": -1}]},
    ]
    told["cdr_token"]["contract_id"] = "<script>alert(1)</script>"
    told["status"] = "COMPLETED"
    assert asking.put("2.3.0/receiver/sessions/SE/ELV/S1", told).says == (201, 1000)
    for path in (LIST + "?state=all", of(Session.objects.get())):
        assert "<script>alert" not in page(staff, path)


def test_a_card_is_masked_for_who_may_not_see_it(partner: Partner) -> None:
    session = charge(partner.party)
    client = member("Finance")
    for path in (LIST, of(session)):
        text = page(client, path)
        assert "…1" in text
        assert "CARD-1" not in text
    user = User.objects.get(username="Finance member")
    user.user_permissions.add(Permission.objects.get(codename="see_uid"))
    assert "CARD-1" in page(client, of(session))
    assert "CARD-1" not in page(client), "a list of everybody's cards shows none whole"


def test_the_list_says_whose_driver_charges_and_leads_there_by_the_contract(staff: Client, theirs: Session) -> None:
    ours = factories.own_party()
    own, foreign = charge(ours, number=1), charge(theirs.party, number=2, transaction="TX-2")
    rows = page(staff, LIST + "?state=all")
    for session, who in (
        (own, "Our driver at our charge point"),
        (foreign, "Their driver at our charge point"),
        (theirs, "Our driver at their charge point"),
    ):
        assert f'title="{who}"' in rows
        assert who in page(staff, of(session))
        assert f'href="{of(session)}">{session.contract_id}</a>' in rows


def test_a_short_charge_is_told_and_drawn_by_the_second(staff: Client, partner: Partner) -> None:
    now = site.now()
    session = charge(partner.party, now=now - timedelta(seconds=118))
    for seconds, kwh in ((60, "1000.2"), (0, "1000.4")):
        cast.running.meter(
            session=session,
            kwh=Decimal(kwh),
            power_kw=Decimal(11),
            soc=None,
            charging=True,
            now=now - timedelta(seconds=seconds),
        )
    text = page(staff, of(session))
    assert "0.40 kWh in 1 min 58 s, at most 12.4 kW." in text
    marks = re.findall(r'text-anchor="middle">([^<]+)</text>', text)
    assert len(marks) == len(set(marks)) == 5, marks


def test_a_session_leads_to_its_card_and_its_place_for_who_may_open_them(staff: Client, partner: Partner) -> None:
    session = charge(partner.party)
    token = factories.their_token(factories.small_token(session.token_uid.lower(), str(partner.party)))
    card = reverse("admin:tokens_token_change", args=[token.pk])
    place = reverse("admin:locations_location_change", args=[Location.objects.get(object_id=session.location_id).pk])
    text = page(staff, of(session))
    assert card in text
    assert place in text
    alone = User.objects.create_user("alone", is_staff=True)
    alone.user_permissions.add(
        Permission.objects.get(codename="view_session", content_type__app_label="charging_sessions")
    )
    client = Client()
    client.force_login(alone)
    text = page(client, of(session))
    assert card not in text
    assert place not in text


# --- buttons ----------------------------------------------------------------------------------------------------------


def press(client: Client, session: Session, deed: str, **given: str) -> str:
    url = reverse(f"admin:charging_sessions_session_{deed}", args=[session.pk])
    answer = client.post(url, given, follow=True)
    assert answer.status_code == 200, answer.content[:300]
    return answer.content.decode()


def test_setting_aside_and_taking_up_again(staff: Client, theirs: Session) -> None:
    assert "Set aside: Partner is slow." in press(staff, theirs, "aside", reason=" Partner  is slow ")
    assert Session.objects.get().stuck == "Partner is slow"
    assert "Taken up again." in press(staff, theirs, "aside")
    assert "was not set aside" in press(staff, theirs, "aside")


def test_ending_one_of_ours(staff: Client, partner: Partner, theirs: Session) -> None:
    session = charge(partner.party)
    assert "Say why" in press(staff, session, "end")
    assert "It is completed with 0.0000 kWh" in press(staff, session, "end", reason="Burnt down")
    assert "COMPLETED" in press(staff, session, "end", reason="Again")
    assert "changes when they tell us" in press(staff, theirs, "end", reason="No")


def test_asking_and_preferring_say_what_is_not_possible(staff: Client, partner: Partner, theirs: Session) -> None:
    assert "offers no Sender interface" in press(staff, theirs, "refresh")
    assert "COMPLETED" in press(staff, theirs, "prefer", profile_type="FAST")
    Session.objects.filter(pk=theirs.pk).update(status="ACTIVE")
    for given, sentence in (
        ({"profile_type": "WARM"}, "profile_type"),
        ({}, "profile_type"),
        ({"profile_type": "FAST", "departure": "soon"}, "no date and time"),
        ({"profile_type": "FAST", "energy": "much"}, "no number"),
        ({"profile_type": "FAST", "energy": "NaN"}, "No car needs"),
        ({"profile_type": "FAST", "energy": "5"}, "offers no Sender interface"),
    ):
        assert sentence in press(staff, theirs, "prefer", **given)


DEEDS = ("aside", "end", "refresh", "prefer")


@pytest.mark.parametrize(
    ("group", "steers"),
    [("Operations", True), ("Roaming", True), ("Finance", False), ("Tariffs", False), ("Read-only", False)],
)
def test_who_may_do_what(group: str, steers: bool, partner: Partner) -> None:
    session = charge(partner.party)
    client = member(group)
    assert of(session) in page(client)
    assert ("What you can do" in page(client, of(session))) is steers
    for deed in DEEDS:
        url = reverse(f"admin:charging_sessions_session_{deed}", args=[session.pk])
        assert client.get(url).status_code == (405 if steers else 403)
        assert client.post(url, {"reason": ""}).status_code == (302 if steers else 403)
    for forbidden in ("add/", f"{session.pk}/delete/"):
        assert client.get(LIST + forbidden).status_code == 403
    assert Session.objects.get().status == "ACTIVE"


def test_nobody_else_gets_in(partner: Partner) -> None:
    session = charge(partner.party)
    nobody = Client()
    for path in (LIST, of(session)):
        assert nobody.get(path).status_code == 302
    client = Client()
    client.force_login(User.objects.create_user("bare", is_staff=True))
    for path in (LIST, of(session)):
        assert client.get(path).status_code == 403


def test_scopes_hold_on_both_sides(partner: Partner, stranger: Partner, us: Party) -> None:
    other = factories.own_party("DE-OTH")
    session = charge(partner.party)
    client = member("Operations")
    scope = PartyScope.objects.create(name="Other company")
    scope.users.add(User.objects.get(username="Operations member"))
    scope.parties.add(other)
    assert of(session) not in page(client)
    page(client, of(session), status=404)
    for deed in DEEDS:
        url = reverse(f"admin:charging_sessions_session_{deed}", args=[session.pk])
        assert client.post(url, {"reason": "x"}).status_code == 404
    scope.parties.set([partner.party])  # as eMSP it is theirs
    client.force_login(User.objects.get(username="Operations member"))
    assert of(session) in page(client)


def test_the_sidebar_leads_there(staff: Client) -> None:
    assert LIST in page(staff, "/admin/")


@pytest.mark.parametrize("query", ["", "?state=all", "?trouble=no_cdr", "?state=all&token=CARD"])
def test_a_page_costs_the_same_at_ten_and_at_a_thousand_rows(query: str, staff: Client, partner: Partner) -> None:
    first = charge(partner.party)
    counts = []
    for size in (10, 1000):
        rows = []
        for number in range(Session.objects.count(), size):
            copy = Session.objects.get(pk=first.pk) if not rows else rows[0].__class__(**_fields(first))
            copy.pk, copy.object_id, copy.transaction = None, f"C{number}", f"TX-C{number}"
            rows.append(copy)
        Session.objects.bulk_create(rows)
        page(staff, LIST + query)
        with Counted() as counted:
            page(staff, LIST + query)
        counts.append(counted.number)
    assert counts[0] == counts[1], counts
    assert counts[1] <= 12


def _fields(session: Session) -> dict[str, Any]:
    return {field.attname: getattr(session, field.attname) for field in Session._meta.concrete_fields}


def test_a_session_costs_the_same_with_few_and_many_readings(staff: Client, partner: Partner) -> None:
    factories.own_tariff(small_tariff("T1", "DE-RDK"))
    session = charge(partner.party, now=site.now() - timedelta(hours=3))
    counts = []
    for minutes in ((1, 2), range(3, 60)):
        for minute in minutes:
            cast.running.meter(
                session=session,
                kwh=Decimal(1000 + minute),
                power_kw=None,
                soc=None,
                charging=True,
                now=session.starts_at + timedelta(minutes=minute),
            )
        page(staff, of(session))
        with Counted() as counted:
            page(staff, of(session))
        counts.append(counted.number)
    assert counts[0] == counts[1], counts
    assert counts[1] <= 25
