"""What was asked of charge points is forgotten by age: commands, reservations, orders, profile requests; nothing that is open."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from backoffice.celery import app
from backoffice.charge_points.models import Order, OrderEvent
from backoffice.charging_profiles.models import ProfileRequest
from backoffice.commands import tasks
from backoffice.commands.actions import trimming
from backoffice.commands.models import Command, CommandEvent, Reservation
from backoffice.locations.models import Evse
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from tests.charging_profiles import cast as profiles
from tests.commands import cast
from tests.doors.asking import Asking
from tests.factories import Partner

DAYS = 10


def aged(days: float) -> None:
    """All that there is becomes so old."""
    at = site.now() - timedelta(days=days)
    Command.objects.update(created_at=at)
    Reservation.objects.update(created_at=at)
    Reservation.objects.exclude(ended_at=None).update(ended_at=at)
    Order.objects.update(at=at)
    ProfileRequest.objects.update(asked_at=at)
    ProfileRequest.objects.exclude(ended_at=None).update(ended_at=at)


def left() -> tuple[int, ...]:
    return tuple(
        rows.objects.count() for rows in (Command, CommandEvent, Reservation, Order, OrderEvent, ProfileRequest)
    )


def test_what_ended_is_forgotten_and_what_is_open_is_not(
    settings: Any, evse: Evse, partner: Partner, asking: Asking
) -> None:
    settings.COMMAND_RETENTION_DAYS = DAYS
    reserved = cast.reserved(asking, partner, evse)
    other = cast.point(2)
    cast.post(asking, "UNLOCK_CONNECTOR", cast.unlock(partner, location="LOC2"))
    session = profiles.charging(partner, number=3)
    put = b'{"charging_profile":' + profiles.SIXTEEN + f',"response_url":"{cast.host(partner)}/x"}}'.encode()
    assert asking.put(f"2.3.0/receiver/chargingprofiles/{session.object_id}", put).code == 1000
    aged(DAYS + 1)
    assert tasks.trim() == 1, "the order to reserve was answered; all else is open"
    assert left()[:1] + left()[2:4] + left()[5:] == (2, 1, 2, 1)

    cast.obey(other, "FAILED")
    profiles.obey(session)
    aged(DAYS - 0.1)
    assert tasks.trim() == 0
    aged(DAYS + 0.1)
    tasks.trim()
    assert list(Command.objects.all()) == [reserved], "the reservation that it made is held"
    assert (Order.objects.count(), ProfileRequest.objects.count()) == (0, 1), "its session goes on"

    cast.post(asking, "CANCEL_RESERVATION", cast.cancel(partner))
    cast.obey(evse)
    Session.objects.filter(pk=session.pk).update(status="COMPLETED")
    aged(DAYS + 1)
    tasks.trim()
    assert left() == (0,) * 6
    assert Session.objects.count() == 2, "what they came to stays"
    assert "commands.trim" in {entry["task"] for entry in app.conf.beat_schedule.values()}


def test_many_go_in_batches(evse: Evse, partner: Partner, asking: Asking) -> None:
    for _ in range(5):
        cast.post(asking, "STOP_SESSION", cast.stop(partner, "NONE"))
    aged(1)
    assert trimming.trim(before=site.now(), batch=2) == 5
