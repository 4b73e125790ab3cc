"""A partner misbehaves in the middle of a charge. A session runs, the partner does one thing that it should not, then goes on
honestly: what it did has changed nothing, is answered in the protocol's terms, and does not keep the rest from being right.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.delivery.actions import draining
from backoffice.delivery.models import Message
from backoffice.partners.models import Connection, Party
from backoffice.roaming_site import site
from backoffice.sessions.actions import pricing, running
from backoffice.sessions.models import Session, SessionEvent
from tests import factories
from tests.doors.asking import Asking, snapshot
from tests.factories import Partner, small_session
from tests.meeting import registered
from tests.peer import ScriptedPeer, Twist
from tests.sessions import cast

DOOR = "2.3.0/receiver/sessions/SE/ELV/S1"
AT, MIDDLE, LATER = "2026-03-01T08:00:00Z", "2026-03-01T08:20:00Z", "2026-03-01T08:30:00Z"
DIMENSION = {"type": "ENERGY", "volume": 4}


def session(**changes: Any) -> dict[str, Any]:
    """S1 in its twentieth minute."""
    told = {"kwh": 4, "last_updated": MIDDLE, "charging_periods": [period(AT)]}
    return small_session("S1", at=AT) | told | changes


def period(start: str, **changes: Any) -> dict[str, Any]:
    return {"start_date_time": start, "dimensions": [DIMENSION]} | changes


@dataclass(frozen=True)
class Trick:
    """What the partner does, and what it is answered (HTTP, OCPI)."""

    name: str
    method: str
    body: Any
    says: tuple[int, int] = (200, 2001)
    path: str = DOOR

    def __str__(self) -> str:
        return self.name


def token(**changes: str) -> dict[str, Any]:
    tree: dict[str, Any] = session()
    return {"cdr_token": tree["cdr_token"] | changes, "last_updated": LATER}


TRICKS = [
    Trick("goes back to pending", "PATCH", {"status": "PENDING", "last_updated": LATER}),
    Trick("goes back to a reservation", "PUT", session(status="RESERVATION", last_updated=LATER)),
    Trick("an older whole session", "PUT", session(kwh=1, last_updated="2026-03-01T08:10:00Z"), (200, 1000)),
    Trick("an older change", "PATCH", {"kwh": 1, "last_updated": "2026-03-01T08:19:59Z"}, (200, 1000)),
    Trick("older periods", "PATCH", {"charging_periods": [period(MIDDLE)], "last_updated": AT}, (200, 1000)),
    Trick("a status of its own", "PATCH", {"status": "CHARGING", "last_updated": LATER}),
    Trick("no kwh any more", "PATCH", {"kwh": None, "last_updated": LATER}),
    Trick("kwh as text", "PATCH", {"kwh": "4.5", "last_updated": LATER}),
    Trick("no date", "PATCH", {"kwh": 5}),
    Trick("a date that is none", "PATCH", {"kwh": 5, "last_updated": "now"}),
    Trick("gives it to the driver of another eMSP", "PATCH", token(party_id="FJO", country_code="NO")),
    Trick("gives it to a party of its own", "PATCH", token(party_id="ELV", country_code="SE")),
    Trick("a token without contract", "PATCH", {"cdr_token": {"uid": "X", "type": "RFID"}, "last_updated": LATER}),
    Trick("another id in the body", "PATCH", {"id": "S2", "last_updated": LATER}),
    Trick("another owner in the body", "PATCH", {"party_id": "FJO", "last_updated": LATER}),
    Trick("another owner in the path", "PATCH", {"last_updated": LATER}, (404, 2001), DOOR.replace("SE/ELV", "NO/FJO")),
    Trick("our own party in the path", "PUT", session(), (404, 2001), DOOR.replace("SE/ELV", "DE/RDK")),
    Trick(
        "a period without dimensions",
        "PATCH",
        {"charging_periods": [period(LATER, dimensions=[])], "last_updated": LATER},
    ),
    Trick(
        "a period without start", "PATCH", {"charging_periods": [{"dimensions": [DIMENSION]}], "last_updated": LATER}
    ),
    Trick("periods that are no list", "PATCH", {"charging_periods": {"0": period(LATER)}, "last_updated": LATER}),
    Trick("a period that is no object", "PATCH", {"charging_periods": ["08:30"], "last_updated": LATER}),
    Trick("a period by the path", "PUT", period(LATER), (404, 2001), f"{DOOR}/charging_periods"),
    Trick("deletes it", "DELETE", None, (405, 2000)),
    Trick("posts it", "POST", session(last_updated=LATER), (405, 2000)),
    Trick("no JSON", "PATCH", b'{"kwh": 5, "last_updated": ', (400, 2001)),
    Trick("a key twice", "PATCH", b'{"kwh": 5, "kwh": 50, "last_updated": "2026-03-01T08:30:00Z"}', (400, 2001)),
    Trick("an endless number", "PATCH", b'{"kwh": 1e999, "last_updated": "2026-03-01T08:30:00Z"}', (400, 2001)),
    Trick("a list", "PUT", [session()]),
    Trick("nothing at all", "PUT", {}),
    Trick("half a session", "PUT", {key: value for key, value in session().items() if key != "location_id"}),
    Trick("a total that is a number", "PATCH", {"total_cost": 5, "last_updated": LATER}),
]


@pytest.mark.parametrize("trick", TRICKS, ids=str)
def test_what_a_partner_should_not_do_changes_nothing(trick: Trick, asking: Asking, stranger: Partner) -> None:
    assert asking.put(DOOR, session()).says == (201, 1000)
    before = snapshot("seen_at")
    answered = asking.ask(trick.method, trick.path, trick.body)
    assert answered.says == trick.says, answered.body
    assert snapshot("seen_at") == before
    if trick.says == (200, 1000):
        assert "nothing was changed" in answered.message
    goes_on = session(kwh=9, status="COMPLETED", end_date_time=LATER, last_updated="2026-03-01T08:40:00Z")
    assert asking.put(DOOR, goes_on).says == (200, 1000)
    stored = Session.objects.get()
    assert (stored.status, stored.kwh) == ("COMPLETED", 9)


@pytest.mark.rule("T-280")
@pytest.mark.parametrize("status", ["ACTIVE", "PENDING", "RESERVATION"])
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_what_is_over_does_not_begin_again(status: str, method: str, asking: Asking) -> None:
    asking.put(DOOR, session(status="COMPLETED"))
    before = snapshot()
    body = session(status=status, last_updated=LATER) if method == "PUT" else {"status": status, "last_updated": LATER}
    answered = asking.ask(method, DOOR, body)
    assert answered.says == (200, 2001)
    assert "COMPLETED, which is final" in answered.message
    assert snapshot() == before


def test_a_correction_after_the_end_is_taken_and_noted(asking: Asking) -> None:
    """OCPI says that a completed session does not change; many platforms add the price afterwards: it is of use."""
    asking.put(DOOR, session(status="COMPLETED"))
    price = {"total_cost": {"before_taxes": Decimal("2.5")}, "last_updated": LATER}
    assert asking.patch(DOOR, price).says == (200, 1000)
    assert Session.objects.get().total_excl == Decimal("2.5")
    assert SessionEvent.objects.filter(event="CORRECTED", status="COMPLETED").count() == 1


def test_what_was_completed_may_be_declared_invalid_but_not_back(asking: Asking) -> None:
    asking.put(DOOR, session(status="COMPLETED"))
    assert asking.patch(DOOR, {"status": "INVALID", "last_updated": LATER}).says == (200, 1000)
    later = "2026-03-01T08:45:00Z"
    assert asking.patch(DOOR, {"status": "COMPLETED", "last_updated": later}).says == (200, 2001)
    assert Session.objects.get().status == "INVALID"


def test_the_same_change_a_hundred_times_is_one(asking: Asking) -> None:
    asking.put(DOOR, session())
    body = {"charging_periods": [period(MIDDLE)], "kwh": 5, "last_updated": LATER}
    assert {asking.patch(DOOR, body).says for _ in range(100)} == {(200, 1000)}
    tree = Session.objects.get().tree()
    assert len(tree["charging_periods"]) == 2
    assert SessionEvent.objects.count() == 1


def test_a_clock_of_next_year_does_not_freeze_the_session(asking: Asking) -> None:
    asking.put(DOOR, session(last_updated="2099-01-01T00:00:00Z"))
    now = site.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    assert asking.put(DOOR, session(kwh=7, last_updated=now)).says == (200, 1000)
    stored = Session.objects.get()
    assert stored.last_updated <= site.now() + timedelta(days=366)


def test_figures_that_no_charge_has_do_not_break_us(asking: Asking) -> None:
    """Believed as what the partner says, priced or not, and never a reason for an error."""
    asking.put("2.3.0/receiver/tariffs/SE/ELV/T1", factories.small_tariff("T1"))
    monstrous = session(
        kwh=-1,
        start_date_time="0001-01-01T00:00:00Z",
        end_date_time="9999-12-31T23:59:59Z",
        charging_periods=[
            period("9999-12-31T23:59:59Z", tariff_id="T1"),
            period("0001-01-01T00:00:00Z", tariff_id="T1"),
            {"start_date_time": AT, "dimensions": [{"type": "TIME", "volume": Decimal("9e17")}], "tariff_id": "NONE"},
        ],
        currency="€€€",
        total_cost={"before_taxes": Decimal("-0.000000000000000001")},
    )
    assert asking.put(DOOR, monstrous).says == (201, 1000)
    assert pricing.price_waiting(now=site.now()) == 1
    assert Session.objects.get().kwh == -1


def test_changes_that_come_at_once_leave_the_newest(platform: Party) -> None:
    """Ten threads, each with another minute: whatever the order, the last minute wins and no period is lost twice."""
    partner = factories.partner()
    Asking(partner.token).put(DOOR, session())
    bodies = [
        session(
            kwh=minute, last_updated=f"2026-03-01T08:{30 + minute}:00Z", charging_periods=[period(AT), period(MIDDLE)]
        )
        for minute in range(10)
    ]
    answers: list[tuple[int, int]] = []

    def tell(body: dict[str, Any]) -> None:
        from django.db import connection as database

        answers.append(Asking(partner.token).put(DOOR, body).says)
        database.close()

    threads = [threading.Thread(target=tell, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) == {(200, 1000)}
    assert Session.objects.get().kwh == 9


# --- the other way round: our charge, a misbehaving eMSP --------------------------------------------------------------

ANSWERS = {
    "gives no answer": Twist(drop=True, works=False),
    "lost its answers": Twist(drop=True),
    "answers garbage": Twist(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n<p>", works=False),
    "answers 500": Twist(status=500, works=False),
    "answers 3000": Twist(body=b'{"status_code":3000,"timestamp":"2026-01-01T00:00:00Z"}', works=False),
}


@pytest.mark.parametrize("twist", ANSWERS.values(), ids=ANSWERS)
def test_an_emsp_that_misbehaves_gets_the_newest_state_later(platform: Party, peer: ScriptedPeer, twist: Twist) -> None:
    """Whatever became of one push, the next change brings the whole session; what was appended twice would show here."""
    connection = registered(peer)
    charge = cast.begin(cast.point(tariffs=()), Party.objects.get(party_id="TNM"), now=site.now())
    peer.script("PUT", "/ocpi/2.3.0/receiver/sessions", *[twist] * (2 if twist.drop else 1))  # a PUT is tried twice
    draining.drain(connection.pk)
    running.meter(session=charge, kwh=Decimal(1005), power_kw=None, soc=None, charging=True, now=site.now())
    Message.objects.update(due_at=site.now())
    Connection.objects.update(next_attempt_at=None, failures_in_a_row=0)
    peer.script("PUT", "/ocpi/2.3.0/receiver/sessions", Twist(), forever=True)
    for _ in range(2):
        draining.drain(connection.pk)
        Message.objects.filter(state="DUE").update(due_at=site.now())
        Connection.objects.update(next_attempt_at=None, failures_in_a_row=0)
    held = peer.held[f"sessions/DE/RDK/{charge.object_id}"]
    assert (held["kwh"], len(held["charging_periods"])) == (5, 1)
    assert {request.method for request in peer.pushed(module="sessions")} == {"PUT"}
    assert Message.objects.get(module="sessions").state == "DONE"


def test_an_emsp_that_refuses_our_session_is_shown_to_staff(platform: Party, peer: ScriptedPeer) -> None:
    connection = registered(peer)
    cast.begin(cast.point(tariffs=()), Party.objects.get(party_id="TNM"), now=site.now())
    refusal = b'{"status_code":2001,"status_message":"unknown token","timestamp":"2026-01-01T00:00:00Z"}'
    peer.script("PUT", "/ocpi/2.3.0/receiver/sessions", Twist(body=refusal, works=False))
    draining.drain(connection.pk)
    message = Message.objects.get(module="sessions")
    assert message.state == "REFUSED"
    assert "unknown token" in message.last_error
