"""The message log as a query: the filters of the page and one window of what they leave. Reads only.

A log has millions of rows, so every filter is bounded by a span of time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import QueryDict

from backoffice.console.given import number
from backoffice.console.windows import PATIENCE_MS, Mark, Window, patience, read_mark, window
from backoffice.delivery.models import FAILED, NOTED, SLOW_MS, Exchange
from backoffice.partners.secrets import pseudonym
from backoffice.roaming_site import site

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
    before: Mark | None = None
    after: Mark | None = None

    @classmethod
    def read(cls, given: QueryDict) -> Asked:
        return cls(
            partner=number(given.get("partner")),
            module=given.get("module", "")[:40],
            direction=given.get("direction", "") if given.get("direction") in ("in", "out") else "",
            status=given.get("status", "") if given.get("status") in STATUSES else "",
            preset=given.get("preset", "") if given.get("preset") in PRESETS else "",
            object=given.get("object", "").strip().strip("/")[:255],
            correlation=given.get("correlation", "").strip()[:255],
            q=given.get("q", "").strip()[:200],
            window=given.get("window", "24h") if given.get("window") in WINDOWS else "24h",
            before=read_mark(given.get("before", "")),
            after=read_mark(given.get("after", "")),
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


def find(rows: QuerySet[Exchange], asked: Asked, now: datetime) -> Window[Exchange]:
    """One page, the latest first; a chain of one correlation id whole and in the order of time. Raises TooSlow."""
    rows = asked.apply(rows, now).defer("request_body", "response_body").select_related("connection")
    if asked.correlation:
        with patience(PATIENCE_MS):
            return Window(list(rows.order_by("at", "id")[:200]))
    return window(rows, "at", before=asked.before, after=asked.after)
