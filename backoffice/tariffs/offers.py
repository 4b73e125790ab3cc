"""What the lists of tariffs on connectors come to: the tariffs behind the ids, and which of them prices a charge for whom.

Read only. Which connector has which list is the business of whoever asks; here a list is ids of one owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models.functions import Upper

from backoffice.partners.models import Party
from backoffice.tariffs.models import Disclosure, Tariff
from backoffice.tariffs.rules.schedule import Lane, lanes
from backoffice.tariffs.rules.standing import Contender, Validity, contest
from ocpi.wire.tariffs import TariffType


@dataclass(frozen=True, slots=True)
class Judged:
    """One id of a connector's list. `tariff` None: its owner told us of no such tariff."""

    id: str
    tariff: Tariff | None
    wins: bool
    reason: str
    clashes: bool = False


class Offers:
    """The tariffs of one owner that some connectors name. `connection`: whose eyes; None: everybody's."""

    def __init__(self, rows: dict[str, Tariff], hidden: frozenset[int]) -> None:
        self.rows = rows
        self._hidden = hidden

    @classmethod
    def read(cls, party: Party, ids: Iterable[str], *, connection: int | None = None) -> Offers:
        """At most two queries, whatever the number of connectors."""
        keys = sorted({each.upper() for each in ids})
        found = Tariff.objects.annotate(key=Upper("object_id")).filter(party=party, key__in=keys).defer("document")
        rows = {row.object_id.upper(): row for row in found}
        secret = [row.pk for row in rows.values() if not row.everyone] if party.ours and connection is not None else []
        shown = set()
        if secret:
            shown = set(
                Disclosure.objects.filter(connection=connection, tariff__in=secret).values_list("tariff_id", flat=True)
            )
        return cls(rows, frozenset(pk for pk in secret if pk not in shown))

    def judged(self, ids: Sequence[str], wanted: TariffType, at: datetime) -> list[Judged]:
        """Each id of a connector's list, in its order: whether that tariff prices a charge of this kind, and why."""
        known = [row for each in ids if (row := self.rows.get(each.upper())) is not None]
        placings = iter(
            contest(
                [Contender(validity(row), row.pk not in self._hidden, row.withdrawn_at is not None) for row in known],
                wanted,
                at,
            )
        )
        told = []
        for each in ids:
            row = self.rows.get(each.upper())
            if row is None:
                told.append(Judged(each, None, False, "Its owner has told us of no tariff with this id."))
            else:
                placing = next(placings)
                told.append(Judged(each, row, placing.wins, placing.reason, placing.clashes))
        return told

    def lanes(self, ids: Iterable[str], start: datetime, end: datetime) -> list[Lane]:
        """What a connector with this list is priced by over a time, kind by kind; withdrawn tariffs price nothing."""
        rows = (self.rows.get(each.upper()) for each in ids)
        return lanes([validity(row) for row in rows if row is not None and row.withdrawn_at is None], start, end)


def validity(row: Tariff) -> Validity:
    kind = TariffType(row.type) if row.type in TariffType.__members__ else None
    return Validity(row.object_id, kind, row.starts_at, row.ends_at)
