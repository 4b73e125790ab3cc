"""step_size: rounding of the session, not of its periods (`mod_cdrs#mod_cdrs_step_size`, T-309 to T-313).

Energy is rounded once; charging and parking time together once, and the parking takes it whenever any was billed. The
component of the last segment decides, and its price is that of the surplus.
"""

from collections.abc import Sequence

from backoffice.tariffs.rules.breakdown import Line
from backoffice.tariffs.rules.policy import Policy

WH = 1000
SECONDS = 3600


def surpluses(
    energy: Sequence[Line],
    time: Sequence[Line],
    parking: Sequence[Line],
    reservations: Sequence[Sequence[Line]],
    divisor: int,
    policy: Policy,
) -> list[Line]:
    """The lines that step_size adds. `reservations`: groups of reserved time, each rounded by itself."""
    if not policy.step_size:
        return []
    wh, second = divisor // WH, divisor // SECONDS
    found = rounded_up(energy, wh, policy) if energy else []
    if time or parking:
        time_takes_it = not parking or not _counted(parking, policy)
        if policy.step_of_last_time and time and parking:
            time_takes_it = time[-1].period > parking[-1].period
        found += rounded_up(time if time_takes_it else parking, second, policy)
        if policy.step_joins_reservation:
            return found
    for group in reservations:
        if group:
            found += rounded_up(group, second, policy)
    return found


def _counted(lines: Sequence[Line], policy: Policy) -> list[Line]:
    if policy.step_counts_free_volume:
        return [line for line in lines if line.volume]
    return [line for line in lines if line.volume and line.component.wire.price]


def rounded_up(lines: Sequence[Line], step_unit: int, policy: Policy) -> list[Line]:
    """What is missing to whole steps. A step of 0, and an amount of 0 or less, is not rounded."""
    counted = _counted(lines, policy)
    if not policy.step_per_component:
        return _up(counted, step_unit, policy)
    by_component: dict[int, list[Line]] = {}
    for line in counted:
        by_component.setdefault(id(line.component), []).append(line)
    return [surplus for group in by_component.values() for surplus in _up(group, step_unit, policy)]


def _up(lines: Sequence[Line], step_unit: int, policy: Policy) -> list[Line]:
    if not lines:
        return []
    last = lines[-1]
    step = last.component.step * step_unit
    total = sum(line.volume for line in lines)
    if step <= 0 or total <= 0:
        return []
    rest = total % step
    if not rest and not policy.exact_multiple_grows:
        return []
    return [Line(last.category, last.period, last.component, step - rest, True)]
