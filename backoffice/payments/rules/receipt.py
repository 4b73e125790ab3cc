"""What of a card may be kept and shown: four digits, and never as many as make a card number."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from backoffice.delivery.card_numbers import checks, without_card_numbers

_LONG = re.compile(r"\d(?:[ -]?\d){11,18}")
"""Also as a part of a longer number: what a receipt shows is masked rather once too often."""

LINES, LENGTH = 40, 255


def masked(line: str) -> str:
    """The line without card numbers: their last four digits stay. A number that is none is masked, too, where it is as long:
    better one too many. What follows a letter names an application of the card (A0000000031010), which has to stand there,
    unless its check digit says that it is a card's number."""

    def kept(found: re.Match[str]) -> str:
        names = found.start() > 0 and line[found.start() - 1].isalpha()
        return found[0] if names and not checks(found[0]) else "**** " + re.sub(r"\D", "", found[0])[-4:]

    return _LONG.sub(kept, line)


def lines(told: Iterable[str]) -> list[str]:
    """Receipt lines as an advice may carry them: printable ASCII, short enough, masked, none of them empty."""
    clean = (re.sub(r"[^\x20-\x7e]", "?", " ".join(masked(line).split()))[:LENGTH] for line in told)
    return [line for line in clean if line][:LINES]


def is_card_number(text: str) -> bool:
    """Whether this holds what no system but the terminal's may see."""
    return any(checks(found[0]) for found in _LONG.finditer(text))


NAMES = frozenset({"id", "authorization_reference", "total_costs", "currency", "last_updated"})
"""Of an advice, what is no text: a long number there is no card's."""


def without_numbers(tree: dict[str, Any]) -> dict[str, Any]:
    """An advice without the card numbers that its provider should not have sent, in whatever field it put them."""
    return {name: value if name in NAMES else _cleaned(value) for name, value in tree.items()}


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return without_card_numbers(value)
        case list():
            return [_cleaned(each) for each in value]
        case dict():
            return {without_card_numbers(str(name)): _cleaned(each) for name, each in value.items()}
        case bool():
            return value
        case int() | Decimal():
            plain = f"{value:.0f}" if value == int(value) else f"{value:f}"
            clean = without_card_numbers(plain)
            return value if clean == plain else clean
    return value
