"""What travels over the driver-app API. Energy in kWh, power in kW, times as in OCPI; amounts in the currency beside them, before
taxes and, where these are known, with them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ocpi.wire import locations as wire
from ocpi.wire.base import (
    Bool,
    CiString36,
    CiString48,
    DateTime,
    Int,
    Many,
    Number,
    String,
    StringAnyLength,
    Wire,
)
from ocpi.wire.bookings import AccessMethod, CanceledReason, ReservationRequestStatus, ReservationStatus
from ocpi.wire.cdrs import CDR
from ocpi.wire.commands import CommandResponseType, CommandResultType, CommandType

Text = Annotated[str, String(100)]


class Charger(Wire):
    """A location with EVSEs that have what was asked for: `matching` of them, `free` now. `distance_m`: as the crow flies."""

    country_code: Text
    party_id: Text
    location_id: Text
    name: StringAnyLength
    city: StringAnyLength
    country: Text
    latitude: Number
    longitude: Number
    distance_m: Int
    max_power_kw: Number
    standards: Many[Text]
    matching: Int
    free: Int


class Place(Wire):
    """A location whole, as its operator tells it (Location of OCPI 2.3.0)."""

    location: wire.Location


class QuoteAsked(Wire):
    """What somebody wants to charge, and where. `minutes`: of charging; left out, as fast as the connector gives it."""

    country_code: Text
    party_id: Text
    location_id: CiString36
    evse_uid: CiString36
    connector_id: CiString36 | None = None
    kwh: Number
    minutes: Number | None = None
    idle_minutes: Number | None = None


class QuoteLine(Wire):
    """One step of the calculation."""

    what: StringAnyLength
    how: StringAnyLength
    excl: StringAnyLength
    incl: StringAnyLength
    why: StringAnyLength


class Quote(Wire):
    """What it would cost if it began now. Without a price when its operator has told us of none."""

    priced: Bool
    currency: Text | None = None
    total_excl: Number | None = None
    total_incl: Number | None = None
    tariff_id: Text | None = None
    tariff_text: StringAnyLength | None = None
    lines: Many[QuoteLine]


class StartAsked(Wire):
    """Start a charge for one of your drivers. `contract_id`: whose token is used."""

    contract_id: CiString36
    country_code: Text
    party_id: Text
    location_id: CiString36
    evse_uid: CiString36
    connector_id: CiString36 | None = None


class ReserveAsked(StartAsked):
    """Keep a charger for one of your drivers."""

    minutes: Int


class CancelAsked(Wire):
    """Give a reservation back."""

    reservation_id: CiString36


class SlotsAsked(Wire):
    """How long a slot is to be, from when to when to look (left out: from now on, for 30 days), and where: of one operator
    (`country_code` and `party_id`), at one location, or anywhere."""

    minutes: Int
    since: DateTime | None = None
    until: DateTime | None = None
    country_code: Text | None = None
    party_id: Text | None = None
    location_id: CiString36 | None = None
    power_kw: Number | None = None
    green: Bool | None = None
    limit: Int | None = None


class Slot(Wire):
    """A slot that is free. `place` and `option` are what a booking of it names."""

    country_code: Text
    party_id: Text
    place: Text
    option: Int | None = None
    location_id: Text
    location_name: StringAnyLength | None = None
    evse_uid: Text | None = None
    starts_at: DateTime
    ends_at: DateTime
    max_power_kw: Number | None = None
    green: Bool | None = None


class BookAsked(Wire):
    """Book a slot at a place for one of your drivers. `place`: as the search for slots names it; `option`: which kind of space
    there, counted from 0."""

    contract_id: CiString36
    country_code: Text
    party_id: Text
    place: CiString36
    option: Int | None = None
    starts_at: DateTime
    ends_at: DateTime
    power_kw: Int | None = None


class ChangeAsked(Wire):
    """Another time for a booking."""

    starts_at: DateTime
    ends_at: DateTime


class TakeBackAsked(Wire):
    """Take a booking back, and why."""

    reason: CanceledReason | None = None


class Booking(Wire):
    """A booking of a driver of yours. `status`: of the booking; `request_status`: of what was last asked, a booking or its change
    or cancellation (`asks`), with the reason if it was refused. `booking_id`: as its operator calls it, once it has answered.
    `charge`: that was made of it."""

    booking: Text
    booking_id: Text | None = None
    status: ReservationStatus
    asks: Text
    request_status: ReservationRequestStatus
    sentence: StringAnyLength
    country_code: Text
    party_id: Text
    location_id: Text
    evse_uid: Text | None = None
    parking_id: Text | None = None
    contract_id: Text
    starts_at: DateTime
    ends_at: DateTime
    change_until: DateTime | None = None
    cancel_until: DateTime | None = None
    early_from: DateTime | None = None
    late_until: DateTime | None = None
    noshow_at: DateTime | None = None
    access_methods: Many[AccessMethod] = Field(default_factory=list)
    canceled_reason: CanceledReason | None = None
    canceled_by: Text | None = None
    charge: Text | None = None
    asked_at: DateTime
    updated_at: DateTime | None = None


class Command(Wire):
    """What became of something that was asked for. `state`: QUEUED, UNSURE, WAITING and EXECUTING go on; SUCCEEDED, FAILED,
    REFUSED, TIMED_OUT and CANCELED are the end. `charge`: of a start, as soon as it is there."""

    command: Text
    kind: CommandType
    state: Text
    response: CommandResponseType | None = None
    result: CommandResultType | None = None
    sentence: StringAnyLength
    reservation_id: Text | None = None
    charge: Text | None = None
    asked_at: DateTime


class ChargeTold(Wire):
    """A charge of a driver of yours, with what it costs so far: as its operator says, and by our own calculation. `status`:
    PENDING and ACTIVE go on, COMPLETED and INVALID are over, RESERVATION waits for the driver."""

    charge: Text
    session_id: Text
    country_code: Text
    party_id: Text
    contract_id: Text
    status: Text
    location_name: StringAnyLength
    evse_id: CiString48 | None = None
    starts_at: DateTime
    ends_at: DateTime | None = None
    kwh: Number
    currency: Text
    told_excl: Number | None = None
    told_incl: Number | None = None
    our_excl: Number | None = None
    our_incl: Number | None = None
    updated_at: DateTime


class Charge(ChargeTold):
    """A charge, and whether its receipt is there."""

    receipt: Bool


class ReceiptReady(Wire):
    """The bill of a charge is there and was compared with our own calculation. The receipt itself is at the charge's address."""

    charge: Text
    session_id: Text
    contract_id: Text
    currency: Text
    total_excl: Number
    total_incl: Number | None = None
    checked: Text


class Receipt(Wire):
    """What the operator bills for the charge: its CDR whole, and whether our own calculation comes to the same."""

    cdr: CDR
    currency: Text
    total_excl: Number
    total_incl: Number | None = None
    checked: Text
