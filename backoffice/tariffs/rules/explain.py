"""A bill that a person can follow, as plain text."""

from collections.abc import Iterator
from fractions import Fraction

from backoffice.tariffs.rules.because import number, sentence_of
from backoffice.tariffs.rules.breakdown import CATEGORIES, Breakdown, Cost, Segment, rounded_taxes
from backoffice.tariffs.rules.compiled import ENERGY, FLAT
from backoffice.tariffs.rules.exact import exponent, plain, text
from backoffice.tariffs.rules.matching import wall_clock

NAMES = {
    "energy": "Energy",
    "time": "Charging time",
    "parking_time": "Parking time",
    "fixed": "Fixed",
    "reservation": "Reservation",
}


def explained(breakdown: Breakdown) -> Iterator[str]:
    """Line by line: every segment with its reason, the sums, the limit, taxes, the total, and what to know about it."""
    currency = breakdown.currency or ""
    for category in CATEGORIES:
        segments = [segment for segment in breakdown.segments if segment.category == category]
        if not segments:
            continue
        yield f"{NAMES[category]}: {_money(breakdown.costs[category], currency)}"
        for segment in segments:
            yield f"  {_line(segment)} = {_money(segment.cost, currency)}"
            yield f"    {segment.because}"
    if breakdown.limit_applied is not None:
        yield f"Before limits: {_money(breakdown.before_limits, currency)}"
        excl, incl = breakdown.price_limit
        yield f"Price limit ({breakdown.limit_applied}): {_signed(excl)} before taxes, {_signed(incl)} with taxes"
    for tax in rounded_taxes(breakdown.taxes, breakdown.total, exponent(currency)):
        name = f"{tax.rate.name} {plain(tax.rate.percentage)} %" if tax.rate is not None else "VAT"
        yield f"{name}: {text(tax.numerator, tax.unit, exponent(currency))} {currency}"
    yield f"Total: {_money(breakdown.total, currency, exponent(currency))}"
    for warning in breakdown.warnings:
        yield f"Note ({warning.code}): {sentence_of(warning)}"


def _line(segment: Segment) -> str:
    zone = segment.breakdown.facts.zone
    start = wall_clock(segment.period.start, zone)
    when = f"{start:%Y-%m-%d %H:%M}"
    if segment.period.end is not None:
        when += f" to {wall_clock(segment.period.end, zone):%H:%M}"
    amount = plain(segment.component.wire.price)
    if segment.dimension is FLAT:
        return f"{when}  once {amount}"
    added = " added by step_size" if segment.is_surplus else ""
    if segment.dimension is ENERGY:
        return f"{when}  {number(segment.billed)} kWh{added} x {amount} per kWh"
    return f"{when}  {number(segment.billed * 60)} min{added} x {amount} per hour"


def _money(cost: Cost, currency: str, places: int = 4) -> str:
    net = "unknown" if cost.net is None else text(cost.net, cost.unit, places)
    gross = "unknown" if cost.gross is None else text(cost.gross, cost.unit, places)
    return f"{net} {currency} before taxes, {gross} with taxes"


def _signed(amount: Fraction | None) -> str:
    return "unknown" if amount is None else ("+" if amount >= 0 else "") + _rounded(amount, 4)


def _rounded(amount: Fraction, places: int) -> str:
    return text(amount.numerator, amount.denominator, places)
