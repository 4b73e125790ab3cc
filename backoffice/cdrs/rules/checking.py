"""What we make of a received CDR: our price of it, by the tariff inside and by the one we knew, and a verdict with its reasons.

AGREED only when every figure is ours, within half a minor unit for a part and one for the total. Whatever cannot be calculated is
never an agreement. A person reads `sentence` first, so the largest difference stands first in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any

from backoffice.cdrs.rules.plausibility import Finding
from backoffice.cdrs.rules.states import Verdict
from backoffice.tariffs.rules import DEFAULT, UNSTATED_VAT, Breakdown, CompiledTariff, Outcome, Policy, price
from backoffice.tariffs.rules.cdr import AnyCdr
from backoffice.tariffs.rules.exact import decimal, exponent, minor_unit
from backoffice.tariffs.rules.verify import Discrepancy, alternatives, verify
from ocpi.versions.countries import TIME_ZONES
from ocpi.wire.cdrs import CdrDimensionType

Tree = dict[str, Any]

MOST_PERIODS = 500
"""Of a CDR for which other readings of its tariff are tried: each of them is a whole calculation."""

REASON_OF = {
    "currency": "CURRENCY_MISMATCH",
    "total_cost": "TOTAL_MISMATCH",
    "total_fixed_cost": "FIXED_MISMATCH",
    "total_energy_cost": "ENERGY_MISMATCH",
    "total_time_cost": "TIME_MISMATCH",
    "total_parking_cost": "PARKING_MISMATCH",
    "total_reservation_cost": "RESERVATION_MISMATCH",
    "total_energy": "ENERGY_SUM_MISMATCH",
    "total_time": "TIME_SUM_MISMATCH",
    "total_parking_time": "TIME_SUM_MISMATCH",
}

NAMES = {
    "currency": "currency",
    "total_cost": "total",
    "total_fixed_cost": "fixed cost",
    "total_energy_cost": "energy",
    "total_time_cost": "charging time",
    "total_parking_cost": "parking",
    "total_reservation_cost": "reservation",
    "total_energy": "kWh",
    "total_time": "hours",
    "total_parking_time": "parking hours",
}

READINGS = {
    "step_size_ignored": "step sizes were ignored",
    "step_size_per_component": "each price component rounded up by itself",
    "step_size_exact_multiple_grows": "an exact multiple of a step were rounded up, too",
    "step_size_skips_free_volume": "what is free did not count for a step",
    "step_size_of_last_time": "the last of charging and parking time were rounded up",
    "step_size_joins_reservation": "reserved and charging time were rounded up together",
    "hours_as_reported": "hours were taken as written and not as the seconds that they stand for",
    "every_flat_charged": "every fixed price were charged, not only the first",
    "unnamed_period_priced": "a period without tariff were priced",
    "duration_counts_reservation": "durations counted from the reservation on",
    "absent_quantity_matches": "limits of power held where none was reported",
    "lowest_power_and_current": "limits of power were read by the lowest value",
    "highest_power_and_current": "limits of power were read by the highest value",
    "equal_times_are_never": "a window that ends when it begins never held",
    "weekday_of_window_start": "the hours after midnight belonged to the weekday before",
    "period_interpolated": "periods were divided at every boundary of the tariff",
    "minimum_without_charging": "the minimum price were due without charging",
    "price_limits_ignored": "minimum and maximum price were ignored",
    "times_in_utc": "times of day were read in UTC",
    "reservation_used": "the reservation had been used",
    "reservation_expired": "the reservation had expired",
    "reservation_cancelled": "the reservation had been cancelled",
}
"""The other readings that `tariffs.rules.verify` tries, as `it would be right if ...`."""

POLICIES: dict[str, Policy] = {}


def policy_of(version: str) -> Policy:
    """What a price without VAT means depends on the version it was told in."""
    if version not in POLICIES:
        unstated = UNSTATED_VAT.get(version)
        POLICIES[version] = DEFAULT if unstated is None else Policy(unstated_vat=unstated)
    return POLICIES[version]


SEVERAL_ZONES = frozenset({"CHL", "ECU", "ESP", "GRL", "NZL", "PRT"})
"""Countries of which `TIME_ZONES` knows the mainland only: too little to bill by."""


def zone_name(known: str, country: str) -> str:
    """Of the Location if we know it, else of its country if that has one; empty where nobody knows."""
    return known or ("" if country in SEVERAL_ZONES else TIME_ZONES.get(country, ""))


@dataclass(frozen=True)
class Calculated:
    """Our price of a CDR by one tariff, and what in the CDR is otherwise."""

    breakdown: Breakdown
    discrepancies: list[Discrepancy]
    readings: list[str]

    @cached_property
    def excl(self) -> Decimal | None:
        total = self.breakdown.total.excl
        return None if total is None else decimal(total)

    @cached_property
    def incl(self) -> Decimal | None:
        total = self.breakdown.total.incl
        return None if total is None else decimal(total)


def calculate(
    cdr: AnyCdr, tariffs: Sequence[CompiledTariff], zone: tzinfo | None, policy: Policy, *, detail: bool = False
) -> Calculated:
    outcome = Outcome.CANCELLED if taken_back(cdr) else None
    breakdown = price(
        tariffs, cdr.charging_periods, zone, (), policy, end=cdr.end_date_time, outcome=outcome, detail=detail
    )
    found = [each for each in verify(cdr, breakdown) if not _is_rounding(each, cdr.currency)]
    readings: list[str] = []
    if found and len(cdr.charging_periods) <= MOST_PERIODS:
        readings = [name for name, _ in alternatives(cdr, breakdown, tariffs, zone, (), policy)]
    return Calculated(breakdown, found, readings)


_USE = frozenset({CdrDimensionType.ENERGY, CdrDimensionType.TIME, CdrDimensionType.PARKING_TIME})


def taken_back(cdr: AnyCdr) -> bool:
    """Whether it bills a booking that was cancelled: nobody charged on it, and it does not say that it expired, as it does where
    nobody came."""
    if not cdr.booking_id:
        return False
    told = [dimension for period in cdr.charging_periods for dimension in period.dimensions]
    return not any(
        each.type is CdrDimensionType.RESERVATION_EXPIRES or (each.type in _USE and each.volume) for each in told
    )


def _is_rounding(each: Discrepancy, currency: str | None) -> bool:
    """With taxes an amount may be a minor unit apart: whoever rounds rounds the amount and its tax, each by itself."""
    return each.incl and each.difference is not None and abs(each.difference) <= minor_unit(currency)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of a received CDR. `ours`: the calculation that counts, of the tariff we knew if there is one."""

    verdict: Verdict
    reasons: list[str]
    sentence: str
    our_excl: Decimal | None = None
    our_incl: Decimal | None = None
    delta: Decimal | None = None


def judge(
    *,
    billed: Decimal,
    currency: str,
    inside: Calculated | None,
    known: Calculated | None,
    findings: Sequence[Finding] = (),
) -> Judgement:
    """Of a CDR that is no credit. `billed`: its total before taxes."""
    ours = known or inside
    if ours is None:
        if billed == 0 and not findings:
            return Judgement(Verdict.AGREED, [], "Nothing is billed.", Decimal(0), None, Decimal(0))
        reasons = ["TARIFF_MISSING", *(finding.code for finding in findings)]
        sentence = "There is no tariff to calculate by: none inside, and none that it names is known here."
        return Judgement(Verdict.NOT_PRICED, reasons, _joined([sentence, *(f.sentence for f in findings)]))
    reasons = _reasons(inside, known)
    reasons += [finding.code for finding in findings if finding.code not in reasons]
    delta = None if ours.excl is None else billed - ours.excl
    sentences = _differences(ours, currency)
    if known is not None and inside is not None and known.discrepancies and not inside.discrepancies:
        sentences.append("By the tariff inside it would be right: that is not the one we knew when the session began.")
    sentences += [finding.sentence for finding in findings]
    if ours.excl is None:
        return Judgement(
            Verdict.NOT_PRICED,
            ["TAX_MISMATCH", *reasons],
            _joined(["The tariff does not tell what is before taxes.", *sentences]),
            None,
            ours.incl,
        )
    if reasons:
        return Judgement(Verdict.DIFFERS, reasons, _joined(sentences), ours.excl, ours.incl, delta)
    return Judgement(Verdict.AGREED, [], "Every figure is as we calculate it.", ours.excl, ours.incl, delta)


def _reasons(inside: Calculated | None, known: Calculated | None) -> list[str]:
    ours = known or inside
    assert ours is not None
    reasons: list[str] = []
    fields = {each.field for each in ours.discrepancies if not each.incl}
    for each in ours.discrepancies:
        code = "TAX_MISMATCH" if each.incl and each.field not in fields else REASON_OF[each.field]
        if code not in reasons:
            reasons.append(code)
    if known is not None and inside is not None and bool(known.discrepancies) != bool(inside.discrepancies):
        reasons.insert(0, "TARIFF_DIFFERS_FROM_START")
    return reasons


def _differences(ours: Calculated, currency: str) -> list[str]:
    """The total first, then its parts by how much they are apart, then the reading that would explain it."""
    told = [each for each in ours.discrepancies if not each.incl] or ours.discrepancies
    total = next((each for each in told if each.field == "total_cost"), None)
    sentences = []
    if total is not None and total.difference is not None:
        more = "more" if total.difference > 0 else "less"
        after = " with taxes" if total.incl else ""
        sentences.append(f"Billed {_money(abs(total.difference), currency)}{after} {more} than we calculate.")
    parts = [each for each in told if each.field != "total_cost"]
    parts.sort(key=lambda each: abs(each.difference or Fraction(0)), reverse=True)
    sentences += [_difference(each, currency) for each in parts[:3]]
    if ours.readings:
        sentences.append(f"It would be right if {READINGS.get(ours.readings[0], ours.readings[0])}.")
    return sentences


def _difference(each: Discrepancy, currency: str) -> str:
    name = NAMES[each.field].capitalize()
    if not isinstance(each.stated, Fraction) or not isinstance(each.expected, Fraction):
        return f"{name}: {each.stated} billed, {each.expected} by the tariff."
    if each.field in ("total_energy", "total_time", "total_parking_time"):
        return f"{name}: {decimal(each.stated):f} in total, {decimal(each.expected):f} in its periods."
    return f"{name}: {_money(each.stated, currency)} billed, {_money(each.expected, currency)} calculated."


def _money(amount: Fraction, currency: str) -> str:
    """At the precision of the currency, or finer where that would say nothing."""
    places = exponent(currency)
    if amount and abs(amount) < Fraction(1, 10**places):
        places = 4
    return f"{decimal(amount, places):f} {currency}"


def judge_credit(
    *,
    billed: Decimal,
    original: str,
    known: bool,
    twice: bool = False,
    wrong: Sequence[str] = (),
    ours: Decimal | None = None,
    findings: Sequence[Finding] = (),
) -> Judgement:
    """Of a Credit CDR. `known`: the credited CDR is here; `twice`: another credit was for it already; `wrong`: the fields in
    which it is not the mirror; `ours`: what we calculated for the original, which is taken back with it, so that the two come to
    nothing also in what we think of them."""
    if not known:
        return Judgement(
            Verdict.DIFFERS,
            ["CREDIT_ORPHAN"],
            f"It credits CDR {original}, which is not known here. Looked at again when it comes.",
        )
    reasons, sentences = [], []
    if twice:
        reasons.append("DOUBLE_CREDIT")
        sentences.append(f"CDR {original} was credited already.")
    if wrong:
        reasons.append("CREDIT_NOT_MIRROR")
        sentences.append(f"It is not the mirror of CDR {original}: {', '.join(wrong)} differ.")
    for finding in findings:
        if finding.code == "COST_OUT_OF_RANGE":
            reasons.append(finding.code)
            sentences.append(finding.sentence)
    taken_back = billed if ours is None else -ours
    delta = billed - taken_back
    if reasons:
        return Judgement(Verdict.DIFFERS, reasons, _joined(sentences), taken_back, None, delta)
    sentence = f"It takes CDR {original} back, to the cent."
    return Judgement(Verdict.AGREED, [], sentence, taken_back, None, delta)


def _joined(sentences: Sequence[str], longest: int = 500) -> str:
    text = " ".join(sentence for sentence in sentences if sentence)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def told(discrepancy: Discrepancy) -> Tree:
    """As it is stored."""
    return {
        "field": discrepancy.field,
        "stated": _written(discrepancy.stated),
        "expected": _written(discrepancy.expected),
        "incl": discrepancy.incl,
    }


def _written(value: Fraction | str | None) -> str | None:
    return f"{decimal(value):f}" if isinstance(value, Fraction) else value
