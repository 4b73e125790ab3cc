"""Which tariffs a member of staff may see, and which of them may be laid beside another one."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest

from backoffice.console.scope import scoped
from backoffice.partners.models import Party
from backoffice.tariffs.models import Tariff

MOST = 200


def seen_tariffs(request: HttpRequest) -> QuerySet[Tariff]:
    """None for whoever may not see tariffs at all."""
    if not request.user.has_perm("tariffs.view_tariff"):
        return Tariff.objects.none()
    return scoped(Tariff.objects.select_related("party"), request.user, "party")


def seen_tariff(request: HttpRequest, pk: int) -> Tariff | None:
    return seen_tariffs(request).filter(pk=pk).first()


def comparable(request: HttpRequest, *, ours_first: Party, chosen: Any = None) -> list[tuple[int, str]]:
    """Key and name of the newest tariffs, those of this party first; the chosen one is among them."""
    near = Case(When(party=ours_first, then=Value(0)), When(party__ours=True, then=Value(1)), default=Value(2))
    rows = (
        seen_tariffs(request)
        .annotate(near=near)
        .order_by("near", "-last_updated", "-pk")
        .only("object_id", "currency", "party__country_code", "party__party_id")[:MOST]
    )
    found = {row.pk: _name(row) for row in rows}
    if chosen is not None and chosen.pk not in found:
        found = {chosen.pk: _name(chosen)} | found
    return list(found.items())


def _name(row: Tariff) -> str:
    return f"{row.object_id} ({row.party}, {row.currency})"
