"""Tariffs and sessions of all kinds, from a seed: whatever the specification allows, close to the boundaries."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from ocpi.wire.base import date_time_text
from ocpi.wire.cdrs import ChargingPeriod
from ocpi.wire.json import validate
from ocpi.wire.tariffs import Tariff

ZONES = ["Europe/Berlin", "UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]
STARTS = [
    datetime(2025, 1, 13, 15, 35, tzinfo=UTC),
    datetime(2025, 3, 30, 0, 20, tzinfo=UTC),  # the clock goes forward in Europe
    datetime(2025, 10, 26, 0, 10, tzinfo=UTC),  # and back
    datetime(2024, 2, 29, 22, 50, tzinfo=UTC),
    datetime(2025, 12, 31, 21, 0, tzinfo=UTC),
    datetime(2025, 4, 5, 14, 50, tzinfo=UTC),  # half an hour back on Lord Howe Island
]
TIMES = ["00:00", "01:00", "02:00", "02:30", "03:00", "06:00", "12:00", "16:30", "17:00", "20:00", "22:15", "23:59"]
DAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
DATES = ["2024-02-29", "2025-01-13", "2025-01-14", "2025-03-30", "2025-10-26", "2026-01-01", "2030-01-01"]


def _some(rng: random.Random, chance: float) -> bool:
    return rng.random() < chance


def restrictions(rng: random.Random, *, seconds: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if _some(rng, 0.3):
        found["start_time"] = rng.choice(TIMES)
    if _some(rng, 0.3):
        found["end_time"] = rng.choice(TIMES)
    if _some(rng, 0.1):
        found["start_date"] = rng.choice(DATES)
    if _some(rng, 0.1):
        found["end_date"] = rng.choice(DATES)
    if _some(rng, 0.2):
        found["day_of_week"] = rng.sample(DAYS, rng.randint(1, 5))
    for name, values in (
        ("kwh", [Decimal("0.5"), 1, 5, Decimal("12.345"), 20] if not seconds else [Decimal("0.1"), Decimal("0.25"), 1]),
        ("current", [6, 16, 32, Decimal("63.5")]),
        ("power", [Decimal("3.7"), 11, 22, 50]),
        ("duration", [0, 600, 1800, 3600, 7200] if not seconds else [0, 60, 100, 600]),
    ):
        if _some(rng, 0.12):
            found[f"min_{name}"] = rng.choice(values)
        if _some(rng, 0.12):
            found[f"max_{name}"] = rng.choice(values)
    return found


def component(rng: random.Random, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": kind,
        "price": rng.choice([0, Decimal("0.25"), Decimal("0.3333"), 1, Decimal("1.2"), Decimal("2.45"), 5]),
        "step_size": rng.choice([0, 1, 1, 60, 300, 500, 900, 1800]),
    }
    if _some(rng, 0.7):
        found["vat"] = rng.choice([0, 7, Decimal("8.25"), 19, 20])
    return found


def tariff(rng: random.Random, *, seconds: bool = False) -> Tariff:
    elements = []
    for _ in range(rng.randint(1, 6)):
        limits = restrictions(rng, seconds=seconds) if _some(rng, 0.75) else {}
        kinds = rng.sample(["FLAT", "ENERGY", "TIME", "PARKING_TIME"], rng.randint(1, 3))
        if _some(rng, 0.25):
            limits["reservation"] = rng.choice(["RESERVATION", "RESERVATION", "RESERVATION_EXPIRES"])
            kinds = rng.sample(["FLAT", "TIME"], rng.randint(1, 2))
        found: dict[str, Any] = {"price_components": [component(rng, kind) for kind in kinds]}
        if limits or _some(rng, 0.2):
            found["restrictions"] = limits
        elements.append(found)
    tree: dict[str, Any] = {
        "country_code": "DE",
        "party_id": "ALL",
        "id": "T1",
        "currency": "EUR",
        "elements": elements,
        "tax_included": rng.choice(["NO", "NO", "YES", "N/A"]),
        "last_updated": "2025-01-01T00:00:00Z",
    }
    for name, amounts in (("min_price", [Decimal("0.5"), 1, 4]), ("max_price", [1, 5, Decimal("12.5")])):
        if _some(rng, 0.2):
            before = Decimal(rng.choice(amounts))
            tree[name] = {"before_taxes": before}
            if _some(rng, 0.6):
                tree[name]["after_taxes"] = before + rng.choice([0, Decimal("0.05"), Decimal("1.5")])
    return validate(Tariff, tree)


def _hours(rng: random.Random, seconds: int) -> Decimal:
    """As CPOs report them: four decimals, sometimes something else altogether."""
    exact = Decimal(seconds) / 3600
    return round(exact, 4) if _some(rng, 0.8) else Decimal(rng.choice(["0", "0.5", "0.1667", "1.00005"]))


def session(rng: random.Random) -> tuple[list[ChargingPeriod], datetime]:
    start = rng.choice(STARTS) + timedelta(minutes=rng.choice([0, 0, 25, 600]))
    moment = start
    periods = []
    reserving = rng.choice([0, 0, 0, 1, 2])
    for index in range(rng.randint(1, 7)):
        seconds = rng.choice([0, 1, 60, 599, 600, 900, 1500, 3600, 5000, 30_000])
        if index < reserving:
            name = rng.choice(["RESERVATION_TIME", "RESERVATION_TIME", "RESERVATION_TIME", "RESERVATION_EXPIRES"])
            dimensions = [{"type": name, "volume": _hours(rng, seconds)}]
        else:
            dimensions = []
            if _some(rng, 0.9):
                volume = Decimal(rng.choice(["0", "0.5", "1", "4.3", "5", "7.345", "0.0001", "-0.2"]))
                dimensions.append({"type": "ENERGY", "volume": volume})
            if _some(rng, 0.85) or not dimensions:
                name = "TIME" if _some(rng, 0.7) else "PARKING_TIME"
                dimensions.append({"type": name, "volume": _hours(rng, seconds)})
            for name in ("MIN_CURRENT", "MAX_CURRENT", "MIN_POWER", "MAX_POWER"):
                if _some(rng, 0.6):
                    dimensions.append({"type": name, "volume": rng.choice([0, 6, 11, 16, 22, 32, Decimal("3.7")])})
        periods.append(validate(ChargingPeriod, {"start_date_time": date_time_text(moment), "dimensions": dimensions}))
        moment += timedelta(seconds=seconds)
    return periods, moment
