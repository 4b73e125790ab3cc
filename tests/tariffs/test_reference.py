"""The engine against brute force: thousands of tariffs and sessions, exact to the last fraction."""

import random
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from backoffice.tariffs.rules import Breakdown, Policy, UnstatedVat, compile_tariff, price
from backoffice.tariffs.rules.splitting import Activity, MeterReading, split
from tests.tariffs import build, generated, reference

PERIOD_CASES, SECOND_CASES = 4000, 120
NONE = Policy(unstated_vat=UnstatedVat.NONE)


def result(breakdown: Breakdown) -> reference.Result:
    found = {name: (cost.excl, cost.incl) for name, cost in breakdown.costs.items()}
    found["total"] = (breakdown.total.excl, breakdown.total.incl)
    return found  # type: ignore[return-value]  # incl is known in these cases


@pytest.mark.rule("T-336", "T-337", "T-338", "T-351", "T-353", "T-354", "T-355", "T-359", "T-360")
@pytest.mark.rule("T-310", "T-311", "T-356", "T-357", "T-361", "T-364", "T-365")
@pytest.mark.parametrize("block", range(8))
def test_period_by_period(block: int) -> None:
    for number in range(PERIOD_CASES // 8):
        rng = random.Random(f"{block}/{number}")
        tariff = generated.tariff(rng)
        periods, end = generated.session(rng)
        zone = ZoneInfo(rng.choice(generated.ZONES))
        expected = reference.of_periods(tariff, periods, zone, end)
        assert result(price([tariff], periods, zone, policy=NONE, end=end)) == expected, f"seed {block}/{number}"


@pytest.mark.rule("T-304", "T-305", "T-307", "T-352", "T-363")
@pytest.mark.parametrize("number", range(SECOND_CASES))
def test_second_by_second(number: int) -> None:
    """A session run through by the second costs what its split charging periods cost."""
    rng = random.Random(f"seconds/{number}")
    tariff = generated.tariff(rng, seconds=True)
    zone = ZoneInfo(rng.choice(generated.ZONES))
    start = rng.choice(generated.STARTS) + timedelta(minutes=rng.choice([0, 24, 39, 600]))
    phases, readings = [], []
    moment, meter = start, Decimal(0)
    kinds = rng.choice([[], ["RESERVATION_TIME"]]) + rng.choice([[], ["TIME"], ["TIME", "PARKING_TIME"], ["TIME"] * 3])
    for kind in kinds or ["TIME"]:
        seconds = rng.choice([30, 61, 300, 700])
        flow = Decimal(rng.choice(["0.0005", "0.001", "0.005"])) if kind == "TIME" else Decimal(0)
        power, current = Decimal(rng.choice([3, 11, 50])), Decimal(rng.choice([6, 16, 40]))
        values = {f"{bound}_POWER": Fraction(power) for bound in ("MIN", "MAX")}
        values |= {f"{bound}_CURRENT": Fraction(current) for bound in ("MIN", "MAX")}
        phases.append((kind, seconds, Fraction(flow), values))
        activity = next(each for each in Activity if each.value == kind)
        readings.append(MeterReading(moment, meter, activity, power, current))
        moment, meter = moment + timedelta(seconds=seconds), meter + flow * seconds
    readings.append(MeterReading(moment, meter))
    expected = reference.of_seconds(tariff, start, phases, zone)
    periods = split(compile_tariff(tariff, policy=NONE), readings, zone)
    breakdown = price([tariff], periods, zone, policy=NONE, end=moment)
    assert "period_crosses_boundary" not in breakdown.codes
    # Seconds in which nothing flows are no lines of a bill, and a period with 0 kWh is one: only amounts are compared.
    found = result(breakdown)
    assert found["total"] == expected["total"]
    assert {name: cost for name, cost in found.items() if cost[1]} == {
        name: cost for name, cost in expected.items() if cost[1]
    }


@pytest.mark.rule("T-305")
def test_a_crossed_boundary_is_noticed_exactly_when_there_is_one() -> None:
    """A look every 10 seconds into a period that is used evenly: another component than at its start, or not."""
    crossed = 0
    for number in range(400):
        rng = random.Random(f"crossing/{number}")
        tariff = generated.tariff(rng, seconds=True)
        zone = ZoneInfo(rng.choice(generated.ZONES))
        start = rng.choice(generated.STARTS) + timedelta(minutes=rng.choice([0, 24, 39, 600]))
        looks = rng.choice([6, 60, 400])
        end = start + timedelta(seconds=10 * looks)
        flow = Decimal(rng.choice(["0.005", "0.01"]))
        readings = [MeterReading(start, Decimal(0), power=Decimal(11)), MeterReading(end, flow * looks)]
        whole = split(compile_tariff(build.tariff(build.element(build.component("FLAT", 0)))), readings, zone)
        values = {"MIN_POWER": Fraction(11), "MAX_POWER": Fraction(11)}
        found = set()
        for look in range(looks):
            elapsed = 10 * look
            now = reference.Instant(
                start + timedelta(seconds=elapsed), zone, Fraction(flow) * look, Fraction(elapsed), values
            )
            active = [reference.active(tariff, kind, now) for kind in ("ENERGY", "TIME")]
            found.add(tuple(id(each) for each in active))
        periods = [each.model_copy(update={"tariff_id": None}) for each in whole]
        codes = price([tariff], periods, zone, policy=NONE, end=end).codes
        assert ("period_crosses_boundary" in codes) == (len(found) > 1), f"seed {number}"
        crossed += len(found) > 1
    assert 20 < crossed < 380
