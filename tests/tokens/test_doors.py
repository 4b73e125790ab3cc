"""Tokens between partners: what they push and pull, what they are told of ours, and who sees nothing (mod_tokens)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backoffice.delivery.actions import draining, pulling
from backoffice.delivery.models import Message
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.tokens.actions.storing import TABLE
from backoffice.tokens.models import Token, TokenEvent
from ocpi.wire import json as wire_json
from ocpi.wire import tokens as wire
from tests import factories
from tests.doors.asking import Asking, snapshot
from tests.factories import Partner, small_token
from tests.meeting import registered
from tests.peer import ScriptedPeer

AT, LATER, BEFORE = "2026-03-01T08:00:00Z", "2026-03-02T08:00:00Z", "2026-02-01T08:00:00Z"
VERSIONS = ["2.3.0", "2.2.1"]


def door(uid: str = "04A1B2C3", version: str = "2.3.0", owner: str = "SE/ELV", kind: str = "") -> str:
    return f"{version}/receiver/tokens/{owner}/{uid}" + (f"?type={kind}" if kind else "")


WHOLE: dict[str, Any] = {
    "visual_number": "SE 0001 2345",
    "group_id": "FAMILY-7",
    "language": "sv",
    "default_profile_type": "GREEN",
    "energy_contract": {"supplier_name": "Vind", "contract_id": "EL-99"},
    "x_kept": [1, {"a": "b"}],
}


# --- what partners push -----------------------------------------------------------------------------------------------


@pytest.mark.rule("T-377")
@pytest.mark.parametrize("version", VERSIONS)
def test_put_get_and_patch_of_every_field(version: str, asking: Asking) -> None:
    whole = small_token("04A1B2C3", **WHOLE)
    assert asking.put(door(version=version), whole).says == (201, 1000)
    assert asking.put(door(version=version), whole).says == (200, 1000)
    assert asking.get(door(version=version)).data == whole
    changes = {"valid": False, "last_updated": LATER}
    assert asking.patch(door(version=version), changes).says == (200, 1000)
    assert asking.get(door(version=version)).data == whole | changes


@pytest.mark.rule("T-377", "T-369")
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_nobody_deletes_or_posts_a_token(method: str, asking: Asking) -> None:
    asking.put(door(), small_token("04A1B2C3"))
    before = snapshot()
    answered = asking.ask(method, door(), small_token("04A1B2C3") if method == "POST" else None)
    assert answered.says == (405, 2000)
    assert set(answered.headers["Allow"].split(", ")) == {"GET", "PUT", "PATCH"}
    assert snapshot() == before


@pytest.mark.rule("T-378", "T-390")
def test_the_type_is_part_of_the_key_and_is_rfid_when_left_out(asking: Asking) -> None:
    card, user = small_token("AB12"), small_token("AB12", type="APP_USER", whitelist="NEVER")
    assert asking.put(door("AB12"), card).says == (201, 1000)
    assert asking.put(door("AB12", kind="APP_USER"), user).says == (201, 1000)
    assert Token.objects.count() == 2
    assert asking.get(door("AB12")).data == asking.get(door("AB12", kind="RFID")).data == card
    assert asking.get(door("AB12", kind="APP_USER")).data == user
    assert asking.get(door("AB12", kind="OTHER")).status == 404
    changes = {"valid": False, "last_updated": LATER}
    assert asking.patch(door("AB12", kind="APP_USER"), changes).says == (200, 1000)
    assert asking.get(door("AB12")).data == card
    assert asking.put(door("AB12"), card | {"valid": False, "last_updated": LATER}).says == (200, 1000)
    assert Token.objects.filter(type="RFID").count() == 1  # uid and type name one token


def test_a_type_that_ocpi_does_not_list_is_a_type(asking: Asking) -> None:
    odd = small_token("AB12", type="FACE")
    assert asking.put(door("AB12", kind="FACE"), odd).says == (201, 1000)
    assert asking.get(door("AB12", kind="FACE")).data == odd
    assert asking.put(door("AB12", kind="x" * 255), odd | {"type": "x" * 255}).says == (201, 1000)


@pytest.mark.parametrize("kind", ["%00", "%C3%84", "x" * 256, "a%0Ab"])
def test_a_type_that_can_be_none_names_nothing(kind: str, asking: Asking) -> None:
    before = snapshot()
    path = f"{door()}?type={kind}"
    for method, body in (("GET", None), ("PUT", small_token("04A1B2C3")), ("PATCH", {"last_updated": LATER})):
        assert asking.ask(method, path, body).says == (404, 2001)
    assert snapshot() == before


def test_what_is_addressed_without_regard_to_case(asking: Asking) -> None:
    asking.put(door("ab12"), small_token("ab12"))
    assert asking.get(door("AB12")).data["uid"] == "ab12"
    assert asking.put(door("AB12"), small_token("AB12", at=LATER)).says == (200, 1000)
    assert Token.objects.get().object_id == "AB12"


@pytest.mark.rule("T-379")
@pytest.mark.parametrize("wrong", [{"country_code": "NO"}, {"party_id": "XXX"}, {"uid": "OTHER"}, {"type": "APP_USER"}])
def test_the_path_and_the_body_name_the_same_token(wrong: dict[str, str], asking: Asking) -> None:
    before = snapshot()
    assert asking.put(door(), small_token("04A1B2C3") | wrong).says == (200, 2001)
    assert snapshot() == before
    asking.put(door(), small_token("04A1B2C3"))
    before = snapshot()
    assert asking.patch(door(), wrong | {"last_updated": LATER}).says == (200, 2001)
    assert snapshot() == before


@pytest.mark.rule("T-380")
def test_a_patch_without_last_updated_changes_nothing(asking: Asking) -> None:
    asking.put(door(), small_token("04A1B2C3"))
    before = snapshot()
    assert asking.patch(door(), {"valid": False}).says == (200, 2001)
    assert snapshot() == before


def test_a_patch_of_what_is_not_here_asks_for_the_whole(asking: Asking) -> None:
    before = snapshot()
    assert asking.patch(door(), {"valid": False, "last_updated": LATER}).says == (404, 2001)
    assert snapshot() == before


def test_an_older_one_changes_nothing(asking: Asking) -> None:
    asking.put(door(), small_token("04A1B2C3", at=LATER))
    assert asking.put(door(), small_token("04A1B2C3", at=BEFORE, valid=False)).says == (200, 1000)
    assert asking.patch(door(), {"valid": False, "last_updated": BEFORE}).says == (200, 1000)
    assert asking.get(door()).data == small_token("04A1B2C3", at=LATER)


def test_a_slip_of_the_clock_freezes_nothing(asking: Asking) -> None:
    """A `last_updated` a year ahead: later honest changes still arrive."""
    asking.put(door(), small_token("04A1B2C3", at="2037-01-01T00:00:00Z"))
    now = (datetime.now(UTC) + timedelta(days=365)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert asking.put(door(), small_token("04A1B2C3", at=now, valid=False)).says == (200, 1000)
    assert asking.get(door()).data["valid"] is False


HOSTILE: list[dict[str, Any]] = [
    {"uid": "x" * 37},
    {"uid": None},
    {"type": 1},
    {"type": "x" * 256},
    {"contract_id": "x" * 37},
    {"contract_id": None},
    {"visual_number": "x" * 65},
    {"issuer": None},
    {"issuer": "line\nfeed"},
    {"group_id": "Ä"},
    {"valid": "true"},
    {"valid": 1},
    {"valid": None},
    {"whitelist": "SOMETIMES"},
    {"whitelist": None},
    {"language": "swe"},
    {"default_profile_type": "FASTEST"},
    {"energy_contract": {}},
    {"energy_contract": {"supplier_name": "x" * 65}},
    {"energy_contract": []},
    {"last_updated": "yesterday"},
    {"last_updated": None},
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("wrong", HOSTILE, ids=str)
def test_what_is_no_token_changes_nothing(wrong: dict[str, Any], version: str, asking: Asking) -> None:
    before = snapshot()
    assert asking.put(door(version=version), small_token("04A1B2C3") | wrong).says == (200, 2001)
    assert snapshot() == before


def test_the_columns_follow_from_the_document(asking: Asking) -> None:
    asking.put(door(), small_token("04A1B2C3", **WHOLE))
    asking.put(door("B"), small_token("B", valid=False, whitelist="NEVER"))
    for row in Token.objects.all():
        value = wire_json.validate(wire.Token, row.tree())
        assert tuple(getattr(row, name) for name in TABLE.columns.types) == TABLE.columns.of(value)


# --- who sees what ----------------------------------------------------------------------------------------------------

SECRET = "SECRET-OF-ANOTHER"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_foreign_party_owns_and_learns_nothing_here(version: str, partner: Partner, asking: Asking) -> None:
    """Every door with tokens of another partner and of another company of ours: nothing changed, nothing told."""
    ours = Party.objects.get(ours=True)
    other = factories.own_party("DE-OTH")
    stranger = factories.partner("NO-FJO:CPO", "NO-FJO:EMSP", ours=[ours, other])
    Asking(stranger.token).put(door("FOREIGN", owner="NO/FJO"), small_token("FOREIGN", "NO-FJO", issuer=SECRET))
    factories.own_token(small_token("ELSEWHERE", "DE-OTH", issuer=SECRET))
    factories.own_token(small_token("OURS", "DE-RDK"))
    state = snapshot()
    body = {"location_id": "L1", "evse_uids": []}
    tries: list[tuple[str, str, Any]] = []
    for owner in ("NO/FJO", "no/fjo", "DE/OTH", "DE/RDK", "SE/ELV", "XX/YYY"):
        for uid in ("FOREIGN", "ELSEWHERE", "OURS"):
            path = door(uid, version, owner)
            tree = small_token(uid, owner.replace("/", "-").upper(), at=LATER, valid=False)
            tries += [
                ("GET", path, None),
                ("PATCH", path, {"valid": False, "last_updated": LATER}),
                ("DELETE", path, None),
                ("POST", f"{path}/authorize", body),
            ]
            if owner != "SE/ELV":
                tries.append(("PUT", path, tree))
    for uid in ("FOREIGN", "ELSEWHERE"):
        base = f"{version}/sender/tokens/{uid}"
        tries += [("GET", base, None), ("GET", f"{base}/authorize", None), ("PUT", base, {}), ("PATCH", base, {})]
        tries += [("PUT", f"{base}/authorize", body), ("DELETE", f"{base}/authorize", None)]
    for method, path, sent in tries:
        answered = asking.ask(method, path, sent)
        assert answered.status in (404, 405), (method, path, answered.status)
        assert answered.code in (2000, 2001, 2004)
        assert SECRET.encode() not in answered.body
        assert snapshot() == state, (method, path)
    listed = asking.get(f"{version}/sender/tokens")
    assert [token["uid"] for token in listed.data] == ["OURS"]
    assert SECRET.encode() not in listed.body


def test_a_decision_about_a_token_of_another_is_refused_and_says_nothing(asking: Asking) -> None:
    """Asked about a token that exists for others only, the answer is that of one that does not exist."""
    factories.own_party("DE-OTH")
    factories.own_token(small_token("ELSEWHERE", "DE-OTH", issuer=SECRET))
    one, other = (
        asking.ask("POST", f"2.3.0/sender/tokens/{uid}/authorize", {"location_id": "L1"})
        for uid in ("ELSEWHERE", "NOTHING")
    )
    assert one.says == other.says == (404, 2004)
    assert one.message == other.message
    assert "data" not in one.envelope


# --- what partners pull -----------------------------------------------------------------------------------------------


@pytest.mark.rule("T-381")
@pytest.mark.parametrize("version", VERSIONS)
def test_the_sender_serves_a_list_and_the_question_and_nothing_else(version: str, asking: Asking) -> None:
    for number in range(5):
        factories.own_token(small_token(f"C{number}", "DE-RDK", at=f"2026-03-0{number + 1}T00:00:00Z"))
    first = asking.get(f"{version}/sender/tokens?limit=3")
    assert [token["uid"] for token in first.data] == ["C0", "C1", "C2"]
    assert (first.headers["X-Total-Count"], first.headers["X-Limit"]) == ("5", "100")
    second = asking.get(first.headers["Link"].split(">")[0].lstrip("<"))
    assert [token["uid"] for token in second.data] == ["C3", "C4"]
    dated = asking.get(f"{version}/sender/tokens?date_from=2026-03-02T00:00:00Z&date_to=2026-03-04T00:00:00Z")
    assert [token["uid"] for token in dated.data] == ["C1", "C2"]
    assert asking.get(f"{version}/sender/tokens/C1").status == 404
    state = snapshot()
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        answered = asking.ask(method, f"{version}/sender/tokens", {} if method != "DELETE" else None)
        assert answered.says == (405, 2000)
    assert snapshot() == state


@pytest.mark.parametrize("version", VERSIONS)
def test_types_that_an_older_version_does_not_know_are_other_there(version: str, asking: Asking) -> None:
    factories.own_token(small_token("PLATE-1", "DE-RDK", type="LICENSE_PLATE", whitelist="NEVER"))
    expected = "LICENSE_PLATE" if version == "2.3.0" else "OTHER"
    assert [token["type"] for token in asking.get(f"{version}/sender/tokens").data] == [expected]


@pytest.mark.rule("T-395")
@pytest.mark.parametrize("version", VERSIONS)
def test_an_emaid_is_neither_listed_nor_pushed(version: str, db: None) -> None:
    partner = factories.partner(receives=("tokens",), version=version)
    factories.own_token(small_token("DE8AA0012345670", "DE-RDK", type="EMAID", whitelist="NEVER"))
    assert Asking(partner.token).get(f"{version}/sender/tokens").data == []
    assert not Message.objects.exists()


# --- over HTTP to the scripted peer -----------------------------------------------------------------------------------


def drained(peer: ScriptedPeer, connection: int) -> list[tuple[str, str]]:
    peer.received.clear()
    draining.drain(connection)
    return [
        (request.method, request.path.split("/receiver/")[1] + "?".join(["", *request.query.get("type", [])]))
        for request in peer.pushed(module="tokens")
    ]


@pytest.mark.rule("T-368", "T-369")
def test_new_and_changed_tokens_are_put_and_never_deleted(platform: Party, peer: ScriptedPeer) -> None:
    peer.role = "CPO"
    connection = registered(peer).pk
    factories.own_token(small_token("C1", "DE-RDK"))
    factories.own_token(small_token("C1", "DE-RDK", type="APP_USER", whitelist="NEVER"))
    assert drained(peer, connection) == [("PUT", "tokens/DE/RDK/C1"), ("PUT", "tokens/DE/RDK/C1?APP_USER")]
    assert peer.held["tokens/DE/RDK/C1"]["type"] == "RFID"
    assert peer.held["tokens/DE/RDK/C1?type=APP_USER"]["type"] == "APP_USER"
    factories.own_token(small_token("C1", "DE-RDK", at=LATER, valid=False))
    assert drained(peer, connection) == [("PUT", "tokens/DE/RDK/C1")]
    assert peer.held["tokens/DE/RDK/C1"]["valid"] is False
    assert set(Message.objects.values_list("state", flat=True)) == {"DONE"}


def test_path_and_body_agree_in_the_words_of_the_older_version(platform: Party, peer: ScriptedPeer) -> None:
    """2.2.1 knows no LICENSE_PLATE: it goes as OTHER, in the address as well."""
    peer.role, peer.versions = "CPO", ("2.2.1",)
    connection = registered(peer).pk
    factories.own_token(small_token("PLATE-1", "DE-RDK", type="LICENSE_PLATE", whitelist="NEVER"))
    assert drained(peer, connection) == [("PUT", "tokens/DE/RDK/PLATE-1?OTHER")]
    assert peer.held["tokens/DE/RDK/PLATE-1?type=OTHER"]["type"] == "OTHER"


def test_a_refused_token_is_not_sent_with_a_parent_that_it_does_not_have(platform: Party, peer: ScriptedPeer) -> None:
    from tests.peer import Twist

    peer.role = "CPO"
    connection = registered(peer).pk
    peer.script("PUT", "/ocpi/2.3.0/receiver/tokens", Twist(status=404, works=False))
    factories.own_token(small_token("C1", "DE-RDK"))
    draining.drain(connection)
    assert Message.objects.get().state == "REFUSED"


@pytest.mark.rule("T-370")
@pytest.mark.parametrize("version", VERSIONS)
def test_a_pull_adds_and_updates_and_a_full_list_ends_what_it_lacks(
    version: str, platform: Party, peer: ScriptedPeer
) -> None:
    peer.versions = (version,)
    connection = registered(peer)
    factories.their_token(small_token("KNOWN", "NL-TNM", at=BEFORE))
    gone = factories.their_token(small_token("GONE", "NL-TNM", at=BEFORE))
    peer.objects["tokens"] = [
        wire_json.encode(small_token("KNOWN", "NL-TNM", at=LATER, valid=False)),
        wire_json.encode(small_token("NEW", "NL-TNM")),
        wire_json.encode(small_token("NEW", "NL-TNM", type="APP_USER", whitelist="NEVER")),
        wire_json.encode(small_token("BAD", "SE-ELV")),
        b'{"uid": "NONSENSE", "country_code": "NL", "party_id": "TNM", "last_updated": "2026-03-01T08:00:00Z"}',
    ]
    run = pulling.run(pulling.start(connection, "tokens", full=True, now=site.now()).pk)
    assert (run.state, run.stored, run.rejected, run.vanished) == ("DONE", 3, 2, 0)
    assert Token.objects.get(object_id="KNOWN").valid is False
    assert Token.objects.filter(object_id="NEW").count() == 2
    del peer.objects["tokens"][3:]
    run = pulling.run(pulling.start(connection, "tokens", full=True, now=site.now()).pk)
    assert (run.stored, run.vanished) == (0, 1)
    gone.refresh_from_db()
    assert (gone.valid, gone.tree()["valid"]) == (False, False)
    assert TokenEvent.objects.get(token=gone).what == "Vanished"
    peer.objects["tokens"].append(wire_json.encode(small_token("GONE", "NL-TNM", at=BEFORE)))
    pulling.run(pulling.start(connection, "tokens", full=True, now=site.now()).pk)
    gone.refresh_from_db()
    assert gone.valid
