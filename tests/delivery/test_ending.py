"""Commands, reservations and requests for charging profiles end at their deadline, although beat and the workers are away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database

from backoffice.charging_profiles.models import ProfileRequest
from backoffice.commands.models import Command, Reservation
from backoffice.delivery.management.commands import sweep
from backoffice.locations.models import Evse
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from tests import factories
from tests.commands import cast
from tests.commands.conftest import asking, evse, partner, us
from tests.doors.asking import Asking
from tests.factories import Partner

__all__ = ["asking", "evse", "partner", "us"]


class Here:
    """A pool that works at once."""

    def submit(self, work: Any, *given: Any) -> None:
        work(*given)


def test_what_is_overdue_ends_without_beat(
    monkeypatch: pytest.MonkeyPatch, evse: Evse, partner: Partner, asking: Asking
) -> None:
    monkeypatch.setattr(sweep, "_publish", lambda task, **given: False)
    monkeypatch.setattr(database, "close", lambda: None)
    cast.reserved(asking, partner, evse)
    cast.post(asking, "UNLOCK_CONNECTOR", cast.unlock(partner))  # the station will not answer
    tree = factories.small_session("S1")
    assert asking.put("2.3.0/receiver/sessions/SE/ELV/S1", tree).code == 1000
    now, emsp = site.now(), evse.location.party
    common = {"connection_id": partner.connection.pk, "deadline": now + timedelta(seconds=70)}
    sent = Command.objects.create(
        direction="OUT",
        kind="START_SESSION",
        state="WAITING",
        sender=emsp,
        receiver=partner.party,
        document="{}",
        created_at=now,
        **common,
    )
    ProfileRequest.objects.create(
        uid="x" * 32,
        way="OUT",
        kind="CLEAR",
        state="WAITING",
        session=Session.objects.get(object_id="S1"),
        party=emsp,
        asked_at=now,
        **common,
    )
    command = sweep.Command()

    def look(seconds: int) -> tuple[str, ...]:
        monkeypatch.setattr(sweep.site, "now", lambda: now + timedelta(seconds=seconds))
        command._sweep(Here(), set())  # type: ignore[arg-type]
        sent.refresh_from_db()
        unlock = Command.objects.get(kind="UNLOCK_CONNECTOR")
        return unlock.state, sent.state, ProfileRequest.objects.get().state, Reservation.objects.get().state

    assert look(80) == ("EXECUTING", "WAITING", "WAITING", "HELD"), "beat's tasks are given a while"
    assert look(86) == ("TIMED_OUT", "TIMED_OUT", "TIMED_OUT", "HELD")
    assert cast.owed()[-1][2] == "TIMEOUT", "and the partner is told"
    assert look(31 * 60) == ("TIMED_OUT", "TIMED_OUT", "TIMED_OUT", "EXPIRED")
    assert not command.ending
