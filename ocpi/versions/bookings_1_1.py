"""Bookings edition 1.1 against 1.0, as 2.3.0 with either: every difference of the objects that both have.

An edition is no version of OCPI: the URLs, endpoints and everything else are those of 2.3.0, and nothing in version
details tells which one a platform speaks. So it is a fact of the connection, and here a set of changes like that of an
older version. We speak 1.0 inside; what only 1.1 has stays in the object under its own name, as any field that the
specification does not know.

In 1.1 a BookingLocation has one option where 1.0 has a list, and the option names the EVSE; a tariff tells bookings
from reservations without booking, which in 1.0 are priced by the same elements.
"""

from typing import Any

from ocpi.versions.fields import Field, Kind
from ocpi.versions.version import UNKNOWN_FIELDS, Change, Context, Node, Version, renamed, without
from ocpi.wire.base import ClosedEnum, Wire
from ocpi.wire.bookings import (
    AccessMethod,
    BookableParkingOptions,
    Booking,
    BookingLocation,
    BookingRequest,
    BookingTerms,
    Calendar,
    LocationAccess,
    Timeslot,
)
from ocpi.wire.locations.equipment import ConnectorFormat
from ocpi.wire.locations.parking import EVSEPosition
from ocpi.wire.tariffs import Tariff, TariffRestrictions


class BookingRestrictionType(ClosedEnum):
    """`mod_tariffs` of the branch with bookings 1.1: an element that prices booking."""

    BOOKING = "BOOKING"
    BOOKING_EXPIRES = "BOOKING_EXPIRES"
    BOOKING_CANCELLATION_FEES = "BOOKING_CANCELLATION_FEES"
    BOOKING_OVERTIME = "BOOKING_OVERTIME"


SHARED = {"RESERVATION": "BOOKING", "RESERVATION_EXPIRES": "BOOKING_EXPIRES"}
"""In 1.0 one element prices both, reserving and booking."""

ONLY_BOOKING = {
    "RESERVATION_CANCELLATION_FEES": "BOOKING_CANCELLATION_FEES",
    "RESERVATION_OVERTIME": "BOOKING_OVERTIME",
}
_NEWER = {booking: reservation for reservation, booking in (SHARED | ONLY_BOOKING).items()}

ASSUMED_VEHICLE = "PERSONAL_VEHICLE"
ASSUMED_FORMAT = "CABLE"

_PLACES = ("evse_uid", "connector_id", "parking_id")
_ID = Field(Kind.CI_STRING, length=36)
_NUMBER = Field(Kind.NUMBER)
_IDS = Field(Kind.CI_STRING, many=True, length=36)


def _moment(*, required: bool = True) -> Field:
    return Field(Kind.DATE_TIME, required=required)


# --- the option: what is booked, and where ------------------------------------------------------------------------------


def _split(node: Node) -> tuple[Node, Any]:
    """The object with the places of its option beside it, and what else the option says (None: nothing)."""
    option = node.get("booking_option")
    if "booking_option" not in node:
        return node, None
    if type(option) is not dict:
        return without(node, "booking_option"), option
    places = {place: option[place] for place in _PLACES if place in option and place not in node}
    return {**without(node, "booking_option"), **places}, without(option, *_PLACES) or None


def _option_out(node: Node, context: Context) -> Node:
    """An option that leaves open what 1.0 must know is none there: what a driver did not ask for is not asked for in his name. It
    stays as it was told."""
    newer, option = _split(node)
    if option is None:
        return newer
    whole = type(option) is not dict or (option.get("vehicle_types") and option.get("connector_format"))
    return {**newer, "bookable_parking_option" if whole else "booking_option": option}


def _option_in(node: Node, context: Context) -> Node:
    option = node.get("bookable_parking_option") or node.get("booking_option")
    return _joined(without(node, "bookable_parking_option", "booking_option"), option)


def _options_out(node: Node, context: Context) -> Node:
    newer, option = _split(node)
    if option is None and type(node.get("booking_option")) is dict and newer.get("evse_uid") is None:
        option = {}  # of any kind: 1.0 must have one or the other (T-494)
    return newer if option is None else {**newer, "bookable_parking_options": [option]}


def _options_in(node: Node, context: Context) -> Node:
    options = node.get("bookable_parking_options")
    first = options[0] if type(options) is list and options else None
    return _joined(without(node, "bookable_parking_options"), first)


def _joined(older: Node, option: Any) -> Node:
    places = {place: older[place] for place in _PLACES if older.get(place) is not None}
    whole = {**places, **option} if type(option) is dict else places
    rest = without(older, *_PLACES)
    return {**rest, "booking_option": whole} if whole else rest


def _option(cls: type[Wire], *, listed: bool = False, newer: tuple[str, ...] = ()) -> Change:
    name = "bookable_parking_options" if listed else "bookable_parking_option"
    paths = {f"{name}.*": "booking_option"} if listed else {}
    return Change(
        cls,
        f"{cls.__name__}.{name} became booking_option, which names the EVSE",
        up=_options_out if listed else _option_out,
        down=_options_in if listed else _option_in,
        paths=paths | {name: "booking_option"} | {place: f"booking_option.{place}" for place in _PLACES},
        newer=(name, "evse_uid", "connector_id", *newer),
        older={"booking_option": Field(Kind.OBJECT, wire=BookableParkingOptions)},
        loses={name: "1.1 has one option a BookingLocation: the first is told"} if listed else {},
    )


def _single_format(node: Node, context: Context) -> Node:
    """Several formats, or none, stay in the object beside the one that 1.0 must have."""
    formats = node.get("connector_format")
    if type(formats) is not list or not formats:
        return node if "format" in node else {"connector_format": [], **node, "format": ASSUMED_FORMAT}
    if len(formats) == 1:
        return {**without(node, "connector_format"), "format": formats[0]}
    return {**node, "format": formats[0]}


def _listed_format(node: Node, context: Context) -> Node:
    if "format" not in node:
        return node
    older = without(node, "format")
    return older if "connector_format" in node else {**older, "connector_format": [node["format"]]}


def _single_position(node: Node, context: Context) -> Node:
    positions = node.get("evse_position")
    if type(positions) is not list:
        return node
    newer = without(node, "evse_position")
    if len(positions) > 1:
        newer["evse_positions"] = positions
    return {**newer, "evse_position": positions[0]} if positions else newer


def _listed_position(node: Node, context: Context) -> Node:
    if "evse_positions" in node:
        return {**without(node, "evse_positions"), "evse_position": node["evse_positions"]}
    position = node.get("evse_position")
    return {**node, "evse_position": [position]} if type(position) is str else node


def _open_kind(node: Node, context: Context) -> Node:
    assumed: Node = {} if node.get("vehicle_types") else {"vehicle_types": [ASSUMED_VEHICLE]}
    if "restricted_to_type" not in node:
        assumed["restricted_to_type"] = False
    return {**node, **assumed} if assumed else node


OPTIONS = (
    _option(Booking, newer=("parking_id",)),
    _option(BookingRequest),
    _option(BookingLocation, listed=True),
    Change(
        BookableParkingOptions,
        "BookableParkingOptions.format became connector_format, a list",
        up=_single_format,
        down=_listed_format,
        paths={"format": "connector_format"},
        newer=("format",),
        older={"connector_format": Field(Kind.ENUM, many=True, values=ConnectorFormat)},
    ),
    Change(
        BookableParkingOptions,
        "BookableParkingOptions.evse_position became a list",
        up=_single_position,
        down=_listed_position,
        older={"evse_position": Field(Kind.ENUM, many=True, values=EVSEPosition)},
    ),
    Change(
        BookableParkingOptions,
        "BookableParkingOptions is less strict about vehicles",
        up=_open_kind,
        down=lambda node, context: without(node, "restricted_to_type"),
        newer=("restricted_to_type",),
        loses={"restricted_to_type": "1.1 does not say it"},
        assumes={"vehicle_types": "1.1 may leave them open: then a car"},
    ),
    renamed(BookableParkingOptions, "parking_space_length", "min_parking_space_length", _NUMBER),
    renamed(BookableParkingOptions, "parking_space_width", "min_parking_space_width", _NUMBER),
)


# --- the request, the terms, the calendar ---------------------------------------------------------------------------------


def _names_location(node: Node, context: Context) -> Node:
    if node.get("booking_location_id") is not None or "location_id" not in node:
        return node
    return {**node, "booking_location_id": node["location_id"]}


def _listed_terms(node: Node, context: Context) -> Node:
    terms = node.get("booking_terms")
    return {**node, "booking_terms": [terms]} if type(terms) is dict else node


def _first_terms(node: Node, context: Context) -> Node:
    terms = node.get("booking_terms")
    if type(terms) is not list:
        return node
    return {**node, "booking_terms": terms[0]} if terms else without(node, "booking_terms")


REST = (
    renamed(Booking, "tariff_id", "tariff_ids", _IDS),
    renamed(Booking, "access_methods", "access_information", Field(Kind.OBJECT, many=True, wire=AccessMethod)),
    renamed(AccessMethod, "location_access", "method", Field(Kind.ENUM, required=True, values=LocationAccess)),
    Change(
        BookingRequest,
        "BookingRequest.booking_location_id added",
        down=_names_location,
        older={"booking_location_id": Field(Kind.CI_STRING, required=True, length=36)},
        loses={
            UNKNOWN_FIELDS: "1.1 must name the BookingLocation; where nobody did, the id of the Location stands there"
        },
    ),
    renamed(BookingLocation, "tariff_id", "tariff_ids", _IDS),
    renamed(BookingLocation, "bookable", "policy", Field(Kind.OBJECT)),
    Change(
        BookingLocation,
        "BookingLocation.booking_terms is one object",
        up=_listed_terms,
        down=_first_terms,
        paths={"booking_terms.*": "booking_terms"},
        older={"booking_terms": Field(Kind.OBJECT, wire=BookingTerms)},
        loses={"booking_terms": "1.1 has one set of terms a BookingLocation: the first is told"},
    ),
    renamed(BookingTerms, "RFID_auth_required", "rfid_auth_required", Field(Kind.BOOL)),
    renamed(Calendar, "step_size", "timeslot_increment", Field(Kind.INT)),
    renamed(Timeslot, "start_from", "start_date_time", _moment()),
    renamed(Timeslot, "end_before", "end_date_time", _moment()),
)


# --- tariffs --------------------------------------------------------------------------------------------------------------


def _restricted(element: Any) -> Node | None:
    """Its restrictions, when it says what is reserved or booked."""
    restrictions = element.get("restrictions") if type(element) is dict else None
    return restrictions if type(restrictions) is dict and ({"reservation", "booking"} & restrictions.keys()) else None


def _elements_apart(node: Node, context: Context) -> Node:
    """A 1.0 element of reservations prices bookings too: 1.1 gets one element for each."""
    elements = node.get("elements")
    if type(elements) is not list or not any(_restricted(element) for element in elements):
        return node
    return {**node, "elements": [older for element in elements for older in _apart(element)]}


def _apart(element: Any) -> list[Any]:
    restrictions = _restricted(element)
    if restrictions is None:
        return [element]
    reservation = restrictions.get("reservation")
    if "booking" in restrictions:  # it came from 1.1, and says itself what it is for
        alone = without(restrictions, "booking" if restrictions["booking"] is None else "reservation")
        return [{**element, "restrictions": alone}]
    if reservation in ONLY_BOOKING:
        return [_for_booking(element, restrictions, ONLY_BOOKING[reservation])]
    if reservation in SHARED:
        return [element, _for_booking(element, restrictions, SHARED[reservation])]
    return [element]


def _for_booking(element: Node, restrictions: Node, booking: str) -> Node:
    return {**element, "restrictions": {**without(restrictions, "reservation"), "booking": booking}}


def _elements_together(node: Node, context: Context) -> Node:
    elements = node.get("elements")
    if type(elements) is not list or not any(_restricted(element) for element in elements):
        return node
    newer: list[Any] = []
    for index, element in enumerate(elements):
        restrictions = _restricted(element)
        booking = restrictions.get("booking") if restrictions is not None else None
        reservation = restrictions.get("reservation") if restrictions is not None else None
        if restrictions is None or not all(type(each) in (str, type(None)) for each in (booking, reservation)):
            newer.append(element)
        elif booking in _NEWER and reservation is None:
            if index and booking in SHARED.values() and _apart(elements[index - 1])[1:] == [element]:
                newer[-1] = elements[index - 1]  # both at the same price: one element of 1.0
                continue
            kept = restrictions if booking in SHARED.values() else without(restrictions, "booking")
            newer.append({**element, "restrictions": {**kept, "reservation": _NEWER[booking]}})
        elif booking is None and reservation in SHARED:
            newer.append({**element, "restrictions": {**restrictions, "booking": None}})  # and not for bookings
        else:
            newer.append(element)
    return {**node, "elements": newer}


TARIFFS = (
    Change(
        Tariff,
        "TariffRestrictions.booking is apart from reservation",
        up=_elements_together,
        down=_elements_apart,
    ),
    Change(
        TariffRestrictions,
        "TariffRestrictions.booking added",
        older={"booking": Field(Kind.ENUM, values=BookingRestrictionType)},
    ),
)

VERSION = Version(
    number="2.3.0-b1.1", newer="2.3.0", modules={}, commands=frozenset(), changes=OPTIONS + REST + TARIFFS
)
