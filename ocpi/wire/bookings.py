"""Charging booked ahead (`mod_bookings`, version 1.0 of the extension)."""

from collections.abc import Iterator

from pydantic import AliasChoices, Field, field_validator

from ocpi.wire.base import (
    AtLeastOne,
    Bool,
    Checked,
    CiString2,
    CiString3,
    CiString36,
    ClosedEnum,
    Contradiction,
    DateTime,
    Int,
    Many,
    Number,
    StringAnyLength,
    Url,
    Wire,
)
from ocpi.wire.locations.equipment import ConnectorFormat
from ocpi.wire.locations.parking import EVSEPosition, VehicleType
from ocpi.wire.types import Role, TokenType


class LocationAccess(ClosedEnum):
    """`mod_bookings#mod_bookings_location_access_enum`: how to reach a booked charger."""

    OPEN = "OPEN"
    TOKEN = "TOKEN"  # noqa: S105 - a value of the specification
    LICENSE_PLATE = "LICENSE_PLATE"
    ACCESS_CODE = "ACCESS_CODE"
    INTERCOM = "INTERCOM"
    PARKING_TICKET = "PARKING_TICKET"


class ReservationStatus(ClosedEnum):
    """`mod_bookings#mod_bookings_reservation_status_enum`. CANCELED, FAILED, NO_SHOW, FULFILLED and REJECTED are final.
    UNKNOWN is for receiving only.
    """

    PENDING = "PENDING"
    RESERVED = "RESERVED"
    CANCELED = "CANCELED"
    FAILED = "FAILED"
    NO_SHOW = "NO_SHOW"
    FULFILLED = "FULFILLED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"


class ReservationRequestStatus(ClosedEnum):
    """`mod_bookings#mod_bookings_request_status_enum`."""

    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    FAILED = "FAILED"


class CanceledReason(ClosedEnum):
    """`mod_bookings#mod_bookings_canceled_reason_enum`. POWER_OUTAGE, BROKEN_CHARGER and FULL are reasons of the CPO;
    TRAFFIC, BROKEN_VEHICLE and NO_CANCELED of the eMSP.
    """

    POWER_OUTAGE = "POWER_OUTAGE"
    BROKEN_CHARGER = "BROKEN_CHARGER"
    FULL = "FULL"
    BLOCKED = "BLOCKED"
    TRAFFIC = "TRAFFIC"
    BROKEN_VEHICLE = "BROKEN_VEHICLE"
    NO_CANCELED = "NO_CANCELED"
    UNKNOWN = "UNKNOWN"


class BookingTerms(Wire):
    """`mod_bookings#mod_bookings_booking_terms_class`."""

    RFID_auth_required: Bool | None = Field(
        default=None, validation_alias=AliasChoices("RFID_auth_required", "rfid_auth_required")
    )  # lower case in version 1.1
    token_groups_supported: Bool | None = None
    remote_auth_supported: Bool | None = None
    supported_access_methods: AtLeastOne[LocationAccess]
    change_until_minutes: Number  # before the start
    cancel_until_minutes: Number  # before the start
    change_not_allowed: Bool | None = None
    early_start_allowed: Bool | None = None
    early_start_time: Number | None = None  # minutes
    noshow_timeout: Number | None = None  # minutes after the start; absent: none
    noshow_fee: Bool | None = None
    late_stop_allowed: Bool | None = None
    late_stop_time: Number | None = None  # minutes
    overlapping_bookings_allowed: Bool | None = None
    booking_terms: Url | None = None


class BookableParkingOptions(Wire):
    """`mod_bookings#mod_bookings_bookable_parking_option_class`: a kind of space that can be booked, before an EVSE is
    chosen. Dimensions in cm, weights in kg.
    """

    evse_position: EVSEPosition | None = None
    vehicle_types: AtLeastOne[VehicleType]
    format: ConnectorFormat
    max_vehicle_weight: Number | None = None  # kg
    max_vehicle_height: Number | None = None
    max_vehicle_length: Number | None = None
    max_vehicle_width: Number | None = None
    parking_space_length: Number | None = None
    parking_space_width: Number | None = None
    dangerous_goods_allowed: Bool | None = None
    drive_through: Bool | None = None
    restricted_to_type: Bool
    refrigeration_outlet: Bool | None = None


class Cancellation(Wire):
    """`mod_bookings#mod_bookings_cancellation_class`: why and by whom. `who_canceled` is CPO or EMSP."""

    cancellation_reason: CanceledReason
    who_canceled: Role


class AccessMethod(Wire):
    """`mod_bookings#mod_bookings_access_methods_class`: how the driver gets in, and the plate or code for it."""

    location_access: LocationAccess
    value: StringAnyLength | None = None  # licence plate or access code


class Timeslot(Wire):
    """`mod_bookings#mod_bookings_timeslot_class`. Power in W."""

    start_from: DateTime
    end_before: DateTime
    min_power: Number | None = None
    max_power: Number | None = None
    green_energy_support: Bool | None = None


class Calendar(Wire):
    """`mod_bookings#mod_bookings_calendar_object`: when a BookingLocation is free."""

    id: CiString36
    begin_from: DateTime
    end_before: DateTime
    step_size: Int | None = None  # smallest increment of a booking; unit not given (minutes in version 1.1)
    available_timeslots: AtLeastOne[Timeslot]
    last_updated: DateTime


class BookingToken(Wire):
    """`mod_bookings#mod_bookings_booking_token_object`: a Token that opens the booking."""

    country_code: CiString2
    party_id: CiString3
    uid: CiString36
    type: TokenType
    contract_id: CiString36


class BookingRequest(Wire):
    """`mod_bookings#mod_bookings_request_class`: asks for a booking, for its change or for its cancellation; all with
    the same request_id.
    """

    country_code: CiString2
    party_id: CiString3
    request_id: CiString36  # chosen by the eMSP
    bookable_parking_option: BookableParkingOptions | None = None
    location_id: CiString36
    evse_uid: CiString36 | None = None
    connector_id: CiString36 | None = None
    tokens: Many[BookingToken] = Field(default_factory=list)
    period: Timeslot
    authorization_reference: CiString36
    power_required: Int | None = None  # kW, where a Timeslot counts in W
    canceled: Cancellation | None = None


class BookingRequestStatus(Wire):
    """`mod_bookings#mod_bookings_request_status_class`: one request as the CPO received and decided it."""

    request_status: ReservationRequestStatus
    booking_request: BookingRequest
    request_received: DateTime


class Booking(Wire):
    """`mod_bookings#mod_bookings_booking_object`: owned by the CPO. A change is a new BookingRequest, never a PATCH by
    the eMSP.
    """

    id: CiString36
    country_code: CiString2
    party_id: CiString3
    request_id: CiString36
    bookable_parking_option: BookableParkingOptions | None = None
    parking_id: CiString36 | None = None
    location_id: CiString36
    evse_uid: CiString36 | None = None  # #NA while none is assigned
    connector_id: CiString36 | None = None  # #NA while none is assigned
    booking_tokens: Many[BookingToken] = Field(default_factory=list)
    tariff_id: Many[CiString36] = Field(default_factory=list)  # a list in spite of its name
    period: Timeslot
    reservation_status: ReservationStatus
    canceled: Cancellation | None = None
    access_methods: Many[AccessMethod] = Field(default_factory=list)
    authorization_reference: CiString36
    booking_terms: BookingTerms
    booking_requests: AtLeastOne[BookingRequestStatus]
    last_updated: DateTime


class Bookable(Wire):
    """`mod_bookings#mod_bookings_bookable_object`."""

    reservation_required: Bool
    ad_hoc: Number | None = None  # number of spaces without reservation


class BookingLocation(Checked):
    """`mod_bookings#mod_bookings_bookinglocation_object`: what can be booked at a Location."""

    country_code: CiString2
    party_id: CiString3
    id: CiString36
    location_id: CiString36
    evse_uid: CiString36 | None = None  # may be #NA
    connector_id: CiString36 | None = None
    bookable_parking_options: Many[BookableParkingOptions] = Field(default_factory=list)
    bookable: Bookable | None = None
    tariff_id: Many[CiString36] = Field(default_factory=list)  # a list in spite of its name
    booking_terms: Many[BookingTerms] = Field(default_factory=list)  # a single object is taken too
    calendars: Many[Calendar] = Field(default_factory=list)
    last_updated: DateTime

    @field_validator("booking_terms", mode="before")
    @classmethod
    def _single_terms(cls, value: object) -> object:
        """The official example has one object where the table has a list."""
        return [value] if isinstance(value, dict) else value

    def contradictions(self) -> Iterator[Contradiction]:
        """`T-494`."""
        if not self.bookable_parking_options and self.evse_uid is None:
            yield (), "Expected bookable_parking_options or evse_uid."
