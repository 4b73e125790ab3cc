"""The Location itself and who may see it (`mod_locations`)."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from ocpi.wire.base import (
    Bool,
    Checked,
    CiString2,
    CiString3,
    CiString25,
    CiString36,
    Contradiction,
    DateTime,
    Many,
    OpenEnum,
    String,
    String3,
    String10,
    String45,
    String64,
    String255,
    duplicates,
)
from ocpi.wire.locations.energy import EnergyMix
from ocpi.wire.locations.equipment import EVSE
from ocpi.wire.locations.geography import AdditionalGeoLocation, GeoLocation
from ocpi.wire.locations.hours import Hours
from ocpi.wire.locations.images import BusinessDetails, Image
from ocpi.wire.locations.parking import Parking, ParkingType
from ocpi.wire.types import DisplayText, TokenType


class Facility(OpenEnum):
    """`mod_locations#mod_locations_facility_enum`."""

    HOTEL = "HOTEL"
    RESTAURANT = "RESTAURANT"
    CAFE = "CAFE"
    MALL = "MALL"
    SUPERMARKET = "SUPERMARKET"
    SPORT = "SPORT"
    RECREATION_AREA = "RECREATION_AREA"
    NATURE = "NATURE"
    MUSEUM = "MUSEUM"
    BIKE_SHARING = "BIKE_SHARING"
    BUS_STOP = "BUS_STOP"
    TAXI_STAND = "TAXI_STAND"
    TRAM_STOP = "TRAM_STOP"
    METRO_STATION = "METRO_STATION"
    TRAIN_STATION = "TRAIN_STATION"
    AIRPORT = "AIRPORT"
    PARKING_LOT = "PARKING_LOT"
    CARPOOL_PARKING = "CARPOOL_PARKING"
    FUEL_STATION = "FUEL_STATION"
    WIFI = "WIFI"


class PublishTokenType(Checked):
    """`mod_locations#mod_locations_publish_token_class`: whose Tokens may see a Location that is not published. Every
    field that is set must match.
    """

    uid: CiString36 | None = None
    type: TokenType | None = None  # required with uid
    visual_number: String64 | None = None
    issuer: String64 | None = None  # required with visual_number
    group_id: CiString36 | None = None

    def contradictions(self) -> Iterator[Contradiction]:
        """`T-214`, `T-215`, `T-216`."""
        if self.uid is None and self.visual_number is None and self.group_id is None:
            yield (), "Expected at least one of uid, visual_number and group_id."
        if self.uid is not None and self.type is None:
            yield ("type",), "Expected a type, because uid is set."
        if self.visual_number is not None and self.issuer is None:
            yield ("issuer",), "Expected an issuer, because visual_number is set."


class Location(Checked):
    """`mod_locations#mod_locations_location_object`: a group of EVSEs at one address, owned by a CPO."""

    country_code: CiString2  # ISO 3166-1 alpha-2
    party_id: CiString3
    id: CiString36
    publish: Bool
    publish_allowed_to: Many[PublishTokenType] = Field(default_factory=list)  # only with publish = false
    name: String255 | None = None
    address: Annotated[str, String(255, sends=45)]  # edition 2 widened it
    city: String45
    postal_code: String10 | None = None  # absent only where there is none
    state: Annotated[str, String(45, sends=20)] | None = None  # edition 2 widened it
    country: String3  # ISO 3166-1 alpha-3
    coordinates: GeoLocation
    related_locations: Many[AdditionalGeoLocation] = Field(default_factory=list)
    parking_type: ParkingType | None = None
    evses: Many[EVSE] = Field(default_factory=list)
    parking_places: Many[Parking] = Field(default_factory=list)
    directions: Many[DisplayText] = Field(default_factory=list)
    operator: BusinessDetails | None = None  # absent: the business details of the credentials role of this party
    suboperator: BusinessDetails | None = None
    owner: BusinessDetails | None = None
    facilities: Many[Facility] = Field(default_factory=list)
    time_zone: String255  # IANA name
    opening_times: Hours | None = None
    charging_when_closed: Bool | None = None  # absent: true
    images: Many[Image] = Field(default_factory=list)
    energy_mix: EnergyMix | None = None
    help_phone: CiString25 | None = None
    last_updated: DateTime

    def contradictions(self) -> Iterator[Contradiction]:
        """`T-211`, `T-232`, `T-233`, and EVSEs, which are addressed by their uid (`T-222`)."""
        if self.publish and self.publish_allowed_to:
            yield ("publish_allowed_to",), "Expected no entries, because publish is true."
        yield from duplicates("evses", [evse.uid for evse in self.evses])
        places = [place.id for place in self.parking_places]
        yield from duplicates("parking_places", places)
        known = {place.lower() for place in places}
        for index, evse in enumerate(self.evses):
            for number, parking in enumerate(evse.parking):
                if parking.parking_id.lower() not in known:
                    path = ("evses", index, "parking", number, "parking_id")
                    yield path, "Expected the id of one of the parking_places of this Location."
