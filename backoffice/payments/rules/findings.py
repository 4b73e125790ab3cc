"""What is wrong with what a terminal serves: told to staff, and never a reason to refuse what a partner says."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """Why a card may not be taken, or not once."""

    NO_EVSE = "NO_EVSE"
    UNKNOWN_PLACE = "UNKNOWN_PLACE"
    NO_AD_HOC_TARIFF = "NO_AD_HOC_TARIFF"
    NO_PREAUTHORIZATION = "NO_PREAUTHORIZATION"
    SERVED_TWICE = "SERVED_TWICE"
    DIFFERS = "DIFFERS"
    NOT_TAKEN = "NOT_TAKEN"


@dataclass(frozen=True, slots=True)
class Finding:
    """`about`: the EVSEs, places or terminals that it names; of many the first."""

    fault: Fault
    sentence: str
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """An EVSE that a terminal serves. `ad_hoc`: each of its connectors has a tariff for who pays at once; `preauthorizes`: and
    that says how much is to be reserved. `others`: terminals that serve it, too."""

    name: str
    ad_hoc: bool
    preauthorizes: bool
    others: tuple[str, ...] = ()


NAMED = 5
"""So many are named in a sentence."""


def named(ids: Sequence[str]) -> str:
    more = len(ids) - NAMED
    return ", ".join(ids[:NAMED]) + (f" and {more} more" if more > 0 else "")


def findings(points: Sequence[Point], unknown: Sequence[str]) -> list[Finding]:
    """What the assignment of one terminal comes to."""
    found = []
    if unknown:
        found.append(Finding(Fault.UNKNOWN_PLACE, f"Nobody knows {named(unknown)}.", tuple(unknown)))
    if not points:
        return [*found, Finding(Fault.NO_EVSE, "It serves no EVSE: no card can pay here.")]
    for fault, sentence, bad in (
        (
            Fault.NO_AD_HOC_TARIFF,
            "No tariff for paying at once: the terminal has no price to show for",
            [each.name for each in points if not each.ad_hoc],
        ),
        (
            Fault.NO_PREAUTHORIZATION,
            "Its tariff has no preauthorize_amount, so nobody knows how much to reserve on the card, at",
            [each.name for each in points if each.ad_hoc and not each.preauthorizes],
        ),
    ):
        if bad:
            found.append(Finding(fault, f"{sentence} {named(bad)}.", tuple(bad)))
    twice = {each.name: each.others for each in points if each.others}
    if twice:
        others = sorted({other for names in twice.values() for other in names})
        sentence = f"{named(list(twice))} {'is' if len(twice) == 1 else 'are'} served by {named(others)}, too."
        found.append(Finding(Fault.SERVED_TWICE, sentence, tuple(twice)))
    return found


def union(
    location_ids: Iterable[str], evse_uids: Iterable[str], known: Mapping[str, Collection[str]]
) -> tuple[set[tuple[str, str]], list[str]]:
    """The EVSEs (location, uid; in upper case) of these locations and these EVSEs together (T-477), and the ids of nobody.
    `known`: the CPO's locations with the uids of their EVSEs, in upper case."""
    served: set[tuple[str, str]] = set()
    unknown = []
    for each in location_ids:
        if each.upper() in known:
            served |= {(each.upper(), uid) for uid in known[each.upper()]}
        else:
            unknown.append(each)
    for each in evse_uids:
        at = {(location, each.upper()) for location, uids in known.items() if each.upper() in uids}
        served |= at
        if not at:
            unknown.append(each)
    return served, unknown
