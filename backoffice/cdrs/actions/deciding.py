"""What staff decide about CDRs: drop, correct or credit one of ours, accept a received one, close what is in quarantine.

A held CDR was seen by nobody and is simply replaced. One that was released is credited whole, and the corrected one follows with
an id of its own (mod_cdrs#credit_cdrs). The credited row is locked first, so two credits for it never happen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from backoffice.cdrs.actions.issuing import found
from backoffice.cdrs.actions.moving import UnableToDecide, move, note
from backoffice.cdrs.actions.sending import put, release
from backoffice.cdrs.actions.tariffs import compiled
from backoffice.cdrs.models import Cdr, Quarantined
from backoffice.cdrs.rules.checking import zone_name
from backoffice.cdrs.rules.composing import Composed, priced
from backoffice.cdrs.rules.correcting import Correction, impossible, recut
from backoffice.cdrs.rules.crediting import corrected_id, credit_id, credit_of
from backoffice.cdrs.rules.plausibility import Finding
from backoffice.cdrs.rules.states import SEEN, TO_REVIEW, CdrMove, CdrState, Verdict
from backoffice.fields import milliseconds
from backoffice.locations.models import Evse, Location
from ocpi.wire import json as wire_json
from ocpi.wire.base import date_time_text
from ocpi.wire.cdrs import CDR

__all__ = ["UnableToDecide", "accept", "close", "correct", "credit", "drop", "preview", "release"]

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a correction would make: shown to staff before anything is done."""

    tree: Tree
    value: CDR
    findings: list[Finding]
    before: Decimal
    after: Decimal

    @property
    def dearer(self) -> bool:
        """The driver saw a lower price: corrections upwards need a word with the partner first."""
        return self.after > self.before


def drop(cdr: Cdr, *, now: datetime, by: str, reason: str) -> Cdr:
    """Never to be sent, as for a test charge. Raises UnableToDecide."""
    _reasoned(reason)
    with transaction.atomic():
        row = _locked(cdr)
        move(row, CdrMove.DROP, now=now, by=by, reason=reason)
    return row


def credit(cdr: Cdr, *, now: datetime, by: str, reason: str) -> Cdr:
    """Take a released CDR back whole. Returns the Credit CDR. Raises UnableToDecide."""
    _reasoned(reason)
    with transaction.atomic():
        return _credited(_locked(cdr), now=now, by=by, reason=reason)


def preview(cdr: Cdr, correction: Correction, *, now: datetime) -> Preview:
    """Raises UnableToDecide."""
    return _corrected(_correctable(cdr), correction, now=now)


def correct(cdr: Cdr, correction: Correction, *, now: datetime, by: str, reason: str) -> tuple[Cdr | None, Cdr]:
    """Another CDR instead of this one: of a held one there is nothing to take back, of a released one the Credit CDR goes first.
    Returns the Credit CDR, if there is one, and the corrected CDR. Raises UnableToDecide."""
    _reasoned(reason)
    with transaction.atomic():
        row = _correctable(_locked(cdr))
        made = _corrected(row, correction, now=now)
        crediting = None
        if row.state == CdrState.HELD:
            move(row, CdrMove.REPLACE, now=now, by=by, reason=reason)
        else:
            crediting = _credited(row, now=now, by=by, reason=reason)
        corrected = put(
            made.tree,
            party=row.party,
            emsp=row.emsp,
            findings=made.findings,
            now=now,
            by=by,
            reason=reason,
            replaces=row,
        )
        if corrected is None:
            raise UnableToDecide(f"There is a CDR {made.tree['id']} already.")
        note(row.pk, "CORRECTED", now=now, by=by, reason=f"By CDR {corrected}. {reason}")
    return crediting, corrected


def accept(cdr: Cdr, *, now: datetime, by: str, reason: str) -> Cdr:
    """Pay a received one as it is, though we calculate it otherwise or not at all. Raises UnableToDecide."""
    _reasoned(reason)
    with transaction.atomic():
        row = Cdr.objects.select_for_update(of=("self",), no_key=True).get(pk=cdr.pk)
        if row.verdict not in TO_REVIEW:
            raise UnableToDecide(f"CDR {row} does not wait for a decision of ours.")
        before, row.verdict = row.verdict, Verdict.ACCEPTED.value
        row.save(update_fields=["verdict"])
        note(row.pk, "ACCEPTED", now=now, by=by, reason=reason, from_state=before, to_state=row.verdict)
    return row


def close(quarantined: Quarantined, *, now: datetime, by: str, reason: str) -> None:
    """It was settled with the partner, outside of here. Raises UnableToDecide."""
    _reasoned(reason)
    changed = Quarantined.objects.filter(pk=quarantined.pk, closed_at=None).update(
        closed_at=now, closed_by=by[:150], closed_because=reason[:300]
    )
    if not changed:
        raise UnableToDecide(f"CDR {quarantined} in quarantine was closed already.")


# --- the parts -------------------------------------------------------------------------------------------------------


def _reasoned(reason: str) -> None:
    if not reason.strip():
        raise UnableToDecide("Say why: it is kept with the CDR, and auditors ask.")


def _locked(cdr: Cdr) -> Cdr:
    row = Cdr.objects.select_for_update(of=("self",), no_key=True).select_related("party", "emsp").get(pk=cdr.pk)
    if not row.ours:
        raise UnableToDecide(f"CDR {row} is one of {row.party}: only who issued it can change what is billed.")
    return row


def _correctable(row: Cdr) -> Cdr:
    if row.credit:
        raise UnableToDecide(f"CDR {row} is a Credit CDR: correct the CDR that it credits.")
    if row.credited_by_id is not None:
        raise UnableToDecide(f"CDR {row} was credited already.")
    if row.state in (CdrState.DROPPED, CdrState.REPLACED):
        raise UnableToDecide(f"CDR {row} is {row.state.lower()}: nothing of it was sent.")
    return row


def _credited(row: Cdr, *, now: datetime, by: str, reason: str) -> Cdr:
    if row.state not in SEEN:
        raise UnableToDecide(f"CDR {row} is {row.state.lower()}: nobody has it, so there is nothing to take back.")
    _correctable(row)
    identity = credit_id(row.object_id, _taken(row))
    tree = credit_of(row.tree(), identity, date_time_text(milliseconds(now)))
    made = put(tree, party=row.party, emsp=row.emsp, findings=(), now=now, by=by, reason=reason)
    if made is None:
        raise UnableToDecide(f"There is a credit for CDR {row} already.")
    Cdr.objects.filter(pk=row.pk).update(credited_by=made)
    note(row.pk, "CREDITED", now=now, by=by, reason=f"By CDR {made}. {reason}")
    return made


def _taken(row: Cdr) -> set[str]:
    """Ids that begin like this one's."""
    near = Cdr.objects.filter(party=row.party, object_id__istartswith=row.object_id[:30])
    return {identity.upper() for identity in near.values_list("object_id", flat=True)}


def _corrected(row: Cdr, correction: Correction, *, now: datetime) -> Preview:
    wrong = impossible(correction, starts_at=row.starts_at, now=now)
    if wrong:
        raise UnableToDecide(wrong)
    if not correction.changes_the_bill and correction.remark is None:
        raise UnableToDecide("Nothing is changed: say what the corrected CDR should tell otherwise.")
    tree = row.tree()
    old = wire_json.validate(CDR, tree)
    kwh = old.total_energy if correction.kwh is None else correction.kwh
    ends_at = old.end_date_time if correction.ends_at is None else milliseconds(correction.ends_at)
    told = tree | {
        "id": corrected_id(row.object_id, _taken(row)),
        "end_date_time": date_time_text(ends_at),
        "last_updated": date_time_text(milliseconds(now)),
    }
    if correction.remark is not None:
        told["remark"] = correction.remark
    location = Location.objects.filter(party=row.party, object_id__iexact=row.location_id).first()
    evse = Evse.objects.filter(location=location, uid__iexact=row.evse_uid).first() if location else None
    composed = Composed(told, None)
    if correction.changes_the_bill:
        tariffs = [made for each in tree.get("tariffs") or () if (made := compiled(each, row.told_in)) is not None]
        name = zone_name(location.time_zone if location else "", row.country)
        periods = recut(
            old.charging_periods,
            end=old.end_date_time,
            new_end=ends_at,
            energy=old.total_energy,
            new_energy=kwh,
        )
        composed = priced(told, periods, tariffs[0] if tariffs else None, ZoneInfo(name) if name else None, energy=kwh)
    findings = found(composed, evse=evse, party=row.party_id, emsp=row.emsp_id, now=now, but=[row.pk])
    value = wire_json.validate(CDR, composed.tree)
    return Preview(composed.tree, value, findings, row.total_excl, value.total_cost.before_taxes)
