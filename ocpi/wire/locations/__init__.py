"""Places to charge (`mod_locations`): Location, EVSE, Connector and what describes them."""

from ocpi.wire.locations.energy import (
    EnergyMix,
    EnergySource,
    EnergySourceCategory,
    EnvironmentalImpact,
    EnvironmentalImpactCategory,
)
from ocpi.wire.locations.equipment import (
    EVSE,
    Capability,
    Connector,
    ConnectorCapability,
    ConnectorFormat,
    ConnectorType,
    PowerType,
    Status,
    StatusSchedule,
)
from ocpi.wire.locations.geography import AdditionalGeoLocation, GeoLocation
from ocpi.wire.locations.hours import ExceptionalPeriod, Hours, RegularHours
from ocpi.wire.locations.images import BusinessDetails, Image, ImageCategory
from ocpi.wire.locations.location import Facility, Location, PublishTokenType
from ocpi.wire.locations.parking import (
    EVSEParking,
    EVSEPosition,
    Parking,
    ParkingDirection,
    ParkingRestriction,
    ParkingType,
    VehicleType,
)

__all__ = [
    "EVSE",
    "AdditionalGeoLocation",
    "BusinessDetails",
    "Capability",
    "Connector",
    "ConnectorCapability",
    "ConnectorFormat",
    "ConnectorType",
    "EVSEParking",
    "EVSEPosition",
    "EnergyMix",
    "EnergySource",
    "EnergySourceCategory",
    "EnvironmentalImpact",
    "EnvironmentalImpactCategory",
    "ExceptionalPeriod",
    "Facility",
    "GeoLocation",
    "Hours",
    "Image",
    "ImageCategory",
    "Location",
    "Parking",
    "ParkingDirection",
    "ParkingRestriction",
    "ParkingType",
    "PowerType",
    "PublishTokenType",
    "RegularHours",
    "Status",
    "StatusSchedule",
    "VehicleType",
]
