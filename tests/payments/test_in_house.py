"""One house with both roles: its terminals take cards at its own charge points, and nothing of it goes over OCPI."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from backoffice.cdrs.actions import deciding
from backoffice.cdrs.models import Cdr
from backoffice.charge_points import door
from backoffice.charge_points.gateway import Metered, Started, Stop, Stopped
from backoffice.delivery.models import Errand, Message
from backoffice.locations.models import Evse
from backoffice.partners.models import Party
from backoffice.payments.actions import charging, crediting, presenting, tying, watching
from backoffice.payments.actions.terminals import assigning, providing
from backoffice.payments.actions.tying import Side
from backoffice.payments.models import CardCharge, CardPayment, DriverInvoice
from backoffice.payments.rules.tie import Finding
from backoffice.roaming_site import site
from tests import factories
from tests.commands import cast
from tests.payments.taking import money


class House:
    """`party`: CPO and PTP at once, or each a company of its own."""

    def __init__(self, *, together: bool, creator: str) -> None:
        roles = ("CPO", "PTP") if together else ("CPO",)
        self.cpo: Party = factories.seller(factories.own_party("DE-RDK", *roles))
        self.ptp = self.cpo if together else factories.seller(factories.own_party("DE-PTP", "PTP"))
        tariff = factories.small_tariff("T1", "DE-RDK", preauthorize_amount=Decimal(20))
        factories.own_tariff(tariff, now=site.now() - timedelta(days=1))
        self.evse: Evse = cast.point(tariffs=("T1",))
        now = site.now()
        fields = {"reference": "SN-1", "invoice_creator": creator, "invoice_base_url": f"{site.public_url}/invoice/"}
        self.terminal = providing.create(party=self.ptp, customer=self.cpo, fields=fields, by="finn", now=now)
        assigning.assign(self.terminal, location_ids=[], evse_uids=["E1"], by="finn", now=now)
        self.terminal.refresh_from_db()
        self.evse = Evse.objects.select_related("location__party").get(pk=self.evse.pk)
        self.began = now

    def present(self, handle: str) -> CardPayment:
        payment = presenting.present(self.terminal, self.evse, "1", handle=handle, now=site.now())
        self.go_on(payment)
        return payment

    def go_on(self, payment: CardPayment, *, later: float = 0) -> str:
        now = site.now() + timedelta(seconds=later)
        CardPayment.objects.filter(pk=payment.pk, due_at__isnull=False).update(due_at=now)
        watching.go_on(payment.pk, now=now)
        payment.refresh_from_db()
        return payment.state

    def charge(self, payment: CardPayment, kwh: str) -> Cdr:
        order = cast.obey(self.evse)
        told = Started("DE*RDK*E1", "1", "TX-1", order.authorization_id, Decimal(1000))  # type: ignore[union-attr]  # a Start
        door.report(told, now=self.began)
        assert self.go_on(payment, later=6) == "CHARGING"
        at = self.began + timedelta(minutes=20)
        door.report(Stopped("DE*RDK*E1", "TX-1", Decimal(1000) + Decimal(kwh), at=at), now=at)
        return Cdr.objects.get(credit=False)


def test_every_end_in_one_house(db: None, simulated: None) -> None:
    """Who is who, who writes the invoice, how the card behaves; what becomes of the payment, and what the tie says."""
    house = House(together=True, creator="CPO")
    assert house.terminal.state == "ACTIVE", "nobody else has to take it"
    payment = house.present("approve")
    cdr = house.charge(payment, "8")
    assert house.go_on(payment, later=60) == "CAPTURED"
    assert (payment.captured, money(payment)) == (450, {"PREAUTHORIZE": 2000, "CAPTURE": 450})
    assert (CardCharge.objects.get().provider, CardCharge.objects.get().cdr) == (house.ptp, cdr)
    invoice = DriverInvoice.objects.get()
    assert (invoice.creator, invoice.payment, invoice.captured) == ("CPO", payment, 450)
    assert invoice.ready_at is not None
    now = site.now() + timedelta(hours=1)
    line = tying.line_of(Side.PTP, payment.reference, now=now)
    assert line is not None
    assert (line.finding, line.captured, line.billed, line.invoiced) == (Finding.TIED, 450, 450, 450)
    assert tying.line_of(Side.CPO, payment.reference, now=now) is None, "it is in one list, not in two"
    # and its CDR is credited
    deciding.credit(cdr, now=now, by="finn", reason="Meter was wrong")
    assert (crediting.notice(now=now), charging.catch_up(now=now)) == (1, 1)
    assert house.go_on(payment) == "CREDITED"
    payment.events.filter(event="CREDIT").update(at=now - timedelta(hours=2))
    assert house.go_on(payment) == "REFUNDED"
    assert [each.total for each in DriverInvoice.objects.order_by("number")] == [450, -450]
    correction = DriverInvoice.objects.get(corrects=invoice)
    assert correction.tree()["returned"][0]["amount"] == Decimal("4.50")
    line = tying.line_of(Side.PTP, payment.reference, now=now)
    assert line is not None and (line.finding, line.captured, line.invoiced) == (Finding.TIED, 0, 0)
    assert not Errand.objects.exists() and not Message.objects.exists(), "nothing of it goes over OCPI"


@pytest.mark.parametrize(
    ("creator", "handle", "ends", "captured", "written_by"),
    [
        ("PTP", "approve", "CAPTURED", 450, "DE-PTP"),
        ("", "approve", "CAPTURED", 450, "DE-PTP"),
        ("CPO", "half", "PARTIAL", 225, "DE-RDK"),
        ("CPO", "fails", "FAILED", 0, "DE-RDK"),
    ],
)
def test_two_companies_of_one_house(
    db: None, simulated: None, creator: str, handle: str, ends: str, captured: int, written_by: str
) -> None:
    house = House(together=False, creator=creator)
    payment = house.present(handle)
    house.charge(payment, "8")
    assert house.go_on(payment, later=60) == ends
    invoice = DriverInvoice.objects.get()
    assert (payment.captured, str(invoice.party), invoice.captured) == (captured, written_by, captured)
    assert charging.catch_up(now=site.now()) == 0
    line = tying.line_of(Side.PTP, payment.reference, now=site.now())
    assert line is not None and line.at_risk == 450 - captured


def test_the_limit_holds_in_one_house(db: None, simulated: None) -> None:
    """The station is asked once, whichever of the two roles sees it first."""
    house = House(together=True, creator="CPO")
    payment = house.present("approve")
    order = cast.obey(house.evse)
    told = Started("DE*RDK*E1", "1", "TX-1", order.authorization_id, Decimal(1000))  # type: ignore[union-attr]  # a Start
    door.report(told, now=house.began)
    house.go_on(payment, later=6)
    for minutes, kwh in ((10, "20"), (20, "33")):
        at = house.began + timedelta(minutes=minutes)
        door.report(Metered("DE*RDK*E1", "TX-1", Decimal(1000) + Decimal(kwh), at=at), now=at)
    orders = cast.orders(house.evse, now=house.began + timedelta(minutes=20))
    assert [type(each) for each in orders] == [Stop]
