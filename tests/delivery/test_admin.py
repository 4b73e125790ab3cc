"""The message log, the outbox and the pulls as staff see them: what is found, what the buttons do, what is refused."""

from __future__ import annotations

import shlex
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.urls import reverse

from backoffice.console import windows
from backoffice.delivery.models import Exchange, Message, Pull
from backoffice.partners.models import Connection
from backoffice.roaming_site import site
from tests.factories import Partner, own_location, own_party, partner, small_location

LOG = "admin:delivery_exchange_changelist"
OUTBOX = "admin:delivery_message_changelist"


@pytest.fixture
def client(db: None) -> Client:
    logged_in = Client()
    logged_in.force_login(User.objects.create_superuser("boss", password="x"))
    return logged_in


@pytest.fixture
def other(db: None) -> Partner:
    return partner(receives=["locations"])


def exchange(connection: Connection | None = None, *, ago: timedelta = timedelta(minutes=1), **given: Any) -> Exchange:
    facts: dict[str, Any] = {
        "at": site.now() - ago,
        "incoming": False,
        "connection": connection,
        "module": "locations",
        "method": "GET",
        "url": "https://p.example/ocpi/2.3.0/locations",
        "http_status": 200,
        "ocpi_status": 1000,
        "elapsed_ms": 12,
        "request_id": "request-1",
        "correlation_id": "correlation-1",
    }
    return Exchange.objects.create(**(facts | given))


def message(made: Partner, path: str, **given: Any) -> Message:
    facts: dict[str, Any] = {
        "connection": made.connection,
        "sender": made.connection.our_parties.get(),
        "receiver": made.party,
        "module": "locations",
        "object_path": path,
        "state": "REFUSED",
        "attempts": 7,
        "due_at": site.now() - timedelta(hours=1),
        "owed_since": site.now() - timedelta(hours=2),
        "created_at": site.now() - timedelta(hours=2),
        "last_cause": "ocpi_2xxx",
        "last_error": "The partner found our message faulty.",
    }
    return Message.objects.create(**(facts | given))


def found(client: Client, **query: Any) -> list[int]:
    return [row.pk for row in client.get(reverse(LOG), query).context["found"].rows]


def said(answer: Any) -> list[str]:
    return [str(each) for each in answer.wsgi_request._messages]


# --- the log --------------------------------------------------------------------------------------------------------------


def test_each_filter_finds_its_rows(client: Client, other: Partner) -> None:
    plain = exchange(other.connection)
    failed = exchange(other.connection, http_status=500, ocpi_status=3000)
    silent = exchange(other.connection, http_status=None, ocpi_status=None, cause="timeout")
    refused = exchange(None, incoming=True, http_status=401, ocpi_status=2000)
    faulty = exchange(other.connection, incoming=True, ocpi_status=2001, notes={"violations": ["city: too long"]})
    slow = exchange(other.connection, elapsed_ms=2500, module="tokens")
    thing = exchange(other.connection, method="PUT", object_path="DE/RDK/LOC1/E1", request_body='{"city": "Lund 100%"}')
    old = exchange(other.connection, ago=timedelta(days=2))
    everything = [plain, failed, silent, refused, faulty, slow, thing]

    def expect(*rows: Exchange, **query: Any) -> None:
        assert sorted(found(client, **query)) == sorted(row.pk for row in rows), query

    expect(*everything)
    expect(*everything, old, window="7d")
    expect(*everything, old, window="all")
    expect(window="1h", module="nothing")
    expect(plain, failed, silent, faulty, slow, thing, partner=other.connection.pk)
    expect(slow, module="tokens")
    expect(refused, faulty, direction="in")
    expect(failed, silent, refused, faulty, preset="errors")
    expect(slow, preset="slow")
    expect(faulty, preset="violations")
    expect(refused, preset="auth")
    expect(failed, status="5xx")
    expect(refused, status="4xx")
    expect(silent, status="none")
    expect(refused, faulty, status="ocpi2")
    expect(failed, status="ocpi3")
    for path in ("DE/RDK/LOC1/E1", "DE/RDK/LOC1", "LOC1", "LOC1/E1", "E1"):
        expect(thing, object=path)
    expect(object="LOC")
    expect(thing, q="lund")
    expect(thing, q="100%")
    expect(q="100_")


@pytest.mark.parametrize(
    "query",
    [
        {"partner": "x"},
        {"partner": "9" * 40},
        {"direction": "up"},
        {"status": "9xx"},
        {"preset": "none"},
        {"window": "century"},
        {"before": "yesterday_1"},
        {"before": "2026-01-01T00:00:00_1"},
        {"after": "2026-01-01T00:00:00+00:00_99999999999999999999999999"},
        {"q": " "},
        {"object": "///"},
    ],
)
def test_what_makes_no_sense_is_as_if_it_were_not_there(client: Client, query: dict[str, str]) -> None:
    row = exchange()
    assert found(client, **query) == [row.pk]


def test_pages_by_key_show_every_row_once_both_ways(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "PAGE", 10)
    same = site.now() - timedelta(minutes=3)
    rows = [exchange(ago=timedelta(seconds=number)) for number in range(20)]
    rows += [exchange(at=same) for _ in range(15)]  # many in one instant
    order = [row.pk for row in sorted(rows, key=lambda row: (row.at, row.pk), reverse=True)]

    seen: list[list[int]] = []
    url = reverse(LOG)
    while url:
        page = client.get(url)
        seen.append([row.pk for row in page.context["found"].rows])
        url = page.context["older"] and reverse(LOG) + page.context["older"]
        exchange(ago=timedelta(0))  # rows that come meanwhile move nothing
    assert [pk for page in seen for pk in page] == order
    assert [len(page) for page in seen] == [10, 10, 10, 5]

    back = client.get(reverse(LOG) + page.context["newer"])
    assert [row.pk for row in back.context["found"].rows] == seen[2]
    back = client.get(reverse(LOG) + back.context["newer"])
    assert [row.pk for row in back.context["found"].rows] == seen[1]


def test_the_chain_of_a_correlation_id_is_shown_whole_and_in_order(client: Client, other: Partner) -> None:
    chain = [
        exchange(
            other.connection, correlation_id="c-7", request_id=f"hop-{number}", ago=timedelta(days=40, seconds=-number)
        )
        for number in range(3)
    ]
    exchange(other.connection, correlation_id="another")
    assert found(client, correlation="c-7") == [row.pk for row in chain]
    page = client.get(reverse("admin:delivery_exchange_change", args=[chain[1].pk])).content.decode()
    assert "The whole chain of this correlation id" in page
    assert "No exchange of that correlation id" in client.get(reverse(LOG), {"correlation": "c-8"}).content.decode()


def test_an_empty_log_tells_why(client: Client) -> None:
    def text(**query: Any) -> str:
        return client.get(reverse(LOG), query).content.decode()

    assert "There was none so far." in text()
    exchange(ago=timedelta(days=3))
    assert "No traffic in this window" in text()
    assert "Nothing matches" in text(module="tokens")


def test_a_search_that_takes_too_long_is_given_up_with_a_sentence(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange()
    monkeypatch.setattr(windows, "PATIENCE_MS", 1)
    with database.cursor() as cursor:  # a row that takes a hundred milliseconds to read
        cursor.execute(
            """ALTER TABLE delivery_exchange RENAME TO slow_exchange;
            CREATE VIEW delivery_exchange AS SELECT s.* FROM slow_exchange s, LATERAL (SELECT pg_sleep(0.1)) p"""
        )
    page = client.get(reverse(LOG))
    assert page.status_code == 200
    assert "That search took too long" in page.content.decode()


def test_one_exchange_shows_bodies_notes_and_a_command_without_token(client: Client, other: Partner) -> None:
    body = '{"city": "It\'s here", "power": 11.50}'
    row = exchange(
        other.connection,
        method="PUT",
        url="https://p.example/ocpi/it's/1",
        request_body=body,
        response_body='{"status_code": 2001}',
        http_status=200,
        ocpi_status=2001,
        cause="ocpi_2xxx",
        notes={"violations": ["evses.0.uid: Expected <b>text</b>"], "stale": True},
        from_party="DE-RDK",
        to_party="SE-ELV",
    )
    page = client.get(reverse("admin:delivery_exchange_change", args=[row.pk]))
    text = page.content.decode()
    assert "&quot;power&quot;: 11.50" in text, "numbers keep their digits"
    assert "Expected &lt;b&gt;text&lt;/b&gt;" in text
    assert "The partner found our message faulty." in text
    assert "Older than what we hold" in text
    words = shlex.split(page.context["curl"].replace("\\\n", ""))
    assert words[:5] == ["curl", "-sS", "-X", "PUT", "https://p.example/ocpi/it's/1"]
    assert words[words.index("--data-raw") + 1] == body
    assert 'Authorization: Token $(printf %s "$TOKEN" | base64 -w0)' in page.context["curl"].replace("\\", "")
    assert "OCPI-to-country-code: SE" in words


def test_a_push_leads_to_its_message_and_back(client: Client, other: Partner) -> None:
    owed = message(other, "LOC1/E1")
    row = exchange(other.connection, method="PATCH", object_path="DE/RDK/LOC1/E1", trigger="push")
    page = client.get(reverse("admin:delivery_exchange_change", args=[row.pk])).content.decode()
    assert reverse("admin:delivery_message_change", args=[owed.pk]) in page
    page = client.get(reverse("admin:delivery_message_change", args=[owed.pk])).content.decode()
    assert reverse("admin:delivery_exchange_change", args=[row.pk]) in page


def test_the_log_takes_few_queries(client: Client, other: Partner, django_assert_max_num_queries: Any) -> None:
    for number in range(60):
        exchange(other.connection, ago=timedelta(seconds=number))
    client.get(reverse(LOG))
    with django_assert_max_num_queries(9):
        client.get(reverse(LOG))


# --- the outbox -----------------------------------------------------------------------------------------------------------


def test_the_outbox_shows_what_is_open_and_the_rest_when_asked(client: Client, other: Partner) -> None:
    due, refused = message(other, "A", state="DUE"), message(other, "B")
    done, dropped = message(other, "C", state="DONE"), message(other, "D", state="DROPPED")

    def listed(**query: Any) -> set[int]:
        return {row.pk for row in client.get(reverse(OUTBOX), query).context["cl"].result_list}

    assert listed() == {due.pk, refused.pk}
    assert listed(state="all") == {due.pk, refused.pk, done.pk, dropped.pk}
    assert listed(state="DONE") == {done.pk}
    assert listed(connection=other.connection.pk, q="B") == {refused.pk}
    assert listed(connection="1 OR 1=1") == {due.pk, refused.pk}
    assert listed(age="1440") == set()
    assert listed(cause="ocpi_2xxx") == {due.pk, refused.pk}
    boxes = client.get(reverse(OUTBOX)).context["mailboxes"]
    assert [(box["due"], box["refused"]) for box in boxes] == [(1, 1)]


def test_an_empty_outbox_is_good_news(client: Client, other: Partner) -> None:
    message(other, "A", state="DONE", delivered_at=site.now())
    text = client.get(reverse(OUTBOX)).content.decode()
    assert "Everything is delivered" in text
    assert "1 object(s) reached their partners" in text


def test_retry_now_makes_chosen_messages_due_and_frees_the_mailbox(client: Client, other: Partner) -> None:
    refused, left, done = message(other, "A"), message(other, "B"), message(other, "C", state="DONE")
    Connection.objects.filter(pk=other.connection.pk).update(next_attempt_at=site.now() + timedelta(minutes=5))
    answer = client.post(
        reverse(OUTBOX) + "?state=all", {"action": "retry", "_selected_action": [refused.pk, done.pk]}, follow=False
    )
    assert said(answer) == ["1 message(s) will be sent at once. 1 had nothing left to send and stay as they are."]
    refused.refresh_from_db()
    assert (refused.state, refused.attempts) == ("DUE", 0)
    assert refused.due_at <= site.now()
    assert Message.objects.get(pk=left.pk).state == "REFUSED"
    assert Message.objects.get(pk=done.pk).state == "DONE"
    assert Connection.objects.get(pk=other.connection.pk).next_attempt_at is None
    assert LogEntry.objects.get().get_change_message() == "Sent again at once"


def test_one_message_is_retried_from_its_page_by_post_only(client: Client, other: Partner) -> None:
    row = message(other, "A")
    url = reverse("admin:delivery_message_retry", args=[row.pk])
    client.get(url)
    assert Message.objects.get(pk=row.pk).state == "REFUSED"
    client.post(url)
    assert Message.objects.get(pk=row.pk).state == "DUE"


def test_dropping_asks_for_a_reason_and_keeps_it(client: Client, other: Partner) -> None:
    row, done = message(other, "A"), message(other, "B", state="DONE")
    asked = client.post(reverse(OUTBOX) + "?state=all", {"action": "ask_drop", "_selected_action": [row.pk, done.pk]})
    assert asked.context["ids"] == [row.pk]
    url = reverse("admin:delivery_message_drop")
    refused = client.post(url, {"pk": [row.pk]})
    assert refused.status_code == 400
    assert "A reason is needed. Nothing was changed." in refused.content.decode()
    assert Message.objects.get(pk=row.pk).state == "REFUSED"
    client.post(url, {"pk": [row.pk, done.pk, "x", "9" * 30], "reason": "the partner knows"})
    row.refresh_from_db()
    assert (row.state, row.last_error) == ("DROPPED", "the partner knows")
    assert Message.objects.get(pk=done.pk).state == "DONE"
    assert LogEntry.objects.get().get_change_message() == "Dropped: the partner knows"


def test_recovering_takes_one_partner_and_a_time(client: Client, other: Partner) -> None:
    second = partner("FR-CLM:EMSP", ours=[own_party()])
    recent, old = message(other, "A"), message(other, "B", due_at=site.now() - timedelta(days=3))
    elsewhere, due = message(second, "A"), message(other, "D", state="DUE", attempts=3)
    url = reverse("admin:delivery_message_recover")
    since = (site.now() - timedelta(hours=24)).strftime("%Y-%m-%dT%H:%M")

    refused = client.post(url, {"connection": other.connection.pk, "since": since})
    assert refused.status_code == 400
    assert set(Message.objects.values_list("state", flat=True)) == {"REFUSED", "DUE"}

    answer = client.post(url, {"connection": other.connection.pk, "since": since, "reason": "their outage is over"})
    assert said(answer) == [f"1 refused message(s) to {other.connection.name} will be sent at once."]
    states = dict(Message.objects.values_list("pk", "state"))
    assert states == {recent.pk: "DUE", old.pk: "REFUSED", elsewhere.pk: "REFUSED", due.pk: "DUE"}
    assert Message.objects.get(pk=due.pk).attempts == 3, "what was due anyway keeps its place"
    assert LogEntry.objects.get().get_change_message().endswith("their outage is over")

    client.post(url, {"since": "2020-01-01T00:00", "reason": "all of them"})
    assert set(Message.objects.values_list("state", flat=True)) == {"DUE"}


def test_the_page_of_a_message_shows_what_would_be_sent_now(client: Client) -> None:
    ours = own_party("SE-ELV", name="We")
    made = partner("FR-CLM:EMSP", ours=[ours], receives=["locations"])
    own_location(small_location("LOC1"))
    row = Message.objects.get(object_path="LOC1")
    page = client.get(reverse("admin:delivery_message_change", args=[row.pk])).content.decode()
    assert "Storgatan 1" in page
    gone = message(made, "GONE")
    page = client.get(reverse("admin:delivery_message_change", args=[gone.pk])).content.decode()
    assert "not published to this partner any more" in page


def test_the_outbox_takes_few_queries(client: Client, other: Partner, django_assert_max_num_queries: Any) -> None:
    for number in range(60):
        message(other, f"L{number}")
    client.get(reverse(OUTBOX))
    with django_assert_max_num_queries(14):
        client.get(reverse(OUTBOX))


# --- the pulls ------------------------------------------------------------------------------------------------------------


def test_pulls_show_progress_and_what_was_wrong(client: Client, other: Partner) -> None:
    began: datetime = site.now() - timedelta(minutes=2)
    row = Pull.objects.create(
        connection=other.connection,
        module="locations",
        full=True,
        state="RUNNING",
        pages=3,
        objects_read=300,
        total=1000,
        rejected=2,
        violations={"evses.uid": [2, "Expected this field: it is required.", "SE/ELV/LOC1"]},
        repairs={"accept_numbers_for_text": 4},
        started_at=began,
        moved_at=began,
        correlation_id="pull-1",
    )
    text = client.get(reverse("admin:delivery_pull_changelist")).content.decode()
    assert "300 of 1000 objects, 3 pages" in text
    text = client.get(reverse("admin:delivery_pull_change", args=[row.pk])).content.decode()
    for piece in ("evses.uid", "Expected this field: it is required.", "accept_numbers_for_text", "pull-1"):
        assert piece in text
