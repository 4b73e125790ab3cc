"""A tariff made ready for pricing, once: prices as integers over one denominator, restrictions as tables of bits.

Every element is one bit. For each quantity that the tariff restricts (time of day, weekday, date, energy, duration,
power, current) an `Axis` holds the values at which something changes and, between them, the bits of the elements that
allow it. The elements that hold at an instant are the AND of one look-up in each axis, however many elements there
are; the first element with a component of a dimension is then the lowest bit.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import lcm

from backoffice.tariffs.rules.policy import DEFAULT, Bound, Policy, TaxRate, UnstatedVat
from ocpi.wire.tariffs import (
    DayOfWeek,
    PriceComponent,
    ReservationRestrictionType,
    Tariff,
    TariffDimensionType,
    TariffElement,
    TariffRestrictions,
    TaxIncluded,
)

DAY = 86_400
MICROSECONDS = 1_000_000

FLAT, ENERGY, TIME, PARKING_TIME = (
    TariffDimensionType.FLAT,
    TariffDimensionType.ENERGY,
    TariffDimensionType.TIME,
    TariffDimensionType.PARKING_TIME,
)
WEEK = tuple(DayOfWeek)
RESERVATION = ReservationRestrictionType.RESERVATION
RESERVATION_EXPIRES = ReservationRestrictionType.RESERVATION_EXPIRES
RESERVATION_CANCELLATION_FEES = ReservationRestrictionType.RESERVATION_CANCELLATION_FEES
RESERVATION_OVERTIME = ReservationRestrictionType.RESERVATION_OVERTIME

_MOMENTARY = {
    ("CURRENT", Bound.LOWEST): ("MIN_CURRENT", "MAX_CURRENT", "CURRENT"),
    ("CURRENT", Bound.HIGHEST): ("MAX_CURRENT", "MIN_CURRENT", "CURRENT"),
    ("POWER", Bound.LOWEST): ("MIN_POWER", "MAX_POWER", "POWER"),
    ("POWER", Bound.HIGHEST): ("MAX_POWER", "MIN_POWER", "POWER"),
}
"""The dimension that is compared, and what stands in for it. The averages occur in Sessions only."""

_REMEMBERED = 4096
"""Combinations of elements whose winners are kept per tariff; a tariff has a few dozen at most."""


class Component:
    """One PriceComponent in its place. `net`, `gross`, `taxes`: per kWh, per hour or once, over the tariff's `unit`;
    None where the tariff does not tell. `lacks_tax`: taxes are due, but the tariff does not say which.
    """

    __slots__ = ("element", "gross", "lacks_tax", "net", "owner", "position", "step", "taxes", "wire")

    def __init__(self, owner: "CompiledTariff", element: int, position: int, wire: PriceComponent) -> None:
        self.owner = owner
        self.element = element
        self.position = position
        self.wire = wire
        self.step = wire.step_size
        self.net: int | None = None
        self.gross: int | None = None
        self.taxes: tuple[tuple[TaxRate, int], ...] = ()
        self.lacks_tax = False

    @property
    def place(self) -> str:
        """Where it stands in the tariff, by the names of the specification."""
        return f"elements[{self.element}].price_components[{self.position}]"


@dataclass(frozen=True, slots=True)
class Winners:
    """The active component of each dimension; None: that dimension is free."""

    flat: Component | None
    energy: Component | None
    time: Component | None
    parking: Component | None


class Axis:
    """Bits of the elements that allow a value: `masks[i]` for values from `points[i - 1]` up to `points[i]`."""

    __slots__ = ("masks", "points", "restricted")

    def __init__(self, points: Sequence[int | Decimal], masks: Sequence[int], restricted: int) -> None:
        self.points = points
        self.masks = masks
        self.restricted = restricted

    def at(self, value: int | Decimal) -> int:
        return self.masks[bisect_right(self.points, value)]

    def index(self, value: int | Decimal) -> int:
        """The number of points up to this value."""
        return bisect_right(self.points, value)

    def index_before(self, value: int | Decimal) -> int:
        """The number of points below this value."""
        return bisect_left(self.points, value)


def _axis(
    restrictions: Sequence[TariffRestrictions | None],
    points: Iterable[int | Decimal],
    holds: Callable[[TariffRestrictions, int | Decimal], bool],
    lowest: int | Decimal,
    restricts: Callable[[TariffRestrictions], bool],
) -> Axis | None:
    """None where no element restricts the quantity. `holds` is asked at each point, where a new stretch begins."""
    if not restrictions:
        return None
    found: list[int | Decimal] = sorted(set(points))
    restricted = sum(1 << i for i, each in enumerate(restrictions) if each is not None and restricts(each))
    if not restricted:
        return None
    starts: list[int | Decimal] = [lowest, *found]
    masks = [
        sum(1 << i for i, each in enumerate(restrictions) if each is None or not restricts(each) or holds(each, value))
        for value in starts
    ]
    return Axis(found, masks, restricted)


class CompiledTariff:
    """What `price` works with. Build it with `compile_tariff` and keep it: pricing never changes it but for a cache."""

    __slots__ = (
        "charging",
        "clocked",
        "components",
        "date_axis",
        "duration_axis",
        "energy_axis",
        "energy_unit",
        "everything",
        "first_of",
        "id",
        "momentary",
        "policy",
        "reservations",
        "tariff",
        "tax_profile",
        "time_axis",
        "unit",
        "varies",
        "week_axis",
        "winners_of",
        "with_kind",
    )

    def __init__(self, tariff: Tariff, tax_profile: tuple[TaxRate, ...], policy: Policy) -> None:
        self.tariff = tariff
        self.id = tariff.id.lower()
        self.tax_profile = tax_profile
        self.policy = policy
        self.components = tuple(
            Component(self, index, position, component)
            for index, element in enumerate(tariff.elements)
            for position, component in enumerate(element.price_components)
        )
        self.unit = _taxed(tariff.tax_included, self.components, tax_profile, policy.unstated_vat)
        self._read_elements(tariff.elements)
        self._read_axes([element.restrictions for element in tariff.elements], policy)
        self.winners_of: dict[int, Winners] = {}

    def _read_elements(self, elements: Sequence[TariffElement]) -> None:
        self.everything = (1 << len(elements)) - 1
        self.reservations = dict.fromkeys(ReservationRestrictionType, 0)
        for index, element in enumerate(elements):
            if element.restrictions is not None and element.restrictions.reservation is not None:
                self.reservations[element.restrictions.reservation] |= 1 << index
        self.charging = self.everything & ~sum(self.reservations.values())
        # Of two components of one type in an element, the first counts.
        self.first_of: dict[TariffDimensionType, dict[int, Component]] = {kind: {} for kind in TariffDimensionType}
        for component in self.components:
            self.first_of[component.wire.type].setdefault(1 << component.element, component)
        self.with_kind = {kind: sum(table) for kind, table in self.first_of.items()}

    def _read_axes(self, restrictions: Sequence[TariffRestrictions | None], policy: Policy) -> None:
        some = [each for each in restrictions if each is not None]
        if not some:
            restrictions = ()
        self.time_axis, self.week_axis = _clock_axes(restrictions, policy)
        self.date_axis = _axis(
            restrictions,
            [day(text) for each in some for text in (each.start_date, each.end_date) if text is not None],
            lambda each, at: (
                (each.start_date is None or at >= day(each.start_date))
                and (each.end_date is None or at < day(each.end_date))
            ),
            0,
            lambda each: each.start_date is not None or each.end_date is not None,
        )
        self.duration_axis = between(restrictions, "min_duration", "max_duration", MICROSECONDS)
        energies = [value for each in some for value in (each.min_kwh, each.max_kwh) if value is not None]
        self.energy_unit = lcm(*(value.as_integer_ratio()[1] for value in energies)) if energies else 1
        self.energy_axis = between(restrictions, "min_kwh", "max_kwh", self.energy_unit)
        self.momentary = tuple(
            (axis, _MOMENTARY[quantity, own if policy.bound is Bound.OWN else policy.bound])
            for least, most, quantity, own in (
                ("min_current", None, "CURRENT", Bound.LOWEST),
                (None, "max_current", "CURRENT", Bound.HIGHEST),
                ("min_power", None, "POWER", Bound.LOWEST),
                (None, "max_power", "POWER", Bound.HIGHEST),
            )
            if (axis := between(restrictions, least, most, 0)) is not None
        )
        self.clocked = not (self.time_axis is self.week_axis is self.date_axis is None)
        self.varies = (
            self.clocked or bool(self.momentary) or self.energy_axis is not None or self.duration_axis is not None
        )

    def first(self, kind: TariffDimensionType, mask: int) -> Component | None:
        """The component of the first of these elements that has one."""
        table = self.first_of[kind]
        while mask:
            bit = mask & -mask
            component = table.get(bit)
            if component is not None:
                return component
            mask ^= bit
        return None

    def winners(self, mask: int) -> Winners:
        """Of the elements that hold, for each dimension the component that is active."""
        found = self.winners_of.get(mask)
        if found is None:
            if len(self.winners_of) > _REMEMBERED:
                self.winners_of.clear()
            found = self.winners_of[mask] = Winners(
                self.first(FLAT, mask), self.first(ENERGY, mask), self.first(TIME, mask), self.first(PARKING_TIME, mask)
            )
        return found


def compile_tariff(tariff: Tariff, tax_profile: Sequence[TaxRate] = (), policy: Policy = DEFAULT) -> CompiledTariff:
    """`tax_profile`: the taxes of the place, in place of what the tariff says about VAT."""
    return CompiledTariff(tariff, tuple(tax_profile), policy)


def seconds(text: str) -> int:
    """HH:MM as seconds since midnight."""
    return int(text[:2]) * 3600 + int(text[3:]) * 60


def day(text: str) -> int:
    """YYYY-MM-DD as number of the day. A day that its month does not have is the first of the next month."""
    year, month, number = int(text[:4]), int(text[5:7]), int(text[8:])
    try:
        return date(year, month, number).toordinal()
    except ValueError:
        return date(year + month // 12, month % 12 + 1, 1).toordinal()


def window(restrictions: TariffRestrictions) -> tuple[int, int] | None:
    """Start and end as seconds since midnight; an end before the start is on the next day. None: no restriction."""
    if restrictions.start_time is None and restrictions.end_time is None:
        return None
    start = seconds(restrictions.start_time or "00:00")
    return start, seconds(restrictions.end_time or "00:00") or DAY


def _clock_axes(restrictions: Sequence[TariffRestrictions | None], policy: Policy) -> tuple[Axis | None, Axis | None]:
    """Over the seconds of a day, and over those of a week from Monday on."""
    windows = {id(each): window(each) for each in restrictions if each is not None}

    def has_window(each: TariffRestrictions) -> bool:
        return windows[id(each)] is not None

    def inside(each: TariffRestrictions, at: int | Decimal) -> bool:
        found = windows[id(each)]
        if found is None:
            return True
        start, end = found
        if start == end:
            return not policy.equal_times_are_never
        return start <= at < end if start < end else at >= start or at < end

    def on_day(each: TariffRestrictions, at: int | Decimal) -> bool:
        return not each.day_of_week or WEEK[int(at) // DAY] in each.day_of_week

    def of_window(each: TariffRestrictions, at: int | Decimal) -> bool:
        weekday, moment = divmod(int(at), DAY)
        start, end = windows[id(each)] or (0, DAY)
        if start > end > moment:
            weekday = (weekday - 1) % 7
        return inside(each, moment) and (not each.day_of_week or WEEK[weekday] in each.day_of_week)

    edges = sorted({0, *(edge for found in windows.values() if found is not None for edge in found if edge < DAY)})
    if policy.weekday_of_window_start:
        points = [number * DAY + edge for number in range(7) for edge in edges]
        return None, _axis(restrictions, points, of_window, 0, lambda each: bool(each.day_of_week) or has_window(each))
    return (
        _axis(restrictions, edges, inside, 0, has_window),
        _axis(restrictions, [number * DAY for number in range(7)], on_day, 0, lambda each: bool(each.day_of_week)),
    )


def between(
    restrictions: Sequence[TariffRestrictions | None], least: str | None, most: str | None, scale: int
) -> Axis | None:
    """Minimums are inclusive, maximums exclusive. `scale` 0: values stay Decimals."""

    def bound(each: TariffRestrictions, name: str | None) -> int | Decimal | None:
        value = getattr(each, name) if name is not None else None
        if value is None or not scale:
            return value
        top, bottom = value.as_integer_ratio()
        return int(top * scale // bottom)

    def holds(each: TariffRestrictions, at: int | Decimal) -> bool:
        low, high = bound(each, least), bound(each, most)
        return (low is None or at >= low) and (high is None or at < high)

    limits = [bound(each, name) for each in restrictions if each is not None for name in (least, most)]
    points = [value for value in limits if value is not None]
    lowest = min(points, default=0) - 1
    return _axis(
        restrictions,
        points,
        holds,
        lowest,
        lambda each: bound(each, least) is not None or bound(each, most) is not None,
    )


def _taxed(
    included: TaxIncluded, components: Sequence[Component], profile: tuple[TaxRate, ...], unstated: UnstatedVat
) -> int:
    """Set net, taxes and gross of each component; answer the denominator that they share.

    The denominators: `q` of the price, `whole` of the rates. Taxes on top need q * whole; taxes inside the price divide
    by (1 + the sum of the rates), which needs q * (whole + rates).
    """
    shares = []
    for component in components:
        wire = component.wire
        rates = profile or ((TaxRate("VAT", wire.vat),) if wire.vat is not None else ())
        if included is TaxIncluded.NOT_APPLICABLE:
            rates = ()
        fractions = [rate.percentage.as_integer_ratio() for rate in rates]
        whole = 100 * lcm(*(bottom for _, bottom in fractions)) if fractions else 1
        parts = [top * (whole // (100 * bottom)) for top, bottom in fractions]
        top, bottom = wire.price.as_integer_ratio()
        base = whole + sum(parts) if included is TaxIncluded.YES else whole
        if base <= 0:  # a rate of -100 % or less is no tax that could be inside a price
            rates, parts, whole, base = (), [], 1, 1
        shares.append((component, rates, parts, whole, base, top, bottom))
    unit = lcm(*(bottom * base for _, _, _, _, base, _, bottom in shares))
    for component, rates, parts, whole, base, top, bottom in shares:
        share = top * (unit // (bottom * base))
        net: int | None = share * whole
        taxes = [share * part for part in parts]
        gross: int | None = share * whole + sum(taxes)
        if not rates and top and included is TaxIncluded.YES:
            net = None
        if not rates and top and included is TaxIncluded.NO and unstated is UnstatedVat.UNKNOWN:
            gross = None
        component.net, component.gross = net, gross
        if not rates and top:
            told = included is TaxIncluded.NOT_APPLICABLE or (
                included is TaxIncluded.NO and unstated is UnstatedVat.NONE
            )
            component.lacks_tax = not told
        component.taxes = tuple(zip(rates, taxes, strict=True))
    return unit
