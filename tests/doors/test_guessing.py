"""Who showed a token last is only guessed to show it again: whatever changed in between, the answer is that of a platform which
remembers nobody, and nothing is written for whom it is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, transaction
from django.db import connection as database
from psycopg import errors

from backoffice import statements
from backoffice.delivery.models import Exchange
from backoffice.partners import peers
from backoffice.partners.models import Connection, InboundToken, Party, PartyRole
from backoffice.partners.secrets import token_hash
from backoffice.roaming_site import site
from backoffice.tokens.actions import answering
from backoffice.tokens.models import Authorization
from ocpi.module import CallArrival
from tests import factories
from tests.doors.asking import Answered, Asking, snapshot
from tests.factories import Partner, small_token

CARD = "04A1B2C3"
LATER = "2026-05-01T00:00:00Z"
EVSE = "2.3.0/receiver/locations/SE/ELV/HARBOUR-7/E-100"

DOORS: dict[str, tuple[str, str, Any]] = {
    "authorize": ("POST", f"2.3.0/sender/tokens/{CARD}/authorize", None),
    "authorize at a place": (
        "POST",
        f"2.3.0/sender/tokens/{CARD}/authorize",
        {"location_id": "HARBOUR-7", "evse_uids": ["E-100"]},
    ),
    "PUT": ("PUT", "2.2.1/receiver/locations/SE/ELV/NEW", factories.small_location("NEW")),
    "PATCH": ("PATCH", EVSE, {"status": "BLOCKED", "last_updated": LATER}),
    "POST": ("POST", "2.3.0/receiver/cdrs", factories.small_cdr("C1")),
    "DELETE": ("DELETE", "2.3.0/receiver/tariffs/SE/ELV/T1", None),
    "refused": ("PUT", "2.3.0/receiver/locations/NO/FJO/NEW", factories.small_location("NEW", "NO-FJO")),
    "not valid": ("POST", "2.3.0/receiver/cdrs", {"country_code": "SE", "party_id": "ELV", "id": "C2"}),
}


def of(partner: Partner) -> Any:
    return Connection.objects.filter(pk=partner.connection.pk)


def token_of(partner: Partner) -> Any:
    return InboundToken.objects.filter(connection=partner.connection)


def given_away(partner: Partner) -> None:
    """The same token, now shown by somebody else."""
    token_of(partner).update(connection=factories.partner("NO-FJO:CPO", "NO-FJO:EMSP").connection)


def moved(partner: Partner) -> None:
    """The parties went to another connection; this one has another now."""
    other = factories.partner("NO-FJO:CPO").connection
    partner.connection.roles.update(connection=other)
    PartyRole.objects.filter(party__party_id="FJO").update(connection=partner.connection)


CHANGES: dict[str, Callable[[Partner], Any]] = {
    "nothing": lambda partner: None,
    "burnt": lambda partner: token_of(partner).update(burnt_at=site.now()),
    "expired": lambda partner: token_of(partner).update(expires_at=site.now() - timedelta(seconds=1)),
    "opens the handshake only": lambda partner: token_of(partner).update(kind="BOOTSTRAP"),
    "removed": lambda partner: of(partner).update(state="REMOVED"),
    "sends it plainly": lambda partner: of(partner).update(plain_token=True),
    "is to be repaired": lambda partner: of(partner).update(repairs=["accept_empty_text"]),
    "given away": given_away,
    "moved": moved,
    "without a role": lambda partner: partner.connection.roles.filter(role="CPO").delete(),
    "without us": lambda partner: partner.connection.our_parties.clear(),
}


@pytest.fixture
def card(us: Party) -> None:
    factories.own_token(small_token(CARD, "DE-RDK", whitelist="NEVER"))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each time that it is looked up who asks, before anything else is done."""
    asked: list[str] = []
    by_token = peers.by_token

    def looked_up(encoded: str | None, plain: str, now: Any) -> Any:
        asked.append(plain)
        return by_token(encoded, plain, now)

    monkeypatch.setattr(peers, "by_token", looked_up)
    return asked


def warm(asking: Asking) -> None:
    assert asking.get("2.3.0/receiver/locations/SE/ELV/HARBOUR-7").says == (200, 1000)


@pytest.mark.parametrize("door", DOORS)
def test_the_answer_is_that_of_who_remembers_nobody(
    door: str, partner: Partner, stored: Asking, card: None, read: list[str]
) -> None:
    """All changes by turns, each undone: what they begin with takes longer than they do."""
    method, path, body = DOORS[door]

    def outcome(change: str, remembering: bool) -> tuple[Any, ...]:
        with transaction.atomic():
            warm(stored)
            CHANGES[change](partner)
            before = snapshot("last_in_at", "last_out_at")
            if not remembering:
                peers._seen.clear()
            read.clear()
            answered = stored.ask(method, path, body)
            logged = Exchange.objects.get(request_id=answered.headers["X-Request-ID"])
            same = snapshot("last_in_at", "last_out_at") == before
            assert same or answered.code == 1000, f"{change}: refused, and yet something changed"
            transaction.set_rollback(True)
        assert len(read) == (not remembering or change != "nothing"), (
            f"{change}: looked up when the guess would do, or not when not"
        )
        whose = logged.connection_id and logged.connection_id == partner.connection.pk
        told = (whose, logged.http_status, logged.object_path, logged.notes, logged.request_body)
        return *answered.says, answered.envelope.get("status_message"), same, told

    for change in CHANGES:
        assert (change, outcome(change, True)) == (change, outcome(change, False))


def test_what_was_guessed_wrongly_is_undone_before_it_is_done_again(
    partner: Partner, stored: Asking, card: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[int] = []
    write = answering._write

    def noted(arrival: CallArrival, *given: Any, **more: Any) -> None:
        served.append(arrival.peer.connection)
        Party.objects.create(country_code="XX", party_id="YYY", name=arrival.peer.name)
        write(arrival, *given, **more)

    monkeypatch.setattr(answering, "_write", noted)
    warm(stored)
    given_away(partner)
    new = InboundToken.objects.get(hash=token_hash(partner.token)).connection
    assert stored.ask("POST", f"2.3.0/sender/tokens/{CARD}/authorize").says == (200, 1000)
    assert served == [partner.connection.pk, new.pk]
    assert [party.name for party in Party.objects.filter(country_code="XX")] == [new.name]
    assert [row.connection for row in Authorization.objects.all()] == [new]


@pytest.mark.parametrize(
    ("failure", "times"),
    [(errors.LockNotAvailable, 3), (errors.DeadlockDetected, 3), (errors.QueryCanceled, 1), (errors.AdminShutdown, 2)],
)
def test_who_waited_in_vain_for_the_database_does_not_wait_as_long_again(
    failure: type[errors.Error], times: int, stored: Asking, card: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three attempts at what another transaction holds, guessed or not; only a connection that ended asks for the usual way."""
    tried: list[str] = []

    def waited(*given: Any, **more: Any) -> None:
        tried.append("")
        raise OperationalError("waited long enough") from failure()

    monkeypatch.setattr(answering, "_write", waited)
    warm(stored)
    assert stored.ask("POST", f"2.3.0/sender/tokens/{CARD}/authorize").status == 503
    assert len(tried) == times


def test_what_was_proved_is_not_done_again(
    stored: Asking, card: None, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that ends behind the proof may have ended behind the COMMIT."""
    record, tried = site.record, []

    def lost(exchange: Any) -> None:
        tried.append(exchange.http_status)
        if len(tried) == 1:
            raise OperationalError("the connection is lost")
        record(exchange)

    warm(stored)
    read.clear()
    monkeypatch.setattr(site, "record", lost)
    assert stored.ask("POST", f"2.3.0/sender/tokens/{CARD}/authorize").status == 503
    assert (tried, read) == ([200, 503], [])


@pytest.mark.parametrize("door", ["authorize", "authorize at a place", "PATCH"])
def test_who_asks_travels_with_what_is_asked(
    door: str, stored: Asking, card: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two journeys: question and reads, writes and COMMIT (in a test's transaction the second is sent at its end)."""
    method, path, body = DOORS[door]
    sent: list[int] = []
    travel = statements.travel

    def counted(connection: Any, parcels: Any, *, commits: bool = False) -> Any:
        sent.append(len(parcels))
        return travel(connection, parcels, commits=commits)

    def ask(second: int) -> Answered:
        changed = body and body | ({"last_updated": f"2026-05-01T00:00:{second:02d}Z"} if "status" in body else {})
        return stored.ask(method, path, changed)

    for second in range(8):  # until all of its statements are prepared
        assert ask(second).says == (200, 1000)
    monkeypatch.setattr(statements, "travel", counted)
    assert ask(9).says == (200, 1000)
    assert len(sent) == 2, sent


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_died_since_is_replaced() -> None:
    factories.own_party()
    partner = factories.partner()
    asking = Asking(partner.token)
    assert asking.put("2.3.0/receiver/locations/SE/ELV/HARBOUR-7", factories.location()).status == 201
    facts = database.get_connection_params()
    with psycopg.connect(host=facts["host"], user=facts["user"], dbname=facts["dbname"], autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [database.connection.info.backend_pid])
    assert asking.patch(EVSE, {"status": "BLOCKED", "last_updated": LATER}).says == (200, 1000)


def test_a_header_that_none_sends_is_refused_as_ever(stored: Asking) -> None:
    warm(stored)
    for header in ("", "Token", "Token \xff", "Bearer x", "Token !!!"):
        answered = Asking().ask("PATCH", EVSE, {"status": "BLOCKED"}, headers={"Authorization": header})
        assert (answered.status, answered.headers.get("WWW-Authenticate")) == (401, "Token")
