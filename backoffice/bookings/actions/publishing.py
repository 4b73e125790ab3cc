"""Make a location of ours bookable, say when, keep slots out, and end it.

An EVSE is a space of one place only: whoever offers it twice would promise it twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from backoffice import statements
from backoffice.bookings.actions.availability import owe, refresh
from backoffice.bookings.actions.keeping_apart import Taken, Want, let_go, locked, rearrange, relay, settled
from backoffice.bookings.actions.storing import move, parsed_place, store_places, write_calendar
from backoffice.bookings.models import Block, BookableLocation, Calendar, Claim, Resource, Space
from backoffice.bookings.models.places import Decides
from backoffice.bookings.models.slots import Of
from backoffice.bookings.rules.fitting import stands_at
from backoffice.bookings.rules.slots import unit_of
from backoffice.bookings.rules.terms import STANDARD
from backoffice.documents.fates import Fate
from backoffice.fields import DocumentField, milliseconds
from backoffice.locations.models import Evse, Location
from ocpi.wire import bookings as wire
from ocpi.wire import json as wire_json
from ocpi.wire.base import date_time_text
from ocpi.wire.locations.parking import EVSEParking, Parking

Tree = dict[str, Any]


class UnableToPublish(Exception):
    """It cannot be offered so; the sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What is to be bookable at a Location of ours: one EVSE, or `spaces` for each of `options` (row ids of EVSEs;
    none: all that stand where the option fits). `calendars` are Calendar trees without `last_updated`; None leaves them
    as they are."""

    location: Location
    object_id: str
    evse: Evse | None = None
    connector_id: str = ""
    options: Sequence[Tree] = ()
    spaces: Mapping[int, Sequence[int]] = field(default_factory=dict)
    terms: Sequence[Tree] = ()
    tariff_ids: Sequence[str] = ()
    reservation_required: bool = False
    ad_hoc: int | None = None
    calendars: Sequence[Tree] | None = None
    decides: Decides = Decides.ITSELF
    shortest: int | None = None
    longest: int | None = None
    shared: bool = True


@settled
def publish(offer: Offer, *, by: str, now: datetime) -> BookableLocation:
    """Create the place, or change it. Raises UnableToPublish."""
    location = offer.location
    if (offer.evse is None) == (not offer.options):
        raise UnableToPublish("Offer one EVSE, or spaces of a kind.")
    known = BookableLocation.objects.filter(party=location.party_id, object_id__iexact=offer.object_id).first()
    if known is not None:
        _lock_resources(known.pk)
    tree = _tree(offer, known, now)
    try:
        value = parsed_place(tree)
    except wire_json.Invalid as error:
        raise UnableToPublish(str(error)) from error
    (item,) = store_places(location.party_id, [(tree, value)], ours=True, now=now)
    if item.fate is Fate.STALE:
        raise UnableToPublish("Somebody changed it in the same moment: look at it again.")
    place = BookableLocation.objects.select_for_update(no_key=True).get(pk=item.id)
    place.decides, place.shared = offer.decides.value, offer.shared
    place.shortest, place.longest = offer.shortest, offer.longest
    place.save(update_fields=["decides", "shared", "shortest", "longest"])
    _provide(place, offer, value)
    for calendar in offer.calendars or ():
        _write_calendar(place, calendar, now)
    _fit_units(place)
    owe(place, [((place.object_id,), ())], now=now)
    refresh([place.pk], now=now)
    place.refresh_from_db()
    return place


def _tree(offer: Offer, known: BookableLocation | None, now: datetime) -> Tree:
    location = offer.location
    at = max(milliseconds(now), known.last_updated) if known else milliseconds(now)
    bookable: Tree = {"reservation_required": offer.reservation_required}
    if offer.ad_hoc is not None:
        bookable["ad_hoc"] = offer.ad_hoc
    return {
        "country_code": location.party.country_code,
        "party_id": location.party.party_id,
        "id": known.object_id if known else offer.object_id,
        "location_id": location.object_id,
        **({"evse_uid": offer.evse.uid} if offer.evse is not None else {}),
        **({"connector_id": offer.connector_id} if offer.connector_id else {}),
        **({"bookable_parking_options": list(offer.options)} if offer.options else {}),
        "bookable": bookable,
        **({"tariff_id": list(offer.tariff_ids)} if offer.tariff_ids else {}),
        "booking_terms": list(offer.terms) or [dict(STANDARD)],
        "last_updated": date_time_text(at),
    }


# --- spaces ----------------------------------------------------------------------------------------------------------


def _provide(place: BookableLocation, offer: Offer, value: wire.BookingLocation) -> None:
    """The resources behind the place, and the EVSEs behind them."""
    wanted: dict[int | None, list[tuple[int, str]]] = {}
    if offer.evse is not None:
        if offer.evse.location_id != offer.location.pk:
            raise UnableToPublish(f"{offer.evse} does not stand at {offer.location}.")
        wanted[None] = [(offer.evse.pk, _parking_of(offer.evse))]
    used: set[int] = set()
    for number, kind in enumerate(value.bookable_parking_options if offer.evse is None else ()):
        found = _fitting(offer.location, kind, offer.spaces.get(number), used)
        if not found:
            raise UnableToPublish(f"No EVSE at {offer.location} is left for option {number + 1}.")
        used |= {evse for evse, _ in found}
        wanted[number] = found
    rows = {row.option: row for row in place.resources.all()}
    for option in rows.keys() - wanted.keys():
        if rows[option].claims.exists():
            raise UnableToPublish("There are bookings for what you take away: move or cancel them first.")
        rows[option].delete()
    for option, evses in wanted.items():
        _set_spaces(place, rows.get(option), option, evses)


def _fitting(
    location: Location, option: wire.BookableParkingOptions, chosen: Sequence[int] | None, used: set[int]
) -> list[tuple[int, str]]:
    parkings = [
        wire_json.validate(Parking, tree) for tree in DocumentField.read(location.document).get("parking_places", ())
    ]
    found = []
    for evse in (
        Evse.objects.filter(location=location, listed=True).exclude(status="REMOVED").order_by("position", "pk")
    ):
        if evse.pk in used or (chosen is not None and evse.pk not in chosen):
            continue
        stands = [
            wire_json.validate(EVSEParking, tree) for tree in DocumentField.read(evse.document).get("parking", ())
        ]
        parking = stands_at(option, parkings, stands)
        if parking is not None or chosen is not None:
            found.append((evse.pk, parking or (stands[0].parking_id if stands else "")))
    return found


def _parking_of(evse: Evse) -> str:
    stands = DocumentField.read(evse.document).get("parking") or []
    return str(stands[0]["parking_id"]) if stands else ""


def _set_spaces(
    place: BookableLocation, row: Resource | None, option: int | None, evses: Sequence[tuple[int, str]]
) -> None:
    if row is None:
        row = Resource.objects.create(of=Of.SPACES.value, place=place, option=option, capacity=len(evses))
    known = {space.evse_id for space in row.spaces.all()}
    for evse in known - {evse for evse, _ in evses}:
        if row.claims.filter(evse=evse).exists():
            raise UnableToPublish("A booking has one of the EVSEs that you take away: move it first.")
        row.spaces.filter(evse=evse).delete()
    try:
        with transaction.atomic():
            Space.objects.bulk_create(
                Space(resource=row, evse_id=evse, parking_id=parking) for evse, parking in evses if evse not in known
            )
    except IntegrityError as error:
        raise UnableToPublish("One of the EVSEs can be booked elsewhere already.") from error
    if row.capacity != len(evses):
        _relay(row, capacity=len(evses))


def _relay(row: Resource, **to: int) -> None:
    locked([row.pk])
    try:
        relay(row, **to)
    except Taken as error:
        raise UnableToPublish(f"{error} Move or cancel bookings first.") from error


def _fit_units(place: BookableLocation) -> None:
    unit = unit_of(place.calendars.values_list("step", flat=True))
    for row in place.resources.order_by("pk"):
        if row.unit != unit:
            _relay(row, unit=unit)


# --- calendars -------------------------------------------------------------------------------------------------------


@settled
def set_calendar(place_id: int, tree: Tree, *, by: str, now: datetime) -> Calendar:
    """Write a calendar of ours: its openings are what is available before anybody has booked. Raises
    UnableToPublish."""
    place = _own(place_id)
    calendar = _write_calendar(place, tree, now)
    _fit_units(place)
    move(place.pk, at=milliseconds(now), grows=True)
    owe(place, [((place.object_id,), ())], now=now)
    refresh([place.pk], now=now)
    calendar.refresh_from_db()
    return calendar


@settled
def remove_calendar(calendar_id: int, *, by: str, now: datetime) -> None:
    """Bookings that were made in it stay. Raises UnableToPublish."""
    calendar = Calendar.objects.select_related("place").get(pk=calendar_id)
    place = _own(calendar.place_id)
    calendar.delete()
    _fit_units(place)
    move(place.pk, at=milliseconds(now), grows=True)
    owe(place, [((place.object_id,), ())], now=now)


def _write_calendar(place: BookableLocation, tree: Tree, now: datetime) -> Calendar:
    tree = tree | {"last_updated": date_time_text(milliseconds(now))}
    try:
        value = wire_json.validate(wire.Calendar, tree)
    except wire_json.Invalid as error:
        raise UnableToPublish(str(error)) from error
    if value.begin_from >= value.end_before:
        raise UnableToPublish("A calendar must end after it begins.")
    if value.step_size is not None and not 1 <= value.step_size <= 1440:
        raise UnableToPublish("step_size is between a minute and a day.")
    for slot in value.available_timeslots:
        if not value.begin_from <= slot.start_from < slot.end_before <= value.end_before:
            raise UnableToPublish("Each timeslot must end after it begins, within the calendar.")
    known = place.calendars.filter(object_id__iexact=value.id).first()
    return write_calendar(place.pk, known, tree, now=now)


# --- the rest --------------------------------------------------------------------------------------------------------


@settled
def withdraw(place_id: int, *, by: str, now: datetime) -> None:
    """Nobody can book it any more. What is booked stays booked (T-528). Raises UnableToPublish.

    There is no DELETE and no status that says so: partners are told of it once more, without calendars, and find it in no list.
    """
    place = _own(place_id)
    if place.withdrawn_at is not None:
        raise UnableToPublish("It is withdrawn already.")
    place.withdrawn_at = now
    place.save(update_fields=["withdrawn_at"])
    place.calendars.update(listed=False)
    move(place.pk, at=milliseconds(now), grows=True)
    statements.run(
        """UPDATE delivery_message SET state = 'DROPPED', last_cause = 'nothing_left', last_error = 'Withdrawn.'
           WHERE sender_id = %s AND module = 'booking_locations' AND state = 'DUE' AND starts_with(object_path, %s || '/')""",
        [place.party_id, place.object_id],
    )
    owe(place, [((place.object_id,), ())], now=now)


@settled
def block(
    *,
    resource_id: int,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    by: str,
    now: datetime,
    evse_id: int | None = None,
    spaces: int = 1,
) -> Block:
    """Keep spaces out of the calendar. Raises UnableToPublish where they are booked."""
    if starts_at >= ends_at:
        raise UnableToPublish("It must end after it starts.")
    row = Block.objects.create(
        resource_id=resource_id,
        evse_id=evse_id,
        spaces=1 if evse_id else spaces,
        starts_at=starts_at,
        ends_at=ends_at,
        reason=reason[:200],
        by=by,
        created_at=now,
    )
    try:
        rearrange(holder=row, add=[Want(resource_id, starts_at, ends_at, row.spaces, evse_id)])
    except Taken as error:
        raise UnableToPublish(f"{error} Move or cancel what is booked first.") from error
    _refresh_of(row.resource, now)
    return row


@settled
def unblock(block_id: int, *, by: str, now: datetime) -> None:
    row = Block.objects.select_related("resource").get(pk=block_id)
    let_go(row)
    resource = row.resource
    row.delete()
    _refresh_of(resource, now)


def _refresh_of(resource: Resource, now: datetime) -> None:
    places = (
        [resource.place_id]
        if resource.place_id is not None
        else list(BookableLocation.objects.filter(premises=resource.location_id).values_list("pk", flat=True))
    )
    refresh(places, now=now)


@settled
def set_power(location_id: int, *, watts: int | None, by: str, now: datetime) -> None:
    """So many W the bookings of a location may have together; None: as many as they like. Raises UnableToPublish."""
    places = list(BookableLocation.objects.filter(premises=location_id, ours=True).values_list("pk", flat=True))
    locked(list(Resource.objects.filter(Q(place__in=places) | Q(location=location_id)).values_list("pk", flat=True)))
    row = Resource.objects.filter(of=Of.POWER.value, location=location_id).first()
    if watts is None:
        if row is not None:
            row.delete()
    elif row is None:
        _budget(Resource.objects.create(of=Of.POWER.value, location_id=location_id, capacity=watts), places)
    else:
        _relay(row, capacity=watts)
    refresh(places, now=now)


def _budget(row: Resource, places: Sequence[int]) -> None:
    """What is booked already counts, too."""
    for claim in Claim.objects.filter(resource__place__in=places, booking__power__gt=0).select_related("booking"):
        assert claim.booking is not None and claim.booking.power is not None
        want = Want(row.pk, claim.period.lower, claim.period.upper, claim.booking.power)
        try:
            rearrange(holder=claim.booking, add=[want], asked=claim.asked)
        except Taken as error:
            raise UnableToPublish("More power than that is booked: move or cancel bookings first.") from error


def _lock_resources(place: int) -> None:
    """Before the place, as everywhere."""
    locked(list(Resource.objects.filter(place=place).values_list("pk", flat=True)))


def _own(place_id: int) -> BookableLocation:
    _lock_resources(place_id)
    place = BookableLocation.objects.select_for_update(no_key=True).filter(pk=place_id, ours=True).first()
    if place is None:
        raise UnableToPublish("It is not a place of ours.")
    return place
