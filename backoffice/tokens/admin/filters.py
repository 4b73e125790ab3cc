"""What the lists of tokens and of decisions can be narrowed to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from backoffice import statements
from backoffice.console.actions import counting
from backoffice.console.cells import word
from backoffice.console.filters import OwnershipFilter, PartnerFilter, PartyFilter, SelectFilter, SinceFilter
from backoffice.roaming_site import site
from backoffice.tokens.rules.words import Hold, How, Kind, Reason
from ocpi.wire.tokens import AllowedType, TokenType, WhitelistType

_TOLD = """SELECT t.id FROM delivery_message m JOIN tokens_token t ON t.party_id = m.sender_id
    AND upper(t.object_id) = upper(left(m.object_path, -length(split_part(m.object_path, '/', -1)) - 1))
    AND t.type = split_part(m.object_path, '/', -1)
    WHERE m.module = 'tokens' AND m.state = %s LIMIT 20000"""
"""The tokens that a partner has not taken: begun at the few such messages, not at the many tokens."""


class TypeFilter(SelectFilter):
    title, parameter_name = "type", "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*((kind.value, word(kind.value)) for kind in TokenType), ("odd", "Others, not listed by OCPI")]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "odd":
            return queryset.exclude(type__in=[kind.value for kind in TokenType])
        return queryset.filter(type=value)


class StandingFilter(SelectFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        holds = [(hold.value, f"Held: {word(hold.value).lower()}") for hold in Hold if hold is not Hold.NONE]
        return [("valid", "Valid"), ("invalid", "Not valid"), ("held", "Held by staff"), *holds]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value in ("valid", "invalid"):
            return queryset.filter(valid=value == "valid")
        if value == "held":
            return queryset.exclude(hold=Hold.NONE)
        return queryset.exclude(hold=Hold.NONE).filter(hold=value)  # the first half is what the index knows


class WhitelistFilter(SelectFilter):
    title, parameter_name = "whitelist", "whitelist"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind.value, word(kind.value)) for kind in WhitelistType]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(whitelist=value)


class UnusedFilter(SelectFilter):
    title, parameter_name = "last used", "used"
    SPANS = {"90": 90, "365": 365}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("90", "Not for 90 days"), ("365", "Not for a year"), ("never", "Never here")]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "never":
            return queryset.filter(last_used_at=None)
        before = site.now() - timedelta(days=self.SPANS[value])
        return queryset.filter(Q(last_used_at=None) | Q(last_used_at__lt=before))


class PushFilter(SelectFilter):
    title, parameter_name = "told to partners", "push"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("DUE", "Not yet taken by somebody"), ("REFUSED", "Refused by somebody")]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(pk__in=[row[0] for row in statements.run(_TOLD, [value])])


TOKENS = (OwnershipFilter, PartyFilter, TypeFilter, StandingFilter, WhitelistFilter, UnusedFilter, PushFilter)


class KindFilter(SelectFilter):
    title, parameter_name = "who asked", "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(Kind.ASKED.value, "A partner asked us"), (Kind.DECIDED.value, "A charge point of ours")]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(kind=value)


class OutcomeFilter(SelectFilter):
    title, parameter_name = "outcome", "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("refused", "Refused, whatever the answer"), *((kind.value, word(kind.value)) for kind in AllowedType)]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        refused = queryset.exclude(allowed=AllowedType.ALLOWED.value)
        if value == AllowedType.ALLOWED:
            return queryset.filter(allowed=value)
        return refused if value == "refused" else refused.filter(allowed=value)


class HowFilter(SelectFilter):
    title, parameter_name = "on what ground", "how"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        groups = [("partner", "A partner was asked"), ("known", "What we knew ourselves")]
        return [*groups, *((kind.value, word(kind.value)) for kind in How)]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        asked = Q(how__in=(How.REAL_TIME, How.OFFLINE)) | Q(reason_code__in=counting.UNSERVED)
        if value in ("partner", "known"):
            return queryset.filter(asked if value == "partner" else ~asked)
        return queryset.filter(how=value)


class ReasonFilter(SelectFilter):
    title, parameter_name = "reason", "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(reason.value, word(reason.value)) for reason in Reason]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(reason_code=value)


class WhenFilter(SinceFilter):
    title, parameter_name, column = "when", "since", "at"


DECISIONS = (KindFilter, OutcomeFilter, HowFilter, ReasonFilter, PartnerFilter, WhenFilter)
