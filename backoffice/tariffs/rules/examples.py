"""Worked examples: a charging session that everybody can picture, its price, and every step from the one to the other."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from backoffice.tariffs.rules.because import number, sentence_of
from backoffice.tariffs.rules.breakdown import CATEGORIES, Breakdown, Cost, Segment, rounded_taxes
from backoffice.tariffs.rules.compiled import ENERGY, FLAT, CompiledTariff
from backoffice.tariffs.rules.curves import AC_VOLTS, DC_VOLTS, IDLE, current
from backoffice.tariffs.rules.exact import decimal, exponent, plain, text
from backoffice.tariffs.rules.explain import NAMES
from backoffice.tariffs.rules.matching import wall_clock
from backoffice.tariffs.rules.policy import Outcome
from backoffice.tariffs.rules.pricing import price
from backoffice.tariffs.rules.splitting import Activity, MeterReading, split

MOST_KWH = Decimal(2000)
MOST_MINUTES = Decimal(7 * 24 * 60)
LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Example:
    """Reserved first, then charging evenly, then standing there; each may be missing. Energy in kWh, times in minutes."""

    name: str
    kwh: Decimal = Decimal(0)
    minutes: Decimal = Decimal(0)
    idle_minutes: Decimal = Decimal(0)
    reserved_minutes: Decimal = Decimal(0)
    dc: bool = True

    def readings(self, begins: datetime) -> list[MeterReading]:
        """The meter at each change of what goes on; the last one only ends the session."""
        power = decimal(Fraction(self.kwh) * 60 / Fraction(self.minutes), 3) if self.minutes else IDLE
        ampere = current(power, DC_VOLTS if self.dc else AC_VOLTS)
        moment, meter, found = begins, Decimal(0), []
        for activity, minutes, kw, amps, kwh in (
            (Activity.RESERVED, self.reserved_minutes, None, None, Decimal(0)),
            (Activity.CHARGING, self.minutes, power, ampere, self.kwh),
            (Activity.PARKED, self.idle_minutes, IDLE, IDLE, Decimal(0)),
        ):
            if minutes:
                found.append(MeterReading(moment, meter, activity, kw, amps))
                moment += timedelta(seconds=int(minutes * 60))
                meter += kwh
        return [*found, MeterReading(moment, meter)]

    @property
    def outcome(self) -> Outcome | None:
        if not self.reserved_minutes:
            return None
        return Outcome.USED if self.minutes or self.idle_minutes else Outcome.EXPIRED

    def tree(self) -> dict[str, object]:
        """As it is kept; `example_of` reads it."""
        return {
            "name": self.name,
            **{name: plain(getattr(self, name)) for name in _BOUNDS if getattr(self, name)},
            "dc": self.dc,
        }


_BOUNDS = {"kwh": MOST_KWH, "minutes": MOST_MINUTES, "idle_minutes": MOST_MINUTES, "reserved_minutes": MOST_MINUTES}
_WRITTEN = re.compile(r"[0-9]{1,6}(\.[0-9]{1,4})?")
_SAID = {
    "kwh": "Energy",
    "minutes": "Charging time",
    "idle_minutes": "Idle time",
    "reserved_minutes": "Reserved time",
}

STANDARD = (
    Example("30 kWh DC in 20 min", Decimal(30), Decimal(20)),
    Example("11 kWh AC in 2 h", Decimal(11), Decimal(120), dc=False),
    Example("50 kWh in 40 min, then 40 min idle", Decimal(50), Decimal(40), Decimal(40)),
)
RESERVING = (
    Example("Reserved 15 min, then 20 kWh in 30 min", Decimal(20), Decimal(30), reserved_minutes=Decimal(15)),
    Example("Reserved 15 min, never came", reserved_minutes=Decimal(15)),
)
"""Shown where a tariff prices reservations."""


def example_of(stated: Mapping[str, object]) -> Example:
    """From what somebody typed or what was kept. Raises ValueError with a sentence."""
    values = {name: _quantity(name, stated.get(name), most) for name, most in _BOUNDS.items()}
    if not any(values[name] for name in ("minutes", "idle_minutes", "reserved_minutes")):
        raise ValueError("An example needs some time: charging, idle or reserved.")
    if values["kwh"] and not values["minutes"]:
        raise ValueError("Energy needs charging time.")
    dc = bool(stated.get("dc"))
    name = str(stated.get("name") or "").strip()[:LONGEST_NAME]
    return Example(name or _named(values, dc=dc), **values, dc=dc)


def _quantity(name: str, stated: object, most: Decimal) -> Decimal:
    written = str(stated or "0").strip().replace(",", ".")
    if not _WRITTEN.fullmatch(written) or Decimal(written) > most:
        raise ValueError(f"{_SAID[name]}: expected a number from 0 to {plain(most)}.")
    return Decimal(written)


def _named(values: Mapping[str, Decimal], *, dc: bool) -> str:
    parts = []
    if values["reserved_minutes"]:
        parts.append(f"reserved {plain(values['reserved_minutes'])} min")
    if values["minutes"]:
        parts.append(f"{plain(values['kwh'])} kWh {'DC' if dc else 'AC'} in {plain(values['minutes'])} min")
    if values["idle_minutes"]:
        parts.append(f"{plain(values['idle_minutes'])} min idle")
    joined = ", then ".join(parts)
    return joined[:1].upper() + joined[1:]


def examples_for(tariff: CompiledTariff) -> list[Example]:
    """The standard ones, and those of reservations where the tariff prices any."""
    return [*STANDARD, *(RESERVING if any(tariff.reservations.values()) else ())]


def worked(tariff: CompiledTariff, example: Example, begins: datetime, zone: tzinfo) -> Breakdown:
    """The example priced as a CDR would be: divided at every boundary of the tariff, then added up."""
    readings = example.readings(begins)
    return price(
        [tariff],
        split(tariff, readings, zone),
        zone,
        tariff.tax_profile,
        tariff.policy,
        end=readings[-1].at,
        outcome=example.outcome,
    )


class Step(NamedTuple):
    """One line of the working. `kind`: line, surplus, sum, limit, tax, rounding, total or note; amounts are written."""

    kind: str
    what: str
    how: str = ""
    excl: str = ""
    incl: str = ""
    why: str = ""


def steps(breakdown: Breakdown) -> Iterator[Step]:
    """From the volumes to the amount to pay: each price with its reason, rounding, limits, taxes, the total."""
    currency = breakdown.currency or ""
    for category in CATEGORIES:
        segments = [segment for segment in breakdown.segments if segment.category == category]
        for segment in segments:
            excl, incl = _amounts(segment.cost)
            yield Step(
                "surplus" if segment.is_surplus else "line",
                "Rounded up by step size" if segment.is_surplus else f"{NAMES[category]} {_when(segment)}".rstrip(),
                _how(segment, currency),
                excl,
                incl,
                segment.because,
            )
        if len(segments) > 1:
            yield Step("sum", f"{NAMES[category]} in all", "", *_amounts(breakdown.costs[category]))
    if not breakdown.segments:
        yield Step("note", "No price of this tariff holds during this session: it is free.")
    if breakdown.limit_applied is not None:
        yield Step("sum", "Before the price limit", "", *_amounts(breakdown.before_limits))
        excl_by, incl_by = breakdown.price_limit
        limit = "minimum" if breakdown.limit_applied == "min_price" else "maximum"
        yield Step(
            "limit", f"Price limit: the {limit} applies", breakdown.limit_applied, _signed(excl_by), _signed(incl_by)
        )
    places = exponent(currency)
    for tax in rounded_taxes(breakdown.taxes, breakdown.total, places):
        name = f"{tax.rate.name} {plain(tax.rate.percentage)} %" if tax.rate is not None else "VAT"
        yield Step("tax", f"of which {name}", "", "", text(tax.numerator, tax.unit, places))
    total, paid = _amounts(breakdown.total), _amounts(breakdown.total, places)
    if any(_is_rounded(one, other) for one, other in zip(total, paid, strict=True)):
        yield Step("rounding", f"Rounded to {places} decimals, half away from zero", "once, at the end", *total)
    yield Step("total", f"Total, {currency}", "", *paid)
    for warning in breakdown.warnings:
        yield Step("note", sentence_of(warning))


def _when(segment: Segment) -> str:
    if segment.dimension is FLAT:
        return ""
    zone = segment.breakdown.facts.zone
    found = f"{wall_clock(segment.period.start, zone):%H:%M}"
    if segment.period.end is not None:
        found += f"–{wall_clock(segment.period.end, zone):%H:%M}"
    return found


def _how(segment: Segment, currency: str) -> str:
    amount = plain(segment.component.wire.price)
    if segment.dimension is FLAT:
        return f"once {amount} {currency}".rstrip()
    if segment.dimension is ENERGY:
        return f"{number(segment.billed)} kWh × {amount} {currency}/kWh"
    return f"{number(segment.billed * 60)} min × {amount} {currency}/h"


def _amounts(cost: Cost, places: int = 4) -> tuple[str, str]:
    return (
        "unknown" if cost.net is None else text(cost.net, cost.unit, places),
        "unknown" if cost.gross is None else text(cost.gross, cost.unit, places),
    )


def _is_rounded(told: str, paid: str) -> bool:
    return "unknown" not in (told, paid) and Decimal(told) != Decimal(paid)


def _signed(amount: Fraction | None) -> str:
    if amount is None:
        return "unknown"
    return ("+" if amount >= 0 else "") + text(amount.numerator, amount.denominator)
