"""Write CDRs: the same statement for one POST, a page of a pull and one of our own. A page costs a handful of statements.

The unique index is what makes a CDR one: whoever inserts first has it, everybody else finds it there and compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from enum import StrEnum
from typing import Any

from backoffice import statements
from backoffice.cdrs.rules.content import written
from backoffice.documents.fates import ordered_at
from backoffice.documents.storing import Columns, sent
from backoffice.fields import milliseconds
from ocpi.wire import cdrs as wire
from ocpi.wire.types import Price

Tree = dict[str, Any]


def incl(price: Price) -> Decimal | None:
    """With taxes, where any are named: without, nobody knows whether there are none."""
    if not price.taxes:
        return None
    total: Decimal = price.before_taxes
    for tax in price.taxes:
        total = _EXACT.add(total, tax.amount)
    return total


_EXACT = Context(prec=64)
"""Sums of numbers as OCPI has them are exact."""


def _projected(value: wire.CDR) -> tuple[Any, ...]:
    place, token = value.cdr_location, value.cdr_token
    return (
        value.session_id or "",
        milliseconds(value.start_date_time),
        milliseconds(value.end_date_time),
        value.total_energy,
        value.total_time,
        value.total_parking_time,
        value.currency,
        value.total_cost.before_taxes,
        incl(value.total_cost),
        token.uid,
        str(token.type)[:40],
        token.contract_id,
        value.auth_method.value,
        place.id,
        place.name or "",
        place.city,
        place.country,
        place.evse_uid,
        place.evse_id,
        place.connector_id,
        bool(value.credit),
        value.credit_reference_id or "",
        bool(value.home_charging_compensation),
        value.signed_data is not None,
    )


COLUMNS = Columns(
    {
        "session_ref": "text",
        "starts_at": "timestamptz",
        "ends_at": "timestamptz",
        "kwh": "numeric",
        "hours": "numeric",
        "parking_hours": "numeric",
        "currency": "text",
        "total_excl": "numeric",
        "total_incl": "numeric",
        "token_uid": "text",
        "token_type": "text",
        "contract_id": "text",
        "auth_method": "text",
        "location_id": "text",
        "location_name": "text",
        "city": "text",
        "country": "text",
        "evse_uid": "text",
        "evse_id": "text",
        "connector_id": "text",
        "credit": "bool",
        "credit_reference_id": "text",
        "home_charging": "bool",
        "signed": "bool",
    },
    _projected,
)


class Became(StrEnum):
    """What became of a CDR that somebody told us of."""

    NEW = "NEW"
    REPEATED = "REPEATED"
    OTHER_CONTENT = "OTHER_CONTENT"


@dataclass(slots=True)
class Told:
    """One CDR to store, and what became of it. `id`: its row, also where it was there before."""

    tree: Tree
    value: wire.CDR
    emsp: int
    key: str = ""
    text: str = ""
    hash: str = ""
    id: int = 0
    object_id: str = ""
    became: Became = Became.NEW

    def __post_init__(self) -> None:
        self.key = self.value.id.upper()
        self.object_id = self.value.id
        document, self.hash = written(self.tree)
        self.text = document.decode()


def insert(party: int, told: Sequence[Told], fates: dict[str, Any], *, told_in: str, now: datetime) -> None:
    """Insert those of these CDRs of one party whose id is not there yet, and give each its row. `fates`: the columns that
    say what becomes of them, the same for all. Of equal ids in a batch the first is inserted.
    """
    first: dict[str, Told] = {}
    for item in told:
        first.setdefault(item.key, item)
    new = [first[key] for key in sorted(first)]  # in one order, so that two batches never wait for each other in a ring
    names = (*_FIXED, *COLUMNS.types)
    types = (*_FIXED.values(), *COLUMNS.types.values())
    given = [
        (
            item.value.id,
            item.text,
            milliseconds(ordered_at(item.value.last_updated, now)),
            item.hash,
            item.emsp,
            *COLUMNS.of(item.value),
        )
        for item in new
    ]
    made = statements.run(
        f"""INSERT INTO cdrs_cdr AS d (party_id, generation, seen_at, created_at, told_in, held_for, held_because, reasons,
                acknowledged_url, asked_finding, sentence, {", ".join(fates)}, {", ".join(names)})
            SELECT %s, 1, %s, %s, %s, '{{}}', '[]', '{{}}', '', '', '', {", ".join(["%s"] * len(fates))}, t.*
            FROM unnest({", ".join(f"{sent(name)}::{kind}[]" for name, kind in zip(names, types, strict=True))}) AS t
            ON CONFLICT DO NOTHING RETURNING d.id, upper(d.object_id)""",
        [party, now, now, told_in, *fates.values(), *(list(column) for column in zip(*given, strict=True))],
    )
    ids = {_text(key): row_id for row_id, key in made}
    for item in told:
        item.id = ids.get(item.key, 0)
        item.became = Became.NEW if item.id and first[item.key] is item else Became.REPEATED


_FIXED = {
    "object_id": "text",
    "document": "text",
    "last_updated": "timestamptz",
    "content_hash": "text",
    "emsp_id": "bigint",
}


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
