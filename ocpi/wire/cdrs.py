"""Charge Detail Records: what is billed (`mod_cdrs`)."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from ocpi.wire.base import (
    AtLeastOne,
    Bool,
    Checked,
    CiString2,
    CiString3,
    CiString32,
    CiString36,
    CiString39,
    CiString48,
    ClosedEnum,
    Contradiction,
    DateTime,
    Int,
    Many,
    Number,
    String,
    String3,
    String10,
    String20,
    String45,
    String255,
    String512,
    String5000,
    Wire,
)
from ocpi.wire.locations.equipment import ConnectorFormat, ConnectorType, PowerType
from ocpi.wire.locations.geography import GeoLocation
from ocpi.wire.tariffs import Tariff
from ocpi.wire.types import Price, TokenType


class AuthMethod(ClosedEnum):
    """`mod_cdrs#mod_cdrs_authmethod_enum`."""

    AUTH_REQUEST = "AUTH_REQUEST"
    COMMAND = "COMMAND"
    WHITELIST = "WHITELIST"


class CdrDimensionType(ClosedEnum):
    """`mod_cdrs#mod_cdrs_cdrdimensiontype_enum`. CURRENT, ENERGY_EXPORT, ENERGY_IMPORT, POWER and STATE_OF_CHARGE are
    for Sessions only; RESERVATION_EXPIRES and RESERVATION_OVERTIME only for peers with bookings. Units: A, kWh,
    hours, kW, percent.
    """

    CURRENT = "CURRENT"
    ENERGY = "ENERGY"
    ENERGY_EXPORT = "ENERGY_EXPORT"
    ENERGY_IMPORT = "ENERGY_IMPORT"
    MAX_CURRENT = "MAX_CURRENT"
    MIN_CURRENT = "MIN_CURRENT"
    MAX_POWER = "MAX_POWER"
    MIN_POWER = "MIN_POWER"
    PARKING_TIME = "PARKING_TIME"
    POWER = "POWER"
    RESERVATION_TIME = "RESERVATION_TIME"
    RESERVATION_EXPIRES = "RESERVATION_EXPIRES"
    RESERVATION_OVERTIME = "RESERVATION_OVERTIME"
    STATE_OF_CHARGE = "STATE_OF_CHARGE"
    TIME = "TIME"


SESSION_ONLY = frozenset(
    {
        CdrDimensionType.CURRENT,
        CdrDimensionType.ENERGY_EXPORT,
        CdrDimensionType.ENERGY_IMPORT,
        CdrDimensionType.POWER,
        CdrDimensionType.STATE_OF_CHARGE,
    }
)
"""Dimensions that a CDR may not have (`T-325`)."""


class CdrDimension(Wire):
    """`mod_cdrs#mod_cdrs_cdrdimension_class`. Energy and power that flow from the vehicle to the grid are negative."""

    type: CdrDimensionType
    volume: Number


class CdrLocation(Wire):
    """`mod_cdrs#mod_cdrs_cdr_location_class`: the Location, EVSE and connector as they were when the session began. The
    ids may be #NA for a reservation that never became a session; then the receiver ignores the connector fields.
    """

    id: CiString36
    name: String255 | None = None
    address: String45
    city: String45
    postal_code: String10 | None = None
    state: String20 | None = None
    country: String3  # ISO 3166-1 alpha-3
    coordinates: GeoLocation
    evse_uid: CiString36
    evse_id: CiString48
    connector_id: CiString36
    connector_standard: ConnectorType
    connector_format: ConnectorFormat
    connector_power_type: PowerType


class CdrToken(Wire):
    """`mod_cdrs#mod_cdrs_cdr_token_object`: the Token as it was when the session began."""

    country_code: CiString2
    party_id: CiString3
    uid: CiString36
    type: TokenType
    contract_id: CiString36


class ChargingPeriod(Wire):
    """`mod_cdrs#mod_cdrs_chargingperiod_class`: lasts until the next one starts or the session ends."""

    start_date_time: DateTime
    dimensions: AtLeastOne[CdrDimension]
    tariff_id: CiString36 | None = None


class SignedValue(Wire):
    """`mod_cdrs#mod_cdrs_signed_value_class`."""

    nature: CiString32  # Start, End, Intermediate or other
    plain_data: Annotated[str, String(5000, sends=512)]  # edition 2 widened it
    signed_data: String5000  # Base64


class SignedData(Wire):
    """`mod_cdrs#mod_cdrs_signed_data_class`: meter values signed by the charge point (Eichrecht)."""

    encoding_method: CiString36
    encoding_method_version: Int | None = None
    public_key: String512 | None = None  # Base64
    signed_values: AtLeastOne[SignedValue]
    url: String512 | None = None


class CDR(Checked):
    """`mod_cdrs#mod_cdrs_cdr_object`. Never changed after it was sent: a correction is a Credit CDR, which repeats it
    with total_cost negated, and a new CDR.
    """

    country_code: CiString2
    party_id: CiString3
    id: CiString39  # 36 characters, up to 39 for a Credit CDR
    start_date_time: DateTime
    end_date_time: DateTime
    booking_id: CiString36 | None = None  # set when the CDR belongs to a booking
    session_id: CiString36 | None = None  # absent without Sessions module or session
    cdr_token: CdrToken
    auth_method: AuthMethod  # the last one used
    authorization_reference: CiString36 | None = None  # the last one that the eMSP gave
    cdr_location: CdrLocation
    meter_id: String255 | None = None
    currency: String3  # ISO 4217
    tariffs: Many[Tariff] = Field(default_factory=list)
    charging_periods: AtLeastOne[ChargingPeriod]
    signed_data: SignedData | None = None
    total_cost: Price
    total_fixed_cost: Price | None = None
    total_energy: Number  # kWh
    total_energy_cost: Price | None = None
    total_time: Number  # hours
    total_time_cost: Price | None = None
    total_parking_time: Number | None = None  # hours
    total_parking_cost: Price | None = None
    total_reservation_cost: Price | None = None
    remark: String255 | None = None
    invoice_reference_id: CiString39 | None = None
    credit: Bool | None = None
    credit_reference_id: CiString39 | None = None  # the id of the CDR that this one credits
    home_charging_compensation: Bool | None = None
    last_updated: DateTime

    def contradictions(self) -> Iterator[Contradiction]:
        """`T-293`, `T-320`, `T-325`, and `T-291`: a CDR that credits nothing refers to nothing."""
        if self.credit and self.credit_reference_id is None:
            yield ("credit_reference_id",), "Expected the id of the credited CDR, because credit is true."
        if not self.credit and self.credit_reference_id is not None:
            yield ("credit_reference_id",), "Expected none, because credit is not true."
        if not self.credit and len(self.id) > 36:
            yield ("id",), "Expected at most 36 characters, because this is no Credit CDR."
        for index, period in enumerate(self.charging_periods):
            for number, dimension in enumerate(period.dimensions):
                if dimension.type in SESSION_ONLY:
                    path = ("charging_periods", index, "dimensions", number, "type")
                    yield path, "Expected a dimension for CDRs: this one is for Sessions only."
