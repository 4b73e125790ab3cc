"""Three books that must say the same of each payment: what was captured, what the CDR bills, what the invoice says.

Each entry names the authorization reference that the payment began with, and its amount in whole minor units: they agree or they
do not, there is no tolerance. A book may have several entries of a payment: captures of parts, what was given back, an invoice
and what takes it back; their sum is compared. What staff decided (two entries belong together; what is missing is written off;
the driver has got back what was too much) is part of the comparison, with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo


class Book(StrEnum):
    CAPTURES = "captures"
    CDRS = "CDRs"
    INVOICES = "invoices"


UTC = "UTC"


def known_zone(zone: str) -> str:
    """What partners say is no zone until it is found."""
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return UTC
    return zone


def local_day(at: datetime, zone: str) -> date:
    """The day of a moment where the charge point stands, as who counts the takings there has it. It has 23 or 25 hours when the
    clocks change. Where no zone is known: of UTC."""
    return at.astimezone(ZoneInfo(known_zone(zone))).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of one book. `day`: of `zone`. `status`: of a capture (CaptureStatusCode). `link`: where it can be seen."""

    book: Book
    reference: str
    units: int
    currency: str
    day: date
    zone: str = UTC
    terminal: str = ""
    name: str = ""
    status: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What staff say. `other`: the reference of the CDR that this capture is for. `written_off`: units nobody will get.
    `given_back`: units that the driver has got."""

    reference: str
    other: str = ""
    written_off: int = 0
    given_back: int = 0
    reason: str = ""


class Finding(StrEnum):
    """What a line comes to."""

    TIED = "TIED"
    WRITTEN_OFF = "WRITTEN_OFF"
    GIVEN_BACK = "GIVEN_BACK"
    SHORT = "SHORT"
    OVER = "OVER"
    NO_CAPTURE = "NO_CAPTURE"
    NO_CDR = "NO_CDR"
    NO_INVOICE = "NO_INVOICE"
    INVOICE_DIFFERS = "INVOICE_DIFFERS"
    TWICE = "TWICE"
    CURRENCY = "CURRENCY"


SENTENCES: Mapping[Finding, str] = {
    Finding.TIED: "Captured, billed and invoiced alike.",
    Finding.WRITTEN_OFF: "Less was captured than billed, and staff wrote the rest off.",
    Finding.GIVEN_BACK: "More was captured than billed, and staff say that the driver got it back.",
    Finding.SHORT: "Less was captured than billed.",
    Finding.OVER: "More was captured than billed: to be given back.",
    Finding.NO_CAPTURE: "Billed, and nothing was captured.",
    Finding.NO_CDR: "Captured, and no CDR bills it.",
    Finding.NO_INVOICE: "Billed, and the driver has no invoice.",
    Finding.INVOICE_DIFFERS: "The invoice names another amount than the CDR.",
    Finding.TWICE: "One book has it twice.",
    Finding.CURRENCY: "The books name different currencies.",
}

SETTLED = frozenset({Finding.TIED, Finding.WRITTEN_OFF, Finding.GIVEN_BACK})


@dataclass(frozen=True, slots=True)
class Line:
    """One payment through the three books."""

    reference: str
    day: date
    terminal: str
    currency: str
    finding: Finding
    captured: int | None
    billed: int | None
    invoiced: int | None
    zone: str = UTC
    reason: str = ""
    entries: tuple[Entry, ...] = ()

    @property
    def at_risk(self) -> int:
        """What was billed and neither captured nor written off."""
        if self.finding in SETTLED or self.billed is None:
            return 0
        return max(self.billed - (self.captured or 0), 0)

    @property
    def to_give_back(self) -> int:
        """What was captured beyond what a CDR bills, and nobody says that the driver got it."""
        if self.finding not in (Finding.OVER, Finding.TWICE) or self.billed is None:
            return 0
        return max((self.captured or 0) - self.billed, 0)

    @property
    def settled(self) -> bool:
        return self.finding in SETTLED


@dataclass(frozen=True, slots=True)
class Sum:
    """One day of one zone, terminal and currency."""

    day: date
    zone: str
    terminal: str
    currency: str
    captured: int
    billed: int
    invoiced: int
    written_off: int
    count: int
    lines: tuple[Line, ...] = field(default=())

    @property
    def open(self) -> int:
        return sum(not line.settled for line in self.lines)

    @property
    def at_risk(self) -> int:
        return sum(line.at_risk for line in self.lines)

    @property
    def to_give_back(self) -> int:
        return sum(line.to_give_back for line in self.lines)

    @property
    def tied(self) -> bool:
        return not self.open


def tie(entries: Iterable[Entry], decided: Sequence[Decided] = ()) -> list[Line]:
    """Every payment that any book knows, in the order of days. An entry is in exactly one line."""
    by_hand = {each.reference.upper(): each for each in decided}
    joined = {each.reference.upper(): each.other.upper() for each in decided if each.other}
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        key = entry.reference.upper()
        if entry.book is Book.CAPTURES:
            key = joined.get(key, key)
        groups.setdefault(key, []).append(entry)
    back = {other: own for own, other in joined.items()}
    lines = [_line(key, group, by_hand.get(key) or by_hand.get(back.get(key, ""))) for key, group in groups.items()]
    return sorted(lines, key=lambda line: (line.day, line.terminal, line.reference))


def _line(key: str, group: Sequence[Entry], decided: Decided | None) -> Line:
    by_book = {book: [each for each in group if each.book is book] for book in Book}
    captured, billed, invoiced = (sum(each.units for each in by_book[book]) if by_book[book] else None for book in Book)
    anchor = (by_book[Book.CDRS] or by_book[Book.CAPTURES] or by_book[Book.INVOICES])[0]
    finding = _finding(group, by_book, captured, billed, invoiced, decided or Decided(reference=key))
    return Line(
        reference=anchor.reference or key,
        day=anchor.day,
        terminal=next((each.terminal for each in group if each.terminal), ""),
        currency=anchor.currency,
        finding=finding,
        captured=captured,
        billed=billed,
        invoiced=invoiced,
        zone=anchor.zone,
        reason=decided.reason if decided else "",
        entries=tuple(group),
    )


def _finding(
    group: Sequence[Entry],
    by_book: Mapping[Book, Sequence[Entry]],
    captured: int | None,
    billed: int | None,
    invoiced: int | None,
    decided: Decided,
) -> Finding:
    if len({each.currency.upper() for each in group}) > 1:
        return Finding.CURRENCY
    twice = {book for book, found in by_book.items() if sum(each.units > 0 for each in found) > 1}
    if twice - {Book.CAPTURES} and not _taken_back(by_book):
        return Finding.TWICE
    if Book.CAPTURES in twice and billed is not None and (captured or 0) > billed + decided.given_back:
        return Finding.TWICE  # a bill that is paid in parts is not: there the sum counts
    if billed is None:
        return Finding.TIED if not captured and not invoiced else Finding.NO_CDR
    if invoiced is None and billed:
        return Finding.NO_INVOICE
    if invoiced is not None and invoiced != billed:
        return Finding.INVOICE_DIFFERS
    missing = billed - (captured or 0)
    if missing < 0 and decided.given_back == -missing:
        return Finding.GIVEN_BACK
    if missing < 0:
        return Finding.OVER
    if missing == 0:
        return Finding.TIED
    if decided.written_off == missing:
        return Finding.WRITTEN_OFF
    return Finding.NO_CAPTURE if captured is None else Finding.SHORT


def _taken_back(by_book: Mapping[Book, Sequence[Entry]]) -> bool:
    """Two invoices of one payment are no mistake where all but one were taken back."""
    more = [each.units for each in by_book[Book.INVOICES] if each.units > 0]
    less = sum(each.units < 0 for each in by_book[Book.INVOICES])
    return len(by_book[Book.CDRS]) < 2 and len(more) - less <= 1


def sums(lines: Iterable[Line], decided: Sequence[Decided] = ()) -> list[Sum]:
    """Per day, terminal and currency; the latest day first."""
    groups: dict[tuple[date, str, str, str], list[Line]] = {}
    for line in lines:
        groups.setdefault((line.day, line.zone, line.terminal, line.currency), []).append(line)
    return [
        Sum(
            day,
            zone,
            terminal,
            currency,
            captured=sum(line.captured or 0 for line in found),
            billed=sum(line.billed or 0 for line in found),
            invoiced=sum(line.invoiced or 0 for line in found),
            written_off=sum(
                (line.billed or 0) - (line.captured or 0) for line in found if line.finding is Finding.WRITTEN_OFF
            ),
            count=len(found),
            lines=tuple(found),
        )
        for (day, zone, terminal, currency), found in sorted(groups.items(), key=lambda each: each[0], reverse=True)
    ]
