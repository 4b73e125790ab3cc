"""A flow that talks to a partner while staff look on: it runs in a thread of the web process, its steps are rows.

No Celery task: it lasts seconds, a person waits for it, and a door must not depend on the broker. What is left to do when
the process dies is nothing: every flow is whole, and the page says that it was interrupted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Thread

from django.db import connection as database
from django.db import transaction

from backoffice.partners.actions.connections import UnableToConnect
from backoffice.partners.actions.discovery import BEGUN, UnableToHandshake
from backoffice.partners.actions.handshake import Busy
from backoffice.partners.models import Connection, Step
from backoffice.partners.rules import NotAllowed
from backoffice.partners.secrets import UnableToDecrypt
from backoffice.roaming_site import site

log = logging.getLogger("roamdesk.partners")

FLOWS = {
    "register": "Registration",
    "receive": "Their registration",
    "update": "Credentials exchange",
    "discover": "Reading endpoints",
    "remove": "Unregistration",
    "check": "Check",
}
"""The flows by the name in their steps, as staff call them."""

ENDED = "ended"
"""Cause of the last step of a flow that staff began."""

_SILENT_FOR = timedelta(seconds=90)
"""A flow without a new step for this long has died with its process."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a flow is. `ok` is None while it runs; `interrupted`: it will not go on by itself."""

    steps: list[Step]
    running: bool
    ok: bool | None
    interrupted: bool
    sentence: str


def begin(connection: Connection, flow: str, work: Callable[[], str], *, now: datetime) -> None:
    """Run `work` beside this request. It returns the sentence that staff read when it went well.

    Raises UnableToConnect while the same flow runs: a second click must not ask the partner twice.
    """
    with transaction.atomic():
        Connection.objects.select_for_update().get(pk=connection.pk)
        steps = Step.objects.filter(connection=connection, flow=flow)
        if steps.filter(cause=BEGUN, at__gt=now - _SILENT_FOR).exists():
            raise UnableToConnect(f"{FLOWS[flow]} is running already: see its steps.")
        steps.delete()
        Step.objects.create(connection=connection, at=now, flow=flow, title="Begin", ok=None, cause=BEGUN)
    Thread(target=_run, args=(connection, flow, work), name=f"{flow}-{connection.pk}", daemon=True).start()


def _run(connection: Connection, flow: str, work: Callable[[], str]) -> None:
    try:
        ok, sentence = _outcome(connection, flow, work)
        Step.objects.create(
            connection=connection,
            at=site.now(),
            flow=flow,
            title="Finished" if ok else "Stopped",
            ok=ok,
            cause=ENDED,
            detail=sentence,
        )
        Step.objects.filter(connection=connection, flow=flow, cause=BEGUN).delete()
    finally:
        database.close()


def _outcome(connection: Connection, flow: str, work: Callable[[], str]) -> tuple[bool, str]:
    try:
        return True, work()
    except (UnableToHandshake, UnableToConnect, Busy, NotAllowed, UnableToDecrypt) as error:
        return False, str(error)
    except Exception:  # a thread has nobody above it: staff must read that it stopped
        log.exception("%s of connection %s failed", flow, connection.pk)
        return False, "An unexpected error, which is in the platform's log. Nothing was half-changed; try again."


def progress(connection: Connection, flow: str, *, now: datetime) -> Progress:
    """Where the flow stands, from its steps."""
    steps = list(Step.objects.filter(connection=connection, flow=flow).order_by("id"))
    last = steps[-1] if steps else None
    if last is not None and last.cause == ENDED:
        done = [step for step in steps[:-1] if step.cause != BEGUN]
        return Progress(done, running=False, ok=last.ok, interrupted=False, sentence=last.detail)
    told = [step for step in steps if step.cause != BEGUN]
    interrupted = last is not None and now - last.at > _SILENT_FOR
    return Progress(told, running=last is not None and not interrupted, ok=None, interrupted=interrupted, sentence="")
