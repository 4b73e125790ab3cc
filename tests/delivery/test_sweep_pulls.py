"""Pulls that staff start are handed to the workers once, and done by the sweep itself when no worker takes them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from backoffice.delivery.actions import pulling
from backoffice.delivery.management.commands import sweep
from backoffice.delivery.models import Pull
from backoffice.partners.models import Endpoint
from backoffice.roaming_site import site
from tests.factories import partner


class Pool(ThreadPoolExecutor):
    """Notes what it was given and does nothing."""

    def __init__(self) -> None:
        super().__init__(max_workers=1)
        self.given: list[tuple[Any, ...]] = []

    def submit(self, task: Any, *arguments: Any) -> Any:  # type: ignore[override]  # no caller here wants the future
        self.given.append((task.__name__, *arguments))


@pytest.fixture
def waiting(db: None) -> Pull:
    connection = partner().connection
    url = f"{connection.confirmed_origins[0]}/locations"
    Endpoint.objects.create(connection=connection, identifier="locations", role="SENDER", url=url)
    return pulling.start(connection, "locations", full=True, now=site.now())


def test_a_new_pull_is_published_once_and_taken_over_after_a_while(
    waiting: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[tuple[str, dict[str, int]]] = []
    monkeypatch.setattr(sweep, "_publish", lambda task, **ids: published.append((task, ids)))
    command, pool = sweep.Command(), Pool()
    now: datetime = site.now()

    def look(later: timedelta) -> None:
        monkeypatch.setattr(sweep.site, "now", lambda: now + later)
        command._sweep(pool, set())

    look(timedelta(seconds=1))
    look(timedelta(seconds=5))
    assert (published, pool.given) == ([("delivery.pull", {"pull_id": waiting.pk})], [])
    look(timedelta(seconds=16))
    look(timedelta(seconds=20))
    assert pool.given == [("_pull_here", waiting.pk)]
    assert len(published) == 1

    Pull.objects.filter(pk=waiting.pk).update(pages=1)
    look(timedelta(seconds=25))
    assert command.begun == {}, "a run that has begun is no longer the sweep's business"
