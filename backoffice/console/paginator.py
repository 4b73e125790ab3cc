"""Paging for tables of any size: counts at most `limit` rows, so that no list page waits for an exact count of millions.

Rows beyond the limit are reached by filters and search, not by turning to page 9,000; that also bounds the OFFSET.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db import connection as database


class BoundedPaginator(Paginator):
    """`more`: there are rows beyond `limit`. `estimate`: how many the table holds, as the planner believes."""

    limit = 10_000

    @cached_property
    def _counted(self) -> int:
        queryset: Any = self.object_list
        if not hasattr(queryset, "query"):
            return len(queryset)
        return int(queryset.order_by()[: self.limit + 1].count())

    @cached_property
    def count(self) -> int:
        return min(self._counted, self.limit)

    @property
    def more(self) -> bool:
        return self._counted > self.limit

    @cached_property
    def estimate(self) -> int:
        with database.cursor() as cursor:
            cursor.execute(
                "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass",
                [self.object_list.model._meta.db_table],
            )
            return max(int(cursor.fetchone()[0]), self._counted)
