"""What holds for every wire class, whatever its fields."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpi.wire.json import Invalid, encode, parse, validate
from tests.wire.classes import CLASSES, ENUMS, OBJECTS, sample
from tests.wire.test_json import trees

FIELDS = [(name, field["name"]) for name, cls in OBJECTS.items() for field in cls["fields"]]


@settings(max_examples=400)
@given(st.sampled_from(FIELDS), trees)
def test_any_value_in_any_field_is_taken_or_invalid(place: tuple[str, str], value: Any) -> None:
    name, field = place
    try:
        held = validate(CLASSES[name], sample(name) | {field: value})
    except Invalid as error:
        told = [violation.message for violation in error.violations]
        if not told or not all(message.startswith("Expected ") for message in told):
            raise
    else:
        assert validate(CLASSES[name], parse(encode(held.tree()))).tree() == held.tree()


@pytest.mark.parametrize("name", OBJECTS)
def test_a_class_has_a_json_schema(name: str) -> None:
    schema = CLASSES[name].model_json_schema()
    assert list(schema["properties"]) == [field["name"] for field in OBJECTS[name]["fields"]]
    required = {field for field, info in CLASSES[name].model_fields.items() if info.is_required()}
    assert set(schema.get("required", [])) == required


def test_a_json_schema_shows_the_listed_values_and_whether_others_may_come() -> None:
    properties = CLASSES["Connector"].model_json_schema()["properties"]
    assert properties["format"]["enum"] == ENUMS["ConnectorFormat"]["values"]
    assert properties["standard"]["examples"] == ENUMS["ConnectorType"]["values"]
    assert "enum" not in properties["standard"]


@pytest.mark.parametrize("name", OBJECTS)
def test_a_class_names_its_place_in_the_specification(name: str) -> None:
    assert f"`{OBJECTS[name]['source'].replace('.asciidoc', '')}`" in (CLASSES[name].__doc__ or "")
