"""Why a component won: one sentence for each segment, and one for each warning, made when somebody asks."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from backoffice.tariffs.rules.breakdown import FIXED_COST, PARKING_COST, RESERVATION_COST, TIME_COST, Notice, Segment
from backoffice.tariffs.rules.compiled import ENERGY, FLAT, WEEK, CompiledTariff, day, seconds
from backoffice.tariffs.rules.exact import decimal, plain
from backoffice.tariffs.rules.matching import wall_clock
from backoffice.tariffs.rules.periods import Period
from ocpi.wire.tariffs import TariffRestrictions

if TYPE_CHECKING:
    from backoffice.tariffs.rules.pricing import Facts

UNITS = {FIXED_COST: "", TIME_COST: "s", PARKING_COST: "s", RESERVATION_COST: "s"}


def because(segment: Segment) -> str:
    """The reason in full: what held, and why the elements before it did not."""
    component, facts, tariff = segment.component, segment.breakdown.facts, segment.component.owner
    if segment.is_surplus:
        return _of_surplus(segment)
    state = _state(segment, reserved=segment.line.category == RESERVATION_COST)
    element = tariff.tariff.elements[component.element]
    kind = component.wire.type
    held = ", ".join(_stated(element.restrictions)) if element.restrictions is not None else ""
    reason = f"elements[{component.element}] is the first with a price for {kind.value} that holds at {state.moment}"
    reason += f" ({held})." if held else ", and it has no restrictions."
    passed = [
        f"elements[{index}] does not hold: {why}."
        for index in range(component.element)
        if 1 << index in tariff.first_of[kind]
        and (why := next(_failing(tariff, tariff.tariff.elements[index].restrictions, state), None))
    ]
    if segment.line.category == RESERVATION_COST:
        passed.append(f"It prices the reservation, which was {facts.outcome.value}.")
    if kind is FLAT and segment.line.category == FIXED_COST:
        passed.append("A start fee is charged once, when the first one becomes active.")
    return " ".join([reason, *passed])


def _of_surplus(segment: Segment) -> str:
    component = segment.component
    unit = "Wh" if component.wire.type is ENERGY else "s"
    scale = 1000 if unit == "Wh" else 3600
    category = segment.line.category
    same = [line for line in segment.breakdown.lines if line.category == category]
    used = sum(line.volume for line in same if not line.surplus and line.component.wire.type is component.wire.type)
    total = Fraction(used, segment.breakdown.facts.divisor) * scale
    return (
        f"{number(total)} {unit} in all are rounded up to whole steps of {component.step} {unit}, those of the last"
        f" price ({component.place}): {number(total + segment.billed * scale)} {unit}."
    )


def number(value: Fraction, places: int = 4) -> str:
    """As a person writes it, rounded to at most this many places."""
    return plain(decimal(value, places))


class State:
    """What restrictions are compared with, for one period."""

    def __init__(self, facts: "Facts", period: Period, *, reserved: bool = False) -> None:
        self.local: datetime = wall_clock(period.start, facts.zone)
        self.day = WEEK[self.local.weekday()].capitalize()
        written = self.local.isoformat(" ")
        self.moment = f"{self.day} {written[:16] if written[17:19] == '00' else written[:19]}"
        self._facts, self._period, self._reserved = facts, period, reserved

    @property
    def energy(self) -> Fraction:
        return Fraction(self._period.before, self._facts.divisor)

    @property
    def elapsed(self) -> Fraction:
        begun = self._facts.periods[0].start if self._reserved else self._facts.started
        return Fraction(self._period.start - begun, 1_000_000)

    @property
    def values(self) -> dict[str, Decimal]:
        return self._period.momentary or {}


def _state(segment: Segment, *, reserved: bool) -> State:
    """The lines of a period share it."""
    known: dict[tuple[int, bool], State] = segment.breakdown.__dict__.setdefault("_states", {})
    key = segment.line.period, reserved
    if key not in known:
        known[key] = State(segment.breakdown.facts, segment.period, reserved=reserved)
    return known[key]


def _stated(restrictions: TariffRestrictions) -> Iterator[str]:
    for name in TariffRestrictions.model_fields:
        value = getattr(restrictions, name)
        if value is None or value == []:
            continue
        if isinstance(value, list):
            yield f"{name} {', '.join(value)}"
        else:
            yield f"{name} {plain(value) if isinstance(value, Decimal) else value}"


def _failing(tariff: CompiledTariff, restrictions: TariffRestrictions | None, state: State) -> Iterator[str]:
    """Each restriction that does not hold, with the value that it was compared with."""
    if restrictions is None:
        return
    each = restrictions
    if each.reservation is not None:
        yield f"it is for reservations ({each.reservation})"
    at = state.local.hour * 3600 + state.local.minute * 60 + state.local.second
    start, end = seconds(each.start_time or "00:00"), seconds(each.end_time or "00:00") or 86_400
    if (each.start_time or each.end_time) and not (start <= at < end if start < end else at >= start or at < end):
        yield f"it is {state.local:%H:%M}, outside {each.start_time or '00:00'} to {each.end_time or '24:00'}"
    today = state.local.date().toordinal()
    if each.start_date is not None and today < day(each.start_date):
        yield f"it begins on {each.start_date}"
    if each.end_date is not None and today >= day(each.end_date):
        yield f"it ended before {each.end_date}"
    if each.day_of_week and WEEK[state.local.weekday()] not in each.day_of_week:
        yield f"it is {state.day}"
    for name, value, unit in (("kwh", state.energy, "kWh"), ("duration", state.elapsed, "s")):
        least, most = getattr(each, f"min_{name}"), getattr(each, f"max_{name}")
        if (least is not None and value < Fraction(least)) or (most is not None and value >= Fraction(most)):
            yield f"{number(value)} {unit} so far, outside {_range(least, most)}"
    for name, unit in (("current", "A"), ("power", "kW")):
        yield from _momentary(each, state, name, unit)


def _momentary(each: TariffRestrictions, state: State, name: str, unit: str) -> Iterator[str]:
    least, most = getattr(each, f"min_{name}"), getattr(each, f"max_{name}")
    low = state.values.get(f"MIN_{name.upper()}", state.values.get(f"MAX_{name.upper()}"))
    high = state.values.get(f"MAX_{name.upper()}", state.values.get(f"MIN_{name.upper()}"))
    average = state.values.get(name.upper())
    low, high = (average if low is None else low), (average if high is None else high)
    if least is not None and (low is None or low < least):
        yield f"the {name} is {'not told' if low is None else f'{plain(low)} {unit}'}, below {plain(least)} {unit}"
    if most is not None and (high is None or high >= most):
        yield f"the {name} is {'not told' if high is None else f'{plain(high)} {unit}'}, not below {plain(most)} {unit}"


def _range(least: object, most: object) -> str:
    return f"{'0' if least is None else least} to {'any' if most is None else most}"


SENTENCES = {
    "currencies_differ": "The tariffs of this session are in different currencies; the amounts were added as they are.",
    "dimension_not_reported": "The tariff prices {0}, but no charging period reports it: it is not billed.",
    "limit_not_checked": "A limit before taxes could not be checked, because the amount before taxes is not known.",
    "limit_tax_unknown": "The price limit does not tell its taxes, and nothing else was charged: none were added.",
    "limits_of_first_tariff": "Several tariffs were used; the price limits are those of the first, {0}.",
    "period_crosses_boundary": (
        "Charging period {period} crosses a boundary of the tariff and should have been divided: {0} was active at its"
        " start and prices all of it, {1} became active inside."
    ),
    "period_without_tariff": "Charging period {period} names no tariff although others do: it is free.",
    "periods_out_of_order": "The charging periods were not in order of time; they were sorted.",
    "quantity_missing": (
        "A price depends on power or current, which charging period {period} does not tell: such elements do not hold."
    ),
    "second_flat": "A second start fee ({0}) became active in charging period {period}; only the first is charged.",
    "several_tariffs_apply": "Several tariffs were valid when the session began; {0} was taken, the first.",
    "tariff_not_valid_at_start": "The tariff {0} was not valid when the session began.",
    "tariff_unknown": "Charging period {period} names the tariff {0}, which is not here: it is priced as free.",
    "tax_information_missing": "The tariff tells no taxes for {0}: only known taxes are in the amounts.",
    "time_zone_unknown": "The time zone of the location is not known; times of day were read in UTC.",
}
"""By code. The price command adds `time_zone_inferred`."""


def sentence_of(warning: Notice) -> str:
    """A warning for people."""
    return SENTENCES[warning.code].format(*warning.facts, period=warning.period)
