"""The form of a tariff: elements as cards in order, texts by language, validity in local time. Field names are paths.

Built on `DocumentForm`: what has no field here, unknown fields included, stays as it was. What is typed wrongly stays as it was
typed, so that a draft can be kept and says what is the matter.
"""

from __future__ import annotations

import re
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.http import QueryDict

from backoffice.console.document_forms import ADD, REMOVE, DocumentForm
from backoffice.tariffs.admin.pane.figures import too_many
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
LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?")


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
        if typed == local(draft.get(name), shown_in):
            return
        if not typed:
            draft.pop(name, None)
            return
        draft[name] = typed
        if LOCAL.fullmatch(typed):
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
    return ZoneInfo(name) if name in available_timezones() else None


def local(stored: Any, zone: ZoneInfo) -> str:
    """A DateTime as an input of local time shows it; what is none as it stands."""
    if not isinstance(stored, str):
        return ""
    try:
        moment = datetime.fromisoformat(stored)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(zone)
    except (ValueError, OverflowError):
        return stored
    return f"{moment:%Y-%m-%dT%H:%M:%S}" if moment.second else f"{moment:%Y-%m-%dT%H:%M}"


def texts_of(tree: Tree) -> dict[str, str]:
    found: dict[str, str] = {}
    stored = tree.get("tariff_alt_text")
    for each in stored if isinstance(stored, list) else ():
        if isinstance(each, dict) and isinstance(each.get("language"), str):
            found.setdefault(each["language"], str(each.get("text") or ""))
    return found


def _read_texts(draft: Tree, data: QueryDict) -> None:
    stored = draft.get("tariff_alt_text")
    entries = [dict(each) if isinstance(each, dict) else each for each in (stored if isinstance(stored, list) else ())]
    known = texts_of(draft)
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
