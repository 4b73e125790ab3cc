"""Which CDRs a run takes, so that each is in exactly one run of its export.

CDRs are numbered without gaps in the order in which they became visible (`models.Entry`). A run takes the numbers up to the
highest there is. Where an export goes by days or months it leaves out charges that ended after the cut; the next run looks
below its own numbers for those, and takes the late ones along. With (u, c) as what a run reached, the CDRs that the runs of
an export have taken are always {number <= u and ended before c}: u and c never go back, so nothing is taken twice and
nothing is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import groupby
from zoneinfo import ZoneInfo


class Reach(StrEnum):
    """How far a run reaches: `models.Period`, by what it does to the cut."""

    SINCE_LAST = "SINCE_LAST"
    DAYS = "DAYS"
    MONTHS = "MONTHS"
    CHOSEN = "CHOSEN"


MOST_CAUGHT_UP = 400
"""Runs that one catching up makes: more than a year of days."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Numbers above `above` and up to `upto`, ended at or after `ended_from` and before `ended_before`."""

    above: int
    upto: int
    ended_from: datetime | None
    ended_before: datetime | None


def cut_of(reach: str, moment: datetime, zone: str) -> datetime | None:
    """Charges that ended from then on are left for a later run; None: none are."""
    local = moment.astimezone(ZoneInfo(zone)).date()
    if reach == Reach.DAYS:
        return midnight(local, zone)
    if reach == Reach.MONTHS:
        return midnight(local.replace(day=1), zone)
    return None


def midnight(day: date, zone: str) -> datetime:
    """When a day begins there. Where summer time skips midnight, the first moment after it."""
    return datetime.combine(day, time(), tzinfo=ZoneInfo(zone)).astimezone(UTC)


def slices(
    *,
    starts_after: int,
    after: int,
    upto: int,
    prior_cut: datetime | None,
    cut: datetime | None,
    ended_from: datetime | None,
) -> list[Slice]:
    """What a run reads, in the order of the numbers. `after`, `prior_cut`: what the run before it reached."""
    found = []
    if prior_cut is not None and after > starts_after and (cut is None or prior_cut < cut):
        found.append(Slice(starts_after, after, _later(prior_cut, ended_from), cut))
    if upto > after:
        found.append(Slice(after, upto, ended_from, cut))
    return found


def _later(a: datetime, b: datetime | None) -> datetime:
    return a if b is None else max(a, b)


@dataclass(frozen=True, slots=True)
class Due:
    """A run to make now. `missed`: times of the schedule before `at` that this run answers as well, since `missed_since`."""

    at: datetime
    missed: int = 0
    missed_since: datetime | None = None


def due(moments: Iterable[datetime], cut: Callable[[datetime], datetime | None]) -> list[Due]:
    """The runs that answer these times of a schedule, oldest first. Times that would give the same CDRs share one run, so
    that after three days without power "everything new" is one file and "each day" is three."""
    found = []
    for _, group in groupby(moments, key=cut):
        times = list(group)
        found.append(Due(times[-1], len(times) - 1, times[0] if len(times) > 1 else None))
    return found[-MOST_CAUGHT_UP:]


def chosen(first: date, last: date, zone: str) -> tuple[datetime, datetime]:
    """From the beginning of the first day to the end of the last one."""
    return midnight(first, zone), midnight(last + timedelta(days=1), zone)
