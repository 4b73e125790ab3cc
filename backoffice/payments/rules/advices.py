"""What a financial advice says, and what a told one means beside those that are known.

Laws: an advice is never changed; the same id with the same content is a repeat. A charge is captured once: a second advice for
its reference is taken only when nothing was captured before, as when a provider tries a card again. Anything else is somebody's
money told twice, and a person must look at it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from decimal import Context, Decimal
from typing import Any

from ocpi.wire import json as wire_json
from ocpi.wire.payments import CaptureStatusCode, FinancialAdviceConfirmation
from ocpi.wire.types import Price

MODULE = "financial-advice-confirmations"

Tree = dict[str, Any]

_EXACT = Context(prec=64)


def with_taxes(price: Price) -> Decimal:
    """What left the card: total_costs is a consumer price (T-490), which may name no tax."""
    total: Decimal = price.before_taxes
    for tax in price.taxes:
        total = _EXACT.add(total, tax.amount)
    return total


def content_hash(tree: Tree) -> str:
    """Of all it says but last_updated: equal hashes are equal content, unequal ones may still be, see `same`."""
    told = {name: value for name, value in sorted(tree.items()) if name != "last_updated"}
    return hashlib.sha256(wire_json.encode(told)).hexdigest()


def same(one: Tree, other: Tree) -> bool:
    """Whether two trees say the same, however they write it: 1.0 or 1, null or nothing, an id in another case."""
    return bool(_plain(one) == _plain(other))


def _plain(tree: Tree) -> Any:
    value = wire_json.validate(FinancialAdviceConfirmation, tree)
    told = value.model_dump(exclude_none=True, exclude={"last_updated"})
    return told | {name: told[name].upper() for name in ("id", "authorization_reference", "currency")}


def is_another(known: Iterable[str]) -> bool:
    """Whether an advice says again what was told of this reference. `known`: the statuses of the other advices for it."""
    return any(status != CaptureStatusCode.FAILED for status in known)
