"""Somebody asks for a driver's invoice. Whether there is one is told to nobody who does not know its whole reference.

The answer to a reference that nobody gave is the same as to one whose invoice is not ready, and one address may ask only so
often.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Upper

from backoffice import statements
from backoffice.payments.models import DriverInvoice, InvoiceAsked

PER_MINUTE = 30
"""Of one address. A driver looks again and again until it is there; 2^128 references are not tried out at this pace."""

KEPT = timedelta(minutes=10)


class TooOften(Exception):
    """This address has asked enough for this minute."""


_COUNT = """
INSERT INTO payments_invoiceasked AS a (address, minute, times) VALUES (%s, %s, 1)
ON CONFLICT (address, minute) DO UPDATE SET times = a.times + 1 RETURNING times
"""


def count(address: str, *, now: datetime) -> None:
    """Raises TooOften. Of an IPv6 address the network counts: its owner has as many as it likes."""
    minute = now.replace(second=0, microsecond=0)
    ((times,),) = statements.run_once(_COUNT, [_hash(address), minute])
    if times > PER_MINUTE:
        raise TooOften


def _hash(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        whose = "nowhere"
    else:
        whose = str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)
    return hmac.digest(settings.SECRET_KEY.encode(), f"invoice {whose}".encode(), hashlib.sha256).hex()


def fetch(reference: str, *, now: datetime, seen: bool = True) -> DriverInvoice | None:
    """The invoice, if it is ready. None: there is none, or not yet. `seen`: somebody gets to read it."""
    if not 16 <= len(reference) <= 36:
        return None
    found = (
        DriverInvoice.objects.alias(key=Upper("reference"))
        .filter(key=reference.upper(), ready_at__isnull=False, corrects=None)
        .select_related("party", "corrected_by")
        .order_by("turn", "pk")
        .first()
    )
    if found is None or not hmac.compare_digest(found.reference.upper().encode(), reference.upper().encode()):
        return None
    if seen:
        DriverInvoice.objects.filter(pk=found.pk).update(fetched=F("fetched") + 1, fetched_at=now)
    return found


def documents(invoice: DriverInvoice) -> list[DriverInvoice]:
    """All that was written of this charge by who wrote the invoice, in the order of their numbers: what took it back, and what
    was billed instead."""
    rows = DriverInvoice.objects.alias(key=Upper("reference")).filter(
        key=invoice.reference.upper(), party=invoice.party_id, ready_at__isnull=False
    )
    return list(rows.select_related("party", "corrected_by", "corrects").order_by("turn"))


def trim(*, now: datetime) -> int:
    gone, _ = InvoiceAsked.objects.filter(minute__lt=now - KEPT).delete()
    return gone
