"""Read from the books what a run covers, a page of numbers at a time: memory stays flat and no transaction stays open.

What is read does not change (entries and the documents of CDRs that count are final), so pages need no common snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from backoffice import statements
from backoffice.billing.models import Direction, ExportRun
from backoffice.billing.rules.lines import Booked
from backoffice.billing.rules.windows import Slice, midnight, slices
from backoffice.partners.models import Party
from backoffice.statements import Row
from ocpi.wire import json as wire_json

PAGE = 200
"""Documents held at a time. A thousand would not fit into the processor's own memory, and take twice the time to read."""
STRETCH = 20_000
"""Numbers that one query looks through."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The CDRs of a run: slices of the numbers, and a filter on what an Entry says beside them."""

    slices: list[Slice]
    where: str
    given: dict[str, Any]

    def total(self) -> int:
        return sum(int(_counted(each, self)) for each in self.slices)

    def pages(self, size: int = PAGE) -> Iterator[list[Booked]]:
        """In the order of the numbers, at most `size` at a time. First which of a stretch of numbers, then their rows by number:
        never "the next so many", whose cost depends on what the planner believes of a filter or of a table that just grew."""
        parties: dict[int, tuple[str, str]] = {}
        for each in self.slices:
            for above in range(each.above, each.upto, STRETCH):
                found = statements.run_once(
                    f"SELECT e.number FROM billing_entry e WHERE {_bounds(each)} {self.where} ORDER BY e.number",
                    self.given | _values(each) | {"above": above, "upto": min(above + STRETCH, each.upto)},
                )
                for first in range(0, len(found), size):
                    numbers = [row[0] for row in found[first : first + size]]
                    yield [_booked(row, parties) for row in statements.run_once(_READ, [numbers])]


_READ = """
SELECT e.number, e.way, e.partner_id, c.party_id, c.emsp_id, c.document, c.starts_at, c.ends_at, c.entered_at,
    e.time_zone, e.verdict, e.reasons, e.our_net, e.delta, e.decided_by, e.decided_at
FROM billing_entry e JOIN cdrs_cdr c ON c.id = e.cdr_id WHERE e.number = ANY(%s) ORDER BY e.number
"""


def of_run(run: ExportRun) -> Chosen:
    return chosen(
        run.definition,
        after=run.after,
        upto=run.upto,
        prior_cut=run.prior_cut,
        cut=run.cut,
        ended_from=run.ended_from,
    )


def chosen(
    definition: Mapping[str, Any],
    *,
    after: int,
    upto: int,
    prior_cut: Any = None,
    cut: Any = None,
    ended_from: Any = None,
) -> Chosen:
    since = midnight(date.fromisoformat(definition["since"]), definition["zone"]) if definition["since"] else None
    bounds = [bound for bound in (since, ended_from) if bound is not None]
    found = slices(
        starts_after=definition["starts_after"],
        after=after,
        upto=upto,
        prior_cut=prior_cut,
        cut=cut,
        ended_from=max(bounds, default=None),
    )
    where, given = "", {}
    if definition["direction"] != Direction.BOTH:
        where += " AND e.way = %(way)s"
        given["way"] = definition["direction"]
    if definition["party"] is not None:
        where += " AND e.party_id = %(party)s"
        given["party"] = definition["party"]
    if definition["partners"]:
        where += " AND e.partner_id = ANY(%(partners)s)"
        given["partners"] = definition["partners"]
    return Chosen(found, where, given)


def _bounds(each: Slice) -> str:
    text = "e.number > %(above)s AND e.number <= %(upto)s"
    text += " AND e.ended_at >= %(ended_from)s" if each.ended_from else ""
    return text + (" AND e.ended_at < %(ended_before)s" if each.ended_before else "")


def _values(each: Slice) -> dict[str, Any]:
    return {
        "above": each.above,
        "upto": each.upto,
        "ended_from": each.ended_from,
        "ended_before": each.ended_before,
    }


def _counted(each: Slice, chosen: Chosen) -> int:
    sql = f"SELECT count(*) FROM billing_entry e WHERE {_bounds(each)} {chosen.where}"
    ((count,),) = statements.run_once(sql, chosen.given | _values(each))
    return int(count)


def _booked(row: Row, parties: dict[int, tuple[str, str]]) -> Booked:
    return Booked(
        number=row[0],
        way=row[1],
        partner=_party(row[2], parties),
        cpo="-".join(_party(row[3], parties)),
        emsp="-".join(_party(row[4], parties)),
        document=_tree(row[5]),
        starts_at=row[6],
        ends_at=row[7],
        received_at=row[8],
        time_zone=row[9],
        verdict=row[10],
        reasons=row[11],
        our_net=row[12],
        delta=row[13],
        decided_by=row[14],
        decided_at=row[15],
    )


def _party(pk: int, parties: dict[int, tuple[str, str]]) -> tuple[str, str]:
    """Remembered: a run meets few parties, and each of them often."""
    if pk not in parties:
        party = Party.objects.get(pk=pk)
        parties[pk] = (party.country_code, party.party_id)
    return parties[pk]


def _tree(document: bytes) -> dict[str, Any]:
    tree = wire_json.reread(document)
    assert isinstance(tree, dict)
    return tree
