"""Which connectors offer a tariff, and beside which others: the questions that pages ask of the projection of `tariff_ids`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backoffice import statements
from backoffice.partners.models import Party
from backoffice.tariffs.offers import Offers

MOST_SETS = 30
MOST_IDS = 40
"""Of a connector's list; a longer one is no offer but a mistake, and is looked at so far only."""

AHEAD = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class OfferedSet:
    """Connectors with the same tariffs. `ids`: the tariff that was asked for, then the alphabet; `more` are left out."""

    ids: tuple[str, ...]
    more: int
    connectors: int
    evses: int
    locations: int


_SETS = """
SELECT ids[1:%(ids)s], cardinality(ids) - cardinality(ids[1:%(ids)s]), count(*), count(DISTINCT evse_id),
    count(DISTINCT location_id)
FROM (
    SELECT o.evse_id, o.connector_id, e.location_id,
        array_agg(o.tariff_id ORDER BY upper(o.tariff_id) <> upper(%(tariff)s), upper(o.tariff_id)) AS ids
    FROM locations_connectortariff o
    JOIN locations_evse e ON e.id = o.evse_id AND e.listed AND e.status <> 'REMOVED'
    JOIN locations_location l ON l.id = e.location_id
    WHERE l.party_id = %(party)s {narrowed}
    GROUP BY 1, 2, 3) sets
GROUP BY 1, 2 ORDER BY 3 DESC, 1 LIMIT %(most)s
"""

_WITH = """AND (o.evse_id, o.connector_id) IN (SELECT i.evse_id, i.connector_id FROM locations_connectortariff i
    WHERE upper(i.tariff_id) = upper(%(tariff)s))"""

_PLACES = """
SELECT l.id, coalesce(nullif(l.name, ''), l.object_id)::varchar, l.city, count(DISTINCT o.evse_id), count(*), count(*) OVER ()
FROM locations_connectortariff o
JOIN locations_evse e ON e.id = o.evse_id AND e.listed AND e.status <> 'REMOVED'
JOIN locations_location l ON l.id = e.location_id
WHERE upper(o.tariff_id) = upper(%(tariff)s) AND l.party_id = %(party)s
GROUP BY l.id, l.name, l.object_id, l.city ORDER BY 2, 1 LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A location that offers a tariff."""

    pk: int
    name: str
    city: str
    evses: int
    connectors: int


def sets_of(party: Party, tariff: str = "") -> list[OfferedSet]:
    """The distinct lists on the connectors of a party, the most frequent first. `tariff`: only those that hold it."""
    rows = statements.run(
        _SETS.format(narrowed=_WITH if tariff else ""),
        {"party": party.pk, "tariff": tariff, "most": MOST_SETS, "ids": MOST_IDS},
    )
    return [OfferedSet(tuple(row[0]), *row[1:]) for row in rows]


def places_of(party: Party, tariff: str, *, most: int = 100) -> tuple[list[Place], int]:
    """Locations with a connector that offers it, by name, and how many there are."""
    rows = statements.run(_PLACES, {"party": party.pk, "tariff": tariff, "most": most})
    return [Place(*row[:5]) for row in rows], rows[0][5] if rows else 0


@dataclass(frozen=True, slots=True)
class Left:
    """Connectors that would have no price for a kind of charge, from a moment on. `kind`: in the words of the specification."""

    ids: tuple[str, ...]
    connectors: int
    kind: str
    since: datetime


def left_without(party: Party, sets: Sequence[OfferedSet], tariff: str, since: datetime) -> list[Left]:
    """Where this tariff prices charges after `since` and nothing else would, if it did not."""
    offers = Offers.read(party, {each for one in sets for each in one.ids})
    found = []
    for one in sets:
        others = [each for each in one.ids if each.upper() != tariff.upper()]
        before = {lane.kind: lane.gaps for lane in offers.lanes(one.ids, since, since + AHEAD)}
        for lane in offers.lanes(others, since, since + AHEAD):
            known = {(gap.start, gap.end) for gap in before.get(lane.kind, ())}
            news = [gap for gap in lane.gaps if (gap.start, gap.end) not in known]
            if news and lane.kind in before:
                found.append(Left(one.ids, one.connectors, lane.kind.value, news[0].start))
    return found
