"""A CDR against the price that its tariffs give: what differs, field by field, by how much, and which other reading of
the specification would explain it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from fractions import Fraction

from backoffice.tariffs.rules.breakdown import FIXED_COST, Breakdown
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

ENERGY_TOLERANCE = Fraction(1, 100)  # kWh: some totals have two decimals
TIME_TOLERANCE = Fraction(1, 2000)  # hours, per charging period: 1.8 s


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
        total = breakdown.total
        found += _compare("total_cost", cdr.total_cost, _signed(total.excl, sign), _signed(total.incl, sign), per_total)
    found += _parts(cdr, breakdown, per_dimension)
    found += _volumes(cdr, breakdown)
    return found


_NO_CURRENCY = "XXX"  # ISO 4217: no currency; what a tariff without one is read as


def _signed(amount: Fraction | None, sign: int) -> Fraction | None:
    return None if amount is None else sign * amount


def _compare(
    field: str, stated: Price, excl: Fraction | None, incl: Fraction | None, allowed: Fraction
) -> Iterator[Discrepancy]:
    net = Fraction(stated.before_taxes)
    if excl is not None and abs(net - excl) > allowed:
        yield Discrepancy(field, net, excl)
    if stated.taxes and incl is not None:
        gross = net + sum((Fraction(tax.amount) for tax in stated.taxes), Fraction(0))
        if abs(gross - incl) > allowed:
            yield Discrepancy(field, gross, incl, incl=True)


def _expected(breakdown: Breakdown, category: str) -> tuple[Fraction | None, Fraction | None]:
    cost = breakdown.costs.get(category)
    return (Fraction(0), Fraction(0)) if cost is None else (cost.excl, cost.incl)


def _parts(cdr: AnyCdr, breakdown: Breakdown, allowed: Fraction) -> Iterator[Discrepancy]:
    compared = dict(COST_FIELDS)
    fixed, parking = cdr.total_fixed_cost, cdr.total_parking_cost
    if _flat_beside_parking(breakdown) and fixed is not None and parking is not None:
        del compared["total_fixed_cost"], compared["total_parking_cost"]
        both = [_expected(breakdown, "fixed"), _expected(breakdown, "parking_time")]
        merged = Price(before_taxes=fixed.before_taxes + parking.before_taxes, taxes=[*fixed.taxes, *parking.taxes])
        yield from _compare("total_parking_cost", merged, _plus(both, 0), _plus(both, 1), allowed)
    for field, category in compared.items():
        stated = getattr(cdr, field)
        if stated is not None:
            yield from _compare(field, stated, *_expected(breakdown, category), allowed)


def _plus(amounts: Sequence[tuple[Fraction | None, Fraction | None]], index: int) -> Fraction | None:
    known = [each[index] for each in amounts]
    return None if None in known else sum((each for each in known if each is not None), Fraction(0))


def _flat_beside_parking(breakdown: Breakdown) -> bool:
    return any(
        line.component.owner.with_kind[PARKING_TIME] >> line.component.element & 1
        for line in breakdown.lines
        if line.category == FIXED_COST
    )


def _volumes(cdr: AnyCdr, breakdown: Breakdown) -> Iterator[Discrepancy]:
    """The totals of kWh and hours against the charging periods, where these tell them."""
    told: dict[str, Fraction] = {}
    for period in cdr.charging_periods:
        for dimension in period.dimensions:
            told[dimension.type] = told.get(dimension.type, Fraction(0)) + Fraction(dimension.volume)
    spare = TIME_TOLERANCE * len(cdr.charging_periods)
    energy = told.get(CdrDimensionType.ENERGY)
    if (
        cdr.total_energy is not None
        and energy is not None
        and abs(energy - Fraction(cdr.total_energy)) > ENERGY_TOLERANCE
    ):
        yield Discrepancy("total_energy", Fraction(cdr.total_energy), energy)
    parked = told.get(CdrDimensionType.PARKING_TIME)
    if (
        cdr.total_parking_time is not None
        and parked is not None
        and abs(parked - Fraction(cdr.total_parking_time)) > spare
    ):
        yield Discrepancy("total_parking_time", Fraction(cdr.total_parking_time), parked)
    if cdr.total_time is None:
        return
    used = [told[kind] for kind in (CdrDimensionType.TIME, CdrDimensionType.PARKING_TIME) if kind in told]
    held = told.get(CdrDimensionType.RESERVATION_TIME, Fraction(0))
    possible = [sum(used, Fraction(0)), sum(used, held)] if used or held else []
    if cdr.start_date_time is not None and cdr.end_date_time is not None:
        elapsed = cdr.end_date_time - cdr.start_date_time
        possible.append(Fraction(elapsed.days * 86_400 + elapsed.seconds, 3600))
    if possible and all(abs(hours - Fraction(cdr.total_time)) > spare for hours in possible):
        yield Discrepancy("total_time", Fraction(cdr.total_time), possible[-1])


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
