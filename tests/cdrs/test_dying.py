"""kill -9 at every named point around storing, issuing, sending and marking: no CDR is lost, and none is twice in the books.

The dying ones are processes of their own on the tests' database; what they were about is done again by whoever comes next, as the
sweep and the workers do.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from http.client import HTTPException

import pytest

from backoffice.cdrs.models import Cdr
from backoffice.crash_points import POINTS
from backoffice.delivery.models import Message
from backoffice.partners.models import Connection, Party
from tests import factories
from tests.cdrs.cast import own_cdr
from tests.doors.asking import encoded
from tests.doors.web import ROOT, _database_url, serving
from tests.factories import small_cdr
from tests.meeting import registered
from tests.peer import ScriptedPeer, assert_ocpi_answer, call
from tests.sessions.cast import after, begin, end, meter, point

KILLED = 137
PUSHING = ("push-before-send", "push-after-send-before-mark", "push-after-acknowledged-before-done")
ISSUING = ("cdr-before-commit", "cdr-after-commit")
RECEIVING = ("cdr-after-store-before-answer",)

DRAIN = """
from backoffice.delivery.actions import draining
draining.drain({pk})
"""
ISSUE = """
from datetime import datetime
from backoffice.cdrs.actions import issuing
issuing.issue_missing(now=datetime.fromisoformat("{now}"))
"""


def run(script: str, crash_at: str = "") -> int:
    """A process of its own; its exit status."""
    program = f"import django\ndjango.setup()\nfrom django.apps import apps\nassert apps.ready\n{script}"
    environment = os.environ | {
        "DATABASE_URL": _database_url(),
        "PYTHONPATH": str(ROOT),
        "ROAMDESK_ALLOW_HTTP": "1",
        "ROAMDESK_ALLOW_NETWORKS": "127.0.0.0/8",
        "ROAMDESK_CRASH_AT": crash_at,
        "ROAMDESK_LOG_LEVEL": "CRITICAL",
    }
    return subprocess.run([sys.executable, "-c", program], env=environment, cwd=ROOT, check=False).returncode


def test_every_point_is_visited_here() -> None:
    assert {*PUSHING, *ISSUING, *RECEIVING} == {name for name in POINTS if name.startswith(("cdr-", "push-"))}


@pytest.mark.parametrize("point_name", PUSHING)
def test_a_push_that_dies(point_name: str, platform: Party, peer: ScriptedPeer) -> None:
    connection: Connection = registered(peer)
    emsp = Party.objects.get(party_id="TNM")
    ids = [f"C{number}" for number in range(3)]
    for identity in ids:
        own_cdr(identity, emsp)
    assert run(DRAIN.format(pk=connection.pk), f"{point_name}:2") == KILLED
    assert Message.objects.filter(state="DUE").exists()
    assert run(DRAIN.format(pk=connection.pk)) == 0
    posted = peer.pushed("POST", "cdrs")
    assert {request.json["id"] for request in posted} == set(ids), "none is lost"
    bodies: dict[str, set[bytes]] = {}
    for request in posted:
        bodies.setdefault(request.json["id"], set()).add(request.body)
    assert all(len(said) == 1 for said in bodies.values()), "what is sent again is the same to the letter"
    sent_again = sum(count - 1 for count in Counter(request.json["id"] for request in posted).values())
    assert sent_again == (0 if point_name == "push-before-send" else 1)
    assert set(Cdr.objects.values_list("state", flat=True)) == {"ACKNOWLEDGED"}
    assert set(Message.objects.filter(module="cdrs").values_list("state", flat=True)) == {"DONE"}


@pytest.mark.parametrize("point_name", ISSUING)
def test_an_issue_that_dies(point_name: str, transactional_db: None) -> None:
    emsp = factories.partner("SE-ELV:EMSP", ours=[factories.own_party()], receives=["cdrs"]).party
    for number in range(3):
        evse = point(tariffs=(), evse_id=f"DE*RDK*E{number}", location=f"LOC{number}")
        session = begin(evse, emsp, transaction=f"TX-{number}", uid=f"CARD-{number}")
        meter(session, 30, "1005")
        end(session, 60, "1011")
    script = ISSUE.format(now=after(100).isoformat())
    assert run(script, f"{point_name}:2") == KILLED
    assert Cdr.objects.count() == (1 if point_name == "cdr-before-commit" else 2)
    assert run(script) == 0
    assert Counter(Cdr.objects.values_list("session_ref", flat=True)).most_common(1)[0][1] == 1
    assert Cdr.objects.count() == Message.objects.filter(module="cdrs", state="DUE").count() == 3


def test_a_door_that_dies_before_it_answers(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.own_party()
    token, body = factories.partner().token, encoded(small_cdr("C1"))
    monkeypatch.setenv("ROAMDESK_CRASH_AT", RECEIVING[0])
    with serving() as url, pytest.raises((OSError, HTTPException)):
        call("POST", f"{url}/ocpi/2.3.0/receiver/cdrs", token, body=body)
    assert Cdr.objects.count() == 1, "it was stored, and its sender does not know"
    monkeypatch.delenv("ROAMDESK_CRASH_AT")
    with serving() as url:
        answer = call("POST", f"{url}/ocpi/2.3.0/receiver/cdrs", token, body=body)
        assert_ocpi_answer(answer, status=201)
        assert answer.headers["Location"].endswith("/receiver/cdrs/SE/ELV/C1")
    assert Cdr.objects.count() == 1
