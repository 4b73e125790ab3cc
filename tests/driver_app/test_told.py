"""What an eMSP's app hears by itself: that a charge began, went on and ended, and that its receipt is there.

Owed with the change, signed, told at least once, to nobody else's app.
"""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from backoffice.api.actions import sending, webhooks
from backoffice.api.models import Application, WebhookDelivery, WebhookEndpoint
from backoffice.api.rules import Kind
from backoffice.api.serving.site import api_site
from backoffice.cdrs.actions import checking
from backoffice.cdrs.models import Cdr
from backoffice.charge_points import door
from backoffice.charge_points.gateway import Metered, Stopped
from backoffice.locations.models import Evse
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from backoffice.sessions.rules.telling import ChargeEvent, event_of
from ocpi.wire import json as wire_json
from tests import factories
from tests.api.calling import application
from tests.api.test_webhooks import Receiver, receiver
from tests.cdrs.test_dying import KILLED, run
from tests.commands import cast
from tests.commands.conftest import asking, evse, partner, us
from tests.doors.asking import Asking
from tests.factories import Partner

__all__ = ["asking", "evse", "partner", "receiver", "us"]

STARTED, UPDATED, ENDED, RECEIPT = "charge.started", "charge.updated", "charge.ended", "receipt.ready"


def app(party: Party, url: str = "https://app.example/hook", **options: Any) -> Application:
    made = application(party, Kind.DRIVER_APP, f"App of {party}")
    webhooks.add_endpoint(application=made, url=url, now=site.now(), **options)
    return made


def told(of: Application | None = None) -> list[tuple[str, dict[str, Any]]]:
    rows = WebhookDelivery.objects.order_by("pk")
    if of is not None:
        rows = rows.filter(endpoint__application=of)
    return [(row.event, json.loads(row.body, parse_float=Decimal)["data"]) for row in rows]


def put(asking: Asking, identity: str = "S1", **changes: Any) -> None:
    """A partner tells of a charge of a driver of ours."""
    changes = {"last_updated": f"2026-03-01T{8 + changes.pop('hour', 0):02}:00:00Z"} | changes
    tree = factories.small_session(identity, **changes)
    assert asking.put(f"2.3.0/receiver/sessions/SE/ELV/{identity}", tree).code == 1000


@pytest.mark.parametrize(
    ("before", "now", "event"),
    [
        (None, "ACTIVE", STARTED),
        (None, "PENDING", STARTED),
        (None, "RESERVATION", UPDATED),
        (None, "COMPLETED", ENDED),
        ("RESERVATION", "ACTIVE", STARTED),
        ("PENDING", "ACTIVE", UPDATED),
        ("ACTIVE", "ACTIVE", UPDATED),
        ("ACTIVE", "COMPLETED", ENDED),
        ("RESERVATION", "COMPLETED", ENDED),
        ("ACTIVE", "INVALID", ENDED),
        ("COMPLETED", "INVALID", UPDATED),
        ("COMPLETED", "COMPLETED", UPDATED),
    ],
)
def test_what_each_change_is(before: str | None, now: str, event: str) -> None:
    assert event_of(before, now).value == event


def test_each_event_is_described_with_what_it_says() -> None:
    known = api_site.of(Kind.DRIVER_APP)
    assert known is not None
    assert {*(each.value for each in ChargeEvent), RECEIPT} < set(known.events)


def test_a_charge_at_a_partner(us: Party, partner: Partner, asking: Asking) -> None:
    ours, other = app(us), app(factories.own_party("DE-OTH", "EMSP", name="Other"))
    put(asking)
    put(asking, hour=1, kwh=Decimal("3.25"))
    put(asking, hour=1, kwh=Decimal("3.25"))  # the same again is no news
    put(asking, hour=2, kwh=Decimal(4))
    end = {"status": "COMPLETED", "end_date_time": "2026-03-01T10:30:00Z"}
    put(asking, hour=3, kwh=Decimal("4.5"), **end)
    session = Session.objects.get()
    found = told(ours)
    assert [event for event, _ in found] == [STARTED, UPDATED, ENDED], "of what waits, the newest"
    assert [data["kwh"] for _, data in found] == [Decimal("1.5"), 4, Decimal("4.5")]
    schema = api_site.of(Kind.DRIVER_APP)
    assert schema is not None
    for event, data in found:
        assert wire_json.validate(schema.events[event][1], data)
        assert (data["charge"], data["party_id"]) == (str(session.pk), "ELV")
    assert found[2][1]["ends_at"] == "2026-03-01T10:30:00Z"
    tree = factories.small_cdr("C1", session_id="S1")
    assert asking.ask("POST", "2.3.0/receiver/cdrs", wire_json.encode(tree)).code == 1000
    assert len(told(ours)) == 3, "before it was compared there is nothing to say"
    checking.check_waiting(now=site.now())
    (event, data) = told(ours)[-1]
    assert event == RECEIPT and wire_json.validate(schema.events[RECEIPT][1], data)
    assert (data["charge"], data["checked"]) == (str(session.pk), Cdr.objects.get().verdict)
    checking.check_waiting(now=site.now())
    assert len(told(ours)) == 4
    assert told(other) == []


def test_a_charge_at_our_own_station(us: Party, evse: Evse) -> None:
    ours = app(us, events=[STARTED, ENDED, RECEIPT])
    factories.own_token(factories.small_token("APP-7", "DE-RDK", type="APP_USER", contract_id="DE-RDK-C1"))
    now = site.now()
    row = begun(us, evse)
    door.report(Metered(evse.evse_id, "TX-1", Decimal(1010), Decimal(11)), now=now + timedelta(minutes=30))
    door.report(Stopped(evse.evse_id, "TX-1", Decimal(1010)), now=now + timedelta(hours=1))
    found = told(ours)
    assert [event for event, _ in found] == [STARTED, ENDED, RECEIPT], "it did not want the others"
    assert {data["charge"] for _, data in found} == {str(row.pk)}
    assert found[1][1]["kwh"] == 10


def begun(us: Party, evse: Evse) -> Session:
    from backoffice.commands.actions.sending import Wish, send
    from backoffice.tokens.models import Token

    send(
        Wish(kind="START_SESSION", token=Token.objects.get(), location=evse.location, evse_uid=evse.uid), now=site.now()
    )
    return cast.plug_in(evse, cast.obey(evse).authorization_id)  # type: ignore[union-attr]  # it is a Start


def test_what_is_undone_is_told_to_nobody(us: Party, partner: Partner, asking: Asking) -> None:
    app(us)
    put(asking)
    before = told()
    with transaction.atomic():
        put(asking, hour=1, kwh=Decimal(9))
        assert told() != before
        transaction.set_rollback(True)
    assert told() == before


TELL = """
import os
from decimal import Decimal
from django.test.utils import setup_test_environment
setup_test_environment()
from tests.doors.asking import Asking
assert Asking({token!r}).put("2.3.0/receiver/sessions/SE/ELV/S1", {tree!r}).code == 1000
os._exit(137)
"""
SEND = """
from backoffice.api.actions import sending
sending.run({pk})
"""


@pytest.mark.django_db(transaction=True)
def test_dying_between_the_change_and_the_message(us: Party, partner: Partner, receiver: Receiver) -> None:
    app(us, receiver.url)
    endpoint = WebhookEndpoint.objects.get()
    tree = factories.small_session("S1")
    assert run(TELL.format(token=partner.token, tree=tree)) == KILLED
    owed = WebhookDelivery.objects.get()
    assert (owed.event, owed.state) == (STARTED, "DUE") and Session.objects.exists()
    assert [pk for pk, _ in sending.endpoints_due(site.now())] == [endpoint.pk], "the sweep finds it"
    assert run(SEND.format(pk=endpoint.pk), "webhook-before-send") == KILLED
    assert receiver.heard == []
    assert run(SEND.format(pk=endpoint.pk), "webhook-after-send-before-mark") == KILLED
    assert sending.run(endpoint.pk) == 1
    ids = {headers["webhook-id"] for headers, _ in receiver.heard}
    assert len(receiver.heard) == 2 and ids == {owed.uid}, "said twice, and told to be the same"
    owed.refresh_from_db()
    assert owed.state == "DONE"
