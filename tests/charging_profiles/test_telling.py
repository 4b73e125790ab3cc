"""As CPO: whoever once set a profile hears of what becomes active afterwards, and nobody else
(mod_charging_profiles#msp_put_method).

Several parties may limit one session: the lowest of their limits holds, and the charge point is told one profile.
"""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.charging_profiles.actions import executing, sending
from backoffice.charging_profiles.actions.keeping import UnableToSteer
from backoffice.charging_profiles.actions.receiving import Wish
from backoffice.charging_profiles.models import ActiveProfile, Hold, ProfileRequest
from backoffice.charging_profiles.rules.states import Kind
from backoffice.partners.models import Connection, Party
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from ocpi.wire import json as wire_json
from ocpi.wire.charging_profiles import ActiveChargingProfile
from tests.charging_profiles import cast
from tests.charging_profiles.cast import charging, delete, get, listening, obey, orders, owed, put, steps, tree
from tests.doors.asking import Asking
from tests.factories import Partner
from tests.sessions import cast as charges


def limit(amperes: str, unit: str = "A") -> dict[str, Any]:
    told: dict[str, Any] = cast.literal(
        f'{{"charging_rate_unit":"{unit}","charging_profile_period":[{{"start_period":0,"limit":{amperes}}}]}}'.encode()
    )
    return told


def staff(session: Session, kind: Kind = Kind.SET, amperes: str = "10", unit: str = "A") -> ProfileRequest:
    """Our own staff steer a charge point of ours."""
    profile = limit(amperes, unit) if kind is Kind.SET else None
    return sending.ask(session, Wish(kind, profile=profile), by="anna", why="The grid is full.", now=site.now())


@pytest.fixture
def steered(asking: Asking, partner: Partner) -> Session:
    """The partner has set 16 A, and the charge point has taken it."""
    listening(partner)
    session = charging(partner)
    put(asking, partner, session)
    obey(session)
    assert owed("PUSH") == []  # it is what was asked for: no news to who asked
    return session


@pytest.mark.rule("T-445", "T-446", "T-448")
def test_who_set_a_profile_hears_of_another_one(steered: Session, partner: Partner) -> None:
    made = staff(steered)
    (order,) = obey(steered)
    assert (made.way, made.party, made.asked_by, made.why) == ("OWN", steered.party, "anna", "The grid is full.")
    assert steps(order.profile) == [(0, 10)]  # type: ignore[union-attr]
    (push,) = owed("PUSH")
    assert (push.method, push.path) == ("PUT", steered.object_id)
    assert (push.connection_id, push.receiver_id, push.sender_id) == (
        partner.connection.pk,
        partner.party.pk,
        steered.party_id,
    )
    told = wire_json.validate(ActiveChargingProfile, tree(push))
    assert told.charging_profile.duration == 3600  # between 5 and 60 minutes
    assert steps(tree(push)["charging_profile"]) == [(0, 10)]


@pytest.mark.rule("T-447")
def test_who_never_set_one_does_not(asking: Asking, partner: Partner) -> None:
    listening(partner)
    session = charging(partner)
    get(asking, partner, session)  # asking is no setting
    obey(session)
    staff(session)
    obey(session)
    assert owed("PUSH") == []


@pytest.mark.rule("T-447")
def test_a_profile_that_the_charge_point_refused_is_none(asking: Asking, partner: Partner) -> None:
    listening(partner)
    session = charging(partner)
    put(asking, partner, session)
    obey(session, "REJECTED")
    staff(session)
    obey(session)
    assert owed("PUSH") == []


@pytest.mark.rule("T-445")
def test_who_removed_its_own_still_hears(steered: Session, asking: Asking, partner: Partner) -> None:
    delete(asking, partner, steered)
    obey(steered)
    pushed = len(owed("PUSH"))
    staff(steered)
    obey(steered)
    assert len(owed("PUSH")) == pushed + 1


@pytest.mark.rule("T-449")
def test_when_none_is_active_any_more_the_most_of_the_evse_is_told(
    steered: Session, asking: Asking, partner: Partner
) -> None:
    staff(steered)
    obey(steered)
    delete(asking, partner, steered)
    obey(steered)
    staff(steered, Kind.CLEAR)
    (order,) = obey(steered)
    assert type(order).__name__ == "ClearProfile"
    assert steps(tree(owed("PUSH")[-1])["charging_profile"]) == [(0, 32)]


def test_the_same_again_is_no_news(steered: Session) -> None:
    staff(steered)
    obey(steered)
    staff(steered)
    obey(steered)
    assert len(owed("PUSH")) == 1


def test_a_higher_limit_of_ours_changes_nothing_for_the_partner(steered: Session) -> None:
    staff(steered, amperes="20")
    (order,) = obey(steered)
    assert steps(order.profile) == [(0, 16)]  # type: ignore[union-attr]  # the partner's is lower
    assert owed("PUSH") == []


def test_the_lowest_of_two_units_holds(steered: Session) -> None:
    staff(steered, amperes="4140", unit="W")  # 6 A on three phases
    (order,) = obey(steered)
    assert order.profile["charging_rate_unit"] == "W"  # type: ignore[union-attr]
    assert steps(order.profile) == [(0, 4140)]  # type: ignore[union-attr]
    staff(steered, Kind.CLEAR)
    (order,) = obey(steered)
    assert type(order).__name__ == "SetProfile"  # what the partner set holds on
    assert steps(order.profile) == [(0, 16)]  # type: ignore[union-attr]
    assert [steps(tree(push)["charging_profile"]) for push in owed("PUSH")] == [[(0, 4140)], [(0, 16)]]


def test_one_that_asks_for_more_than_may_be_hears_what_is_active(
    steered: Session, asking: Asking, partner: Partner
) -> None:
    staff(steered)
    obey(steered)
    put(asking, partner, steered, cast.setting(partner, cast.SIXTEEN.replace(b"16", b"20")))
    (order,) = obey(steered)
    assert steps(order.profile) == [(0, 10)]  # type: ignore[union-attr]
    assert [steps(tree(push)["charging_profile"]) for push in owed("PUSH")] == [[(0, 10)], [(0, 10)]]


def test_two_changes_at_once_would_undo_each_other(steered: Session, asking: Asking, partner: Partner) -> None:
    staff(steered)
    answered = put(asking, partner, steered)
    assert (answered.data["result"], answered.says) == ("TOO_OFTEN", (200, 1000))
    assert "moment" in answered.message
    assert get(asking, partner, steered).data["result"] == "ACCEPTED"
    obey(steered)
    assert put(asking, partner, steered).data["result"] == "ACCEPTED"
    with pytest.raises(UnableToSteer, match="another party"):
        staff(steered)


@pytest.mark.rule("T-445")
def test_what_the_charge_point_changes_by_itself_is_told(steered: Session) -> None:
    told = {
        "start_date_time": cast.later(1).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "charging_profile": {"duration": 600} | limit("8"),
    }
    executing.changed(steered, told, site.now())
    executing.changed(steered, told, site.now())
    executing.changed(steered, {"nonsense": 1}, site.now())
    assert [tree(push) for push in owed("PUSH")] == [told]
    assert ActiveProfile.objects.latest("pk").tree() == told


HOUR_OF_IT = [(3600, [(0, 8), (120, 9)])]


@pytest.mark.rule("T-448")
@pytest.mark.parametrize(
    ("seconds", "told"), [(60, []), (300, [(300, [(0, 8), (120, 9)])]), (86_400, HOUR_OF_IT), (None, HOUR_OF_IT)]
)
def test_what_is_told_is_of_a_useful_length(
    seconds: int | None, told: list[tuple[int, list[tuple[int, int]]]], steered: Session
) -> None:
    profile = limit("8")
    profile["charging_profile_period"] += [{"start_period": 120, "limit": 9}]
    if seconds is None or seconds > 3600:
        profile["charging_profile_period"] += [{"start_period": 3600, "limit": 10}]
    if seconds is not None:
        profile["duration"] = seconds
    told_by_point = {"start_date_time": cast.later(1).strftime("%Y-%m-%dT%H:%M:%SZ"), "charging_profile": profile}
    executing.changed(steered, told_by_point, site.now())
    pushed = [tree(push)["charging_profile"] for push in owed("PUSH")]
    assert [(each["duration"], steps(each)) for each in pushed] == told
    assert ActiveProfile.objects.latest("pk").tree() == told_by_point  # we keep it whole


def test_who_has_no_door_for_it_or_is_away_is_not_told(steered: Session, partner: Partner) -> None:
    Connection.objects.filter(pk=partner.connection.pk).update(state="PAUSED")
    staff(steered)
    obey(steered)
    Connection.objects.filter(pk=partner.connection.pk).update(state="ACTIVE")
    partner.connection.endpoints.filter(identifier="chargingprofiles").delete()
    staff(steered, amperes="9")
    obey(steered)
    assert owed("PUSH") == []


def test_nothing_is_told_of_a_session_that_is_over(steered: Session) -> None:
    staff(steered)
    (order,) = orders(steered)
    charges.running.end(session=steered, kwh=None, reason="", now=site.now())
    cast.says(order)
    assert owed("PUSH") == []


def test_an_older_profile_does_not_replace_a_newer_one(steered: Session, us: Party) -> None:
    put_first, put_second = staff(steered), staff(steered, amperes="12")
    first, second = orders(steered)
    cast.says(second)
    cast.says(first)  # its answer took longer
    held = Hold.objects.get(party=us)
    assert (held.request_id, steps(held.profile() or {})) == (put_second.pk, [(0, 12)])
    assert put_first.pk < put_second.pk


def test_our_staff_steer_what_takes_profiles(partner: Partner) -> None:
    for number, (given, why) in enumerate(
        (
            ({"capabilities": ()}, "takes no charging profiles"),
            ({"driven": False}, "No station system drives"),
        )
    ):
        session = charging(partner, number=number, **given)
        assert why in sending.why_not(session, Wish(Kind.SET, profile=limit("6")), now=site.now())
        with pytest.raises(UnableToSteer, match=why):
            staff(session)
    session = charging(partner, number=5)
    assert sending.why_not(session, Wish(Kind.SET, profile=limit("6")), now=site.now()) == ""
    with pytest.raises(UnableToSteer, match="less than none"):
        staff(session, amperes="-6")
    with pytest.raises(wire_json.Invalid):
        sending.ask(session, Wish(Kind.SET, profile={"charging_rate_unit": "V"}), by="anna", now=site.now())
    assert not ProfileRequest.objects.exists()
