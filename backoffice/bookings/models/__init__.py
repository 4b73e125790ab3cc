"""Rows of this room. `places`: what can be booked and when it is open. `bookings`: who asked for what and what came of
it. `slots`: who has which space when; there, and nowhere else, it is decided that nobody has what another has. `holds`: what
charge stations were asked to keep.
"""

from backoffice.bookings.models.bookings import (
    SHELF,
    BookedToken,
    Booking,
    BookingAsked,
    BookingEvent,
    BookingRendering,
)
from backoffice.bookings.models.holds import Hold
from backoffice.bookings.models.places import (
    PLACES,
    BookableLocation,
    Calendar,
    Opening,
    PlaceRendering,
    calendars_splice,
)
from backoffice.bookings.models.slots import Block, Claim, Resource, SlotUse, Space

__all__ = [
    "PLACES",
    "SHELF",
    "Block",
    "BookableLocation",
    "BookedToken",
    "Booking",
    "BookingAsked",
    "BookingEvent",
    "BookingRendering",
    "Calendar",
    "Claim",
    "Hold",
    "Opening",
    "PlaceRendering",
    "Resource",
    "SlotUse",
    "Space",
    "calendars_splice",
]
