"""Statements of the hot paths behave as Django's own do: same transaction, same errors, and a lost connection is replaced."""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any

import psycopg
import pytest
from django.db import DataError, IntegrityError, OperationalError, ProgrammingError, transaction
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import TransactionStatus
from psycopg.types.array import ListDumper

from backoffice import statements
from backoffice.partners.models import Party


@pytest.mark.django_db
def test_texts_arrive_as_bytes_and_all_else_as_python_has_it() -> None:
    moment = datetime(2026, 4, 1, 12, tzinfo=UTC)
    (row,) = statements.run(
        "SELECT %s::text, %s::varchar, %s, %s::timestamptz, %s::bytea, ARRAY[%s, %s], NULL",
        ["Zürich", "Zürich", 7, moment, b"\x00", 1, 2**40],
    )
    assert row == ("Zürich".encode(), "Zürich", 7, moment, b"\x00", [1, 2**40], None)
    assert statements.run("UPDATE partners_party SET name = name") == []


@pytest.mark.django_db
def test_small_and_large_numbers_share_one_prepared_statement() -> None:
    sql = "SELECT %s + 1 AS shared"
    for number in (1, 2**20, 2**40):
        assert statements.run(sql, [number]) == [(number + 1,)]
    statement = statements.run("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%% AS shared'")
    assert statement == [(1,)]


class Whole(IntEnum):
    ONE = 1


class Word(StrEnum):
    A = "a"


@pytest.mark.django_db
def test_a_column_is_known_by_what_psycopg_knows_it_by() -> None:
    database.ensure_connection()
    known = Transformer(statements._kept(database).loner)
    ours, theirs = statements._Column(list, known), ListDumper(list, known)
    columns: list[list[Any]] = [[1], [1, None], [None, 1], [2**62], [2**70], [True], [Whole.ONE], ["a"], [None, "a"]]
    columns += [["a", None], [Word.A], [], [None], [[1, 2]], [["a"], [None]], [b"a"], [1.5], [Decimal(1)]]
    for column in columns:
        assert ours.get_key(column, PyFormat.AUTO) == theirs.get_key(column, PyFormat.AUTO), column
    for mixed in ([1, "a"], ["a", 1], [1, True], [True, 1]):
        with pytest.raises((DataError, psycopg.DataError)), transaction.atomic():
            statements.run("SELECT %s::bigint[]", [mixed])


@pytest.mark.django_db
def test_what_is_planned_each_time_is_not_prepared() -> None:
    for number in (1, 2):
        assert statements.run_once("SELECT %s AS planned_anew", [number]) == [(number,)]
    assert statements.run("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%% planned_anew'") == [
        (0,)
    ]


@pytest.mark.django_db
def test_it_belongs_to_the_callers_transaction() -> None:
    with transaction.atomic():
        statements.run(
            "INSERT INTO partners_party (country_code, party_id, name, ours, business_details, created_at)"
            " VALUES ('NL', 'XYZ', '', false, '{}', now())"
        )
        assert Party.objects.filter(party_id="XYZ").exists()
        transaction.set_rollback(True)
    assert not Party.objects.filter(party_id="XYZ").exists()


@pytest.mark.django_db
def test_errors_are_djangos() -> None:
    with pytest.raises(ProgrammingError), transaction.atomic():
        statements.run("SELECT no_such_column")
    Party.objects.create(country_code="NL", party_id="XYZ")
    with pytest.raises(IntegrityError), transaction.atomic():
        statements.run(
            "INSERT INTO partners_party (country_code, party_id, name, ours, business_details, created_at)"
            " VALUES ('nl', 'xyz', '', false, '{}', now())"
        )
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(transaction.TransactionManagementError):
            statements.run("SELECT 1")


@pytest.mark.django_db
def test_its_queries_are_counted_with_the_others() -> None:
    with CaptureQueriesContext(database) as queries:
        statements.run("SELECT 1")
    assert [query["sql"] for query in queries] == ["SELECT 1"]


def _kill() -> None:
    """End our database session from another one, as a restart of the server does."""
    facts = database.get_connection_params()
    with psycopg.connect(host=facts["host"], user=facts["user"], dbname=facts["dbname"], autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [database.connection.info.backend_pid])


@pytest.mark.django_db(transaction=True)
def test_the_first_read_of_a_request_replaces_a_connection_that_died() -> None:
    statements.run("SELECT 1")
    _kill()
    database.health_check_done = False  # as at the start of a request
    assert statements.run_first("SELECT 2") == [(2,)]


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_dies_within_a_transaction_is_not_replaced() -> None:
    def die_in_the_middle() -> None:
        with transaction.atomic():
            statements.run("SELECT 1")
            _kill()
            statements.run_first("SELECT 2")

    with pytest.raises(OperationalError):
        die_in_the_middle()


@pytest.mark.django_db
def test_large_numbers_may_follow_small_ones_in_lists() -> None:
    """Ids grow: what was told of the first list must not hold for the next."""
    for numbers in ([1, 2], [40_001], [3_000_000_000], [7]):
        assert statements.run("SELECT unnest(%s::bigint[])", [numbers]) == [(number,) for number in numbers]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("text", ["a", "", None, "NULL", "null", " x ", "Zürich {1,2}", "tab\tand\nline", "𝄞 "]),
        ("text", ['say "so"', None, "back\\slash", "", "\\", '"']),
        ("varchar", ["a,b", "{}", "'"]),
        ("numeric", [Decimal("1.10"), None, Decimal("-0.000001"), Decimal("1E+3"), Decimal("123456789012345678.9")]),
        ("bigint", [1, None, -(2**40), 0]),
        ("bool", [True, False, None]),
        ("timestamptz", [datetime(2026, 4, 1, 12, 0, 0, 123000, tzinfo=UTC), None, datetime(1, 1, 1, tzinfo=UTC)]),
        ("text", []),
        ("text", [None, None]),
    ],
)
def test_a_column_arrives_as_it_was(kind: str, column: list[Any]) -> None:
    cast = "::varchar" if kind == "text" else ""  # a text arrives as bytes
    rows = statements.run(f"SELECT t.v{cast} FROM unnest(%s::{kind}[]) WITH ORDINALITY AS t(v, n) ORDER BY n", [column])
    assert [row[0] for row in rows] == column
    if kind == "numeric":
        texts = statements.run("SELECT unnest(%s::numeric[])::varchar", [column])
        assert [row[0] for row in texts] == [None if value is None else format(value, "f") for value in column]


@pytest.mark.django_db
def test_a_text_with_nul_is_refused_before_it_is_sent() -> None:
    with pytest.raises(DataError), transaction.atomic():
        statements.run("SELECT unnest(%s::text[])", [["a\x00b"]])


ADD = """INSERT INTO partners_party (country_code, party_id, name, ours, business_details, created_at)
         VALUES ('NL', %s, '', false, '{}', now())"""


def _two(first: str, second: str) -> list[int]:
    """Two statements in a transaction, which is committed with the second: how the server stood before and after it."""
    with statements.transaction():
        statements.run(ADD, [first])
        stood = [database.connection.pgconn.transaction_status]
        statements.later(ADD, [second])
        stood += [database.connection.pgconn.transaction_status]
    return [*stood, database.connection.pgconn.transaction_status]


def _there() -> set[str]:
    return set(Party.objects.values_list("party_id", flat=True))


@pytest.mark.django_db(transaction=True)
def test_what_may_wait_travels_with_the_commit() -> None:
    _two("AA1", "AA2")  # this one prepares
    for number in range(3):
        assert _two(f"B{number}1", f"B{number}2") == [
            TransactionStatus.INTRANS,
            TransactionStatus.INTRANS,
            TransactionStatus.IDLE,
        ]
    assert Party.objects.count() == 8
    assert database.connection.autocommit


@pytest.mark.django_db(transaction=True)
def test_a_whole_transaction_is_one_journey(monkeypatch: pytest.MonkeyPatch) -> None:
    _two("AA1", "AA2")
    journeys: list[int] = []
    travel = statements.travel

    def counted(connection: Any, parcels: Any, **how: Any) -> Any:
        journeys.append(len(parcels))
        return travel(connection, parcels, **how)

    monkeypatch.setattr(statements, "travel", counted)
    with statements.transaction():
        for number in range(5):
            statements.later(ADD, [f"B{number}"])
        assert not journeys
    assert journeys == [5]
    assert Party.objects.count() == 7


@pytest.mark.django_db(transaction=True)
def test_nothing_overtakes_what_waits() -> None:
    _two("AA1", "AA2")
    with statements.transaction():
        statements.later(ADD, ["AA3"])
        assert statements.run("SELECT count(*) FROM partners_party") == [(3,)]
        statements.later(ADD, ["AA4"])
        assert Party.objects.count() == 4
        statements.later(ADD, ["AA5"])
        statements.run_once("UPDATE partners_party SET name = 'all'")
    assert set(Party.objects.values_list("name", flat=True)) == {"all"}


@pytest.mark.django_db
def test_an_answer_that_is_needed_soon_comes_with_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = "SELECT %s + 1", "SELECT %s + 2"
    assert statements.soon(first, [1])() == [(2,)]  # this one prepares; nothing waits here
    statements.run(second, [1])
    journeys: list[int] = []
    travel = statements.travel

    def counted(connection: Any, parcels: Any, **how: Any) -> Any:
        journeys.append(len(parcels))
        return travel(connection, parcels, **how)

    monkeypatch.setattr(statements, "travel", counted)
    with statements.transaction():
        one, other = statements.soon(first, [1]), statements.soon(first, [5])
        assert not journeys
        assert statements.run(second, [10]) == [(12,)]
        assert (other(), one(), one()) == ([(6,)], [(2,)], [(2,)])
        assert journeys == [3]
        assert statements.soon(first, [7])() == [(8,)]
        with contextlib.suppress(LookupError), transaction.atomic():
            dropped = statements.soon(first, [8])
            raise LookupError
        assert dropped() == [(9,)]


@pytest.mark.django_db(transaction=True)
def test_outside_of_such_a_transaction_nothing_waits() -> None:
    _two("AA1", "AA2")
    statements.later(ADD, ["AA3"])
    assert Party.objects.count() == 3
    with transaction.atomic():
        statements.later(ADD, ["AA4"])
        with pytest.raises(IntegrityError):
            statements.later(ADD, ["AA4"])
        transaction.set_rollback(True)
    assert Party.objects.count() == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("pair", [("AA1", "NEW"), ("NEW", "AA1")])
def test_nothing_of_a_transaction_stays_when_its_first_or_last_statement_fails(pair: tuple[str, str]) -> None:
    _two("AA1", "AA2")
    with pytest.raises(IntegrityError):
        _two(*pair)
    assert _there() == {"AA1", "AA2"}
    _two("AA3", "AA4")
    assert Party.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_what_failed_while_it_waited_is_raised_by_what_comes_next() -> None:
    _two("AA1", "AA2")
    nexts: list[Callable[[], object]] = [
        lambda: statements.run(ADD, ["NEW"]),
        lambda: statements.run_once("SELECT 1"),
        lambda: Party.objects.exists(),
        lambda: transaction.savepoint(),
        lambda: statements.later(ADD, ["NEW"]),
    ]

    def failing(then: Callable[[], object]) -> None:
        with statements.transaction():
            statements.later(ADD, ["AA3"])
            statements.later(ADD, ["AA1"])
            then()

    for then in nexts:
        with pytest.raises(IntegrityError):
            failing(then)
        assert _there() == {"AA1", "AA2"}


@pytest.mark.django_db(transaction=True)
def test_what_waits_within_an_inner_block_is_undone_with_it() -> None:
    _two("AA1", "AA2")

    def inner(fails_with: str | None) -> None:
        with transaction.atomic():
            statements.later(ADD, ["AA4"])
            if fails_with:
                statements.later(ADD, [fails_with])
            raise LookupError

    for fails_with in (None, "AA1"):
        with statements.transaction():
            statements.later(ADD, ["AA3"])
            with contextlib.suppress(LookupError):
                inner(fails_with)
            statements.later(ADD, ["AA5"])
        assert _there() == {"AA1", "AA2", "AA3", "AA5"}
        Party.objects.filter(party_id__in=["AA3", "AA5"]).delete()


@pytest.mark.django_db(transaction=True)
def test_what_waits_is_forgotten_with_its_transaction() -> None:
    _two("AA1", "AA2")

    def broken() -> None:
        with statements.transaction():
            statements.later(ADD, ["AA3"])
            raise LookupError

    with pytest.raises(LookupError):
        broken()
    with statements.transaction():
        statements.later(ADD, ["AA4"])
        transaction.set_rollback(True)
    _two("AA5", "AA6")
    assert _there() == {"AA1", "AA2", "AA5", "AA6"}


@pytest.mark.django_db(transaction=True)
def test_what_is_checked_at_the_commit_is_refused_by_it() -> None:
    """Foreign keys are deferred: the statement passes, the commit that travels with it does not."""
    add = """INSERT INTO partners_partyrole (party_id, role, state, business_details, since)
             VALUES (%s, 'CPO', 'ACTIVE', '{}', now())"""

    def orphan() -> None:
        with statements.transaction():
            statements.run(ADD, ["AA1"])
            statements.later(add, [10**12])

    for _ in range(3):
        with pytest.raises(IntegrityError, match="foreign key"):
            orphan()
        assert not Party.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_inner_block_commits_nothing() -> None:
    _two("AA1", "AA2")
    for outer in (transaction.atomic, statements.transaction):
        with outer():
            _two("AA3", "AA4")
            transaction.set_rollback(True)
        assert Party.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_what_is_to_happen_after_the_commit_happens_after_it() -> None:
    _two("AA1", "AA2")
    done: list[int] = []
    with statements.transaction():
        transaction.on_commit(lambda: done.append(Party.objects.count()))
        statements.later(ADD, ["AA3"])
        assert not done
    assert done == [3]


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_dies_before_the_last_statement_undoes_the_rest() -> None:
    _two("AA1", "AA2")

    def die() -> None:
        with statements.transaction():
            statements.run(ADD, ["AA3"])
            _kill()
            statements.later(ADD, ["AA4"])

    with pytest.raises(OperationalError):
        die()
    database.close()
    assert Party.objects.count() == 2
    _two("AA3", "AA4")
    assert Party.objects.count() == 4
