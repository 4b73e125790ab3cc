"""Drivers come, show a card, charge if they may, and leave; every step is a report of a charge point, made when it happens.

A charge point that is silent makes its reports when it is heard again, with the times at which things happened.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from backoffice.charge_points.gateway import (
    Admission,
    CardShown,
    Metered,
    Started,
    StatusReport,
    Stopped,
    Tell,
)
from backoffice.demo.rules.course import Course
from backoffice.demo.rules.drivers import Cards, Group, draw
from backoffice.demo.rules.life import ChargePoint, place
from backoffice.demo.rules.pace import Pace
from backoffice.demo.rules.visits import Story, Visit, visit
from backoffice.demo.simulator.board import Ongoing, Socket
from backoffice.demo.simulator.signing import signed, signs
from ocpi.wire.locations import Status

FEW = 4
"""Charges at once; while there are fewer, drivers come so many times as often."""

MILLISECOND = timedelta(milliseconds=1)


@dataclass(slots=True)
class Charge:
    """One that runs, as its charge point knows it. `told`: ms from its start to the last report."""

    evse_id: str
    uid: str
    transaction: str
    course: Course
    direct: bool
    begun: datetime
    meter_start: Decimal
    told: int = 0
    shown: Status | None = None
    due: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.due = self.begun

    def at(self, ms: int) -> datetime:
        return self.begun + ms * MILLISECOND

    @property
    def lost(self) -> bool:
        """It fell silent, and will be heard of again only long after its end."""
        silent = self.course.silent
        return silent is not None and silent[1] > self.course.ends and self.shown is Status.UNKNOWN


@dataclass(frozen=True, slots=True)
class Reads:
    """What is read of the world as it is now. None: told to stop while the database was away."""

    points: Callable[[], Sequence[ChargePoint] | None]
    sockets: Callable[[str], Sequence[Socket] | None]
    ongoing: Callable[[], Sequence[Ongoing] | None]


class Charging:
    """`programme`: who comes and what becomes of it, until it is exhausted; None: whoever chance sends, without end."""

    def __init__(
        self,
        reads: Reads,
        clock: Callable[[], datetime],
        *,
        cards: Cards,
        pace: Pace,
        chance: random.Random,
        programme: Iterator[tuple[Group, Story]] | None = None,
    ) -> None:
        self._reads = reads
        self._clock = clock
        self._cards = cards
        self._pace = pace
        self._chance = chance
        self._programme = programme
        self._charges: dict[str, Charge] | None = None
        self._came: set[str] = set()
        self._next: datetime | None = clock()

    @property
    def due(self) -> datetime | None:
        """A charge that is lost is not waited for once nobody else comes."""
        charges = list((self._charges or {}).values())
        if self._next is None:
            return min((charge.due for charge in charges), default=None) if not all(c.lost for c in charges) else None
        return min([self._next, *(charge.due for charge in charges)])

    def taken(self) -> Collection[str]:
        """The EVSEs in its hands."""
        return {charge.evse_id for charge in (self._charges or {}).values()}

    def act(self, tell: Tell) -> None:
        if self._charges is None:
            found = self._reads.ongoing()
            if found is None:
                return
            self._charges = {each.transaction: charge for each in found if (charge := self._found_again(each))}
        for charge in list(self._charges.values()):
            if charge.due <= self._clock():
                self._go_on(charge, tell)
        if self._next is not None and self._next <= self._clock():
            self._receive(tell)

    def _found_again(self, ongoing: Ongoing) -> Charge | None:
        """Its transaction tells what it is; None: not one of ours."""
        told = Visit.named(ongoing.transaction)
        if told is None:
            return None
        return Charge(
            evse_id=ongoing.evse_id,
            uid=ongoing.uid,
            transaction=ongoing.transaction,
            course=told.course(ongoing.outlet),
            direct=ongoing.outlet.direct,
            begun=ongoing.begun_at,
            meter_start=ongoing.meter_start,
            told=(ongoing.told_at - ongoing.begun_at) // MILLISECOND,
        )

    def _receive(self, tell: Tell) -> None:
        """Somebody comes: to a free EVSE, with a card."""
        assert self._charges is not None
        group: Group | None = None
        story: Story | None = None
        if self._programme is not None:
            coming = next(self._programme, None)
            if coming is None:
                self._next = None
                return
            group, story = coming
        few = FEW if len(self._charges) < FEW else 1
        self._next = self._clock() + timedelta(seconds=self._pace.pause * self._chance.uniform(0.5, 1.5) / few)
        taken = self.taken()
        free = [point for point in self._reads.points() or () if point.evse_id not in taken]
        point = place(free, self._clock(), self._chance)
        sockets = self._reads.sockets(point.evse_id) if point else None
        in_use = {charge.uid for charge in self._charges.values()} | self._came
        card = draw(self._cards, in_use, self._chance, group=group)
        if card is not None and self._programme is not None:
            self._came.add(card.uid)  # nobody comes twice in a programme, so that every kind of card is seen
        if point is None or not sockets or card is None:
            return
        socket = self._chance.choice(sockets)
        answer = tell(CardShown(point.evse_id, socket.connector_id, card.uid, card.type))
        if not isinstance(answer, Admission) or not answer.allowed:
            return
        told = visit(
            self._chance,
            shortest=round(self._pace.shortest * 1000),
            longest=round(self._pace.longest * 1000),
            story=story,
        )
        begun = self._clock()
        started = Started(
            point.evse_id, socket.connector_id, told.name, answer.authorization_id, socket.meter_kwh, at=begun
        )
        if not tell(started):
            return
        course = told.course(socket.outlet)
        charge = Charge(point.evse_id, card.uid, told.name, course, socket.outlet.direct, begun, socket.meter_kwh)
        self._charges[told.name] = charge
        self._go_on(charge, tell)

    def _go_on(self, charge: Charge, tell: Tell) -> None:
        """Tell what has happened since the last report, if it can be heard now."""
        course, ms = charge.course, (self._clock() - charge.begun) // MILLISECOND
        if not course.heard(ms):
            assert course.silent is not None
            self._show(charge, Status.UNKNOWN, "No heartbeat", tell)
            charge.due = charge.at(course.silent[1])
            return
        self._show(charge, Status.CHARGING, "", tell)
        going = all(self._measure(charge, mark, tell) for mark in course.marks(charge.told, ms, every=self._every))
        if going and not course.over(ms):
            charge.due = charge.at(course.next_mark(ms, every=self._every))
            return
        if going:
            self._stop(charge, tell)
        self._show(charge, course.then, course.trouble, tell)
        assert self._charges is not None
        del self._charges[charge.transaction]

    def _measure(self, charge: Charge, mark: int, tell: Tell) -> bool:
        """False: it is not taken, for the charge is over to whoever is in charge."""
        found = charge.course.measured(mark)
        charge.told = mark
        return bool(
            tell(
                Metered(
                    charge.evse_id,
                    charge.transaction,
                    charge.meter_start + found.kwh,
                    power_kw=found.kw,
                    soc=Decimal(found.soc) if charge.direct else None,
                    charging=found.charging,
                    at=charge.at(mark),
                )
            )
        )

    def _stop(self, charge: Charge, tell: Tell) -> None:
        course = charge.course
        ended = (charge.at(course.ends), charge.meter_start + course.measured(course.ends).kwh)
        values = None
        if signs(charge.evse_id):
            values = signed(charge.evse_id, charge.uid, begun=(charge.begun, charge.meter_start), ended=ended)
        tell(Stopped(charge.evse_id, charge.transaction, ended[1], course.reason, signed_data=values, at=ended[0]))

    def _show(self, charge: Charge, status: Status, reason: str, tell: Tell) -> None:
        if charge.shown is not status:
            tell(StatusReport(charge.evse_id, status, reason))
            charge.shown = status

    @property
    def _every(self) -> int:
        return round(self._pace.meter * 1000)
