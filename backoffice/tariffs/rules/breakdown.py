"""What a price is made of: segments, costs by dimension, taxes, the price limit, warnings.

Everything holds integers over common denominators and answers exact fractions; sentences and tax lines are made when
somebody asks.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from backoffice.tariffs.rules.compiled import Component
from backoffice.tariffs.rules.exact import scaled
from backoffice.tariffs.rules.matching import instant
from backoffice.tariffs.rules.periods import Period
from backoffice.tariffs.rules.policy import TaxRate
from ocpi.wire.tariffs import TariffDimensionType

if TYPE_CHECKING:
    from backoffice.tariffs.rules.pricing import Facts

CATEGORIES = ("energy", "time", "parking_time", "fixed", "reservation")
ENERGY_COST, TIME_COST, PARKING_COST, FIXED_COST, RESERVATION_COST = range(5)


class Cost(NamedTuple):
    """An amount before and after taxes, over `unit`. None: the tariff does not tell."""

    net: int | None
    gross: int | None
    unit: int

    @property
    def excl(self) -> Fraction | None:
        return None if self.net is None else Fraction(self.net, self.unit)

    @property
    def incl(self) -> Fraction | None:
        return None if self.gross is None else Fraction(self.gross, self.unit)


class TaxLine(NamedTuple):
    """One tax in an amount, over `unit`. `rate` None: of no known rate (a price limit that tells only the sum)."""

    rate: TaxRate | None
    numerator: int
    unit: int

    @property
    def amount(self) -> Fraction:
        return Fraction(self.numerator, self.unit)


class Notice(NamedTuple):
    """Something that a person should know about this price. `period`: its number, from 0; `facts`: for the sentence."""

    code: str
    period: int | None = None
    facts: tuple[str, ...] = ()


class Line(NamedTuple):
    """A volume (in parts; FLAT: one whole) that a component prices. `surplus`: added by step_size."""

    category: int
    period: int
    component: Component
    volume: int
    surplus: bool = False


class Segment(NamedTuple):
    """One line of the bill. Volumes are kWh or hours; FLAT counts one."""

    line: Line
    breakdown: "Breakdown"

    @property
    def category(self) -> str:
        return CATEGORIES[self.line.category]

    @property
    def dimension(self) -> TariffDimensionType:
        return self.line.component.wire.type

    @property
    def component(self) -> Component:
        return self.line.component

    @property
    def is_surplus(self) -> bool:
        """Nobody used this volume: step_size rounded up to it."""
        return self.line.surplus

    @property
    def period(self) -> Period:
        return self.breakdown.facts.periods[self.line.period]

    @property
    def start(self) -> datetime:
        return instant(self.period.start)

    @property
    def end(self) -> datetime | None:
        end = self.period.end
        return None if end is None else instant(end)

    @property
    def billed(self) -> Fraction:
        return Fraction(self.line.volume, self.breakdown.facts.divisor)

    @property
    def reported(self) -> Decimal:
        """As the charging period tells it; 0 for what step_size added, 1 for FLAT."""
        if self.line.surplus:
            return Decimal(0)
        dimension = self.line.component.wire.type
        if dimension is TariffDimensionType.FLAT:
            return Decimal(1)
        names = _REPORTED.get(self.line.category, ("ENERGY",))
        found = [each.volume for each in self.period.source.dimensions if each.type in names]
        if len(found) == 1:
            return found[0]
        return max(found) if self.line.category == RESERVATION_COST else sum(found, Decimal(0))

    @property
    def cost(self) -> Cost:
        component, volume = self.line.component, self.line.volume
        unit = component.owner.unit * self.breakdown.facts.divisor
        net, gross = component.net, component.gross
        return Cost(
            None if net is None and volume else (net or 0) * volume,
            None if gross is None and volume else (gross or 0) * volume,
            unit,
        )

    @property
    def taxes(self) -> list[TaxLine]:
        component, volume = self.line.component, self.line.volume
        unit = component.owner.unit * self.breakdown.facts.divisor
        return [TaxLine(rate, amount * volume, unit) for rate, amount in component.taxes]

    @property
    def because(self) -> str:
        """Why this component won, in a sentence."""
        from backoffice.tariffs.rules.because import because  # it reads segments

        return because(self)


_REPORTED = {
    TIME_COST: ("TIME",),
    PARKING_COST: ("PARKING_TIME",),
    RESERVATION_COST: ("RESERVATION_TIME", "RESERVATION_EXPIRES", "RESERVATION_OVERTIME"),
}


def tax_lines(lines: Iterable[Line], divisor: int) -> list[TaxLine]:
    """The taxes of these lines, by name and rate in the order in which they occur."""
    found: dict[TaxRate, TaxLine] = {}
    for line in lines:
        unit = line.component.owner.unit * divisor
        for rate, amount in line.component.taxes:
            numerator = amount * line.volume
            before = found.get(rate)
            if before is None:
                found[rate] = TaxLine(rate, numerator, unit)
            elif before.unit == unit:
                found[rate] = TaxLine(rate, before.numerator + numerator, unit)
            else:
                found[rate] = TaxLine(rate, before.numerator * unit + numerator * before.unit, before.unit * unit)
    return list(found.values())


def rounded_taxes(taxes: Sequence[TaxLine], cost: Cost, places: int) -> list[TaxLine]:
    """Each tax rounded by itself; the last takes what is left, so that the rounded amounts add up."""
    scale = 10**places
    lines = [TaxLine(tax.rate, scaled(tax.numerator, tax.unit, places), scale) for tax in taxes]
    if lines and cost.net is not None and cost.gross is not None:
        due = scaled(cost.gross, cost.unit, places) - scaled(cost.net, cost.unit, places)
        others = sum(line.numerator for line in lines[:-1])
        lines[-1] = TaxLine(lines[-1].rate, due - others, scale)
    return lines


class Limited(NamedTuple):
    """What min_price and max_price made of the total."""

    total: Cost
    applied: str | None
    unchecked: bool = False
    """A limit could not be compared, because the amount is not known."""
    rate_unknown: bool = False


class Breakdown:
    """The price of a session. `costs`: by category, only what occurs; `segments`: empty if not asked for."""

    def __init__(
        self,
        facts: "Facts",
        lines: list[Line],
        costs: Mapping[str, Cost],
        before_limits: Cost,
        limited: Limited,
        warnings: list[Notice],
        *,
        detail: bool,
    ) -> None:
        self.facts = facts
        self.lines = lines
        self.costs = costs
        self.before_limits = before_limits
        self.total = limited.total
        self.limit_applied = limited.applied
        self.warnings = warnings
        self.segments = [Segment(line, self) for line in lines] if detail else []

    @property
    def currency(self) -> str | None:
        for tariff in self.facts.tariffs:
            return tariff.tariff.currency
        return None

    @property
    def codes(self) -> list[str]:
        """The codes of the warnings, each once."""
        return sorted({warning.code for warning in self.warnings})

    @property
    def price_limit(self) -> tuple[Fraction | None, Fraction | None]:
        """What the limit adds (or takes away) before and after taxes; the segments and this line are the total."""
        total, before = self.total, self.before_limits
        return (
            None if total.excl is None or before.excl is None else total.excl - before.excl,
            None if total.incl is None or before.incl is None else total.incl - before.incl,
        )

    @property
    def taxes(self) -> list[TaxLine]:
        """The taxes of the total, moved in proportion where a limit moved it."""
        lines = tax_lines(self.lines, self.facts.divisor)
        if self.limit_applied is None or self.total.excl is None or self.total.incl is None:
            return lines
        due = self.total.incl - self.total.excl
        known = sum((line.amount for line in lines), Fraction(0))
        if not known:
            return [*lines, TaxLine(None, *due.as_integer_ratio())] if due else lines
        return [TaxLine(line.rate, *(line.amount * due / known).as_integer_ratio()) for line in lines]

    def taxes_of(self, category: str) -> list[TaxLine]:
        wanted = CATEGORIES.index(category)
        return tax_lines([line for line in self.lines if line.category == wanted], self.facts.divisor)

    def billed(self, category: str) -> Fraction | None:
        """kWh or hours of a category, with what step_size added; None if it does not occur. Fees are no volume."""
        wanted = CATEGORIES.index(category)
        volumes = [
            line.volume
            for line in self.lines
            if line.category == wanted and line.component.wire.type is not TariffDimensionType.FLAT
        ]
        return Fraction(sum(volumes), self.facts.divisor) if volumes else None
