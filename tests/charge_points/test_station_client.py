"""The client of docs/ drives one whole charge over HTTP: started and stopped by orders of a driver's app, billed at the end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backoffice.cdrs.models import Cdr
from backoffice.commands.actions.sending import UnableToCommand, Wish, send
from backoffice.commands.models import Command
from backoffice.locations.models import Location
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from ocpi.wire.commands import CommandType
from tests import factories
from tests.charge_points.station_cast import caller, system

CLIENT = Path(__file__).resolve().parents[2] / "docs" / "station_client.py"


def until(found: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if got := found():
            return got
        time.sleep(0.2)
    raise AssertionError("it did not happen in time")


def ordered(wish: Wish) -> Command:
    """As soon as the station can be reached."""

    def once() -> Command | None:
        try:
            sent = send(wish, now=site.now())
        except UnableToCommand:
            return None
        return sent if sent.response == "ACCEPTED" else None

    command: Command = until(once)
    return command


@pytest.mark.django_db(transaction=True)
def test_the_client_drives_a_charge_that_a_driver_starts_and_stops(live_server: Any) -> None:
    ours = factories.own_party()
    token = factories.own_token(factories.small_token("APP-1", "DE-RDK", type="APP_USER", whitelist="ALWAYS"))
    key = caller(system(ours)).key
    client = subprocess.Popen(
        [sys.executable, str(CLIENT), "--url", live_server.url, "--key", key, "--seconds", "60"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        place = until(lambda: Location.objects.filter(object_id="DEPOT-N", evses__isnull=False).first())
        started = ordered(
            Wish(
                kind=CommandType.START_SESSION,
                token=token,
                location=place,
                evse_uid="4711-1",
                connector_id="1",
                asked_by="app",
                by_driver=True,
            )
        )
        session = until(lambda: Session.objects.filter(status="ACTIVE").first())
        stopped = ordered(Wish(kind=CommandType.STOP_SESSION, session=session, asked_by="app", by_driver=True))
        said, wrong = client.communicate(timeout=60)
    finally:
        client.kill()
        client.communicate()
    assert client.returncode == 0, wrong
    assert "order START: ACCEPTED" in said and "order STOP: ACCEPTED" in said and "has ended: Remote" in said
    for command in (started, stopped):
        command.refresh_from_db()
        assert command.result == "ACCEPTED", (command.kind, command.state, command.result)
    session.refresh_from_db()
    assert (session.status, session.token_uid, session.auth_method) == ("COMPLETED", "APP-1", "COMMAND")
    assert Cdr.objects.get().tree()["session_id"] == session.object_id
