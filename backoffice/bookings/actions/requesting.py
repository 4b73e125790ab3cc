"""Ask for a booking as an eMSP: at a partner's place, or at one of our own CPO in this house; change it; take it back.

A booking is asked for only where the CPO has told us that one can (T-493). The request goes with a POST, repeated for two minutes
while nobody answers: its request_id makes it the same one. After that nobody knows, and the CPO's list is asked for.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from backoffice.bookings.actions import receiving
from backoffice.bookings.actions.keeping_apart import settled
from backoffice.bookings.actions.receiving import connectors, standing, zone_of
from backoffice.bookings.actions.writing import MODULE, note
from backoffice.bookings.models import BookableLocation, Booking, BookingAsked
from backoffice.bookings.rules.objections import Stretch, Wanted, cannot_cancel, objections
from backoffice.bookings.rules.slots import watts
from backoffice.bookings.rules.states import Asking, Way
from backoffice.bookings.rules.terms import STANDARD, terms_of
from backoffice.delivery.actions import errands
from backoffice.fields import DocumentField, milliseconds
from backoffice.locations.models import Evse
from backoffice.partners.models import Connection, Party
from backoffice.partners.rules import ConnectionState, RoleState
from backoffice.tokens.models import Token
from ocpi.wire import bookings as wire
from ocpi.wire import json as wire_json
from ocpi.wire.base import date_time_text
from ocpi.wire.bookings import CanceledReason, ReservationRequestStatus
from ocpi.wire.types import Role

Tree = dict[str, Any]

ANSWER_WITHIN = timedelta(minutes=2)


class UnableToRequest(Exception):
    """It cannot be asked for; the sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a driver wants. `emsp`: the company of ours whose driver it is (a Party id). `option`: which of the place's
    bookable_parking_options, or `needs`, an option of his own. `power` in kW, as the request says it."""

    emsp: int
    place: BookableLocation
    starts_at: datetime
    ends_at: datetime
    tokens: Sequence[Token] = ()
    option: int | None = None
    needs: Tree | None = None
    connector_id: str = ""
    power: int | None = None
    green: bool = False
    authorization_reference: str = ""
    asked_by: str = ""
    by_driver: bool = False
    application: int | None = None
    correlation_id: str = ""


@settled
def request(wish: Wish, *, now: datetime) -> BookingAsked:
    """Raises UnableToRequest."""
    request_id = f"R{secrets.token_hex(8).upper()}"
    tree = _tree(wish, request_id, wish.authorization_reference or secrets.token_hex(16))
    return _ask(wish, tree, Asking.NEW, None, now)


@settled
def change(booking_id: int, wish: Wish, *, now: datetime) -> BookingAsked:
    """Ask for other terms of the same booking, which stands until they are granted (T-503). Raises UnableToRequest."""
    booking = _own(booking_id, wish.emsp)
    tree = _tree(wish, booking.request_id, booking.authorization_reference)
    return _ask(wish, tree, Asking.CHANGE, booking, now)


@settled
def cancel(
    booking_id: int,
    *,
    reason: CanceledReason,
    asked_by: str,
    now: datetime,
    by_driver: bool = False,
    application: int | None = None,
    correlation_id: str = "",
) -> BookingAsked:
    """Take it back (T-511). Raises UnableToRequest."""
    booking = _own(booking_id, None)
    canceled = {"cancellation_reason": reason.value, "who_canceled": Role.EMSP.value}
    why = cannot_cancel(standing(booking), wire_json.validate(wire.Cancellation, canceled), now=now)
    if why:
        raise UnableToRequest(why)
    if booking.place is None:
        raise UnableToRequest("The place of the booking is not known here.")
    last = booking.requests.exclude(asks=Asking.CANCEL.value).order_by("-received_at", "-pk").first()
    tree = last.tree() if last is not None else _as_booked(booking)
    wish = Wish(
        emsp=booking.emsp_id,
        place=booking.place,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        asked_by=asked_by,
        by_driver=by_driver,
        application=application,
        correlation_id=correlation_id,
    )
    return _send(wish, tree | {"canceled": canceled}, Asking.CANCEL, booking, now)


def _own(booking_id: int, emsp: int | None) -> Booking:
    booking = (
        Booking.objects.select_for_update(of=("self",), no_key=True)
        .select_related("place__party", "emsp")
        .filter(pk=booking_id, emsp__ours=True)
        .first()
    )
    if booking is None or (emsp is not None and booking.emsp_id != emsp):
        raise UnableToRequest("It is not a booking of a driver of ours.")
    return booking


def _as_booked(booking: Booking) -> Tree:
    """The request that a booking which the CPO told us of must have begun with."""
    tree = booking.tree()
    first: Tree = tree["booking_requests"][0]["booking_request"]
    return first | {"period": tree["period"]}


# --- the body --------------------------------------------------------------------------------------------------------


def _tree(wish: Wish, request_id: str, reference: str) -> Tree:
    place = wish.place
    emsp = Party.objects.get(pk=wish.emsp)
    strangers = [token for token in wish.tokens if token.party_id != wish.emsp]
    if strangers:
        raise UnableToRequest(f"Token {strangers[0]} is not of {emsp}.")
    told = place.offer()
    option = wish.needs
    if option is None and wish.option is not None:
        options = told.get("bookable_parking_options") or []
        if not 0 <= wish.option < len(options):
            raise UnableToRequest("There is no such option.")
        option = options[wish.option]
    evse = place.evse_uid if place.evse_uid not in ("", "#NA") and option is None else ""
    period: Tree = {
        "start_from": date_time_text(milliseconds(wish.starts_at)),
        "end_before": date_time_text(milliseconds(wish.ends_at)),
    }
    if wish.green:
        period["green_energy_support"] = True
    tree: Tree = {
        "country_code": emsp.country_code,
        "party_id": emsp.party_id,
        "request_id": request_id,
        **({"bookable_parking_option": option} if option is not None else {}),
        "location_id": place.location_id,
        **({"evse_uid": evse} if evse else {}),
        **({"connector_id": wish.connector_id} if wish.connector_id else {}),
        "tokens": [_token(token) for token in wish.tokens],
        "period": period,
        "authorization_reference": reference,
        **({"power_required": wish.power} if wish.power is not None else {}),
    }
    return tree


def _token(token: Token) -> Tree:
    return {
        "country_code": token.party.country_code,
        "party_id": token.party.party_id,
        "uid": token.object_id,
        "type": token.type,
        "contract_id": token.contract_id,
    }


def _objection(wish: Wish, booking: Booking | None, now: datetime) -> str:
    """What the CPO has told us is enough to know that it would say no."""
    place = wish.place
    if place.withdrawn_at is not None:
        return "It is not offered any more."
    told = wire_json.validate(wire.BookingLocation, place.offer())
    evse = (
        Evse.objects.filter(location=place.premises_id, uid__iexact=place.evse_uid).first() if place.evse_uid else None
    )
    near = place.openings.filter(starts_at__lt=wish.ends_at, ends_at__gt=wish.starts_at).select_related("calendar")
    own = (
        [Stretch(booking.starts_at, booking.ends_at, None, 0)] if booking is not None and place == booking.place else []
    )
    stretches = [
        Stretch(
            row.starts_at,
            row.ends_at,
            row.calendar.step if place.time_zone else None,
            row.calendar_id,
            row.max_power,
            row.green,
        )
        for row in near
    ]
    wanted = Wanted(
        starts_at=wish.starts_at,
        ends_at=wish.ends_at,
        now=now,
        zone=zone_of(place.time_zone),
        terms=terms_of(told, wish.option) or wire_json.validate(wire.BookingTerms, STANDARD),
        # what he has himself a CPO does not call free, and he may ask for it once more
        stretches=[Stretch(s.starts_at, s.ends_at, s.step, 0, s.max_power, s.green) for s in [*own, *stretches]]
        if own
        else stretches,
        power=watts(wish.power),
        green=wish.green,
        token_types=[wire_token.type for wire_token in _wire_tokens(wish)],
        connector_id=wish.connector_id,
        connectors=connectors(evse) if evse is not None else (),
        stands=standing(booking) if booking is not None else None,
    )
    return next(objections(wanted), "")


def _wire_tokens(wish: Wish) -> list[wire.BookingToken]:
    return [wire_json.validate(wire.BookingToken, _token(token)) for token in wish.tokens]


# --- on its way ------------------------------------------------------------------------------------------------------


def _ask(wish: Wish, tree: Tree, asks: Asking, booking: Booking | None, now: datetime) -> BookingAsked:
    why = _objection(wish, booking, now)
    if why:
        raise UnableToRequest(why)
    return _send(wish, tree, asks, booking, now)


def _send(wish: Wish, tree: Tree, asks: Asking, booking: Booking | None, now: datetime) -> BookingAsked:
    try:
        value = wire_json.validate(wire.BookingRequest, tree)
    except wire_json.Invalid as error:
        raise UnableToRequest(str(error)) from error
    if wish.place.ours:
        return _in_this_house(wish, tree, value, now)
    if booking is not None and booking.requests.filter(status=ReservationRequestStatus.PENDING.value).exists():
        raise UnableToRequest("Another request waits for its answer.")
    connection = connection_to(wish.emsp, wish.place.party_id)
    if connection is None:
        raise UnableToRequest(f"{wish.place.party} takes no bookings over an active connection.")
    asked = BookingAsked.objects.create(
        booking=booking,
        connection=connection,
        emsp_id=wish.emsp,
        cpo_id=wish.place.party_id,
        place=wish.place,
        request_id=value.request_id,
        asks=asks.value,
        way=Way.QUEUED.value,
        status=ReservationRequestStatus.PENDING.value,
        document=DocumentField.write(tree),
        received_at=now,
        power=watts(wish.power),
        asked_by=wish.asked_by[:150],
        by_driver=wish.by_driver,
        application_id=wish.application,
        correlation_id=wish.correlation_id,
    )
    errands.owe_push(
        connection=connection.pk,
        sender=wish.emsp,
        receiver=wish.place.party_id,
        module=MODULE,
        kind=asks.value,
        key=asked.uid,
        method="POST",
        path="",
        tree=tree | _named(wish.place, connection),
        deadline=now + ANSWER_WITHIN,
        correlation_id=wish.correlation_id,
        now=now,
    )
    note(booking, "ASKED", now=now, asked=asked, by=wish.asked_by)
    return asked


def _named(place: BookableLocation, connection: Connection) -> Tree:
    """Since edition 1.1 a request names the BookingLocation."""
    return {"booking_location_id": place.object_id} if connection.bookings_edition == "1.1" else {}


def _in_this_house(wish: Wish, tree: Tree, value: wire.BookingRequest, now: datetime) -> BookingAsked:
    emsp = Party.objects.get(pk=wish.emsp)
    try:
        return receiving.receive(
            receiving.Request(
                emsps={(emsp.country_code, emsp.party_id): emsp.pk},
                cpos=[wish.place.party_id],
                tree=tree,
                value=value,
                now=now,
                asked_by=wish.asked_by,
                by_driver=wish.by_driver,
                application=wish.application,
                correlation_id=wish.correlation_id,
            )
        ).asked
    except receiving.UnableToTake as error:
        raise UnableToRequest(str(error)) from error


def connection_to(emsp: int, cpo: int) -> Connection | None:
    """The active connection on which this CPO of a partner takes bookings of this eMSP of ours."""
    return (
        Connection.objects.filter(
            state=ConnectionState.ACTIVE,
            our_parties=emsp,
            roles__party=cpo,
            roles__role="CPO",
            roles__state=RoleState.ACTIVE,
            endpoints__identifier=MODULE,
            endpoints__role="SENDER",
        )
        .order_by("pk")
        .first()
    )
