"""The price of a session: `price(tariffs, charging_periods, zone, tax_profile, policy)`.

One walk over the periods: which tariff, which elements hold at the start of the period, which component prices each
volume. Then step_size, sums and limits. Exact integers throughout; what every rule means stands in `docs/pricing.md`.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from math import lcm
from typing import NamedTuple

from backoffice.tariffs.rules import matching
from backoffice.tariffs.rules.breakdown import (
    CATEGORIES,
    ENERGY_COST,
    FIXED_COST,
    PARKING_COST,
    RESERVATION_COST,
    TIME_COST,
    Breakdown,
    Cost,
    Limited,
    Line,
    Notice,
)
from backoffice.tariffs.rules.compiled import (
    ENERGY,
    FLAT,
    RESERVATION,
    RESERVATION_CANCELLATION_FEES,
    RESERVATION_EXPIRES,
    RESERVATION_OVERTIME,
    TIME,
    CompiledTariff,
    Component,
    compile_tariff,
)
from backoffice.tariffs.rules.crossing import crossed, interpolated
from backoffice.tariffs.rules.limits import limited
from backoffice.tariffs.rules.periods import Period, read
from backoffice.tariffs.rules.policy import DEFAULT, Outcome, Policy, TaxRate
from backoffice.tariffs.rules.steps import surpluses
from ocpi.wire.cdrs import ChargingPeriod
from ocpi.wire.tariffs import Tariff


class Facts(NamedTuple):
    """What a breakdown was made from."""

    tariffs: tuple[CompiledTariff, ...]
    periods: list[Period]
    divisor: int
    zone: tzinfo
    policy: Policy
    outcome: Outcome
    started: int
    """When charging began, in microseconds since 1970."""


def price(
    tariffs: Sequence[Tariff | CompiledTariff],
    charging_periods: Sequence[ChargingPeriod],
    zone: tzinfo | None = None,
    tax_profile: Sequence[TaxRate] = (),
    policy: Policy = DEFAULT,
    *,
    end: datetime | None = None,
    outcome: Outcome | None = None,
    detail: bool = True,
) -> Breakdown:
    """Price the charging periods of a Session or CDR.

    `zone`: of the Location; without it times of day are read in UTC, with a warning. `end`: of the session. `outcome`:
    of the reservation, where the caller knows. `detail` False: the same computation without segments.
    """
    profile = tuple(tax_profile)
    compiled = [_compiled(tariff, profile, policy) for tariff in tariffs]
    scales = [tariff.energy_unit for tariff in compiled]
    divisor, periods, ordered = read(charging_periods, end, policy, *scales)
    if outcome is Outcome.EXPIRED or outcome is Outcome.CANCELLED:
        for period in periods:  # whoever did not come is charged for what flowed, and no start fee for nothing
            period.charging = bool(period.energy or period.time or period.parking)
    run = _Run(compiled, periods, divisor, zone, policy)
    if not ordered:
        run.warnings.append(Notice("periods_out_of_order"))
    run.choose_tariffs()
    if policy.interpolates:
        run.divisor, run.periods = interpolated(run.periods, run.tariff_of, divisor, run.zone, run.started)
        run.choose_tariffs(again=True)
    if outcome is not None or run.holds:
        run.reserve(outcome)
    run.charge()
    return run.finish(detail=detail)


def _compiled(tariff: Tariff | CompiledTariff, profile: tuple[TaxRate, ...], policy: Policy) -> CompiledTariff:
    if isinstance(tariff, CompiledTariff):
        if tariff.policy is policy and tariff.tax_profile == profile:
            return tariff
        tariff = tariff.tariff
    return compile_tariff(tariff, profile, policy)


class _Run:
    """The state of one pricing."""

    def __init__(
        self,
        tariffs: list[CompiledTariff],
        periods: list[Period],
        divisor: int,
        zone: tzinfo | None,
        policy: Policy,
    ) -> None:
        self.tariffs = tariffs
        self.periods = periods
        self.divisor = divisor
        self.zone = zone or UTC
        self.zone_is_unknown = zone is None
        self.policy = policy
        self.tariff_of: list[CompiledTariff | None] = []
        self.used: tuple[CompiledTariff, ...] = ()
        self.warnings: list[Notice] = []
        self.outcome = Outcome.USED
        self.energy: list[Line] = []
        self.time: list[Line] = []
        self.parking: list[Line] = []
        self.flats: list[Line] = []
        self.reserved: list[Line] = []
        self.overtime: list[Line] = []
        self.fees: list[Line] = []
        first = next((period for period in periods if period.charging), None)
        self.charged = first is not None
        if periods and (first is None or policy.duration_counts_reservation):
            first = periods[0]
        self.started = first.start if first is not None else 0
        self.holds = not self.charged or any(period.reserved or period.expired or period.overtime for period in periods)

    # --- Which tariff ---------------------------------------------------------------------------------------------

    def choose_tariffs(self, *, again: bool = False) -> None:
        """`again`: the periods were divided; what is to be said about them has been said."""
        said = len(self.warnings)
        names = {period.tariff_id for period in self.periods}
        if len(names) == 1:  # nearly always
            tariff = self._tariff(0, self.periods[0], named=False)
            self.tariff_of = [tariff] * len(self.periods)
            self.used = (tariff,) if tariff is not None else ()
        else:
            self.tariff_of = [self._tariff(index, period, named=True) for index, period in enumerate(self.periods)]
            self.used = tuple(dict.fromkeys(tariff for tariff in self.tariff_of if tariff is not None))
        if self.used:
            first = self.used[0].tariff
            start = self.periods[0].source.start_date_time
            if not _valid(self.used[0], start):
                self.warnings.append(Notice("tariff_not_valid_at_start", None, (first.id,)))
            if len(self.used) > 1:
                if any(each.tariff.min_price or each.tariff.max_price for each in self.used):
                    self.warnings.append(Notice("limits_of_first_tariff", None, (first.id,)))
                if len({each.tariff.currency for each in self.used}) > 1:
                    self.warnings.append(Notice("currencies_differ"))
        if any(tariff.clocked for tariff in self.used):
            matching.locate(self.periods, self.zone)
            if self.zone_is_unknown:
                self.warnings.append(Notice("time_zone_unknown"))
        if again:
            del self.warnings[said:]

    def _tariff(self, index: int, period: Period, *, named: bool) -> CompiledTariff | None:
        if period.tariff_id is not None:
            wanted = period.tariff_id.lower()
            meant = [tariff for tariff in self.tariffs if tariff.id == wanted]
            if not meant:
                self.warnings.append(Notice("tariff_unknown", index, (period.tariff_id,)))
                return None
            return self._valid_of(meant)
        if named and self.policy.unnamed_period_is_free:
            self.warnings.append(Notice("period_without_tariff", index))
            return None
        return self._valid_of(self.tariffs)

    def _valid_of(self, tariffs: Sequence[CompiledTariff]) -> CompiledTariff | None:
        """Of several, the one that was valid when the session began: a driver accepted that one."""
        if len(tariffs) > 1:
            start = self.periods[0].source.start_date_time
            valid = [tariff for tariff in tariffs if _valid(tariff, start)]
            if len(valid) > 1 and not any(warning.code == "several_tariffs_apply" for warning in self.warnings):
                self.warnings.append(Notice("several_tariffs_apply", None, (valid[0].tariff.id,)))
            tariffs = valid or tariffs
        return tariffs[0] if tariffs else None

    # --- What is active -------------------------------------------------------------------------------------------

    def _mask(self, tariff: CompiledTariff, period: Period, index: int, elapsed_from: int) -> int:
        """The elements whose restrictions hold at the start of the period."""
        mask = matching.clock_mask(tariff, period.local) if tariff.clocked else tariff.everything
        axis = tariff.energy_axis
        if axis is not None:
            mask &= axis.masks[bisect_right(axis.points, period.before // (self.divisor // tariff.energy_unit))]
        axis = tariff.duration_axis
        if axis is not None:
            mask &= axis.masks[bisect_right(axis.points, period.start - elapsed_from)]
        if tariff.momentary:
            allowed, missing = matching.momentary_mask(tariff, period)
            mask &= allowed
            if missing:
                self.warnings.append(Notice("quantity_missing", index))
        return mask

    # --- Reservations ---------------------------------------------------------------------------------------------

    def reserve(self, outcome: Outcome | None) -> None:
        """Reserved time is a phase of its own: own FLAT, own TIME."""
        held = [index for index, period in enumerate(self.periods) if period.reserved or period.expired]
        if outcome is not None:
            self.outcome = outcome
        elif any(period.expired for period in self.periods) or (self.periods and not self.charged):
            self.outcome = Outcome.EXPIRED
        if not held and self.periods and self.outcome is not Outcome.USED:
            held = [0]
        charged_flat = False
        for index in held:
            period, tariff = self.periods[index], self.tariff_of[index]
            if tariff is None:
                continue
            mask = self._mask(tariff, period, index, self.periods[0].start) if tariff.varies else tariff.everything
            flat, time = self._reservation_winners(tariff, mask)
            if flat is not None and not charged_flat:
                charged_flat = True
                self.fees.append(Line(RESERVATION_COST, index, flat, self.divisor))
            volume = max(period.reserved or 0, period.expired or 0)
            if time is not None and volume:
                self.reserved.append(Line(RESERVATION_COST, index, time, volume))
        self._overstay()

    def _reservation_winners(self, tariff: CompiledTariff, mask: int) -> tuple[Component | None, Component | None]:
        reserving = mask & tariff.reservations[RESERVATION]
        flat, time = tariff.first(FLAT, reserving), tariff.first(TIME, reserving)
        if self.outcome is Outcome.EXPIRED:
            expiring = mask & tariff.reservations[RESERVATION_EXPIRES]
            flat, time = tariff.first(FLAT, expiring) or flat, tariff.first(TIME, expiring) or time
        elif self.outcome is Outcome.CANCELLED:
            flat = tariff.first(FLAT, mask & tariff.reservations[RESERVATION_CANCELLATION_FEES]) or flat
        return flat, time

    def _overstay(self) -> None:
        for index, period in enumerate(self.periods):
            tariff = self.tariff_of[index]
            if not period.overtime or tariff is None:
                continue
            mask = self._mask(tariff, period, index, self.started) & tariff.reservations[RESERVATION_OVERTIME]
            flat, time = tariff.first(FLAT, mask), tariff.first(TIME, mask)
            if flat is not None and not self.overtime:
                self.fees.append(Line(RESERVATION_COST, index, flat, self.divisor))
            if time is not None:
                self.overtime.append(Line(RESERVATION_COST, index, time, period.overtime))

    # --- Charging -------------------------------------------------------------------------------------------------

    def charge(self) -> None:
        flats: list[Component] = []
        for index, period in enumerate(self.periods):
            tariff = self.tariff_of[index]
            if tariff is None or not period.charging:
                continue
            mask = self._mask(tariff, period, index, self.started) if tariff.varies else tariff.everything
            winners = tariff.winners(mask & tariff.charging)
            if winners.flat is not None and winners.flat not in flats:
                flats.append(winners.flat)
                if len(flats) == 1 or self.policy.every_flat:
                    self.flats.append(Line(FIXED_COST, index, winners.flat, self.divisor))
                else:
                    self.warnings.append(Notice("second_flat", index, (winners.flat.place,)))
            if winners.energy is not None and period.energy is not None:
                self.energy.append(Line(ENERGY_COST, index, winners.energy, period.energy))
            if winners.time is not None and period.time is not None:
                self.time.append(Line(TIME_COST, index, winners.time, period.time))
            if winners.parking is not None and period.parking is not None:
                self.parking.append(Line(PARKING_COST, index, winners.parking, period.parking))
            if tariff.varies:
                places = crossed(tariff, period, self.started, self.divisor, self.zone)
                if places is not None:
                    self.warnings.append(Notice("period_crosses_boundary", index, places))

    # --- The sum --------------------------------------------------------------------------------------------------

    def finish(self, *, detail: bool) -> Breakdown:
        added = surpluses(
            self.energy, self.time, self.parking, (self.reserved, self.overtime), self.divisor, self.policy
        )
        lines = [
            *self.fees,
            *self.reserved,
            *self.overtime,
            *self.flats,
            *self.energy,
            *self.time,
            *self.parking,
            *added,
        ]
        unit = self.divisor * lcm(*(tariff.unit for tariff in self.used))
        costs, total = _sums(lines, unit, self.divisor)
        self._say_what_is_missing(lines)
        result = limited(total, self.used[0], charged=self.charged) if self.used else Limited(total, None)
        if result.unchecked:
            self.warnings.append(Notice("limit_not_checked"))
        if result.rate_unknown:
            self.warnings.append(Notice("limit_tax_unknown"))
        facts = Facts(self.used, self.periods, self.divisor, self.zone, self.policy, self.outcome, self.started)
        return Breakdown(facts, lines, costs, total, result, self.warnings, detail=detail)

    def _say_what_is_missing(self, lines: Iterable[Line]) -> None:
        for line in lines:
            if line[2].lacks_tax and line[3]:
                self.warnings.append(Notice("tax_information_missing", line.period, (line.component.place,)))
                break
        for tariff in self.used:
            self._say_what_is_not_reported(tariff)

    def _say_what_is_not_reported(self, tariff: CompiledTariff) -> None:
        energy, time = bool(tariff.with_kind[ENERGY]), bool(tariff.with_kind[TIME] & tariff.charging)
        seen = False
        for period, its in zip(self.periods, self.tariff_of, strict=True):
            if its is tariff and period.charging:
                seen = True
                energy = energy and period.energy is None
                time = time and period.time is None and period.parking is None
                if not (energy or time):
                    return
        for missing, name in ((energy, "ENERGY"), (time, "TIME")):
            if missing and seen:
                self.warnings.append(Notice("dimension_not_reported", None, (name,)))


def _valid(tariff: CompiledTariff, moment: datetime) -> bool:
    start, end = tariff.tariff.start_date_time, tariff.tariff.end_date_time
    return (start is None or start <= moment) and (end is None or moment < end)


def _sums(lines: Sequence[Line], unit: int, divisor: int) -> tuple[dict[str, Cost], Cost]:
    """The costs by category, and the total."""
    nets, grosses = [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]
    seen, net_unknown, gross_unknown = 0, 0, 0
    for category, _, component, volume, _ in lines:
        bit = 1 << category
        seen |= bit
        if not volume:
            continue
        own = component.owner.unit * divisor
        if own != unit:
            volume *= unit // own
        if component.net is None:
            net_unknown |= bit
        else:
            nets[category] += component.net * volume
        if component.gross is None:
            gross_unknown |= bit
        else:
            grosses[category] += component.gross * volume
    costs = {
        name: Cost(
            None if net_unknown >> category & 1 else nets[category],
            None if gross_unknown >> category & 1 else grosses[category],
            unit,
        )
        for category, name in enumerate(CATEGORIES)
        if seen >> category & 1
    }
    return costs, Cost(None if net_unknown else sum(nets), None if gross_unknown else sum(grosses), unit)
