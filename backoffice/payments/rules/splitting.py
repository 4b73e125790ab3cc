"""What was captured as a Price: before taxes and the taxes, in the proportion of the bill, exact to the last digit."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from backoffice.tariffs.rules.exact import REPORTED, decimal

Tree = dict[str, Any]


def split(captured: Decimal, bill: Tree) -> Tree:
    """The sum of what this names is what was captured. Of a bill without taxes, or without an amount, all is before taxes."""
    taxes = bill.get("taxes") or []
    whole = bill["before_taxes"] + sum((each["amount"] for each in taxes), Decimal(0))
    if not taxes or not captured or whole <= 0:
        return {"before_taxes": captured}
    share = Fraction(captured) / Fraction(whole)
    parts = [{**each, "amount": decimal(Fraction(each["amount"]) * share, REPORTED)} for each in taxes]
    return {"before_taxes": captured - sum((each["amount"] for each in parts), Decimal(0)), "taxes": parts}
