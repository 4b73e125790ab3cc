"""How the platforms of the demo find each other again after any kind of start; the meeting itself is test_two_platforms."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backoffice.delivery.models import Pull
from backoffice.demo.actions import meeting
from backoffice.demo.actions.loading import load
from backoffice.demo.actions.meeting import Invitation, Note, UnableToMeet, accept_invitation, invite_partner
from backoffice.demo.world.companies import HOME, PARTNER
from backoffice.partners.actions.connections import set_endpoints
from backoffice.partners.actions.discovery import UnableToHandshake
from backoffice.partners.models import Connection
from backoffice.supervisor.data_directory import DataDirectory
from tests import factories

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
URL = "http://127.0.0.1:8000/ocpi/versions"
PARTNER_URL = "http://127.0.0.1:8001"


def clock() -> datetime:
    return NOW


@pytest.fixture
def invitation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invitation:
    monkeypatch.setattr(meeting, "LOOK_EVERY", 0.001)
    found = Invitation.between(DataDirectory(tmp_path))
    our_side_starts(found)
    return found


def our_side_starts(invitation: Invitation) -> None:
    """Writes its platform.json, later than anything written before."""
    invitation.start.write_text("{}")
    if invitation.path.exists():
        later = invitation.path.stat().st_mtime_ns + 1_000_000
        os.utime(invitation.start, ns=(later, later))


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was fetched from which connection, in place of the requests."""
    names: list[str] = []

    def fetch(connection: Connection, module: str, *, clock: object) -> None:
        names.append(f"{module} of {connection.name}")

    monkeypatch.setattr(meeting, "fetch", fetch)
    return names


def all_of(name: str) -> list[str]:
    return [f"{module} of {name}" for module in meeting.FIRST]


def registered(connection: Connection) -> None:
    connection.state = "ACTIVE"
    connection.versions_url = f"{PARTNER_URL}/ocpi/versions"
    connection.save()


def invite(
    invitation: Invitation, *, ours: str = URL, partner: str = PARTNER_URL, patience: float = 0
) -> Connection | None:
    return invite_partner(invitation, versions_url=ours, partner_url=partner, clock=clock, patience=patience)


def test_an_invitation_is_for_its_owner_alone_and_holds_a_token_until_they_met(invitation: Invitation) -> None:
    assert invitation.read() is None
    invitation.write(URL, "secret")
    assert invitation.read() == Note(URL, "secret")
    assert invitation.path.stat().st_mode & 0o077 == 0
    invitation.write(URL)
    assert invitation.read() == Note(URL, "")
    assert "secret" not in invitation.path.read_text()


def test_an_invitation_of_an_earlier_start_decides_nothing(invitation: Invitation) -> None:
    invitation.write(URL)
    assert invitation.read_of_this_start() == Note(URL, "")
    our_side_starts(invitation)
    assert invitation.read_of_this_start() is None


class TestOurSide:
    @pytest.fixture(autouse=True)
    def world(self) -> None:
        load(HOME, seed=7, now=NOW)

    def test_a_partner_that_does_not_come_is_given_up_with_a_sentence(self, invitation: Invitation) -> None:
        with pytest.raises(UnableToMeet, match="did not register within 0 s"):
            invite(invitation)
        connection = Connection.objects.get()
        assert (connection.name, connection.state) == (PARTNER.name, "INVITED")
        note = invitation.read()
        assert note is not None
        assert (note.versions_url, len(note.token_a) > 20) == (URL, True)

    def meet(self, invitation: Invitation) -> Connection:
        with pytest.raises(UnableToMeet):
            invite(invitation)
        connection = Connection.objects.get()
        registered(connection)
        invitation.write(URL)
        our_side_starts(invitation)
        return connection

    def test_who_met_before_does_not_meet_again_and_the_partner_hears_of_it(
        self, invitation: Invitation, fetched: list[str]
    ) -> None:
        self.meet(invitation)
        assert invite(invitation) is None
        assert invitation.read_of_this_start() == Note(URL, "")
        assert (Connection.objects.count(), fetched) == (1, [])

    @pytest.mark.parametrize(
        "change", ["partner's folder gone", "not registered", "our port", "partner's port", "token unused"]
    )
    def test_after_anything_that_parts_them_the_partner_is_invited_anew(
        self, invitation: Invitation, change: str
    ) -> None:
        old = self.meet(invitation)
        if change == "partner's folder gone":
            invitation.path.unlink()
        if change == "not registered":
            Connection.objects.update(state="INVITED")
        if change == "token unused":
            invitation.write(URL, "unused")
        with pytest.raises(UnableToMeet):
            invite(
                invitation,
                ours=URL.replace("8000", "9000") if change == "our port" else URL,
                partner=PARTNER_URL.replace("8001", "9001") if change == "partner's port" else PARTNER_URL,
            )
        old.refresh_from_db()
        assert old.state == "REMOVED"
        assert Connection.objects.get(name=PARTNER.name).state == "INVITED"
        note = invitation.read()
        assert note is not None
        assert note.token_a not in ("", "unused")

    def test_it_waits_for_the_partner_and_fetches_its_locations(
        self, invitation: Invitation, fetched: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Connected is not enough: the partner may still wait for our answer, and would not know who asks."""
        steps = iter([lambda: registered(Connection.objects.get()), lambda: None, lambda: invitation.write(URL)])
        monkeypatch.setattr(meeting.time, "sleep", lambda seconds: next(steps)())
        connection = invite(invitation, patience=10)
        assert (str(connection), fetched) == (PARTNER.name, all_of(PARTNER.name))


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
        meeting.fetch(connection, "locations", clock=clock)
        assert (runs, Pull.objects.count()) == ([], made)

    def test_it_gives_up_with_the_reason(self, connection: Connection, runs: list[str]) -> None:
        set_endpoints(connection, [("locations", "SENDER", "https://partner.example/ocpi/2.3.0/locations")])
        runs.extend(["FAILED"] * 3)
        with pytest.raises(UnableToMeet, match="refused"):
            meeting.fetch(connection, "locations", clock=clock)


class TestThePartnersSide:
    @pytest.fixture(autouse=True)
    def world(self) -> None:
        load(PARTNER, seed=7, now=NOW)

    def test_it_waits_for_the_decision_of_this_start(self, invitation: Invitation) -> None:
        invitation.write(URL, "of an earlier start")
        our_side_starts(invitation)
        with pytest.raises(UnableToMeet, match=r"sent no invitation within 0 s\."):
            accept_invitation(invitation, clock=clock, patience=0.02)
        assert not Connection.objects.exists()

    def test_it_registers_marks_the_invitation_and_fetches(
        self, invitation: Invitation, fetched: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(meeting.handshake, "register", lambda connection, *, now: registered(connection))
        invitation.write(URL, "token")
        connection = accept_invitation(invitation, clock=clock, patience=10)
        assert (str(connection), fetched, invitation.read()) == (HOME.name, all_of(HOME.name), Note(URL, ""))
        assert accept_invitation(invitation, clock=clock, patience=10) is None
        assert Connection.objects.count() == 1

    def test_a_new_invitation_ends_what_was_agreed_before(
        self, invitation: Invitation, fetched: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(meeting.handshake, "register", lambda connection, *, now: registered(connection))
        for token in ("first", "second"):
            invitation.write(URL, token)
            accept_invitation(invitation, clock=clock, patience=10)
        assert sorted(Connection.objects.values_list("state", flat=True)) == ["ACTIVE", "REMOVED"]

    def test_a_partner_without_memory_asks_for_another_start_at_which_they_meet(self, invitation: Invitation) -> None:
        invitation.write(URL)
        with pytest.raises(UnableToMeet, match="Start again"):
            accept_invitation(invitation, clock=clock, patience=10)
        assert invitation.read() is None

    def test_the_sentence_tells_why_it_could_not(self, invitation: Invitation, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(connection: Connection, *, now: datetime) -> None:
            raise UnableToHandshake("The partner refuses this token.", cause="unauthorized")

        monkeypatch.setattr(meeting.handshake, "register", refuse)
        invitation.write(URL, "token")
        with pytest.raises(UnableToMeet, match="refuses this token"):
            accept_invitation(invitation, clock=clock, patience=10)
