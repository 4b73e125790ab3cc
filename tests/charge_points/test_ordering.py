"""Orders to stations: asked once, taken by one driver, answered once, ended once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction

from backoffice.charge_points import door
from backoffice.charge_points.actions import ordering
from backoffice.charge_points.gateway import INSTRUCTIONS, Done, Instruction, Reserve, SetProfile, Start
from backoffice.charge_points.models import Driver, Order
from backoffice.charge_points.rules.orders import LATE_KEPT, Kind, Move, State, moved
from backoffice.locations.models import Evse
from ocpi.wire.commands import CommandResultType as Outcome
from tests import factories
from tests.doors.queries import Counted, check
from tests.sessions import cast

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
PROFILE = {
    "charging_rate_unit": "W",
    "charging_profile_period": [{"start_period": 0, "limit": Decimal("7400.5")}, {"start_period": 600, "limit": 0}],
}
ARGUMENTS: dict[Kind, dict[str, Any]] = {
    Kind.START: {"authorization_id": 7, "uid": "APP-1", "token_type": "APP_USER", "connector_id": "1"},
    Kind.STOP: {"transaction": "TX-1"},
    Kind.UNLOCK: {"connector_id": "2"},
    Kind.RESERVE: {"reservation": 4, "uid": "CARD-1", "token_type": "RFID", "expires": NOW + timedelta(minutes=15)},
    Kind.CANCEL_RESERVATION: {"reservation": 4},
    Kind.SET_PROFILE: {"transaction": "TX-1", "profile": PROFILE},
    Kind.ACTIVE_PROFILE: {"transaction": "TX-1", "seconds": 900},
    Kind.CLEAR_PROFILE: {"transaction": "TX-1"},
}
START = ARGUMENTS[Kind.START]


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def evse() -> Evse:
    """At DE*RDK*E1, which a driver called "simulator" drives."""
    factories.own_party()
    found = cast.point(tariffs=())
    ordering.alive(driver="simulator", points=[found.pk], now=NOW)
    return found


def ask(evse: Evse, *, key: str = "K1", kind: Kind = Kind.START, **changes: Any) -> Order:
    given: dict[str, Any] = {"arguments": ARGUMENTS[kind]} | changes
    return ordering.order(
        **{"evse": evse.pk, "kind": kind, "purpose": "commands", "key": key, "deadline": after(30), "now": NOW} | given
    )


def take(evse: Evse, *, at: float = 1, driver: str = "simulator", limit: int = 50) -> list[Any]:
    return ordering.take(driver=driver, evses=[evse.pk], now=after(at), limit=limit)


def told(order: Order) -> list[tuple[str, str, str, str]]:
    return list(order.events.values_list("what", "by", "outcome", "reason"))


def test_an_order_is_taken_as_a_value_and_answered_once(evse: Evse) -> None:
    order = ask(evse)
    assert (order.state, order.kind, len(order.uid)) == ("WAITING", "START", 32)
    (value,) = take(evse)
    assert value == Start(order=order.uid, evse_id="DE*RDK*E1", deadline=after(30), **START)
    assert take(evse) == []
    assert ordering.answered(uid=order.uid, outcome=Outcome.ACCEPTED, reason="Plug in.", now=after(2)) == order
    order.refresh_from_db()
    assert (order.state, order.outcome, order.reason, order.taken_by) == (
        "ANSWERED",
        "ACCEPTED",
        "Plug in.",
        "simulator",
    )
    assert (order.taken_at, order.answered_at) == (after(1), after(2))
    assert told(order) == [("TAKE", "simulator", "", ""), ("ANSWER", "simulator", "ACCEPTED", "Plug in.")]


@pytest.mark.parametrize("kind", [*Kind])
def test_each_kind_reaches_the_driver_as_it_was_asked(evse: Evse, kind: Kind) -> None:
    order = ask(evse, kind=kind)
    (value,) = take(evse)
    assert value == INSTRUCTIONS[kind](order=order.uid, evse_id="DE*RDK*E1", deadline=after(30), **ARGUMENTS[kind])
    if isinstance(value, SetProfile):
        assert str(value.profile["charging_profile_period"][0]["limit"]) == "7400.5"
    if isinstance(value, Reserve):
        assert value.expires == after(15 * 60)


@pytest.mark.parametrize("arguments", [{}, {"transaction": "T", "connector": "1"}, {"session": "T"}])
def test_arguments_of_another_kind_are_found_when_asked(evse: Evse, arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        ask(evse, kind=Kind.STOP, arguments=arguments)
    assert not Order.objects.exists()


def test_the_same_wish_again_is_the_same_order(evse: Evse) -> None:
    assert ask(evse) == ask(evse)
    assert ask(evse, purpose="charging_profiles") != ask(evse)
    assert Order.objects.count() == 2


@pytest.mark.parametrize(
    ("seconds", "sentence"), [(9, ""), (11, "does not run at the moment"), (None, "No station system drives")]
)
def test_only_what_is_driven_can_be_reached(evse: Evse, seconds: float | None, sentence: str) -> None:
    if seconds is None:
        ordering.gone(driver="simulator")
    at = after(seconds or 0)
    assert sentence in ordering.reachable(evse.pk, now=at)
    if sentence:
        with pytest.raises(ordering.UnableToOrder, match=sentence):
            ask(evse, now=at)
        assert not Order.objects.exists()
    else:
        assert ordering.reachable(evse.pk, now=at) == ""
        assert ask(evse, now=at).state == "WAITING"


def test_a_driver_that_comes_back_is_the_same_one_and_may_drive_others(evse: Evse) -> None:
    ordering.alive(driver="simulator", points=[5, 4], now=after(60))
    row = Driver.objects.get()
    assert (row.name, row.seen_at, row.points) == ("simulator", after(60), [4, 5])
    assert ordering.reachable(evse.pk, now=after(60)) != ""


MOVES: dict[Move, Callable[[Order, list[str]], object]] = {
    Move.TAKE: lambda order, heard: ordering.take(driver="other", evses=[order.evse_id], now=after(2)),
    Move.ANSWER: lambda order, heard: ordering.answered(uid=order.uid, outcome=Outcome.REJECTED, now=after(3)),
    Move.EXPIRE: lambda order, heard: ordering.expire(tell=lambda row: heard.append(row.key), now=after(31)),
}


@pytest.mark.parametrize("move", [*Move])
@pytest.mark.parametrize("state", [*State])
def test_an_order_moves_as_the_table_says_and_no_other_way(evse: Evse, state: State, move: Move) -> None:
    order, heard = ask(evse), list[str]()
    if state is not State.WAITING:
        take(evse)
    if state is State.ANSWERED:
        ordering.answered(uid=order.uid, outcome=Outcome.ACCEPTED, now=after(2))
    if state is State.EXPIRED:
        ordering.expire(tell=lambda row: None, now=after(30))
    before = Order.objects.get(pk=order.pk)
    assert before.state == state
    if (state, move) == (State.WAITING, Move.ANSWER):
        with pytest.raises(ordering.UnableToAnswer):
            MOVES[move](order, heard)
    else:
        MOVES[move](order, heard)
    after_it = Order.objects.get(pk=order.pk)
    allowed = moved(state, move)
    assert after_it.state == (allowed or state)
    if not allowed:
        assert (after_it.outcome, after_it.reason, after_it.answered_at) == (
            before.outcome,
            before.reason,
            before.answered_at,
        )
    assert heard == (["K1"] if allowed is State.EXPIRED else [])


def test_of_an_order_past_its_deadline_no_driver_hears(evse: Evse) -> None:
    ask(evse)
    assert take(evse, at=30) == []
    assert len(take(evse, at=29.9)) == 1


def test_the_oldest_first_and_only_of_the_evses_asked_for(evse: Evse) -> None:
    other = cast.point(evse_id="DE*RDK*E2", location="LOC2", tariffs=())
    ordering.alive(driver="another", points=[other.pk], now=NOW)
    asked = [ask(evse, key=f"K{number}").uid for number in range(3)]
    elsewhere = ask(other, key="OTHER").uid
    assert [value.order for value in take(evse, limit=2)] == asked[:2]
    assert [value.order for value in take(evse)] == asked[2:]
    among = Evse.objects.filter(location=other.location).values("pk")
    assert [value.order for value in ordering.take(driver="another", evses=among, now=after(1))] == [elsewhere]


# --- who asked is told, once ---------------------------------------------------------------------------------------


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """What the app "tested", which asks here, is told by the door."""
    said: list[tuple[str, str, str]] = []
    monkeypatch.setitem(
        door.PURPOSES,  # type: ignore[arg-type]  # a dict, whose rows nobody else changes
        "tested",
        lambda order, now: said.append((order.key, order.outcome, order.reason)),
    )
    return said


Heard = list[tuple[str, str, str]]


def done(order: Order, outcome: Outcome = Outcome.ACCEPTED, reason: str = "", *, at: float = 2, **given: Any) -> object:
    return door.report(Done(order.uid, outcome, reason, **given), now=after(at))


def expire(at: float) -> int:
    return ordering.expire(tell=lambda order: door.PURPOSES[order.purpose](order, after(at)), now=after(at))


def test_an_answer_is_told_once_and_what_is_said_again_is_written_down(evse: Evse, heard: Heard) -> None:
    order = ask(evse, purpose="tested")
    take(evse)
    assert done(order, Outcome.EVSE_OCCUPIED, "A car is in the way.") is True
    assert done(order, Outcome.ACCEPTED, "Yes, after all.", at=3) is False
    assert heard == [("K1", "EVSE_OCCUPIED", "A car is in the way.")]
    order.refresh_from_db()
    assert (order.outcome, order.late) == ("EVSE_OCCUPIED", 1)
    assert told(order)[-1] == ("LATE", "simulator", "ACCEPTED", "Yes, after all.")
    assert expire(60) == 0


def test_what_expired_is_told_as_a_time_out_exactly_once_and_a_late_answer_has_no_effect(
    evse: Evse, heard: Heard
) -> None:
    order = ask(evse, purpose="tested")
    waiting = ask(evse, purpose="tested", key="K2", deadline=after(40))
    take(evse, limit=1)
    assert [expire(at) for at in (29, 30, 31, 50, 60)] == [0, 1, 0, 1, 0]
    assert heard == [
        ("K1", "TIMEOUT", "The station did not answer in time."),
        ("K2", "TIMEOUT", "No driver took the order to the station in time."),
    ]
    assert done(order, at=61) is False
    assert len(heard) == 2
    order.refresh_from_db()
    assert (order.state, order.outcome, order.late) == ("EXPIRED", "TIMEOUT", 1)
    with pytest.raises(door.UnableToReport):
        done(Order(uid="0" * 32))
    with pytest.raises(door.UnableToReport):
        done(ask(evse, purpose="tested", key="K3", now=after(1)))
    assert told(waiting) == [("EXPIRE", "", "TIMEOUT", "No driver took the order to the station in time.")]


def test_a_station_that_says_the_same_for_ever_fills_no_table(evse: Evse, heard: Heard) -> None:
    order = ask(evse, purpose="tested")
    take(evse)
    for at in range(LATE_KEPT + 5):
        done(order, at=at)
    order.refresh_from_db()
    assert (order.late, order.events.filter(what="LATE").count()) == (LATE_KEPT + 4, LATE_KEPT)
    assert len(heard) == 1


def test_whoever_cannot_be_told_is_told_later_and_keeps_nobody_waiting(
    evse: Evse, heard: Heard, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(order: Order, now: datetime) -> None:
        raise RuntimeError("no")

    broken, fine = ask(evse, purpose="broken"), ask(evse, purpose="tested")
    monkeypatch.setitem(door.PURPOSES, "broken", fail)  # type: ignore[arg-type]
    assert expire(30) == 1
    assert [Order.objects.get(pk=order.pk).state for order in (broken, fine)] == ["WAITING", "EXPIRED"]
    assert "could not be ended" in caplog.text
    take(evse)
    with pytest.raises(RuntimeError):
        done(broken)
    assert Order.objects.get(pk=broken.pk).state == "TAKEN"
    monkeypatch.setitem(door.PURPOSES, "broken", lambda order, now: heard.append((order.key, order.outcome, "")))  # type: ignore[arg-type]
    assert expire(31) == 1
    assert heard[-1] == ("K1", "TIMEOUT", "")


def test_an_active_profile_goes_with_the_answer(evse: Evse, heard: Heard) -> None:
    order = ask(evse, purpose="tested", kind=Kind.ACTIVE_PROFILE)
    take(evse)
    active = {"start_date_time": "2026-11-22T10:00:00Z", "charging_profile": PROFILE}
    assert done(order, profile=active) is True
    order.refresh_from_db()
    assert "7400.5" in order.answer


def test_another_driver_cannot_answer_what_it_did_not_take(evse: Evse) -> None:
    order = ask(evse)
    take(evse)
    with pytest.raises(ordering.UnableToAnswer):
        ordering.answered(uid=order.uid, outcome=Outcome.ACCEPTED, by="another", now=after(2))
    assert ordering.answered(uid=order.uid, outcome=Outcome.ACCEPTED, by="simulator", now=after(2)) == order


# --- several at once -------------------------------------------------------------------------------------------------


def together(work: Callable[[int], Any], times: int, threads: int = 8) -> list[Any]:
    barrier = threading.Barrier(threads)
    waiting = threading.local()

    def run(number: int) -> Any:
        try:
            if not getattr(waiting, "passed", False):
                waiting.passed = True
                barrier.wait(10)
            return work(number)
        finally:
            database.close()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(times)))


@pytest.mark.django_db(transaction=True)
def test_of_64_takes_at_once_each_order_goes_to_one(evse: Evse) -> None:
    asked = [ask(evse, key=f"K{number}").uid for number in range(10)]
    got: list[list[Instruction]] = together(
        lambda number: ordering.take(driver=f"driver {number}", evses=[evse.pk], now=after(1), limit=1), 64
    )
    found = [value.order for values in got for value in values]
    assert sorted(found) == sorted(asked)
    takers = Order.objects.values_list("taken_by", flat=True)
    assert len(set(takers)) == 10


@pytest.mark.django_db(transaction=True)
def test_one_order_asked_for_by_many_is_one_and_answered_by_many_once(evse: Evse, heard: Heard) -> None:
    orders = together(lambda number: ask(evse, purpose="tested"), 16)
    assert len({order.pk for order in orders}) == 1
    take(evse)
    answers = together(lambda number: done(orders[0], at=number), 16)
    assert answers.count(True) == 1
    assert len(heard) == 1
    assert Order.objects.get().late == 15


@pytest.mark.django_db(transaction=True)
def test_the_answer_or_the_end_of_the_wait_whichever_is_first(evse: Evse, heard: Heard) -> None:
    orders = [ask(evse, purpose="tested", key=f"K{number}") for number in range(8)]
    take(evse)
    together(lambda number: done(orders[number // 2]) if number % 2 else expire(31), 16)
    expire(31)
    assert sorted(key for key, _, _ in heard) == sorted(order.key for order in orders)
    for order in Order.objects.all():
        assert (order.key, order.outcome, order.reason) in heard


@pytest.mark.django_db(transaction=True)
def test_an_order_that_is_being_taken_is_waited_for_by_nobody(evse: Evse) -> None:
    ask(evse)
    with transaction.atomic():
        assert len(take(evse)) == 1
        assert together(lambda number: ordering.take(driver="b", evses=[evse.pk], now=after(1)), 1, threads=1) == [[]]


def test_what_a_driver_took_before_it_died_is_nobody_elses(evse: Evse, heard: Heard) -> None:
    ask(evse, purpose="tested")
    take(evse)
    ordering.gone(driver="simulator")
    ordering.alive(driver="simulator", points=[evse.pk], now=after(3))
    assert take(evse, at=4) == []
    assert take(evse, at=4, driver="another") == []
    assert expire(30) == 1
    assert heard == [("K1", "TIMEOUT", "The station did not answer in time.")]


# --- what it costs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 20])
def test_an_order_costs_the_same_among_few_and_many(evse: Evse, heard: Heard, count: int) -> None:
    orders = [ask(evse, purpose="tested", key=f"K{number}") for number in range(count)]
    with Counted() as counted:
        ask(evse, purpose="tested", key="ANOTHER")
    check("an order to a charge point", counted)
    with Counted() as counted:
        assert len(take(evse)) == count + 1
    check("a driver takes orders", counted)
    with Counted() as counted:
        assert take(evse) == []
    check("a driver finds no orders", counted)
    with Counted() as counted:
        done(orders[0])
    check("a charge point answers an order", counted)
    with Counted() as counted:
        ordering.alive(driver="simulator", points=[evse.pk], now=after(1))
    check("a driver's sign of life", counted)
