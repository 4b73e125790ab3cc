"""Sessions that stand still: noted once, ended where that is ours to do, and what staff do about them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from backoffice.delivery.actions import pulling
from backoffice.delivery.models import Message, Pull
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.sessions import tasks
from backoffice.sessions.actions import watching
from backoffice.sessions.actions.watching import UnableToHelp, set_aside, sweep, without_cdr
from backoffice.sessions.models import Session
from ocpi.wire.base import date_time_text
from tests.doors.asking import Asking
from tests.factories import Partner, small_session
from tests.meeting import registered
from tests.peer import ScriptedPeer
from tests.sessions import cast
from tests.sessions.cast import NOW, after

DOOR = "2.3.0/receiver/sessions/SE/ELV/S1"


def received(asking: Asking, **changes: Any) -> Session:
    """S1, moved at NOW."""
    assert asking.put(DOOR, small_session("S1", **changes)).says == (201, 1000)
    Session.objects.filter(object_id="S1").update(moved_at=NOW)
    return Session.objects.get(object_id="S1")


def events(session: Session) -> list[str]:
    return list(session.events.values_list("event", flat=True))


def test_a_silent_charge_is_noted_once_and_again_when_it_was_heard_of(partner: Partner) -> None:
    session = cast.begin(cast.point(tariffs=()), partner.party)
    assert sweep(now=after(14)) == {}
    assert sweep(now=after(15)) == {"SILENT": 1}
    assert sweep(now=after(16)) == {}
    cast.meter(session, 20, "1001")
    assert sweep(now=after(36)) == {"SILENT": 1}
    assert events(session) == ["START", "SILENT", "SILENT"]
    assert Session.objects.get().status == "ACTIVE"


def test_a_charge_point_that_is_silent_for_a_day_has_its_charge_ended(partner: Partner) -> None:
    session = cast.begin(cast.point(tariffs=()), partner.party)
    cast.meter(session, 30, "1005")
    Message.objects.all().delete()
    assert sweep(now=after(30 + 24 * 60)) == {"END_IT": 1}
    row = Session.objects.get()
    assert (row.status, row.kwh, row.ends_at) == ("COMPLETED", 5, after(30))
    assert "told nothing for 24 hours" in row.events.last().reason
    assert Message.objects.filter(module="sessions", receiver=partner.party).count() == 1
    assert sweep(now=after(31 + 24 * 60)) == {}


def test_a_charge_that_stays_pending_is_declared_invalid(partner: Partner) -> None:
    cast.begin(cast.point(tariffs=()), partner.party, pending=True)
    assert sweep(now=after(59)) == {}
    assert sweep(now=after(60)) == {"INVALIDATE_IT": 1}
    assert Session.objects.get().status == "INVALID"


@pytest.mark.parametrize(("status", "minutes"), [("PENDING", 60), ("RESERVATION", 24 * 60)])
def test_what_a_partner_announced_and_never_began_is_noted(asking: Asking, status: str, minutes: int) -> None:
    session = received(asking, status=status)
    assert sweep(now=after(minutes - 1)) == {}
    assert sweep(now=after(minutes)) == {"NEVER_STARTED": 1}
    assert sweep(now=after(minutes + 1)) == {}
    session.refresh_from_db()
    assert session.status == status, "it is the partner's"


def test_a_charge_without_cdr_is_noted_after_a_day_unless_it_was_set_aside(asking: Asking) -> None:
    session = received(asking, status="COMPLETED", end_date_time=date_time_text(NOW))
    day = 24 * 60
    assert sweep(now=after(day - 1)) == {}
    set_aside(session, reason="The partner is  bankrupt", by="anna", now=NOW)
    assert sweep(now=after(day)) == {}
    set_aside(session, reason="", by="anna", now=NOW)
    assert sweep(now=after(day)) == {"NO_CDR": 1}
    assert Session.objects.filter(without_cdr(after(day))).count() == 1
    Session.objects.update(cdr_known_at=NOW)
    assert not Session.objects.filter(without_cdr(after(day))).exists()
    assert set(events(session)) == {"FINISH", "SET_ASIDE", "TAKEN_UP", "NO_CDR"}


def test_many_old_findings_do_not_hide_a_new_one(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "BATCH", 2)
    for number in range(3):
        cast.begin(cast.point(tariffs=(), location=f"L{number}", evse_id=f"DE*RDK*E{number}"), partner.party)
    assert sweep(now=after(15)) == {"SILENT": 2}
    assert sweep(now=after(15)) == {"SILENT": 1}


def test_staff_end_a_charge_with_its_last_reading(partner: Partner, asking: Asking) -> None:
    session = cast.begin(cast.point(tariffs=()), partner.party)
    cast.meter(session, 30, "1005")
    with pytest.raises(UnableToHelp, match="Say why"):
        watching.end_with_last_reading(session, reason=" ", by="anna", now=after(60))
    ended = watching.end_with_last_reading(session, reason="Burnt down", by="anna", now=after(60))
    assert (ended.status, ended.kwh, ended.ends_at) == ("COMPLETED", 5, after(30))
    assert (ended.events.last().by, ended.events.last().reason) == ("anna", "Burnt down")
    with pytest.raises(UnableToHelp, match="COMPLETED"):
        watching.end_with_last_reading(session, reason="Again", by="anna", now=after(61))
    theirs = received(asking)
    with pytest.raises(UnableToHelp, match="changes when they tell us"):
        watching.end_with_last_reading(theirs, reason="No", by="anna", now=after(60))


def test_setting_aside_twice_or_at_length(partner: Partner) -> None:
    session = cast.begin(cast.point(tariffs=()), partner.party)
    with pytest.raises(UnableToHelp, match="was not set aside"):
        set_aside(session, reason="", by="anna", now=NOW)
    with pytest.raises(UnableToHelp, match="200 characters"):
        set_aside(session, reason="x" * 201, by="anna", now=NOW)
    set_aside(session, reason="Known", by="anna", now=NOW)
    with pytest.raises(UnableToHelp, match="for that already"):
        set_aside(session, reason="Known", by="anna", now=NOW)


def test_staff_ask_the_partner_for_a_session(platform: Party, peer: ScriptedPeer) -> None:
    peer.role = "CPO"
    connection = registered(peer)
    at = site.now() - timedelta(days=3)
    told = small_session("P1", "NL-TNM", at=date_time_text(at))
    told["kwh"] = 1
    peer.objects["sessions"] = [json.dumps(told).encode()]
    pulling.run(pulling.start(connection, "sessions", full=True, now=site.now()).pk)
    peer.objects["sessions"] = [
        json.dumps(told | {"kwh": 2, "last_updated": date_time_text(at + timedelta(hours=1))}).encode()
    ]
    peer.received.clear()
    session = Session.objects.get()
    pull = watching.refresh(session, by="anna", now=site.now())
    pulling.run(pull.pk)
    session.refresh_from_db()
    assert (session.kwh, session.asked_at is not None) == (2, True)
    assert peer.received[0].query["date_from"] == [date_time_text(at.replace(microsecond=0))]
    assert Pull.objects.get(pk=pull.pk).full is False
    assert events(session)[-1] == "ASKED"


def test_there_is_nobody_to_ask(partner: Partner, asking: Asking) -> None:
    with pytest.raises(UnableToHelp, match="nobody knows more"):
        watching.refresh(cast.begin(cast.point(tariffs=()), partner.party), by="anna", now=NOW)
    session = received(asking)
    with pytest.raises(UnableToHelp, match="offers no Sender interface"):
        watching.refresh(session, by="anna", now=NOW)
    partner.connection.__class__.objects.update(state="PAUSED")
    with pytest.raises(UnableToHelp, match="no active connection"):
        watching.refresh(session, by="anna", now=NOW)


def test_the_tasks_do_it_by_themselves(partner: Partner, asking: Asking) -> None:
    received(asking)
    assert tasks.price_waiting() == 1
    assert tasks.price_waiting() == 0
    assert tasks.sweep() == {"SILENT": 1}
