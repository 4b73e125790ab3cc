"""How tokens and decisions look in lists and pages: ids masked, states by icon, text and colour."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString

from backoffice.console.cells import NOTHING, masked, state, word
from backoffice.tokens.models import Authorization, Token
from backoffice.tokens.rules.words import Cause, Hold

OUTCOMES: dict[str, tuple[str, str]] = {
    "ALLOWED": ("good", "check_circle"),
    "BLOCKED": ("bad", "block"),
    "EXPIRED": ("bad", "event_busy"),
    "NO_CREDIT": ("bad", "money_off"),
    "NOT_ALLOWED": ("bad", "do_not_disturb_on"),
}

CAUSES: tuple[tuple[str, str, str], ...] = (
    (Cause.LOST.value, "Lost", "Answered BLOCKED"),
    (Cause.STOLEN.value, "Stolen", "Answered BLOCKED"),
    (Cause.UNPAID.value, "Unpaid", "Answered NO_CREDIT"),
    (Cause.ENDED.value, "Contract ended", "Answered EXPIRED"),
    (Cause.NO_ROAMING.value, "Not for roaming", "Answered NOT_ALLOWED"),
)


def uid_for(request: HttpRequest, uid: str) -> str:
    return uid if request.user.has_perm("tokens.see_uid") else masked(uid)


def tree_for(request: HttpRequest, tree: dict[str, Any]) -> dict[str, Any]:
    return tree | {"uid": uid_for(request, str(tree.get("uid", "")))}


def standing(token: Token) -> SafeString | str:
    if token.hold != Hold.NONE:
        said = word(token.held_for) if token.held_for else word(token.hold)
        return state("x", tone=("bad", "block"), text=f"{word(token.hold)}: {said.lower()}")
    if not token.valid:
        return state("x", tone=("bad", "block"), text="Not valid")
    return state("x", tone=("good", "check_circle"), text="Valid")


def outcome(row: Authorization) -> SafeString | str:
    return state(row.allowed, tone=OUTCOMES.get(row.allowed))


def how(row: Authorization) -> str:
    return {
        "WHITELIST": "our copy",
        "REAL_TIME": "asked in real time",
        "OFFLINE": "copy, as nobody answered",
        "OWN": "our own eMSP",
        "COMMAND": "command of the eMSP",
        "NONE": "nothing",
    }.get(row.how, row.how) or NOTHING
