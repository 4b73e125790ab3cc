"""Whoever comes to a charge point: whether it is the driver who booked, and from when it is kept from others.

A booking is opened by its tokens, by others of their group where the terms say so, or by the eMSP's command that names the
booking's authorization_reference. The contract alone does not do: another card of it is another token.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ocpi.wire.bookings import BookingTerms

CLEARED = timedelta(minutes=15)
"""So long before the driver may come nobody else begins there: a charge takes longer, and nobody could end it."""


@dataclass(frozen=True, slots=True)
class Comer:
    """Who comes. `groups`: of the tokens in whose group this one is. `remote`: started from afar, with `reference`."""

    emsp: int
    uid: str
    type: str
    groups: frozenset[tuple[str, str]] = frozenset()
    remote: bool = False
    reference: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.uid.upper(), self.type


def opens(comer: Comer, *, emsp: int, tokens: Iterable[tuple[str, str]], reference: str, terms: BookingTerms) -> bool:
    """Whether this booking of this eMSP is this driver's. `tokens`: uid and type of each."""
    if comer.emsp != emsp:
        return False
    listed = {(uid.upper(), kind) for uid, kind in tokens}
    if comer.key in listed:
        return True
    if terms.token_groups_supported and listed & comer.groups:
        return True
    return comer.remote and bool(reference) and comer.reference.upper() == reference.upper()


def why_not_so(comer: Comer, terms: BookingTerms) -> str:
    """Why its driver may not begin it this way; empty when he may."""
    if comer.remote and terms.RFID_auth_required:
        return "This booking begins with the card at the charge point."
    if comer.remote and terms.remote_auth_supported is False:
        return "This booking cannot be begun from afar."
    return ""


def kept_from(*, starts_at: datetime, early_from: datetime) -> datetime:
    """From when nobody else begins there."""
    return min(early_from, starts_at - CLEARED)
