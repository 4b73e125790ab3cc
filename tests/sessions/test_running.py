"""A charge at a charge point of ours, from the plug to the last word: what it says, what it costs, and who hears of it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from backoffice.delivery.actions import draining
from backoffice.delivery.models import Message
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.sessions.actions import running, tariffs
from backoffice.sessions.actions.running import UnableToCharge
from backoffice.sessions.actions.storing import PROJECTED, parsed, projected
from backoffice.sessions.models import Reading, Session
from backoffice.sessions.rules.metering import for_cdr
from backoffice.tariffs.actions import disclosing
from backoffice.tariffs.models import Tariff
from backoffice.tariffs.rules import price
from backoffice.tokens.models import Authorization
from ocpi.wire import json as wire_json
from tests import factories
from tests.doors.asking import snapshot
from tests.factories import Partner, small_tariff
from tests.meeting import registered
from tests.peer import ScriptedPeer
from tests.sessions import cast
from tests.sessions.cast import NOW, after


@pytest.fixture
def priced(us: Party) -> Tariff:
    """EUR 0.45 per kWh before 25 % VAT."""
    return factories.own_tariff(small_tariff("T1", "DE-RDK"))


def events(session: Session) -> list[tuple[str, str, str, str]]:
    return list(session.events.values_list("event", "previous", "status", "by"))


@pytest.mark.rule("T-249")
def test_a_charge_from_its_beginning_to_its_end(partner: Partner, priced: Tariff) -> None:
    session = cast.begin(cast.point(), partner.party)
    tree = session.tree()
    assert tree == {
        "country_code": "DE",
        "party_id": "RDK",
        "id": session.object_id,
        "start_date_time": "2026-11-22T10:00:00Z",
        "kwh": 0,
        "cdr_token": {
            "country_code": "SE",
            "party_id": "ELV",
            "uid": "CARD-1",
            "type": "RFID",
            "contract_id": "SE-ELV-C0001",
        },
        "auth_method": "AUTH_REQUEST",
        "authorization_reference": "REF-1",
        "location_id": "LOC1",
        "evse_uid": "E1",
        "connector_id": "1",
        "currency": "EUR",
        "charging_periods": [],
        "status": "ACTIVE",
        "last_updated": "2026-11-22T10:00:00Z",
    }
    assert (session.evse_id, session.time_zone, session.location_name) == ("DE*RDK*E1", "Europe/Berlin", "Harbour")
    cast.meter(session, 30, "1005", kw="11")
    running = Session.objects.get()
    assert (running.kwh, running.power_kw, running.total_excl) == (5, 11, Decimal("2.25"))
    assert running.total_incl == Decimal("2.8125")
    ended = cast.end(session, 60, "1010")
    tree = ended.tree()
    assert tree["end_date_time"] == "2026-11-22T11:00:00Z"
    assert tree["total_cost"] == {
        "before_taxes": Decimal("4.5"),
        "taxes": [{"name": "VAT", "percentage": 25, "amount": Decimal("1.125")}],
    }
    assert (ended.status, ended.kwh, ended.power_kw) == ("COMPLETED", 10, None)
    assert events(ended) == [
        ("START", "", "ACTIVE", "charge point"),
        ("FINISH", "ACTIVE", "COMPLETED", "charge point"),
    ]
    assert list(Reading.objects.values_list("kwh", flat=True)) == [1000, 1005, 1010]
    assert Authorization.objects.get().used_at == NOW
    value = parsed(tree)
    assert tuple(getattr(Session.objects.get(), name) for name in PROJECTED) == projected(value)


@pytest.mark.rule("T-276")
@pytest.mark.parametrize(
    ("how", "method"),
    [("REAL_TIME", "AUTH_REQUEST"), ("WHITELIST", "WHITELIST"), ("OFFLINE", "WHITELIST"), ("COMMAND", "COMMAND")],
)
def test_the_session_says_how_the_driver_was_let_in(partner: Partner, how: str, method: str) -> None:
    reference = "REF-9" if how in ("REAL_TIME", "COMMAND") else ""
    session = cast.begin(cast.point(tariffs=()), partner.party, how=how, authorization_reference=reference)
    tree = session.tree()
    assert tree["auth_method"] == method
    assert tree.get("authorization_reference") == (reference or None)


def test_the_same_transaction_again_is_the_same_session(partner: Partner) -> None:
    evse = cast.point(tariffs=())
    session = cast.begin(evse, partner.party)
    decision = running.decision_of(session.authorization_id)
    again = running.begin(
        location=evse.location,
        evse=evse,
        connector_id="1",
        decision=decision,
        transaction_id="TX-1",
        meter_kwh=Decimal(1000),
        now=after(1),
    )
    assert again.pk == session.pk
    assert Session.objects.count() == 1
    with pytest.raises(UnableToCharge, match="another charge"):
        cast.begin(evse, partner.party)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"allowed": "BLOCKED", "reason": "Its eMSP answered BLOCKED."}, "may not charge: Its eMSP answered BLOCKED"),
        ({"kind": "ASKED"}, "no such authorization"),
        ({"used_at": NOW}, "used already"),
        ({"at": NOW - timedelta(minutes=31)}, "too old"),
        ({"location_id": "LOC9"}, "at another EVSE"),
        ({"evse_uids": ["E9"]}, "at another EVSE"),
        ({"contract_id": ""}, "may not charge"),
        ({"emsp": None}, "may not charge"),
    ],
)
def test_nobody_charges_without_right(partner: Partner, changes: dict[str, Any], sentence: str) -> None:
    evse = cast.point(tariffs=())
    made = cast.let_in(evse, partner.party, **changes)
    before = snapshot()
    with pytest.raises(UnableToCharge, match=sentence):
        running.begin(
            location=evse.location,
            evse=evse,
            connector_id="1",
            decision=running.decision_of(made.pk),
            transaction_id="TX-1",
            meter_kwh=Decimal(0),
            now=NOW,
        )
    assert snapshot() == before


def test_an_authorization_or_a_connector_that_is_not_there(partner: Partner) -> None:
    with pytest.raises(UnableToCharge, match="no such authorization"):
        running.decision_of(0)
    with pytest.raises(UnableToCharge, match="no connector '7'"):
        cast.begin(cast.point(tariffs=()), partner.party, connector="7")
    assert not Session.objects.exists()
    assert Authorization.objects.get().used_at is None


@pytest.mark.rule("T-275")
def test_a_pending_session_begins_when_energy_flows(partner: Partner, priced: Tariff) -> None:
    session = cast.begin(cast.point(), partner.party, pending=True)
    assert (session.status, session.tree()["start_date_time"]) == ("PENDING", "2026-11-22T10:00:00Z")
    cast.meter(session, 2, "1000", charging=False)
    assert Session.objects.get().status == "PENDING"
    cast.meter(session, 5, "1000.5")
    row = Session.objects.get()
    assert (row.status, row.tree()["start_date_time"], row.kwh) == ("ACTIVE", "2026-11-22T10:05:00Z", 0)
    ended = cast.end(session, 65, "1010.5")
    assert (ended.kwh, ended.total_excl) == (10, Decimal("4.5"))
    assert [event[0] for event in events(ended)] == ["PLUG_IN", "START", "FINISH"]


def test_a_charge_that_never_began_is_invalid(partner: Partner, priced: Tariff) -> None:
    session = cast.begin(cast.point(), partner.party, pending=True)
    ended = cast.end(session, 5, "1000")
    assert (ended.status, ended.kwh) == ("INVALID", 0)


@pytest.mark.rule("T-280")
def test_nothing_changes_a_completed_session(partner: Partner, priced: Tariff) -> None:
    session = cast.end(cast.begin(cast.point(), partner.party), 60, "1010")
    before = snapshot()
    for late in (
        lambda: cast.meter(session, 61, "1011"),
        lambda: cast.end(session, 61, "1011"),
        lambda: cast.end(session, 61, None),
        lambda: running.invalidate(session=session, reason="", now=after(61), by="staff"),
    ):
        with pytest.raises(UnableToCharge, match="COMPLETED"):
            late()
    assert snapshot() == before


@pytest.mark.parametrize(
    ("minutes", "kwh", "sentence"),
    [(30, "1005", "told already"), (29, "1006", "before the last"), (31, "1004", "backwards")],
)
def test_a_meter_that_cannot_be_changes_nothing(partner: Partner, minutes: int, kwh: str, sentence: str) -> None:
    session = cast.begin(cast.point(tariffs=()), partner.party)
    cast.meter(session, 30, "1005")
    before = snapshot()
    with pytest.raises(UnableToCharge, match=sentence):
        cast.meter(session, minutes, kwh)
    assert snapshot() == before


def test_what_was_told_with_the_last_reading_ends_the_charge(partner: Partner) -> None:
    """A station that says the same in its last meter value and in its stop."""
    session = cast.begin(cast.point(tariffs=()), partner.party)
    cast.meter(session, 30, "1005")
    ended = cast.end(session, 30, "1005")
    assert (ended.status, ended.kwh, ended.ends_at) == ("COMPLETED", 5, after(30))


def test_a_new_charge_ends_the_one_before_it(partner: Partner) -> None:
    evse = cast.point(tariffs=())
    first = cast.begin(evse, partner.party)
    cast.meter(first, 30, "1005")
    cast.begin(evse, partner.party, transaction="TX-2", now=after(90), kwh="1006")
    first.refresh_from_db()
    assert (first.status, first.kwh, first.ends_at) == ("COMPLETED", 5, after(30))
    assert "TX-2 began" in first.events.last().reason


def test_times_never_run_backwards_for_the_emsp(partner: Partner) -> None:
    """Our own clock was put back by a minute."""
    session = cast.begin(cast.point(tariffs=()), partner.party)
    cast.meter(session, 30, "1005")
    running.meter(
        session=session, kwh=Decimal(1006), power_kw=None, soc=None, charging=True, at=after(31), now=after(31)
    )
    Session.objects.update(last_updated=after(40))
    cast.end(session, 35, "1007")
    assert Session.objects.get().last_updated == after(40)


def test_signed_data_stays_as_it_is(partner: Partner) -> None:
    signed = {
        "encoding_method": "OCMF",
        "signed_values": [{"nature": "End", "plain_data": 'OCMF|{"x":1.10}', "signed_data": "AA//=="}],
        "their_own": 1,
    }
    ended = cast.end(cast.begin(cast.point(tariffs=()), partner.party), 5, "1001", signed_data=signed)
    assert wire_json.parse(ended.signed_data.encode()) == signed
    assert '"OCMF|{\\"x\\":1.10}"' in ended.signed_data


# --- the price --------------------------------------------------------------------------------------------------------


def test_the_price_is_that_of_the_start(partner: Partner, priced: Tariff) -> None:
    session = cast.begin(cast.point(), partner.party)
    dearer = small_tariff("T1", "DE-RDK", at="2026-11-22T10:15:00Z")
    dearer["elements"][0]["price_components"][0]["price"] = Decimal(9)
    factories.own_tariff(dearer)
    assert cast.end(session, 60, "1010").total_excl == Decimal("4.5")
    other = cast.begin(cast.point(), partner.party, transaction="TX-2", now=after(120))
    other = running.end(session=other, kwh=Decimal(1010), reason="", now=after(180))
    assert other.total_excl == Decimal(90)


def test_a_tariff_that_the_emsp_must_not_know_of_does_not_price(partner: Partner, priced: Tariff) -> None:
    """What is disclosed to others only goes past this partner; the connector's other tariff is for everyone."""
    secret = factories.own_tariff(small_tariff("T0", "DE-RDK", start_date_time="2026-10-01T00:00:00Z"))
    disclosing.disclose(secret, [], now=NOW)
    evse = cast.point(tariffs=("T0", "T1"))
    session = cast.begin(evse, partner.party)
    assert session.tariff_version.tariff == priced
    assert tariffs.offered(evse, "1") == ["T0", "T1"]
    disclosing.disclose(secret, [partner.connection.pk], now=NOW)
    session = cast.begin(evse, partner.party, transaction="TX-2", now=after(5))
    assert session.tariff_version.tariff == secret


@pytest.mark.rule("T-278")
def test_without_a_tariff_no_price_is_named(partner: Partner, us: Party) -> None:
    session = cast.end(cast.begin(cast.point(tariffs=("UNKNOWN",)), partner.party), 60, "1010")
    tree = session.tree()
    assert "total_cost" not in tree
    assert (session.total_excl, session.currency) == (None, "EUR")
    assert tree["charging_periods"][0]["dimensions"][:2] == [
        {"type": "TIME", "volume": 1},
        {"type": "ENERGY", "volume": 10},
    ]


@pytest.mark.rule("T-278", "T-304", "T-305")
def test_session_and_cdr_cost_the_same_over_a_change_of_price(partner: Partner, us: Party) -> None:
    """From 11:00 in Berlin on it is dearer; parking costs by the hour. The engine on the periods of the finished session gives
    the total that the session told."""
    tariff = small_tariff("T1", "DE-RDK")
    night = {"type": "ENERGY", "price": Decimal("0.30"), "vat": 19, "step_size": 1}
    day = {"type": "ENERGY", "price": Decimal("0.60"), "vat": 19, "step_size": 1}
    parking = {"type": "PARKING_TIME", "price": Decimal("3.00"), "vat": 19, "step_size": 60}
    tariff["elements"] = [
        {"price_components": [day, parking], "restrictions": {"start_time": "11:30"}},
        {"price_components": [night, parking]},
    ]
    factories.own_tariff(tariff)
    session = cast.begin(cast.point(), partner.party)  # 11:00 in Berlin
    for minute in range(1, 60):
        cast.meter(session, minute, str(1000 + Decimal(minute) / 5), charging=minute < 50, kw="12")
    ended = cast.end(session, 75, "1012")
    value = parsed(ended.tree())
    begins = [f"{period.start_date_time:%H:%M}" for period in value.charging_periods]
    assert begins == ["10:00", "10:15", "10:30", "10:45", "10:50"]
    compiled = tariffs.compiled(ended.tariff_version)
    assert compiled is not None
    found = price([compiled], for_cdr(value.charging_periods), ZoneInfo("Europe/Berlin"), end=value.end_date_time)
    assert found.total.excl == Decimal(6) * Decimal("0.3") + Decimal("5.8") * Decimal("0.6") + Decimal(
        "1.25"
    ) + Decimal("0.12")
    assert (ended.total_excl, ended.total_incl) == (found.total.excl, ended.our_incl)


@pytest.mark.rule("T-278")
def test_free_of_charge_is_zero(partner: Partner, us: Party) -> None:
    tariff = small_tariff("T1", "DE-RDK")
    tariff["elements"][0]["price_components"][0]["price"] = 0
    factories.own_tariff(tariff)
    ended = cast.end(cast.begin(cast.point(), partner.party), 60, "1010")
    assert ended.tree()["total_cost"]["before_taxes"] == 0


# --- who hears of it --------------------------------------------------------------------------------------------------


def test_only_the_drivers_emsp_hears_of_it(partner: Partner, stranger: Partner, us: Party) -> None:
    Message.objects.all().delete()
    session = cast.begin(cast.point(tariffs=()), partner.party)
    (message,) = Message.objects.filter(module="sessions")
    assert (message.connection, message.receiver, message.object_path, message.touched) == (
        partner.connection,
        partner.party,
        session.object_id,
        [],
    )
    cast.meter(session, 1, "1001")
    assert Message.objects.filter(module="sessions").get().generation == 2
    cast.begin(cast.point(tariffs=(), location="L2", evse_id="DE*RDK*E2"), us)  # a driver of our own
    assert Message.objects.filter(module="sessions").count() == 1


@pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])
def test_a_charge_arrives_at_the_emsp_by_put(platform: Party, peer: ScriptedPeer, version: str) -> None:
    peer.versions = (version,)
    connection = registered(peer)
    factories.own_tariff(small_tariff("T1", "DE-RDK"))
    now = datetime.now(UTC)
    session = cast.begin(cast.point(), Party.objects.get(party_id="TNM"), now=now - timedelta(hours=1))
    draining.drain(connection.pk)
    running.end(session=session, kwh=Decimal(1010), reason="", now=now)
    Message.objects.update(due_at=site.now())
    draining.drain(connection.pk)
    pushed = peer.pushed(module="sessions")
    assert {request.method for request in pushed} == {"PUT"}
    assert pushed[-1].path.endswith(f"/receiver/sessions/DE/RDK/{session.object_id}")
    held = peer.held[f"sessions/DE/RDK/{session.object_id}"]
    assert (held["status"], held["kwh"]) == ("COMPLETED", 10)
    total = held["total_cost"]
    if version == "2.3.0":
        assert total == {"before_taxes": 4.5, "taxes": [{"name": "VAT", "percentage": 25, "amount": 1.125}]}
    else:
        assert (float(total["excl_vat"]), float(total["incl_vat"])) == (4.5, 5.625)


def test_two_that_begin_at_once_are_two_and_one_transaction_is_one(platform: Party) -> None:
    partner = factories.partner()
    evse = cast.point(tariffs=())
    made = [cast.let_in(evse, partner.party) for _ in range(4)]
    known: list[int] = []
    barrier = threading.Barrier(8)

    def start(number: int) -> None:
        from django.db import connection as database

        barrier.wait()
        try:
            session = running.begin(
                location=evse.location,
                evse=evse,
                connector_id="1",
                decision=running.decision_of(made[number % 4].pk),
                transaction_id=f"TX-{number % 4}",
                meter_kwh=Decimal(1),
                now=NOW,
            )
            known.append(session.pk)
        finally:
            database.close()

    threads = [threading.Thread(target=start, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(known) == 8
    assert len(set(known)) == 4
    assert Session.objects.filter(status="ACTIVE").count() == 1
