"""A tariff's restrictions, steps and dimensions in words, as the editor, the pages and the differences tell them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

PER = {"ENERGY": "per kWh", "TIME": "per hour", "PARKING_TIME": "per hour", "FLAT": "once"}
STEPS = {"ENERGY": "Wh", "TIME": "s", "PARKING_TIME": "s"}
"""Units of prices and of step_size, by dimension."""

WORDS = {
    "ENERGY": "Energy",
    "TIME": "Charging time",
    "PARKING_TIME": "Time without charging",
    "FLAT": "Start fee, once",
    "RESERVATION": "the reservation",
    "RESERVATION_EXPIRES": "a reservation that expires",
    "RESERVATION_CANCELLATION_FEES": "a reservation that is cancelled",
    "RESERVATION_OVERTIME": "staying after the reserved time",
}


def in_words(restrictions: Mapping[str, Any]) -> str:
    """When an element holds, for its head; what is not valid is shown as it was typed."""
    said = list(_parts(restrictions))
    return "; ".join(said) if said else "always"


def _parts(stated: Mapping[str, Any]) -> Iterator[str]:
    days = stated.get("day_of_week")
    if isinstance(days, list) and days:
        yield ", ".join(str(day)[:3].capitalize() for day in days)
    for name, template in (("time", "{} to {}"), ("date", "{} to before {}")):
        start, end = stated.get(f"start_{name}"), stated.get(f"end_{name}")
        if start is not None or end is not None:
            edges = ("00:00", "24:00") if name == "time" else ("any day", "ever")
            yield template.format(start or edges[0], ("24:00" if end == "00:00" else end) or edges[1])
    for name, unit in (("kwh", "kWh charged"), ("power", "kW"), ("current", "A")):
        yield from _range(stated.get(f"min_{name}"), stated.get(f"max_{name}"), unit)
    least, most = (stated.get(f"{edge}_duration") for edge in ("min", "max"))
    yield from _range(
        None if least is None else duration_in_words(least) or least,
        None if most is None else duration_in_words(most) or most,
        "",
        of="of charging",
    )
    reservation = stated.get("reservation")
    if reservation is not None:
        yield f"prices {WORDS.get(str(reservation), reservation)}"


def _range(least: Any, most: Any, unit: str, of: str = "") -> Iterator[str]:
    after = " ".join(part for part in (unit, of) if part)
    if least is not None and most is not None:
        yield f"{least} to {most} {after}".strip()
    elif least is not None:
        yield f"from {least} {after} on".replace("  ", " ")
    elif most is not None:
        yield f"up to {most} {after}".strip()


def duration_in_words(value: Any) -> str:
    """Seconds as people count."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return ""
    hours, rest = divmod(value, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [f"{n} {unit}" for n, unit in ((hours, "h"), (minutes, "min"), (seconds, "s")) if n]
    return " ".join(parts) or "0 s"


def step_in_words(kind: str, value: Any) -> str:
    """What a session is rounded up to."""
    if isinstance(value, bool) or not isinstance(value, int) or kind not in ("ENERGY", "TIME", "PARKING_TIME"):
        return "not used" if kind == "FLAT" else ""
    if value <= 1:
        return "no rounding"
    if kind == "ENERGY":
        return f"rounded up to {f'{Decimal(value) / 1000:f} kWh' if value >= 1000 else f'{value} Wh'}"
    return f"rounded up to {duration_in_words(value)}"
