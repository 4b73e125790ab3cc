"""What the calendar shows, read: places with their spaces, what of the days is open, booked, blocked and in use. As many
statements for five hundred bookings as for none. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest, QueryDict

from backoffice.bookings import conflicts
from backoffice.bookings.admin.words import zone_of
from backoffice.bookings.models import (
    Block,
    BookableLocation,
    BookedToken,
    Booking,
    BookingAsked,
    Claim,
    Opening,
    Space,
)
from backoffice.bookings.rules.days import day_of, midnight
from backoffice.console.given import number
from backoffice.console.scope import parties_of
from backoffice.locations.models import Evse
from backoffice.sessions.models import Session

LONGEST = timedelta(days=14)
"""Nothing that is granted here lasts longer: what began earlier is over."""

ROWS = 60
"""Rows of a page, as far as whole locations allow it."""

MOST_BOOKINGS = 5_000
"""Of a page. Who has more narrows it to a location."""

SHOWN = ("PENDING", "RESERVED", "FULFILLED", "NO_SHOW", "UNKNOWN")
"""What had a space, or may have one."""

DRAWN = (
    "object_id",
    "status",
    "request_status",
    "evse",
    "evse_uid",
    "place",
    "starts_at",
    "ends_at",
    "early_from",
    "late_until",
    "power",
)
"""What a bar is drawn from: of five hundred bookings nothing else is read."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the calendar's address says; what makes no sense is as if it were not there."""

    view: str = "day"
    day: date | None = None
    side: str = "ours"
    location: int | None = None
    everything: bool = False
    wide: bool = False
    page: int = 1

    @classmethod
    def read(cls, given: QueryDict) -> Asked:
        return cls(
            view="week" if given.get("view") == "week" else "day",
            day=day_of(given.get("day", "")),
            side="theirs" if given.get("side") == "theirs" else "ours",
            location=number(given.get("location")),
            everything=given.get("everything") == "1",
            wide=given.get("wide") == "1",
            page=max(number(given.get("page")) or 1, 1),
        )

    def link(self, **changes: Any) -> str:
        values = {
            "view": self.view,
            "day": self.day.isoformat() if self.day else "",
            "side": "" if self.side == "ours" else self.side,
            "location": self.location,
            "everything": "1" if self.everything else "",
            "wide": "1" if self.wide else "",
            **changes,
        }
        return "?" + urlencode({name: value for name, value in values.items() if value not in (None, "")})


@dataclass(slots=True)
class Found:
    """Rows of the window, by whom they belong to. `waiting`: changes that wait, with the period that they want."""

    places: list[BookableLocation] = field(default_factory=list)
    bookings: list[Booking] = field(default_factory=list)
    openings: Mapping[int, list[tuple[datetime, datetime]]] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    waiting: Mapping[int, list[Claim]] = field(default_factory=dict)
    sessions: Mapping[int, list[Session]] = field(default_factory=dict)
    conflicts: Mapping[int, list[conflicts.Conflict]] = field(default_factory=dict)
    cut: bool = False


def bookings_of(request: HttpRequest) -> QuerySet[Booking]:
    """What this member of staff may see: a booking belongs to whose charge point it is at, and to whose driver made it."""
    rows = Booking.objects.defer("document")
    parties = parties_of(request.user)
    return rows if parties is None else rows.filter(Q(party__in=parties) | Q(emsp__in=parties))


def places_of(request: HttpRequest, *, ours: bool) -> QuerySet[BookableLocation]:
    """Partners' places are everybody's; ours are of who sees their party."""
    rows = BookableLocation.objects.filter(ours=ours).select_related("party")
    parties = parties_of(request.user)
    return rows.filter(party__in=parties) if ours and parties is not None else rows


def within(rows: QuerySet[Booking], since: datetime, until: datetime) -> QuerySet[Booking]:
    return rows.filter(starts_at__lt=until, starts_at__gt=since - LONGEST, ends_at__gt=since)


def pages(request: HttpRequest, asked: Asked, since: datetime, until: datetime) -> list[list[int]]:
    """The places of each page: whole locations, until there are rows enough."""
    rows = places_of(request, ours=True).order_by("premises__name", "premises", "pk")
    booked = within(Booking.objects.filter(place=OuterRef("pk")), since, until)
    rows = rows.filter(Q(withdrawn_at=None) | Exists(booked))
    if asked.location is not None:
        rows = rows.filter(premises=asked.location)
    counted = rows.annotate(spaces=Count("resources__spaces")).values_list("pk", "premises", "spaces")
    found: list[list[int]] = []
    size, last = ROWS, None
    for pk, premises, spaces in counted[:20_000]:
        if not found or (size >= ROWS and premises != last):
            found.append([])
            size = 0
        found[-1].append(pk)
        size, last = size + max(spaces, 1), premises
    return found


def ours(asked: Asked, places: Sequence[int], days: Sequence[date], now: datetime) -> Found:
    """All of one page of places of ours."""
    spaces = Space.objects.select_related("evse", "resource").defer("evse__document").order_by("evse__position", "pk")
    rows = list(
        BookableLocation.objects.filter(pk__in=places)
        .select_related("party", "premises")
        .defer("document", "premises__document")
        .prefetch_related(Prefetch("resources__spaces", queryset=spaces))
        .order_by("premises__name", "premises", "pk")
    )
    zones = {zone_of(place.time_zone) for place in rows}
    since = min(midnight(days[0], zone) for zone in zones)
    until = max(midnight(days[-1] + timedelta(days=1), zone) for zone in zones)
    held = within(Booking.objects.filter(place__in=places), since, until).select_related("emsp")
    bookings, cut = _bookings(held.only(*DRAWN, "emsp__country_code", "emsp__party_id"), asked)
    evses = [space.evse_id for place in rows for each in place.resources.all() for space in each.spaces.all()]
    evses += [row.evse_id for row in bookings if row.evse_id]
    openings: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    for place, start, end in (
        Opening.objects.filter(place__in=places, starts_at__lt=until, ends_at__gt=since)
        .order_by("place", "starts_at")
        .values_list("place", "starts_at", "ends_at")
    ):
        openings[place].append((start, end))
    waiting: dict[int, list[Claim]] = defaultdict(list)
    for claim in (
        Claim.objects.filter(asked__isnull=False, resource__of="SPACES", resource__place__in=places)
        .select_related("booking")
        .defer("booking__document")
    ):
        waiting[claim.resource_id].append(claim)
    return Found(
        rows,
        bookings,
        openings,
        list(
            Block.objects.filter(resource__place__in=places, starts_at__lt=until, ends_at__gt=since).select_related(
                "resource"
            )
        ),
        waiting,
        _sessions(evses, since, until),
        by_booking(conflicts.found(now=now, bookings=[row.pk for row in bookings])) if bookings else {},
        cut,
    )


def theirs(request: HttpRequest, asked: Asked, since: datetime, until: datetime, now: datetime) -> Found:
    """What drivers of ours have booked at partners."""
    rows = within(bookings_of(request).filter(ours=False), since, until)
    if asked.location is not None:
        rows = rows.filter(place__premises=asked.location)
    rows = rows.defer("document", "place__document", "place__premises__document")
    bookings, cut = _bookings(rows.select_related("party", "emsp", "place__premises"), asked)
    found = by_booking(conflicts.found(now=now, bookings=[row.pk for row in bookings])) if bookings else {}
    return Found(bookings=bookings, conflicts=found, cut=cut)


def _bookings(rows: QuerySet[Booking], asked: Asked) -> tuple[list[Booking], bool]:
    if not asked.everything:
        rows = rows.filter(status__in=SHOWN)
    tokens = Prefetch("tokens", queryset=BookedToken.objects.only("booking", "uid"))
    found = list(rows.prefetch_related(tokens).order_by("starts_at", "pk")[: MOST_BOOKINGS + 1])
    return found[:MOST_BOOKINGS], len(found) > MOST_BOOKINGS


def _sessions(evses: Iterable[int], since: datetime, until: datetime) -> Mapping[int, list[Session]]:
    found: dict[int, list[Session]] = defaultdict(list)
    rows = Session.objects.filter(point__in=set(evses), starts_at__lt=until, starts_at__gt=since - timedelta(days=7))
    rows = rows.filter(Q(ends_at=None) | Q(ends_at__gt=since)).exclude(status__in=("INVALID", "RESERVATION"))
    for session in rows.only("point", "starts_at", "ends_at", "status", "object_id", "authorization_reference"):
        found[session.point_id or 0].append(session)
    return found


def by_booking(rows: Iterable[conflicts.Conflict]) -> dict[int, list[conflicts.Conflict]]:
    found: dict[int, list[conflicts.Conflict]] = defaultdict(list)
    for each in rows:
        found[each.booking].append(each)
    return found


def waiting_asked(request: HttpRequest) -> int:
    """How many requests wait for staff of ours."""
    rows = BookingAsked.objects.filter(status="PENDING", booking__ours=True)
    parties = parties_of(request.user)
    if parties is not None:
        rows = rows.filter(cpo__in=parties)
    return rows.count()


def evse_name(evse: Evse) -> str:
    return evse.evse_id or evse.uid
