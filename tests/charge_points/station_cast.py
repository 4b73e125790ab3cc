"""A station system with a key, at one location of ours, as its own program sees us."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from backoffice.api.rules import Kind as ApplicationKind
from backoffice.api.serving.site import api_site
from backoffice.charge_points.actions import ordering, systems
from backoffice.charge_points.models import Order, StationSystem
from backoffice.charge_points.rules.orders import Kind
from backoffice.locations.models import Evse
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from tests.api.calling import Caller, key_of

STATIONS = api_site.of(ApplicationKind.STATION_SYSTEM)
assert STATIONS is not None
ALL = tuple(STATIONS.scopes)


def system(party: Party, name: str = "Depot", locations: Collection[int] = ()) -> StationSystem:
    made = systems.add_system(party=party, name=name, now=site.now())
    systems.set_locations(made, locations)
    return made


def caller(of: StationSystem, scopes: Collection[str] = ALL) -> Caller:
    return Caller(key_of(of.application, scopes, per_minute=100_000), "stations/v1")


def ordered(
    evse: Evse, kind: Kind = Kind.UNLOCK, key: str = "K1", now: datetime | None = None, **arguments: Any
) -> Order:
    now = now or site.now()
    return ordering.order(
        evse=evse.pk,
        kind=kind,
        arguments=arguments or {"connector_id": "1"},
        purpose="tests",
        key=key,
        deadline=now + timedelta(seconds=30),
        now=now,
    )
