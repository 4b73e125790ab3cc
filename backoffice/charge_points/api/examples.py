"""What the description shows for each route; tests send it."""

from decimal import Decimal
from typing import Any

Tree = dict[str, Any]

_CONNECTOR: Tree = {
    "id": "1",
    "standard": "IEC_62196_T2",
    "format": "SOCKET",
    "power_type": "AC_3_PHASE",
    "max_voltage": 230,
    "max_amperage": 32,
}

EVSE: Tree = {
    "evse_id": "DE*RDK*E4711*1",
    "status": "AVAILABLE",
    "capabilities": ["REMOTE_START_STOP_CAPABLE", "RESERVABLE", "UNLOCK_CAPABLE", "RFID_READER"],
    "connectors": [_CONNECTOR],
}

LOCATION: Tree = {
    "publish": True,
    "name": "Depot Nord",
    "address": "Hafenstraße 7",
    "city": "Hamburg",
    "postal_code": "20457",
    "country": "DEU",
    "coordinates": {"latitude": "53.543100", "longitude": "9.998700"},
    "time_zone": "Europe/Berlin",
    "evses": [EVSE | {"uid": "4711-1"}],
}

STATUS: Tree = {"evse_id": "DE*RDK*E4711*1", "status": "AVAILABLE", "reason": "Breaker was reset"}
CARD: Tree = {"evse_id": "DE*RDK*E4711*1", "connector_id": "1", "uid": "04A2B3C4D5E680", "token_type": "RFID"}
START: Tree = {
    "evse_id": "DE*RDK*E4711*1",
    "connector_id": "1",
    "transaction": "T-2041",
    "authorization_id": 991,
    "meter_kwh": Decimal("18204.5"),
}
READINGS: Tree = {
    "readings": [
        {
            "evse_id": "DE*RDK*E4711*1",
            "transaction": "T-2041",
            "meter_kwh": Decimal("18209.8"),
            "power_kw": Decimal("10.9"),
            "soc": 44,
        }
    ]
}
STOP: Tree = {
    "evse_id": "DE*RDK*E4711*1",
    "transaction": "T-2041",
    "meter_kwh": Decimal("18226.1"),
    "reason": "EVDisconnected",
}
PLAN: Tree = {
    "evse_id": "DE*RDK*E4711*1",
    "transaction": "T-2041",
    "profile": {
        "start_date_time": "2026-11-26T12:00:00Z",
        "charging_profile": {
            "charging_rate_unit": "W",
            "charging_profile_period": [{"start_period": 0, "limit": 7400}],
        },
    },
}
ANSWER: Tree = {"outcome": "ACCEPTED"}
