"""What the chapter's own examples of card payments do wrong; partners copied from them."""

from decimal import Context as Exactly
from decimal import Decimal
from typing import Any

from ocpi.versions.repairs.repair import ObjectRepair
from ocpi.versions.version import Context, Node, without
from ocpi.wire.base import Wire
from ocpi.wire.types import Price

_EXACT = Exactly(prec=64)


def _is_number(value: Any) -> bool:
    return type(value) in (int, Decimal)


def _says_vat(node: Node, cls: type[Wire], context: Context) -> bool:
    return node.get("before_taxes") is None and _is_number(node.get("excl_vat"))


def _with_taxes(node: Node, cls: type[Wire], context: Context) -> Node:
    """What is between the two sums is VAT. Without a sum with VAT nothing is known of taxes."""
    excl, incl = node["excl_vat"], node.get("incl_vat")
    told = {**without(node, "excl_vat", "incl_vat"), "before_taxes": excl}
    if incl is None or not _is_number(incl) or told.get("taxes"):
        return told
    return {**told, "taxes": [{"name": "VAT", "amount": _EXACT.subtract(Decimal(incl), Decimal(excl))}]}


REPAIRS: tuple[ObjectRepair, ...] = (
    ObjectRepair(
        "accept_prices_with_vat",
        Price,
        applies=_says_vat,
        fix=_with_taxes,
        sentence="A price with excl_vat and incl_vat, as in OCPI 2.2.1, is read as before_taxes with one tax, VAT.",
        fills=("before_taxes",),
    ),
)
