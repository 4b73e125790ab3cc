"""What is known of how a session is steered, for pages that show it. Writes nothing."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from backoffice.charging_profiles.actions.keeping import Limits, Tree, limits_of, parsed
from backoffice.charging_profiles.models import ActiveProfile, ProfileRequest
from backoffice.charging_profiles.rules.curves import NOTHING, Curve, NotComparable, curve, instant, lowest, sequence
from backoffice.charging_profiles.rules.plugs import tenths
from backoffice.charging_profiles.rules.states import Kind, State
from backoffice.fields import DocumentField
from backoffice.sessions.models import Session
from ocpi.wire import charging_profiles as wire
from ocpi.wire import json as wire_json
from ocpi.wire.charging_profiles import ChargingProfileResultType

MOST = 100
"""Requests, and active profiles, that are drawn: the latest."""


@dataclass(frozen=True, slots=True)
class Steered:
    """`requested`: the lowest of what charge points took, over time. `active`: what was told of the active profile, each until
    the next. Both in the unit of `limits`."""

    limits: Limits
    requested: Curve
    active: Curve


def steered(session: Session, unit: str) -> Steered:
    """In `unit` where the connector allows to convert; what cannot be compared is left out."""
    limits = limits_of(session, unit)
    pieces: defaultdict[int, list[tuple[int, Curve]]] = defaultdict(list)
    taken = ProfileRequest.objects.filter(
        session=session,
        kind__in=[Kind.SET.value, Kind.CLEAR.value],
        state=State.ANSWERED.value,
        result=ChargingProfileResultType.ACCEPTED.value,
    ).order_by("-ended_at", "-pk")[:MOST]
    for request in taken:
        if request.ended_at is not None:
            pieces[request.party_id].append((instant(request.ended_at), _said(limits, request.profile())))
    told = ActiveProfile.objects.filter(session=session).order_by("-at", "-pk")[:MOST]
    return Steered(
        limits, lowest([sequence(each) for each in pieces.values()]), sequence([_told(limits, row) for row in told])
    )


def _said(limits: Limits, profile: Tree | None) -> Curve:
    if profile is None:
        return NOTHING
    try:
        return limits.of([profile])
    except NotComparable:
        return NOTHING


def _told(limits: Limits, row: ActiveProfile) -> tuple[int, Curve]:
    told = wire_json.validate(wire.ActiveChargingProfile, DocumentField.read(row.document))
    begins = told.charging_profile.start_date_time or told.start_date_time
    try:
        said = curve(told.charging_profile, begins=begins, unit=limits.unit, plug=limits.plug)
    except NotComparable:
        said = NOTHING
    return instant(row.at), said


def wished(session: Session, profile: Tree, unit: str) -> Curve:
    """What a profile would say, for a look before it is set. Raises NotComparable, wire_json.Invalid."""
    parsed(profile)
    return limits_of(session, unit).of([profile])


def limit_at(curve_: Curve, at: datetime) -> str:
    """In words, without the unit; empty: no limit."""
    limit = curve_.at(instant(at))
    return "" if limit is None else f"{tenths(limit):f}"
