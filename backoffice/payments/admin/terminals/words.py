"""How terminals, their states and what is wrong with them read."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.html import format_html, format_html_join

from backoffice.console.cells import NOTHING, Tone, state
from backoffice.payments.actions.terminals.looking import Seen
from backoffice.payments.models import Terminal
from backoffice.payments.rules.findings import Fault
from backoffice.payments.rules.terminals import AskState, TerminalState

STEER = "payments.steer_terminal"

TONES: Mapping[str, Tone] = {
    TerminalState.NEW.value: ("busy", "fiber_new"),
    TerminalState.ACTIVE.value: ("good", "check_circle"),
    TerminalState.ENDING.value: ("warn", "hourglass_top"),
    TerminalState.INACTIVE.value: ("off", "do_not_disturb_on"),
}

MEANS: Mapping[str, str] = {
    TerminalState.NEW.value: "The CPO has not taken it yet.",
    TerminalState.ACTIVE.value: "In use.",
    TerminalState.ENDING.value: "The provider was asked to deactivate it and has not answered yet.",
    TerminalState.INACTIVE.value: "Out of use. It can be activated again.",
}

ASKS: Mapping[str, tuple[Tone, str]] = {
    AskState.ASKED.value: (("busy", "schedule_send"), "being asked for"),
    AskState.TAKEN.value: (("busy", "hourglass_top"), "taken by the provider, the terminal is awaited"),
    AskState.DONE.value: (("good", "check_circle"), "the terminal is here"),
    AskState.REFUSED.value: (("bad", "error"), "refused"),
}

SHORT: Mapping[Fault, str] = {
    Fault.NO_EVSE: "no EVSE",
    Fault.UNKNOWN_PLACE: "unknown place",
    Fault.NO_AD_HOC_TARIFF: "no ad-hoc tariff",
    Fault.NO_PREAUTHORIZATION: "no preauthorization",
    Fault.SERVED_TWICE: "served twice",
    Fault.DIFFERS: "provider differs",
    Fault.NOT_TAKEN: "not taken",
}

EVENTS: Mapping[str, str] = {
    "POSTED": "Told by the provider",
    "PULLED": "Found at the provider",
    "TOLD": "Changed by the provider",
    "CAME_OF_ACTIVATION": "Came of our activation",
    "CREATED": "Made",
    "OFFERED": "Offered to the CPO",
    "TOLD_AGAIN": "Told to the CPO again",
    "ASSIGNED": "What it serves was said anew",
    "CHANGED": "Changed",
    "DIFFERS": "The provider says something else",
    "TOOK_THEIRS": "Taken over from the provider",
    "PUSHED_AGAIN": "Told to the provider again",
    "TAKEN": "Taken by the provider",
    "NOT_TAKEN": "Not taken by the provider",
    "PLACED": "Said to be ours",
    "TAKE": "Taken by the CPO",
    "ACTIVATE": "Activated",
    "ASK_TO_END": "Asked to be deactivated",
    "KEEP": "Stays in use",
    "DEACTIVATE": "Deactivated",
}


def standing(row: Terminal) -> str:
    return state(row.state, tone=TONES[row.state])


def faults(seen: Seen) -> str:
    """The findings as a list shows them; the sentences are on the terminal's page."""
    if not seen.findings:
        return NOTHING
    cells = (
        (state("x", tone=("warn", "warning"), text=SHORT[each.fault]),)
        for each in {each.fault: each for each in seen.findings}.values()
    )
    return format_html('<span class="rd-pills">{}</span>', format_html_join(" ", "{}", cells))
