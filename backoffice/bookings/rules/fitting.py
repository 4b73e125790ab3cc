"""Who fits where: a BookableParkingOption that a driver asks for against those that a place offers, and EVSEs against
options.

The option in a request says what the driver needs: types of vehicle that come, how long, high, wide and heavy they are
at most. An offered option fits when it can take all of it. Absent is no demand, and on the offering side no limit that
anybody knows of.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ocpi.wire.bookings import BookableParkingOptions
from ocpi.wire.locations.parking import EVSEParking, EVSEPosition, Parking

LIMITS = ("max_vehicle_weight", "max_vehicle_height", "max_vehicle_length", "max_vehicle_width")
SPACES = ("parking_space_length", "parking_space_width")
NEEDS = ("dangerous_goods_allowed", "drive_through", "refrigeration_outlet")


def misfit(wanted: BookableParkingOptions, offered: BookableParkingOptions) -> str:
    """Why who needs the one cannot have the other; empty: it fits."""
    if wanted.format != offered.format:
        return f"the connector there is a {offered.format.value}"
    if wanted.evse_position is not None and offered.evse_position not in (None, wanted.evse_position):
        return f"the EVSE stands on the {offered.evse_position.value.lower()} there"
    strangers = [kind for kind in wanted.vehicle_types if kind not in offered.vehicle_types]
    if strangers and (offered.restricted_to_type or len(strangers) == len(wanted.vehicle_types)):
        return f"it is not for vehicles of type {', '.join(strangers)}"
    return _too_large(wanted, offered) or _lacks(wanted, offered)


def _too_large(wanted: BookableParkingOptions, offered: BookableParkingOptions | Parking) -> str:
    for name in (*LIMITS, *SPACES):
        need, limit = getattr(wanted, name), getattr(offered, name)
        if need is not None and limit is not None and Decimal(need) > Decimal(limit):
            return f"{name} is {limit} there"
    return ""


def _lacks(wanted: BookableParkingOptions, offered: BookableParkingOptions | Parking) -> str:
    return next(
        (f"{name} is not given there" for name in NEEDS if getattr(wanted, name) and not getattr(offered, name)), ""
    )


def fitting(wanted: BookableParkingOptions, offered: Sequence[BookableParkingOptions]) -> list[int]:
    """Which of the offered options fit, what is exactly that first."""
    fits = [number for number, option in enumerate(offered) if not misfit(wanted, option)]
    return sorted(fits, key=lambda number: (offered[number] != wanted, number))


def stands_at(option: BookableParkingOptions, parkings: Sequence[Parking], stands: Sequence[EVSEParking]) -> str | None:
    """The parking place by which an EVSE offers what the option promises; None: by none."""
    by_id = {parking.id.upper(): parking for parking in parkings}
    for stand in stands:
        parking = by_id.get(stand.parking_id.upper())
        if parking is None or not _beside(option.evse_position, stand.evse_position):
            continue
        if set(option.vehicle_types) <= set(parking.vehicle_types) and not (
            _too_large(option, parking) or _lacks(option, parking)
        ):
            return parking.id
    return None


def _beside(promised: EVSEPosition | None, stands: EVSEPosition | None) -> bool:
    return promised is None or stands in (None, promised)
