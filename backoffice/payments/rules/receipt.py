"""What of a card may be kept and shown: four digits, and never as many as make a card number."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LONG = re.compile(r"\d(?:[ -]?\d){11,18}")
"""Twelve digits and more, as card numbers are written: together, or in groups."""

LINES, LENGTH = 40, 255


def masked(line: str) -> str:
    """The line without card numbers: their last four digits stay. A number that is none is masked, too, where it is as long:
    better one too many. What follows a letter names an application of the card (A0000000031010), which has to stand there,
    unless its check digit says that it is a card's number."""

    def kept(found: re.Match[str]) -> str:
        names = found.start() > 0 and line[found.start() - 1].isalpha()
        return found[0] if names and not _checks(found[0]) else "**** " + re.sub(r"\D", "", found[0])[-4:]

    return _LONG.sub(kept, line)


def lines(told: Iterable[str]) -> list[str]:
    """Receipt lines as an advice may carry them: printable ASCII, short enough, masked, none of them empty."""
    clean = (re.sub(r"[^\x20-\x7e]", "?", " ".join(masked(line).split()))[:LENGTH] for line in told)
    return [line for line in clean if line][:LINES]


def is_card_number(text: str) -> bool:
    """Whether this holds what no system but the terminal's may see."""
    return any(_checks(found[0]) for found in _LONG.finditer(text))


def _checks(written: str) -> bool:
    """Whether its last digit is the check digit of the others (Luhn)."""
    digits = [int(digit) for digit in written if digit.isdigit()]
    doubled = [digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(digits[::-1])]
    return sum(doubled) % 10 == 0
