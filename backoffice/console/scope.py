"""Whose objects a member of staff may see: permission = what one may do (Django's) times for which parties (this).

Somebody without a scope, and every superuser, sees all parties; with scopes, the union of their parties and nothing else.
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from backoffice.console.models import PartyScope


def parties_of(user: Any) -> list[int] | None:
    """Ids of the parties that this user may see; None for all. One query for each request, remembered on the user."""
    if user.is_superuser:
        return None
    if not hasattr(user, "_console_parties"):
        rows = list(PartyScope.objects.filter(users=user).values_list("pk", "parties"))
        user._console_parties = sorted({party for _, party in rows if party is not None}) if rows else None
    scoped: list[int] | None = user._console_parties
    return scoped


def scoped(queryset: QuerySet[Any], user: Any, lookup: str) -> QuerySet[Any]:
    """The part of `queryset` whose party, at `lookup` (such as `party` or `our_parties`), this user may see."""
    parties = parties_of(user)
    if parties is None:
        return queryset
    narrowed = queryset.filter(**{f"{lookup}__in": parties})
    return narrowed.distinct() if queryset.model._meta.get_field(lookup.split("__")[0]).many_to_many else narrowed
