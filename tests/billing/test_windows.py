"""The law of windows: whatever comes when, each CDR is in exactly one run of an export, and nobody waits for ever."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.billing.rules.windows import Due, Slice, chosen, cut_of, due, midnight, slices

START = datetime(2026, 3, 1, tzinfo=UTC)
ZONE = "Europe/Berlin"


def inside(number: int, ended_at: datetime, each: Slice) -> bool:
    return (
        each.above < number <= each.upto
        and (each.ended_from is None or ended_at >= each.ended_from)
        and (each.ended_before is None or ended_at < each.ended_before)
    )


hours = st.integers(0, 24 * 100)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("cdr"), hours),  # one that ended so long after the start becomes visible
        st.tuples(st.just("run"), hours),  # so much later an export is made
    ),
    max_size=40,
)


@given(steps, st.sampled_from(["SINCE_LAST", "DAYS", "MONTHS"]), st.integers(0, 5))
def test_each_cdr_is_in_exactly_one_run(told: list[tuple[str, int]], reach: str, starts_after: int) -> None:
    now, ends, after, prior = START, [], starts_after, None
    seen: dict[int, int] = {}
    for what, count in [*told, ("run", 24 * 200), ("run", 24 * 200)]:
        if what == "cdr":
            ends.append(START + timedelta(hours=count))
            continue
        now += timedelta(hours=count)
        upto, cut = max(len(ends), after), cut_of(reach, now, ZONE)
        window = slices(starts_after=starts_after, after=after, upto=upto, prior_cut=prior, cut=cut, ended_from=None)
        order = [n for each in window for n in range(1, len(ends) + 1) if inside(n, ends[n - 1], each)]
        assert order == sorted(order), "a run reads its numbers upwards"
        for number in order:
            seen[number] = seen.get(number, 0) + 1
            assert cut is None or ends[number - 1] < cut
        after, prior = upto, cut
    assert seen == dict.fromkeys(range(starts_after + 1, len(ends) + 1), 1)


def test_a_late_cdr_goes_with_the_next_run_and_an_early_one_waits_for_its_day() -> None:
    march, april, may = (midnight(date(2026, month, 1), ZONE) for month in (3, 4, 5))
    assert slices(starts_after=0, after=0, upto=9, prior_cut=None, cut=april, ended_from=None) == [
        Slice(0, 9, None, april)
    ]
    assert slices(starts_after=0, after=9, upto=12, prior_cut=april, cut=may, ended_from=march) == [
        Slice(0, 9, april, may),
        Slice(9, 12, march, may),
    ]
    assert slices(starts_after=0, after=9, upto=9, prior_cut=april, cut=april, ended_from=None) == []


@pytest.mark.parametrize(
    ("reach", "now", "cut"),
    [
        ("SINCE_LAST", "2026-03-10T12:00Z", None),
        ("CHOSEN", "2026-03-10T12:00Z", None),
        ("DAYS", "2026-03-10T12:00Z", "2026-03-09T23:00Z"),
        ("DAYS", "2026-03-09T23:00Z", "2026-03-09T23:00Z"),
        ("DAYS", "2026-03-09T22:59Z", "2026-03-08T23:00Z"),
        ("MONTHS", "2026-03-31T22:00Z", "2026-03-31T22:00Z"),  # summer time: April has begun
        ("MONTHS", "2026-03-31T21:59Z", "2026-02-28T23:00Z"),
    ],
)
def test_a_day_and_a_month_end_where_the_export_lives(reach: str, now: str, cut: str | None) -> None:
    expected = datetime.fromisoformat(cut) if cut else None
    assert cut_of(reach, datetime.fromisoformat(now), ZONE) == expected


def test_times_that_passed_share_a_run_where_they_would_give_the_same() -> None:
    days = [START + timedelta(days=n, hours=6) for n in range(3)]
    assert due(days, lambda moment: None) == [Due(days[2], 2, days[0])]
    each = due(days, lambda moment: cut_of("DAYS", moment, ZONE))
    assert each == [Due(day) for day in days]
    hourly = [START + timedelta(hours=n) for n in range(48)]
    assert [(found.at, found.missed) for found in due(hourly, lambda moment: cut_of("DAYS", moment, "UTC"))] == [
        (hourly[23], 23),
        (hourly[47], 23),
    ]
    assert due([], lambda moment: None) == []


def test_chosen_days_are_whole_days_of_the_zone() -> None:
    first, last = chosen(date(2026, 3, 29), date(2026, 3, 29), ZONE)
    assert (last - first) == timedelta(hours=23)
