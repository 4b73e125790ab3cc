"""Whether a request for a session may go to its charge point, and why not: the same answer for a partner that asks us, for staff
who look before they ask, and for what we send to others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from backoffice.charging_profiles.rules.plugs import Plug
from backoffice.charging_profiles.rules.states import Kind
from ocpi.wire.charging_profiles import ChargingProfile, ChargingProfileResponseType
from ocpi.wire.sessions import SessionStatus

CAPABLE = "CHARGING_PROFILE_CAPABLE"

TAKING = frozenset({SessionStatus.PENDING, SessionStatus.ACTIVE})
"""A reservation has no charge to limit yet, and what is over never will again."""

MOST_PERIODS = 1000
FARTHEST = timedelta(days=7)
"""No charge lasts so long that a profile could begin later."""

SHORTEST, LONGEST = 1, 86_400
"""Seconds of an active profile that may be asked for; of more, this much is given."""

MOST_ASKED, WINDOW = 6, timedelta(minutes=1)
"""A party may put this many requests for one session to its charge point in this time: its line is slow and costs money."""

PUSHED = timedelta(hours=1)
"""How much of the active profile is told to a Sender by itself; the specification advises 5 to 60 minutes."""

TIMEOUT = 60
"""Seconds after which who asked us need not wait any longer."""

AT_THE_POINT = 45
"""Seconds that a charge point has: what it says must travel, too."""

LEAST_WAIT, MOST_WAIT = 5, 900
"""Seconds that we wait for a partner's result, whatever time-out it names."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say about a profile. `stops`: the request is refused because of it."""

    stops: bool
    text: str


def findings(profile: ChargingProfile, *, plug: Plug, now: datetime) -> Iterator[Finding]:
    """What is wrong with a profile at this connector, the worst first."""
    periods, unit = profile.charging_profile_period, profile.charging_rate_unit
    if not periods:
        yield Finding(True, "There is no period in it, so it says nothing.")
        return
    if len(periods) > MOST_PERIODS:
        yield Finding(True, f"It has {len(periods)} periods, of which at most {MOST_PERIODS} are taken.")
        return
    starts = [period.start_period for period in periods]
    if starts[0] < 0:
        yield Finding(True, "A period starts before the profile does.")
    if any(after <= before for before, after in pairwise(starts)):
        yield Finding(True, "Each period must start after the one before it.")
    lowest = min(period.limit for period in periods)
    if lowest < 0:
        yield Finding(True, f"A limit of {lowest} {unit.value} is less than none.")
    yield from _rate(profile, plug)
    if profile.duration is not None and profile.duration <= 0:
        yield Finding(True, "Its duration is not positive.")
    elif profile.start_date_time is not None:
        yield from _times(profile, profile.start_date_time, now)
    yield from _remarks(profile, plug)


def _rate(profile: ChargingProfile, plug: Plug) -> Iterator[Finding]:
    rate, unit = profile.min_charging_rate, profile.charging_rate_unit
    if rate is None:
        return
    most = plug.most(unit)
    if rate < 0:
        yield Finding(True, f"A min_charging_rate of {rate} {unit.value} is less than none.")
    elif most is not None and rate > most:
        yield Finding(True, f"The min_charging_rate is {rate} {unit.value}, and the connector gives {most} at most.")


def _times(profile: ChargingProfile, begins: datetime, now: datetime) -> Iterator[Finding]:
    over = profile.duration is not None and profile.duration <= (now - begins).total_seconds()
    if over:
        yield Finding(True, "It is over already.")
    if begins - now > FARTHEST:
        yield Finding(True, f"It starts in more than {FARTHEST.days} days: no charge lasts so long.")


def _remarks(profile: ChargingProfile, plug: Plug) -> Iterator[Finding]:
    unit, periods = profile.charging_rate_unit, profile.charging_profile_period
    most, highest = plug.most(unit), max(period.limit for period in periods)
    if most is not None and highest > most:
        yield Finding(False, f"The connector gives {most} {unit.value} at most; {highest} is taken as that.")
    if periods[0].start_period > 0:
        yield Finding(False, f"Its first {periods[0].start_period} seconds have no limit.")
    if profile.duration is not None and periods[-1].start_period >= profile.duration > 0:
        yield Finding(False, "A period starts after the profile is over and is never reached.")
    rate = profile.min_charging_rate
    low = [period.limit for period in periods if rate is not None and 0 < period.limit < rate]
    if low:
        yield Finding(False, f"A limit of {min(low)} {unit.value} is below the min_charging_rate.")


def wait(asked: Sequence[datetime], now: datetime) -> int:
    """Seconds until another request may be put, after those of these times; 0 when it may be now."""
    recent = sorted(at for at in asked if now - at < WINDOW)
    if len(recent) < MOST_ASKED:
        return 0
    left = recent[-MOST_ASKED] + WINDOW - now
    return max(-(-left // timedelta(seconds=1)), 1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request beside what decides about it. `why_unreachable`: no order can reach the hardware. `others`: another party's
    request is at the charge point."""

    kind: Kind
    status: SessionStatus
    capable: bool
    why_unreachable: str
    plug: Plug
    profile: ChargingProfile | None
    asked: Sequence[datetime]
    others: str = ""


R = ChargingProfileResponseType


def respond(asked: Asked, now: datetime) -> tuple[ChargingProfileResponseType, str]:
    """The answer to a party that may ask for this session, and why in a sentence."""
    if asked.status not in TAKING:
        return R.REJECTED, f"The session is {asked.status.value}: it takes no charging profiles."
    if not asked.capable:
        return R.NOT_SUPPORTED, "The EVSE of the session takes no charging profiles."
    if asked.why_unreachable:
        return R.NOT_SUPPORTED, asked.why_unreachable
    if asked.profile is not None:
        for finding in findings(asked.profile, plug=asked.plug, now=now):
            if finding.stops:
                return R.REJECTED, finding.text
    if asked.others:
        return R.TOO_OFTEN, f"A request of {asked.others} is at the charge point. Ask again in a moment."
    seconds = wait(asked.asked, now)
    if seconds:
        return R.TOO_OFTEN, f"At most {MOST_ASKED} requests a minute. Ask again in {seconds} s."
    return R.ACCEPTED, ""


def waiting_time(timeout: int) -> timedelta:
    """How long we wait for a result, by the time-out that the partner named."""
    return timedelta(seconds=min(max(timeout, LEAST_WAIT), MOST_WAIT))
