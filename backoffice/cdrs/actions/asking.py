"""Ask again: are the CDRs that a partner acknowledged yesterday really there, at the URLs that it gave us?

Only GETs. One that is gone is owed once more, for a bill must not be lost between two platforms; gone again, it is for people.
No transaction is open during a request.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from backoffice.cdrs.actions.moving import note
from backoffice.cdrs.models import Cdr
from backoffice.cdrs.rules.asking import Finding, Found, read
from backoffice.cdrs.rules.content import same
from backoffice.cdrs.rules.states import CdrState
from backoffice.delivery.actions.staging import stage
from backoffice.delivery.models import Message
from backoffice.partners import peers
from backoffice.partners.models import Connection
from backoffice.partners.rules import ConnectionState, origin
from backoffice.partners.secrets import UnableToDecrypt, decrypt
from backoffice.roaming_site import site
from ocpi import versions
from ocpi.client import Delivered
from ocpi.site import Outgoing
from ocpi.versions import NEWEST, Context
from ocpi.wire import json as wire_json
from ocpi.wire.cdrs import CDR
from ocpi.wire.headers import Routing

RESTED, WINDOW = timedelta(hours=12), timedelta(days=4)
"""Asked are those that were acknowledged between these ages: yesterday's, and earlier ones that could not be asked for then."""

AGAIN = timedelta(hours=20)


def ask_again(*, now: datetime, limit: int = 5000) -> dict[str, int]:
    """Ask for yesterday's CDRs. Returns how many of each finding."""
    due = (
        Cdr.objects.filter(
            ours=True,
            state=CdrState.ACKNOWLEDGED,
            acknowledged_at__range=(now - WINDOW, now - RESTED),
            confirmed_at=None,
        )
        .exclude(acknowledged_url="")
        .exclude(asked_at__gt=now - AGAIN)
        .order_by("acknowledged_at")
        .values_list("pk", flat=True)[:limit]
    )
    counted: dict[str, int] = {}
    for pk in list(due):
        finding = ask(pk, now=now)
        counted[finding.found.value] = counted.get(finding.found.value, 0) + 1
    return counted


def ask(pk: int, *, now: datetime) -> Finding:
    """Ask for one, and write down what was found."""
    cdr = Cdr.objects.select_related("party", "emsp").get(pk=pk)
    finding = _found(cdr)
    with transaction.atomic():
        row = Cdr.objects.select_for_update(of=("self",), no_key=True).get(pk=pk)
        first = not row.asked_finding
        row.asked_at, row.asked_finding = now, finding.sentence
        if finding.found is Found.SAME:
            row.confirmed_at = now
        row.save(update_fields=["asked_at", "asked_finding", "confirmed_at"])
        if finding.found is Found.GONE and first:
            stage(sender=row.party_id, module="cdrs", changes=[((row.object_id,), ())], now=now, receiver=row.emsp_id)
            note(row.pk, "SENT_AGAIN", now=now, reason=finding.sentence)
    return finding


def _found(cdr: Cdr) -> Finding:
    connection = _keeper(cdr)
    if connection is None:
        return Finding(Found.UNKNOWN, f"{cdr.emsp} is not connected at the moment.")
    if origin(cdr.acknowledged_url) not in connection.confirmed_origins:
        return Finding(
            Found.UNKNOWN, f"The URL leads to {origin(cdr.acknowledged_url)}, which is not a confirmed host."
        )
    try:
        token = decrypt(connection.token_out)
    except UnableToDecrypt as error:
        return Finding(Found.UNKNOWN, str(error))
    outcome = site.call(
        Outgoing(
            method="GET",
            url=cdr.acknowledged_url,
            token=token,
            connection=connection.pk,
            module="cdrs",
            plain_token=connection.plain_token,
            routing=Routing(cdr.emsp.country_code, cdr.emsp.party_id, cdr.party.country_code, cdr.party.party_id),
            object_path=f"{cdr.party.country_code}/{cdr.party.party_id}/{cdr.object_id}",
            trigger="asked again",
        )
    )
    return read(
        http_status=outcome.http_status,
        ocpi_status=outcome.ocpi_status,
        data=outcome.answer.data if isinstance(outcome, Delivered) else None,
        reason="" if isinstance(outcome, Delivered) else outcome.reason,
        same=lambda data: _is_ours(cdr, data, connection),
    )


def _keeper(cdr: Cdr) -> Connection | None:
    """The connection over which it was delivered."""
    message = (
        Message.objects.filter(module="cdrs", object_path=cdr.object_id, sender=cdr.party_id, receiver=cdr.emsp_id)
        .select_related("connection")
        .order_by("-delivered_at")
        .first()
    )
    if message is None or message.connection.state != ConnectionState.ACTIVE:
        return None
    return message.connection


def _is_ours(cdr: Cdr, data: Any, connection: Connection) -> bool:
    peer = peers.of_connection(connection.pk)
    version, ours = connection.version, cdr.tree()
    said = versions.spoken(version, peer.bookings, CDR) if peer is not None else version
    context = Context(owner=(cdr.party.country_code, cdr.party.party_id))
    told = versions.up(said, CDR, data, context)
    try:
        if said != version:  # an edition: what it cannot say of ours
            ours = versions.up(said, CDR, versions.down(said, CDR, ours, context), context)
        return same(told, ours, versions_told=(version, NEWEST))
    except (wire_json.Invalid, versions.Untranslatable):
        return False
