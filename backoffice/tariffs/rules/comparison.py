"""The same charging sessions in several tariffs, side by side: what each costs, and what that is for a kWh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from fractions import Fraction

from backoffice.tariffs.rules.breakdown import Breakdown
from backoffice.tariffs.rules.compiled import CompiledTariff
from backoffice.tariffs.rules.examples import Example, worked


@dataclass(frozen=True, slots=True)
class Amount:
    """What a session costs in one tariff: with taxes where these are known, `taxed` says so. None: the tariff does not tell."""

    total: Fraction | None
    taxed: bool
    per_kwh: Fraction | None
    breakdown: Breakdown


@dataclass(frozen=True, slots=True)
class Line:
    """A session in each of the tariffs. `differences`: to the first one, as a share of it; None where that says nothing."""

    example: Example
    amounts: tuple[Amount, ...]
    differences: tuple[Fraction | None, ...]
    cheapest: frozenset[int]


def compare(
    tariffs: Sequence[CompiledTariff], examples: Sequence[Example], begins: datetime, zone: tzinfo
) -> list[Line]:
    """Amounts of different currencies, and those with and without taxes, are shown and never set against each other."""
    return [_line(tariffs, example, begins, zone) for example in examples]


def _line(tariffs: Sequence[CompiledTariff], example: Example, begins: datetime, zone: tzinfo) -> Line:
    amounts = tuple(_amount(worked(each, example, begins, zone), example) for each in tariffs)
    keys = [
        (tariff.tariff.currency, amount.taxed) if amount.total is not None else None
        for tariff, amount in zip(tariffs, amounts, strict=True)
    ]
    first = amounts[0].total if amounts else None
    differences = tuple(
        (amount.total - first) / first
        if index and first and amount.total is not None and keys[index] == keys[0]
        else None
        for index, amount in enumerate(amounts)
    )
    known = [amount.total for amount in amounts if amount.total is not None]
    comparable = len(amounts) > 1 and None not in keys and len(set(keys)) == 1
    least = min(known) if comparable else None
    cheapest = frozenset(index for index, amount in enumerate(amounts) if least is not None and amount.total == least)
    return Line(example, amounts, differences, cheapest if len(cheapest) < len(amounts) else frozenset())


def _amount(breakdown: Breakdown, example: Example) -> Amount:
    total = breakdown.total
    taxed = total.incl is not None
    amount = total.incl if taxed else total.excl
    per_kwh = amount / Fraction(example.kwh) if amount is not None and example.kwh else None
    return Amount(amount, taxed, per_kwh, breakdown)
