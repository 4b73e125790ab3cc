"""Claim something for one process at a time: a mailbox, a webhook, a pull. The claim dies with its process, and no transaction
need be open meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from django.db import connection as database


class Claim(IntEnum):
    """What the numbers count: the first key of PostgreSQL's advisory locks, so that they never meet."""

    MAILBOX = 0x0C91
    PULL = 0x0C92
    WEBHOOK = 0x0CAB


@contextmanager
def claimed(what: Claim, number: int) -> Iterator[bool]:
    """Whether nobody else has it; it is given back at the end."""
    keys = [int(what), number]
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", keys)
        alone = bool(cursor.fetchone()[0])
    try:
        yield alone
    finally:
        if alone:
            with database.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", keys)
