"""Decisions of delivery, without database or clock: when to try again, with which verb, what an answer means.

Laws (transport_and_format#offline_behaviour, docs/decisions): owned objects are never replayed, their newest state is sent;
a failure of the line holds the whole mailbox and costs no message an attempt; a failure of one message holds that one.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from ocpi.client import Cause, Delivered, Outcome, Retry


class MessageState(StrEnum):
    """DUE: owed to the partner. DONE: it holds this. REFUSED: it said no, or we gave up. DROPPED: nothing to tell any more."""

    DUE = "DUE"
    DONE = "DONE"
    REFUSED = "REFUSED"
    DROPPED = "DROPPED"


class MessageEvent(StrEnum):
    CHANGED = "CHANGED"
    DELIVERED = "DELIVERED"
    REFUSED = "REFUSED"
    NOTHING_LEFT = "NOTHING_LEFT"
    RETRY = "RETRY"


S, E = MessageState, MessageEvent
TRANSITIONS: Mapping[MessageState, Mapping[MessageEvent, MessageState]] = {
    S.DUE: {
        E.CHANGED: S.DUE,
        E.DELIVERED: S.DONE,
        E.REFUSED: S.REFUSED,
        E.NOTHING_LEFT: S.DROPPED,
        E.RETRY: S.DUE,
    },
    S.DONE: {E.CHANGED: S.DUE, E.RETRY: S.DUE},
    S.REFUSED: {E.CHANGED: S.DUE, E.RETRY: S.DUE, E.NOTHING_LEFT: S.DROPPED},
    S.DROPPED: {E.CHANGED: S.DUE},
}

LADDER = (5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0)
"""Seconds before attempts 2, 3, ... of one message; the first attempt is immediate. After the last one it is refused."""

PROBES = (5.0, 15.0, 60.0, 300.0)
"""Seconds between attempts to reach a partner whose line is down; the last one repeats."""

LINE = frozenset(
    {
        Cause.DNS,
        Cause.CONNECT,
        Cause.TLS,
        Cause.TIMEOUT,
        Cause.CONNECTION_LOST,
        Cause.NOT_HTTP,
        Cause.RATE_LIMITED,
        Cause.ADDRESS_DENIED,
    }
)
"""Causes that say something about the partner's platform and nothing about the message."""

UNHEALTHY_AFTER = 5
"""So many failures in a row of whatever message count as a line that is down."""


def jittered(seconds: float, chance: random.Random) -> timedelta:
    """Full jitter: anywhere up to the step, so that a thousand messages do not come back in one instant."""
    return timedelta(seconds=chance.uniform(seconds * 0.1, seconds))


def next_try(attempts: int, *, retry_after: float | None, chance: random.Random) -> timedelta | None:
    """Pause after this many attempts; None: give up. The partner's own Retry-After is honoured when it is longer."""
    if attempts > len(LADDER):
        return None
    pause = jittered(LADDER[attempts - 1], chance)
    return max(pause, timedelta(seconds=retry_after)) if retry_after else pause


def next_probe(failures: int, *, retry_after: float | None, chance: random.Random) -> timedelta:
    pause = jittered(PROBES[min(failures, len(PROBES)) - 1], chance)
    return max(pause, timedelta(seconds=retry_after)) if retry_after else pause


class Verdict(StrEnum):
    """What an answer means for the message and its mailbox."""

    DONE = "DONE"
    LINE_DOWN = "LINE_DOWN"
    LATER = "LATER"
    TOKEN_REFUSED = "TOKEN_REFUSED"  # noqa: S105 - a verdict, no password
    SEND_WHOLE = "SEND_WHOLE"
    SEND_PARENT = "SEND_PARENT"
    PULL_ONLY = "PULL_ONLY"
    REFUSED = "REFUSED"


def judge(outcome: Outcome, *, method: str, has_parent: bool) -> Verdict:
    """One row for each kind of answer; the order is the order of precedence."""
    if isinstance(outcome, Delivered):
        return Verdict.DONE
    if outcome.cause is Cause.UNAUTHORIZED:
        return Verdict.TOKEN_REFUSED
    if outcome.cause in LINE:
        return Verdict.LINE_DOWN
    if isinstance(outcome, Retry):
        return Verdict.LATER
    if outcome.http_status in (405, 501):
        return Verdict.PULL_ONLY
    if method == "DELETE" and outcome.http_status == 404:
        return Verdict.DONE  # it is not there: what was to become of it
    if method == "POST" and outcome.http_status == 409:
        return Verdict.DONE  # it has the document already
    if method == "PATCH" and (outcome.http_status == 404 or outcome.cause is Cause.OCPI_2XXX):
        return Verdict.SEND_WHOLE
    if method == "PUT" and has_parent and (outcome.http_status == 404 or outcome.cause is Cause.OCPI_2XXX):
        return Verdict.SEND_PARENT
    return Verdict.REFUSED


class What(StrEnum):
    """What an errand carries. REQUEST: asks for something to be done, at most once. RESULT: what came of a request of the
    partner's, to the URL it gave. PUSH: what it should know while it lasts."""

    REQUEST = "REQUEST"
    RESULT = "RESULT"
    PUSH = "PUSH"


class ErrandState(StrEnum):
    """DUE: to be sent. SENDING: a process has it, until its lease ends. DONE: answered. FAILED: not taken. EXPIRED: too late."""

    DUE = "DUE"
    SENDING = "SENDING"
    DONE = "DONE"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


ERRAND_TRANSITIONS: Mapping[ErrandState, frozenset[ErrandState]] = {
    ErrandState.DUE: frozenset({ErrandState.SENDING}),
    ErrandState.SENDING: frozenset(ErrandState),  # SENDING again: its process died, and another one has it
    ErrandState.DONE: frozenset(),
    ErrandState.FAILED: frozenset(),
    ErrandState.EXPIRED: frozenset(),
}

ERRAND_LADDER = (2.0, 5.0, 15.0, 30.0)
"""Seconds before attempts 2, 3, ... of a result or a push; the last one repeats until the deadline. Without jitter: somebody
waits, and no more than a few of one partner travel at a time."""


def errand_state(what: What, outcome: Outcome, *, token_is_old: bool) -> ErrandState:
    """What an answer means for an errand; DUE: again. A request is never repeated: the partner may have begun to do it.
    `token_is_old`: it was sent with a token that has been replaced meanwhile."""
    if isinstance(outcome, Delivered):
        return ErrandState.DONE
    if what is What.REQUEST:
        return ErrandState.FAILED
    again = isinstance(outcome, Retry) or (outcome.cause is Cause.UNAUTHORIZED and token_is_old)
    return ErrandState.DUE if again else ErrandState.FAILED


def next_errand_try(attempts: int, *, retry_after: float | None) -> timedelta:
    """Pause after this many attempts. The partner's own Retry-After is honoured when it is longer."""
    pause = ERRAND_LADDER[min(attempts, len(ERRAND_LADDER)) - 1]
    return timedelta(seconds=max(pause, retry_after or 0))


PATCHED = frozenset({"status"})
"""A message that touches only these goes as PATCH, anything else as PUT of the smallest object."""


def verb(touched: Collection[str]) -> str:
    return "PATCH" if touched and set(touched) <= PATCHED else "PUT"


@dataclass(frozen=True, slots=True)
class PullLimits:
    """Where a pull stops by itself (T10): a partner's list that never ends is not worth a process for ever."""

    pages: int = 20_000
    objects: int = 2_000_000
    duration: timedelta = timedelta(hours=2)


def why_stop(
    *,
    limits: PullLimits,
    pages: int,
    objects: int,
    running_for: timedelta,
    url: str,
    seen_urls: Collection[str],
    fresh: int,
) -> str | None:
    """A sentence when a pull must not go on to `url`; None when it may. `fresh`: objects of the last page not seen before."""
    if url in seen_urls:
        return "The next link leads to a page that was read already: the partner's pages run in a circle."
    if fresh == 0:
        return "The last page held nothing new although there is a next link: the partner's pages repeat themselves."
    if pages >= limits.pages:
        return f"Stopped after {limits.pages} pages."
    if objects >= limits.objects:
        return f"Stopped after {limits.objects} objects."
    if running_for >= limits.duration:
        return f"Stopped after {limits.duration}."
    return None
