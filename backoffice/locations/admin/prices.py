"""Which tariff prices a charge at each connector of a location, for whom, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest

from backoffice.console.contests import AskedContest
from backoffice.locations.models import Location
from backoffice.tariffs.offers import Offers


@dataclass(slots=True)
class Place:
    """A connector, as the page names it."""

    evse: str
    connector: str
    standard: str


def prices(location: Location, tree: dict[str, Any], request: HttpRequest, zone: ZoneInfo | None) -> dict[str, Any]:
    """Connectors with the same list of tariffs are judged together."""
    asked = AskedContest(request, location.party, zone or ZoneInfo("UTC"))
    places: dict[tuple[str, ...], list[Place]] = {}
    for evse in tree.get("evses") or ():
        for connector in evse.get("connectors") or ():
            ids = tuple(connector.get("tariff_ids") or ())
            name = evse.get("evse_id") or evse["uid"]
            places.setdefault(ids, []).append(Place(name, str(connector.get("id")), str(connector.get("standard"))))
    offers = Offers.read(location.party, {each for ids in places for each in ids}, connection=asked.connection)
    contests = []
    for ids, connectors in places.items():
        judged = offers.judged(ids, asked.kind, asked.at)
        contests.append(
            {"places": connectors, "judged": judged, "nobody": bool(ids) and not any(each.wins for each in judged)}
        )
    return {"asked": asked, "contests": contests}
