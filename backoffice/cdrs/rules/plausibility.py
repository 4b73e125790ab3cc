"""What cannot be so, or hardly: a table of checks, each a function of one charge, walked by one loop.

They hold back a CDR of ours before anybody has seen it, and flag a received one. None of them knows prices; what a charge should
cost is the engine's business (`checking`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ocpi.wire.cdrs import CdrDimensionType, ChargingPeriod

LONGEST = timedelta(hours=48)
SPARE_POWER = Decimal("1.1")
"""How much more than its nominal power an EVSE may have given: meters and plates are not exact."""
NO_POWER_KNOWN_KW = Decimal(1000)
"""What no EVSE gives, for those of unknown power."""
SPARE_KWH = Decimal("0.5")
AHEAD = timedelta(minutes=5)
EPOCH = datetime(1970, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Other:
    """Another CDR whose charge overlaps in time."""

    object_id: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Charge:
    """A CDR as these checks see it. `max_power_kw`: of the EVSE, where it is known."""

    starts_at: datetime
    ends_at: datetime
    kwh: Decimal
    total_excl: Decimal
    periods: Sequence[ChargingPeriod]
    credit: bool = False
    max_power_kw: Decimal | None = None
    same_evse: Other | None = None
    same_token: Other | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A code of the reason table (docs/handbook.md) and what is wrong, for a person."""

    code: str
    sentence: str


def _times_unknown(charge: Charge, now: datetime) -> str:
    if charge.starts_at < EPOCH or charge.ends_at < EPOCH:
        return "It names 1970 as a time: when the charge began or ended is not known."
    return ""


def _future(charge: Charge, now: datetime) -> str:
    if max(charge.starts_at, charge.ends_at) > now + AHEAD:
        return f"It ends at {charge.ends_at:%d %b %Y %H:%M} UTC, which has not come yet."
    return ""


def _duration(charge: Charge, now: datetime) -> str:
    if _times_unknown(charge, now):
        return ""
    if charge.ends_at < charge.starts_at:
        return "It ends before it begins."
    lasted = charge.ends_at - charge.starts_at
    return f"It lasted {hours(lasted)}, longer than {hours(LONGEST)}." if lasted > LONGEST else ""


def _energy(charge: Charge, now: datetime) -> str:
    if charge.kwh < 0 and charge.total_excl > 0 and not charge.credit:
        return f"{charge.kwh:f} kWh flowed back to the grid, and it costs money."
    return ""


def _power(charge: Charge, now: datetime) -> str:
    seconds = Decimal(max((charge.ends_at - charge.starts_at) // timedelta(seconds=1), 0))
    power = charge.max_power_kw or NO_POWER_KNOWN_KW
    possible = power * SPARE_POWER * seconds / 3600 + SPARE_KWH
    if charge.kwh <= possible or _times_unknown(charge, now):
        return ""
    whose = f"the {power:f} kW of the EVSE" if charge.max_power_kw else f"{power:f} kW"
    return f"{charge.kwh:f} kWh in {hours(charge.ends_at - charge.starts_at)} is more than {whose} can give."


def _nothing_for_money(charge: Charge, now: datetime) -> str:
    if charge.kwh == 0 and charge.total_excl != 0 and not _reserved(charge):
        return f"No energy flowed, and it costs {abs(charge.total_excl):f} before taxes."
    return ""


def _reserved(charge: Charge) -> bool:
    """A reservation costs what it costs, whether somebody came or not (T-255)."""
    kinds = (CdrDimensionType.RESERVATION_TIME, CdrDimensionType.RESERVATION_EXPIRES)
    return any(each.type in kinds for period in charge.periods for each in period.dimensions)


def _negative(charge: Charge, now: datetime) -> str:
    if charge.credit and charge.total_excl > 0:
        return "It is a Credit CDR and its total is positive: it would be paid twice."
    if not charge.credit and charge.total_excl < 0 and charge.kwh >= 0:
        return "Its total is negative, and it is no Credit CDR."
    return ""


def _periods(charge: Charge, now: datetime) -> str:
    if _times_unknown(charge, now):
        return ""
    starts = [period.start_date_time for period in charge.periods]
    if starts != sorted(starts):
        return "Its charging periods are not in the order of time."
    if starts and (starts[0] < charge.starts_at - timedelta(seconds=1) or starts[-1] > charge.ends_at):
        return "It has charging periods outside of its own time."
    return ""


def _volumes(charge: Charge, now: datetime) -> str:
    kinds = (CdrDimensionType.TIME, CdrDimensionType.PARKING_TIME, CdrDimensionType.RESERVATION_TIME)
    if any(each.volume < 0 for period in charge.periods for each in period.dimensions if each.type in kinds):
        return "A charging period lasts less than no time."
    return ""


def _evse(charge: Charge, now: datetime) -> str:
    if charge.same_evse is None or charge.credit:
        return ""
    return f"At the same EVSE another charge ran at the same time: {_named(charge.same_evse)}."


def _token(charge: Charge, now: datetime) -> str:
    if charge.same_token is None or charge.credit:
        return ""
    return f"With the same token another charge ran at the same time: {_named(charge.same_token)}."


CHECKS: Mapping[str, Callable[[Charge, datetime], str]] = {
    "SENTINEL_DATE_1970": _times_unknown,
    "FUTURE_DATED": _future,
    "DURATION_OUT_OF_RANGE": _duration,
    "ENERGY_OUT_OF_RANGE": _energy,
    "ENERGY_OVER_POWER_LIMIT": _power,
    "ZERO_ENERGY_WITH_COST": _nothing_for_money,
    "COST_OUT_OF_RANGE": _negative,
    "PERIODS_UNORDERED": _periods,
    "TIME_SUM_MISMATCH": _volumes,
    "OVERLAP_SAME_EVSE": _evse,
    "OVERLAP_SAME_TOKEN": _token,
}


def implausible(charge: Charge, now: datetime) -> list[Finding]:
    """Everything that cannot be so, in the order of the table."""
    found = []
    for code, check in CHECKS.items():
        sentence = check(charge, now)
        if sentence:
            found.append(Finding(code, sentence))
    return found


def hours(length: timedelta) -> str:
    """`1:30 h`."""
    minutes = abs(length) // timedelta(minutes=1)
    return f"{'-' if length < timedelta(0) else ''}{minutes // 60}:{minutes % 60:02d} h"


def _named(other: Other) -> str:
    return f"CDR {other.object_id}, {other.starts_at:%d %b %H:%M} to {other.ends_at:%H:%M} UTC"
