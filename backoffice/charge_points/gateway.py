"""The port to charge station hardware: what a driver is, and what it tells us.

A driver speaks with stations in whatever way they want and runs until it is told to stop. It brings their reports, and takes
orders to them (`Instruction`), each of which it answers once by the report `Done`.

Stations know themselves by the EVSE id that is printed on them, in any case, and count their charges by transaction ids of
their own. `at` is when it happened by the station's clock; None is now.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, TypeAlias

from backoffice.charge_points.rules.orders import Kind
from ocpi.wire.commands import CommandResultType
from ocpi.wire.locations import Status

# --- what stations tell ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StatusReport:
    """An EVSE has changed its status. The answer is whether that was news."""

    evse_id: str
    status: Status
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CardShown:
    """Somebody wants to charge and showed a card, or what stands for one. The answer is an `Admission`, always, and may take as
    long as the eMSP does, some seconds."""

    evse_id: str
    connector_id: str
    uid: str
    token_type: str = "RFID"  # noqa: S105 - a kind of token, no password


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether the station may let somebody charge, and the number that a charge begins with."""

    allowed: bool
    reason: str
    authorization_id: int | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """A charge has begun, with the meter's kWh at that moment. `pending`: the cable is not in yet. The answer is the id of the
    session; the same report again gets the same answer."""

    evse_id: str
    connector_id: str
    transaction: str
    authorization_id: int
    meter_kwh: Decimal
    pending: bool = False
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Metered:
    """The meter of a charge that goes on. `power_kw`, `soc` (percent): where the station knows them. `charging`: whether the
    vehicle takes energy, from now on."""

    evse_id: str
    transaction: str
    meter_kwh: Decimal
    power_kw: Decimal | None = None
    soc: Decimal | None = None
    charging: bool = True
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stopped:
    """A charge is over. `signed_data`: a SignedData of OCPI (mod_cdrs), which goes into the CDR as it is."""

    evse_id: str
    transaction: str
    meter_kwh: Decimal
    reason: str = ""
    signed_data: dict[str, Any] | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What a station did about an order. The answer is whether somebody still waited for it; said again, or too late, it is
    written down and has no effect.

    `profile`: an ActiveChargingProfile of OCPI, where one was asked for, and where a station that was set another profile knows
    how the charge goes on.
    """

    order: str
    outcome: CommandResultType
    reason: str = ""
    profile: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Replanned:
    """A charge will go on in another way than was known, by itself, as when something at the site limits it. `profile`: an
    ActiveChargingProfile of OCPI. The answer is whether the charge still runs."""

    evse_id: str
    transaction: str
    profile: dict[str, Any]


Report: TypeAlias = StatusReport | CardShown | Started | Metered | Stopped | Replanned | Done

Answer: TypeAlias = bool | str | Admission
"""False: nothing changed, or the report was refused (which is logged). A card that is refused is an Admission, too."""

Tell = Callable[[Report], Answer]
"""Takes a report in. Returns only when it is certain what became of it. May be called by several threads at once."""


# --- what stations are asked to do -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`order`: by which it is answered. After `deadline` nobody waits for the answer any more."""

    order: str
    evse_id: str
    deadline: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Start(Asked):
    """Let somebody charge who was let in already: when the cable is in, `Started` is told with this authorization, as after a
    card. Answered at once, before the cable is in. Without a connector: whichever is plugged in. `reservation`: the EVSE is kept
    for him under this number, whatever token he has."""

    authorization_id: int
    uid: str
    token_type: str
    connector_id: str | None = None
    reservation: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(Asked):
    transaction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlock(Asked):
    """Let go of a cable that is stuck."""

    connector_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve(Asked):
    """Keep it free until then for this token, and those of its group. The same number again: the reservation has changed.
    `others`: `uid` and `token_type` of each that may come as well."""

    reservation: int
    uid: str
    token_type: str
    expires: datetime
    group_id: str = ""
    connector_id: str | None = None
    others: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelReservation(Asked):
    reservation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetProfile(Asked):
    """`profile`: a ChargingProfile of OCPI. It replaces the one before."""

    transaction: str
    profile: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveProfile(Asked):
    """How the charge will go on for so many seconds, as far as the station knows."""

    transaction: str
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearProfile(Asked):
    transaction: str


Instruction: TypeAlias = Start | Stop | Unlock | Reserve | CancelReservation | SetProfile | ActiveProfile | ClearProfile

INSTRUCTIONS: Mapping[Kind, type[Instruction]] = {
    Kind.START: Start,
    Kind.STOP: Stop,
    Kind.UNLOCK: Unlock,
    Kind.RESERVE: Reserve,
    Kind.CANCEL_RESERVATION: CancelReservation,
    Kind.SET_PROFILE: SetProfile,
    Kind.ACTIVE_PROFILE: ActiveProfile,
    Kind.CLEAR_PROFILE: ClearProfile,
}


def instruction(
    kind: Kind, arguments: Mapping[str, Any], *, order: str, evse_id: str, deadline: datetime
) -> Instruction:
    """The value of an order. `arguments`: its own fields, times as datetime or as OCPI writes them. TypeError: not the fields
    of this kind."""
    given = dict(arguments)
    if isinstance(given.get("expires"), str):
        given["expires"] = datetime.fromisoformat(given["expires"])
    return INSTRUCTIONS[kind](order=order, evse_id=evse_id, deadline=deadline, **given)


class Orders(Protocol):
    """What is to be done, for a driver that asks."""

    def __call__(self) -> Sequence[Instruction]:
        """What is to be done now and was given to no other driver. Does not wait."""

    def wait(self, seconds: float) -> None:
        """Until there is something to do, the driver is told to stop, or the time is over."""


class Gateway(Protocol):
    """A driver of charge station hardware."""

    def run(self, tell: Tell, stop: threading.Event, orders: Orders) -> None:
        """Bring reports and obey orders until `stop` is set."""
