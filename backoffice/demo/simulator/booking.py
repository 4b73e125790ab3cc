"""Drivers who book ahead, and come or do not; staff who decide and cancel. By the verbs that staff and driver apps use as well.

Who books is of this platform's company; who comes is whoever booked one of its chargers. Nothing is remembered here.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from django.db.models import Exists, Model, OuterRef, QuerySet

from backoffice.bookings.actions import deciding, keeping, requesting
from backoffice.bookings.actions.deciding import UnableToDecide
from backoffice.bookings.actions.keeping import UnableToKeep
from backoffice.bookings.actions.requesting import UnableToRequest, Wish
from backoffice.bookings.models import BookableLocation, BookedToken, Booking, BookingAsked
from backoffice.charge_points.gateway import Tell
from backoffice.demo.rules.booking import EVERY, Deed, comes, draw, overstays, says_yes, slot
from backoffice.demo.rules.drivers import Card
from backoffice.demo.simulator.board import Socket
from backoffice.locations.models import Evse
from backoffice.sessions.actions import running
from backoffice.tokens.models import Token
from ocpi.wire.bookings import CanceledReason
from ocpi.wire.locations import Status

log = logging.getLogger("roamdesk.demo")

APP = "driver's app"

LOOKS_EVERY = timedelta(seconds=5)
"""For drivers who arrive."""

TOO_LATE = timedelta(minutes=3)
LIVE = ["PENDING", "RESERVED"]

Row = TypeVar("Row", bound=Model)
Show = Callable[[str, Socket, Card, Tell, timedelta | None], None]


class ByBooking:
    """An Activity of the simulator. `sockets`: of an EVSE; `show`: a card is shown there, by somebody who
    stays for so long (None: as long as the car needs); `taken`: EVSEs in somebody's hands."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        chance: random.Random,
        sockets: Callable[[str], object],
        show: Show,
        taken: Callable[[], object],
        every: float = EVERY,
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._sockets = sockets
        self._show = show
        self._taken = taken
        self._every = every
        self._looks = clock() + LOOKS_EVERY
        self._next = clock() + timedelta(seconds=every)
        self._came: set[int] = set()

    @property
    def due(self) -> datetime | None:
        return min(self._looks, self._next)

    def act(self, tell: Tell) -> None:
        now = self._clock()
        if self._looks <= now:
            self._looks = now + LOOKS_EVERY
            self.arrive(tell, now)
        if self._next <= now:
            self._next = now + timedelta(seconds=self._every * self._chance.uniform(0.3, 1.7))
            possible = {deed: done for deed in Deed if (done := self.ready(deed, now)) is not None}
            deed = draw(possible, self._chance)
            if deed is not None:
                self.try_(possible[deed])

    def try_(self, done: Callable[[], object]) -> None:
        try:
            done()
        except (UnableToRequest, UnableToKeep, UnableToDecide) as error:
            log.info("by booking: %s", error)

    def arrive(self, tell: Tell, now: datetime) -> None:
        """Whoever booked a charger of ours and comes now shows the card there."""
        due = Booking.objects.filter(
            ours=True, status="RESERVED", early_from__lte=now, starts_at__gt=now - TOO_LATE
        ).prefetch_related("tokens")
        for booking in due:
            after = comes(booking.object_id)
            token = next((each for each in booking.tokens.all() if each.type == "RFID"), None)
            if booking.pk in self._came or after is None or token is None or booking.starts_at + after > now:
                continue
            evse = self._where(booking)
            sockets = self._sockets(evse.evse_id) if evse is not None else None
            if evse is None or not isinstance(sockets, list) or not sockets:
                continue  # somebody else stands there still: he waits
            self._came.add(booking.pk)
            late = overstays(booking.object_id)
            stay = booking.ends_at + late - now if late is not None else None
            self._show(evse.evse_id, self._chance.choice(sockets), Card(token.uid, token.type), tell, stay)

    def _where(self, booking: Booking) -> Evse | None:
        taken = self._taken()
        rows = Evse.objects.filter(listed=True, status__in=[Status.AVAILABLE.value, Status.RESERVED.value])
        if booking.evse_id is not None:
            rows = rows.filter(pk=booking.evse_id)
        else:
            rows = rows.filter(space__resource__claims__booking=booking)
        free = [
            evse
            for evse in rows
            if (evse.evse_id not in taken or _kept_for(booking, evse)) and not running.busy(evse)  # type: ignore[operator]
        ]
        return self._chance.choice(free) if free else None

    def ready(self, deed: Deed, now: datetime) -> Callable[[], object] | None:
        """What doing it now would be; None when there is nothing to do it with."""
        finders: dict[Deed, Callable[[datetime], Callable[[], object] | None]] = {
            Deed.BOOK: self._book,
            Deed.CHANGE: self._change,
            Deed.CANCEL: self._cancel,
            Deed.DECIDE: self._decide,
            Deed.GIVE_UP: self._give_up,
        }
        return finders[deed](now)

    def _book(self, now: datetime) -> Callable[[], object] | None:
        busy = BookedToken.objects.filter(uid=OuterRef("object_id"), booking__status__in=LIVE)
        token = self._one(
            Token.objects.filter(party__ours=True, valid=True, type="RFID", hold="NONE")
            .exclude(Exists(busy))
            .select_related("party")
        )
        place = self._one(BookableLocation.objects.filter(withdrawn_at=None).select_related("party"))
        if token is None or place is None:
            return None
        starts_at, ends_at = slot(now, self._chance)
        wish = Wish(
            emsp=token.party_id,
            place=place,
            starts_at=starts_at,
            ends_at=ends_at,
            tokens=[token],
            option=None if place.evse_uid not in ("", "#NA") else 0,
            asked_by=APP,
            by_driver=True,
        )
        return lambda: requesting.request(wish, now=now)

    def _change(self, now: datetime) -> Callable[[], object] | None:
        booking = self._one(self._of_ours(now).filter(change_until__gt=now))
        if booking is None or booking.place is None:
            return None
        later = timedelta(minutes=5)
        tokens = Token.objects.filter(
            party=booking.emsp, object_id__in=[token.uid for token in booking.tokens.all()]
        ).select_related("party")
        wish = Wish(
            emsp=booking.emsp_id,
            place=booking.place,
            starts_at=booking.starts_at + later,
            ends_at=booking.ends_at + later,
            tokens=list(tokens),
            option=None if booking.place.evse_uid not in ("", "#NA") else 0,
            asked_by=APP,
            by_driver=True,
        )
        return lambda: requesting.change(booking.pk, wish, now=now)

    def _cancel(self, now: datetime) -> Callable[[], object] | None:
        booking = self._one(self._of_ours(now).filter(cancel_until__gt=now))
        if booking is None:
            return None
        reason = self._chance.choice(
            (CanceledReason.TRAFFIC, CanceledReason.BROKEN_VEHICLE, CanceledReason.NO_CANCELED)
        )
        return lambda: requesting.cancel(booking.pk, reason=reason, asked_by=APP, by_driver=True, now=now)

    def _decide(self, now: datetime) -> Callable[[], object] | None:
        asked = self._one(BookingAsked.objects.filter(status="PENDING", booking__ours=True))
        if asked is None:
            return None
        if says_yes(asked.uid):
            return lambda: deciding.accept(asked.pk, by="Staff of the demo", now=now)
        return lambda: deciding.decline(
            asked.pk, reason="The bay is closed for works then.", by="Staff of the demo", now=now
        )

    def _give_up(self, now: datetime) -> Callable[[], object] | None:
        booking = self._one(Booking.objects.filter(ours=True, status="RESERVED", starts_at__gt=now))
        if booking is None:
            return None
        return lambda: keeping.cancel(booking.pk, reason=CanceledReason.POWER_OUTAGE, by="Staff of the demo", now=now)

    def _of_ours(self, now: datetime) -> QuerySet[Booking]:
        """Bookings of our drivers, wherever they are."""
        rows = Booking.objects.filter(emsp__ours=True, status="RESERVED", starts_at__gt=now)
        return rows.select_related("place__party", "emsp").prefetch_related("tokens")

    def _one(self, rows: QuerySet[Row]) -> Row | None:
        keys = list(rows.order_by("pk").values_list("pk", flat=True)[:2_000])
        return rows.filter(pk=self._chance.choice(keys)).first() if keys else None


def _kept_for(booking: Booking, evse: Evse) -> bool:
    """The station keeps it, and for this driver."""
    return evse.pk == booking.evse_id and evse.status == Status.RESERVED.value
