"""Pages of a table of any size, the latest first: by time and id instead of by offset, and with an end to waiting.

There may be millions of rows. So nothing here counts them, the page after a hundred others costs what the first one did, and rows
that come meanwhile move nothing. What takes too long is given up, for the screen to say so in a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db import OperationalError, transaction
from django.db import connection as database
from django.db.models import Model, Q, QuerySet

PAGE = 50
PATIENCE_MS = 4_000
"""A search may take this long and no longer."""

Row = TypeVar("Row", bound=Model)
Mark = tuple[datetime, int]
"""Time and id of the row beside which a page begins."""


class TooSlow(Exception):
    """The search was given up."""


@dataclass(frozen=True, slots=True)
class Window(Generic[Row]):
    """One page; the marks, as an address holds them, lead to the pages beside it."""

    rows: list[Row] = field(default_factory=list)
    older: str = ""
    newer: str = ""


def window(rows: QuerySet[Row], at: str, *, before: Mark | None = None, after: Mark | None = None) -> Window[Row]:
    """The page of `rows` that ends above the mark `after`, or begins below the mark `before`; else the first. `at`: the column of
    the time, which an index holds together with the id. Raises TooSlow."""

    def mark(row: Row) -> str:
        return f"{getattr(row, at).isoformat()}_{row.pk}"

    if after is not None:
        moment, number = after
        # The first condition is implied by the second, and the one that an index can begin at.
        rows = rows.filter(**{f"{at}__gte": moment}).filter(Q(**{f"{at}__gt": moment}) | Q(pk__gt=number))
        page, more = _read(rows.order_by(at, "pk"))
        page.reverse()
        return Window(page, mark(page[-1]) if page else "", mark(page[0]) if more else "")
    if before is not None:
        moment, number = before
        rows = rows.filter(**{f"{at}__lte": moment}).filter(Q(**{f"{at}__lt": moment}) | Q(pk__lt=number))
    page, more = _read(rows.order_by(f"-{at}", "-pk"))
    return Window(page, mark(page[-1]) if more else "", mark(page[0]) if page and before is not None else "")


def _read(rows: QuerySet[Row]) -> tuple[list[Row], bool]:
    """One page, and whether there is more."""
    with patience(PATIENCE_MS):
        page = list(rows[: PAGE + 1])
    return page[:PAGE], len(page) > PAGE


@contextmanager
def patience(milliseconds: int) -> Iterator[None]:
    """A statement in here that takes longer raises TooSlow."""
    try:
        with transaction.atomic():
            with database.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = {milliseconds}")
            yield
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == "57014":  # query_canceled
            raise TooSlow from error
        raise


def read_mark(text: str) -> Mark | None:
    """A mark from an address, where anybody may write anything; None if it is none."""
    moment, _, number = text.rpartition("_")
    try:
        at = datetime.fromisoformat(moment)
        return (at, int(number)) if at.tzinfo is not None and 0 <= int(number) < 2**63 else None
    except ValueError:
        return None


def linked(asked: Any, found: Window[Any] | None) -> dict[str, str]:
    """The addresses of the pages beside this one, for `console/_pages.html`. `asked.link` makes one of the page's filters."""
    beside: Window[Any] = found or Window()
    return {
        "older": asked.link(before=beside.older) if beside.older else "",
        "newer": asked.link(after=beside.newer) if beside.newer else "",
        "newest": asked.link() if asked.before or asked.after else "",
    }
