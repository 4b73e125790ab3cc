"""What stands on a driver's invoice, as values: of the CDR what was charged and what it costs, of the advice how it was paid.

A document, and not columns: what a driver was shown stays as it was, whatever becomes of tariffs, locations and names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """Who stands on an invoice (in the EU: name, address and VAT id are what the law wants)."""

    name: str
    address: str
    postal_code: str = ""
    city: str
    country: str
    vat_id: str
    registration: str = ""
    contact: str = ""
    website: str = ""
    code: str


def compose(cdr: Tree, *, seller: Seller, reference: str, zone: str, at: datetime) -> Tree:
    """The invoice of a CDR; `zone`: of the place, where it is known. Its lines add up to its total to the cent: what rounding
    makes of them is a line of its own."""
    currency = cdr["currency"]
    excl, taxes, total = _price(cdr["total_cost"], currency)
    lines: list[Tree] = [
        {"kind": kind, "amount": _minor(gross(cdr[field]), currency), **_rates(cdr[field], cdr["total_cost"])}
        for field, kind in PARTS.items()
        if field in cdr and gross(cdr[field])
    ]
    rest = total - sum((line["amount"] for line in lines), Decimal(0))
    if lines and rest:
        lines.append({"kind": ROUNDING, "amount": rest})
    place = cdr["cdr_location"]
    return {
        "seller": {name: told for name, told in asdict(seller).items() if told},
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


def _rates(price: Tree, whole: Tree) -> Tree:
    """The taxes in a line, by name and rate. Where it names none and the whole names one alone, it is that one."""
    named = [tax for tax in price.get("taxes") or () if tax["amount"]]
    told = list(whole.get("taxes") or ())
    if not named and len(told) == 1 and told[0]["amount"]:
        named = told
    rates = [{name: tax[name] for name in ("name", "percentage") if tax.get(name) is not None} for tax in named]
    return {"rates": rates} if rates else {}


def taken_back(invoice: Tree, *, number: str, cdr: str, at: datetime) -> Tree:
    """The document that takes this invoice back whole: it names it, and each of its amounts with the other sign."""
    told = {name: value for name, value in invoice.items() if name not in ("paid", "corrects", "returned")}
    return told | {
        "cdr": cdr,
        "issued_at": date_time_text(at),
        "corrects": {"number": number, "issued_at": invoice["issued_at"]},
        "lines": [line | {"amount": _minus(line["amount"])} for line in invoice["lines"]],
        "before_taxes": _minus(invoice["before_taxes"]),
        "taxes": [tax | {"amount": _minus(tax["amount"])} for tax in invoice["taxes"]],
        "total": _minus(invoice["total"]),
    }


def _minus(value: Decimal) -> Decimal:
    return -value if value else value


def with_return(invoice: Tree, *, amount: Decimal, eft: Sequence[str], at: datetime) -> Tree:
    """The same correction with what went back to the driver since."""
    return invoice | {
        "returned": [
            *invoice.get("returned", ()),
            {"amount": amount, "eft": list(eft), "at": date_time_text(at)},
        ]
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


def with_card(
    invoice: Tree,
    *,
    eft: Sequence[str],
    captured: Decimal,
    status: str,
    at: datetime,
    advices: Sequence[str] = (),
    by: str = "",
) -> Tree:
    """The same invoice with what was captured from the card, and the lines that have to stand on it. `advices`: who said so."""
    paid = {
        "eft": list(eft),
        "captured": captured,
        "status": status,
        "advices": list(advices),
        "at": date_time_text(at),
    }
    return invoice | {"paid": paid | ({"by": by} if by else {})}
