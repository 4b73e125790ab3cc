"""Decisions about applications, keys and webhooks, without database or clock.

Laws: a key opens what its scopes name and nothing else; a webhook is told at least once, in no promised order, and its id tells
a repetition; what an endpoint refuses holds that message, what says that nobody is there holds the whole endpoint.
"""

from __future__ import annotations

import hashlib
import hmac
import random
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

KEY_BEGINS = "rdk_"
"""So that a key is recognised wherever it should not be, in a log or in a repository."""

SIGNING_BEGINS = "whsec_"
"""The same for what webhooks are signed with."""

MAX_LIFE = timedelta(days=730)
"""No key lives longer: what never expires is forgotten."""

PER_MINUTE = 600
"""Requests of one key in one minute, unless staff give it another number."""


class Kind(StrEnum):
    """What an application is; each kind has an API of its own."""

    STATION_SYSTEM = "STATION_SYSTEM"
    DRIVER_APP = "DRIVER_APP"


KIND_WORDS: Mapping[str, str] = {Kind.STATION_SYSTEM: "Charge-station system", Kind.DRIVER_APP: "Driver app"}


class DeliveryState(StrEnum):
    """DUE: to be sent. DONE: answered with 2xx. FAILED: given up. DROPPED: its endpoint was switched off."""

    DUE = "DUE"
    DONE = "DONE"
    FAILED = "FAILED"
    DROPPED = "DROPPED"


class DeliveryEvent(StrEnum):
    DELIVERED = "DELIVERED"
    GIVEN_UP = "GIVEN_UP"
    SWITCHED_OFF = "SWITCHED_OFF"
    RESENT = "RESENT"


S, E = DeliveryState, DeliveryEvent
TRANSITIONS: Mapping[DeliveryState, Mapping[DeliveryEvent, DeliveryState]] = {
    S.DUE: {E.DELIVERED: S.DONE, E.GIVEN_UP: S.FAILED, E.SWITCHED_OFF: S.DROPPED, E.RESENT: S.DUE},
    S.DONE: {E.RESENT: S.DUE},
    S.FAILED: {E.RESENT: S.DUE},
    S.DROPPED: {E.RESENT: S.DUE},
}

LADDER = (5.0, 30.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 36000.0)
"""Seconds before attempts 2, 3, ... of one message, as Standard Webhooks recommends; after the last it is given up."""

PROBES = (5.0, 15.0, 60.0, 300.0)
"""Seconds between looks at an endpoint that nobody answers at; the last one repeats."""

DISABLE_AFTER = timedelta(days=3)
"""An endpoint that has answered nothing with 2xx for so long is switched off, and staff see why."""


class Heard(StrEnum):
    """What came of one attempt."""

    TAKEN = "TAKEN"
    NOT_NOW = "NOT_NOW"
    NOBODY = "NOBODY"
    GONE = "GONE"


def heard(http_status: int | None) -> Heard:
    """2xx is taken, whatever it says. 410 switches the endpoint off. No answer at all says nothing about the message."""
    if http_status is None:
        return Heard.NOBODY
    if 200 <= http_status < 300:
        return Heard.TAKEN
    return Heard.GONE if http_status == 410 else Heard.NOT_NOW


def pause(steps: tuple[float, ...], tries: int, *, retry_after: float | None, chance: random.Random) -> timedelta:
    """After `tries` failures: between half a step and a whole one, so that many do not come back in one instant."""
    step = steps[min(tries, len(steps)) - 1]
    return timedelta(seconds=max(chance.uniform(step / 2, step), retry_after or 0.0))


def signature(secret: str, *, message_id: str, at: datetime, body: bytes) -> str:
    """The header `webhook-signature` (Standard Webhooks 1): HMAC-SHA256 over id, time and the very bytes that travel."""
    key = b64decode(secret.removeprefix(SIGNING_BEGINS))
    signed = f"{message_id}.{int(at.timestamp())}.".encode() + body
    return "v1," + b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def is_idempotency_key(text: str) -> bool:
    return re.fullmatch("[!-~]{1,255}", text) is not None


def body_hash(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()
