"""Commands of 2.1.1 against 2.2.1: one CommandResponse for both answers, and numbers as reservation ids."""

import re

from ocpi.versions.fields import Field, Kind
from ocpi.versions.version import WHOLE, Change, Context, Node, Untranslatable, added, listed, required_narrowed
from ocpi.wire.commands import CommandResponse, CommandResult, ReserveNow, StartSession

TIMEOUT_SECONDS = 60
"""How long we wait for the result of a 2.1.1 command: its answer does not say."""

RESPONSES = listed("NOT_SUPPORTED REJECTED ACCEPTED TIMEOUT UNKNOWN_SESSION")


def _text_id(node: Node, context: Context) -> Node:
    number = node.get("reservation_id")
    return {**node, "reservation_id": str(number)} if type(number) is int else node


def _number_id(node: Node, context: Context) -> Node:
    text = node.get("reservation_id")
    if type(text) is not str:
        return node
    if not re.fullmatch(r"0|[1-9][0-9]{0,17}", text):
        raise Untranslatable("2.1.1 takes only a number as reservation_id")
    return {**node, "reservation_id": int(text)}


def _with_timeout(node: Node, context: Context) -> Node:
    """A charge point that did not answer is no answer of the CPO in 2.2.1: it refused."""
    newer = node if "timeout" in node else {**node, "timeout": TIMEOUT_SECONDS}
    return {**newer, "result": "REJECTED"} if newer.get("result") == "TIMEOUT" else newer


def _result(node: Node, context: Context) -> Node:
    return {**node, "result": "FAILED"} if node.get("result") == "UNKNOWN_SESSION" else node


CHANGES = (
    Change(
        ReserveNow,
        "ReserveNow.reservation_id became text",
        up=_text_id,
        down=_number_id,
        older={"reservation_id": Field(Kind.INT, required=True)},
        loses={WHOLE: "2.1.1 takes only a number as reservation_id"},
    ),
    added(ReserveNow, "authorization_reference", "2.1.1 has no references"),
    added(StartSession, "connector_id", "2.1.1 starts at an EVSE"),
    added(StartSession, "authorization_reference", "2.1.1 has no references"),
    Change(
        CommandResponse,
        "CommandResponse.timeout added",
        up=_with_timeout,
        assumes={"timeout": f"{TIMEOUT_SECONDS} s", "result": "TIMEOUT becomes REJECTED"},
    ),
    added(CommandResponse, "timeout", "2.1.1 does not say how long to wait"),
    added(CommandResponse, "message", "2.1.1 answers without text"),
    Change(
        CommandResult,
        "CommandResult: was CommandResponse",
        up=_result,
        assumes={"result": "UNKNOWN_SESSION becomes FAILED"},
    ),
    required_narrowed(CommandResult, "result", RESPONSES, "2.1.1 lists fewer values", instead="REJECTED"),
    added(CommandResult, "message", "2.1.1 answers without text"),
)
