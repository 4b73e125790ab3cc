"""The row and the document of a session of ours, as they follow from what its charge point reported."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef

from backoffice.api.models import WebhookEndpoint
from backoffice.api.rules import Kind
from backoffice.delivery.actions.staging import stage
from backoffice.fields import DocumentField, milliseconds
from backoffice.locations.models import Evse, Location
from backoffice.sessions.actions.storing import PROJECTED, parsed, projected
from backoffice.sessions.actions.tariffs import compiled, zone_of
from backoffice.sessions.actions.telling import tell
from backoffice.sessions.models import Mandate, Reading, Session, SessionEvent
from backoffice.sessions.rules import booked
from backoffice.sessions.rules.cost import as_price, charged, figures
from backoffice.sessions.rules.metering import GRAIN_AC, GRAIN_DC, Metered, charging_periods, energy
from backoffice.sessions.rules.placing import place
from backoffice.tariffs.models import Tariff, TariffVersion
from backoffice.tariffs.rules.policy import Outcome
from backoffice.tariffs.rules.splitting import Activity
from backoffice.tokens.rules.deciding import Decision
from ocpi.wire.base import date_time_text
from ocpi.wire.sessions import SessionStatus

Tree = dict[str, Any]

FAST = 40_000
"""W, from which on a charge is over so soon that its periods are short."""

NO_CURRENCY = "EUR"
"""What a session says that costs nothing, of an operator without any tariff: the field is required."""


NOT_AVAILABLE = "#NA"
"""What stands for a connector that nobody has chosen yet (transport_and_format, T-277)."""

_FIRST = {
    Activity.RESERVED: SessionStatus.RESERVATION,
    Activity.PARKED: SessionStatus.PENDING,
    Activity.CHARGING: SessionStatus.ACTIVE,
}
"""What a session begins as, by what goes on at its first reading."""


def new(
    location: Location,
    evse: Evse,
    connector_id: str,
    decision: Decision,
    transaction_id: str,
    version: TariffVersion | None,
    reading: Metered,
    now: datetime,
) -> Session:
    assert decision.token is not None and decision.emsp is not None
    party = location.party
    tariff = compiled(version)
    reference = {"authorization_reference": decision.reference} if decision.reference else {}
    identity = str(uuid.uuid4())
    status = _FIRST[reading.activity]
    tree: Tree = {
        "country_code": party.country_code,
        "party_id": party.party_id,
        "id": identity,
        "start_date_time": date_time_text(reading.at),
        "kwh": Decimal(0),
        "cdr_token": decision.token,
        "auth_method": decision.auth_method.value,
        **reference,
        "location_id": location.object_id,
        "evse_uid": evse.uid,
        "connector_id": connector_id,
        "currency": tariff.tariff.currency if tariff is not None else _currency_of(location.party_id),
        "charging_periods": [],
        "status": status.value,
        "last_updated": date_time_text(milliseconds(now)),
    }
    return Session(
        party=party,
        object_id=identity,
        document=DocumentField.write(tree),
        generation=0,
        created_at=now,
        ours=True,
        emsp_id=decision.emsp,
        status=status.value,
        starts_at=reading.at,
        location_name=location.name or location.address,
        time_zone=location.time_zone,
        evse_id=evse.evse_id,
        point=evse,
        transaction=transaction_id,
        authorization_id=decision.authorization_id,
        tariff_version=version,
        meter_start=reading.kwh,
        place=DocumentField.write(place(location.tree(), evse.uid, connector_id)),
        last_updated=milliseconds(now),
    )


def _currency_of(party: int) -> str:
    found = Tariff.objects.filter(party_id=party, withdrawn_at=None).values_list("currency", flat=True).first()
    return found or NO_CURRENCY


def readings_of(session: Session) -> list[Metered]:
    """What the meter said, in order of time."""
    return [
        Metered(row.at, row.kwh, Activity[row.activity], power=row.power_kw, soc=row.soc)
        for row in Reading.objects.filter(session=session).order_by("at")
    ]


def outcome_of(row: Session) -> Outcome | None:
    """What became of the reservation that a session began as; None: it was none, or it goes on."""
    return Outcome(row.reservation) if row.reservation else None


def note(
    row: Session, now: datetime, event: str, *, by: str, previous: str = "", status: str = "", reason: str = ""
) -> None:
    SessionEvent.objects.create(
        session=row, at=now, event=event, by=by[:150], previous=previous, status=status, reason=reason[:300]
    )


def write(row: Session, readings: Sequence[Metered], now: datetime) -> None:
    """The document as it follows from the readings, and every column with it."""
    at = max(milliseconds(now), row.last_updated)
    tariff, zone = compiled(row.tariff_version), zone_of(row.time_zone) or UTC
    grain = GRAIN_DC if row.point is not None and row.point.max_power >= FAST else GRAIN_AC
    periods = charging_periods(tariff, readings, zone, grain=grain)
    if row.booking_id:
        expired = outcome_of(row) is Outcome.EXPIRED
        periods = booked.told(periods, readings, until=row.booked_until, expired=expired)
    breakdown = None
    if tariff is not None:
        breakdown = charged(tariff, periods, zone, end=readings[-1].at, outcome=outcome_of(row))
    cost = as_price(breakdown.total, breakdown.taxes) if breakdown is not None else None
    stood = row.tree()
    before = None if row.pk is None else stood["status"]
    kept = {name: value for name, value in stood.items() if name not in ("total_cost", "end_date_time")}
    tree = kept | {
        "start_date_time": date_time_text(row.starts_at),
        "kwh": energy(readings),
        "charging_periods": [period.tree() for period in periods],
        "status": row.status,
    }
    if row.ends_at is not None:
        tree["end_date_time"] = date_time_text(row.ends_at)
    if cost is not None:
        tree["total_cost"] = cost
    tree["last_updated"] = date_time_text(at)
    row.document = DocumentField.write(tree)
    _project(row, tree)
    if row.status == SessionStatus.ACTIVE.value and readings:
        row.power_kw = readings[-1].power if readings[-1].power is not None else row.power_kw
    row.our_excl, row.our_incl = figures(breakdown)
    row.last_updated, row.moved_at, row.priced_at, row.noticed = at, milliseconds(now), milliseconds(now), ""
    row.generation += 1
    row.save()
    tell(row, before, now=now)


def _project(row: Session, tree: Tree) -> None:
    for name, value in zip(PROJECTED, projected(parsed(DocumentField.read(DocumentField.write(tree)))), strict=True):
        setattr(row, name, value)


HEARD = Exists(
    WebhookEndpoint.objects.filter(
        application__party=OuterRef("emsp"), application__kind=Kind.DRIVER_APP.value, enabled=True
    )
)
"""Whether an app hears of it: read with the row that is locked, too."""

MANDATED = ArraySubquery(Mandate.objects.filter(party=OuterRef("party")).values("provider"))
"""Read with the row that is locked for a report of its meter, which comes every minute; `owe` asks for itself without it."""


def owe(row: Session, now: datetime) -> None:
    """To the eMSP whose driver it is, and to whoever steers charges for us."""
    providers: Iterable[int] | None = getattr(row, "steered_by", None)
    if providers is None:
        providers = Mandate.objects.filter(party=row.party_id).values_list("provider", flat=True)
    for receiver in {row.emsp_id, *providers}:
        stage(sender=row.party_id, module="sessions", changes=[((row.object_id,), ())], now=now, receiver=receiver)
