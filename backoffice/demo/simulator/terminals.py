"""Payment terminals of the demo: our company is the provider of some at the other company's charge points, and the other's stand
at ours. We put ours up, say what theirs serve, and drivers show cards at ours.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import QuerySet

from backoffice.charge_points.gateway import Tell
from backoffice.demo.actions.loading import of_the_demo
from backoffice.demo.rules.terminals import EVERY, LANGUAGES, TERMINALS, Made, card, pause
from backoffice.fields import DocumentField
from backoffice.locations.models import Evse, Location
from backoffice.partners.models import Endpoint, Party
from backoffice.partners.rules import RoleState
from backoffice.payments import provider
from backoffice.payments.actions import presenting
from backoffice.payments.actions.terminals import assigning, providing
from backoffice.payments.actions.terminals.storing import UnableToChange
from backoffice.payments.models import Terminal
from backoffice.payments.rules.terminals import TerminalState
from backoffice.roaming_site import site
from backoffice.tariffs.models import Tariff
from ocpi.wire.locations import Capability, Status

log = logging.getLogger("roamdesk.demo")

BY = "demo"

LOOK_EVERY = timedelta(seconds=20)
"""After terminals that nobody has put up or assigned yet."""


class Terminals:
    """An Activity of the simulator."""

    def __init__(self, clock: Callable[[], datetime], *, chance: random.Random, every: float = EVERY) -> None:
        self._clock = clock
        self._chance = chance
        self._every = every
        self._next = clock() + timedelta(seconds=every)
        self._look_at = clock()

    @property
    def due(self) -> datetime | None:
        return self._next

    def act(self, tell: Tell) -> None:
        now = self._clock()
        self._next = now + timedelta(seconds=pause(self._every, self._chance))
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY
            put_up(now)
            assign(now)
        self.show(now)

    def show(self, now: datetime) -> bool:
        """A driver pays by card at one of ours, if there is a free charger that it serves."""
        terminals = list(
            Terminal.objects.filter(ours=True, state=TerminalState.ACTIVE.value)
            .exclude(location_ids=[], evse_uids=[])
            .select_related("party", "customer")
            .order_by("pk")
        )
        self._chance.shuffle(terminals)
        for terminal in terminals:
            evse = self._free(terminal)
            if evse is None:
                continue
            connectors = [each["id"] for each in DocumentField.read(evse.document)["connectors"]]
            try:
                presenting.present(
                    terminal,
                    evse,
                    self._chance.choice(connectors),
                    handle=card(self._chance),
                    language=self._chance.choice(LANGUAGES),
                    now=now,
                )
            except (presenting.UnableToTake, provider.UnableToPay) as error:
                log.info("at terminal %s: %s", terminal, error)
            else:
                return True
        return False

    def _free(self, terminal: Terminal) -> Evse | None:
        rows = Evse.objects.filter(
            location__party=terminal.customer_id,
            location__object_id__in=terminal.location_ids,
            listed=True,
            status=Status.AVAILABLE.value,
            capabilities__contains=[Capability.REMOTE_START_STOP_CAPABLE.value],
        ).select_related("location__party")
        found = list(rows.order_by("pk")[:200])
        return self._chance.choice(found) if found else None


def put_up(now: datetime) -> None:
    """Ours at each company of the demo that takes terminals."""
    party = _providers().first()
    if party is None:
        return
    able = Endpoint.objects.filter(identifier="payments", role="RECEIVER").values("connection")
    customers = Party.objects.filter(
        of_the_demo(),
        ours=False,
        roles__role="CPO",
        roles__state=RoleState.ACTIVE.value,
        roles__connection__in=able,
    )
    for customer in customers.distinct():
        known = set(Terminal.objects.filter(party=party, customer=customer).values_list("reference", flat=True))
        if not Location.objects.filter(party=customer).exists():
            continue  # their locations were not fetched yet
        for made in TERMINALS:
            if made.reference not in known:
                _put_up(party, customer, made, now)


def _put_up(party: Party, customer: Party, made: Made, now: datetime) -> None:
    fields = {
        "reference": made.reference,
        "invoice_creator": made.creator.value,
        "customer_reference": f"{customer}-{made.reference[-4:]}",
    }
    try:
        providing.create(party=party, customer=customer, fields=fields, by=BY, now=now)
    except UnableToChange as error:
        log.info("terminal %s: %s", made.reference, error)


def _providers() -> QuerySet[Party]:
    return Party.objects.filter(of_the_demo(), ours=True, roles__role="PTP", roles__connection=None)


def assign(now: datetime) -> None:
    """What a provider's terminals serve at our charge points: where a card can pay."""
    rows = Terminal.objects.filter(ours=False, customer__ours=True, location_ids=[], evse_uids=[]).order_by("pk")
    for row in rows.exclude(state=TerminalState.INACTIVE.value).select_related("party", "customer"):
        made = next((each for each in TERMINALS if each.reference == row.reference), None)
        if made is None or row.customer is None:
            continue
        places = _places(row.customer, made)
        if not places:
            continue
        base = f"{site.public_url}/invoice/"
        try:
            if row.invoice_base_url != base:
                assigning.change(row, {"invoice_base_url": base}, by=BY, now=now)
            assigning.assign(row, location_ids=places, evse_uids=[], by=BY, now=now)
        except UnableToChange as error:
            log.info("terminal %s: %s", row.reference, error)


def _places(customer: Party, made: Made) -> list[str]:
    """Locations of ours whose prices say how much to reserve: to each terminal its own."""
    paid = {
        tariff.object_id
        for tariff in Tariff.objects.filter(party=customer, withdrawn_at=None)
        if '"preauthorize_amount"' in tariff.document
    }
    rows = Location.objects.filter(
        party=customer, shared=True, evses__capabilities__contains=[Capability.REMOTE_START_STOP_CAPABLE.value]
    )
    able = []
    for location in rows.distinct().order_by("pk"):
        named = {
            name
            for evse in location.evses.all()
            for connector in DocumentField.read(evse.document)["connectors"]
            for name in connector.get("tariff_ids") or ()
        }
        if named & paid:
            able.append(location.object_id)
    before = sum(each.locations for each in TERMINALS[: TERMINALS.index(made)])
    return able[before : before + made.locations]
