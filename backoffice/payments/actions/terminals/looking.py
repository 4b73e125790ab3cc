"""Look at what terminals serve: the EVSEs, and what is wrong with them. Reads, and writes nothing.

For any number of terminals a handful of statements.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.db.models.functions import Upper

from backoffice.fields import DocumentField
from backoffice.locations.models import ConnectorTariff, Evse, Location
from backoffice.payments.models import Terminal
from backoffice.payments.rules.findings import Fault, Finding, Point, findings, union
from backoffice.payments.rules.terminals import TerminalState
from backoffice.tariffs.models import Tariff
from ocpi.wire.locations import Status
from ocpi.wire.tariffs import TariffType


@dataclass(frozen=True, slots=True)
class Asked:
    """An assignment to look at: as it is, or as it would be. `key`: of whoever asks. `terminal`: which one has it."""

    key: int
    customer: int | None
    location_ids: Sequence[str]
    evse_uids: Sequence[str]
    terminal: int | None = None


@dataclass(slots=True)
class Seen:
    """What an assignment comes to."""

    evses: list[Evse] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def terminals(rows: Iterable[Terminal], *, now: datetime) -> dict[int, Seen]:
    """Of these terminals, by their row ids; with what the two sides do not agree on."""
    rows = list(rows)
    asked = [Asked(row.pk, row.customer_id, row.location_ids, row.evse_uids, row.pk) for row in rows]
    seen = look(asked, now=now)
    for row in rows:
        if row.state == TerminalState.INACTIVE:
            seen[row.pk].findings = []
        if row.differs:
            sentence = f"The provider says something else of {', '.join(sorted(row.differs))}."
            seen[row.pk].findings.append(Finding(Fault.DIFFERS, sentence))
        if row.push_problem:
            sentence = f"The provider has not taken what was said last: {row.push_problem}"
            seen[row.pk].findings.append(Finding(Fault.NOT_TAKEN, sentence))
    return seen


def look(asked: Sequence[Asked], *, now: datetime) -> dict[int, Seen]:
    evses = _evses(asked)
    known: dict[int, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    by_key: dict[tuple[int, str, str], Evse] = {}
    for party, location in _locations(asked):
        known[party][location.upper()]  # one without EVSEs is known, too
    for evse in evses:
        party, at = evse.location.party_id, evse.location.object_id.upper()
        known[party][at].add(evse.uid.upper())
        by_key[party, at, evse.uid.upper()] = evse
    served = {each.key: union(each.location_ids, each.evse_uids, known[each.customer or 0]) for each in asked}
    priced = _priced(evses, now)
    others = _others(asked, evses)
    seen = {}
    for each in asked:
        keys, unknown = served[each.key]
        mine = [by_key[each.customer or 0, *key] for key in sorted(keys)]
        points = []
        for evse in mine:
            ad_hoc, amount = priced.get(evse.pk, (False, False))
            names = tuple(sorted(name for pk, name in others.get(evse.pk, ()) if pk != each.terminal))
            points.append(Point(str(evse), ad_hoc, amount, names))
        seen[each.key] = Seen(mine, findings(points, unknown))
    return seen


def _locations(asked: Sequence[Asked]) -> list[tuple[int, str]]:
    customers, ids, _ = _wanted(asked)
    found = Location.objects.filter(party__in=customers).alias(key=Upper("object_id")).filter(key__in=ids)
    return list(found.values_list("party_id", "object_id")) if ids else []


def _evses(asked: Sequence[Asked]) -> list[Evse]:
    customers, ids, uids = _wanted(asked)
    if not ids and not uids:
        return []
    found = (
        Evse.objects.filter(location__party__in=customers, listed=True)
        .exclude(status=Status.REMOVED)
        .alias(location_key=Upper("location__object_id"), key=Upper("uid"))
    )
    wanted = Q(location_key__in=ids) | Q(key__in=uids)
    return list(found.filter(wanted).select_related("location", "location__party").defer("location__document"))


def _wanted(asked: Sequence[Asked]) -> tuple[set[int], set[str], set[str]]:
    return (
        {each.customer for each in asked if each.customer is not None},
        {one.upper() for each in asked for one in each.location_ids},
        {one.upper() for each in asked for one in each.evse_uids},
    )


def _priced(evses: Sequence[Evse], now: datetime) -> dict[int, tuple[bool, bool]]:
    """Of each EVSE with tariffs: whether every connector has one for who pays at once, and whether those say what to reserve."""
    offers: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    rows = ConnectorTariff.objects.filter(evse__in=[each.pk for each in evses])
    for evse, connector, tariff in rows.values_list("evse_id", "connector_id", "tariff_id"):
        offers[evse][connector].append(tariff.upper())
    ids = {each for connectors in offers.values() for names in connectors.values() for each in names}
    tariffs = {}
    if ids:
        parties = {each.location.party_id for each in evses}
        found = Tariff.objects.filter(party__in=parties, withdrawn_at=None).alias(key=Upper("object_id"))
        for row in found.filter(key__in=ids):
            tariffs[row.party_id, row.object_id.upper()] = _reserves(row, now)
    told = {}
    for each in evses:
        connectors = [connector["id"] for connector in DocumentField.read(each.document)["connectors"]]
        listed = offers.get(each.pk, {})
        says = [[tariffs.get((each.location.party_id, name)) for name in listed.get(one, ())] for one in connectors]
        useful = [[amount for amount in amounts if amount is not None] for amounts in says]
        told[each.pk] = all(useful), all(any(amounts) for amounts in useful)
    return told


def _reserves(row: Tariff, now: datetime) -> bool | None:
    """Whether it says how much to reserve; None for a tariff by which nobody pays at once now."""
    if row.type not in ("", TariffType.AD_HOC_PAYMENT.value):
        return None
    if (row.starts_at and row.starts_at > now) or (row.ends_at and row.ends_at <= now):
        return None
    amount: Any = row.tree().get("preauthorize_amount")
    return isinstance(amount, int | Decimal) and amount > 0


def _others(asked: Sequence[Asked], evses: Sequence[Evse]) -> dict[int, list[tuple[int, str]]]:
    """Who else serves these EVSEs, with the ids as the CPO writes them."""
    if not evses:
        return {}
    customers, _, _ = _wanted(asked)
    places = {each.location.object_id for each in evses}
    uids = {each.uid for each in evses}
    rows = (
        Terminal.objects.filter(Q(location_ids__overlap=list(places)) | Q(evse_uids__overlap=list(uids)))
        .filter(customer__in=customers)
        .exclude(state=TerminalState.INACTIVE)
        .values_list("pk", "object_id", "reference", "customer_id", "location_ids", "evse_uids")
    )
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for pk, object_id, reference, customer, location_ids, evse_uids in rows:
        at, each_uid = {one.upper() for one in location_ids}, {one.upper() for one in evse_uids}
        for evse in evses:
            if evse.location.party_id == customer and (
                evse.location.object_id.upper() in at or evse.uid.upper() in each_uid
            ):
                found[evse.pk].append((pk, reference or object_id))
    return found
