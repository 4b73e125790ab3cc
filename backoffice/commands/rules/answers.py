"""What the answer to a request of ours means, and how we word our own."""

from __future__ import annotations

from typing import Any

from backoffice.commands.rules.states import Event
from backoffice.commands.rules.waiting import TIMEOUT_SECONDS
from ocpi.wire.commands import CommandResponseType, CommandResultType

Tree = dict[str, Any]

REFUSALS = frozenset(
    {
        "unauthorized",
        "not_found",
        "not_supported",
        "http_4xx",
        "rate_limited",
        "ocpi_2xxx",
        "hub_unknown_receiver",
    }
)
"""Causes (`ocpi.client.Cause`) by which the partner's platform itself said no. After any other it may have taken the command."""


def event_of_reply(response: CommandResponseType | None, *, sent: bool, cause: str) -> Event:
    """What becomes of a command of ours by the answer to its request. `response` None: there was none."""
    if response is CommandResponseType.ACCEPTED:
        return Event.ACCEPT
    if response is not None:
        return Event.REFUSE
    if not sent:
        return Event.NOT_SENT
    return Event.REFUSE if cause in REFUSALS else Event.UNHEARD


def response_tree(response: CommandResponseType, sentence: str) -> Tree:
    """A CommandResponse. The timeout is required, also where there will be no result (T-410)."""
    return {"result": response.value, "timeout": TIMEOUT_SECONDS} | _message(sentence)


def result_tree(result: CommandResultType, sentence: str) -> Tree:
    """A CommandResult."""
    return {"result": result.value} | _message(sentence)


def _message(sentence: str) -> Tree:
    return {"message": [{"language": "en", "text": sentence[:512]}]} if sentence else {}


def texts(message: Any) -> str:
    """What a partner said in words, the first language of it. `message`: DisplayTexts."""
    return next((each.text for each in message or () if each.text), "")[:512]


RESULTS: dict[str, str] = {
    CommandResultType.ACCEPTED: "The charge point did it.",
    CommandResultType.CANCELED_RESERVATION: "The operator cancelled the reservation.",
    CommandResultType.EVSE_OCCUPIED: "The charge point is occupied.",
    CommandResultType.EVSE_INOPERATIVE: "The charge point is out of order.",
    CommandResultType.FAILED: "The charge point could not do it.",
    CommandResultType.NOT_SUPPORTED: "The charge point does not know this command.",
    CommandResultType.REJECTED: "The charge point refused.",
    CommandResultType.TIMEOUT: "The charge point did not answer in time.",
    CommandResultType.UNKNOWN_RESERVATION: "The charge point knows no such reservation.",
}
"""In a sentence for staff and drivers."""
