"""The doors of card payments and what nobody sane sends: never a server error, nothing changed, nothing of another shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection as database
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backoffice.partners.models import Party
from backoffice.payments.actions.terminals import providing
from backoffice.payments.models import Advice, Terminal
from backoffice.roaming_site import site
from tests import factories
from tests.doors.asking import Asking, snapshot
from tests.doors.queries import Counted, check
from tests.doors.test_fuzz import ODD, leaves, with_value
from tests.doors.test_isolation import SECRET, routing
from tests.doors.test_isolation_of_modules import NONSENSE
from tests.factories import Partner, small_advice
from tests.versions.strategies import older_values

RECEIVER, SENDER = "2.3.0/receiver/payments", "2.3.0/sender/payments"
ADVICE = "financial-advice-confirmations"
TERMINAL = {"terminal_id": "T-1", "reference": "SN-1", "city": SECRET[:45], "last_updated": "2026-03-01T08:00:00Z"}


@pytest.fixture
def both(us: Party) -> Partner:
    """SE-ELV is a provider at our charge points and a CPO at which our terminals stand: one of each is there."""
    ptp = factories.own_party("DE-PTP", "PTP")
    partner = factories.partner("SE-ELV:CPO", "SE-ELV:OTHER", ours=[us, ptp], receives=["payments"])
    providing.create(party=ptp, customer=partner.party, fields=TERMINAL, by="anna", now=site.now())
    asking = Asking(partner.token)
    assert asking.ask("POST", f"{RECEIVER}/terminals", TERMINAL).says == (201, 1000)
    advice = small_advice("F-1", "REF-1", capture_status_message=SECRET)
    assert asking.ask("POST", f"{RECEIVER}/{ADVICE}", advice).says == (201, 1000)
    row = Advice.objects.get()
    row.pk, row.ours, row.party, row.customer = None, True, ptp, partner.party
    row.save(force_insert=True)
    return partner


WRITES = [
    ("POST", f"{RECEIVER}/terminals"),
    ("POST", f"{RECEIVER}/{ADVICE}"),
    ("PUT", f"{SENDER}/terminals/T-1"),
    ("PATCH", f"{SENDER}/terminals/T-1"),
    ("POST", f"{SENDER}/terminals/activate"),
]


def test_nonsense_is_answered_and_changes_nothing(both: Partner) -> None:
    asking, before = Asking(both.token), snapshot()
    for method, path in WRITES:
        for body in NONSENSE:
            answered = asking.ask(method, path, body, content_type="application/json")
            assert answered.status in (200, 400), (method, path, body)
            fine = body in ({}, {"id": None}, {"id": {"id": {}}})  # of a partial body, one that changes nothing
            assert answered.code != 1000 or (fine and "SENDER" in path.upper()), (method, path, body)
            if answered.code == 1000 and path.endswith("activate"):
                Terminal.objects.exclude(object_id="T-1").delete()  # a terminal without a word on it
    changed = {table for table, rows in snapshot().items() if rows != before.get(table)}
    assert changed <= {"payments_terminal", "payments_terminalevent", "delivery_message"}, changed
    assert {row.tree()["city"] for row in Terminal.objects.all()} == {SECRET[:45]}


@given(data=st.data())
@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_one_broken_leaf(both: Partner, data: st.DataObject) -> None:
    """Whatever stands there: HTTP 200 or 201, taken whole or refused whole."""
    method, path = data.draw(st.sampled_from(WRITES))
    name = "FinancialAdviceConfirmation" if path.endswith(ADVICE) else "Terminal"
    tree = data.draw(older_values("2.3.0", name))
    broken = with_value(tree, data.draw(st.sampled_from(sorted(leaves(tree), key=str))), data.draw(ODD))
    answered = Asking(both.token).ask(method, path, broken)
    assert (answered.status, answered.code) in ((200, 1000), (201, 1000), (200, 2001), (404, 2001)), answered.body


def tries() -> Iterator[tuple[str, str, Any]]:
    for name in ("T-1", "t-1", "activate", "T-1/deactivate", "NONE"):
        for method, body in (
            ("GET", None),
            ("PUT", {"city": "x"}),
            ("PATCH", {"location_ids": ["L1"]}),
            ("DELETE", None),
        ):
            yield method, f"{SENDER}/terminals/{name}", body
            yield method, f"{RECEIVER}/terminals/{name}", body
    yield "POST", f"{SENDER}/terminals/T-1/deactivate", None
    yield "POST", f"{SENDER}/terminals/activate", {"terminal_id": "T-1"}
    yield "POST", f"{SENDER}/terminals/activate", {"reference": "sn-1", "country_code": "SE", "party_id": "ELV"}
    for name in ("F-1", "f-1"):
        yield "GET", f"{SENDER}/{ADVICE}/{name}", None
        yield "GET", f"{RECEIVER}/{ADVICE}/{name}", None


def test_nothing_of_another_is_read_or_changed(both: Partner, us: Party) -> None:
    """NO-FJO is everything that SE-ELV is, with the same companies of ours."""
    ptp = Party.objects.get(party_id="PTP")
    stranger = Asking(factories.partner("NO-FJO:CPO", "NO-FJO:OTHER", ours=[us, ptp]).token)
    stranger.get("versions")
    before = snapshot()
    for method, path, body in tries():
        for headers in ({}, routing("DE-PTP", "NO-FJO"), routing("DE-PTP", "SE-ELV")):
            answered = stranger.ask(method, path, body, headers=headers)
            assert answered.status in (200, 404, 405) and answered.code != 1000, (method, path, answered.body)
            assert SECRET[:20].encode() not in answered.body, (method, path)
    assert snapshot() == before
    for part in ("terminals", ADVICE):
        assert stranger.get(f"{SENDER}/{part}").data == []


COUNTED: list[tuple[str, str, Any]] = [
    ("GET", f"{SENDER}/terminals", None),
    ("GET", f"{SENDER}/terminals/T-1", None),
    ("GET", f"{SENDER}/{ADVICE}", None),
    ("PATCH", f"{SENDER}/terminals/T-1", {"location_ids": ["L1"]}),
    ("POST", f"{SENDER}/terminals/T-1/deactivate", None),
    ("POST", f"{RECEIVER}/terminals", {"terminal_id": "T-2", "last_updated": "2026-03-01T08:00:00Z"}),
    ("POST", f"{RECEIVER}/{ADVICE}", small_advice("F-2", "REF-2")),
    ("GET", f"{RECEIVER}/{ADVICE}/F-1", None),
]


def test_statements_per_request(both: Partner) -> None:
    """As the file says, and a list of forty costs what a list of one does."""
    asking, ptp = Asking(both.token), Party.objects.get(party_id="PTP")
    asking.get("versions")
    for method, path, body in COUNTED:
        with Counted() as counted:
            assert asking.ask(method, path, body).code == 1000
        check(f"{method} {path}", counted)
    for number in range(40):
        made = {"terminal_id": f"N{number}"}
        providing.create(party=ptp, customer=both.party, fields=made, by="anna", now=site.now())
    with Counted() as counted:
        assert len(asking.get(f"{SENDER}/terminals").data) == 40
    check(f"GET {SENDER}/terminals", counted)


PAN, WRITTEN = "4111111111111111", ("4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111")


def holding(text: str) -> list[str]:
    """The tables in which this text stands, wherever: documents, logs, history, jobs."""
    found = []
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', [f"%{text}%"])
            if cursor.fetchone()[0]:
                found.append(table)
    return found


def test_a_card_number_is_kept_nowhere(both: Partner, caplog: pytest.LogCaptureFixture) -> None:
    """A provider sends whole numbers, where they belong and where nobody looks; taken, refused, kept aside and read back."""
    asking = Asking(both.token)
    whole = {"eft_data": [f"PAN {each}" for each in WRITTEN], "capture_status_message": f"no {PAN}", "x_pan": int(PAN)}
    deep = {"x": {"y": [PAN, {PAN: WRITTEN[1]}]}}
    assert asking.ask("POST", f"{RECEIVER}/{ADVICE}", small_advice("P-1", "REF-P") | whole | deep).says == (201, 1000)
    assert asking.ask("POST", f"{RECEIVER}/{ADVICE}", small_advice("P-1", "REF-P") | whole | deep).says == (201, 1000)
    asking.ask("POST", f"{RECEIVER}/{ADVICE}", small_advice("P-1", "REF-P", "9.99") | whole)
    for broken in ({"eft_data": PAN}, {"eft_data": {"pan": PAN}}, {"capture_status_code": PAN}, {"currency": PAN}):
        assert asking.ask("POST", f"{RECEIVER}/{ADVICE}", small_advice("P-2", "REF-Q") | broken).says == (200, 2001)
    asking.ask("POST", f"{RECEIVER}/{ADVICE}", b'{"eft_data":["PAN 4111111111111111","')
    assert asking.get(f"{RECEIVER}/{ADVICE}/P-1").data["eft_data"][0] == "PAN **** 1111"
    for written in WRITTEN:
        assert holding(written) == [], written
        assert written not in caplog.text
    assert Advice.objects.get(object_id="P-1").tree()["x_pan"] == "**** 1111"
