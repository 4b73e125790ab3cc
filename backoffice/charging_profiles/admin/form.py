"""The form of a profile, as staff fill it in: read leniently, told what is wrong by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from backoffice.charging_profiles.rules.plugs import TENTH, Plug
from backoffice.console.contests import moment_of
from ocpi.wire.base import date_time_text
from ocpi.wire.charging_profiles import ChargingRateUnit

LINES = 6
"""Periods that the form offers."""

LARGEST = Decimal(10) ** 7

TEMPLATES: Mapping[str, str] = {
    "pause": "Pause for 30 minutes, then all",
    "least": "As little as a car takes",
    "half": "Half of what the EVSE gives",
    "hour": "Half for an hour, then all",
}


class NoProfile(Exception):
    """What was typed is no profile; the sentence names the field."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form. `starts`: with the charge, now, or at `at`."""

    unit: str = "A"
    starts: str = "now"
    at: str = ""
    minutes: str = ""
    rate: str = ""
    lines: list[tuple[str, str]] = field(default_factory=list)

    @property
    def rows(self) -> list[tuple[int, str, str]]:
        """Numbered from one, and as many as the form has."""
        padded = [*self.lines, *[("", "")] * LINES][:LINES]
        return [(number, start, limit) for number, (start, limit) in enumerate(padded, 1)]


def typed(given: Any) -> Typed:
    """From a QueryDict."""
    lines = list(zip(given.getlist("start")[:LINES], given.getlist("limit")[:LINES], strict=False))
    return Typed(
        unit="W" if given.get("unit") == "W" else "A",
        starts=given.get("starts", "") if given.get("starts") in ("charge", "now", "at") else "now",
        at=given.get("at", "")[:30],
        minutes=given.get("minutes", "").strip()[:20],
        rate=given.get("rate", "").strip()[:20],
        lines=[(start.strip()[:20], limit.strip()[:20]) for start, limit in lines],
    )


def template(name: str, plug: Plug) -> Typed:
    """The form as a template fills it."""
    unit = plug.usual()
    most = plug.most(unit) or Decimal(16 if unit is ChargingRateUnit.A else 11000)
    least = Decimal(6) if unit is ChargingRateUnit.A else Decimal(1400)
    half = (most / 2).quantize(TENTH)
    lines = {
        "pause": [("0", Decimal(0)), ("30", most)],
        "least": [("0", least)],
        "half": [("0", half)],
        "hour": [("0", half), ("60", most)],
    }.get(name, [("0", most)])
    return Typed(unit=unit.value, lines=[(start, _plain(limit)) for start, limit in lines])


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def profile(told: Typed, *, now: datetime, zone: tzinfo) -> dict[str, Any]:
    """The ChargingProfile. Raises NoProfile."""
    tree: dict[str, Any] = {"charging_rate_unit": told.unit}
    if told.starts == "now":
        tree["start_date_time"] = date_time_text(now.replace(microsecond=0))
    elif told.starts == "at":
        at = moment_of(told.at, zone)  # type: ignore[arg-type]  # any zone will do
        if at is None:
            raise NoProfile("Start: this is no date and time.")
        tree["start_date_time"] = date_time_text(at.astimezone(UTC))
    if told.minutes:
        tree["duration"] = _seconds(told.minutes, "Duration")
    if told.rate:
        tree["min_charging_rate"] = _tenths(told.rate, "Least rate")
    periods = []
    for number, start, limit in told.rows:
        if not start and not limit:
            continue
        if not start or not limit:
            raise NoProfile(f"Period {number}: both a start and a limit are needed.")
        periods.append(
            {
                "start_period": _seconds(start, f"Period {number}, start"),
                "limit": _tenths(limit, f"Period {number}, limit"),
            }
        )
    if not periods:
        raise NoProfile("At least one period is needed.")
    return tree | {"charging_profile_period": periods}


def _number(text: str, name: str) -> Decimal:
    try:
        value = Decimal(text.replace(",", "."))
    except InvalidOperation as error:
        raise NoProfile(f"{name}: {text!r} is no number.") from error
    if not value.is_finite() or abs(value) > LARGEST:
        raise NoProfile(f"{name}: {text!r} is too large.")
    return value


def _tenths(text: str, name: str) -> Decimal:
    value = _number(text, name)
    if value != value.quantize(TENTH):
        raise NoProfile(f"{name}: at most one decimal.")
    return value


def _seconds(text: str, name: str) -> int:
    """From minutes."""
    seconds = _number(text, name) * 60
    if seconds != seconds.to_integral_value():
        raise NoProfile(f"{name}: in minutes that are whole seconds.")
    return int(seconds)
