"""The ledger of the specification's rules: which are proved, which do not apply to us, which are open.

A test claims rules with `@pytest.mark.rule("T-001", ...)`. `plugin` refuses unknown ids and notes how each claiming
test ended; `python -m tests.rules` counts. A claim counts when its tests passed in their latest run, never by standing
there. `not_applicable.toml` names the rules that no test of ours can prove, each with the reason.
"""

import json
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
RESULTS = TESTS / ".rules.json"
"""How each claiming test ended when it last ran; written by the plugin, not kept in git."""


@dataclass(frozen=True)
class Rule:
    """One testable sentence of the specification, in our words."""

    id: str
    module: str
    role: str
    strength: str
    rule: str


@cache
def rules() -> dict[str, Rule]:
    """All rules by id, in the specification's order."""
    for facts in (TESTS / "spec" / "rules.json", TESTS.parent.parent / "shared" / "ocpi" / "rules.json"):
        if facts.exists():
            found = json.loads(facts.read_text())
            return {entry["id"]: Rule(**{name: entry[name] for name in Rule.__annotations__}) for entry in found}
    raise FileNotFoundError("tests/spec/rules.json is missing")


@cache
def not_applicable() -> dict[str, str]:
    """Rule id to the reason why no test of this project can prove it."""
    table: dict[str, str] = tomllib.loads((Path(__file__).parent / "not_applicable.toml").read_text())
    return table


def results() -> dict[str, str]:
    """Test to `passed` or `failed` or `skipped`, from the latest run of each."""
    found: dict[str, str] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return found


def claimed(item: pytest.Item) -> list[str]:
    """The rule ids that a test claims, its class's and module's marks included."""
    return sorted({rule for mark in item.iter_markers("rule") for rule in mark.args})
