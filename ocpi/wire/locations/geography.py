"""Where something is (`mod_locations`)."""

from typing import Annotated, TypeAlias

from ocpi.wire.base import String, Wire
from ocpi.wire.types import DisplayText

Latitude: TypeAlias = Annotated[
    str,
    String(10, pattern=r"-?[0-9]{1,2}\.[0-9]{5,7}", meaning="decimal degrees with 5 to 7 decimals, such as 50.770774"),
]
Longitude: TypeAlias = Annotated[
    str,
    String(
        11, pattern=r"-?[0-9]{1,3}\.[0-9]{5,7}", meaning="decimal degrees with 5 to 7 decimals, such as -126.104965"
    ),
]


class GeoLocation(Wire):
    """`mod_locations#mod_locations_geolocation_class`, WGS 84."""

    latitude: Latitude
    longitude: Longitude


class AdditionalGeoLocation(Wire):
    """`mod_locations#mod_locations_additionalgeolocation_class`: a point that matters to the driver, such as an
    entrance. WGS 84.
    """

    latitude: Latitude
    longitude: Longitude
    name: DisplayText | None = None
