"""The words of this room that are none of OCPI's: why a token is held, how a decision came about, and the code of its reason."""

from __future__ import annotations

from enum import StrEnum

from ocpi.wire.cdrs import AuthMethod
from ocpi.wire.tokens import AllowedType

SENDER_ROLES = frozenset({"EMSP"})
RECEIVER_ROLES = frozenset({"CPO"})
"""Who typically owns tokens and who wants to hear of them (`roles.json`)."""


class Hold(StrEnum):
    """Why a token of ours may not be used for now, as staff have said. Each but NONE is what a CPO that asks is answered."""

    NONE = "NONE"
    BLOCKED = "BLOCKED"
    EXPIRED = "EXPIRED"
    NO_CREDIT = "NO_CREDIT"
    NOT_ALLOWED = "NOT_ALLOWED"

    @property
    def answer(self) -> AllowedType:
        return AllowedType.ALLOWED if self is Hold.NONE else AllowedType(self.value)


class Cause(StrEnum):
    """Why staff block a token; each belongs to a hold."""

    LOST = "LOST"
    STOLEN = "STOLEN"
    UNPAID = "UNPAID"
    ENDED = "ENDED"
    NO_ROAMING = "NO_ROAMING"

    @property
    def hold(self) -> Hold:
        holds = {Cause.UNPAID: Hold.NO_CREDIT, Cause.ENDED: Hold.EXPIRED, Cause.NO_ROAMING: Hold.NOT_ALLOWED}
        return holds.get(self, Hold.BLOCKED)


class Kind(StrEnum):
    """ASKED: the CPO of a partner asked our eMSP. DECIDED: a charge point of ours asked, and we decided."""

    ASKED = "ASKED"
    DECIDED = "DECIDED"


class How(StrEnum):
    """What a decision rests on: our copy of the token, the eMSP's answer, our copy because the eMSP did not answer, our own eMSP
    in this very house, the eMSP's own command to start, or nothing."""

    WHITELIST = "WHITELIST"
    REAL_TIME = "REAL_TIME"
    OFFLINE = "OFFLINE"
    OWN = "OWN"
    COMMAND = "COMMAND"
    NONE = "NONE"

    @property
    def method(self) -> AuthMethod:
        """What a Session says of it."""
        if self is How.COMMAND:
            return AuthMethod.COMMAND
        return AuthMethod.WHITELIST if self in (How.WHITELIST, How.OFFLINE) else AuthMethod.AUTH_REQUEST


class WhenSilent(StrEnum):
    """What a CPO of ours does when the eMSP does not answer in time. WHITELIST is what OCPI says (ALLOWED_OFFLINE is let in)."""

    WHITELIST = "WHITELIST"
    REFUSE = "REFUSE"


class Reason(StrEnum):
    """The code of a decision's reason; the sentence beside it says the same in words."""

    GOOD = "GOOD"
    WHITELISTED = "WHITELISTED"
    ANSWERED = "ANSWERED"
    OFFLINE = "OFFLINE"
    COMMANDED = "COMMANDED"
    VOUCHED = "VOUCHED"
    HELD = "HELD"
    INVALID = "INVALID"
    OUTSIDE = "OUTSIDE"
    NO_EVSE = "NO_EVSE"
    LOCATION_NEEDED = "LOCATION_NEEDED"
    UNKNOWN_TOKEN = "UNKNOWN_TOKEN"  # noqa: S105 - a code, no password
    REFUSED = "REFUSED"
    SILENT = "SILENT"
    NOT_READABLE = "NOT_READABLE"
    UNREACHABLE = "UNREACHABLE"
    NOT_FOR_CHARGING = "NOT_FOR_CHARGING"
