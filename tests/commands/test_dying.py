"""kill -9 between every two steps of a command, on both sides: it ends in a final state, and nothing happens twice.

Who dies is a process of its own on the tests' database. Afterwards others do what they always do: the sweep, a worker, a partner
or a charge point that says again what was not answered.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from backoffice.charge_points import door
from backoffice.charge_points.actions import ordering
from backoffice.charge_points.gateway import Done
from backoffice.charge_points.models import Order
from backoffice.commands.actions import hearing, sending
from backoffice.commands.models import Command, Reservation
from backoffice.crash_points import POINTS
from backoffice.delivery.actions import running
from backoffice.delivery.models import Errand
from backoffice.locations.models import Evse
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from ocpi.wire.commands import CommandResultType
from tests import factories
from tests.cdrs.test_dying import KILLED, run
from tests.commands import cast
from tests.commands.test_sending import YES, Abroad, start
from tests.peer import ScriptedPeer

ERRANDS = ("errand-claimed-before-send", "errand-sent-before-mark", "errand-told-before-commit", "errand-marked")
OURS = {
    "command-queued-before-commit",
    "command-taken-before-commit",
    "command-settled-before-commit",
    "command-heard-before-commit",
}

SEND = """
from backoffice.commands.actions import sending
from backoffice.locations.models import Location
from backoffice.roaming_site import site
from backoffice.tokens.models import Token
wish = sending.Wish(kind="START_SESSION", token=Token.objects.get(), location=Location.objects.get(), evse_uid="E1")
sending.send(wish, now=site.now())
"""
RUN = """
from backoffice.delivery.actions import running
running.run({pk})
"""
ASK = """
from django.test.utils import setup_test_environment
setup_test_environment()
from tests.doors.asking import Asking
Asking({token!r}).ask("POST", {path!r}, {body!r})
"""
TELL = """
from backoffice.charge_points import door
from backoffice.charge_points.gateway import Done
from backoffice.roaming_site import site
from ocpi.wire.commands import CommandResultType
door.report(Done({order!r}, CommandResultType.ACCEPTED), now=site.now())
"""


@pytest.fixture
def driver(platform: Party) -> None:
    factories.own_token(factories.small_token("APP-7", "DE-RDK", type="APP_USER"))


def patient() -> None:
    """Starting processes may take longer than anybody waits for a command."""
    later = site.now() + timedelta(hours=1)
    Errand.objects.update(deadline=later)
    Command.objects.update(deadline=later)


def lease_over() -> None:
    Errand.objects.filter(state="SENDING").update(lease_until=site.now() - timedelta(seconds=1))


def test_every_point_is_visited_here() -> None:
    assert {name for name in POINTS if name.startswith("command-")} == OURS


def test_dying_while_a_command_is_sent(platform: Party, peer: ScriptedPeer, driver: None) -> None:
    Abroad(peer, "2.3.0")
    assert run(SEND, "command-queued-before-commit") == KILLED
    assert not Command.objects.exists()
    assert not Errand.objects.exists()


@pytest.mark.parametrize("point", ERRANDS)
def test_dying_while_a_request_is_on_its_way(point: str, platform: Party, peer: ScriptedPeer, driver: None) -> None:
    abroad = Abroad(peer, "2.3.0")
    abroad.script(YES)
    from backoffice.tokens.models import Token

    command = sending.send(start(abroad, Token.objects.get()), now=site.now())
    errand = Errand.objects.get()
    patient()
    assert run(RUN.format(pk=errand.pk), point) == KILLED
    lease_over()
    running.run(errand.pk)
    errand.refresh_from_db()
    assert errand.state in ("DONE", "FAILED")
    assert len(abroad.posted()) == (0 if point == "errand-claimed-before-send" else 1), "never twice"
    command.refresh_from_db()
    assert command.state == ("WAITING" if point == "errand-marked" else "UNSURE")
    if abroad.posted():
        assert abroad.result(command).says == (200, 1000)
    else:
        hearing.time_out(now=site.now() + timedelta(hours=2))
    command.refresh_from_db()
    assert command.state == ("SUCCEEDED" if abroad.posted() else "TIMED_OUT")


def test_dying_while_a_result_is_heard(platform: Party, peer: ScriptedPeer, driver: None) -> None:
    abroad = Abroad(peer, "2.3.0")
    abroad.script(YES)
    from backoffice.tokens.models import Token

    command = sending.send(start(abroad, Token.objects.get()), now=site.now())
    running.run(Errand.objects.get().pk)
    patient()
    path = f"2.3.0/sender/commands/START_SESSION/{command.uid}"
    script = ASK.format(token=abroad.partner.token, path=path, body=b'{"result":"ACCEPTED"}')
    assert run(script, "command-heard-before-commit") == KILLED
    command.refresh_from_db()
    assert (command.state, command.result) == ("WAITING", "")
    assert abroad.result(command).says == (200, 1000), "the partner says it again"
    command.refresh_from_db()
    assert (command.state, command.events.filter(event="SUCCEED").count()) == ("SUCCEEDED", 1)


def test_dying_while_a_command_is_taken(platform: Party, peer: ScriptedPeer) -> None:
    abroad = Abroad(peer, "2.3.0")
    evse = cast.point(8)
    body = cast.reserve(abroad.partner, card=cast.token("NL-TNM"), location="LOC8").replace(
        cast.host(abroad.partner).encode(), peer.url.encode()
    )
    path = "2.3.0/receiver/commands/RESERVE_NOW"
    script = ASK.format(token=abroad.partner.token, path=path, body=body)
    assert run(script, "command-taken-before-commit") == KILLED
    assert not Command.objects.exists()
    assert not Reservation.objects.exists()
    assert not Order.objects.exists()
    assert run(script) == 0
    assert Command.objects.get().state == "EXECUTING"
    # the charge point answers, and we die before we have written it down
    (asked,) = cast.orders(evse)
    assert run(TELL.format(order=asked.order), "command-settled-before-commit") == KILLED
    assert not Errand.objects.exists()
    assert not Session.objects.exists()
    told = Done(asked.order, CommandResultType.ACCEPTED)
    assert door.report(told, now=site.now()) is True, "the driver has no answer and says it again"
    assert door.report(told, now=site.now()) is False
    command = Command.objects.get()
    assert (command.state, Reservation.objects.get().state) == ("SUCCEEDED", "HELD")
    assert (Errand.objects.count(), Session.objects.count()) == (1, 1)


@pytest.mark.parametrize("point", ERRANDS)
def test_dying_while_a_result_is_on_its_way(point: str, platform: Party, peer: ScriptedPeer) -> None:
    abroad = Abroad(peer, "2.3.0")
    evse: Evse = cast.point(8)
    body = cast.start(abroad.partner, card=cast.token("NL-TNM"), location="LOC8").replace(
        f"{cast.host(abroad.partner)}/started/1".encode(), f"{peer.url}/ocpi/2.3.0/receiver/commands/7".encode()
    )
    assert cast.said(cast.post(abroad.asking, "START_SESSION", body))[2] == "ACCEPTED"
    cast.obey(evse)
    errand = Errand.objects.get(what="RESULT")
    patient()
    assert run(RUN.format(pk=errand.pk), point) == KILLED
    lease_over()
    running.run(errand.pk)
    errand.refresh_from_db()
    assert errand.state == "DONE"
    said = [request.body for request in peer.pushed("POST", "commands/7")]
    assert len(said) == (2 if point in ("errand-sent-before-mark", "errand-told-before-commit") else 1)
    assert set(said) == {b'{"result":"ACCEPTED"}'}, "what is said twice is the same to the letter"
    command = Command.objects.get()
    assert (command.state, command.result_fate) == ("SUCCEEDED", "DELIVERED")
    assert Order.objects.count() == 1


def test_a_driver_that_dies_with_an_order(platform: Party, peer: ScriptedPeer) -> None:
    abroad = Abroad(peer, "2.3.0")
    evse = cast.point(8)
    body = cast.reserve(abroad.partner, card=cast.token("NL-TNM"), location="LOC8").replace(
        cast.host(abroad.partner).encode(), peer.url.encode()
    )
    cast.post(abroad.asking, "RESERVE_NOW", body)
    (asked,) = ordering.take(driver="dies", evses=[evse.pk], now=site.now())
    assert cast.orders(evse) == [], "no other driver gets it: nobody knows whether the station heard of it"
    Order.objects.update(deadline=site.now())
    door.expire()
    assert Command.objects.get().state == "TIMED_OUT"
    assert Reservation.objects.get().state == "FAILED"
    assert cast.owed()[0][2] == "TIMEOUT"
    assert door.report(Done(asked.order, CommandResultType.ACCEPTED), now=site.now()) is False
    assert not Session.objects.exists(), "what comes after has no effect"
