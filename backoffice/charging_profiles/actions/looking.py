"""What is known of how a session is steered, for pages that show it. Writes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from backoffice.charging_profiles.actions.keeping import Limits, Tree, evse_of, limits_of, parsed
from backoffice.charging_profiles.models import ActiveProfile, ProfileRequest, Steering
from backoffice.charging_profiles.rules.asking import CAPABLE
from backoffice.charging_profiles.rules.curves import NOTHING, Curve, NotComparable, curve, instant, lowest, sequence
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


def active(session: Session) -> tuple[Tree, datetime] | None:
    """The newest ChargingProfile that is known to be active, and when we heard of it."""
    row = Steering.objects.filter(session=session).first()
    tree = row.tree() if row is not None else None
    return (tree["charging_profile"], row.active_at) if row is not None and tree is not None and row.active_at else None


def capable(session: Session) -> bool:
    """Whether its EVSE says that it takes charging profiles."""
    evse = evse_of(session)
    return evse is not None and CAPABLE in evse.capabilities


def in_words(tree: Mapping[str, Any] | None) -> str:
    """A profile in a few words: `16 A, then 6 A after 10 min`."""
    if tree is None:
        return "–"
    unit, periods = tree.get("charging_rate_unit", ""), tree.get("charging_profile_period") or []
    words = [
        f"{each['limit']} {unit}" + (f" after {timedelta(seconds=int(each['start_period']))}" if index else "")
        for index, each in enumerate(periods[:3])
        if -(10**8) < each["start_period"] < 10**8
    ]
    return ", then ".join(words) + (" …" if len(periods) > 3 else "") if words else "no limit"
