"""`manage.py sweep`: the process that makes sure that nothing due is forgotten, with or without a broker."""

from __future__ import annotations

import logging
import select
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError
from django.db import connection as database

from backoffice.celery import app
from backoffice.delivery.actions.draining import drain, mailboxes_due
from backoffice.delivery.actions.pulling import pulls_waiting
from backoffice.delivery.actions.pulling import run as run_pull
from backoffice.delivery.actions.staging import CHANNEL
from backoffice.roaming_site import site

log = logging.getLogger("roamdesk.sweep")

LOOK_EVERY = 5.0
INLINE_AFTER = timedelta(seconds=15)
"""When something has been due this long the workers are not coming: drain here, a little, until they are back."""

PUBLISH_SECONDS = 2.0

AWAY = (OperationalError, InterfaceError, psycopg.OperationalError)
"""The database is gone; the last, which Django does not wrap, while we wait for notices."""


class Command(BaseCommand):
    help = "Listens for staged messages and hands their mailboxes to the workers; drains itself when nobody does."

    def handle(self, *args: Any, **options: Any) -> None:
        self.begun: dict[int, bool] = {}
        """Pulls that staff started and that were handed on, by id; True once this process does them itself."""
        pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="inline-drain")
        inline: set[int] = set()
        while True:
            try:
                self._listen(pool, inline)
            except (
                OperationalError,
                InterfaceError,
                psycopg.OperationalError,
            ) as error:  # the last while it waits for notices
                log.warning("database unavailable, listening again in a second: %s", error)
                database.close()
                time.sleep(1)

    def _listen(self, pool: ThreadPoolExecutor, inline: set[int]) -> None:
        database.ensure_connection()
        raw = database.connection
        database.cursor().execute(f"LISTEN {CHANNEL}")
        raw.add_notify_handler(lambda notice: None)
        while True:
            self._sweep(pool, inline)
            _wait(raw, LOOK_EVERY)

    def _sweep(self, pool: ThreadPoolExecutor, inline: set[int]) -> None:
        now = site.now()
        for connection_id, oldest in mailboxes_due(now):
            if now - oldest > INLINE_AFTER and connection_id not in inline:
                inline.add(connection_id)
                pool.submit(_drain_here, connection_id, inline)
            else:
                _publish("delivery.drain", connection_id=connection_id)
        waiting = dict(pulls_waiting())
        self.begun = {pull_id: here for pull_id, here in self.begun.items() if pull_id in waiting}
        for pull_id, since in waiting.items():
            if pull_id not in self.begun:
                self.begun[pull_id] = False
                _publish("delivery.pull", pull_id=pull_id)
            elif now - since > INLINE_AFTER and not self.begun[pull_id]:
                self.begun[pull_id] = True
                pool.submit(_pull_here, pull_id)


def _wait(raw: Any, seconds: float) -> None:
    """Sleep until a notice comes; several that came together wake us once."""
    ready, _, _ = select.select([raw.fileno()], [], [], seconds)
    if ready:
        raw.execute("SELECT 1")  # takes the notices off the wire


def _publish(task: str, **ids: int) -> None:
    """Nudge the workers. A broker that hangs costs two seconds at most; the table is the memory, not the queue."""
    try:
        with app.connection_for_write(connect_timeout=PUBLISH_SECONDS) as broker:
            app.send_task(task, kwargs=ids, connection=broker, retry=False)
    except Exception as error:  # noqa: BLE001 - whatever a broker library raises: the sweep goes on by itself later
        log.warning("the broker took no task (%s); the sweep works by itself when it stays away", error)


def _drain_here(connection_id: int, inline: set[int]) -> None:
    try:
        drain(connection_id, limit=500)
    except Exception:
        log.exception("inline drain of connection %s failed", connection_id)
    finally:
        inline.discard(connection_id)
        database.close()


def _pull_here(pull_id: int) -> None:
    try:
        run_pull(pull_id)
    except Exception:
        log.exception("inline pull %s failed", pull_id)
    finally:
        database.close()
