"""Drivers come, show a card, charge if they may, and leave; every step is a report of a charge point, made when it happens.

A charge point that is silent makes its reports when it is heard again, with the times at which things happened. While a card
is being asked about, which may take seconds, the others go on.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from backoffice.charge_points.gateway import (
    Admission,
    Answer,
    CardShown,
    Metered,
    Replanned,
    Started,
    StatusReport,
    Stopped,
    Tell,
)
from backoffice.demo.rules.course import Course
from backoffice.demo.rules.drivers import Card, Cards, Group, draw
from backoffice.demo.rules.filling import Leg
from backoffice.demo.rules.life import ChargePoint, place
from backoffice.demo.rules.limiting import Setting, limited, limits, lowest, of_site, plan
from backoffice.demo.rules.pace import Pace
from backoffice.demo.rules.visits import Story, Visit, visit
from backoffice.demo.simulator.board import Ongoing, Socket
from backoffice.demo.simulator.signing import signed, signs
from ocpi.wire.locations import Status

FEW = 4
"""Charges at once; while there are fewer, drivers come so many times as often."""

MILLISECOND = timedelta(milliseconds=1)

PLANS_FOR = 3600
"""Seconds that a charge point looks ahead, unless it is asked for less."""

LOOK_AGAIN = timedelta(milliseconds=50)
"""While a card is being asked about."""

Aside = Callable[[Callable[[], Answer]], "Future[Answer]"]
"""Does something beside the rest, as the `submit` of a pool does."""


@dataclass(slots=True)
class Charge:
    """One that runs, as its charge point knows it. `told`: ms from its start to the last report. `own`: how the car would charge
    without limits. `plugs`: when the cable comes in, as long as it is not."""

    evse_id: str
    uid: str
    transaction: str
    own: Course
    direct: bool
    begun: datetime
    meter_start: Decimal
    told: int = 0
    settings: list[Setting] = field(default_factory=list)
    shown: Status | None = None
    plugs: datetime | None = None
    course: Course = field(init=False)
    due: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.due = self.begun
        self.bend()

    def bend(self) -> None:
        site = of_site(self.transaction, self.own, direct=self.direct)
        self.course = limited(self.own, lowest(limits(self.settings, begun=self.begun, direct=self.direct), site))

    def replanned(self, since: int, ms: int) -> bool:
        """Whether the site has changed its mind in between, which concerns who has set a profile."""
        site = of_site(self.transaction, self.own, direct=self.direct)
        return bool(self.settings) and any(since < limit.since <= ms for limit in site)

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


@dataclass(frozen=True, slots=True)
class Asking:
    """A card that was shown, and what will be said about it."""

    said: Future[Answer]
    evse_id: str
    socket: Socket
    card: Card
    story: Story | None
    stay: timedelta | None = None


class Charging:
    """`programme`: who comes and what becomes of it, until it is exhausted; None: whoever chance sends, without end. `aside`:
    where cards are asked about."""

    def __init__(
        self,
        reads: Reads,
        clock: Callable[[], datetime],
        *,
        cards: Cards,
        pace: Pace,
        chance: random.Random,
        aside: Aside,
        programme: Iterator[tuple[Group, Story]] | None = None,
    ) -> None:
        self._reads = reads
        self._clock = clock
        self._cards = cards
        self._pace = pace
        self._chance = chance
        self._programme = programme
        self._charges: dict[str, Charge] | None = None
        self._asking: list[Asking] = []
        self._aside = aside
        self._came: set[str] = set()
        self.kept: Callable[[], Collection[str]] = tuple
        """EVSEs that somebody else has in hand."""
        self._next: datetime | None = clock()

    @property
    def due(self) -> datetime | None:
        """A charge that is lost is not waited for once nobody else comes."""
        charges = list((self._charges or {}).values())
        asking = [self._clock() + LOOK_AGAIN] if self._asking else []
        if self._next is None and not asking and all(charge.lost for charge in charges):
            return None
        return min([*asking, *([self._next] if self._next else []), *(charge.due for charge in charges)])

    def taken(self) -> Collection[str]:
        """The EVSEs in its hands."""
        return {charge.evse_id for charge in self.charges()} | {asking.evse_id for asking in self._asking}

    def charges(self) -> Collection[Charge]:
        """Those that run."""
        if self._charges is None:
            found = self._reads.ongoing()
            if found is None:
                return ()
            self._charges = {each.transaction: charge for each in found if (charge := self._found_again(each))}
        return self._charges.values()

    def act(self, tell: Tell) -> None:
        self.charges()
        if self._charges is None:
            return
        self._let_in(tell)
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
            own=told.course(ongoing.outlet),
            direct=ongoing.outlet.direct,
            begun=ongoing.begun_at,
            meter_start=ongoing.meter_start,
            told=(ongoing.told_at - ongoing.begun_at) // MILLISECOND,
            settings=[Setting((at - ongoing.begun_at) // MILLISECOND, profile) for at, profile in ongoing.profiles],
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
        taken = {*self.taken(), *self.kept()}
        free = [point for point in self._reads.points() or () if point.evse_id not in taken]
        point = place(free, self._clock(), self._chance)
        sockets = self._reads.sockets(point.evse_id) if point else None
        in_use = (
            {charge.uid for charge in self._charges.values()} | {each.card.uid for each in self._asking} | self._came
        )
        card = draw(self._cards, in_use, self._chance, group=group)
        if card is not None and self._programme is not None:
            self._came.add(card.uid)  # nobody comes twice in a programme, so that every kind of card is seen
        if point is None or not sockets or card is None:
            return
        self.show(point.evse_id, self._chance.choice(sockets), card, tell, story=story)

    def show(
        self,
        evse_id: str,
        socket: Socket,
        card: Card,
        tell: Tell,
        *,
        story: Story | None = None,
        stay: timedelta | None = None,
    ) -> None:
        """A card is shown; whoever may charges then. `stay`: for so long, if that is not left to the car."""
        shown = CardShown(evse_id, socket.connector_id, card.uid, card.type)
        self._asking.append(Asking(self._aside(lambda: tell(shown)), evse_id, socket, card, story, stay))
        self._let_in(tell)

    def _let_in(self, tell: Tell) -> None:
        """Whoever was asked about and may charge, begins."""
        for each in [asking for asking in self._asking if asking.said.done()]:
            self._asking.remove(each)
            answer = each.said.result()
            if isinstance(answer, Admission) and answer.allowed and answer.authorization_id is not None:
                number = answer.authorization_id
                self.begin(each.evse_id, each.socket, each.card.uid, number, tell, story=each.story, stay=each.stay)

    def begin(
        self,
        evse_id: str,
        socket: Socket,
        uid: str,
        authorization_id: int,
        tell: Tell,
        *,
        story: Story | None = None,
        stay: timedelta | None = None,
        plugs: datetime | None = None,
    ) -> bool:
        """A charge of somebody who was let in. `plugs`: when the cable comes in, if it is not in yet. False: it is refused."""
        self.charges()
        if self._charges is None:
            return False
        told = visit(
            self._chance,
            shortest=stay // MILLISECOND if stay else round(self._pace.shortest * 1000),
            longest=stay // MILLISECOND if stay else round(self._pace.longest * 1000),
            story=Story.FULL if stay else story,
        )
        begun = self._clock()
        pending = plugs is not None or story is Story.UNPLUGGED
        if not tell(
            Started(
                evse_id, socket.connector_id, told.name, authorization_id, socket.meter_kwh, pending=pending, at=begun
            )
        ):
            return False
        course = told.course(socket.outlet)
        charge = Charge(evse_id, uid, told.name, course, socket.outlet.direct, begun, socket.meter_kwh, plugs=plugs)
        self._charges[told.name] = charge
        self._go_on(charge, tell)
        return True

    def stop(self, transaction: str, tell: Tell) -> bool:
        """It ends now, from afar. False: it does not run any more."""
        charge = (self._charges or {}).get(transaction)
        ms = (self._clock() - charge.begun) // MILLISECOND if charge else 0
        if charge is None or charge.course.over(ms) or not charge.course.heard(ms):
            return False
        ends = max(ms, charge.told)
        course = replace(charge.course, ends=ends, reason="Remote", then=Status.AVAILABLE, trouble="", silent=None)
        if charge.plugs is not None:  # it has not begun, and never will
            course, charge.plugs = replace(course, legs=(Leg(max(ends, 1), 0, course.soc),)), None
        charge.own = charge.course = course
        self._go_on(charge, tell)
        return True

    def limit(self, transaction: str, profile: Mapping[str, Any] | None, tell: Tell) -> bool:
        """From now on this ChargingProfile holds; None: none. False: it does not run any more."""
        charge = (self._charges or {}).get(transaction)
        if charge is None:
            return False
        since = 0 if charge.plugs is not None else (self._clock() - charge.begun) // MILLISECOND
        charge.settings.append(Setting(since, profile))
        charge.bend()
        self._go_on(charge, tell)
        return True

    def plan(self, transaction: str, seconds: int) -> dict[str, Any] | None:
        """How it will go on, an ActiveChargingProfile. None: it does not run any more."""
        charge = (self._charges or {}).get(transaction)
        if charge is None:
            return None
        profile = charge.settings[-1].profile if charge.settings else None
        ms = (self._clock() - charge.begun) // MILLISECOND
        unit = str(profile["charging_rate_unit"]) if profile else "W"
        return plan(charge.course, ms, seconds, begun=charge.begun, unit=unit, direct=charge.direct)

    def _go_on(self, charge: Charge, tell: Tell) -> None:
        """Tell what has happened since the last report, if it can be heard now."""
        if charge.plugs is not None and not self._plugged(charge, tell):
            return
        course, ms = charge.course, (self._clock() - charge.begun) // MILLISECOND
        if not course.heard(ms):
            assert course.silent is not None
            self._show(charge, Status.UNKNOWN, "No heartbeat", tell)
            charge.due = charge.at(course.silent[1])
            return
        self._show(charge, Status.CHARGING, "", tell)
        if charge.replanned(charge.told, ms) and (profile := self.plan(charge.transaction, PLANS_FOR)):
            tell(Replanned(charge.evse_id, charge.transaction, profile))
        going = all(self._measure(charge, mark, tell) for mark in course.marks(charge.told, ms, every=self._every))
        if going and not course.over(ms):
            charge.due = charge.at(course.next_mark(ms, every=self._every))
            return
        if going:
            self._stop(charge, tell)
        self._show(charge, course.then, course.trouble, tell)
        assert self._charges is not None
        del self._charges[charge.transaction]

    def _plugged(self, charge: Charge, tell: Tell) -> bool:
        """The cable is in, and the charge begins. False: it is not yet."""
        assert charge.plugs is not None
        self._show(charge, Status.CHARGING, "", tell)
        if self._clock() < charge.plugs:
            charge.due = charge.plugs
            return False
        charge.begun, charge.plugs, charge.told = charge.plugs, None, 0
        charge.bend()
        tell(Metered(charge.evse_id, charge.transaction, charge.meter_start, charging=True, at=charge.begun))
        return True

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
