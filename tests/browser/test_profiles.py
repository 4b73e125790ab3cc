"""Charging profiles in a browser: staff look before they set, by keyboard."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.charging_profiles.actions import executing, sending
from backoffice.charging_profiles.actions.receiving import Wish
from backoffice.charging_profiles.models import ProfileRequest
from backoffice.charging_profiles.rules.states import Kind
from backoffice.roaming_site import site
from backoffice.sessions.actions import running
from backoffice.sessions.models import Session
from tests import factories
from tests.charging_profiles import cast
from tests.doors.asking import Asking

LIST = "/admin/charging_profiles/profilerequest/"


@pytest.fixture
def steered() -> Session:
    return steer()


def steer() -> Session:
    """A driver of a partner charges with 11 kW for half an hour; the partner, then our staff, limit it."""
    factories.own_party()
    partner = factories.partner("SE-ELV:CPO", "SE-ELV:EMSP", receives=["sessions"])
    cast.listening(partner)
    now = site.now()
    begun = now - timedelta(minutes=40)
    session = cast.charging(partner, now=begun, kwh="1000")
    assert session.point is not None
    energy = Decimal(1000)
    for minute in range(1, 40):
        power = Decimal("22.0") if minute < 10 else Decimal("11.0") if minute < 25 else Decimal("6.9")
        energy += power / 60
        at = begun + timedelta(minutes=minute)
        running.meter(session=session, kwh=energy, power_kw=power, soc=None, charging=True, now=at)
    for minute, amperes, ours in ((10, b"16", False), (25, b"10", True)):
        at = begun + timedelta(minutes=minute)
        cast.drive(session.point, now=at)
        profile = cast.literal(cast.SIXTEEN.replace(b"16", amperes))
        if ours:
            sending.ask(session, Wish(Kind.SET, profile=profile), by="anna", why="The grid is full", now=at)
        else:
            cast.drive(session.point)
            told = cast.put(
                Asking(partner.token), partner, session, cast.setting(partner, json.dumps(profile).encode())
            )
            assert told.data["result"] == "ACCEPTED"
            ProfileRequest.objects.update(asked_at=at)
        made = ProfileRequest.objects.latest("pk")
        executing.done(made.uid, "ACCEPTED", "", None, at)
    cast.drive(session.point)
    return session


def test_staff_look_before_they_set_by_keyboard(staff: Callable[..., Any], steered: Session) -> None:
    page = staff().open(f"{LIST}session/{steered.pk}/?template=hour#set")
    page.get_by_label("Why").first.focus()
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")  # Look first
    page.get_by_text("Nothing speaks against it.").wait_for()
    assert page.locator("polyline.rp-preview").count() == 1
    page.get_by_label("Why").first.fill("Less for a while")
    with page.expect_navigation():
        page.get_by_role("button", name="Set it").press("Enter")
    page.get_by_text("The charge point is being asked").wait_for()
    made = ProfileRequest.objects.latest("pk")
    assert (made.why, made.state) == ("Less for a while", "WAITING")
