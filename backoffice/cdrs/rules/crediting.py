"""Credit CDRs, ours and received (mod_cdrs#credit_cdrs): the id, what is negated, and whether one is the mirror of its original.

Only the amounts in `total_cost` are negative; everything else is repeated as it was, energy and the parts of the cost included.
Whoever sums must therefore sign by the flag `credit`.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from ocpi.wire import json as wire_json
from ocpi.wire.cdrs import CDR

Tree = dict[str, Any]

LONGEST_ID, LONGEST_CREDIT_ID = 36, 39
OWN = frozenset({"id", "credit", "credit_reference_id", "last_updated"})
"""What a Credit CDR has of its own."""


def credit_id(original: str, taken: Collection[str] = ()) -> str:
    """The original's id with something appended, at most 39 characters. `taken`: ids (upper case) that there are already."""
    for suffix in ("-C", *(f"-{number}" for number in range(2, 100))):
        made = f"{original[: LONGEST_CREDIT_ID - len(suffix)]}{suffix}"
        if made.upper() not in taken:
            return made
    raise ValueError(f"there is no free id for a credit of {original}")


def corrected_id(original: str, taken: Collection[str] = ()) -> str:
    """A new id for the CDR that replaces another: its id with a number, at most 36 characters."""
    for number in range(2, 1000):
        suffix = f"-R{number}"
        made = f"{original[: LONGEST_ID - len(suffix)]}{suffix}"
        if made.upper() not in taken:
            return made
    raise ValueError(f"there is no free id for a correction of {original}")


def credit_of(original: Tree, identity: str, last_updated: str) -> Tree:
    """The whole Credit CDR for this CDR."""
    told = {name: value for name, value in original.items() if name not in ("credit", "credit_reference_id")}
    return told | {
        "id": identity,
        "credit": True,
        "credit_reference_id": original["id"],
        "total_cost": negated(original["total_cost"]),
        "last_updated": last_updated,
    }


def negated(price: Tree) -> Tree:
    """A Price with every amount of the other sign, taxes included; rates stay."""
    told = price | {"before_taxes": _minus(price["before_taxes"])}
    if price.get("taxes"):
        told["taxes"] = [tax | {"amount": _minus(tax["amount"])} for tax in price["taxes"]]
    return told


def _minus(amount: Decimal | int) -> Decimal | int:
    return -amount if amount else amount  # zero has no sign: -0 would be written


def not_mirrored(credit: Tree, original: Tree) -> list[str]:
    """The fields in which a Credit CDR is not what it should be; none where it is the exact mirror."""
    expected = credit_of(original, credit["id"], str(credit["last_updated"]))
    one, other = _plain(credit), _plain(expected)
    return sorted(name for name in one.keys() | other.keys() if name not in OWN and one.get(name) != other.get(name))


def _plain(tree: Tree) -> Tree:
    found: Tree = wire_json.validate(CDR, tree).model_dump(exclude_none=True)
    return found
