"""Amounts as they are paid: in whole minor units of their currency (ISO 4217), and what of a bill a reservation covers."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from backoffice.tariffs.rules.exact import exponent, scaled

MOST = Decimal(10) ** 12
"""More than any card pays, of whatever currency; what is written in minor units must fit its column."""


def units(amount: Decimal, currency: str) -> int:
    """In minor units, half away from zero: what a person pays of a calculated amount."""
    return scaled(*amount.as_integer_ratio(), exponent(currency))


def amount(minor: int, currency: str) -> Decimal:
    return Decimal(minor).scaleb(-exponent(currency))


def shown(minor: int, currency: str) -> str:
    """`12.30 EUR`."""
    return f"{amount(minor, currency):f} {currency}"


def payable(excl: Decimal, incl: Decimal | None, currency: str) -> int:
    """What the driver owes for a CDR: with its taxes, where it names any. A charge that paid the driver takes nothing."""
    return max(units(excl if incl is None else incl, currency), 0)


@dataclass(frozen=True, slots=True)
class Taken:
    """What to capture of what is owed. `uncovered`: what was not reserved and is therefore not captured."""

    capture: int
    uncovered: int


def covered(owed: int, reserved: int) -> Taken:
    """No more is captured than was reserved."""
    capture = min(owed, reserved)
    return Taken(capture, owed - capture)


def reached(now: Decimal | None, before: Decimal | None, limit: int, currency: str) -> bool:
    """Whether a charge must end: it costs what is reserved, or would with one more step like the last. `before`: what it cost
    when it was told of before; None: never."""
    if now is None:
        return False
    step = now - before if before is not None and now > before else Decimal(0)
    return units(now + step, currency) >= limit
