"""Curves: what the chart draws is what the session would cost if it ended there."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from backoffice.tariffs.rules import compile_tariff, price
from backoffice.tariffs.rules.curves import CURVES, meter_at, samples
from backoffice.tariffs.rules.splitting import Activity, MeterReading, split
from backoffice.tariffs.rules.week import weeks
from tests.tariffs.build import BERLIN, at, component, element, tariff

BUSY = tariff(
    element(component("FLAT", Decimal("1.50"), vat=19)),
    element(component("ENERGY", Decimal("0.61"), 250, vat=19), end_time="09:30"),
    element(component("PARKING_TIME", 6, 300, vat=19), min_duration=2700),
    element(component("ENERGY", Decimal("0.39"), vat=19), component("TIME", Decimal("1.20"), 60, vat=19), max_kwh=40),
    element(component("ENERGY", Decimal("0.29"), vat=19)),
    tax_included="YES",
    min_price={"before_taxes": 2},
    max_price={"before_taxes": 25},
)


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_a_curve_fills_a_car(curve: Any) -> None:
    readings = curve.readings(at("09:00"), idle=timedelta(minutes=30))
    assert all(one.at < other.at for one, other in pairwise(readings))
    assert 50 <= readings[-1].kwh <= 60
    powers = [reading.power for reading in readings[:-2]]
    assert powers == sorted(powers, reverse=True)
    assert [readings[-2].activity, readings[-2].power, readings[-2].kwh] == [Activity.PARKED, 0, readings[-1].kwh]


@pytest.mark.parametrize("key", CURVES)
def test_each_sample_is_the_price_of_a_session_that_ends_there(key: str) -> None:
    compiled = compile_tariff(BUSY)
    readings = CURVES[key].readings(at("08:30"), idle=timedelta(minutes=60))
    found = samples(compiled, readings, BERLIN, most=12)
    assert found[0].elapsed == timedelta()
    assert found[-1].elapsed == readings[-1].at - readings[0].at
    for sample in found[1:]:
        end = readings[0].at + sample.elapsed
        ended = [reading for reading in readings if reading.at < end]
        meter = Decimal(str(round(float(meter_at(readings, end)), 4)))
        alone = [*ended, MeterReading(end, meter)]
        own = price([compiled], split(compiled, alone, BERLIN), BERLIN, end=end)
        drawn = sample.total(with_taxes=True)
        assert own.total.incl is not None
        assert abs(drawn - own.total.incl) < Fraction(1, 1000), sample.elapsed


def test_a_fee_that_falls_due_is_a_step() -> None:
    """The moment before a change stands beside the change."""
    fee = compile_tariff(
        tariff(element(component("FLAT", 5), min_duration=3600), element(component("ENERGY", Decimal("0.5"))))
    )
    found = samples(fee, CURVES["ac22"].readings(at("08:00")), BERLIN)
    before = next(sample for sample in found if sample.elapsed == timedelta(seconds=3599))
    after = next(sample for sample in found if sample.elapsed > timedelta(hours=1))
    assert "fixed" not in before.amounts(with_taxes=True)
    assert after.amounts(with_taxes=True)["fixed"] == 5


def test_amounts_add_up_where_no_limit_applies() -> None:
    compiled = compile_tariff(BUSY)
    for sample in samples(compiled, CURVES["dc50"].readings(at("09:00")), BERLIN):
        if sample.breakdown.limit_applied is None:
            assert sum(sample.amounts(with_taxes=False).values()) == sample.total(with_taxes=False)


def test_the_week_names_the_winner_of_each_hour() -> None:
    compiled = compile_tariff(
        tariff(
            element(component("ENERGY", Decimal("0.3")), start_time="22:00", end_time="06:00"),
            element(component("ENERGY", Decimal("0.4")), day_of_week=["SATURDAY"]),
            element(component("ENERGY", Decimal("0.5")), component("TIME", 1)),
        )
    )
    energy, time = weeks(compiled, at("2025-01-13T00:00").date(), kw=Decimal(11), ampere=Decimal(48))
    shown = [[(each.start, each.end, each.component.element) for each in day if each.component] for day in energy.days]
    assert shown[0] == [(0, 360, 0), (360, 1320, 2), (1320, 1440, 0)]
    assert shown[5] == [(0, 360, 0), (360, 1320, 1), (1320, 1440, 0)]
    assert energy.varies
    assert not time.varies


@pytest.mark.parametrize(("kw", "winner"), [(22, 1), (60, 0)])
def test_the_week_is_of_a_given_power(kw: int, winner: int) -> None:
    compiled = compile_tariff(
        tariff(element(component("ENERGY", 1), min_power=50), element(component("ENERGY", Decimal("0.5"))))
    )
    (week,) = weeks(compiled, at("2025-01-13T00:00").date(), kw=Decimal(kw), ampere=Decimal(100))
    assert [each.element for each in week.components if each] == [winner]


def test_where_nothing_prices_energy_the_week_says_so() -> None:
    compiled = compile_tariff(tariff(element(component("ENERGY", 1), start_time="08:00", end_time="18:00")))
    (week,) = weeks(compiled, at("2025-01-13T00:00").date(), kw=Decimal(11), ampere=Decimal(48))
    assert [(each.start, each.end, each.component is None) for each in week.days[0]] == [
        (0, 480, True),
        (480, 1080, False),
        (1080, 1440, True),
    ]
