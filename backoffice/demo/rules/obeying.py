"""How a simulated charge point answers what it is asked to do: by how it stands, and where it could obey, by chance.

So that whoever watches sees every answer that there is: most stations obey at once, some are slow, say it twice or when nobody
waits any more, some say nothing at all. Whatever is answered is true: a station that says that it is out of order is.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from backoffice.charge_points.gateway import (
    ActiveProfile,
    CancelReservation,
    ClearProfile,
    Instruction,
    Reserve,
    SetProfile,
    Start,
    Stop,
    Unlock,
)
from ocpi.wire.commands import CommandResultType as Outcome
from ocpi.wire.locations import Status

S = Status


@dataclass(frozen=True, slots=True)
class Reservation:
    number: int
    uid: str
    expires: datetime
    others: frozenset[str] = frozenset()

    def lets_in(self, uid: str) -> bool:
        return uid.upper() in {self.uid.upper(), *(each.upper() for each in self.others)}


@dataclass(frozen=True, slots=True)
class Standing:
    """How an EVSE stands. `charges`: transactions that run; `expecting`: somebody was let in and has not plugged in yet."""

    status: Status
    charges: frozenset[str] = frozenset()
    silent: bool = False
    expecting: bool = False
    reservation: Reservation | None = None


class Manner(Enum):
    """When it answers. LATE: after its deadline. NEVER: it has not heard of it."""

    PROMPT = "prompt"
    SLOW = "slow"
    TWICE = "twice"
    LATE = "late"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of an order. `obeys`: it is done; otherwise the EVSE becomes `then`, if anything."""

    outcome: Outcome
    reason: str = ""
    manner: Manner = Manner.PROMPT
    obeys: bool = False
    then: Status | None = None


OBEYS = Fate(Outcome.ACCEPTED, obeys=True)
SLOW = Fate(Outcome.ACCEPTED, manner=Manner.SLOW, obeys=True)
TWICE = Fate(Outcome.ACCEPTED, manner=Manner.TWICE, obeys=True)
LATE = Fate(Outcome.ACCEPTED, "The line was down.", manner=Manner.LATE)
UNHEARD = Fate(Outcome.TIMEOUT, manner=Manner.NEVER)
FASTER = Fate(Outcome.EVSE_OCCUPIED, "Another vehicle has just been plugged in.", then=S.BLOCKED)
FAULT = Fate(Outcome.EVSE_INOPERATIVE, "Ground fault detected", then=S.OUTOFORDER)
BUSY = Fate(Outcome.REJECTED, "The station is about to restart.")
CONTACTOR = Fate(Outcome.FAILED, "The contactor did not close.")
STUCK = Fate(Outcome.FAILED, "The cable lock is stuck.")
LOCAL = Fate(Outcome.NOT_SUPPORTED, "The station manages its load by itself.")

FATES: Mapping[type[Instruction], Mapping[Fate, int]] = {
    Start: {OBEYS: 58, SLOW: 10, TWICE: 6, LATE: 4, UNHEARD: 5, FASTER: 6, FAULT: 4, BUSY: 4, CONTACTOR: 3},
    Stop: {OBEYS: 72, SLOW: 10, TWICE: 6, LATE: 3, UNHEARD: 4, BUSY: 3, CONTACTOR: 2},
    Unlock: {OBEYS: 62, SLOW: 10, TWICE: 6, LATE: 4, UNHEARD: 5, STUCK: 10, BUSY: 3},
    Reserve: {OBEYS: 64, SLOW: 8, TWICE: 6, LATE: 4, UNHEARD: 5, FASTER: 6, FAULT: 4, BUSY: 3},
    CancelReservation: {OBEYS: 78, SLOW: 8, TWICE: 6, LATE: 3, UNHEARD: 3, BUSY: 2},
    SetProfile: {OBEYS: 72, SLOW: 8, TWICE: 5, LATE: 4, UNHEARD: 4, BUSY: 3, LOCAL: 4},
    ActiveProfile: {OBEYS: 86, SLOW: 6, TWICE: 4, UNHEARD: 4},
    ClearProfile: {OBEYS: 80, SLOW: 6, TWICE: 5, LATE: 3, UNHEARD: 3, BUSY: 3},
}
"""Where it could obey; in percent."""


class Plug(Enum):
    """What the driver does who was let in from afar. SOON: plugs in, and the charge begins. PENDING: the same, and the station
    counts the charge from the beginning. ABSENT: never comes. UNPLUGGED: never, and the station has counted it.
    """

    SOON = "soon"
    PENDING = "pending"
    ABSENT = "absent"
    UNPLUGGED = "unplugged"


PLUGS: Mapping[Plug, int] = {Plug.SOON: 60, Plug.PENDING: 26, Plug.ABSENT: 7, Plug.UNPLUGGED: 7}

PLUGS_IN = (2.0, 7.0)
WAITS_FOR_CABLE = 60.0
"""Seconds after which a station gives up on a cable."""

DELAYS: Mapping[Manner, tuple[float, float]] = {
    Manner.PROMPT: (0.05, 0.25),
    Manner.SLOW: (2.0, 6.0),
    Manner.TWICE: (0.05, 0.25),
    Manner.LATE: (1.0, 4.0),  # after the deadline
}
AGAIN_AFTER = 1.5

COMES_WITH_CARD = 0.5
"""How often a driver with a card for whom an EVSE is kept comes and shows it."""
COMES_WITHIN = (10.0, 60.0)


def fate(asked: Instruction, standing: Standing, chance: random.Random) -> Fate:
    """What becomes of it: what stands in the way, or else what chance says."""
    hindered = hindrance(asked, standing)
    if hindered is not None:
        return hindered
    fates = FATES[type(asked)]
    return chance.choices([*fates], weights=[*fates.values()])[0]


def hindrance(asked: Instruction, standing: Standing) -> Fate | None:
    """What stands in the way; None: nothing."""
    if standing.silent or standing.status is S.UNKNOWN:
        return UNHEARD
    match asked:
        case Stop() | SetProfile() | ActiveProfile() | ClearProfile():
            if asked.transaction not in standing.charges:
                return Fate(Outcome.REJECTED, "No such charge runs here.")
        case CancelReservation():
            if standing.reservation is None or standing.reservation.number != asked.reservation:
                return Fate(Outcome.UNKNOWN_RESERVATION)
        case Unlock():
            if standing.charges:
                return Fate(Outcome.REJECTED, "A charge runs: it has to be stopped first.")
            return _broken(standing)
        case Start() | Reserve():
            return _broken(standing) or _occupied(asked, standing)
    return None


def lets_in(standing: Standing, uid: str) -> bool:
    """Whether the station itself has nothing against this card."""
    kept = standing.reservation
    if standing.status is S.RESERVED:
        return kept is not None and kept.lets_in(uid)
    return standing.status is S.AVAILABLE and not standing.expecting


def reservation_of(asked: Reserve) -> Reservation:
    return Reservation(asked.reservation, asked.uid, asked.expires, frozenset(each["uid"] for each in asked.others))


def plug(chance: random.Random) -> Plug:
    return chance.choices([*PLUGS], weights=[*PLUGS.values()])[0]


def _broken(standing: Standing) -> Fate | None:
    if standing.status in (S.OUTOFORDER, S.INOPERATIVE, S.PLANNED, S.REMOVED):
        return Fate(Outcome.EVSE_INOPERATIVE, "The station is out of order.")
    return None


def _occupied(asked: Start | Reserve, standing: Standing) -> Fate | None:
    if standing.charges or standing.status in (S.CHARGING, S.BLOCKED):
        return Fate(Outcome.EVSE_OCCUPIED, "A vehicle stands there.")
    if standing.expecting:
        return Fate(Outcome.EVSE_OCCUPIED, "Somebody else was let in.")
    if standing.status is S.RESERVED:
        kept = standing.reservation
        same = kept is not None and (
            kept.number == asked.reservation or (isinstance(asked, Start) and kept.lets_in(asked.uid))
        )
        return None if same else Fate(Outcome.EVSE_OCCUPIED, "It is kept for somebody else.")
    return None
