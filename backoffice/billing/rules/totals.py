"""Sums of an export, never across currencies: by partner and by tax, exact, as many as there are partners and rates."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from backoffice.billing.rules.cells import number
from backoffice.billing.rules.lines import Line

NOTHING = Decimal(0)


@dataclass(slots=True)
class Sum:
    """`untaxed`: how many of the rows name no tax, so that their gross is unknown."""

    rows: int = 0
    kwh: Decimal = NOTHING
    net: Decimal = NOTHING
    tax: Decimal = NOTHING
    untaxed: int = 0

    def add(self, line: Line) -> None:
        self.rows += 1
        self.kwh += line.quantity("total_energy") or NOTHING
        self.net += line.total or NOTHING
        for _, _, amount in line.taxes:
            self.tax += amount or NOTHING
        self.untaxed += not line.taxes


@dataclass(slots=True)
class TaxSum:
    """`net`: the totals before taxes of the rows that bear this tax."""

    rows: int = 0
    net: Decimal = NOTHING
    amount: Decimal = NOTHING


@dataclass(slots=True)
class Totals:
    """`by_partner`: (direction, partner, currency). `by_tax`: (direction, country, currency, name, rate)."""

    by_currency: dict[str, Sum] = field(default_factory=dict)
    by_partner: dict[tuple[str, str, str], Sum] = field(default_factory=dict)
    by_tax: dict[tuple[str, str, str, str, str], TaxSum] = field(default_factory=dict)

    def add(self, line: Line) -> None:
        currency = str(line.document.get("currency") or "")
        way, partner = line.booked.way.lower(), "-".join(line.booked.partner)
        self.by_currency.setdefault(currency, Sum()).add(line)
        self.by_partner.setdefault((way, partner, currency), Sum()).add(line)
        country = str(line.location.get("country") or "")
        for name, rate, amount in line.taxes:
            key = (way, country, currency, name, "" if rate is None else number(rate.normalize()))
            found = self.by_tax.setdefault(key, TaxSum())
            found.rows += 1
            found.net += line.total or NOTHING
            found.amount += amount or NOTHING

    def told(self) -> dict[str, dict[str, Any]]:
        """By currency, as the history keeps it."""
        return {
            currency: {
                "rows": found.rows,
                "kwh": number(found.kwh),
                "net": number(found.net),
                "tax": number(found.tax),
                "untaxed": found.untaxed,
            }
            for currency, found in sorted(self.by_currency.items())
        }
