"""One CDR as a row of an export sees it: its document, and what the books froze beside it.

Amounts and quantities of a Credit CDR are negative here, although its document says only the total so: then every sum over a
column is right. Nothing that a document may lack is relied on, for partners made most of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from backoffice.billing.rules.cells import masked

TAXES = 4
"""Taxes that have columns of their own; the last holds the rest where there are more."""

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Booked:
    """A CDR as the books hold it: its document, and what an Entry froze beside it."""

    number: int
    way: str
    partner: tuple[str, str]
    cpo: str
    emsp: str
    document: Tree
    starts_at: datetime
    ends_at: datetime
    received_at: datetime | None
    time_zone: str
    verdict: str
    reasons: Sequence[str]
    our_net: Decimal | None
    delta: Decimal | None
    decided_by: str
    decided_at: datetime | None


class Line:
    """One row: a booked CDR with what several columns need worked out once. Nothing a document may lack is relied on."""

    __slots__ = ("booked", "document", "location", "row", "sign", "taxes", "token", "total", "zone")

    def __init__(self, booked: Booked, row: int) -> None:
        self.booked, self.row = booked, row
        self.document = document = booked.document
        self.location: Tree = document.get("cdr_location") or {}
        self.token: Tree = document.get("cdr_token") or {}
        self.sign = -1 if document.get("credit") else 1
        total: Tree = document.get("total_cost") or {}
        self.total = self.owed(total.get("before_taxes"))
        self.taxes = self._taxes(total.get("taxes") or ())
        self.zone: ZoneInfo | None = zone(booked.time_zone)

    def owed(self, value: Any) -> Decimal | None:
        """An amount of the total, which a Credit CDR says negative by itself; one that forgot to is taken so."""
        number = exact(value)
        return number if number is None or self.sign > 0 else -abs(number)

    def signed(self, value: Any) -> Decimal | None:
        """Any other amount or quantity, which a Credit CDR repeats as it was."""
        number = exact(value)
        return number if number is None or self.sign > 0 else -number

    def part(self, name: str) -> Decimal | None:
        """What a part of the price is, before taxes."""
        return self.signed((self.document.get(name) or {}).get("before_taxes"))

    def _taxes(self, told: Sequence[Tree]) -> list[tuple[str, Decimal | None, Decimal | None]]:
        found = [(str(t.get("name") or ""), exact(t.get("percentage")), self.owed(t.get("amount"))) for t in told]
        if len(found) <= TAXES:
            return found
        rest = found[TAXES - 1 :]
        amount = sum((t[2] for t in rest if t[2] is not None), Decimal(0))
        return [*found[: TAXES - 1], (f"{len(rest)} more", None, amount)]

    @property
    def gross(self) -> Decimal | None:
        """None where no tax is named: that may mean none is due, or that nobody said."""
        if self.total is None or not self.taxes:
            return None
        return self.total + sum((t[2] for t in self.taxes if t[2] is not None), Decimal(0))

    def tax(self, place: int, fact: int) -> Any:
        return self.taxes[place][fact] if place < len(self.taxes) else None

    def local(self, moment: datetime) -> datetime | None:
        try:
            return moment.astimezone(self.zone) if self.zone is not None else None
        except OverflowError:  # a time at the very end of what a DateTime can say
            return None

    @property
    def token_uid(self) -> str:
        return masked(str(self.token.get("uid") or ""))

    @property
    def tariff_ids(self) -> str:
        return ";".join(str(tariff.get("id", "")) for tariff in self.document.get("tariffs") or ())

    @property
    def verdict(self) -> str:
        return self.booked.verdict

    @property
    def reasons(self) -> str:
        return ";".join(self.booked.reasons)

    @property
    def signed_data(self) -> str:
        return "PRESENT" if self.document.get("signed_data") else "NONE"

    @property
    def time_zone(self) -> str:
        return "" if self.zone is None else self.zone.key

    def quantity(self, name: str) -> Decimal | None:
        return self.signed(self.document.get(name))

    @property
    def charging(self) -> Decimal | None:
        """Time minus parking; unknown where the parking is."""
        whole, parked = self.quantity("total_time"), self.quantity("total_parking_time")
        return None if whole is None or parked is None else whole - parked


def exact(value: Any) -> Decimal | None:
    return Decimal(value) if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else None


@lru_cache(maxsize=1000)
def zone(name: str) -> ZoneInfo | None:
    """None for what is no time zone: partners name what they like."""
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, OSError, ValueError):  # unknown, a folder, no name at all
        return None
