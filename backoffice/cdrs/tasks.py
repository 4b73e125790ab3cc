"""The clock door: what runs by itself. Every task takes ids by keyword, is idempotent, and calls one action."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from backoffice.cdrs.actions import asking, checking, fetching, following, issuing, sending
from backoffice.roaming_site import site


@shared_task(name="cdrs.check_waiting")
def check_waiting(**kwargs: Any) -> int:
    """Price what was received and not priced yet."""
    return checking.check_waiting(now=site.now())


@shared_task(name="cdrs.look_after")
def look_after(**kwargs: Any) -> int:
    """Issue what was not issued, owe what was never owed, and match sessions with CDRs that came before them."""
    now = site.now()
    issued = issuing.issue_missing(now=now)
    sending.owe_again(now=now)
    following.match_sessions(now=now)
    return issued


@shared_task(name="cdrs.fetch_missed")
def fetch_missed(**kwargs: Any) -> int:
    """Every night: ask each partner for the CDRs of the last days, for one that we miss."""
    return fetching.fetch_missed(now=site.now())


@shared_task(name="cdrs.ask_again")
def ask_again(**kwargs: Any) -> str:
    """Ask for yesterday's CDRs where the partners keep them."""
    return ", ".join(f"{found.lower()}: {count}" for found, count in asking.ask_again(now=site.now()).items())
