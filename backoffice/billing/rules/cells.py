"""What a cell of a file holds: texts that no spreadsheet runs, numbers with the digits they have, times.

A spreadsheet takes a text that begins with = + - @ for a formula, in full width too, and some also after blanks, quotes or
invisible letters. Such a text gets an apostrophe before it. The same behind each mark that may separate columns: a file
with semicolons that is opened as one with commas is cut in other places. Numbers are ours, of digits only, and need no
guard. Line ends and other control characters become blanks: a row stays one line.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_UNSEEN = r"[\s'\"`\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2060-\u2064\ufeff]*"
_BEGINS = "[=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b]"
_ACTIVE = re.compile(rf"^(?={_UNSEEN}{_BEGINS})")
_BEHIND = re.compile(rf"([,;|])(?={_UNSEEN}{_BEGINS})")
_PLAIN = re.compile(r"[^\W_][^,;|\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]*")
"""Begins with a letter or digit and could be cut nowhere: nearly every text there is, told by one look."""


def inert(value: str) -> str:
    """The text as no spreadsheet runs it; a text that none would run comes back unchanged."""
    if _PLAIN.fullmatch(value):
        return value
    began = value[:1]
    value = _CONTROLS.sub(" ", value)
    guarded = _BEHIND.sub(r"\1'", _ACTIVE.sub("'", value))
    return f"'{guarded}" if began in ("\t", "\r") and not guarded.startswith("'") else guarded


def number(value: Decimal | int, mark: str = ".") -> str:
    """Plain notation with all its digits, no thousands mark."""
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    return text if mark == "." else text.replace(".", mark)


def utc(moment: datetime) -> str:
    """`2026-03-01T08:00:00Z`; with a fraction only where there is one."""
    moment = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='milliseconds' if moment.microsecond else 'seconds')}Z"


def local(moment: datetime) -> str:
    """`2026-03-01T09:00:00+01:00`: the wall clock and how far it is from UTC, so that the hour that comes twice is told."""
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")


def flag(value: bool) -> str:
    return "true" if value else "false"


def masked(text: str) -> str:
    """The last four characters of a token's number, at most a third of it: enough to find it with its holder on the line."""
    shown = min(4, len(text) // 3)
    return "*" * (len(text) - shown) + (text[-shown:] if shown else "")
