"""Our CDRs: one of each finished session, priced as the session was, checked before it leaves (mod_cdrs)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection as database

from backoffice.cdrs.actions import following, issuing, sending
from backoffice.cdrs.models import Cdr, CdrEvent
from backoffice.charge_points import door
from backoffice.charge_points.gateway import Stopped
from backoffice.delivery.models import Message
from backoffice.locations.actions.storing import store as store_location
from backoffice.partners.models import Connection, Party
from backoffice.sessions.models import Session
from backoffice.tariffs.rules import compile_tariff, price
from backoffice.tariffs.rules.verify import verify
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire_locations
from ocpi.wire.cdrs import CDR
from ocpi.wire.tariffs import Tariff
from tests import factories
from tests.doors.asking import Asking
from tests.factories import small_tariff
from tests.sessions.cast import after, begin, end, meter, point

SIGNED = {
    "encoding_method": "OCMF",
    "public_key": "AAEC+/=",
    "signed_values": [{"nature": "End", "plain_data": 'OCMF|{"RV":0.10}|  ä ', "signed_data": "AAEC"}],
}


@pytest.fixture
def emsp(db: None) -> Party:
    """SE-ELV, whose drivers charge at our DE-RDK; it takes CDRs."""
    return factories.partner("SE-ELV:EMSP", ours=[factories.own_party()], receives=["cdrs"]).party


def charged(
    emsp: Party, *, kwh: str = "1011", minutes: float = 60, tariffs: tuple[str, ...] = ("T1",), **given: Any
) -> Session:
    """A finished session of an hour and 11 kWh, unless told otherwise."""
    evse = point(tariffs=tariffs)
    session = begin(evse, emsp)
    meter(session, minutes / 2, str(Decimal(1000) + (Decimal(kwh) - 1000) / 2), kw="11")
    return end(session, minutes, kwh, **given)


def issued(session: Session, minutes: float = 61) -> Cdr:
    cdr = issuing.issue(session.pk, now=after(minutes))
    assert cdr is not None
    return cdr


@pytest.mark.rule("T-295", "T-303", "T-314", "T-317", "T-318", "T-319")
def test_a_finished_session_becomes_a_cdr(emsp: Party) -> None:
    factories.own_tariff(small_tariff("T1", "DE-RDK"))
    session = charged(emsp, signed_data=SIGNED)
    cdr = issued(session)
    tree, told = cdr.tree(), session.tree()
    assert tree["session_id"] == session.object_id
    assert tree["cdr_token"] == told["cdr_token"]
    assert (tree["auth_method"], tree["authorization_reference"]) == ("AUTH_REQUEST", "REF-1")
    assert (tree["start_date_time"], tree["end_date_time"]) == (told["start_date_time"], told["end_date_time"])
    assert (
        tree["total_cost"]
        == told["total_cost"]
        == {
            "before_taxes": Decimal("4.9500"),
            "taxes": [{"name": "VAT", "percentage": 25, "amount": Decimal("1.2375")}],
        }
    )
    assert tree["total_energy_cost"]["before_taxes"] == Decimal("4.9500")
    assert (tree["total_energy"], tree["total_time"]) == (Decimal("11.0000"), 1)
    assert tree["tariffs"] == [small_tariff("T1", "DE-RDK")]
    assert tree["cdr_location"] == {
        "id": "LOC1",
        "name": "Harbour",
        "address": "Storgatan 1",
        "city": "Lund",
        "country": "SWE",
        "coordinates": {"latitude": "55.704660", "longitude": "13.191007"},
        "evse_uid": "E1",
        "evse_id": "DE*RDK*E1",
        "connector_id": "1",
        "connector_standard": "IEC_62196_T2",
        "connector_format": "CABLE",
        "connector_power_type": "AC_3_PHASE",
    }
    assert tree["signed_data"] == SIGNED
    assert len(tree["id"]) <= 36
    assert (cdr.state, cdr.ours, cdr.emsp, cdr.verdict, cdr.entered_at) == ("RELEASED", True, emsp, "", after(61))
    assert Message.objects.get(module="cdrs").object_path == cdr.object_id
    session.refresh_from_db()
    assert session.cdr_known_at == after(61)
    assert [event.what for event in CdrEvent.objects.all()] == ["ISSUED"]


def test_a_session_has_one_cdr_whoever_asks(emsp: Party) -> None:
    session = charged(emsp)
    assert issued(session) == issued(session) == issued(Session.objects.get(pk=session.pk))
    assert (Cdr.objects.count(), Message.objects.filter(module="cdrs").count()) == (1, 1)
    assert issuing.issue_missing(now=after(600)) == 0


def test_many_who_issue_at_once_issue_one(transactional_db: None) -> None:
    emsp = factories.partner("SE-ELV:EMSP", ours=[factories.own_party()], receives=["cdrs"]).party
    session = charged(emsp)

    def run(_number: int) -> int:
        try:
            return issued(session).pk
        finally:
            database.close()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(run, range(8)))) == 1
    assert (Cdr.objects.count(), Message.objects.filter(module="cdrs").count()) == (1, 1)


@pytest.mark.parametrize("status", ["ACTIVE", "INVALID"])
def test_what_has_not_ended_has_no_cdr(status: str, emsp: Party) -> None:
    session = begin(point(tariffs=()), emsp)
    Session.objects.update(status=status)
    assert issuing.issue(session.pk, now=after(61)) is None
    assert not Cdr.objects.exists()


def test_a_received_session_has_no_cdr_of_ours(emsp: Party) -> None:
    session = charged(emsp)
    Session.objects.update(ours=False)
    assert issuing.issue(session.pk, now=after(61)) is None


def night_and_day(at: str = "2026-03-01T08:00:00Z") -> dict[str, Any]:
    """Cheaper until 11:30 in Berlin, which is 10:30 UTC; parking costs from the first minute."""
    tree = small_tariff("T1", "DE-RDK", at=at)
    cheap = {"type": "ENERGY", "price": Decimal("0.20"), "vat": 19, "step_size": 1}
    dear = {"type": "ENERGY", "price": Decimal("0.50"), "vat": 19, "step_size": 1}
    parked = {"type": "PARKING_TIME", "price": Decimal("6.00"), "vat": 19, "step_size": 60}
    tree["elements"] = [
        {"price_components": [cheap], "restrictions": {"end_time": "11:30"}},
        {"price_components": [dear, parked]},
    ]
    return tree


@pytest.mark.rule("T-304", "T-305", "T-307", "T-315", "T-316")
def test_its_periods_change_where_the_price_does(emsp: Party) -> None:
    factories.own_tariff(night_and_day())
    evse = point()
    session = begin(evse, emsp)
    meter(session, 20, "1004", kw="12")
    meter(session, 40, "1008", kw="12")
    meter(session, 50, "1010", charging=False)
    session = end(session, 62, "1010")
    cdr = issued(session, 63)
    value = wire_json.validate(CDR, cdr.tree())
    starts = [period.start_date_time for period in value.charging_periods]
    assert after(30) in starts, "11:30 in Berlin"
    assert after(50) in starts, "the vehicle was full"
    told: dict[str, Decimal] = {}
    for period in value.charging_periods:
        assert period.tariff_id == "T1"
        for each in period.dimensions:
            told[each.type] = told.get(each.type, Decimal(0)) + each.volume
    assert told["ENERGY"] == value.total_energy == 10
    assert value.total_parking_time == told["PARKING_TIME"] == Decimal("0.2")
    assert abs(value.total_time - value.total_parking_time - told["TIME"]) <= Decimal("0.0002")
    assert value.total_cost.before_taxes == Decimal("4.4"), "6 kWh at 0.20, 4 at 0.50, 12 minutes of parking at 6.00"
    assert session.tree()["total_cost"] == cdr.tree()["total_cost"]
    tariff = compile_tariff(wire_json.validate(Tariff, cdr.tree()["tariffs"][0]))
    ours = price([tariff], value.charging_periods, ZoneInfo("Europe/Berlin"), end=value.end_date_time)
    assert verify(value, ours) == [], "its eMSP comes to the same"
    assert not [warning for warning in ours.codes if warning == "period_crosses_boundary"]


@pytest.mark.rule("T-303")
def test_it_shows_place_and_price_as_they_were_at_the_start(emsp: Party) -> None:
    factories.own_tariff(small_tariff("T1", "DE-RDK"))
    session = begin(point(), emsp)
    meter(session, 30, "1005", kw="11")
    renamed = factories.small_location("LOC1", "DE-RDK", at="2026-11-22T10:20:00Z", name="Renamed", city="Elsewhere")
    value = wire_json.validate(wire_locations.Location, renamed)
    store_location(session.party_id, [(renamed, value)], source="import", now=after(40), ours=True)
    dearer = small_tariff("T1", "DE-RDK", at="2026-11-22T10:20:00Z")
    dearer["elements"][0]["price_components"][0]["price"] = Decimal("9.99")
    factories.own_tariff(dearer, now=after(40))
    end(session, 60, "1011")
    tree = issued(session).tree()
    assert (tree["cdr_location"]["name"], tree["cdr_location"]["city"]) == ("Harbour", "Lund")
    assert tree["cdr_location"]["evse_id"] == "DE*RDK*E1"
    assert tree["tariffs"] == [small_tariff("T1", "DE-RDK")]
    assert tree["total_cost"]["before_taxes"] == Decimal("4.9500")


@pytest.mark.rule("T-321")
def test_what_was_free_says_by_which_tariff(emsp: Party) -> None:
    free = small_tariff("T1", "DE-RDK")
    free["elements"][0]["price_components"][0]["price"] = 0
    factories.own_tariff(free)
    tree = issued(charged(emsp)).tree()
    assert tree["tariffs"] == [free]
    assert tree["total_cost"]["before_taxes"] == 0


@pytest.mark.rule("T-308")
def test_without_any_tariff_nothing_is_billed(emsp: Party) -> None:
    tree = issued(charged(emsp, tariffs=())).tree()
    assert (tree["tariffs"], tree["total_cost"]) == ([], {"before_taxes": 0})
    assert all("tariff_id" not in period for period in tree["charging_periods"])
    assert tree["total_energy"] == 11


@pytest.mark.rule("T-325", "T-326")
def test_it_says_nothing_that_is_for_sessions_only(emsp: Party) -> None:
    session = charged(emsp)
    kinds = {each["type"] for period in session.tree()["charging_periods"] for each in period["dimensions"]}
    assert "POWER" in kinds
    told = issued(session).tree()["charging_periods"]
    assert {each["type"] for period in told for each in period["dimensions"]} == {"ENERGY", "TIME"}


# --- held -------------------------------------------------------------------------------------------------------------


def with_start_fee() -> None:
    tree = small_tariff("T1", "DE-RDK")
    tree["elements"][0]["price_components"].append({"type": "FLAT", "price": 1, "step_size": 1})
    factories.own_tariff(tree)


HELD: list[tuple[str, dict[str, Any]]] = [
    ("ZERO_ENERGY_WITH_COST", {"kwh": "1000"}),
    ("ENERGY_OVER_POWER_LIMIT", {"kwh": "1030"}),  # the EVSE gives 22 kW
    ("DURATION_OUT_OF_RANGE", {"minutes": 48 * 60 + 1}),
]


@pytest.mark.parametrize(("reason", "change"), HELD, ids=[row[0] for row in HELD])
def test_what_is_implausible_is_held_and_nobody_sees_it(reason: str, change: dict[str, Any], emsp: Party) -> None:
    with_start_fee()
    session = charged(emsp, **change)
    cdr = issued(session, change.get("minutes", 60) + 1)
    assert (cdr.state, cdr.held_for, cdr.entered_at) == ("HELD", [reason], None)
    assert len(cdr.held_because) == 1
    assert not Message.objects.filter(module="cdrs").exists()
    session.refresh_from_db()
    assert session.cdr_known_at is not None


def test_two_charges_at_once_at_one_evse_or_with_one_token_are_held(emsp: Party) -> None:
    first = issued(charged(emsp))
    assert first.state == "RELEASED"
    other = point(tariffs=(), evse_id="DE*RDK*E2", location="LOC2")
    session = begin(other, emsp, transaction="TX-2", now=after(59))
    meter(session, 70, "1001")
    end(session, 90, "1002")
    held = issued(session, 91)
    assert (held.state, held.held_for) == ("HELD", ["OVERLAP_SAME_TOKEN"])
    assert first.object_id in held.held_because[0]
    evse = Session.objects.order_by("id")[0].point
    assert evse is not None
    third = begin(evse, emsp, transaction="TX-3", now=after(59), uid="CARD-3")
    meter(third, 70, "1001")
    end(third, 90, "1002")
    again = issued(third, 91)
    assert (again.state, again.held_for) == ("HELD", ["OVERLAP_SAME_EVSE"])


def test_one_after_the_other_is_no_overlap(emsp: Party) -> None:
    issued(charged(emsp))
    evse = Session.objects.get().point
    assert evse is not None
    session = begin(evse, emsp, transaction="TX-2", now=after(60))
    meter(session, 70, "1001")
    end(session, 90, "1002")
    assert issued(session, 91).state == "RELEASED"


def test_a_tariff_that_tells_only_what_is_with_taxes_cannot_be_billed(emsp: Party) -> None:
    tree = small_tariff("T1", "DE-RDK", tax_included="YES")
    del tree["elements"][0]["price_components"][0]["vat"]
    factories.own_tariff(tree)
    cdr = issued(charged(emsp))
    assert (cdr.state, cdr.held_for) == ("HELD", ["COST_UNKNOWN"])


# --- who hears of it --------------------------------------------------------------------------------------------------


@pytest.mark.rule("T-294", "T-296", "T-297")
def test_only_the_emsp_whose_driver_charged_hears_of_it(emsp: Party) -> None:
    ours = Party.objects.get(ours=True)
    other = factories.partner("NO-FJO:EMSP", "NO-FJO:CPO", ours=[ours], receives=["cdrs"])
    cdr = issued(charged(emsp))
    (message,) = Message.objects.filter(module="cdrs")
    assert message.receiver == emsp
    assert Asking(other.token).get("2.3.0/sender/cdrs").data == []
    assert Asking(other.token).get("2.2.1/sender/cdrs").data == []
    assert cdr.object_id


@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
def test_the_emsp_pulls_what_was_released(version: str, db: None) -> None:
    partner = factories.partner("SE-ELV:EMSP", ours=[factories.own_party()])
    with_start_fee()
    seen = issued(charged(partner.party))
    asking = Asking(partner.token)
    (told,) = asking.get(f"{version}/sender/cdrs").data
    assert told["id"] == seen.object_id
    assert ("excl_vat" in told["total_cost"]) is (version == "2.2.1")
    Cdr.objects.update(entered_at=None, state="HELD")
    answered = asking.get(f"{version}/sender/cdrs")
    assert (answered.data, answered.headers["X-Total-Count"]) == ([], "0")
    Cdr.objects.update(state="DROPPED")
    assert asking.get(f"{version}/sender/cdrs").data == []


def test_a_released_one_is_found_by_who_pulls_by_date(db: None) -> None:
    partner = factories.partner("SE-ELV:EMSP", ours=[factories.own_party()], receives=["cdrs"])
    with_start_fee()
    held = issued(charged(partner.party, kwh="1000"))
    asking = Asking(partner.token)
    asking.get("2.3.0/sender/cdrs")
    sending.release(held, now=after(3000), by="fiona", reason="The driver only parked.")
    told = asking.get("2.3.0/sender/cdrs?date_from=2026-11-24T00:00:00Z").data
    assert [each["id"] for each in told] == [held.object_id]
    assert told[0]["last_updated"] == "2026-11-24T12:00:00Z"
    held.refresh_from_db()
    assert (held.state, held.entered_at) == ("RELEASED", after(3000))
    assert Message.objects.filter(module="cdrs", state="DUE").count() == 1
    assert CdrEvent.objects.last().by == "fiona"


def test_for_a_driver_of_our_own_there_is_nobody_to_tell(db: None) -> None:
    ours = factories.own_party()
    cdr = issued(charged(ours))
    assert (cdr.state, Message.objects.count()) == ("ACKNOWLEDGED", 0)


def test_an_emsp_that_is_connected_later_gets_what_it_missed(emsp: Party) -> None:
    Connection.objects.update(state="REMOVED")
    cdr = issued(charged(emsp))
    assert not Message.objects.filter(module="cdrs").exists()
    assert sending.owe_again(now=after(100)) == 0
    Connection.objects.update(state="ACTIVE")
    assert sending.owe_again(now=after(200)) == 1
    assert sending.owe_again(now=after(300)) == 0
    assert Message.objects.get(module="cdrs").object_path == cdr.object_id


# --- the clock and the hardware ---------------------------------------------------------------------------------------


@pytest.mark.rule("T-284")
def test_it_is_issued_when_the_charge_point_says_that_it_is_over(emsp: Party) -> None:
    session = begin(point(tariffs=()), emsp)
    meter(session, 30, "1005")
    door.report(
        Stopped(evse_id="DE*RDK*E1", transaction="TX-1", meter_kwh=Decimal(1011), reason="Local", at=None),
        now=after(60),
    )
    assert Cdr.objects.get().session_ref == session.object_id


def test_what_was_not_issued_is_issued_later(emsp: Party) -> None:
    session = charged(emsp)
    assert issuing.issue_missing(now=after(60.5)) == 0, "whoever ended it is about to"
    assert issuing.issue_missing(now=after(62)) == 1
    assert Cdr.objects.get().session_ref == session.object_id


def test_one_that_cannot_be_made_keeps_no_other_from_being_made(emsp: Party, caplog: pytest.LogCaptureFixture) -> None:
    broken = charged(emsp)
    Session.objects.filter(pk=broken.pk).update(
        document=broken.document.replace('"currency":"EUR"', '"currency":"EURO"')
    )
    other = begin(point(tariffs=(), evse_id="DE*RDK*E2", location="LOC2"), emsp, transaction="TX-2", uid="CARD-2")
    meter(other, 30, "1005")
    end(other, 61, "1011")
    with caplog.at_level("CRITICAL", "backoffice.cdrs.actions.issuing"):
        assert issuing.issue_missing(now=after(100)) == 1
    assert Cdr.objects.get().session_ref == other.object_id
    with pytest.raises(issuing.UnableToIssue):
        issuing.issue(broken.pk, now=after(100))


def test_a_session_that_comes_after_its_cdr_is_matched(emsp: Party) -> None:
    session = charged(emsp)
    issued(session)
    Session.objects.update(cdr_known_at=None)
    assert following.match_sessions(now=after(100)) == 1
    assert following.match_sessions(now=after(100)) == 0
    session.refresh_from_db()
    assert session.cdr_known_at - after(100) == timedelta(0)


def test_the_document_is_what_the_wire_class_says(emsp: Party) -> None:
    cdr = issued(charged(emsp, signed_data=SIGNED))
    wire_json.validate(CDR, cdr.tree())
    assert json.loads(cdr.document)["signed_data"] == SIGNED
