"""The official example files: each goes through unchanged, or is refused for exactly its known mistakes."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ocpi.wire.base import Wire
from ocpi.wire.envelope import ResponseFormat, read_answer
from ocpi.wire.json import Invalid, encode, parse, validate
from tests.wire.classes import CLASSES, OBJECTS

EXAMPLES = Path(__file__).resolve().parents[3] / "shared" / "ocpi" / "examples"
INDEX: dict[str, Any] = json.loads((EXAMPLES / "index.json").read_text()) if EXAMPLES.is_dir() else {}

pytestmark = pytest.mark.skipif(not INDEX, reason="the official example files are not part of this repository")

TAKEN_IN_SPITE = {
    ("booking_location_example.json", "booking_terms"): "a single object is taken where the table has a list",
    (
        "booking_location_patch_example_terms.json",
        "booking_terms",
    ): "a single object is taken where the table has a list",
    ("payment_financial_advice_confirmation_example_failure.json", "eft_data"): "absent when the capture failed",
    ("payment_terminal_create_minimal.json", "last_updated"): "the receiver sets it",
}
"""Known mistakes that are tolerated, with the reason."""

NOT_AN_ERROR = "unknown_field"


def refused(cls: type[Wire], tree: object) -> set[tuple[str | int, ...]]:
    """The paths of all violations."""
    try:
        validate(cls, tree)
    except Invalid as error:
        return {violation.path for violation in error.violations}
    return set()


def known_mistakes(name: str) -> set[tuple[str | int, ...]]:
    paths = [
        mistake["path"]
        for mistake in INDEX[name].get("violations", [])
        if mistake["kind"] != NOT_AN_ERROR and (name, mistake["path"]) not in TAKEN_IN_SPITE
    ]
    return {
        tuple(int(step) if step.isdigit() else step for step in path.replace("[", ".").replace("]", "").split("."))
        for path in paths
    }


def exact(data: bytes) -> Any:
    """The standard library's reading, every number as Decimal: the judge of equality."""
    return json.loads(data, parse_float=Decimal, parse_int=Decimal)


@pytest.mark.parametrize("name", INDEX)
def test_an_example_is_written_as_it_was_read(name: str) -> None:
    data = (EXAMPLES / name).read_bytes()
    assert exact(encode(parse(data))) == exact(data)


@pytest.mark.parametrize("name", INDEX)
def test_an_example_is_refused_for_its_known_mistakes_only(name: str) -> None:
    fact = INDEX[name]
    class_name = fact["object"].removesuffix("[]")
    tree = parse((EXAMPLES / name).read_bytes())
    objects: Any = tree if fact["object"].endswith("[]") else [tree]
    # A fragment shows some fields of an object: what it leaves out at the top is no mistake.
    required = {(field["name"],) for field in OBJECTS[class_name]["fields"] if field["card"] in ("1", "+")}
    for shown in objects:
        left_out = {path for path in required if path[0] not in shown} if fact["form"] != "full" else set()
        optional = {(field,) for field in fact.get("optional_here", [])}
        assert refused(CLASSES[class_name], shown) - left_out - optional == known_mistakes(name)


@pytest.mark.parametrize("name", [name for name, fact in INDEX.items() if fact["form"] == "full" and fact["valid"]])
def test_a_valid_example_is_said_by_the_class_as_it_was_read(name: str) -> None:
    fact = INDEX[name]
    data = (EXAMPLES / name).read_bytes()
    tree: Any = parse(data)
    if fact.get("optional_here"):
        tree |= dict.fromkeys(fact["optional_here"], "T1")
    cls = CLASSES[fact["object"].removesuffix("[]")]
    objects = tree if isinstance(tree, list) else [tree]
    said = [validate(cls, shown).tree() for shown in objects]
    assert canonical(exact(encode(said))) == canonical(exact(encode(objects)))


def canonical(tree: Any) -> Any:
    """DateTimes in one spelling and without nulls: the class writes `Z` and drops what means nothing."""
    if isinstance(tree, dict):
        return {key: canonical(value) for key, value in tree.items() if value is not None}
    if isinstance(tree, list):
        return [canonical(value) for value in tree]
    if isinstance(tree, str) and tree[10:11] == "T" and tree[4:5] == "-":
        return tree.removesuffix("Z").removesuffix(".000").removesuffix("0") if "." in tree else tree.removesuffix("Z")
    return tree


@pytest.mark.parametrize("name", [name for name, fact in INDEX.items() if "data_type" in fact])
def test_the_data_of_an_example_answer_is_what_it_says(name: str) -> None:
    data_type = INDEX[name]["data_type"]
    answer = read_answer(parse((EXAMPLES / name).read_bytes()))
    assert isinstance(answer, ResponseFormat)
    assert answer.succeeded
    objects = answer.data if data_type.endswith("[]") else [answer.data]
    assert [refused(CLASSES[data_type.removesuffix("[]")], shown) for shown in objects] == [set()] * len(objects)


def test_each_tolerated_mistake_is_a_known_one() -> None:
    known = {(name, mistake["path"]) for name, fact in INDEX.items() for mistake in fact.get("violations", [])}
    assert known >= TAKEN_IN_SPITE.keys()


def test_there_are_as_many_files_as_the_index_says() -> None:
    assert {path.name for path in EXAMPLES.glob("*.json")} - {"index.json"} == set(INDEX)
    assert len(INDEX) == 80
