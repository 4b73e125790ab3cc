"""What charging costs, and why: one exact engine for Sessions, CDRs, the tariff editor and the simulator.

`price` makes a `Breakdown`; `compile_tariff` prepares a tariff that is used more than once. Pure functions without
clock, database or Django. Every reading of what the specification leaves open stands in `docs/pricing.md` and is a
switch of `Policy`.
"""

from backoffice.tariffs.rules.breakdown import CATEGORIES, Breakdown, Cost, Line, Notice, Segment, TaxLine
from backoffice.tariffs.rules.compiled import CompiledTariff, Component, compile_tariff
from backoffice.tariffs.rules.policy import DEFAULT, UNSTATED_VAT, Bound, Outcome, Policy, TaxRate, UnstatedVat
from backoffice.tariffs.rules.pricing import Facts, price

__all__ = [
    "CATEGORIES",
    "DEFAULT",
    "UNSTATED_VAT",
    "Bound",
    "Breakdown",
    "CompiledTariff",
    "Component",
    "Cost",
    "Facts",
    "Line",
    "Notice",
    "Outcome",
    "Policy",
    "Segment",
    "TaxLine",
    "TaxRate",
    "UnstatedVat",
    "compile_tariff",
    "price",
]
