"""What staging leaves in the outbox when the same object changes again before it was sent."""

from datetime import timedelta

import pytest
import time_machine

from backoffice.delivery.actions.draining import mailboxes_due
from backoffice.delivery.actions.staging import stage
from backoffice.delivery.models import Message
from backoffice.locations.actions import changing
from backoffice.partners.models import Connection, Party
from backoffice.roaming_site import site
from ocpi.module import Module
from tests.factories import own_location, partner, small_location
from tests.meeting import registered
from tests.peer import ScriptedPeer

pytestmark = pytest.mark.django_db


def test_an_object_that_keeps_changing_keeps_its_place_in_line(platform: object, peer: ScriptedPeer) -> None:
    """The sweep drains by itself what has been due for 15 s. Were every change to start that time anew, an EVSE that
    changes every ten seconds would not be told while the broker is away."""
    connection = registered(peer)
    location = own_location(small_location("L1", "DE-RDK"))
    Message.objects.all().delete()
    began = site.now()
    for seconds, status in ((0, "CHARGING"), (10, "BLOCKED"), (20, "AVAILABLE")):
        with time_machine.travel(began + timedelta(seconds=seconds), tick=False):
            changing.set_status(location, "E1", status, source="test", now=site.now())
    assert mailboxes_due(began + timedelta(seconds=20)) == [(connection.pk, began)]
    assert Message.objects.get().coalesced == 2


def test_a_message_that_waits_for_its_next_attempt_is_not_hurried(platform: object, peer: ScriptedPeer) -> None:
    registered(peer)
    location = own_location(small_location("L1", "DE-RDK"))
    Message.objects.all().delete()
    changing.set_status(location, "E1", "CHARGING", source="test", now=site.now())
    later = site.now() + timedelta(minutes=5)
    Message.objects.update(attempts=2, due_at=later)
    changing.set_status(location, "E1", "BLOCKED", source="test", now=site.now())
    assert Message.objects.get().due_at == later


def test_a_change_after_delivery_is_due_at_once(platform: object, peer: ScriptedPeer) -> None:
    connection: Connection = registered(peer)
    location = own_location(small_location("L1", "DE-RDK"))
    Message.objects.update(state="DONE", due_at=site.now() - timedelta(days=1))
    now = site.now()
    changing.set_status(location, "E1", "CHARGING", source="test", now=now)
    assert mailboxes_due(now) == [(connection.pk, now)]


def test_what_concerns_one_party_of_a_platform_reaches_that_party_alone(platform: Party) -> None:
    """A session is of one eMSP; its platform may act for several."""
    both = partner("NL-TNM:EMSP", "NL-ABC:EMSP", receives=("sessions",), ours=[platform])
    elsewhere = partner("FR-XYZ:EMSP", receives=("sessions",), ours=[platform])
    owed = Party.objects.get(party_id="ABC")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(
            site._modules, "sessions", Module("sessions", site.module("tariffs").shape, receiver_roles={"EMSP"})
        )
        counted = stage(
            sender=platform.pk, module="sessions", changes=[(("S1",), ())], now=site.now(), receiver=owed.pk, count=True
        )
    told = Message.objects.filter(module="sessions")
    assert counted == 1
    assert [(each.connection, each.receiver) for each in told] == [(both.connection, owed)]
    assert not told.filter(connection=elsewhere.connection).exists()
