"""A breakdown as a JSON tree (`manage.py price`, and whoever shows one): decimal strings, four places.

Field meanings are those of the test vectors; null is unknown, absent does not occur.
"""

from fractions import Fraction
from typing import Any

from backoffice.tariffs.rules.because import because as reason
from backoffice.tariffs.rules.breakdown import (
    ENERGY_COST,
    PARKING_COST,
    RESERVATION_COST,
    TIME_COST,
    Breakdown,
    Cost,
    Segment,
    TaxLine,
    rounded_taxes,
)
from backoffice.tariffs.rules.exact import REPORTED, plain, text, written
from backoffice.tariffs.rules.matching import instant
from ocpi.wire.base import date_time_text
from ocpi.wire.tariffs import TariffDimensionType

_VOLUMES = (
    (ENERGY_COST, "energy_kwh", 1, 4),
    (TIME_COST, "time_s", 3600, 2),
    (PARKING_COST, "parking_time_s", 3600, 2),
    (RESERVATION_COST, "reservation_s", 3600, 2),
)


def amounts(cost: Cost) -> dict[str, str | None]:
    """excl and incl."""
    return {
        "excl": None if cost.net is None else text(cost.net, cost.unit),
        "incl": None if cost.gross is None else text(cost.gross, cost.unit),
    }


def as_tree(breakdown: Breakdown, *, because: bool = False) -> dict[str, Any]:
    """Without `warnings`, `discrepancies` and `alternatives`, which the caller may know more of. `because`: with the
    reason of each segment.
    """
    tree: dict[str, Any] = {"total": amounts(breakdown.total)}
    if breakdown.limit_applied is not None:
        tree["total_before_limits"] = amounts(breakdown.before_limits)
    for category, cost in breakdown.costs.items():
        tree[category] = amounts(cost)
    tree["billed"] = _billed(breakdown)
    tree["limit_applied"] = breakdown.limit_applied
    tree["taxes"] = [tax(line) for line in rounded_taxes(breakdown.taxes, breakdown.total, REPORTED)]
    times = [(_time(period.start), _time(period.end)) for period in breakdown.facts.periods]
    tree["segments"] = [_segment(segment, *times[segment.line.period], because) for segment in breakdown.segments]
    if breakdown.limit_applied is not None:
        excl, incl = breakdown.price_limit
        tree["price_limit"] = {
            "excl": None if excl is None else _text(excl),
            "incl": None if incl is None else _text(incl),
        }
    return tree


def tax(line: TaxLine) -> dict[str, str | None]:
    """A tax that has been rounded to four places."""
    return {
        "name": line.rate.name if line.rate is not None else "VAT",
        "percentage": plain(line.rate.percentage) if line.rate is not None else None,
        "amount": written(line.numerator),
    }


def _billed(breakdown: Breakdown) -> dict[str, str]:
    volumes: dict[int, int] = {}
    for line in breakdown.lines:
        if line.component.wire.type is not TariffDimensionType.FLAT:
            volumes[line.category] = volumes.get(line.category, 0) + line.volume
    return {
        name: text(volumes[category] * scale, breakdown.facts.divisor, places)
        for category, name, scale, places in _VOLUMES
        if category in volumes
    }


def _time(moment: int | None) -> str | None:
    if moment is None:
        return None
    found = instant(moment)
    return date_time_text(found) if found.microsecond else f"{found.isoformat()[:19]}Z"


def _segment(segment: Segment, start: str | None, end: str | None, because: bool) -> dict[str, Any]:
    """One line of the bill. Energy in kWh, time in seconds."""
    dimension, component = segment.dimension, segment.component
    tree: dict[str, Any] = {
        "period": segment.line.period,
        "start_date_time": start,
        "end_date_time": end,
        "category": segment.category,
        "dimension": dimension.value,
        "tariff_id": component.owner.tariff.id,
        "element": component.element,
        "component": component.position,
        "price": plain(component.wire.price),
    }
    if dimension is not TariffDimensionType.FLAT:
        energy = dimension is TariffDimensionType.ENERGY
        unit, scale, places = ("kwh", 1, 4) if energy else ("s", 3600, 2)
        top, bottom = segment.reported.as_integer_ratio()
        tree[f"reported_{unit}"] = text(top * scale, bottom, places)
        tree[f"billed_{unit}"] = text(segment.line.volume * scale, segment.breakdown.facts.divisor, places)
    if segment.is_surplus:
        tree["step_size"] = component.step
    cost = segment.cost
    tree |= amounts(cost)
    tree["taxes"] = [tax(line) for line in rounded_taxes(segment.taxes, cost, REPORTED)]
    if because:
        tree["because"] = reason(segment)
    return tree


def _text(value: Fraction, places: int = REPORTED) -> str:
    return text(value.numerator, value.denominator, places)
