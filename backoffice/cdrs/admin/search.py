"""One box for support: a session or a CDR by card number, contract, EVSE, location, id or time.

Each way of matching asks its own index and takes a few rows, so that a million CDRs are searched in well under a second.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, URLPattern, reverse

from backoffice import statements
from backoffice.cdrs.models import Cdr, bare
from backoffice.console.scope import parties_of
from backoffice.sessions.models import Session
from backoffice.tokens.models import Token

SHOWN = 25
_BARE = re.compile(r"[^A-Z0-9]")
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[ T](\d{1,2}):(\d{2}))?")


class SearchPages:
    """Part of CdrAdmin."""

    def search_urls(self: Any) -> list[URLPattern]:
        return [self.page("search/", self.search_view, "search")]

    def search_view(self: Any, request: HttpRequest) -> HttpResponse:
        term = request.GET.get("q", "").strip()[:100].replace("\x00", "")
        cdrs, sessions = [], []
        if len(term) >= 2:
            cdrs = list(
                self.get_queryset(request)
                .filter(pk__in=_found("cdrs_cdr", term))
                .select_related("party", "emsp")
                .defer("document")
                .order_by("-starts_at")[:SHOWN]
            )
            if request.user.has_perm("charging_sessions.view_session"):
                rows = Session.objects.filter(pk__in=_found("charging_sessions_session", term))
                sessions = list(
                    _within(rows, request)
                    .select_related("party", "emsp")
                    .defer("document")
                    .order_by("-starts_at")[:SHOWN]
                )
        for session in sessions:
            session.url = _url(session)
        context = {"title": "Search", "term": term, "cdrs": cdrs, "sessions": sessions, "short": 0 < len(term) < 2}
        return self.render(request, "console/cdrs/search.html", context)


def _within(rows: QuerySet[Session], request: HttpRequest) -> QuerySet[Session]:
    parties = parties_of(request.user)
    return rows if parties is None else rows.filter(Q(party__in=parties) | Q(emsp__in=parties))


def _url(session: Session) -> str:
    try:
        return reverse("admin:charging_sessions_session_change", args=[session.pk])
    except NoReverseMatch:
        return ""


def _found(table: str, term: str) -> list[int]:
    """Row ids of the latest charges that match in any way. A time is a way by itself."""
    moment = _TIME.fullmatch(term)
    if moment:
        return _at(table, moment)
    key = _BARE.sub("", term.upper())
    given = {"exact": term.upper(), "from": key, "to": key + "\uffff", "limit": SHOWN, "words": f"%{_escaped(term)}%"}
    # in the order of an index of the table: the planner walks it where much begins so, and the column's own where little does
    order = "ends_at DESC, d.id DESC" if table == "cdrs_cdr" else "starts_at DESC, d.id DESC"
    ways = [f"SELECT d.id FROM {table} d WHERE upper(d.object_id) = %(exact)s LIMIT %(limit)s"]
    if table == "cdrs_cdr":
        ways.append(
            f"SELECT d.id FROM {table} d WHERE d.session_ref <> '' AND upper(d.session_ref) = %(exact)s LIMIT %(limit)s"
        )
    if len(key) >= 4:
        ways += [
            f"SELECT d.id FROM {table} d WHERE {bare(f'd.{column}')} LIKE %(like)s ORDER BY d.{order} LIMIT %(limit)s"
            for column in ("token_uid", "contract_id", "evse_id")
        ]
        given["like"] = f"{key}%"
        cards = _cards(term)
        if cards:
            given["cards"] = [_BARE.sub("", card.upper()) for card in cards]
            ways.append(
                f"""SELECT d.id FROM {table} d WHERE {bare("d.token_uid")} = ANY(%(cards)s::text[])
                    ORDER BY d.starts_at DESC LIMIT %(limit)s"""
            )
    if table == "cdrs_cdr" and len(term) >= 3:
        ways.append(f"SELECT d.id FROM {table} d WHERE d.location_name ILIKE %(words)s LIMIT %(limit)s")
    elif len(term) >= 3:
        ways.append(
            f"""SELECT d.id FROM {table} d JOIN locations_location l ON l.party_id = d.party_id
                AND upper(l.object_id) = upper(d.location_id) WHERE l.name ILIKE %(words)s
                ORDER BY d.starts_at DESC LIMIT %(limit)s"""
        )
    rows: set[int] = set()
    for way in ways:
        rows.update(row[0] for row in statements.run_once(way, given))
    return sorted(rows)


def _cards(term: str) -> list[str]:
    """The number printed on a card is not the one that is read from it."""
    return list(Token.objects.filter(visual_number__iexact=term).values_list("object_id", flat=True)[:20])


def _at(table: str, moment: re.Match[str]) -> list[int]:
    """Charges that ran at this time, or on this day (UTC)."""
    try:
        day = datetime.fromisoformat(moment[1]).replace(tzinfo=UTC)
        if moment[2]:
            start = day.replace(hour=int(moment[2]), minute=int(moment[3]))
            since, until = start, start + timedelta(minutes=1)
        else:
            since, until = day, day + timedelta(days=1)
        farthest = since - timedelta(hours=48)
    except (ValueError, OverflowError):
        return []
    order = "-ends_at" if table == "cdrs_cdr" else "-starts_at"
    model: Any = Cdr if table == "cdrs_cdr" else Session
    rows = model.objects.filter(starts_at__lt=until).filter(Q(ends_at__gte=since) | Q(ends_at=None))
    bounded = (
        rows.filter(ends_at__lt=until + timedelta(hours=48))
        if table == "cdrs_cdr"
        else rows.filter(starts_at__gt=farthest)
    )
    return list(bounded.order_by(order).values_list("pk", flat=True)[:SHOWN])


def _escaped(term: str) -> str:
    return term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
