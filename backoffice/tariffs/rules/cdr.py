"""What pricing needs of a CDR. A CDR may be cut down to it; a whole one is one too."""

from typing import TypeAlias

from ocpi.wire.base import AtLeastOne, Bool, CiString36, DateTime, Number, String3, Wire
from ocpi.wire.cdrs import CDR, ChargingPeriod
from ocpi.wire.types import Price


class Place(Wire):
    """The country alone, from which a time zone may be inferred."""

    country: String3 | None = None


class CdrToPrice(Wire):
    """The fields of `CDR` that pricing and its check read; all that are not needed for a price may be missing."""

    start_date_time: DateTime | None = None
    end_date_time: DateTime | None = None
    currency: String3 | None = None
    cdr_location: Place | None = None
    charging_periods: AtLeastOne[ChargingPeriod]
    total_cost: Price | None = None
    total_fixed_cost: Price | None = None
    total_energy: Number | None = None
    total_energy_cost: Price | None = None
    total_time: Number | None = None
    total_time_cost: Price | None = None
    total_parking_time: Number | None = None
    total_parking_cost: Price | None = None
    total_reservation_cost: Price | None = None
    booking_id: CiString36 | None = None
    credit: Bool | None = None


AnyCdr: TypeAlias = CDR | CdrToPrice
