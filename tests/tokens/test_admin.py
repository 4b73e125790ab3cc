"""The staff's door of tokens: who may open what, what is shown of a card, what buttons do, what hostile input comes to."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backoffice.console.models import PartyScope
from backoffice.delivery.models import Message
from backoffice.partners.models import Connection, Party
from backoffice.roaming_site import site
from backoffice.tokens.actions import changing
from backoffice.tokens.actions.authorizing import authorize
from backoffice.tokens.models import Authorization, SilencePolicy, Token
from backoffice.tokens.rules.words import Cause
from tests import factories
from tests.factories import small_token
from tests.locations.cast import logged_in, staff

pytestmark = pytest.mark.django_db

CARD = "04A1B2C3D4E5F6"
PAGES = "/admin/tokens/token/"
DECISIONS = "/admin/tokens/authorization/"
POLICIES = "/admin/tokens/silencepolicy/"


@pytest.fixture
def ours() -> Party:
    party = factories.own_party()
    factories.partner(ours=[party], receives=("tokens",))
    return party


@pytest.fixture
def card(ours: Party) -> Token:
    return changing.create(
        ours,
        small_token(CARD, str(ours), visual_number="DE 0001", contract_id="DE-RDK-C12345678"),
        by="otto",
        now=site.now(),
    )


@pytest.fixture
def root(db: None) -> Client:
    return logged_in(User.objects.create_superuser("root"))


def page(client: Client, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status, (url, answer.status_code)
    return html.unescape(answer.content.decode())


def said(client: Client, answer: Any) -> str:
    assert answer.status_code == 302, answer.status_code
    return page(client, answer["Location"])


# --- who may ----------------------------------------------------------------------------------------------------------

EVERYBODY = {"Operations", "Roaming", "Finance", "Read-only", "Support"}
GROUPS = (*sorted(EVERYBODY), "Tariffs", "nobody")
BLOCKERS = {"Operations", "Support"}

# method, URL, who may; everybody else gets 403 or 404, and nothing happens
DOORS: list[tuple[str, str, set[str]]] = [
    ("GET", PAGES, EVERYBODY),
    ("GET", PAGES + "{card}/change/", EVERYBODY),
    ("GET", PAGES + "{card}/change/?tab=partners", EVERYBODY),
    ("GET", PAGES + "{card}/change/?tab=decisions", EVERYBODY),
    ("GET", PAGES + "{card}/change/?tab=json", EVERYBODY),
    ("GET", PAGES + "{card}/change/?tab=history", EVERYBODY),
    ("GET", PAGES + "add/", {"Operations"}),
    ("POST", PAGES + "add/", {"Operations"}),
    ("GET", PAGES + "upload/", {"Operations"}),
    ("POST", PAGES + "upload/", {"Operations"}),
    ("GET", PAGES + "template.csv", {"Operations"}),
    ("GET", PAGES + "export.csv", {"Operations"}),
    ("GET", PAGES + "export.json", {"Operations"}),
    ("GET", PAGES + "{card}/edit/", {"Operations"}),
    ("POST", PAGES + "{card}/edit/", {"Operations"}),
    ("POST", PAGES + "{card}/block/", BLOCKERS),
    ("POST", PAGES + "{card}/unblock/", BLOCKERS),
    ("POST", PAGES + "{card}/tell/", BLOCKERS),
    ("POST", PAGES + "{card}/compare/{connection}/", BLOCKERS),
    ("POST", PAGES + "{card}/try/", BLOCKERS),
    ("POST", PAGES + "{card}/replace/", {"Operations"}),
    ("GET", PAGES + "{card}/delete/", set()),
    ("POST", PAGES + "{card}/delete/", set()),
    ("GET", DECISIONS, EVERYBODY),
    ("GET", DECISIONS + "{decision}/change/", EVERYBODY),
    ("GET", DECISIONS + "add/", set()),
    ("POST", DECISIONS + "{decision}/change/", EVERYBODY),  # shown again; it has no form
    ("POST", DECISIONS + "{decision}/delete/", set()),
    ("GET", POLICIES, {"Operations", "Roaming", "Read-only"}),
    ("GET", POLICIES + "add/", {"Operations", "Roaming"}),
    ("POST", POLICIES + "add/", {"Operations", "Roaming"}),
]


@pytest.mark.parametrize("group", GROUPS)
def test_who_may_open_which_door(group: str, card: Token) -> None:
    decision = authorize(uid=CARD, now=site.now()).authorization_id
    client = logged_in(staff("somebody", group))
    names = {"card": card.pk, "decision": decision, "connection": Connection.objects.get().pk}
    before = list(Token.objects.values()), list(SilencePolicy.objects.values()), Authorization.objects.count()
    for method, path, allowed in DOORS:
        if group in allowed and method == "POST":
            continue  # pressed in the tests of what they do
        url = path.format(**names)
        answer = client.get(url) if method == "GET" else client.post(url, {"cause": "LOST", "reason": "x"})
        expected = {200} if group in allowed else {403, 404}
        assert answer.status_code in expected, (group, method, path, answer.status_code)
    after = list(Token.objects.values()), list(SilencePolicy.objects.values()), Authorization.objects.count()
    assert after == before


@pytest.mark.parametrize("group", GROUPS)
def test_who_sees_the_whole_id(group: str, card: Token) -> None:
    """Only Operations, on the pages of one token; nobody in a list, and nobody by the search sign by sign."""
    authorize(uid=CARD, now=site.now())
    client = logged_in(staff("somebody", group))
    decision = Authorization.objects.get().pk
    for url in (PAGES, DECISIONS, PAGES + "?q=04A1B2"):
        assert CARD not in client.get(url).content.decode()
    for url in (f"{PAGES}{card.pk}/change/", f"{PAGES}{card.pk}/change/?tab=json", f"{DECISIONS}{decision}/change/"):
        assert (CARD in client.get(url).content.decode()) is (group == "Operations"), url
    if group in EVERYBODY:
        assert f"/{card.pk}/change/" not in page(client, PAGES + "?q=04A1B2C3D4E5F")
        assert f"/{card.pk}/change/" in page(client, PAGES + f"?q={CARD.lower()}")


def test_a_scope_hides_the_tokens_of_other_parties(card: Token) -> None:
    other = factories.own_party("NL-OTH", name="Other")
    shown = factories.own_token(small_token("OTHERS-CARD", "NL-OTH"))
    authorize(uid=CARD, cpo=card.party_id, now=site.now())
    user = staff("sam", "Operations")
    scope = PartyScope.objects.create(name="only the other")
    scope.parties.add(other)
    scope.users.add(user)
    client = logged_in(user)
    listed = page(client, PAGES)
    assert f"/{shown.pk}/change/" in listed and f"/{card.pk}/change/" not in listed
    for path in ("change/", "edit/"):
        assert client.get(f"{PAGES}{card.pk}/{path}").status_code == 404
    for path in ("block/", "unblock/", "replace/", "tell/", "try/", f"compare/{Connection.objects.get().pk}/"):
        assert client.post(f"{PAGES}{card.pk}/{path}", {"cause": "LOST", "reason": "x"}).status_code == 404
    assert client.get(f"{DECISIONS}{Authorization.objects.get().pk}/change/").status_code == 404
    assert CARD not in client.get(PAGES + "export.json").getvalue().decode()
    card.refresh_from_db()
    assert card.hold == "NONE"


def test_partners_tokens_are_read_only(ours: Party, root: Client) -> None:
    theirs = factories.their_token(small_token("X1"))
    assert "Read-only" in page(root, f"{PAGES}{theirs.pk}/change/")
    assert root.get(f"{PAGES}{theirs.pk}/edit/").status_code == 404
    for path in ("block/", "unblock/", "replace/", "tell/"):
        assert root.post(f"{PAGES}{theirs.pk}/{path}", {"cause": "LOST", "reason": "x", "uid": "Y"}).status_code == 404
    theirs.refresh_from_db()
    assert theirs.tree() == small_token("X1")


# --- the block button and its banner ----------------------------------------------------------------------------------


def test_a_lost_card_is_blocked_in_two_clicks_and_the_banner_stays_until_all_have_taken_it(card: Token) -> None:
    """One click opens the choice, the second is the reason: the form needs nothing else."""
    client = logged_in(staff("sue", "Support"))
    url = f"{PAGES}{card.pk}/change/"
    assert re.search(r'<button[^>]*name="cause" value="LOST"', page(client, url))
    shown = said(client, client.post(f"{PAGES}{card.pk}/block/", {"cause": "LOST"}))
    assert "Blocked, and one partner has not taken it yet" in shown
    assert "Partner" in shown and "At risk for" in shown and "may still accept it" in shown
    card.refresh_from_db()
    assert (card.hold, card.held_for) == ("BLOCKED", "LOST")
    Message.objects.update(state="REFUSED", last_error="no")
    assert "refused the message" in page(client, url)
    Message.objects.update(state="DONE", delivered_at=site.now())
    shown = page(client, url)
    assert "not taken it yet" not in shown and "all partners that take pushes have taken it" in shown
    assert LogEntry.objects.get().get_change_message() == "Blocked (lost)"
    shown = said(client, client.post(f"{PAGES}{card.pk}/unblock/", {"reason": "found it"}))
    card.refresh_from_db()
    assert card.hold == "NONE" and "not taken it yet" not in shown


@pytest.mark.parametrize("cause", ["", "NONE", "lost", "<script>"])
def test_a_reason_that_is_none_blocks_nothing(cause: str, card: Token, root: Client) -> None:
    assert root.post(f"{PAGES}{card.pk}/block/", {"cause": cause}).status_code == 400
    card.refresh_from_db()
    assert card.hold == "NONE"


def test_buttons_that_cannot_say_why(card: Token, root: Client) -> None:
    assert "Give a reason" in said(root, root.post(f"{PAGES}{card.pk}/unblock/", {"reason": " "}))
    root.post(f"{PAGES}{card.pk}/block/", {"cause": "LOST"})
    assert "held already" in said(root, root.post(f"{PAGES}{card.pk}/block/", {"cause": "LOST"}))
    wrong = root.post(f"{PAGES}{card.pk}/replace/", {"cause": "LOST", "uid": "x/y"})
    assert "slash" in said(root, wrong)
    assert Token.objects.count() == 1
    for verb in ("block", "unblock", "replace", "tell", "try"):
        assert root.get(f"{PAGES}{card.pk}/{verb}/").status_code == 405


def test_a_card_is_replaced(card: Token, root: Client) -> None:
    answer = root.post(f"{PAGES}{card.pk}/replace/", {"cause": "STOLEN", "uid": "04FFFFFFFFFFFF", "visual_number": "2"})
    assert "This is the new card" in said(root, answer)
    fresh = Token.objects.get(object_id="04FFFFFFFFFFFF")
    assert answer["Location"] == f"{PAGES}{fresh.pk}/change/"
    shown = page(root, f"{PAGES}{fresh.pk}/change/")
    assert "Others of this contract" in shown and "Blocked: stolen" in shown


def test_partners_are_told_again_and_a_list_shows_what_they_took(card: Token, root: Client) -> None:
    assert "0/1 took it" in page(root, PAGES)
    Message.objects.update(state="DONE", delivered_at=site.now())
    assert "1/1 took it" in page(root, PAGES)
    assert "1 message(s)" in said(root, root.post(f"{PAGES}{card.pk}/tell/", {}))
    assert Message.objects.get().state == "DUE"
    for wrong in ("0", "-1", "x", "9" * 30):
        assert root.post(f"{PAGES}{card.pk}/tell/", {"connection": wrong}).status_code == 302
    assert f"/{card.pk}/change/" in page(root, PAGES + "?push=DUE")
    assert f"/{card.pk}/change/" not in page(root, PAGES + "?push=REFUSED")


def test_what_a_partner_holds_is_asked_and_compared(reachable: None, ours: Party, card: Token, root: Client) -> None:
    from backoffice.partners.actions.connections import set_endpoints
    from backoffice.partners.secrets import decrypt
    from tests.peer import ScriptedPeer, Twist

    connection = Connection.objects.get()
    url = f"{PAGES}{card.pk}/compare/{connection.pk}/"
    with ScriptedPeer(role="CPO") as peer:
        peer.accepts.add(decrypt(connection.token_out))
        set_endpoints(connection, [("tokens", "RECEIVER", f"{peer.url}/ocpi/2.3.0/receiver/tokens")])
        assert "not a confirmed host" in said(root, root.post(url))
        Connection.objects.update(confirmed_origins=[peer.url])
        assert "does not have it" in said(root, root.post(url))
        peer.held[f"tokens/DE/RDK/{CARD}"] = card.tree()
        assert "holds the same" in said(root, root.post(url))
        peer.held[f"tokens/DE/RDK/{CARD}"] = card.tree() | {"valid": False}
        assert "holds something else in: valid" in said(root, root.post(url))
        wrapped = {"data": [card.tree()], "status_code": 1000, "timestamp": "2026-03-01T08:00:00Z"}
        peer.script("GET", "/ocpi/2.3.0/receiver/tokens", *[Twist(body=json.dumps(wrapped).encode())] * 2)
        assert "answered without a Token" in said(root, root.post(url))
        Connection.objects.update(repairs=["accept_list_around_an_answer"])
        assert "holds the same" in said(root, root.post(url))
    assert root.post(f"{PAGES}{card.pk}/compare/999/").status_code == 404


# --- decisions --------------------------------------------------------------------------------------------------------


def test_why_was_it_refused_in_two_clicks(card: Token) -> None:
    """From the list of decisions, found by the card's number, to the decision; or from the token to its attempts."""
    changing.block(card, Cause.UNPAID, by="fin", now=site.now())
    authorize(uid=CARD, now=site.now())
    client = logged_in(staff("sue", "Support"))
    listed = page(client, DECISIONS + f"?q={CARD}")
    assert "Staff hold it: no credit" in listed
    assert "Staff hold it: no credit" in page(client, f"{PAGES}{card.pk}/change/?tab=decisions")
    assert "Your account has no credit" in page(client, f"{DECISIONS}{Authorization.objects.get().pk}/change/")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 3),
        ("outcome=refused", 2),
        ("outcome=ALLOWED", 1),
        ("outcome=BLOCKED", 1),
        ("outcome=NOT_ALLOWED", 1),
        ("reason=UNKNOWN_TOKEN", 1),
        ("how=OWN", 2),
        ("kind=DECIDED", 3),
        ("kind=ASKED", 0),
        ("since=1h", 3),
        ("q=NOBODYS", 1),
        ("q=nobodys", 1),
        (f"q={CARD}", 2),
        ("q=DE-RDK-C12345678", 2),
        ("q=LOC-7", 1),
        ("q='--", 0),
        ("outcome=nonsense", 3),
        ("partner=1e9", 3),
    ],
)
def test_decisions_are_found(query: str, found: int, card: Token, root: Client) -> None:
    from ocpi.wire.tokens import LocationReferences

    where = LocationReferences(location_id="LOC-7", evse_uids=["E1"])
    authorize(uid=CARD, location=where, now=site.now())
    changing.block(card, Cause.LOST, by="sue", now=site.now())
    authorize(uid=CARD, now=site.now())
    authorize(uid="NOBODYS", now=site.now())
    assert len(set(re.findall(rf"{DECISIONS}(\d+)/change/", page(root, f"{DECISIONS}?{query}")))) == found


def test_a_charge_is_tried(card: Token, root: Client) -> None:
    assert "ALLOWED: It is a token of our own" in said(root, root.post(f"{PAGES}{card.pk}/try/", {}))
    root.post(f"{PAGES}{card.pk}/block/", {"cause": "STOLEN"})
    answer = root.post(f"{PAGES}{card.pk}/try/", {"location": "L1", "evse": "E1"})
    assert "BLOCKED" in said(root, answer)
    assert Authorization.objects.latest("pk").location_id == "L1"
    assert root.post(f"{PAGES}{card.pk}/try/", {"location": "Ä"}).status_code == 400


# --- lists, forms, files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"card", "app", "theirs"}),
        ("owner=ours", {"card", "app"}),
        ("owner=partners", {"theirs"}),
        ("type=APP_USER", {"app"}),
        ("type=odd", {"theirs"}),
        ("state=valid", {"card", "theirs"}),
        ("state=invalid", {"app"}),
        ("state=held", {"app"}),
        ("state=NO_CREDIT", {"app"}),
        ("state=BLOCKED", set()),
        ("whitelist=NEVER", {"app"}),
        ("used=never", {"card", "app", "theirs"}),
        ("used=90", {"card", "app", "theirs"}),
        ("push=DUE", {"card", "app"}),
        ("q=de-rdk-c123", {"card"}),
        ("q=de 00", {"card"}),
        ("q=fam", {"theirs"}),
        ("q=APP-1", {"app"}),
        ("q=APP", set()),
    ],
)
def test_tokens_are_found(query: str, found: set[str], card: Token, root: Client) -> None:
    app = changing.create(
        card.party,
        small_token("APP-1", "DE-RDK", type="APP_USER", whitelist="NEVER", contract_id="X"),
        by="otto",
        now=site.now(),
    )
    changing.block(app, Cause.UNPAID, by="fin", now=site.now())
    theirs = factories.their_token(small_token("T-1", type="FACE", group_id="FAM-1"))
    names = {card.pk: "card", app.pk: "app", theirs.pk: "theirs"}
    shown = {names[int(pk)] for pk in re.findall(rf"{PAGES}(\d+)/change/", page(root, f"{PAGES}?{query}"))}
    assert shown == found


def fields(markup: str) -> dict[str, str]:
    form = markup[markup.index('<form method="post" class="rd-form"') :]
    return {
        html.unescape(name): html.unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    }


def test_a_token_is_added_and_edited_by_a_form(ours: Party, root: Client) -> None:
    url = f"{PAGES}add/"
    data = fields(root.get(url).content.decode()) | {
        "uid": "04AAAAAAAAAAAA",
        "type": "RFID",
        "contract_id": "DE-RDK-C1",
        "issuer": "Rheindock",
        "whitelist": "NEVER",
        "@only_in": "DE",
        "@party": str(ours.pk),
        "_save": "",
    }
    wrong = root.post(url, data | {"whitelist": "", "@only_in": "DE"})
    assert wrong.status_code == 422
    assert not Token.objects.exists()
    assert "no country code" in root.post(url, data | {"@only_in": "Mars"}).content.decode()
    answer = root.post(url, data)
    assert answer.status_code == 302, re.findall("rd-error[^>]*>([^<]+)", answer.content.decode())
    token = Token.objects.get()
    assert (token.only_in, token.valid, token.issuer) == (["DEU"], True, "Rheindock")
    edit = f"{PAGES}{token.pk}/edit/"
    data = fields(root.get(edit).content.decode()) | {"issuer": "New", "@only_in": "", "uid": "STOLEN", "_save": ""}
    assert root.post(edit, data).status_code == 302
    token.refresh_from_db()
    assert (token.issuer, token.only_in, token.object_id) == ("New", [], "04AAAAAAAAAAAA")
    forged = data | {"@draft": json.dumps({"country_code": "SE", "party_id": "ELV", "uid": "X", "valid": False})}
    root.post(edit, forged)
    token.refresh_from_db()
    assert (token.party_id, token.object_id, token.valid) == (ours.pk, "04AAAAAAAAAAAA", True)


def upload(name: str, data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, "text/csv")


def waiting(answer: Any) -> str:
    found = re.search(r'name="waiting" value="([^"]+)"', answer.content.decode())
    assert found
    return html.unescape(found[1])


def test_a_file_is_reported_mapped_and_imported(ours: Party, root: Client, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    url = f"{PAGES}upload/"
    data = b"Chip;Vertrag\n04A1B2C3;DE-RDK-C1\n04A1B2C4;DE-RDK-C2\n"
    first = root.post(url, {"party": ours.pk, "file": upload("t.csv", data)})
    assert first.status_code == 200 and "Say which column holds: uid" in first.content.decode()
    second = root.post(url, {"waiting": waiting(first), "column_uid": "0", "column_contract_id": "1"})
    assert "Import 2 tokens" in second.content.decode()
    assert not Token.objects.exists()
    token = waiting(second)
    other = logged_in(staff("otto", "Operations"))
    assert other.post(url, {"waiting": token, "apply": "1"}).status_code == 422
    third = root.post(url, {"waiting": token, "apply": "1"})
    assert "2 new" in third.content.decode()
    assert Token.objects.count() == 2
    assert root.post(url, {"waiting": token, "apply": "1"}).status_code == 422  # once
    for bad in (b"", b"PK\x03\x04", b"[1]", b"a\x00b,c\n"):
        assert root.post(url, {"party": ours.pk, "file": upload("t.csv", bad)}).status_code == 422
    for wrong in ({"party": "x", "file": upload("t.csv", data)}, {"party": ours.pk}, {"waiting": "forged"}):
        assert root.post(url, wrong).status_code == 422
    assert b"uid,type,contract_id" in root.get(f"{PAGES}template.csv").content


def test_the_view_is_exported_as_it_is_filtered(card: Token, root: Client) -> None:
    factories.their_token(small_token("T-1"))
    table = root.get(f"{PAGES}export.csv?owner=ours").getvalue().decode()
    assert table.count("\r\n") == 2 and CARD in table
    assert [tree["uid"] for tree in json.loads(root.get(f"{PAGES}export.json?owner=partners").getvalue())] == ["T-1"]
    assert LogEntry.objects.filter(change_message__contains="Exported").count() == 2


def test_a_policy_for_silence_is_set(ours: Party, root: Client) -> None:
    assert "The default holds for everybody" in page(root, POLICIES)
    connection = Connection.objects.get()
    data = {"connection": connection.pk, "seconds": 2, "when_silent": "REFUSE", "ask_unknown": "on"}
    assert root.post(f"{POLICIES}add/", data | {"seconds": 60}).status_code == 200
    assert root.post(f"{POLICIES}add/", data | {"when_silent": "SHRUG"}).status_code == 200
    assert not SilencePolicy.objects.exists()
    assert root.post(f"{POLICIES}add/", data).status_code == 302
    policy = SilencePolicy.objects.get()
    assert (policy.seconds, policy.when_silent, policy.ask_unknown, policy.ask_allowed) == (2, "REFUSE", True, False)


HOSTILE = "\"><script>alert(1)</script>{{7*7}}' OR 1=1 --"


def test_hostile_texts_are_only_texts(ours: Party, root: Client) -> None:
    theirs = factories.their_token(
        small_token("X<b>1234567", issuer=HOSTILE, visual_number=HOSTILE[:64], x_evil=HOSTILE, contract_id=HOSTILE[:36])
    )
    authorize(uid=theirs.object_id, now=site.now())
    urls = [
        PAGES,
        DECISIONS,
        *(f"{PAGES}{theirs.pk}/change/?tab={tab}" for tab in ("", "json", "decisions", "history")),
    ]
    for url in urls:
        assert "<script>alert(1)" not in root.get(url).content.decode()
    for path in ("change/", "edit/"):
        for pk in ("0", "99999999999999999999", "x"):
            assert root.get(f"{PAGES}{pk}/{path}").status_code in (302, 404)


def test_pages_ask_the_same_whatever_their_rows(card: Token, root: Client) -> None:
    def counted(url: str) -> int:
        with CaptureQueriesContext(database) as queries:
            assert root.get(url).status_code == 200
        return len(queries)

    urls = [
        PAGES,
        PAGES + "?q=DE",
        DECISIONS,
        *(f"{PAGES}{card.pk}/change/?tab={tab}" for tab in ("", "partners", "decisions")),
    ]
    authorize(uid=CARD, now=site.now())
    for url in urls:
        counted(url)
    few = {url: counted(url) for url in urls}
    for number in range(12):
        factories.own_token(small_token(f"N{number}", "DE-RDK", contract_id=card.contract_id))
        factories.their_token(small_token(f"T{number}"))
        authorize(uid=CARD, now=site.now())
    assert {url: counted(url) for url in urls} == few
    assert max(few.values()) <= 25
