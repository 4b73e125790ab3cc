"""The wire classes and enums equal the facts of the specification, with the deviations that are named here."""

from decimal import Decimal
from typing import Any

import pytest

from ocpi.wire.base import ClosedEnum, Int, OpenEnum, String, WholeNumber, Wire
from ocpi.wire.bookings import BookingLocation, BookingTerms
from ocpi.wire.json import Invalid, validate
from ocpi.wire.payments import FinancialAdviceConfirmation, Terminal
from ocpi.wire.types import Role
from ocpi.wire.versions import ModuleID
from tests.wire.classes import CLASSES, ENUMS, OBJECTS, WIRE_ENUMS, describe, field_sample, markers, sample

DEVIATIONS = {
    # Declared mistakes of the first edition: read with the limit of edition 2, sent with the one of edition 1.
    ("Location", "address"): ("string", 255, "1"),
    ("Location", "state"): ("string", 45, "?"),
    ("SignedValue", "plain_data"): ("string", 5000, "1"),
    # Absent in official examples of messages that need it.
    ("Terminal", "last_updated"): ("DateTime", None, "?"),
    ("FinancialAdviceConfirmation", "eft_data"): ("CiString", 255, "*"),
}
SENT_WITHIN = {("Location", "address"): 45, ("Location", "state"): 20, ("SignedValue", "plain_data"): 512}
TOLERATED_VALUES = {"Role": ["HUB", "PTP"]}

FIELDS: list[Any] = [
    pytest.param(name, field, id=f"{name}.{field['name']}") for name, cls in OBJECTS.items() for field in cls["fields"]
]

STATED_AGAIN = {
    ("Endpoint", "identifier"): "T-143",
    ("Endpoint", "role"): "T-143",
    ("Endpoint", "url"): "T-143",
    ("Credentials", "roles"): "T-181",
    ("CDR", "charging_periods"): "T-314",
    ("CDR", "total_cost"): "T-314",
    ("CDR", "total_energy"): "T-314",
    ("CDR", "total_time"): "T-314",
    ("Tariff", "tax_included"): "T-345",
    ("CommandResponse", "result"): "T-410",
    ("CommandResponse", "timeout"): "T-410",
    **{("ClientInfo", field): "T-469" for field in ["party_id", "country_code", "role", "status", "last_updated"]},
    ("Booking", "booking_requests"): "T-524",
}
"""Required fields that a rule names one by one."""

REQUIRED = [
    pytest.param(*param.values, marks=[pytest.mark.rule(rule)] if rule else [], id=param.id)
    for param in FIELDS
    if param.values[1]["card"] in ("1", "+")
    and DEVIATIONS.get((param.values[0], param.values[1]["name"]), ("", None, "1"))[2] == "1"
    for rule in [STATED_AGAIN.get((param.values[0], param.values[1]["name"]))]
]
# Without the few that the smallest object needs for a rule between its fields; those have their own tests.
OPTIONAL = [
    param
    for param in FIELDS
    if param.values[1]["card"] in ("?", "*") and param.values[1]["name"] not in sample(param.values[0])
]


def test_every_class_of_the_specification_exists_and_no_other() -> None:
    assert set(CLASSES) == set(OBJECTS)


def test_every_enum_of_the_specification_exists_and_no_other() -> None:
    assert set(WIRE_ENUMS) == set(ENUMS)


@pytest.mark.parametrize("name", OBJECTS)
def test_a_class_has_the_fields_of_its_table_in_order(name: str) -> None:
    assert list(CLASSES[name].model_fields) == [field["name"] for field in OBJECTS[name]["fields"]]


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_a_field_has_the_type_limit_and_cardinality_of_its_table(name: str, field: dict[str, Any]) -> None:
    expected = (field["type"], field["max_length"], field["card"])
    assert describe(CLASSES[name], field["name"]) == DEVIATIONS.get((name, field["name"]), expected)


def test_a_bare_type_would_be_noticed() -> None:
    class Careless(Wire):
        id: str

    with pytest.raises(AssertionError, match=r"Careless\.id is a bare"):
        describe(Careless, "id")


@pytest.mark.parametrize(("name", "field"), DEVIATIONS)
def test_each_deviation_deviates(name: str, field: str) -> None:
    (fact,) = (fact for fact in OBJECTS[name]["fields"] if fact["name"] == field)
    assert (fact["type"], fact["max_length"], fact["card"]) != DEVIATIONS[name, field]


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_only_the_widened_fields_have_a_smaller_limit_for_sending(name: str, field: dict[str, Any]) -> None:
    sends = {mark.sends for mark in markers(CLASSES[name], field["name"]) if isinstance(mark, String)} - {None}
    assert sends == {SENT_WITHIN[key] for key in [(name, field["name"])] if key in SENT_WITHIN}


@pytest.mark.parametrize(("name", "field"), [param for param in FIELDS if "max_digits" in param.values[1]])
def test_an_int_with_a_number_of_digits_takes_no_more(name: str, field: dict[str, Any]) -> None:
    (mark,) = (mark for mark in markers(CLASSES[name], field["name"]) if isinstance(mark, WholeNumber))
    assert mark.most is not None
    assert mark.most <= 10 ** field["max_digits"] - 1


@pytest.mark.parametrize(("name", "field"), [param for param in FIELDS if "regex" in param.values[1].get("notes", "")])
def test_a_field_has_the_pattern_of_its_table(name: str, field: dict[str, Any]) -> None:
    (mark,) = (mark for mark in markers(CLASSES[name], field["name"]) if isinstance(mark, String))
    assert mark.pattern == field["notes"].partition("regex ")[2]


@pytest.mark.parametrize("name", ENUMS)
def test_an_enum_lists_the_values_of_its_table(name: str) -> None:
    fact = ENUMS[name]
    listed = [member.value for member in WIRE_ENUMS[name]]
    assert listed == fact["values"] + fact.get("additional_values", []) + TOLERATED_VALUES.get(name, [])
    assert issubclass(WIRE_ENUMS[name], OpenEnum if fact["open"] else ClosedEnum)


@pytest.mark.parametrize("name", OBJECTS)
def test_the_smallest_object_of_the_specification_is_taken(name: str) -> None:
    tree = sample(name)
    assert validate(CLASSES[name], tree).tree() == tree


@pytest.mark.rule("T-136")
@pytest.mark.parametrize(("name", "field"), REQUIRED)
def test_a_required_field_must_be_there(name: str, field: dict[str, Any]) -> None:
    wrongs: list[dict[str, Any]] = [{}, {field["name"]: None}] + [{field["name"]: []}] * (field["card"] == "+")
    for wrong in wrongs:
        tree = {key: value for key, value in sample(name).items() if key != field["name"]} | wrong
        with pytest.raises(Invalid) as error:
            validate(CLASSES[name], tree)
        assert [violation.path for violation in error.value.violations] == [(field["name"],)]


@pytest.mark.rule("T-134", "T-135")
@pytest.mark.parametrize(("name", "field"), OPTIONAL)
def test_an_optional_field_may_be_left_out_null_or_empty(name: str, field: dict[str, Any]) -> None:
    empty: Any = [] if field["card"] == "*" else None
    for nothing in [{}, {field["name"]: None}, {field["name"]: empty}]:
        assert getattr(validate(CLASSES[name], sample(name) | nothing), field["name"]) == empty


NO_SUCH = {"string": 7, "CiString": 7, "URL": "x", "DateTime": "x", "int": "7", "number": "7", "boolean": 1}


@pytest.mark.rule("T-127", "T-128", "T-131")
@pytest.mark.parametrize(("name", "field"), [param for param in FIELDS if param.values[1]["type"] != "any"])
def test_a_value_of_another_type_is_refused_where_it_stands(name: str, field: dict[str, Any]) -> None:
    wrong = NO_SUCH.get(field["type"], 7)
    is_list = field["card"] in ("*", "+")
    with pytest.raises(Invalid) as error:
        validate(CLASSES[name], sample(name) | {field["name"]: [wrong] if is_list else wrong})
    path = (field["name"], 0) if is_list else (field["name"],)
    assert [violation.path for violation in error.value.violations] == [path]
    assert error.value.violations[0].message.startswith("Expected ")


@pytest.mark.parametrize(("name", "field"), [param for param in FIELDS if param.values[1]["max_length"]])
def test_a_text_has_at_most_its_length(name: str, field: dict[str, Any]) -> None:
    limit = DEVIATIONS[name, field["name"]][1] if (name, field["name"]) in DEVIATIONS else field["max_length"]
    assert isinstance(limit, int)
    cls, is_list = CLASSES[name], field["card"] in ("*", "+")
    patterned = any(isinstance(mark, String) and mark.pattern for mark in markers(cls, field["name"]))
    good = field_sample(name, field) if patterned else "x" * limit
    bad = "x" * (limit + 1)
    more = {"credit": True, "credit_reference_id": "C1"} if (name, field["name"]) == ("CDR", "id") else {}
    more |= {"credit": True} if field["name"] == "credit_reference_id" else {}
    more |= {"type": "RFID", "issuer": "I"} if name == "PublishTokenType" else {}
    more |= {"evse_uid": "E1"} if name == "StartSession" else {}
    tree = sample(name) | more
    validate(cls, tree | {field["name"]: [good] if is_list and not patterned else good})
    with pytest.raises(Invalid):
        validate(cls, tree | {field["name"]: [bad] if is_list else bad})


@pytest.mark.rule("T-059")
@pytest.mark.parametrize("name", OBJECTS)
def test_an_unknown_field_is_kept(name: str) -> None:
    tree = sample(name) | {"x_agreed": {"deep": [Decimal("1.10"), None]}}
    assert validate(CLASSES[name], tree).tree()["x_agreed"]["deep"][0] == Decimal("1.10")


@pytest.mark.parametrize("role", ["HUB", "PTP"])
def test_roles_outside_the_table_are_tolerated(role: str) -> None:
    assert validate(CLASSES["ClientInfo"], sample("ClientInfo") | {"role": role}).tree()["role"] == Role(role)


@pytest.mark.rule("T-148")
def test_module_ids_are_open_and_the_bookings_chapter_has_two_names() -> None:
    endpoint = CLASSES["Endpoint"]
    named = [
        validate(endpoint, sample("Endpoint") | {"identifier": identifier}).tree()["identifier"]
        for identifier in ["Booking", "bookings", "BOOKING", "deROA-gates"]
    ]
    assert named == [ModuleID.BOOKINGS, ModuleID.BOOKINGS, ModuleID.BOOKINGS, "deROA-gates"]
    assert not ModuleID("deROA-gates").listed


@pytest.mark.parametrize("spelling", ["RFID_auth_required", "rfid_auth_required"])
def test_booking_terms_take_both_spellings_and_send_the_one_of_1_0(spelling: str) -> None:
    terms = validate(BookingTerms, sample("BookingTerms") | {spelling: True})
    assert terms.RFID_auth_required is True
    assert terms.tree()["RFID_auth_required"] is True


def test_booking_terms_may_come_as_one_object() -> None:
    terms = sample("BookingTerms")
    location = validate(BookingLocation, sample("BookingLocation") | {"booking_terms": terms})
    assert location.tree()["booking_terms"] == [terms]


def test_a_terminal_may_come_without_its_time() -> None:
    tree = sample("Terminal")
    del tree["last_updated"]
    assert validate(Terminal, tree).last_updated is None


@pytest.mark.rule("T-490")
@pytest.mark.parametrize(("status", "accepted"), [("SUCCESS", False), ("PARTIAL_SUCCESS", False), ("FAILED", True)])
def test_only_a_failed_capture_has_nothing_to_print(status: str, accepted: bool) -> None:
    tree = sample("FinancialAdviceConfirmation") | {"capture_status_code": status, "eft_data": []}
    if accepted:
        assert validate(FinancialAdviceConfirmation, tree).eft_data == []
    else:
        with pytest.raises(Invalid, match="eft_data: Expected at least one entry"):
            validate(FinancialAdviceConfirmation, tree)


def test_an_int_may_be_written_with_a_fraction_of_zero() -> None:
    class Counted(Wire):
        number: Int

    assert validate(Counted, {"number": Decimal("1.0")}).number == 1
