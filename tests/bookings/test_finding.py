"""Free slots, the first first; and that what is found is what a plain look at every quarter of an hour finds, too."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from backoffice.bookings.actions import publishing
from backoffice.bookings.actions.keeping_apart import Taken, Want, rearrange
from backoffice.bookings.finding import Search, UnableToFind, free
from backoffice.bookings.models import BookableLocation, Booking, Resource
from backoffice.bookings.rules import slots
from backoffice.locations.models import Evse
from ocpi.wire import json as wire_json
from ocpi.wire.bookings import BookableParkingOptions
from tests import factories
from tests.bookings import rows
from tests.bookings.places import (
    CAR,
    DAY,
    NOW,
    TERMS,
    TRUCK,
    alike,
    ask,
    asked,
    at,
    calendar,
    one_evse,
    premises,
    slot,
    text,
    token,
)
from tests.doors.asking import Asking
from tests.factories import Partner, small_place

HOUR = timedelta(hours=1)
FREE = [TERMS | {"overlapping_bookings_allowed": True}]


@pytest.fixture
def elv(db: None) -> Partner:
    return factories.partner("SE-ELV:EMSP", "SE-ELV:CPO", receives=("bookings",))


def found(since: datetime, until: datetime, length: timedelta = HOUR, **given: object) -> list[tuple[str, datetime]]:
    search = Search(since=since, until=until, length=length, **given)  # type: ignore[arg-type]
    names = dict(BookableLocation.objects.values_list("pk", "object_id"))
    return [(names[each.place], each.starts_at) for each in free(search, now=NOW)]


def test_the_first_that_are_free(elv: Partner) -> None:
    one_evse(
        premises(), terms=FREE, calendars=[calendar(available_timeslots=[slot(at(8), at(12)), slot(at(24), at(26))])]
    )
    ask(elv, asked("R1", at(9), at(10.25)))
    ask(elv, asked("R2", at(10.75), at(11)))
    assert found(at(0), at(24)) == [("P1", at(8)), ("P1", at(11))]
    assert found(at(0), at(48), limit=4) == [("P1", at(8)), ("P1", at(11)), ("P1", at(24)), ("P1", at(24.25))]
    assert found(at(10), at(11), timedelta(minutes=30)) == [("P1", at(10.25))]
    assert found(at(8.1), at(10), timedelta(minutes=30)) == [("P1", at(8.25)), ("P1", at(8.5))]
    assert found(at(0), at(24), timedelta(hours=3)) == []
    for since, until, length in (
        (at(0), at(24 * 32), HOUR),
        (at(0), at(24), timedelta(days=15)),
        (at(0), at(1), -HOUR),
    ):
        with pytest.raises(UnableToFind):
            found(since, until, length)


def test_what_is_asked_for_of_it(elv: Partner) -> None:
    location = premises(evses=2)
    e1, e2 = Evse.objects.filter(location=location).order_by("pk").values_list("pk", flat=True)
    strong = slot(at(10), at(11), max_power=22_000, green_energy_support=True)
    alike(
        location,
        options=[CAR, TRUCK],
        spaces={0: [e1], 1: [e2]},
        terms=FREE,
        calendars=[calendar(available_timeslots=[slot(at(8), at(9), max_power=11_000), strong])],
    )
    assert len(found(at(0), at(24))) == 4
    assert found(at(0), at(24), power=20_000) == [("P1", at(10))] * 2
    assert found(at(0), at(24), green=True) == [("P1", at(10))] * 2
    truck = wire_json.validate(BookableParkingOptions, TRUCK)
    assert found(at(0), at(24), needs=truck) == [("P1", at(8)), ("P1", at(10))]
    publishing.set_power(location.pk, watts=25_000, by="ann", now=NOW)
    ask(elv, asked("R1", at(10), at(11), bookable_parking_option=CAR, power_required=10))
    assert found(at(0), at(24), power=20_000) == []
    assert found(at(0), at(24), power=11_000) == [("P1", at(8)), ("P1", at(8)), ("P1", at(10))]


def test_of_partners_what_they_told(elv: Partner) -> None:
    asking = Asking(elv.token)
    assert asking.put("2.3.0/receiver/bookings/SE/ELV/booking_locations/BL1", small_place("BL1")).code == 1000
    hidden = one_evse(premises("LOC2"), "P2", shared=False)
    party = elv.party.pk
    assert found(at(10), at(11)) == [("BL1", at(10))]
    assert found(at(10), at(11), parties=[party]) == [("BL1", at(10))]
    assert found(at(10), at(11), parties=[hidden.party_id]) == []
    assert found(at(10), at(11), places=[hidden.pk]) == [("P2", at(10))]


def test_as_a_plain_look_finds_them(elv: Partner) -> None:
    """Against every quarter of an hour of three days, asked one by one whether a space is left."""
    chance = random.Random(3)
    several = alike(premises(evses=2), terms=FREE, calendars=[calendar(days=3)])
    for number in range(40):
        start = chance.randrange(3 * 96 - 8)
        ask(
            elv,
            asked(f"R{number}", at(start / 4), at((start + chance.randint(1, 8)) / 4), tokens=[token(f"T{number}")]),
        )
    live = list(Booking.objects.filter(status="RESERVED").values_list("starts_at", "ends_at"))

    def room(quarter: datetime) -> bool:
        return sum(start <= quarter < end for start, end in live) < 2

    plain = [
        at(quarter / 4) for quarter in range(3 * 96 - 3) if all(room(at((quarter + step) / 4)) for step in range(4))
    ]
    assert [when for _, when in found(at(0), at(72), limit=1000)] == plain
    assert Resource.objects.get(place=several).capacity == 2


@pytest.mark.parametrize("seed", range(4))
def test_as_a_plain_look_finds_them_at_places_of_every_kind(elv: Partner, seed: int) -> None:
    """One space, two alike, one that shares the power of its location, one of a partner's; claims of one holder that overlap
    each other, as a booking that asks to be moved has them."""
    chance = random.Random(seed)
    one = one_evse(premises("LOC1"), "P1", calendars=[calendar(days=4)])
    half = [slot(at(0), at(30)), slot(at(33), at(60))]
    two = alike(premises("LOC2", evses=2), "P2", calendars=[calendar(days=4, available_timeslots=half)])
    weak = one_evse(premises("LOC3"), "P3", calendars=[calendar(days=4)])
    publishing.set_power(weak.premises_id or 0, watts=20_000, by="ann", now=NOW)
    told = small_place("P4") | {"calendars": [calendar(available_timeslots=half, last_updated=text(NOW))]}
    assert Asking(elv.token).put("2.3.0/receiver/bookings/SE/ELV/booking_locations/P4", told).code == 1000
    spaces = {row.place_id: row for row in Resource.objects.filter(of="SPACES")}
    busy: dict[str, list[tuple[int, int]]] = {"P1": [], "P2": [], "P3": []}
    power: list[tuple[int, int]] = []
    for number, place in enumerate([one, two, weak] * chance.choice([2, 12])):
        start = chance.randrange(-8, 4 * 96)
        end = start + chance.randint(1, 40)
        wants = [Want(spaces[place.pk].pk, at(start / 4), at(end / 4))]
        if number % 4 == 0:
            wants += [Want(spaces[place.pk].pk, at(start / 4 + 1), at(end / 4 + 1))]
        try:
            keep(elv, place, wants)
        except Taken:
            continue
        busy[place.object_id] += [(start, end + 4 if number % 4 == 0 else end)]
    watts = Resource.objects.get(of="POWER").pk
    for start in (40, 200):
        keep(elv, weak, [Want(watts, at(start / 4), at(start / 4 + 3), 15_000)])
        power += [(start, start + 12)]

    for length in (1, 3, 20, 80):
        for watt in (None, 4_000, 11_000):

            def room(name: str, quarter: int, watt: int | None = watt) -> bool:
                if name in ("P2", "P4") and not (quarter < 120 or 132 <= quarter < 240):
                    return False
                if name == "P3" and watt == 11_000 and any(start <= quarter < end for start, end in power):
                    return False
                taken = sum(start <= quarter < end for start, end in busy.get(name, []))
                return taken < (2 if name == "P2" else 1)

            since, until = chance.choice([(0, 384), (30, 300), (121, 140)])
            plain = [
                (name, at(quarter / 4))
                for quarter in range(since, until - length + 1)
                for name in ("P1", "P2", "P3", "P4")
                if all(room(name, quarter + step) for step in range(length))
                # openings are two, and a slot is within one
            ]
            most = chance.choice([50, 2000])
            got = found(at(since / 4), at(until / 4), timedelta(minutes=15 * length), power=watt, limit=most)
            assert got == plain[:most], (length, watt)


def keep(partner: Partner, place: BookableLocation, wants: list[Want]) -> None:
    """Raises Taken."""
    with transaction.atomic():
        rearrange(holder=rows.booking(place, partner.party, at(0)), add=wants)


BERLIN = ZoneInfo("Europe/Berlin")
KATHMANDU = ZoneInfo("Asia/Kathmandu")


@pytest.mark.parametrize(
    ("zone", "start", "hours", "step", "clocks"),
    [
        # the clock goes from two to three
        (BERLIN, datetime(2026, 3, 28, 23, tzinfo=UTC), 4, 60, ["00:00", "01:00", "03:00", "04:00"]),
        # and from three back to two
        (BERLIN, datetime(2026, 10, 24, 23, tzinfo=UTC), 4, 60, ["01:00", "02:00", "02:00", "03:00"]),
        (BERLIN, datetime(2026, 10, 24, 22, tzinfo=UTC), 7, 120, ["00:00", "02:00", "02:00", "04:00"]),
        (KATHMANDU, datetime(2026, 4, 1, 0, tzinfo=UTC), 3, 60, ["06:00", "07:00", "08:00"]),
    ],
)
def test_steps_by_the_clock_and_units_by_the_instant(
    zone: ZoneInfo, start: datetime, hours: int, step: int, clocks: list[str]
) -> None:
    period = start, start + timedelta(hours=hours)
    begins = list(slots.starts(period, length=timedelta(0), step=step, zone=zone))
    shown = [when.astimezone(zone).strftime("%H:%M") for when in begins if when < period[1]]
    assert shown == clocks
    unit = slots.unit_of([step])
    assert len(slots.units(*period, unit)) == hours * 60 // unit
    for when in begins:
        assert slots.units(when, when + timedelta(minutes=1), unit) == [when]


def test_units() -> None:
    assert [slots.unit_of(steps) for steps in ([], [None], [60], [10], [20, 30], [7], [90, None])] == [
        15,
        15,
        15,
        5,
        5,
        1,
        15,
    ]
    assert slots.units(at(10.1), at(10.3), 15) == [at(10), at(10.25)]
    openings = [(at(8), at(12)), (at(12), at(14))]
    assert slots.covered((at(9), at(13)), openings) == [0, 1]
    assert slots.covered((at(9), at(15)), openings) == []
    assert slots.without(openings, [(at(11), at(13)), (at(7), at(9))]) == [(at(9), at(11)), (at(13), at(14))]
    one = slots.Keeping(1, 15, at(10), at(11), 2)
    other = slots.Keeping(1, 15, at(10.5), at(11.5), 3)
    taken, given = slots.difference(slots.use([one]), slots.use([one, other]))
    assert taken == {(1, at(10.5)): 1, (1, at(10.75)): 1, (1, at(11)): 3, (1, at(11.25)): 3}
    assert given == {}
    assert at(0) == DAY
