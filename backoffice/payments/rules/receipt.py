"""What of a card may be kept and shown: four digits, and never as many as make a card number."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LONG = re.compile(r"\d(?:[ -]?\d){11,18}")
"""Twelve digits and more, as card numbers are written: together, or in groups."""

LINES, LENGTH = 40, 255


def masked(line: str) -> str:
    """The line without card numbers: their last four digits stay. A number that is none (a date with a time, a trace) is masked,
    too, where it is as long: better one too many."""
    return _LONG.sub(lambda found: "**** " + re.sub(r"\D", "", found[0])[-4:], line)


def lines(told: Iterable[str]) -> list[str]:
    """Receipt lines as an advice may carry them: printable ASCII, short enough, masked, none of them empty."""
    clean = (re.sub(r"[^\x20-\x7e]", "?", " ".join(masked(line).split()))[:LENGTH] for line in told)
    return [line for line in clean if line][:LINES]


def is_card_number(text: str) -> bool:
    """Whether this holds what no system but the terminal's may see."""
    for found in _LONG.finditer(text):
        digits = [int(digit) for digit in found[0] if digit.isdigit()]
        doubled = [digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(digits[::-1])]
        if sum(doubled) % 10 == 0:
            return True
    return False
