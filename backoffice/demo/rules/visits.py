"""What becomes of a visit: the stories that the demo tells, how often, and the course that each takes.

A visit is told by its name alone (`Visit.name`), which the charge point uses as its transaction id: whoever reads that id
together with what the connector can give draws the same course again.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from backoffice.demo.rules.course import Course
from backoffice.demo.rules.filling import DIRECT, DIRECT_LIMITS, FULL, ONBOARD, ONBOARD_CHARGERS, Leg, Shape, fill
from backoffice.demo.rules.life import REASONS
from ocpi.wire.locations import Status


class Story(Enum):
    """`value`: as in a transaction id."""

    FULL = "full"
    PULLED = "pulled"
    PARKED = "parked"
    BLOCKING = "blocking"
    FAULT = "fault"
    OFFLINE = "offline"
    LOST = "lost"
    METER = "meter"
    UNPLUGGED = "unplugged"


WEIGHTS: Mapping[Story, int] = {
    Story.FULL: 40,
    Story.PULLED: 24,
    Story.PARKED: 14,
    Story.BLOCKING: 6,
    Story.FAULT: 6,
    Story.OFFLINE: 6,
    Story.LOST: 2,
    Story.METER: 2,
}
"""How often each is told, in percent, of drivers who come. UNPLUGGED is none of these: the driver never comes."""

LOST_FOR = 60
"""How many stays later a charge point is found again that fell silent for good."""

JUMP = 120
"""kWh by which a broken meter jumps: more than any charge point gives in the time of a visit."""

_NAME = re.compile(r"(?P<story>[a-z]+)-(?P<stay>\d{3,9})-(?P<number>[0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class Outlet:
    """What a connector can give: W, and whether as direct current."""

    watts: int
    direct: bool


@dataclass(frozen=True, slots=True)
class Visit:
    """`stay`: ms that the car needs. `number`: its own seed."""

    story: Story
    stay: int
    number: int

    @property
    def name(self) -> str:
        return f"{self.story.value}-{self.stay}-{self.number:08x}"

    @classmethod
    def named(cls, name: str) -> Visit | None:
        """None: not a name of ours."""
        found = _NAME.fullmatch(name)
        if not found or found["story"] not in {story.value for story in Story}:
            return None
        return cls(Story(found["story"]), int(found["stay"]), int(found["number"], 16))

    def course(self, outlet: Outlet) -> Course:
        return _COURSES[self.story](self, outlet, random.Random(self.name))


def visit(chance: random.Random, *, shortest: int, longest: int, story: Story | None = None) -> Visit:
    """Whoever comes next; what becomes of the visit is drawn, unless it is said. `shortest`, `longest`: ms."""
    told = story or chance.choices([*WEIGHTS], weights=[*WEIGHTS.values()])[0]
    return Visit(told, chance.randint(shortest, longest), chance.getrandbits(32))


def _filling(told: Visit, outlet: Outlet, chance: random.Random, *, to_the_brim: bool) -> Course:
    """A car of its own kind that is full after its stay and leaves a moment later."""
    shape: Shape
    if outlet.direct:
        shape, car = chance.choice(DIRECT), chance.choice(DIRECT_LIMITS)
        soc, target = chance.randint(6, 45), FULL if to_the_brim and chance.random() < 0.3 else chance.randint(75, 90)
    else:
        shape, car = ONBOARD, chance.choice(ONBOARD_CHARGERS)
        soc, target = chance.randint(15, 70), FULL if to_the_brim or chance.random() < 0.5 else chance.randint(80, 95)
    legs = fill(shape, limit=min(car, outlet.watts), soc=soc, target=target, ms=told.stay)
    return Course(legs, soc, told.stay + told.stay * chance.randint(2, 12) // 100, "EVDisconnected")


def _full(told: Visit, outlet: Outlet, chance: random.Random) -> Course:
    return _filling(told, outlet, chance, to_the_brim=True)


def _pulled(told: Visit, outlet: Outlet, chance: random.Random) -> Course:
    """The driver has to go before it is full."""
    course = _filling(told, outlet, chance, to_the_brim=False)
    return _ending(course, told.stay * chance.randint(35, 85) // 100, chance.choice(("Local", "EVDisconnected")))


def _parked(told: Visit, outlet: Outlet, chance: random.Random) -> Course:
    """It is full and stays plugged in."""
    course = _filling(told, outlet, chance, to_the_brim=True)
    return _ending(course, told.stay * chance.randint(150, 220) // 100, "EVDisconnected")


def _blocking(told: Visit, outlet: Outlet, chance: random.Random) -> Course:
    """The driver ends the charge and leaves the car there."""
    course = _filling(told, outlet, chance, to_the_brim=True)
    return _ending(course, course.ends, "Local", Status.BLOCKED, chance.choice(REASONS[Status.BLOCKED]))


def _fault(told: Visit, outlet: Outlet, chance: random.Random) -> Course:
    course = _filling(told, outlet, chance, to_the_brim=True)
    trouble = chance.choice(REASONS[Status.OUTOFORDER])
    reason = "EmergencyStop" if trouble.startswith("Emergency") else "Other"
    return _ending(course, told.stay * chance.randint(25, 75) // 100, reason, Status.OUTOFORDER, trouble)


def _offline(told: Visit, outlet: Outlet, chance: random.Random) -> Course:
    """The line is down for a while; what was measured meanwhile is told when it is back."""
    course = _filling(told, outlet, chance, to_the_brim=True)
    begins = told.stay * chance.randint(15, 35) // 100
    return _silent(course, begins, told.stay * chance.randint(60, 95) // 100)


def _lost(told: Visit, outlet: Outlet, chance: random.Random) -> Course:
    """The charge point falls silent in mid-charge and is found again long after the car has left."""
    course = _filling(told, outlet, chance, to_the_brim=True)
    return _silent(course, told.stay * chance.randint(20, 60) // 100, told.stay * LOST_FOR)


def _meter(told: Visit, outlet: Outlet, chance: random.Random) -> Course:
    """The meter is broken and jumps."""
    course = _filling(told, outlet, chance, to_the_brim=True)
    at = told.stay * chance.randint(30, 70) // 100
    return Course(course.legs, course.soc, course.ends, course.reason, jump=(at, JUMP))


def _unplugged(told: Visit, outlet: Outlet, chance: random.Random) -> Course:
    """Somebody was let in from afar and never plugs in: the station gives up after the stay."""
    return Course((Leg(told.stay, 0, 0),), 0, told.stay, "Timeout")


def _ending(course: Course, ends: int, reason: str, then: Status = Status.AVAILABLE, trouble: str = "") -> Course:
    return Course(course.legs, course.soc, ends, reason, then, trouble)


def _silent(course: Course, begins: int, ends: int) -> Course:
    return Course(course.legs, course.soc, course.ends, course.reason, silent=(begins, ends))


_COURSES = {
    Story.FULL: _full,
    Story.PULLED: _pulled,
    Story.PARKED: _parked,
    Story.BLOCKING: _blocking,
    Story.FAULT: _fault,
    Story.OFFLINE: _offline,
    Story.LOST: _lost,
    Story.METER: _meter,
    Story.UNPLUGGED: _unplugged,
}
