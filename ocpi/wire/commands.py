"""What an eMSP asks a CPO to do at a charge point (`mod_commands`). The request is answered at once with a
CommandResponse; what the charge point said follows as a CommandResult to response_url.
"""

from collections.abc import Iterator

from pydantic import Field

from ocpi.wire.base import Checked, CiString36, ClosedEnum, Contradiction, DateTime, Int, Many, OpenEnum, Url, Wire
from ocpi.wire.tokens import Token
from ocpi.wire.types import DisplayText


class CommandResponseType(ClosedEnum):
    """`mod_commands#mod_commands_commandresponsetype_enum`."""

    NOT_SUPPORTED = "NOT_SUPPORTED"
    REJECTED = "REJECTED"
    ACCEPTED = "ACCEPTED"
    UNKNOWN_SESSION = "UNKNOWN_SESSION"


class CommandResultType(ClosedEnum):
    """`mod_commands#mod_commands_commandresulttype_enum`."""

    ACCEPTED = "ACCEPTED"
    CANCELED_RESERVATION = "CANCELED_RESERVATION"
    EVSE_OCCUPIED = "EVSE_OCCUPIED"
    EVSE_INOPERATIVE = "EVSE_INOPERATIVE"
    FAILED = "FAILED"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    REJECTED = "REJECTED"
    TIMEOUT = "TIMEOUT"
    UNKNOWN_RESERVATION = "UNKNOWN_RESERVATION"


class CommandType(OpenEnum):
    """`mod_commands#mod_commands_commandtype_enum`."""

    CANCEL_RESERVATION = "CANCEL_RESERVATION"
    RESERVE_NOW = "RESERVE_NOW"
    START_SESSION = "START_SESSION"
    STOP_SESSION = "STOP_SESSION"
    UNLOCK_CONNECTOR = "UNLOCK_CONNECTOR"


class CancelReservation(Wire):
    """`mod_commands#mod_commands_cancelreservation_object`."""

    response_url: Url
    reservation_id: CiString36


class CommandResponse(Wire):
    """`mod_commands#mod_commands_commandresponse_object`: whether the CPO takes the request; about the CPO and not
    about the charge point.
    """

    result: CommandResponseType
    timeout: Int  # seconds
    message: Many[DisplayText] = Field(default_factory=list)


class CommandResult(Wire):
    """`mod_commands#mod_commands_commandresult_object`: what the charge point did."""

    result: CommandResultType
    message: Many[DisplayText] = Field(default_factory=list)


class ReserveNow(Wire):
    """`mod_commands#mod_commands_reservenow_object`."""

    response_url: Url
    token: Token
    expiry_date: DateTime
    reservation_id: CiString36  # not unique across eMSPs: the charge point gets another one
    location_id: CiString36
    evse_uid: CiString36 | None = None
    authorization_reference: CiString36 | None = None


class StartSession(Checked):
    """`mod_commands#mod_commands_startsession_object`."""

    response_url: Url
    token: Token
    location_id: CiString36
    evse_uid: CiString36 | None = None  # required with connector_id
    connector_id: CiString36 | None = None  # required by EVSEs with START_SESSION_CONNECTOR_REQUIRED
    authorization_reference: CiString36 | None = None

    def contradictions(self) -> Iterator[Contradiction]:
        """`T-420`."""
        if self.connector_id is not None and self.evse_uid is None:
            yield ("evse_uid",), "Expected an EVSE, because connector_id is set."


class StopSession(Wire):
    """`mod_commands#mod_commands_stopsession_object`."""

    response_url: Url
    session_id: CiString36


class UnlockConnector(Wire):
    """`mod_commands#mod_commands_unlockconnector_object`: for operators and helpdesks, never for drivers."""

    response_url: Url
    location_id: CiString36
    evse_uid: CiString36
    connector_id: CiString36
