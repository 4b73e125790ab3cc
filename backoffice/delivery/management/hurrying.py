"""The sweep's other loop: errands, for which somebody waits. A thread of its own, so that no broker and no mailbox holds it up.

It hands each errand that is due to the workers, once. Where none has taken it after `INLINE_AFTER` (busy, dead, or behind a
broker that lost the task), or where the broker takes nothing, it runs here.
"""

from __future__ import annotations

import logging
import select
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection as database

from backoffice.celery import app
from backoffice.delivery.actions.errands import CHANNEL
from backoffice.delivery.actions.running import errands_due, run
from backoffice.roaming_site import site

log = logging.getLogger("roamdesk.sweep")

LOOK_EVERY = 1.0
"""Seconds: results are repeated after two."""

INLINE_AFTER = timedelta(seconds=1.5)
"""Due for so long, and no worker has it: with the look that finds it, a driver waits two seconds."""

PUBLISH_SECONDS = 2.0
BROKER_HANGS_AFTER = 0.5

FIRST = 0
"""The priority of errands: ahead of whatever else waits for a worker (`CELERY_TASK_DEFAULT_PRIORITY`)."""

Due = tuple[int, datetime]


@dataclass
class Hurry:
    """What was handed on: an errand and since when it is due. True once it runs here."""

    handed: dict[Due, bool] = field(default_factory=dict)
    here: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(4, thread_name_prefix="inline-errand"))
    publisher: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="errand-publisher")
    )
    publishing: Future[None] | None = None
    published_at: float = 0.0
    lost: list[Due] = field(default_factory=list)
    """What the broker did not take."""

    def forever(self) -> None:
        while True:
            try:
                self._listen()
            except Exception:  # whatever it is, errands must go on
                log.exception("errands are looked for again in a second")
                database.close()
                time.sleep(1)

    def _listen(self) -> None:
        database.ensure_connection()
        raw = database.connection
        database.cursor().execute(f"LISTEN {CHANNEL}")
        raw.add_notify_handler(lambda notice: None)
        while True:
            wait(raw, 0.05 if self.look(site.now()) else LOOK_EVERY)

    def look(self, now: datetime) -> bool:
        """Hand on what is due. True: look again soon, for it is not yet known whether the broker takes it."""
        due = errands_due(now)
        self.handed = {one: here for one, here in self.handed.items() if one in due}
        lost, self.lost = self.lost, []
        for one in due:
            if not self.handed.get(one) and (one in lost or now - one[1] >= INLINE_AFTER):
                self._run_here(one)
        fresh = [one for one in due if one not in self.handed]
        busy = self.publishing is not None and not self.publishing.done()
        if fresh and not busy:
            self.handed.update(dict.fromkeys(fresh, False))
            self.published_at = time.monotonic()
            self.publishing = self.publisher.submit(self._publish, fresh)
            return True
        if fresh and time.monotonic() - self.published_at > BROKER_HANGS_AFTER:
            for one in fresh:
                self._run_here(one)
        return busy or bool(self.lost)

    def _run_here(self, one: Due) -> None:
        self.handed[one] = True
        self.here.submit(run_here, one[0])

    def _publish(self, errands: list[Due]) -> None:
        done = 0
        try:
            with app.connection_for_write(connect_timeout=PUBLISH_SECONDS) as broker:
                for errand_id, _ in errands:
                    given = {"errand_id": errand_id}
                    app.send_task("delivery.run_errand", kwargs=given, connection=broker, retry=False, priority=FIRST)
                    done += 1
        except Exception as error:  # noqa: BLE001 - whatever a broker library raises: these run here
            log.warning("the broker took no errand (%s); it runs in the sweep", error)
            self.lost = [*self.lost, *errands[done:]]


def wait(raw: Any, seconds: float) -> bool:
    """Sleep until a notice comes; several that came together wake us once. False: none came."""
    ready, _, _ = select.select([raw.fileno()], [], [], seconds)
    if ready:
        raw.execute("SELECT 1")  # takes the notices off the wire
    return bool(ready)


def run_here(errand_id: int) -> None:
    try:
        run(errand_id)
    except Exception:
        log.exception("inline run of errand %s failed", errand_id)
    finally:
        database.close()
