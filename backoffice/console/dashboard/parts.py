"""What the start page is made of: figures, charts, rows, and what waits for a person. Values only; topics fill them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode

from backoffice.tariffs.rules.exact import decimal as rounded
from backoffice.tariffs.rules.exact import exponent


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, where it leads, and how bad it is (good, busy, warn, bad, off)."""

    label: str
    value: str
    url: str
    tone: str = "off"
    icon: str = "circle"


@dataclass(frozen=True, slots=True)
class Series:
    """`key` chooses colour and pattern."""

    name: str
    values: Sequence[float | None]
    key: str
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing, its table and its sentence. `kind`: area (stacked), line, bar (stacked)."""

    kind: str
    labels: Sequence[str]
    series: Sequence[Series]
    unit: str
    summary: str
    places: int = 0
    most: float | None = None
    small: bool = False

    @property
    def told(self) -> str:
        """For the script that draws it."""
        return json.dumps(
            {
                "kind": self.kind,
                "labels": list(self.labels),
                "unit": self.unit,
                "most": self.most,
                "small": self.small,
                "places": self.places,
                "series": [
                    {"name": each.name, "values": list(each.values), "key": each.key, "dashed": each.dashed}
                    for each in self.series
                ],
            }
        )

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        return [(label, [self._written(each.values[n]) for each in self.series]) for n, label in enumerate(self.labels)]

    def _written(self, value: float | None) -> str:
        return "–" if value is None else f"{value:,.{self.places}f}"


@dataclass(frozen=True, slots=True)
class Bar:
    """An amount beside the others of its currency. `length`: 0 to 100; `ghost`: of the month before, to compare with."""

    name: str
    amount: str
    count: str
    length: int
    tone: str
    url: str = ""
    ghost: bool = False


@dataclass(frozen=True, slots=True)
class Bars:
    """One currency."""

    head: str
    parts: list[Bar]


@dataclass(frozen=True, slots=True)
class Matter:
    """Something that waits for a person: what, where, how much money of which currency, how many drivers."""

    sentence: str
    url: str
    drivers: int = 0
    money: Decimal | None = None
    currency: str = ""
    tone: str = "warn"
    icon: str = "warning"

    @property
    def amount(self) -> str:
        return amount(self.money, self.currency) if self.money is not None else ""


@dataclass(slots=True)
class Panel:
    """`note` says what the figures rest on; `lines` are its rows with a progress of 0 to 100 or None. `gap`: what is missing.
    `failed`: nothing could be measured; then `since` is when it last could, as far as this process knows."""

    key: str
    title: str
    figures: list[Figure] = field(default_factory=list)
    note: str = ""
    lines: list[tuple[str, str, int | None]] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    bars: list[Bars] = field(default_factory=list)
    matters: list[Matter] = field(default_factory=list)
    gap: str = ""
    failed: bool = False
    since: datetime | None = None


def listing(name: str, *, pk: int | None = None, **narrowed: str) -> str:
    """The address of a list, narrowed, or of the page of one row; empty where this installation has no such page."""
    try:
        url = reverse(f"admin:{name}", args=[] if pk is None else [pk])
    except NoReverseMatch:
        return ""
    return f"{url}?{urlencode(narrowed)}" if narrowed else url


def amount(value: Decimal, currency: str) -> str:
    """Money as it can be paid, the currency behind it as in every list."""
    return f"{rounded(Fraction(value), exponent(currency)):,} {currency}"


def share(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def percent(value: float | None) -> str:
    return "none" if value is None else "100%" if value == 100 else f"{min(value, 99.9):.1f}%"


def tone(value: float | None, *, good: float, fair: float) -> str:
    return "off" if value is None else "good" if value >= good else "warn" if value >= fair else "bad"


def plural(number: int, word: str, words: str = "") -> str:
    return f"{number:,} {word if number == 1 else words or word + 's'}"
