"""Tokens as a table: read somebody's columns, guess which is which, and write our own. A cell never becomes a formula.

What the file does not say is filled with what is usual (RFID, a whitelist that fits the type); what cannot be read is refused
with its line and reason, never guessed.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Tree = dict[str, Any]

COLUMNS = (
    "uid",
    "type",
    "contract_id",
    "visual_number",
    "issuer",
    "group_id",
    "valid",
    "whitelist",
    "language",
    "default_profile_type",
    "energy_supplier",
    "energy_contract_id",
)
REQUIRED = ("uid", "contract_id")

ALIASES: Mapping[str, tuple[str, ...]] = {
    "uid": ("uid", "rfid", "rfiduid", "tokenuid", "tokenid", "cardid", "chipid", "idtag", "tag", "hexuid", "kartenid"),
    "type": ("type", "tokentype", "typ", "kind"),
    "contract_id": ("contractid", "contract", "emaid", "evcoid", "authid", "vertragsid", "vertrag"),
    "visual_number": ("visualnumber", "visualid", "printednumber", "cardnumber", "number", "kartennummer"),
    "issuer": ("issuer", "company", "issuedby", "herausgeber"),
    "group_id": ("groupid", "group", "parentid", "gruppe"),
    "valid": ("valid", "active", "enabled", "gueltig", "aktiv", "status", "state"),
    "whitelist": ("whitelist", "whitelisttype", "whitelisting"),
    "language": ("language", "lang", "sprache", "locale"),
    "default_profile_type": ("defaultprofiletype", "profile", "profiletype"),
    "energy_supplier": ("energysupplier", "suppliername", "supplier", "energycontractsuppliername"),
    "energy_contract_id": ("energycontractid", "energycontract", "energycontractcontractid"),
}

TRUE = frozenset({"true", "yes", "y", "1", "ja", "j", "oui", "active", "aktiv", "valid", "enabled", "ok"})
FALSE = frozenset({"false", "no", "n", "0", "nein", "non", "inactive", "inaktiv", "invalid", "blocked", "disabled"})

MOST_COLUMNS = 100
LONGEST = 10_000
"""Characters of a cell."""

_FORMULA = re.compile(r"[=+\-@\t\r＝＋－＠]")


class NotATable(Exception):
    """The file cannot be read as a table; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """`header`: the names of the columns; `rows`: the lines below it, with their numbers in the file."""

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def read(data: bytes) -> Sheet:
    """UTF-8, or what German spreadsheets write; comma, semicolon or tab. Raises NotATable."""
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise NotATable("This is a spreadsheet. Save it as CSV (UTF-8) and choose that file.")
    text = _decoded(data)
    first = text.partition("\n")[0]
    delimiter = max(";,\t", key=first.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise NotATable(f"The table cannot be read: {error}.") from error
    if not lines or len(lines[0]) < 2:
        raise NotATable("The first line should name the columns, separated by commas or semicolons.")
    header = tuple(name.strip() for name in lines[0])
    if len(header) > MOST_COLUMNS:
        raise NotATable(f"The table has more than {MOST_COLUMNS} columns.")
    rows = [
        (number, tuple(_unguarded(cell.strip())[:LONGEST] for cell in line))
        for number, line in enumerate(lines[1:], start=2)
        if any(cell.strip() for cell in line)
    ]
    return Sheet(header, tuple(rows))


def _decoded(data: bytes) -> str:
    if b"\x00" in data:
        raise NotATable("The file holds NUL bytes: it is no text. Save it as CSV (UTF-8).")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def guess(header: Sequence[str]) -> dict[str, int]:
    """Field -> number of the column that most likely holds it."""
    plain = [re.sub(r"[^a-z0-9]", "", name.lower().replace("ü", "ue")) for name in header]
    found: dict[str, int] = {}
    for field, names in ALIASES.items():
        for name in names:
            if name in plain and plain.index(name) not in found.values():
                found[field] = plain.index(name)
                break
    return found


def tree_of(cells: Sequence[str], mapping: Mapping[str, int], *, issuer: str) -> Tree:
    """One line as a Token. Raises ValueError with what is wrong; what the wire class checks is left to it."""
    told = {name: cells[index] for name, index in mapping.items() if index < len(cells) and cells[index]}
    tree: Tree = {
        name: told[name] for name in ("uid", "contract_id", "visual_number", "group_id", "language") if told.get(name)
    }
    tree["type"] = told.get("type", "RFID").upper().replace(" ", "_").replace("-", "_")
    tree["issuer"] = told.get("issuer") or issuer
    usual = "NEVER" if tree["type"] in ("APP_USER", "AD_HOC_USER", "EMAID") else "ALLOWED"
    tree["whitelist"] = told.get("whitelist", usual).upper().replace(" ", "_")
    tree["valid"] = _truth(told["valid"]) if "valid" in told else True
    if told.get("default_profile_type"):
        tree["default_profile_type"] = told["default_profile_type"].upper()
    if told.get("energy_supplier"):
        tree["energy_contract"] = {"supplier_name": told["energy_supplier"]}
        if told.get("energy_contract_id"):
            tree["energy_contract"]["contract_id"] = told["energy_contract_id"]
    elif told.get("energy_contract_id"):
        raise ValueError("An energy contract needs its supplier.")
    return tree


def said(mapping: Mapping[str, int]) -> frozenset[str]:
    """The fields of a Token that a table with these columns speaks of."""
    names = {"energy_contract" if name.startswith("energy_") else name for name in mapping}
    return frozenset(names)


def _truth(text: str) -> bool:
    word = text.lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise ValueError("Whether it is valid should be true or false.")


def write(tokens: Iterable[Tree]) -> Iterator[str]:
    """A header and a line for each token, as `read` takes them again."""
    yield _line(COLUMNS)
    for tree in tokens:
        energy = tree.get("energy_contract") or {}
        values = tree | {
            "energy_supplier": energy.get("supplier_name"),
            "energy_contract_id": energy.get("contract_id"),
            "valid": "true" if tree.get("valid") else "false",
        }
        yield _line([str(values.get(name) or "") for name in COLUMNS])


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([_guarded(cell) for cell in cells])
    return out.getvalue()


def _guarded(cell: str) -> str:
    """A spreadsheet would run what begins like a formula."""
    return f"'{cell}" if cell and _FORMULA.match(cell) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if len(cell) > 1 and cell[0] == "'" and _FORMULA.match(cell[1:]) else cell
