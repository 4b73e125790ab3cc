"""The screens of charging profiles in a browser: no barrier in either theme, whole at 360 pixels, a chart that is a table too."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
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
from tests.browser.test_console import AXE
from tests.charging_profiles import cast
from tests.doors.asking import Asking

LIST = "/admin/charging_profiles/profilerequest/"
PICTURES = os.environ.get("ROAMDESK_TEST_PICTURES", "")
"""A folder that each screen is drawn into, for people who look."""


@pytest.fixture
def steered() -> Session:
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


@pytest.mark.skipif(AXE is None, reason="axe-playwright-python is not installed: make install-dev")
@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])
def test_no_screen_of_charging_profiles_has_a_serious_barrier(
    theme: str, width: int, staff: Callable[..., Any], steered: Session
) -> None:
    assert AXE is not None
    window = staff(width=width, theme=theme)
    request = ProfileRequest.objects.earliest("pk")
    of = f"{LIST}session/{steered.pk}/"
    session = f"/admin/charging_sessions/session/{steered.pk}/change/"
    screens = [LIST, of, f"{of}?unit=W&template=hour", f"{LIST}{request.pk}/change/", f"{LIST}?state=UNSENT", session]
    barriers: list[str] = []
    for number, screen in enumerate(screens):
        page = window.open(screen)
        assert page.evaluate("document.querySelectorAll('h1').length") == 1, screen
        if page.evaluate("document.documentElement.scrollWidth") > width:
            barriers.append(f"{screen} is wider than the window")
        for fold in page.locator("details").all():
            fold.evaluate("each => each.open = true")
        page.evaluate(AXE.read_text("utf-8"))
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        barriers += [
            f"{screen} {each['id']}: {each['help']} {each['nodes'][0]['target']}"
            for each in found
            if each["impact"] in ("serious", "critical")
        ]
        if PICTURES:
            page.screenshot(path=Path(PICTURES) / f"profiles-{number}-{theme}-{width}.png", full_page=True)
    assert barriers == []


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
