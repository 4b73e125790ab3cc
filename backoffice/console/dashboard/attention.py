"""What waits for a person, in the order of what it costs: by money or by the drivers whom it touches, never by time."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from backoffice.console.dashboard.parts import Matter

SHOWN = 12
ORDERS = {"money": "Money", "drivers": "Drivers affected"}


def ordered(matters: Iterable[Matter], by: str) -> list[Matter]:
    """Nothing converts currencies here: the largest sums of all currencies come first, then the second largest, and so on."""
    found = list(matters)
    ranks: dict[int, int] = {}
    for currency in {each.currency for each in found if each.money is not None}:
        sums = [each for each in found if each.money is not None and each.currency == currency]
        for rank, each in enumerate(sorted(sums, key=lambda one: -abs(one.money or Decimal(0)))):
            ranks[id(each)] = rank
    last = len(found)

    def money(each: Matter) -> tuple[int, int]:
        return ranks.get(id(each), last), -each.drivers

    def drivers(each: Matter) -> tuple[int, int]:
        return -each.drivers, ranks.get(id(each), last)

    return sorted(found, key=drivers if by == "drivers" else money)
