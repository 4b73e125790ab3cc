"""How a connection is doing, as a score with its parts: pure decisions, without database or clock.

What is measured is gathered by `backoffice.delivery.vitals`; what it is worth stands here, in one table of parts. A part
that nothing is known of does not count. States in which we do not talk have no score: a pause is no illness.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from backoffice.partners.rules import ConnectionState

GOOD, FAIR = 90, 70
"""Scores from which a connection counts as healthy and as strained."""

DEFAULT_EVERY = timedelta(hours=1)


class Tone(StrEnum):
    """What staff see beside the words: never colour alone."""

    GOOD = "good"
    FAIR = "warn"
    BAD = "bad"
    IDLE = "off"


@dataclass(frozen=True, slots=True)
class PullVital:
    """The last run of one module that the partner offers, and its last success. None: never."""

    module: str
    last_at: datetime | None = None
    failed: bool = False
    success_at: datetime | None = None
    objects: int = 0
    rejected: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Vitals:
    """What was measured of one connection. `exchanges` of the last 24 h, the latest few hundred; `p95_ms` of our calls."""

    state: ConnectionState
    now: datetime
    held_reason: str = ""
    exchanges: int = 0
    succeeded: int = 0
    p95_ms: float | None = None
    pulls: Sequence[PullVital] = ()
    pull_enabled: bool = True
    pull_every: timedelta | None = None
    due: int = 0
    oldest_due_at: datetime | None = None
    refused: int = 0
    token_at: datetime | None = None
    claims_waiting: int = 0
    hosts_waiting: int = 0
    next_attempt_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One ingredient: `worth` between 0 and 1, None when nothing is known; `weight` in the score; a sentence for staff."""

    name: str
    weight: int
    worth: float | None
    sentence: str

    @property
    def percent(self) -> int | None:
        return None if self.worth is None else round(self.worth * 100)

    @property
    def tone(self) -> Tone:
        return Tone.IDLE if self.worth is None else tone(round(self.worth * 100))


@dataclass(frozen=True, slots=True)
class Health:
    """`score` 0 to 100, None for a connection that is not talking; `word` says the state in one or two words."""

    score: int | None
    tone: Tone
    word: str
    parts: tuple[Part, ...]
    attention: tuple[str, ...]
    """What waits for a person."""


def tone(score: int) -> Tone:
    return Tone.GOOD if score >= GOOD else Tone.FAIR if score >= FAIR else Tone.BAD


def health(vitals: Vitals) -> Health:
    parts = tuple(part(vitals) for part in PARTS)
    attention = tuple(_attention(vitals))
    state = vitals.state
    if state is ConnectionState.SUSPENDED:
        return Health(0, Tone.BAD, "Suspended", parts, attention)
    if state is not ConnectionState.ACTIVE:
        return Health(None, Tone.IDLE, WORDS[state], parts, attention)
    known = [part for part in parts if part.worth is not None]
    weights = sum(part.weight for part in known)
    if not weights:
        return Health(None, Tone.IDLE, "Nothing known yet", parts, attention)
    score = round(100 * sum(part.weight * (part.worth or 0) for part in known) / weights)
    # one part that is down is not healthy, however well the others are
    if any(part.worth == 0 and part.weight >= HEAVY for part in known):
        score = min(score, FAIR - 1)
    return Health(
        score, tone(score), {Tone.GOOD: "Healthy", Tone.FAIR: "Strained"}.get(tone(score), "Failing"), parts, attention
    )


WORDS = {
    ConnectionState.INVITED: "Waiting for their call",
    ConnectionState.REGISTERING: "Not registered yet",
    ConnectionState.PAUSED: "Paused",
    ConnectionState.REMOVED: "Removed",
}
HEAVY = 15


def _success(vitals: Vitals) -> Part:
    if not vitals.exchanges:
        return Part("Success", 35, None, "No exchange in the last 24 hours.")
    rate = vitals.succeeded / vitals.exchanges
    failed = vitals.exchanges - vitals.succeeded
    told = f"{rate:.1%} of the last {vitals.exchanges} exchanges of 24 hours succeeded, {failed} failed."
    return Part("Success", 35, _between(rate, worst=0.80, best=0.99), told)


def _latency(vitals: Vitals) -> Part:
    if vitals.p95_ms is None:
        return Part("Latency", 15, None, "We sent them nothing in the last 24 hours.")
    return Part(
        "Latency",
        15,
        _between(vitals.p95_ms, worst=10_000, best=1_000),
        f"95 of 100 answers came in {vitals.p95_ms:,.0f} ms.",
    )


def _freshness(vitals: Vitals) -> Part:
    if not vitals.pull_enabled:
        return Part("Freshness", 20, None, "We do not fetch from this partner by ourselves.")
    if not vitals.pulls:
        return Part("Freshness", 20, None, "The partner offers nothing that we fetch.")
    every = vitals.pull_every or DEFAULT_EVERY
    worth, told = min((_fresh(pull, every, vitals.now) for pull in vitals.pulls), key=lambda found: found[0])
    return Part("Freshness", 20, worth, told)


def _fresh(pull: PullVital, every: timedelta, now: datetime) -> tuple[float, str]:
    if pull.success_at is None:
        said = f" ({pull.error.rstrip('.')})" if pull.failed and pull.error else ""
        return (0.0 if pull.failed else 0.5), f"{pull.module}: never fetched successfully yet{said}."
    age = now - pull.success_at
    late = f"; the last run failed: {pull.error}" if pull.failed else "."
    return _between(age / every, worst=4, best=1.5), f"{pull.module}: last fetched {in_words(age)} ago{late}"


def _backlog(vitals: Vitals) -> Part:
    if not vitals.due or vitals.oldest_due_at is None:
        return Part("Backlog", 20, 1.0, "Nothing waits to be sent.")
    age = vitals.now - vitals.oldest_due_at
    return Part(
        "Backlog",
        20,
        _between(age.total_seconds(), worst=3600, best=60),
        f"{vitals.due} message{'' if vitals.due == 1 else 's'} waiting, the oldest for {in_words(age)}.",
    )


def _data(vitals: Vitals) -> Part:
    objects, rejected = sum(p.objects for p in vitals.pulls), sum(p.rejected for p in vitals.pulls)
    if not objects:
        return Part("Data quality", 5, None, "No objects fetched yet.")
    return Part(
        "Data quality",
        5,
        _between(rejected / objects, worst=0.1, best=0.0),
        f"{rejected} of {objects} objects were refused.",
    )


def _token(vitals: Vitals) -> Part:
    if vitals.token_at is None:
        return Part("Token age", 5, None, "No token yet.")
    age = vitals.now - vitals.token_at
    return Part("Token age", 5, _between(age.days, worst=730, best=365), f"Tokens were exchanged {in_words(age)} ago.")


PARTS: tuple[Callable[[Vitals], Part], ...] = (_success, _latency, _freshness, _backlog, _data, _token)


def _attention(vitals: Vitals) -> list[str]:
    told = []
    if vitals.state in (ConnectionState.SUSPENDED, ConnectionState.PAUSED):
        word = "Suspended" if vitals.state is ConnectionState.SUSPENDED else "Paused"
        told.append(f"{word}: {vitals.held_reason}" if vitals.held_reason else f"{word}.")
    if vitals.claims_waiting:
        told.append(f"{vitals.claims_waiting} claimed role(s) await approval.")
    if vitals.hosts_waiting:
        told.append(
            f"Endpoints on {vitals.hosts_waiting} host{'' if vitals.hosts_waiting == 1 else 's'} that nobody confirmed yet."
        )
    if vitals.refused:
        told.append(f"{vitals.refused} message{' was' if vitals.refused == 1 else 's were'} refused.")
    if vitals.next_attempt_at is not None and vitals.next_attempt_at > vitals.now:
        told.append(f"Their line is down; next attempt in {in_words(vitals.next_attempt_at - vitals.now)}.")
    return told


def _between(value: float, *, worst: float, best: float) -> float:
    """1 at `best` or better, 0 at `worst` or worse, straight in between."""
    return max(0.0, min(1.0, (value - worst) / (best - worst)))


def in_words(span: timedelta) -> str:
    """A span as people say it: 12 s, 4 min, 3 h, 2 days."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 90:
        return f"{seconds} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    if seconds < 129_600:
        return f"{round(seconds / 3600)} h"
    return f"{round(seconds / 86_400)} days"
