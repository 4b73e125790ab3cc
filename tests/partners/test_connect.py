"""`manage.py connect`: each verb as a script uses it, against the scripted peer; what fails can be tried again."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from backoffice.delivery.models import Exchange
from backoffice.partners.actions.connections import own_parties
from backoffice.partners.models import Connection, InboundToken, Party
from backoffice.partners.secrets import decrypt
from backoffice.roaming_site import site
from tests.meeting import registered
from tests.peer import ScriptedPeer, Twist, assert_ocpi_answer, call
from tests.peer.platform import TOKEN_A, TOKEN_B, TOKEN_C


def connect(*arguments: str) -> dict[str, Any]:
    """What `connect ... --json` prints: one object, which always says where we are to be found."""
    said = io.StringIO()
    call_command("connect", *arguments, "--json", stdout=said)
    told: dict[str, Any] = json.loads(said.getvalue())
    assert told["our_versions_url"] == site.versions_url()
    return told


def refused(*arguments: str) -> dict[str, Any]:
    said = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("connect", *arguments, "--json", stdout=said)
    assert ended.value.code == 1
    told: dict[str, Any] = json.loads(said.getvalue())
    assert told.keys() == {"error", "cause", "our_versions_url"}
    assert told["error"]
    assert told["our_versions_url"] == site.versions_url()
    return told


def adopted(peer: ScriptedPeer, *more: str) -> tuple[str, ...]:
    return (
        *("adopt", "--name", "TNM", "--roles", "NL-TNM:EMSP,nl-tnm:cpo", "--versions-url", peer.versions_url),
        *("--inbound-token", "theirs-of-old", "--outbound-token", TOKEN_B, "--version", "2.3.0", *more),
    )


def test_an_invitation_is_all_that_a_partner_needs(platform: Party, peer: ScriptedPeer) -> None:
    told = connect("invite", "--name", "TNM")
    assert (told["state"], told["our_parties"], told["expires_in_days"]) == ("INVITED", ["DE-RDK"], 7)
    assert_ocpi_answer(peer.register_at(told["our_versions_url"], told["token_a"]))
    (listed,) = connect("list")["connections"]
    assert (listed["name"], listed["state"], listed["version"]) == ("TNM", "ACTIVE", "2.3.0")
    assert listed["roles"] == [{"party": "NL-TNM", "role": "EMSP", "state": "ACTIVE"}]


def test_a_registration_is_named_by_its_host_unless_told(platform: Party, peer: ScriptedPeer) -> None:
    told = connect("register", peer.versions_url, TOKEN_A)
    assert (told["state"], told["version"]) == ("ACTIVE", "2.3.0")
    assert told["name"] == peer.versions_url.split("/")[2]
    assert {row["identifier"] for row in told["endpoints"]} >= {"credentials", "locations"}


def test_a_registration_that_failed_is_tried_again_with_what_is_given_then(platform: Party, peer: ScriptedPeer) -> None:
    told = refused("register", f"{peer.versions_url}x", "mistyped", "--name", "TNM", "--plain-token")
    assert told["cause"]
    assert refused("register", peer.versions_url, "mistyped", "--name", "TNM")["cause"] == "unauthorized"
    told = connect("register", peer.versions_url, TOKEN_A, "--name", "TNM")
    assert told["state"] == "ACTIVE"
    assert Connection.objects.count() == 1
    assert not Connection.objects.get().plain_token
    assert "already" in refused("register", peer.versions_url, TOKEN_A, "--name", "TNM")["error"]


def test_a_connection_is_adopted_without_a_request(platform: Party, peer: ScriptedPeer) -> None:
    told = connect(*adopted(peer, "--offline"))
    assert (told["state"], told["version"], told["endpoints"]) == ("ACTIVE", "2.3.0", [])
    assert [role["role"] for role in told["roles"]] == ["CPO", "EMSP"]
    assert not Exchange.objects.exists()
    assert call("GET", site.versions_url(), "theirs-of-old").status == 200
    connection = Connection.objects.get()
    assert decrypt(connection.token_out) == TOKEN_B
    told = connect("update", "TNM")
    assert {row["identifier"] for row in told["endpoints"]} >= {"credentials", "locations"}


def test_an_adoption_that_cannot_read_the_partner_leaves_nothing(platform: Party, peer: ScriptedPeer) -> None:
    peer.script("GET", "/ocpi/versions", Twist(status=503))
    assert refused(*adopted(peer))["cause"] == "server_error"
    assert not Connection.objects.exists()
    assert not InboundToken.objects.exists()
    assert call("GET", site.versions_url(), "theirs-of-old").status == 401
    assert connect(*adopted(peer))["endpoints"]  # the same command, once the partner answers
    assert call("GET", site.versions_url(), "theirs-of-old").status == 200


def test_two_connections_never_share_a_token(platform: Party, peer: ScriptedPeer) -> None:
    connect(*adopted(peer, "--offline"))
    again = [argument.replace("TNM", "OTH") if "TNM" in argument else argument for argument in adopted(peer)]
    assert "opens another connection" in refused(*again, "--offline")["error"]
    assert Connection.objects.count() == 1


def test_a_connection_pauses_and_goes_on(platform: Party, peer: ScriptedPeer) -> None:
    registered(peer)
    assert (connect("pause", "TNM")["state"], connect("resume", "TNM")["state"]) == ("PAUSED", "ACTIVE")
    assert "cannot resume" in refused("resume", "TNM")["error"]


def test_a_rotation_stays_in_the_version_and_an_upgrade_changes_it(platform: Party, peer: ScriptedPeer) -> None:
    peer.versions = ("2.2.1",)
    registered(peer)
    first = peer.token_for_other
    peer.versions = ("2.2.1", "2.3.0")
    assert connect("rotate", "TNM")["version"] == "2.2.1"
    second = peer.token_for_other
    assert second != first
    assert decrypt(Connection.objects.get().token_out) == TOKEN_C
    told = connect("upgrade", "TNM")
    assert told["version"] == "2.3.0"
    assert all("/2.3.0/" in row["url"] for row in told["endpoints"])
    assert call("GET", site.versions_url(), peer.token_for_other).status == 200
    assert refused("upgrade", "TNM")["cause"] == "no_newer_version"


def test_a_removal_tells_the_partner_and_frees_the_name(platform: Party, peer: ScriptedPeer) -> None:
    registered(peer)
    told = connect("remove", "TNM")
    assert (told["state"], told["partner_said"]) == ("REMOVED", "The partner confirmed.")
    assert peer.received[-1].method == "DELETE"
    assert connect("invite", "--name", "TNM")["state"] == "INVITED"


def test_our_own_companies(platform: Party) -> None:
    assert connect("party", "nl-abc", "--name", "ABC", "--roles", "CPO, EMSP")["roles"] == ["CPO", "EMSP"]
    assert {str(party) for party in own_parties()} == {"DE-RDK", "NL-ABC"}
    told = connect("invite", "--name", "X", "--for", "NL-ABC")
    assert told["our_parties"] == ["NL-ABC"]
    assert "Not our own" in refused("invite", "--name", "Y", "--for", "NL-XXX")["error"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["party", "NLABC", "--name", "x", "--roles", "CPO"], "'NLABC' is no party"),
        (["party", "NL-ABCD", "--name", "x", "--roles", "CPO"], "'NL-ABCD' is no party"),
        (["party", "NL-A*C", "--name", "x", "--roles", "CPO"], "'NL-A*C' is no party"),
        (["party", "ſL-ABC", "--name", "x", "--roles", "CPO"], "is no party"),
        (["party", "NL-ABC", "--name", "x", "--roles", "CPO,BOSS"], "'BOSS' is no role"),
        (["party", "NL-ABC", "--name", "x", "--roles", ""], "'' is no role"),
        (["party", "NL-ABC", "--name", "x" * 101, "--roles", "CPO"], "at most 100 characters"),
        (["invite", "--name", "x" * 101], "at most 100 characters"),
        (["invite", "--name", " "], "needs a name"),
        (["check", "nobody"], "no connection named 'nobody'"),
        (["register", "ftp://partner.example", "x"], "must be an absolute http or https URL"),
        (["register", "https://" + "a" * 300 + ".example/", "x"], "at most 255 characters"),
        (
            [
                *(
                    "adopt",
                    "--name",
                    "x",
                    "--roles",
                    "NL-TNM:BOSS",
                    "--versions-url",
                    "https://p.example/ocpi/versions",
                ),
                *("--inbound-token", "a", "--outbound-token", "b", "--version", "2.3.0", "--offline"),
            ],
            "'BOSS' is no role",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    transactional_db: None, platform: Party, arguments: list[str], sentence: str
) -> None:
    assert sentence in refused(*arguments)["error"]
    with pytest.raises(CommandError, match=re.escape(sentence)):
        call_command("connect", *arguments)
    assert not Connection.objects.exists()
    assert [str(party) for party in Party.objects.all()] == ["DE-RDK"]


def test_people_read_the_same_in_lines(platform: Party, peer: ScriptedPeer) -> None:
    registered(peer)
    said = io.StringIO()
    call_command("connect", "list", stdout=said)
    assert "name: TNM" in said.getvalue()
    assert f"our_versions_url: {site.versions_url()}" in said.getvalue()
