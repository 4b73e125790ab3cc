"""Sixty-four at once, for the same spaces, the same power, with the same tokens: never two winners, and nobody meets a deadlock.

A few rounds here; `make races ROUNDS=200` for the whole. Whether anybody won twice is not asked of the constraints: it is counted
from the documents of the bookings, minute by minute.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from backoffice.bookings.actions import keeping, publishing
from backoffice.bookings.models import BookableLocation, Booking, Claim, Resource, SlotUse
from backoffice.bookings.rules.slots import Keeping, use
from backoffice.locations.models import Evse, Location
from tests import factories
from tests.bookings.places import DAY, NOW, TERMS, alike, ask, asked, calendar, canceled, one_evse, premises, token
from tests.factories import Partner

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = int(os.environ.get("ROUNDS", "1"))
AT_ONCE = 64
SPACES = 3
WATTS = 44_000

Act = Callable[[], Any]


@pytest.fixture
def elv() -> Partner:
    return factories.partner("SE-ELV:EMSP", receives=("bookings",))


@pytest.fixture
def places(elv: Partner) -> list[BookableLocation]:
    """One EVSE by itself, and three that are alike and share the power of their location."""
    days = ROUNDS + 2
    alone = one_evse(premises("LOC1"), "P1", calendars=[calendar(days=days)], terms=[TERMS])
    location = premises("LOC2", evses=SPACES)
    free = [TERMS | {"overlapping_bookings_allowed": True}]
    several = alike(location, "P2", calendars=[calendar(days=days)], terms=free)
    publishing.set_power(location.pk, watts=WATTS, by="ann", now=NOW)
    return [alone, several]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield pool
        barrier = Barrier(AT_ONCE)
        for each in [pool.submit(lambda: (barrier.wait(), connection.close())) for _ in range(AT_ONCE)]:
            each.result()


def test_never_two_winners(elv: Partner, places: list[BookableLocation], pool: ThreadPoolExecutor) -> None:
    chance = random.Random(7)
    answers: Counter[str] = Counter()
    for number in range(ROUNDS):
        day = DAY + timedelta(days=number)
        first = _at_once(pool, [_new(elv, f"N{number}-{place}", day, chance) for place in range(AT_ONCE)])
        held = list(
            Booking.objects.filter(status="RESERVED", starts_at__gte=day, starts_at__lt=day + timedelta(days=1))
        )
        assert held, "somebody wins"
        second = _at_once(pool, [_again(elv, f"M{number}-{place}", day, held, chance) for place in range(AT_ONCE)])
        answers.update(first + second)
        _nobody_won_twice(day)
    assert answers["RESERVED"] > ROUNDS  # not one winner only
    assert answers["REJECTED"] > ROUNDS
    _counted_right()


def _at_once(pool: ThreadPoolExecutor, acts: list[Act]) -> list[str]:
    """All of them let go at the same moment. What one of them raises is raised here."""
    barrier = Barrier(len(acts))

    def run(act: Act) -> str:
        barrier.wait()
        return str(act())

    return [each.result() for each in [pool.submit(run, act) for act in acts]]


def _period(day: datetime, chance: random.Random) -> tuple[datetime, datetime]:
    start = day + timedelta(minutes=15 * chance.randrange(32, 48))
    return start, start + timedelta(minutes=15 * chance.randint(1, 8))


def _new(elv: Partner, request_id: str, day: datetime, chance: random.Random) -> Act:
    start, end = _period(day, chance)
    tree = asked(
        request_id,
        start,
        end,
        location_id=chance.choice(["LOC1", "LOC2"]),
        tokens=[token(f"TAG{chance.randrange(6)}"), token(f"TAG{6 + chance.randrange(6)}")],
        power_required=chance.choice([5, 11]),
    )
    return lambda: ask(elv, tree).booking.status


def _again(elv: Partner, request_id: str, day: datetime, held: list[Booking], chance: random.Random) -> Act:
    """A change, a cancellation, a no-show, an assignment by staff, or somebody new."""
    booking = chance.choice(held)
    kind = chance.randrange(5)
    if kind == 0:
        return _new(elv, request_id, day, chance)
    if kind == 1:
        start, end = _period(day, chance)
        last = booking.requests.latest("pk").tree()
        tree = asked(booking.request_id, start, end, location_id=last["location_id"], tokens=last["tokens"])
        return lambda: ask(elv, tree).booking.status
    if kind == 2:
        tree = booking.requests.latest("pk").tree() | {"canceled": canceled()}
        return lambda: ask(elv, tree).booking.status

    def ours() -> str:
        late = booking.noshow_at or booking.ends_at
        try:
            if kind == 3:
                return keeping.miss(booking.pk, by="", now=late).status
            return str(keeping.assign(booking.pk, by="ann", now=booking.early_from))
        except keeping.UnableToKeep as refusal:
            return type(refusal).__name__

    return ours


def _nobody_won_twice(day: datetime) -> None:
    live = list(Booking.objects.filter(status="RESERVED", starts_at__gte=day, starts_at__lt=day + timedelta(days=1)))
    spaces: Counter[tuple[str, datetime]] = Counter()
    evses: Counter[tuple[int, datetime]] = Counter()
    power: Counter[datetime] = Counter()
    tokens: Counter[tuple[str, datetime]] = Counter()
    for booking in live:
        tree = booking.tree()
        minute = booking.starts_at
        while minute < booking.ends_at:
            spaces[booking.location_id, minute] += 1
            if booking.evse_id is not None:
                evses[booking.evse_id, minute] += 1
            if booking.location_id == "LOC2":
                power[minute] += tree["period"]["max_power"]
            if booking.location_id == "LOC1":
                for each in tree["booking_tokens"]:
                    tokens[each["uid"], minute] += 1
            minute += timedelta(minutes=15)
    most = {"LOC1": 1, "LOC2": SPACES}
    assert [key for key, count in spaces.items() if count > most[key[0]]] == []
    assert [key for key, count in evses.items() if count > 1] == []
    assert [key for key, watts in power.items() if watts > WATTS] == []
    assert [key for key, count in tokens.items() if count > 1] == []


def _counted_right() -> None:
    """What is counted is what is kept, and kept is what is reserved."""
    units = dict(Resource.objects.values_list("pk", "unit"))
    expected: Counter[tuple[int, datetime]] = Counter()
    holders: dict[int, list[Keeping]] = {}
    for claim in Claim.objects.all():
        kept = Keeping(
            claim.resource_id, units[claim.resource_id], claim.period.lower, claim.period.upper, claim.amount
        )
        holders.setdefault(claim.holder, []).append(kept)
    for keepings in holders.values():
        expected.update(use(keepings))
    counted = {(row.resource_id, row.starts_at): row.used for row in SlotUse.objects.filter(used__gt=0)}
    assert counted == dict(expected)
    assert set(holders) == set(Booking.objects.filter(status="RESERVED").values_list("pk", flat=True))
    assert Evse.objects.count() == 1 + SPACES
    assert Location.objects.count() == 2
