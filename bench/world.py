"""The made-up locations that are measured: six EVSEs with two connectors each, about 8.7 kB as JSON, every one different."""

from __future__ import annotations

from typing import Any

STATUSES = ("AVAILABLE", "CHARGING", "OUTOFORDER", "BLOCKED", "RESERVED")
UPDATED = "2026-03-01T12:00:00Z"


def location(number: int, *, country_code: str = "NL", party_id: str = "BEN", evses: int = 6) -> dict[str, Any]:
    """The location of this number, with 2.3.0 names."""
    street = number % 977
    return {
        "country_code": country_code,
        "party_id": party_id,
        "id": f"LOC{number:07d}",
        "publish": True,
        "name": f"Charging plaza {number} at the old market",
        "address": f"Stationsstraat {street}",
        "city": f"Testdorp {number % 211}",
        "postal_code": f"{1000 + number % 8999}AB",
        "country": "NLD",
        "coordinates": {"latitude": f"{51 + number % 2000 / 1000:.6f}", "longitude": f"{4 + number % 1700 / 1000:.6f}"},
        "parking_type": "PARKING_LOT",
        "evses": [_evse(number, position, country_code, party_id) for position in range(evses)],
        "directions": [
            {"language": "en", "text": f"Take the second entrance after the bridge, plaza {number} is on the left."},
            {"language": "nl", "text": f"Neem de tweede ingang na de brug, plein {number} ligt aan de linkerkant."},
        ],
        "operator": {"name": "Bench Charging", "website": "https://bench.example/charging"},
        "facilities": ["CAFE", "PARKING_LOT", "WIFI"],
        "time_zone": "Europe/Amsterdam",
        "opening_times": {
            "twentyfourseven": False,
            "regular_hours": [{"weekday": day, "period_begin": "06:00", "period_end": "23:30"} for day in range(1, 8)],
        },
        "charging_when_closed": True,
        "energy_mix": {
            "is_green_energy": True,
            "energy_sources": [{"source": "SOLAR", "percentage": 40.5}, {"source": "WIND", "percentage": 59.5}],
            "supplier_name": "Green Energy Supplier",
            "energy_product_name": "Day and Night Green",
        },
        "help_phone": "+31201234567",
        "last_updated": UPDATED,
    }


def _evse(number: int, position: int, country_code: str, party_id: str) -> dict[str, Any]:
    uid = f"{number:07d}-{position}"
    return {
        "uid": uid,
        "evse_id": f"{country_code}*{party_id}*E{number:07d}{position}",
        "status": STATUSES[(number + position) % len(STATUSES)],
        "capabilities": ["RFID_READER", "REMOTE_START_STOP_CAPABLE", "RESERVABLE", "CONTACTLESS_CARD_SUPPORT"],
        "connectors": [_connector(uid, each) for each in (1, 2)],
        "floor_level": str(position % 3),
        "coordinates": {"latitude": "52.370216", "longitude": "4.895168"},
        "physical_reference": f"Bay {position + 1}",
        "directions": [{"language": "en", "text": f"Bay {position + 1}, beside the ticket machine on this floor."}],
        "parking_restrictions": ["EV_ONLY", "PLUGGED"],
        "images": [
            {
                "url": f"https://images.bench.example/evse/{uid}/front.jpeg",
                "category": "CHARGER",
                "type": "jpeg",
                "width": 1280,
                "height": 960,
            }
        ],
        "last_updated": UPDATED,
    }


def _connector(uid: str, number: int) -> dict[str, Any]:
    return {
        "id": str(number),
        "standard": "IEC_62196_T2" if number == 1 else "IEC_62196_T2_COMBO",
        "format": "SOCKET" if number == 1 else "CABLE",
        "power_type": "AC_3_PHASE" if number == 1 else "DC",
        "max_voltage": 400,
        "max_amperage": 32 if number == 1 else 250,
        "max_electric_power": 22080 if number == 1 else 100000,
        "tariff_ids": [f"TARIFF-{uid}-{number}", "TARIFF-AD-HOC"],
        "terms_and_conditions": "https://bench.example/charging/terms-and-conditions",
        "last_updated": UPDATED,
    }
