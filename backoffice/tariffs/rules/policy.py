"""The readings of what the specification leaves open, as switches, and what callers know beyond the objects.

The defaults are the readings of `docs/pricing.md`. Each other value is a reading that somebody documented; the check of
a CDR tries them one by one to explain a partner's figure.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class UnstatedVat(StrEnum):
    """What a price without `vat` means in a tariff whose prices are without taxes."""

    NONE = "none"
    """No VAT on that part: 2.2.1 says so."""
    UNKNOWN = "unknown"
    """The price with taxes is not known: 2.1.1 has no field for it."""
    FLAGGED = "flagged"
    """No VAT, but taxes may be added afterwards: 2.3.0. Comes with a warning."""


UNSTATED_VAT = {"2.1.1": UnstatedVat.UNKNOWN, "2.2.1": UnstatedVat.NONE}
"""By the version in which the tariff came; newer ones are flagged."""


class Outcome(StrEnum):
    """What became of a reservation, where the caller knows."""

    USED = "used"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Bound(StrEnum):
    """Which value of a period is compared with limits of power and current."""

    OWN = "own"
    """MIN_ against min_, MAX_ against max_."""
    LOWEST = "lowest"
    HIGHEST = "highest"


@dataclass(frozen=True, slots=True)
class TaxRate:
    """One tax on the price before taxes, in percent."""

    name: str
    percentage: Decimal


@dataclass(frozen=True, slots=True)
class Policy:
    """Every open question that has more than one documented reading (`docs/pricing.md` tells why each was chosen)."""

    snap_hours: bool = True
    """Hours within 1.8 s of the length of their period are that length."""
    step_size: bool = True
    exact_multiple_grows: bool = False
    """An amount that is a multiple of step_size is rounded up to the next one."""
    step_counts_free_volume: bool = True
    """Amounts at price zero count for step_size."""
    step_of_last_time: bool = False
    """TIME after PARKING_TIME is rounded, instead of the parking."""
    step_per_component: bool = False
    """Each component rounds its own amount; otherwise the last one rounds that of the session."""
    step_joins_reservation: bool = False
    """Reserved time is not rounded when charging time follows."""
    every_flat: bool = False
    """Each FLAT component that becomes active is charged once; otherwise only the first."""
    unnamed_period_is_free: bool = True
    """A period without tariff_id is free when others have one."""
    duration_counts_reservation: bool = False
    """min_duration and max_duration count from the beginning of the reservation."""
    absent_quantity_matches: bool = False
    """A limit of power or current holds when the period tells neither."""
    bound: Bound = Bound.OWN
    interpolates: bool = False
    """A period that crosses a boundary of the tariff is divided there, as if it had been used evenly."""
    minimum_without_charging: bool = False
    """min_price applies although nothing was charged (an expired reservation)."""
    limits: bool = True
    equal_times_are_never: bool = False
    """A window whose end equals its start never holds; otherwise always."""
    weekday_of_window_start: bool = False
    """After midnight, a window that wraps belongs to the weekday on which it began."""
    unstated_vat: UnstatedVat = UnstatedVat.FLAGGED


DEFAULT = Policy()
