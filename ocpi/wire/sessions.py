"""Charging sessions under way (`mod_sessions`)."""

from pydantic import Field

from ocpi.wire.base import (
    Bool,
    CiString2,
    CiString3,
    CiString36,
    ClosedEnum,
    DateTime,
    Many,
    Number,
    String3,
    String255,
    Wire,
)
from ocpi.wire.cdrs import AuthMethod, CdrToken, ChargingPeriod
from ocpi.wire.types import Price


class ChargingPreferencesResponse(ClosedEnum):
    """`mod_sessions#mod_sessions_charging_preferences_response_enum`."""

    ACCEPTED = "ACCEPTED"
    DEPARTURE_REQUIRED = "DEPARTURE_REQUIRED"
    ENERGY_NEED_REQUIRED = "ENERGY_NEED_REQUIRED"
    NOT_POSSIBLE = "NOT_POSSIBLE"
    PROFILE_TYPE_NOT_SUPPORTED = "PROFILE_TYPE_NOT_SUPPORTED"


class ProfileType(ClosedEnum):
    """`mod_sessions#mod_sessions_profile_type_enum`: what a driver wants of smart charging."""

    CHEAP = "CHEAP"
    FAST = "FAST"
    GREEN = "GREEN"
    REGULAR = "REGULAR"


class SessionStatus(ClosedEnum):
    """`mod_sessions#mod_sessions_sessionstatus_enum`. COMPLETED is final; INVALID is never billed."""

    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    INVALID = "INVALID"
    PENDING = "PENDING"
    RESERVATION = "RESERVATION"


class Session(Wire):
    """`mod_sessions#mod_sessions_session_object`."""

    country_code: CiString2
    party_id: CiString3
    id: CiString36
    start_date_time: DateTime  # of the creation while PENDING, of the activation afterwards
    end_date_time: DateTime | None = None
    kwh: Number  # kWh
    cdr_token: CdrToken
    auth_method: AuthMethod
    authorization_reference: CiString36 | None = None  # the last one that the eMSP gave
    location_id: CiString36
    evse_uid: CiString36  # #NA for a reservation without EVSE
    connector_id: CiString36  # #NA for a reservation without connector
    meter_id: String255 | None = None
    currency: String3  # ISO 4217
    charging_periods: Many[ChargingPeriod] = Field(default_factory=list)
    total_cost: Price | None = None  # 0.00 is free, absent is unknown
    status: SessionStatus
    last_updated: DateTime


class ChargingPreferences(Wire):
    """`mod_sessions#mod_sessions_charging_preferences_object`: what the driver wants. The answer is a bare
    ChargingPreferencesResponse.
    """

    profile_type: ProfileType
    departure_time: DateTime | None = None
    energy_need: Number | None = None  # kWh
    discharge_allowed: Bool | None = None  # absent: false
