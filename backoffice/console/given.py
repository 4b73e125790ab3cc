"""What an address or a form gives, read leniently: what makes no sense is as if it had not been given."""

from __future__ import annotations


def number(text: str | None) -> int | None:
    """The id of a row, small enough for its column; Python alone would read signs, blanks and digits of any script."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 18 else None
