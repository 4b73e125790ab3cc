"""What a session costs, as its document tells it; and what a price in a document comes to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any

from backoffice.tariffs.rules import Breakdown, CompiledTariff, Cost, TaxLine, price
from backoffice.tariffs.rules.breakdown import rounded_taxes
from backoffice.tariffs.rules.exact import REPORTED, decimal
from backoffice.tariffs.rules.policy import Outcome
from ocpi.wire.cdrs import CdrDimensionType, ChargingPeriod
from ocpi.wire.types import Price

Tree = dict[str, Any]


def charged(
    tariff: CompiledTariff,
    periods: Sequence[ChargingPeriod],
    zone: tzinfo | None,
    *,
    end: datetime | None,
    outcome: Outcome | None = None,
) -> Breakdown | None:
    """The price until `end`. None while there is no period: nothing can be said yet. `outcome`: of the reservation it was."""
    if not periods:
        return None
    return price([tariff], periods, zone, tariff.tax_profile, tariff.policy, end=end, outcome=outcome)


def as_price(cost: Cost, taxes: Sequence[TaxLine]) -> Tree | None:
    """A Price of the newest version. None when the amount before taxes is not known: then a document must not name one
    (T-278). Taxes are named where they are known."""
    if cost.excl is None:
        return None
    tree: Tree = {"before_taxes": decimal(cost.excl)}
    if cost.incl is not None and taxes:
        tree["taxes"] = [_tax(line) for line in rounded_taxes(taxes, cost, REPORTED)]
    return tree


def _tax(line: TaxLine) -> Tree:
    amount = decimal(line.amount)
    if line.rate is None:
        return {"name": "VAT", "amount": amount}
    return {"name": line.rate.name, "percentage": line.rate.percentage, "amount": amount}


def amounts(told: Price | None) -> tuple[Decimal | None, Decimal | None]:
    """Before and with taxes, of a price in a document. Where no tax is named, nothing is known of them."""
    if told is None:
        return None, None
    if not told.taxes:
        return told.before_taxes, None
    return told.before_taxes, told.before_taxes + sum((tax.amount for tax in told.taxes), Decimal(0))


def figures(breakdown: Breakdown | None) -> tuple[Decimal | None, Decimal | None]:
    """Before and with taxes, of a calculation of ours."""
    if breakdown is None:
        return None, None
    total = breakdown.total
    return (
        None if total.excl is None else decimal(total.excl),
        None if total.incl is None else decimal(total.incl),
    )


_TELLS_POWER = (CdrDimensionType.POWER, CdrDimensionType.MAX_POWER, CdrDimensionType.MIN_POWER)


def last_power(periods: Sequence[ChargingPeriod]) -> Decimal | None:
    """kW in the last period, as far as it tells: the power itself, else energy over time."""
    if not periods:
        return None
    told: dict[str, Decimal] = {each.type: each.volume for each in periods[-1].dimensions}
    for kind in _TELLS_POWER:
        if kind in told:
            return told[kind]
    hours, kwh = told.get(CdrDimensionType.TIME), told.get(CdrDimensionType.ENERGY)
    if hours and kwh is not None:
        return decimal(Fraction(kwh) / Fraction(hours), 2)
    return Decimal(0) if CdrDimensionType.PARKING_TIME in told else None
