"""As many invented locations as a test of size needs, spread over a country: nothing to look at one by one.

They go in by the same action as real ones. They are much leaner than those of the demo world, about as large as what the
operators of public street charging publish.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from backoffice.demo.actions.loading import UnableToLoad, of_the_demo
from backoffice.locations.actions.storing import store
from backoffice.locations.models import Location
from backoffice.partners.actions.connections import add_own_party
from backoffice.partners.models import Party
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from ocpi.wire.base import date_time_text

Tree = dict[str, Any]

PREFIX = "GEN"
"""Every id begins with it, which is how generated locations are told from real ones."""

BATCH = 500
"""Locations in one transaction. Larger ones are not faster."""

TOWNS = (
    ("Amsterdam", "1012 AB", 52.37, 4.89, 30),
    ("Rotterdam", "3011 AD", 51.92, 4.47, 24),
    ("Den Haag", "2511 CV", 52.07, 4.30, 22),
    ("Utrecht", "3511 LX", 52.09, 5.12, 18),
    ("Eindhoven", "5611 AZ", 51.44, 5.47, 10),
    ("Groningen", "9711 LM", 53.22, 6.57, 9),
    ("Tilburg", "5038 AA", 51.56, 5.09, 8),
    ("Almere", "1315 AA", 52.37, 5.21, 8),
    ("Breda", "4811 AA", 51.59, 4.78, 7),
    ("Nijmegen", "6511 AA", 51.84, 5.86, 7),
    ("Arnhem", "6811 AA", 51.98, 5.91, 7),
    ("Haarlem", "2011 AA", 52.38, 4.64, 7),
    ("Zwolle", "8011 AA", 52.51, 6.09, 5),
    ("Enschede", "7511 AA", 52.22, 6.89, 5),
    ("Maastricht", "6211 AA", 50.85, 5.69, 5),
    ("Leeuwarden", "8911 AA", 53.20, 5.80, 4),
    ("Middelburg", "4331 AA", 51.50, 3.61, 3),
    ("Assen", "9401 AA", 52.99, 6.56, 3),
)
"""Town, postal code, latitude, longitude, share."""

STATUSES = ("AVAILABLE",) * 14 + ("CHARGING",) * 5 + ("OUTOFORDER", "UNKNOWN", "BLOCKED")
# standard, format, power type, V, A, W
AC_11 = ("IEC_62196_T2", "SOCKET", "AC_3_PHASE", 230, 16, 11_000)
AC_22 = ("IEC_62196_T2", "SOCKET", "AC_3_PHASE", 230, 32, 22_000)
DC_150 = ("IEC_62196_T2_COMBO", "CABLE", "DC", 920, 350, 150_000)


def generate(
    *, country_code: str, party_id: str, locations: int, evses: int, seed: int, now: datetime
) -> Iterator[int]:
    """Make the party ours if it is not, and give it exactly so many locations with so many EVSEs. Yields how many are in.

    Going on with an interrupted run, or running again, changes nothing that is there. Raises UnableToLoad.
    """
    if not 0 < locations <= evses:
        raise UnableToLoad("Every location needs an EVSE: ask for at least as many EVSEs as locations.")
    _refuse(country_code, party_id)
    party = add_own_party(
        country_code=country_code, party_id=party_id, name=f"Generated {country_code}-{party_id}", roles=["CPO"]
    )
    at = datetime(now.year, now.month, now.day, tzinfo=now.tzinfo)
    for first in range(0, locations, BATCH):
        trees = [
            _location(party, number, evses * (number + 1) // locations - evses * number // locations, seed, at)
            for number in range(first, min(first + BATCH, locations))
        ]
        batch = [(tree, wire_json.validate(wire.Location, tree)) for tree in trees]
        store(party.pk, batch, source="import", now=now, ours=True)
        yield first + len(batch)


def _refuse(country_code: str, party_id: str) -> None:
    party = Party.objects.filter(country_code=country_code.upper(), party_id=party_id.upper())
    if party.filter(of_the_demo()).exists():
        raise UnableToLoad("That party is of the demo world. Generate for another one, for example NL-GEN.")
    demo = Party.objects.filter(of_the_demo())
    real = Location.objects.exclude(party__in=demo).exclude(object_id__startswith=f"{PREFIX}-")
    if found := real.select_related("party").first():
        raise UnableToLoad(
            f"This platform holds locations of {found.party.label}: invented data never goes beside real data.\n"
            "Generate into a platform of its own: manage.py up --no-demo --data-dir ANOTHER --port ANOTHER."
        )


def _location(party: Party, number: int, evses: int, seed: int, at: datetime) -> Tree:
    chance = random.Random(f"{seed}/{number}")  # invented data, nothing secret
    ((city, postal_code, latitude, longitude, _),) = chance.choices(TOWNS, weights=[town[-1] for town in TOWNS])
    key = f"{PREFIX}-{number:07d}"
    fast = evses > 2 and chance.random() < 0.05
    changed = [at - timedelta(seconds=chance.randint(1, 30 * 86_400)) for _ in range(evses)]
    return {
        "country_code": party.country_code,
        "party_id": party.party_id,
        "id": key,
        "publish": True,
        "name": f"{city} {number}",
        "address": f"{chance.choice(('Laan', 'Straat', 'Plein', 'Kade'))} {number}",
        "city": city,
        "postal_code": postal_code,
        "country": "NLD",
        "coordinates": {
            "latitude": f"{latitude + chance.gauss(0, 0.05):.6f}",
            "longitude": f"{longitude + chance.gauss(0, 0.07):.6f}",
        },
        "parking_type": "PARKING_LOT" if fast else "ON_STREET",
        "time_zone": "Europe/Amsterdam",
        "opening_times": {"twentyfourseven": True},
        "operator": {"name": party.name},
        "help_phone": "+318005550000",
        "evses": [
            {
                "uid": f"{key}-{position}",
                "evse_id": f"NL*{party.party_id}*E{number:07d}*{position}",
                "status": chance.choice(STATUSES),
                "capabilities": ["RFID_READER", "REMOTE_START_STOP_CAPABLE"],
                "connectors": [_connector(DC_150 if fast else chance.choice((AC_11, AC_22)), party, told)],
                "physical_reference": str(position),
                "last_updated": date_time_text(told),
            }
            for position, told in enumerate(changed, start=1)
        ],
        "last_updated": date_time_text(max(changed)),
    }


def _connector(plug: tuple[str, str, str, int, int, int], party: Party, told: datetime) -> Tree:
    standard, form, power_type, volts, amperes, watts = plug
    return {
        "id": "1",
        "standard": standard,
        "format": form,
        "power_type": power_type,
        "max_voltage": volts,
        "max_amperage": amperes,
        "max_electric_power": watts,
        "tariff_ids": [f"{party.party_id}-1"],
        "last_updated": date_time_text(told),
    }
