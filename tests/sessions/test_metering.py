"""From a meter to charging periods: what holds for every tariff and every charge."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice.sessions.rules.cost import as_price, charged, last_power
from backoffice.sessions.rules.metering import (
    Metered,
    charging_periods,
    clamped,
    cut,
    energy,
    for_cdr,
    unbelievable,
)
from backoffice.tariffs.rules import CompiledTariff, compile_tariff, price
from backoffice.tariffs.rules.splitting import Activity, MeterReading, split
from ocpi.wire.cdrs import SESSION_ONLY, CdrDimensionType, ChargingPeriod
from tests.sessions.cast import NOW, after
from tests.tariffs import generated
from tests.tariffs.build import BERLIN, component, element, tariff

seeds = st.integers(0, 2**32).map(random.Random)
relaxed = settings(max_examples=100, deadline=None)

MICRO = Decimal("0.000001")
"""kWh: what flows in a second is a whole number of these, so that a meter can be read at any second."""


def charge(rng: random.Random) -> tuple[list[Metered], list[int]]:
    """Readings of a charge, and the kWh per second (in MICRO) after each."""
    moment, meter = rng.choice(generated.STARTS), Decimal(rng.choice([0, 1000]))
    readings, flows = [], []
    for _ in range(rng.randint(2, 9)):
        charging = rng.random() < 0.8
        flow = rng.choice([0, 1, 1000, 3055, 13_888]) if charging else 0
        power = rng.choice([None, Decimal(0), Decimal(11), Decimal("22.5")])
        activity = Activity.CHARGING if charging else Activity.PARKED
        soc = rng.choice([None, Decimal(50), Decimal("80.5")])
        readings.append(Metered(moment, meter, activity, power=power, soc=soc))
        flows.append(flow)
        seconds = rng.choice([1, 60, 599, 900, 1800, 5000])
        moment += timedelta(seconds=seconds)
        meter += flow * seconds * MICRO
    return readings, flows


def grain(rng: random.Random) -> timedelta:
    return timedelta(seconds=rng.choice([60, 180, 900, 100_000]))


def total(
    offered: CompiledTariff, periods: Sequence[ChargingPeriod], readings: Sequence[Metered], zone: ZoneInfo
) -> object:
    found = price([offered], periods, zone, end=readings[-1].at)
    return found.total.excl, found.total.incl, {name: (cost.excl, cost.incl) for name, cost in found.costs.items()}


def bare(offered: CompiledTariff, readings: Sequence[Metered], zone: ZoneInfo) -> list[ChargingPeriod]:
    """The periods as the tariffs' own room makes them."""
    meter = [
        MeterReading(r.at, r.kwh - readings[0].kwh, r.activity, r.power if offered.momentary else None)
        for r in readings
    ]
    return split(offered, meter, zone)


@pytest.mark.rule("T-295")
@relaxed
@given(seeds)
def test_a_session_costs_what_its_cdr_costs(rng: random.Random) -> None:
    """The engine on the periods of the Session, on those of the CDR, and on those that are only divided where prices change."""
    offered = compile_tariff(generated.tariff(rng))
    zone = ZoneInfo(rng.choice(generated.ZONES))
    readings, _ = charge(rng)
    told = charging_periods(offered, readings, zone, grain=grain(rng))
    of_cdr = for_cdr(told)
    expected = total(offered, bare(offered, readings, zone), readings, zone)
    assert total(offered, told, readings, zone) == expected
    assert total(offered, of_cdr, readings, zone) == expected
    assert not {each.type for period in of_cdr for each in period.dimensions} & SESSION_ONLY


@relaxed
@given(seeds)
def test_reading_the_meter_once_more_changes_nothing(rng: random.Random) -> None:
    """At any second, between any two readings."""
    offered = compile_tariff(generated.tariff(rng))
    zone = ZoneInfo(rng.choice(generated.ZONES))
    readings, flows = charge(rng)
    at = rng.randrange(len(readings) - 1)
    one, other = readings[at], readings[at + 1]
    seconds = rng.randrange(int((other.at - one.at).total_seconds()))
    between = Metered(
        one.at + timedelta(seconds=seconds), one.kwh + flows[at] * seconds * MICRO, one.activity, power=one.power
    )
    more = [*readings[: at + 1], between, *readings[at + 1 :]] if seconds else readings
    few, many = (charging_periods(offered, each, zone, grain=timedelta(days=9)) for each in (readings, more))
    assert total(offered, few, readings, zone) == total(offered, many, readings, zone)
    cut_up = charging_periods(offered, more, zone, grain=grain(rng))
    assert total(offered, cut_up, readings, zone) == total(offered, few, readings, zone)


@relaxed
@given(seeds)
def test_volumes_add_up(rng: random.Random) -> None:
    offered = compile_tariff(generated.tariff(rng))
    readings, _ = charge(rng)
    for known in (offered, None):
        periods = charging_periods(known, readings, BERLIN, grain=grain(rng))
        volumes = [each for period in periods for each in period.dimensions if each.type is CdrDimensionType.ENERGY]
        assert sum(each.volume for each in volumes) == energy(readings)
        starts = [period.start_date_time for period in periods]
        assert starts == sorted(starts)
        assert starts[0] == readings[0].at
        assert all(period.dimensions for period in for_cdr(periods))


@relaxed
@given(seeds)
def test_cuts_stay_where_they_are_as_the_charge_goes_on(rng: random.Random) -> None:
    """Whoever shows a running charge does not see its past change, but for the last period."""
    offered = compile_tariff(tariff(element(component("ENERGY", 1))))
    readings, _ = charge(rng)
    size = grain(rng)
    before = charging_periods(offered, readings[:-1], BERLIN, grain=size)
    later = charging_periods(offered, readings, BERLIN, grain=size)
    assert [period.start_date_time for period in before] == [period.start_date_time for period in later][: len(before)]
    assert before[:-1] == later[: max(len(before) - 1, 0)]


def test_a_single_reading_makes_no_period() -> None:
    offered = compile_tariff(tariff(element(component("FLAT", 1))))
    periods = charging_periods(offered, [Metered(NOW, Decimal(7))], BERLIN)
    assert periods == []
    assert charged(offered, periods, BERLIN, end=NOW) is None
    assert energy([Metered(NOW, Decimal(7))]) == 0
    assert energy([]) == 0


def test_periods_tell_average_power_and_state_of_charge() -> None:
    readings = [
        Metered(NOW, Decimal(0), soc=Decimal(20)),
        Metered(after(30), Decimal(11), Activity.PARKED, soc=Decimal(80)),
        Metered(after(60), Decimal(11)),
    ]
    first, second = charging_periods(None, readings, BERLIN)
    told = {each.type.value: each.volume for each in first.dimensions}
    assert told == {"TIME": Decimal("0.5"), "ENERGY": 11, "POWER": 22, "STATE_OF_CHARGE": 20}
    told = {each.type.value: each.volume for each in second.dimensions}
    assert told == {"PARKING_TIME": Decimal("0.5"), "STATE_OF_CHARGE": 80}
    assert last_power([first]) == 22
    assert last_power([second]) == 0
    assert last_power([]) is None


def test_a_tariff_of_power_limits_is_not_told_averages() -> None:
    """Else a Session without a measured power would be priced by its average, and the CDR by none."""
    offered = compile_tariff(tariff(element(component("ENERGY", 1), max_power=20), element(component("ENERGY", 2))))
    readings = [Metered(NOW, Decimal(0)), Metered(after(60), Decimal(11))]
    (period,) = charging_periods(offered, readings, BERLIN)
    assert {each.type.value for each in period.dimensions} == {"TIME", "ENERGY"}


@pytest.mark.rule("T-279")
def test_periods_are_short_enough_to_follow_and_begin_where_the_price_changes() -> None:
    """11:40 to 13:10 in Berlin, by the minute, dearer from noon on: every quarter of an hour, and noon."""
    offered = compile_tariff(
        tariff(element(component("ENERGY", 2), start_time="12:00"), element(component("ENERGY", 1)))
    )
    readings = [Metered(after(40 + minute), Decimal(minute) / 10) for minute in range(91)]
    periods = charging_periods(offered, readings, BERLIN)
    starts = [f"{period.start_date_time.astimezone(BERLIN):%H:%M}" for period in periods]
    assert starts == ["11:40", "11:55", "12:00", "12:10", "12:25", "12:40", "12:55"]


def test_a_cut_keeps_the_sums() -> None:
    readings = [Metered(NOW, Decimal(0)), Metered(after(60), Decimal("10.00005"))]
    (whole,) = charging_periods(None, readings, BERLIN)
    parts = cut([whole], [(after(20), Decimal("3.33335")), (after(40), Decimal("6.6667"))], after(60))
    assert [each.volume for part in parts for each in part.dimensions if each.type is CdrDimensionType.ENERGY] == [
        Decimal("3.3334"),
        Decimal("3.3333"),
        Decimal("3.3334"),
    ]
    assert [part.start_date_time for part in parts] == [NOW, after(20), after(40)]


@pytest.mark.rule("T-278")
def test_an_unknown_amount_is_left_out_and_free_is_zero() -> None:
    """Prices with taxes at an unknown rate: what is before them nobody knows."""
    readings = [Metered(NOW, Decimal(0)), Metered(after(60), Decimal(10))]
    unknown = compile_tariff(tariff(element(component("ENERGY", 1)), tax_included="YES"))
    found = charged(unknown, charging_periods(unknown, readings, BERLIN), BERLIN, end=after(60))
    assert found is not None
    assert as_price(found.total, found.taxes) is None
    free = compile_tariff(tariff(element(component("ENERGY", 0)), tax_included="N/A"))
    found = charged(free, charging_periods(free, readings, BERLIN), BERLIN, end=after(60))
    assert found is not None
    assert as_price(found.total, found.taxes) == {"before_taxes": Decimal("0.0000")}


LAST = Metered(after(10), Decimal(105))


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (Metered(after(11), Decimal(106)), ""),
        (Metered(after(11), Decimal(105)), ""),
        (Metered(after(10), Decimal(105)), "told already"),
        (Metered(after(10), Decimal(106)), "told already"),
        (Metered(after(9), Decimal(106)), "before the last reading"),
        (Metered(after(11), Decimal("104.9")), "goes backwards"),
        (Metered(after(13), Decimal(106)), "has not come yet"),
        (Metered(after(11), Decimal("NaN")), "No meter shows"),
        (Metered(after(11), Decimal("Infinity")), "No meter shows"),
        (Metered(after(11), Decimal(-1)), "No meter shows"),
        (Metered(after(11), Decimal("1e12")), "No meter shows"),
        (Metered(after(11), Decimal(106), soc=Decimal(101)), "not 101 % full"),
        (Metered(after(11), Decimal(106), soc=Decimal("NaN")), "not NaN % full"),
        (Metered(after(11), Decimal(106), power=Decimal("NaN")), "No charge point gives"),
    ],
)
def test_what_a_meter_may_say(told: Metered, sentence: str) -> None:
    found = unbelievable(LAST, told, after(12))
    assert sentence in found
    assert bool(sentence) is bool(found)


def test_a_clock_that_runs_a_little_ahead_is_taken_back() -> None:
    assert clamped(None, NOW) == NOW
    assert clamped(after(-3), NOW) == after(-3)
    assert clamped(after(1), NOW) == NOW
    assert clamped(after(3), NOW) == after(3)  # and refused as what has not come yet
