"""Say who stands on the invoices of a party of ours. What was written before stays as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from backoffice.partners.models import Party
from backoffice.payments.models import DriverInvoice, InvoiceSeller, InvoiceSeries, Terminal
from backoffice.payments.rules.seller import faults, plain
from ocpi.wire.payments import InvoiceCreator

FIELDS = ("name", "address", "postal_code", "city", "country", "vat_id", "registration", "contact", "prefix")


class UnableToSell(Exception):
    """That is not enough for an invoice. `faults`: by field."""

    def __init__(self, faults: dict[str, str]) -> None:
        super().__init__(" ".join(faults.values()))
        self.faults = faults


def enter(party: Party, given: Mapping[str, str], *, by: str, now: datetime) -> InvoiceSeller:
    """Invoices that could not be written until now are written by the next sweep. Raises UnableToSell."""
    told = {name: " ".join(given.get(name, "").split()) for name in FIELDS}
    wrong = faults(told)
    if not party.ours:
        wrong["party"] = f"{party} is no company of ours."
    for name in FIELDS:
        longest = getattr(InvoiceSeller._meta.get_field(name), "max_length", None) or 0
        if len(told[name]) > longest:
            wrong[name] = f"At most {longest} characters."
    if wrong:
        raise UnableToSell(wrong)
    told |= {"vat_id": plain(told["vat_id"]), "country": told["country"].upper(), "prefix": told["prefix"].upper()}
    with transaction.atomic():
        row, _ = InvoiceSeller.objects.update_or_create(
            party=party, defaults=told | {"changed_by": by[:150], "changed_at": now}
        )
    return row


def missing(parties: Sequence[int] | None = None) -> list[Party]:
    """Companies of ours at whose terminals they write the invoices, and of which nobody has said what stands on them."""
    as_cpo = Terminal.objects.filter(ours=False, customer=OuterRef("pk"), invoice_creator=InvoiceCreator.CPO.value)
    as_ptp = Terminal.objects.filter(ours=True, party=OuterRef("pk")).exclude(invoice_creator=InvoiceCreator.CPO.value)
    rows = Party.objects.filter(Exists(as_cpo) | Exists(as_ptp), ours=True, invoice_seller=None)
    return list(rows if parties is None else rows.filter(pk__in=parties))


def numbers(party: Party) -> tuple[int, int]:
    """How many documents this party has written, and the number of the next: gapless when the one follows from the other."""
    following = InvoiceSeries.objects.filter(party=party).values_list("next", flat=True).first() or 1
    return DriverInvoice.objects.filter(party=party).count(), following
