"""Where a tariff stands: scheduled, live, ended or withdrawn; and which of several wins for a kind of charge, with the reason.

Sources: `mod_tariffs#mod_tariffs_tariff_object` (validity, type), `mod_locations#connector_object` (of each type only one is
active at a time).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from backoffice.tariffs.rules.compiled import compile_tariff
from backoffice.tariffs.rules.sentence import sentence
from ocpi.wire.tariffs import Tariff, TariffRestrictions, TariffType

SENDER_ROLES = frozenset({"CPO", "NAP"})
RECEIVER_ROLES = frozenset({"EMSP", "NSP", "NAP", "PTP", "OTHER"})
"""Who typically owns tariffs and who wants to hear of them (`roles.json`)."""


class Standing(StrEnum):
    """Of a published tariff at a moment."""

    SCHEDULED = "SCHEDULED"
    LIVE = "LIVE"
    ENDED = "ENDED"
    WITHDRAWN = "WITHDRAWN"


def standing(
    starts_at: datetime | None, ends_at: datetime | None, withdrawn_at: datetime | None, now: datetime
) -> Standing:
    """The start is inclusive, the end exclusive."""
    if withdrawn_at is not None:
        return Standing.WITHDRAWN
    if starts_at is not None and now < starts_at:
        return Standing.SCHEDULED
    return Standing.ENDED if ends_at is not None and ends_at <= now else Standing.LIVE


def flaw(tariff: Tariff) -> str:
    """Why the engine cannot price by this tariff; empty when it can."""
    if tariff.currency in ("", "XXX"):
        return "It names no currency."
    try:
        compile_tariff(tariff)
    except (ValueError, ArithmeticError) as error:
        return f"It cannot be read: {error}."[:300]
    return ""


def headline(tariff: Tariff, longest: int = 500) -> str:
    """What it costs, for a list."""
    try:
        text = sentence(tariff)
    except (ValueError, ArithmeticError):
        return ""
    return text if len(text) <= longest else text[: longest - 1] + "…"


_OF_TIME = ("start_time", "end_time", "start_date", "end_date", "day_of_week")


def is_time_of_use(tariff: Tariff) -> bool:
    """Whether a price depends on the clock or the calendar."""
    return any(_clocked(element.restrictions) for element in tariff.elements)


def _clocked(restrictions: TariffRestrictions | None) -> bool:
    return restrictions is not None and any(getattr(restrictions, name) for name in _OF_TIME)


class Dated(Protocol):
    """What a contest needs to know of a tariff; a `Tariff` and a row's projections both say it."""

    @property
    def id(self) -> str: ...
    @property
    def type(self) -> TariffType | None: ...
    @property
    def start_date_time(self) -> datetime | None: ...
    @property
    def end_date_time(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class Validity:
    """The part of a tariff that decides when it holds, without its prices."""

    id: str
    type: TariffType | None
    start_date_time: datetime | None = None
    end_date_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Contender:
    """A tariff that a connector offers, with whether the partner in question may see it and whether its owner withdrew it."""

    tariff: Dated
    visible: bool = True
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Placing:
    """Whether a tariff prices the charge, and why. `clashes`: another one of its type is valid at the same time."""

    tariff: Dated
    wins: bool
    reason: str
    clashes: bool = False


def contest(contenders: Sequence[Contender], wanted: TariffType, at: datetime) -> list[Placing]:
    """Of the tariffs of one connector, in the order of its `tariff_ids`: which one prices a charge of this kind that begins now.

    A tariff without type is for all sessions and gives way to one of the wanted type; of several valid ones of a type, which OCPI
    does not allow, the one that began last wins, then the first in the list.
    """
    reasons = [_why_not(contender, wanted, at) for contender in contenders]
    fit = [contender.tariff for contender, reason in zip(contenders, reasons, strict=True) if not reason]
    typed = [tariff for tariff in fit if tariff.type is not None]
    closest = typed or fit
    best = _latest(closest)
    clash = len(closest) > 1
    told = []
    for contender, reason in zip(contenders, reasons, strict=True):
        tariff = contender.tariff
        if reason:
            told.append(Placing(tariff, False, reason))
        elif tariff is best:
            told.append(Placing(tariff, True, _why(tariff, wanted, len(closest), len(fit)), clash))
        elif best is not None and best.type is not None and tariff.type is None:
            told.append(
                Placing(tariff, False, f"It is for all sessions; {best.id} is for {wanted.value} and goes first.")
            )
        else:
            assert best is not None
            told.append(
                Placing(tariff, False, f"Of the same type as {best.id}, which began later or stands first.", clash)
            )
    return told


def _why_not(contender: Contender, wanted: TariffType, at: datetime) -> str:
    tariff = contender.tariff
    if contender.withdrawn:
        return "Withdrawn by its owner."
    if not contender.visible:
        return "Not disclosed to this partner."
    if tariff.start_date_time is not None and at < tariff.start_date_time:
        return f"Not valid before {tariff.start_date_time:%d %b %Y %H:%M} UTC."
    if tariff.end_date_time is not None and tariff.end_date_time <= at:
        return f"Not valid any more: it ended {tariff.end_date_time:%d %b %Y %H:%M} UTC."
    if tariff.type is not None and tariff.type is not wanted:
        return f"For {tariff.type.value} only."
    return ""


def _why(tariff: Dated, wanted: TariffType, of_its_kind: int, fit: int) -> str:
    if of_its_kind > 1:
        return f"{of_its_kind} tariffs of one type are valid at once; it began last, or stands first in the list."
    if tariff.type is None:
        return "It is for all sessions, and nothing more specific is valid."
    return f"It is the one for {wanted.value}." if fit > 1 else f"It is the only valid one for {wanted.value}."


def _latest(tariffs: Sequence[Dated]) -> Dated | None:
    best: Dated | None = None
    for tariff in tariffs:
        if best is None or (tariff.start_date_time or _EVER) > (best.start_date_time or _EVER):
            best = tariff
    return best


_EVER = datetime.min.replace(tzinfo=UTC)
