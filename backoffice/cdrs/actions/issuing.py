"""Issue our CDRs: one for each finished session at a charge point of ours, checked before it leaves.

Called when a session ends and again by a sweep: whoever comes second finds it issued. What looks wrong is held, and nobody
outside has seen it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from backoffice import statements
from backoffice.cdrs.actions.sending import put
from backoffice.cdrs.models import Cdr, bare
from backoffice.cdrs.rules.composing import Composed, compose
from backoffice.cdrs.rules.plausibility import Charge, Finding, Other, implausible
from backoffice.crash_points import crash_point
from backoffice.fields import DocumentField, milliseconds
from backoffice.locations.models import Evse, Location
from backoffice.sessions.actions.tariffs import compiled, zone_of
from backoffice.sessions.actions.writing import outcome_of
from backoffice.sessions.models import Session
from backoffice.sessions.rules.placing import place
from ocpi.wire import json as wire_json
from ocpi.wire import sessions as wire
from ocpi.wire.cdrs import CDR
from ocpi.wire.sessions import SessionStatus

log = logging.getLogger(__name__)

Tree = dict[str, Any]

SETTLED = timedelta(minutes=1)
"""How long after its end a sweep looks for a session's CDR: whoever ended it issues it at once."""


class UnableToIssue(Exception):
    """No CDR can be made of this session; the sentence says why."""


def issue(session_pk: int, *, now: datetime) -> Cdr | None:
    """The CDR of a session, made now if there is none. None: it is not ours or has not ended. Raises UnableToIssue."""
    with transaction.atomic():
        session = (
            Session.objects.select_for_update(of=("self",), no_key=True)
            .select_related("party", "emsp", "tariff_version", "point")
            .filter(pk=session_pk, ours=True, status=SessionStatus.COMPLETED)
            .first()
        )
        if session is None:
            return None
        known = _of(session)
        if known is not None:
            return known
        try:
            composed = _composed(session, now)
            findings = found(composed, evse=session.point, party=session.party_id, emsp=session.emsp_id, now=now)
            cdr = put(composed.tree, party=session.party, emsp=session.emsp, findings=findings, now=now)
        except (wire_json.Invalid, LookupError) as error:
            raise UnableToIssue(f"Session {session}: {error}") from error
    crash_point("cdr-after-commit")
    return cdr or _of(session)


def issue_missing(*, now: datetime, limit: int = 10_000) -> int:
    """The sessions that ended and whose CDR was not made, for whatever reason. Returns how many were issued."""
    waiting = Session.objects.filter(
        ours=True, status=SessionStatus.COMPLETED, cdr_known_at=None, stuck="", ends_at__lt=now - SETTLED
    ).order_by("ends_at")[:limit]
    done = 0
    for pk in waiting.values_list("pk", flat=True):
        try:
            done += issue(pk, now=now) is not None
        except UnableToIssue as error:
            log.error("no CDR: %s", error)
    return done


def _of(session: Session) -> Cdr | None:
    return Cdr.objects.filter(
        party=session.party, ours=True, session_ref__iexact=session.object_id, credit=False, replaces=None
    ).first()


def _composed(session: Session, now: datetime) -> Composed:
    value = wire_json.validate(wire.Session, session.tree())
    version = session.tariff_version
    return compose(
        value,
        identity=session.object_id.replace("-", "")[:36],
        location=_place(session),
        tariff=compiled(version),
        embedded=[version.tree()] if version is not None else [],
        zone=zone_of(session.time_zone),
        signed_data=DocumentField.read(session.signed_data) if session.signed_data else None,
        now=milliseconds(now),
        outcome=outcome_of(session),
        booking_id=session.booking_id,
        invoice=session.invoice_reference_id,
    )


def _place(session: Session) -> Tree:
    """As it was when the session began (T-303)."""
    if session.place:
        found: Tree = DocumentField.read(session.place)
        return found
    location = Location.objects.filter(party=session.party, object_id__iexact=session.location_id).first()
    if location is None:
        raise LookupError(f"location {session.location_id} is not there any more")
    return place(location.tree(), session.evse_uid, session.connector_id)


def found(
    composed: Composed, *, evse: Evse | None, party: int, emsp: int, now: datetime, but: Sequence[int] = ()
) -> list[Finding]:
    """What is implausible about a CDR of ours that is not there yet. `but`: rows that it replaces."""
    value = wire_json.validate(CDR, composed.tree)
    charge = Charge(
        starts_at=value.start_date_time,
        ends_at=value.end_date_time,
        kwh=value.total_energy,
        total_excl=value.total_cost.before_taxes,
        periods=value.charging_periods,
        credit=bool(value.credit),
        max_power_kw=Decimal(evse.max_power) / 1000 if evse is not None and evse.max_power else None,
        same_evse=_overlapping("d.evse_id", value.cdr_location.evse_id, party, value, but, "d.party_id = %(owner)s"),
        same_token=_overlapping("d.token_uid", value.cdr_token.uid, emsp, value, but, "d.emsp_id = %(owner)s"),
    )
    findings = implausible(charge, now)
    if composed.cost_is_unknown:
        sentence = "The tariff tells prices with taxes and no rate, so what it costs before taxes is not known."
        findings.append(Finding("COST_UNKNOWN", sentence))
    return findings


def _overlapping(column: str, identity: str, owner: int, value: CDR, but: Sequence[int], whose: str) -> Other | None:
    rows = statements.run(
        f"""SELECT d.object_id, d.starts_at, d.ends_at FROM cdrs_cdr d
            WHERE {bare(column)} = {bare("%(identity)s::text")} AND {whose} AND d.ours AND NOT d.credit
              AND d.credited_by_id IS NULL AND d.state NOT IN ('DROPPED', 'REPLACED') AND NOT d.id = ANY(%(but)s::bigint[])
              AND d.starts_at < %(end)s AND d.ends_at > %(start)s AND d.starts_at > %(since)s
            ORDER BY d.starts_at LIMIT 1""",
        {
            "identity": identity,
            "owner": owner,
            "start": value.start_date_time,
            "end": value.end_date_time,
            "since": value.start_date_time - timedelta(hours=48),
            "but": list(but),
        },
    )
    return Other(*rows[0]) if rows else None
