"""Sessions between partners: what a CPO tells us of our drivers, what an eMSP may read of ours (mod_sessions).

Bodies are literal JSON: our own encoder must not be the judge of what we read.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.delivery.actions import pulling
from backoffice.delivery.models import Exchange, Pull
from backoffice.fields import DocumentField
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.sessions.actions.storing import PROJECTED, parsed, projected
from backoffice.sessions.models import Session, SessionEvent
from ocpi.wire.base import date_time_text
from tests import factories
from tests.doors.asking import Asking, snapshot
from tests.factories import Partner, small_session
from tests.meeting import registered
from tests.peer import ScriptedPeer
from tests.sessions import cast

AT, LATER, BEFORE = "2026-03-01T08:00:00Z", "2026-03-01T08:30:00Z", "2026-03-01T07:59:59Z"
BOTH = pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])


def door(version: str = "2.3.0", identity: str = "S1") -> str:
    return f"{version}/receiver/sessions/SE/ELV/{identity}"


STARTED = b"""{
  "country_code": "SE", "party_id": "ELV", "id": "S1", "start_date_time": "2026-03-01T08:00:00Z", "kwh": 0.0,
  "cdr_token": {"country_code": "DE", "party_id": "RDK", "uid": "CARD-1", "type": "RFID", "contract_id": "DE-RDK-C1"},
  "auth_method": "WHITELIST", "location_id": "LOC1", "evse_uid": "E1", "connector_id": "1", "currency": "EUR",
  "status": "ACTIVE", "last_updated": "2026-03-01T08:00:00Z", "x_of_their_own": {"kept": 1.10}
}"""

FINISHED = b"""{
  "country_code": "SE", "party_id": "ELV", "id": "S1", "start_date_time": "2026-03-01T08:00:00Z",
  "end_date_time": "2026-03-01T09:00:00Z", "kwh": 11.25,
  "cdr_token": {"country_code": "DE", "party_id": "RDK", "uid": "CARD-1", "type": "RFID", "contract_id": "DE-RDK-C1"},
  "auth_method": "AUTH_REQUEST", "authorization_reference": "REF-7", "location_id": "LOC1", "evse_uid": "E1",
  "connector_id": "1", "currency": "EUR",
  "charging_periods": [{"start_date_time": "2026-03-01T08:00:00Z", "tariff_id": "T1",
      "dimensions": [{"type": "ENERGY", "volume": 11.25}, {"type": "TIME", "volume": 1.0}]}],
  "total_cost": {"before_taxes": 5.0625, "taxes": [{"name": "VAT", "percentage": 25, "amount": 1.2656}]},
  "status": "COMPLETED", "last_updated": "2026-03-01T09:00:01Z"
}"""

FINISHED_2_2_1 = FINISHED.replace(
    b'{"before_taxes": 5.0625, "taxes": [{"name": "VAT", "percentage": 25, "amount": 1.2656}]}',
    b'{"excl_vat": 5.0625, "incl_vat": 6.3281}',
)


def stored(identity: str = "S1") -> Session:
    return Session.objects.get(object_id__iexact=identity)


def events(session: Session) -> list[tuple[str, str, str]]:
    return list(session.events.values_list("event", "previous", "status"))


# --- a CPO tells us ---------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.rule("T-266", "T-282")
def test_a_session_is_told_as_it_goes_on(version: str, asking: Asking, us: Party) -> None:
    assert asking.put(door(version), STARTED).says == (201, 1000)
    session = stored()
    assert (session.ours, session.status, session.emsp, session.kwh) == (False, "ACTIVE", us, 0)
    patch = b'{"kwh": 4.2, "charging_periods": [{"start_date_time": "2026-03-01T08:00:00Z", "dimensions": [{"type": "ENERGY", '
    patch += b'"volume": 4.2}]}], "last_updated": "2026-03-01T08:20:00Z"}'
    assert asking.patch(door(version), patch).says == (200, 1000)
    assert stored().kwh == Decimal("4.2")
    finished = FINISHED if version == "2.3.0" else FINISHED_2_2_1
    assert asking.put(door(version), finished).says == (200, 1000)
    session = stored()
    assert (session.status, session.kwh, session.ends_at) == (
        "COMPLETED",
        Decimal("11.25"),
        datetime(2026, 3, 1, 9, 0, tzinfo=UTC),
    )
    assert (session.total_excl, session.total_incl) == (Decimal("5.0625"), Decimal("6.3281"))
    assert (session.auth_method, session.authorization_reference) == ("AUTH_REQUEST", "REF-7")
    assert events(session) == [("START", "", "ACTIVE"), ("FINISH", "ACTIVE", "COMPLETED")]
    assert asking.get(door(version)).data["kwh"] == Decimal("11.25")


@pytest.mark.rule("T-059")
def test_what_we_do_not_know_is_kept(asking: Asking) -> None:
    asking.put(door(), STARTED)
    assert b'"x_of_their_own":{"kept":1.10}' in asking.get(door()).body


@BOTH
@pytest.mark.rule("T-267", "T-268")
def test_a_put_replaces_everything_and_periods_that_are_not_there_are_gone(version: str, asking: Asking) -> None:
    finished = FINISHED if version == "2.3.0" else FINISHED_2_2_1
    asking.put(door(version), finished)
    assert len(asking.get(door(version)).data["charging_periods"]) == 1
    without = small_session("S1", status="COMPLETED", at=AT, last_updated="2026-03-01T10:00:00Z")
    assert asking.put(door(version), without).says == (200, 1000)
    data = asking.get(door(version)).data
    assert "charging_periods" not in data or data["charging_periods"] == []
    assert "total_cost" not in data
    assert "authorization_reference" not in data


def appended(*starts: str, at: str = LATER, **more: Any) -> dict[str, Any]:
    return {"charging_periods": [one_period(start) for start in starts], "last_updated": at} | more


def one_period(start: str, kwh: int = 1) -> dict[str, Any]:
    return {"start_date_time": start, "dimensions": [{"type": "ENERGY", "volume": kwh}]}


def starts(asking: Asking, version: str = "2.3.0") -> list[str]:
    return [period["start_date_time"][11:16] for period in asking.get(door(version)).data["charging_periods"]]


@BOTH
@pytest.mark.rule("T-272", "T-273", "T-270")
def test_a_patch_appends_periods_and_a_repeat_adds_none(version: str, asking: Asking) -> None:
    asking.put(door(version), STARTED)
    first = appended("2026-03-01T08:00:00Z", at="2026-03-01T08:10:00Z")
    second = appended("2026-03-01T08:10:00Z", at="2026-03-01T08:20:00Z", kwh=Decimal("2.5"))
    for body in (first, second, second):
        assert asking.patch(door(version), body).says == (200, 1000)
    assert starts(asking, version) == ["08:00", "08:10"]
    for nothing in ([], None):
        body = {"charging_periods": nothing, "kwh": 3, "last_updated": LATER}
        assert asking.patch(door(version), body).says == (200, 1000)
        assert starts(asking, version) == ["08:00", "08:10"]
    assert asking.patch(door(version), {"kwh": 4, "last_updated": LATER}).says == (200, 1000)
    assert starts(asking, version) == ["08:00", "08:10"]
    assert stored().kwh == 4
    assert asking.patch(door(version), {"kwh": 5}).says == (200, 2001)
    assert stored().kwh == 4


@BOTH
@pytest.mark.rule("T-274")
def test_a_patched_period_with_a_known_start_takes_its_place(
    version: str, asking: Asking, caplog: pytest.LogCaptureFixture
) -> None:
    asking.put(door(version), STARTED)
    asking.patch(door(version), appended("2026-03-01T08:00:00Z", "2026-03-01T08:10:00Z"))
    corrected = {"charging_periods": [one_period("2026-03-01T08:00:00Z", 7)], "last_updated": LATER}
    assert asking.patch(door(version), corrected).says == (200, 1000)
    data = asking.get(door(version)).data["charging_periods"]
    assert [period["dimensions"][0]["volume"] for period in data] == [7, 1]
    assert "replaced charging periods of session S1" in caplog.text


def test_a_reservation_has_no_evse_yet_and_becomes_a_charge(asking: Asking) -> None:
    """#NA stands for what is not assigned (mod_sessions#session_object); the same session goes on as a charge."""
    reserved = small_session(
        "S1", status="RESERVATION", evse_uid="#NA", connector_id="#NA", kwh=0, auth_method="COMMAND"
    )
    assert asking.put(door(), reserved).says == (201, 1000)
    assert (stored().evse_uid, stored().evse_id) == ("#NA", "")
    charging = {"status": "ACTIVE", "evse_uid": "E1", "connector_id": "1", "auth_method": "WHITELIST"}
    assert asking.patch(door(), charging | {"last_updated": LATER}).says == (200, 1000)
    assert events(stored()) == [("RESERVE", "", "RESERVATION"), ("START", "RESERVATION", "ACTIVE")]


@pytest.mark.rule("T-271")
def test_there_is_nothing_below_a_session(asking: Asking) -> None:
    asking.put(door(), STARTED)
    before = snapshot()
    for method, body in (("PATCH", {"last_updated": LATER}), ("PUT", {}), ("GET", None)):
        assert asking.ask(method, f"{door()}/charging_periods", body).says == (404, 2001)
    assert snapshot() == before


def test_a_patch_of_an_unknown_session_asks_for_a_put(asking: Asking) -> None:
    answered = asking.patch(door(), {"kwh": 1, "last_updated": LATER})
    assert answered.says == (404, 2001)
    assert "PUT it first" in answered.message


@pytest.mark.rule("T-269")
def test_the_path_and_the_body_name_the_same_owner(asking: Asking) -> None:
    before = snapshot()
    for wrong in ({"party_id": "XXX"}, {"country_code": "NO"}, {"id": "S2"}):
        assert asking.put(door(), small_session("S1") | wrong).says == (200, 2001)
    assert snapshot() == before


@BOTH
def test_every_column_follows_from_the_document(version: str, asking: Asking) -> None:
    finished = FINISHED if version == "2.3.0" else FINISHED_2_2_1
    asking.put(door(version), finished)
    asking.put(door(version, "S2"), STARTED.replace(b'"S1"', b'"S2"'))
    for session in Session.objects.all():
        value = parsed(session.tree())
        assert tuple(getattr(session, name) for name in PROJECTED) == projected(value)
        assert session.object_id == value.id
        assert session.last_updated == value.last_updated


def test_a_session_is_placed_by_what_we_know_of_the_location(asking: Asking) -> None:
    place = factories.small_location("LOC1", name="Hamnen")
    place["evses"][0]["evse_id"] = "SE*ELV*E1"
    asking.put("2.3.0/receiver/locations/SE/ELV/LOC1", place)
    asking.put(door(), STARTED)
    session = stored()
    assert (session.evse_id, session.location_name, session.time_zone) == ("SE*ELV*E1", "Hamnen", "Europe/Stockholm")


# --- our own calculation beside theirs --------------------------------------------------------------------------------


def test_a_told_session_is_priced_by_the_tariff_of_its_start(asking: Asking) -> None:
    from backoffice.sessions.actions import pricing

    asking.put("2.3.0/receiver/tariffs/SE/ELV/T1", factories.small_tariff("T1", at=BEFORE))
    asking.put(door(), FINISHED)
    dearer = factories.small_tariff("T1", at="2026-03-01T12:00:00Z")
    dearer["elements"][0]["price_components"][0]["price"] = Decimal("9.99")
    asking.put("2.3.0/receiver/tariffs/SE/ELV/T1", dearer)
    assert stored().priced_at is None
    assert pricing.price_waiting(now=site.now()) == 1
    session = stored()
    assert (session.our_excl, session.our_incl) == (Decimal("5.0625"), Decimal("6.3281"))
    assert session.tariff_version is not None
    assert session.tariff_version.number == 1
    assert pricing.price_waiting(now=site.now()) == 0
    asking.put(door(), FINISHED.replace(b"09:00:01Z", b"09:00:02Z"))
    assert stored().priced_at is None, "what moved is priced again"


def test_periods_without_tariff_are_priced_by_what_the_connector_offered(asking: Asking) -> None:
    from backoffice.sessions.actions import pricing

    place = factories.small_location("LOC1")
    place["evses"][0]["connectors"][0]["tariff_ids"] = ["T1"]
    asking.put("2.3.0/receiver/locations/SE/ELV/LOC1", place)
    asking.put("2.3.0/receiver/tariffs/SE/ELV/T1", factories.small_tariff("T1", at=BEFORE))
    asking.put(door(), FINISHED.replace(b'"tariff_id": "T1",', b""))
    pricing.price_waiting(now=site.now())
    assert stored().our_excl == Decimal("5.0625")


def test_without_a_tariff_or_in_another_currency_there_is_no_figure(asking: Asking) -> None:
    from backoffice.sessions.actions import pricing

    asking.put(door(), FINISHED)
    asking.put("2.3.0/receiver/tariffs/SE/ELV/T2", factories.small_tariff("T2", at=BEFORE, currency="SEK"))
    asking.put(door(identity="S2"), FINISHED.replace(b'"S1"', b'"S2"').replace(b'"T1"', b'"T2"'))
    assert pricing.price_waiting(now=site.now()) == 2
    assert {session.our_excl for session in Session.objects.all()} == {None}
    assert not Session.objects.filter(priced_at=None).exists()


# --- an eMSP reads ours -----------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.rule("T-257", "T-258")
def test_the_list_needs_a_date(version: str, asking: Asking, partner: Partner) -> None:
    cast.begin(cast.point(tariffs=()), partner.party)
    path = f"{version}/sender/sessions"
    answered = asking.get(path)
    assert answered.says == (200, 2001)
    assert "date_from" in answered.message
    assert asking.get(f"{path}?date_to=2026-12-01T00:00:00Z").says == (200, 2001)
    at = date_time_text(cast.NOW)
    for query, count in (
        (f"?date_from={at}", 1),
        (f"?date_from={date_time_text(cast.after(1))}", 0),
        (f"?date_from=2026-01-01T00:00:00Z&date_to={at}", 0),
        (f"?date_from=2026-01-01T00:00:00Z&date_to={date_time_text(cast.after(1))}", 1),
    ):
        assert len(asking.get(path + query).data) == count, query


@BOTH
def test_a_list_of_several_pages_carries_the_date_on(version: str, asking: Asking, partner: Partner) -> None:
    for number in range(5):
        evse = cast.point(tariffs=(), location=f"L{number}", evse_id=f"DE*RDK*E{number}")
        cast.begin(evse, partner.party, now=cast.after(number))
    url, seen = f"{version}/sender/sessions?date_from=2026-01-01T00:00:00Z&limit=2", []
    while url:
        answered = asking.get(url)
        assert answered.says == (200, 1000)
        assert answered.headers["X-Total-Count"] == "5"
        seen += [item["location_id"] for item in answered.data]
        link = answered.headers.get("Link", "")
        assert not link or "date_from=2026-01-01" in link
        url = link[1 : link.index(">")] if link else ""
    assert seen == [f"L{number}" for number in range(5)]


@BOTH
@pytest.mark.rule("T-019")
def test_a_partner_sees_the_sessions_of_its_own_drivers_only(
    version: str, asking: Asking, partner: Partner, stranger: Partner, us: Party
) -> None:
    mine = cast.begin(cast.point(tariffs=()), partner.party)
    cast.begin(cast.point(tariffs=(), location="L2", evse_id="DE*RDK*E2"), stranger.party)
    cast.begin(cast.point(tariffs=(), location="L3", evse_id="DE*RDK*E3"), us)
    listed = asking.get(f"{version}/sender/sessions?date_from=2026-01-01T00:00:00Z")
    assert [item["id"] for item in listed.data] == [mine.object_id]
    assert listed.headers["X-Total-Count"] == "1"
    other = Asking(stranger.token).get(f"{version}/sender/sessions?date_from=2026-01-01T00:00:00Z")
    assert [item["cdr_token"]["party_id"] for item in other.data] == ["FJO"]


@BOTH
@pytest.mark.rule("T-256")
def test_a_session_of_ours_is_read_from_the_list_alone(version: str, asking: Asking, partner: Partner) -> None:
    session = cast.begin(cast.point(tariffs=()), partner.party)
    assert asking.get(f"{version}/sender/sessions/{session.object_id}").says == (404, 2001)
    for method in ("POST", "PATCH", "DELETE"):
        assert asking.ask(method, f"{version}/sender/sessions", {} if method != "DELETE" else None).status == 405


# --- pulls ------------------------------------------------------------------------------------------------------------


def bytes_of(identity: str, **changes: bytes) -> bytes:
    text = FINISHED.replace(b'"SE"', b'"NL"').replace(b'"ELV"', b'"TNM"').replace(b'"S1"', f'"{identity}"'.encode())
    for old, new in changes.items():
        text = text.replace(old.encode(), new)
    return text


@pytest.mark.rule("T-257")
def test_our_pulls_always_name_a_date(platform: Party, peer: ScriptedPeer) -> None:
    peer.role = "CPO"
    connection = registered(peer)
    now = site.now()
    fresh = date_time_text(now - timedelta(days=1)).encode()
    peer.objects["sessions"] = [
        bytes_of("P1").replace(b"2026-03-01T09:00:01Z", fresh),
        bytes_of("P2", RDK=b"OTH").replace(b"2026-03-01T09:00:01Z", fresh),  # the driver of somebody else
        bytes_of("P3").replace(b"2026-03-01T09:00:01Z", fresh).replace(b'"COMPLETED"', b'"SLEEPING"'),
    ]
    peer.received.clear()
    first = pulling.run(pulling.start(connection, "sessions", full=True, now=now).pk)
    assert (first.state, first.stored, first.rejected) == ("DONE", 1, 1)
    assert set(Session.objects.values_list("object_id", flat=True)) == {"P1"}
    second = pulling.run(pulling.start(connection, "sessions", full=False, now=site.now()).pk)
    assert second.state == "DONE"
    asked = [datetime.fromisoformat(request.query["date_from"][0]) for request in peer.received]
    assert timedelta(days=29) < now - asked[0] < timedelta(days=31)
    assert now - asked[-1] < timedelta(minutes=10)
    assert Pull.objects.filter(module="sessions", vanished__gt=0).count() == 0


def test_a_pull_does_not_wake_what_is_over(platform: Party, peer: ScriptedPeer) -> None:
    peer.role = "CPO"
    connection = registered(peer)
    day = site.now() - timedelta(days=1)
    one = date_time_text(day).encode()
    two = date_time_text(day + timedelta(hours=1)).encode()
    peer.objects["sessions"] = [bytes_of("P1").replace(b"2026-03-01T09:00:01Z", one)]
    pulling.run(pulling.start(connection, "sessions", full=True, now=site.now()).pk)
    awake = bytes_of("P1").replace(b"2026-03-01T09:00:01Z", two).replace(b"COMPLETED", b"ACTIVE")
    peer.objects["sessions"] = [awake]
    pull = pulling.run(pulling.start(connection, "sessions", full=True, now=site.now()).pk)
    assert (pull.state, pull.stored) == ("DONE", 0)
    assert stored("P1").status == "COMPLETED"
    refused = SessionEvent.objects.get(event="REFUSED")
    assert "is final" in refused.reason
    assert Exchange.objects.filter(module="sessions", trigger="pull").exists()


def test_the_document_is_the_tree_that_came(asking: Asking) -> None:
    asking.put(door(), FINISHED)
    assert DocumentField.read(stored().document) == DocumentField.read(FINISHED)
