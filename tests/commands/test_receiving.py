"""Commands of partners to our charge points: what we answer, what the charge point is asked, and the one result that we owe."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from backoffice.cdrs.models import Cdr
from backoffice.charge_points import door
from backoffice.charge_points.gateway import (
    Admission,
    CancelReservation,
    CardShown,
    Reserve,
    Start,
    Stop,
    Stopped,
    Unlock,
)
from backoffice.charge_points.models import Order
from backoffice.commands.actions import executing, hearing, reservations
from backoffice.commands.models import Command, Reservation
from backoffice.commands.rules.answers import RESULTS
from backoffice.locations.models import Evse, Location, Withholding
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from backoffice.tokens.models import Authorization, Token
from ocpi.module import Reply
from ocpi.wire.commands import CommandResultType
from tests import factories
from tests.commands import cast
from tests.commands.cast import happened, obey, orders, owed, post, said
from tests.doors.asking import Asking
from tests.factories import Partner
from tests.sessions import cast as charges

VERSIONS = ("2.3.0", "2.2.1")
R = CommandResultType


@pytest.mark.rule("T-402", "T-405", "T-406", "T-407", "T-410", "T-412", "T-416", "T-417", "T-418", "T-423", "T-276")
@pytest.mark.parametrize("version", VERSIONS)
def test_start_session(version: str, partner: Partner, asking: Asking, evse: Evse) -> None:
    answered = post(asking, "START_SESSION", cast.start(partner), version=version)
    assert said(answered) == (200, 1000, "ACCEPTED")
    assert answered.data["timeout"] == 60
    command = Command.objects.get()
    assert (command.state, command.direction, command.token_uid) == ("EXECUTING", "IN", "APP-1")
    assert owed() == [], "the charge point has not spoken yet"
    asked = obey(evse)
    assert isinstance(asked, Start)
    assert (asked.uid, asked.token_type, asked.connector_id) == ("APP-1", "APP_USER", None)
    assert owed() == [("START_SESSION", f"{cast.host(partner)}/started/1", "ACCEPTED")]
    session = cast.plug_in(evse, asked.authorization_id)
    tree = session.tree()
    assert (tree["auth_method"], tree["authorization_reference"]) == ("COMMAND", "REF-7")
    assert tree["cdr_token"] == {
        "country_code": "SE",
        "party_id": "ELV",
        "uid": "APP-1",
        "type": "APP_USER",
        "contract_id": "SE-ELV-C0001",
    }
    assert not Token.objects.exists(), "a token of a command is not stored as one"
    door.report(Stopped(evse.evse_id, "TX-1", Decimal(1010)), now=site.now() + timedelta(minutes=1))
    cdr = Cdr.objects.get().tree()
    assert (cdr["cdr_token"], cdr["auth_method"]) == (tree["cdr_token"], "COMMAND")
    assert cdr["authorization_reference"] == "REF-7"


@pytest.mark.parametrize("outcome", sorted(set(R) - {R.ACCEPTED, R.CANCELED_RESERVATION}))
def test_every_result_of_the_charge_point_goes_to_the_emsp(
    outcome: str, partner: Partner, asking: Asking, evse: Evse
) -> None:
    post(asking, "START_SESSION", cast.start(partner))
    obey(evse, outcome, "So it is.")
    command = Command.objects.get()
    assert (command.result, command.result_text) == (outcome, "So it is.")
    assert command.state == ("TIMED_OUT" if outcome == "TIMEOUT" else "FAILED")
    assert [result for _, _, result in owed()] == [outcome]
    assert set(RESULTS) == set(R)


@pytest.mark.parametrize("version", VERSIONS)
def test_stop_session(version: str, partner: Partner, asking: Asking, evse: Evse) -> None:
    session = charges.begin(evse, partner.party, now=site.now() - timedelta(minutes=5))
    answered = post(asking, "STOP_SESSION", cast.stop(partner, session.object_id.upper()), version=version)
    assert said(answered) == (200, 1000, "ACCEPTED")
    asked = obey(evse)
    assert isinstance(asked, Stop)
    assert asked.transaction == "TX-1"
    assert [result for _, _, result in owed()] == ["ACCEPTED"]


@pytest.mark.rule("T-432", "T-431")
def test_sessions_that_are_not_stopped(
    partner: Partner, stranger: Partner, asking: Asking, other: Asking, evse: Evse
) -> None:
    session = charges.begin(evse, partner.party, now=site.now() - timedelta(minutes=5))
    assert said(post(asking, "STOP_SESSION", cast.stop(partner, "NEVER"))) == (200, 1000, "UNKNOWN_SESSION")
    foreign = post(other, "STOP_SESSION", cast.stop(stranger, session.object_id))
    assert said(foreign) == (200, 1000, "REJECTED")
    assert "not of a driver" in foreign.message
    door.report(Stopped(evse.evse_id, "TX-1", Decimal(1001)), now=site.now())
    assert said(post(asking, "STOP_SESSION", cast.stop(partner, session.object_id))) == (200, 1000, "REJECTED")
    assert not Order.objects.exists()
    assert set(Command.objects.values_list("state", flat=True)) == {"REFUSED"}


@pytest.mark.parametrize("version", VERSIONS)
def test_unlock_connector(version: str, partner: Partner, asking: Asking, evse: Evse) -> None:
    assert said(post(asking, "UNLOCK_CONNECTOR", cast.unlock(partner), version=version))[2] == "ACCEPTED"
    asked = obey(evse)
    assert isinstance(asked, Unlock)
    assert asked.connector_id == "1"


def test_nobody_lets_go_of_the_cable_of_another_emsps_driver(
    partner: Partner, stranger: Partner, asking: Asking, other: Asking, evse: Evse
) -> None:
    began = site.now() - timedelta(hours=3)
    charges.begin(evse, partner.party, now=began)
    assert said(post(other, "UNLOCK_CONNECTOR", cast.unlock(stranger)))[2] == "REJECTED"
    assert said(post(asking, "UNLOCK_CONNECTOR", cast.unlock(partner)))[2] == "ACCEPTED"
    door.report(Stopped(evse.evse_id, "TX-1", Decimal(1001)), now=site.now() - timedelta(minutes=90))
    Session.objects.update(ends_at=site.now() - timedelta(minutes=90))
    assert said(post(other, "UNLOCK_CONNECTOR", cast.unlock(stranger)))[2] == "ACCEPTED", "it has gone long ago"


REFUSED = [
    ("START_SESSION", {"location": "NOWHERE"}, (200, 2003, "REJECTED")),
    ("START_SESSION", {"evse": "E9"}, (200, 2003, "REJECTED")),
    ("START_SESSION", {"more": ',"connector_id":"9"'}, (200, 2003, "REJECTED")),
    ("START_SESSION", {"card": cast.token("NO-FJO")}, (200, 2001, "REJECTED")),
    ("START_SESSION", {"card": cast.token("DE-RDK")}, (200, 2001, "REJECTED")),
    ("RESERVE_NOW", {"location": "NOWHERE"}, (200, 2003, "REJECTED")),
    ("RESERVE_NOW", {"card": cast.token("NO-FJO")}, (200, 2001, "REJECTED")),
    ("RESERVE_NOW", {"minutes": -1}, (200, 2001, "REJECTED")),
    ("RESERVE_NOW", {"minutes": 60 * 24 * 400}, (200, 1000, "REJECTED")),
    ("UNLOCK_CONNECTOR", {"location": "NOWHERE"}, (200, 2003, "REJECTED")),
    ("UNLOCK_CONNECTOR", {"connector": "7"}, (200, 2003, "REJECTED")),
]


@pytest.mark.rule("T-111", "T-419", "T-433")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("kind", "given", "answer"), REFUSED)
def test_what_is_refused(
    kind: str,
    given: dict[str, object],
    answer: tuple[int, int, str],
    version: str,
    partner: Partner,
    stranger: Partner,
    asking: Asking,
    evse: Evse,
) -> None:
    body = {"START_SESSION": cast.start, "RESERVE_NOW": cast.reserve, "UNLOCK_CONNECTOR": cast.unlock}[kind]
    answered = post(asking, kind, body(partner, **given), version=version)  # type: ignore[operator]
    assert said(answered) == answer
    assert answered.data["message"][0]["text"], "it says why"
    command = Command.objects.get()
    assert (command.state, command.response) == ("REFUSED", "REJECTED")
    assert not Order.objects.exists()
    assert not Reservation.objects.exists()
    assert not Authorization.objects.exists()
    assert owed() == [], "who was refused waits for no result"


def test_what_an_evse_cannot_do(partner: Partner, asking: Asking) -> None:
    cast.point(2, capabilities=("RFID_READER",))
    session = charges.begin(Evse.objects.get(), partner.party, now=site.now() - timedelta(minutes=5))
    for kind, body in (
        ("START_SESSION", cast.start(partner, location="LOC2")),
        ("RESERVE_NOW", cast.reserve(partner, location="LOC2")),
        ("UNLOCK_CONNECTOR", cast.unlock(partner, location="LOC2")),
        ("STOP_SESSION", cast.stop(partner, session.object_id)),
    ):
        assert said(post(asking, kind, body)) == (200, 1000, "NOT_SUPPORTED")


def test_an_evse_that_nothing_drives(partner: Partner, asking: Asking) -> None:
    cast.point(2, driven=False)
    assert said(post(asking, "START_SESSION", cast.start(partner, location="LOC2"))) == (200, 1000, "NOT_SUPPORTED")


def test_a_location_that_the_partner_must_not_know_of(partner: Partner, asking: Asking, evse: Evse) -> None:
    Withholding.objects.create(location=Location.objects.get(), connection=partner.connection)
    assert said(post(asking, "START_SESSION", cast.start(partner))) == (200, 2003, "REJECTED")


@pytest.mark.rule("T-422")
def test_we_choose_the_evse_where_none_is_named(
    partner: Partner, stranger: Partner, asking: Asking, evse: Evse
) -> None:
    assert said(post(asking, "START_SESSION", cast.start(partner, evse="")))[2] == "ACCEPTED"
    assert Command.objects.get().point == evse
    obey(evse, "FAILED")
    Evse.objects.update(status="CHARGING")
    full = post(asking, "START_SESSION", cast.start(partner, evse=""))
    assert said(full) == (200, 1000, "REJECTED")


@pytest.mark.rule("T-420", "T-404")
@pytest.mark.parametrize(
    "body",
    [
        b'{"token":{}}',
        b"[]",
        b'"START"',
        b"{}",
        b'{"response_url":"https://partner.example/x","session_id":"' + b"x" * 5000 + b'"}',
    ],
)
def test_hostile_bodies_are_answered_and_change_nothing(
    body: bytes, partner: Partner, asking: Asking, evse: Evse
) -> None:
    for kind in ("START_SESSION", "STOP_SESSION", "RESERVE_NOW", "CANCEL_RESERVATION", "UNLOCK_CONNECTOR"):
        answered = post(asking, kind, body)
        assert answered.status in (200, 400), answered.body
        assert answered.code >= 2000
    assert post(asking, "OPEN_THE_DOOR", b"{}").status == 404
    assert not Command.objects.exists()


def test_fields_of_other_commands_are_none_of_this_one(partner: Partner, asking: Asking, evse: Evse) -> None:
    strange = b'"expiry_date":"never","token":7,"location_id":["LOC1"],"reservation_id":{},"session_id":null'
    body = cast.cancel(partner).replace(b"{", b"{" + strange.replace(b'"reservation_id":{},', b"") + b",", 1)
    assert said(post(asking, "CANCEL_RESERVATION", body))[2] == "ACCEPTED"
    body = cast.unlock(partner).replace(b"{", b'{"expiry_date":"never","token":7,"reservation_id":{},', 1)
    assert said(post(asking, "UNLOCK_CONNECTOR", body))[2] == "ACCEPTED"


def test_the_connector_without_its_evse(partner: Partner, asking: Asking, evse: Evse) -> None:
    body = cast.start(partner, evse="", more=',"connector_id":"1"')
    assert post(asking, "START_SESSION", body).says == (200, 2001)


def test_a_result_goes_only_where_the_partner_has_shown_to_be_at_home(
    partner: Partner, asking: Asking, evse: Evse
) -> None:
    body = cast.start(partner).replace(cast.host(partner).encode(), b"https://elsewhere.example")
    assert post(asking, "START_SESSION", body).says == (200, 2001)
    assert not Order.objects.exists()


# --- the token --------------------------------------------------------------------------------------------------------


@pytest.mark.rule("T-414", "T-415", "T-435")
@pytest.mark.parametrize(
    ("kind", "minutes", "let_in"),
    [
        ("RFID", 1, True),
        ("RFID", 14, True),
        ("RFID", 16, False),
        ("APP_USER", 16, True),
        ("AD_HOC_USER", 600, True),
    ],
)
def test_the_emsp_is_not_asked_about_a_token_that_it_sent(
    kind: str, minutes: int, let_in: bool, partner: Partner, asking: Asking, evse: Evse
) -> None:
    post(asking, "START_SESSION", cast.start(partner, card=cast.token(uid="CARD-9", kind=kind)))
    Authorization.objects.update(at=site.now() - timedelta(minutes=minutes))
    admission = door.report(CardShown(evse.evse_id, "1", "card-9", kind), now=site.now())
    assert isinstance(admission, Admission)
    assert admission.allowed is let_in, admission.reason
    made = Authorization.objects.get(pk=admission.authorization_id)
    if let_in:
        assert (made.how, made.authorization_reference) == ("COMMAND", "REF-7")
        again = door.report(CardShown(evse.evse_id, "1", "card-9", kind), now=site.now() + timedelta(minutes=10))
        assert isinstance(again, Admission)
        assert again.allowed is (minutes + 10 <= 15 or kind != "RFID"), "showing it again prolongs nothing"


def test_a_command_lets_in_at_its_own_evse_only(partner: Partner, asking: Asking, evse: Evse) -> None:
    post(asking, "START_SESSION", cast.start(partner, card=cast.token(uid="CARD-9", kind="RFID")))
    two = cast.point(2)
    admission = door.report(CardShown(two.evse_id, "1", "CARD-9", "RFID"), now=site.now())
    assert isinstance(admission, Admission)
    assert not admission.allowed


# --- reservations -----------------------------------------------------------------------------------------------------


@pytest.mark.rule("T-425", "T-426", "T-251", "T-252", "T-424")
@pytest.mark.parametrize("version", VERSIONS)
def test_reserve_now(version: str, partner: Partner, asking: Asking, evse: Evse) -> None:
    assert said(post(asking, "RESERVE_NOW", cast.reserve(partner), version=version)) == (200, 1000, "ACCEPTED")
    assert not Session.objects.exists(), "the charge point has not agreed yet"
    asked = obey(evse)
    assert isinstance(asked, Reserve)
    row = Reservation.objects.get()
    assert (row.state, asked.reservation, row.reservation_id) == ("HELD", row.pk, "R1")
    session = Session.objects.get()
    assert (session.status, session.authorization_reference) == ("RESERVATION", "REF-8")
    assert (row.session, Command.objects.get().charge) == (session, session)
    # once more with the same id: another time, the same reservation, the same session
    assert said(post(asking, "RESERVE_NOW", cast.reserve(partner, minutes=90), version=version))[2] == "ACCEPTED"
    again = obey(evse)
    assert isinstance(again, Reserve)
    assert again.reservation == row.pk
    changed = Reservation.objects.get()
    assert changed.expires_at > row.expires_at
    assert changed.made_by == Command.objects.latest("pk")
    assert Session.objects.count() == 1


def test_a_change_that_the_charge_point_refuses_leaves_the_reservation(
    partner: Partner, asking: Asking, evse: Evse
) -> None:
    cast.reserved(asking, partner, evse)
    before = Reservation.objects.get()
    post(asking, "RESERVE_NOW", cast.reserve(partner, minutes=90))
    obey(evse, "REJECTED")
    after = Reservation.objects.get()
    assert (after.state, after.expires_at) == ("HELD", before.expires_at)


@pytest.mark.parametrize("outcome", ["REJECTED", "EVSE_OCCUPIED", "TIMEOUT", "FAILED"])
def test_a_reservation_that_the_charge_point_does_not_keep(
    outcome: str, partner: Partner, asking: Asking, evse: Evse
) -> None:
    post(asking, "RESERVE_NOW", cast.reserve(partner))
    obey(evse, outcome)
    assert Reservation.objects.get().state == "FAILED"
    assert not Session.objects.exists()
    assert said(post(asking, "RESERVE_NOW", cast.reserve(partner)))[2] == "ACCEPTED", "the EVSE is free again"


@pytest.mark.rule("T-426")
def test_two_emsps_may_call_their_reservations_the_same(
    partner: Partner, stranger: Partner, asking: Asking, other: Asking, evse: Evse
) -> None:
    two = cast.point(2)
    cast.reserved(asking, partner, evse, "SAME")
    body = cast.reserve(stranger, "SAME", card=cast.token("NO-FJO"), location="LOC2")
    assert said(post(other, "RESERVE_NOW", body))[2] == "ACCEPTED"
    obey(two)
    mine, theirs = Reservation.objects.order_by("pk")
    assert (mine.state, theirs.state, mine.reservation_id, theirs.reservation_id) == ("HELD", "HELD", "SAME", "SAME")
    assert said(post(other, "CANCEL_RESERVATION", cast.cancel(stranger, "same")))[2] == "ACCEPTED"
    asked = obey(two)
    assert isinstance(asked, CancelReservation)
    assert asked.reservation == theirs.pk
    assert list(Reservation.objects.order_by("pk").values_list("state", flat=True)) == ["HELD", "CANCELLED"]


@pytest.mark.rule("T-428", "T-429", "T-254")
def test_cancel_reservation(partner: Partner, asking: Asking, evse: Evse) -> None:
    cast.reserved(asking, partner, evse)
    assert said(post(asking, "CANCEL_RESERVATION", cast.cancel(partner)))[2] == "ACCEPTED"
    obey(evse)
    assert Reservation.objects.get().state == "CANCELLED"
    session = Session.objects.get()
    assert (session.status, session.reservation) == ("COMPLETED", "cancelled")
    assert list(Command.objects.order_by("pk").values_list("state", flat=True)) == [
        "CANCELED",
        "SUCCEEDED",
    ]
    assert said(post(asking, "CANCEL_RESERVATION", cast.cancel(partner)))[2] == "ACCEPTED"
    assert owed()[-1][2] == "UNKNOWN_RESERVATION", "it is over, and only a result can say so"
    assert not orders(evse)


def test_nobody_cancels_the_reservation_of_another_emsp(
    partner: Partner, stranger: Partner, asking: Asking, other: Asking, evse: Evse
) -> None:
    cast.reserved(asking, partner, evse)
    assert said(post(other, "CANCEL_RESERVATION", cast.cancel(stranger)))[2] == "ACCEPTED"
    assert owed()[-1][2] == "UNKNOWN_RESERVATION"
    assert Reservation.objects.get().state == "HELD"


def test_an_evse_is_kept_for_who_reserved_it(
    partner: Partner, stranger: Partner, asking: Asking, other: Asking, evse: Evse
) -> None:
    cast.reserved(asking, partner, evse)
    foreign = cast.token("NO-FJO")
    assert said(post(other, "RESERVE_NOW", cast.reserve(stranger, card=foreign)))[2] == "REJECTED"
    assert said(post(other, "START_SESSION", cast.start(stranger, card=foreign)))[2] == "REJECTED"
    assert said(post(asking, "RESERVE_NOW", cast.reserve(partner, "R2")))[2] == "REJECTED", "once is enough"
    factories.their_token(factories.small_token("CARD-2", "NO-FJO", whitelist="ALWAYS"))
    admission = door.report(CardShown(evse.evse_id, "1", "CARD-2"), now=site.now())
    assert isinstance(admission, Admission)
    assert not admission.allowed
    assert "reserved" in admission.reason
    assert said(post(asking, "START_SESSION", cast.start(partner)))[2] == "ACCEPTED"
    asked = obey(evse)
    assert isinstance(asked, Start)
    session = cast.plug_in(evse, asked.authorization_id)
    assert (session.status, session.authorization_reference) == ("ACTIVE", "REF-7")
    assert Session.objects.count() == 1
    assert Reservation.objects.get().state == "USED"


@pytest.mark.rule("T-365", "T-254")
def test_nobody_comes(partner: Partner, asking: Asking, evse: Evse) -> None:
    cast.reserved(asking, partner, evse)
    assert reservations.expire(now=site.now()) == []
    Reservation.objects.update(expires_at=site.now())
    (ended,) = reservations.expire(now=site.now() + timedelta(seconds=1))
    assert Reservation.objects.get().state == "EXPIRED"
    session = Session.objects.get(pk=ended)
    assert (session.status, session.reservation) == ("COMPLETED", "expired")
    assert reservations.expire(now=site.now()) == []
    assert said(post(asking, "RESERVE_NOW", cast.reserve(partner)))[2] == "ACCEPTED", "the same id, another reservation"


def test_what_has_expired_is_not_in_the_way(partner: Partner, asking: Asking, evse: Evse) -> None:
    cast.reserved(asking, partner, evse)
    Reservation.objects.update(expires_at=site.now() - timedelta(seconds=1))
    assert said(post(asking, "RESERVE_NOW", cast.reserve(partner, "R2")))[2] == "ACCEPTED"
    assert list(Reservation.objects.order_by("pk").values_list("state", flat=True)) == ["EXPIRED", "ASKED"]


@pytest.mark.rule("T-411")
def test_we_cancel_a_reservation_and_tell_so_at_the_same_url(partner: Partner, asking: Asking, evse: Evse) -> None:
    command = cast.reserved(asking, partner, evse)
    reservations.withdraw(Reservation.objects.get().pk, reason="Roadworks.", by="anna", now=site.now())
    assert Reservation.objects.get().state == "WITHDRAWN"
    assert Session.objects.get().total_excl is None, "it costs nothing"
    url = f"{cast.host(partner)}/reserved/1"
    assert owed() == [("RESERVE_NOW", url, "ACCEPTED"), ("RESERVE_NOW", url, "CANCELED_RESERVATION")]
    assert isinstance(obey(evse), CancelReservation)
    command.refresh_from_db()
    assert (command.state, command.result) == ("CANCELED", "ACCEPTED")
    with pytest.raises(reservations.UnableToWithdraw):
        reservations.withdraw(Reservation.objects.get().pk, reason="Again.", by="anna", now=site.now())


def test_another_vehicle_charges_where_it_was_kept_for_somebody(
    partner: Partner, stranger: Partner, asking: Asking, evse: Evse
) -> None:
    cast.reserved(asking, partner, evse)
    made = charges.let_in(evse, stranger.party, at=site.now())
    cast.plug_in(evse, made.pk)
    assert Reservation.objects.get().state == "WITHDRAWN"
    assert owed()[-1][2] == "CANCELED_RESERVATION"
    assert sorted(Session.objects.values_list("status", flat=True)) == ["ACTIVE", "COMPLETED"]


# --- late, twice, never -----------------------------------------------------------------------------------------------


def test_a_charge_point_that_answers_twice(partner: Partner, asking: Asking, evse: Evse) -> None:
    post(asking, "START_SESSION", cast.start(partner))
    obey(evse)
    command = Command.objects.get()
    executing.done(command.uid, R.FAILED, "No.", site.now())
    command.refresh_from_db()
    assert (command.state, command.result, command.stray_results) == ("SUCCEEDED", "ACCEPTED", 1)
    assert len(owed()) == 1


@pytest.mark.rule("T-434")
def test_a_charge_point_that_never_answers(partner: Partner, asking: Asking, evse: Evse) -> None:
    post(asking, "RESERVE_NOW", cast.reserve(partner))
    (asked,) = orders(evse)
    assert door.expire() == 0
    Order.objects.update(deadline=site.now())
    assert door.expire() == 1
    command = Command.objects.get()
    assert (command.state, command.result) == ("TIMED_OUT", "TIMEOUT")
    assert [result for _, _, result in owed()] == ["TIMEOUT"]
    assert Reservation.objects.get().state == "FAILED"
    assert asked.deadline - command.created_at <= timedelta(seconds=60), "before the eMSP gives up"
    assert hearing.time_out(now=site.now() + timedelta(hours=1)) == 0


def test_an_order_of_which_nobody_tells_the_end(partner: Partner, asking: Asking, evse: Evse) -> None:
    post(asking, "START_SESSION", cast.start(partner))
    Order.objects.all().delete()
    assert hearing.time_out(now=site.now() + timedelta(minutes=2)) == 1
    assert [result for _, _, result in owed()] == ["TIMEOUT"]
    assert Command.objects.get().state == "TIMED_OUT"


def test_what_became_of_the_result_is_written_down(partner: Partner, asking: Asking, evse: Evse) -> None:
    post(asking, "START_SESSION", cast.start(partner))
    obey(evse)
    command = Command.objects.get()
    assert command.result_fate == "DUE"
    executing.delivered("START_SESSION", command.uid, Reply(problem="Nobody was there.", cause="connect"), site.now())
    command.refresh_from_db()
    assert (command.result_fate, command.result_fate_text) == ("UNDELIVERED", "Nobody was there.")
    executing.delivered("START_SESSION", command.uid, Reply(), site.now())
    command.refresh_from_db()
    assert (command.result_fate, command.state) == ("DELIVERED", "SUCCEEDED")
    assert happened(command) == [
        ("RECEIVED", "START_SESSION"),
        ("ACCEPT", "ACCEPTED"),
        ("SUCCEED", "ACCEPTED"),
        ("UNDELIVERED", "ACCEPTED"),
        ("DELIVERED", "ACCEPTED"),
    ]
