"""What each button of a connection does, once for real against the scripted partner, and once refused."""

from __future__ import annotations

import json
import re
import socket
import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from backoffice.delivery.actions import pulling
from backoffice.delivery.models import Exchange, Message, Pull
from backoffice.partners.actions.connections import Claim, invite, prepare_registration, settle_claims
from backoffice.partners.models import Connection, Endpoint, Party, PartyRole, Step
from backoffice.roaming_site import site
from tests.factories import own_party, partner
from tests.meeting import registered
from tests.peer import ScriptedPeer, Twist
from tests.peer.platform import TOKEN_A, TOKEN_B


@pytest.fixture
def client(db: None) -> Client:
    User.objects.create_superuser("boss", password="x")
    logged_in = Client()
    logged_in.force_login(User.objects.get(username="boss"))
    return logged_in


def do(connection: Connection, verb: str) -> str:
    return reverse("admin:partners_connection_do", args=[connection.pk, verb])


def finished(connection: Connection, flow: str) -> Step:
    """The last step of a flow that runs in a thread, once it has ended."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        last = Step.objects.filter(connection=connection, flow=flow).order_by("id").last()
        begun = Step.objects.filter(connection=connection, flow=flow, cause="begun").exists()
        if last is not None and last.cause == "ended" and not begun:
            connection.refresh_from_db()
            return last
        time.sleep(0.05)
    raise AssertionError(list(Step.objects.filter(connection=connection).values()))


def said(answer: Any) -> list[str]:
    return [str(message) for message in answer.wsgi_request._messages]


def entry(connection: Connection) -> str:
    found = LogEntry.objects.filter(object_id=str(connection.pk)).order_by("-id").first()
    return found.get_change_message() if found else ""


# --- buttons that act at once ---------------------------------------------------------------------------------------------


def test_pause_asks_for_a_reason_and_keeps_it(client: Client) -> None:
    connection = partner().connection
    asked = client.get(do(connection, "pause"))
    assert "The partner&#x27;s own calls are answered as before." in asked.content.decode()
    refused = client.post(do(connection, "pause"), {"reason": "  "})
    assert refused.status_code == 400
    assert "A reason is needed. Nothing was changed." in refused.content.decode()
    connection.refresh_from_db()
    assert (connection.state, LogEntry.objects.count()) == ("ACTIVE", 0)

    client.post(do(connection, "pause"), {"reason": "their maintenance"})
    connection.refresh_from_db()
    assert (connection.state, connection.held_reason) == ("PAUSED", "their maintenance")
    assert entry(connection) == "Paused: their maintenance"

    client.post(do(connection, "resume"))
    connection.refresh_from_db()
    assert (connection.state, entry(connection)) == ("ACTIVE", "Resumed")


def test_several_are_paused_at_once_with_one_reason(client: Client) -> None:
    first, second, gone = (partner(f"SE-E0{number}:CPO").connection for number in range(3))
    Connection.objects.filter(pk=gone.pk).update(state="REMOVED")
    chosen = [first.pk, second.pk, gone.pk]
    listed = reverse("admin:partners_connection_changelist")
    asked = client.post(f"{listed}?state=ACTIVE", {"action": "ask_pause", "_selected_action": chosen})
    assert [row.pk for row in asked.context["rows"]] == [first.pk, second.pk]
    url = reverse("admin:partners_connection_pause_several")
    assert client.post(url, {"pk": chosen}).status_code == 400
    assert not Connection.objects.filter(state="PAUSED").exists()
    answer = client.post(url, {"pk": chosen, "reason": "our move"})
    assert said(answer)[-1] == "2 connection(s) paused."
    assert set(Connection.objects.filter(state="PAUSED").values_list("pk", flat=True)) == {first.pk, second.pk}
    assert entry(first) == entry(second) == "Paused: our move"


@pytest.mark.parametrize("verb", ["resume", "withdraw", "test", "register"])
def test_a_button_of_another_state_does_nothing(client: Client, verb: str) -> None:
    connection = partner().connection
    answer = client.post(do(connection, verb), {"reason": "why not"})
    assert answer.status_code == 302
    assert said(answer)[0].endswith("is not possible while the connection is active.")
    connection.refresh_from_db()
    assert (connection.state, LogEntry.objects.count(), Step.objects.count()) == ("ACTIVE", 0, 0)


def test_unknown_buttons_and_pages_are_not_found(client: Client) -> None:
    connection = partner().connection
    page = reverse("admin:partners_connection_change", args=[connection.pk])
    for url in (do(connection, "explode"), f"{page}?tab=secrets", page.replace(str(connection.pk), "999999")):
        assert client.get(url).status_code == 404, url
    assert client.get(do(connection, "check")).status_code == 405, "a link must not start anything"


def test_a_claim_is_approved_or_refused_with_a_reason(client: Client) -> None:
    holder = partner("FR-CLM:CPO").connection
    claimer = partner("SE-ELV:CPO").connection
    (role,) = settle_claims(
        claimer, [Claim("SE", "ELV", "CPO", {"name": "e"}), Claim("FR", "CLM", "CPO", {"name": "c"})]
    )
    asked = client.get(do(claimer, "approve"), {"role": role.pk}).content.decode()
    assert f"It is held by {holder.name}." in asked
    assert client.get(reverse("admin:partners_partyrole_changelist")).context["cl"].result_count == 1

    client.post(do(claimer, "refuse"), {"role": role.pk, "reason": "unknown to us"})
    role.refresh_from_db()
    assert (role.state, entry(claimer)) == ("REFUSED", "Refused the claim on FR-CLM CPO: unknown to us")

    PartyRole.objects.filter(pk=role.pk).update(state="AWAITING_APPROVAL")
    client.post(do(claimer, "approve"), {"role": role.pk, "reason": "they merged"})
    role.refresh_from_db()
    assert (role.state, holder.roles.get().state) == ("ACTIVE", "REFUSED")


def test_a_role_of_another_connection_cannot_be_approved_here(client: Client) -> None:
    first, second = partner("FR-CLM:CPO").connection, partner("SE-ELV:CPO").connection
    role = first.roles.get()
    answer = client.post(do(second, "approve"), {"role": role.pk, "reason": "r"})
    assert said(answer) == ["That role is no longer claimed over this connection."]
    assert PartyRole.objects.filter(state="ACTIVE", connection=first).exists()


def test_only_a_host_that_waits_can_be_confirmed(client: Client) -> None:
    connection = partner().connection
    Endpoint.objects.create(
        connection=connection, identifier="locations", role="SENDER", url="https://cdn.example/locations"
    )
    before = connection.confirmed_origins
    client.post(do(connection, "confirm_host"), {"host": "https://evil.example:443", "reason": "r"})
    connection.refresh_from_db()
    assert connection.confirmed_origins == before
    client.post(do(connection, "confirm_host"), {"host": "https://cdn.example:443", "reason": "told by phone"})
    connection.refresh_from_db()
    assert "https://cdn.example:443" in connection.confirmed_origins
    assert entry(connection) == "Confirmed the host https://cdn.example:443: told by phone"


def test_quirks_are_saved_without_touching_anything_else(client: Client) -> None:
    connection = partner().connection
    url = reverse("admin:partners_connection_change", args=[connection.pk]) + "?tab=quirks"
    before = Connection.objects.filter(pk=connection.pk).values().get()
    other = partner("FR-CLM:CPO").connection
    given = {
        "name": "Elbil",
        "push_enabled": "on",
        "strict_delivery": "on",
        "page_limit": "20",
        "vanished_policy": "KEEP",
        "bookings_edition": "1.1",
        "repairs": ["accept_numbers_for_text", "accept_missing_publish"],
        "pull_every_minutes": "15",
    }
    assert client.post(url, given).status_code == 302
    after = Connection.objects.filter(pk=connection.pk).values().get()
    changed = {name: value for name, value in after.items() if before[name] != value}
    assert changed == {
        "name": "Elbil",
        "strict_delivery": True,
        "pull_enabled": False,
        "page_limit": 20,
        "vanished_policy": "KEEP",
        "bookings_edition": "1.1",
        "repairs": ["accept_numbers_for_text", "accept_missing_publish"],
        "pull_every": timedelta(minutes=15),
    }
    assert entry(connection).startswith("Changed ")
    for wrong in (
        {"name": other.name},
        {"name": ""},
        {"repairs": ["accept_everything"]},
        {"page_limit": "-1"},
        {"page_limit": "0"},
        {"vanished_policy": "BURN"},
        {"bookings_edition": "2.0"},
    ):
        assert client.post(url, given | wrong).status_code == 200, wrong
        assert Connection.objects.filter(pk=connection.pk).values().get() == after


def test_sync_now_starts_a_run_that_the_sweep_hands_on(client: Client) -> None:
    connection = partner().connection
    host = connection.confirmed_origins[0]
    Endpoint.objects.create(connection=connection, identifier="locations", role="SENDER", url=f"{host}/locations")
    client.post(do(connection, "sync"), {"module": "locations", "full": "1"})
    pull = Pull.objects.get()
    assert (pull.module, pull.full, pull.state, pull.pages) == ("locations", True, "RUNNING", 0)
    assert pulling.pulls_waiting() == [(pull.pk, pull.started_at)]
    page = client.get(
        reverse("admin:partners_connection_change", args=[connection.pk]), {"tab": "sync"}
    ).content.decode()
    assert "every 2s" in page, "the part with the progress renews itself"
    assert entry(connection) == "Started a full pull of locations"


def test_sync_of_a_module_that_is_not_offered_says_why(client: Client) -> None:
    connection = partner().connection
    answer = client.post(do(connection, "sync"), {"module": "tokens", "full": "0"})
    assert said(answer) == [f"{connection.name} offers no Sender interface for tokens."]
    assert Pull.objects.count() == 0


# --- buttons that talk to the partner --------------------------------------------------------------------------------------


def test_the_partner_is_checked_while_staff_look_on(platform: Party, client: Client) -> None:
    broken = [b'{"id": "L", "last_updated": "2026-01-01T00:00:00Z"}']
    with ScriptedPeer(role="CPO", sender_modules=("locations", "tariffs"), objects={"locations": broken}) as peer:
        connection = registered(peer)
        answer = client.post(do(connection, "check"))
        assert answer["Location"] == reverse("admin:partners_connection_live", args=[connection.pk, "check"])
        last = finished(connection, "check")
        assert (last.ok, last.detail) == (True, "Checked 2 module(s): deviations in locations.")
        shown = client.get(reverse("admin:partners_connection_steps", args=[connection.pk, "check"]))
        assert "country_code" in shown.content.decode()
        assert shown["HX-Refresh"] == "true"
        tab = client.get(reverse("admin:partners_connection_change", args=[connection.pk]), {"tab": "sync"})
        assert "1 objects on 1 pages" in tab.content.decode()


def test_a_second_click_while_a_flow_runs_asks_the_partner_once(
    platform: Party, client: Client, peer: ScriptedPeer
) -> None:
    connection = registered(peer)
    peer.script("GET", "/ocpi/versions", Twist(delay=0.7))
    before = len(peer.received)
    client.post(do(connection, "rotate"), {"reason": "monthly"})
    again = client.post(do(connection, "rotate"), {"reason": "monthly"})
    assert said(again) == ["Credentials exchange is running already: see its steps."]
    assert finished(connection, "update").ok is True
    assert [request.method for request in peer.received[before:]].count("PUT") == 1
    assert LogEntry.objects.filter(object_id=str(connection.pk)).count() == 1


def test_rotation_changes_both_tokens(platform: Party, client: Client, peer: ScriptedPeer) -> None:
    connection = registered(peer)
    before = connection.token_out
    client.post(do(connection, "rotate"), {"reason": "monthly"})
    last = finished(connection, "update")
    assert (last.ok, connection.version, connection.token_out != before) == (True, "2.3.0", True)
    assert entry(connection) == "Began: Rotate tokens: monthly"


def test_a_rotation_that_fails_changes_nothing_and_says_why(
    platform: Party, client: Client, peer: ScriptedPeer
) -> None:
    connection = registered(peer)
    before = (connection.token_out, list(connection.inbound_tokens.filter(burnt_at=None).values_list("pk", flat=True)))
    peer.script("PUT", "/ocpi/2.3.0/credentials", Twist(status=500, works=False))
    client.post(do(connection, "rotate"), {"reason": "monthly"})
    last = finished(connection, "update")
    assert last.ok is False
    assert "The partner's server failed." in last.detail
    after = (connection.token_out, list(connection.inbound_tokens.filter(burnt_at=None).values_list("pk", flat=True)))
    assert after == before
    page = client.get(reverse("admin:partners_connection_live", args=[connection.pk, "update"])).content.decode()
    assert "Nothing was changed. The step that failed says why." in page


def test_rotation_keeps_the_version_and_upgrade_raises_it(platform: Party, client: Client) -> None:
    with ScriptedPeer(versions=("2.2.1",)) as peer:
        connection = registered(peer)
        assert connection.version == "2.2.1"
        client.post(do(connection, "upgrade"), {"reason": "r"})
        last = finished(connection, "update")
        assert (last.ok, last.detail) == (False, "2.2.1 is the newest version that both speak; nothing was changed.")
        peer.versions = ("2.2.1", "2.3.0")
        client.post(do(connection, "rotate"), {"reason": "r"})
        assert finished(connection, "update").ok is True
        assert connection.version == "2.2.1"
        client.post(do(connection, "upgrade"), {"reason": "r"})
        assert finished(connection, "update").ok is True
        assert connection.version == "2.3.0"
        page = client.get(reverse("admin:partners_connection_change", args=[connection.pk])).content.decode()
        assert "Upgrade version" not in page


def test_endpoints_are_read_again(platform: Party, client: Client, peer: ScriptedPeer) -> None:
    connection = registered(peer)
    peer.sender_modules = ("locations",)
    client.post(do(connection, "reread"))
    assert finished(connection, "discover").ok is True
    assert list(connection.endpoints.filter(role="SENDER").values_list("identifier", flat=True)) == [
        "credentials",
        "locations",
    ]
    titles = list(Step.objects.filter(connection=connection, flow="discover").values_list("title", flat=True))
    assert titles[0] == "Read the versions"
    assert "Read the partner's credentials" in titles


def test_unregistering_tells_the_partner_and_ends_the_connection(
    platform: Party, client: Client, peer: ScriptedPeer
) -> None:
    connection = registered(peer)
    asked = client.get(do(connection, "unregister")).content.decode()
    assert "We DELETE our credentials at the partner" in asked
    client.post(do(connection, "unregister"), {"reason": "contract ended"})
    last = finished(connection, "remove")
    assert (last.ok, last.detail, connection.state) == (True, "The partner confirmed.", "REMOVED")
    assert [request.method for request in peer.received if request.path.endswith("/credentials")][-1] == "DELETE"
    listed = client.get(reverse("admin:partners_connection_changelist"))
    assert listed.context["cl"].result_count == 0
    listed = client.get(reverse("admin:partners_connection_changelist"), {"state": "REMOVED"})
    assert listed.context["cl"].result_count == 1


# --- the wizard -----------------------------------------------------------------------------------------------------------

ADD = "/admin/partners/connection/add/"


def test_they_gave_us_url_and_token(platform: Party, client: Client, peer: ScriptedPeer) -> None:
    given = {"versions_url": peer.versions_url, "token_a": "wrong", "name": "TNM", "our_parties": [platform.pk]}
    answer = client.post(f"{ADD}?way=theirs", given)
    connection = Connection.objects.get()
    setup = reverse("admin:partners_connection_setup", args=[connection.pk])
    assert answer["Location"] == setup
    last = finished(connection, "register")
    assert last.ok is False
    page = client.get(setup).content.decode()
    assert "try it without Base64" in page
    assert "Register now" not in page

    client.post(setup, {"versions_url": peer.versions_url, "token_a": TOKEN_A})
    last = finished(connection, "register")
    assert (last.ok, last.detail) == (True, "OCPI 2.3.0 is the best version that both speak.")
    assert connection.state == "REGISTERING", "the test exchanges nothing"
    page = client.get(setup).content.decode()
    assert "Register now" in page
    assert "locations" in page

    client.post(do(connection, "register"))
    last = finished(connection, "register")
    assert (last.ok, last.detail, connection.state) == (True, "Registered at OCPI 2.3.0.", "ACTIVE")
    page = client.get(reverse("admin:partners_connection_live", args=[connection.pk, "register"])).content.decode()
    assert "Go on to the first sync" in page
    assert client.get(setup).status_code == 302
    assert TOKEN_A not in page


def test_plain_tokens_are_tried_when_staff_say_so(platform: Party, client: Client) -> None:
    with ScriptedPeer(plain_token=True) as peer:
        given = {"versions_url": peer.versions_url, "token_a": TOKEN_A, "name": "Old", "our_parties": [platform.pk]}
        client.post(f"{ADD}?way=theirs", given | {"plain_token": "on"})
        connection = Connection.objects.get()
        assert finished(connection, "register").ok is True
        assert connection.plain_token is True


def test_we_give_them_url_and_token(platform: Party, client: Client, peer: ScriptedPeer) -> None:
    answer = client.post(f"{ADD}?way=ours", {"name": "TNM", "our_parties": [platform.pk]})
    connection = Connection.objects.get()
    first = client.get(answer["Location"])
    page = first.content.decode()
    token = re.search(r"CREDENTIALS_TOKEN_A: (\S+)", page)
    assert token is not None
    assert "no-store" in first["Cache-Control"]
    assert site.versions_url() in page
    assert "every 1s" in page
    again = client.get(answer["Location"]).content.decode()
    assert token[1] not in again, "the token is shown once"
    assert "was shown once and is not kept" in again

    registration = peer.register_at(site.versions_url(), token[1])
    assert registration.status == 200
    waiting = client.get(reverse("admin:partners_connection_steps", args=[connection.pk, "receive"])).content.decode()
    assert "Their call arrived" in waiting
    assert "every 1s" not in waiting
    connection.refresh_from_db()
    assert connection.state == "ACTIVE"


def test_an_invitation_can_be_made_anew_and_withdrawn(platform: Party, client: Client, peer: ScriptedPeer) -> None:
    connection, lost = invite(name="TNM", our_parties=[platform], now=site.now())
    answer = client.post(reverse("admin:partners_connection_invite_again", args=[connection.pk]))
    page = client.get(answer["Location"]).content.decode()
    token = re.search(r"CREDENTIALS_TOKEN_A: (\S+)", page)
    assert token is not None and token[1] != lost
    assert peer.call("GET", site.versions_url(), lost).status == 401
    assert peer.call("GET", site.versions_url(), token[1]).status == 200
    client.post(do(connection, "withdraw"), {"reason": "sent to the wrong address"})
    assert peer.call("GET", site.versions_url(), token[1]).status == 401
    connection.refresh_from_db()
    assert (connection.state, entry(connection)) == ("REMOVED", "Withdrawn: sent to the wrong address")


@pytest.mark.parametrize(
    ("way", "wrong", "sentence"),
    [
        ("theirs", {"versions_url": "http://169.254.169.254/latest"}, "169.254.169.254"),
        ("theirs", {"versions_url": "file:///etc/passwd"}, "URL"),
        ("theirs", {"versions_url": "not a url"}, "URL"),
        ("theirs", {"token_a": "two words"}, "printable ASCII"),
        ("theirs", {"token_a": ""}, "required"),
        ("theirs", {"our_parties": []}, "Choose at least one."),
        ("theirs", {"name": "Taken"}, "a connection of that name already"),
        ("ours", {"name": ""}, "required"),
        ("ours", {"name": "Taken"}, "a connection of that name already"),
        ("ours", {"our_parties": ["999"]}, "not one of the available choices"),
    ],
)
def test_the_wizard_refuses_what_cannot_work_and_makes_nothing(
    client: Client, way: str, wrong: dict[str, Any], sentence: str
) -> None:
    ours = own_party()
    invite(name="Taken", our_parties=[ours], now=site.now())
    given = {"versions_url": "https://p.example/ocpi/versions", "token_a": "t", "name": "New", "our_parties": [ours.pk]}
    answer = client.post(f"{ADD}?way={way}", given | wrong)
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert Connection.objects.count() == 1
    assert Exchange.objects.count() == 0


INSIDE = [
    "https://127.0.0.1/ocpi/versions",
    "https://127.1/ocpi/versions",
    "https://2130706433/ocpi/versions",
    "https://0x7f000001/ocpi/versions",
    "https://0177.0.0.1/ocpi/versions",
    "https://localhost/ocpi/versions",
    "https://localhost.localdomain/ocpi/versions",
    "https://[::1]/ocpi/versions",
    "https://[::ffff:127.0.0.1]/ocpi/versions",
    "https://[64:ff9b::7f00:1]/ocpi/versions",
    "https://[fe80::1]/ocpi/versions",
    "https://0.0.0.0/ocpi/versions",
    "https://10.1.2.3/ocpi/versions",
    "https://172.16.0.1/ocpi/versions",
    "https://192.168.0.1/ocpi/versions",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.64.0.1/ocpi/versions",
    "https://224.0.0.1/ocpi/versions",
    "https://user:password@127.0.0.1/ocpi/versions",
    "https://p.example@127.0.0.1/ocpi/versions",
    "http://p.example/ocpi/versions",
    "ftp://p.example/ocpi/versions",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "//127.0.0.1/ocpi/versions",
    "https://127.0.0.1\\@p.example/ocpi/versions",
]


def test_no_url_of_the_wizard_leads_inside(
    transactional_db: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused in the form, or stopped by the client before any connection is made: as a new URL and as a corrected one."""
    opened: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: opened.append(address))
    ours = own_party()
    good = "https://p.example/ocpi/versions"
    waiting = prepare_registration(name="Waiting", our_parties=[ours], versions_url=good, token_a="t")
    passed = []
    for number, url in enumerate(INSIDE):
        given = {"versions_url": url, "token_a": "t", "name": f"New {number}", "our_parties": [ours.pk]}
        if client.post(f"{ADD}?way=theirs", given).status_code == 400:
            answer = client.post(reverse("admin:partners_connection_setup", args=[waiting.pk]), {"versions_url": url})
            waiting.refresh_from_db()
            assert (answer.status_code, waiting.versions_url) == (400, good), url
        else:
            passed.append(url)
            last = finished(Connection.objects.get(name=f"New {number}"), "register")
            assert last.ok is False, url
    assert opened == []
    assert passed == [url for url in INSIDE if "//localhost" in url], "only a name has to be resolved first"


def test_without_a_company_of_our_own_the_wizard_says_what_comes_first(client: Client) -> None:
    assert "Add our company" in client.get(ADD).content.decode()


def test_a_flow_whose_process_died_is_told_to_be_interrupted(client: Client) -> None:
    connection = partner().connection
    Step.objects.create(
        connection=connection, flow="update", title="Begin", cause="begun", at=site.now() - timedelta(minutes=5)
    )
    page = client.get(reverse("admin:partners_connection_live", args=[connection.pk, "update"])).content.decode()
    assert "Interrupted" in page
    assert "every 1s" not in page


# --- our own companies ----------------------------------------------------------------------------------------------------


def test_our_company_is_made_and_changed(client: Client) -> None:
    url = reverse("admin:partners_party_add")
    given = {"country_code": "de", "party_id": "rdk", "name": "Roamdesk", "website": "", "roles": ["CPO", "EMSP"]}
    assert client.post(url, given).status_code == 302
    party = Party.objects.get()
    assert (str(party), party.ours, sorted(party.roles.values_list("role", flat=True))) == (
        "DE-RDK",
        True,
        ["CPO", "EMSP"],
    )
    assert client.post(url, given).status_code == 400, "it exists already"

    change = reverse("admin:partners_party_change", args=[party.pk])
    client.post(
        change,
        {"country_code": "FR", "party_id": "XXX", "name": "Renamed", "website": "https://r.example", "roles": ["CPO"]},
    )
    party.refresh_from_db()
    assert (str(party), party.name) == ("DE-RDK", "Renamed"), "the codes are given once"
    assert json.loads(party.business_details) == {"name": "Renamed", "website": "https://r.example"}
    assert list(party.roles.values_list("role", flat=True)) == ["CPO"]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"country_code": "D1"}, "Two letters are expected."),
        ({"party_id": "AB"}, "Three letters or digits are expected."),
        ({"party_id": "SE-"}, "Three letters or digits are expected."),
        ({"website": "javascript:alert(1)"}, "A web address begins with"),
        ({"roles": []}, "required"),
        ({"roles": ["KING"]}, "not one of the available choices"),
        ({"country_code": "SE", "party_id": "ELV"}, "is a party of a partner"),
    ],
)
def test_a_company_that_cannot_be_is_refused(client: Client, wrong: dict[str, Any], sentence: str) -> None:
    partner("SE-ELV:CPO")
    before = Party.objects.count()
    given = {"country_code": "DE", "party_id": "NEW", "name": "n", "website": "", "roles": ["CPO"]}
    answer = client.post(reverse("admin:partners_party_add"), given | wrong)
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert Party.objects.count() == before


def test_a_partners_party_is_not_ours_to_change(client: Client) -> None:
    partner("SE-ELV:CPO")
    party = Party.objects.get(party_id="ELV")
    url = reverse("admin:partners_party_change", args=[party.pk])
    assert client.get(url).status_code == 200
    assert client.post(url, {"name": "Mine", "roles": ["CPO"]}).status_code == 403
    party.refresh_from_db()
    assert (party.ours, party.name) == (False, "SE-ELV company")


# --- the list -------------------------------------------------------------------------------------------------------------


def test_the_list_measures_many_connections_in_few_queries(client: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        partner(f"SE-E{number:02}:CPO")
    url = reverse("admin:partners_connection_changelist")
    client.get(url)
    with django_assert_max_num_queries(16):
        page = client.get(url)
    assert page.context["cl"].result_count == 12
    few = len([line for line in page.content.decode().split("<tr") if "Partner " in line])
    assert few >= 12


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["active", "held", "silent"]),
        ("attention=held", ["held"]),
        ("attention=silent", ["silent"]),
        ("state=REMOVED", ["gone"]),
        ("role=HUB", ["held"]),
        ("country=NL", ["active"]),
        ("module=locations", ["silent"]),
        ("q=ELV", ["silent"]),
        ("version=2.2.1", ["held"]),
    ],
)
def test_the_filters_of_the_list(client: Client, query: str, names: list[str]) -> None:
    made = {
        "active": partner("NL-ACT:CPO").connection,
        "held": partner("SE-HLD:HUB", version="2.2.1").connection,
        "silent": partner("SE-ELV:CPO", receives=["locations"]).connection,
        "gone": partner("SE-GON:CPO").connection,
    }
    for name, connection in made.items():
        connection.name = name
        connection.last_in_at = site.now() if name != "silent" else site.now() - timedelta(hours=2)
        connection.state = {"held": "SUSPENDED", "gone": "REMOVED"}.get(name, "ACTIVE")
        connection.save()
    page = client.get(f"{reverse('admin:partners_connection_changelist')}?{query}")
    assert [row.name for row in page.context["cl"].result_list] == names


def test_every_tab_stays_within_a_few_queries(client: Client, django_assert_max_num_queries: Any) -> None:
    made = partner("SE-ELV:CPO", "SE-ELV:EMSP", receives=["locations"])
    connection = made.connection
    for number in range(30):
        Exchange.objects.create(
            at=site.now(),
            incoming=bool(number % 2),
            connection=connection,
            module="locations",
            method="GET",
            url="https://x.example",
            elapsed_ms=5,
            request_id=str(number),
            correlation_id=str(number),
            http_status=200,
            ocpi_status=1000,
        )
        Message.objects.create(
            connection=connection,
            sender=connection.our_parties.get(),
            receiver=made.party,
            module="locations",
            object_path=f"L{number}",
            state="REFUSED",
            due_at=site.now(),
            owed_since=site.now(),
            created_at=site.now(),
        )
    url = reverse("admin:partners_connection_change", args=[connection.pk])
    client.get(url)
    for tab in ("overview", "endpoints", "sync", "messages", "quirks", "history"):
        with django_assert_max_num_queries(16):
            assert client.get(url, {"tab": tab}).status_code == 200


def test_no_page_shows_a_token(platform: Party, client: Client, peer: ScriptedPeer) -> None:
    from backoffice.partners.secrets import decrypt

    connection = registered(peer)
    secrets = {TOKEN_A, TOKEN_B, decrypt(connection.token_out), peer.token_for_other or "?"}
    pages = [
        reverse("admin:partners_connection_change", args=[connection.pk]) + f"?tab={tab}"
        for tab in ("overview", "history")
    ]
    pages += [reverse("admin:delivery_exchange_change", args=[row.pk]) for row in Exchange.objects.all()]
    pages.append(reverse("admin:partners_connection_live", args=[connection.pk, "register"]))
    for url in pages:
        text = client.get(url).content.decode()
        assert not [secret for secret in secrets if secret in text], url
