"""The message log as a query: the filters of the page, and pages by key instead of by offset. Reads only.

A log has millions of rows, so nothing here counts them, every filter is bounded by a window of time, and a search that
takes too long is given up with a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db import OperationalError, transaction
from django.db import connection as database
from django.db.models import Q, QuerySet
from django.http import QueryDict

from backoffice.delivery.models import FAILED, NOTED, SLOW_MS, Exchange
from backoffice.partners.secrets import pseudonym
from backoffice.roaming_site import site

PAGE = 50
PATIENCE_MS = 4000
"""A search over bodies may take this long and no longer."""

WINDOWS: Mapping[str, tuple[str, timedelta | None]] = {
    "1h": ("last hour", timedelta(hours=1)),
    "24h": ("last 24 hours", timedelta(hours=24)),
    "7d": ("last 7 days", timedelta(days=7)),
    "30d": ("last 30 days", timedelta(days=30)),
    "all": ("all that is kept", None),
}

PRESETS: Mapping[str, tuple[str, Q]] = {
    "errors": ("Errors", FAILED),
    "slow": (f"Slow (over {SLOW_MS / 1000:.0f} s)", Q(elapsed_ms__gt=SLOW_MS)),
    "violations": ("Violations and oddities", NOTED),
    "auth": ("Auth failures", Q(http_status=401)),
}
STATUSES: Mapping[str, tuple[str, Q]] = {
    "2xx": ("HTTP 2xx", Q(http_status__gte=200, http_status__lt=300)),
    "4xx": ("HTTP 4xx", Q(http_status__gte=400, http_status__lt=500)),
    "5xx": ("HTTP 5xx", Q(http_status__gte=500)),
    "none": ("no answer", Q(http_status__isnull=True)),
    "ocpi2": ("OCPI 2xxx", Q(ocpi_status__gte=2000, ocpi_status__lt=3000)),
    "ocpi3": ("OCPI 3xxx", Q(ocpi_status__gte=3000, ocpi_status__lt=4000)),
}


_WITH_OWNER = re.compile(r"[A-Za-z]{2}/[A-Za-z0-9*]{3}/.")


class TooSlow(Exception):
    """The search was given up."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page's form says, read leniently: what makes no sense is as if it were not there."""

    partner: int | None = None
    module: str = ""
    direction: str = ""
    status: str = ""
    preset: str = ""
    object: str = ""
    correlation: str = ""
    q: str = ""
    window: str = "24h"
    before: tuple[datetime, int] | None = None
    after: tuple[datetime, int] | None = None

    @classmethod
    def read(cls, given: QueryDict) -> Asked:
        partner = given.get("partner", "")
        return cls(
            partner=int(partner) if partner.isascii() and partner.isdigit() and len(partner) < 18 else None,
            module=given.get("module", "")[:40],
            direction=given.get("direction", "") if given.get("direction") in ("in", "out") else "",
            status=given.get("status", "") if given.get("status") in STATUSES else "",
            preset=given.get("preset", "") if given.get("preset") in PRESETS else "",
            object=given.get("object", "").strip().strip("/")[:255],
            correlation=given.get("correlation", "").strip()[:255],
            q=given.get("q", "").strip()[:200],
            window=given.get("window", "24h") if given.get("window") in WINDOWS else "24h",
            before=_mark(given.get("before", "")),
            after=_mark(given.get("after", "")),
        )

    @property
    def narrowed(self) -> bool:
        """Whether anything but the window leaves rows out."""
        return bool(
            self.partner or self.module or self.direction or self.status or self.preset or self.object or self.q
        )

    def link(self, **changes: Any) -> str:
        """The page's address with other values; a new filter begins at the newest row."""
        values = {
            "partner": self.partner,
            "module": self.module,
            "direction": self.direction,
            "status": self.status,
            "preset": self.preset,
            "object": self.object,
            "q": self.q,
            "window": self.window if self.window != "24h" else "",
            **changes,
        }
        return "?" + urlencode({name: value for name, value in values.items() if value})

    def apply(self, rows: QuerySet[Exchange], now: datetime) -> QuerySet[Exchange]:
        if self.correlation:
            return rows.filter(correlation_id=self.correlation)
        span = WINDOWS[self.window][1]
        if span is not None:
            rows = rows.filter(at__gte=now - span)
        if self.partner is not None:
            rows = rows.filter(connection_id=self.partner)
        if self.module:
            rows = rows.filter(module=self.module)
        if self.direction:
            rows = rows.filter(incoming=self.direction == "in")
        if self.status:
            rows = rows.filter(STATUSES[self.status][1])
        if self.preset:
            rows = rows.filter(PRESETS[self.preset][1])
        if self.object:
            rows = self._of_object(rows)
        if self.q:
            rows = rows.filter(
                Q(request_id=self.q)
                | Q(correlation_id=self.q)
                | Q(url__icontains=self.q)
                | Q(request_body__icontains=self.q)
                | Q(response_body__icontains=self.q)
            )
        return rows

    def _of_object(self, rows: QuerySet[Exchange]) -> QuerySet[Exchange]:
        """What went about an object and what lies in it. A path that begins with its owner is found by the index, which
        needs the module; an id alone is looked for in every path of the window."""
        path = self.object
        whole = Q(object_path=path) | Q(object_path__startswith=f"{path}/")
        if _WITH_OWNER.match(path):
            modules = [self.module] if self.module else [module.identifier for module in site.modules()]
            return rows.filter(whole, module__in=modules).exclude(object_path="")
        within = Q(object_path__endswith=f"/{path}") | Q(object_path__contains=f"/{path}/")
        of_token = Q(object_path__contains=f"/{pseudonym(path)}/")
        return rows.filter(whole | within | of_token)


@dataclass(frozen=True, slots=True)
class Found:
    """One page, newest first; the marks lead to the pages beside it."""

    rows: list[Exchange]
    older: str
    newer: str


def find(rows: QuerySet[Exchange], asked: Asked, now: datetime) -> Found:
    """Raises TooSlow."""
    rows = asked.apply(rows, now).defer("request_body", "response_body").select_related("connection")
    if asked.correlation:
        return Found(_read(rows.order_by("at", "id")[:200]), "", "")
    if asked.after is not None:
        at, number = asked.after
        later = rows.filter(at__gte=at).filter(Q(at__gt=at) | Q(id__gt=number)).order_by("at", "id")
        page = _read(later[: PAGE + 1])
        more = len(page) > PAGE
        page = page[:PAGE][::-1]
        return Found(page, mark(page[-1]) if page else "", mark(page[0]) if page and more else "")
    if asked.before is not None:
        at, number = asked.before
        rows = rows.filter(at__lte=at).filter(Q(at__lt=at) | Q(id__lt=number))
    page = _read(rows.order_by("-at", "-id")[: PAGE + 1])
    more = len(page) > PAGE
    page = page[:PAGE]
    return Found(page, mark(page[-1]) if more else "", mark(page[0]) if page and asked.before is not None else "")


def _read(rows: QuerySet[Exchange]) -> list[Exchange]:
    try:
        with transaction.atomic():
            with database.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = {PATIENCE_MS}")
            return list(rows)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == "57014":  # query_canceled
            raise TooSlow from error
        raise


def mark(row: Exchange) -> str:
    return f"{row.at.isoformat()}_{row.pk}"


def _mark(text: str) -> tuple[datetime, int] | None:
    moment, _, number = text.rpartition("_")
    try:
        at = datetime.fromisoformat(moment)
        return (at, int(number)) if at.tzinfo is not None and 0 <= int(number) < 2**63 else None
    except ValueError:
        return None
