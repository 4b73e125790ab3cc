"""Store tokens: the same code for a PUT, a page of a pull, an import and a change by staff. The key is uid and type together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from backoffice.delivery.actions.staging import stage
from backoffice.documents import storing
from backoffice.documents.storing import Columns, Item, Table
from ocpi.wire import json as wire_json
from ocpi.wire import tokens as wire

Tree = dict[str, Any]

UNTOLD_TYPES = frozenset({"EMAID"})
"""See `models.UNTOLD`."""


def _projected(value: wire.Token) -> tuple[Any, ...]:
    return (
        value.type.value,
        value.contract_id,
        value.visual_number or "",
        value.issuer,
        value.group_id or "",
        value.valid,
        value.whitelist.value,
        value.language or "",
        value.energy_contract.supplier_name if value.energy_contract else "",
        value.default_profile_type.value if value.default_profile_type else "",
    )


def key_of(uid: str, kind: str) -> str:
    """What is unique within a party. A line feed can stand in neither part."""
    return f"{uid.upper()}\n{kind}"


TABLE = Table(
    "tokens_token",
    Columns(
        {
            "type": "text",
            "contract_id": "text",
            "visual_number": "text",
            "issuer": "text",
            "group_id": "text",
            "valid": "bool",
            "whitelist": "text",
            "language": "text",
            "energy_supplier": "text",
            "default_profile_type": "text",
        },
        _projected,
    ),
    key="(upper(d.object_id) || E'\\n' || d.type)",
    key_of=lambda value: key_of(value.uid, value.type.value),
    id_of=lambda value: value.uid,
)


def store(
    party: int, tokens: Sequence[tuple[Tree, wire.Token]], *, now: datetime, ours: bool, dry_run: bool = False
) -> list[Item]:
    """Store these tokens of one party; newest wins. Ours that are new or changed are staged for the partners.

    Returns what became of each, in the order of the keys.
    """
    with transaction.atomic():
        batch = storing.store(TABLE, party, tokens, now=now, dry_run=dry_run)
        if ours and not dry_run:
            owe(party, ((item.value.uid, item.value.type.value) for item in batch if item.touched), now=now)
    return batch


def owe(party: int, tokens: Iterable[tuple[str, str]], *, now: datetime, only: Collection[int] | None = None) -> int:
    """Stage tokens of ours, by uid and type. Inside the transaction of the change. Returns how many messages are owed."""
    changes = [(ids, ()) for ids in tokens if ids[1] not in UNTOLD_TYPES]
    return stage(sender=party, module="tokens", changes=changes, now=now, only=only, count=True)


def parsed(tree: Tree) -> wire.Token:
    """The token as a typed value. Raises wire_json.Invalid."""
    return wire_json.validate(wire.Token, tree)
