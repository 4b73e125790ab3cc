"""What a tariff costs, shown: the sentence, the chart, the week, worked examples, findings. For the editor and read-only pages.

    pane = Pane(tree, Asked.read(request.GET, zones=zones_of(party), now=site.now()))
    context = {"pane": pane}   and   {% include "console/tariffs/pane.html" %}

`Asked` is what the reader set (curve, axis, idle time, start, zone, taxes of the place, a second tariff); its fields are named
`p.…` and never collide with the paths of a form. Nothing here writes, and nothing here asks the database but `zones_of`,
`comparable` and `other_of`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.db.models import Count

from backoffice.locations.models import Location
from backoffice.partners.models import Party
from backoffice.tariffs.admin.chart import AXES, Chart, draw
from backoffice.tariffs.rules import CompiledTariff, compile_tariff
from backoffice.tariffs.rules.curves import CURVES, Curve, samples
from backoffice.tariffs.rules.exact import exponent, plain, text
from backoffice.tariffs.rules.examples import Example, Step, examples_for, steps, worked
from backoffice.tariffs.rules.lint import Level, Offer, lint
from backoffice.tariffs.rules.policy import TaxRate
from backoffice.tariffs.rules.sentence import LANGUAGES, sentence
from backoffice.tariffs.rules.sentence.composing import LONGEST
from backoffice.tariffs.rules.week import Week, weeks
from ocpi.versions.countries import ALPHA_3, TIME_ZONES
from ocpi.wire import json as wire_json
from ocpi.wire.base import date_time_text
from ocpi.wire.tariffs import Tariff, TariffDimensionType

Tree = dict[str, Any]

MOST_ELEMENTS = 200
MOST_COMPONENTS = 40
"""More than these a page does not draw; they are kept and priced all the same."""

NAMED = {"en": "English", "de": "Deutsch", "fr": "Français", "nl": "Nederlands"}
LEVELS = {Level.ERROR: ("bad", "error"), Level.WARNING: ("warn", "warning"), Level.NOTE: ("busy", "info")}
MOST_TAXES = 5
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

FRIDAY = 4
"""A session of a working day stands for most; weekends are chosen."""

_TAX = re.compile(r"\s*([^,;0-9][^,;]{0,39}?)\s+([0-9]{1,3}(?:[.][0-9]{1,4})?)\s*%?\s*")
_EARLIEST, _LATEST = datetime(2000, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001  # local times of a zone chosen later


@dataclass(frozen=True, slots=True)
class Asked:
    """What the reader of the pane set. What is not understood becomes the default, and `problems` says so."""

    curve: Curve
    axis: str
    idle: int
    begins: datetime
    zone: ZoneInfo
    zones: Sequence[str]
    taxes: tuple[TaxRate, ...]
    taxes_text: str
    other: int | None
    language: str
    problems: tuple[str, ...] = ()

    @classmethod
    def read(cls, data: Mapping[str, Any], *, zones: Sequence[str], now: datetime) -> Asked:
        """`zones`: those of the owner's locations, the likeliest first; any other zone may be asked for too."""
        problems: list[str] = []
        zone = _zone(data.get("p.zone"), zones)
        begins = now.astimezone(zone).replace(hour=10, minute=0, second=0, microsecond=0)
        begins += timedelta(days=7 - begins.weekday() if begins.weekday() > FRIDAY else 0)
        stated = str(data.get("p.begins") or "")
        if stated:
            try:
                typed = datetime.fromisoformat(stated).replace(tzinfo=None, second=0, microsecond=0)
                if not _EARLIEST <= typed < _LATEST:
                    raise ValueError
                begins = typed.replace(tzinfo=zone)
            except ValueError:
                problems.append("Start of the session: expected a date and time from 2000 to 2099.")
        taxes_text = str(data.get("p.taxes") or "").strip()[:200]
        taxes = _taxes(taxes_text)
        if taxes is None:
            problems.append("Taxes of the place: expected names with percentages, such as GST 5, QST 9.975.")
        idle, other = str(data.get("p.idle") or "30"), str(data.get("p.with") or "")
        return cls(
            curve=CURVES.get(str(data.get("p.curve")), CURVES["dc150"]),
            axis=str(data.get("p.axis")) if data.get("p.axis") in AXES else "time",
            idle=min(int(idle), 24 * 60) if re.fullmatch(r"[0-9]{1,4}", idle) else 30,
            begins=begins,
            zone=zone,
            zones=zones,
            taxes=taxes or (),
            taxes_text=taxes_text,
            other=int(other) if re.fullmatch(r"[0-9]{1,15}", other) else None,
            language=str(data.get("p.lang")) if data.get("p.lang") in LANGUAGES else "en",
            problems=tuple(problems),
        )

    # --- for the controls ---------------------------------------------------------------------------------------------

    @property
    def curves(self) -> list[tuple[str, str, bool]]:
        return [(curve.key, curve.name, curve is self.curve) for curve in CURVES.values()]

    @property
    def axes(self) -> list[tuple[str, str, bool]]:
        return [(key, name, key == self.axis) for key, name in AXES.items()]

    @property
    def idles(self) -> list[tuple[int, str, bool]]:
        known = {0: "drives off at once", 30: "30 min idle", 60: "1 h idle", 120: "2 h idle", 480: "8 h idle"}
        shown = known if self.idle in known else known | {self.idle: f"{self.idle} min idle"}
        return [(minutes, name, minutes == self.idle) for minutes, name in sorted(shown.items())]

    @property
    def languages(self) -> list[tuple[str, str, bool]]:
        return [(code, NAMED[code], code == self.language) for code in LANGUAGES]

    @property
    def zone_choices(self) -> list[tuple[str, bool]]:
        names = dict.fromkeys([*self.zones, self.zone.key, "UTC"])
        return [(name, name == self.zone.key) for name in names]

    @property
    def begins_text(self) -> str:
        return f"{self.begins:%Y-%m-%dT%H:%M}"


def _zone(stated: Any, zones: Sequence[str]) -> ZoneInfo:
    for name in (stated, *zones):
        if isinstance(name, str) and name in available_timezones():
            return ZoneInfo(name)
    return ZoneInfo("UTC")


def _taxes(stated: str) -> tuple[TaxRate, ...] | None:
    """`GST 5, QST 9.975`; None if it is not that."""
    if not stated:
        return ()
    found = [_TAX.fullmatch(part) for part in re.split(r"[,;]", stated)]
    if len(found) > MOST_TAXES or not all(found):
        return None
    return tuple(TaxRate(each[1], Decimal(each[2])) for each in found if each)


def zones_of(party: Party) -> list[str]:
    """The time zones of a party's locations, the most frequent first, then that of its country. One query."""
    counted = Location.objects.filter(party=party).values_list("time_zone").annotate(n=Count("id")).order_by("-n")[:8]
    of_country = TIME_ZONES.get(ALPHA_3.get(party.country_code.upper(), ""))
    names = [name for name, _ in counted if name in available_timezones()]
    return list(dict.fromkeys([*names, *([of_country] if of_country else [])]))


# --- what is found in a tariff ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding or a violation at its place. `path`: as the fields of the form are named; `label`: the place in words."""

    code: str
    level: str
    sentence: str
    path: str
    label: str

    @property
    def tone(self) -> str:
        return LEVELS[Level(self.level)][0]

    @property
    def icon(self) -> str:
        return LEVELS[Level(self.level)][1]

    @property
    def target(self) -> str:
        """The id of the field or the card."""
        return "f-" + self.path.replace(".", "-") if self.path else ""

    @property
    def is_invalid(self) -> bool:
        return self.code == INVALID


INVALID = "invalid"


def counted_from_one(words: str) -> str:
    """The engine counts elements from 0, as JSON does; staff see cards from 1 on."""
    words = re.sub(
        r"elements\[(\d+)\](?:\.price_components\[(\d+)\])?",
        lambda at: f"element {int(at[1]) + 1}" + (f", price {int(at[2]) + 1}" if at[2] else ""),
        words,
    )
    words = re.sub(r"\belements (\d+) and (\d+)\b", lambda at: f"elements {int(at[1]) + 1} and {int(at[2]) + 1}", words)
    return re.sub(r"(?:^|(?<=[.] ))[a-z]", lambda first: first[0].upper(), words)


def _path_of(place: str) -> str:
    return place.replace("[", ".").replace("]", "")


def label_of(path: str) -> str:
    """`elements.1.price_components.0.vat` as `Element 2, price 1, vat`."""
    words: list[str] = []
    for step in path.split("."):
        if step.isdigit() and words:
            words[-1] = {"elements": "element", "price components": "price"}.get(words[-1], words[-1])
            words[-1] += f" {int(step) + 1}"
        elif step:
            words.append(step.replace("_", " "))
    joined = ", ".join(word for word in words if word != "restrictions")
    return joined[:1].upper() + joined[1:] if joined else "The tariff"


def _violated(violation: wire_json.Violation) -> Remark:
    path = ".".join(map(str, violation.path))
    return Remark(INVALID, Level.ERROR.value, violation.message, path, label_of(path))


# --- the pane ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """The sentence in a language. `fits`: it can be a tariff_alt_text."""

    code: str
    name: str
    text: str
    fits: bool
    chosen: bool


@dataclass(frozen=True, slots=True)
class Worked:
    """An example with its total, and that of the other tariff if there is one."""

    name: str
    total: str
    total_excl: str
    other: str
    steps: list[Step]
    own: str
    """Key of a saved example; empty for the standard ones."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of a day in the week's table: how many columns, which element, at what price."""

    span: int
    element: int | None
    text: str
    hours: str

    @property
    def tone(self) -> str:
        return "none" if self.element is None else str(self.element % 8)

    @property
    def card(self) -> str:
        return "" if self.element is None else f"f-elements-{self.element}"


@dataclass(frozen=True, slots=True)
class WeekTable:
    """One dimension over a week. `columns`: of half an hour or finer, so that each boundary is at the edge of one."""

    name: str
    unit: str
    varies: bool
    columns: int
    hours: list[tuple[str, int]]
    days: list[tuple[str, list[Cell]]]
    single: str


@dataclass
class Pane:
    """Everything about one tariff. `tree`: the tariff in the newest version, owner and time included. `other`: a second one."""

    tree: Tree
    asked: Asked
    offer: Offer | None = None
    other: Tariff | None = None
    own_examples: Sequence[tuple[str, Example]] = ()
    others: Sequence[tuple[int, str]] = ()
    """What may be chosen as the second tariff: key and name."""
    remarks: list[Remark] = field(default_factory=list, init=False)
    tariff: Tariff | None = field(default=None, init=False)
    compiled: CompiledTariff | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        try:
            too_many(self.tree)
            self.tariff = wire_json.validate(Tariff, self.tree)
            self.compiled = compile_tariff(self.tariff, self.asked.taxes)
        except wire_json.Invalid as error:
            self.remarks = [_violated(each) for each in error.violations]
            self.tariff = None
        except (ValueError, ArithmeticError) as error:
            self.remarks = [Remark(INVALID, Level.ERROR.value, str(error), "", "The tariff")]
            self.tariff = None
        else:
            self.remarks = [
                Remark(each.code, each.level.value, counted_from_one(each.sentence), path, label_of(path))
                for each in lint(self.tariff, self.offer)
                for path in [_path_of(each.place)]
            ]

    @property
    def prices(self) -> bool:
        """Whether the engine can price it."""
        return self.compiled is not None

    @property
    def currency(self) -> str:
        return self.tariff.currency if self.tariff else ""

    @property
    def invalid(self) -> list[Remark]:
        return [each for each in self.remarks if each.is_invalid]

    @property
    def ordered_remarks(self) -> list[Remark]:
        order = [level.value for level in LEVELS]
        return sorted(self.remarks, key=lambda each: order.index(each.level))

    @property
    def counts(self) -> str:
        """`1 error, 2 notes`."""
        told = []
        for level, (one, many) in {
            Level.ERROR: ("error", "errors"),
            Level.WARNING: ("warning", "warnings"),
            Level.NOTE: ("note", "notes"),
        }.items():
            n = sum(each.level == level.value for each in self.remarks)
            if n:
                told.append(f"{n} {one if n == 1 else many}")
        return ", ".join(told)

    @cached_property
    def told(self) -> list[Told]:
        if self.tariff is None:
            return []
        texts = [(code, sentence(self.tariff, code)) for code in LANGUAGES]
        return [
            Told(code, NAMED[code], words, len(words) <= LONGEST, code == self.asked.language) for code, words in texts
        ]

    @property
    def fills(self) -> bool:
        """Whether the sentence will become tariff_alt_text."""
        return self.tariff is not None and not self.tariff.tariff_alt_text

    @cached_property
    def compared(self) -> CompiledTariff | None:
        """The second tariff, if it can be drawn beside the first."""
        if self.other is None or self.tariff is None or self.other.currency != self.tariff.currency:
            return None
        try:
            return compile_tariff(self.other, self.asked.taxes)
        except (ValueError, ArithmeticError):
            return None

    @property
    def why_not_compared(self) -> str:
        if self.other is None or self.tariff is None or self.compared is not None:
            return ""
        if self.other.currency != self.tariff.currency:
            return f"{self.other.id} is in {self.other.currency}: amounts in different currencies are not compared."
        return f"{self.other.id} cannot be priced."

    @cached_property
    def chart(self) -> Chart | None:
        if self.compiled is None:
            return None
        asked = self.asked
        readings = asked.curve.readings(asked.begins.astimezone(UTC), idle=timedelta(minutes=asked.idle))
        return draw(
            samples(self.compiled, readings, asked.zone),
            axis=asked.axis,
            currency=self.currency,
            curve=asked.curve.name,
            other=samples(self.compared, readings, asked.zone) if self.compared else (),
            other_name=self.compared.tariff.id if self.compared else "",
        )

    @cached_property
    def examples(self) -> list[Worked]:
        if self.compiled is None:
            return []
        standard = [("", example) for example in examples_for(self.compiled)]
        return [self._worked(key, example) for key, example in (*standard, *self.own_examples)]

    def _worked(self, key: str, example: Example) -> Worked:
        assert self.compiled is not None
        begins = self.asked.begins.astimezone(UTC)
        found = worked(self.compiled, example, begins, self.asked.zone)
        told = [
            each._replace(what=counted_from_one(each.what), why=counted_from_one(each.why)) for each in steps(found)
        ]
        other = ""
        if self.compared is not None:
            cost = worked(self.compared, example, begins, self.asked.zone).total
            other = _shown(cost.incl if cost.incl is not None else cost.excl, self.currency)
        total = found.total
        return Worked(
            example.name,
            _shown(total.incl if total.incl is not None else total.excl, self.currency),
            _shown(total.excl, self.currency) if total.incl is not None else "",
            other,
            told,
            key,
        )

    @cached_property
    def week(self) -> list[WeekTable]:
        if self.compiled is None:
            return []
        day = self.asked.begins.date()
        monday = day - timedelta(days=day.weekday())
        curve = self.asked.curve
        found = weeks(self.compiled, monday, kw=curve.power, ampere=curve.power * 1000 / curve.volts)
        return [_table(each, self.currency) for each in found]

    def at(self, path: str) -> list[Remark]:
        """The remarks whose place is exactly this field."""
        return [each for each in self.remarks if each.path == path]


def _shown(amount: Any, currency: str) -> str:
    if amount is None:
        return f"{currency} unknown"
    return f"{currency} {text(amount.numerator, amount.denominator, exponent(currency))}"


UNITS = {
    TariffDimensionType.ENERGY: "kWh",
    TariffDimensionType.TIME: "hour of charging",
    TariffDimensionType.PARKING_TIME: "hour without charging",
}


def _table(week: Week, currency: str) -> WeekTable:
    edges = {edge for day in week.days for each in day for edge in (each.start, each.end)}
    width = next((minutes for minutes in (30, 15, 5) if all(edge % minutes == 0 for edge in edges)), 5)
    days = []
    for name, day in zip(DAYS, week.days, strict=True):
        cells = []
        for each in day:
            span = each.end // width - each.start // width
            if not span:
                continue
            component = each.component
            price = f"{plain(component.wire.price)}" if component else "free"
            hours = f"{_clock(each.start)} to {_clock(each.end)}"
            cells.append(Cell(span, component.element if component else None, price, hours))
        days.append((name, cells))
    single = week.components[0]
    return WeekTable(
        name=week.dimension.value.replace("_", " ").capitalize(),
        unit=f"{currency} per {UNITS[week.dimension]}",
        varies=week.varies,
        columns=24 * 60 // width,
        hours=[(f"{hour:02d}", 180 // width) for hour in range(0, 24, 3)],
        days=days,
        single=f"element {single.element + 1}, {plain(single.wire.price)} {currency} per {UNITS[week.dimension]}"
        if single
        else "free",
    )


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def too_many(tree: Tree) -> None:
    """Raises ValueError for a tariff that is too large to draw."""
    elements = tree.get("elements")
    if not isinstance(elements, list):
        return
    if len(elements) > MOST_ELEMENTS:
        raise ValueError(f"It has {len(elements)} elements; more than {MOST_ELEMENTS} are not drawn here.")
    for index, element in enumerate(elements):
        components = element.get("price_components") if isinstance(element, dict) else None
        if isinstance(components, list) and len(components) > MOST_COMPONENTS:
            raise ValueError(
                f"Element {index + 1} has {len(components)} prices; more than {MOST_COMPONENTS} are not drawn."
            )


def is_too_large(tree: Tree) -> bool:
    try:
        too_many(tree)
    except ValueError:
        return True
    return False


def whole(tree: Tree, party: Party, *, now: datetime) -> Tree:
    """A draft's tree with what publication adds."""
    return tree | {
        "country_code": party.country_code,
        "party_id": party.party_id,
        "last_updated": date_time_text(now),
    }
