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
- a POST to its endpoint without the slash that it published is redirected; the Location of a CDR is https, and names no version
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.cdrs.models import Cdr
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
from backoffice.sessions.models import Session
from backoffice.tokens.models import Authorization, Token
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


def _told_to_push(there: Foreign, details_url: str) -> Any:
    """Its own door for "push this object to that platform now". What that platform answered."""
    body = b'{"module_id": "locations", "object_id": "l1", "receivers": [{"endpoints_url": "%s", "auth_token": "%s"}]}'
    answer = call("POST", f"{there.url}/push/2.2.1", TOKEN_C, body=body % (details_url.encode(), b"they-show-this"))
    assert answer.status == 200
    (told,) = answer.json["receiver_responses"]
    return told


def test_as_cpo_it_pushes_to_us(platform: Party, foreign: Start, peer: ScriptedPeer) -> None:
    """No request ids, no routing headers, null for every absent field. Its gluing of URLs is helped by a slash."""
    there = foreign("CPO", [small_location("L1", "NL-TNM", name="Kade")])
    _adopted(platform, there)
    details = (
        b'{"data":{"version":"2.2.1","endpoints":[{"identifier":"locations","role":"RECEIVER",'
        b'"url":"%s/ocpi/2.2.1/receiver/locations/"}]},"status_code":1000,"timestamp":"2026-01-01T00:00:00Z"}'
    )
    peer.script("GET", "/details", Twist(status=200, body=details % site.public_url.encode()))

    told = _told_to_push(there, f"{peer.url}/details")

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
