"""Where a charge takes place, as its CDR will tell it: written down when it begins, for a CDR shows the Location as it was then
(mod_cdrs, T-303)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Tree = dict[str, Any]


def place(location: Tree, evse_uid: str, connector_id: str) -> Tree:
    """The cdr_location of a connector: only what a CDR tells of a Location."""
    evse = _named(location.get("evses"), "uid", evse_uid)
    connector = _named(evse.get("connectors"), "id", connector_id)
    longest = {"name": 255, "postal_code": 10, "state": 20}
    told = {name: location[name][:length] for name, length in longest.items() if location.get(name)}
    return {
        "id": location["id"],
        "address": location["address"][:45],
        "city": location["city"][:45],
        "country": location["country"],
        "coordinates": location["coordinates"],
        "evse_uid": evse_uid,
        "evse_id": evse.get("evse_id") or evse_uid,
        "connector_id": connector_id,
        "connector_standard": connector.get("standard", "IEC_62196_T2"),
        "connector_format": connector.get("format", "SOCKET"),
        "connector_power_type": connector.get("power_type", "AC_3_PHASE"),
    } | told


def _named(children: Sequence[Tree] | None, field: str, wanted: str) -> Tree:
    return next((each for each in children or () if each[field].upper() == wanted.upper()), {})
