"""The same charge against a partner of literal bytes, once as its CPO and once as its eMSP, on both versions."""

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.cdrs.actions import checking
from backoffice.cdrs.models import Cdr
from backoffice.charge_points import door
from backoffice.charge_points.gateway import Admission, CardShown, Metered, Started, Stopped
from backoffice.delivery.actions import draining
from backoffice.partners.models import Connection, Party
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from backoffice.tokens.models import Authorization
from tests import factories
from tests.meeting import peer, platform, reachable, registered
from tests.peer import ScriptedPeer, Twist, assert_ocpi_answer

__all__ = ["peer", "platform", "reachable"]

VERSIONS = ["2.3.0", "2.2.1"]

TOKEN = b"""{"country_code": "NL", "party_id": "TNM", "uid": "04AABB", "type": "RFID", "contract_id": "NL-TNM-C00012345",
 "issuer": "TheNewMotion", "valid": true, "whitelist": "NEVER", "last_updated": "2026-01-01T00:00:00Z"}"""
ALLOWED = (
    b'{"data": {"allowed": "ALLOWED", "token": %s, "authorization_reference": "REF-7", "location": {"location_id": "LOC1",'
    b' "evse_uids": ["E1"]}}, "status_code": 1000, "timestamp": "2026-01-01T00:00:00Z"}' % TOKEN
)


def met(peer: ScriptedPeer, version: str) -> Connection:
    peer.versions = [version]
    return registered(peer)


def door_of(version: str, role: str, path: str) -> str:
    return f"{site.public_url}/ocpi/{version}/{role}/{path}"


@pytest.mark.parametrize("version", VERSIONS)
def test_as_cpo(platform: Party, peer: ScriptedPeer, version: str) -> None:
    connection = met(peer, version)
    factories.own_tariff(factories.small_tariff("T1", "DE-RDK"))
    place = factories.small_location("LOC1", "DE-RDK")
    place["evses"][0]["evse_id"] = "DE*RDK*E1"
    place["evses"][0]["connectors"][0]["tariff_ids"] = ["T1"]
    factories.own_location(place)
    url = door_of(version, "receiver", "tokens/NL/TNM/04AABB")
    assert_ocpi_answer(peer.call("PUT", url, peer.token_for_other, TOKEN), status=201)
    asked = f"/ocpi/{version}/sender/tokens/04AABB/authorize"
    peer.script("POST", asked, Twist(status=200, body=ALLOWED))
    begun = site.now() - timedelta(minutes=30)

    admission = door.report(CardShown("DE*RDK*E1", "1", "04AABB"), now=begun)
    assert isinstance(admission, Admission)
    assert admission.allowed
    (question,) = [request for request in peer.received if request.path == asked]
    assert question.json == {"location_id": "LOC1", "evse_uids": ["E1"]}
    started = Started("DE*RDK*E1", "1", "T-1", admission.authorization_id, Decimal("100.000"))
    assert door.report(started, now=begun)
    for minutes, kwh in ((10, "101.5"), (20, "103")):
        told = Metered("DE*RDK*E1", "T-1", Decimal(kwh), power_kw=Decimal(9))
        assert door.report(told, now=begun + timedelta(minutes=minutes))
    draining.drain(connection.pk)
    (session,) = [request.json for request in peer.pushed("PUT", "sessions")]
    assert (session["status"], session["kwh"], session["authorization_reference"]) == ("ACTIVE", 3, "REF-7")
    assert door.report(Stopped("DE*RDK*E1", "T-1", Decimal(104), "Local"), now=begun + timedelta(minutes=25))
    draining.drain(connection.pk)

    last = peer.pushed("PUT", "sessions")[-1]
    assert last.path.startswith(f"/ocpi/{version}/receiver/sessions/DE/RDK/")
    assert (last.json["status"], last.json["kwh"], last.json["cdr_token"]["uid"]) == ("COMPLETED", 4, "04AABB")
    (posted,) = peer.pushed("POST", "cdrs")
    bill = json.loads(posted.body, parse_float=Decimal)
    assert (bill["total_energy"], bill["auth_method"], bill["authorization_reference"]) == (4, "AUTH_REQUEST", "REF-7")
    assert bill["session_id"] == last.json["id"]
    net, gross = Decimal("1.80"), Decimal("2.25")  # 4 kWh at 0.45, and 25 % VAT
    cost = bill["total_cost"]
    if version == "2.2.1":
        assert (cost["excl_vat"], cost["incl_vat"]) == (net, gross)
    else:
        assert (cost["before_taxes"], cost["before_taxes"] + cost["taxes"][0]["amount"]) == (net, gross)
    assert Cdr.objects.get().state == "ACKNOWLEDGED"
    assert Cdr.objects.get().acknowledged_url.startswith(peer.url)


@pytest.fixture
def cpo() -> Iterator[ScriptedPeer]:
    with ScriptedPeer(role="CPO") as running:
        yield running


SESSION = b"""{"country_code": "NL", "party_id": "TNM", "id": "S1", "start_date_time": "2026-03-10T09:00:00Z",
 %s"kwh": %s, "cdr_token": {"country_code": "DE", "party_id": "RDK", "uid": "04CCDD", "type": "RFID",
 "contract_id": "DE-RDK-C04CCDD"}, "auth_method": "AUTH_REQUEST", "authorization_reference": "%s", "location_id": "LOC1",
 "evse_uid": "E1", "connector_id": "1", "currency": "EUR", "charging_periods": [{"start_date_time": "2026-03-10T09:00:00Z",
 "dimensions": [{"type": "ENERGY", "volume": %s}, {"type": "TIME", "volume": 1.0}], "tariff_id": "T1"}],
 "status": "%s", "last_updated": "%s"}"""
CDR = b"""{"country_code": "NL", "party_id": "TNM", "id": "C1", "start_date_time": "2026-03-10T09:00:00Z",
 "end_date_time": "2026-03-10T10:00:00Z", "session_id": "S1", "cdr_token": {"country_code": "DE", "party_id": "RDK",
 "uid": "04CCDD", "type": "RFID", "contract_id": "DE-RDK-C04CCDD"}, "auth_method": "AUTH_REQUEST",
 "authorization_reference": "%s", "cdr_location": {"id": "LOC1", "address": "Kade 1", "city": "Gent", "country": "BEL",
 "coordinates": {"latitude": "51.050000", "longitude": "3.720000"}, "evse_uid": "E1", "evse_id": "BE*TNM*E1",
 "connector_id": "1", "connector_standard": "IEC_62196_T2", "connector_format": "SOCKET",
 "connector_power_type": "AC_3_PHASE"}, "currency": "EUR", "tariffs": [{"country_code": "NL", "party_id": "TNM", "id": "T1",
 "currency": "EUR", "elements": [{"price_components": [{"type": "ENERGY", "price": 0.3, "vat": 20, "step_size": 1}]}],%s
 "last_updated": "2026-01-01T00:00:00Z"}], "charging_periods": [{"start_date_time": "2026-03-10T09:00:00Z",
 "dimensions": [{"type": "ENERGY", "volume": 10.0}, {"type": "TIME", "volume": 1.0}], "tariff_id": "T1"}],
 "total_cost": %s, "total_energy": 10.0, "total_time": 1.0, "last_updated": "2026-03-10T10:00:05Z"}"""
BY_VERSION: dict[str, tuple[bytes, bytes]] = {
    "2.3.0": (
        b' "tax_included": "NO",',
        b'{"before_taxes": 3.0, "taxes": [{"name": "VAT", "percentage": 20, "amount": 0.6}]}',
    ),
    "2.2.1": (b"", b'{"excl_vat": 3.0, "incl_vat": 3.6}'),
}


@pytest.mark.parametrize("version", VERSIONS)
def test_as_emsp(platform: Party, cpo: ScriptedPeer, version: str) -> None:
    met(cpo, version)
    factories.own_token(factories.small_token("04CCDD", "DE-RDK", contract_id="DE-RDK-C04CCDD", whitelist="NEVER"))

    def say(method: str, url: str, body: bytes, status: int) -> Any:
        return assert_ocpi_answer(cpo.call(method, url, cpo.token_for_other, body), status=status)

    answer = say("POST", door_of(version, "sender", "tokens/04CCDD/authorize"), b"", 200)
    assert (answer["allowed"], answer["token"]["uid"]) == ("ALLOWED", "04CCDD")
    reference = str(answer["authorization_reference"]).encode()
    url = door_of(version, "receiver", "sessions/NL/TNM/S1")
    say("PUT", url, SESSION % (b"", b"0", reference, b"0", b"ACTIVE", b"2026-03-10T09:00:00Z"), 201)
    say("PATCH", url, b'{"kwh": 4.5, "last_updated": "2026-03-10T09:30:00Z"}', 200)
    assert (Session.objects.get().status, Session.objects.get().kwh) == ("ACTIVE", Decimal("4.5"))
    ended = b'"end_date_time": "2026-03-10T10:00:00Z", '
    say("PUT", url, SESSION % (ended, b"10.0", reference, b"10.0", b"COMPLETED", b"2026-03-10T10:00:01Z"), 200)
    bill = CDR % (reference, *BY_VERSION[version])
    cdrs = door_of(version, "receiver", "cdrs")
    first, again = (cpo.call("POST", cdrs, cpo.token_for_other, bill) for _ in range(2))
    assert_ocpi_answer(first, status=201)  # and the same again is answered as before
    assert_ocpi_answer(again, status=201)
    assert first.headers["Location"] == again.headers["Location"]
    checking.check_waiting(now=site.now())

    cdr, session = Cdr.objects.get(), Session.objects.get()
    assert (cdr.verdict, cdr.our_excl, cdr.our_incl) == ("AGREED", Decimal(3), Decimal("3.6"))
    assert (session.status, session.kwh, session.cdr_known_at is not None) == ("COMPLETED", 10, True)
    assert Authorization.objects.get().authorization_reference == session.authorization_reference
