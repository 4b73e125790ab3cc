"""Drivers with an app, and the helpdesk: they ask for things from afar, by the same verbs as staff and driver apps do.

Nothing is remembered here: what runs and what is reserved is read of the rows each time.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from django.db.models import Exists, Model, OuterRef, QuerySet

from backoffice.charge_points.gateway import Tell
from backoffice.charging_profiles.actions import looking
from backoffice.charging_profiles.actions import sending as steering
from backoffice.charging_profiles.actions.keeping import UnableToSteer
from backoffice.charging_profiles.actions.receiving import Wish as Steered
from backoffice.charging_profiles.rules.states import Kind
from backoffice.commands.actions import sending
from backoffice.commands.actions.looking import connectors
from backoffice.commands.actions.sending import UnableToCommand, Wish
from backoffice.commands.models import Command
from backoffice.commands.rules.states import Direction, State
from backoffice.demo.rules.afar import EVERY, KEPT_MINUTES, Deed, draw, pause, slower
from backoffice.locations.models import Evse
from backoffice.partners.models import PartyRole
from backoffice.partners.rules import RoleState
from backoffice.sessions.models import Session
from backoffice.tokens.models import Token
from ocpi.wire.commands import CommandType
from ocpi.wire.locations import Capability, Status
from ocpi.wire.sessions import SessionStatus

log = logging.getLogger("roamdesk.demo")

APP, DESK = "driver's app", "helpdesk"

AMPERES = 16

Row = TypeVar("Row", bound=Model)

Find = Callable[[datetime], Callable[[datetime], None] | None]
"""What doing a deed now would be; None when there is nothing to do it with."""


class FromAfar:
    """An Activity of the simulator."""

    def __init__(self, clock: Callable[[], datetime], *, chance: random.Random, every: float = EVERY) -> None:
        self._clock = clock
        self._chance = chance
        self._every = every
        self._next = clock() + timedelta(seconds=every)

    @property
    def due(self) -> datetime | None:
        return self._next

    def act(self, tell: Tell) -> None:
        now = self._clock()
        self._next = now + timedelta(seconds=pause(self._every, self._chance))
        possible = {deed: done for deed in Deed if (done := self.ready(deed, now)) is not None}
        deed = draw(possible, self._chance)
        if deed is not None:
            self.try_(possible[deed], now)

    def try_(self, done: Callable[[datetime], None], now: datetime) -> None:
        try:
            done(now)
        except (UnableToCommand, UnableToSteer) as error:
            log.info("from afar: %s", error)

    def ready(self, deed: Deed, now: datetime) -> Callable[[datetime], None] | None:
        """What doing it now would be; None when there is nothing to do it with."""
        finders: dict[Deed, Find] = {
            Deed.START: lambda at: self._at_point(CommandType.START_SESSION, free=True),
            Deed.ASTRAY: lambda at: self._at_point(CommandType.START_SESSION, free=False),
            Deed.STOP: lambda at: self._stop(),
            Deed.RESERVE: lambda at: self._at_point(CommandType.RESERVE_NOW, free=True),
            Deed.CANCEL: self._cancel,
            Deed.UNLOCK: self._unlock,
            Deed.SLOW_DOWN: lambda at: self._steer(Kind.SET),
            Deed.SPEED_UP: lambda at: self._steer(Kind.CLEAR),
            Deed.ASK_ACTIVE: lambda at: self._steer(Kind.ACTIVE),
        }
        return finders[deed](now)

    # --- commands -----------------------------------------------------------------------------------------------------

    def _at_point(self, kind: CommandType, *, free: bool) -> Callable[[datetime], None] | None:
        token = self._one(
            Token.objects.filter(party__ours=True, valid=True).exclude(
                Exists(_ongoing().filter(token_uid__iexact=OuterRef("object_id")))
            )
        )
        needed = Capability.RESERVABLE if kind is CommandType.RESERVE_NOW else Capability.REMOTE_START_STOP_CAPABLE
        points = Evse.objects.filter(
            listed=True, capabilities__contains=[needed.value], location__party__in=_operators()
        )
        wanted = (
            (Status.AVAILABLE,) if free else (Status.CHARGING, Status.OUTOFORDER, Status.INOPERATIVE, Status.BLOCKED)
        )
        evse = self._one(
            points.filter(status__in=[status.value for status in wanted]).select_related("location__party")
        )
        if token is None or evse is None:
            return None
        connector = self._chance.choice(connectors(evse))
        minutes = self._chance.choice(KEPT_MINUTES)

        def done(now: datetime) -> None:
            reserves = kind is CommandType.RESERVE_NOW
            sending.send(
                Wish(
                    kind=kind.value,
                    token=token,
                    location=evse.location,
                    evse_uid=evse.uid,
                    connector_id="" if reserves else connector,
                    expires_at=now + timedelta(minutes=minutes) if reserves else None,
                    asked_by=APP,
                    by_driver=True,
                ),
                now=now,
            )

        return done

    def _stop(self) -> Callable[[datetime], None] | None:
        begun = _ongoing().filter(status=SessionStatus.ACTIVE.value, auth_method="COMMAND")
        session = self._one(begun.select_related("party", "emsp", "point"))
        if session is None:
            return None

        def done(now: datetime) -> None:
            sending.send(
                Wish(kind=CommandType.STOP_SESSION.value, session=session, asked_by=APP, by_driver=True), now=now
            )

        return done

    def _cancel(self, now: datetime) -> Callable[[datetime], None] | None:
        held = Command.objects.filter(
            direction__in=[Direction.OUT.value, Direction.OWN.value],
            kind=CommandType.RESERVE_NOW.value,
            state=State.SUCCEEDED.value,
            expires_at__gt=now + timedelta(seconds=10),
        ).exclude(Exists(Command.objects.filter(kind="CANCEL_RESERVATION", reservation_id=OuterRef("reservation_id"))))
        made = self._one(held.select_related("sender"))
        if made is None:
            return None

        def done(now: datetime) -> None:
            sending.send(
                Wish(
                    kind=CommandType.CANCEL_RESERVATION.value,
                    emsp=made.sender,
                    reservation_id=made.reservation_id,
                    asked_by=APP,
                    by_driver=True,
                ),
                now=now,
            )

        return done

    def _unlock(self, now: datetime) -> Callable[[datetime], None] | None:
        """The cable of a driver of ours, who calls the helpdesk right after the charge."""
        ended = Session.objects.filter(
            emsp__ours=True, status=SessionStatus.COMPLETED.value, ends_at__gt=now - timedelta(minutes=2)
        ).select_related("emsp", "party")
        session = self._one(ended)
        evse = (
            Evse.objects.filter(
                location__party=session.party_id,
                location__object_id=session.location_id,
                uid=session.evse_uid,
                capabilities__contains=[Capability.UNLOCK_CAPABLE.value],
            )
            .select_related("location__party")
            .first()
            if session is not None
            else None
        )
        if session is None or evse is None:
            return None

        def done(now: datetime) -> None:
            sending.send(
                Wish(
                    kind=CommandType.UNLOCK_CONNECTOR.value,
                    emsp=session.emsp,
                    location=evse.location,
                    evse_uid=evse.uid,
                    connector_id=session.connector_id,
                    asked_by=DESK,
                ),
                now=now,
            )

        return done

    # --- charging profiles --------------------------------------------------------------------------------------------

    def _steer(self, kind: Kind) -> Callable[[datetime], None] | None:
        rows = _ongoing().filter(status=SessionStatus.ACTIVE.value).select_related("party", "emsp", "point")
        capable = [row for row in rows.order_by("-pk")[:20] if looking.capable(row)]
        if kind is not Kind.SET:
            capable = [row for row in capable if looking.active(row) is not None]
        if not capable:
            return None
        session = self._chance.choice(capable)
        profile = slower(AMPERES, self._chance) if kind is Kind.SET else None
        wish = Steered(kind, profile=profile, seconds=900 if kind is Kind.ACTIVE else None)

        def done(now: datetime) -> None:
            steering.ask(session, wish, by=APP, why="The driver is in no hurry.", now=now)

        return done

    def _one(self, rows: QuerySet[Row]) -> Row | None:
        """Any of them: the keys are few in the demo, and the rows may be wide."""
        keys = list(rows.order_by("pk").values_list("pk", flat=True)[:5_000])
        return rows.filter(pk=self._chance.choice(keys)).first() if keys else None


def _ongoing() -> QuerySet[Session]:
    """Charges of drivers of ours, wherever they take place."""
    return Session.objects.filter(emsp__ours=True, status__in=[SessionStatus.ACTIVE.value, SessionStatus.PENDING.value])


def _operators() -> QuerySet[PartyRole, int]:
    """CPOs that our drivers can be sent to: our own, and partners that are in touch."""
    return PartyRole.objects.filter(role="CPO", state=RoleState.ACTIVE.value).values("party")
