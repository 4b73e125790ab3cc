"""The hardware's door while somebody charges: a card, the start, the meter, the stop; and everything a station gets wrong."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.cdrs.actions import issuing
from backoffice.cdrs.models import Cdr
from backoffice.charge_points import door
from backoffice.charge_points.gateway import (
    Admission,
    Answer,
    CardShown,
    Metered,
    Orders,
    Replanned,
    Report,
    Started,
    Stopped,
    Tell,
)
from backoffice.charging_profiles.models import ActiveProfile
from backoffice.delivery.models import Message
from backoffice.partners.models import Party
from backoffice.sessions.models import Reading, Session
from backoffice.tokens.models import Authorization
from ocpi.wire import json as wire_json
from tests import factories
from tests.doors.asking import snapshot
from tests.sessions import cast
from tests.sessions.cast import NOW, after

pytestmark = pytest.mark.django_db
CARD = CardShown("DE*RDK*E1", "1", "04A1")


@pytest.fixture
def emsp() -> Party:
    """SE-ELV, whose driver holds the card 04A1, which may be let in without asking."""
    partner = factories.partner(receives=["sessions", "tokens"])
    factories.their_token(factories.small_token("04A1", whitelist="ALWAYS"))
    cast.point(tariffs=())
    return partner.party


def report(told: Report, *, minutes: float = 0) -> Answer:
    return door.report(told, now=after(minutes))


def admitted() -> int:
    answer = report(CARD)
    assert isinstance(answer, Admission)
    assert answer.allowed, answer.reason
    assert answer.authorization_id is not None
    return answer.authorization_id


def started(**changes: Any) -> Started:
    return replace(Started("DE*RDK*E1", "1", "TX-1", admitted(), Decimal(1000)), **changes)


METER = Metered("DE*RDK*E1", "TX-1", Decimal(1005), power_kw=Decimal(11), soc=Decimal(40))
STOP = Stopped("DE*RDK*E1", "TX-1", Decimal(1010), "EVDisconnected")


def test_a_charge_by_its_reports(emsp: Party) -> None:
    answer = report(started())
    session = Session.objects.get()
    assert answer == session.object_id
    assert report(METER, minutes=30) is True
    assert report(STOP, minutes=60) is True
    session.refresh_from_db()
    assert (session.status, session.kwh, session.emsp, session.token_uid) == ("COMPLETED", 10, emsp, "04A1")
    assert session.auth_method == "WHITELIST"
    assert session.events.last().reason == "EVDisconnected"
    reading = Reading.objects.get(at=after(30))
    assert (reading.kwh, reading.power_kw, reading.soc, reading.activity) == (1005, 11, 40, "CHARGING")
    assert Message.objects.filter(module="sessions", receiver=emsp).count() == 1


def test_ids_of_evses_are_compared_without_case(emsp: Party) -> None:
    assert report(replace(CARD, evse_id="de*rdk*e1")).allowed
    report(started(evse_id="de*rdk*e1"))
    assert report(replace(METER, evse_id="De*Rdk*E1"), minutes=1) is True


def test_the_same_start_again_gets_the_same_answer(emsp: Party) -> None:
    told = started()
    assert report(told) == report(told, minutes=1)
    assert Session.objects.count() == 1


def test_a_card_that_nobody_knows_is_an_answer_with_its_reason(emsp: Party) -> None:
    answer = report(replace(CARD, uid="NOBODY"))
    assert isinstance(answer, Admission)
    assert not answer.allowed
    assert answer.reason
    assert Authorization.objects.get(pk=answer.authorization_id).allowed != "ALLOWED"
    with pytest.raises(door.UnableToReport, match="may not charge"):
        report(Started("DE*RDK*E1", "1", "TX-1", answer.authorization_id or 0, Decimal(0)))


@pytest.mark.parametrize(
    ("evse_id", "sentence"), [("DE*RDK*E9", "There is no EVSE"), ("", "There is no EVSE"), ("DE*RDK*OFF", "is PLANNED")]
)
def test_a_card_where_nobody_charges(emsp: Party, evse_id: str, sentence: str) -> None:
    cast.point(tariffs=(), evse_id="DE*RDK*OFF", location="LOC2", status="PLANNED")
    before = snapshot()
    answer = report(replace(CARD, evse_id=evse_id))
    assert isinstance(answer, Admission)
    assert (answer.allowed, answer.authorization_id) == (False, None)
    assert sentence in answer.reason
    assert snapshot() == before


WRONG: list[tuple[str, Report, str]] = [
    ("a start without authorization", Started("DE*RDK*E1", "1", "TX-2", 0, Decimal(0)), "no such authorization"),
    ("a start at no EVSE", Started("DE*RDK*E9", "1", "TX-2", 0, Decimal(0)), "There is no EVSE"),
    ("a start where nobody charges", Started("DE*RDK*OFF", "1", "TX-2", 0, Decimal(0)), "is PLANNED"),
    ("an unknown transaction", replace(METER, transaction="TX-9"), "no charge with transaction 'TX-9'"),
    ("no transaction", replace(METER, transaction=""), "no charge with transaction ''"),
    ("another EVSE", replace(METER, evse_id="DE*RDK*OFF"), "no charge with transaction"),
    ("the same reading twice", replace(METER, at=after(10)), "told already"),
    ("a reading of before", replace(METER, at=after(9)), "before the last"),
    ("a meter that goes backwards", replace(METER, meter_kwh=Decimal("1004.999")), "backwards"),
    ("a reading of tomorrow", replace(METER, at=after(1500)), "has not come yet"),
    ("no number", replace(METER, meter_kwh=Decimal("NaN")), "No meter shows"),
    ("no battery", replace(METER, soc=Decimal(140)), "not 140 % full"),
    ("a stop of an unknown charge", replace(STOP, transaction="TX-9"), "no charge with transaction"),
    ("a stop that takes energy back", replace(STOP, meter_kwh=Decimal(7)), "backwards"),
    ("a stop of tomorrow", replace(STOP, at=after(1500)), "has not come yet"),
]


@pytest.mark.parametrize(("told", "sentence"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_what_a_station_gets_wrong_changes_nothing(emsp: Party, told: Report, sentence: str) -> None:
    cast.point(tariffs=(), evse_id="DE*RDK*OFF", location="LOC2", status="PLANNED")
    report(started())
    report(METER, minutes=10)
    before = snapshot()
    with pytest.raises(door.UnableToReport, match=sentence.replace("*", r"\*")):
        report(told, minutes=11)
    assert snapshot() == before


def test_nothing_comes_after_the_stop(emsp: Party) -> None:
    report(started())
    report(STOP, minutes=60)
    before = snapshot()
    for late in (replace(METER, meter_kwh=Decimal(1020)), STOP, replace(STOP, meter_kwh=Decimal(1020))):
        with pytest.raises(door.UnableToReport, match="COMPLETED"):
            report(late, minutes=61)
    assert snapshot() == before


@pytest.mark.rule("T-281")
def test_an_invalid_session_is_not_billed_and_a_completed_one_is(emsp: Party) -> None:
    report(started(pending=True))
    report(Stopped("DE*RDK*E1", "TX-1", Decimal(1000)), minutes=5)
    assert Session.objects.get().status == "INVALID"
    assert not Cdr.objects.exists()
    report(started(transaction="TX-2"))
    report(Stopped("DE*RDK*E1", "TX-2", Decimal(1010)), minutes=60)
    completed = Session.objects.get(transaction="TX-2")
    assert Cdr.objects.get().session_ref == completed.object_id
    assert completed.cdr_known_at is not None


def test_a_bill_that_cannot_be_made_does_not_keep_a_charge_from_ending(
    emsp: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(session: int, *, now: datetime) -> None:
        raise issuing.UnableToIssue("The printer is on fire.")

    monkeypatch.setattr(issuing, "issue", refuse)
    report(started())
    assert report(STOP, minutes=60) is True
    assert Session.objects.get().status == "COMPLETED"
    assert not Cdr.objects.exists()


def test_a_clock_that_runs_a_little_ahead_or_reports_late_is_understood(emsp: Party) -> None:
    report(started(at=after(1)))
    assert Session.objects.get().starts_at == NOW
    report(replace(METER, at=after(5)), minutes=30)  # it was offline for a while
    assert Reading.objects.filter(at=after(5)).exists()


def test_a_charge_whose_evse_is_taken_out_of_service_still_ends(emsp: Party) -> None:
    report(started())
    cast.point(tariffs=(), status="REMOVED")
    assert report(STOP, minutes=60) is True


def test_signed_data_is_kept_and_what_is_none_is_left_out(emsp: Party, caplog: pytest.LogCaptureFixture) -> None:
    signed = {"encoding_method": "OCMF", "signed_values": [{"nature": "End", "plain_data": "x", "signed_data": "AA=="}]}
    report(started())
    report(replace(STOP, signed_data=signed), minutes=60)
    assert wire_json.parse(Session.objects.get().signed_data.encode()) == signed
    report(started(transaction="TX-2"), minutes=0)
    report(Stopped("DE*RDK*E1", "TX-2", Decimal(1001), signed_data={"values": []}), minutes=70)
    second = Session.objects.get(transaction="TX-2")
    assert (second.status, second.signed_data) == ("COMPLETED", "")
    assert "signed data of DE*RDK*E1 left out" in caplog.text


@pytest.mark.parametrize("kind", ["APP_USER", "AD_HOC_USER", "RFID"])
def test_a_charge_that_its_emsp_commanded_needs_no_card_and_no_known_token(emsp: Party, kind: str) -> None:
    """The token of a START_SESSION need not be in the token module; session and CDR say it as it was given."""
    evse = cast.point(tariffs=())
    made = cast.let_in(
        evse, emsp, uid="app-user-77", token_type=kind, how="COMMAND", reason_code="COMMANDED", contract_id="SE-ELV-C77"
    )
    begun = Started("DE*RDK*E1", "1", "TX-1", made.pk, Decimal(1000), pending=True)
    assert report(begun, minutes=2) == Session.objects.get(status="PENDING").object_id
    assert report(METER, minutes=3) is True
    assert report(STOP, minutes=60) is True
    token = {"country_code": "SE", "party_id": "ELV", "uid": "app-user-77", "type": kind, "contract_id": "SE-ELV-C77"}
    session = Session.objects.get()
    assert (session.status, session.tree()["cdr_token"]) == ("COMPLETED", token)
    assert (session.tree()["auth_method"], session.tree()["authorization_reference"]) == ("COMMAND", "REF-1")
    cdr = Cdr.objects.get().tree()
    assert (cdr["cdr_token"], cdr["auth_method"], cdr["authorization_reference"]) == (token, "COMMAND", "REF-1")


ACTIVE = {
    "start_date_time": "2026-11-22T10:10:00Z",
    "charging_profile": {
        "start_date_time": NOW + timedelta(minutes=10),
        "charging_rate_unit": "W",
        "charging_profile_period": [{"start_period": 0, "limit": Decimal("6000.5")}],
    },
}


def test_a_charge_that_goes_on_in_another_way_by_itself_tells_its_new_profile(emsp: Party) -> None:
    report(started())
    assert report(Replanned("de*rdk*e1", "TX-1", ACTIVE), minutes=10) is True
    kept = ActiveProfile.objects.get()
    assert (kept.session, kept.at, kept.computed) == (Session.objects.get(), after(10), False)
    assert kept.document.startswith('{"start_date_time":"2026-11-22T10:10:00Z"')
    with pytest.raises(door.UnableToReport, match="no active charging profile"):
        report(Replanned("DE*RDK*E1", "TX-1", {"charging_profile": {}}), minutes=11)
    with pytest.raises(door.UnableToReport, match="no charge with transaction"):
        report(Replanned("DE*RDK*E1", "TX-2", ACTIVE), minutes=11)
    report(STOP, minutes=60)
    assert report(Replanned("DE*RDK*E1", "TX-1", ACTIVE), minutes=61) is False
    assert ActiveProfile.objects.count() == 1


class Driver:
    """Brings a whole charge, with a refused report in the middle."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []

    def run(self, tell: Tell, stop: threading.Event, orders: Orders) -> None:
        card = tell(CARD)
        assert isinstance(card, Admission)
        self.answers.append(card.allowed)
        self.answers.append(tell(Started("DE*RDK*E1", "1", "TX-1", card.authorization_id or 0, Decimal(1))))
        self.answers.append(tell(Metered("DE*RDK*E1", "TX-1", Decimal(0))))
        self.answers.append(tell(Metered("DE*RDK*E1", "TX-1", Decimal(2), at=datetime.now(UTC) + timedelta(seconds=1))))
        self.answers.append(tell(Stopped("DE*RDK*E1", "TX-1", Decimal(3))))


def test_a_driver_brings_a_whole_charge(emsp: Party, caplog: pytest.LogCaptureFixture) -> None:
    driver = Driver()
    door.serve(driver, threading.Event())
    session = Session.objects.get()
    assert driver.answers == [True, session.object_id, False, True, True]
    assert "report refused: DE*RDK*E1: The meter goes backwards" in caplog.text
    assert session.status == "COMPLETED"
