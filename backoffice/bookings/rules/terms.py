"""What the terms of a booking mean for its period: until when it may be changed, from when a charge on it may begin.

Terms count in minutes before the start or after it. Absent and false both mean no; an early start or a late stop that
is allowed without a number of minutes is allowed for none, for nobody could say how many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ocpi.wire.bookings import BookingLocation, BookingTerms

MOST_MINUTES = 60 * 24 * 366
"""More than any terms mean: a number beyond it is read as this, so that no time is out of reach."""

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Times:
    """`change_until`: none where no change is allowed. `noshow_at`: none where there is no time-out (T-508)."""

    change_until: datetime | None
    cancel_until: datetime
    early_from: datetime
    noshow_at: datetime | None
    late_until: datetime
    exclusive: bool


def minutes(number: Decimal | int | None) -> timedelta:
    """That many minutes, never less than none."""
    return timedelta(minutes=float(min(max(Decimal(number or 0), Decimal(0)), Decimal(MOST_MINUTES))))


def times(terms: BookingTerms, *, starts_at: datetime, ends_at: datetime) -> Times:
    early = minutes(terms.early_start_time) if terms.early_start_allowed else timedelta(0)
    late = minutes(terms.late_stop_time) if terms.late_stop_allowed else timedelta(0)
    return Times(
        change_until=None if terms.change_not_allowed else before(starts_at, minutes(terms.change_until_minutes)),
        cancel_until=before(starts_at, minutes(terms.cancel_until_minutes)),
        early_from=before(starts_at, early),
        noshow_at=None if terms.noshow_timeout is None else after(starts_at, minutes(terms.noshow_timeout)),
        late_until=after(ends_at, late),
        exclusive=not terms.overlapping_bookings_allowed,
    )


def before(moment: datetime, pause: timedelta) -> datetime:
    return moment - pause if moment - EARLIEST > pause else EARLIEST


LATEST = datetime(9999, 12, 31, tzinfo=UTC)


def after(moment: datetime, pause: timedelta) -> datetime:
    return moment + pause if LATEST - moment > pause else LATEST


def terms_of(place: BookingLocation, option: int | None = None) -> BookingTerms | None:
    """The terms that a booking at this place is made under: those of its option where each has its own, else the
    first."""
    terms: Sequence[BookingTerms] = place.booking_terms
    if not terms:
        return None
    if option is not None and len(terms) == len(place.bookable_parking_options) and option < len(terms):
        return terms[option]
    return terms[0]


STANDARD = {
    "supported_access_methods": ["OPEN"],
    "change_until_minutes": 60,
    "cancel_until_minutes": 60,
}
"""The terms of a place of ours whose owner wrote none: a Booking must name some."""
