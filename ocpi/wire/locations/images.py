"""Pictures and the businesses that they show (`mod_locations`)."""

from ocpi.wire.base import CiString4, Int5, OpenEnum, String100, Url, Wire


class ImageCategory(OpenEnum):
    """`mod_locations#mod_locations_imagecategory_enum`."""

    CHARGER = "CHARGER"
    ENTRANCE = "ENTRANCE"
    LOCATION = "LOCATION"
    NETWORK = "NETWORK"
    OPERATOR = "OPERATOR"
    OTHER = "OTHER"
    OWNER = "OWNER"


class Image(Wire):
    """`mod_locations#mod_locations_image_class`: a link to a picture."""

    url: Url
    thumbnail: Url | None = None
    category: ImageCategory
    type: CiString4  # gif, jpeg, png, svg...
    width: Int5 | None = None  # pixels
    height: Int5 | None = None  # pixels


class BusinessDetails(Wire):
    """`mod_locations#mod_locations_businessdetails_class`: a company as drivers know it."""

    name: String100
    website: Url | None = None
    logo: Image | None = None
