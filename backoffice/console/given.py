"""What an address or a form gives, read leniently: what makes no sense is as if it had not been given."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation


def number(text: str | None) -> int | None:
    """The id of a row, small enough for its column; Python alone would read signs, blanks and digits of any script."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 18 else None


def amount(text: str | None) -> Decimal | None:
    """A sum or a volume, with a point or a comma."""
    try:
        found = Decimal((text or "").replace(",", "."))
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found) < 10**12 else None
