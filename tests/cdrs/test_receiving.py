"""CDRs that partners post: stored once and for ever, answered with where they are, read again from there (mod_cdrs)."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any

import orjson
import pytest

from backoffice.cdrs.actions.storing import COLUMNS
from backoffice.cdrs.models import Cdr, Quarantined
from backoffice.cdrs.rules.content import written
from backoffice.delivery.models import Exchange
from backoffice.partners.models import Party
from ocpi.wire import cdrs as wire
from ocpi.wire import json as wire_json
from tests import factories
from tests.doors.asking import Asking, snapshot
from tests.factories import Partner, small_cdr

DOOR = "{version}/receiver/cdrs"
LITERAL = b"""{
  "country_code": "SE", "party_id": "ELV", "id": "CDR-1",
  "start_date_time": "2026-03-10T09:00:00Z", "end_date_time": "2026-03-10T10:30:00Z", "session_id": "S-1",
  "cdr_token": {"country_code": "DE", "party_id": "RDK", "uid": "04A2B3C4D5", "type": "RFID",
                "contract_id": "DE-RDK-C00012345-6"},
  "auth_method": "AUTH_REQUEST", "authorization_reference": "AUTH-9",
  "cdr_location": {"id": "HARBOUR-7", "name": "Norra hamnen", "address": "Hamngatan 7", "city": "Malm\\u00f6",
     "postal_code": "211 20", "country": "SWE", "coordinates": {"latitude": "55.610000", "longitude": "12.990000"},
     "evse_uid": "E-100", "evse_id": "SE*ELV*E100", "connector_id": "1", "connector_standard": "IEC_62196_T2",
     "connector_format": "SOCKET", "connector_power_type": "AC_3_PHASE"},
  "meter_id": "M-77", "currency": "EUR",
  "tariffs": [{"country_code": "SE", "party_id": "ELV", "id": "T1", "currency": "EUR", "tax_included": "NO",
     "elements": [{"price_components": [{"type": "ENERGY", "price": 0.450, "vat": 25.0, "step_size": 1},
                                        {"type": "PARKING_TIME", "price": 2.00, "vat": 25.0, "step_size": 1}]}],
     "last_updated": "2026-03-01T08:00:00Z"}],
  "charging_periods": [
     {"start_date_time": "2026-03-10T09:00:00Z", "tariff_id": "T1",
      "dimensions": [{"type": "ENERGY", "volume": 20.500}, {"type": "TIME", "volume": 1.0}]},
     {"start_date_time": "2026-03-10T10:00:00Z", "tariff_id": "T1",
      "dimensions": [{"type": "PARKING_TIME", "volume": 0.5}]}],
  "signed_data": {"encoding_method": "OCMF", "encoding_method_version": 2, "public_key": "MFkwEwYHKoZIzj0CAQYI+/=",
     "signed_values": [
       {"nature": "Start", "plain_data": "OCMF|{\\"FV\\":\\"1.0\\",\\"RD\\":[{\\"RV\\":0.10}]}|  two  spaces ",
        "signed_data": "T0NNRnx7IkZWIjoiMS4wIn18+\\/=="},
       {"nature": "End", "plain_data": "OCMF|\\u00e4\\u20ac\\ud83d\\ude97|<b>&amp;</b>", "signed_data": "AAECAwQ="}],
     "url": "https://elv.example/verify?a=1&b=2"},
  "total_cost": {"before_taxes": 10.2250, "taxes": [{"name": "VAT", "percentage": 25.0, "amount": 2.5563}]},
  "total_energy": 20.500, "total_energy_cost": {"before_taxes": 9.2250}, "total_time": 1.5,
  "total_parking_time": 0.5, "total_parking_cost": {"before_taxes": 1.00}, "remark": "tack!",
  "x_kept": [1, {"a": 1.10}], "last_updated": "2026-03-10T10:30:05Z"
}"""
LITERAL_2_2_1 = (
    LITERAL.replace(
        b'"before_taxes": 10.2250, "taxes": [{"name": "VAT", "percentage": 25.0, "amount": 2.5563}]',
        b'"excl_vat": 10.2250, "incl_vat": 12.7813',
    )
    .replace(b'"before_taxes"', b'"excl_vat"')
    .replace(b' "tax_included": "NO",', b"")
)
BODIES = {"2.3.0": LITERAL, "2.2.1": LITERAL_2_2_1}


def post(asking: Asking, body: Any, version: str = "2.3.0") -> Any:
    return asking.ask("POST", DOOR.format(version=version), body)


def changed(**fields: Any) -> bytes:
    """The literal CDR with other values."""
    return orjson.dumps(json.loads(LITERAL) | fields)


# --- once -------------------------------------------------------------------------------------------------------------


@pytest.mark.rule("T-298", "T-299", "T-300", "T-301", "T-328")
@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
def test_a_cdr_is_posted_and_read_at_the_url_of_the_answer(version: str, asking: Asking) -> None:
    body = BODIES[version]
    answered = post(asking, body, version)
    assert answered.says == (201, 1000)
    url = answered.headers["Location"]
    assert url.startswith("http"), "an absolute URL"
    told = asking.get(url).envelope["data"]
    assert told == json.loads(body, parse_float=Decimal)


def test_signed_data_is_kept_to_the_letter(asking: Asking) -> None:
    url = post(asking, LITERAL).headers["Location"]
    sent, told = json.loads(LITERAL)["signed_data"], json.loads(asking.get(url).body)["data"]["signed_data"]
    for one, other in zip(sent["signed_values"], told["signed_values"], strict=True):
        assert one["plain_data"].encode() == other["plain_data"].encode()
        assert one["signed_data"].encode() == other["signed_data"].encode()
    assert sent == told
    assert Cdr.objects.get().signed


def test_numbers_keep_their_digits(asking: Asking) -> None:
    url = post(asking, LITERAL).headers["Location"]
    assert b'"before_taxes":10.2250' in asking.get(url).body
    assert b'"total_energy":20.500' in asking.get(url).body


@pytest.mark.rule("T-292")
def test_the_same_again_is_answered_as_before(asking: Asking) -> None:
    first = post(asking, LITERAL)
    before = snapshot("seen_at")
    again = post(asking, LITERAL)
    assert (again.says, again.headers["Location"]) == (first.says, first.headers["Location"])
    assert snapshot("seen_at") == before
    assert Cdr.objects.count() == 1


SAME: list[tuple[str, Any]] = [
    ("written in another order", orjson.dumps(dict(reversed(json.loads(LITERAL).items())))),
    ("another last_updated", changed(last_updated="2026-03-11T00:00:00Z")),
    ("nulls for what is not told", changed(home_charging_compensation=None, booking_id=None)),
    ("numbers written otherwise", LITERAL.replace(b"20.500", b"20.5")),
    ("times written otherwise", LITERAL.replace(b'"2026-03-10T10:30:00Z"', b'"2026-03-10T10:30:00.000"')),
    ("an empty list for none", LITERAL.replace(b'"remark": "tack!",', b'"remark": "tack!", "credit": null,')),
]


@pytest.mark.parametrize("body", [row[1] for row in SAME], ids=[row[0] for row in SAME])
def test_the_same_in_other_words_is_the_same(body: bytes, asking: Asking) -> None:
    first = post(asking, LITERAL)
    again = post(asking, body)
    assert (again.says, again.headers["Location"]) == (first.says, first.headers["Location"])
    assert not Quarantined.objects.exists()
    assert asking.get(first.headers["Location"]).envelope["data"] == json.loads(LITERAL, parse_float=Decimal)


def test_ids_are_compared_without_regard_to_case(asking: Asking) -> None:
    first = post(asking, LITERAL)
    assert post(asking, LITERAL.replace(b'"CDR-1"', b'"cdr-1"')).says == (200, 2001)
    assert asking.get(first.headers["Location"].replace("CDR-1", "cdr-1")).data["id"] == "CDR-1"
    assert Cdr.objects.count() == 1


@pytest.mark.rule("T-283")
@pytest.mark.parametrize(
    "change",
    [
        {"total_cost": {"before_taxes": 10.23}},
        {"total_energy": 20.501},
        {"remark": "tack"},
        {"cdr_token": json.loads(LITERAL)["cdr_token"] | {"uid": "04A2B3C4D6"}},
        {"x_kept": [2]},
    ],
)
def test_the_same_id_with_other_content_is_refused_and_kept_aside(change: dict[str, Any], asking: Asking) -> None:
    url = post(asking, LITERAL).headers["Location"]
    before = snapshot("seen_at")
    for times in (1, 2, 3):
        answered = post(asking, changed(**change))
        assert answered.says == (200, 2001)
        assert "other content" in answered.message
        assert "Location" not in answered.headers
        kept = Quarantined.objects.get()
        assert (kept.why, kept.object_id, kept.times, kept.cdr) == ("OTHER_CONTENT", "CDR-1", times, Cdr.objects.get())
        assert json.loads(kept.document) == json.loads(LITERAL) | change
    after = snapshot("seen_at")
    assert {table for table in after if after[table] != before[table]} == {"cdrs_quarantined"}
    assert asking.get(url).envelope["data"] == json.loads(LITERAL, parse_float=Decimal)
    assert Exchange.objects.filter(ocpi_status=2001).last().notes["violations"]


def test_what_came_in_one_version_is_the_same_in_another(asking: Asking) -> None:
    """A partner that moves from 2.2.1 to 2.3.0 tells its old CDRs in other words: what the older could say is compared."""
    assert post(asking, LITERAL_2_2_1, "2.2.1").says == (201, 1000)
    assert post(asking, LITERAL, "2.3.0").says == (201, 1000)
    assert not Quarantined.objects.exists()
    other = LITERAL.replace(b'"before_taxes": 10.2250', b'"before_taxes": 10.2251')
    assert post(asking, other, "2.3.0").says == (200, 2001)


@pytest.mark.rule("T-298")
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_nothing_changes_a_cdr(method: str, asking: Asking) -> None:
    url = post(asking, LITERAL).headers["Location"]
    before = snapshot()
    for path in (url, DOOR.format(version="2.3.0")):
        assert asking.ask(method, path, LITERAL).status == 405
    assert asking.ask("POST", url, LITERAL).status == 405
    assert snapshot() == before


@pytest.mark.rule("T-285")
def test_a_cdr_may_be_of_a_place_that_nobody_knows(asking: Asking) -> None:
    assert post(asking, small_cdr("HOME-1", home_charging_compensation=True)).says == (201, 1000)
    assert Cdr.objects.get().home_charging


@pytest.mark.rule("T-317", "T-322", "T-323", "T-324")
def test_what_a_cdr_may_leave_open(asking: Asking) -> None:
    """A reservation that never became a session; times that nobody knows."""
    tree = small_cdr("R-1", start_date_time="1970-01-01T00:00:00Z", end_date_time="1970-01-01T00:00:00Z")
    del tree["session_id"]
    tree["cdr_location"] |= {
        "evse_uid": "#NA",
        "evse_id": "#NA",
        "connector_id": "#NA",
        "connector_standard": "CHADEMO",
    }
    assert post(asking, tree).says == (201, 1000)
    assert asking.get(f"{DOOR.format(version='2.3.0')}/SE/ELV/R-1").data == tree
    row = Cdr.objects.get()
    assert (row.session_ref, row.evse_id) == ("", "#NA")


def _as_written(tree: dict[str, Any]) -> tuple[str, str]:
    content = {name: value for name, value in tree.items() if name != "last_updated"}
    return wire_json.encode(tree).decode(), hashlib.sha256(wire_json.encode(content)).hexdigest()


@pytest.mark.parametrize("at", range(4))
def test_what_is_written_once_is_the_whole_and_the_hash_of_its_content(at: int) -> None:
    names = ["id", "total_energy", "x_nested"]
    names.insert(at, "last_updated")
    values = {
        "id": "C,1",
        "last_updated": "2026-04-01T12:00:00Z",
        "total_energy": Decimal("1.10"),
        "x_nested": {"a": []},
    }
    for tree in ({name: values[name] for name in names}, {"last_updated": "2026-04-01T12:00:00Z"}):
        document, content = written(tree)
        assert (document.decode(), content) == _as_written(tree)


def test_the_columns_follow_from_the_document(asking: Asking) -> None:
    post(asking, LITERAL)
    post(asking, small_cdr("C-2", credit=True, credit_reference_id="CDR-1"))
    payer = Party.objects.get(ours=True)
    for row in Cdr.objects.all():
        value = wire_json.validate(wire.CDR, row.tree())
        assert tuple(getattr(row, name) for name in COLUMNS.types) == COLUMNS.of(value)
        assert (row.emsp, row.ours) == (payer, False)
        assert (row.document, row.content_hash) == _as_written(row.tree())
        assert (row.state, row.verdict) == ("", "WAITING")
        assert row.entered_at == row.created_at


# --- nobody else's ----------------------------------------------------------------------------------------------------

STRANGE = [
    ("a party that is not the peer's", {"country_code": "NO", "party_id": "FJO"}),
    ("our own party", {"country_code": "DE", "party_id": "RDK"}),
    ("no party", {"country_code": None, "party_id": None}),
    ("a party that is no text", {"country_code": 7, "party_id": ["ELV"]}),
]


@pytest.mark.parametrize("fields", [row[1] for row in STRANGE], ids=[row[0] for row in STRANGE])
def test_a_cdr_of_another_party_changes_nothing(fields: dict[str, Any], asking: Asking) -> None:
    factories.partner("NO-FJO:CPO", ours=[Party.objects.get(ours=True)])
    before = snapshot()
    assert post(asking, changed(**fields)).says == (200, 2001)
    assert snapshot() == before


def test_a_cdr_for_a_token_of_another_emsp_is_not_ours_to_pay(partner: Partner, asking: Asking) -> None:
    """Neither of a stranger nor of a company of ours that this connection does not speak for."""
    factories.own_party("AT-RDK", "EMSP")
    for country_code, party_id in (("NO", "FJO"), ("AT", "RDK"), ("SE", "ELV")):
        token = json.loads(LITERAL)["cdr_token"] | {"country_code": country_code, "party_id": party_id}
        answered = post(asking, changed(id=f"C-{country_code}", cdr_token=token))
        assert answered.says == (200, 2001)
        assert "no party of ours" in answered.message
        assert asking.get(f"{DOOR.format(version='2.3.0')}/SE/ELV/C-{country_code}").status == 404
    assert not Cdr.objects.exists()
    assert sorted(Quarantined.objects.values_list("object_id", "why")) == [
        (f"C-{code}", "FOREIGN_TOKEN") for code in ("AT", "NO", "SE")
    ]


def test_nobody_reads_the_cdrs_of_another(asking: Asking) -> None:
    url = post(asking, LITERAL).headers["Location"]
    stranger = Asking(factories.partner("NO-FJO:CPO", "NO-FJO:EMSP", ours=[Party.objects.get(ours=True)]).token)
    for path in (url, url.replace("SE/ELV", "NO/FJO")):
        answered = stranger.get(path)
        assert answered.status == 404
        assert "04A2B3C4D5" not in answered.body.decode()
    assert stranger.get("2.3.0/sender/cdrs").data == []
    assert asking.get("2.3.0/sender/cdrs").data == [], "what they billed us is not what we bill them"


HOSTILE: list[dict[str, Any]] = [
    {"id": "x" * 37},
    {"id": ""},
    {"id": 7},
    {"total_cost": 10},
    {"total_cost": {"before_taxes": "10"}},
    {"total_energy": None},
    {"charging_periods": []},
    {"charging_periods": [{"start_date_time": "2026-03-10T09:00:00Z", "dimensions": []}]},
    {"charging_periods": [{"start_date_time": "2026-03-10T09:00:00Z", "dimensions": [{"type": "POWER", "volume": 1}]}]},
    {"cdr_token": None},
    {"cdr_token": "04A2B3C4D5"},
    {"cdr_location": {"id": "A"}},
    {"currency": "EURO"},
    {"auth_method": "MAGIC"},
    {"credit": True},
    {"credit": "true", "credit_reference_id": "A"},
    {"credit_reference_id": "A"},
    {"end_date_time": "soon"},
    {"signed_data": {"encoding_method": "OCMF", "signed_values": []}},
    {"tariffs": [{"id": "T1"}]},
    {"tariffs": "T1"},
]


@pytest.mark.rule("T-314")
@pytest.mark.parametrize("wrong", HOSTILE, ids=[str(row)[:60] for row in HOSTILE])
def test_what_is_no_cdr_changes_nothing(wrong: dict[str, Any], asking: Asking) -> None:
    before = snapshot()
    assert post(asking, small_cdr("C-1") | wrong).says == (200, 2001)
    assert snapshot() == before


EXTREME: list[dict[str, Any]] = [
    {"total_cost": {"before_taxes": Decimal("1e15"), "taxes": [{"name": "", "amount": Decimal("1e-18")}] * 3}},
    {"total_energy": Decimal("-0.000000000000000001"), "total_time": 2**62},
    {"start_date_time": "0001-01-01T00:00:00Z", "end_date_time": "9999-12-31T23:59:59Z"},
    {"end_date_time": "2026-03-10T08:00:00Z"},
    {"last_updated": "9999-12-31T23:59:59Z"},
    {"currency": "   "},
    {"remark": '=HYPERLINK("http://x")<script>alert(1)</script>'},
    {"tariffs": [factories.small_tariff("T1")] * 200},
    {"cdr_token": small_cdr("")["cdr_token"] | {"type": "N" * 255}},
    {"session_id": "", "id": " "},
    {"id": "A/B?c=%2F&#"},
]


@pytest.mark.parametrize("odd", EXTREME, ids=[str(row)[:60] for row in EXTREME])
def test_what_is_odd_and_valid_is_kept_as_it_is(odd: dict[str, Any], asking: Asking) -> None:
    tree = small_cdr("C-1") | odd
    answered = post(asking, tree)
    assert answered.says == (201, 1000)
    assert asking.get(answered.headers["Location"]).envelope["data"] == tree
    assert post(asking, tree).says == (201, 1000)


def test_a_large_one_is_taken_and_a_larger_one_is_not(asking: Asking) -> None:
    period = small_cdr("")["charging_periods"][0]
    assert post(asking, small_cdr("C-1", charging_periods=[period] * 5_000)).says == (201, 1000)
    assert post(asking, LITERAL + b" " * 8_000_000).status == 413
