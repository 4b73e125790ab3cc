"""Commands of ours at partners' charge points: what they are sent, what they answer, and the results that come, or do not.

The partner speaks literal bytes, in 2.3.0 and in 2.2.1; it is a CPO here, and knows nothing of our code.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from backoffice.charge_points.models import Order
from backoffice.commands.actions import hearing, sending
from backoffice.commands.actions.sending import UnableToCommand, Wish
from backoffice.commands.models import Command, Reservation
from backoffice.commands.rules.answers import REFUSALS
from backoffice.delivery.actions import running
from backoffice.delivery.models import Errand, Exchange
from backoffice.locations.actions.storing import store
from backoffice.locations.models import Evse, Location
from backoffice.partners.actions.connections import set_endpoints
from backoffice.partners.models import Connection, Party
from backoffice.partners.secrets import decrypt
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from backoffice.tokens.models import Token
from ocpi.client import Cause
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from tests import factories
from tests.commands import cast
from tests.commands.cast import happened
from tests.doors.asking import Answered, Asking
from tests.factories import Partner
from tests.peer import ScriptedPeer, Twist

VERSIONS = ("2.3.0", "2.2.1")
STAMP = b'"status_code":1000,"timestamp":"2026-11-01T10:00:00Z"'


def answer(result: bytes, timeout: int = 30) -> Twist:
    body = b'{"data":{"result":"%s","timeout":%d},%s}' % (result, timeout, STAMP)
    return Twist(status=200, body=body, works=False)


YES = answer(b"ACCEPTED")


@pytest.fixture
def driver(us: Party) -> Token:
    return factories.own_token(factories.small_token("APP-7", "DE-RDK", type="APP_USER", group_id="FAMILY"))


class Abroad:
    """NL-TNM with one location, and our connection to it."""

    def __init__(self, peer: ScriptedPeer, version: str) -> None:
        self.peer, self.version = peer, version
        self.partner = factories.partner("NL-TNM:CPO", "NL-TNM:EMSP", version=version, versions_url=peer.versions_url)
        self.connection = self.partner.connection
        peer.accepts.add(decrypt(self.connection.token_out))
        base = f"{peer.url}/ocpi/{version}/receiver"
        set_endpoints(self.connection, [(name, "RECEIVER", f"{base}/{name}") for name in ("commands", "tokens")])
        self.asking = Asking(self.partner.token)
        self.location = self.stored(factories.small_location("LOC1", "NL-TNM"))

    def stored(self, tree: dict[str, Any], capabilities: tuple[str, ...] = cast.EVERYTHING) -> Location:
        tree["evses"][0]["capabilities"] = list(capabilities)
        value = wire_json.validate(wire.Location, tree)
        (item,) = store(self.partner.party.pk, [(tree, value)], source="partner", now=site.now(), ours=False)
        return Location.objects.get(pk=item.id)

    def script(self, *twists: Twist) -> None:
        self.peer.script("POST", f"/ocpi/{self.version}/receiver/commands", *twists)

    def posted(self) -> list[Any]:
        return [(request.path.split("/")[-1], request.json) for request in self.peer.pushed("POST", "commands")]

    def result(self, command: Command, result: str = "ACCEPTED", *, asking: Asking | None = None) -> Answered:
        """The partner posts it to the URL that it was given, to the letter."""
        url = next(body["response_url"] for _, body in self.posted() if command.uid in body["response_url"])
        return (asking or self.asking).ask("POST", url, b'{"result":"%s"}' % result.encode())


@pytest.fixture(params=VERSIONS)
def abroad(request: pytest.FixtureRequest, us: Party, reachable: None, peer: ScriptedPeer) -> Abroad:
    return Abroad(peer, request.param)


@pytest.fixture
def newest(us: Party, reachable: None, peer: ScriptedPeer) -> Abroad:
    return Abroad(peer, "2.3.0")


def send(wish: Wish, *, run: bool = True) -> Command:
    command = sending.send(wish, now=site.now())
    if run:
        running.run(Errand.objects.get(key=command.uid).pk)
        command.refresh_from_db()
    return command


def start(abroad: Abroad, driver: Token, **given: Any) -> Wish:
    return Wish(**{"kind": "START_SESSION", "token": driver, "location": abroad.location, "evse_uid": "E1"} | given)


def reserve(abroad: Abroad, driver: Token, **given: Any) -> Wish:
    until = site.now() + timedelta(hours=1)
    return start(abroad, driver, kind="RESERVE_NOW", expires_at=until, **given)


@pytest.mark.rule("T-403", "T-404", "T-408", "T-413", "T-419", "T-213")
def test_start_session(abroad: Abroad, driver: Token) -> None:
    abroad.script(YES)
    command = send(start(abroad, driver, asked_by="anna"))
    ((kind, body),) = abroad.posted()
    assert kind == "START_SESSION"
    assert (
        body["response_url"] == f"{site.public_url}/ocpi/{abroad.version}/sender/commands/START_SESSION/{command.uid}"
    )
    assert len(command.uid) == 32
    assert (body["token"]["uid"], body["token"]["type"], body["token"]["party_id"]) == (
        "APP-7",
        "APP_USER" if abroad.version == "2.3.0" else body["token"]["type"],
        "RDK",
    )
    assert (body["location_id"], body["evse_uid"], body["connector_id"]) == ("LOC1", "E1", "1")
    assert body["authorization_reference"] == command.authorization_reference != ""
    assert (command.state, command.response, command.timeout) == ("WAITING", "ACCEPTED", 30)
    assert timedelta(seconds=30) <= command.deadline - site.now() <= timedelta(seconds=36)
    assert abroad.result(command).says == (200, 1000)
    command.refresh_from_db()
    assert (command.state, command.result) == ("SUCCEEDED", "ACCEPTED")
    assert [event for event, _ in happened(command)] == ["QUEUED", "ACCEPT", "SUCCEED"]


def test_every_other_command(abroad: Abroad, driver: Token) -> None:
    tree = factories.small_session("S-1", "NL-TNM", "DE-RDK")
    at = f"{abroad.version}/receiver/sessions/NL/TNM/S-1"
    tree["cdr_token"] |= {"uid": "APP-7", "type": "APP_USER" if abroad.version == "2.3.0" else "OTHER"}
    assert abroad.asking.put(at, tree).status == 201
    abroad.script(YES, YES, YES, YES)
    send(Wish(kind="STOP_SESSION", session=Session.objects.get()))
    made = send(reserve(abroad, driver))
    abroad.result(made)
    emsp = Party.objects.get(party_id="RDK")
    send(Wish(kind="CANCEL_RESERVATION", emsp=emsp, reservation_id=made.reservation_id))
    send(Wish(kind="UNLOCK_CONNECTOR", emsp=emsp, location=abroad.location, evse_uid="E1", asked_by="anna"))
    (_, stop), (_, reserved), (_, cancel), (_, unlock) = abroad.posted()
    assert stop["session_id"] == "S-1"
    assert reserved["reservation_id"].isdigit()
    assert reserved["expiry_date"].endswith("Z")
    assert cancel["reservation_id"] == reserved["reservation_id"]
    assert (unlock["location_id"], unlock["evse_uid"], unlock["connector_id"]) == ("LOC1", "E1", "1")
    assert set(Command.objects.values_list("state", flat=True)) == {"WAITING", "SUCCEEDED"}


@pytest.mark.parametrize("response", ["NOT_SUPPORTED", "REJECTED", "UNKNOWN_SESSION"])
def test_a_partner_that_refuses(response: str, abroad: Abroad, driver: Token) -> None:
    abroad.script(answer(response.encode()))
    command = send(start(abroad, driver))
    assert (command.state, command.response) == ("REFUSED", response)
    assert abroad.result(command).says == (200, 1000), "what it says after that is written down"
    command.refresh_from_db()
    assert (command.state, command.result, command.stray_results) == ("REFUSED", "", 1)


BAD_DAYS: list[tuple[str, Twist, str]] = [
    ("no such door", Twist(status=404, works=False), "REFUSED"),
    (
        "an OCPI error",
        Twist(status=200, body=b'{"status_code":2003,"timestamp":"2026-11-01T10:00:00Z"}', works=False),
        "REFUSED",
    ),
    (
        "no answer that could be read",
        Twist(status=200, body=b'{"data":{"result":"SURE"},' + STAMP + b"}", works=False),
        "UNSURE",
    ),
    ("no data", Twist(status=200, body=b"{" + STAMP + b"}", works=False), "UNSURE"),
    ("a crash", Twist(status=500, works=False), "UNSURE"),
    ("a line that breaks", Twist(drop=True, works=False), "UNSURE"),
]


@pytest.mark.parametrize(("twist", "state"), [row[1:] for row in BAD_DAYS], ids=[row[0] for row in BAD_DAYS])
def test_an_answer_that_is_none(twist: Twist, state: str, newest: Abroad, driver: Token) -> None:
    newest.script(twist)
    command = send(start(newest, driver))
    assert command.state == state
    assert len(newest.posted()) == 1, "a command is sent once"
    if state == "UNSURE":
        assert newest.result(command).says == (200, 1000)
        command.refresh_from_db()
        assert command.state == "SUCCEEDED", "it had been taken, and the result says so"


def test_a_partner_that_is_not_there(newest: Abroad, driver: Token) -> None:
    set_endpoints(newest.connection, [("commands", "RECEIVER", "http://127.0.0.1:9/commands")])
    command = send(start(newest, driver))
    assert (command.state, command.result) == ("FAILED", "")
    assert command.response_text, "staff read why"


def test_refusals_are_causes_of_the_client() -> None:
    assert {str(cause.value) for cause in Cause} >= REFUSALS


# --- results ----------------------------------------------------------------------------------------------------------


def stranger_asks() -> Asking:
    return Asking(factories.partner("NO-FJO:CPO").token)


def elapsed(command: Command) -> None:
    Command.objects.filter(pk=command.pk).update(deadline=site.now() - timedelta(seconds=1))


Step = Callable[[Abroad, Command], Answered | None]

CALLBACKS: list[tuple[str, list[Step], str, str, int, list[tuple[int, int]]]] = [
    # what happens one after the other, state, result, results without effect, what was answered
    (
        "twice the same",
        [lambda a, c: a.result(c), lambda a, c: a.result(c)],
        "SUCCEEDED",
        "ACCEPTED",
        1,
        [(200, 1000), (200, 1000)],
    ),
    (
        "first yes, then no",
        [lambda a, c: a.result(c), lambda a, c: a.result(c, "FAILED")],
        "SUCCEEDED",
        "ACCEPTED",
        1,
        [(200, 1000), (200, 1000)],
    ),
    (
        "first no, then yes",
        [lambda a, c: a.result(c, "EVSE_OCCUPIED"), lambda a, c: a.result(c)],
        "FAILED",
        "EVSE_OCCUPIED",
        1,
        [(200, 1000), (200, 1000)],
    ),
    (
        "after the time-out",
        [lambda a, c: elapsed(c), lambda a, c: hearing.time_out(now=site.now()) and None, lambda a, c: a.result(c)],
        "TIMED_OUT",
        "",
        1,
        [(200, 1000)],
    ),
    (
        "after the time-out, before anybody looked",
        [lambda a, c: elapsed(c), lambda a, c: a.result(c)],
        "TIMED_OUT",
        "",
        1,
        [(200, 1000)],
    ),
    (
        "from another partner",
        [lambda a, c: a.result(c, asking=stranger_asks()), lambda a, c: a.result(c)],
        "SUCCEEDED",
        "ACCEPTED",
        1,
        [(404, 2001), (200, 1000)],
    ),
    (
        "the charge point's own time-out",
        [lambda a, c: a.result(c, "TIMEOUT"), lambda a, c: a.result(c)],
        "TIMED_OUT",
        "TIMEOUT",
        1,
        [(200, 1000), (200, 1000)],
    ),
    (
        "a reservation that was never asked for",
        [lambda a, c: a.result(c), lambda a, c: a.result(c, "CANCELED_RESERVATION")],
        "SUCCEEDED",
        "ACCEPTED",
        1,
        [(200, 1000), (200, 1000)],
    ),
    ("nothing that OCPI knows", [lambda a, c: a.result(c, "DONE")], "WAITING", "", 0, [(200, 2001)]),
]


@pytest.mark.parametrize(
    ("steps", "state", "result", "strays", "answers"), [row[1:] for row in CALLBACKS], ids=[row[0] for row in CALLBACKS]
)
def test_the_first_result_counts(
    steps: list[Step],
    state: str,
    result: str,
    strays: int,
    answers: list[tuple[int, int]],
    newest: Abroad,
    driver: Token,
) -> None:
    newest.script(YES)
    command = send(start(newest, driver))
    answered = [step(newest, command) for step in steps]
    assert [each.says for each in answered if each is not None] == answers
    command.refresh_from_db()
    assert (command.state, command.result, command.stray_results) == (state, result, strays)
    assert Command.objects.count() == 1
    assert Exchange.objects.filter(incoming=True, module="commands").count() == len(answers), "all are in the log"


def test_addresses_that_we_gave_nobody(newest: Abroad, driver: Token) -> None:
    newest.script(YES)
    command = send(start(newest, driver))
    for path in ("START_SESSION/" + "0" * 32, f"STOP_SESSION/{command.uid}", f"START_SESSION/{command.uid}x"):
        answered = newest.asking.ask("POST", f"2.3.0/sender/commands/{path}", b'{"result":"ACCEPTED"}')
        assert answered.status == 404
    command.refresh_from_db()
    assert command.state == "WAITING"


def test_a_result_that_overtakes_the_answer(newest: Abroad, driver: Token) -> None:
    command = send(start(newest, driver), run=False)
    url = f"2.3.0/sender/commands/START_SESSION/{command.uid}"
    assert newest.asking.ask("POST", url, b'{"result":"ACCEPTED"}').says == (200, 1000)
    newest.script(YES)
    running.run(Errand.objects.get().pk)
    command.refresh_from_db()
    assert (command.state, command.response, command.result) == ("SUCCEEDED", "ACCEPTED", "ACCEPTED")


@pytest.mark.rule("T-409")
def test_nobody_answers(newest: Abroad, driver: Token) -> None:
    newest.script(YES)
    command = send(start(newest, driver))
    assert hearing.time_out(now=site.now()) == 0
    assert hearing.time_out(now=site.now() + timedelta(seconds=40)) == 1
    command.refresh_from_db()
    assert (command.state, command.result) == ("TIMED_OUT", "")


@pytest.mark.rule("T-411", "T-424", "T-428")
def test_a_reservation_is_changed_and_then_cancelled_by_the_partner(newest: Abroad, driver: Token) -> None:
    newest.script(YES, YES)
    first = send(reserve(newest, driver))
    newest.result(first)
    second = send(reserve(newest, driver, reservation_id=first.reservation_id))
    assert newest.posted()[1][1]["reservation_id"] == first.reservation_id
    newest.result(second)
    assert newest.result(second, "CANCELED_RESERVATION").says == (200, 1000)
    second.refresh_from_db()
    assert (second.state, second.result) == ("CANCELED", "CANCELED_RESERVATION")
    assert newest.result(second, "CANCELED_RESERVATION").says == (200, 1000)
    second.refresh_from_db()
    assert second.stray_results == 1


@pytest.mark.parametrize(
    ("result", "state"), [("ACCEPTED", "CANCELED"), ("UNKNOWN_RESERVATION", "CANCELED"), ("FAILED", "SUCCEEDED")]
)
def test_a_reservation_is_changed_and_then_given_back(
    result: str, state: str, newest: Abroad, driver: Token, us: Party
) -> None:
    newest.script(YES, YES, YES)
    first = send(reserve(newest, driver))
    newest.result(first)
    second = send(reserve(newest, driver, reservation_id=first.reservation_id))
    newest.result(second)
    wish = Wish(kind="CANCEL_RESERVATION", emsp=us, reservation_id=first.reservation_id)
    newest.result(send(wish), result)
    second.refresh_from_db()
    assert second.state == state
    codes = [each.code for each in sending.check(wish, now=site.now())]
    assert codes == (["UNKNOWN_RESERVATION"] if state == "CANCELED" else []), "not even the one that it replaced"


# --- what is not sent -------------------------------------------------------------------------------------------------


@pytest.mark.rule("T-430", "T-413", "T-419", "T-421")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a, t: {"kind": "UNLOCK_CONNECTOR", "emsp": t.party, "token": None, "by_driver": True}, "helpdesk"),
        (lambda a, t: {"evse_uid": "E9"}, "no EVSE"),
        (lambda a, t: {"connector_id": "9"}, "no connector"),
        (lambda a, t: {"token": factories.their_token(factories.small_token("C9", "NL-TNM"))}, "no eMSP of ours"),
        (
            lambda a, t: {
                "token": Token.objects.filter(pk=t.pk).update(hold="BLOCKED", held_at=site.now())
                and Token.objects.get()
            },
            "Staff hold it",
        ),
        (lambda a, t: {"location": a.stored(factories.small_location("LOC2", "NL-TNM"), ("RESERVABLE",))}, "from afar"),
        (lambda a, t: Connection.objects.update(state="PAUSED") and {}, "paused"),
        (lambda a, t: set_endpoints(a.connection, []) or {}, "takes no commands"),
        (lambda a, t: {"kind": "RESERVE_NOW", "expires_at": site.now()}, "over before it begins"),
        (
            lambda a, t: {
                "kind": "CANCEL_RESERVATION",
                "emsp": t.party,
                "token": None,
                "location": None,
                "evse_uid": "",
                "reservation_id": "9",
            },
            "no such reservation",
        ),
    ],
)
def test_what_is_not_sent(
    change: Callable[[Abroad, Token], dict[str, Any]], words: str, newest: Abroad, driver: Token
) -> None:
    wish = start(newest, driver, **change(newest, driver))
    with pytest.raises(UnableToCommand, match=words):
        sending.send(wish, now=site.now())
    assert [each.sentence for each in sending.check(wish, now=site.now()) if each.certain]
    assert not Command.objects.exists()
    assert not Errand.objects.exists()


# --- our own charge point ---------------------------------------------------------------------------------------------


def test_our_driver_at_our_charge_point_needs_no_ocpi(us: Party, driver: Token, evse: Evse) -> None:
    command = sending.send(
        Wish(kind="START_SESSION", token=driver, location=evse.location, evse_uid="E1", asked_by="app", by_driver=True),
        now=site.now(),
    )
    assert (command.direction, command.state, command.connection) == ("OWN", "EXECUTING", None)
    asked = cast.obey(evse)
    command.refresh_from_db()
    assert (command.state, command.result) == ("SUCCEEDED", "ACCEPTED")
    session = cast.plug_in(evse, asked.authorization_id)  # type: ignore[union-attr]
    assert (session.emsp, session.auth_method) == (us, "COMMAND")
    stop = sending.send(Wish(kind="STOP_SESSION", session=session), now=site.now())
    assert stop.state == "EXECUTING"
    assert Order.objects.count() == 2
    assert not Errand.objects.exists()


def test_our_driver_reserves_and_cancels_at_our_charge_point(us: Party, driver: Token, evse: Evse) -> None:
    until = site.now() + timedelta(minutes=30)
    made = sending.send(
        Wish(kind="RESERVE_NOW", token=driver, location=evse.location, evse_uid="E1", expires_at=until), now=site.now()
    )
    cast.obey(evse)
    wish = Wish(kind="CANCEL_RESERVATION", emsp=us, reservation_id=made.reservation_id)
    assert sending.check(wish, now=site.now()) == []
    assert sending.send(wish, now=site.now()).state == "EXECUTING"
    cast.obey(evse)
    assert Reservation.objects.get().state == "CANCELLED"


def test_our_own_charge_point_refuses(us: Party, driver: Token, partner: Partner, asking: Asking, evse: Evse) -> None:
    cast.reserved(asking, partner, evse)
    command = sending.send(
        Wish(kind="START_SESSION", token=driver, location=evse.location, evse_uid="E1"), now=site.now()
    )
    assert (command.state, command.response) == ("REFUSED", "REJECTED")
    assert "reserved" in command.response_text
