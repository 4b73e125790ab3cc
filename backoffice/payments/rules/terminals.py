"""Who has payment terminals and who is told of them, and what becomes of one.

Laws (mod_payments#terminal_assignment): a terminal is created and owned by the payment terminal provider (PTP). The CPO says
which locations and EVSEs it serves, and the provider hears that from it. OCPI has no status of a terminal: what follows is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

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
