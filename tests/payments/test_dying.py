"""kill -9 between every two steps of a card payment: money moves once, a charge is started once, the CPO is told once.

Who dies is a process of its own on the tests' database. Afterwards others do what they always do: the sweep looks again.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from backoffice.commands.models import Command
from backoffice.crash_points import POINTS
from backoffice.payments.actions import watching
from backoffice.payments.models import Advice, CardPayment, MoneyMove, SimulatedMove
from backoffice.roaming_site import site
from tests.cdrs.test_dying import KILLED, run
from tests.payments.taking import SIMULATED, Abroad
from tests.payments.test_giving_back import credit
from tests.peer import ScriptedPeer

ASKING = ("card-claimed-before-ask", "card-asked-before-settled", "card-settled-before-commit")
GO_ON = f"""
from django.conf import settings
settings.PAYMENT_PROVIDER = "{SIMULATED}"
from backoffice.payments.actions import watching
from backoffice.roaming_site import site
watching.go_on({{pk}}, now=site.now())
"""


@pytest.fixture
def served(platform: object, simulated: None, peer: ScriptedPeer) -> Abroad:
    """As `abroad`, on a database that other processes see."""
    return Abroad(peer)


def test_every_point_is_visited_here() -> None:
    assert {name for name in POINTS if name.startswith("card-")} == {*ASKING, "card-start-before-commit"}


def dies(payment: CardPayment, point: str) -> None:
    CardPayment.objects.filter(pk=payment.pk).update(due_at=site.now())
    assert run(GO_ON.format(pk=payment.pk), point) == KILLED


def later(payment: CardPayment, minutes: float = 1.1) -> str:
    """The lease of the dead one is over, and the sweep looks again; the driver still waits."""
    now = site.now() + timedelta(minutes=minutes)
    CardPayment.objects.filter(pk=payment.pk).update(due_at=now, created_at=now)
    watching.go_on(payment.pk, now=now)
    payment.refresh_from_db()
    return payment.state


def test_dying_at_every_step(served: Abroad) -> None:
    """One payment, killed at every point of a question, and at the start of the charge."""
    payment = served.present()
    for point in ASKING:
        dies(payment, point)
        payment.refresh_from_db()
        assert (payment.state, payment.reserved) == ("PRESENTED", None), point
        CardPayment.objects.filter(pk=payment.pk).update(lease_until=None)
    dies(payment, "card-start-before-commit")
    payment.refresh_from_db()
    assert (payment.state, payment.reserved) == ("AUTHORIZED", 2000)
    assert not Command.objects.exists(), "it was not asked for, so it is asked for once"
    assert later(payment) == "STARTING"
    assert Command.objects.count() == 1
    served.cdr(payment)
    for point in ASKING[1:]:
        dies(payment, point)
        payment.refresh_from_db()
        assert (payment.state, payment.captured) == ("BILLED", None), point
        assert not Advice.objects.exists()
        CardPayment.objects.filter(pk=payment.pk).update(lease_until=None)
    assert later(payment) == "CAPTURED"
    assert (payment.owed, payment.captured) == (1210, 1210)
    assert dict(SimulatedMove.objects.values_list("kind", "done")) == {"PREAUTHORIZE": 2000, "CAPTURE": 1210}
    assert SimulatedMove.objects.count() == MoneyMove.objects.count() == 2, "the provider did each once"
    assert (Advice.objects.count(), Command.objects.count()) == (1, 1)
    assert len(served.drain()) == 1
    credit(served, payment)
    assert later(payment) == "CREDITED"
    CardPayment.objects.filter(pk=payment.pk).update(due_at=site.now())
    payment.events.filter(event="CREDIT").update(at=site.now() - timedelta(hours=1))  # no corrected CDR came
    assert run(GO_ON.format(pk=payment.pk), ASKING[1]) == KILLED
    payment.refresh_from_db()
    assert (payment.state, payment.refunded) == ("REFUNDING", 0)
    assert later(payment) == "REFUNDED"
    assert list(SimulatedMove.objects.filter(kind="REFUND").values_list("done", "asked")) == [(1210, 1)]


def test_dying_while_the_money_is_let_go_of(served: Abroad) -> None:
    payment = served.started()
    served.cdr(payment, "0", "0")
    dies(payment, ASKING[1])
    watching.go_on(payment.pk, now=site.now())
    payment.refresh_from_db()
    assert payment.state == "RELEASING", "nobody else asks while somebody may"
    assert later(payment) == "RELEASED"
    assert dict(SimulatedMove.objects.values_list("kind", "done")) == {"PREAUTHORIZE": 2000, "RELEASE": 2000}
