"""What charging costs in the demo world: for each currency of a company four tariffs, and a price that changes soon.

The ids are those that `equipping.connector` puts on the connectors.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from backoffice.demo.world.companies import Company
from ocpi.wire.base import date_time_text

Tree = dict[str, Any]

RATES: dict[str, tuple[Decimal, int]] = {
    # how much dearer than in euros, VAT in percent
    "EUR": (Decimal(1), 19),
    "GBP": (Decimal("0.9"), 20),
    "SEK": (Decimal("11.2"), 25),
}

CHANGES_IN = timedelta(days=30)


def tariffs(company: Company, currencies: set[str], at: datetime) -> list[Tree]:
    """The tariffs of a company in these currencies, as they stand at `at`."""
    return [tree for currency in sorted(currencies) for tree in _in(company, currency, at)]


def _in(company: Company, currency: str, at: datetime) -> list[Tree]:
    dearer, vat = RATES.get(currency, (Decimal(1), 20))

    def price(euros: str) -> Decimal:
        return (Decimal(euros) * dearer).quantize(Decimal("0.01"))

    def component(kind: str, euros: str, step: int) -> Tree:
        return {"type": kind, "price": price(euros), "vat": vat, "step_size": step}

    def tariff(name: str, elements: list[Tree], **more: Any) -> Tree:
        return {
            "country_code": company.country_code,
            "party_id": company.party_id,
            "id": f"{company.party_id}-{name}-{currency}",
            "currency": currency,
            "elements": elements,
            "tax_included": "YES",
            "last_updated": date_time_text(at - timedelta(days=90)),
        } | more

    night = {"start_time": "22:00", "end_time": "06:00"}
    change = (at + CHANGES_IN).replace(hour=0, minute=0, second=0, microsecond=0)
    standing = component("PARKING_TIME", "6.00", 60)  # who stands there full keeps others from charging
    fast = [{"price_components": [component("FLAT", "0.50", 1), component("ENERGY", "0.69", 1), standing]}]
    dearer_fast = [{"price_components": [component("FLAT", "0.50", 1), component("ENERGY", "0.74", 1), standing]}]
    return [
        tariff(
            "AC",
            [
                {"price_components": [component("ENERGY", "0.39", 1)], "restrictions": night},
                {"price_components": [component("ENERGY", "0.49", 1)]},
                {"price_components": [component("PARKING_TIME", "3.00", 60)], "restrictions": {"min_duration": 14_400}},
            ],
            preauthorize_amount=price("15.00"),
            max_price={"before_taxes": price("33.61"), "after_taxes": price("40.00")},
        ),
        tariff(
            "DC",
            [
                {"price_components": [component("ENERGY", "0.59", 1)]},
                {"price_components": [component("TIME", "6.00", 60)], "restrictions": {"min_duration": 5_400}},
            ],
            preauthorize_amount=price("1.50"),  # so little that charges of the demo, which take minutes, come to it
        ),
        tariff("HPC", fast, end_date_time=date_time_text(change), preauthorize_amount=price("60.00")),
        tariff("HPC2", dearer_fast, start_date_time=date_time_text(change), preauthorize_amount=price("60.00")),
        tariff("STAFF", [{"price_components": [component("ENERGY", "0.29", 1)]}], type="REGULAR"),
    ]
