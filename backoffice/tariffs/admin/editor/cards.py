"""The form of a tariff as the templates draw it: inputs, rows of prices, cards of elements, with the remarks at their places."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backoffice.console.document_forms import nodes
from backoffice.console.document_forms.nodes import Node
from backoffice.console.document_forms.reading import shown
from backoffice.tariffs.admin.editor.form import KINDS, LOCAL, TIMES, ZONE, TariffForm, local, texts_of
from backoffice.tariffs.admin.pane.asked import NAMED
from backoffice.tariffs.admin.pane.figures import Pane
from backoffice.tariffs.admin.pane.remarks import Remark
from backoffice.tariffs.admin.words import PER, STEPS, WORDS, duration_in_words, in_words, step_in_words
from ocpi.wire import tariffs as wire

Tree = dict[str, Any]


@dataclass(slots=True)
class Input:
    """A field as the templates of the editor draw it: the node, a short label, its unit, the type of its input."""

    node: Node
    label: str
    unit: str = ""
    input_type: str = "text"
    words: str = ""
    """The value in words, where the unit is not how people count; replaced while somebody types."""
    tells: bool = False
    remarks: list[Remark] = field(default_factory=list)

    @property
    def bad(self) -> bool:
        return any(each.is_invalid or each.tone == "bad" for each in self.remarks)


@dataclass(slots=True)
class Row:
    """A price of an element."""

    path: str
    number: int
    type: Input
    price: Input
    vat: Input
    step: Input
    remarks: list[Remark]

    @property
    def id(self) -> str:
        return nodes.id_of(self.path)


@dataclass(slots=True)
class Card:
    """An element. `when`: its restrictions in words; `groups`: title and inputs of each kind of restriction."""

    path: str
    index: int
    last: bool
    rows: list[Row]
    when: str
    groups: list[tuple[str, list[Input]]]
    days: Node
    days_remarks: list[Remark]
    reservation: Input
    focus: bool
    remarks: list[Remark]
    inner: list[Remark]
    """Remarks inside the restrictions, which are folded away."""

    @property
    def id(self) -> str:
        return nodes.id_of(self.path)

    @property
    def tone(self) -> int:
        return self.index % 8


@dataclass(slots=True)
class Text:
    """The alternative text in a language."""

    code: str
    name: str
    text: str


class Drawn:
    """The form as the templates draw it, with the remarks of a pane at their places."""

    def __init__(self, form: TariffForm, pane: Pane) -> None:
        self.source = form
        self.pane = pane
        errors: dict[str, list[str]] = {}
        for remark in pane.invalid:
            errors.setdefault(remark.path, []).append(remark.sentence)
        drawn = nodes.build(
            wire.Tariff,
            form.tree,
            errors=errors,
            skip=form.form.skip | {"elements", "min_price", "max_price"},
            opened=form.form.opened,
        )
        self.nodes = {node.path: node for node in nodes.walk(drawn)}
        self.remarks: dict[str, list[Remark]] = {}
        for remark in pane.remarks:
            self.remarks.setdefault(known_place(remark.path, self.places()), []).append(remark)

    @property
    def hidden(self) -> Mapping[str, str]:
        return {**self.source.form.hidden, ZONE: self.source.zone.key}

    def places(self) -> set[str]:
        return places_of(self.source.tree, self.source.fixed_id)

    def input(self, path: str, label: str, **more: Any) -> Input:
        return Input(self.nodes[path], label, remarks=self.remarks.get(path, []), **more)

    @property
    def currency(self) -> str:
        return str(self.source.tree.get("currency") or "")[:3]

    @property
    def head(self) -> list[Input]:
        found = [] if self.source.fixed_id else [self.input("id", "Id")]
        return [
            *found,
            self.input("type", "Type"),
            self.input("currency", "Currency"),
            self.input("tax_included", "Taxes included in prices"),
        ]

    @property
    def validity(self) -> list[tuple[str, str, str, str, list[Remark]]]:
        labels = {"start_date_time": "Valid from", "end_date_time": "Valid until"}
        found = []
        for name, label in labels.items():
            stored = self.source.tree.get(name)
            text = local(stored, self.source.zone)
            kind = "datetime-local" if not text or LOCAL.fullmatch(text) else "text"
            found.append((name, label, text, kind, self.remarks.get(name, [])))
        return found

    @property
    def limits(self) -> list[tuple[str, list[Input], list[Remark]]]:
        currency = self.currency
        found = []
        for name, label in (("min_price", "At least, for a session"), ("max_price", "At most, for a session")):
            tree = self.source.tree.get(name)
            values = tree if isinstance(tree, dict) else {}
            inputs = [
                Input(_number_node(f"{name}.{part}", values.get(part)), words, currency, remarks=at)
                for part, words in (("before_taxes", "before taxes"), ("after_taxes", "with taxes"))
                for at in [self.remarks.get(f"{name}.{part}", [])]
            ]
            found.append((label, inputs, self.remarks.get(name, [])))
        return found

    @property
    def preauthorize(self) -> Input:
        return self.input("preauthorize_amount", "Reserved on the card by a terminal", unit=self.currency)

    @property
    def alt_url(self) -> Input:
        return self.input("tariff_alt_url", "Web page with the tariff")

    @property
    def texts(self) -> list[Text]:
        """The four languages, and any other that the document has."""
        stored = texts_of(self.source.tree)
        codes = dict.fromkeys([*NAMED, *stored])
        return [Text(code, NAMED.get(code, code), stored.get(code, "")) for code in codes]

    @property
    def texts_named(self) -> str:
        """The languages that have a text."""
        return ", ".join(each.name for each in self.texts if each.text)

    @property
    def has_limits(self) -> bool:
        tree = self.source.tree
        wanted = ("min_price", "max_price", "preauthorize_amount")
        return any(tree.get(name) is not None for name in wanted) or any(
            path.startswith(wanted) for path in self.remarks
        )

    @property
    def remarks_by_id(self) -> dict[str, list[Remark]]:
        """For the live page: the id of each place that has something to tell."""
        return {nodes.id_of(path): remarks for path, remarks in self.remarks.items() if path}

    @property
    def whens(self) -> list[tuple[int, str]]:
        """When each element holds."""
        elements = self.source.tree.get("elements")
        return [
            (index, in_words(_dict(_dict(element).get("restrictions"))))
            for index, element in enumerate(elements if isinstance(elements, list) else ())
        ]

    @property
    def words(self) -> list[tuple[str, str]]:
        """Units, and what is told in words beside a figure, by path."""
        limits = [f"{name}.{part}" for name in ("min_price", "max_price") for part in ("before_taxes", "after_taxes")]
        found = [(f"{path}.unit", self.currency) for path in (*limits, "preauthorize_amount")]
        elements = self.source.tree.get("elements")
        for index, element in enumerate(elements if isinstance(elements, list) else ()):
            components = _dict(element).get("price_components")
            for number, each in enumerate(components if isinstance(components, list) else ()):
                tree = _dict(each)
                path, kind = f"elements.{index}.price_components.{number}", str(tree.get("type") or "")
                found += [
                    (f"{path}.price.unit", f"{self.currency} {PER.get(kind, '')}".strip()),
                    (f"{path}.step_size.unit", STEPS.get(kind, "")),
                    (f"{path}.step_size", step_in_words(kind, tree.get("step_size"))),
                ]
            stated = _dict(_dict(element).get("restrictions"))
            found += [
                (f"elements.{index}.restrictions.{name}", duration_in_words(stated.get(name)))
                for name in ("min_duration", "max_duration")
            ]
        return found

    @property
    def hastexts_of(self) -> bool:
        return bool(texts_of(self.source.tree)) or "tariff_alt_text" in self.remarks or bool(self.alt_url.node.text)

    @property
    def energy_mix(self) -> Node:
        return self.nodes["energy_mix"]

    @property
    def no_elements(self) -> list[Remark]:
        return self.remarks.get("elements", [])

    @property
    def cards(self) -> list[Card]:
        elements = self.source.tree.get("elements")
        if not isinstance(elements, list):
            return []
        return [self._card(index, element, len(elements)) for index, element in enumerate(elements)]

    def _card(self, index: int, element: Any, count: int) -> Card:
        tree = element if isinstance(element, dict) else {}
        path = f"elements.{index}"
        below = f"{path}.restrictions."
        restrictions = tree.get("restrictions")
        stated = restrictions if isinstance(restrictions, dict) else {}
        components = tree.get("price_components")
        listed = components if isinstance(components, list) else []
        return Card(
            path=path,
            index=index,
            last=index == count - 1,
            rows=[self._row(f"{path}.price_components.{n}", n, each) for n, each in enumerate(listed)],
            when=in_words(stated),
            groups=[
                (
                    title,
                    [self._restriction(f"{below}{name}", label, unit, stated.get(name)) for name, label in fields],
                )
                for title, unit, fields in GROUPS
            ],
            days=_days(f"{below}day_of_week", stated.get("day_of_week")),
            reservation=Input(
                _choice(f"{below}reservation", stated.get("reservation"), tuple(wire.ReservationRestrictionType)),
                "Prices reservations",
                remarks=self.remarks.get(f"{below}reservation", []),
            ),
            days_remarks=self.remarks.get(f"{below}day_of_week", []),
            focus=self.source.moved == path,
            remarks=[
                *self.remarks.get(path, []),
                *self.remarks.get(f"{path}.price_components", []),
            ],
            inner=[
                each
                for place, remarks in self.remarks.items()
                if place.startswith(below) or place == below[:-1]
                for each in remarks
            ],
        )

    def _row(self, path: str, number: int, component: Any) -> Row:
        tree = component if isinstance(component, dict) else {}
        kind = str(tree.get("type") or "")

        def at(name: str) -> list[Remark]:
            return self.remarks.get(f"{path}.{name}", [])

        focus = self.source.form.opened == path
        chosen = Input(_choice(f"{path}.type", tree.get("type"), KINDS, focus=focus), "Price of", remarks=at("type"))
        return Row(
            path,
            number,
            type=chosen,
            price=Input(
                _number_node(f"{path}.price", tree.get("price")),
                "Price",
                f"{self.currency} {PER.get(kind, '')}".strip(),
                remarks=at("price"),
            ),
            vat=Input(_number_node(f"{path}.vat", tree.get("vat")), "VAT", "%", remarks=at("vat")),
            step=Input(
                _number_node(f"{path}.step_size", tree.get("step_size")),
                "Step",
                STEPS.get(kind, ""),
                words=step_in_words(kind, tree.get("step_size")),
                tells=True,
                remarks=at("step_size"),
            ),
            remarks=self.remarks.get(path, []),
        )

    def _restriction(self, path: str, label: str, unit: str, value: Any) -> Input:
        name = path.rpartition(".")[2]
        node = _number_node(path, value)
        kind = "text"
        if name.endswith("_time") and re.fullmatch(r"([0-9]{2}:[0-9]{2})?", node.text):
            kind = "time"
        elif name.endswith("_date") and re.fullmatch(r"([0-9]{4}-[0-9]{2}-[0-9]{2})?", node.text):
            kind = "date"
        timed = name.endswith("duration")
        return Input(
            node, label, unit, kind, duration_in_words(value) if timed else "", timed, self.remarks.get(path, [])
        )


GROUPS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    ("Time of day", "", (("start_time", "from"), ("end_time", "until"))),
    ("Dates", "", (("start_date", "from"), ("end_date", "before"))),
    ("Energy charged so far", "kWh", (("min_kwh", "from"), ("max_kwh", "below"))),
    ("Time since charging began", "s", (("min_duration", "from"), ("max_duration", "below"))),
    ("Power", "kW", (("min_power", "from"), ("max_power", "below"))),
    ("Current, sum of the phases", "A", (("min_current", "from"), ("max_current", "below"))),
)
"""The pairs of restrictions: title, unit, fields with their words."""


# --- nodes that are drawn although the document has no object for them yet ------------------------------------------------


def _number_node(path: str, value: Any) -> Node:
    return Node("scalar", path, "", "", False, [], text=shown(value), input_mode="decimal")


def _choice(path: str, value: Any, values: tuple[Any, ...], *, focus: bool = False) -> Node:
    text = "" if value is None else str(value)
    listed = [(each.value, WORDS.get(each.value, each.value), each.value == text) for each in values]
    if text and not any(chosen for _, _, chosen in listed):
        listed.append((text, f"{text} (not known to OCPI)", True))
    return Node("choice", path, "", "", False, [], text=text, choices=listed, focus=focus)


def _days(path: str, value: Any) -> Node:
    chosen = [str(each) for each in value] if isinstance(value, list) else []
    choices = [(day.value, day.value[:2].capitalize(), day.value in chosen) for day in wire.DayOfWeek]
    choices += [(each, each, True) for each in chosen if each not in wire.DayOfWeek.__members__]
    return Node("enum", path, "", "", False, [], choices=choices)


def _dict(value: Any) -> Tree:
    return value if isinstance(value, dict) else {}


# --- places ---------------------------------------------------------------------------------------------------------------


def places_of(tree: Tree, fixed_id: bool) -> set[str]:
    """The paths at which the form shows remarks."""
    found = {"id"} if not fixed_id else set()
    found |= {"type", "currency", "tax_included", "preauthorize_amount", "tariff_alt_url", "elements", *TIMES}
    found |= {f"{name}{part}" for name in ("min_price", "max_price") for part in ("", ".before_taxes", ".after_taxes")}
    elements = tree.get("elements")
    for index, element in enumerate(elements if isinstance(elements, list) else ()):
        path = f"elements.{index}"
        found |= {path, f"{path}.price_components", f"{path}.restrictions"}
        found |= {f"{path}.restrictions.{name}" for name in wire.TariffRestrictions.model_fields}
        components = element.get("price_components") if isinstance(element, dict) else None
        for number in range(len(components) if isinstance(components, list) else 0):
            row = f"{path}.price_components.{number}"
            found |= {row, *(f"{row}.{name}" for name in ("type", "price", "vat", "step_size"))}
    return found


def known_place(path: str, places: set[str]) -> str:
    """The nearest place, walking up; empty if only the summary can tell of it."""
    while path and path not in places:
        path = path.rpartition(".")[0]
    return path
