"""Each repair on its habit, none on valid data, and all on the data of real operators."""

import copy
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi import versions
from ocpi.versions import Context
from ocpi.versions.detect import detect_version
from ocpi.versions.repairs import REPAIRS, AnswerRepair, Applied, repair, unwrap
from ocpi.wire.base import Wire
from ocpi.wire.bookings import Booking, BookingRequest, BookingTerms, Calendar
from ocpi.wire.json import Invalid, parse, validate
from ocpi.wire.locations import EVSE, Connector, Image, Location, RegularHours
from ocpi.wire.payments import FinancialAdviceConfirmation
from ocpi.wire.sessions import Session
from ocpi.wire.tariffs import Tariff, TariffElement
from ocpi.wire.tokens import Token
from ocpi.wire.types import DisplayText
from tests.versions.differences import differences, tidy
from tests.versions.shapes import shape
from tests.versions.strategies import mangled, older_values, values
from tests.versions.test_laws import TOP, few
from tests.wire.classes import CLASSES, sample

REAL = Path(__file__).resolve().parents[3] / "shared" / "real"
EXAMPLES = Path(__file__).resolve().parents[3] / "shared" / "ocpi" / "examples"
CONTEXT = Context(owner=("DE", "SLB"), now=datetime(2026, 4, 1, 12, tzinfo=UTC))
GONE = object()

DAY = {"weekday": 1, "period_begin": "08:00", "period_end": "20:00"}
ALL_DAYS = [{"weekday": day, "period_begin": "00:00", "period_end": "24:00"} for day in range(1, 8)]
NEXT_MINUTE = {"weekday": 1, "period_begin": "08:00", "period_end": "08:00"}

NAMELESS: dict[str, Any] = {
    **sample("BookingRequestStatus"),
    "booking_request": {**sample("BookingRequest"), "country_code": None, "party_id": None},
}

Row = tuple[str, type[Wire], dict[str, Any], str, Any]
"""Repair, class, what is set on a valid object, where to look afterwards, what to find there."""

ROWS: list[Row] = [
    ("accept_single_for_list", EVSE, {"capabilities": "RFID_READER"}, "capabilities", ["RFID_READER"]),
    ("accept_single_for_list", EVSE, {"directions": sample("DisplayText")}, "directions", [sample("DisplayText")]),
    ("accept_list_for_single", TariffElement, {"restrictions": [{"min_kwh": 1}]}, "restrictions", {"min_kwh": 1}),
    ("accept_list_for_single", TariffElement, {"restrictions": []}, "restrictions", GONE),
    ("accept_nulls_in_lists", EVSE, {"capabilities": ["RFID_READER", None]}, "capabilities", ["RFID_READER"]),
    ("accept_numbers_for_text", EVSE, {"floor_level": -1}, "floor_level", "-1"),
    ("accept_numbers_for_text", EVSE, {"uid": 3256}, "uid", "3256"),
    ("accept_numbers_for_text", EVSE, {"floor_level": Decimal("1.5")}, "floor_level", "1.5"),
    ("accept_control_characters", DisplayText, {"text": "a\r\n\tb "}, "text", "a b"),
    ("accept_empty_text", EVSE, {"physical_reference": ""}, "physical_reference", GONE),
    ("accept_empty_text", EVSE, {"capabilities": ["", "RESERVABLE"]}, "capabilities", ["RESERVABLE"]),
    ("accept_empty_text", Location, {"parking_type": " "}, "parking_type", GONE),
    ("accept_language_tags", DisplayText, {"language": "de-DE"}, "language", "de"),
    ("accept_over_long_strings", Location, {"city": "x" * 46}, "city", "x" * 45),
    ("accept_over_long_strings", Location, {"city": "x" * 44 + " yy"}, "city", "x" * 44),
    ("accept_numbers_as_text", Connector, {"max_voltage": "230"}, "max_voltage", 230),
    ("accept_numbers_as_text", Connector, {"max_voltage": " 230.0 "}, "max_voltage", 230),
    ("accept_numbers_as_text", TariffElement, {"restrictions": {"min_kwh": "11.0"}}, "restrictions.min_kwh", 11),
    ("accept_booleans_as_text", Location, {"publish": "True"}, "publish", True),
    ("accept_booleans_as_text", Location, {"publish": 0}, "publish", False),
    (
        "accept_other_date_times",
        EVSE,
        {"last_updated": "2026-04-01T12:00:00+00:00"},
        "last_updated",
        "2026-04-01T12:00:00Z",
    ),
    (
        "accept_other_date_times",
        EVSE,
        {"last_updated": "2026-04-01T01:00:00+0200"},
        "last_updated",
        "2026-03-31T23:00:00Z",
    ),
    ("accept_other_date_times", EVSE, {"last_updated": "2026-04-01 12:00"}, "last_updated", "2026-04-01T12:00:00Z"),
    (
        "accept_other_date_times",
        EVSE,
        {"last_updated": "2026-04-01T12:00:00.123456789Z"},
        "last_updated",
        "2026-04-01T12:00:00.1234Z",
    ),
    ("accept_other_date_times", Calendar, {"end_before": "2025-03-23T23:59:99Z"}, "end_before", "2025-03-23T23:59:59Z"),
    (
        "accept_other_urls",
        BookingTerms,
        {"booking_terms": "/https://x.example/t"},
        "booking_terms",
        "https://x.example/t",
    ),
    (
        "accept_empty_parking_option_of_booking",
        Booking,
        {"bookable_parking_option": {}},
        "bookable_parking_option",
        GONE,
    ),
    (
        "accept_empty_parking_option_of_bookingrequest",
        BookingRequest,
        {"bookable_parking_option": {}},
        "bookable_parking_option",
        GONE,
    ),
    (
        "accept_missing_booking_terms",
        BookingTerms,
        {"supported_access_methods": ["", ""], "cancel_until_minutes": GONE},
        "supported_access_methods",
        ["TOKEN"],
    ),
    ("accept_missing_booking_terms", BookingTerms, {"cancel_until_minutes": None}, "cancel_until_minutes", 0),
    (
        "accept_missing_requester",
        Booking,
        {"booking_tokens": [{**sample("BookingToken"), "party_id": "EFG"}], "booking_requests": [NAMELESS]},
        "booking_requests.0.booking_request.party_id",
        "EFG",
    ),
    (
        "accept_prices_with_vat",
        FinancialAdviceConfirmation,
        {"total_costs": {"excl_vat": 4, "incl_vat": Decimal("4.40")}},
        "total_costs",
        {"before_taxes": 4, "taxes": [{"name": "VAT", "amount": Decimal("0.40")}]},
    ),
    ("accept_prices_with_vat", Session, {"total_cost": {"excl_vat": 4}}, "total_cost", {"before_taxes": 4}),
    ("accept_other_urls", Image, {"url": "www.example.com/a.png"}, "url", "https://www.example.com/a.png"),
    ("accept_other_urls", Image, {"thumbnail": "none"}, "thumbnail", GONE),
    ("accept_other_enum_spelling", EVSE, {"status": "out-of-order"}, "status", "OUTOFORDER"),
    ("accept_other_enum_spelling", EVSE, {"capabilities": ["rfidReader"]}, "capabilities", ["RFID_READER"]),
    ("accept_unknown_enum_values", EVSE, {"status": "FAULTED"}, "status", "UNKNOWN"),
    ("accept_unknown_enum_values", Token, {"default_profile_type": "NIGHT"}, "default_profile_type", GONE),
    (
        "accept_unknown_enum_values",
        EVSE,
        {"status_schedule": [{**sample("StatusSchedule"), "status": "BROKEN"}]},
        "status_schedule.0.status",
        "UNKNOWN",
    ),
    (
        "accept_other_coordinates",
        EVSE,
        {"coordinates": {"latitude": "48.9", "longitude": "9.2"}},
        "coordinates.latitude",
        "48.900000",
    ),
    (
        "accept_other_coordinates",
        EVSE,
        {"coordinates": {"latitude": Decimal("48.12345678"), "longitude": "9,19224"}},
        "coordinates",
        {"latitude": "48.123457", "longitude": "9.192240"},
    ),
    ("accept_other_opening_times", Location, {"opening_times": {}}, "opening_times", GONE),
    (
        "accept_other_opening_times",
        Location,
        {"opening_times": {"twentyfourseven": True, "regular_hours": [DAY]}},
        "opening_times",
        {"twentyfourseven": False, "regular_hours": [DAY]},
    ),
    (
        "accept_other_opening_times",
        Location,
        {"opening_times": {"regular_hours": ALL_DAYS}},
        "opening_times",
        {"twentyfourseven": True},
    ),
    (
        "accept_other_opening_times",
        Location,
        {
            "opening_times": {
                "twentyfourseven": False,
                "regular_hours": [{"weekday": 0, "period_begin": "22:00", "period_end": "06:00"}],
            }
        },
        "opening_times.regular_hours",
        [
            {"weekday": 7, "period_begin": "22:00", "period_end": "23:59"},
            {"weekday": 1, "period_begin": "00:00", "period_end": "06:00"},
        ],
    ),
    ("accept_other_times_of_day", RegularHours, {"period_begin": "8:00"}, "period_begin", "08:00"),
    ("accept_other_times_of_day", RegularHours, {"period_end": "19:59:59"}, "period_end", "20:00"),
    ("accept_other_times_of_day", RegularHours, {"period_end": "24:00"}, "period_end", "23:59"),
    (
        "accept_other_times_of_day",
        TariffElement,
        {"restrictions": {"start_time": "08:00:00", "end_time": "23:59:59"}},
        "restrictions",
        {"start_time": "08:00", "end_time": "00:00"},
    ),
    ("accept_two_letter_country_of_location", Location, {"country": "NL"}, "country", "NLD"),
    ("accept_two_letter_country_of_cdrlocation", CLASSES["CdrLocation"], {"country": "de"}, "country", "DEU"),
    ("accept_two_letter_country_of_terminal", CLASSES["Terminal"], {"country": "FR"}, "country", "FRA"),
    ("accept_missing_owner", Location, {"party_id": None}, "party_id", "SLB"),
    ("accept_missing_last_updated", Tariff, {"last_updated": None}, "last_updated", "2026-04-01T12:00:00Z"),
    (
        "accept_missing_last_updated",
        Location,
        {"evses": [{**sample("EVSE"), "last_updated": None}], "last_updated": "2026-03-01T00:00:00Z"},
        "evses.0.last_updated",
        "2026-03-01T00:00:00Z",
    ),
    ("accept_missing_publish", Location, {"publish": GONE}, "publish", True),
    ("accept_missing_time_zone", Location, {"time_zone": GONE, "country": "NLD"}, "time_zone", "Europe/Amsterdam"),
    ("accept_missing_tax_included", Tariff, {"tax_included": GONE}, "tax_included", "NO"),
    ("accept_missing_currency", Tariff, {"currency": None}, "currency", "XXX"),
    (
        "accept_missing_evse_uid",
        CLASSES["CdrLocation"],
        {"evse_uid": GONE, "evse_id": "NL*TNM*E1"},
        "evse_uid",
        "NL*TNM*E1",
    ),
]


LEGAL_ANYWAY = {"accept_empty_text", "accept_other_enum_spelling"} | {
    name for name in REPAIRS if name.startswith("accept_two_letter_country")
}
"""What is wrong in substance only: an empty reference, an own spelling in an open enumeration, NL as three-letter code."""


def broken(row: Row) -> dict[str, Any]:
    _, cls, changes, _, _ = row
    return {name: value for name, value in (sample(cls.__name__) | changes).items() if value is not GONE}


def found(tree: Any, path: str) -> Any:
    for step in path.split("."):
        tree = tree[int(step)] if type(tree) is list else tree.get(step, GONE)
    return tree


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]}-{row[3]}" for row in ROWS])
def test_a_repair_mends_its_habit(row: Row) -> None:
    name, cls, _, path, expected = row
    tree = broken(row)
    before = copy.deepcopy(tree)

    mended, applied = repair(cls, tree, [name], CONTEXT)

    assert found(mended, path) == expected
    assert {each.name for each in applied} == {name}
    assert tree == before
    again, nothing = repair(cls, mended, [name], CONTEXT)
    assert (again, nothing) == (mended, [])
    if name not in LEGAL_ANYWAY:
        with pytest.raises(Invalid):
            validate(cls, tree)
    validate(cls, mended)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]}-{row[3]}" for row in ROWS])
def test_only_the_repair_that_is_switched_on_acts(row: Row) -> None:
    name, cls, _, _, _ = row
    tree = broken(row)
    assert repair(cls, tree, [], CONTEXT) == (tree, [])
    others = [each for each in REPAIRS if each != name]
    assert name not in {each.name for each in repair(cls, tree, others, CONTEXT)[1]}


LEFT_ALONE: list[tuple[str, type[Wire], dict[str, Any], str]] = [
    ("accept_empty_text", EVSE, {"uid": ""}, "a required text"),
    ("accept_over_long_strings", EVSE, {"uid": "x" * 37}, "an id"),
    ("accept_over_long_strings", Location, {"country": "Germany"}, "a code"),
    ("accept_over_long_strings", CLASSES["SignedValue"], {"plain_data": "x" * 5001}, "signed data"),
    ("accept_numbers_as_text", Connector, {"max_voltage": "230V"}, "no number"),
    ("accept_numbers_as_text", Connector, {"max_voltage": "0x10"}, "no decimal number"),
    ("accept_booleans_as_text", Location, {"publish": "yes"}, "no boolean"),
    ("accept_other_date_times", EVSE, {"last_updated": "2026-02-30T12:00:00+00:00"}, "no day"),
    ("accept_other_date_times", EVSE, {"last_updated": "0001-01-01T00:00:00+05:00"}, "before the calendar"),
    ("accept_other_urls", Image, {"url": "none"}, "a required URL"),
    ("accept_unknown_enum_values", Connector, {"format": "PLUG"}, "required and without UNKNOWN"),
    ("accept_unknown_enum_values", Connector, {"standard": "NLTNM-SPECIAL"}, "an open enumeration"),
    ("accept_unknown_enum_values", TariffElement, {"restrictions": {"day_of_week": ["HOLIDAY"]}}, "a restriction"),
    ("accept_unknown_enum_values", Tariff, {"type": "FLEET"}, "a kind of tariff"),
    ("accept_other_coordinates", EVSE, {"coordinates": {"latitude": "91", "longitude": "x"}}, "no coordinates"),
    ("accept_other_times_of_day", RegularHours, {"period_end": "25:00"}, "no time"),
    ("accept_missing_evse_uid", CLASSES["CdrLocation"], {"evse_uid": None, "evse_id": "x" * 37}, "a long EVSE id"),
    ("accept_missing_evse_uid", CLASSES["CdrLocation"], {"evse_uid": None, "evse_id": ""}, "an empty EVSE id"),
    ("accept_missing_time_zone", Location, {"time_zone": None, "country": "USA"}, "a country with many zones"),
]


@pytest.mark.parametrize(("name", "cls", "changes", "why"), LEFT_ALONE, ids=[row[3] for row in LEFT_ALONE])
def test_what_cannot_be_known_is_left_for_validation(
    name: str, cls: type[Wire], changes: dict[str, Any], why: str
) -> None:
    tree = sample(cls.__name__) | changes
    assert repair(cls, tree, [name], CONTEXT) == (tree, [])


def test_each_repair_has_a_row_and_a_sentence() -> None:
    around = {name for name, each in REPAIRS.items() if isinstance(each, AnswerRepair)}
    assert {row[0] for row in ROWS} | {row[0] for row in AROUND} == set(REPAIRS)
    assert around == {row[0] for row in AROUND}
    assert all(each.sentence.endswith(".") for each in REPAIRS.values())
    with pytest.raises(KeyError):
        repair(Location, {}, ["accept_everything"])


AROUND: list[tuple[str, Any, Any]] = [
    ("accept_list_around_an_answer", [{"allowed": "ALLOWED"}], {"allowed": "ALLOWED"}),
    ("accept_list_around_an_answer", ["ACCEPTED"], "ACCEPTED"),
    ("accept_list_around_an_answer", [None], None),
]
"""Repair, the data of an answer, what is read."""


@pytest.mark.parametrize(("name", "data", "expected"), AROUND)
def test_what_stands_around_an_answer_is_taken_off(name: str, data: Any, expected: Any) -> None:
    assert unwrap(data, [name]) == (expected, [Applied(name, ())])
    assert unwrap(data, []) == (data, [])
    assert unwrap(data, [each for each in REPAIRS if each != name]) == (data, [])
    assert repair(Location, {"name": data}, [name])[1] == []  # nothing within an object


@pytest.mark.parametrize("data", [[], [{}, {}], {}, {"0": {}}, None, "ACCEPTED", [[{}], [{}]]])
def test_an_answer_that_may_mean_anything_stays(data: Any) -> None:
    assert unwrap(data, REPAIRS) == (data, [])


def test_a_repair_names_the_place_in_the_words_of_the_peer() -> None:
    connector = {
        "id": 1,
        "standard": "CHADEMO",
        "format": "SOCKET",
        "power_type": "DC",
        "voltage": "400",
        "amperage": 32,
    }
    older = {"id": "L", "type": "ON_STREET", "evses": [{"uid": "E", "connectors": [connector]}]}
    mended, applied = repair(Location, older, ["accept_numbers_as_text", "accept_numbers_for_text"], version="2.1.1")
    assert applied == [
        Applied("accept_numbers_for_text", ("evses", 0, "connectors", 0, "id")),
        Applied("accept_numbers_as_text", ("evses", 0, "connectors", 0, "voltage")),
    ]
    assert mended["evses"][0]["connectors"][0] == {**connector, "id": "1", "voltage": 400}


def test_nothing_is_missing_in_a_patch() -> None:
    filling = [name for name in REPAIRS if name.startswith("accept_missing")]
    assert repair(Location, {"name": "N"}, filling, CONTEXT, partial=True) == ({"name": "N"}, [])
    assert repair(Location, {"name": "N"}, filling, CONTEXT)[1] != []
    mended, _ = repair(EVSE, {"connectors": [{"id": "1"}]}, filling, CONTEXT, partial=True)
    assert mended == {"connectors": [{"id": "1", "last_updated": "2026-04-01T12:00:00Z"}]}


@pytest.mark.parametrize("name", TOP["2.3.0"])
@few
@given(data=st.data())
def test_valid_data_is_never_repaired(name: str, data: st.DataObject) -> None:
    tree = data.draw(values(CLASSES[name]))
    mended, applied = repair(CLASSES[name], tree, REPAIRS, CONTEXT)
    assert applied == []
    assert mended is tree


@pytest.mark.parametrize("name", TOP["2.1.1"])
@few
@given(data=st.data())
def test_valid_older_data_is_never_repaired(name: str, data: st.DataObject) -> None:
    tree = data.draw(older_values("2.1.1", name))
    assert repair(CLASSES[name], tree, REPAIRS, CONTEXT, version="2.1.1")[1] == []


@pytest.mark.parametrize("name", TOP["2.2.1"])
@few
@given(data=st.data())
def test_no_content_breaks_a_repair(name: str, data: st.DataObject) -> None:
    tree = data.draw(mangled(older_values("2.2.1", name)))
    before = copy.deepcopy(tree)
    mended, _ = repair(CLASSES[name], tree, REPAIRS, CONTEXT, version="2.2.1")
    versions.up("2.2.1", CLASSES[name], mended, CONTEXT)
    assert tree == before


def imported(name: str) -> tuple[str, list[Any]]:
    file = REAL / f"{name}.json"
    if not file.is_file():
        pytest.skip("the data of real operators is not part of this repository")
    tree = parse(file.read_bytes())
    items = tree["items"] if type(tree) is dict else tree
    assert type(items) is list
    return detect_version(tree), items


@pytest.mark.parametrize(
    ("name", "version", "count", "needed"),
    [
        (
            "swlb_locations",
            "2.3.0",
            80,
            {"accept_empty_text": 224, "accept_other_coordinates": 7, "accept_control_characters": 6},
        ),
        ("ndw_211_small-locations", "2.1.1", 2, {}),
    ],
)
def test_real_locations_are_taken(name: str, version: str, count: int, needed: dict[str, int]) -> None:
    detected, items = imported(name)
    assert (detected, len(items)) == (version, count)
    used: Counter[str] = Counter()
    for item in items:
        mended, applied = repair(Location, item, REPAIRS, CONTEXT, version=version)
        used.update(each.name for each in applied)
        newest = versions.up(version, Location, mended, CONTEXT)
        location = validate(Location, newest)
        assert (location.id, len(location.evses)) == (item["id"], len(item["evses"]))
        if version == "2.3.0":  # what is not OCPI is kept
            assert [evse.get("tariffs") for evse in newest["evses"]] == [evse.get("tariffs") for evse in item["evses"]]
        back = versions.down(version, Location, newest, CONTEXT)
        assert (
            set(differences(shape(version), "Location", tidy(mended), tidy(back), {("Location", "time_zone")})) == set()
        )
    print(f"{name}: {count} locations, repairs {dict(used)}")
    assert used == needed


def test_real_tariffs_are_taken() -> None:
    _, items = imported("swlb_locations")
    tariffs = [tariff for item in items for evse in item["evses"] for tariff in evse.get("tariffs", ())]
    assert len(tariffs) == 222
    for tariff in tariffs:
        validate(Tariff, repair(Tariff, tariff, REPAIRS, CONTEXT)[0])
    _, without_currency = imported("ndw_211_tariffs")
    for tariff in without_currency:
        mended, applied = repair(Tariff, tariff, REPAIRS, CONTEXT, version="2.1.1")
        assert "accept_missing_currency" in {each.name for each in applied}
        assert validate(Tariff, versions.up("2.1.1", Tariff, mended, CONTEXT)).currency == "XXX"
        context = replace(CONTEXT, known={"currency": "EUR"})
        assert repair(Tariff, tariff, REPAIRS, context, version="2.1.1")[0]["currency"] == "EUR"


DETECTED: list[tuple[str, Any]] = [
    ("2.3.0", {"items": [{"evses": [{"accepted_service_providers": ["x"]}]}]}),
    ("2.3.0", [{"id": "1"}, {"total_cost": {"before_taxes": 1}}]),
    ("2.3.0", {"data": [{"parking_places": []}]}),
    ("2.2.1", [sample("EVSE")]),
    ("2.2.1", [{"excl_vat": 1}]),
    ("2.2.1", [{"charging_periods": [{"dimensions": [], "tariff_id": "1"}]}]),
    ("2.2.1", []),
    ("2.1.1", [{"evses": [{"connectors": [{"voltage": 230}]}]}]),
    ("2.1.1", [{"address": "A", "coordinates": {}, "type": "ON_STREET"}]),
    ("2.1.1", [{"auth_id": "1"}]),
    ("2.1.1", [{"connectors": [{"tariff_id": "1"}]}]),
]


@pytest.mark.parametrize(("version", "tree"), DETECTED)
def test_the_version_is_told_by_the_fields(version: str, tree: Any) -> None:
    assert detect_version(tree) == version


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the official example files are not part of this repository")
def test_the_official_examples_need_few_repairs() -> None:
    for file, cls in (("location_example.json", Location), ("token_example_2_full_rfid.json", Token)):
        tree = parse((EXAMPLES / file).read_bytes())
        assert repair(cls, tree, REPAIRS, CONTEXT) == (tree, [])
