"""Every combination of stretches of time of day, weekday, date, energy, duration, power and current in which the same
elements of a tariff hold.

In each such situation one can ask which element wins for each dimension. Whoever reasons about all sessions at once
(lint, sentences) asks here.
"""

from collections.abc import Iterable, Iterator

from backoffice.tariffs.rules.compiled import (
    ENERGY,
    FLAT,
    PARKING_TIME,
    TIME,
    CompiledTariff,
    Component,
    between,
)
from ocpi.wire.tariffs import TariffDimensionType

KINDS = (ENERGY, TIME, PARKING_TIME, FLAT)

MOST = 20_000
"""A tariff with more situations is not looked through; no real one comes near."""


def situations(compiled: CompiledTariff) -> set[int] | None:
    """The sets of elements (as bits) that can hold together; None if there are too many."""
    restrictions = [element.restrictions for element in compiled.tariff.elements]
    axes = [
        compiled.time_axis,
        compiled.week_axis,
        compiled.date_axis,
        compiled.energy_axis,
        compiled.duration_axis,
        # At an instant there is one power and one current, which both bounds are compared with.
        between(restrictions, "min_current", "max_current", 0),
        between(restrictions, "min_power", "max_power", 0),
    ]
    found = {compiled.everything}
    for axis in axes:
        if axis is None:
            continue
        # What lies below the first point, where nothing can.
        from_zero = axis in (compiled.time_axis, compiled.week_axis)
        from_zero = from_zero or (axis in (compiled.energy_axis, compiled.duration_axis) and axis.points[0] <= 0)
        masks = set(axis.masks[1:] if from_zero else axis.masks)
        found = {each & mask for each in found for mask in masks}
        if len(found) > MOST:
            return None
    return found


def each_phase(compiled: CompiledTariff, found: Iterable[int]) -> Iterator[tuple[TariffDimensionType, int, int]]:
    """Dimension, elements of the phase, situation: charging and each kind of reservation never compete."""
    for phase in (compiled.charging, *compiled.reservations.values()):
        for situation in {each & phase for each in found}:
            for kind in KINDS:
                yield kind, phase, situation


def winning(compiled: CompiledTariff, found: Iterable[int]) -> set[Component]:
    """The components that price anything in any of these situations."""
    winners = (compiled.first(kind, situation) for kind, _, situation in each_phase(compiled, found))
    return {winner for winner in winners if winner is not None}
