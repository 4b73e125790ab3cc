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


def cdr() -> dict[str, Any]:
    """A CDR of an hour with a reading every quarter, about 2.2 kB; its id is CDR0000000."""
    periods = [
        {
            "start_date_time": f"2025-06-01T10:{quarter * 15:02d}:00Z",
            "dimensions": [
                {"type": "ENERGY", "volume": 5.125 + quarter},
                {"type": "TIME", "volume": 0.25},
                {"type": "MAX_POWER", "volume": 21.5},
            ],
            "tariff_id": "TARIFF-AD-HOC",
        }
        for quarter in range(4)
    ]
    return {
        "country_code": "NL",
        "party_id": "BEN",
        "id": "CDR0000000",
        "start_date_time": "2025-06-01T10:00:00Z",
        "end_date_time": "2025-06-01T11:00:00Z",
        "session_id": "SESSION-CDR0000000",
        "cdr_token": {
            "country_code": "DE",
            "party_id": "RDR",
            "uid": "012345678ABCDE",
            "type": "RFID",
            "contract_id": "DE-RDR-C12345678-X",
        },
        "auth_method": "WHITELIST",
        "cdr_location": {
            "id": "LOC0000001",
            "name": "Charging plaza 1 at the old market",
            "address": "Stationsstraat 1",
            "city": "Testdorp",
            "postal_code": "1001AB",
            "country": "NLD",
            "coordinates": {"latitude": "51.047599", "longitude": "3.729944"},
            "evse_uid": "0000001-0",
            "evse_id": "NL*BEN*E00000010",
            "connector_id": "1",
            "connector_standard": "IEC_62196_T2",
            "connector_format": "SOCKET",
            "connector_power_type": "AC_3_PHASE",
        },
        "currency": "EUR",
        "tariffs": [
            {
                "country_code": "NL",
                "party_id": "BEN",
                "id": "TARIFF-AD-HOC",
                "currency": "EUR",
                "elements": [{"price_components": [{"type": "ENERGY", "price": 0.35, "vat": 21, "step_size": 1}]}],
                "tax_included": "NO",
                "last_updated": "2025-01-01T00:00:00Z",
            }
        ],
        "charging_periods": periods,
        "total_cost": {"before_taxes": 9.28, "taxes": [{"name": "VAT", "amount": 1.95}]},
        "total_energy": 26.5,
        "total_time": 1.0,
        "total_energy_cost": {"before_taxes": 9.28, "taxes": [{"name": "VAT", "amount": 1.95}]},
        "last_updated": "2025-06-01T11:00:05Z",
    }


def session() -> dict[str, Any]:
    """A session of an hour with a reading every quarter; its id is SES0000000."""
    made = cdr()
    return {
        "country_code": "NL",
        "party_id": "BEN",
        "id": "SES0000000",
        "start_date_time": made["start_date_time"],
        "end_date_time": made["end_date_time"],
        "kwh": 26.5,
        "cdr_token": made["cdr_token"],
        "auth_method": "WHITELIST",
        "location_id": "LOC0000001",
        "evse_uid": "0000001-0",
        "connector_id": "1",
        "currency": "EUR",
        "charging_periods": made["charging_periods"],
        "total_cost": made["total_cost"],
        "status": "COMPLETED",
        "last_updated": made["last_updated"],
    }


def token() -> dict[str, Any]:
    """A card; its uid is UID0000000."""
    return {
        "country_code": "NL",
        "party_id": "BEN",
        "uid": "UID0000000",
        "type": "RFID",
        "contract_id": "NL-BEN-CUID0000000",
        "visual_number": "NL-BEN-UID0000000-X",
        "issuer": "Bench Charging",
        "valid": True,
        "whitelist": "ALLOWED",
        "language": "nl",
        "energy_contract": {"supplier_name": "Green Energy Supplier", "contract_id": "GREEN-UID0000000"},
        "last_updated": UPDATED,
    }
