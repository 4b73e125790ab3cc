"""The form of a tariff: elements as cards in order, texts by language, validity in local time. Field names are paths.

Built on `DocumentForm`: what has no field here, unknown fields included, stays as it was. What is typed wrongly stays as it was
typed, so that a draft can be kept and says what is the matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.http import QueryDict

from backoffice.console.document_forms import ADD, REMOVE, DocumentForm, nodes
from backoffice.console.document_forms.nodes import Node
from backoffice.tariffs.admin.pane import NAMED, Pane, Remark, too_many
from ocpi.wire import tariffs as wire
from ocpi.wire.base import date_time_text
from ocpi.wire.tariffs import TariffDimensionType

Tree = dict[str, Any]

TIMES = ("start_date_time", "end_date_time")
SKIP = frozenset({"country_code", "party_id", "last_updated", "tariff_alt_text", *TIMES})
UP, DOWN, MOVE, COPY = "_up", "_down", "_move", "_copy"
ZONE = "@zone"

NEW_COMPONENT: Tree = {"price": Decimal(0), "step_size": 1}
KINDS = tuple(TariffDimensionType(name) for name in ("ENERGY", "TIME", "PARKING_TIME", "FLAT"))

_COMMA = re.compile(r"\s*(-?[0-9]{1,18}),([0-9]{1,18})\s*")
_NUMBERS = re.compile(r"(price|vat|(min|max)_(kwh|current|power)|(before|after)_taxes|preauthorize_amount)$")
_LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?")


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


class TariffForm:
    """`zone`: in which the times of validity are shown. `moved`: the card that was moved, copied or added last."""

    def __init__(self, form: DocumentForm, zone: ZoneInfo, *, fixed_id: bool) -> None:
        self.form = form
        self.zone = zone
        self.fixed_id = fixed_id
        self.moved = ""
        self.said = ""
        self.typed: dict[str, str] = {}

    # --- from and to the document --------------------------------------------------------------------------------------

    @classmethod
    def open(cls, stored: Tree, zone: ZoneInfo, *, fixed_id: bool) -> TariffForm:
        return cls(DocumentForm.open(wire.Tariff, stored, skip=_skipped(fixed_id)), zone, fixed_id=fixed_id)

    @classmethod
    def posted(cls, data: QueryDict, zone: ZoneInfo, *, fixed_id: bool) -> TariffForm:
        """`zone` is used where the form does not say in which zone it showed its times. Raises ValueError."""
        data = _with_points(data)
        form = DocumentForm.posted(wire.Tariff, data, skip=_skipped(fixed_id))
        found = cls(form, zone, fixed_id=fixed_id)
        shown_in = _zone(data.get(ZONE, "")) or zone
        for name in TIMES:
            found._read_time(name, data, shown_in)
        _read_texts(form.draft, data)
        _prune(form.draft)
        too_many(form.draft)
        return found

    @property
    def tree(self) -> Tree:
        return self.form.draft

    def _read_time(self, name: str, data: QueryDict, shown_in: ZoneInfo) -> None:
        if name not in data:
            return
        typed, draft = data[name].strip(), self.form.draft
        if typed == _local(draft.get(name), shown_in):
            return
        if not typed:
            draft.pop(name, None)
            return
        draft[name] = typed
        if _LOCAL.fullmatch(typed):
            try:
                draft[name] = date_time_text(datetime.fromisoformat(typed).replace(tzinfo=shown_in).astimezone(UTC))
            except (ValueError, OverflowError):  # the text stays, and validation says what is expected
                return

    def rearranged(self, data: QueryDict) -> bool:
        """Do what a button asks for: add, remove, copy, move. False: no such button was pressed."""
        draft = self.form.draft
        elements = draft.get("elements")
        elements = elements if isinstance(elements, list) else []
        if data.get(ADD) == "elements":
            draft["elements"] = [*elements, {"price_components": [_component(elements, None)]}]
            self._moved(len(elements), f"Element {len(elements) + 1} was added at the end.")
        elif (at := _component_list(data.get(ADD, ""))) is not None and at < len(elements):
            element = elements[at]
            found = element.get("price_components")
            components = found if isinstance(found, list) else []
            element["price_components"] = [*components, _component(elements, element)]
            self.form.opened = f"elements.{at}.price_components.{len(components)}"
            self.said = f"A price was added to element {at + 1}."
        elif COPY in data and (at := _element(data[COPY], elements)) is not None:
            draft["elements"] = [*elements[: at + 1], deepcopy(elements[at]), *elements[at + 1 :]]
            self._moved(at + 1, f"Element {at + 1} was copied to place {at + 2}.")
        elif UP in data or DOWN in data:
            at = _element(data.get(UP) or data.get(DOWN, ""), elements)
            if at is not None:
                self._move(elements, at, at - 1 if UP in data else at + 1)
        elif MOVE in data:
            one, _, other = data[MOVE].partition(":")
            at = _element(one, elements)
            to = _element(f"elements.{other}", elements)
            if at is not None and to is not None:
                self._move(elements, at, to)
        elif self.form.rearranged(data):
            if REMOVE in data:
                self.said = "Removed."
                _prune(draft)
        else:
            return False
        too_many(draft)
        return True

    def _move(self, elements: list[Tree], at: int, to: int) -> None:
        if 0 <= to < len(elements):
            elements.insert(to, elements.pop(at))
            self._moved(to, f"Element {at + 1} is number {to + 1} now.")
        else:
            self._moved(at, f"Element {at + 1} stays where it is.")

    def _moved(self, index: int, said: str) -> None:
        self.moved, self.said = f"elements.{index}", said

    # --- for the templates ----------------------------------------------------------------------------------------------

    def drawn(self, pane: Pane) -> Drawn:
        return Drawn(self, pane)


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
            text = _local(stored, self.source.zone)
            kind = "datetime-local" if not text or _LOCAL.fullmatch(text) else "text"
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
        stored = _texts(self.source.tree)
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
    def has_texts(self) -> bool:
        return bool(_texts(self.source.tree)) or "tariff_alt_text" in self.remarks or bool(self.alt_url.node.text)

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
    from backoffice.console.document_forms.reading import shown

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


def _dict(value: Any) -> Tree:
    return value if isinstance(value, dict) else {}


# --- words ----------------------------------------------------------------------------------------------------------------


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


# --- reading --------------------------------------------------------------------------------------------------------------


def _skipped(fixed_id: bool) -> frozenset[str]:
    return SKIP | {"id"} if fixed_id else SKIP


def _with_points(data: QueryDict) -> QueryDict:
    """Numbers with a decimal comma, as many write them, with a point."""
    found = data.copy()
    for name in data:
        if _NUMBERS.search(name) and (match := _COMMA.fullmatch(data[name])):
            found[name] = f"{match[1]}.{match[2]}"
    return found


def _zone(name: str) -> ZoneInfo | None:
    from zoneinfo import available_timezones

    return ZoneInfo(name) if name in available_timezones() else None


def _local(stored: Any, zone: ZoneInfo) -> str:
    """A DateTime as an input of local time shows it; what is none as it stands."""
    if not isinstance(stored, str):
        return ""
    try:
        moment = datetime.fromisoformat(stored)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(zone)
    except (ValueError, OverflowError):
        return stored
    return f"{moment:%Y-%m-%dT%H:%M:%S}" if moment.second else f"{moment:%Y-%m-%dT%H:%M}"


def _texts(tree: Tree) -> dict[str, str]:
    found: dict[str, str] = {}
    stored = tree.get("tariff_alt_text")
    for each in stored if isinstance(stored, list) else ():
        if isinstance(each, dict) and isinstance(each.get("language"), str):
            found.setdefault(each["language"], str(each.get("text") or ""))
    return found


def _read_texts(draft: Tree, data: QueryDict) -> None:
    stored = draft.get("tariff_alt_text")
    entries = [dict(each) if isinstance(each, dict) else each for each in (stored if isinstance(stored, list) else ())]
    known = _texts(draft)
    changed = False
    for name in data:
        code = name.removeprefix("alt.")
        if code == name or not re.fullmatch(r"[A-Za-z-]{2,5}", code):
            continue
        typed = data[name].strip()
        if typed == known.get(code, "").strip():
            continue
        changed = True
        if code not in known:
            entries.append({"language": code, "text": typed})
            continue
        first = next(each for each in entries if isinstance(each, dict) and each.get("language") == code)
        if typed:
            first["text"] = typed
        else:
            entries.remove(first)
    if changed:
        draft["tariff_alt_text"] = entries
        if not entries:
            draft.pop("tariff_alt_text")


def _prune(draft: Tree) -> None:
    """Objects of which every field was emptied are left out."""
    for name in ("min_price", "max_price"):
        if draft.get(name) == {}:
            draft.pop(name)
    elements = draft.get("elements")
    for element in elements if isinstance(elements, list) else ():
        if isinstance(element, dict) and element.get("restrictions") == {}:
            element.pop("restrictions")


def _component(elements: list[Any], element: Tree | None) -> Tree:
    """A new price: of a dimension that the element does not price yet, with the VAT that stands elsewhere."""
    listed = element.get("price_components") if element else None
    own = listed if isinstance(listed, list) else []
    taken = {each.get("type") for each in own if isinstance(each, dict)}
    rates = [
        each["vat"]
        for one in elements
        if isinstance(one, dict) and isinstance(one.get("price_components"), list)
        for each in one["price_components"]
        if isinstance(each, dict) and each.get("vat") is not None
    ]
    kind = next((kind for kind in KINDS if kind.value not in taken), KINDS[0])
    return {"type": kind.value, **NEW_COMPONENT} | ({"vat": rates[-1]} if rates else {})


def _element(stated: str, elements: list[Any]) -> int | None:
    match = re.fullmatch(r"elements\.([0-9]{1,4})", stated)
    return int(match[1]) if match and int(match[1]) < len(elements) else None


def _component_list(stated: str) -> int | None:
    match = re.fullmatch(r"elements\.([0-9]{1,4})\.price_components", stated)
    return int(match[1]) if match else None


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
