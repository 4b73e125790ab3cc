"""Card numbers in what is said: whoever sends one by mistake must not find it kept anywhere here."""

from __future__ import annotations

import re

LONG = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){11,18}(?![0-9])")
"""Twelve digits and more, as card numbers are written: together, or in groups."""


def checks(written: str) -> bool:
    """Whether its last digit is the check digit of the others (Luhn)."""
    digits = [int(digit) for digit in written if digit.isdigit()]
    doubled = [digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(digits[::-1])]
    return sum(doubled) % 10 == 0


def last_four(written: str) -> str:
    return "**** " + re.sub(r"[^0-9]", "", written)[-4:]


def without_card_numbers(text: str) -> str:
    """What has the check digit of a card's number keeps its last four digits; other numbers stay."""
    return LONG.sub(lambda found: last_four(found[0]) if checks(found[0]) else found[0], text)
