"""What every exchanged row shares: the document with its key columns, serving a page, and the cache of older renderings.

An app's model inherits `Exchanged` (and its cache `Rendering`) and describes itself with one `Shelf`. Which columns an app
projects, who may see what and how it stores are the app's business and stay out of here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import models

from backoffice import statements
from backoffice.fields import DocumentField
from backoffice.partners.models import Party
from backoffice.statements import Row
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

    # an app's own index begins with it: one more would be one more to write with every change
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+", db_index=False)
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


def _as_it_is(document: bytes) -> tuple[bytes, ...]:
    return (document,)


@dataclass(frozen=True, slots=True)
class Shelf:
    """A table of exchanged objects as SQL needs it. `parts`: what the whole object is made of, as expressions for alias `d`, and
    `splice` makes it of them, as pieces of JSON that follow each other.

    `hidden`: a condition on `d` that is true for what this peer must not see, with parameters %(connection)s and %(theirs)s (ids
    of the peer's own parties).
    """

    cls: type[Wire]
    table: str
    rendering: str
    owner_column: str
    module: str
    parts: str = "d.document"
    splice: Callable[..., tuple[bytes, ...]] = _as_it_is
    hidden: str = "false"

    def page(
        self,
        peer: Peer,
        parties: Sequence[PartyRef],
        query: PageQuery,
        adapt: Callable[[bytes], bytes] | None = None,
        also: str = "true",
    ) -> Page:
        """One page of what these parties own, in the order of our row ids (creation). `adapt`: makes of a whole document what
        this peer may know of it. `also`: one more condition on `d`, for the list's own parameters (%(between_from)s and
        %(between_to)s, of PageQuery.between)."""
        given: dict[str, Any] = {
            "parties": [party.id for party in parties],
            "from": query.date_from,
            "to": query.date_to,
            "connection": peer.connection,
            "theirs": [party.id for party in peer.theirs],
            "after": query.after or 0,
            "limit": query.limit,
            "offset": query.offset,
            "between_from": query.between[0],
            "between_to": query.between[1],
        }
        where = "d.party_id = ANY(%(parties)s)"
        where += " AND d.last_updated >= %(from)s" if query.date_from else ""
        where += " AND d.last_updated < %(to)s" if query.date_to else ""
        where += f" AND NOT ({self.hidden})" if self.hidden != "false" else ""
        where += f" AND ({also})" if also != "true" else ""
        if (
            len(peer.theirs) == 1
        ):  # nearly every peer is one party, and an index in order of it and the row id is in order
            where = where.replace("= ANY(%(theirs)s::bigint[])", "= (%(theirs)s::bigint[])[1]")
        total = query.total
        if total is None:
            counted = f"SELECT count(*), min(d.id) FROM {self.table} d WHERE {where}"
            ((total, first),) = statements.run_once(counted, given)
            given["after"] = max(given["after"], (first or 1) - 1)
        if query.offset and query.after is None:
            given["after"] = self._start(peer, query, where, given)
        if not total or given["after"] is None:
            return Page([b"[]"], 0, total, None)
        chosen = self._chosen(where, total, bool(query.date_from or query.date_to), len(parties))
        telltales = versions.telltales(query.version)
        if query.version == NEWEST or telltales:
            found = statements.run_once(f"SELECT d.id, {self.parts} FROM {self.table} d WHERE {chosen}", given)
            rows: list[Row] = [(row[0], *self.splice(*row[1:])) for row in found]
            other = [row[0] for row in rows if any(word in piece for word in telltales for piece in row[1:])]
            if other:
                there = given | {"other": other}
                made = dict(self._rendered("d.id = ANY(%(other)s)", there, query.version, peer, parties))
                rows = [(row[0], made[row[0]]) if row[0] in made else row for row in rows]
        else:
            rows = self._rendered(chosen, given, query.version, peer, parties)
        if adapt is not None:
            rows = [(row[0], adapt(b"".join(row[1:]))) for row in rows]
        data = [b"["]
        for _, *pieces in rows:
            if pieces[0]:
                data += pieces if len(data) == 1 else (b",", *pieces)
        data.append(b"]")
        last = rows[-1][0] if rows else None
        reached = query.offset + len(rows)
        if last is not None and query.after is None and len(rows) == query.limit and reached < total:
            self._bookmark(peer, query, reached, last)
        return Page(data, len(rows), total, last)

    def _chosen(self, where: str, total: int, dated: bool, parties: int) -> str:
        """The rows of the page, as what follows WHERE. A sparse date filter walks its own index: walking the primary key for it
        costs seconds on a million rows; a dense one walks the ids."""
        rows = f"{where} AND d.id > %(after)s"
        if dated and total < SCATTERED:
            ids = f"SELECT d.id FROM {self.table} d WHERE {rows} OFFSET 0"
            return f"d.id IN (SELECT id FROM ({ids}) f ORDER BY id LIMIT %(limit)s) ORDER BY d.id"
        if parties == 1:
            rows = rows.replace("= ANY(%(parties)s)", "= (%(parties)s::bigint[])[1]")
            return f"{rows} ORDER BY d.party_id, d.id LIMIT %(limit)s"
        return f"{rows} ORDER BY d.id LIMIT %(limit)s"

    def _rendered(
        self, chosen: str, given: dict[str, Any], version: str, peer: Peer, parties: Sequence[PartyRef]
    ) -> list[Row]:
        rows = statements.run_once(
            f"""SELECT d.id, r.document, d.generation, d.party_id
                FROM {self.table} d LEFT JOIN {self.rendering} r ON r.{self.owner_column} = d.id
                    AND r.version = %(version)s AND r.audience = '' AND r.generation = d.generation
                WHERE {chosen}""",
            given | {"version": version},
        )
        missing = [(row[0], row[2], row[3]) for row in rows if row[1] is None]
        made = self._render(missing, version, peer, parties) if missing else {}
        return [(row[0], row[1] if row[1] is not None else made[row[0]]) for row in rows]

    def _render(
        self, missing: list[tuple[int, int, int]], version: str, peer: Peer, parties: Sequence[PartyRef]
    ) -> dict[int, bytes]:
        owners = {party.id: party for party in parties}
        read = f"SELECT d.id, {self.parts} FROM {self.table} d WHERE d.id = ANY(%s)"
        whole = {row[0]: b"".join(self.splice(*row[1:])) for row in statements.run(read, [[row[0] for row in missing]])}
        made: dict[int, bytes] = {}
        for row_id, _, party_id in missing:
            tree = wire_json.parse(whole[row_id])
            try:
                told = versions.down(version, self.cls, tree, context(peer, owners[party_id]))
                made[row_id] = wire_json.encode(told)
            except versions.Untranslatable:
                made[row_id] = b""  # no form in that version: left out of the list, and remembered as such
        statements.run(
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

    def _start(self, peer: Peer, query: PageQuery, where: str, given: dict[str, Any]) -> int | None:
        """The row id before a bare offset: from the bookmark of the page before it, else counted through the index."""
        rows = statements.run(
            """SELECT last FROM delivery_bookmark
               WHERE connection_id = %s AND module = %s AND filter = %s AND "offset" = %s AND at > %s""",
            [peer.connection, self.module, _filter(query), query.offset, query.now - BOOKMARK_LIFE],
        )
        if not rows:
            counted = f"SELECT d.id FROM {self.table} d WHERE {where} ORDER BY d.id OFFSET %(offset)s - 1 LIMIT 1"
            rows = statements.run_once(counted, given)
        return int(rows[0][0]) if rows else None

    def _bookmark(self, peer: Peer, query: PageQuery, offset: int, last: int) -> None:
        """For a client that counts offsets itself; who follows our link has the row id in it."""
        statements.run(
            """INSERT INTO delivery_bookmark (connection_id, module, filter, "offset", last, at)
               VALUES (%s, %s, %s, %s, %s, %s)
               ON CONFLICT (connection_id, module, filter, "offset") DO UPDATE SET last = excluded.last, at = excluded.at""",
            [peer.connection, self.module, _filter(query), offset, last, query.now],
        )


def _filter(query: PageQuery) -> str:
    dates = (query.date_from, query.date_to)
    if not any(query.between):
        return "/".join(date.isoformat() if date else "" for date in dates)
    return "/".join(f"{date.timestamp():.0f}" if date else "" for date in (*dates, *query.between))
