"""Where a tariff stands at a moment, and which of several prices a charge, with the reason that staff read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from backoffice.tariffs.rules.standing import Contender, Standing, contest, flaw, headline, is_time_of_use, standing
from ocpi.wire.tariffs import Tariff, TariffType
from tests.tariffs.build import component, element, tariff

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
EARLIER, LATER = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
KWH = element(component("ENERGY", 1))


@pytest.mark.parametrize(
    ("starts", "ends", "withdrawn", "expected"),
    [
        (None, None, None, Standing.LIVE),
        (NOON, None, None, Standing.LIVE),
        (LATER, None, None, Standing.SCHEDULED),
        (EARLIER, NOON, None, Standing.ENDED),
        (EARLIER, LATER, None, Standing.LIVE),
        (None, None, NOON, Standing.WITHDRAWN),
        (LATER, None, NOON, Standing.WITHDRAWN),
    ],
)
def test_standing(starts: Any, ends: Any, withdrawn: Any, expected: Standing) -> None:
    assert standing(starts, ends, withdrawn, NOON) is expected


def named(identity: str, **more: Any) -> Tariff:
    return tariff(KWH, id=identity, **more)


OLD = named("OLD", type="REGULAR", end_date_time="2026-06-01T12:00:00Z")
NEW = named("NEW", type="REGULAR", start_date_time="2026-06-01T12:00:00Z")
ANY, REGULAR, AD_HOC, GREEN = (
    named("ANY"),
    named("REGULAR", type="REGULAR"),
    named("AD_HOC", type="AD_HOC_PAYMENT"),
    named("GREEN", type="PROFILE_GREEN"),
)


@pytest.mark.rule("T-341", "T-366")
@pytest.mark.parametrize(
    ("offered", "wanted", "winner"),
    [
        ([ANY], "REGULAR", "ANY"),
        ([ANY], "AD_HOC_PAYMENT", "ANY"),
        ([ANY], "PROFILE_FAST", "ANY"),
        ([ANY, REGULAR, AD_HOC, GREEN], "REGULAR", "REGULAR"),
        ([ANY, REGULAR, AD_HOC, GREEN], "AD_HOC_PAYMENT", "AD_HOC"),
        ([ANY, REGULAR, AD_HOC, GREEN], "PROFILE_GREEN", "GREEN"),
        ([ANY, REGULAR, AD_HOC, GREEN], "PROFILE_CHEAP", "ANY"),
        ([REGULAR], "AD_HOC_PAYMENT", None),
        ([], "REGULAR", None),
    ],
)
def test_the_type_decides(offered: list[Tariff], wanted: str, winner: str | None) -> None:
    placings = contest([Contender(each) for each in offered], TariffType(wanted), NOON)
    assert [each.tariff.id for each in placings if each.wins] == ([winner] if winner else [])
    assert all(each.reason for each in placings)


@pytest.mark.rule("T-346")
@pytest.mark.parametrize(("second", "winner"), [(-1, "OLD"), (0, "NEW"), (1, "NEW")])
def test_the_old_price_ends_where_the_new_one_starts(second: int, winner: str) -> None:
    at = NOON.replace(minute=0) if second == 0 else datetime.fromtimestamp(NOON.timestamp() + second, UTC)
    placings = contest([Contender(OLD), Contender(NEW)], TariffType.REGULAR, at)
    assert [each.tariff.id for each in placings if each.wins] == [winner]


def test_of_two_of_one_type_the_later_start_wins_then_the_first_in_the_list() -> None:
    first = named("FIRST", start_date_time="2026-01-01T00:00:00Z")
    second = named("SECOND", start_date_time="2026-02-01T00:00:00Z")
    (one, other) = contest([Contender(first), Contender(second)], TariffType.REGULAR, NOON)
    assert (one.wins, other.wins) == (False, True)
    assert "2 tariffs of one type" in other.reason
    (one, other) = contest([Contender(named("A")), Contender(named("B"))], TariffType.REGULAR, NOON)
    assert (one.wins, other.wins) == (True, False)


def test_what_a_partner_must_not_see_prices_nothing_for_it() -> None:
    placings = contest(
        [Contender(REGULAR, visible=False), Contender(ANY), Contender(GREEN, withdrawn=True)], TariffType.REGULAR, NOON
    )
    assert [each.wins for each in placings] == [False, True, False]
    assert [each.reason for each in placings][::2] == ["Not disclosed to this partner.", "Withdrawn by its owner."]


def test_what_a_list_says_of_a_tariff() -> None:
    assert headline(named("T")) == "EUR 1 per kWh, no VAT"
    assert not is_time_of_use(named("T"))
    assert is_time_of_use(tariff(element(component("ENERGY", 1), day_of_week=["MONDAY"])))
    assert flaw(named("T", currency="XXX")) == "It names no currency."
    long = tariff(*[element(component("ENERGY", n + 1), min_kwh=n * 7) for n in range(60)])
    assert len(headline(long, 100)) <= 100
