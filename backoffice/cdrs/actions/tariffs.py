"""The tariffs by which CDRs are priced: read and compiled once for each text, for CDRs repeat them by the thousand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from backoffice import statements
from backoffice.cdrs.rules.checking import policy_of
from backoffice.fields import DocumentField
from backoffice.tariffs.rules import CompiledTariff, compile_tariff
from backoffice.tariffs.rules.standing import flaw
from ocpi.wire import json as wire_json
from ocpi.wire.tariffs import Tariff

Tree = dict[str, Any]

REMEMBERED = 2000

_by_text: dict[tuple[str, bytes], CompiledTariff | None] = {}
_by_version: dict[tuple[str, int], CompiledTariff | None] = {}


def compiled(tree: Tree, version: str) -> CompiledTariff | None:
    """A tariff that was told in this version of OCPI. None for one that cannot price."""
    # equal but for the time of the last change is one tariff: two prices of one CDR are then calculated once
    text = wire_json.encode({name: value for name, value in tree.items() if name != "last_updated"})
    key = version, text
    if key not in _by_text:
        if len(_by_text) >= REMEMBERED:
            _by_text.clear()
        _by_text[key] = _compile(tree, version)
    return _by_text[key]


def inside(trees: Sequence[Tree], version: str) -> list[CompiledTariff]:
    """Those of a CDR that can price."""
    return [made for tree in trees if (made := compiled(tree, version)) is not None]


def of_versions(rows: Collection[int], version: str) -> dict[int, CompiledTariff | None]:
    """Versions of tariffs by row id. They never change, so what was read once need not be read again."""
    missing = [row for row in set(rows) if (version, row) not in _by_version]
    if missing:
        if len(_by_version) + len(missing) >= REMEMBERED:
            _by_version.clear()
            missing = list(set(rows))
        for row, document in statements.run(
            "SELECT id, document FROM tariffs_tariffversion WHERE id = ANY(%s)", [sorted(missing)]
        ):
            _by_version[version, row] = compiled(DocumentField.read(document), version)
    return {row: _by_version.get((version, row)) for row in rows}


def _compile(tree: Tree, version: str) -> CompiledTariff | None:
    try:
        tariff = wire_json.validate(Tariff, tree)
    except wire_json.Invalid:
        return None
    return None if flaw(tariff) else compile_tariff(tariff, (), policy_of(version))
