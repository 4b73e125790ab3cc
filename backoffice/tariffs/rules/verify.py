"""A CDR against the price that its tariffs give: what differs, field by field, by how much, and which other reading of
the specification would explain it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from decimal import Context, Decimal
from fractions import Fraction

from backoffice.tariffs.rules.breakdown import FIXED_COST, Breakdown, Cost
from backoffice.tariffs.rules.cdr import AnyCdr
from backoffice.tariffs.rules.compiled import PARKING_TIME, CompiledTariff
from backoffice.tariffs.rules.exact import minor_unit
from backoffice.tariffs.rules.policy import DEFAULT, Bound, Outcome, Policy, TaxRate
from backoffice.tariffs.rules.pricing import price
from ocpi.wire.cdrs import CdrDimensionType
from ocpi.wire.tariffs import Tariff
from ocpi.wire.types import Price

COST_FIELDS = {
    "total_fixed_cost": "fixed",
    "total_energy_cost": "energy",
    "total_time_cost": "time",
    "total_parking_cost": "parking_time",
    "total_reservation_cost": "reservation",
}
"""The fields of a CDR that tell a part of the cost, by our categories."""

ENERGY_TOLERANCE = Decimal("0.01")  # kWh: some totals have two decimals
TIME_TOLERANCE = Decimal("0.0005")  # hours, per charging period: 1.8 s


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far amounts may be apart. None: half a minor unit of the currency per dimension, one per total."""

    dimension: Fraction | None = None
    total: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A field that tells something else than our price. `incl`: the amounts are after taxes."""

    field: str
    stated: Fraction | str | None
    expected: Fraction | str | None
    incl: bool = False

    @property
    def difference(self) -> Fraction | None:
        """Positive: the CDR asks for more."""
        if isinstance(self.stated, Fraction) and isinstance(self.expected, Fraction):
            return self.stated - self.expected
        return None


def verify(cdr: AnyCdr, breakdown: Breakdown, tolerance: Tolerance | None = None) -> list[Discrepancy]:
    """Only what the CDR states is compared: optional fields may be missing, and taxes are compared where told.

    A fixed price in the element of a parking price may be told in either field: then their sum is compared. A Credit
    CDR repeats everything and negates total_cost (T-290).
    """
    allowed = tolerance or Tolerance()
    minor = minor_unit(cdr.currency or breakdown.currency)
    per_dimension = minor / 2 if allowed.dimension is None else allowed.dimension
    per_total = minor if allowed.total is None else allowed.total
    found: list[Discrepancy] = []
    ours = breakdown.currency
    if cdr.currency and ours and ours != _NO_CURRENCY and cdr.currency.upper() != ours.upper():
        found.append(Discrepancy("currency", cdr.currency, ours))
    if cdr.total_cost is not None:
        sign = -1 if cdr.credit else 1
        found += _compare("total_cost", cdr.total_cost, breakdown.total, per_total, sign)
    found += _parts(cdr, breakdown, per_dimension)
    found += _volumes(cdr, breakdown)
    return found


_NO_CURRENCY = "XXX"  # ISO 4217: no currency; what a tariff without one is read as


def _compare(field: str, stated: Price, ours: Cost, allowed: Fraction, sign: int = 1) -> Iterator[Discrepancy]:
    net = stated.before_taxes
    if ours.net is not None and _apart(net, sign * ours.net, ours.unit, allowed):
        yield Discrepancy(field, Fraction(net), Fraction(sign * ours.net, ours.unit))
    if stated.taxes and ours.gross is not None:
        gross = _EXACT.add(net, _sum(tax.amount for tax in stated.taxes))
        if _apart(gross, sign * ours.gross, ours.unit, allowed):
            yield Discrepancy(field, Fraction(gross), Fraction(sign * ours.gross, ours.unit), incl=True)


def _apart(stated: Decimal, numerator: int, unit: int, allowed: Fraction) -> bool:
    top, bottom = stated.as_integer_ratio()
    return abs(top * unit - numerator * bottom) * allowed.denominator > allowed.numerator * bottom * unit


def _sum(numbers: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for number in numbers:
        total = _EXACT.add(total, number)
    return total


_EXACT = Context(prec=64)
"""Sums of numbers as OCPI has them are exact."""

_FREE = Cost(0, 0, 1)


def _parts(cdr: AnyCdr, breakdown: Breakdown, allowed: Fraction) -> Iterator[Discrepancy]:
    compared = COST_FIELDS
    fixed, parking = cdr.total_fixed_cost, cdr.total_parking_cost
    if fixed is not None and parking is not None and _flat_beside_parking(breakdown):
        compared = {field: name for field, name in COST_FIELDS.items() if name not in ("fixed", "parking_time")}
        merged = Price(
            before_taxes=_EXACT.add(fixed.before_taxes, parking.before_taxes), taxes=[*fixed.taxes, *parking.taxes]
        )
        both = _both(breakdown.costs.get("fixed", _FREE), breakdown.costs.get("parking_time", _FREE))
        yield from _compare("total_parking_cost", merged, both, allowed)
    for field, category in compared.items():
        stated = getattr(cdr, field)
        if stated is not None:
            yield from _compare(field, stated, breakdown.costs.get(category, _FREE), allowed)


def _both(one: Cost, other: Cost) -> Cost:
    net = None if one.net is None or other.net is None else one.net * other.unit + other.net * one.unit
    gross = None if one.gross is None or other.gross is None else one.gross * other.unit + other.gross * one.unit
    return Cost(net, gross, one.unit * other.unit)


def _flat_beside_parking(breakdown: Breakdown) -> bool:
    return any(
        line.component.owner.with_kind[PARKING_TIME] >> line.component.element & 1
        for line in breakdown.lines
        if line.category == FIXED_COST
    )


def _volumes(cdr: AnyCdr, breakdown: Breakdown) -> Iterator[Discrepancy]:
    """The totals of kWh and hours against the charging periods, where these tell them."""
    told: dict[str, Decimal] = {}
    for period in cdr.charging_periods:
        for dimension in period.dimensions:
            told[dimension.type] = _EXACT.add(told.get(dimension.type, _ZERO), dimension.volume)
    spare = TIME_TOLERANCE * len(cdr.charging_periods)
    energy = told.get(CdrDimensionType.ENERGY)
    if cdr.total_energy is not None and energy is not None and _far(cdr.total_energy, energy, ENERGY_TOLERANCE):
        yield Discrepancy("total_energy", Fraction(cdr.total_energy), Fraction(energy))
    parked = told.get(CdrDimensionType.PARKING_TIME)
    if cdr.total_parking_time is not None and parked is not None and _far(cdr.total_parking_time, parked, spare):
        yield Discrepancy("total_parking_time", Fraction(cdr.total_parking_time), Fraction(parked))
    if cdr.total_time is None:
        return
    used = [told[kind] for kind in (CdrDimensionType.TIME, CdrDimensionType.PARKING_TIME) if kind in told]
    held = told.get(CdrDimensionType.RESERVATION_TIME, _ZERO)
    possible = [_sum(used), _sum([*used, held])] if used or held else []
    if cdr.start_date_time is not None and cdr.end_date_time is not None:
        elapsed = cdr.end_date_time - cdr.start_date_time
        possible.append(_EXACT.divide(Decimal(elapsed.days * 86_400 + elapsed.seconds), Decimal(3600)))
    if possible and all(_far(cdr.total_time, hours, spare) for hours in possible):
        yield Discrepancy("total_time", Fraction(cdr.total_time), Fraction(possible[-1]))


def _far(one: Decimal, other: Decimal, allowed: Decimal) -> bool:
    return abs(_EXACT.subtract(one, other)) > allowed


_ZERO = Decimal(0)


READINGS: dict[str, dict[str, object]] = {
    "step_size_ignored": {"step_size": False},
    "step_size_per_component": {"step_per_component": True},
    "step_size_exact_multiple_grows": {"exact_multiple_grows": True},
    "step_size_skips_free_volume": {"step_counts_free_volume": False},
    "step_size_of_last_time": {"step_of_last_time": True},
    "step_size_joins_reservation": {"step_joins_reservation": True},
    "hours_as_reported": {"snap_hours": False},
    "every_flat_charged": {"every_flat": True},
    "unnamed_period_priced": {"unnamed_period_is_free": False},
    "duration_counts_reservation": {"duration_counts_reservation": True},
    "absent_quantity_matches": {"absent_quantity_matches": True},
    "lowest_power_and_current": {"bound": Bound.LOWEST},
    "highest_power_and_current": {"bound": Bound.HIGHEST},
    "equal_times_are_never": {"equal_times_are_never": True},
    "weekday_of_window_start": {"weekday_of_window_start": True},
    "period_interpolated": {"interpolates": True},
    "minimum_without_charging": {"minimum_without_charging": True},
    "price_limits_ignored": {"limits": False},
}
"""The other documented readings, each as the switches of `Policy` that it sets."""


def alternatives(
    cdr: AnyCdr,
    breakdown: Breakdown,
    tariffs: Sequence[Tariff | CompiledTariff],
    zone: tzinfo | None = None,
    tax_profile: Sequence[TaxRate] = (),
    policy: Policy = DEFAULT,
    tolerance: Tolerance | None = None,
) -> list[tuple[str, Breakdown]]:
    """For a total that differs: each single reading under which our total would be the partner's."""
    if not any(each.field == "total_cost" for each in verify(cdr, breakdown, tolerance)):
        return []
    end = cdr.end_date_time
    tried: list[tuple[str, Policy, tzinfo | None, Outcome | None]] = [
        (name, replace(policy, **switches), zone, None)  # type: ignore[arg-type]  # a test builds each of them
        for name, switches in READINGS.items()
    ]
    tried.append(("times_in_utc", policy, UTC, None))
    tried += [
        (f"reservation_{outcome.value}", policy, zone, outcome)
        for outcome in Outcome
        if outcome is not breakdown.facts.outcome and any(each.reserved for each in breakdown.facts.periods)
    ]
    found = []
    for name, reading, at, outcome in tried:
        other = price(
            tariffs,
            cdr.charging_periods,
            at,
            tax_profile,
            reading,
            end=end,
            outcome=outcome or breakdown.facts.outcome,
            detail=False,
        )
        if not any(each.field == "total_cost" for each in verify(cdr, other, tolerance)):
            found.append((name, other))
    return found
