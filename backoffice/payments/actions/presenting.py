"""A card is shown at a terminal of ours: what the driver was told, and what is to be reserved (mod_payments#transaction).

Nothing is reserved here: the payment is written down first, so that whatever happens afterwards has somewhere to be found.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from backoffice.commands.actions import sending
from backoffice.commands.rules.precheck import obstacle
from backoffice.fields import DocumentField
from backoffice.locations.models import Evse
from backoffice.nudging import nudge
from backoffice.payments import provider
from backoffice.payments.actions.moving import note
from backoffice.payments.actions.starting import wish_of
from backoffice.payments.models import CardPayment, Terminal
from backoffice.payments.rules.money import MOST, units
from backoffice.payments.rules.receipt import is_card_number
from backoffice.payments.rules.terminals import TerminalState
from backoffice.payments.rules.transaction import FIRST
from backoffice.sessions.actions.tariffs import chosen, offered
from backoffice.tariffs.models import TariffVersion
from ocpi.wire.tariffs import TariffType

WANTED = (TariffType.AD_HOC_PAYMENT, TariffType.REGULAR)
"""The price for who pays without a contract; where a connector has none, the one for everybody."""


class UnableToTake(Exception):
    """No card can pay there; the sentence says why. Nothing was reserved."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the terminal shows before the driver says yes. `reserve` in minor units."""

    version: TariffVersion
    currency: str
    reserve: int


def terms(terminal: Terminal, evse: Evse, connector_id: str, *, now: datetime) -> Terms:
    """The price at this connector, as its CPO last told, and what it wants reserved. Raises UnableToTake."""
    if not terminal.ours:
        raise UnableToTake(f"Terminal {terminal} is run by {terminal.party}.")
    if terminal.state != TerminalState.ACTIVE.value:
        raise UnableToTake(f"Terminal {terminal} is {terminal.state.lower()}.")
    if terminal.customer_id != evse.location.party_id or not serves(terminal, evse):
        raise UnableToTake(f"Terminal {terminal} does not serve EVSE {evse.uid}.")
    known = [each["id"] for each in DocumentField.read(evse.document)["connectors"]]
    if connector_id not in known:
        raise UnableToTake(f"EVSE {evse.uid} has no connector {connector_id!r}.")
    version = chosen(evse.location.party_id, offered(evse, connector_id), at=now, wanted=WANTED)
    if version is None:
        raise UnableToTake(f"No tariff is known for connector {connector_id} of EVSE {evse.uid}.")
    tree = version.tree()
    reserve = tree.get("preauthorize_amount")
    if not reserve or reserve <= 0:
        raise UnableToTake(f"Tariff {version.tariff.object_id} does not say how much to reserve on a card.")
    if reserve > MOST:
        raise UnableToTake(f"Tariff {version.tariff.object_id} wants more reserved than any card has.")
    return Terms(version, tree["currency"], units(reserve, tree["currency"]))


def serves(terminal: Terminal, evse: Evse) -> bool:
    """A terminal serves the EVSEs of its locations and its EVSEs together (T-477)."""
    uids = {uid.upper() for uid in terminal.evse_uids}
    return evse.uid.upper() in uids or evse.location.object_id.upper() in {
        each.upper() for each in terminal.location_ids
    }


def present(
    terminal: Terminal, evse: Evse, connector_id: str, *, handle: str, language: str = "", now: datetime
) -> CardPayment:
    """The driver took the offer and showed a card, for which the provider knows this handle. Raises UnableToTake, and UnableToPay
    where no provider is set up."""
    provider.chosen()
    if is_card_number(handle):
        raise UnableToTake(
            "That is the number of a card, which must not come in here: a handle of the provider's is needed."
        )
    found = terms(terminal, evse, connector_id, now=now)
    payment = CardPayment(
        party=terminal.party,
        customer=evse.location.party,
        terminal=terminal,
        state=FIRST.value,
        location_id=evse.location.object_id,
        evse_uid=evse.uid,
        connector_id=connector_id,
        tariff_id=found.version.tariff.object_id,
        language=language[:2].lower(),
        currency=found.currency,
        reserve=found.reserve,
        handle=handle[:200],
        due_at=now,
        created_at=now,
    )
    stop = obstacle(sending.check(wish_of(payment, evse), now=now))
    if stop is not None:
        raise UnableToTake(stop.sentence)
    with transaction.atomic():
        payment.save()
        note(payment, "PRESENT", now=now, by=f"terminal {terminal}", after=payment.state)
        transaction.on_commit(nudge)
    return payment
