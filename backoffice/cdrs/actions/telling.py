"""Tell the apps of our eMSPs that the bill of a charge is there: owed in the transaction that lets it count."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Subquery

from backoffice.api.actions import webhooks
from backoffice.api.rules import Kind
from backoffice.cdrs.models import Cdr
from backoffice.sessions.models import Session

RECEIPT = "receipt.ready"


def receipts(ids: Collection[int], *, now: datetime) -> None:
    """Of these CDRs, those of charges that an app can ask for."""
    if not ids:
        return
    parties = webhooks.hearing(Cdr.objects.filter(pk__in=ids).values("emsp"), Kind.DRIVER_APP)
    if not parties:
        return
    charge = Session.objects.filter(
        party=OuterRef("party"), emsp=OuterRef("emsp"), object_id__iexact=OuterRef("session_ref")
    )
    rows = (
        Cdr.objects.filter(pk__in=ids, emsp__in=parties, credit=False, entered_at__isnull=False)
        .exclude(session_ref="")
        .annotate(charge=Subquery(charge.values("pk")[:1]))
        .filter(charge__isnull=False)
        .defer("document")
    )
    for row in rows.order_by("pk"):
        webhooks.tell_party(
            party=row.emsp_id, kind=Kind.DRIVER_APP, event=RECEIPT, data=_said(row), about=str(row.charge), now=now
        )


def _said(row: Any) -> dict[str, Any]:
    said = {
        "charge": str(row.charge),
        "session_id": row.session_ref,
        "contract_id": row.contract_id,
        "currency": row.currency,
        "total_excl": row.total_excl,
        "checked": row.verdict or row.state,
    }
    return said if row.total_incl is None else said | {"total_incl": row.total_incl}
