"""What a tariff costs, shown: the sentence, the chart, the week, worked examples, findings. For the editor and read-only pages.

    pane = Pane(tree, Asked.read(request.GET, zones=zones_of(party), now=site.now()))
    context = {"pane": pane}   and   {% include "console/tariffs/pane.html" %}

Nothing here writes, and nothing here asks the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from backoffice.partners.models import Party
from backoffice.tariffs.admin.pane.asked import NAMED, Asked
from backoffice.tariffs.admin.pane.chart import Chart, draw
from backoffice.tariffs.admin.pane.remarks import INVALID, LEVELS, Remark, counted_from_one, label_of, path_of, violated
from backoffice.tariffs.admin.pane.weektable import WeekTable, table
from backoffice.tariffs.rules import CompiledTariff, compile_tariff
from backoffice.tariffs.rules.curves import samples
from backoffice.tariffs.rules.exact import exponent, text
from backoffice.tariffs.rules.examples import Example, Step, examples_for, steps, worked
from backoffice.tariffs.rules.lint import Level, Offer, lint
from backoffice.tariffs.rules.sentence import LANGUAGES, sentence
from backoffice.tariffs.rules.sentence.composing import LONGEST
from backoffice.tariffs.rules.week import weeks
from ocpi.wire import json as wire_json
from ocpi.wire.base import date_time_text
from ocpi.wire.tariffs import Tariff

Tree = dict[str, Any]

MOST_ELEMENTS = 200
MOST_COMPONENTS = 40
"""More than these a page does not draw; they are kept and priced all the same."""


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
            self.remarks = [violated(each) for each in error.violations]
            self.tariff = None
        except (ValueError, ArithmeticError) as error:
            self.remarks = [Remark(INVALID, Level.ERROR.value, str(error), "", "The tariff")]
            self.tariff = None
        else:
            self.remarks = [
                Remark(each.code, each.level.value, counted_from_one(each.sentence), path, label_of(path))
                for each in lint(self.tariff, self.offer)
                for path in [path_of(each.place)]
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
        return [table(each, self.currency) for each in found]

    def at(self, path: str) -> list[Remark]:
        """The remarks whose place is exactly this field."""
        return [each for each in self.remarks if each.path == path]


def _shown(amount: Any, currency: str) -> str:
    if amount is None:
        return f"{currency} unknown"
    return f"{currency} {text(amount.numerator, amount.denominator, exponent(currency))}"


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
