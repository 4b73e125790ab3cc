"""The forms generated from wire classes: every field of the 17 location classes goes through one unharmed, only changed leaves
are written, violations stand at their field, unknown fields and what others changed meanwhile stay.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string

from backoffice.console.document_forms import DocumentForm, nodes
from ocpi.versions.fields import Kind, classes_below, fields_of
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from ocpi.wire.base import Wire

SAMPLES: dict[Kind, Any] = {
    Kind.STRING: "some text",
    Kind.CI_STRING: "ABC",
    Kind.URL: "https://example.com/x",
    Kind.NUMBER: Decimal("12.50"),
    Kind.INT: 5,
    Kind.BOOL: False,
    Kind.DATE_TIME: "2026-04-01T12:00:00.123Z",
}
BY_NAME: dict[str, Any] = {
    "latitude": "52.370216",
    "longitude": "4.895168",
    "period_begin": "08:15",
    "period_end": "20:45",
    "weekday": 3,
    "language": "nl",
    "floor_level": "-2",
    "twentyfourseven": False,
    "type": "RFID",
}


def full(cls: type[Wire]) -> dict[str, Any]:
    """An object of this class with every field, two entries in each list of objects, and a field that OCPI does not know."""
    tree: dict[str, Any] = {"x_unknown": {"kept": Decimal("1.10")}}
    for name, info in fields_of(cls).items():
        if info.wire is not None:
            value: Any = [full(info.wire), full(info.wire)] if info.many else full(info.wire)
        elif name in BY_NAME and info.kind is not Kind.DATE_TIME:
            value = BY_NAME[name]
        elif info.values is not None:
            listed = [member.value for member in info.values]
            value = [listed[1], listed[0]] if info.many and len(listed) > 1 else listed[:1] if info.many else listed[-1]
        else:
            value = SAMPLES[info.kind]
            if info.length:
                value = value[: info.length]
            value = [f"{value}1", f"{value}2"] if info.many else value
        tree[name] = value
    return tree


def answered(form: DocumentForm, **changes: str | None) -> QueryDict:
    """What a browser posts when these fields of the rendered form are changed (None: not sent at all)."""
    data = QueryDict(mutable=True)
    for name, value in form.hidden.items():
        data[name] = value
    for node in nodes.walk(form.nodes()):
        if node.template in ("object", "enum", "lines") and node.present:
            data["@" + node.path] = "1"
        if node.template in ("scalar", "long", "lines"):
            data[node.path] = node.text
        elif node.template == "choice":
            data[node.path] = next((value for value, _, chosen in node.choices if chosen), "")
        elif node.template == "enum":
            data.setlist(node.path, [value for value, _, chosen in node.choices if chosen])
    for name, value in changes.items():
        path = name.replace("__", ".")
        if value is None:
            for key in [key for key in data if key == path or key.startswith(("@" + path, path + "."))]:
                del data[key]
        else:
            data[path] = value
    return data


LOCATION_CLASSES = sorted(
    (cls for cls in classes_below(wire.Location) if cls.__module__.startswith("ocpi.wire.locations")),
    key=lambda cls: cls.__name__,
)


def test_the_seventeen_classes_are_meant() -> None:
    assert len(LOCATION_CLASSES) == 17


@pytest.mark.parametrize("cls", LOCATION_CLASSES, ids=lambda cls: cls.__name__)
def test_every_field_has_an_input_and_comes_back_as_it_was(cls: type[Wire]) -> None:
    tree = full(cls)
    form = DocumentForm.open(cls, tree)
    shown = {node.path for node in nodes.walk(form.nodes())}
    assert set(fields_of(cls)) <= shown
    back = DocumentForm.posted(cls, answered(form))
    assert wire_json.encode(back.draft) == wire_json.encode(tree)
    assert back.changed == []


@pytest.mark.parametrize("cls", LOCATION_CLASSES, ids=lambda cls: cls.__name__)
def test_a_new_object_can_be_filled_in_from_nothing(cls: type[Wire]) -> None:
    """Entries and optional objects are added by their buttons, then every leaf is typed in."""
    wanted = full(cls)
    form = DocumentForm.open(cls, {})
    for path in containers(wanted, cls):
        data = answered(form)
        data["_add"] = path
        form = DocumentForm.posted(cls, data)
        assert form.rearranged(data)
        assert form.opened.startswith(path)
    data = answered(form)
    for node in nodes.walk(form.nodes()):
        value = at(wanted, node.path)
        if node.template == "enum":
            data.setlist(node.path, value)
        elif node.template == "lines":
            data[node.path] = "\r\n".join(value)
        elif node.template in ("scalar", "long", "choice"):
            data[node.path] = (
                {False: "false", True: "true"}.get(value, str(value)) if isinstance(value, bool) else str(value)
            )
    filled = DocumentForm.posted(cls, data).draft
    assert plain(filled) == plain(wanted)


def containers(tree: dict[str, Any], cls: type[Wire], prefix: str = "") -> list[str]:
    """The paths of "add" buttons to press, outermost first."""
    paths = []
    for name, info in fields_of(cls).items():
        if info.wire is None:
            continue
        path = prefix + name
        if info.many:
            for index, entry in enumerate(tree[name]):
                paths += [path, *containers(entry, info.wire, f"{path}.{index}.")]
        else:
            paths += [*([] if info.required else [path]), *containers(tree[name], info.wire, f"{path}.")]
    return paths


def at(tree: Any, path: str) -> Any:
    for step in path.split("."):
        tree = tree[int(step)] if step.isdigit() else tree[step]
    return tree


def plain(tree: Any) -> Any:
    """Without the unknown fields, which no form can make; order of ticked values and fields set aside."""
    if isinstance(tree, dict):
        return {name: plain(value) for name, value in sorted(tree.items()) if name != "x_unknown"}
    if isinstance(tree, list):
        return sorted((plain(entry) for entry in tree), key=str)
    return str(tree)


def test_only_the_changed_leaf_is_written_and_what_others_changed_stays() -> None:
    stored = full(wire.Connector)
    form = DocumentForm.open(wire.Connector, stored)
    data = answered(form, max_voltage="400")
    posted = DocumentForm.posted(wire.Connector, data)
    assert posted.changed == ["max_voltage"]
    meanwhile = stored | {"max_amperage": 63, "x_new": "from somebody else"}
    assert posted.merged(meanwhile) == meanwhile | {"max_voltage": 400}


def test_removing_an_entry_keeps_the_unknown_fields_of_its_neighbour() -> None:
    stored = {"images": [full(wire.Image), full(wire.Image) | {"x_unknown": "second"}]}
    data = answered(DocumentForm.open(wire.EVSE, stored))
    data["_remove"] = "images.0"
    form = DocumentForm.posted(wire.EVSE, data)
    assert form.rearranged(data)
    again = DocumentForm.posted(wire.EVSE, answered(form, images__0__type="png"))
    assert [image["x_unknown"] for image in again.draft["images"]] == ["second"]
    assert again.draft["images"][0]["type"] == "png"


def test_an_optional_object_is_taken_out_and_a_leaf_emptied() -> None:
    stored = full(wire.Location)
    posted = DocumentForm.posted(
        wire.Location, answered(DocumentForm.open(wire.Location, stored), operator=None, name="")
    )
    assert "operator" not in posted.draft
    assert "name" not in posted.draft
    assert posted.changed == ["name", "operator"]


@pytest.mark.parametrize(
    ("cls", "change", "path", "said"),
    [
        (wire.Connector, {"max_voltage": "four hundred"}, "max_voltage", "Expected an integer"),
        (wire.Connector, {"max_voltage": "1.5"}, "max_voltage", "Expected an integer"),
        (wire.Connector, {"max_voltage": ""}, "max_voltage", "required"),
        (wire.Connector, {"terms_and_conditions": "not a url"}, "terms_and_conditions", "URL"),
        (wire.Connector, {"power_type": "STEAM"}, "power_type", "listed values"),
        (wire.EVSE, {"coordinates__latitude": "52,3"}, "coordinates.latitude", "decimal degrees"),
        (wire.EVSE, {"floor_level": "much too long"}, "floor_level", "at most 4"),
        (wire.EVSE, {"images__1__width": "wide"}, "images.1.width", "Expected an integer"),
        (wire.EVSE, {"status_schedule__0__period_begin": "tomorrow"}, "status_schedule.0.period_begin", "DateTime"),
        (wire.Hours, {"regular_hours__1__period_end": "07:00"}, "regular_hours.1.period_end", "later than"),
        (wire.Hours, {"twentyfourseven": "true"}, "regular_hours", "no regular hours"),
        (wire.EnergySource, {"percentage": "101"}, "percentage", "0 to 100"),
    ],
)
def test_a_violation_marks_its_field(cls: type[Wire], change: dict[str, str], path: str, said: str) -> None:
    tree = full(cls)
    if cls is wire.EVSE:  # two connectors of the sample share an id
        tree["connectors"] = tree["connectors"][:1]
    form = DocumentForm.posted(cls, answered(DocumentForm.open(cls, tree), **change))
    assert not form.valid()
    (marked,) = [node for node in nodes.walk(form.nodes()) if node.errors]
    assert marked.path == path
    assert said in marked.errors[0]
    ((target, _, sentence),) = form.summary()
    assert target == marked.id
    assert sentence in marked.errors
    html = render_to_string(marked.file, {"node": marked})
    assert f'id="{marked.id}"' in html
    assert f'id="{marked.id}-error"' in html


def test_a_wrong_number_is_shown_again_as_it_was_typed() -> None:
    form = DocumentForm.posted(
        wire.Connector, answered(DocumentForm.open(wire.Connector, full(wire.Connector)), max_voltage="4oo")
    )
    (node,) = [node for node in form.nodes() if node.path == "max_voltage"]
    assert node.text == "4oo"


@pytest.mark.parametrize(
    "path", ["nowhere", "images.7.url", "images.x", "coordinates.latitude", "", "connectors.0.tariff_ids"]
)
def test_a_made_up_path_changes_nothing(path: str) -> None:
    stored = full(wire.EVSE)
    for button in ("_add", "_remove"):
        if button == "_remove" and path in ("coordinates.latitude", "connectors.0.tariff_ids"):
            continue
        data = answered(DocumentForm.open(wire.EVSE, stored))
        data[button] = path
        form = DocumentForm.posted(wire.EVSE, data)
        form.rearranged(data)
        assert form.changed == []


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a":1e999999}'])
def test_a_tampered_base_is_refused(text: str) -> None:
    data = answered(DocumentForm.open(wire.Image, full(wire.Image)))
    data["@base"] = text
    with pytest.raises(ValueError):
        DocumentForm.posted(wire.Image, data)


def test_units_and_limits_are_told_beside_the_field() -> None:
    by_path = {node.path: node for node in nodes.build(wire.Connector, {}, errors={})}
    assert by_path["max_voltage"].help.startswith("V, line to neutral")
    assert by_path["max_electric_power"].help.startswith("W.")
    assert "36 characters each" in by_path["tariff_ids"].help
    address = next(node for node in nodes.build(wire.Location, {}, errors={}) if node.path == "address")
    assert address.max_length == 45
