"""What holds for every price."""

import random
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice.tariffs.rules import CATEGORIES, Breakdown, compile_tariff, price
from backoffice.tariffs.rules.breakdown import rounded_taxes
from backoffice.tariffs.rules.crossing import divide
from backoffice.tariffs.rules.exact import decimal, exponent, rounded, text
from backoffice.tariffs.rules.periods import microseconds, read
from backoffice.tariffs.rules.policy import DEFAULT, Outcome
from backoffice.tariffs.rules.splitting import MeterReading, split
from ocpi import versions
from ocpi.wire.base import date_time_text
from ocpi.wire.cdrs import CDR, CdrDimension, ChargingPeriod
from ocpi.wire.json import encode, parse, validate
from ocpi.wire.sessions import Session
from ocpi.wire.tariffs import Tariff
from tests.tariffs import generated
from tests.tariffs.build import BERLIN, at, component, element, period, priced, tariff

seeds = st.integers(0, 2**32).map(random.Random)
relaxed = settings(max_examples=150, deadline=None)


def some(rng: random.Random) -> tuple[Any, list[ChargingPeriod], Any, ZoneInfo]:
    periods, end = generated.session(rng)
    return generated.tariff(rng), periods, end, ZoneInfo(rng.choice(generated.ZONES))


@relaxed
@given(seeds)
def test_lines_add_up(rng: random.Random) -> None:
    """Segments to dimensions, dimensions and the price limit to the total, taxes to the difference, also rounded."""
    offered, periods, end, zone = some(rng)
    breakdown = price([offered], periods, zone, end=end)
    for category in CATEGORIES:
        costs = [segment.cost for segment in breakdown.segments if segment.category == category]
        assert (category in breakdown.costs) == bool(costs)
        if costs:
            whole = breakdown.costs[category]
            assert whole.incl == sum(cost.incl or Fraction(0) for cost in costs)
            if whole.excl is not None:
                assert whole.excl == sum(cost.excl or Fraction(0) for cost in costs)
    total, limit = breakdown.total, breakdown.price_limit
    assert total.incl == sum(cost.incl or Fraction(0) for cost in breakdown.costs.values()) + (limit[1] or 0)
    if total.excl is not None and total.incl is not None:
        assert total.excl == sum(cost.excl or Fraction(0) for cost in breakdown.costs.values()) + (limit[0] or 0)
        assert total.incl - total.excl == sum(tax.amount for tax in breakdown.taxes)
        if breakdown.taxes:
            lines = rounded_taxes(breakdown.taxes, total, 2)
            assert rounded(total.excl, 2) + sum(tax.amount for tax in lines) == rounded(total.incl, 2)


@pytest.mark.rule("T-306")
@relaxed
@given(seeds, st.integers(1, 9))
def test_splitting_a_period_changes_nothing(rng: random.Random, tenth: int) -> None:
    """Unless a boundary of the tariff lies between: then the period had to be split there."""
    compiled = compile_tariff(generated.tariff(rng))
    zone = ZoneInfo(rng.choice(generated.ZONES))
    start = rng.choice(generated.STARTS)
    kwh, seconds = Decimal(rng.choice(["0.5", "4.4", "20"])), rng.choice([3600, 36_000])
    kind = rng.choice(["TIME", "PARKING_TIME"])

    def charged(at: Any, share: Decimal) -> ChargingPeriod:
        volumes = {"ENERGY": kwh * share, kind: Decimal(seconds) * share / 3600, "MAX_POWER": 11, "MIN_CURRENT": 16}
        tree = {
            "start_date_time": date_time_text(at),
            "dimensions": [{"type": t, "volume": v} for t, v in volumes.items()],
        }
        return validate(ChargingPeriod, tree)

    end, middle = start + timedelta(seconds=seconds), start + timedelta(seconds=seconds * tenth // 10)
    whole = [charged(start, Decimal(1))]
    share = Decimal(tenth) / 10
    divisor, read_periods, _ = read(whole, end, DEFAULT, compiled.energy_unit)
    boundaries = divide(compiled, read_periods[0], microseconds(start), divisor, zone)
    halves = [charged(start, share), charged(middle, 1 - share)]
    one, two = price([compiled], whole, zone, end=end), price([compiled], halves, zone, end=end)
    if len(boundaries) == 1:
        assert (one.total.excl, one.total.incl) == (two.total.excl, two.total.incl)


@relaxed
@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 100)), min_size=1, max_size=4),
    st.integers(0, 1000),
    st.integers(0, 1000),
    st.sampled_from([0, 1, 100]),
)
def test_more_energy_is_never_cheaper(prices: list[tuple[int, int]], kwh: int, more: int, step: int) -> None:
    """Under prices that are not negative, without limits, and steps that no price boundary cuts: those a higher price
    before the boundary would fill, a lower one after it would not.
    """
    tiers = [
        element(component("ENERGY", Decimal(cents) / 100, step), min_kwh=least)
        for cents, least in sorted(prices, key=lambda each: -each[1])
    ]
    compiled = compile_tariff(tariff(*tiers, element(component("ENERGY", Decimal("0.3"), step))))
    costs = []
    for tenths in (kwh, kwh + more):
        readings = [MeterReading(at("09:00"), Decimal(0)), MeterReading(at("10:00"), Decimal(tenths) / 10)]
        costs.append(price([compiled], split(compiled, readings, BERLIN), BERLIN, end=at("10:00")).total.incl)
    less, many = costs
    assert less is not None
    assert many is not None
    assert less <= many


@relaxed
@given(seeds)
def test_detail_changes_no_amount(rng: random.Random) -> None:
    offered, periods, end, zone = some(rng)
    full, short = (price([offered], periods, zone, end=end, detail=detail) for detail in (True, False))
    assert (full.total, full.costs, full.codes) == (short.total, short.costs, short.codes)
    assert short.segments == []
    assert all(segment.because for segment in full.segments)


@pytest.mark.rule("T-295")
@relaxed
@given(seeds)
def test_session_own_cdr_and_received_cdr_cost_the_same(rng: random.Random) -> None:
    """The periods travel through JSON, in a Session and in a CDR; nothing of the price is lost."""
    offered, periods, end, zone = some(rng)
    ours = price([offered], periods, zone, end=end)
    tree = [each.tree() for each in periods]
    for cls in (Session, CDR):
        travelled = parse(encode({"charging_periods": tree, "tariff": offered.tree()}))
        assert isinstance(travelled, dict)
        received = cls.model_construct(
            charging_periods=[validate(ChargingPeriod, each) for each in travelled["charging_periods"]]  # type: ignore[union-attr]
        )
        theirs = price([validate(type(offered), travelled["tariff"])], received.charging_periods, zone, end=end)
        assert amounts(theirs) == amounts(ours)


def amounts(breakdown: Breakdown) -> dict[str, Any]:
    return {name: (cost.excl, cost.incl) for name, cost in {**breakdown.costs, "total": breakdown.total}.items()}


@relaxed
@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6), st.integers(0, 4))
def test_rounding_is_half_away_from_zero(numerator: int, denominator: int, places: int) -> None:
    value = Fraction(numerator, denominator)
    result = rounded(value, places)
    half = Fraction(1, 2 * 10**places)
    assert abs(result - value) <= half
    if abs(result - value) == half:
        assert abs(result) > abs(value)
    assert rounded(-value, places) == -result
    assert Decimal(text(numerator, denominator, places)) == decimal(value, places)
    assert Fraction(text(numerator, denominator, places)) == result


@pytest.mark.parametrize(("currency", "digits"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("clf", 4), (None, 2)])
def test_currencies_have_their_own_precision(currency: str | None, digits: int) -> None:
    assert exponent(currency) == digits


def test_a_dimension_is_a_number() -> None:
    """Repeated dimensions of one kind in a period are one volume."""
    twice = period("09:00", ENERGY=1)
    twice.dimensions.append(CdrDimension(type=twice.dimensions[0].type, volume=Decimal(2)))
    assert priced(tariff(element(component("ENERGY", 1))), twice, zone=BERLIN).total.incl == 3


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_who_hears_nothing_of_bookings_prices_charges_alike(rng: random.Random) -> None:
    """What is left out for partners without bookings is no part of the price of anything that they have."""
    _, periods, end, zone = some(rng)
    tree = generated.tariff(rng).model_dump(exclude_none=True) | {"last_updated": "2025-01-01T00:00:00Z"}
    tree = parse(encode(tree))
    for kind in ("RESERVATION_OVERTIME", "RESERVATION_CANCELLATION_FEES"):
        one = {"price_components": [generated.component(rng, rng.choice(["TIME", "FLAT"]))]}
        tree["elements"].insert(rng.randint(0, len(tree["elements"])), one | {"restrictions": {"reservation": kind}})
    told = versions.down("2.3.0-b0", Tariff, tree)
    assert len(told["elements"]) == len(tree["elements"]) - 2
    outcome = rng.choice([None, Outcome.USED, Outcome.EXPIRED])
    found = [price([validate(Tariff, each)], periods, zone, end=end, outcome=outcome) for each in (tree, told)]
    whole, core = (
        {name: (cost.excl, cost.incl) for name, cost in [*each.costs.items(), ("total", each.total)]} for each in found
    )
    assert whole == core
