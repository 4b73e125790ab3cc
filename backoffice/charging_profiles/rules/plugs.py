"""What a connector can do, and amperes against watts at it.

A is per phase and W is the sum of all (T-458). `max_voltage` of AC is line to neutral, so power is volts times amperes times
phases. A limit that is turned into amperes is rounded down to one decimal, for it is a limit and no target.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from typing import Any

from ocpi.wire.charging_profiles import ChargingRateUnit

PHASES = {"AC_1_PHASE": 1, "AC_2_PHASE": 2, "AC_2_PHASE_SPLIT": 2, "AC_3_PHASE": 3, "DC": 1}

TENTH = Decimal("0.1")

W, A = ChargingRateUnit.W, ChargingRateUnit.A


@dataclass(frozen=True, slots=True)
class Plug:
    """`volts` 0: not known, then nothing is converted. `watts`, `amperes`: the most it gives; None: not known."""

    volts: int
    phases: int
    watts: Decimal | None
    amperes: Decimal | None

    def most(self, unit: ChargingRateUnit) -> Decimal | None:
        return self.watts if unit is W else self.amperes

    def usual(self) -> ChargingRateUnit:
        """The unit that people use for it: amperes for AC, as long as they say something."""
        return A if self.phases > 1 and self.amperes is not None else W

    def convert(self, value: Decimal, unit: ChargingRateUnit, into: ChargingRateUnit) -> Fraction | None:
        """The same limit in the other unit, exactly; None where the voltage is not known."""
        if unit is into:
            return Fraction(value)
        if self.volts <= 0:
            return None
        factor = self.volts * self.phases
        return Fraction(value) * factor if into is W else Fraction(value) / factor


UNKNOWN = Plug(0, 1, None, None)


def plug(connector: dict[str, Any] | None) -> Plug:
    """Of a Connector as the document has it."""
    if connector is None:
        return UNKNOWN
    phases = PHASES.get(str(connector.get("power_type", "")), 1)
    volts, amperes = _positive(connector.get("max_voltage")), _positive(connector.get("max_amperage"))
    told = _positive(connector.get("max_electric_power"))
    computed = volts * amperes * phases
    watts = min(told, computed) if told and computed else told or computed
    if told and volts:
        of_power = (Decimal(told) / (volts * phases)).quantize(TENTH, ROUND_DOWN)
        current = min(Decimal(amperes), of_power) if amperes else of_power
    else:
        current = Decimal(amperes)
    return Plug(volts, phases, Decimal(watts) if watts else None, current or None)


LARGEST = 10**9
"""V, A or W that no connector has: a slip of whoever typed it counts as not known."""


def _positive(value: Any) -> int:
    number = int(value) if isinstance(value, int | Decimal) else 0
    return number if 0 < number < LARGEST else 0


def tenths(value: Fraction) -> Decimal:
    """As a limit may be written (T-457): at most one decimal, never more than the value."""
    return (Decimal(value.numerator * 10 // value.denominator) / 10).normalize() + Decimal(0)
