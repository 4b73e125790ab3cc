"""Book a time slot, change it, take it back, and follow what comes of it, by the verbs that staff use as well."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models.functions import Upper

from backoffice.api.serving import routes
from backoffice.api.serving.problems import Problem
from backoffice.api.serving.routes import Ask, Told
from backoffice.bookings.actions import announcing, requesting
from backoffice.bookings.actions.requesting import UnableToRequest, Wish
from backoffice.bookings.finding import MOST, Search, Slot, UnableToFind, free
from backoffice.bookings.models import BookableLocation, BookingAsked
from backoffice.bookings.rules.states import Asking
from backoffice.driver_app.api import saying
from backoffice.driver_app.api.seeing import token_of
from ocpi.wire.base import date_time_text
from ocpi.wire.bookings import CanceledReason


def slots(ask: Ask) -> Told:
    """The first slots that are free for so long, of all operators, of one, or at one location.

    Free when it was looked for: who books a slot hears whether he has it.
    """
    told: saying.SlotsAsked = ask.value
    since = told.since or ask.now
    if not 0 < (told.limit or MOST) <= MOST:
        raise Problem("invalid", f"limit: Expected a whole number from 1 to {MOST}.")
    search = Search(
        since=since,
        until=told.until or since + timedelta(days=30),
        length=timedelta(minutes=told.minutes),
        places=_places(told),
        power=int(told.power_kw * 1000) if told.power_kw else None,
        green=bool(told.green),
        limit=told.limit or MOST,
    )
    try:
        found = free(search, now=ask.now)
    except UnableToFind as error:
        raise Problem("invalid", str(error)) from error
    rows = BookableLocation.objects.select_related("party", "premises").in_bulk({slot.place for slot in found})
    return Told({"items": [_slot(slot, rows[slot.place]) for slot in found]})


def _places(told: saying.SlotsAsked) -> list[int] | None:
    """Those that partners hear of. None: all."""
    if not (told.party_id or told.location_id):
        return None
    rows = BookableLocation.objects.filter(shared=True, withdrawn_at=None)
    if told.party_id:
        rows = rows.filter(party__party_id=told.party_id.upper(), party__country_code=(told.country_code or "").upper())
    if told.location_id:
        rows = rows.alias(key=Upper("location_id")).filter(key=told.location_id.upper())
    return list(rows.values_list("pk", flat=True)[:1000])


def _slot(slot: Slot, place: BookableLocation) -> dict[str, Any]:
    tree: dict[str, Any] = {
        "country_code": place.party.country_code,
        "party_id": place.party.party_id,
        "place": place.object_id,
        "location_id": place.location_id,
        "starts_at": date_time_text(slot.starts_at),
        "ends_at": date_time_text(slot.ends_at),
    }
    beside = {"option": slot.option, "green": slot.green, "evse_uid": place.evse_uid or None}
    tree |= {name: value for name, value in beside.items() if value is not None}
    if place.premises is not None and place.premises.name:
        tree["location_name"] = place.premises.name
    if slot.max_power is not None:
        tree["max_power_kw"] = slot.max_power / 1000
    return tree


def book(ask: Ask) -> Told:
    """Book a slot for a driver of yours.

    The answer comes at once; what the operator decided follows within seconds, by webhook or at the booking's address. What would
    be refused for certain is refused here, with the reason.
    """
    told: saying.BookAsked = ask.value
    place = place_of(told.country_code, told.party_id, told.place)
    token = token_of(ask, told.contract_id)
    option = told.option
    if option is None and place.evse_uid in ("", "#NA"):
        option = 0
    wish = _wish(ask, place, told.starts_at, told.ends_at, tokens=[token], option=option, power=told.power_kw)
    return _asked(lambda: requesting.request(wish, now=ask.now))


def change(ask: Ask) -> Told:
    """Ask for another time. The booking stands as it is until the operator has said yes."""
    told: saying.ChangeAsked = ask.value
    first = booking_of(ask)
    booking = first.booking
    if booking is None or booking.place is None:
        raise Problem("conflict", "The operator has not answered yet: there is no booking to change.")
    tokens = [token_of(ask, token.contract_id) for token in booking.tokens.all()[:1]]
    options = booking.place.tree().get("bookable_parking_options") or []
    chosen = booking.tree().get("bookable_parking_option")
    option = options.index(chosen) if chosen in options else None
    wish = _wish(ask, booking.place, told.starts_at, told.ends_at, tokens=tokens, option=option, needs=chosen)
    return _asked(lambda: requesting.change(booking.pk, wish, now=ask.now))


def cancel(ask: Ask) -> Told:
    """Take a booking back. Until when that is possible, the booking says; what it costs, the tariff."""
    told: saying.TakeBackAsked = ask.value
    booking = booking_of(ask).booking
    if booking is None:
        raise Problem("conflict", "The operator has not answered yet: there is no booking to take back.")
    return _asked(
        lambda: requesting.cancel(
            booking.pk,
            reason=CanceledReason(told.reason or CanceledReason.NO_CANCELED),
            asked_by=ask.caller.name,
            by_driver=True,
            application=ask.caller.application,
            now=ask.now,
        )
    )


def bookings(ask: Ask) -> Told:
    """The bookings of your drivers, the latest first; of one contract where that is asked for."""
    rows = BookingAsked.objects.filter(emsp=ask.caller.party, asks=Asking.NEW.value).order_by("-pk")
    if ask.query["contract_id"]:
        wanted = ask.query["contract_id"].upper()
        rows = rows.alias(key=Upper("booking__tokens__contract_id")).filter(key=wanted).distinct()
    below, most = routes.after(ask), ask.query["limit"]
    if below:
        rows = rows.filter(pk__lt=below)
    found = list(rows.select_related("cpo")[: most + 1])
    items = [announcing.said(row) for row in found[:most]]
    return Told(routes.page(items, found[most - 1].pk if len(found) > most else None))


def booking(ask: Ask) -> Told:
    """One booking."""
    return Told(announcing.said(booking_of(ask)))


# --- what they share ----------------------------------------------------------------------------------------------------


def place_of(country_code: str, party_id: str, identity: str) -> BookableLocation:
    """Raises Problem."""
    found = (
        BookableLocation.objects.alias(key=Upper("object_id"))
        .filter(key=identity.upper(), party__country_code=country_code.upper(), party__party_id=party_id.upper())
        .select_related("party")
        .first()
    )
    if found is None or found.withdrawn_at is not None:
        raise Problem("not_found", "There is no such place to book.")
    return found


def booking_of(ask: Ask) -> BookingAsked:
    """The one that the address names. Raises Problem."""
    rows = BookingAsked.objects.select_related("cpo", "booking__place__party")
    found = rows.filter(emsp=ask.caller.party, asks=Asking.NEW.value, uid=ask.segments["booking"]).first()
    if found is None:
        raise Problem("not_found", "You have no such booking.")
    return found


def _wish(ask: Ask, place: BookableLocation, starts_at: datetime, ends_at: datetime, **named: Any) -> Wish:
    assert ask.caller.party is not None
    return Wish(
        emsp=ask.caller.party,
        place=place,
        starts_at=starts_at,
        ends_at=ends_at,
        asked_by=ask.caller.name,
        by_driver=True,
        application=ask.caller.application,
        **named,
    )


def _asked(verb: Any) -> Told:
    """Raises Problem."""
    try:
        asked: BookingAsked = verb()
    except UnableToRequest as error:
        raise Problem("conflict", str(error)) from error
    asked.refresh_from_db()
    first = announcing.first_of(asked.booking, asked)
    assert first is not None, "who asks for a change asks for one of a booking"
    return Told(announcing.said(first))
