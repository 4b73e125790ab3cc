"""Parking spaces at a Location (`mod_locations`)."""

from pydantic import Field

from ocpi.wire.base import (
    AtLeastOne,
    Bool,
    CiString36,
    CiStringAnyLength,
    ClosedEnum,
    Many,
    Number,
    OpenEnum,
    String12,
    Wire,
)
from ocpi.wire.locations.images import Image


class EVSEPosition(ClosedEnum):
    """`mod_locations#mod_locations_evseposition_enum`: beside which part of the parking space."""

    LEFT = "LEFT"
    RIGHT = "RIGHT"
    CENTER = "CENTER"


class ParkingDirection(ClosedEnum):
    """`mod_locations#mod_locations_parkingdirection_enum`."""

    PARALLEL = "PARALLEL"
    PERPENDICULAR = "PERPENDICULAR"
    ANGLE = "ANGLE"


class ParkingRestriction(OpenEnum):
    """`mod_locations#mod_locations_parkingrestriction_enum`."""

    CUSTOMERS = "CUSTOMERS"
    DISABLED = "DISABLED"
    EMPLOYEES = "EMPLOYEES"
    EV_ONLY = "EV_ONLY"
    MOTORCYCLES = "MOTORCYCLES"
    PLUGGED = "PLUGGED"
    TAXIS = "TAXIS"
    TENANTS = "TENANTS"


class ParkingType(OpenEnum):
    """`mod_locations#mod_locations_parkingtype_enum`."""

    ALONG_MOTORWAY = "ALONG_MOTORWAY"
    PARKING_GARAGE = "PARKING_GARAGE"
    PARKING_LOT = "PARKING_LOT"
    ON_DRIVEWAY = "ON_DRIVEWAY"
    ON_STREET = "ON_STREET"
    UNDERGROUND_GARAGE = "UNDERGROUND_GARAGE"


class VehicleType(OpenEnum):
    """`mod_locations#mod_locations_vehicletype_enum`."""

    MOTORCYCLE = "MOTORCYCLE"
    PERSONAL_VEHICLE = "PERSONAL_VEHICLE"
    PERSONAL_VEHICLE_WITH_TRAILER = "PERSONAL_VEHICLE_WITH_TRAILER"
    VAN = "VAN"
    SEMI_TRACTOR = "SEMI_TRACTOR"
    RIGID = "RIGID"
    TRUCK_WITH_TRAILER = "TRUCK_WITH_TRAILER"
    BUS = "BUS"
    DISABLED = "DISABLED"


class Parking(Wire):
    """`mod_locations#mod_locations_parking_object`: a parking space or a group of equal ones. Dimensions in cm, weights
    in kg.
    """

    id: CiString36  # unique within the Location
    physical_reference: String12 | None = None
    vehicle_types: AtLeastOne[VehicleType]
    max_vehicle_weight: Number | None = None  # kg
    max_vehicle_height: Number | None = None
    max_vehicle_length: Number | None = None
    max_vehicle_width: Number | None = None
    parking_space_length: Number | None = None
    parking_space_width: Number | None = None
    dangerous_goods_allowed: Bool | None = None
    direction: ParkingDirection | None = None
    drive_through: Bool | None = None
    restricted_to_type: Bool
    reservation_required: Bool
    time_limit: Number | None = None  # minutes
    roofed: Bool | None = None
    images: Many[Image] = Field(default_factory=list)
    lighting: Bool | None = None
    refrigeration_outlet: Bool | None = None
    standards: Many[CiString36] = Field(default_factory=list)
    apds_reference: CiStringAnyLength | None = None


class EVSEParking(Wire):
    """`mod_locations#mod_locations_evseparking_class`: which Parking an EVSE stands at."""

    parking_id: CiString36  # one of Location.parking_places
    evse_position: EVSEPosition | None = None
