"""The official examples of 2.3.0, said in the older versions and brought back."""

import json
from pathlib import Path
from typing import Any

import pytest

from ocpi import versions
from ocpi.versions import Context, Untranslatable
from ocpi.versions.repairs import repair
from ocpi.wire.json import parse, validate
from tests.versions.differences import tidy, unexcused
from tests.versions.shapes import faults, shape
from tests.versions.test_laws import of_owner
from tests.wire.classes import CLASSES

EXAMPLES = Path(__file__).resolve().parents[3] / "shared" / "ocpi" / "examples"
INDEX: dict[str, Any] = json.loads((EXAMPLES / "index.json").read_text()) if EXAMPLES.is_dir() else {}

pytestmark = pytest.mark.skipif(not INDEX, reason="the official example files are not part of this repository")

SAYS_NOTHING = {
    "2.2.1": set[str](),
    # Prices restricted by current or for reservations only; a Session whose Location nobody knows.
    "2.1.1": {
        "session_example_1_simple_start.json",
        "session_example_2_short_finished.json",
        "tariff_4_complex.json",
    },
}
"""Examples that have no form in a version."""

CONTEXT = Context(owner=("NL", "TNM"), role="CPO", partner=("DE", "TNM"))


def sound(version: str) -> list[str]:
    """The whole and valid examples of classes that the version has, and the CDR, whose Tariff lacks tax_included."""
    return [
        name
        for name, entry in INDEX.items()
        if entry["form"] == "full"
        and (entry["valid"] or name == "cdr_example.json")
        and entry["object"] in shape(version).classes.keys() - {"ResponseFormat"}
    ]


@pytest.mark.parametrize(("version", "name"), [(version, name) for version in SAYS_NOTHING for name in sound(version)])
def test_an_official_example_goes_down_and_up(version: str, name: str) -> None:
    cls = CLASSES[INDEX[name]["object"]]
    newest, _ = repair(cls, of_owner(parse((EXAMPLES / name).read_bytes())), ["accept_missing_tax_included"])
    if name in SAYS_NOTHING[version]:
        with pytest.raises(Untranslatable):
            versions.down(version, cls, newest, CONTEXT)
        return
    older = versions.down(version, cls, newest, CONTEXT)
    assert faults(version, cls.__name__, older) == []
    back = versions.up(version, cls, older, CONTEXT)
    validate(cls, back)
    assert unexcused(version, cls.__name__, tidy(newest), tidy(back)) == set()


def test_there_are_examples_of_each_kind() -> None:
    assert {INDEX[name]["object"] for name in sound("2.1.1")} >= {
        "Location",
        "Tariff",
        "Token",
        "Credentials",
        "Session",
    }
