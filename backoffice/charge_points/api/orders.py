"""What a system is to do: it asks, waiting if it likes, and answers each order once.

Asking takes what nobody has taken and is a sign of life: a system that has not asked for ten seconds, and has no webhook that
arrives, is not reached by orders. What it took and has not answered is told again unless `after` says that it was seen.
"""

from __future__ import annotations

import select
import threading
import time
from datetime import datetime

import psycopg
from django.conf import settings
from django.db import connection as database

from backoffice.api.serving.problems import Problem
from backoffice.api.serving.routes import Ask, Told, text
from backoffice.charge_points import door
from backoffice.charge_points.actions import ordering, systems
from backoffice.charge_points.api import saying
from backoffice.charge_points.api.systems import system_of
from backoffice.charge_points.gateway import Done
from backoffice.charge_points.models import StationSystem
from backoffice.roaming_site import site

LONGEST_WAIT = 25
"""Seconds; proxies cut what is silent for longer."""

LOOK_EVERY = 2.0

AFTER = text("after", "`next` of the answer before: leaves out the orders that it held", most=20)

_waiting = threading.BoundedSemaphore(settings.API_WAITS)
"""So many requests of one web process may wait at once; others are answered at once and ask again a second later."""


def listed(ask: Ask) -> Told:
    """What is to be done at your stations.

    With `wait` the answer comes when there is something new, or after so many seconds. Orders that you have and not answered yet
    are told again until they are, or their deadline is over; give `after` to leave out those that you have seen. An order's id
    tells it from all others: do each once. When too many wait at once the answer is empty and Retry-After says when to ask again.
    """
    system = system_of(ask)
    try:
        after = systems.read_cursor(ask.query["after"]) if ask.query["after"] else None
    except ValueError as error:
        raise Problem("invalid", f"after: {error}") from error
    found = _look(system, after)
    if found["orders"] or not ask.query["wait"]:
        return Told(found)
    if not _waiting.acquire(blocking=False):
        return Told(found, headers={"Retry-After": "1"})
    try:
        return Told(_wait(system, after, ask.query["wait"]))
    finally:
        _waiting.release()


def _look(system: StationSystem, after: datetime | None) -> dict[str, object]:
    now = site.now()
    driven = systems.driven(system)
    ordering.alive(driver=system.driver, points=list(driven.values_list("pk", flat=True)), now=now)
    ordering.take(driver=system.driver, evses=driven, now=now)
    rows = systems.taken(system, after=after, now=now)
    latest = max((row.taken_at for row, _ in rows if row.taken_at), default=after)
    said: dict[str, object] = {"orders": [dict(systems.told(instruction)) for _, instruction in rows]}
    return said if latest is None else said | {"next": systems.cursor(latest)}


def _wait(system: StationSystem, after: datetime | None, seconds: int) -> dict[str, object]:
    """Look when something is ordered anywhere, and every two seconds, which is the sign of life as well."""
    until = time.monotonic() + seconds
    raw = database.connection
    raw.add_notify_handler(_nothing)
    try:
        with database.cursor() as cursor:
            cursor.execute(f"LISTEN {ordering.CHANNEL}")
        while True:
            found = _look(system, after)  # after LISTEN: what was ordered in between is found here
            left = until - time.monotonic()
            if found["orders"] or left <= 0:
                return found
            select.select([raw.fileno()], [], [], min(left, LOOK_EVERY))
    finally:
        try:
            raw.remove_notify_handler(_nothing)
            raw.execute(f"UNLISTEN {ordering.CHANNEL}")
        except psycopg.Error:
            database.close()  # a connection that still listens must not go back to work


def _nothing(notice: object) -> None:
    """Notices only wake; without a handler the library would collect them."""


def answered(ask: Ask) -> Told:
    """What the station did about an order.

    `changed` is whether somebody still waited for it: said again, or after the deadline, it is written down and has no effect.
    For START answer as soon as the station is willing; the charge itself is reported when it begins.
    """
    told: saying.OrderAnswered = ask.value
    order = systems.take_one(system_of(ask), ask.segments["order"], now=ask.now)
    if order is None:
        raise Problem("not_found", "You have no order of this id.")
    profile = ask.tree["profile"] if told.profile is not None else None
    try:
        return Told({"changed": bool(door.report(Done(order.uid, told.outcome, told.reason, profile), now=ask.now))})
    except door.UnableToReport as error:
        raise Problem("conflict", str(error)) from error
