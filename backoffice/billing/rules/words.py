"""Exports and runs in sentences, as staff read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from backoffice.billing.rules.schedules import read
from backoffice.billing.rules.states import UNMADE, RunState

WHAT = {
    "BOTH": "all CDRs",
    "RECEIVABLE": "what partners owe us",
    "PAYABLE": "what we owe partners",
}
WHICH = {
    "SINCE_LAST": "everything new since the last run",
    "DAYS": "charges that ended by yesterday, and late ones of before",
    "MONTHS": "charges that ended by last month, and late ones of before",
    "CHOSEN": "charges that ended on the days chosen for each run",
}

GRACE = timedelta(minutes=5)
"""A run that is due for longer has been forgotten: workers or beat stand still."""


def sentence(*, direction: str, period: str, party: str, partners: Sequence[str], since: date | None) -> str:
    """`What we owe partners of DE-RDK, with SE-ELV: everything new since the last run.`"""
    text = WHAT[direction]
    text += f" of {party}" if party else ""
    text += f", with {', '.join(partners)}" if partners else ""
    text += f": {WHICH[period]}"
    text += f"; nothing that ended before {since.isoformat()}" if since else ""
    return f"{text[0].upper()}{text[1:]}."


def window(
    *, after: int, upto: int, ended_from: datetime | None, cut: datetime | None, zone: str, chained: bool
) -> str:
    """What a run covers: `CDRs number 12 to 40, ended before 2026-04-01 00:00 (Europe/Berlin)`."""
    bounds = []
    if chained:
        bounds.append(f"CDRs number {after + 1} to {upto}" if upto > after else f"late CDRs up to number {upto}")
    else:
        bounds.append(f"CDRs up to number {upto}")
    if ended_from is not None:
        bounds.append(f"ended from {_there(ended_from, zone)}")
    if cut is not None:
        bounds.append(f"ended before {_there(cut, zone)}")
    return ", ".join(bounds) + (f" ({zone})" if len(bounds) > 1 else "")


def _there(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


class Standing(StrEnum):
    """How an export is doing, worst first."""

    FAILED = "FAILED"
    OVERDUE = "OVERDUE"
    UNMADE = "UNMADE"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    BY_HAND = "BY_HAND"
    GOOD = "GOOD"


def overdue_since(*, schedule: str, enabled: bool, answered_until: datetime, now: datetime) -> datetime | None:
    """The time of the schedule that nobody answered, when that is too long ago."""
    if not schedule or not enabled:
        return None
    due = read(schedule).next(answered_until)
    return due if now - due > GRACE else None


def standing(*, last: RunState | None, unmade: int, overdue: bool, schedule: str, enabled: bool) -> Standing:
    """`unmade`: how many of its runs failed or were cancelled and were not made since."""
    if last is RunState.FAILED:
        return Standing.FAILED
    if overdue:
        return Standing.OVERDUE
    if unmade or (last is not None and last in UNMADE):
        return Standing.UNMADE
    if last in (RunState.QUEUED, RunState.RUNNING):
        return Standing.RUNNING
    if not schedule:
        return Standing.BY_HAND
    return Standing.GOOD if enabled else Standing.PAUSED
