"""The calendar of bookings by keyboard alone: from bar to bar, into a booking, moved by its form, back in the calendar;
five hundred bookings on one page; the viewer's own clock beside that of the location."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from backoffice.bookings.models import Booking
from backoffice.bookings.models.places import Decides
from backoffice.locations.models import Evse
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from tests import factories
from tests.bookings import places, rows

BERLIN = ZoneInfo("Europe/Berlin")
CALENDAR = "/admin/bookings/booking/calendar/"


def test_a_booking_is_found_and_moved_by_keyboard_among_five_hundred(staff: Callable[..., Any]) -> None:
    us = factories.own_party("DE-RDK", "CPO", "EMSP")
    partner = factories.partner("SE-ELV:EMSP", ours=[us], receives=["bookings", "booking_locations"])
    day = (site.now().astimezone(BERLIN) + timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)
    start = day.astimezone(ZoneInfo("UTC"))
    tree = places.calendar() | {
        "begin_from": places.text(start),
        "end_before": places.text(start + timedelta(days=3)),
        "available_timeslots": [places.slot(start, start + timedelta(days=3))],
    }
    offer: dict[str, Any] = {"calendars": [tree], "decides": Decides.ITSELF, "now": site.now()}
    one = places.one_evse(places.premises("LOC1", time_zone="Europe/Berlin", name="Alexanderplatz"), **offer)
    many = places.alike(places.premises("LOC2", evses=20, time_zone="Europe/Berlin", name="Zoo"), "P2", **offer)
    for number, hour in enumerate((8, 10)):
        asked = places.asked(f"K{number}", start + timedelta(hours=hour), start + timedelta(hours=hour + 1))
        places.ask(partner, asked, now=site.now())
    rows.many(many, partner.party, start, 498, list(Evse.objects.filter(location=many.premises_id)))
    assert Booking.objects.count() == 500 and Party.objects.filter(ours=True).count() == 1
    first, second = Booking.objects.filter(place=one).order_by("starts_at")

    window = staff()
    window.page.set_default_navigation_timeout(60_000)
    page = window.open(f"{CALENDAR}?day={day:%Y-%m-%d}")
    keys = page.keyboard
    assert page.locator(".rb-bar").count() == 500
    assert page.locator('.rb-bar[tabindex="0"]').count() == 2, "one stop of the Tab key for each location"
    assert "second line: your time" in page.locator("section h3").first.inner_text()

    page.locator(".rb-tools a").last.focus()
    for _ in range(12):
        keys.press("Tab")
        if page.evaluate("document.activeElement.matches('.rb-bar')"):
            break
    focused = "document.activeElement.getAttribute('href')"
    assert page.evaluate(focused).endswith(f"/{first.pk}/change/")
    keys.press("ArrowRight")
    assert page.evaluate(focused).endswith(f"/{second.pk}/change/")
    keys.press("Home")
    keys.press("End")
    assert page.evaluate(focused).endswith(f"/{second.pk}/change/")
    keys.press("Enter")
    page.get_by_role("heading", name=f"Booking {second.object_id}").wait_for()
    page.get_by_role("link", name="Move…").focus()
    keys.press("Enter")
    page.get_by_label("Begins").focus()
    page.get_by_label("Begins").fill(f"{day:%Y-%m-%d}T14:00")
    page.get_by_label("Ends").focus()
    page.get_by_label("Ends").fill(f"{day:%Y-%m-%d}T15:00")
    page.get_by_role("button", name="Move").focus()
    keys.press("Enter")
    page.get_by_text("It is moved; the eMSP is being told.").wait_for()
    second.refresh_from_db()
    assert second.starts_at == (day + timedelta(hours=14)).astimezone(ZoneInfo("UTC"))
    page.get_by_role("link", name="In the calendar").focus()
    keys.press("Enter")
    page.get_by_text("14:00–15:00 Reserved SE-ELV").first.wait_for()

    page = window.open(f"{CALENDAR}?view=week&day={day:%Y-%m-%d}")
    lines = page.locator(".rb-line")
    seen = "all => all.map((each) => [each.scrollWidth <= each.clientWidth, each.offsetHeight])"
    whole, heights = zip(*lines.evaluate_all(seen), strict=True)
    assert len(whole) > 60 and all(whole), "the state stands readable below the time"
    assert max(heights) <= 32, "in two lines"
