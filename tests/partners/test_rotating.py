"""Tokens that have grown old are exchanged by themselves, and a partner that will not have it stays connected."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from backoffice.celery import app
from backoffice.partners import tasks
from backoffice.partners.actions import connections, rotating
from backoffice.partners.models import Connection, Party, Step
from backoffice.partners.secrets import decrypt, encrypt
from backoffice.roaming_site import site
from tests.factories import partner
from tests.meeting import registered
from tests.peer import ScriptedPeer, Twist, call

MONTH = timedelta(days=30)


def _in(days: float) -> time_machine.travel:
    return time_machine.travel(site.now() + timedelta(days=days), tick=True)


@pytest.mark.rule("T-178")
def test_a_month_old_token_is_exchanged(platform: Party, peer: ScriptedPeer) -> None:
    connection = registered(peer)
    first = peer.token_for_other
    with _in(29):
        assert tasks.rotate_old() == 0
        assert peer.token_for_other == first
    with _in(31):
        assert tasks.rotate_old() == 1
        assert peer.token_for_other not in (None, first)
        assert call("GET", site.versions_url(), peer.token_for_other).status == 200
        assert tasks.rotate_old() == 0  # it is young again
    connection.refresh_from_db()
    assert connection.state == "ACTIVE"
    assert "partners.rotate_old" in {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert "partners.rotate_old" in app.tasks


def test_a_partner_that_refuses_stays_connected(platform: Party, peer: ScriptedPeer) -> None:
    connection = registered(peer)
    token, theirs = peer.token_for_other, decrypt(connection.token_out)
    peer.script("PUT", "/ocpi/2.3.0/credentials", Twist(status=405, works=False))
    with _in(31):
        assert tasks.rotate_old() == 0
        assert call("GET", site.versions_url(), token).status == 200
        connection.refresh_from_db()
        assert (connection.state, decrypt(connection.token_out), connection.busy_since) == ("ACTIVE", theirs, None)
        last = Step.objects.last()
        assert last is not None
        assert (last.flow, last.ok, last.cause) == ("update", False, "not_supported")
        assert tasks.rotate_old() == 1  # the next day it takes it


@pytest.mark.parametrize("trouble", ["busy", "unreadable token"])
def test_what_cannot_begin_is_told_and_holds_up_nobody(platform: Party, peer: ScriptedPeer, trouble: str) -> None:
    stuck = partner("SE-ELV:CPO").connection
    registered(peer)
    with _in(31):
        if trouble == "busy":
            Connection.objects.filter(pk=stuck.pk).update(busy_since=site.now())
        else:
            Connection.objects.filter(pk=stuck.pk).update(token_out=encrypt("x")[:-9])
        assert tasks.rotate_old() == 1
    step = Step.objects.get(connection=stuck)
    assert (step.title, step.ok) == ("Renew old tokens", False)
    assert step.detail


@pytest.mark.django_db
def test_only_who_talks_and_only_when_asked_for(settings: Any) -> None:
    paused, talking = partner("SE-ELV:CPO").connection, partner("NL-TNM:CPO").connection
    connections.pause(paused, reason="maintenance")
    later = site.now() + MONTH + timedelta(days=1)
    assert list(rotating.due(older_than=MONTH, now=later)) == [talking]
    settings.ROTATE_AFTER_DAYS = 0
    with time_machine.travel(later):
        assert tasks.rotate_old() == 0
    assert not Step.objects.exists()
