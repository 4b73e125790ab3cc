"""Tell the apps of our eMSPs what happens to the charges of their drivers: owed in the transaction of the change.

What waits at an app that does not answer is the newest of each charge, not all that happened to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from backoffice.api.actions import webhooks
from backoffice.api.rules import Kind
from backoffice.sessions.models import Session
from backoffice.sessions.rules.telling import ChargeEvent, event_of
from ocpi.wire.base import date_time_text

Tree = dict[str, Any]


def said(row: Session) -> Tree:
    """A charge as an app reads it. Needs its party."""
    tree: Tree = {
        "charge": str(row.pk),
        "session_id": row.object_id,
        "country_code": row.party.country_code,
        "party_id": row.party.party_id,
        "contract_id": row.contract_id,
        "status": row.status,
        "location_name": row.location_name or row.location_id,
        "starts_at": date_time_text(row.starts_at),
        "kwh": row.kwh,
        "currency": row.currency,
        "updated_at": date_time_text(row.last_updated),
    }
    if row.evse_id:
        tree["evse_id"] = row.evse_id
    if row.ends_at is not None:
        tree["ends_at"] = date_time_text(row.ends_at)
    for name, value in (
        ("told_excl", row.total_excl),
        ("told_incl", row.total_incl),
        ("our_excl", row.our_excl),
        ("our_incl", row.our_incl),
    ):
        if value is not None:
            tree[name] = value
    return tree


def tell(row: Session, before: str | None, *, now: datetime) -> None:
    """One charge that was written just now; `before`: its status until then."""
    heard = getattr(row, "heard", None)
    if heard is None:
        heard = webhooks.hearing([row.emsp_id], Kind.DRIVER_APP)
    if heard:
        _owe([row], {row.pk: before}, now)


def tell_all(befores: Mapping[int, tuple[int, str | None]], *, now: datetime) -> None:
    """Charges that a partner told us of: by their row, their eMSP and the status until then."""
    parties = webhooks.hearing({emsp for emsp, _ in befores.values()}, Kind.DRIVER_APP)
    wanted = [pk for pk, (emsp, _) in befores.items() if emsp in parties]
    if not wanted:
        return
    rows = Session.objects.filter(pk__in=wanted).select_related("party").defer("document", "place", "signed_data")
    _owe(list(rows.order_by("pk")), {pk: before for pk, (_, before) in befores.items()}, now)


def _owe(rows: Sequence[Session], befores: Mapping[int, str | None], now: datetime) -> None:
    for row in rows:
        event = event_of(befores[row.pk], row.status)
        webhooks.tell_party(
            party=row.emsp_id,
            kind=Kind.DRIVER_APP,
            event=event.value,
            data=said(row),
            about=str(row.pk),
            newest=event is ChargeEvent.UPDATED,
            now=now,
        )
