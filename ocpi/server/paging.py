"""Paginated GET: the query in, the headers out (transport_and_format#pagination).

Pages follow our row ids. The next link carries `after` (the row id where this page ended) and `total`, so that a deep page
costs what the first one does and no row is repeated or skipped while others change; `offset` stays in it because the
specification's clients expect to see it. Which rows those are is the app's business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode

from pydantic import TypeAdapter

from ocpi.module import Page, PageQuery, Refusal
from ocpi.wire.base import DateTime, date_time_text
from ocpi.wire.envelope import StatusCode
from ocpi.wire.headers import link_next

RECOUNT_AFTER = timedelta(seconds=60)
MOMENT: TypeAdapter[datetime] = TypeAdapter(DateTime)
_LARGEST = 2**62  # fits PostgreSQL's bigint with room to add a page


def read_query(
    query: Mapping[str, str],
    *,
    default_limit: int,
    max_limit: int,
    version: str,
    now: datetime,
    between: tuple[str, str] | None = None,
) -> PageQuery:
    """Raises Refusal 2001 that names every parameter it cannot read."""
    wrong: list[str] = []

    def number(name: str, smallest: int) -> int | None:
        text = query.get(name, "")
        if not text:
            return None
        if not re.fullmatch("[0-9]{1,19}", text) or not smallest <= int(text) <= _LARGEST:
            wrong.append(f"{name}: a whole number of at least {smallest} is expected")
            return None
        return int(text)

    def moment(name: str) -> datetime | None:
        text = query.get(name, "")
        if not text:
            return None
        try:
            return MOMENT.validate_python(text)
        except ValueError:
            wrong.append(f"{name}: a DateTime such as 2026-04-01T12:00:00Z is expected")
            return None

    date_from, date_to = moment("date_from"), moment("date_to")
    times = (moment(between[0]), moment(between[1])) if between else (None, None)
    offset, limit, after = number("offset", 0), number("limit", 1), number("after", 0)
    total, counted_at = number("total", 0), number("counted", 0)
    if wrong:
        raise Refusal("; ".join(wrong) + ".", ocpi=StatusCode.INVALID_PARAMETERS, details=wrong)
    fresh = counted_at is not None and 0 <= now.timestamp() - counted_at <= RECOUNT_AFTER.total_seconds()
    return PageQuery(
        date_from=date_from,
        date_to=date_to,
        offset=offset or 0,
        limit=min(limit or default_limit, max_limit),
        after=after,
        total=total if fresh else None,
        version=version,
        now=now,
        between=times,
    )


def page_headers(
    page: Page,
    query: PageQuery,
    *,
    url: str,
    max_limit: int,
    counted_at: int | None,
    between: tuple[str, str] | None = None,
) -> dict[str, str]:
    """Link, X-Total-Count and X-Limit; no Link on the last page."""
    headers = {"X-Total-Count": str(page.total), "X-Limit": str(max_limit)}
    reached = query.offset + page.count
    if page.last is None or page.count < query.limit or reached >= page.total:
        return headers
    parameters: dict[str, str | int] = {}
    if query.date_from:
        parameters["date_from"] = date_time_text(query.date_from)
    if query.date_to:
        parameters["date_to"] = date_time_text(query.date_to)
    for name, moment in zip(between or (), query.between, strict=False):
        if moment is not None:
            parameters[name] = date_time_text(moment)
    parameters |= {"offset": reached, "limit": query.limit, "after": page.last}
    parameters |= {"total": page.total, "counted": counted_at or int(query.now.timestamp())}
    headers["Link"] = link_next(f"{url}?{urlencode(parameters)}")
    return headers
