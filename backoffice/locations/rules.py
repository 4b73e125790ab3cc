"""Decisions about locations, without database or clock: what changed, what is owed, what is wrong with a location.

Laws (mod_locations): newest `last_updated` wins at each level by itself; a change of a connector is a change of its EVSE and
its Location; nothing is ever deleted, an EVSE that is gone is REMOVED.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from ocpi.wire import locations as wire

Tree = dict[str, Any]

SENDER_ROLES = frozenset({"CPO", "NAP"})
RECEIVER_ROLES = frozenset({"EMSP", "NSP", "NAP", "PTP", "OTHER"})
"""Who typically owns locations and who wants to hear of them (`roles.json`)."""


def changed_fields(before: Tree, after: Tree) -> frozenset[str]:
    """Names of the top-level fields that differ, `last_updated` aside."""
    names = before.keys() | after.keys()
    return frozenset(name for name in names - {"last_updated"} if before.get(name) != after.get(name))


def offered(evse: wire.EVSE) -> list[tuple[str, str]]:
    """Which connector offers which tariff, as (connector id, tariff id)."""
    return [(connector.id, tariff) for connector in evse.connectors for tariff in connector.tariff_ids]


def offering_embedded(location: Tree) -> Tree:
    """A location as some operators hand it over, with whole tariffs inside each EVSE: its connectors, which name none, offer
    those by id."""
    evses = location.get("evses")
    if not isinstance(evses, list) or not any(isinstance(evse, dict) and evse.get("tariffs") for evse in evses):
        return location
    return location | {"evses": [_offering(evse) if isinstance(evse, dict) else evse for evse in evses]}


def _offering(evse: Tree) -> Tree:
    tariffs, connectors = evse.get("tariffs"), evse.get("connectors")
    if not isinstance(tariffs, list) or not isinstance(connectors, list):
        return evse
    ids = [each["id"] for each in tariffs if isinstance(each, dict) and isinstance(each.get("id"), str)]
    if not ids:
        return evse
    return evse | {
        "connectors": [
            each | {"tariff_ids": list(dict.fromkeys(ids))}
            if isinstance(each, dict) and not each.get("tariff_ids") and not each.get("tariff_id")
            else each
            for each in connectors
        ]
    }


def without_tariffs(location: Tree, hidden: Collection[str]) -> Tree:
    """A Location, EVSE or Connector as somebody sees it who must not know of these tariffs (ids in upper case)."""
    for name in ("evses", "connectors"):
        if location.get(name):
            return location | {name: [without_tariffs(child, hidden) for child in location[name]]}
    ids = location.get("tariff_ids")
    if not ids:
        return location
    kept = [one for one in ids if one.upper() not in hidden]
    if kept:
        return location | {"tariff_ids": kept}
    return {name: value for name, value in location.items() if name != "tariff_ids"}


LARGEST_POWER = 2**31 - 1
"""W. More, or less than nothing, is a slip of whoever typed it; the document keeps it, the column could not."""


def max_power(connectors: Iterable[wire.Connector]) -> int:
    """W of the strongest connector: what it says, else what voltage, amperage and phases make."""
    return min(max((_watts(connector) for connector in connectors), default=0), LARGEST_POWER)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


PHASES = {
    wire.PowerType.AC_1_PHASE: Decimal(1),
    wire.PowerType.AC_2_PHASE: Decimal(2),
    wire.PowerType.AC_2_PHASE_SPLIT: Decimal(2),
    wire.PowerType.AC_3_PHASE: Decimal(3),
    wire.PowerType.DC: Decimal(1),
}
"""`max_voltage` of AC is line to neutral (mod_locations#connector_object), so power is volts times amperes times phases."""


def _computed(connector: wire.Connector) -> int:
    return int(connector.max_voltage * connector.max_amperage * PHASES.get(connector.power_type, Decimal(1)))


def _watts(connector: wire.Connector) -> int:
    told = connector.max_electric_power
    return max(int(told) if told is not None else _computed(connector), 0)


class Severity(StrEnum):
    """STOP: not shared with partners until mended. WARN: shared, and listed as a quality issue."""

    STOP = "STOP"
    WARN = "WARN"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the publish gate has to say: a code, where, how bad, and a sentence that names the way out."""

    code: str
    path: str
    severity: Severity
    sentence: str


BOUNDS: dict[str, tuple[float, float, float, float]] = {
    # ISO 3166-1 alpha-3: south, west, north, east, generous by about half a degree; the European mainland and islands
    "AUT": (46.0, 9.0, 49.5, 17.7),
    "BEL": (49.0, 2.0, 52.0, 7.0),
    "CHE": (45.3, 5.5, 48.3, 11.0),
    "CZE": (48.0, 11.6, 51.6, 19.4),
    "DEU": (46.8, 5.3, 55.6, 15.6),
    "DNK": (54.0, 7.5, 58.3, 15.7),
    "ESP": (27.0, -18.7, 44.3, 4.9),
    "FIN": (59.0, 18.5, 70.6, 32.1),
    "FRA": (40.8, -5.7, 51.6, 10.1),
    "GBR": (49.3, -9.2, 61.4, 2.4),
    "IRL": (51.0, -11.0, 55.9, -5.4),
    "ITA": (35.0, 6.1, 47.6, 19.0),
    "LUX": (49.0, 5.2, 50.7, 7.0),
    "NLD": (50.2, 2.8, 54.0, 7.8),
    "NOR": (57.4, 4.0, 71.7, 31.7),
    "POL": (48.5, 13.6, 55.4, 24.7),
    "PRT": (29.5, -31.8, 42.7, -5.7),
    "SWE": (54.8, 10.4, 69.6, 24.7),
    "USA": (18.4, -179.9, 71.9, -66.4),
    "CAN": (41.2, -141.5, 83.6, -52.1),
}

DC_ONLY = frozenset({"CHADEMO", "IEC_62196_T1_COMBO", "IEC_62196_T2_COMBO", "CHAOJI", "GBT_DC", "MCS"})
AC_ONLY = frozenset({"IEC_62196_T1", "IEC_62196_T3A", "IEC_62196_T3C", "GBT_AC"})


def gate(location: wire.Location) -> list[Finding]:
    """The publish gate: every check over one location of ours, in the order staff would mend them."""
    return [finding for check in CHECKS for finding in check(location)]


def _coordinates(location: wire.Location) -> Iterator[Finding]:
    latitude, longitude = float(location.coordinates.latitude), float(location.coordinates.longitude)
    if latitude == 0 and longitude == 0:
        yield Finding(
            "COORDINATES_ZERO",
            "coordinates",
            Severity.STOP,
            "The coordinates are 0/0, in the Gulf of Guinea. Enter them.",
        )
        return
    box = BOUNDS.get(location.country.upper())
    if box is None or _inside(box, latitude, longitude):
        return
    if _inside(box, longitude, latitude):
        yield Finding(
            "COORDINATES_SWAPPED",
            "coordinates",
            Severity.STOP,
            f"Latitude and longitude look swapped: the other way round they lie in {location.country}.",
        )
    else:
        yield Finding(
            "COORDINATES_ELSEWHERE",
            "coordinates",
            Severity.WARN,
            f"{latitude}/{longitude} does not lie in {location.country}. Correct the coordinates or the country.",
        )


def _inside(box: tuple[float, float, float, float], latitude: float, longitude: float) -> bool:
    south, west, north, east = box
    return south <= latitude <= north and west <= longitude <= east


def _hours(location: wire.Location) -> Iterator[Finding]:
    if location.opening_times is None:
        yield Finding(
            "HOURS_MISSING", "opening_times", Severity.WARN, "No opening times: drivers cannot tell whether it is open."
        )
        return
    for index, closing in enumerate(location.opening_times.exceptional_closings):
        for opening in location.opening_times.exceptional_openings:
            if opening.period_begin < closing.period_end and closing.period_begin < opening.period_end:
                yield Finding(
                    "EXCEPTIONS_OVERLAP",
                    f"opening_times.exceptional_closings.{index}",
                    Severity.WARN,
                    "An exceptional closing overlaps an exceptional opening; the closing wins.",
                )


def _time_zone(location: wire.Location) -> Iterator[Finding]:
    if location.time_zone not in _zones():
        yield Finding(
            "TIME_ZONE_UNKNOWN",
            "time_zone",
            Severity.STOP,
            f"{location.time_zone} is no time zone of the IANA database. Choose one such as Europe/Amsterdam.",
        )


def _contact(location: wire.Location) -> Iterator[Finding]:
    if not location.help_phone:
        yield Finding(
            "HELP_PHONE_MISSING", "help_phone", Severity.WARN, "No help phone number for drivers at the charger."
        )


def _equipment(location: wire.Location) -> Iterator[Finding]:
    if not [evse for evse in location.evses if evse.status != wire.Status.REMOVED]:
        yield Finding("NO_EVSE", "evses", Severity.STOP, "No EVSE: partners treat such a location as expired. Add one.")
    for number, evse in enumerate(location.evses):
        if not evse.evse_id and evse.status != wire.Status.REMOVED:
            yield Finding(
                "EVSE_ID_MISSING",
                f"evses.{number}.evse_id",
                Severity.WARN,
                f"EVSE {evse.uid} has no EVSE id to show to drivers.",
            )
        for index, connector in enumerate(evse.connectors):
            yield from _connector(
                connector, f"evses.{number}.connectors.{index}", f"Connector {connector.id} of EVSE {evse.uid}"
            )


def _connector(connector: wire.Connector, path: str, name: str) -> Iterator[Finding]:
    direct = connector.power_type == wire.PowerType.DC
    standard = str(connector.standard)
    if (standard in DC_ONLY and not direct) or (standard in AC_ONLY and direct):
        yield Finding(
            "POWER_TYPE_MISMATCH",
            f"{path}.power_type",
            Severity.STOP,
            f"{name}: {standard} does not charge with {connector.power_type}.",
        )
    told, computed = connector.max_electric_power, _computed(connector)
    if told is not None and not direct and computed and abs(int(told) - computed) > computed * 0.1:
        yield Finding(
            "POWER_UNLIKELY",
            f"{path}.max_electric_power",
            Severity.WARN,
            f"{name}: {told} W given, but {connector.max_voltage} V x {connector.max_amperage} A on {connector.power_type}"
            f" make {computed} W.",
        )
    if not connector.tariff_ids:
        yield Finding("TARIFF_MISSING", f"{path}.tariff_ids", Severity.WARN, f"{name} names no tariff.")


def _energy(location: wire.Location) -> Iterator[Finding]:
    sources = location.energy_mix.energy_sources if location.energy_mix else []
    total = sum((source.percentage for source in sources), Decimal(0))
    if sources and total != 100:
        yield Finding(
            "ENERGY_MIX_SUM",
            "energy_mix.energy_sources",
            Severity.WARN,
            f"The energy sources add up to {total.normalize():f} percent instead of 100.",
        )


SMALL_VEHICLES = frozenset({wire.VehicleType.PERSONAL_VEHICLE, wire.VehicleType.MOTORCYCLE})
PLACE_LIMITS = (
    "max_vehicle_weight",
    "max_vehicle_height",
    "max_vehicle_length",
    "max_vehicle_width",
    "parking_space_length",
    "parking_space_width",
    "dangerous_goods_allowed",
)
"""What drivers of large vehicles must know of a parking space (mod_locations#parking_object)."""


def _parking(location: wire.Location) -> Iterator[Finding]:
    for index, place in enumerate(location.parking_places):
        missing = [name for name in PLACE_LIMITS if getattr(place, name) is None]
        if missing and not SMALL_VEHICLES.issuperset(place.vehicle_types):
            yield Finding(
                "PARKING_LIMITS_MISSING",
                f"parking_places.{index}.{missing[0]}",
                Severity.WARN,
                f"Parking space {place.id} is for large vehicles too, whose drivers need {', '.join(missing)}.",
            )
        if wire.VehicleType.DISABLED in place.vehicle_types and not place.images:
            yield Finding(
                "PARKING_IMAGE_MISSING",
                f"parking_places.{index}.images",
                Severity.WARN,
                f"Parking space {place.id} is for disabled drivers, who need an image of it.",
            )


_MARKUP = re.compile(r"</?[a-z][^>]*>|&(?:[a-z]+|#[0-9]+);", re.IGNORECASE)


def _texts(location: wire.Location) -> Iterator[Finding]:
    for number, shown in enumerate(location.directions):
        if _MARKUP.search(shown.text):
            yield Finding(
                "MARKUP",
                f"directions.{number}.text",
                Severity.WARN,
                "The directions hold markup, which drivers would read as it stands. Write plain text.",
            )


CHECKS: tuple[Callable[[wire.Location], Iterator[Finding]], ...] = (
    _coordinates,
    _equipment,
    _time_zone,
    _hours,
    _contact,
    _energy,
    _parking,
    _texts,
)
