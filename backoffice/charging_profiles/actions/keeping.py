"""What all verbs here share: the lock of a session, the moves of a request, what is active and who must hear of it."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from backoffice.charging_profiles.models import ActiveProfile, Hold, ProfileEvent, ProfileRequest, Steering
from backoffice.charging_profiles.rules.asking import PUSHED
from backoffice.charging_profiles.rules.curves import (
    NOTHING,
    SECOND,
    Curve,
    NotComparable,
    active,
    bounded,
    curve,
    instant,
    lasting,
    lowest,
)
from backoffice.charging_profiles.rules.plugs import UNKNOWN, Plug, plug
from backoffice.charging_profiles.rules.states import Move, State, Way, moved
from backoffice.delivery.actions.errands import owe_push
from backoffice.fields import DocumentField, milliseconds
from backoffice.locations.models import Evse
from backoffice.partners.models import Connection
from backoffice.partners.rules import ConnectionState
from backoffice.sessions.models import Mandate, Session
from ocpi.wire import charging_profiles as wire
from ocpi.wire import json as wire_json
from ocpi.wire.charging_profiles import ChargingRateUnit

Tree = dict[str, Any]

MODULE = "chargingprofiles"
UPDATE = "UPDATE"
"""What the log calls an active profile that is told by itself."""

SHORTEST_PUSH = 300
"""Seconds. What somebody asked for, of less than that, is no news for others (T-448)."""

PUSH_FOR = timedelta(minutes=10)
"""How long an update is worth telling: a newer one or the end of the charge follows."""

AHEAD = timedelta(minutes=2)
"""How far the clock of who tells an active profile may run before ours."""

KEPT = 200
"""Active profiles of one session that are kept; a partner may tell one every second."""


class UnableToSteer(Exception):
    """Nothing was asked of the charge point; the sentence says why."""


def fresh_uid() -> str:
    return secrets.token_urlsafe(24)


def locked(session: Session) -> tuple[Steering, Session]:
    """The session's steering, locked until the transaction ends, and the session as it is now."""
    Steering.objects.get_or_create(session=session)
    steering = Steering.objects.select_for_update(of=("self",)).get(session=session)
    return steering, Session.objects.select_related("party", "emsp", "point").get(pk=session.pk)


def of_uid(uid: str) -> ProfileRequest | None:
    """The request of this uid, its session locked; None when there is none."""
    session = Session.objects.filter(profile_requests__uid=uid).only("pk").first()
    if session is None:
        return None
    locked(session)
    return ProfileRequest.objects.select_related("session", "party", "connection").get(uid=uid)


def evse_of(session: Session) -> Evse | None:
    """The EVSE of a session as we know it, ours or the partner's."""
    if session.point is not None:
        return session.point
    return Evse.objects.filter(
        location__party=session.party_id,
        location__object_id__iexact=session.location_id,
        uid__iexact=session.evse_uid,
        listed=True,
    ).first()


def plug_of(session: Session, evse: Evse | None) -> Plug:
    if evse is None:
        return UNKNOWN
    connectors = DocumentField.read(evse.document).get("connectors", [])
    return plug(next((each for each in connectors if each["id"].upper() == session.connector_id.upper()), None))


def parsed(profile: Tree) -> wire.ChargingProfile:
    return wire_json.validate(wire.ChargingProfile, profile)


def believable(told: Tree | None) -> wire.ActiveChargingProfile | None:
    """What a charge point or a partner says is active; None when it is no ActiveChargingProfile."""
    try:
        return wire_json.validate(wire.ActiveChargingProfile, told) if told is not None else None
    except wire_json.Invalid:
        return None


def may_steer(session: Session, parties: Collection[int]) -> int | None:
    """Which of these parties may set profiles for this session of ours: the one whose driver charges, or a smart charging
    provider that has our mandate. None: none of them, and then they are not told that there is such a session (T-451)."""
    if session.emsp_id in parties:
        return session.emsp_id
    return (
        Mandate.objects.filter(party=session.party_id, provider__in=parties)
        .order_by("pk")
        .values_list("provider", flat=True)
        .first()
    )


# --- requests ---------------------------------------------------------------------------------------------------------


def note(
    request: ProfileRequest,
    event: str,
    now: datetime,
    *,
    by: str = "",
    previous: str = "",
    state: str = "",
    reason: str = "",
) -> None:
    ProfileEvent.objects.create(
        request=request, at=now, event=event, previous=previous, state=state, by=by[:150], reason=reason[:500]
    )


def make(request: ProfileRequest, now: datetime) -> ProfileRequest:
    """Write a new request down."""
    request.asked_at, request.reason = milliseconds(now), request.reason[:500]
    if State(request.state) not in (State.QUEUED, State.WAITING):
        request.ended_at = request.asked_at
    request.save(force_insert=True)
    note(request, "ASK", now, by=request.asked_by, state=request.state, reason=request.why or request.reason)
    return request


def go(request: ProfileRequest, move: Move, now: datetime, *, by: str, reason: str = "") -> bool:
    """Move a locked request. False: it is over; then it is noted that something came that changes nothing."""
    before = State(request.state)
    to = moved(Way(request.way), before, move)
    if to is None:
        request.late += 1
        request.save(update_fields=["late"])
        note(request, "LATE", now, by=by, reason=f"{move.value.capitalize()} came when it was over. {reason}".strip())
        return False
    request.state = to.value
    if to is not State.WAITING:
        request.ended_at, request.reason = milliseconds(now), reason[:500]
    request.save()
    note(request, move.value, now, by=by, previous=before.value, state=to.value, reason=reason)
    return True


# --- what holds -------------------------------------------------------------------------------------------------------


def hold(request: ProfileRequest, document: str, now: datetime) -> None:
    """From now on the party of this request holds the session to this profile (empty: to none), unless a newer request of its own
    has said otherwise."""
    known = Hold.objects.filter(session=request.session_id, party=request.party_id).first()
    if known is not None and known.request_id > request.pk:
        return
    if known is None and not document:
        return
    Hold.objects.update_or_create(
        session_id=request.session_id,
        party_id=request.party_id,
        defaults={
            "connection_id": request.connection_id,
            "request": request,
            "document": document,
            "since": milliseconds(now),
        },
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """What several profiles say of a session at its connector."""

    session: Session
    plug: Plug
    unit: ChargingRateUnit

    @property
    def most(self) -> Fraction | None:
        most = self.plug.most(self.unit)
        return None if most is None else Fraction(most)

    def of(self, profiles: Sequence[Tree]) -> Curve:
        """Raises NotComparable."""
        return lowest(
            [curve(parsed(each), begins=self.session.starts_at, unit=self.unit, plug=self.plug) for each in profiles]
        )

    def for_point(self, profiles: Sequence[Tree], now: datetime) -> Tree:
        """The one profile that a charge point is told, of one or more that hold. Raises NotComparable."""
        if len(profiles) == 1:
            return clipped(profiles[0], self.plug)
        made: Tree = lasting(bounded(self.of(profiles), self.most), at=now, unit=self.unit, most=self.most)
        rate = profiles[0].get("min_charging_rate")
        same = profiles[0]["charging_rate_unit"] == self.unit.value
        return made | {"min_charging_rate": rate} if rate is not None and same else made

    def active(self, profiles: Sequence[Tree], now: datetime, length: timedelta = PUSHED) -> Tree:
        """The active profile as it follows from these. Raises NotComparable."""
        limits = self.of(profiles) if profiles else NOTHING
        made: Tree = active(bounded(limits, self.most), at=now, length=length, unit=self.unit, most=self.most)
        return made


def clipped(profile: Tree, plug: Plug) -> Tree:
    """The same profile with no limit above what the connector gives, and without what OCPI does not know."""
    most = plug.most(ChargingRateUnit(profile["charging_rate_unit"]))
    periods = [
        {"start_period": each["start_period"], "limit": each["limit"] if most is None else min(each["limit"], most)}
        for each in profile["charging_profile_period"]
    ]
    known = {name: profile[name] for name in wire.ChargingProfile.model_fields if profile.get(name) is not None}
    return known | {"charging_profile_period": periods}


def limits_of(session: Session, unit: str = "") -> Limits:
    """`unit`: what is spoken in; empty: what people use at this connector."""
    found = plug_of(session, evse_of(session))
    return Limits(session, found, ChargingRateUnit(unit) if unit else found.usual())


def held(session: Session, *, but: int | None = None) -> list[Tree]:
    """The profiles that hold, the newest first; without those of the party `but`."""
    rows = Hold.objects.filter(session=session).exclude(document="").order_by("-request")
    return [DocumentField.read(row.document) for row in rows if row.party_id != but]


# --- what is active ---------------------------------------------------------------------------------------------------


def keep_active(steering: Steering, told: Tree, *, source: str, now: datetime, computed: bool = False) -> bool:
    """Write down what is active from now on. False: something newer is known already, which stays."""
    text, at = DocumentField.write(told), milliseconds(now)
    newest = steering.tree()
    older = newest is not None and _began(told, at) < _began(newest, steering.active_at or at)
    if steering.active != text:
        ActiveProfile.objects.create(
            session_id=steering.session_id, at=at, document=text, source=source[:150], computed=computed
        )
        _trim(steering.session_id)
    if older:
        return False
    steering.active, steering.active_at, steering.active_from = text, at, source[:150]
    steering.save()
    return True


def _began(told: Tree, heard: datetime) -> datetime:
    """By whose order newer and older are told apart. One that claims to be of next year must not stay the newest until then."""
    return min(wire_json.validate(wire.ActiveChargingProfile, told).start_date_time, heard + AHEAD)


def _trim(session: int) -> None:
    oldest = ActiveProfile.objects.filter(session=session).order_by("-at", "-id").values_list("pk", flat=True)[KEPT:]
    if oldest:
        ActiveProfile.objects.filter(pk__in=list(oldest)).delete()


def knows(session: Session, party: int, told: Tree) -> None:
    """This party has heard of this active profile, by an answer to it or because it follows from what it asked for."""
    Hold.objects.filter(session=session, party=party).update(knows=DocumentField.write(told))


def tell(session: Session, told: Tree, now: datetime) -> int:
    """Owe the active profile to every partner who once set one here and knows another (T-445, T-447). Returns how many."""
    owed, told = 0, told | {"charging_profile": useful(told["charging_profile"])}
    if told["charging_profile"].get("duration", SHORTEST_PUSH) < SHORTEST_PUSH:
        return 0
    for row in Hold.objects.filter(session=session, connection__isnull=False).select_related("connection"):
        assert row.connection is not None
        if row.knows and agree(DocumentField.read(row.knows), told, session):
            continue
        if not session.ours or may_steer(session, [row.party_id]) is None:  # its mandate may have ended
            continue
        if row.connection.state != ConnectionState.ACTIVE or not _listens(row.connection):
            continue
        owe_push(
            connection=row.connection.pk,
            sender=session.party_id,
            receiver=row.party_id,
            module=MODULE,
            kind=UPDATE,
            key=fresh_uid(),
            method="PUT",
            path="{session_id}",
            segments={"session_id": session.object_id},
            tree=told,
            deadline=now + PUSH_FOR,
            now=now,
        )
        row.knows = DocumentField.write(told)
        row.save(update_fields=["knows"])
        owed += 1
    return owed


def useful(profile: Tree) -> Tree:
    """What of a ChargingProfile is told by itself: an hour at most (T-448)."""
    most = int(PUSHED.total_seconds())
    if (profile.get("duration") or most + 1) <= most:
        return profile
    periods = profile.get("charging_profile_period") or []
    return profile | {
        "duration": most,
        "charging_profile_period": [each for each in periods if each["start_period"] < most],
    }


def _listens(connection: Connection) -> bool:
    return connection.endpoints.filter(identifier=MODULE, role="SENDER").exists()


def agree(one: Tree, other: Tree, session: Session) -> bool:
    """Whether two active profiles say the same of the time that both speak of; no, when there is no such time."""
    first, second = believable(one), believable(other)
    if first is None or second is None:
        return False
    limits = limits_of(session, first.charging_profile.charging_rate_unit)
    windows = [_window(first), _window(second)]
    begin = max(begin for begin, _ in windows)
    ends = [end for _, end in windows if end is not None]
    if ends and min(ends) <= begin:
        return False
    try:
        told = [
            curve(each.charging_profile, begins=each.start_date_time, unit=limits.unit, plug=limits.plug)
            for each in (first, second)
        ]
    except NotComparable:
        return False
    end = min(ends) if ends else max([begin, *(step.at for each in told for step in each.steps)]) + 1
    return told[0].within(begin, end) == told[1].within(begin, end)


def _window(told: wire.ActiveChargingProfile) -> tuple[int, int | None]:
    begin = instant(told.charging_profile.start_date_time or told.start_date_time)
    length = told.charging_profile.duration
    return begin, None if length is None else begin + length * SECOND
