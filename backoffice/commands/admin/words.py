"""Commands in words and colours: kinds, directions, states, and what each answer means to somebody who waits."""

from __future__ import annotations

from backoffice.commands.models import Command
from backoffice.commands.rules.states import Direction, State
from backoffice.console.cells import state
from ocpi.wire.commands import CommandResponseType, CommandType

KINDS = {
    CommandType.START_SESSION.value: "Start a charge",
    CommandType.STOP_SESSION.value: "Stop a charge",
    CommandType.RESERVE_NOW.value: "Reserve",
    CommandType.CANCEL_RESERVATION.value: "Cancel a reservation",
    CommandType.UNLOCK_CONNECTOR.value: "Unlock a connector",
}

DIRECTIONS = {
    Direction.OUT.value: "we asked",
    Direction.IN.value: "asked us",
    Direction.OWN.value: "in this house",
}

TONES = {
    State.QUEUED.value: ("busy", "schedule_send"),
    State.UNSURE.value: ("warn", "help"),
    State.WAITING.value: ("busy", "hourglass_top"),
    State.EXECUTING.value: ("busy", "hourglass_top"),
    State.REFUSED.value: ("bad", "block"),
    State.SUCCEEDED.value: ("good", "check_circle"),
    State.FAILED.value: ("bad", "error"),
    State.TIMED_OUT.value: ("bad", "timer_off"),
    State.CANCELED.value: ("warn", "event_busy"),
}

STATES = {
    State.QUEUED.value: "It waits to be sent.",
    State.UNSURE.value: "It was sent, or may have been, and the operator has not answered. It is not sent again; a result that "
    "still comes counts.",
    State.WAITING.value: "The operator has taken it. Its charge point has not said yet what it did.",
    State.EXECUTING.value: "Our charge point was told. It has not said yet what it did.",
    State.REFUSED.value: "The operator did not pass it on to a charge point.",
    State.SUCCEEDED.value: "The charge point did it.",
    State.FAILED.value: "It was not done.",
    State.TIMED_OUT.value: "No result came in time. A later one is written down and changes nothing: ask again if it is still "
    "wanted.",
    State.CANCELED.value: "The reservation that this command made was cancelled.",
}

RESPONSES = {
    CommandResponseType.ACCEPTED.value: "The operator took the request; that says nothing yet of the charge point.",
    CommandResponseType.REJECTED.value: "The operator refused the request.",
    CommandResponseType.NOT_SUPPORTED.value: "The operator, or this charge point of it, does not support this command.",
    CommandResponseType.UNKNOWN_SESSION.value: "The operator does not know this session.",
}


def standing(row: Command) -> str:
    return state(row.state, tone=TONES.get(row.state, ("off", "circle")))
