"""Bytes to tree and back: what is refused below the protocol, and that nothing is lost on the way."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import jiter
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.wire import json as wire_json
from ocpi.wire.base import Wire
from ocpi.wire.json import BadJson, Invalid, Violation, encode, parse, validate
from ocpi.wire.locations import Location, Status
from ocpi.wire.types import DisplayText, Price
from tests.wire.classes import sample

REFUSED = {
    "nothing": b"",
    "white space": b" \n",
    "half an object": b'{"a":1',
    "garbage behind": b"{} {}",
    "NUL behind": b"{}\x00",
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "invalid UTF-8": b'{"a":"\xff"}',
    "surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
    "overlong NUL": b'{"a":"\xc0\x80"}',
    "lone high surrogate": b'{"a":"\\ud800"}',
    "lone low surrogate": b'{"a":"\\udc00"}',
    "two high surrogates": b'{"a":"\\ud800\\ud800"}',
    "surrogate in a key": b'{"\\ud800":1}',
    "NUL": b'{"a":"x\\u0000y"}',
    "NUL in a list": b'[["\\u0000"]]',
    "NUL in a key": b'{"a":{"x\\u0000":1}}',
    "only a NUL": b'"\\u0000"',
    "raw control character": b'{"a":"\x01"}',
    "duplicate key": b'{"a":1,"a":1}',
    "duplicate key, spelled otherwise": b'{"a":1,"\\u0061":1}',
    "duplicate key, deep": b'{"a":[{"b":1,"b":2}]}',
    "trailing comma": b"[1,]",
    "comment": b"[1] // one",
    "single quotes": b"{'a':1}",
    "leading zero": b"01",
    "plus": b"+1",
    "bare fraction": b".5",
    "bare point": b"1.",
    "hexadecimal": b"0x10",
    "NaN": b"NaN",
    "NaN inside": b'{"a":NaN}',
    "Infinity": b"[Infinity]",
    "minus Infinity": b"[-Infinity]",
    "infinite as float": b"1e999",
    "large exponent": b"1e19",
    "small exponent": b"1e-19",
    "exponent beyond Decimal": b"1e99999999999999999999999",
    "memory bomb": b"1e5000000",
    "small memory bomb": b"1e-5000000",
    "zero with exponent": b"0e5000000",
    "21 digits": b"0." + b"1" * 21,
    "21 digits, integer": b"1" * 21,
    "beyond 64 bits": b"9223372036854775808",
    "beyond 64 bits, negative": b"-9223372036854775808",
    "beyond 64 bits, with exponent": b"9.3e18",
    "5,000 digits": b"9" * 5000,
    "5,000 decimals": b"0." + b"9" * 5000,
    "33 lists": b"[" * 33 + b"1" + b"]" * 33,
    "33 objects": b'{"a":' * 33 + b"1" + b"}" * 33,
    "100,000 lists": b"[" * 100_000,
}

TAKEN: dict[bytes, Any] = {
    b"null": None,
    b"[]": [],
    b'{"a":[true,false,null]}': {"a": [True, False, None]},
    b'"\\ud83d\\udd0c"': "🔌",
    b'"\\\\u0000"': "\\u0000",
    b'""': "",
    b"1.10": Decimal("1.10"),
    b"-0.0": Decimal("-0.0"),
    b"1e2": Decimal("1E+2"),
    b"1E-18": Decimal("1E-18"),
    b"5.551115123125783e-17": Decimal("5.551115123125783E-17"),
    b"0.30000000000000004": Decimal("0.30000000000000004"),
    b"9223372036854775807": 2**63 - 1,
    b"0." + b"1" * 20: Decimal("0." + "1" * 20),
    b"[" * 32 + b"1" + b"]" * 32: eval("[" * 32 + "1" + "]" * 32),  # noqa: S307 - a literal of our own
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
def test_refused(data: bytes) -> None:
    with pytest.raises(BadJson):
        parse(data)


@pytest.mark.parametrize(("data", "tree"), TAKEN.items())
def test_taken(data: bytes, tree: Any) -> None:
    got = parse(data)
    assert got == tree
    assert type(got) is type(tree)
    assert parse(encode(got)) == tree


def test_the_depth_is_the_callers_choice() -> None:
    with pytest.raises(BadJson, match="deeper than 2"):
        parse(b"[[[1]]]", max_depth=2)
    assert parse(b"[[1]]", max_depth=2) == [[1]]


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("before", [b'"\\\\"', b'"]}\\""', b'"[{[{"', b'"\\u005cu0000"'])
def test_refused_wherever_it_stands(before: bytes, data: bytes) -> None:
    """Behind texts that try to hide it: by escapes, and by brackets that would make it look less deep."""
    with pytest.raises(BadJson):
        parse(b"[" + before + b"," + data + b"," + before + b"]")


bare = st.sampled_from(["1", "-12.5", "1e3", "1E19", "9" * 18, "9" * 19, "9" * 20, "0." + "1" * 21, "true", "null"])
awkward = st.text(alphabet='[]{}"\\\x00eE0,:é', max_size=6).map(json.dumps)
written = st.recursive(
    bare | awkward,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]")
        | st.dictionaries(awkward, inner, max_size=3).map(
            lambda each: "{" + ",".join(f"{key}:{value}" for key, value in each.items()) + "}"
        )
    ),
    max_leaves=12,
)


@given(written, st.integers(1, 4))
def test_what_is_taken_at_a_glance_is_what_the_scan_takes(text: str, max_depth: int) -> None:
    """`parse` spares the scan where the bytes cannot hold what it looks for: the two must not differ."""
    if not wire_json._is_plain(text.encode(), max_depth):
        return
    tree = jiter.from_json(text.encode(), allow_inf_nan=False, float_mode="decimal")
    wire_json._scan(tree, max_depth)


def test_a_partners_page_is_taken_at_a_glance() -> None:
    data = b'{"data":[{"id":"A\\/\\"1E5","kwh":12.25,"ok":true,"list":[{"at":"2026-04-01T12:00:00Z"}]}],"status_code":1000}'
    assert wire_json._is_plain(data, 32)
    assert parse(data)["data"][0]["id"] == 'A/"1E5'


numbers = st.one_of(
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=3),
)
texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
trees = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(trees)
def test_what_was_written_is_read_back(tree: Any) -> None:
    assert parse(encode(tree)) == tree


@given(trees)
def test_writing_is_stable(tree: Any) -> None:
    assert encode(parse(encode(tree))) == encode(tree)


@given(st.binary(max_size=40) | st.text(alphabet='{}[]",:\\u0deE+-.1 tn', max_size=40).map(str.encode))
def test_bytes_are_a_tree_or_bad_json_and_nothing_else(data: bytes) -> None:
    try:
        tree = parse(data)
    except BadJson:
        return
    assert parse(encode(tree)) == tree


def test_what_we_build_is_written() -> None:
    price = Price(before_taxes=Decimal("1.10"))
    tree = {
        "price": price,
        "at": datetime(2026, 4, 1, 12, tzinfo=UTC),
        "big": Decimal("1E+3"),
        "small": Decimal("1E-7"),
    }
    assert encode(tree) == (b'{"price":{"before_taxes":1.10},"at":"2026-04-01T12:00:00Z","big":1000,"small":0.0000001}')


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), 1.5j, object()])
def test_what_json_cannot_hold_is_not_written(value: Any) -> None:
    with pytest.raises(TypeError):
        encode({"a": value})


def test_all_violations_are_told_each_with_its_place() -> None:
    tree = sample("Location") | {
        "id": 7,
        "publish": True,
        "publish_allowed_to": [{"uid": "U1"}, {}],
        "evses": [sample("EVSE") | {"connectors": [{}], "status": "GONE"}, "no object"],
        "opening_times": {"twentyfourseven": False},
    }
    del tree["city"]
    with pytest.raises(Invalid) as error:
        validate(Location, tree)
    assert [str(violation) for violation in error.value.violations] == [
        "id: Expected a case-insensitive string of at most 36 characters: printable ASCII.",
        "publish_allowed_to[0].type: Expected a type, because uid is set.",
        "publish_allowed_to[1]: Expected at least one of uid, visual_number and group_id.",
        "city: Expected this field: it is required.",
        "evses[0].status: Expected one of the listed values: " + ", ".join(Status) + ".",
        *[
            f"evses[0].connectors[0].{field}: Expected this field: it is required."
            for field in ["id", "standard", "format", "power_type", "max_voltage", "max_amperage", "last_updated"]
        ],
        "evses[1]: Expected an object of class EVSE.",
        "opening_times.regular_hours: Expected at least one entry, because twentyfourseven is false.",
    ]


@pytest.mark.parametrize("tree", [None, [], "x", 1, True])
def test_an_object_is_expected_where_a_class_is(tree: Any) -> None:
    with pytest.raises(Invalid) as error:
        validate(DisplayText, tree)
    assert error.value.violations == [Violation((), "Expected an object of class DisplayText.")]


def test_a_list_is_expected_where_a_list_is() -> None:
    with pytest.raises(Invalid) as error:
        validate(Price, {"before_taxes": 1, "taxes": {"name": "VAT", "amount": 1}})
    assert error.value.violations == [Violation(("taxes",), "Expected a list.")]


def test_validating_changes_nothing_in_the_tree() -> None:
    tree = sample("Location") | {"evses": None, "more": [1]}
    before = encode(tree)
    validate(Location, tree)
    assert encode(tree) == before


def test_names_that_python_uses_are_only_unknown_fields() -> None:
    class Small(Wire):
        pass

    names = {"__class__": 1, "model_config": 2, "tree": 3, "self": 4, "__dict__": 5, "model_fields": 6}
    held = validate(Small, names)
    assert held.tree() == names
