"""What a new tariff begins with: the eight shapes that nearly all tariffs have, with figures to be changed.

A template gives what the editor then asks for anyway; it decides nothing. VAT and currency are those of the owner's country
where they are known, and left to the staff where they are not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ocpi.wire.tariffs import TaxIncluded

Tree = dict[str, Any]

STANDARD_VAT = {
    "AT": "20",
    "BE": "21",
    "CH": "8.1",
    "CZ": "21",
    "DE": "19",
    "DK": "25",
    "ES": "21",
    "FR": "20",
    "GB": "20",
    "IE": "23",
    "IT": "22",
    "LU": "17",
    "NL": "21",
    "NO": "25",
    "PL": "23",
    "PT": "23",
    "SE": "25",
}
"""Percent, by country. Suggestions: whoever sets the price answers for the rate."""

CURRENCIES = {
    "AU": "AUD",
    "CA": "CAD",
    "CH": "CHF",
    "CZ": "CZK",
    "DK": "DKK",
    "GB": "GBP",
    "HU": "HUF",
    "JP": "JPY",
    "NO": "NOK",
    "NZ": "NZD",
    "PL": "PLN",
    "RO": "RON",
    "SE": "SEK",
    "US": "USD",
}
"""By country; elsewhere EUR."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the tariff will be used, as far as a template asks."""

    country: str

    @property
    def currency(self) -> str:
        return CURRENCIES.get(self.country.upper(), "EUR")

    @property
    def vat(self) -> Decimal | None:
        stated = STANDARD_VAT.get(self.country.upper())
        return Decimal(stated) if stated else None


@dataclass(frozen=True, slots=True)
class Template:
    """`taxes`: the taxes of the place, for the examples; a tariff itself has room for one VAT number only."""

    key: str
    name: str
    about: str
    elements: Callable[[Decimal | None], list[Tree]]
    terms: Callable[[Decimal | None], Tree] = lambda vat: {}
    currency: str = ""
    tax_included: TaxIncluded = TaxIncluded.YES
    taxes: str = ""

    def tree(self, place: Place) -> Tree:
        """A whole tariff but for owner, id and time: those are the draft's."""
        vat = place.vat if self.tax_included is TaxIncluded.YES else None
        currency = place.currency
        if self.currency and currency not in ("USD", "CAD"):
            currency = self.currency
        return {
            "currency": currency,
            "type": "REGULAR",
            **self.terms(vat),
            "elements": self.elements(vat),
            "tax_included": self.tax_included.value,
        }


def _component(kind: str, price: str, vat: Decimal | None, step: int = 1) -> Tree:
    found: Tree = {"type": kind, "price": Decimal(price)}
    return found | ({"vat": vat} if vat is not None else {}) | {"step_size": step}


def _element(*components: Tree, **restrictions: Any) -> Tree:
    found: Tree = {"price_components": list(components)}
    return found | ({"restrictions": restrictions} if restrictions else {})


def _cap(vat: Decimal | None) -> Tree:
    """EUR 40 with taxes, and what that is without."""
    before = Decimal(40) / (1 + (vat or Decimal(0)) / 100)
    limit: Tree = {"before_taxes": before.quantize(Decimal("0.0001")) if vat else Decimal(40)}
    return {"max_price": limit | ({"after_taxes": Decimal(40)} if vat else {})}


NIGHT = {"start_time": "22:00", "end_time": "06:00"}

TEMPLATES = {
    each.key: each
    for each in (
        Template(
            "kwh",
            "Per kWh",
            "One price for energy, whatever the time.",
            lambda vat: [_element(_component("ENERGY", "0.49", vat))],
        ),
        Template(
            "idle",
            "Per kWh and idle fee",
            "Energy, and a price for time without charging, from 45 minutes after the start on.",
            lambda vat: [
                _element(_component("PARKING_TIME", "6", vat, 60), min_duration=2700),
                _element(_component("ENERGY", "0.49", vat)),
            ],
        ),
        Template(
            "time_of_use",
            "Time of use",
            "Energy is cheaper at night and at weekends.",
            lambda vat: [
                _element(_component("ENERGY", "0.39", vat), **NIGHT),
                _element(_component("ENERGY", "0.44", vat), day_of_week=["SATURDAY", "SUNDAY"]),
                _element(_component("ENERGY", "0.54", vat)),
            ],
        ),
        Template(
            "flat",
            "Flat",
            "One fee for a session, however long.",
            lambda vat: [_element(_component("FLAT", "9.90", vat))],
        ),
        Template(
            "free",
            "Free of charge",
            "Nothing is charged; partners are told so.",
            lambda vat: [_element(_component("FLAT", "0", vat))],
        ),
        Template(
            "reservation",
            "With reservation",
            "Energy; reserving costs by the minute, and a fee when nobody comes.",
            lambda vat: [
                _element(_component("FLAT", "4", vat), reservation="RESERVATION_EXPIRES"),
                _element(_component("TIME", "6", vat, 60), reservation="RESERVATION"),
                _element(_component("ENERGY", "0.49", vat)),
            ],
        ),
        Template(
            "capped",
            "Capped",
            "Energy and charging time, but never more than a maximum for a session.",
            lambda vat: [_element(_component("ENERGY", "0.49", vat), _component("TIME", "1.20", vat, 60))],
            terms=_cap,
        ),
        Template(
            "taxes_on_top",
            "North American taxes",
            "Prices before taxes; several taxes of the place come on top. The tariff itself names none of them.",
            lambda vat: [_element(_component("ENERGY", "0.55", None))],
            currency="CAD",
            tax_included=TaxIncluded.NO,
            taxes="GST 5, QST 9.975",
        ),
    )
}
"""By key, in the order in which they are offered."""
