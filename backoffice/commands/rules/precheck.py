"""What speaks against a command, before it is sent and before it is executed.

One list of checks serves both sides: staff and drivers learn here why a command would fail, and as a CPO we answer by it what
a partner asks of us. An objection is certain, or a doubt: then the charge point may know better, for what we know of it is as
old as what was told last. Who sends may insist against doubts only. The CPO never judges the token itself (T-412), only whose
it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ocpi.wire.commands import CommandResponseType, CommandResultType, CommandType
from ocpi.wire.envelope import StatusCode
from ocpi.wire.locations import Capability, Status

LONGEST_RESERVATION = timedelta(hours=24)
"""RESERVE_NOW keeps an EVSE from now on; who wants it for days would keep everybody else away."""


class Side(StrEnum):
    """SENDING: our eMSP to a partner. RECEIVING: a partner's eMSP, or our own, to us as a CPO."""

    SENDING = "SENDING"
    RECEIVING = "RECEIVING"


class Whose(StrEnum):
    """Somebody's hold on an EVSE, seen from who asks."""

    NOBODY = ""
    THEIRS = "THEIRS"
    OTHERS = "OTHERS"


class Code(StrEnum):
    """What is wrong, for programs and tests; the sentence beside it says it to people."""

    NO_WAY = "NO_WAY"
    FOR_STAFF = "FOR_STAFF"
    UNKNOWN_LOCATION = "UNKNOWN_LOCATION"
    UNKNOWN_EVSE = "UNKNOWN_EVSE"
    NO_EVSE = "NO_EVSE"
    NONE_FREE = "NONE_FREE"
    UNKNOWN_CONNECTOR = "UNKNOWN_CONNECTOR"
    CONNECTOR_REQUIRED = "CONNECTOR_REQUIRED"
    NOT_CAPABLE = "NOT_CAPABLE"
    UNREACHABLE = "UNREACHABLE"
    NOT_IN_SERVICE = "NOT_IN_SERVICE"
    INOPERATIVE = "INOPERATIVE"
    OCCUPIED = "OCCUPIED"
    RESERVED = "RESERVED"
    FOREIGN_TOKEN = "FOREIGN_TOKEN"  # noqa: S105 - a code, no password
    BAD_TOKEN = "BAD_TOKEN"  # noqa: S105
    EXPIRY = "EXPIRY"
    UNKNOWN_SESSION = "UNKNOWN_SESSION"
    FOREIGN_SESSION = "FOREIGN_SESSION"
    SESSION_OVER = "SESSION_OVER"
    ONLY_RESERVED = "ONLY_RESERVED"
    UNKNOWN_RESERVATION = "UNKNOWN_RESERVATION"
    ELSEWHERE = "ELSEWHERE"
    CABLE_OF_OTHERS = "CABLE_OF_OTHERS"
    CHARGING = "CHARGING"


@dataclass(frozen=True, slots=True)
class Point:
    """The EVSE. `connectors`: their ids. `told_at`: since when it has its status. `kept`: for whom it is reserved. `cable`: whose
    cable was in it last and may still be. `unreachable`: why no order gets to its hardware."""

    uid: str
    status: Status
    capabilities: frozenset[str] = frozenset()
    connectors: tuple[str, ...] = ()
    told_at: datetime | None = None
    kept: Whose = Whose.NOBODY
    cable: Whose = Whose.NOBODY
    unreachable: str = ""


@dataclass(frozen=True, slots=True)
class Driver:
    """The token. `refusal`: why its own eMSP would not let it charge; only the eMSP itself asks."""

    whose: Whose
    label: str = ""
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Charge:
    """The session that is to be stopped. `point`: where it takes place, as far as that is known."""

    whose: Whose
    status: str
    point: Point | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """The reservation with this id, of the eMSP that asks."""

    location_id: str
    evse_uid: str


@dataclass(frozen=True, slots=True)
class Situation:
    """A command and what is known of what it names; None is what is not known or was not named. `free`: whether an EVSE was
    found, where the eMSP left the choice to the CPO. `no_way`: why nothing can be sent."""

    kind: str
    side: Side
    now: datetime
    location_id: str = ""
    evse_uid: str = ""
    connector_id: str = ""
    location_known: bool = False
    point: Point | None = None
    free: bool = True
    driver: Driver | None = None
    charge: Charge | None = None
    held: Held | None = None
    expires_at: datetime | None = None
    no_way: str = ""
    by_driver: bool = False


@dataclass(frozen=True, slots=True)
class Objection:
    """`response`, `ocpi`: what a CPO answers. `result`: what the charge point will probably say; with the response ACCEPTED, what
    we say in its place."""

    code: Code
    sentence: str
    certain: bool = True
    response: CommandResponseType = CommandResponseType.REJECTED
    result: CommandResultType | None = None
    ocpi: int = field(default=StatusCode.SUCCESS)


Check = Callable[[Situation], Iterator[Objection]]

_NOT_SUPPORTED = CommandResponseType.NOT_SUPPORTED


def _way(case: Situation) -> Iterator[Objection]:
    if case.no_way:
        yield Objection(Code.NO_WAY, case.no_way)


def _for_staff(case: Situation) -> Iterator[Objection]:
    """T-430."""
    if case.by_driver:
        yield Objection(
            Code.FOR_STAFF,
            "Only staff unlock a connector: a driver calls the helpdesk, which looks whether it is the right one.",
        )


def _place(case: Situation) -> Iterator[Objection]:
    """T-111, T-433."""
    unknown = int(StatusCode.UNKNOWN_LOCATION)
    if not case.location_known:
        sentence = f"Location {case.location_id} is not known here."
        yield Objection(Code.UNKNOWN_LOCATION, sentence, ocpi=unknown)
    elif case.evse_uid and case.point is None:
        sentence = f"Location {case.location_id} has no EVSE {case.evse_uid}."
        yield Objection(Code.UNKNOWN_EVSE, sentence, ocpi=unknown)
    elif case.point is not None and case.connector_id and not _has_connector(case.point, case.connector_id):
        sentence = f"EVSE {case.point.uid} has no connector {case.connector_id}."
        yield Objection(Code.UNKNOWN_CONNECTOR, sentence, ocpi=unknown)


def _has_connector(point: Point, connector_id: str) -> bool:
    return connector_id.upper() in {each.upper() for each in point.connectors}


def _choice(case: Situation) -> Iterator[Objection]:
    if not case.location_known or case.evse_uid:
        return
    if case.connector_id:
        yield Objection(Code.NO_EVSE, "A connector is named and no EVSE.", ocpi=int(StatusCode.INVALID_PARAMETERS))
    elif case.side is Side.SENDING:
        yield Objection(
            Code.NO_EVSE, "No EVSE is named: the operator chooses one, and not every operator does that.", certain=False
        )
    elif not case.free:
        yield Objection(Code.NONE_FREE, f"No EVSE of location {case.location_id} is free for it.")


def _capability(needed: Capability, sentence: str) -> Check:
    def check(case: Situation) -> Iterator[Objection]:
        point = case.point or (case.charge.point if case.charge else None)
        if point is None or needed.value in point.capabilities:
            return
        if point.capabilities or case.side is Side.RECEIVING:
            yield Objection(Code.NOT_CAPABLE, f"EVSE {point.uid} {sentence}.", response=_NOT_SUPPORTED)
        else:
            yield Objection(
                Code.NOT_CAPABLE,
                f"Its operator tells no capabilities of EVSE {point.uid} at all; perhaps it {sentence}.",
                certain=False,
                response=_NOT_SUPPORTED,
            )

    return check


def _connector_required(case: Situation) -> Iterator[Objection]:
    """T-421, T-239."""
    point = case.point
    required = Capability.START_SESSION_CONNECTOR_REQUIRED.value
    if point is not None and required in point.capabilities and not case.connector_id:
        yield Objection(
            Code.CONNECTOR_REQUIRED,
            f"EVSE {point.uid} starts only at a connector that is named.",
            ocpi=int(StatusCode.NOT_ENOUGH_INFORMATION),
        )


def _reachable(case: Situation) -> Iterator[Objection]:
    point = case.point or (case.charge.point if case.charge else None)
    if point is not None and point.unreachable:
        yield Objection(Code.UNREACHABLE, point.unreachable, response=_NOT_SUPPORTED)


_CLOSED = frozenset({Status.PLANNED, Status.REMOVED})
_BROKEN = frozenset({Status.BLOCKED, Status.INOPERATIVE, Status.OUTOFORDER, Status.UNKNOWN})


def _service(case: Situation) -> Iterator[Objection]:
    point = case.point
    if point is None:
        return
    if point.status in _CLOSED:
        yield Objection(Code.NOT_IN_SERVICE, f"EVSE {point.uid} is {point.status} and takes no orders.")
    elif point.status in _BROKEN:
        yield Objection(
            Code.INOPERATIVE,
            f"EVSE {point.uid} is {point.status}{_since(point)}.",
            certain=False,
            result=CommandResultType.EVSE_INOPERATIVE,
        )


def _free(case: Situation) -> Iterator[Objection]:
    point = case.point
    if point is None:
        return
    if point.kept is Whose.OTHERS:
        yield Objection(Code.RESERVED, f"EVSE {point.uid} is reserved for somebody else.")
    elif point.status is Status.RESERVED and point.kept is Whose.NOBODY:
        yield Objection(
            Code.RESERVED,
            f"EVSE {point.uid} is reserved{_since(point)}, as far as we know for somebody else.",
            certain=False,
            result=CommandResultType.EVSE_OCCUPIED,
        )
    elif point.status is Status.CHARGING:
        yield Objection(
            Code.OCCUPIED,
            f"EVSE {point.uid} charges a vehicle{_since(point)}.",
            certain=False,
            result=CommandResultType.EVSE_OCCUPIED,
        )


def _since(point: Point) -> str:
    return f" since {point.told_at:%d %b %H:%M} UTC" if point.told_at else ""


def _token(case: Situation) -> Iterator[Objection]:
    """T-419, T-213; T-413 on the side that sends. On the other side nothing but whose it is (T-412)."""
    driver = case.driver
    if driver is None or driver.whose is not Whose.THEIRS:
        label = driver.label if driver else "it"
        sentence = f"The token {label} does not belong to the eMSP that sends the command."
        yield Objection(Code.FOREIGN_TOKEN, sentence, ocpi=int(StatusCode.INVALID_PARAMETERS))
    elif case.side is Side.SENDING and driver.refusal:
        yield Objection(Code.BAD_TOKEN, f"Our eMSP does not let the token {driver.label} charge: {driver.refusal}")


def _expiry(case: Situation) -> Iterator[Objection]:
    if case.expires_at is None:
        return
    invalid = int(StatusCode.INVALID_PARAMETERS)
    if case.expires_at <= case.now:
        yield Objection(Code.EXPIRY, "The reservation would be over before it begins.", ocpi=invalid)
    elif case.expires_at > case.now + LONGEST_RESERVATION:
        hours = LONGEST_RESERVATION // timedelta(hours=1)
        certain = case.side is Side.RECEIVING
        yield Objection(Code.EXPIRY, f"An EVSE is reserved for at most {hours} hours.", certain=certain)


def _elsewhere(case: Situation) -> Iterator[Objection]:
    """A reservation is replaced at its own Location (T-424); its id cannot mean two, for who cancels names nothing else."""
    held = case.held
    if held is None:
        return
    if held.location_id.upper() != case.location_id.upper():
        yield Objection(Code.ELSEWHERE, f"This reservation_id is in use at location {held.location_id}.")
    elif case.evse_uid and held.evse_uid and held.evse_uid.upper() != case.evse_uid.upper():
        yield Objection(
            Code.ELSEWHERE, f"This reservation keeps EVSE {held.evse_uid}: cancel it to reserve another EVSE."
        )


def _session(case: Situation) -> Iterator[Objection]:
    """T-431, T-432."""
    charge = case.charge
    if charge is None:
        yield Objection(
            Code.UNKNOWN_SESSION, "There is no such session here.", response=CommandResponseType.UNKNOWN_SESSION
        )
    elif charge.whose is not Whose.THEIRS:
        yield Objection(Code.FOREIGN_SESSION, "The session is not of a driver of this eMSP.")
    elif charge.status == "RESERVATION":
        yield Objection(Code.ONLY_RESERVED, "Nobody charges yet: the reservation is to be cancelled.")
    elif charge.status not in ("ACTIVE", "PENDING"):
        yield Objection(Code.SESSION_OVER, f"The session is {charge.status} already.")


def _reservation(case: Situation) -> Iterator[Objection]:
    """There is no CommandResponse that says so, and a CommandResult that does."""
    if case.held is None:
        sending = case.side is Side.SENDING
        yield Objection(
            Code.UNKNOWN_RESERVATION,
            "There is no such reservation, or it is over.",
            response=CommandResponseType.REJECTED if sending else CommandResponseType.ACCEPTED,
            result=CommandResultType.UNKNOWN_RESERVATION,
        )


def _cable(case: Situation) -> Iterator[Objection]:
    """UNLOCK_CONNECTOR is for a cable that is stuck after a charge, and lets whoever stands there take it."""
    point = case.point
    if point is None:
        return
    if point.cable is Whose.OTHERS:
        yield Objection(Code.CABLE_OF_OTHERS, f"The cable in EVSE {point.uid} may be that of another driver.")
    elif point.status is Status.CHARGING:
        yield Objection(
            Code.CHARGING,
            f"EVSE {point.uid} charges{_since(point)}: stop the charge first, and unlock if the cable is still stuck.",
            certain=False,
            result=CommandResultType.FAILED,
        )


_REMOTE = _capability(Capability.REMOTE_START_STOP_CAPABLE, "cannot be started and stopped from afar")
_RESERVABLE = _capability(Capability.RESERVABLE, "cannot be reserved")
_UNLOCK = _capability(Capability.UNLOCK_CAPABLE, "cannot be unlocked from afar")

CHECKS: Mapping[str, tuple[Check, ...]] = {
    CommandType.START_SESSION: (
        _way,
        _token,
        _place,
        _choice,
        _REMOTE,
        _connector_required,
        _service,
        _reachable,
        _free,
    ),
    CommandType.STOP_SESSION: (_way, _session, _REMOTE, _reachable),
    CommandType.RESERVE_NOW: (
        _way,
        _token,
        _expiry,
        _place,
        _elsewhere,
        _choice,
        _RESERVABLE,
        _service,
        _reachable,
        _free,
    ),
    CommandType.CANCEL_RESERVATION: (_way, _reservation),
    CommandType.UNLOCK_CONNECTOR: (_way, _for_staff, _place, _UNLOCK, _service, _reachable, _cable),
}
"""What is looked at, and in which order; the first certain objection is what a CPO answers with."""


def precheck(case: Situation) -> list[Objection]:
    """Everything that speaks against the command, in the order of the table. Empty: nothing does."""
    return [objection for check in CHECKS[case.kind] for objection in check(case)]


def obstacle(objections: list[Objection]) -> Objection | None:
    """The first certain one."""
    return next((each for each in objections if each.certain), None)
