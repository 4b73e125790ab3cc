"""The charge points obey what they are asked to do, each in its own time and not always; `rules.obeying` says how.

What an EVSE is kept for is read from what was ordered and obeyed (`board.reservations`); a driver who was let in from afar and
has not plugged in yet is forgotten by a restart, as if gone.
"""

from __future__ import annotations

import heapq
import logging
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from backoffice.charge_points.gateway import (
    ActiveProfile,
    CancelReservation,
    ClearProfile,
    Done,
    Instruction,
    Reserve,
    SetProfile,
    Start,
    StatusReport,
    Stop,
    Tell,
    Unlock,
)
from backoffice.demo.rules.drivers import Card
from backoffice.demo.rules.life import ChargePoint
from backoffice.demo.rules.obeying import (
    AGAIN_AFTER,
    COMES_WITH_CARD,
    COMES_WITHIN,
    DELAYS,
    PLUGS_IN,
    WAITS_FOR_CABLE,
    Fate,
    Manner,
    Plug,
    Reservation,
    Standing,
    fate,
    hindrance,
    lets_in,
    plug,
    reservation_of,
)
from backoffice.demo.rules.visits import Story
from backoffice.demo.simulator.board import Socket
from backoffice.demo.simulator.charging import PLANS_FOR, Charging
from ocpi.wire.commands import CommandResultType as Outcome
from ocpi.wire.locations import Status

log = logging.getLogger("roamdesk.simulator")

Then = Callable[[Tell], None]


@dataclass(frozen=True, slots=True)
class Reads:
    """What is read of the world as it is now. None: told to stop while the database was away."""

    points: Callable[[], Sequence[ChargePoint] | None]
    sockets: Callable[[str], Sequence[Socket] | None]
    reservations: Callable[[], Mapping[str, Reservation] | None]


class Obeying:
    """Works orders off. An EVSE at which somebody is expected, or that is kept for somebody, is in its hands."""

    def __init__(
        self, reads: Reads, charging: Charging, clock: Callable[[], datetime], *, chance: random.Random
    ) -> None:
        self._reads = reads
        self._charging = charging
        self._clock = clock
        self._chance = chance
        self._agenda: list[tuple[datetime, int, Then]] = []
        self._numbers = count()
        self._expecting: set[str] = set()
        self._kept: dict[str, Reservation] | None = None
        charging.kept = self.taken

    @property
    def due(self) -> datetime | None:
        if self._kept is None:
            return self._clock()
        return self._agenda[0][0] if self._agenda else None

    def taken(self) -> Collection[str]:
        return {*self._expecting, *(self._kept or {})}

    def act(self, tell: Tell) -> None:
        self._remember()
        while self._agenda and self._agenda[0][0] <= self._clock():
            _, _, then = heapq.heappop(self._agenda)
            then(tell)

    def _remember(self) -> None:
        """What is kept for whom, as it was before a restart."""
        if self._kept is None and (found := self._reads.reservations()) is not None:
            self._kept = {}
            for evse_id, reservation in found.items():
                self._keep(evse_id, reservation)

    def obey(self, asked: Instruction, tell: Tell) -> None:
        """What becomes of it is decided now, and happens when it is time."""
        self._remember()
        decided = fate(asked, self._standing(asked.evse_id), self._chance)
        if decided.manner is Manner.NEVER:
            log.info("%s does not hear %s", asked.evse_id, type(asked).__name__)
            return
        delay = timedelta(seconds=self._chance.uniform(*DELAYS[decided.manner]))
        begins = max(asked.deadline, self._clock()) if decided.manner is Manner.LATE else self._clock()
        self._later(begins + delay, lambda tell: self._carry_out(asked, decided, tell))

    # --- what happens ------------------------------------------------------------------------------------------------

    def _carry_out(self, asked: Instruction, decided: Fate, tell: Tell) -> None:
        profile = None
        if decided.then is not None:
            tell(StatusReport(asked.evse_id, decided.then, decided.reason))
        if decided.obeys:
            hindered = hindrance(asked, self._standing(asked.evse_id))  # a moment has passed
            if hindered is not None:
                decided = hindered
            else:
                decided, profile = self._do(asked, decided, tell)
        done = Done(asked.order, decided.outcome, decided.reason, profile)
        tell(done)
        if decided.manner is Manner.TWICE:
            self._later(self._clock() + timedelta(seconds=AGAIN_AFTER), lambda tell: _say(done, tell))

    def _do(self, asked: Instruction, decided: Fate, tell: Tell) -> tuple[Fate, dict[str, Any] | None]:
        done, profile = True, None
        match asked:
            case Start():
                done = self._start(asked, tell)
            case Stop():
                done = self._charging.stop(asked.transaction, tell)
            case Unlock():
                if self._standing(asked.evse_id).status is Status.BLOCKED:
                    tell(StatusReport(asked.evse_id, Status.AVAILABLE, "Unlocked from afar"))
            case Reserve():
                self._reserve(asked, tell)
            case CancelReservation():
                self._release(asked.evse_id, asked.reservation, tell)
            case SetProfile():
                done = self._charging.limit(asked.transaction, asked.profile, tell)
                profile = self._charging.plan(asked.transaction, PLANS_FOR)
            case ClearProfile():
                done = self._charging.limit(asked.transaction, None, tell)
                profile = self._charging.plan(asked.transaction, PLANS_FOR)
            case ActiveProfile():
                profile = self._charging.plan(asked.transaction, asked.seconds)
                done = profile is not None
        return (decided if done else Fate(Outcome.REJECTED, "It is over."), profile)

    def _start(self, asked: Start, tell: Tell) -> bool:
        sockets = [
            socket
            for socket in self._reads.sockets(asked.evse_id) or ()
            if asked.connector_id is None or socket.connector_id.upper() == asked.connector_id.upper()
        ]
        if not sockets:
            return False
        socket, evse_id = self._chance.choice(sockets), asked.evse_id
        comes = plug(self._chance)
        plugs = self._clock() + timedelta(seconds=self._chance.uniform(*PLUGS_IN))
        if comes is Plug.PENDING:
            return self._began(asked, socket, tell, plugs=plugs)
        if comes is Plug.UNPLUGGED:
            return self._began(asked, socket, tell, story=Story.UNPLUGGED)
        self._expecting.add(evse_id)
        if comes is Plug.SOON:
            self._later(plugs, lambda tell: self._arrive(asked, socket, tell))
        else:
            gives_up = self._clock() + timedelta(seconds=WAITS_FOR_CABLE)
            self._later(gives_up, lambda tell: self._expecting.discard(evse_id))
        return True

    def _arrive(self, asked: Start, socket: Socket, tell: Tell) -> None:
        self._expecting.discard(asked.evse_id)
        self._began(asked, socket, tell)

    def _began(self, asked: Start, socket: Socket, tell: Tell, **given: Any) -> bool:
        begun = self._charging.begin(asked.evse_id, socket, asked.uid, asked.authorization_id, tell, **given)
        if begun and self._kept:
            self._kept.pop(asked.evse_id, None)
        return begun

    def _reserve(self, asked: Reserve, tell: Tell) -> None:
        tell(StatusReport(asked.evse_id, Status.RESERVED, f"Reservation {asked.reservation}"))
        self._keep(asked.evse_id, reservation_of(asked))
        comes = self._clock() + timedelta(seconds=self._chance.uniform(*COMES_WITHIN))
        if asked.token_type == "RFID" and comes < asked.expires and self._chance.random() < COMES_WITH_CARD:  # noqa: S105 - a kind of token
            self._later(comes, lambda tell: self._show(asked.evse_id, Card(asked.uid, asked.token_type), tell))

    def _keep(self, evse_id: str, reservation: Reservation) -> None:
        assert self._kept is not None
        self._kept[evse_id] = reservation
        self._later(reservation.expires, lambda tell: self._expire(evse_id, reservation, tell))

    def _expire(self, evse_id: str, reservation: Reservation, tell: Tell) -> None:
        if self._kept is not None and self._kept.get(evse_id) == reservation:
            self._release(evse_id, reservation.number, tell)

    def _release(self, evse_id: str, number: int, tell: Tell) -> None:
        """It is kept no longer; free again, unless something else has become of it."""
        standing = self._standing(evse_id)
        if self._kept is not None:
            self._kept.pop(evse_id, None)
        if standing.status is Status.RESERVED and not standing.charges:
            tell(StatusReport(evse_id, Status.AVAILABLE, f"Reservation {number} is over"))

    def _show(self, evse_id: str, card: Card, tell: Tell) -> None:
        """Somebody shows a card; the station refuses by itself what it is not kept for."""
        sockets = self._reads.sockets(evse_id)
        if sockets and lets_in(self._standing(evse_id), card.uid):
            self._charging.show(evse_id, self._chance.choice(sockets), card, tell)

    # --- the parts ---------------------------------------------------------------------------------------------------

    def _standing(self, evse_id: str) -> Standing:
        point = next((each for each in self._reads.points() or () if each.evse_id == evse_id), None)
        charges = [charge for charge in self._charging.charges() if charge.evse_id == evse_id]
        status = Status.UNKNOWN if point is None else point.status
        return Standing(
            status,
            charges=frozenset(charge.transaction for charge in charges),
            silent=any(charge.shown is Status.UNKNOWN for charge in charges),
            expecting=evse_id in self._expecting,
            reservation=(self._kept or {}).get(evse_id) if status is Status.RESERVED else None,
        )

    def _later(self, at: datetime, then: Then) -> None:
        heapq.heappush(self._agenda, (at, next(self._numbers), then))


def _say(done: Done, tell: Tell) -> None:
    tell(done)
