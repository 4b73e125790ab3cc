"""What charging costs (`mod_tariffs`). Pricing with it is no business of this file."""

from collections.abc import Iterator
from typing import Annotated, TypeAlias

from pydantic import Field

from ocpi.wire.base import (
    HHMM,
    AtLeastOne,
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
    String,
    String3,
    Url,
    Wire,
)
from ocpi.wire.locations.energy import EnergyMix
from ocpi.wire.types import DisplayText

Date: TypeAlias = Annotated[
    str,
    String(
        10,
        pattern=r"([12][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
        meaning="a date such as 2026-04-01",
    ),
]


class DayOfWeek(ClosedEnum):
    """`mod_tariffs#mod_tariffs_dayofweek_enum`."""

    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


class ReservationRestrictionType(ClosedEnum):
    """`mod_tariffs#mod_tariffs_reservation_restriction_type`. RESERVATION_CANCELLATION_FEES and RESERVATION_OVERTIME
    only for peers with bookings.
    """

    RESERVATION = "RESERVATION"
    RESERVATION_EXPIRES = "RESERVATION_EXPIRES"
    RESERVATION_CANCELLATION_FEES = "RESERVATION_CANCELLATION_FEES"
    RESERVATION_OVERTIME = "RESERVATION_OVERTIME"


class TariffDimensionType(ClosedEnum):
    """`mod_tariffs#mod_tariffs_tariffdimensiontype_enum`. Prices: ENERGY per kWh, TIME and PARKING_TIME per hour, FLAT
    once.
    """

    ENERGY = "ENERGY"
    FLAT = "FLAT"
    PARKING_TIME = "PARKING_TIME"
    TIME = "TIME"


class TariffType(ClosedEnum):
    """`mod_tariffs#mod_tariffs_tariff_type`."""

    AD_HOC_PAYMENT = "AD_HOC_PAYMENT"
    PROFILE_CHEAP = "PROFILE_CHEAP"
    PROFILE_FAST = "PROFILE_FAST"
    PROFILE_GREEN = "PROFILE_GREEN"
    REGULAR = "REGULAR"


class TaxIncluded(ClosedEnum):
    """`mod_tariffs#mod_tariffs_taxincluded_enum`: whether prices include taxes."""

    YES = "YES"
    NO = "NO"
    NOT_APPLICABLE = "N/A"


class PriceComponent(Wire):
    """`mod_tariffs#mod_tariffs_pricecomponent_class`: the price of one dimension. Whether it includes taxes says
    Tariff.tax_included.
    """

    type: TariffDimensionType
    price: Number  # per kWh, per hour or once
    vat: Number | None = None  # percent; absent: no VAT
    step_size: Int  # Wh for ENERGY, seconds for TIME and PARKING_TIME


class PriceLimit(Wire):
    """`mod_tariffs#mod_tariffs_pricelimit_class`: a lower or upper limit of the total cost; both amounts apply."""

    before_taxes: Number
    after_taxes: Number | None = None


class TariffRestrictions(Wire):
    """`mod_tariffs#mod_tariffs_tariffrestrictions_class`: when an element is active; all that are set must hold (AND).
    Minimums are inclusive, maximums exclusive.
    """

    start_time: HHMM | None = None  # local time
    end_time: HHMM | None = None  # local time; before start_time: on the next day; 00:00: end of the day
    start_date: Date | None = None  # local, inclusive
    end_date: Date | None = None  # local, exclusive
    min_kwh: Number | None = None  # kWh
    max_kwh: Number | None = None  # kWh
    min_current: Number | None = None  # A, sum of the phases
    max_current: Number | None = None  # A, sum of the phases
    min_power: Number | None = None  # kW
    max_power: Number | None = None  # kW
    min_duration: Int | None = None  # seconds
    max_duration: Int | None = None  # seconds
    day_of_week: Many[DayOfWeek] = Field(default_factory=list)
    reservation: ReservationRestrictionType | None = None  # set: the element prices reservations


class TariffElement(Checked):
    """`mod_tariffs#mod_tariffs_tariffelement_class`. Per dimension, the first element in the list that has it and whose
    restrictions hold is the active one.
    """

    price_components: AtLeastOne[PriceComponent]
    restrictions: TariffRestrictions | None = None

    def contradictions(self) -> Iterator[Contradiction]:
        """`T-362`: a reservation costs by time or once."""
        if self.restrictions is None or self.restrictions.reservation is None:
            return
        for index, component in enumerate(self.price_components):
            if component.type not in (TariffDimensionType.FLAT, TariffDimensionType.TIME):
                yield (
                    ("price_components", index, "type"),
                    "Expected FLAT or TIME, because the element prices reservations.",
                )


class Tariff(Wire):
    """`mod_tariffs#mod_tariffs_tariff_object`."""

    country_code: CiString2
    party_id: CiString3
    id: CiString36
    currency: String3  # ISO 4217
    type: TariffType | None = None  # absent: for all sessions
    tariff_alt_text: Many[DisplayText] = Field(default_factory=list)
    tariff_alt_url: Url | None = None
    min_price: PriceLimit | None = None
    max_price: PriceLimit | None = None
    preauthorize_amount: Number | None = None  # reserved by payment terminals
    elements: AtLeastOne[TariffElement]
    tax_included: TaxIncluded
    start_date_time: DateTime | None = None
    end_date_time: DateTime | None = None
    energy_mix: EnergyMix | None = None
    last_updated: DateTime
