"""The hardware's door: a report becomes a status, an event and a message to each partner, or nothing at all."""

import threading
from datetime import UTC, datetime

import pytest
from django.db import OperationalError

from backoffice.charge_points import door
from backoffice.charge_points.gateway import Admission, CardShown, Orders, StatusReport, Tell
from backoffice.delivery.models import Message
from backoffice.locations.actions.storing import store
from backoffice.locations.models import Evse, StatusEvent
from backoffice.partners.models import Party
from backoffice.tokens.models import Authorization
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from ocpi.wire.locations import Status
from tests import factories

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def put_up(party: Party, object_id: str, evse_id: str, *, status: str = "AVAILABLE") -> None:
    tree = factories.small_location(object_id, str(party))
    tree["evses"][0] |= {"evse_id": evse_id, "status": status}
    store(party.pk, [(tree, wire_json.validate(wire.Location, tree))], source="import", now=NOW, ours=party.ours)


def events_by_hardware() -> list[tuple[str, str, str]]:
    rows = StatusEvent.objects.filter(source="charge point").order_by("id")
    return list(rows.values_list("previous", "status", "reason"))


@pytest.fixture
def partner() -> factories.Partner:
    """A partner that receives our locations; we have LOC1 with DE*RDK*E1."""
    found = factories.partner(receives=["locations"])
    put_up(factories.own_party(), "LOC1", "DE*RDK*E1")
    Message.objects.all().delete()
    return found


@pytest.mark.usefixtures("partner")
def test_a_report_is_a_status_an_event_and_a_message() -> None:
    assert door.report(StatusReport("DE*RDK*E1", Status.OUTOFORDER, "Ground fault"), now=NOW) is True
    evse = Evse.objects.get(evse_id="DE*RDK*E1")
    assert (evse.status, evse.status_since, evse.last_updated) == ("OUTOFORDER", NOW, NOW)
    assert '"status":"OUTOFORDER"' in evse.document
    assert events_by_hardware() == [("AVAILABLE", "OUTOFORDER", "Ground fault")]
    (message,) = Message.objects.all()
    assert (message.object_path, message.touched, message.state) == ("LOC1/E1", ["status"], "DUE")


@pytest.mark.usefixtures("partner")
def test_the_id_is_compared_without_case() -> None:
    assert door.report(StatusReport("de*rdk*e1", Status.CHARGING), now=NOW) is True


@pytest.mark.usefixtures("partner")
def test_the_status_that_it_has_is_no_news() -> None:
    assert door.report(StatusReport("DE*RDK*E1", Status.AVAILABLE), now=NOW) is False
    assert events_by_hardware() == []
    assert not Message.objects.exists()


@pytest.mark.usefixtures("partner")
@pytest.mark.parametrize(
    ("evse_id", "status", "sentence"),
    [
        ("DE*RDK*E9", Status.CHARGING, "There is no EVSE 'DE*RDK*E9'"),
        ("", Status.CHARGING, "There is no EVSE ''"),
        ("SE*ELV*E1", Status.CHARGING, "belongs to SE-ELV"),
        ("DE*RDK*TWICE", Status.CHARGING, "2 of our EVSEs"),
        ("DE*RDK*PLANNED", Status.AVAILABLE, "is PLANNED"),
        ("DE*RDK*E1", Status.REMOVED, "cannot report REMOVED"),
    ],
)
def test_a_refused_report_changes_nothing(evse_id: str, status: Status, sentence: str) -> None:
    ours, theirs = factories.own_party(), Party.objects.get(party_id="ELV")
    put_up(theirs, "THEIRS", "SE*ELV*E1")
    put_up(ours, "LOC2", "DE*RDK*TWICE")
    put_up(ours, "LOC3", "DE*RDK*TWICE")
    put_up(ours, "LOC4", "DE*RDK*PLANNED", status="PLANNED")
    put_up(ours, "LOC5", "")
    Message.objects.all().delete()
    before = set(Evse.objects.values_list("pk", "status", "last_updated", "document"))
    with pytest.raises(door.UnableToReport, match=sentence.replace("*", r"\*")):
        door.report(StatusReport(evse_id, status), now=NOW)
    assert set(Evse.objects.values_list("pk", "status", "last_updated", "document")) == before
    assert events_by_hardware() == []
    assert not Message.objects.exists()


def test_an_id_that_a_partner_has_as_well_means_ours(partner: factories.Partner) -> None:
    put_up(partner.party, "THEIRS", "DE*RDK*E1")
    assert door.report(StatusReport("DE*RDK*E1", Status.CHARGING), now=NOW) is True
    assert list(Evse.objects.filter(status="CHARGING").values_list("location__object_id", flat=True)) == ["LOC1"]


class Told:
    """A driver that brings a fixed list of reports and keeps what became of each."""

    def __init__(self, *reports: StatusReport) -> None:
        self.reports = reports
        self.answers: list[bool] = []

    def run(self, tell: Tell, stop: threading.Event, orders: Orders) -> None:
        for report in self.reports:
            self.answers.append(tell(report))


@pytest.mark.usefixtures("partner")
def test_a_driver_goes_on_after_a_refused_report(caplog: pytest.LogCaptureFixture) -> None:
    driver = Told(StatusReport("DE*RDK*E9", Status.CHARGING), StatusReport("DE*RDK*E1", Status.CHARGING))
    door.serve(driver, threading.Event())
    assert driver.answers == [False, True]
    assert "report refused: There is no EVSE 'DE*RDK*E9'" in caplog.text


@pytest.mark.usefixtures("partner")
def test_a_driver_goes_on_after_a_report_that_failed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(told: StatusReport, now: datetime) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(door, "_status", fail)
    driver = Told(StatusReport("DE*RDK*E1", Status.CHARGING))
    door.serve(driver, threading.Event())
    assert driver.answers == [False]
    assert "report failed: StatusReport(evse_id='DE*RDK*E1'" in caplog.text
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.usefixtures("partner")
def test_a_report_waits_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def away_twice(told: StatusReport, *, now: datetime) -> bool:
        tries.append(told)
        if len(tries) < 3:
            raise OperationalError("the server closed the connection")
        return True

    monkeypatch.setattr(door, "report", away_twice)
    monkeypatch.setattr(door, "LOOK_AGAIN_AFTER", 0.001)
    monkeypatch.setattr(door.database, "close", lambda: None)  # the test's own connection stays
    report = StatusReport("DE*RDK*E1", Status.CHARGING)
    driver = Told(report)
    door.serve(driver, threading.Event())
    assert (tries, driver.answers) == ([report] * 3, [True])


def test_being_told_to_stop_ends_the_wait_for_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()
    monkeypatch.setattr(door.database, "close", lambda: None)

    def away() -> None:
        stop.set()
        raise OperationalError("gone")

    assert door.outlast(away, stop) is None


@pytest.mark.usefixtures("partner")
@pytest.mark.parametrize(("valid", "allowed"), [(True, "ALLOWED"), (False, "BLOCKED")])
def test_a_card_shown_is_decided_upon_and_the_decision_is_a_row(valid: bool, allowed: str) -> None:
    factories.their_token(factories.small_token("04A1", whitelist="ALWAYS", valid=valid))
    admission = door.report(CardShown("de*rdk*e1", "1", "04a1"), now=NOW)
    row = Authorization.objects.get()
    assert admission == Admission(valid, row.reason, row.pk)
    assert (row.kind, row.allowed, str(row.party), str(row.emsp)) == ("DECIDED", allowed, "DE-RDK", "SE-ELV")
    assert (row.location_id, row.evse_uids, row.connector_id, row.at) == ("LOC1", ["E1"], "1", NOW)


@pytest.mark.usefixtures("partner")
def test_nobody_is_let_in_where_staff_have_not_opened() -> None:
    put_up(Party.objects.get(party_id="RDK"), "LOC2", "DE*RDK*E2", status="PLANNED")
    for evse_id, sentence in (("DE*RDK*E2", "PLANNED"), ("DE*RDK*E9", "There is no EVSE")):
        answer = door.report(CardShown(evse_id, "1", "04A1"), now=NOW)
        assert isinstance(answer, Admission)
        assert (answer.allowed, answer.authorization_id) == (False, None)
        assert sentence in answer.reason
    assert not Authorization.objects.exists()
