"""The bench's own exchanged table and its module: what `bench.depth` measures, and `bench.urls` serves."""

from __future__ import annotations

from typing import Any

from backoffice.documents import Shelf
from ocpi.module import Level, Module, OwnedObjects, Page, PageQuery, Peer, Stored
from ocpi.wire.cdrs import CDR

TABLE = "bench_rows"
SHELF = Shelf(cls=CDR, table=TABLE, rendering="", owner_column="", module="benchrows")


def page(peer: Peer, query: PageQuery) -> Page:
    return SHELF.page(peer, peer.ours, query)


def nothing(*given: Any) -> None:
    return None


def refused(*given: Any) -> Stored:
    raise NotImplementedError("the bench only reads")


MODULE = Module(
    "benchrows",
    OwnedObjects(levels=(Level("id", "id", CDR),), page=page, read_own=nothing, read_theirs=nothing, put=refused),
    sender_roles=frozenset({"CPO"}),
    receiver_roles=frozenset({"EMSP"}),
)
