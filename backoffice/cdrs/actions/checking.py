"""Price received CDRs again and say what we think of them: by a worker soon after they came, and when staff ask.

A batch reads what its CDRs need in a statement of each kind, calculates without the database, and writes two statements. Several
workers share the work: each takes rows that nobody else has. A calculation that breaks off is a verdict, too (FAILED).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.db import InterfaceError, OperationalError, transaction

from backoffice import statements
from backoffice.cdrs.actions import tariffs as known_tariffs
from backoffice.cdrs.actions.telling import receipts
from backoffice.cdrs.models import Priced, bare
from backoffice.cdrs.rules.checking import (
    Calculated,
    Judgement,
    calculate,
    judge,
    judge_credit,
    policy_of,
    told,
    zone_name,
)
from backoffice.cdrs.rules.crediting import not_mirrored
from backoffice.cdrs.rules.plausibility import Charge, Finding, Other, implausible
from backoffice.cdrs.rules.states import Verdict
from backoffice.fields import DocumentField
from backoffice.tariffs.actions.storing import versions_at
from backoffice.tariffs.rules import CompiledTariff
from backoffice.tariffs.rules.cdr import CdrToPrice
from ocpi.wire import json as wire_json

log = logging.getLogger(__name__)

Tree = dict[str, Any]

BATCH = 200


@dataclass(slots=True)
class Subject:
    """A CDR under calculation: its row, and what else must be known of it."""

    id: int
    party: int
    object_id: str
    told_in: str
    tree: Tree
    starts_at: datetime
    ends_at: datetime
    kwh: Decimal
    total_excl: Decimal
    currency: str
    country: str
    credit: bool
    credit_reference_id: str
    time_zone: str = ""
    max_power: int = 0
    same_token: Other | None = None
    versions: list[int] = field(default_factory=list)
    original: tuple[Any, ...] | None = None

    @property
    def cdr(self) -> CdrToPrice:
        return wire_json.validate(CdrToPrice, {name: self.tree[name] for name in self.tree if name != "tariffs"})


@dataclass(frozen=True, slots=True)
class Checked:
    """What was calculated of one CDR."""

    subject: Subject
    judgement: Judgement
    inside: Calculated | None = None
    known: Calculated | None = None


def check_waiting(*, now: datetime, limit: int = 100_000) -> int:
    """Price what waits, batch by batch, until nothing does. Returns how many were priced."""
    done = 0
    while done < limit:
        try:
            with transaction.atomic():
                rows = statements.run(
                    "SELECT id FROM cdrs_cdr WHERE verdict = 'WAITING' ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED",
                    [BATCH],
                )
                found = len(_check([row[0] for row in rows], now)) if rows else 0
                receipts([row[0] for row in rows], now=now)
        except (OperationalError, InterfaceError):  # the database's trouble, not that of a CDR
            raise
        except Exception:
            log.exception("a batch of CDRs could not be priced together")
            found = _one_by_one(now)
        if not found:
            return done
        done += found
    return done


def _one_by_one(now: datetime) -> int:
    """What would have been a batch, each in a transaction of its own: one that breaks it off must not keep all others waiting."""
    rows = statements.run("SELECT id FROM cdrs_cdr WHERE verdict = 'WAITING' ORDER BY id LIMIT %s", [BATCH])
    for (row_id,) in rows:
        try:
            with transaction.atomic():
                if statements.run(
                    "SELECT 1 FROM cdrs_cdr WHERE id = %s AND verdict = 'WAITING' FOR NO KEY UPDATE SKIP LOCKED",
                    [row_id],
                ):
                    _check([row_id], now)
                    receipts([row_id], now=now)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            log.exception("CDR row %s could not be priced", row_id)
            judgement = _failed(error)
            with transaction.atomic():
                statements.run(
                    """UPDATE cdrs_cdr SET verdict = %s, reasons = %s::varchar[], sentence = %s, checked_at = %s
                       WHERE id = %s AND verdict = 'WAITING'""",
                    [judgement.verdict.value, judgement.reasons, judgement.sentence, now, row_id],
                )
                receipts([row_id], now=now)
    return len(rows)


def recheck(ids: Collection[int], *, now: datetime, by: str) -> list[Checked]:
    """Staff: price these again, with what we know now."""
    with transaction.atomic():
        rows = statements.run(
            "SELECT id FROM cdrs_cdr WHERE id = ANY(%s) AND NOT ours ORDER BY id FOR NO KEY UPDATE", [sorted(ids)]
        )
        checked = _check([row[0] for row in rows], now)
        statements.run(
            """INSERT INTO cdrs_cdrevent (cdr_id, at, what, from_state, to_state, by, reason)
               SELECT t.id, %s, 'RECHECKED', '', '', %s, t.sentence FROM unnest(%s::bigint[], %s::text[]) AS t(id, sentence)""",
            [now, by[:150], [each.subject.id for each in checked], [each.judgement.sentence[:300] for each in checked]],
        )
    return checked


def calculated(row_id: int, *, now: datetime) -> Checked:
    """Both calculations of one CDR line by line, for a page. Writes nothing."""
    (subject,) = _subjects([row_id])
    return _checked(subject, _compiled_versions([subject]), now, detail=True)


# --- the parts -------------------------------------------------------------------------------------------------------


def _check(ids: Sequence[int], now: datetime) -> list[Checked]:
    # a batch is read by keys, whatever is believed of the size of a table that was empty a minute ago
    statements.run("SET LOCAL enable_seqscan = off")
    subjects = _subjects(ids)
    versions = _compiled_versions(subjects)
    checked = [_survived(subject, versions, now) for subject in subjects]
    _write(checked, now)
    return checked


def _survived(subject: Subject, versions: dict[tuple[str, int], CompiledTariff | None], now: datetime) -> Checked:
    try:
        return _checked(subject, versions, now)
    except Exception as error:  # whatever broke, this bill is not agreed to, and the others go on
        log.exception("the calculation of CDR row %s broke off", subject.id)
        return Checked(subject, _failed(error))


def _failed(error: Exception) -> Judgement:
    sentence = f"Our calculation broke off ({type(error).__name__}); nothing is said about the figures."
    return Judgement(Verdict.FAILED, ["CHECK_FAILED"], sentence)


def _checked(
    subject: Subject,
    versions: dict[tuple[str, int], CompiledTariff | None],
    now: datetime,
    *,
    detail: bool = False,
) -> Checked:
    cdr = subject.cdr
    findings = _findings(subject, cdr, now)
    policy = policy_of(subject.told_in)
    zone = _zone(zone_name(subject.time_zone, subject.country))
    within = known_tariffs.inside(subject.tree.get("tariffs") or (), subject.told_in)
    knew = [made for row in subject.versions if (made := versions.get((subject.told_in, row))) is not None]
    inside = calculate(cdr, within, zone, policy, detail=detail) if within else None
    if knew and knew == within:  # the same objects: compiled ones are kept by their text
        known = inside
    else:
        known = calculate(cdr, knew, zone, policy, detail=detail) if knew else None
    if subject.credit:
        return Checked(subject, _credit(subject, findings), inside, known)
    judgement = judge(
        billed=subject.total_excl, currency=subject.currency, inside=inside, known=known, findings=findings
    )
    return Checked(subject, judgement, inside, known)


def _findings(subject: Subject, cdr: CdrToPrice, now: datetime) -> list[Finding]:
    return implausible(
        Charge(
            starts_at=subject.starts_at,
            ends_at=subject.ends_at,
            kwh=subject.kwh,
            total_excl=subject.total_excl,
            periods=cdr.charging_periods,
            credit=subject.credit,
            max_power_kw=Decimal(subject.max_power) / 1000 if subject.max_power else None,
            same_token=subject.same_token,
        ),
        now,
    )


def _credit(subject: Subject, findings: Sequence[Finding]) -> Judgement:
    original = subject.original
    if original is None:
        return judge_credit(billed=subject.total_excl, original=subject.credit_reference_id, known=False)
    document, credited_by, ours = original
    return judge_credit(
        billed=subject.total_excl,
        original=subject.credit_reference_id,
        known=True,
        twice=credited_by is not None and credited_by != subject.id,
        wrong=not_mirrored(subject.tree, DocumentField.read(document)),
        ours=ours,
        findings=findings,
    )


@lru_cache(maxsize=1000)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):  # not there; a path; a folder of the zone database
        return None


def _subjects(ids: Sequence[int]) -> list[Subject]:
    """In the order of their rows, with everything around them. (`+ interval '0'`, `+ 0`: of a table that was filled a moment
    ago the planner knows nothing, and would take the index of a whole eMSP for that of a token: hundreds of times the work.)"""
    rows = statements.run(
        f"""SELECT d.id, d.party_id, d.object_id, d.told_in, d.document, d.starts_at, d.ends_at, d.kwh, d.total_excl, d.currency,
               d.country, d.credit, d.credit_reference_id, coalesce(l.time_zone, ''), coalesce(e.max_power, 0),
               o.object_id, o.starts_at, o.ends_at
           FROM cdrs_cdr d
           LEFT JOIN locations_location l ON l.party_id = d.party_id AND upper(l.object_id) = upper(d.location_id)
           LEFT JOIN locations_evse e ON e.location_id = l.id AND upper(e.uid) = upper(d.evse_uid)
           LEFT JOIN LATERAL (
               SELECT o.object_id, o.starts_at, o.ends_at FROM cdrs_cdr o
               WHERE {bare("o.token_uid")} = {bare("d.token_uid")}
                 AND o.starts_at < d.ends_at AND o.starts_at > d.starts_at - interval '48 hours'
                 AND o.ends_at + interval '0' > d.starts_at AND o.emsp_id + 0 = d.emsp_id
                 AND o.id <> d.id AND NOT o.credit AND o.credited_by_id IS NULL AND NOT o.ours
                 AND d.token_type <> 'AD_HOC_USER' AND NOT d.credit AND d.credited_by_id IS NULL
               LIMIT 1) o ON true
           WHERE d.id = ANY(%s) ORDER BY d.id""",
        [list(ids)],
    )
    subjects = []
    for *facts, other_id, other_start, other_end in rows:
        row_id, party, object_id, told_in, document, *rest = facts
        tree: Any = wire_json.reread(document)
        subject = Subject(row_id, party, object_id, told_in, tree, *rest)
        if other_id is not None:
            subject.same_token = Other(other_id, other_start, other_end)
        subjects.append(subject)
    _find_versions(subjects)
    _find_originals([subject for subject in subjects if subject.credit])
    return subjects


def _find_versions(subjects: Sequence[Subject]) -> None:
    """Which versions of the tariffs that they name were in force when they began: our memory against the partner's copy."""
    wanted, of = [], []
    for subject in subjects:
        for identity in _tariff_ids(subject.tree):
            wanted.append((subject.party, identity, subject.starts_at))
            of.append(subject)
    for subject, version in zip(of, versions_at(wanted), strict=True):
        if version is not None:
            subject.versions.append(version)


def _tariff_ids(tree: Tree) -> list[str]:
    told = [tariff["id"] for tariff in tree.get("tariffs") or ()]
    told += [period["tariff_id"] for period in tree["charging_periods"] if period.get("tariff_id")]
    return list({identity.upper(): identity for identity in told}.values())[:50]


def _find_originals(credits_: Sequence[Subject]) -> None:
    if not credits_:
        return
    rows = statements.run(
        """SELECT c.id, o.document, o.credited_by_id, o.our_excl FROM cdrs_cdr c
           JOIN cdrs_cdr o ON o.party_id = c.party_id AND upper(o.object_id) = upper(c.credit_reference_id) AND o.id <> c.id
           WHERE c.id = ANY(%s) AND NOT o.credit""",
        [[subject.id for subject in credits_]],
    )
    found = {row_id: tuple(original) for row_id, *original in rows}
    for subject in credits_:
        subject.original = found.get(subject.id)


def _compiled_versions(subjects: Sequence[Subject]) -> dict[tuple[str, int], CompiledTariff | None]:
    by_told: dict[str, set[int]] = {}
    for subject in subjects:
        by_told.setdefault(subject.told_in, set()).update(subject.versions)
    found = {}
    for version, rows in by_told.items():
        for row, made in known_tariffs.of_versions(rows, version).items():
            found[version, row] = made
    return found


def _write(checked: Sequence[Checked], now: datetime) -> None:
    statements.run(
        """UPDATE cdrs_cdr d SET verdict = t.verdict, reasons = t.reasons::varchar[], sentence = t.sentence, our_excl = t.excl,
               our_incl = t.incl, delta = t.delta, checked_at = %s
           FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::numeric[], %s::numeric[], %s::numeric[])
               AS t(id, verdict, reasons, sentence, excl, incl, delta) WHERE d.id = t.id""",
        [
            now,
            [each.subject.id for each in checked],
            [each.judgement.verdict.value for each in checked],
            ["{" + ",".join(each.judgement.reasons) + "}" for each in checked],
            [each.judgement.sentence for each in checked],
            [each.judgement.our_excl for each in checked],
            [each.judgement.our_incl for each in checked],
            [each.judgement.delta for each in checked],
        ],
    )
    made = [
        (each.subject, by, calculation)
        for each in checked
        for by, calculation in ((Priced.TARIFF_INSIDE, each.inside), (Priced.TARIFF_KNOWN, each.known))
        if calculation is not None
    ]
    statements.run("DELETE FROM cdrs_check WHERE cdr_id = ANY(%s)", [[each.subject.id for each in checked]])
    if made:
        statements.run(
            """INSERT INTO cdrs_check (cdr_id, at, by, ok, our_excl, our_incl, currency, discrepancies, alternatives, warnings)
               SELECT t.id, %s, t.by, t.ok, t.excl, t.incl, t.currency, t.found::jsonb, t.readings::jsonb, t.codes::jsonb
               FROM unnest(%s::bigint[], %s::text[], %s::bool[], %s::numeric[], %s::numeric[], %s::text[], %s::text[], %s::text[],
                   %s::text[]) AS t(id, by, ok, excl, incl, currency, found, readings, codes)""",
            [now, *(list(column) for column in zip(*(_row(*each) for each in made), strict=True))],
        )


def _row(subject: Subject, by: Priced, calculation: Calculated) -> tuple[Any, ...]:
    return (
        subject.id,
        by.value,
        not calculation.discrepancies,
        calculation.excl,
        calculation.incl,
        (calculation.breakdown.currency or subject.currency)[:3],
        wire_json.encode([told(each) for each in calculation.discrepancies]).decode(),
        wire_json.encode(calculation.readings).decode(),
        wire_json.encode(calculation.breakdown.codes).decode(),
    )
