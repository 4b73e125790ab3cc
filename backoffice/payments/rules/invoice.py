"""What stands on a driver's invoice, as values: of the CDR what was charged and what it costs, of the advice how it was paid.

A document, and not columns: what a driver was shown stays as it was, whatever becomes of tariffs, locations and names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from backoffice.payments.rules.money import amount, units
from ocpi.wire.base import date_time_text

Tree = dict[str, Any]

PARTS: Mapping[str, str] = {
    "total_fixed_cost": "fixed",
    "total_energy_cost": "energy",
    "total_time_cost": "time",
    "total_parking_cost": "parking",
    "total_reservation_cost": "reservation",
}
"""Cost fields of a CDR, and the words of their lines (`invoice_words`)."""

ROUNDING = "rounding"


@dataclass(frozen=True, slots=True)
class Seller:
    name: str
    website: str
    code: str


def compose(cdr: Tree, *, seller: Seller, reference: str, zone: str, at: datetime) -> Tree:
    """The invoice of a CDR; `zone`: of the place, where it is known. Its lines add up to its total to the cent: what rounding
    makes of them is a line of its own."""
    currency = cdr["currency"]
    excl, taxes, total = _price(cdr["total_cost"], currency)
    lines: list[Tree] = [
        {"kind": kind, "amount": _minor(gross(cdr[field]), currency)}
        for field, kind in PARTS.items()
        if field in cdr and gross(cdr[field])
    ]
    rest = total - sum((line["amount"] for line in lines), Decimal(0))
    if lines and rest:
        lines.append({"kind": ROUNDING, "amount": rest})
    place = cdr["cdr_location"]
    return {
        "seller": {"name": seller.name, "website": seller.website, "code": seller.code},
        "reference": reference,
        "cdr": cdr["id"],
        "issued_at": date_time_text(at),
        "place": {
            name: place[name]
            for name in ("name", "address", "postal_code", "city", "country", "evse_id", "connector_id")
            if place.get(name)
        },
        "zone": zone,
        "began": cdr["start_date_time"],
        "ended": cdr["end_date_time"],
        "kwh": cdr["total_energy"],
        "hours": cdr["total_time"],
        "currency": currency,
        "lines": lines,
        "before_taxes": excl,
        "taxes": taxes,
        "total": total,
    }


def gross(price: Tree) -> Decimal:
    """With its taxes."""
    found: Decimal = price["before_taxes"] + sum((tax["amount"] for tax in price.get("taxes") or ()), Decimal(0))
    return found


def _price(price: Tree, currency: str) -> tuple[Decimal, list[Tree], Decimal]:
    """Before taxes, the taxes, the total: rounded so that they add up. The total is what is paid; the rest is before taxes."""
    total = _minor(gross(price), currency)
    taxes = [
        {
            "name": tax["name"],
            **({"percentage": tax["percentage"]} if tax.get("percentage") is not None else {}),
            "amount": _minor(tax["amount"], currency),
        }
        for tax in price.get("taxes") or ()
    ]
    return total - sum((tax["amount"] for tax in taxes), Decimal(0)), taxes, total


def _minor(value: Decimal, currency: str) -> Decimal:
    return amount(units(value, currency), currency)


def with_card(invoice: Tree, *, eft: Sequence[str], captured: Decimal, status: str, at: datetime, by: str = "") -> Tree:
    """The same invoice with what was captured from the card, and the lines that have to stand on it."""
    paid = {"eft": list(eft), "captured": captured, "status": status, "at": date_time_text(at)}
    return invoice | {"paid": paid | ({"by": by} if by else {})}
