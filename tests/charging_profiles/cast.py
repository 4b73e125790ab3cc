"""A charge that is steered, as its tests need it: a charge point that obeys, a partner that asks in literal JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from backoffice.charge_points import door
from backoffice.charge_points.actions import ordering
from backoffice.charge_points.gateway import Done, Instruction
from backoffice.delivery.models import Errand
from backoffice.fields import DocumentField
from backoffice.locations.models import Evse
from backoffice.partners.actions.connections import set_endpoints
from backoffice.partners.models import Connection, Endpoint
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from ocpi.wire.commands import CommandResultType
from tests.doors.asking import Answered, Asking
from tests.factories import Partner
from tests.sessions import cast

CAPABLE = ("CHARGING_PROFILE_CAPABLE",)
DRIVER = "the test's driver"
HOST = "https://{}.example"

SIXTEEN = b'{"charging_rate_unit":"A","charging_profile_period":[{"start_period":0,"limit":16}]}'
"""A profile as a partner writes it: 16 A from the beginning of the charge on."""


def charging(
    partner: Partner,
    *,
    capabilities: Sequence[str] = CAPABLE,
    driven: bool = True,
    number: int = 1,
    now: datetime | None = None,
    **given: Any,
) -> Session:
    """A driver of the partner charges at an EVSE of ours with 3 x 32 A."""
    now = now or site.now()
    evse = cast.point(tariffs=(), capabilities=capabilities, location=f"L{number}", evse_id=f"DE*RDK*E{number}")
    session = cast.begin(evse, partner.party, now=now, transaction=f"TX-{number}", **given)
    if driven:
        drive(evse, now=now)
    return session


def drive(*evses: Evse, now: datetime | None = None) -> None:
    """For each a program is there that brings orders to it."""
    for evse in evses:
        ordering.alive(driver=f"{DRIVER} of {evse}", points=[evse.pk], now=now or site.now())


def host(partner: Partner) -> str:
    """Where the partner may have its results posted."""
    return Connection.objects.get(pk=partner.connection.pk).confirmed_origins[0].removesuffix(":443")


def listening(partner: Partner) -> None:
    """The partner has a Sender interface for charging profiles."""
    known = [(e.identifier, e.role, e.url) for e in Endpoint.objects.filter(connection=partner.connection)]
    url = f"{host(partner)}/ocpi/sender/chargingprofiles"
    set_endpoints(partner.connection, [*known, ("chargingprofiles", "SENDER", url)])


def setting(partner: Partner, profile: bytes = SIXTEEN, *, url: str = "/set/1") -> bytes:
    return b'{"charging_profile":' + profile + b',"response_url":"' + f"{host(partner)}{url}".encode() + b'"}'


def put(asking: Asking, partner: Partner, session: Session | str, body: bytes | None = None, **given: Any) -> Answered:
    return asking.put(path_of(session, given.pop("version", "2.3.0")), body or setting(partner), **given)


def get(
    asking: Asking, partner: Partner, session: Session | str, seconds: Any = 900, version: str = "2.3.0"
) -> Answered:
    query = f"?duration={seconds}&response_url={host(partner)}/active/1"
    return asking.get(path_of(session, version) + query)


def delete(asking: Asking, partner: Partner, session: Session | str, version: str = "2.3.0") -> Answered:
    return asking.ask("DELETE", f"{path_of(session, version)}?response_url={host(partner)}/clear/1")


def path_of(session: Session | str, version: str = "2.3.0") -> str:
    identity = session if isinstance(session, str) else session.object_id
    return f"{version}/receiver/chargingprofiles/{identity}"


# --- the charge point -------------------------------------------------------------------------------------------------


def orders(session: Session, now: datetime | None = None) -> list[Instruction]:
    """What the charge point is asked to do and was not given before."""
    assert session.point_id is not None
    return ordering.take(driver=DRIVER, evses=[session.point_id], now=now or site.now())


def says(
    order: Instruction, outcome: str = "ACCEPTED", *, profile: dict[str, Any] | None = None, now: datetime | None = None
) -> bool:
    """The charge point's answer to an order."""
    told = Done(order.order, CommandResultType(outcome), profile=profile)
    return bool(door.report(told, now=now or site.now()))


def obey(session: Session, outcome: str = "ACCEPTED", **given: Any) -> list[Instruction]:
    taken = orders(session)
    for order in taken:
        says(order, outcome, **given)
    return taken


# --- what partners are told -------------------------------------------------------------------------------------------


def owed(what: str) -> list[Errand]:
    return list(Errand.objects.filter(module="chargingprofiles", what=what).order_by("pk"))


def tree(errand: Errand) -> Any:
    return DocumentField.read(errand.tree)


def steps(profile: dict[str, Any]) -> list[tuple[int, Decimal]]:
    """The periods of a profile."""
    return [(period["start_period"], period["limit"]) for period in profile["charging_profile_period"]]


def later(seconds: float) -> datetime:
    return site.now() + timedelta(seconds=seconds)


def literal(text: bytes) -> Any:
    return json.loads(text, parse_float=Decimal)
