"""What staff type, found: a card by its number, contract or printed number; an EVSE by its id; a session; each only as far as the
user may see it. Never more than a handful to choose from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Upper
from django.http import HttpRequest

from backoffice.console.cells import masked
from backoffice.console.given import number
from backoffice.console.scope import parties_of, scoped
from backoffice.locations.models import Evse
from backoffice.partners.models import Party
from backoffice.sessions.models import Session
from backoffice.tokens.models import Token

SHOWN = 8


@dataclass(frozen=True, slots=True)
class Found:
    """`one`: what was meant, where that is clear. `choices`: (what names it, how it reads) where it is not; a row is named `#12`,
    for two cards of one contract have nothing else apart that everybody may see."""

    one: Any = None
    choices: tuple[tuple[str, str], ...] = ()


def token(request: HttpRequest, typed: str) -> Found:
    """Of ours, by whole uid, or by the beginning of contract or printed number."""
    term = typed.strip().upper()
    if not term:
        return Found()
    rows = scoped(Token.objects.filter(party__ours=True), request.user, "party").select_related("party")
    if (row := _row(term)) is not None:
        return Found(rows.filter(pk=row).first())
    exact = list(_keyed(rows, "object_id", term)[:2]) or list(_keyed(rows, "contract_id", term)[:2])
    exact = exact or list(_keyed(rows, "visual_number", term)[:2])
    if len(exact) == 1:
        return Found(exact[0])
    begins = Q(contract__startswith=term) | Q(number__startswith=term)
    rows = rows.alias(contract=Upper("contract_id"), number=Upper("visual_number")).filter(begins)
    near = exact or list(rows.order_by("contract_id", "pk")[:SHOWN])
    if len(near) == 1:
        return Found(near[0])
    return Found(None, tuple((f"#{row.pk}", _of_token(row)) for row in near))


def _row(term: str) -> int | None:
    return number(term[1:]) if term.startswith("#") else None


def _keyed(rows: QuerySet[Any], column: str, term: str) -> QuerySet[Any]:
    return rows.alias(key=Upper(column)).filter(key=term)


def _of_token(row: Token) -> str:
    return f"{row.contract_id} ({masked(row.object_id)}, {row.party})"


def evse(request: HttpRequest, typed: str) -> Found:
    """Of any operator, by the id that is printed on it, or by its uid; the beginning of the id where it is none."""
    term = typed.strip().upper()
    if not term:
        return Found()
    rows = Evse.objects.filter(listed=True).select_related("location__party").defer("location__document")
    if (row := _row(term)) is not None:
        return Found(rows.filter(pk=row).first())
    exact = list(_keyed(rows, "evse_id", term)[:SHOWN]) or list(rows.filter(uid=typed.strip())[:SHOWN])
    if len(exact) == 1:
        return Found(exact[0])
    near = exact or list(rows.alias(key=Upper("evse_id")).filter(key__startswith=term).order_by("evse_id")[:SHOWN])
    if len(near) == 1:
        return Found(near[0])
    return Found(None, tuple((f"#{row.pk}", _of_evse(row)) for row in near))


def _of_evse(row: Evse) -> str:
    place = row.location.name or row.location.object_id
    return f"{row.evse_id or row.uid}, {place}, {row.location.city} ({row.location.party}, {row.status.lower()})"


def session(request: HttpRequest, typed: str) -> Found:
    """That goes on, of a driver of ours: by its row (`#12`) or its id."""
    term = typed.strip()
    if not term:
        return Found()
    rows = Session.objects.filter(emsp__ours=True).select_related("party", "emsp", "point")
    parties = parties_of(request.user)
    if parties is not None:
        rows = rows.filter(Q(emsp__in=parties) | Q(party__in=parties))
    if (row := _row(term)) is not None:
        return Found(rows.filter(pk=row).first())
    near = list(rows.alias(key=Upper("object_id")).filter(key=term.upper()).order_by("-pk")[:SHOWN])
    if len(near) == 1:
        return Found(near[0])
    return Found(None, tuple((f"#{row.pk}", f"{row.object_id}, {row.party}, {row.status.lower()}") for row in near))


def emsps(request: HttpRequest) -> list[Party]:
    """Of ours, that this user acts for."""
    rows = Party.objects.filter(ours=True, roles__role="EMSP", roles__connection=None).distinct()
    return list(scoped(rows, request.user, "id").order_by("country_code", "party_id"))
