"""The quality issues that the demo world has on purpose, so that the publish gate and its list have something to show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Tree = dict[str, Any]


def _swap_coordinates(location: Tree) -> None:
    point = location["coordinates"]
    location["coordinates"] = {"latitude": point["longitude"], "longitude": point["latitude"]}


def _take_everything_away(location: Tree) -> None:
    for evse in location["evses"]:
        evse["status"] = "REMOVED"


def _without(field: str) -> Callable[[Tree], None]:
    return lambda location: location.pop(field)


def _evse_without_id(location: Tree) -> None:
    del location["evses"][0]["evse_id"]


def _wrong_power(location: Tree) -> None:
    location["evses"][0]["connectors"][0]["max_electric_power"] = 7_400


def _without_tariff(location: Tree) -> None:
    del location["evses"][1]["connectors"][0]["tariff_ids"]


FLAWS: dict[tuple[str, str], tuple[str, Callable[[Tree], None]]] = {
    ("Leipzig", "Supermarket"): ("COORDINATES_SWAPPED", _swap_coordinates),
    ("York", "Park and ride"): ("NO_EVSE", _take_everything_away),
    ("Turku", "Hotel"): ("HOURS_MISSING", _without("opening_times")),
    ("Évora", "Park and ride"): ("HELP_PHONE_MISSING", _without("help_phone")),
    ("Porto", "On street"): ("EVSE_ID_MISSING", _evse_without_id),
    ("Bristol", "On street"): ("POWER_UNLIKELY", _wrong_power),
    ("Tampere", "Supermarket"): ("TARIFF_MISSING", _without_tariff),
}
"""Town and kind of site -> the finding that the gate must have, and how the location is spoilt."""


def spoil(locations: list[Tree]) -> None:
    """Each flaw goes into the one location that it names. Raises ValueError for a name that fits none."""
    for (city, label), (_, change) in FLAWS.items():
        fitting = [tree for tree in locations if tree["city"] == city and tree["name"].startswith(f"{city}, {label} ")]
        if len(fitting) != 1:
            raise ValueError(f"{label} in {city}: {len(fitting)} locations")
        change(fitting[0])
