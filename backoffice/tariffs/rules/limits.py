"""min_price and max_price: two independent limits, before and after taxes, of the total of the session.

`mod_tariffs#mod_tariffs_tariff_object`, notes on min_price and max_price.
"""

from collections.abc import Callable
from fractions import Fraction
from math import lcm

from backoffice.tariffs.rules.breakdown import Cost, Limited
from backoffice.tariffs.rules.compiled import CompiledTariff
from ocpi.wire.tariffs import PriceLimit


def limited(total: Cost, tariff: CompiledTariff, *, charged: bool) -> Limited:
    """The minimum first, then the maximum. `charged`: whether there was a charging session, or only a reservation."""
    minimum, maximum = tariff.tariff.min_price, tariff.tariff.max_price
    if not tariff.policy.limits or (minimum is None and maximum is None):
        return Limited(total, None)
    if not charged and not tariff.policy.minimum_without_charging:
        minimum = None
    excl, incl = total.excl, total.incl
    applied, unchecked, rate_unknown = None, False, False
    for name, limit, choose in (("min_price", minimum, max), ("max_price", maximum, min)):
        if limit is None:
            continue
        unchecked = unchecked or excl is None
        new_excl, new_incl, unknown = _clamp(excl, incl, limit, choose, tariff)
        if (new_excl, new_incl) != (excl, incl):
            applied = name
            rate_unknown = rate_unknown or unknown
        excl, incl = new_excl, new_incl
    if applied is None:
        return Limited(total, None, unchecked)
    unit = _common(excl, incl)
    return Limited(
        Cost(
            None if excl is None else int(excl * unit),
            None if incl is None else int(incl * unit),
            unit,
        ),
        applied,
        unchecked,
        rate_unknown,
    )


def _clamp(
    excl: Fraction | None,
    incl: Fraction | None,
    limit: PriceLimit,
    choose: Callable[[Fraction, Fraction], Fraction],
    tariff: CompiledTariff,
) -> tuple[Fraction | None, Fraction | None, bool]:
    """Without after_taxes, the taxes follow the limited amount at the rate that the session had."""
    new_excl = None if excl is None else choose(excl, Fraction(limit.before_taxes))
    if limit.after_taxes is not None:
        return new_excl, None if incl is None else choose(incl, Fraction(limit.after_taxes)), False
    if excl is None or new_excl is None or incl is None or new_excl == excl:
        return new_excl, incl, False
    if excl:
        return new_excl, new_excl * incl / excl, False
    rates = {sum((Fraction(rate.percentage) for rate, _ in each.taxes), Fraction(0)) for each in tariff.components}
    if len(rates) != 1:
        return new_excl, new_excl, True
    return new_excl, new_excl * (1 + rates.pop() / 100), False


def _common(excl: Fraction | None, incl: Fraction | None) -> int:
    return lcm(*(amount.denominator for amount in (excl, incl) if amount is not None))
