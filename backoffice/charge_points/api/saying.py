"""What travels over the charge-station API. Locations are OCPI's own classes (2.3.0), all else is as plain as hardware is."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, create_model

from backoffice.charge_points.rules.orders import Kind
from ocpi.wire import locations as wire
from ocpi.wire.base import (
    Bool,
    CiString36,
    CiString48,
    CiString255,
    ClosedEnum,
    DateTime,
    Int,
    Many,
    Number,
    String,
    String64,
    StringAnyLength,
    Wire,
)
from ocpi.wire.cdrs import SignedData
from ocpi.wire.charging_profiles import ActiveChargingProfile, ChargingProfile
from ocpi.wire.commands import CommandResultType
from ocpi.wire.locations import Status
from ocpi.wire.types import TokenType

Transaction = Annotated[str, String(64, pattern=r"[^\p{Cc}\p{Zl}\p{Zp}]+", meaning="text that is not empty")]
Reason = Annotated[str, String(200)]


def _optional(name: str, cls: type[Wire], doc: str, **replaced: Any) -> type[Wire]:
    """A class whose fields may all be left out: what is left out stays as it is, null takes it away."""
    fields: dict[str, Any] = {}
    for field, info in cls.model_fields.items():
        kind = Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation
        fields[field] = (kind | None, None)
    made: type[Wire] = create_model(name, __base__=Wire, __doc__=doc, **fields | replaced)
    return made


_ManyOf: Any = Many
"""Of classes that are made here and not written: to a type checker they are none."""

ConnectorTold = _optional("ConnectorTold", wire.Connector, "A Connector of OCPI.", id=(CiString36, ...))
EvseTold = _optional(
    "EvseTold",
    wire.EVSE,
    "An EVSE of OCPI. The status counts when the EVSE is new; later it is reported. Tariffs that are left out stay.",
    connectors=(_ManyOf[ConnectorTold] | None, None),
)
EvseInLocation = _optional(
    "EvseInLocation",
    EvseTold,
    "An EVSE of OCPI inside its Location.",
    uid=(CiString36, ...),
    connectors=(_ManyOf[ConnectorTold] | None, None),
)
LocationTold = _optional(
    "LocationTold",
    wire.Location,
    "A Location of OCPI. Owner, id and last_updated need not be said. EVSEs that are left out stay.",
    evses=(Annotated[_ManyOf[EvseInLocation], Field(max_length=200)] | None, None),
)


class KeptLocation(Wire):
    """A location as it is kept here. Partners hear of it once staff have shared it."""

    location: wire.Location
    shared: Bool


class StatusTold(Wire):
    """An EVSE has changed its status."""

    evse_id: CiString48
    status: Status
    reason: Reason = ""


class CardTold(Wire):
    """Somebody wants to charge and showed a card."""

    evse_id: CiString48
    connector_id: CiString36
    uid: CiString255
    token_type: TokenType = TokenType.RFID


class Admission(Wire):
    """Whether the station may let somebody charge, and the number that a charge begins with."""

    allowed: Bool
    reason: StringAnyLength
    authorization_id: Int | None = None


class StartTold(Wire):
    """A charge has begun. `transaction`: the station's own id of it. `pending`: the cable is not in yet."""

    evse_id: CiString48
    connector_id: CiString36
    transaction: Transaction
    authorization_id: Int
    meter_kwh: Number
    pending: Bool = False
    at: DateTime | None = None


class ReadingTold(Wire):
    """The meter of a charge that goes on. `charging`: whether the vehicle takes energy from now on."""

    evse_id: CiString48
    transaction: Transaction
    meter_kwh: Number
    power_kw: Number | None = None
    soc: Number | None = None
    charging: Bool = True
    at: DateTime | None = None


class ReadingsTold(Wire):
    """Up to 200 readings, the oldest first; each is taken or refused by itself."""

    readings: Annotated[list[ReadingTold], Field(min_length=1, max_length=200)]


class StopTold(Wire):
    """A charge is over."""

    evse_id: CiString48
    transaction: Transaction
    meter_kwh: Number
    reason: Reason = ""
    signed_data: SignedData | None = None
    at: DateTime | None = None


class PlanTold(Wire):
    """A charge will go on in another way than was known. `profile`: an ActiveChargingProfile of OCPI."""

    evse_id: CiString48
    transaction: Transaction
    profile: ActiveChargingProfile


class Charge(Wire):
    """A charge, by the id of its OCPI Session."""

    session_id: StringAnyLength


class Changed(Wire):
    """Whether it was news."""

    changed: Bool


class Fate(Wire):
    """What became of one of several; `reason` where it was refused."""

    taken: Bool
    reason: StringAnyLength | None = None


class Fates(Wire):
    """One for each reading, in their order."""

    results: list[Fate]


class OrderKind(ClosedEnum):
    """What a station is asked to do."""

    START = Kind.START.value
    STOP = Kind.STOP.value
    UNLOCK = Kind.UNLOCK.value
    RESERVE = Kind.RESERVE.value
    CANCEL_RESERVATION = Kind.CANCEL_RESERVATION.value
    SET_PROFILE = Kind.SET_PROFILE.value
    ACTIVE_PROFILE = Kind.ACTIVE_PROFILE.value
    CLEAR_PROFILE = Kind.CLEAR_PROFILE.value


class OtherToken(Wire):
    uid: CiString255
    token_type: TokenType


class Order(Wire):
    """Something to do, to be answered before its deadline.

    START: `authorization_id`, `uid`, `token_type`, maybe `connector_id`; the charge is then reported with that authorization.
    `reservation`, where it is there, is that under which the EVSE is kept for this driver, whatever `uid` it was made with.
    STOP, CLEAR_PROFILE: `transaction`. UNLOCK: `connector_id`. RESERVE: `reservation`, `uid`, `token_type`, `expires`, maybe
    `group_id`, `connector_id` and `others`, who may come as well. CANCEL_RESERVATION: `reservation`. SET_PROFILE: `transaction`,
    `profile`. ACTIVE_PROFILE: `transaction`, `seconds`."""

    order: CiString36
    kind: OrderKind
    evse_id: CiString48
    deadline: DateTime
    connector_id: CiString36 | None = None
    authorization_id: Int | None = None
    uid: CiString255 | None = None
    token_type: TokenType | None = None
    group_id: CiString36 | None = None
    transaction: String64 | None = None
    reservation: Int | None = None
    others: list[OtherToken] | None = None
    expires: DateTime | None = None
    profile: ChargingProfile | None = None
    seconds: Int | None = None


class Orders(Wire):
    """What is to be done. `next`: to be given as `after` when asking again."""

    orders: list[Order]
    next: StringAnyLength | None = None


class OrderAnswered(Wire):
    """What the station did. `profile`: an ActiveChargingProfile of OCPI, for ACTIVE_PROFILE."""

    outcome: CommandResultType
    reason: Reason = ""
    profile: ActiveChargingProfile | None = None
