"""Write a terminal: its document with the columns that follow from it, its moves and its history. In the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q

from backoffice.fields import DocumentField, milliseconds
from backoffice.locations.models import Evse, Location
from backoffice.partners.models import Party
from backoffice.payments.models import Terminal, TerminalEvent
from backoffice.payments.rules.terminals import NotAllowed, TerminalMove, TerminalState, assignment, moved
from ocpi.wire import json as wire_json
from ocpi.wire.base import date_time_text
from ocpi.wire.payments import Terminal as Wire

Tree = dict[str, Any]


class UnableToChange(Exception):
    """This cannot be done with this terminal; the sentence says why."""


def projected(tree: Tree, *, at: datetime) -> tuple[Tree, dict[str, Any]]:
    """The tree as it is stored, with its time and its lists in order, and the columns of a row that says it. Raises
    `ocpi.wire.json.Invalid`."""
    lists = assignment(tree)
    stored = {**tree, **lists, "last_updated": date_time_text(milliseconds(at))}
    value = wire_json.validate(Wire, stored)
    place = value.coordinates
    return stored, {
        "object_id": value.terminal_id,
        "document": DocumentField.write(stored),
        "last_updated": milliseconds(at),
        "reference": value.reference or "",
        "customer_reference": value.customer_reference or "",
        "address": value.address or "",
        "city": value.city or "",
        "country": value.country or "",
        "latitude": Decimal(place.latitude) if place else None,
        "longitude": Decimal(place.longitude) if place else None,
        "invoice_creator": value.invoice_creator.value if value.invoice_creator else "",
        "invoice_base_url": value.invoice_base_url or "",
        **lists,
    }


def find(party: int, terminal_id: str) -> Terminal | None:
    """The terminal of this provider with this id, locked until the transaction ends."""
    return (
        Terminal.objects.select_for_update(of=("self",), no_key=True)
        .filter(party_id=party, object_id__iexact=terminal_id)
        .first()
    )


def write(row: Terminal, tree: Tree, *, at: datetime) -> None:
    """Another document in a locked row, saved. Raises `ocpi.wire.json.Invalid`."""
    for name, value in projected({**tree, "terminal_id": row.object_id}, at=at)[1].items():  # the case it came in first
        setattr(row, name, value)
    row.generation += 1
    row.save()


def move(row: Terminal, what: TerminalMove, *, now: datetime, by: str = "", reason: str = "") -> None:
    """By the table; the row must be locked. Raises UnableToChange."""
    before = TerminalState(row.state)
    try:
        to = moved(before, what)
    except NotAllowed as error:
        raise UnableToChange(f"{row}: {error}") from error
    row.state = to.value
    row.save(update_fields=["state"])
    note(row, what.value, now=now, by=by, reason=reason, from_state=before.value, to_state=to.value)


def note(row: Terminal, what: str, *, now: datetime, by: str = "", reason: str = "", **states: str) -> None:
    """Into the terminal's history."""
    TerminalEvent.objects.create(terminal=row, at=now, what=what, by=by[:150], reason=reason[:300], **states)


def known_places(customer: Party | None, lists: dict[str, list[str]]) -> dict[str, set[str]]:
    """Of these ids, in upper case, those that this CPO has."""
    if customer is None:
        return {name: set() for name in lists}
    locations = Location.objects.filter(party=customer).filter(_named("object_id", lists["location_ids"]))
    evses = Evse.objects.filter(location__party=customer, listed=True).filter(_named("uid", lists["evse_uids"]))
    return {
        "location_ids": {one.upper() for one in locations.values_list("object_id", flat=True)},
        "evse_uids": {one.upper() for one in evses.values_list("uid", flat=True)},
    }


def _named(field: str, ids: Iterable[str]) -> Q:
    found = Q(pk__in=[])
    for each in ids:
        found |= Q(**{f"{field}__iexact": each})
    return found
