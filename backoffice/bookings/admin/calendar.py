"""The calendar of bookings: a day with its hours, or a week with its days, for each location by its own clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse

from backoffice.bookings.admin import query
from backoffice.bookings.admin.drawing import Row, draw_day, draw_week
from backoffice.bookings.admin.query import Asked, Found
from backoffice.bookings.admin.words import UNASSIGNED, place_name, zone_of
from backoffice.bookings.models import BookableLocation, Booking
from backoffice.bookings.rules.days import FIRST, LAST, Axis, axis, week_of
from backoffice.roaming_site import site

DAY = timedelta(days=1)
FAR = timedelta(hours=15)
"""No clock differs from UTC by more."""


@dataclass(slots=True)
class Section:
    """A location: its clock, its days, its rows."""

    name: str
    sub: str
    url: str
    zone: ZoneInfo
    axes: list[Axis]
    rows: list[Row] = field(default_factory=list)
    now: float | None = None

    @property
    def axis(self) -> Axis:
        return self.axes[0]

    @property
    def notes(self) -> list[str]:
        return [
            f"{each.day:%a %d %b}: {each.note}" if len(self.axes) > 1 else each.note for each in self.axes if each.note
        ]

    @property
    def booked(self) -> int:
        return sum(len(row.bookings) for row in self.rows)


class CalendarPages:
    """Part of BookingAdmin."""

    def calendar_urls(self: Any) -> list[URLPattern]:
        return [self.page("calendar/", self.calendar_view, "calendar")]

    def calendar_view(self: Any, request: HttpRequest) -> HttpResponse:
        asked = Asked.read(request.GET)
        now = site.now()
        today = now.date()
        days = week_of(asked.day or today) if asked.view == "week" else [asked.day or today]
        since = datetime.combine(days[0], datetime.min.time(), UTC) - FAR
        until = datetime.combine(days[-1], datetime.min.time(), UTC) + DAY + FAR
        pages: list[list[int]] = []
        if asked.side == "ours":
            pages = query.pages(request, asked, since, until)
            places = pages[min(asked.page, len(pages)) - 1] if pages else []
            found = query.ours(asked, places, days, now) if places else Found()
            sections = of_ours(found, days, now)
        else:
            found = query.theirs(request, asked, since, until, now)
            sections = of_theirs(found, days, now)
        draw(sections, found, asked)
        number = min(asked.page, max(len(pages), 1))
        context = {
            "title": "Booking calendar",
            "asked": asked,
            "sections": sections,
            "booked": sum(section.booked for section in sections),
            "days": days,
            "day": days[0],
            "heading": heading(days),
            "earlier": _near(asked, days[0] - len(days) * DAY),
            "later": _near(asked, days[-1] + DAY),
            "today": asked.link(day=""),
            "tabs": tabs(request, asked.view),
            "waiting": query.waiting_asked(request),
            "cut": found.cut,
            "number": number,
            "pages": len(pages),
            "newer": asked.link(page=number - 1) if number > 1 else "",
            "older": asked.link(page=number + 1) if number < len(pages) else "",
            "may_publish": request.user.has_perm("bookings.publish_place"),
            "may_make": request.user.has_perm("bookings.make_booking"),
            "wide": asked.link(wide="" if asked.wide else "1"),
            "everything": asked.link(everything="" if asked.everything else "1"),
            "other_side": asked.link(side="" if asked.side == "theirs" else "theirs", location=""),
            "all_locations": asked.link(location="") if asked.location else "",
        }
        return self.render(request, "console/bookings/calendar.html", context)


def heading(days: Sequence[date]) -> str:
    if len(days) == 1:
        return f"{days[0]:%A, %d %B %Y}"
    return f"{days[0]:%d %b} to {days[-1]:%d %b %Y}, week {days[0].isocalendar().week}"


def _near(asked: Asked, day: date) -> str:
    return asked.link(day=day.isoformat()) if FIRST <= day <= LAST else ""


def tabs(request: HttpRequest, current: str) -> list[tuple[str, str, bool]]:
    """Week, day, list, conflicts, and the places behind them."""
    calendar, rows = reverse("admin:bookings_booking_calendar"), reverse("admin:bookings_booking_changelist")
    day = f"&day={kept}" if (kept := request.GET.get("day", ""))[:10] and query.day_of(kept) else ""
    found = [
        ("week", "Week", f"{calendar}?view=week{day}"),
        ("day", "Day by EVSE", f"{calendar}?view=day{day}"),
        ("list", "List", rows),
        ("conflicts", "Conflicts", reverse("admin:bookings_booking_conflicts")),
    ]
    return [(label, url, key == current) for key, label, url in found]


# --- from rows to sections --------------------------------------------------------------------------------------------


def of_ours(found: Found, days: Sequence[date], now: datetime) -> list[Section]:
    by_place: dict[int, list[Booking]] = defaultdict(list)
    for booking in found.bookings:
        by_place[booking.place_id or 0].append(booking)
    sections = []
    for _, group in groupby(found.places, key=lambda place: (place.premises_id, place.party_id, place.location_id)):
        places = list(group)
        first = places[0]
        zone = zone_of(first.time_zone)
        section = Section(
            place_name(first),
            f"{first.premises.city if first.premises else ''} {first.party}".strip(),
            reverse("admin:locations_location_change", args=[first.premises_id]) if first.premises_id else "",
            zone,
            [axis(day, zone) for day in days],
        )
        section.now = _now(section, now)
        for place in places:
            section.rows += _rows(place, by_place[place.pk], found)
        sections.append(section)
    return sections


def _now(section: Section, now: datetime) -> float | None:
    today = section.axes[0]
    return today.share(now) if len(section.axes) == 1 and today.starts_at <= now < today.ends_at else None


def _rows(place: BookableLocation, bookings: Sequence[Booking], found: Found) -> list[Row]:
    """Each EVSE; before them, what is promised and has none yet."""
    url = reverse("admin:bookings_bookablelocation_change", args=[place.pk])
    openings = found.openings.get(place.pk, ())
    by_evse: dict[int | None, list[Booking]] = defaultdict(list)
    for booking in bookings:
        by_evse[booking.evse_id].append(booking)
    loose = Row("No EVSE yet", place.object_id, url, openings=openings)
    rows = [loose]
    for resource in place.resources.all():
        blocks = [each for each in found.blocks if each.resource_id == resource.pk]
        waiting = found.waiting.get(resource.pk, [])
        loose.blocks += [each for each in blocks if each.evse_id is None]
        loose.waiting += [each for each in waiting if each.evse_id is None]
        for space in resource.spaces.all():
            evse = space.evse
            rows.append(
                Row(
                    query.evse_name(evse),
                    f"space {space.parking_id}" if space.parking_id else "",
                    url,
                    evse.status,
                    f"{url}block/?resource={resource.pk}&evse={evse.pk}",
                    by_evse.pop(evse.pk, []),
                    openings,
                    [each for each in blocks if each.evse_id == evse.pk],
                    [each for each in waiting if each.evse_id == evse.pk],
                    found.sessions.get(evse.pk, ()),
                )
            )
    loose.bookings = sorted((each for own in by_evse.values() for each in own), key=lambda each: each.starts_at)
    if len(rows) > 1 and not (loose.bookings or loose.blocks or loose.waiting):
        rows.remove(loose)
    return rows


def of_theirs(found: Found, days: Sequence[date], now: datetime) -> list[Section]:
    groups: dict[tuple[Any, ...], list[Booking]] = defaultdict(list)
    for booking in found.bookings:
        groups[booking.party_id, booking.location_id.upper()].append(booking)
    sections = []
    for bookings in groups.values():
        first = bookings[0]
        zone = zone_of(first.time_zone)
        place = first.place
        section = Section(
            place_name(place) if place else first.location_id,
            str(first.party),
            reverse("admin:locations_location_change", args=[place.premises_id]) if place and place.premises_id else "",
            zone,
            [axis(day, zone) for day in days],
        )
        section.now = _now(section, now)
        rows: dict[str, Row] = {}
        for booking in bookings:
            uid = booking.evse_uid if booking.evse_uid not in UNASSIGNED else ""
            rows.setdefault(uid, Row(uid or "No EVSE yet")).bookings.append(booking)
        section.rows = [rows[uid] for uid in sorted(rows)]
        sections.append(section)
    return sorted(sections, key=lambda section: section.name)


def draw(sections: Sequence[Section], found: Found, asked: Asked) -> None:
    uids = {row.pk: [token.uid for token in row.tokens.all()] for row in found.bookings}
    for section in sections:
        link = [asked.link(view="day", day=each.day.isoformat()) for each in section.axes]
        for row in section.rows:
            if asked.view == "day":
                row.bookings = [each for each in row.bookings if section.axis.meets(each.starts_at, each.ends_at)]
                draw_day(row, section.axis, found.conflicts, uids)
            else:
                draw_week(row, section.axes, found.conflicts, link)
