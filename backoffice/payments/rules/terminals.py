"""Who has payment terminals and who is told of them, and what becomes of one.

Laws (mod_payments#terminal_assignment): a terminal is created and owned by the payment terminal provider (PTP). The CPO says
which locations and EVSEs it serves, and the provider hears that from it. OCPI has no status of a terminal: what follows is ours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

SENDER_ROLES = frozenset({"PTP", "OTHER"})
RECEIVER_ROLES = frozenset({"CPO"})
"""Who owns terminals and who is told of them (`roles.json`). The Role enum has no PTP: one registers as OTHER."""


class TerminalState(StrEnum):
    """NEW: the CPO has not taken it yet. ENDING: the CPO asked the provider to deactivate it, who has not said yes yet."""

    NEW = "NEW"
    ACTIVE = "ACTIVE"
    ENDING = "ENDING"
    INACTIVE = "INACTIVE"


class TerminalMove(StrEnum):
    """What happens to a terminal that changes its state."""

    TAKE = "TAKE"
    ACTIVATE = "ACTIVATE"
    ASK_TO_END = "ASK_TO_END"
    KEEP = "KEEP"
    DEACTIVATE = "DEACTIVATE"


S, M = TerminalState, TerminalMove
TRANSITIONS: Mapping[TerminalState, Mapping[TerminalMove, TerminalState]] = {
    S.NEW: {M.TAKE: S.ACTIVE, M.ACTIVATE: S.ACTIVE, M.DEACTIVATE: S.INACTIVE},
    S.ACTIVE: {M.ASK_TO_END: S.ENDING, M.DEACTIVATE: S.INACTIVE},
    S.ENDING: {M.KEEP: S.ACTIVE, M.DEACTIVATE: S.INACTIVE},
    S.INACTIVE: {M.ACTIVATE: S.ACTIVE},
}
"""TAKE: the CPO has it. KEEP: the provider did not deactivate it. A terminal that is put up elsewhere is activated again."""


class AskState(StrEnum):
    """Of an activation that a CPO asked for. ASKED: owed to the provider. TAKEN: it said yes, and owes us the terminal. DONE: the
    terminal is here. REFUSED: it said no, or was not reached in time."""

    ASKED = "ASKED"
    TAKEN = "TAKEN"
    DONE = "DONE"
    REFUSED = "REFUSED"


ASK_TRANSITIONS: Mapping[AskState, frozenset[AskState]] = {
    AskState.ASKED: frozenset({AskState.TAKEN, AskState.DONE, AskState.REFUSED}),
    AskState.TAKEN: frozenset({AskState.DONE}),
    AskState.DONE: frozenset(),
    AskState.REFUSED: frozenset({AskState.DONE}),
}
"""The terminal may come before the answer does, and after an answer that never reached us."""


class NotAllowed(Exception):
    """The table knows no such move; the sentence says so."""


def moved(state: TerminalState, move: TerminalMove) -> TerminalState:
    """Raises NotAllowed."""
    to = TRANSITIONS[state].get(move)
    if to is None:
        raise NotAllowed(f"it is {state.value.lower()}, and what is {state.value.lower()} cannot {_VERBS[move]}.")
    return to


_VERBS = {
    M.TAKE: "be taken by the CPO",
    M.ACTIVATE: "be activated",
    M.ASK_TO_END: "be asked for to be deactivated",
    M.KEEP: "be kept",
    M.DEACTIVATE: "be deactivated",
}

MODULE = "terminals"

ASSIGNED = ("location_ids", "evse_uids")
"""What the CPO says of a terminal, with PATCH (T-476)."""

PROVIDERS = frozenset({"terminal_id", "reference"})
"""Fields that only the provider gives a value."""

Tree = dict[str, Any]


def why_not_by_cpo(stored: Tree, told: Tree, *, customer: tuple[str, str]) -> str:
    """Why a CPO must not change its provider's terminal like this; empty when it may. `told`: the whole as it would be."""
    for name in sorted(PROVIDERS):
        if _key(stored.get(name)) != _key(told.get(name)):
            return f"{name}: Expected what the terminal has; it is the provider's to change."
    for name, own in zip(("country_code", "party_id"), customer, strict=True):
        if told.get(name) is not None and _key(told[name]) != own:
            return f"{name}: Expected {own}, or nothing; a terminal is not handed to another party."
    return ""


def _key(value: Any) -> str:
    return str(value or "").upper()


def changed_fields(before: Tree, after: Tree) -> frozenset[str]:
    """What an object says differently, but for the time. An empty list, null and nothing are the same, and so are ids in another
    order or case."""
    names = (before.keys() | after.keys()) - {"last_updated"}
    return frozenset(name for name in names if _said(name, before) != _said(name, after))


def _said(name: str, tree: Tree) -> Any:
    value = tree.get(name)
    return _set(map(str, value or ())) if name in ASSIGNED else value or None


def assignment(told: Tree) -> dict[str, list[str]]:
    """Without repeats, in the order told."""
    kept: dict[str, dict[str, str]] = {name: {} for name in ASSIGNED}
    for name in ASSIGNED:
        for one in told.get(name) or ():
            kept[name].setdefault(str(one).upper(), str(one))
    return {name: list(ids.values()) for name, ids in kept.items()}


def _set(ids: Iterable[str]) -> set[str]:
    return {each.upper() for each in ids}


def unknown(ids: Sequence[str], known: Collection[str]) -> list[str]:
    """Those that nobody knows."""
    there = _set(known)
    return [each for each in ids if each.upper() not in there]
