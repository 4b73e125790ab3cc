"""When a Location is open (`mod_locations`). Regular hours are local time, exceptional periods are UTC."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from ocpi.wire.base import HHMM, Bool, Checked, Contradiction, DateTime, Many, WholeNumber, Wire


class RegularHours(Checked):
    """`mod_locations#mod_locations_regularhours_class`: weekly recurring, in the local time of the Location. The end is
    on the same day.
    """

    weekday: Annotated[int, WholeNumber(least=1, most=7)]  # 1 = Monday to 7 = Sunday
    period_begin: HHMM
    period_end: HHMM

    def contradictions(self) -> Iterator[Contradiction]:
        """`T-245`."""
        if self.period_end <= self.period_begin:
            yield ("period_end",), "Expected a time later than period_begin."


class ExceptionalPeriod(Wire):
    """`mod_locations#mod_locations_exceptionalperiod_class`, in UTC."""

    period_begin: DateTime
    period_end: DateTime


class Hours(Checked):
    """`mod_locations#mod_locations_hours_class`."""

    twentyfourseven: Bool
    regular_hours: Many[RegularHours] = Field(default_factory=list)
    exceptional_openings: Many[ExceptionalPeriod] = Field(default_factory=list)
    exceptional_closings: Many[ExceptionalPeriod] = Field(default_factory=list)

    def contradictions(self) -> Iterator[Contradiction]:
        """`T-241`."""
        if self.twentyfourseven and self.regular_hours:
            yield ("regular_hours",), "Expected no regular hours, because twentyfourseven is true."
        if not self.twentyfourseven and not self.regular_hours:
            yield ("regular_hours",), "Expected at least one entry, because twentyfourseven is false."
