"""What every exchanged row shares: the document with its key columns, serving a page, and the cache of older renderings.

An app's model inherits `Exchanged` (and its cache `Rendering`) and describes itself with one `Shelf`. Which columns an app
projects, who may see what and how it stores are the app's business and stay out of here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection as database
from django.db import models

from backoffice.fields import DocumentField
from backoffice.partners.models import Party
from ocpi import versions
from ocpi.module import Page, PageQuery, PartyRef, Peer
from ocpi.server.bodies import context
from ocpi.wire import json as wire_json
from ocpi.wire.base import Wire

NEWEST = "2.3.0"

TIME_TEXT = """to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
    || rtrim(to_char({0} AT TIME ZONE 'UTC', '.MS'), '.0') || 'Z'"""
"""SQL of a timestamptz column as an OCPI DateTime."""

BOOKMARK_LIFE = timedelta(hours=1)

SCATTERED = 20_000
"""A date filter with fewer hits than this is read by its own index; a wider one by walking the row ids."""


class Exchanged(models.Model):
    """One object of one party. `object_id` keeps the case it came in; it is unique without regard to case."""

    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+")
    object_id = models.CharField(max_length=40, verbose_name="id")
    document = DocumentField()
    last_updated = models.DateTimeField()
    generation = models.PositiveIntegerField(
        default=1, help_text="Grows with every change; renderings are made per generation."
    )
    seen_at = models.DateTimeField(null=True, help_text="When a pull or push last told us of it.")
    created_at = models.DateTimeField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.object_id


class Rendering(models.Model):
    """A document as an older version says it, for one audience ('' is everybody); valid for one generation of its row."""

    version = models.CharField(max_length=10)
    audience = models.CharField(max_length=40, blank=True)
    generation = models.PositiveIntegerField()
    document = DocumentField()

    class Meta:
        abstract = True


@dataclass(frozen=True, slots=True)
class Shelf:
    """A table of exchanged objects as SQL needs it. `document`: expression of the whole object as text, for alias `d`.

    `hidden`: a condition on `d` that is true for what this peer must not see, with parameters %(connection)s.
    """

    cls: type[Wire]
    table: str
    rendering: str
    owner_column: str
    module: str
    document: str = "d.document"
    hidden: str = "false"

    def page(self, peer: Peer, parties: Sequence[PartyRef], query: PageQuery) -> Page:
        """One page of what these parties own, in the order of our row ids (creation)."""
        given: dict[str, Any] = {
            "parties": [party.id for party in parties],
            "from": query.date_from,
            "to": query.date_to,
            "connection": peer.connection,
            "after": query.after or 0,
            "limit": query.limit,
            "offset": query.offset,
        }
        where = "d.party_id = ANY(%(parties)s)"
        where += " AND d.last_updated >= %(from)s" if query.date_from else ""
        where += " AND d.last_updated < %(to)s" if query.date_to else ""
        where += f" AND NOT ({self.hidden})" if self.hidden != "false" else ""
        with database.cursor() as cursor:
            total = query.total
            if total is None:
                cursor.execute(f"SELECT count(*), min(d.id) FROM {self.table} d WHERE {where}", given)
                total, first = cursor.fetchone()
                given["after"] = max(given["after"], (first or 1) - 1)
            if query.offset and query.after is None:
                given["after"] = self._start(cursor, peer, query, where, given)
            if not total or given["after"] is None:
                return Page(b"[]", 0, total, None)
            ids = self._ids(where, total, bool(query.date_from or query.date_to), len(parties))
            if query.version == NEWEST:
                data, count, last = self._newest(cursor, ids, given)
            else:
                data, count, last = self._rendered(cursor, ids, given, query.version, peer, parties)
            if last is not None and count == query.limit and query.offset + count < total:
                self._bookmark(cursor, peer, query, query.offset + count, last)
        return Page(data, count, total, last)

    @staticmethod
    def _ids(where: str, total: int, dated: bool, parties: int) -> str:
        """The row ids of the page. A sparse date filter walks its own index: walking the primary key for it costs seconds on
        a million rows; a dense one walks the ids."""
        inner = f"SELECT d.id FROM {{table}} d WHERE {where} AND d.id > %(after)s"
        if dated and total < SCATTERED:
            return f"SELECT id FROM ({inner} OFFSET 0) f ORDER BY id LIMIT %(limit)s"
        if parties == 1:
            return f"{inner} ORDER BY d.party_id, d.id LIMIT %(limit)s".replace(
                "= ANY(%(parties)s)", "= (%(parties)s::bigint[])[1]"
            )
        return f"{inner} ORDER BY d.id LIMIT %(limit)s"

    def _newest(self, cursor: Any, ids: str, given: dict[str, Any]) -> tuple[bytes, int, int | None]:
        cursor.execute(
            f"""SELECT convert_to('[' || coalesce(string_agg({self.document}, ',' ORDER BY d.id), '') || ']', 'UTF8'),
                count(*), max(d.id) FROM {self.table} d WHERE d.id IN ({ids.format(table=self.table)})""",
            given,
        )
        data, count, last = cursor.fetchone()
        return bytes(data), count, last

    def _rendered(
        self, cursor: Any, ids: str, given: dict[str, Any], version: str, peer: Peer, parties: Sequence[PartyRef]
    ) -> tuple[bytes, int, int | None]:
        cursor.execute(
            f"""SELECT d.id, d.generation, d.party_id, convert_to(r.document, 'UTF8')
                FROM {self.table} d LEFT JOIN {self.rendering} r ON r.{self.owner_column} = d.id
                    AND r.version = %(version)s AND r.audience = '' AND r.generation = d.generation
                WHERE d.id IN ({ids.format(table=self.table)}) ORDER BY d.id""",
            given | {"version": version},
        )
        rows = cursor.fetchall()
        missing = [(row[0], row[1], row[2]) for row in rows if row[3] is None]
        made = self._render(cursor, missing, version, peer, parties) if missing else {}
        documents = [bytes(row[3]) if row[3] is not None else made[row[0]] for row in rows]
        return b"[" + b",".join(filter(None, documents)) + b"]", len(rows), rows[-1][0] if rows else None

    def _render(
        self, cursor: Any, missing: list[tuple[int, int, int]], version: str, peer: Peer, parties: Sequence[PartyRef]
    ) -> dict[int, bytes]:
        owners = {party.id: party for party in parties}
        cursor.execute(
            f"SELECT d.id, convert_to({self.document}, 'UTF8') FROM {self.table} d WHERE d.id = ANY(%s)",
            [[row[0] for row in missing]],
        )
        whole = dict(cursor.fetchall())
        made: dict[int, bytes] = {}
        for row_id, _, party_id in missing:
            tree = wire_json.parse(bytes(whole[row_id]))
            try:
                told = versions.down(version, self.cls, tree, context(peer, owners[party_id]))
                made[row_id] = wire_json.encode(told)
            except versions.Untranslatable:
                made[row_id] = b""  # no form in that version: left out of the list, and remembered as such
        cursor.execute(
            f"""INSERT INTO {self.rendering} ({self.owner_column}, version, audience, generation, document)
                SELECT * FROM (SELECT unnest(%s::bigint[]), %s, '', unnest(%s::int[]), unnest(%s::text[])) made
                ON CONFLICT ({self.owner_column}, version, audience) DO UPDATE
                SET generation = excluded.generation, document = excluded.document""",
            [
                [row[0] for row in missing],
                version,
                [row[1] for row in missing],
                [made[row[0]].decode() for row in missing],
            ],
        )
        return made

    def _start(self, cursor: Any, peer: Peer, query: PageQuery, where: str, given: dict[str, Any]) -> int | None:
        """The row id before a bare offset: from the bookmark of the page before it, else counted through the index."""
        cursor.execute(
            """SELECT last FROM delivery_bookmark
               WHERE connection_id = %s AND module = %s AND filter = %s AND "offset" = %s AND at > %s""",
            [peer.connection, self.module, _filter(query), query.offset, query.now - BOOKMARK_LIFE],
        )
        row = cursor.fetchone()
        if row is None:
            cursor.execute(
                f"SELECT d.id FROM {self.table} d WHERE {where} ORDER BY d.id OFFSET %(offset)s - 1 LIMIT 1", given
            )
            row = cursor.fetchone()
        return int(row[0]) if row else None

    def _bookmark(self, cursor: Any, peer: Peer, query: PageQuery, offset: int, last: int) -> None:
        cursor.execute(
            """INSERT INTO delivery_bookmark (connection_id, module, filter, "offset", last, at) VALUES (%s, %s, %s, %s, %s, %s)
               ON CONFLICT (connection_id, module, filter, "offset") DO UPDATE SET last = excluded.last, at = excluded.at""",
            [peer.connection, self.module, _filter(query), offset, last, query.now],
        )


def _filter(query: PageQuery) -> str:
    return (
        f"{query.date_from.isoformat() if query.date_from else ''}/{query.date_to.isoformat() if query.date_to else ''}"
    )
