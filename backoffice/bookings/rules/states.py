"""How a reservation moves and how a request for it does, as one table for each
(mod_bookings#mod_bookings_flow_and_lifecycle).

Laws: a booking that is CANCELED, NO_SHOW, REJECTED, FAILED or FULFILLED stays so. Each request has a status of its own
beside that of the reservation: a change that waits or was declined leaves the booking as it was, RESERVED. At most one
request waits. UNKNOWN is what a partner may tell us, never what we say of a booking of ours; anything may follow it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from ocpi.wire.bookings import BookingRequest, CanceledReason, ReservationRequestStatus, ReservationStatus

SENDER_ROLES = frozenset({"CPO"})
RECEIVER_ROLES = frozenset({"EMSP"})
"""Who typically owns bookings and who is told of them (`roles.json`)."""


class Event(StrEnum):
    """What happens to a reservation. DECLINE, FAIL: the request that made it was, which an eMSP that takes it back
    does, too. CANCEL: either side does."""

    ACCEPT = "ACCEPT"
    DECLINE = "DECLINE"
    FAIL = "FAIL"
    CANCEL = "CANCEL"
    FULFIL = "FULFIL"
    MISS = "MISS"


S, E = ReservationStatus, Event

TRANSITIONS: Mapping[ReservationStatus, Mapping[Event, ReservationStatus]] = {
    S.PENDING: {E.ACCEPT: S.RESERVED, E.DECLINE: S.REJECTED, E.FAIL: S.FAILED},
    S.RESERVED: {E.FULFIL: S.FULFILLED, E.CANCEL: S.CANCELED, E.MISS: S.NO_SHOW},
    S.CANCELED: {},
    S.FAILED: {},
    S.NO_SHOW: {},
    S.FULFILLED: {},
    S.REJECTED: {},
    S.UNKNOWN: {},
}

LIVE = frozenset({S.PENDING, S.RESERVED})
"""While it is one of these it keeps its place."""

FINAL = frozenset(status for status, turns in TRANSITIONS.items() if not turns and status is not S.UNKNOWN)


def moved(status: ReservationStatus, event: Event) -> ReservationStatus | None:
    """The status after the event; None: it cannot happen to such a booking."""
    return TRANSITIONS[status].get(event)


class Asking(StrEnum):
    """What a request asks for."""

    NEW = "NEW"
    CHANGE = "CHANGE"
    CANCEL = "CANCEL"


def asking(request: BookingRequest, *, known: bool) -> Asking:
    """`known`: there is a booking with its request_id."""
    if request.canceled is not None:
        return Asking.CANCEL
    return Asking.CHANGE if known else Asking.NEW


class Answering(StrEnum):
    """What happens to a request."""

    ACCEPT = "ACCEPT"
    DECLINE = "DECLINE"
    FAIL = "FAIL"


R, A = ReservationRequestStatus, Answering

ANSWERS: Mapping[ReservationRequestStatus, Mapping[Answering, ReservationRequestStatus]] = {
    R.PENDING: {A.ACCEPT: R.ACCEPTED, A.DECLINE: R.DECLINED, A.FAIL: R.FAILED},
    R.ACCEPTED: {},
    R.DECLINED: {},
    R.FAILED: {},
}


def answered(status: ReservationRequestStatus, answering: Answering) -> ReservationRequestStatus | None:
    return ANSWERS[status].get(answering)


class Way(StrEnum):
    """A request of ours on its way to the CPO. QUEUED: waits to be sent. UNSURE: it was sent, or may have been, and
    nobody answered: the CPO is asked for its list before anything else is asked of it. SAID: the CPO answered with a
    Booking. REFUSED: it answered without one. LOST: it was never sent. RECEIVED: a request of a partner's, or of our
    own eMSP's, to us."""

    QUEUED = "QUEUED"
    UNSURE = "UNSURE"
    SAID = "SAID"
    REFUSED = "REFUSED"
    LOST = "LOST"
    RECEIVED = "RECEIVED"


OF_THE_CPO = frozenset({CanceledReason.POWER_OUTAGE, CanceledReason.BROKEN_CHARGER, CanceledReason.FULL})
OF_THE_EMSP = frozenset({CanceledReason.TRAFFIC, CanceledReason.BROKEN_VEHICLE, CanceledReason.NO_CANCELED})
"""Whose reasons these are (T-512). BLOCKED and UNKNOWN are anybody's."""


def may_say(reason: CanceledReason, *, cpo: bool) -> bool:
    return reason not in (OF_THE_EMSP if cpo else OF_THE_CPO)
