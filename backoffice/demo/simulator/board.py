"""What the simulator reads: our EVSEs of the demo as they are, and which charges run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Max, Q, QuerySet, Sum

from backoffice.charge_points.models import Order
from backoffice.charge_points.rules.orders import Kind, State
from backoffice.demo.rules.life import ChargePoint
from backoffice.demo.rules.obeying import Reservation
from backoffice.demo.rules.visits import Outlet
from backoffice.demo.world.companies import COMPANIES
from backoffice.fields import DocumentField
from backoffice.locations.models import Evse
from backoffice.locations.rules import max_power
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from backoffice.sessions.rules.states import ONGOING
from ocpi.wire import json as wire_json
from ocpi.wire.commands import CommandResultType
from ocpi.wire.locations import Connector, PowerType, Status

REGISTER = Decimal("1000.000")
"""kWh that every meter had counted before anybody came."""

REMEMBERED = timedelta(days=1)
"""What was ordered longer ago concerns no charge and no reservation that is not over."""


@dataclass(frozen=True, slots=True)
class Socket:
    """A connector and the meter behind it, which goes on counting from one charge to the next."""

    connector_id: str
    outlet: Outlet
    meter_kwh: Decimal


@dataclass(frozen=True, slots=True)
class Ongoing:
    """A charge that has begun and not ended. `told_at`: of the last report that was taken."""

    evse_id: str
    uid: str
    transaction: str
    outlet: Outlet
    begun_at: datetime
    meter_start: Decimal
    told_at: datetime
    profiles: tuple[tuple[datetime, dict[str, Any] | None], ...] = ()
    """What it was limited to, and since when; None: to nothing."""


def _invented() -> QuerySet[Evse]:
    """Our EVSEs of the demo world; what was imported or generated beside it is left alone."""
    invented = Q()
    for company in COMPANIES:  # an import may have gone into the same party: the ids tell
        invented |= Q(
            location__party__country_code=company.country_code,
            location__party__party_id=company.party_id,
            location__object_id__regex=f"^{company.party_id}-[0-9]{{4}}$",
        )
    return Evse.objects.filter(invented, location__party__ours=True, listed=True).exclude(evse_id="")


def driven() -> list[int]:
    """The rows of what the simulator drives."""
    return list(_invented().values_list("pk", flat=True))


def charge_points() -> list[ChargePoint]:
    """As they are now."""
    rows = _invented()
    return [
        ChargePoint(evse_id, Status(status), time_zone, max_power)
        for evse_id, status, time_zone, max_power in rows.order_by("pk").values_list(
            "evse_id", "status", "location__time_zone", "max_power"
        )
    ]


def sockets(evse_id: str) -> list[Socket]:
    """Of one of our EVSEs."""
    evse = Evse.objects.get(evse_id=evse_id, location__party__ours=True, listed=True)
    counted = Session.objects.filter(ours=True, point=evse).aggregate(kwh=Sum("kwh"))["kwh"] or 0
    return [Socket(connector.id, _outlet(connector), REGISTER + Decimal(counted)) for connector in _connectors(evse)]


def ongoing() -> list[Ongoing]:
    rows = (
        Session.objects.filter(ours=True, status__in=ONGOING, point__isnull=False)
        .exclude(transaction="")
        .select_related("point")
        .annotate(read_at=Max("readings__at"))
    )
    found = []
    obeyed = _obeyed(Kind.SET_PROFILE, Kind.CLEAR_PROFILE, evses={row.point_id for row in rows})
    for row in rows.order_by("pk"):
        assert row.point is not None
        connector = next((each for each in _connectors(row.point) if each.id == row.connector_id), None)
        if connector is not None:
            found.append(
                Ongoing(
                    evse_id=row.point.evse_id,
                    uid=row.token_uid,
                    transaction=row.transaction,
                    outlet=_outlet(connector),
                    begun_at=row.starts_at,
                    meter_start=Decimal(row.meter_start or 0),
                    told_at=row.read_at or row.starts_at,
                    profiles=tuple(
                        (order.answered_at, given.get("profile"))
                        for order, given in obeyed
                        if given["transaction"] == row.transaction and order.answered_at is not None
                    ),
                )
            )
    return found


def reservations() -> dict[str, Reservation]:
    """What is kept for somebody, by EVSE id: as it was ordered and obeyed, where the EVSE still shows it."""
    found: dict[str, Reservation] = {}
    reserved = _invented().filter(status=Status.RESERVED.value)
    for order, given in _obeyed(Kind.RESERVE, Kind.CANCEL_RESERVATION, evses=reserved.values("pk")):
        if order.kind == Kind.RESERVE.value:
            until = datetime.fromisoformat(given["expires"])
            others = frozenset(each["uid"] for each in given.get("others") or ())
            found[order.evse.evse_id] = Reservation(given["reservation"], given["uid"], until, others)
        else:
            found.pop(order.evse.evse_id, None)
    return found


def _obeyed(*kinds: Kind, evses: Any) -> list[tuple[Order, dict[str, Any]]]:
    """What these EVSEs were asked and did, in order, with the arguments."""
    rows = Order.objects.filter(
        kind__in=[kind.value for kind in kinds],
        evse__in=evses,
        state=State.ANSWERED.value,
        outcome=CommandResultType.ACCEPTED.value,
        at__gt=site.now() - REMEMBERED,
    )
    return [
        (row, DocumentField.read(row.arguments)) for row in rows.select_related("evse").order_by("answered_at", "pk")
    ]


def _connectors(evse: Evse) -> list[Connector]:
    return [wire_json.validate(Connector, tree) for tree in DocumentField.read(evse.document)["connectors"]]


def _outlet(connector: Connector) -> Outlet:
    return Outlet(max_power([connector]), PowerType(connector.power_type) is PowerType.DC)
