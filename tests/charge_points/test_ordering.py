"""Orders to stations: asked once, taken by one driver, answered once, ended once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backoffice.charge_points.actions import ordering
from backoffice.charge_points.gateway import Start
from backoffice.charge_points.models import Order
from backoffice.charge_points.rules.orders import Kind
from backoffice.locations.models import Evse
from ocpi.wire.commands import CommandResultType as Outcome
from tests import factories
from tests.sessions import cast

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
START = {"authorization_id": 7, "uid": "APP-1", "token_type": "APP_USER", "connector_id": "1"}


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
    given: dict[str, Any] = {"arguments": START if kind is Kind.START else {"transaction": "TX-1"}} | changes
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
