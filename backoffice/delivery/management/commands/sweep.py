"""`manage.py sweep`: the process that makes sure that nothing due is forgotten, with or without a broker."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError
from django.db import connection as database

from backoffice.api.actions import sending
from backoffice.billing.actions.making import make
from backoffice.billing.actions.steering import waiting as runs_waiting
from backoffice.celery import app
from backoffice.delivery.actions.draining import drain, mailboxes_due
from backoffice.delivery.actions.pulling import pulls_waiting
from backoffice.delivery.actions.pulling import run as run_pull
from backoffice.delivery.management import ending
from backoffice.delivery.management.hurrying import Hurry
from backoffice.delivery.management.hurrying import wait as _wait
from backoffice.jobs import actions as jobs
from backoffice.jobs.recording import HEADER
from backoffice.nudging import CHANNEL, QUIET
from backoffice.payments.actions import watching as payments
from backoffice.roaming_site import site

log = logging.getLogger("roamdesk.sweep")

LOOK_EVERY = 5.0
LOOK_AGAIN = 0.1
"""Seconds after a notice: who commits within `QUIET` of a nudge sends none of his own."""

assert LOOK_AGAIN > QUIET
INLINE_AFTER = timedelta(seconds=15)
"""When something has been due this long the workers are not coming: drain here, a little, until they are back."""

PUBLISH_SECONDS = 2.0
AFTER_ERRANDS: int = (
    settings.CELERY_TASK_DEFAULT_PRIORITY
)  # which only holds for what is published by other ways than this

AWAY = (OperationalError, InterfaceError, psycopg.OperationalError)
"""The database is gone; the last, which Django does not wrap, while we wait for notices."""


class Command(BaseCommand):
    help = "Listens for staged messages and hands their mailboxes to the workers; drains itself when nobody does."

    slow: ThreadPoolExecutor | None = None
    """For what takes minutes and must not hold up the mailboxes."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.begun: dict[tuple[str, int, datetime], bool] = {}
        """Work in tables that was handed on: task, id, waiting since when; True once this process does it itself."""

        self.paying = False
        self.ending = False

    def _end_here(self) -> None:
        try:
            ending.end(now=site.now())
        except Exception:
            log.exception("ending what is past its deadline failed")
        finally:
            self.ending = False
            database.close()

    def _pay_here(self) -> None:
        try:
            payments.look_after(now=site.now())
        except Exception:
            log.exception("looking after card payments here failed")
        finally:
            self.paying = False
            database.close()

    def handle(self, *args: Any, **options: Any) -> None:
        threading.Thread(target=Hurry().forever, name="errands", daemon=True).start()
        self.slow = ThreadPoolExecutor(max_workers=1, thread_name_prefix="inline-export")
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
        notified = False
        while True:
            self._sweep(pool, inline)
            notified = _wait(raw, LOOK_AGAIN if notified else LOOK_EVERY)

    def _sweep(self, pool: ThreadPoolExecutor, inline: set[int]) -> None:
        now = site.now()
        for connection_id, oldest in mailboxes_due(now):
            if now - oldest > INLINE_AFTER and connection_id not in inline:
                inline.add(connection_id)
                pool.submit(_drain_here, connection_id, inline)
            else:
                _publish("delivery.drain", connection_id=connection_id)
        for endpoint_id, oldest in sending.endpoints_due(now):
            if now - oldest > INLINE_AFTER and -endpoint_id not in inline:
                inline.add(-endpoint_id)  # beside the numbers of connections
                pool.submit(_tell_here, endpoint_id, inline)
            else:
                _publish("api.tell", endpoint_id=endpoint_id)
        payment = payments.oldest_due(now)
        if payment is not None:
            if now - payment > INLINE_AFTER and not self.paying:
                self.paying = True
                pool.submit(self._pay_here)
            else:
                _publish("payments.look_after")
        if not self.ending and ending.overdue(now=now, by=INLINE_AFTER):
            self.ending = True
            pool.submit(self._end_here)
        for name, task, given in jobs.asked():
            if _publish(task, headers={HEADER: name}, **given):
                jobs.sent(name)
        waiting = [("delivery.pull", *row) for row in pulls_waiting()] + [
            ("billing.make", *row) for row in runs_waiting()
        ]
        self.begun = {work: here for work, here in self.begun.items() if work in waiting}
        for work in waiting:
            task, row_id, since = work
            if work not in self.begun:
                self.begun[work] = False
                _publish(task, **{"pull_id" if task == "delivery.pull" else "run_id": row_id})
            elif now - since > INLINE_AFTER and not self.begun[work]:
                self.begun[work] = True
                if task == "delivery.pull":
                    pool.submit(_pull_here, row_id)
                else:
                    (self.slow or pool).submit(_make_here, row_id)


def _publish(task: str, *, headers: dict[str, str] | None = None, **ids: Any) -> bool:
    """Nudge the workers. A broker that hangs costs two seconds at most; the table is the memory, not the queue."""
    try:
        with app.connection_for_write(connect_timeout=PUBLISH_SECONDS) as broker:
            app.send_task(task, kwargs=ids, headers=headers, connection=broker, retry=False, priority=AFTER_ERRANDS)
    except Exception as error:  # noqa: BLE001 - whatever a broker library raises: the sweep goes on by itself later
        log.warning("the broker took no task (%s); the sweep works by itself when it stays away", error)
        return False
    return True


def _drain_here(connection_id: int, inline: set[int]) -> None:
    try:
        drain(connection_id, limit=500)
    except Exception:
        log.exception("inline drain of connection %s failed", connection_id)
    finally:
        inline.discard(connection_id)
        database.close()


def _tell_here(endpoint_id: int, inline: set[int]) -> None:
    try:
        sending.run(endpoint_id, limit=100)
    except Exception:
        log.exception("inline telling of webhook %s failed", endpoint_id)
    finally:
        inline.discard(-endpoint_id)
        database.close()


def _make_here(run_id: int) -> None:
    try:
        make(run_id)
    except Exception:
        log.exception("inline making of export run %s failed", run_id)
    finally:
        database.close()


def _pull_here(pull_id: int) -> None:
    try:
        run_pull(pull_id)
    except Exception:
        log.exception("inline pull %s failed", pull_id)
    finally:
        database.close()
