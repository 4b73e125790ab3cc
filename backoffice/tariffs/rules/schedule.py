"""What is valid when on a connector: its time divided wherever a tariff begins or ends, with gaps and clashes.

A lane is one kind of charge. Where no tariff names a kind, all charges are alike and one lane tells of them; where one does,
those who pay at the charge point have a lane too, named or not. What else nobody names is priced as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from backoffice.tariffs.rules.standing import Contender, Dated, contest
from ocpi.wire.tariffs import TariffType


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `start` to before `end` this tariff prices; None: none does. `clashing`: ids of those of one type at once."""

    start: datetime
    end: datetime
    tariff: str | None
    clashing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lane:
    """One kind of charge over a time."""

    kind: TariffType
    stretches: tuple[Stretch, ...]

    @property
    def gaps(self) -> list[Stretch]:
        return [each for each in self.stretches if each.tariff is None]

    @property
    def clashes(self) -> list[Stretch]:
        return [each for each in self.stretches if each.clashing]


def lanes(tariffs: Sequence[Dated], start: datetime, end: datetime) -> list[Lane]:
    """One for each kind that these tariffs, offered together, tell apart; REGULAR always, and first."""
    named = {each.type for each in tariffs if each.type is not None}
    kinds = [TariffType.REGULAR, *(kind for kind in TariffType if kind in named and kind is not TariffType.REGULAR)]
    if named and TariffType.AD_HOC_PAYMENT not in named:
        kinds.append(TariffType.AD_HOC_PAYMENT)
    return [Lane(kind, _lane(tariffs, kind, start, end)) for kind in kinds]


def _lane(tariffs: Sequence[Dated], kind: TariffType, start: datetime, end: datetime) -> tuple[Stretch, ...]:
    moments = {each.start_date_time for each in tariffs} | {each.end_date_time for each in tariffs}
    edges = sorted({start, end} | {at.astimezone(UTC) for at in moments if at is not None and start < at < end})
    contenders = [Contender(each) for each in tariffs]
    found: list[Stretch] = []
    for one, other in pairwise(edges):
        placings = contest(contenders, kind, one)
        winner = next((each.tariff.id for each in placings if each.wins), None)
        clashing = tuple(each.tariff.id for each in placings if each.clashes)
        if found and (found[-1].tariff, found[-1].clashing) == (winner, clashing):
            found[-1] = Stretch(found[-1].start, other, winner, clashing)
        else:
            found.append(Stretch(one, other, winner, clashing))
    return tuple(found)
