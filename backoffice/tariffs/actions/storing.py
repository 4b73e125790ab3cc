"""Store tariffs and keep every version of them: the same code for a PUT, a page of a pull, an import and a publication."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from backoffice import statements
from backoffice.delivery.actions.staging import stage
from backoffice.documents import storing
from backoffice.documents.storing import Columns, Item, Table
from backoffice.fields import milliseconds
from backoffice.tariffs.models import Tariff, TariffVersion
from backoffice.tariffs.rules.standing import flaw, headline, is_time_of_use
from ocpi.wire import json as wire_json
from ocpi.wire import tariffs as wire

Tree = dict[str, Any]

PARTNER, STAFF, IMPORT = "partner", "staff", "import"


def _projected(value: wire.Tariff) -> tuple[Any, ...]:
    wrong = flaw(value)
    return (
        value.type.value if value.type else "",
        value.currency,
        value.tax_included.value,
        milliseconds(value.start_date_time) if value.start_date_time else None,
        milliseconds(value.end_date_time) if value.end_date_time else None,
        "" if wrong else headline(value),
        is_time_of_use(value),
        wrong,
        None,  # told of again, it is no longer withdrawn
    )


TABLE = Table(
    "tariffs_tariff",
    Columns(
        {
            "type": "text",
            "currency": "text",
            "tax_included": "text",
            "starts_at": "timestamptz",
            "ends_at": "timestamptz",
            "headline": "text",
            "time_of_use": "bool",
            "flaw": "text",
            "withdrawn_at": "timestamptz",
        },
        _projected,
    ),
    dead="d.withdrawn_at IS NOT NULL",
)


def store(
    party: int,
    tariffs: Sequence[tuple[Tree, wire.Tariff]],
    *,
    source: str,
    now: datetime,
    ours: bool,
    said_by: str = "",
    dry_run: bool = False,
) -> list[Item]:
    """Store these tariffs of one party; newest wins. What is new or changed becomes a version; ours are staged for partners.

    Returns what became of each, in the order of the keys.
    """
    with transaction.atomic():
        batch = storing.store(TABLE, party, tariffs, now=now, dry_run=dry_run)
        if not dry_run:
            _keep(batch, source=source, said_by=said_by, now=now)
            if ours:
                for item in batch:
                    if item.touched:
                        owe(item.id, sender=party, object_id=item.value.id, now=now)
    return batch


def _keep(batch: Sequence[Item], *, source: str, said_by: str, now: datetime) -> None:
    TariffVersion.objects.bulk_create(
        TariffVersion(
            tariff_id=item.id,
            number=item.generation,
            document=item.text,
            at=item.at,
            told_at=now,
            source=source,
            said_by=said_by,
        )
        for item in batch
        if item.touched
    )


def owe(tariff: int, *, sender: int, object_id: str, now: datetime, only: Collection[int] | None = None) -> int:
    """Stage a tariff of ours for whoever may see it. Inside the transaction of the change."""
    rows = statements.run(
        """SELECT everyone, ARRAY(SELECT connection_id FROM tariffs_disclosure WHERE tariff_id = t.id)
           FROM tariffs_tariff t WHERE id = %s""",
        [tariff],
    )
    everyone, disclosed = rows[0]
    if not everyone:
        only = set(disclosed) if only is None else set(only) & set(disclosed)
    return stage(sender=sender, module="tariffs", changes=[((object_id,), ())], now=now, only=only, count=True)


def version_at(tariff: Tariff, moment: datetime) -> TariffVersion:
    """The version under which a session that began at `moment` is priced: the last that was in force then, else the first."""
    versions = TariffVersion.objects.filter(tariff=tariff)
    found = versions.filter(at__lte=moment).order_by("-number").first() or versions.order_by("number").first()
    assert found is not None, "every stored tariff has a version"
    return found


def versions_at(wanted: Sequence[tuple[int, str, datetime]]) -> list[int | None]:
    """For each (party, tariff id, moment) the row of its `version_at`, None where we do not know the tariff: one statement."""
    if not wanted:
        return []
    parties, ids, moments = zip(*wanted, strict=True)
    rows = statements.run(
        """SELECT w.place, v.id FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) WITH ORDINALITY w(party, id, at, place)
           JOIN tariffs_tariff t ON t.party_id = w.party AND upper(t.object_id) = upper(w.id)
           CROSS JOIN LATERAL (
               SELECT v.id FROM tariffs_tariffversion v WHERE v.tariff_id = t.id
               ORDER BY v.at <= w.at DESC, CASE WHEN v.at <= w.at THEN -v.number ELSE v.number END LIMIT 1) v""",
        [list(parties), list(ids), list(moments)],
    )
    found: dict[int, int] = dict(rows)
    return [found.get(place) for place in range(1, len(wanted) + 1)]


def parsed(tree: Tree) -> wire.Tariff:
    """The tariff as a typed value. Raises wire_json.Invalid."""
    return wire_json.validate(wire.Tariff, tree)
