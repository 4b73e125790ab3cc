"""The staff pages of charging profiles: the list, one session with its chart, the buttons, who may press them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from backoffice.charging_profiles.models import ProfileRequest
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from tests import factories
from tests.charging_profiles import cast
from tests.charging_profiles.cast import charging, listening, obey, put
from tests.doors.asking import Asking, snapshot
from tests.factories import Partner, member
from tests.sessions import cast as charges

LIST = "/admin/charging_profiles/profilerequest/"
FORM = {"unit": "A", "starts": "now", "start": ["0", "10"], "limit": ["10", "6.5"], "why": "The grid is full"}


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("anna", password="x"))
    return client


def page(client: Client, path: str = LIST, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content[:500]
    return answer.content.decode()


def of(session: Session, deed: str = "session") -> str:
    return reverse(f"admin:charging_profiles_profilerequest_{deed}", args=[session.pk])


@pytest.fixture
def steered(asking: Asking, partner: Partner) -> Session:
    listening(partner)
    session = charging(partner, now=site.now() - timedelta(minutes=10))
    charges.running.meter(
        session=session,
        kwh=charges.Decimal(1001),
        power_kw=charges.Decimal("11.1"),
        soc=None,
        charging=True,
        now=site.now(),
    )
    cast.drive(*[session.point] if session.point else [])
    put(asking, partner, session)
    obey(session)
    return session


def test_an_empty_list_says_what_belongs_there(staff: Client) -> None:
    text = page(staff)
    assert "Requests to set, remove or read a charging profile" in text
    assert "No session goes on at an EVSE that takes charging profiles" in text


def test_the_list(staff: Client, steered: Session, partner: Partner) -> None:
    charging(partner, capabilities=(), number=7)
    text = page(staff)
    assert of(steered) in text
    for told in ("16 A", "asked us", "from the start of charging", "DE*RDK*E1", "Accepted", "Answered"):
        assert told in text, told
    assert "DE*RDK*E7" not in text
    for query, count in (
        ("?state=ANSWERED", 1),
        ("?state=WAITING", 0),
        ("?kind=SET&way=IN&response=ACCEPTED", 1),
        (f"?partner={partner.connection.pk}", 1),
        ("?kind=nonsense", 1),
    ):
        assert page(staff, LIST + query).count("Set<br>") == count, query


def test_a_session_of_a_partner_that_can_be_steered(staff: Client, asking: Asking, us: Party) -> None:
    place = factories.small_location("LOC1")
    place["evses"][0] |= {"capabilities": ["CHARGING_PROFILE_CAPABLE"], "evse_id": "SE*ELV*E9"}
    asking.put("2.3.0/receiver/locations/SE/ELV/LOC1", place)
    asking.put("2.3.0/receiver/sessions/SE/ELV/S1", factories.small_session("S1"))
    assert "SE*ELV*E9" in page(staff)
    text = page(staff, of(Session.objects.get()))
    assert "offers no Receiver interface for charging profiles" in text


def test_one_session(staff: Client, steered: Session) -> None:
    text = page(staff, of(steered))
    assert 'data-refresh="8"' in text
    for told in (
        'class="rp-requested"',
        'class="rp-active"',
        'class="rp-metered"',
        "The same as a table",
        "32 A or 22080 W",
        "At this moment: active 16 A, requested 16 A",
        "SE-ELV",
    ):
        assert told in text, told
    in_watts = page(staff, of(steered) + "?unit=W")
    assert "requested 11 kW" in in_watts
    assert "The grid" not in page(staff, of(steered) + "?template=pause")
    for name in ("pause", "least", "half", "hour", "nonsense"):
        assert 'name="limit"' in page(staff, of(steered) + f"?template={name}")


def test_one_request(staff: Client, steered: Session) -> None:
    made = ProfileRequest.objects.get()
    text = page(staff, f"{LIST}{made.pk}/change/")
    for told in ("asked us", "Result told", "charging_rate_unit", "ASK" if "ASK" in text else "Ask", "The messages"):
        assert told in text, told


def test_staff_set_remove_and_ask(staff: Client, steered: Session) -> None:
    answer = staff.post(of(steered, "set"), FORM, follow=True)
    assert "The charge point is being asked" in answer.content.decode()
    made = ProfileRequest.objects.latest("pk")
    assert (made.way, made.asked_by, made.why) == ("OWN", "anna", "The grid is full")
    profile = made.profile()
    assert profile is not None
    assert cast.steps(profile) == [(0, 10), (600, cast.literal(b"6.5"))]
    (order,) = obey(steered)
    assert type(order).__name__ == "SetProfile"
    staff.post(of(steered, "clear"), {"why": "Enough again"})
    (order,) = obey(steered)
    assert cast.steps(order.profile) == [(0, 16)]  # type: ignore[union-attr]
    staff.post(of(steered, "ask"))
    (order,) = obey(steered)
    assert type(order).__name__ == "ActiveProfile"


def test_staff_look_first(staff: Client, steered: Session) -> None:
    before = snapshot()
    text = staff.post(of(steered, "preview"), FORM).content.decode()
    assert "Nothing speaks against it." in text
    assert 'class="rp-preview"' in text
    assert "data-refresh" not in text.replace("data-refresh-", "")
    assert 'value="6.5"' in text
    assert "taken as that" in staff.post(of(steered, "preview"), FORM | {"limit": ["40", "6"]}).content.decode()
    assert snapshot() == before


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"limit": ["x", "6"]}, "Period 1, limit: &#x27;x&#x27; is no number"),
    ({"limit": ["", "6"]}, "Period 1: both"),
    ({"start": ["", ""], "limit": ["", ""]}, "At least one period"),
    ({"limit": ["6.55", "6"]}, "at most one decimal"),
    ({"limit": ["-6", "6"]}, "less than none"),
    ({"limit": ["1e99", "6"]}, "too large"),
    ({"start": ["0.001", "5"]}, "whole seconds"),
    ({"minutes": "NaN"}, "too large"),
    ({"starts": "at", "at": "never"}, "no date and time"),
    ({"why": ""}, "Say why"),
]


def test_what_staff_type_wrong_is_said_and_stays(staff: Client, steered: Session) -> None:
    count = ProfileRequest.objects.count()
    for changes, why in WRONG:
        answer = staff.post(of(steered, "set"), FORM | changes)
        assert answer.status_code == 200
        assert why in answer.content.decode(), (changes, why)
        assert staff.post(of(steered, "preview"), FORM | changes).status_code == 200
    assert ProfileRequest.objects.count() == count
    staff.post(of(steered, "clear"), {"why": " "})
    assert ProfileRequest.objects.count() == count


def test_a_session_that_is_over_has_no_buttons_that_work(staff: Client, steered: Session) -> None:
    charges.running.end(session=steered, kwh=None, reason="", now=site.now())
    text = page(staff, of(steered))
    assert "takes no charging profiles" in text
    assert "data-refresh=" not in text
    for deed in ("set", "clear", "ask"):
        staff.post(of(steered, deed), FORM)
    assert ProfileRequest.objects.count() == 1


DEEDS = {"set": FORM, "preview": FORM, "clear": {"why": "So"}, "ask": {}}


@pytest.mark.parametrize(
    ("group", "may"),
    [
        ("Operations", {"set", "preview", "clear", "ask"}),
        ("Roaming", {"ask"}),
        ("Support", {"ask", "clear"}),
        ("Finance", set()),
        ("Read-only", set()),
    ],
)
def test_who_may_press_what(group: str, may: set[str], steered: Session) -> None:
    client = member(group)
    text = page(client, of(steered))
    for deed, given in DEEDS.items():
        if deed != "preview":
            assert (of(steered, deed) in text) is (deed in may), deed
        before = snapshot("last_login")
        answer = client.post(of(steered, deed), given)
        assert answer.status_code == (403 if deed not in may else 200 if deed == "preview" else 302), deed
        if deed not in may:
            assert snapshot("last_login") == before
        obey(steered)
        assert client.get(of(steered, deed)).status_code in (403, 405)
    assert member_without_rights().get(LIST).status_code == 403


def member_without_rights() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    return client


def test_whose_sessions_one_sees(steered: Session, us: Party) -> None:
    other = factories.own_party("DE-OTH")
    seeing, blind = member("Operations", us), member("Finance", other)
    assert of(steered) in page(seeing)
    assert of(steered) not in page(blind)
    assert page(blind, of(steered), 404)
    request = ProfileRequest.objects.get()
    assert page(blind, f"{LIST}{request.pk}/change/", 404)
    assert page(seeing, f"{LIST}{request.pk}/change/")
    assert page(seeing, f"{LIST}session/99999999999999999999/", 404)
