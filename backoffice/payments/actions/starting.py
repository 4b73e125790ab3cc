"""Start and stop the charge that a card pays for: by the commands that everybody uses, with a token that lives as long as the
payment and is stored nowhere.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from backoffice.commands.actions import sending
from backoffice.commands.rules.states import OPEN
from backoffice.commands.rules.states import State as CommandState
from backoffice.crash_points import crash_point
from backoffice.fields import DocumentField
from backoffice.locations.models import Evse
from backoffice.payments.actions.moving import locked, note, shift
from backoffice.payments.models import CardPayment
from backoffice.payments.rules.transaction import DRIVER_WAITS, Event, State
from backoffice.tokens.models import Token
from ocpi.wire.base import date_time_text
from ocpi.wire.commands import CommandType

ASKED_BY = "payment terminal"

STOP_AGAIN = timedelta(seconds=60)
"""After a stop that came to nothing."""


def token_of(payment: CardPayment) -> Token:
    """Who charges, as the CPO hears it: an ad hoc user of this one payment. Not stored, and in no list of tokens."""
    party = payment.party
    contract = f"{party.country_code}-{party.party_id}-{payment.reference[:20].upper()}"
    issuer = (party.name or str(party))[:64]
    tree = {
        "country_code": party.country_code,
        "party_id": party.party_id,
        "uid": payment.reference,
        "type": "AD_HOC_USER",
        "contract_id": contract,
        "issuer": issuer,
        "valid": True,
        "whitelist": "NEVER",
        **({"language": payment.language} if payment.language else {}),
        "last_updated": date_time_text(payment.created_at),
    }
    return Token(
        party=party,
        object_id=payment.reference,
        document=DocumentField.write(tree),
        last_updated=payment.created_at,
        created_at=payment.created_at,
        type="AD_HOC_USER",
        contract_id=contract,
        issuer=issuer,
        valid=True,
        whitelist="NEVER",
    )


def wish_of(payment: CardPayment, evse: Evse) -> sending.Wish:
    """The START_SESSION of a payment."""
    return sending.Wish(
        kind=CommandType.START_SESSION.value,
        token=token_of(payment),
        location=evse.location,
        evse_uid=payment.evse_uid,
        connector_id=payment.connector_id,
        authorization_reference=payment.reference,
        asked_by=ASKED_BY,
        by_driver=True,
    )


def start(pk: int, *, now: datetime) -> None:
    """Ask the CPO to start, in the transaction that says that it was asked: it is asked once. The driver may be gone meanwhile,
    or somebody else may charge there: then the money is let go of."""
    with transaction.atomic():
        row = locked(pk)
        if row.state != State.AUTHORIZED.value:
            return
        if now - row.created_at > DRIVER_WAITS:
            shift(row, Event.GIVE_UP, now=now, reason="Nobody waits at the terminal any more.")
            row.save()
            return
        evse = (
            Evse.objects.select_related("location__party")
            .filter(
                location__party=row.customer_id,
                location__object_id__iexact=row.location_id,
                uid__iexact=row.evse_uid,
                listed=True,
            )
            .first()
        )
        try:
            if evse is None:
                raise sending.UnableToCommand("The EVSE is not there any more.")
            row.start = sending.send(wish_of(row, evse), now=now)
        except sending.UnableToCommand as error:
            shift(row, Event.REFUSE_START, now=now, reason=str(error))
        else:
            shift(row, Event.ASK_START, now=now)
        row.save()
        crash_point("card-start-before-commit")


def stop(row: CardPayment, *, reason: str, by: str = "", now: datetime) -> bool:
    """Ask the CPO to end the charge, once; again after a minute if that came to nothing. In the caller's transaction, with the
    row locked, which the caller saves. False: it is asked already."""
    assert row.session is not None
    before = row.stop
    if before is not None:
        tried = CommandState(before.state)
        if tried in OPEN or now - before.created_at < STOP_AGAIN:
            return False
    wish = sending.Wish(kind=CommandType.STOP_SESSION.value, session=row.session, asked_by=by or ASKED_BY)
    try:
        with transaction.atomic():
            row.stop = sending.send(wish, now=now)
    except sending.UnableToCommand as error:
        if row.problem != str(error)[:300]:
            row.problem = str(error)[:300]
            note(row, "STOP_IMPOSSIBLE", now=now, by=by, reason=str(error))
        return False
    note(row, "STOP", now=now, by=by, reason=reason)
    return True
