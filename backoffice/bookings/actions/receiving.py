"""Take a BookingRequest as a CPO: of a partner's eMSP, or of our own in this house
(mod_bookings#mod_bookings_cpo_post_booking_method).

The answer is the Booking with this request in it. What cannot be granted is REJECTED or DECLINED, with the reason in
the answer's message and in the booking's history; only what is no request that we could write down is refused: the
tokens of somebody else, a location that is not there. A request that comes twice with the same content is answered with
the booking as it is now.
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import transaction
from django.db.models import Prefetch, Q

from backoffice import statements
from backoffice.bookings.actions import granting
from backoffice.bookings.actions.availability import refresh
from backoffice.bookings.actions.keeping_apart import Taken, locked, settled
from backoffice.bookings.actions.writing import note, project, write
from backoffice.bookings.models import BookableLocation, Booking, BookingAsked, Claim, Resource, Space
from backoffice.bookings.models.places import Decides
from backoffice.bookings.rules.fitting import fitting, misfit
from backoffice.bookings.rules.objections import Standing, Stretch, Wanted, objections
from backoffice.bookings.rules.slots import watts
from backoffice.bookings.rules.states import LIVE, Asking, Way, asking
from backoffice.bookings.rules.terms import STANDARD, terms_of
from backoffice.crash_points import crash_point
from backoffice.fields import DocumentField, milliseconds
from backoffice.locations.models import Evse
from ocpi.wire import bookings as wire
from ocpi.wire import json as wire_json
from ocpi.wire.base import date_time_text
from ocpi.wire.bookings import ReservationRequestStatus, ReservationStatus

Tree = dict[str, Any]

UTC_ZONE = ZoneInfo("UTC")

_LIVE = {status.value for status in LIVE}
MOST_REQUESTS = 200
"""Of one booking, whose document holds them all; beyond that it can still be taken back."""

_DECLINED = ReservationRequestStatus.DECLINED.value
_REQUESTS = 0x0B01
"""Class of the advisory locks of request ids: the same request, twice at once, must find itself."""


class UnableToTake(Exception):
    """It is no request that we could write down; the sentence says why."""


class NowhereToBook(UnableToTake):
    """There is no such bookable location."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A BookingRequest that somebody makes of us. `emsps`: the parties it may speak for, by their codes; `cpos`: ours
    that are asked. `tree`, `value`: its body in the newest version."""

    emsps: dict[tuple[str, str], int]
    cpos: Sequence[int]
    tree: Tree
    value: wire.BookingRequest
    now: datetime
    connection: int | None = None
    asked_by: str = ""
    by_driver: bool = False
    application: int | None = None
    correlation_id: str = ""


@settled
def receive(request: Request) -> granting.Answered:
    """One transaction: the request, what it came to, and what it keeps. Raises UnableToTake."""
    emsp = _emsp(request)
    for token in request.value.tokens:
        if (token.country_code.upper(), token.party_id.upper()) not in request.emsps:
            raise UnableToTake(f"tokens: {token.country_code}-{token.party_id} is not who asks.")
    key = f"{emsp} {request.value.request_id.upper()}".encode()
    statements.run("SELECT 1 FROM pg_advisory_xact_lock(%s::int, %s::int)", [_REQUESTS, zlib.crc32(key) - (1 << 31)])
    booking = (
        Booking.objects.select_for_update(no_key=True)
        .filter(party__in=request.cpos, emsp=emsp, request_id__iexact=request.value.request_id, ours=True)
        .order_by("pk")
        .first()
    )
    if booking is None:
        return _first(request, emsp)
    rows = list(booking.requests.order_by("-received_at", "-pk"))
    row = _again(request, booking, rows)
    if row is not None:
        return granting.Answered(booking, row, row.reason)
    if len(rows) >= MOST_REQUESTS and (request.value.canceled is None or booking.status not in _LIVE):
        raise UnableToTake(f"request_id: {MOST_REQUESTS} requests were made for this booking, and no more are taken.")
    asked = _row(request, booking, asking(request.value, known=True))
    if asked.asks == Asking.CANCEL:
        return granting.cancel_asked(booking, asked, request.value, by=request.asked_by, now=request.now)
    waits = any(row.status == ReservationRequestStatus.PENDING.value for row in rows)
    return _change(request, booking, asked, waits=waits)


def _emsp(request: Request) -> int:
    key = request.value.country_code.upper(), request.value.party_id.upper()
    if key not in request.emsps:
        raise UnableToTake(f"party_id: {key[0]}-{key[1]} is no eMSP of this connection.")
    return request.emsps[key]


def _again(request: Request, booking: Booking, rows: Sequence[BookingAsked]) -> BookingAsked | None:
    """The same request, if it came before: a partner who got no answer asks again. It is the last one with the same
    content; one of before only if it says by its correlation that it is, for who moved a booking may move it back. What
    was declined may be asked again: the space may be free by now."""
    text = DocumentField.write(request.tree)
    if rows and rows[0].document == text and (rows[0].status != _DECLINED or booking.status not in _LIVE):
        return rows[0]
    told = request.correlation_id
    return next((row for row in rows if told and row.correlation_id == told and row.document == text), None)


def _row(request: Request, booking: Booking, asks: Asking) -> BookingAsked:
    return BookingAsked(
        booking=booking,
        connection_id=request.connection,
        emsp_id=booking.emsp_id,
        cpo_id=booking.party_id,
        place_id=booking.place_id,
        request_id=booking.request_id,
        asks=asks.value,
        way=Way.RECEIVED.value,
        status=ReservationRequestStatus.PENDING.value,
        document=DocumentField.write(request.tree),
        received_at=milliseconds(request.now),
        asked_by=request.asked_by,
        by_driver=request.by_driver,
        application_id=request.application,
        correlation_id=request.correlation_id,
    )


# --- a new booking ---------------------------------------------------------------------------------------------------


def _first(request: Request, emsp: int) -> granting.Answered:
    """PENDING (T-495), and then whatever is decided at once (T-499)."""
    value, now = request.value, request.now
    places = _places(request)
    if value.canceled is not None:
        raise UnableToTake(f"request_id: there is no booking {value.request_id} to be canceled.")
    candidates = list(_candidates(places, value))
    rows = locked_for(candidates)
    booking = _created(request, emsp, candidates[0] if candidates else granting.Candidate(places[0], None, None, None))
    asked = _row(request, booking, Asking.NEW)
    asked.save()
    note(booking, "ASKED", now=now, asked=asked, by=request.asked_by)
    sentence, taken = _taken(request, booking, asked, candidates, rows)
    crash_point("booking-taken-before-commit")
    if sentence:
        return granting.decline(booking, asked, reason=sentence, by="", now=now)
    return _decided(booking, asked, taken, now)


def _created(request: Request, emsp: int, chosen: granting.Candidate) -> Booking:
    """The row that requests, claims and tokens point at; its document is written again before anybody hears of it."""
    place, now = chosen.place, request.now
    booking = Booking(
        party=place.party,
        emsp_id=emsp,
        ours=True,
        connection_id=request.connection,
        place=place,
        time_zone=place.time_zone,
        object_id=f"B{secrets.token_hex(8).upper()}",
        created_at=now,
        moved_at=now,
        last_updated=milliseconds(now),
    )
    option = chosen.resource.option if chosen.resource is not None else None
    tree = granting.tree_at(booking, request.tree, place=place, option=option, evse=chosen.evse, power=None)
    first = {
        "request_status": ReservationRequestStatus.PENDING.value,
        "booking_request": request.tree,
        "request_received": date_time_text(milliseconds(now)),
    }
    tree |= {"booking_requests": [first], "last_updated": date_time_text(milliseconds(now))}
    project(booking, wire_json.validate(wire.Booking, tree))
    booking.document = DocumentField.write(tree)
    booking.save()
    return booking


def _taken(
    request: Request,
    booking: Booking,
    asked: BookingAsked,
    candidates: Sequence[granting.Candidate],
    rows: Mapping[int, Resource],
    stands: Standing | None = None,
) -> tuple[str, list[Claim]]:
    """What it keeps at the first candidate that the rules allow and the database gives; else why the last of them did
    not."""
    sentence = "No space there is of the kind that is asked for."
    for candidate in candidates:
        wanted = wanted_at(candidate, request.value, now=request.now, stands=stands)
        sentence = next(objections(wanted), "")
        if sentence:
            continue
        try:
            return "", granting.take(booking, candidate, wanted, request.tree, asked=asked, rows=rows)
        except Taken as error:
            sentence = str(error)
    return sentence, []


def _decided(booking: Booking, asked: BookingAsked, taken: Sequence[Claim], now: datetime) -> granting.Answered:
    """By itself, or by staff later."""
    place, power = asked.place, asked.power
    assert place is not None
    if place.decides != Decides.STAFF.value:
        try:
            with transaction.atomic():
                return granting.accept(booking, asked, by="", now=now, taken=taken)
        except Taken as error:  # what a change needs beside the space: its tokens
            booking.refresh_from_db()
            asked.refresh_from_db()
            asked.place, asked.power = place, power
            return granting.decline(booking, asked, reason=str(error), by="", now=now)
    asked.save(update_fields=["place", "power"])
    write(booking, booking.tree(), now=now)
    refresh([place.pk], now=now)
    return granting.Answered(booking, asked)


def _places(request: Request) -> list[BookableLocation]:
    value = request.value
    rows = (
        BookableLocation.objects.select_related("party")
        .filter(party__in=request.cpos, ours=True, withdrawn_at=None, location_id__iexact=value.location_id)
        .order_by("pk")
    )
    if request.connection is not None:
        rows = rows.filter(shared=True).exclude(premises__withholdings__connection=request.connection)
    found = list(rows)
    named = request.tree.get("booking_location_id")  # since edition 1.1
    if isinstance(named, str) and named.upper() != value.location_id.upper():
        found = [place for place in found if place.object_id.upper() == named.upper()]
    if not found:
        raise NowhereToBook(f"location_id: nothing can be booked at {value.location_id}.")
    return found


def _candidates(places: Iterable[BookableLocation], value: wire.BookingRequest) -> Iterator[granting.Candidate]:
    """Where it could be, what is asked for exactly first: who asks for a kind of space gets one that is offered as that, before
    one of which nothing is told."""
    uid = (value.evse_uid or "").upper()
    if value.bookable_parking_option is not None and uid in ("", "#NA"):
        places = sorted(places, key=lambda place: bool(place.evse_uid))
    for place in places:
        told = wire_json.validate(wire.BookingLocation, place.offer())
        spaces = Prefetch("spaces", Space.objects.select_related("evse"))
        rows = {row.option: row for row in place.resources.prefetch_related(spaces)}
        if place.evse_uid and None in rows:
            evse = rows[None].spaces.all()[0].evse
            if uid in ("", "#NA", place.evse_uid.upper()) and not _unfit(value, told):
                yield granting.Candidate(place, rows[None], evse, terms_of(told))
        elif uid in ("", "#NA"):
            wanted, offered = value.bookable_parking_option, told.bookable_parking_options
            for option in range(len(offered)) if wanted is None else fitting(wanted, offered):
                if option in rows:
                    yield granting.Candidate(place, rows[option], None, terms_of(told, option), offered[option])


def _unfit(value: wire.BookingRequest, told: wire.BookingLocation) -> str:
    """An EVSE that is booked by itself fits whoever names it; who says what he needs must fit one of its kinds, if it
    tells any."""
    wanted, offered = value.bookable_parking_option, told.bookable_parking_options
    if wanted is None or not offered:
        return ""
    return "" if fitting(wanted, offered) else misfit(wanted, offered[0])


def locked_for(candidates: Sequence[granting.Candidate], also: Booking | None = None) -> dict[int, Resource]:
    """The spaces, the power of their locations, and whatever a booking has already; in one order."""
    found = {candidate.resource.pk for candidate in candidates if candidate.resource is not None}
    more = Q(location__in={candidate.place.premises_id for candidate in candidates} - {None})
    if also is not None:
        more |= Q(pk__in=also.claims.values("resource"))
    return locked(found, also=more)


def wanted_at(
    candidate: granting.Candidate, value: wire.BookingRequest, *, now: datetime, stands: Standing | None = None
) -> Wanted:
    place, evse = candidate.place, candidate.evse
    return Wanted(
        starts_at=value.period.start_from,
        ends_at=value.period.end_before,
        now=now,
        zone=zone_of(place.time_zone),
        terms=candidate.terms or wire_json.validate(wire.BookingTerms, STANDARD),
        stretches=[
            Stretch(row.starts_at, row.ends_at, row.calendar.step, row.calendar_id, row.max_power, row.green)
            for row in place.openings.filter(
                starts_at__lt=value.period.end_before, ends_at__gt=value.period.start_from
            ).select_related("calendar")
        ],
        power=watts(value.power_required),
        green=bool(value.period.green_energy_support),
        shortest=place.shortest,
        longest=place.longest,
        token_types=[token.type for token in value.tokens],
        connector_id=value.connector_id or "",
        connectors=connectors(evse) if evse is not None else (),
        evse_power=max((each.max_power for each in points_of(candidate)), default=0),
        stands=stands,
    )


def points_of(candidate: granting.Candidate) -> list[Evse]:
    """The EVSEs that it could be."""
    if candidate.evse is not None:
        return [candidate.evse]
    return [space.evse for space in candidate.resource.spaces.all()] if candidate.resource is not None else []


def connectors(evse: Evse) -> tuple[str, ...]:
    return tuple(each["id"] for each in DocumentField.read(evse.document)["connectors"])


def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC_ZONE


# --- a change --------------------------------------------------------------------------------------------------------


def _change(request: Request, booking: Booking, asked: BookingAsked, *, waits: bool) -> granting.Answered:
    """The booking stays RESERVED as it is while its change waits (T-503), and whatever comes of it."""
    now = request.now
    if waits:
        asked.status = _DECLINED
        asked.save()
        return granting.declined(booking, asked, "Another request waits for its answer.", by="", now=now)
    asked.save()
    note(booking, "ASKED", now=now, asked=asked, by=request.asked_by)
    candidates = sorted(
        _candidates(_places_of(request, booking), request.value), key=lambda each: each.place != booking.place
    )
    rows = locked_for(candidates, booking)
    sentence, taken = _taken(request, booking, asked, candidates, rows, standing(booking))
    crash_point("booking-taken-before-commit")
    if sentence:
        return granting.decline(booking, asked, reason=sentence, by="", now=now)
    return _decided(booking, asked, taken, now)


def _places_of(request: Request, booking: Booking) -> list[BookableLocation]:
    try:
        return [place for place in _places(request) if place.party_id == booking.party_id]
    except NowhereToBook:
        return []


def standing(booking: Booking) -> Standing:
    return Standing(ReservationStatus(booking.status), booking.starts_at, booking.change_until, booking.cancel_until)
