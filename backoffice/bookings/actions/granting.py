"""Give a request what it asks for, or not: the claims, the tokens, the document. Called in the transaction that decided
it.

A change that waits keeps its claims beside those of the booking as it stands; granted, they take their place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from backoffice.bookings.actions.availability import refresh
from backoffice.bookings.actions.keeping_apart import Want, keep_tokens, let_go, rearrange
from backoffice.bookings.actions.writing import UNASSIGNED, note, turn, write
from backoffice.bookings.models import BookableLocation, BookedToken, Booking, BookingAsked, Claim, Resource, Space
from backoffice.bookings.models.slots import Of
from backoffice.bookings.rules.objections import Standing, Wanted, cannot_cancel
from backoffice.bookings.rules.states import Answering, Asking, Event, answered
from backoffice.bookings.rules.terms import STANDARD, terms_of
from backoffice.locations.models import Evse
from ocpi.wire import bookings as wire
from ocpi.wire import json as wire_json
from ocpi.wire.bookings import BookableParkingOptions, ReservationRequestStatus, ReservationStatus

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Where a request could be granted."""

    place: BookableLocation
    resource: Resource | None
    evse: Evse | None
    terms: wire.BookingTerms | None
    option: BookableParkingOptions | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The booking, and why its request was declined, if it was."""

    booking: Booking
    asked: BookingAsked
    sentence: str = ""


def take(
    booking: Booking,
    candidate: Candidate,
    wanted: Wanted,
    request: Tree,
    *,
    asked: BookingAsked,
    rows: Mapping[int, Resource],
) -> list[Claim]:
    """Keep the space, the power and, for a new booking, its tokens. Raises Taken where somebody else has one of them.
    `rows`: the resources, locked. What it makes of `asked` is saved with the answer."""
    assert candidate.resource is not None
    power = _power(wanted)
    premises, evse = candidate.place.premises_id, candidate.evse.pk if candidate.evse is not None else None
    wants = [Want(candidate.resource.pk, wanted.starts_at, wanted.ends_at, 1, evse)]
    if power and premises is not None:
        budgets = [row.pk for row in rows.values() if row.location_id == premises]
        wants += [Want(budget, wanted.starts_at, wanted.ends_at, power) for budget in budgets]
    first = asked.asks == Asking.NEW.value
    with transaction.atomic():
        claims = rearrange(holder=booking, add=wants, asked=None if first else asked, rows=rows, new=first)
        if first:
            keep_tokens(booking, request.get("tokens") or (), exclusive=_exclusive(candidate), new=True)
    for claim in claims:
        if claim.evse_id is not None:
            claim.evse = candidate.evse
    asked.place, asked.power = candidate.place, power or None
    if first:
        booking.place, booking.time_zone, booking.power = candidate.place, candidate.place.time_zone, power or None
        booking.evse = candidate.evse
    return claims


def _power(wanted: Wanted) -> int:
    """What is kept for it: what it asks for, else the most that it could draw."""
    if wanted.power is not None:
        return wanted.power
    limits = [int(stretch.max_power) for stretch in wanted.within() if stretch.max_power is not None]
    return min([*limits, *([wanted.evse_power] if wanted.evse_power else [])], default=0)


def _exclusive(candidate: Candidate) -> bool:
    return not (candidate.terms and candidate.terms.overlapping_bookings_allowed)


# --- the document ----------------------------------------------------------------------------------------------------


def tree_at(
    booking: Booking,
    request: Tree,
    *,
    place: BookableLocation,
    option: int | None,
    evse: Evse | None,
    power: int | None,
) -> Tree:
    """The Booking that this request makes there, with the status that it has."""
    told = place.offer()
    value = wire_json.validate(wire.BookingLocation, told)
    terms = terms_of(value, option)
    number = value.booking_terms.index(terms) if terms is not None else 0
    listed = told.get("booking_terms") or [STANDARD]
    listed = [listed] if isinstance(listed, dict) else listed
    chosen = request.get("bookable_parking_option")
    if chosen is None and option is not None:
        chosen = told["bookable_parking_options"][option]
    space: Space | None = getattr(evse, "space", None)
    parking = space.parking_id if space is not None else None
    connector = request.get("connector_id") or told.get("connector_id") or UNASSIGNED
    period = {name: part for name, part in request["period"].items() if part is not None}
    if power:
        period["max_power"] = power
    return {
        "id": booking.object_id,
        "country_code": place.party.country_code,
        "party_id": place.party.party_id,
        "request_id": booking.request_id or request["request_id"],
        **({"bookable_parking_option": chosen} if chosen is not None else {}),
        **({"parking_id": parking} if parking else {}),
        "location_id": place.location_id,
        "evse_uid": evse.uid if evse is not None else UNASSIGNED,
        "connector_id": connector,
        "booking_tokens": list(request.get("tokens") or ()),
        **({"tariff_id": told["tariff_id"]} if told.get("tariff_id") else {}),
        "period": period,
        "reservation_status": booking.status or ReservationStatus.PENDING.value,
        "access_methods": _access(listed[number], request),
        "authorization_reference": request["authorization_reference"],
        "booking_terms": listed[number],
    }


def _access(terms: Tree, request: Tree) -> list[Tree]:
    """How the driver gets in. A plate is one of the tokens; a code is given by whoever opens the gate."""
    plates = [token["uid"] for token in request.get("tokens") or () if token.get("type") == "LICENSE_PLATE"]
    found: list[Tree] = []
    for access in terms["supported_access_methods"]:
        values = plates if access == "LICENSE_PLATE" else []
        found += [{"location_access": access, "value": value} for value in values] or [{"location_access": access}]
    return found


# --- yes and no ------------------------------------------------------------------------------------------------------


def accept(
    booking: Booking, asked: BookingAsked, *, by: str, now: datetime, taken: Sequence[Claim] | None = None
) -> Answered:
    """What was taken for the request is its own from now on; `taken`: just now. Raises Taken where a token is in
    another booking by now."""
    was = booking.status
    places = {booking.place_id}
    request = asked.tree()
    first = asked.asks == Asking.NEW.value
    new = taken
    if new is None or not first:
        claims = list(booking.claims.select_related("resource", "evse__space"))
        new = [claim for claim in claims if first or claim.asked_id == asked.pk]
    if not first:
        rearrange(holder=booking, drop=[claim for claim in claims if claim.asked_id is None])
        booking.claims.filter(asked=asked).update(asked=None)
        assert asked.place is not None
        booking.place, booking.time_zone = asked.place, asked.place.time_zone
        places.add(booking.place_id)
    space = next(claim for claim in new if claim.resource.of == Of.SPACES.value)
    booking.evse, booking.power = space.evse, asked.power
    place = booking.place
    assert place is not None, "who keeps a space keeps it at a place"
    if first:
        booking.status = turn(booking, Event.ACCEPT, now=now).value
    tree = tree_at(booking, request, place=place, option=space.resource.option, evse=space.evse, power=asked.power)
    if not first:
        booking.starts_at, booking.ends_at = space.period.lower, space.period.upper
        exclusive = not wire_json.validate(wire.BookingTerms, tree["booking_terms"]).overlapping_bookings_allowed
        keep_tokens(booking, tree["booking_tokens"], exclusive=exclusive)
    _answer(asked, Answering.ACCEPT, by=by, now=now)
    write(booking, tree, now=now, only=asked if first and taken is not None else None)
    note(booking, "ACCEPTED", now=now, asked=asked, previous=was, by=by)
    refresh([pk for pk in places if pk is not None], now=now)
    return Answered(booking, asked)


def decline(
    booking: Booking, asked: BookingAsked, *, reason: str, by: str, now: datetime, failed: bool = False
) -> Answered:
    """A new booking is over by it; one that was to be changed stays as it was."""
    was = booking.status
    answering = Answering.FAIL if failed else Answering.DECLINE
    if asked.asks == Asking.NEW.value:
        to = turn(booking, Event.FAIL if failed else Event.DECLINE, now=now)
        let_go(booking)
        let_tokens_go(booking)
    else:
        to = ReservationStatus(booking.status)
        rearrange(holder=booking, drop=list(booking.claims.filter(asked=asked)))
    _answer(asked, answering, reason=reason, by=by, now=now)
    write(booking, booking.tree() | {"reservation_status": to.value}, now=now)
    note(booking, asked.status, now=now, asked=asked, previous=was, by=by, reason=reason)
    refresh([pk for pk in {booking.place_id, asked.place_id} if pk is not None], now=now)
    return Answered(booking, asked, reason)


def declined(booking: Booking, asked: BookingAsked, reason: str, *, by: str, now: datetime) -> Answered:
    """A request that moves nothing: it is recorded with its answer (T-504)."""
    asked.status, asked.reason = ReservationRequestStatus.DECLINED.value, reason[:512]
    asked.decided_at, asked.decided_by = now, by
    asked.save()
    write(booking, booking.tree(), now=now)
    note(booking, "DECLINED", now=now, asked=asked, previous=booking.status, by=by, reason=reason)
    return Answered(booking, asked, reason)


def cancel_asked(
    booking: Booking, asked: BookingAsked, value: wire.BookingRequest, *, by: str, now: datetime
) -> Answered:
    """The eMSP takes it back. What still waited is declined by it; a booking that was not granted yet is REJECTED by
    it, for from PENDING it cannot become CANCELED (T-496)."""
    assert value.canceled is not None
    stands = Standing(ReservationStatus(booking.status), booking.starts_at, booking.change_until, booking.cancel_until)
    reason = cannot_cancel(stands, value.canceled, now=now)
    if reason:
        return declined(booking, asked, reason, by="", now=now)
    was = booking.status
    pending = ReservationStatus(booking.status) is ReservationStatus.PENDING
    to = turn(booking, Event.DECLINE if pending else Event.CANCEL, now=now)
    for waiting in booking.requests.filter(status=ReservationRequestStatus.PENDING.value):
        _answer(waiting, Answering.DECLINE, reason="The booking was taken back.", by=by, now=now)
    asked.save()
    _answer(asked, Answering.ACCEPT, by="", now=now)
    let_go(booking)
    let_tokens_go(booking)
    canceled = asked.tree()["canceled"]
    write(booking, booking.tree() | {"reservation_status": to.value, "canceled": canceled}, now=now)
    note(booking, "CANCELED", now=now, asked=asked, previous=was, by=by, reason=booking.canceled_reason)
    refresh([booking.place_id] if booking.place_id else [], now=now)
    return Answered(booking, asked)


def _answer(asked: BookingAsked, answering: Answering, *, by: str, now: datetime, reason: str = "") -> None:
    to = answered(ReservationRequestStatus(asked.status), answering)
    assert to is not None, "only a request that waits is answered"
    asked.status, asked.reason, asked.decided_at, asked.decided_by = to.value, reason[:512], now, by
    asked.save(update_fields=["status", "reason", "decided_at", "decided_by", "place", "power"])


def let_tokens_go(booking: Booking) -> None:
    BookedToken.objects.filter(booking=booking, exclusive=True).update(exclusive=False)
