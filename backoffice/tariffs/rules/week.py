"""Which element prices a dimension when: a week from Monday on, cut wherever the winner changes.

Told for a session that begins at that moment (no energy, no time yet) with a given power; what changes later in a session is
the business of the chart.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from backoffice.tariffs.rules import matching
from backoffice.tariffs.rules.compiled import DAY, ENERGY, PARKING_TIME, TIME, CompiledTariff, Component
from backoffice.tariffs.rules.periods import EPOCH, Period
from ocpi.wire.cdrs import ChargingPeriod
from ocpi.wire.tariffs import TariffDimensionType

SHOWN = (ENERGY, TIME, PARKING_TIME)


@dataclass(frozen=True, slots=True)
class Stretch:
    """From minute to minute of a day, the component that wins there; None: free."""

    start: int
    end: int
    component: Component | None


@dataclass(frozen=True, slots=True)
class Week:
    """`days`: Monday to Sunday. `varies`: whether anything differs between them."""

    dimension: TariffDimensionType
    days: tuple[tuple[Stretch, ...], ...]

    @property
    def varies(self) -> bool:
        return len({stretch.component for day in self.days for stretch in day}) > 1

    @property
    def components(self) -> list[Component | None]:
        return list(dict.fromkeys(stretch.component for day in self.days for stretch in day))


def weeks(tariff: CompiledTariff, monday: date, *, kw: Decimal, ampere: Decimal) -> list[Week]:
    """One for each dimension that charging is priced by. `monday`: of the week that is looked at."""
    dimensions = [kind for kind in SHOWN if tariff.with_kind[kind] & tariff.charging]
    masks = [_day(tariff, monday + timedelta(days=number), kw, ampere) for number in range(7)]
    return [
        Week(
            kind,
            tuple(
                _joined([(start, end, tariff.first(kind, mask & tariff.charging)) for start, end, mask in day])
                for day in masks
            ),
        )
        for kind in dimensions
    ]


def _day(tariff: CompiledTariff, day: date, kw: Decimal, ampere: Decimal) -> list[tuple[int, int, int]]:
    """Minute to minute, and the elements that hold there."""
    period = Period(ChargingPeriod.model_construct(start_date_time=EPOCH, dimensions=[], tariff_id=None), 0)
    period.momentary = {"MIN_POWER": kw, "MAX_POWER": kw, "MIN_CURRENT": ampere, "MAX_CURRENT": ampere}
    mask = tariff.everything
    for axis in (tariff.energy_axis, tariff.duration_axis):
        if axis is not None:
            mask &= axis.masks[bisect_right(axis.points, 0)]
    if tariff.momentary:
        mask &= matching.momentary_mask(tariff, period)[0]
    midnight = (day.toordinal() - EPOCH.toordinal()) * DAY
    points = tariff.time_axis.points if tariff.time_axis is not None else ()
    edges = sorted({0, *(int(point) for point in points if 0 <= point < DAY)})
    return [
        (start // 60, end // 60, mask & matching.clock_mask(tariff, midnight + start))
        for start, end in zip(edges, [*edges[1:], DAY], strict=True)
    ]


def _joined(stretches: list[tuple[int, int, Component | None]]) -> tuple[Stretch, ...]:
    found: list[Stretch] = []
    for start, end, component in stretches:
        if found and found[-1].component is component:
            found[-1] = Stretch(found[-1].start, end, component)
        else:
            found.append(Stretch(start, end, component))
    return tuple(found)
