"""Who sees a tariff of ours: disclose it to everyone or to named partners, withdraw it. Whom it touches is told."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from backoffice.delivery.actions.staging import stage
from backoffice.fields import DocumentField, milliseconds
from backoffice.partners.models import Connection
from backoffice.tariffs.actions.drafting import UnableToChange
from backoffice.tariffs.actions.storing import owe
from backoffice.tariffs.models import Disclosure, Tariff
from ocpi.wire.base import date_time_text


def disclose(tariff: Tariff, connections: Collection[int] | None, *, now: datetime) -> None:
    """Set exactly who sees it: None is everyone. Who sees it no longer is told by DELETE, who sees it anew by PUT."""
    _ours(tariff)
    if tariff.withdrawn_at is not None:
        raise UnableToChange(f"{tariff} was withdrawn: nobody sees it any more.")
    with transaction.atomic():
        row = Tariff.objects.select_for_update(no_key=True).get(pk=tariff.pk)
        all_partners = set(
            Connection.objects.filter(our_parties=row.party_id).exclude(state="REMOVED").values_list("pk", flat=True)
        )
        before = all_partners if row.everyone else set(_named(row))
        after = all_partners if connections is None else set(connections)
        Disclosure.objects.filter(tariff=row).delete()
        if connections is not None:
            Disclosure.objects.bulk_create(Disclosure(tariff=row, connection_id=pk) for pk in sorted(after))
        # a partner that pulls by date must find it; a rendering of before must not be served
        row.everyone, row.last_updated = connections is None, max(milliseconds(now), row.last_updated)
        row.document = DocumentField.write(row.tree() | {"last_updated": date_time_text(row.last_updated)})
        row.generation += 1
        row.save()
        if after - before:
            owe(row.pk, sender=row.party_id, object_id=row.object_id, now=now, only=after - before)
        if before - after:
            _owe_deletion(row, now, only=before - after)


def withdraw(tariff: Tariff, *, now: datetime) -> None:
    """It is not used any more: partners get a DELETE. Past charges stay priced by it (mod_tariffs#delete_method)."""
    _ours(tariff)
    with transaction.atomic():
        changed = Tariff.objects.filter(pk=tariff.pk, withdrawn_at=None).update(withdrawn_at=now)
        if not changed:
            raise UnableToChange(f"{tariff.object_id} was withdrawn already.")
        _owe_deletion(tariff, now, only=None if tariff.everyone else set(_named(tariff)))


def _owe_deletion(tariff: Tariff, now: datetime, *, only: Collection[int] | None) -> None:
    """The same message as for a change: when it is sent there is nothing to read for this partner, and that is a DELETE."""
    stage(sender=tariff.party_id, module="tariffs", changes=[((tariff.object_id,), ())], now=now, only=only)


def _named(tariff: Tariff) -> list[int]:
    return list(Disclosure.objects.filter(tariff=tariff).values_list("connection_id", flat=True))


def _ours(tariff: Tariff) -> None:
    if not tariff.party.ours:
        raise UnableToChange(f"{tariff} belongs to {tariff.party}, a partner: what they show is theirs to say.")
