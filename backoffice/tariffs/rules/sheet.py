"""A tariff as lines of a spreadsheet, one for each price, and back. For price lists that people keep in tables.

Columns have the specification's names; of a tariff's own fields the first line that fills one in counts. A sheet has no room for
texts, energy mix and fields that OCPI does not know: whoever reads one keeps those of the tariff that is stored.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ocpi.wire import json as wire_json

Tree = dict[str, Any]

PLAIN = ("id", "type", "currency", "tax_included", "start_date_time", "end_date_time", "preauthorize_amount")
LIMITS = {
    f"{limit}_{part}": (limit, part) for limit in ("min_price", "max_price") for part in ("before_taxes", "after_taxes")
}
COMPONENT = {"dimension": "type", "price": "price", "vat": "vat", "step_size": "step_size"}
RESTRICTIONS = (
    *("start_time", "end_time", "start_date", "end_date", "day_of_week"),
    *(f"{edge}_{name}" for name in ("kwh", "current", "power", "duration") for edge in ("min", "max")),
    "reservation",
)
COLUMNS = (*PLAIN, *LIMITS, "element", *COMPONENT, *RESTRICTIONS)
NEEDED = ("id", "dimension", "price")
FIELDS = (*PLAIN, "min_price", "max_price", "elements")
MOST_LINES = 50_000

_NUMBER = re.compile(r"-?[0-9]+(?:[.,][0-9]+)?")
_NUMBERS = re.compile(
    r"(price|vat|preauthorize_amount|(min|max)_(kwh|current|power)|(min|max)_price_(before|after)_taxes)"
)
_WHOLE = re.compile(r"(step_size|(min|max)_duration)")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class UnableToReadSheet(ValueError):
    """The sheet is no price list; the sentence names the line."""


@dataclass(slots=True)
class Found:
    """A tariff of a sheet. `line`: where it begins."""

    tree: Tree
    line: int


# --- reading ----------------------------------------------------------------------------------------------------------


def looks_like_sheet(data: bytes) -> bool:
    """Whether the file is no JSON but lines with our columns."""
    head = data[:4096].lstrip(b"\xef\xbb\xbf").lstrip()
    return not head.startswith((b"{", b"[")) and b"id" in head.partition(b"\n")[0].lower()


def read(data: bytes) -> list[Found]:
    """The tariffs in the order in which they begin. Raises UnableToReadSheet."""
    text = _decoded(data)
    header = text.partition("\n")[0]
    mark = max(";,\t", key=header.count)
    lines = csv.reader(io.StringIO(text), delimiter=mark, strict=True)
    try:
        names = [name.strip().lower() for name in next(lines, [])]
        _check(names)
        return _tariffs(names, lines)
    except csv.Error as error:
        raise UnableToReadSheet(f"Line {lines.line_num} cannot be read: {error}.") from error


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")  # as spreadsheets on Windows save


def _check(names: Sequence[str]) -> None:
    unknown = [name or "(empty)" for name in names if name not in COLUMNS]
    if unknown:
        raise UnableToReadSheet(
            f"The first line names columns that a price list does not have: {', '.join(unknown[:5])}. It may have: "
            f"{', '.join(COLUMNS)}."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    missing = [name for name in NEEDED if name not in names]
    if missing or twice:
        said = f"lacks {', '.join(missing)}" if missing else f"names {', '.join(twice)} twice"
        raise UnableToReadSheet(f"The first line {said}.")


def _tariffs(names: Sequence[str], lines: Iterable[list[str]]) -> list[Found]:
    found: dict[str, Found] = {}
    marks: dict[str, list[tuple[str, Tree]]] = {}
    for number, line in enumerate(lines, start=2):
        if number > MOST_LINES:
            raise UnableToReadSheet(f"More than {MOST_LINES} lines are not read at once.")
        if len(line) > len(names):
            raise UnableToReadSheet(f"Line {number} has more cells than the first line has columns.")
        cells = {name: _unguarded(cell.strip()) for name, cell in zip(names, line, strict=False) if cell.strip()}
        if not cells:
            continue
        if "id" not in cells:
            raise UnableToReadSheet(f"Line {number} has no id.")
        key = cells["id"].upper()
        tariff = found.setdefault(key, Found({"id": cells["id"]}, number)).tree
        for name, value in _own(cells):
            _set(tariff, name, value, number)
        element = cells.get("element", ""), dict(_restrictions(cells))
        elements, known = tariff.setdefault("elements", []), marks.setdefault(key, [])
        if not known or known[-1] != element:
            mark, restrictions = element
            if mark and any(mark == each for each, _ in known):
                raise UnableToReadSheet(
                    f"Line {number}: the lines of element {mark} differ, or others stand between them."
                )
            elements.append({"price_components": []} | ({"restrictions": restrictions} if restrictions else {}))
            known.append(element)
        elements[-1]["price_components"].append(dict(_component(cells)))
    if not found:
        raise UnableToReadSheet("The sheet holds no line below the first.")
    return list(found.values())


def _set(tariff: Tree, name: str, value: Any, line: int) -> None:
    limit, part = LIMITS.get(name, ("", ""))
    holder, key = (tariff.setdefault(limit, {}), part) if limit else (tariff, name)
    if key in holder and holder[key] != value:
        raise UnableToReadSheet(f"Line {line}: {name} is {value} here and {holder[key]} above, in one tariff.")
    holder[key] = value


def _own(cells: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for name in (*PLAIN[1:], *LIMITS):
        if name in cells:
            value = _value(name, cells[name])
            yield name, value.replace(" ", "T") if name.endswith("_date_time") and isinstance(value, str) else value


def _component(cells: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for name, field in COMPONENT.items():
        if name in cells:
            yield field, _value(name, cells[name])
    if "step_size" not in cells:
        yield "step_size", 1


def _restrictions(cells: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for name in RESTRICTIONS:
        if name not in cells:
            continue
        if name == "day_of_week":
            yield name, [day.upper() for day in re.split(r"[\s,;+|]+", cells[name]) if day]
        else:
            yield name, _value(name, cells[name])


def _value(name: str, cell: str) -> Any:
    """What is no number where one belongs stays as it is: the import says what is wrong, and at which field."""
    if _NUMBERS.fullmatch(name) and _NUMBER.fullmatch(cell):
        return Decimal(cell.replace(",", "."))
    if _WHOLE.fullmatch(name) and re.fullmatch(r"-?[0-9]{1,18}", cell):
        return int(cell)
    return cell


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def merged(told: Tree, stored: Tree | None) -> Tree:
    """What the sheet says, over the tariff that is stored: what it says the same stays as it was written, unknown fields inside
    included, and so does what it has no room for."""
    if stored is None:
        return told
    tree: Tree = {}
    for name in dict.fromkeys((*stored, *told)):
        if name not in FIELDS or (name in stored and _said(told, name) == _said(stored, name)):
            tree[name] = stored[name]
        elif name in told:
            tree[name] = told[name]
    return tree


def _said(tariff: Tree, field: str) -> list[list[str]]:
    """The cells of a field."""
    names = {
        "elements": ("element", *COMPONENT, *RESTRICTIONS),
        "min_price": tuple(LIMITS)[:2],
        "max_price": tuple(LIMITS)[2:],
    }.get(field, (field,))
    return [[cells[name] for name in names] for cells in _lines(tariff)][: None if field == "elements" else 1]


# --- writing ----------------------------------------------------------------------------------------------------------


def write(tariffs: Iterable[Tree]) -> Iterator[str]:
    """The lines of a sheet, the first with the columns. Cells that a spreadsheet would take for a formula are guarded."""
    yield _line(COLUMNS)
    for tariff in tariffs:
        for cells in _lines(tariff):
            yield _line([_guarded(cells.get(name, "")) for name in COLUMNS])


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()


def _guarded(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell


def _lines(tariff: Tree) -> Iterator[dict[str, str]]:
    own = {name: _cell(tariff.get(name)) for name in PLAIN}
    for name, (limit, part) in LIMITS.items():
        holder = tariff.get(limit)
        own[name] = _cell(holder.get(part)) if isinstance(holder, dict) else ""
    for index, element in enumerate(tariff.get("elements") or (), start=1):
        stated = element.get("restrictions") or {}
        restricted = {name: _cell(stated.get(name)) for name in RESTRICTIONS}
        for component in element.get("price_components") or ():
            priced = {name: _cell(component.get(field)) for name, field in COMPONENT.items()}
            yield own | {"element": str(index)} | priced | restricted


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value if isinstance(value, str) else wire_json.encode(value).decode()
