"""CDRs by pages: the same store as a POST, set by set; what was missed is found, what is wrong is kept aside."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from backoffice.cdrs.models import Cdr, Quarantined
from backoffice.delivery.actions import pulling
from backoffice.delivery.models import Pull
from backoffice.partners.models import Connection, Party
from backoffice.roaming_site import site
from tests.cdrs.test_receiving import LITERAL, LITERAL_2_2_1
from tests.factories import small_cdr
from tests.meeting import registered
from tests.peer import ScriptedPeer, call
from tests.peer.platform import TOKEN_B


def theirs(identity: str, **changes: Any) -> dict[str, Any]:
    return small_cdr(identity, "NL-TNM", **changes)


def written(tree: dict[str, Any]) -> bytes:
    from tests.doors.asking import encoded

    return encoded(tree)


@pytest.fixture
def connection(platform: Party, peer: ScriptedPeer) -> Connection:
    peer.role = "CPO"
    return registered(peer)


def pull(connection: Connection, **options: Any) -> Pull:
    started = pulling.start(connection, "cdrs", full=True, now=site.now(), **options)
    pulling.run(started.pk)
    return Pull.objects.get(pk=started.pk)


@pytest.mark.rule("T-297")
def test_pages_are_stored_as_posts_are(connection: Connection, peer: ScriptedPeer) -> None:
    literal = LITERAL.replace(b'"SE", "party_id": "ELV", "id": "CDR-1"', b'"NL", "party_id": "TNM", "id": "CDR-1"')
    peer.objects["cdrs"] = [literal, *(written(theirs(f"C{number}")) for number in range(120))]
    done = pull(connection)
    assert (done.state, done.pages, done.stored, done.rejected) == ("DONE", 3, 121, 0)
    assert Cdr.objects.filter(verdict="WAITING", ours=False).count() == 121
    row = Cdr.objects.get(object_id="CDR-1")
    assert orjson.loads(row.document) == json.loads(literal)
    assert pull(connection).stored == 0
    assert Cdr.objects.count() == 121
    assert not Quarantined.objects.exists()


def test_what_was_posted_and_is_pulled_is_one(connection: Connection, peer: ScriptedPeer) -> None:
    url = f"{site.public_url}/ocpi/2.3.0/receiver/cdrs"
    tree = theirs("C1")
    assert call("POST", url, peer.token_for_other, body=written(tree)).status == 201
    peer.objects["cdrs"] = [written(tree), written(theirs("C2"))]
    assert pull(connection).stored == 1
    assert Cdr.objects.count() == 2


def test_a_page_holds_what_is_wrong_and_what_is_right(connection: Connection, peer: ScriptedPeer) -> None:
    """A foreign party, nonsense, a foreign token, the same id twice: each is told apart, and the rest is stored."""
    token = theirs("")["cdr_token"] | {"country_code": "FR", "party_id": "XYZ"}
    peer.objects["cdrs"] = [
        written(theirs("C1")),
        written(small_cdr("C2", "FR-XYZ")),
        written(theirs("C3", total_cost=None)),
        written(theirs("C4", cdr_token=token)),
        written(theirs("C5")),
        written(theirs("c5", remark="another")),
        written(theirs("C6", credit=True, credit_reference_id="C1")),
    ]
    done = pull(connection)
    assert (done.state, done.stored, done.rejected) == ("DONE", 3, 2)
    assert sorted(Cdr.objects.values_list("object_id", flat=True)) == ["C1", "C5", "C6"]
    assert sorted(Quarantined.objects.values_list("object_id", "why")) == [
        ("C4", "FOREIGN_TOKEN"),
        ("c5", "OTHER_CONTENT"),
    ]
    assert Cdr.objects.get(object_id="C1").credited_by == Cdr.objects.get(object_id="C6")
    pull(connection)
    assert sorted(Quarantined.objects.values_list("object_id", "times")) == [("C4", 2), ("c5", 2)]


def test_an_old_page_of_2_2_1(platform: Party, peer: ScriptedPeer) -> None:
    peer.role, peer.versions = "CPO", ("2.2.1",)
    literal = LITERAL_2_2_1.replace(b'"SE", "party_id": "ELV", "id"', b'"NL", "party_id": "TNM", "id"')
    peer.objects["cdrs"] = [literal]
    done = pull(registered(peer))
    assert (done.state, done.stored) == ("DONE", 1)
    row = Cdr.objects.get()
    assert (row.told_in, str(row.total_excl), str(row.total_incl)) == ("2.2.1", "10.2250", "12.7813")


def test_what_became_visible_late_is_found_at_night(connection: Connection, peer: ScriptedPeer) -> None:
    """A delta asks from the last run on; a CDR with an older last_updated is in none of them."""
    from backoffice.cdrs.actions import fetching

    peer.objects["cdrs"] = [written(theirs("C1"))]
    pull(connection)
    late = site.now().replace(microsecond=0)
    peer.objects["cdrs"].append(
        written(theirs("C2", last_updated=(late.replace(hour=0, minute=0, second=0)).strftime("%Y-%m-%dT%H:%M:%SZ")))
    )
    Pull.objects.update(started_at=site.now())
    started = pulling.start(connection, "cdrs", full=False, now=site.now())
    pulling.run(started.pk)
    found_by_delta = Cdr.objects.filter(object_id="C2").exists()
    assert fetching.fetch_missed(now=site.now()) == 1
    running = Pull.objects.get(state="RUNNING")
    assert (site.now() - running.date_from).days == 7
    pulling.run(running.pk)
    assert Cdr.objects.filter(object_id="C2").exists()
    assert not found_by_delta or site.now().hour == 0


def test_the_token_is_that_of_the_peer(connection: Connection) -> None:
    url = f"{site.public_url}/ocpi/2.3.0/receiver/cdrs"
    assert call("POST", url, TOKEN_B, body=written(theirs("C1"))).status == 401
    assert not Cdr.objects.exists()
