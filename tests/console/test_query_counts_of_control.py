"""How many queries the pages of remote control ask: commands, reservations, charging profiles, the APIs.

The same for few and many rows, and as many as the baseline says (see test_query_counts).
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client

from backoffice.api.actions import keys, webhooks
from backoffice.api.models import ApiCall
from backoffice.api.rules import Kind
from backoffice.charging_profiles.models import ProfileRequest
from backoffice.commands.models import Command, Reservation
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from tests import factories
from tests.api.calling import application
from tests.charging_profiles import cast as profiles
from tests.commands import cast
from tests.console.test_query_counts import MOST, counted
from tests.doors.asking import Asking
from tests.factories import Partner
from tests.sessions.conftest import asking, partner, us

__all__ = ["asking", "partner", "us"]

BASELINE = Path(__file__).parent / "query_counts_of_control.json"

PAGES = (
    "/admin/commands/command/",
    "/admin/commands/command/?state=open&kind=RESERVE_NOW",
    "/admin/commands/command/{command}/change/",
    "/admin/commands/command/new/?kind=START_SESSION",
    "/admin/commands/reservation/",
    "/admin/commands/reservation/{reservation}/change/",
    "/admin/charge_points/order/",
    "/admin/charging_profiles/profilerequest/",
    "/admin/charging_profiles/profilerequest/{request}/change/",
    "/admin/charging_profiles/profilerequest/session/{session}/",
    "/admin/api/application/",
    "/admin/api/application/{application}/change/",
    "/admin/api/apicall/",
    "/admin/api/webhookdelivery/",
    "/admin/api/webhookdelivery/{delivery}/change/",
)


class World:
    """Adds one of everything at a time."""

    def __init__(self, us: Party, partner: Partner, asking: Asking) -> None:
        self.us, self.partner, self.asking, self.number = us, partner, asking, 0

    def more(self) -> None:
        self.number += 1
        number, now = self.number, site.now()
        evse = cast.point(2 * number)
        cast.reserved(self.asking, self.partner, evse, f"R{number}", location=f"LOC{2 * number}")
        cast.post(self.asking, "UNLOCK_CONNECTOR", cast.unlock(self.partner, location=f"LOC{2 * number}"))
        session = profiles.charging(self.partner, number=2 * number + 1)
        assert session.point is not None
        cast.drive(session.point)  # also when this takes longer than a program is believed to run
        put = b'{"charging_profile":' + profiles.SIXTEEN + f',"response_url":"{cast.host(self.partner)}/x"}}'.encode()
        assert self.asking.put(f"2.3.0/receiver/chargingprofiles/{session.object_id}", put).code == 1000
        made = application(self.us, Kind.DRIVER_APP, f"App {number}")
        keys.issue(made, scopes=["chargers:read"], expires_at=now + timedelta(days=1), by="anna", now=now)
        webhooks.add_endpoint(application=made, url=f"https://app{number}.example/hook", now=now)
        with transaction.atomic():
            webhooks.tell(application=made.pk, event="command.changed", data={}, about="x", now=now)
        key = made.keys.get()
        ApiCall.objects.create(
            at=now, application=made, key=key, method="GET", path="/x", status=404, request_id="r", elapsed_ms=1
        )

    def addresses(self) -> dict[str, Any]:
        app = self.us.applications.earliest("pk")
        return {
            "command": Command.objects.earliest("pk").pk,
            "reservation": Reservation.objects.earliest("pk").pk,
            "request": ProfileRequest.objects.earliest("pk").pk,
            "session": Session.objects.exclude(transaction="").earliest("pk").pk,
            "application": app.pk,
            "delivery": app.webhooks.get().deliveries.get().pk,
        }


@pytest.mark.django_db
def test_pages_ask_as_often_as_the_baseline_says_whatever_their_rows(
    us: Party, partner: Partner, asking: Asking
) -> None:
    factories.own_token(factories.small_token("APP-7", "DE-RDK", type="APP_USER"))
    world = World(us, partner, asking)
    world.more()
    client = Client()
    client.force_login(User.objects.create_superuser("root"), backend="django.contrib.auth.backends.ModelBackend")
    named = world.addresses()
    few = {page: counted(client, page.format(**named)) for page in PAGES}
    for _ in range(4):
        world.more()
    many = {page: counted(client, page.format(**named)) for page in PAGES}
    assert many == few, "a page asks once for each row"
    assert max(few.values()) <= MOST
    if os.environ.get("ROAMDESK_WRITE_QUERY_COUNTS"):
        BASELINE.write_text(json.dumps(few, indent=1) + "\n")
    assert few == json.loads(BASELINE.read_text())
