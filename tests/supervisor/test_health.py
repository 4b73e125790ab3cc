"""The two pages that machines ask: /healthz and /metrics."""

import pytest
from django.conf import settings
from django.db import connection
from django.db.utils import OperationalError
from django.test import Client


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
