"""One JSON line in, one out: what `manage.py price` does to each line. A pure function; it runs in any process.

Lines in any version come up through `ocpi.versions`. What does not validate is repaired as a partner's object would
be (`ocpi.versions.repairs`) and tried again.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from backoffice.tariffs.rules.breakdown import Breakdown
from backoffice.tariffs.rules.cdr import CdrToPrice
from backoffice.tariffs.rules.compiled import CompiledTariff, compile_tariff
from backoffice.tariffs.rules.explain import explained
from backoffice.tariffs.rules.policy import DEFAULT, UNSTATED_VAT, Outcome, Policy, TaxRate
from backoffice.tariffs.rules.pricing import price
from backoffice.tariffs.rules.report import amounts, as_tree
from backoffice.tariffs.rules.verify import alternatives, verify
from ocpi.versions import NEWEST, VERSIONS, Context, up
from ocpi.versions.countries import TIME_ZONES
from ocpi.versions.repairs import REPAIRS, repair
from ocpi.wire.base import Wire
from ocpi.wire.cdrs import CDR
from ocpi.wire.json import Invalid, encode, parse, validate
from ocpi.wire.tariffs import Tariff

W = TypeVar("W", bound=Wire)

OUTCOMES = {
    **{outcome.value: outcome for outcome in Outcome},
    "reservation": Outcome.USED,
    "reservation_overtime": Outcome.USED,
    "reservation_expires": Outcome.EXPIRED,
    "reservation_cancellation_fees": Outcome.CANCELLED,
    "fulfilled": Outcome.USED,
    "no_show": Outcome.EXPIRED,
    "canceled": Outcome.CANCELLED,
}
"""Our words, the restrictions that price them, and the ReservationStatus of a booking."""

SEVERAL_ZONES = frozenset({"CHL", "ECU", "ESP", "GRL", "NZL", "PRT"})
"""Countries of which `TIME_ZONES` knows the mainland only: too little to bill by."""

POLICIES: dict[str, Policy] = {
    version: replace(DEFAULT, unstated_vat=UNSTATED_VAT[version]) if version in UNSTATED_VAT else DEFAULT
    for version in VERSIONS
}

_NOBODY = ("XX", "XXX")
_UNDATED = datetime(1970, 1, 1, tzinfo=UTC)
_ALL_REPAIRS = frozenset(REPAIRS)


class UnableToPrice(ValueError):
    """A line lacks what a price needs; the message is for whoever wrote it."""


def price_line(line: bytes, *, explain: bool = False) -> bytes:
    """The answer to one line, without line feed. Never raises for what the line holds: that becomes `error`."""
    try:
        tree = parse(line)
        if not isinstance(tree, dict):
            raise UnableToPrice("Expected a JSON object with tariff and cdr.")
        return _answer(tree, explain=explain)
    except (ValueError, ArithmeticError) as error:
        sentence = str(error) or type(error).__name__
        return f"error: {sentence}\n".encode() if explain else encode({"error": sentence})


def _answer(tree: Mapping[str, Any], *, explain: bool) -> bytes:
    version = NEWEST if tree.get("version") is None else tree["version"]
    if not isinstance(version, str) or version not in POLICIES:
        raise UnableToPrice(f"version: expected one of {', '.join(VERSIONS)}.")
    policy, profile = POLICIES[version], _tax_profile(tree.get("tax_rates"))
    cdr_tree, given = tree.get("cdr"), tree.get("tariff")
    if not isinstance(cdr_tree, dict):
        raise UnableToPrice("cdr: expected an object.")
    given = given if given is not None else cdr_tree.get("tariffs")
    repaired: set[str] = set()
    context = _context(cdr_tree)
    cdr = _read(CDR, CdrToPrice, {**cdr_tree, "tariffs": []}, version, context, repaired)
    offered = given if isinstance(given, list) else [] if given is None else [given]
    if not offered:
        raise UnableToPrice("tariff: expected a tariff or a list of them, here or in the CDR.")
    tariffs = [_tariff(each, version, context, profile, policy, repaired) for each in offered]
    zone, inferred = _zone(tree.get("timezone"), cdr)
    breakdown = price(
        tariffs,
        cdr.charging_periods,
        zone,
        profile,
        policy,
        end=cdr.end_date_time,
        outcome=_outcome(tree.get("reservation_outcome")),
    )
    codes = set(breakdown.codes)
    if inferred and any(each.clocked for each in breakdown.facts.tariffs):
        codes.add("time_zone_inferred")
    discrepancies = verify(cdr, breakdown)
    others = alternatives(cdr, breakdown, tariffs, zone, profile, policy) if discrepancies else []
    if explain:
        return _told(breakdown, [each.field for each in discrepancies], [name for name, _ in others])
    answer = as_tree(breakdown, because=True)
    answer["warnings"] = sorted(codes)
    answer["discrepancies"] = list(dict.fromkeys(each.field for each in discrepancies))
    answer["alternatives"] = [{"reading": name, "total": amounts(other.total)} for name, other in others]
    if repaired:
        answer["repairs"] = sorted(repaired)
    return encode(answer)


def _told(breakdown: Breakdown, discrepancies: list[str], readings: list[str]) -> bytes:
    lines = list(explained(breakdown))
    if discrepancies:
        lines.append(f"The CDR tells otherwise in: {', '.join(dict.fromkeys(discrepancies))}")
    lines += [f"Its total would be right under another reading: {name}" for name in readings]
    return ("\n".join(lines) + "\n").encode()


def _context(cdr: Mapping[str, Any]) -> Context:
    """What repairs and older versions need; none of it has a part in a price but the currency."""
    currency = cdr.get("currency")
    return Context(owner=_NOBODY, now=_UNDATED, known={"currency": currency} if isinstance(currency, str) else {})


def _read(cls: type[Wire], into: type[W], tree: Any, version: str, context: Context, repaired: set[str]) -> W:
    try:
        return validate(into, up(version, cls, tree, context))
    except Invalid:
        mended, applied = repair(cls, tree, _ALL_REPAIRS, context, version=version)
        if not applied:
            raise
    repaired.update(each.name for each in applied)
    return validate(into, up(version, cls, mended, context))


def _tariff(
    tree: Any,
    version: str,
    context: Context,
    profile: tuple[TaxRate, ...],
    policy: Policy,
    repaired: set[str],
) -> CompiledTariff:
    """Lines repeat their tariffs: each is read and compiled once in a process."""
    if not isinstance(tree, dict):
        raise UnableToPrice("tariff: expected an object.")
    key = version, profile, context.known.get("currency"), repr(tree)
    known = _compiled.get(key)
    if known is None:
        names: set[str] = set()
        known = compile_tariff(_read(Tariff, Tariff, tree, version, context, names), profile, policy), names
        if len(_compiled) >= REMEMBERED:
            _compiled.clear()
        _compiled[key] = known
    repaired |= known[1]
    return known[0]


REMEMBERED = 500
_compiled: dict[tuple[Any, ...], tuple[CompiledTariff, set[str]]] = {}


def _tax_profile(rates: Any) -> tuple[TaxRate, ...]:
    if rates is None:
        return ()
    try:
        return tuple(TaxRate(str(rate["name"]), _percentage(rate["percentage"])) for rate in rates)
    except (KeyError, TypeError) as error:
        raise UnableToPrice("tax_rates: expected a list of objects with name and percentage.") from error


def _percentage(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError
    return Decimal(value)


def _outcome(name: Any) -> Outcome | None:
    if name is None:
        return None
    if not isinstance(name, str) or name.lower() not in OUTCOMES:
        raise UnableToPrice(f"reservation_outcome: expected one of {', '.join(Outcome)}.")
    return OUTCOMES[name.lower()]


def _zone(name: Any, cdr: CdrToPrice) -> tuple[tzinfo | None, bool]:
    """The zone, and whether it was inferred from the country."""
    if name is not None:
        found = _named(name) if isinstance(name, str) else None
        if found is None:
            raise UnableToPrice("timezone: expected the name of a time zone, such as Europe/Berlin.")
        return found, False
    country = (cdr.cdr_location.country or "").upper() if cdr.cdr_location is not None else ""
    inferred = TIME_ZONES.get(country) if country not in SEVERAL_ZONES else None
    return (_named(inferred), True) if inferred else (None, False)


def _named(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there; a path; a folder of the zone database
        return None
