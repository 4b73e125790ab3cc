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

LOOK_EVERY = 0.5
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
    broker: Any = None
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
        """The connection to the broker is kept: to open one costs more than all the rest of the way to the worker."""
        left, fresh = list(errands), self.broker is None
        while left:
            try:
                self.broker = self.broker or app.connection_for_write(connect_timeout=PUBLISH_SECONDS)
                given = {"errand_id": left[0][0]}
                app.send_task("delivery.run_errand", kwargs=given, connection=self.broker, retry=False, priority=FIRST)
                left.pop(0)
            except Exception as error:  # noqa: BLE001 - whatever a broker library raises: these run here
                self._let_go()
                if fresh:
                    log.warning("the broker took no errand (%s); it runs in the sweep", error)
                    self.lost = [*self.lost, *left]
                    return
                fresh = True  # the one that was kept may have died of a restart

    def _let_go(self) -> None:
        broker, self.broker = self.broker, None
        try:
            if broker is not None:
                broker.close()
        except Exception as error:  # noqa: BLE001 - of a connection that is of no use any more
            log.info("a connection to the broker could not be closed: %s", error)


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
