"""Which version an object without a label is in: for files that somebody imports."""

from typing import Any

from ocpi.versions.version import listed

NEWEST_ONLY = listed(
    "accepted_service_providers before_taxes help_phone hub_party_id parking parking_places tax_included taxes"
)
OLDEST_ONLY = listed("amperage auth_id start_datetime stop_date_time tariff_id voltage")
OLD_PLACES = frozenset({"address", "coordinates", "type"})
"""Together they are a Location of 2.1.1: newer ones have parking_type."""


def detect_version(tree: Any) -> str:
    """2.3.0, 2.2.1 or 2.1.1, told by the field names anywhere in the tree (objects, a list of them, or a page around
    it).

    One field that only 2.3.0 has decides, then one that only 2.1.1 has; without either it is 2.2.1, whose objects
    also are 2.3.0 objects, prices and tariffs apart.
    """
    oldest = False
    waiting: list[Any] = [tree]
    while waiting:
        node = waiting.pop()
        if type(node) is list:
            waiting += node
        elif type(node) is dict:
            if not NEWEST_ONLY.isdisjoint(node):
                return "2.3.0"
            old_names = OLDEST_ONLY & node.keys()
            if "dimensions" in node or "booking_terms" in node:
                old_names -= {"tariff_id"}  # ChargingPeriods and bookings have one in every version
            oldest = oldest or bool(old_names) or (node.keys() >= OLD_PLACES and "country_code" not in node)
            waiting += node.values()
    return "2.1.1" if oldest else "2.2.1"
