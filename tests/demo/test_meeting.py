"""How the platforms of the demo find each other again after any kind of start; the meeting itself is test_two_platforms."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backoffice.delivery.models import Pull
from backoffice.demo.actions import meeting
from backoffice.demo.actions.loading import load
from backoffice.demo.actions.meeting import Invitation, UnableToMeet, accept_invitation, invite_partner
from backoffice.demo.world.companies import HOME, PARTNER
from backoffice.partners.actions.connections import set_endpoints
from backoffice.partners.actions.discovery import UnableToHandshake
from backoffice.partners.models import Connection
from backoffice.supervisor.data_directory import DataDirectory
from tests import factories

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
URL = "http://127.0.0.1:8000/ocpi/versions"


def clock() -> datetime:
    return NOW


@pytest.fixture
def invitation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invitation:
    monkeypatch.setattr(meeting, "LOOK_EVERY", 0.001)
    return Invitation.to(DataDirectory(tmp_path))


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The connections whose locations were fetched, in place of the requests."""
    names: list[str] = []
    monkeypatch.setattr(meeting, "fetch", lambda connection, *, clock: names.append(connection.name))
    return names


def registered(connection: Connection) -> None:
    connection.state = "ACTIVE"
    connection.save()


def test_an_invitation_is_for_its_owner_alone_and_its_token_goes_when_it_is_accepted(invitation: Invitation) -> None:
    assert (invitation.read(), invitation.accepted) == (None, False)
    invitation.send(URL, "secret")
    assert (invitation.read(), invitation.accepted) == ((URL, "secret"), False)
    assert invitation.path.stat().st_mode & 0o077 == 0
    invitation.accept(URL)
    assert (invitation.read(), invitation.accepted) == (None, True)
    assert "secret" not in invitation.path.read_text()


class TestOurSide:
    @pytest.fixture(autouse=True)
    def world(self) -> None:
        load(HOME, seed=7, now=NOW)

    def test_a_partner_that_does_not_come_is_given_up_with_a_sentence(self, invitation: Invitation) -> None:
        with pytest.raises(UnableToMeet, match="did not register within 0 s"):
            invite_partner(invitation, versions_url=URL, clock=clock, patience=0)
        connection = Connection.objects.get()
        assert (connection.name, connection.state) == (PARTNER.name, "INVITED")
        assert json.loads(invitation.path.read_text())["versions_url"] == URL

    def test_who_met_before_does_not_meet_again(self, invitation: Invitation, fetched: list[str]) -> None:
        with pytest.raises(UnableToMeet):
            invite_partner(invitation, versions_url=URL, clock=clock, patience=0)
        registered(Connection.objects.get())
        invitation.accept(URL)
        assert invite_partner(invitation, versions_url=URL, clock=clock, patience=0) is None
        assert (Connection.objects.count(), fetched) == (1, [])

    @pytest.mark.parametrize("lost", ["partner's folder", "partner's answer", "invitation not used"])
    def test_a_partner_that_forgot_us_is_invited_anew(self, invitation: Invitation, lost: str) -> None:
        with pytest.raises(UnableToMeet):
            invite_partner(invitation, versions_url=URL, clock=clock, patience=0)
        old, token = Connection.objects.get(), invitation.read()
        if lost != "invitation not used":
            registered(old)
        if lost == "partner's folder":
            invitation.path.unlink()
        with pytest.raises(UnableToMeet):
            invite_partner(invitation, versions_url=URL, clock=clock, patience=0)
        old.refresh_from_db()
        assert old.state == "REMOVED"
        assert Connection.objects.get(name=PARTNER.name).state == "INVITED"
        assert invitation.read() not in (None, token)

    def test_it_waits_for_the_partner_and_fetches_its_locations(
        self, invitation: Invitation, fetched: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Connected is not enough: the partner may still wait for our answer, and would not know who asks."""
        steps = iter([lambda: registered(Connection.objects.get()), lambda: None, lambda: invitation.accept(URL)])
        monkeypatch.setattr(meeting.time, "sleep", lambda seconds: next(steps)())
        connection = invite_partner(invitation, versions_url=URL, clock=clock, patience=10)
        assert (str(connection), fetched) == (PARTNER.name, [PARTNER.name])


class TestTheFirstFetch:
    """Of the partner's locations. The runs are scripted; what a run does is tests/delivery."""

    @pytest.fixture
    def connection(self) -> Connection:
        return factories.partner().connection

    @pytest.fixture(autouse=True)
    def runs(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The states that looking at the run finds, one after the other."""
        states: list[str] = []

        def look(pk: int) -> Pull:
            Pull.objects.filter(pk=pk).update(state=states.pop(0), error="refused")
            return Pull.objects.get(pk=pk)

        monkeypatch.setattr(meeting.pulling, "run", look)
        monkeypatch.setattr(meeting.time, "sleep", lambda seconds: None)
        return states

    @pytest.mark.parametrize(
        ("states", "made"),
        [
            (["DONE"], 1),
            (["RUNNING", "RUNNING", "DONE"], 1),
            (["FAILED", "DONE"], 2),
            (["FAILED", "RUNNING", "FAILED", "DONE"], 3),
        ],
    )
    def test_it_waits_for_a_run_and_makes_another_when_one_fails(
        self, connection: Connection, runs: list[str], states: list[str], made: int
    ) -> None:
        set_endpoints(connection, [("locations", "SENDER", "https://partner.example/ocpi/2.3.0/locations")])
        runs.extend(states)
        meeting.fetch(connection, clock=clock)
        assert (runs, Pull.objects.count()) == ([], made)

    def test_it_gives_up_with_the_reason(self, connection: Connection, runs: list[str]) -> None:
        set_endpoints(connection, [("locations", "SENDER", "https://partner.example/ocpi/2.3.0/locations")])
        runs.extend(["FAILED"] * 3)
        with pytest.raises(UnableToMeet, match="refused"):
            meeting.fetch(connection, clock=clock)


class TestThePartnersSide:
    @pytest.fixture(autouse=True)
    def world(self) -> None:
        load(PARTNER, seed=7, now=NOW)

    def test_without_an_invitation_it_gives_up_with_a_sentence(self, invitation: Invitation) -> None:
        with pytest.raises(UnableToMeet, match=r"within 0 s: no invitation came\."):
            accept_invitation(invitation, clock=clock, patience=0.02)

    def test_it_registers_marks_the_invitation_and_fetches(
        self, invitation: Invitation, fetched: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(meeting.handshake, "register", lambda connection, *, now: registered(connection))
        invitation.send(URL, "token")
        connection = accept_invitation(invitation, clock=clock, patience=10)
        assert (str(connection), fetched, invitation.accepted) == (HOME.name, [HOME.name], True)
        assert accept_invitation(invitation, clock=clock, patience=10) is None
        assert Connection.objects.count() == 1

    def test_a_stale_invitation_is_tried_until_the_new_one_comes(
        self, invitation: Invitation, fetched: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tokens = iter(["burnt", "burnt", "good"])

        def refuse_burnt(connection: Connection, *, now: datetime) -> None:
            if next(tokens) == "burnt":
                raise UnableToHandshake("The partner refuses this token.", cause="unauthorized")
            registered(connection)

        monkeypatch.setattr(meeting.handshake, "register", refuse_burnt)
        monkeypatch.setattr(meeting.time, "sleep", lambda seconds: None)
        invitation.send(URL, "token")
        assert str(accept_invitation(invitation, clock=clock, patience=10)) == HOME.name
        assert sorted(Connection.objects.values_list("state", flat=True)) == ["ACTIVE"]

    def test_the_sentence_tells_why_it_could_not(self, invitation: Invitation, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(connection: Connection, *, now: datetime) -> None:
            raise UnableToHandshake("The partner refuses this token.", cause="unauthorized")

        monkeypatch.setattr(meeting.handshake, "register", refuse)
        monkeypatch.setattr(meeting.time, "sleep", lambda seconds: None)
        invitation.send(URL, "token")
        with pytest.raises(UnableToMeet, match="refuses this token"):
            accept_invitation(invitation, clock=clock, patience=0.05)
