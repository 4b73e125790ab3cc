"""Ours as a CPO: charges at our charge points that a card pays for, from the provider's START_SESSION to the driver's invoice."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from backoffice.cdrs.models import Cdr
from backoffice.charge_points import door
from backoffice.charge_points.gateway import Metered, Started, Stop, Stopped
from backoffice.fields import DocumentField
from backoffice.locations.models import Evse
from backoffice.payments.actions import charging
from backoffice.payments.models import Advice, CardCharge, DriverInvoice
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from ocpi.wire.base import date_time_text
from tests import factories
from tests.commands import cast
from tests.doors.asking import Asking
from tests.payments.taking import terminal

REFERENCE = "9b1d7c52f0a84e61b3c5d7e9f1a2b3c4"


class Harbour:
    """DE-RDK has EVSE E1 at LOC1, and the provider SE-ELV, which registered as OTHER, a terminal there."""

    def __init__(self, creator: str = "CPO") -> None:
        self.us = factories.seller(factories.own_party("DE-RDK", "CPO"))
        self.provider = factories.partner("SE-ELV:OTHER", ours=[self.us], receives=["sessions", "cdrs"])
        self.asking = Asking(self.provider.token)
        tariff = factories.small_tariff("T1", "DE-RDK", preauthorize_amount=Decimal(20))
        factories.own_tariff(tariff, now=site.now() - timedelta(days=1))
        self.evse: Evse = cast.point(tariffs=("T1",))
        self.terminal = terminal(
            self.provider.party,
            self.us,
            ours=False,
            location_ids=[],
            evse_uids=["e1"],
            invoice_creator=creator,
            invoice_base_url=f"{site.public_url}/invoice/",
        )
        self.began = site.now()

    def start(self, **given: str) -> Session:
        body = cast.start(
            self.provider, card=cast.token("SE-ELV", "AD-HOC-1", "AD_HOC_USER"), reference=REFERENCE, **given
        )
        assert cast.said(cast.post(self.asking, "START_SESSION", body))[2] == "ACCEPTED"
        order = cast.obey(self.evse)
        told = Started("DE*RDK*E1", "1", "TX-1", order.authorization_id, Decimal(1000))  # type: ignore[union-attr]  # a Start
        door.report(told, now=self.began)
        return Session.objects.get()

    def meter(self, minutes: float, kwh: str) -> None:
        at = self.began + timedelta(minutes=minutes)
        door.report(Metered("DE*RDK*E1", "TX-1", Decimal(1000) + Decimal(kwh), at=at), now=at)

    def stop(self, minutes: float, kwh: str) -> Cdr:
        at = self.began + timedelta(minutes=minutes)
        door.report(Stopped("DE*RDK*E1", "TX-1", Decimal(1000) + Decimal(kwh), at=at), now=at)
        return Cdr.objects.get()

    def advice(self, captured: str, reference: str = REFERENCE) -> Advice:
        tree = {"total_costs": {"before_taxes": Decimal(captured)}, "eft_data": ["VISA **** 4242"]}
        advice = Advice.objects.create(
            party=self.provider.party,
            customer=self.us,
            ours=False,
            object_id=f"A-{reference[:8]}",
            document=DocumentField.write(tree | {"last_updated": date_time_text(site.now())}),
            last_updated=site.now(),
            created_at=site.now(),
            authorization_reference=reference,
            captured_excl=Decimal(captured),
            captured=Decimal(captured),
            currency="EUR",
            capture_status="SUCCESS",
            content_hash=reference,
        )
        charging.advised(advice, now=site.now())
        advice.refresh_from_db()
        return advice


@pytest.mark.rule("T-488", "T-492")
def test_from_the_start_to_the_invoice(db: None) -> None:
    harbour = Harbour()
    session = harbour.start()
    charge = CardCharge.objects.get()
    assert (charge.session, charge.terminal, charge.reference) == (session, harbour.terminal, REFERENCE)
    assert (charge.limit, charge.creator) == (2000, "CPO")
    harbour.meter(10, "4")
    cdr = harbour.stop(20, "8")
    tree = cdr.tree()
    assert (tree["invoice_reference_id"], tree["authorization_reference"]) == (REFERENCE, REFERENCE)
    assert cdr.total_incl == Decimal("4.5")  # 8 kWh at 0.45, and 25 % VAT
    invoice = DriverInvoice.objects.get()
    assert (invoice.party, invoice.reference, invoice.cdr, invoice.total) == (harbour.us, REFERENCE, cdr, 450)
    assert invoice.ready_at is None, "nobody can fetch it before it is known what was captured"
    advice = harbour.advice("4.50")
    assert (advice.session, advice.cdr, advice.terminal) == (session, cdr, harbour.terminal)
    invoice.refresh_from_db()
    assert (invoice.advice, invoice.captured) == (advice, 450)
    assert invoice.tree()["paid"]["eft"] == ["VISA **** 4242"]
    assert invoice.tree()["zone"] == "Europe/Berlin"
    assert charging.catch_up(now=site.now()) == 0, "nothing was left to do"


@pytest.mark.rule("T-487")
def test_we_end_a_charge_at_the_limit(db: None) -> None:
    harbour = Harbour()
    harbour.start()
    for minutes, kwh in ((10, "10"), (20, "20"), (25, "27")):
        harbour.meter(minutes, kwh)
        assert cast.orders(harbour.evse) == [], (minutes, kwh)
    harbour.meter(32, "32")  # 18.00 of 20.00, and the last step was 2.81
    (order,) = cast.orders(harbour.evse, now=harbour.began + timedelta(minutes=32))
    assert isinstance(order, Stop) and order.transaction == "TX-1"
    harbour.meter(32.5, "32.1")
    assert cast.orders(harbour.evse, now=harbour.began + timedelta(minutes=32.5)) == [], "asked once"
    harbour.meter(34, "32.2")
    assert len(cast.orders(harbour.evse, now=harbour.began + timedelta(minutes=34))) == 1, "and again after a minute"
    cdr = harbour.stop(35, "32.5")
    assert cdr.total_incl is not None and cdr.total_incl <= 20


@pytest.mark.rule("T-488")
def test_where_the_provider_writes_the_invoice_we_write_none(db: None) -> None:
    harbour = Harbour("PTP")
    harbour.start()
    cdr = harbour.stop(20, "8")
    assert "invoice_reference_id" not in cdr.tree()
    assert CardCharge.objects.get().cdr == cdr
    assert not DriverInvoice.objects.exists()
    assert harbour.advice("4.50").cdr == cdr


def test_what_came_in_another_order_is_caught_up_with(db: None) -> None:
    harbour = Harbour()
    harbour.start()
    advice = harbour.advice("4.50")
    assert (advice.session, advice.cdr) == (Session.objects.get(), None)
    cdr = harbour.stop(20, "8")
    advice.refresh_from_db()
    assert advice.cdr == cdr
    DriverInvoice.objects.all().delete()
    CardCharge.objects.update(cdr=None)
    assert charging.catch_up(now=site.now()) >= 2, "as after a kill between the CDR and its invoice"
    invoice = DriverInvoice.objects.get()
    assert (invoice.advice, invoice.captured, CardCharge.objects.get().cdr) == (advice, 450, cdr)


def test_charges_that_no_card_pays_for_are_none(db: None) -> None:
    harbour = Harbour()
    harbour.terminal.state = "INACTIVE"
    harbour.terminal.save()
    harbour.start()
    assert not CardCharge.objects.exists()
    assert "invoice_reference_id" not in harbour.stop(20, "8").tree()
    orphan = harbour.advice("4.50", "no-such-reference-was-ever-given")
    assert (orphan.session, orphan.cdr) == (None, None)
