"""EVSEs, their connectors and their parking places: what `building` puts at a site."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from backoffice.demo.world.companies import COMPANIES, Company
from backoffice.demo.world.hardware import CCS_50, Kind, Plug
from backoffice.demo.world.places import Town
from ocpi.wire.base import date_time_text
from ocpi.wire.locations import EVSEPosition, PowerType, Status

Tree = dict[str, Any]

STATUSES = {
    Status.AVAILABLE: 92,
    Status.BLOCKED: 3,
    Status.OUTOFORDER: 3,
    Status.INOPERATIVE: 1,
    Status.UNKNOWN: 1,
}
"""How the charge points of a network are before anybody comes to charge, in percent."""

LONG_AGO = {Status.OUTOFORDER: 9 * 24 * 60, Status.INOPERATIVE: 3 * 24 * 60, Status.UNKNOWN: 30 * 24 * 60}
"""The longest, in minutes, that a status has lasted; any other at most RECENTLY."""

RECENTLY = 5 * 60


def evse(
    company: Company,
    town: Town,
    kind: Kind,
    location: str,
    number: int,
    position: int,
    site: tuple[float, float],
    at: datetime,
    chance: random.Random,
) -> Tree:
    """EVSE `position` of location `number`. `site`: latitude and longitude of the location."""
    (status,) = chance.choices([*STATUSES], weights=[*STATUSES.values()])
    if kind.drive_through and position == len(kind.evses):
        status = Status.PLANNED  # the fourth lorry bay is being built
    changed = at - timedelta(minutes=chance.randint(1, LONG_AGO.get(status, RECENTLY)))
    built = at - timedelta(days=chance.randint(60, 1200))
    language = town.country.language
    tree: Tree = {
        "uid": f"{location}-{position}",
        "evse_id": f"{town.country.code}*{company.party_id}*E{number:04d}*{position}",
        "status": status.value,
        "capabilities": [capability.value for capability in kind.capabilities],
        "connectors": [
            connector(company, town, kind, plug, index, built)
            for index, plug in enumerate(kind.evses[position - 1], start=1)
        ],
        "physical_reference": f"{chr(64 + number % 26 or 90)}{position}",
        "parking": [
            {"parking_id": f"P{position}", "evse_position": [*EVSEPosition][position % 3].value},
        ],
        "last_updated": date_time_text(changed),
    }
    if status is Status.PLANNED:
        opening = (at + timedelta(days=45)).replace(hour=6, minute=0, second=0)
        tree["status_schedule"] = [
            {"period_begin": date_time_text(at), "period_end": date_time_text(opening), "status": Status.PLANNED.value},
            {"period_begin": date_time_text(opening), "status": Status.AVAILABLE.value},
        ]
    if kind.restrictions:
        tree["parking_restrictions"] = [restriction.value for restriction in kind.restrictions]
    if kind.roofed and kind.height and kind.height < 400:
        tree["floor_level"] = "-1" if kind.label == "Hotel" else str(1 + position // 3)
    if kind.length >= 700:  # a large site: each place on the map by itself
        latitude, longitude = site[0] + 0.0001 * position, site[1] + 0.00015 * position
        tree["coordinates"] = {"latitude": f"{latitude:.6f}", "longitude": f"{longitude:.6f}"}
        tree["directions"] = [{"language": "en", "text": f"Row {chr(64 + position)}, counted from the exit."}]
        tree["images"] = [
            {
                "url": f"https://img.{company.domain}/{location.lower()}-{position}.jpg",
                "category": "CHARGER",
                "type": "jpeg",
            }
        ]
    if kind.label == "Charging hub" and language != "en":
        tree["directions"].insert(0, {"language": language, "text": f"{town.country.nearby} {chr(64 + position)}"})
    if not kind.public:
        tree["accepted_service_providers"] = [other.name for other in COMPANIES]
    return tree


def connector(company: Company, town: Town, kind: Kind, plug: Plug, index: int, built: datetime) -> Tree:
    direct = plug.power_type is PowerType.DC
    speed = "HPC" if plug.watts > CCS_50.watts else "DC" if direct else "AC"
    tree: Tree = {
        "id": str(index),
        "standard": plug.standard.value if plug.standard else town.country.socket,
        "format": plug.format.value,
        "power_type": plug.power_type.value,
        "max_voltage": plug.volts,
        "max_amperage": plug.amperes,
        "max_electric_power": plug.watts,
        "tariff_ids": [f"{company.party_id}-{speed}-{town.country.currency}"],
        "terms_and_conditions": f"{company.website}terms/{town.country.language}",
        "last_updated": date_time_text(built),
    }
    if plug.capabilities:
        tree["capabilities"] = [capability.value for capability in plug.capabilities]
    if speed == "HPC":  # its price changes soon: connectors carry both
        tree["tariff_ids"].append(f"{company.party_id}-HPC2-{town.country.currency}")
    if not kind.public:
        tree["tariff_ids"].append(f"{company.party_id}-STAFF-{town.country.currency}")
    return tree


def parking_place(company: Company, kind: Kind, location: str, position: int) -> Tree:
    """The place in front of EVSE `position`."""
    tree: Tree = {
        "id": f"P{position}",
        "physical_reference": f"{position:03d}",
        "vehicle_types": [vehicle.value for vehicle in kind.vehicles],
        "max_vehicle_weight": 44_000 if kind.drive_through else 3_500,
        "max_vehicle_height": 420 if kind.drive_through else 210,
        "max_vehicle_length": kind.length - 20,
        "max_vehicle_width": 300 if kind.drive_through else 240,
        "parking_space_length": kind.length,
        "parking_space_width": 400 if kind.drive_through else 270,
        "dangerous_goods_allowed": False,
        "direction": kind.direction.value,
        "drive_through": kind.drive_through,
        "restricted_to_type": bool(kind.restrictions),
        "reservation_required": kind.drive_through,
        "roofed": kind.roofed,
        "lighting": kind.label != "On street",
        "images": [
            {
                "url": f"https://img.{company.domain}/{location.lower()}-place-{position}.jpg",
                "category": "OTHER",
                "type": "jpeg",
            }
        ],
    }
    if kind.time_limit:
        tree["time_limit"] = kind.time_limit
    if kind.height:
        tree |= {"max_vehicle_height": kind.height, "max_vehicle_length": kind.length, "max_vehicle_width": 260}
    if kind.drive_through:
        tree |= {
            "max_vehicle_weight": 44_000,
            "dangerous_goods_allowed": position == 1,
            "refrigeration_outlet": position % 2 == 0,
            "standards": ["ISO 15118-20", "EU 2022/1012"],
            "apds_reference": f"apds:{location.lower()}:{position}",
        }
    return tree
