"""What the company says, as OCPI 2.2.1 trees written by hand: cards, one location with its tariff, Sessions and CDRs.

Pure functions; a `Charge` is all that a Session and a CDR are made of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from backoffice.demo.world.companies import STILWATER
from ocpi.wire.base import date_time_text

Tree = dict[str, Any]

OWNER = {"country_code": STILWATER.country_code, "party_id": STILWATER.party_id}

SITE = "STW-HAVEN"
TARIFF = "STW-AC"
PER_KWH = Decimal("0.4200")
EXTRA = Decimal("2.50")
"""What it bills too much, when it does."""
WATTS = 22_000
EVSES = tuple(f"{SITE}-{number}" for number in (1, 2))

CARDS = (
    # visual number, whitelist: nobody needs to ask about the first; about the others one is not answered
    ("STW-00017-1", "ALWAYS"),
    ("STW-00025-4", "ALLOWED_OFFLINE"),
    ("STW-00033-8", "NEVER"),
)


def tokens(at: datetime) -> list[Tree]:
    return [
        OWNER
        | {
            "uid": uid(number),
            "type": "RFID",
            "contract_id": f"NL-STW-C{visual_number[4:9]}{visual_number[-1]}",
            "visual_number": visual_number,
            "issuer": STILWATER.name,
            "valid": True,
            "whitelist": whitelist,
            "language": "nl",
            "last_updated": date_time_text(at),
        }
        for number, (visual_number, whitelist) in enumerate(CARDS)
    ]


def uid(card: int) -> str:
    return f"0457A1{card:02X}B73C80"


def location(at: datetime) -> Tree:
    return OWNER | {
        "id": SITE,
        "publish": True,
        "name": "Stilwater Jachthaven",
        "address": "Havenkade 7",
        "city": "Lemmer",
        "postal_code": "8531 PA",
        "country": "NLD",
        "coordinates": {"latitude": "52.843100", "longitude": "5.709500"},
        "parking_type": "PARKING_LOT",
        "evses": [
            {
                "uid": name,
                "evse_id": f"NL*STW*E0001*{number}",
                "status": "AVAILABLE",
                "capabilities": ["RFID_READER"],
                "connectors": [
                    {
                        "id": "1",
                        "standard": "IEC_62196_T2",
                        "format": "SOCKET",
                        "power_type": "AC_3_PHASE",
                        "max_voltage": 230,
                        "max_amperage": 32,
                        "max_electric_power": WATTS,
                        "tariff_ids": [TARIFF],
                        "last_updated": date_time_text(at),
                    }
                ],
                "last_updated": date_time_text(at),
            }
            for number, name in enumerate(EVSES, start=1)
        ],
        "operator": {"name": STILWATER.name},
        "time_zone": "Europe/Amsterdam",
        "opening_times": {"twentyfourseven": True},
        "last_updated": date_time_text(at),
    }


def tariff(at: datetime) -> Tree:
    component = {"type": "ENERGY", "price": PER_KWH, "vat": 21, "step_size": 1}
    return OWNER | {
        "id": TARIFF,
        "currency": "EUR",
        "elements": [{"price_components": [component]}],
        "last_updated": date_time_text(at),
    }


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge at the company's own charge point. `card`: our CdrToken as it knows it; `reference`: what our eMSP answered."""

    number: str
    card: Tree
    evse: int
    begun: datetime
    reference: str | None


def session(charge: Charge, *, kwh: Decimal, now: datetime, over: bool) -> Tree:
    return (
        _common(charge)
        | {
            "id": f"S{charge.number}",
            "start_date_time": date_time_text(charge.begun),
            "kwh": kwh,
            "location_id": SITE,
            "evse_uid": EVSES[charge.evse],
            "connector_id": "1",
            "currency": "EUR",
            "charging_periods": [_period(charge, kwh, now)],
            "total_cost": _price(kwh),
            "status": "COMPLETED" if over else "ACTIVE",
            "last_updated": date_time_text(now),
        }
        | ({"end_date_time": date_time_text(now)} if over else {})
    )


def cdr(charge: Charge, *, kwh: Decimal, ended: datetime, tariff_since: datetime) -> Tree:
    """As it should be."""
    place = location(tariff_since)
    return _common(charge) | {
        "id": f"C{charge.number}",
        "start_date_time": date_time_text(charge.begun),
        "end_date_time": date_time_text(ended),
        "session_id": f"S{charge.number}",
        "cdr_location": {
            "id": SITE,
            **{name: place[name] for name in ("name", "address", "city", "postal_code", "country", "coordinates")},
            "evse_uid": EVSES[charge.evse],
            "evse_id": place["evses"][charge.evse]["evse_id"],
            "connector_id": "1",
            "connector_standard": "IEC_62196_T2",
            "connector_format": "SOCKET",
            "connector_power_type": "AC_3_PHASE",
        },
        "currency": "EUR",
        "tariffs": [tariff(tariff_since)],
        "charging_periods": [_period(charge, kwh, ended)],
        "total_cost": _price(kwh),
        "total_energy": kwh,
        "total_energy_cost": _price(kwh),
        "total_time": _hours(charge, ended),
        "last_updated": date_time_text(ended),
    }


def dearer(bill: Tree) -> Tree:
    """The same CDR at a price that its own tariff does not give."""
    total = _price(bill["total_energy"], more=EXTRA)
    return bill | {"total_cost": total, "total_energy_cost": total}


def of_nobody(bill: Tree) -> Tree:
    """The same CDR under another id, for a card of a company that is none of ours."""
    card = bill["cdr_token"] | {
        "country_code": "FR",
        "party_id": "ZZZ",
        "uid": "00000000DEAD",
        "contract_id": "FR-ZZZ-C1",
    }
    return bill | {"id": f"{bill['id']}X", "cdr_token": card}


BILLING: tuple[Callable[[Tree], list[Tree]], ...] = (
    lambda bill: [bill],
    lambda bill: [dearer(bill)],
    lambda bill: [bill, bill],  # twice
    lambda bill: [bill, dearer(bill)],  # and then with other content
    lambda bill: [bill, of_nobody(bill)],
)
"""What is sent for a charge, one way after the other."""


def _common(charge: Charge) -> Tree:
    found = OWNER | {"cdr_token": charge.card, "auth_method": "AUTH_REQUEST" if charge.reference else "WHITELIST"}
    return found | ({"authorization_reference": charge.reference} if charge.reference else {})


def _period(charge: Charge, kwh: Decimal, until: datetime) -> Tree:
    return {
        "start_date_time": date_time_text(charge.begun),
        "dimensions": [{"type": "ENERGY", "volume": kwh}, {"type": "TIME", "volume": _hours(charge, until)}],
        "tariff_id": TARIFF,
    }


def _hours(charge: Charge, until: datetime) -> Decimal:
    return (Decimal((until - charge.begun).total_seconds()) / 3600).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def _price(kwh: Decimal, *, more: Decimal = Decimal(0)) -> Tree:
    net = (kwh * PER_KWH + more).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    return {"excl_vat": net, "incl_vat": (net * Decimal("1.21")).quantize(Decimal("0.0001"), ROUND_HALF_UP)}
