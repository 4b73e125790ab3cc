"""What a financial advice says, and what a told one means beside those that are known.

Laws: an advice is never changed; the same id with the same content is a repeat. A second advice for a reference, with an id of
its own, is taken when nothing was captured before, as when a provider tries a card again; or when what was captured before was
PARTIAL_SUCCESS and this one is for more of the rest: in the same currency, and together no more than the CDR bills, or than was
reserved where no CDR is known. Anything else is somebody's money told twice, and a person must look at it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from backoffice.payments.rules.money import MOST
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


@dataclass(frozen=True, slots=True)
class Told:
    """What an advice says of money."""

    status: str
    captured: Decimal
    currency: str


def adds(new: Told, known: Sequence[Told], *, limit: Decimal | None) -> bool:
    """Whether an advice may stand beside those that are known of its reference. `limit`: what all of them may come to; None:
    nobody knows."""
    if all(each.status == CaptureStatusCode.FAILED for each in known):
        return True
    if any(each.status == CaptureStatusCode.SUCCESS for each in known):
        return False
    if new.status == CaptureStatusCode.FAILED:
        return not new.captured
    if limit is None or any(each.currency.upper() != new.currency.upper() for each in known):
        return False
    together = new.captured
    for each in known:
        together = _EXACT.add(together, each.captured)
    return new.captured > 0 and together <= limit


def impossible(captured: Decimal) -> str:
    """Why no card can have paid this; empty where it can. A negative amount looks like a refund, which has no message."""
    if captured < 0:
        return "It says that less than nothing was captured: the module has no message for refunds."
    return "" if captured <= MOST else "No card pays that much."
