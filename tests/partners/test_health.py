"""The health of a connection: each part's worth at its edges, what the score makes of them, and the query behind it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection as database

from backoffice.delivery.models import Exchange, Message, Pull
from backoffice.delivery.vitals import SAMPLE, healths, measure
from backoffice.partners.actions.connections import pause
from backoffice.partners.health import PullVital, Tone, Vitals, health, in_words
from backoffice.partners.models import Endpoint, PartyRole
from backoffice.partners.rules import ConnectionState
from tests.factories import Partner, partner

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

WELL = Vitals(
    state=ConnectionState.ACTIVE,
    now=NOW,
    exchanges=100,
    succeeded=100,
    p95_ms=200,
    pulls=[PullVital("locations", NOW - HOUR, False, NOW - HOUR, objects=50)],
    token_at=NOW - timedelta(days=30),
)


def worth(vitals: Vitals) -> dict[str, float | None]:
    return {part.name: part.worth for part in health(vitals).parts}


def test_a_connection_that_does_well_has_a_hundred() -> None:
    found = health(WELL)
    assert (found.score, found.tone, found.word, found.attention) == (100, Tone.GOOD, "Healthy", ())
    assert set(worth(WELL).values()) == {1.0}


# what is measured -> part, worth
PARTS: list[tuple[dict[str, Any], str, float | None]] = [
    ({"succeeded": 99}, "Success", 1.0),
    ({"succeeded": 80}, "Success", 0.0),
    ({"succeeded": 0}, "Success", 0.0),
    ({"exchanges": 0, "succeeded": 0}, "Success", None),
    ({"p95_ms": 1000}, "Latency", 1.0),
    ({"p95_ms": 5500}, "Latency", 0.5),
    ({"p95_ms": 20_000}, "Latency", 0.0),
    ({"p95_ms": None}, "Latency", None),
    ({"pulls": []}, "Freshness", None),
    ({"pull_enabled": False}, "Freshness", None),
    ({"pulls": [PullVital("locations")]}, "Freshness", 0.5),
    ({"pulls": [PullVital("locations", NOW, True)]}, "Freshness", 0.0),
    ({"pulls": [PullVital("locations", NOW, False, NOW - 1.5 * HOUR)]}, "Freshness", 1.0),
    ({"pulls": [PullVital("locations", NOW, False, NOW - 4 * HOUR)]}, "Freshness", 0.0),
    ({"pulls": [PullVital("locations", NOW, False, NOW - 4 * HOUR)], "pull_every": 4 * HOUR}, "Freshness", 1.0),
    ({"pulls": [WELL.pulls[0], PullVital("tariffs", NOW, True)]}, "Freshness", 0.0),
    ({"due": 3, "oldest_due_at": NOW - timedelta(seconds=60)}, "Backlog", 1.0),
    ({"due": 3, "oldest_due_at": NOW - HOUR}, "Backlog", 0.0),
    ({"pulls": [replace(WELL.pulls[0], rejected=5)]}, "Data quality", 0.0),
    ({"pulls": [replace(WELL.pulls[0], objects=0)]}, "Data quality", None),
    ({"token_at": NOW - timedelta(days=730)}, "Token age", 0.0),
    ({"token_at": None}, "Token age", None),
]


@pytest.mark.parametrize(("measured", "name", "expected"), PARTS)
def test_the_worth_of_each_part_at_its_edges(measured: dict[str, Any], name: str, expected: float | None) -> None:
    found = worth(replace(WELL, **measured))[name]
    assert found == (None if expected is None else pytest.approx(expected))


def test_a_part_that_is_down_keeps_the_score_from_being_good_or_fair() -> None:
    found = health(replace(WELL, due=1, oldest_due_at=NOW - 2 * HOUR))
    assert (found.score, found.tone, found.word) == (69, Tone.BAD, "Failing")
    old_token = health(replace(WELL, token_at=NOW - timedelta(days=900)))
    assert (old_token.score, old_token.tone) == (95, Tone.GOOD), "a light part may be bad by itself"


@pytest.mark.parametrize(
    ("state", "score", "word"),
    [
        (ConnectionState.SUSPENDED, 0, "Suspended"),
        (ConnectionState.PAUSED, None, "Paused"),
        (ConnectionState.INVITED, None, "Waiting for their call"),
        (ConnectionState.REGISTERING, None, "Not registered yet"),
        (ConnectionState.REMOVED, None, "Removed"),
    ],
)
def test_who_does_not_talk_has_no_score_and_who_was_refused_has_none_left(
    state: ConnectionState, score: int | None, word: str
) -> None:
    found = health(replace(WELL, state=state))
    assert (found.score, found.word) == (score, word)


def test_nothing_known_is_no_illness() -> None:
    found = health(Vitals(state=ConnectionState.ACTIVE, now=NOW, pull_enabled=False))
    assert found.score == 100, "an empty outbox is known"
    assert {part.name for part in found.parts if part.worth is None} == {
        "Success",
        "Latency",
        "Freshness",
        "Data quality",
        "Token age",
    }


def test_what_waits_for_a_person_is_said() -> None:
    found = health(
        replace(
            WELL,
            state=ConnectionState.PAUSED,
            held_reason="audit",
            claims_waiting=1,
            hosts_waiting=2,
            refused=3,
            next_attempt_at=NOW + timedelta(minutes=4),
        )
    )
    assert found.attention == (
        "Paused: audit",
        "1 claimed role(s) await approval.",
        "Endpoints on 2 hosts that nobody confirmed yet.",
        "3 messages were refused.",
        "Their line is down; next attempt in 4 min.",
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (89, "89 s"), (90, "2 min"), (5399, "90 min"), (5400, "2 h"), (86_400, "24 h"), (259_200, "3 days")],
)
def test_spans_in_words(seconds: int, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words


# --- the query ------------------------------------------------------------------------------------------------------------


def exchange(made: Partner, *, ago: timedelta = HOUR, **given: Any) -> None:
    facts: dict[str, Any] = {
        "at": NOW - ago,
        "incoming": False,
        "connection": made.connection,
        "module": "locations",
        "method": "GET",
        "url": "u",
        "http_status": 200,
        "ocpi_status": 1000,
        "elapsed_ms": 100,
        "request_id": "r",
        "correlation_id": "c",
    }
    Exchange.objects.create(**(facts | given))


def measured(made: Partner) -> Vitals:
    return measure([made.connection.pk], modules=["locations"], now=NOW)[made.connection.pk]


@pytest.mark.django_db
def test_what_is_measured() -> None:
    made, other = partner("SE-ELV:CPO"), partner("FR-CLM:CPO")
    exchange(made, elapsed_ms=10)
    exchange(made, elapsed_ms=30, ocpi_status=2001)
    exchange(made, elapsed_ms=20, http_status=500)
    exchange(made, elapsed_ms=20, http_status=None, ocpi_status=None)
    exchange(made, incoming=True, elapsed_ms=9000)
    exchange(made, ago=timedelta(hours=25), http_status=500)
    exchange(other, http_status=500)
    host = made.connection.confirmed_origins[0]
    for identifier, url in (("locations", f"{host}/l"), ("tariffs", "https://elsewhere.example/t")):
        Endpoint.objects.create(connection=made.connection, identifier=identifier, role="SENDER", url=url)
    for state, ago, given in (
        ("DONE", 3 * HOUR, {"objects_read": 40, "rejected": 4}),
        ("FAILED", HOUR, {"objects_read": 7, "error": "It broke."}),
    ):
        at = NOW - ago
        Pull.objects.create(
            connection=made.connection,
            module="locations",
            full=True,
            state=state,
            started_at=at,
            moved_at=at,
            finished_at=at,
            **given,
        )
    for number, state in enumerate(("DUE", "DUE", "REFUSED", "DONE", "DROPPED")):
        at = NOW - number * HOUR
        Message.objects.create(
            connection=made.connection,
            sender=made.connection.our_parties.get(),
            receiver=made.party,
            module="locations",
            object_path=str(number),
            state=state,
            due_at=at,
            owed_since=at,
            created_at=at,
        )
    PartyRole.objects.create(party=other.party, role="CPO", connection=made.connection, state="AWAITING_APPROVAL")

    found = measured(made)
    assert (found.exchanges, found.succeeded) == (5, 2)
    assert found.p95_ms == pytest.approx(28.5), "of our own calls"
    assert (found.due, found.refused, found.oldest_due_at) == (2, 1, NOW - HOUR)
    assert (found.claims_waiting, found.hosts_waiting) == (1, 1)
    (pull,) = found.pulls
    assert (pull.module, pull.last_at, pull.failed, pull.success_at) == ("locations", NOW - HOUR, True, NOW - 3 * HOUR)
    assert (pull.objects, pull.rejected, pull.error) == (7, 0, "It broke.")
    assert found.token_at is not None


@pytest.mark.django_db
def test_a_busy_partner_is_measured_by_its_latest_exchanges() -> None:
    made = partner("SE-ELV:CPO")
    for number in range(SAMPLE):
        exchange(made, ago=timedelta(seconds=number))
    exchange(made, ago=HOUR, http_status=500)
    found = measured(made)
    assert (found.exchanges, found.succeeded) == (SAMPLE, SAMPLE)


@pytest.mark.django_db
def test_many_connections_take_one_query(django_assert_num_queries: Any) -> None:
    made = [partner(f"SE-E{number:02}:CPO") for number in range(20)]
    pause(made[3].connection, reason="audit")
    ids = [each.connection.pk for each in made]
    database.ensure_connection()
    with django_assert_num_queries(1):
        found = healths(ids, modules=["locations"], now=NOW)
    assert set(found) == set(ids)
    assert found[ids[3]].word == "Paused"
