"""Makes the Locations of one side of the demo world, as OCPI 2.3.0 trees.

Which sites there are is fixed by `places` and `hardware`; the seed decides details (streets, numbers, statuses, ages). Each
site draws from a generator of its own, so that a new town changes no other.
"""

from __future__ import annotations

import random
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from backoffice.demo.world.companies import COMPANIES, HOME, Company
from backoffice.demo.world.equipping import evse, parking_place
from backoffice.demo.world.flaws import spoil
from backoffice.demo.world.hardware import KINDS, Kind
from backoffice.demo.world.places import TOWNS, Town
from ocpi.wire.base import date_time_text

Tree = dict[str, Any]

WEEKDAYS, SATURDAY, SUNDAY = range(1, 6), 6, 7
HOURS: dict[str, list[tuple[int, str, str]] | None] = {
    "always": None,
    "long": [*((day, "05:30", "23:59") for day in WEEKDAYS), (SATURDAY, "06:00", "23:59"), (SUNDAY, "08:00", "22:00")],
    "shop": [*((day, "07:00", "21:00") for day in WEEKDAYS), (SATURDAY, "08:00", "20:00")],
    "office": [*((day, "07:00", "12:30") for day in WEEKDAYS), *((day, "13:30", "19:00") for day in WEEKDAYS)],
}
SCATTER = 0.006
"""Degrees around a town's centre."""


def world(company: Company, *, seed: int, at: datetime) -> list[Tree]:
    """Every Location of a company. `at`: the moment that the world is as it says; nothing in it is newer."""
    locations: list[Tree] = []
    for town in TOWNS[company.side]:
        for kind in town.sites:
            number = len(locations) + 1
            chance = random.Random(f"{seed}/{company.party_id}/{number}")  # invented data, nothing secret
            locations.append(_location(company, town, KINDS[kind], number, at.replace(microsecond=0), chance))
    if company == HOME:
        spoil(locations)
    return locations


def _location(company: Company, town: Town, kind: Kind, number: int, at: datetime, chance: random.Random) -> Tree:
    country = town.country
    key = f"{company.party_id}-{number:04d}"
    street = chance.choice(country.streets)
    house = chance.randint(1, 98)
    latitude, longitude = (
        town.latitude + chance.uniform(-SCATTER, SCATTER),
        town.longitude + chance.uniform(-SCATTER, SCATTER),
    )
    tree: Tree = {
        "country_code": company.country_code,
        "party_id": company.party_id,
        "id": key,
        "publish": kind.public,
        "name": f"{town.name}, {kind.label} {street}",
        "address": f"{house} {street}" if country.number_first else f"{street} {house}",
        "city": town.name,
        "postal_code": town.postal_code,
        "country": country.alpha3,
        "coordinates": _point(latitude, longitude),
        "parking_type": kind.parking_type.value,
        "evses": [
            evse(company, town, kind, key, number, position, (latitude, longitude), at, chance)
            for position in range(1, len(kind.evses) + 1)
        ],
        "parking_places": [parking_place(company, kind, key, position) for position in range(1, len(kind.evses) + 1)],
        "directions": _texts(
            country.language, country.arrive.format(street=street), f"Enter from {street} and follow the signs."
        ),
        "operator": _business(company.name, company.website, f"https://img.{company.domain}/logo.svg"),
        "facilities": [facility.value for facility in kind.facilities],
        "time_zone": town.time_zone,
        "opening_times": _opening_times(kind, town, at),
        "images": [_image(company, f"{key.lower()}", "LOCATION"), _image(company, f"{key.lower()}-way-in", "ENTRANCE")],
        "energy_mix": _energy_mix(country.supplier, chance),
        "help_phone": f"{country.dialling}800555{number:04d}",
    }
    if town.state:
        tree["state"] = town.state
    if kind.charging_when_closed is not None:
        tree["charging_when_closed"] = kind.charging_when_closed
    if kind.hosted:
        tree["owner"] = _business(f"{kind.label} {street}", f"https://www.{key.lower()}.example/", None)
        tree["related_locations"] = [
            {
                **_point(latitude + 0.0004, longitude - 0.0003),
                "name": {"language": country.language, "text": f"{country.nearby} {street}"},
            }
        ]
    if kind.drive_through or kind.label == "Charging hub":
        tree["suboperator"] = _business(f"{country.supplier} Service", None, None)
    if not kind.public:
        tree["publish_allowed_to"] = [
            {"group_id": f"{key}-STAFF"},
            {"uid": f"{number:08X}", "type": "RFID"},
            {"visual_number": f"{company.party_id}-{number:05d}", "issuer": company.name},
        ]
    tree["last_updated"] = max(part["last_updated"] for part in tree["evses"])
    return tree


def _point(latitude: float, longitude: float) -> Tree:
    return {"latitude": f"{latitude:.6f}", "longitude": f"{longitude:.6f}"}


def _texts(language: str, local: str, english: str) -> list[Tree]:
    texts = [{"language": language, "text": local}]
    return texts if language == "en" else [*texts, {"language": "en", "text": english}]


def _business(name: str, website: str | None, logo: str | None) -> Tree:
    tree: Tree = {"name": name}
    if website:
        tree["website"] = website
    if logo:
        tree["logo"] = {"url": logo, "category": "OPERATOR", "type": "svg"}
    return tree


def _image(company: Company, name: str, category: str) -> Tree:
    return {
        "url": f"https://img.{company.domain}/{name}.jpg",
        "thumbnail": f"https://img.{company.domain}/{name}-small.jpg",
        "category": category,
        "type": "jpeg",
        "width": 1600,
        "height": 900,
    }


def _opening_times(kind: Kind, town: Town, at: datetime) -> Tree:
    """Regular hours are local; exceptions are UTC, so the same holiday begins at another moment in each time zone."""
    regular = HOURS[kind.hours]
    if regular is None:
        return {"twentyfourseven": True}
    zone = ZoneInfo(town.time_zone)
    christmas = date(at.year, 12, 25)
    tree: Tree = {
        "twentyfourseven": False,
        "regular_hours": [{"weekday": day, "period_begin": begin, "period_end": end} for day, begin, end in regular],
        "exceptional_closings": [_period(christmas, time(0), christmas + timedelta(days=1), time(0), zone)],
    }
    if kind.hours == "shop":  # the last Sunday before Christmas
        sunday = christmas - timedelta(days=christmas.isoweekday() % 7 or 7)
        tree["exceptional_openings"] = [_period(sunday, time(12), sunday, time(18), zone)]
    return tree


def _period(first: date, begin: time, last: date, end: time, zone: ZoneInfo) -> Tree:
    return {
        "period_begin": date_time_text(datetime.combine(first, begin, zone)),
        "period_end": date_time_text(datetime.combine(last, end, zone)),
    }


def _energy_mix(supplier: str, chance: random.Random) -> Tree:
    if chance.random() < 0.6:
        wind = chance.randrange(30, 70, 5)
        water = chance.randrange(5, 100 - wind, 5)
        sources = {"WIND": wind, "WATER": water, "SOLAR": 100 - wind - water}
        impact = {"CARBON_DIOXIDE": 0, "NUCLEAR_WASTE": 0}
    else:
        gas = chance.randrange(10, 40, 5)
        sources = {"GENERAL_GREEN": 80 - gas, "GAS": gas, "COAL": 10, "NUCLEAR": 10}
        impact = {"CARBON_DIOXIDE": 90 + 4 * gas, "NUCLEAR_WASTE": 1}
    green = "WIND" in sources
    return {
        "is_green_energy": green,
        "energy_sources": [{"source": source, "percentage": share} for source, share in sources.items() if share],
        "environ_impact": [{"category": category, "amount": amount} for category, amount in impact.items()],
        "supplier_name": supplier,
        "energy_product_name": "Green 100" if green else "Mix",
    }


def everything(*, seed: int, at: datetime) -> list[Tree]:
    """Both sides."""
    return [tree for company in COMPANIES for tree in world(company, seed=seed, at=at)]
