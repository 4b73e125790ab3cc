"""extrawest-ocpi as a foreign eMSP and as a foreign CPO on OCPI 2.2.1, over HTTP: two platforms that never saw each other.

It has faults of its own. Each test names those that it meets, from its wire behaviour alone:

- credentials are published with role RECEIVER; every CiString goes lower case: parties, ids, and so the URLs it answers to
- no X-Request-ID, X-Correlation-ID or routing headers, neither in answers nor in requests
- errors come without the envelope: 403 (not 401) for an unknown token, 404 and FastAPI's 422, each as {"detail": ...}
- `data` is a list where the specification has one object; creations are answered 200
- optional fields that are absent are served as null; status_schedule is one object instead of a list
- a PATCH of an EVSE leaves last_updated of its Location alone
- a next link that leads nowhere: https whatever the platform speaks, "VersionNumber.v_2_2_1" for the version; and an empty
  Link header on the last page
- it glues party and id to our endpoint URL without a slash
- the answer to the question whether a token may charge is a list around the one object: a repair of the connection reads it
- a CDR's cdr_location has no evse_uid, which is required: refused until the repair that reads the evse_id is on; and it takes
  any HTTP 200 for a CDR taken, whatever the envelope says
- it answers charging preferences with a list around what it was sent, and keeps those in the place of its Session
- a POST to its endpoint without the slash that it published is redirected; the Location of a CDR is https, and names no version
"""

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.cdrs.actions import checking
from backoffice.cdrs.models import Cdr, Quarantined
from backoffice.charge_points import door
from backoffice.charge_points.gateway import Admission, CardShown, Started, Stopped
from backoffice.delivery.actions import draining, pulling
from backoffice.delivery.models import Exchange, Message, Pull
from backoffice.locations.actions import changing
from backoffice.locations.models import Location
from backoffice.partners.actions import connections, handshake
from backoffice.partners.models import Connection, Party
from backoffice.partners.secrets import decrypt
from backoffice.roaming_site import site
from backoffice.sessions.actions import preferring
from backoffice.sessions.models import Session
from backoffice.tokens.actions.changing import block
from backoffice.tokens.models import Authorization, Token
from backoffice.tokens.rules.words import Cause
from ocpi import versions
from ocpi.wire import cdrs as wire_cdrs
from ocpi.wire import json as wire_json
from ocpi.wire import sessions as wire_sessions
from ocpi.wire.base import Wire
from tests import factories
from tests.factories import location, moment, own_location, small_location, small_token
from tests.foreign.conftest import TOKEN_A, TOKEN_C, Foreign
from tests.peer import ScriptedPeer, Twist, call

pytestmark = [pytest.mark.xdist_group("foreign"), pytest.mark.e2e]

Start = Callable[..., Foreign]


def _registered(foreign: Foreign) -> Connection:
    connection = connections.prepare_registration(
        name="TNM", our_parties=connections.own_parties(), versions_url=foreign.versions_url, token_a=TOKEN_A
    )
    handshake.register(connection, now=site.now())
    return connection


def _held(foreign: Foreign, connection: Connection, path: str) -> Any:
    """What it holds, from its own door: a list around the one object."""
    answer = call("GET", foreign.location_url(path), decrypt(connection.token_out))
    assert answer.status == 200
    (held,) = answer.data
    return held


def _push(connection: Connection) -> list[tuple[str, str]]:
    Exchange.objects.all().delete()
    draining.drain(connection.pk)
    rows = Exchange.objects.filter(incoming=False).order_by("id")
    return [(row.method, row.url.split("/locations/")[1]) for row in rows]


@pytest.mark.parametrize("role", ["EMSP", "CPO"])
def test_credentials_both_ways_and_to_the_end(platform: Party, foreign: Start, role: str) -> None:
    there = foreign(role)
    connection = _registered(there)

    assert (connection.state, connection.version) == ("ACTIVE", "2.2.1")
    assert [str(claim) for claim in connection.roles.all()] == [f"NL-TNM {role}"]  # it says nl and tnm
    owns, hears = {"EMSP": ("RECEIVER", "SENDER"), "CPO": ("SENDER", "RECEIVER")}[role]
    assert set(connection.endpoints.values_list("identifier", "role")) == {
        ("credentials", "RECEIVER"),
        *((module, owns) for module in ("locations", "tariffs", "sessions", "cdrs")),
        ("tokens", hears),
    }
    called_back = list(Exchange.objects.filter(incoming=True).values_list("method", "http_status", "module"))
    assert called_back == [("GET", 200, "versions"), ("GET", 200, "versions")]

    before = decrypt(connection.token_out)
    handshake.update(connection, now=site.now())
    after = decrypt(connection.token_out)
    assert after != before
    credentials_url = connection.endpoints.get(identifier="credentials").url
    assert call("GET", credentials_url, before).status == 403
    assert call("GET", credentials_url, after).status == 200

    handshake.rediscover(connection, now=site.now())
    handshake.reread_roles(connection, now=site.now())
    assert handshake.unregister(connection, now=site.now()) == "The partner confirmed."
    assert call("GET", credentials_url, after).status == 403
    assert connection.state == "REMOVED"


def test_as_emsp_it_takes_our_locations_and_their_status(platform: Party, foreign: Start) -> None:
    there = foreign("EMSP")
    connection = _registered(there)
    ours = own_location(small_location("L1", "DE-RDK", name="Hafen"), now=moment("2026-03-01T08:00:00Z"))

    assert _push(connection) == [("PUT", "DE/RDK/L1")]
    held = _held(there, connection, "DE/RDK/L1")
    assert (held["id"], held["party_id"], held["name"], held["parking_type"]) == ("l1", "rdk", "Hafen", None)

    changing.set_status(ours, "E1", "CHARGING", source="test", now=site.now())
    assert _push(connection) == [("PATCH", "DE/RDK/L1/E1")]
    held_evse = _held(there, connection, "DE/RDK/L1/E1")
    assert held_evse["status"] == "CHARGING"
    assert held_evse["last_updated"] > held["last_updated"]
    assert _held(there, connection, "DE/RDK/L1")["last_updated"] == held["last_updated"]  # its fault, not ours
    assert set(Message.objects.values_list("state", flat=True)) == {"DONE"}
    assert Exchange.objects.filter(incoming=False).latest("id").http_status == 200


def test_a_patch_of_what_it_does_not_hold_becomes_the_whole(platform: Party, foreign: Start) -> None:
    """404 without an envelope, for want of the EVSE and then of its Location: the Location goes whole."""
    there = foreign("EMSP")
    connection = _registered(there)
    ours = own_location(small_location("L1", "DE-RDK"))
    Message.objects.all().delete()
    changing.set_status(ours, "E1", "BLOCKED", source="test", now=site.now())

    sent = _push(connection)

    assert sent == [("PATCH", "DE/RDK/L1/E1"), ("PUT", "DE/RDK/L1/E1"), ("PUT", "DE/RDK/L1")]
    assert _held(there, connection, "DE/RDK/L1")["evses"][0]["status"] == "BLOCKED"


def test_what_it_cannot_read_is_set_aside_and_delays_nothing(platform: Party, foreign: Start) -> None:
    """A Location with a status_schedule: a list, which it answers with 422 and no envelope."""
    there = foreign("EMSP")
    connection = _registered(there)
    full = location(country_code="DE", party_id="RDK")
    assert any(evse.get("status_schedule") for evse in full["evses"])
    own_location(full)
    own_location(small_location("L2", "DE-RDK"))

    _push(connection)

    refused = Message.objects.get(object_path=full["id"])
    assert (refused.state, refused.last_cause) == ("REFUSED", "http_4xx")
    assert "422" in refused.last_error
    assert Message.objects.get(object_path="L2").state == "DONE"
    assert Connection.objects.get(pk=connection.pk).state == "ACTIVE"


def test_a_token_that_it_forgot(platform: Party, foreign: Start) -> None:
    """403 without an envelope where the specification has 401: staff read what it said, the message waits for them."""
    there = foreign("EMSP")
    connection = _adopted(platform, there, outbound="never-agreed")
    connections.set_endpoints(connection, [("locations", "RECEIVER", there.location_url(""))])
    own_location(small_location("L1", "DE-RDK"))
    _push(connection)
    message = Message.objects.get()
    assert (message.state, message.last_cause) == ("REFUSED", "http_4xx")
    assert "403" in message.last_error


def _adopted(platform: Party, there: Foreign, *, outbound: str = TOKEN_C) -> Connection:
    agreement = connections.Agreement(
        name="moved",
        claims=[connections.Claim("NL", "TNM", there.role, {"name": "TNM"})],
        versions_url=there.versions_url,
        inbound_token="they-show-this",
        outbound_token=outbound,
        version="2.2.1",
    )
    return connections.adopt(agreement, our_parties=[platform])


def _pull(connection: Connection) -> Pull:
    return pulling.run(pulling.start(connection, "locations", full=True, now=site.now()).pk)


def test_as_cpo_its_locations_are_fetched(platform: Party, foreign: Start) -> None:
    """Null for every absent field, ids in lower case, an empty Link header on the only page."""
    there = foreign("CPO", [small_location(f"L{number}", "NL-TNM") for number in range(30)])
    connection = _adopted(platform, there)
    handshake.rediscover(connection, now=site.now())

    pull = _pull(connection)

    assert (pull.state, pull.pages, pull.stored, pull.rejected, pull.total) == ("DONE", 1, 30, 0, 30)
    assert {str(row.party) for row in Location.objects.all()} == {"NL-TNM"}
    assert set(Location.objects.values_list("object_id", flat=True)) == {f"l{number}" for number in range(30)}
    again = _pull(connection)
    assert (again.state, Location.objects.count()) == ("DONE", 30)


def test_its_next_link_leads_nowhere(platform: Party, foreign: Start) -> None:
    """The page read is kept, no token leaves for the made-up host, nothing counts as vanished, staff read why."""
    there = foreign("CPO", [small_location(f"L{number}", "NL-TNM") for number in range(130)])
    connection = _adopted(platform, there)
    handshake.rediscover(connection, now=site.now())
    Exchange.objects.all().delete()

    pull = _pull(connection)

    assert (pull.state, pull.pages, pull.stored, pull.total, pull.vanished) == ("FAILED", 1, 100, 130, 0)
    assert pull.error == f"The next link leads to {there.url.replace('http', 'https')}, which is not a confirmed host."
    assert Location.objects.count() == 100
    assert Exchange.objects.filter(incoming=False).count() == 1


def _told_to_push(there: Foreign, details_url: str, module: str = "locations", object_id: str = "l1") -> Any:
    """Its own door for "push this object to that platform now". What that platform answered."""
    receiver = {"endpoints_url": details_url, "auth_token": "they-show-this"}
    body = json.dumps({"module_id": module, "object_id": object_id, "receivers": [receiver]}).encode()
    answer = call("POST", f"{there.url}/push/2.2.1", TOKEN_C, body=body)
    assert answer.status == 200
    (told,) = answer.json["receiver_responses"]
    return told


def _details(peer: ScriptedPeer, module: str) -> str:
    """Where it finds our version details as they help it: the endpoint's URL ends in a slash."""
    endpoint = {"identifier": module, "role": "RECEIVER", "url": f"{site.public_url}/ocpi/2.2.1/receiver/{module}/"}
    told = {"data": {"version": "2.2.1", "endpoints": [endpoint]}, "status_code": 1000}
    body = json.dumps({**told, "timestamp": "2026-01-01T00:00:00Z"}).encode()
    peer.script("GET", "/details", Twist(status=200, body=body))
    return f"{peer.url}/details"


def test_as_cpo_it_pushes_to_us(platform: Party, foreign: Start, peer: ScriptedPeer) -> None:
    """No request ids, no routing headers, null for every absent field. Its gluing of URLs is helped by a slash."""
    there = foreign("CPO", [small_location("L1", "NL-TNM", name="Kade")])
    _adopted(platform, there)

    told = _told_to_push(there, _details(peer, "locations"))

    assert (told["status_code"], told["response"]["status_code"]) == (201, 1000)
    stored = Location.objects.get()
    assert (str(stored.party), stored.name, stored.evses.get().status) == ("NL-TNM", "Kade", "AVAILABLE")
    heard = Exchange.objects.get(incoming=True)
    assert (heard.method, heard.http_status, heard.from_party) == ("PUT", 201, "")


def test_what_it_glues_together_is_nowhere(platform: Party, foreign: Start) -> None:
    there = foreign("CPO", [small_location("L1", "NL-TNM")])
    _adopted(platform, there)
    told = _told_to_push(there, site.version_url("2.2.1"))
    assert told["status_code"] == 404
    assert told["response"]["status_code"] == 2001
    assert not Location.objects.exists()


def _evse() -> dict[str, Any]:
    evse: dict[str, Any] = small_location("L1", "DE-RDK")["evses"][0]
    evse["evse_id"] = "DE*RDK*E1"
    evse["connectors"][0]["tariff_ids"] = ["T1"]
    return evse


def _charged(connection: Connection, uid: str) -> Session:
    """A driver of theirs has charged at our charge point."""
    factories.own_tariff(factories.small_tariff("T1", "DE-RDK"))
    own_location(small_location("L1", "DE-RDK", evses=[_evse()]))
    begun = site.now() - timedelta(minutes=30)
    admission = door.report(CardShown("DE*RDK*E1", "1", uid), now=begun)
    assert isinstance(admission, Admission)
    assert admission.allowed, admission.reason
    door.report(Started("DE*RDK*E1", "1", "T-1", admission.authorization_id, Decimal(100)), now=begun)
    door.report(Stopped("DE*RDK*E1", "T-1", Decimal(104), "Local"), now=begun + timedelta(minutes=25))
    return Session.objects.get()


def test_a_charge_of_its_driver_at_our_charge_point(platform: Party, foreign: Start) -> None:
    """Its token comes in lower case, its answer to the question is a list around the one object, which is no answer: its own
    whitelist decides. The URL that it gives for the CDR leads nowhere."""
    token = small_token("04AABB", "NL-TNM", whitelist="ALLOWED_OFFLINE")
    there = foreign("EMSP", tokens=[token])
    connection = _registered(there)
    pull = pulling.run(pulling.start(connection, "tokens", full=True, now=site.now()).pk)
    assert (pull.state, pull.stored, Token.objects.get().object_id) == ("DONE", 1, "04aabb")

    session = _charged(connection, "04AABB")

    decided = Authorization.objects.get()
    assert (decided.allowed, decided.how) == ("ALLOWED", "OFFLINE")
    draining.drain(connection.pk)
    held = call("GET", there.module_url("sessions", f"DE/RDK/{session.object_id}"), decrypt(connection.token_out))
    assert (held.data[0]["status"], held.data[0]["kwh"]) == ("COMPLETED", 4)
    cdr = Cdr.objects.get()
    held = call("GET", there.module_url("cdrs", cdr.object_id), decrypt(connection.token_out))
    assert (held.data[0]["total_energy"], held.data[0]["total_cost"]) == (4, {"excl_vat": 1.8, "incl_vat": 2.25})
    cdr.refresh_from_db()
    assert cdr.state == "ACKNOWLEDGED"
    assert cdr.acknowledged_url.startswith("https://")  # whatever it speaks


def test_its_yes_counts_where_the_connection_takes_a_list_for_an_answer(platform: Party, foreign: Start) -> None:
    token = small_token("04AABB", "NL-TNM", whitelist="NEVER")
    connection = _registered(foreign("EMSP", tokens=[token]))
    pulling.run(pulling.start(connection, "tokens", full=True, now=site.now()).pk)
    own_location(small_location("L1", "DE-RDK", evses=[_evse()]))
    shown = CardShown("DE*RDK*E1", "1", "04AABB")

    silent = door.report(shown, now=site.now())
    Connection.objects.update(repairs=["accept_list_around_an_answer"])
    answered = door.report(shown, now=site.now())

    assert isinstance(silent, Admission)
    assert isinstance(answered, Admission)
    assert (silent.allowed, answered.allowed) == (False, True), answered.reason
    decided = Authorization.objects.latest("pk")
    assert (decided.how, decided.reason_code, decided.authorization_reference) == (
        "REAL_TIME",
        "ANSWERED",
        "auth-04aabb",
    )


def test_as_cpo_it_holds_our_tokens_and_hears_of_a_block(platform: Party, foreign: Start) -> None:
    """Its receiver of tokens answers with a list around the object, and asks what it holds by an id in lower case."""
    there = foreign("CPO")
    connection = _registered(there)
    card = factories.own_token(small_token("04a2b3c4d5", "DE-RDK"))
    draining.drain(connection.pk)
    url = there.module_url("tokens", "DE/RDK/04a2b3c4d5")
    (held,) = call("GET", url, decrypt(connection.token_out)).data
    assert (held["uid"], held["valid"], held["party_id"]) == ("04a2b3c4d5", True, "rdk")

    block(card, Cause.LOST, by="anna", now=site.now())
    draining.drain(connection.pk)

    (held,) = call("GET", url, decrypt(connection.token_out)).data
    assert held["valid"] is False
    assert set(Message.objects.values_list("state", flat=True)) == {"DONE"}


def _said_by_a_cpo(cls: type[Wire], tree: dict[str, Any]) -> dict[str, Any]:
    """As OCPI 2.2.1 says it."""
    older: dict[str, Any] = json.loads(wire_json.encode(versions.down("2.2.1", cls, tree, versions.Context())))
    return older


def _charge_there(platform: Party, foreign: Start) -> tuple[Foreign, Connection]:
    """A driver of ours charged at its charge point: it holds the Session and the CDR."""
    factories.own_token(small_token("04A2B3C4D5", str(platform), contract_id="DE-RDK-C00012345-6"))
    cdr = factories.small_cdr("C1", "NL-TNM", str(platform), session_id="S1")
    session = factories.small_session(
        "S1",
        "NL-TNM",
        str(platform),
        at="2026-03-10T10:00:00Z",
        status="COMPLETED",
        cdr_token=cdr["cdr_token"],
        **{name: cdr[name] for name in ("start_date_time", "end_date_time", "charging_periods", "total_cost")},
        kwh=20,
    )
    there = foreign(
        "CPO", sessions=[_said_by_a_cpo(wire_sessions.Session, session)], cdrs=[_said_by_a_cpo(wire_cdrs.CDR, cdr)]
    )
    connection = _adopted(platform, there)
    handshake.rediscover(connection, now=site.now())
    return there, connection


def test_a_charge_of_our_driver_at_its_charge_point(platform: Party, foreign: Start, peer: ScriptedPeer) -> None:
    """Its Session and CDR, pushed and fetched. It has no field for the evse_uid of a CDR, which the specification demands: the
    CDR is refused with that sentence until the connection's repair is on, then priced."""
    there, connection = _charge_there(platform, foreign)

    told = _told_to_push(there, _details(peer, "sessions"), "sessions", "s1")
    assert (told["status_code"], told["response"]["status_code"]) == (201, 1000)
    session = Session.objects.get()
    assert (str(session.party), str(session.emsp), session.status, session.kwh) == ("NL-TNM", "DE-RDK", "COMPLETED", 20)
    assert (session.object_id, session.token_uid) == ("s1", "04a2b3c4d5")

    details = site.version_url("2.2.1")  # a CDR goes to the endpoint as it is: nothing is glued to it
    told = _told_to_push(there, details, "cdrs", "c1")
    assert told["status_code"] == 200  # it reads no envelope of it: the refusal reaches nobody there
    refusal = Exchange.objects.filter(incoming=True, module="cdrs").latest("id")
    assert refusal.ocpi_status == 2001
    assert "cdr_location.evse_uid" in refusal.response_body
    assert not Cdr.objects.exists()

    Connection.objects.filter(pk=connection.pk).update(repairs=["accept_missing_evse_uid"])
    told = _told_to_push(there, details, "cdrs", "c1")
    cdr = Cdr.objects.get()
    kept = call("GET", told["response"]["location"], "they-show-this")
    assert (kept.data["id"], kept.data["total_cost"]["excl_vat"]) == ("c1", 9)
    assert checking.check_waiting(now=site.now()) == 1
    cdr.refresh_from_db()
    assert (cdr.verdict, cdr.total_excl, cdr.our_excl, cdr.our_incl) == ("AGREED", 9, 9, Decimal("11.25"))
    session.refresh_from_db()
    assert session.cdr_known_at is not None

    for module in ("sessions", "cdrs"):  # fetched, both are what is known already
        connection.refresh_from_db()
        pull = pulling.run(pulling.start(connection, module, full=True, now=site.now()).pk)
        assert (pull.state, pull.total, pull.rejected) == ("DONE", 1, 0), pull.error
    assert (Session.objects.count(), Cdr.objects.count(), Quarantined.objects.count()) == (1, 1, 0)


def test_it_answers_charging_preferences_with_what_it_was_sent(
    platform: Party, foreign: Start, peer: ScriptedPeer
) -> None:
    there, connection = _charge_there(platform, foreign)
    _told_to_push(there, _details(peer, "sessions"), "sessions", "s1")
    Session.objects.update(status="ACTIVE")
    Connection.objects.filter(pk=connection.pk).update(repairs=["accept_list_around_an_answer"])

    kept = preferring.send(Session.objects.get(), {"profile_type": "CHEAP"}, by="anna", now=site.now())

    assert kept.answer == ""
    assert kept.reason.endswith("which is no response.")
    assert "CHEAP" in kept.reason
