"""Where places are and when they are open."""

import re
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any

from ocpi.versions.countries import ALPHA_3
from ocpi.versions.fields import Kind
from ocpi.versions.repairs.repair import OMIT, ObjectRepair, Spot, ValueRepair
from ocpi.versions.version import Node
from ocpi.wire.cdrs import CdrLocation
from ocpi.wire.locations import AdditionalGeoLocation, GeoLocation, Hours, Location, RegularHours
from ocpi.wire.payments import Terminal
from ocpi.wire.tariffs import TariffRestrictions

LIMITS = {"latitude": 90, "longitude": 180}

_DEGREES = re.compile(r"-?[0-9]{1,3}\.[0-9]{5,7}")
_SIX_DECIMALS = Decimal("0.000001")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(?:\.[0-9]+)?Z?")
_HHMM = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_LAST_MINUTE = "23:59"


def _degrees(value: Any, name: str) -> str | None:
    """With six decimals (0.1 m), as every version takes them; None for what is no coordinate."""
    text = value.strip().replace(",", ".") if type(value) is str else value
    try:
        exact = Decimal(text) if type(text) in (str, int, Decimal) else None
    except InvalidOperation:
        return None
    if exact is None or not exact.is_finite() or abs(exact) > LIMITS[name]:
        return None
    return format(exact.quantize(_SIX_DECIMALS, ROUND_HALF_EVEN), "f")


def _other_degrees(value: Any, spot: Spot) -> bool:
    if spot.cls not in (GeoLocation, AdditionalGeoLocation) or spot.name not in LIMITS:
        return False
    if type(value) is str and _DEGREES.fullmatch(value) and len(value) <= (spot.field.length or len(value)):
        return False
    return _degrees(value, spot.name) is not None


def _other_time(value: Any, spot: Spot) -> bool:
    if spot.cls not in (RegularHours, TariffRestrictions) or type(value) is not str:
        return False
    of_day = spot.name.endswith("_time") or spot.name in ("period_begin", "period_end")
    return of_day and not _HHMM.fullmatch(value) and _time(value, spot) is not None


def _time(value: str, spot: Spot) -> str | None:
    """An end with seconds is the last second inside: the next full minute follows. 24:00 is the end of the day."""
    found = _TIME.fullmatch(value.strip())
    if found is None:
        return None
    hours, minutes, seconds = int(found[1]), int(found[2]), int(found[3] or 0)
    if hours > 24 or minutes > 59 or seconds > 59 or (hours == 24 and minutes + seconds > 0):
        return None
    ends = spot.name in ("period_end", "end_time")
    total = hours * 60 + minutes + (1 if ends and seconds else 0)
    if total >= 24 * 60:
        return _LAST_MINUTE if spot.name == "period_end" else "00:00"
    return f"{total // 60:02d}:{total % 60:02d}"


def _is_hours(value: Any, spot: Spot) -> bool:
    return spot.field.wire is Hours and type(value) is dict


def _days(value: Node) -> list[Any]:
    days = value.get("regular_hours")
    return days if type(days) is list else []


def _always(value: Node) -> bool:
    """All seven days from the first to the last minute."""
    whole = {
        day.get("weekday")
        for day in _days(value)
        if type(day) is dict
        and str(day.get("period_begin"))[:5] == "00:00"
        and str(day.get("period_end"))[:5] in ("23:59", "24:00", "00:00")
    }
    return len(whole) == 7


def _other_hours(value: Any, spot: Spot) -> bool:
    if not _is_hours(value, spot):
        return False
    stated, days = value.get("twentyfourseven"), _days(value)
    contradicts = (stated is True) == bool(days) or stated is None
    return contradicts or any(_crosses_midnight(day) or _sunday_is_zero(day) for day in days)


def _crosses_midnight(day: Any) -> bool:
    if type(day) is not dict or type(day.get("weekday")) is not int:
        return False
    begin, end = day.get("period_begin"), day.get("period_end")
    return type(begin) is str and type(end) is str and end <= begin


def _sunday_is_zero(day: Any) -> bool:
    return type(day) is dict and day.get("weekday") == 0


def _hours(value: Node, spot: Spot) -> Any:
    """Hours that are stated count more than a flag; without any hours, the flag; with neither, nothing is known."""
    days = [part for day in _days(value) for part in _parts_of_day(day)]
    if days and not _always(value):
        return {**value, "twentyfourseven": False, "regular_hours": days}
    rest = {name: each for name, each in value.items() if name != "regular_hours"}
    if days or value.get("twentyfourseven") is True:
        return {**rest, "twentyfourseven": True}
    return OMIT


def _parts_of_day(day: Any) -> list[Any]:
    if type(day) is not dict:
        return [day]
    if _sunday_is_zero(day):
        day = {**day, "weekday": 7}
    if not _crosses_midnight(day):
        return [day]
    until_midnight = {**day, "period_end": _LAST_MINUTE}
    if str(day["period_end"])[:5] == "00:00":
        return [until_midnight]
    return [until_midnight, {**day, "weekday": day["weekday"] % 7 + 1, "period_begin": "00:00"}]


def _two_letters(node: Node) -> bool:
    country = node.get("country")
    return type(country) is str and country.upper() in ALPHA_3


REPAIRS: tuple[ValueRepair | ObjectRepair, ...] = (
    ValueRepair(
        "accept_other_coordinates",
        frozenset({Kind.STRING}),
        applies=_other_degrees,
        fix=lambda value, spot: _degrees(value, spot.name),
        sentence="Coordinates as numbers, with a comma or with too few or too many decimals get six decimals.",
    ),
    ValueRepair(
        "accept_other_opening_times",
        frozenset({Kind.OBJECT}),
        applies=_other_hours,
        fix=_hours,
        sentence="Opening times that contradict themselves: stated hours count more than twentyfourseven, hours past"
        " midnight are split, Sunday may be 0; opening times that say nothing are left out.",
    ),
    ValueRepair(
        "accept_other_times_of_day",
        frozenset({Kind.STRING}),
        applies=_other_time,
        fix=lambda value, spot: _time(value, spot),
        sentence="A time of day with seconds or without leading zero becomes HH:MM; an end at :59 becomes the next minute.",
    ),
    *(
        ObjectRepair(
            f"accept_two_letter_country_of_{cls.__name__.lower()}",
            cls,
            applies=lambda node, cls, context: _two_letters(node),
            fix=lambda node, cls, context: {**node, "country": ALPHA_3[str(node["country"]).upper()]},
            sentence=f"A country of a {cls.__name__} in two letters (NL) becomes the three that are due (NLD).",
        )
        for cls in (Location, CdrLocation, Terminal)
    ),
)
