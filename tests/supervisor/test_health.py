"""The two pages that machines ask: /healthz and /metrics."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.db.utils import OperationalError
from django.test import Client

from backoffice.cdrs.models import Cdr
from backoffice.delivery.models import Errand, Message
from backoffice.partners.models import Connection, Party
from backoffice.partners.rules import ConnectionState
from backoffice.supervisor.metrics import SOURCES
from tests import factories
from tests.cdrs.cast import own_cdr


@pytest.mark.django_db
def test_healthz_says_ok_while_the_database_answers(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_healthz_says_503_when_the_database_does_not_answer(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(connection, "cursor", refuse)
    assert client.get("/healthz").status_code == 503


@pytest.mark.django_db
@pytest.mark.parametrize("header", [None, "", "Bearer ", "Bearer wrong", "Bearer żółw", "Basic x"])
def test_metrics_are_closed_without_the_token(client: Client, header: str | None) -> None:
    answer = client.get("/metrics", headers={} if header is None else {"Authorization": header})
    assert answer.status_code == 401
    assert b"roamdesk_" not in answer.content


@pytest.mark.django_db
def test_metrics_show_the_size_of_the_database(client: Client) -> None:
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {settings.METRICS_TOKEN}"})
    assert answer.status_code == 200
    line = next(line for line in answer.content.decode().splitlines() if line.startswith("roamdesk_database_size_"))
    assert float(line.split()[1]) > 1_000_000


@pytest.mark.django_db
def test_metrics_tell_what_we_owe_to_each_partner(client: Client) -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    slow = Connection.objects.create(name="Slow", state=ConnectionState.ACTIVE)
    Connection.objects.create(name="Quick", state=ConnectionState.ACTIVE)
    party = Party.objects.create(country_code="NL", party_id="ABC", name="Us", ours=True)
    for number, (state, minutes) in enumerate([("DUE", 5), ("DUE", 2), ("DONE", 60)]):
        Message.objects.create(
            connection=slow,
            sender=party,
            receiver=party,
            module="locations",
            object_path=str(number),
            state=state,
            due_at=now,
            owed_since=now - timedelta(minutes=minutes),
            created_at=now,
        )
    for key, age in (("one", 3), ("two", 8)):
        Errand.objects.create(
            connection=slow,
            sender=party,
            module="commands",
            kind="STOP_SESSION",
            what="REQUEST",
            key=key,
            method="POST",
            deadline=now,
            due_at=now,
            created_at=now - timedelta(seconds=age),
        )
    Errand.objects.filter(key="two").update(state="DONE", finished_at=now)
    with time_machine.travel(now, tick=False):
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {settings.METRICS_TOKEN}"})
    lines = answer.content.decode().splitlines()
    assert 'roamdesk_errands_waiting{connection="Slow"} 1.0' in lines
    assert 'roamdesk_oldest_errand_age_seconds{connection="Slow"} 3.0' in lines
    assert 'roamdesk_oldest_errand_age_seconds{connection="Quick"} 0.0' in lines
    assert 'roamdesk_oldest_due_message_age_seconds{connection="Slow"} 300.0' in lines
    assert 'roamdesk_oldest_due_message_age_seconds{connection="Quick"} 0.0' in lines
    assert 'roamdesk_messages_due{connection="Slow"} 2.0' in lines
    assert 'roamdesk_connections{state="ACTIVE"} 2.0' in lines


@pytest.mark.django_db
def test_metrics_tell_of_bills_that_stand_still(client: Client) -> None:
    def told(now: datetime) -> dict[str, str]:
        with time_machine.travel(now, tick=False):
            answer = client.get("/metrics", headers={"Authorization": f"Bearer {settings.METRICS_TOKEN}"})
        lines = [line.rsplit(" ", 1) for line in answer.content.decode().splitlines() if not line.startswith("#")]
        return {name.removeprefix("roamdesk_"): value for name, value in lines if "cdr" in name}

    issued = datetime(2026, 5, 1, 12, tzinfo=UTC)
    at = issued + timedelta(hours=24)
    assert set(told(at).values()) == {"0.0"}
    emsp = factories.partner("NL-TNM:EMSP", "SE-ELV:CPO").party
    own_cdr("RELEASED", emsp, now=issued - timedelta(seconds=1))
    own_cdr("LATER", emsp, now=issued)
    own_cdr("HELD", emsp, now=issued - timedelta(hours=9), held=("ENERGY_OVER_POWER_LIMIT",), session_id="S-1")
    for number, minutes in enumerate((7, 3)):
        cdr = own_cdr(f"THEIRS-{number}", emsp, now=at - timedelta(minutes=minutes), session_id=f"S-2{number}")
        Cdr.objects.filter(pk=cdr.pk).update(ours=False, state="", verdict="WAITING")
    assert told(at) == {
        "cdr_checks_waiting": "2.0",
        "oldest_cdr_check_age_seconds": "420.0",
        "cdrs_unacknowledged": "1.0",
        "oldest_unacknowledged_cdr_age_seconds": "86401.0",
    }


@pytest.mark.django_db
def test_the_manual_names_each_figure() -> None:
    manual = (settings.BASE_DIR / "docs" / "deployment.md").read_text("utf-8")
    found = {family.name for source in SOURCES for family in source()}
    assert len(found) == 17
    assert {name for name in found if f"`{name}" not in manual} == set()
