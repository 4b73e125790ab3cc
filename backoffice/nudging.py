"""Wake the sweep, which hands to the workers whatever tables say is due. Every room that stages something calls this after its
commit; no room's tables enter here.
"""

from __future__ import annotations

import time

import psycopg
from django.db import connection as database

CHANNEL = "roamdesk_due"
"""The sweep listens here."""

_NUDGE = f"BEGIN; SET LOCAL synchronous_commit = off; NOTIFY {CHANNEL}; COMMIT"
"""After the commit of the change and not in it: PostgreSQL lets only one transaction with a notice commit at a time, its wait for
the disk included. The notice itself need not reach a disk (docs/decisions/008)."""

QUIET = 0.05
"""Seconds after a nudge in which this process sends no other one."""

_nudged_at = -1.0


def nudge() -> None:
    """Wake the sweep. Without it, as after a crash, a change waits five seconds: the sweep looks by itself.

    A storm of changes needs no storm of notices: after one the sweep looks twice, the second time later than `QUIET`, and so
    finds what was committed meanwhile.
    """
    global _nudged_at
    now = time.monotonic()
    if 0 <= now - _nudged_at < QUIET:
        return
    _nudged_at = now
    try:
        database.connection.execute(_NUDGE)
    except psycopg.Error:
        _nudged_at = -1.0  # the next change tries again
