"""Smart charging (`mod_charging_profiles`). A request is answered at once with a ChargingProfileResponse; its
result follows to response_url.
"""

from collections.abc import Iterator
from decimal import Decimal

from pydantic import Field

from ocpi.wire.base import Checked, ClosedEnum, Contradiction, DateTime, Int, Many, Number, Url, Wire


class ChargingRateUnit(ClosedEnum):
    """`mod_charging_profiles#mod_charging_profiles_chargingrateunit`. A is per phase, W is the sum of all phases."""

    W = "W"
    A = "A"


class ChargingProfileResponseType(ClosedEnum):
    """`mod_charging_profiles#mod_charging_profiles_responsetype_enum`."""

    ACCEPTED = "ACCEPTED"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    REJECTED = "REJECTED"
    TOO_OFTEN = "TOO_OFTEN"
    UNKNOWN_SESSION = "UNKNOWN_SESSION"


class ChargingProfileResultType(ClosedEnum):
    """`mod_charging_profiles#mod_charging_profiles_resulttype_enum`."""

    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"


class ChargingProfileResponse(Wire):
    """`mod_charging_profiles#mod_charging_profiles_response_object`: whether the CPO takes the request; about the CPO
    and not about the charge point.
    """

    result: ChargingProfileResponseType
    timeout: Int  # seconds


class ChargingProfileResult(Wire):
    """`mod_charging_profiles#mod_charging_profiles_charging_profiles_result_object`: the result of a PUT."""

    result: ChargingProfileResultType


class ClearProfileResult(Wire):
    """`mod_charging_profiles#mod_charging_profiles_clear_profiles_result_object`: the result of a DELETE."""

    result: ChargingProfileResultType


def _one_decimal(value: Decimal) -> bool:
    return value * 10 == (value * 10).to_integral_value()


class ChargingProfilePeriod(Checked):
    """`mod_charging_profiles#mod_charging_profiles_charging_profile_period_class`: a limit that holds until the next
    period starts.
    """

    start_period: Int  # seconds from the start of the profile
    limit: Number  # in charging_rate_unit, one decimal

    def contradictions(self) -> Iterator[Contradiction]:
        """`T-457`."""
        if not _one_decimal(self.limit):
            yield ("limit",), "Expected a number with at most one decimal."


class ChargingProfile(Checked):
    """`mod_charging_profiles#mod_charging_profiles_charging_profile_class`. Without start_date_time it is relative to
    the start of charging; without duration the last period goes on.
    """

    start_date_time: DateTime | None = None
    duration: Int | None = None  # seconds
    charging_rate_unit: ChargingRateUnit
    min_charging_rate: Number | None = None  # in charging_rate_unit, one decimal
    charging_profile_period: Many[ChargingProfilePeriod] = Field(default_factory=list)

    def contradictions(self) -> Iterator[Contradiction]:
        """`T-457`."""
        if self.min_charging_rate is not None and not _one_decimal(self.min_charging_rate):
            yield ("min_charging_rate",), "Expected a number with at most one decimal."


class SetChargingProfile(Wire):
    """`mod_charging_profiles#mod_charging_profiles_set_charging_profile_object`: the body of a PUT to the CPO."""

    charging_profile: ChargingProfile
    response_url: Url


class ActiveChargingProfile(Wire):
    """`mod_charging_profiles#mod_charging_profiles_active_charging_profile_class`: what the charge point plans."""

    start_date_time: DateTime
    charging_profile: ChargingProfile


class ActiveChargingProfileResult(Checked):
    """`mod_charging_profiles#mod_charging_profiles_active_charging_profiles_result_object`: the result of a GET."""

    result: ChargingProfileResultType
    profile: ActiveChargingProfile | None = None  # required with ACCEPTED

    def contradictions(self) -> Iterator[Contradiction]:
        """`T-453`."""
        if self.result is ChargingProfileResultType.ACCEPTED and self.profile is None:
            yield ("profile",), "Expected a profile, because the result is ACCEPTED."
