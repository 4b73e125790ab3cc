"""A charge at a charge point of ours, as its tests need it: a priced EVSE, a driver who was let in, a meter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from backoffice.locations.models import Evse, Location
from backoffice.partners.models import Connection, Party, PartyRole
from backoffice.sessions.actions import running
from backoffice.sessions.models import Session
from backoffice.tokens.models import Authorization
from tests import factories

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
EVSE_ID = "DE*RDK*E1"


def after(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def point(
    *,
    tariffs: Sequence[str] = ("T1",),
    evse_id: str = EVSE_ID,
    location: str = "LOC1",
    capabilities: Sequence[str] = (),
    status: str = "AVAILABLE",
    amperes: int = 32,
) -> Evse:
    """An EVSE of DE-RDK whose connector 1 offers these tariffs."""
    tree = factories.small_location(location, "DE-RDK", time_zone="Europe/Berlin", name="Harbour")
    evse = tree["evses"][0]
    evse |= {"evse_id": evse_id, "status": status}
    evse["connectors"][0]["max_amperage"] = amperes
    if tariffs:
        evse["connectors"][0]["tariff_ids"] = list(tariffs)
    if capabilities:
        evse["capabilities"] = list(capabilities)
    stored = factories.own_location(tree, now=NOW - timedelta(days=1))
    return Evse.objects.select_related("location__party").get(location=stored)


def let_in(evse: Evse, payer: Party, *, uid: str = "CARD-1", at: datetime = NOW, **changes: Any) -> Authorization:
    """The decision that a driver of this eMSP may charge there."""
    role = PartyRole.objects.filter(party=payer, role="EMSP", connection__isnull=False).first()
    fields: dict[str, Any] = {
        "at": at,
        "kind": "DECIDED",
        "party": evse.location.party,
        "uid": uid,
        "token_type": "RFID",
        "contract_id": f"{payer}-C0001",
        "emsp": payer,
        "connection": Connection.objects.get(pk=role.connection_id) if role else None,
        "location_id": evse.location.object_id,
        "evse_uids": [evse.uid],
        "connector_id": "1",
        "allowed": "ALLOWED",
        "how": "REAL_TIME",
        "reason_code": "ANSWERED",
        "reason": "Its eMSP answered ALLOWED.",
        "authorization_reference": "REF-1",
    }
    return Authorization.objects.create(**(fields | changes))


def begin(
    evse: Evse,
    emsp: Party,
    *,
    transaction: str = "TX-1",
    kwh: str = "1000",
    now: datetime = NOW,
    pending: bool = False,
    connector: str = "1",
    **changes: Any,
) -> Session:
    """A charge of a driver of this eMSP begins."""
    made = let_in(evse, emsp, at=now, **changes)
    location = Location.objects.select_related("party").get(pk=evse.location_id)
    return running.begin(
        location=location,
        evse=evse,
        connector_id=connector,
        decision=running.decision_of(made.pk),
        transaction_id=transaction,
        meter_kwh=Decimal(kwh),
        now=now,
        pending=pending,
    )


def meter(session: Session, minutes: float, kwh: str, *, charging: bool = True, kw: str | None = None) -> Session:
    """What the meter says so many minutes after NOW."""
    return running.meter(
        session=session,
        kwh=Decimal(kwh),
        power_kw=Decimal(kw) if kw else None,
        soc=None,
        charging=charging,
        now=after(minutes),
    )


def end(session: Session, minutes: float, kwh: str | None, **given: Any) -> Session:
    return running.end(session=session, kwh=Decimal(kwh) if kwh else None, reason="Local", now=after(minutes), **given)
