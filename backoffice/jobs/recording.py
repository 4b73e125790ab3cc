"""The class of every Celery task of ours: one that beat sent writes down how it went. `backoffice.celery` names it."""

from __future__ import annotations

import logging
from typing import Any

from celery import Task
from django.db import DatabaseError

from backoffice.jobs.rules import in_words

log = logging.getLogger("roamdesk.jobs")

HEADER = "periodic_task_name"
"""Beat puts the name of its row into the message."""


class Recorded(Task):
    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        name = getattr(self.request, HEADER, None)
        if not name:
            return self.run(*args, **kwargs)
        from backoffice.roaming_site import site  # models are not loaded yet when Celery makes its classes

        began_at = site.now()
        try:
            result = self.run(*args, **kwargs)
        except Exception as error:
            _write(name, began_at, ok=False, said=f"{type(error).__name__}: {error}")
            raise
        _write(name, began_at, ok=True, said=in_words(result))
        return result


def _write(name: str, began_at: Any, *, ok: bool, said: str) -> None:
    from backoffice.jobs.actions import record
    from backoffice.roaming_site import site

    try:
        record(name, began_at=began_at, ended_at=site.now(), ok=ok, said=said)
    except DatabaseError:  # a job is not undone because nobody wrote it down
        log.exception("the outcome of %s could not be written down", name)
