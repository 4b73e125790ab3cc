"""Which charge came of a command, and what is counted of commands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from backoffice.commands.actions.following import charge_of
from backoffice.commands.models import Command
from backoffice.commands.vitals import measure
from backoffice.locations.models import Evse
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from tests import factories
from tests.commands import cast
from tests.doors.asking import Asking
from tests.factories import Partner


def sent(partner: Partner, **changes: Any) -> Command:
    now = site.now()
    given: dict[str, Any] = {
        "direction": "OUT",
        "kind": "START_SESSION",
        "state": "SUCCEEDED",
        "connection": partner.connection,
        "sender": Party.objects.get(party_id="RDK"),
        "receiver": partner.party,
        "document": "{}",
        "location_id": "LOC1",
        "token_uid": "CARD-1",
        "authorization_reference": "OURS-1",
        "deadline": now,
        "created_at": now,
    }
    return Command.objects.create(**given | changes)


def told(asking: Asking, identity: str, *, minutes: float = 1, **changes: Any) -> Session:
    at = (site.now() + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    tree = factories.small_session(identity, at=at, **changes)
    assert asking.put(f"2.3.0/receiver/sessions/SE/ELV/{identity}", tree).status == 201
    return Session.objects.get(object_id=identity)


@pytest.mark.rule("T-423")
def test_a_session_names_the_command_that_it_came_of(partner: Partner, asking: Asking) -> None:
    first, second = sent(partner), sent(partner, authorization_reference="OURS-2")
    assert charge_of(first) is None
    one = told(asking, "S1", authorization_reference="OURS-2")
    other = told(asking, "S2", authorization_reference="ours-1")
    assert (charge_of(first), charge_of(second)) == (other, one)


def test_a_partner_that_leaves_the_reference_out(partner: Partner, asking: Asking) -> None:
    now = site.now()
    first, second = sent(partner, created_at=now), sent(partner, created_at=now + timedelta(minutes=10))
    told(asking, "S0", minutes=1, location_id="LOC9")
    one, other = told(asking, "S1", minutes=2), told(asking, "S2", minutes=11)
    assert (charge_of(first), charge_of(second)) == (one, other)


def test_a_charge_at_our_own_charge_point(partner: Partner, asking: Asking, evse: Evse) -> None:
    cast.post(asking, "START_SESSION", cast.start(partner))
    command = Command.objects.get()
    assert charge_of(command) is None
    asked = cast.obey(evse)
    session = cast.plug_in(evse, asked.authorization_id)  # type: ignore[union-attr]
    command.refresh_from_db()
    assert charge_of(command) == session


def test_what_is_counted(partner: Partner, asking: Asking, evse: Evse) -> None:
    assert measure(now=site.now()).waiting == {"OUT": 0, "IN": 0, "OWN": 0}
    sent(partner, state="WAITING", deadline=site.now() - timedelta(seconds=30))
    sent(partner, state="TIMED_OUT")
    sent(partner, state="TIMED_OUT", created_at=site.now() - timedelta(days=2))
    cast.reserved(asking, partner, evse)
    Command.objects.filter(direction="IN").update(result_fate="UNDELIVERED")
    found = measure(now=site.now())
    assert (found.waiting, found.timed_out) == ({"OUT": 1, "IN": 0, "OWN": 0}, {"OUT": 1, "IN": 0, "OWN": 0})
    assert 30 <= found.overdue_seconds < 300
    assert (found.undelivered, found.reservations) == (1, 1)
