"""Whether a request can be granted, before anybody looks whether the space is free: a table of checks, each a sentence
or nothing.

That nobody else has it is not for this file: the database says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from backoffice.bookings.rules import slots
from backoffice.bookings.rules.states import may_say
from ocpi.wire.bookings import BookingTerms, Cancellation, ReservationStatus
from ocpi.wire.types import Role, TokenType

LATE = timedelta(minutes=5)
"""A request for now may take so long to come."""

AHEAD = timedelta(days=366)
"""Nobody's calendar is worth more than this."""

MOST_TOKENS = 250
"""Of one booking: each is locked while it is looked whether another has it."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """An opening of a calendar, as far as a request needs to know. Powers in W."""

    starts_at: datetime
    ends_at: datetime
    step: int | None
    calendar: int
    max_power: Decimal | None = None
    green: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked, and where it is to be. `stands`: the booking as it is, for a change of it."""

    starts_at: datetime
    ends_at: datetime
    now: datetime
    zone: ZoneInfo
    terms: BookingTerms
    stretches: Sequence[Stretch]
    power: int | None = None
    green: bool = False
    shortest: int | None = None
    longest: int | None = None
    token_types: Sequence[TokenType] = ()
    connector_id: str = ""
    connectors: Sequence[str] = ()
    evse_power: int = 0
    stands: Standing | None = field(default=None)

    @property
    def length(self) -> timedelta:
        return self.ends_at - self.starts_at

    def within(self) -> list[Stretch]:
        """The stretches of one calendar that make up the period; none where it is not open throughout."""
        for calendar in {stretch.calendar: None for stretch in self.stretches}:
            own = [stretch for stretch in self.stretches if stretch.calendar == calendar]
            found = slots.covered((self.starts_at, self.ends_at), [(each.starts_at, each.ends_at) for each in own])
            if found:
                return [own[place] for place in found]
        return []


@dataclass(frozen=True, slots=True)
class Standing:
    """A booking that is to be changed or canceled."""

    status: ReservationStatus
    starts_at: datetime
    change_until: datetime | None
    cancel_until: datetime


def _order(wanted: Wanted) -> str:
    return "" if wanted.starts_at < wanted.ends_at else "It must end after it starts."


def _past(wanted: Wanted) -> str:
    if wanted.starts_at < wanted.now - LATE:
        return "It begins in the past."
    return "It is over already." if wanted.ends_at <= wanted.now else ""


def _far(wanted: Wanted) -> str:
    return "It is more than a year ahead." if wanted.starts_at > wanted.now + AHEAD else ""


def _length(wanted: Wanted) -> str:
    most = min(slots.LONGEST, timedelta(minutes=wanted.longest)) if wanted.longest else slots.LONGEST
    if wanted.length > most:
        return f"It is longer than {_spelled(most)}."
    least = timedelta(minutes=wanted.shortest or 0)
    return f"It is shorter than {_spelled(least)}." if wanted.length < least else ""


def _open(wanted: Wanted) -> str:
    return "" if wanted.within() else "It is outside of what the calendar offers."


def _step(wanted: Wanted) -> str:
    step = next((stretch.step for stretch in wanted.within() if stretch.step), None)
    both = wanted.starts_at, wanted.ends_at
    if all(slots.on_step(moment, step, wanted.zone) for moment in both):
        return ""
    return (
        f"It must begin and end at multiples of {step} minutes." if step else "It must begin and end at whole minutes."
    )


def _power(wanted: Wanted) -> str:
    if wanted.power is None:
        return ""
    if wanted.power < 0:
        return "power_required is less than nothing."
    limits = [stretch.max_power for stretch in wanted.within() if stretch.max_power is not None]
    most = min([*limits, *([Decimal(wanted.evse_power)] if wanted.evse_power else [])], default=None)
    return f"No more than {most} W can be had then." if most is not None and wanted.power > most else ""


def _green(wanted: Wanted) -> str:
    if wanted.green and not all(stretch.green for stretch in wanted.within()):
        return "There is no green energy then."
    return ""


def _connector(wanted: Wanted) -> str:
    named = wanted.connector_id.upper()
    if named in ("", "#NA") or not wanted.connectors or named in {each.upper() for each in wanted.connectors}:
        return ""
    return f"There is no connector {wanted.connector_id}."


def _tokens(wanted: Wanted) -> str:
    if len(wanted.token_types) > MOST_TOKENS:
        return f"It names more than {MOST_TOKENS} tokens."
    if wanted.terms.RFID_auth_required and TokenType.RFID not in wanted.token_types:
        return "It must name an RFID token: the terms ask for one."
    return ""


def _changeable(wanted: Wanted) -> str:
    stands = wanted.stands
    if stands is None:
        return ""
    if stands.status is not ReservationStatus.RESERVED:
        return f"The booking is {stands.status.value} and cannot be changed."
    if stands.change_until is None:
        return "The terms allow no change."
    return "It is too late to change it." if wanted.now > stands.change_until else ""


CHECKS: tuple[Callable[[Wanted], str], ...] = (
    _changeable,
    _order,
    _past,
    _far,
    _length,
    _open,
    _step,
    _power,
    _green,
    _connector,
    _tokens,
)


def objections(wanted: Wanted) -> Iterator[str]:
    """Why it cannot be granted, the first first."""
    return filter(None, (check(wanted) for check in CHECKS))


def cannot_cancel(standing: Standing, cancellation: Cancellation, *, now: datetime) -> str:
    """Why the eMSP cannot cancel; empty: it can. What is not granted yet can always be taken back."""
    if cancellation.who_canceled != Role.EMSP:
        return "who_canceled must be EMSP in a request of an eMSP."
    if not may_say(cancellation.cancellation_reason, cpo=False):
        return f"{cancellation.cancellation_reason.value} is a reason of the CPO."
    if standing.status is ReservationStatus.PENDING:
        return ""
    if standing.status is not ReservationStatus.RESERVED:
        return f"The booking is {standing.status.value} and cannot be canceled."
    return "It is too late to cancel it." if now > standing.cancel_until else ""


def _spelled(length: timedelta) -> str:
    days, rest = divmod(length, timedelta(days=1))
    return f"{days} days" if days and not rest else f"{length // timedelta(minutes=1)} minutes"
