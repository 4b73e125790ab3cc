"""Schedules in words: what is read, how it is written back, which moments it means, and that beat knocks at each of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from backoffice.billing.actions.defining import crontab_of
from backoffice.billing.rules.schedules import EXAMPLES, HOUR_STEPS, STEPS, Schedule, UnableToRead, read

SENTENCES = {
    "every minute": "every minute",
    "every 2 minutes": "every 2 minutes",
    "Every  15 MINUTES": "every 15 minutes",
    "hourly": "every hour",
    "every hour at :15": "every hour at :15 UTC",
    "every hour at :00 Europe/Berlin": "every hour",
    "every 4 hours": "every 4 hours",
    "every day at 06:00": "every day at 06:00 UTC",
    "daily at 6:00 Europe/Berlin": "every day at 06:00 Europe/Berlin",
    "every day at 6:00, 12:15 and 18:30 europe/berlin": "every day at 06:00, 12:15 and 18:30 Europe/Berlin",
    "every weekday at 08:00": "every working day at 08:00 UTC",
    "weekly on fri at 10:00": "every Friday at 10:00 UTC",
    "every Mondays at 9:00": "every Monday at 09:00 UTC",
    "every Mon, Wednesday and Sunday at 9:00": "every Monday, Wednesday and Sunday at 09:00 UTC",
    "every month on the 1st at 07:00 Europe/Berlin": "every month on the 1st at 07:00 Europe/Berlin",
    "monthly on the 1 and 15 at 05:00": "every month on the 1st and 15th at 05:00 UTC",
    "every month on the 2nd, 3rd and last day at 05:00": "every month on the 2nd, 3rd and last day at 05:00 UTC",
    "every month on the 31st and last day at 05:00": "every month on the 31st and last day at 05:00 UTC",
    "every month on the second tuesday at 10:00 America/New_York": (
        "every month on the second Tuesday at 10:00 America/New_York"
    ),
}

REFUSED = {
    "": "is no schedule",
    "0 6 * * *": "is no schedule",
    "every day": "is no schedule",
    "every fortnight at 06:00": "is no day of the week",
    "every 7 minutes": "does not divide an hour evenly",
    "every 0 minutes": "does not divide an hour evenly",
    "every 5 hours": "does not divide a day evenly",
    "every hour at :61": "no minute 61",
    "every day at 25:00": "no time of day",
    "every day at 06:75": "no time of day",
    "every funday at 06:00": "“funday” is no day of the week",
    "every t at 06:00": "no day of the week",
    "every month on the 31st at 06:00": "Not every month has such a day",
    "every month on the 0 at 06:00": "days from the 1st to the 31st",
    "every month on the 32nd at 06:00": "days from the 1st to the 31st",
    "every day at 06:00 Europe/Berln": "There is no time zone Europe/Berln",
    "every day at 06:00 Mars": "is no schedule",
}


@pytest.mark.parametrize(("said", "written"), SENTENCES.items())
def test_a_sentence_is_read_and_written_in_one_form(said: str, written: str) -> None:
    schedule = read(said)
    assert str(schedule) == written
    assert read(written) == schedule


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_we_suggest_can_be_written(example: str) -> None:
    read(example)


@pytest.mark.parametrize(("said", "why"), REFUSED.items())
def test_what_is_no_schedule_is_refused_with_a_reason(said: str, why: str) -> None:
    with pytest.raises(UnableToRead, match=why):
        read(said)


def test_the_zone_of_the_form_counts_where_the_sentence_names_none() -> None:
    assert read("every day at 06:00", zone="Europe/Paris").zone == "Europe/Paris"
    assert read("every day at 06:00 Europe/Berlin", zone="Europe/Paris").zone == "Europe/Berlin"


def moments(sentence: str, after: str, until: str) -> list[str]:
    found = read(sentence).moments(datetime.fromisoformat(after), datetime.fromisoformat(until))
    return [f"{moment:%m-%dT%H:%M}" for moment in found]


@pytest.mark.parametrize(
    ("sentence", "after", "until", "expected"),
    [
        ("every 20 minutes", "2026-03-01T10:00Z", "2026-03-01T11:00Z", ["03-01T10:20", "03-01T10:40", "03-01T11:00"]),
        ("every day at 06:00", "2026-03-01T06:00Z", "2026-03-03T05:59Z", ["03-02T06:00"]),
        # summer time begins on the 29th: 02:30 does not exist and becomes 03:30
        (
            "every day at 02:30 Europe/Berlin",
            "2026-03-28T00:00Z",
            "2026-03-31T00:00Z",
            ["03-28T01:30", "03-29T01:30", "03-30T00:30"],
        ),
        # and ends on 25 October: 02:30 comes twice, and counts once
        ("every day at 02:30 Europe/Berlin", "2026-10-24T12:00Z", "2026-10-26T12:00Z", ["10-25T00:30", "10-26T01:30"]),
        (
            "every month on the last day at 23:30 Europe/Berlin",
            "2026-01-15T00:00Z",
            "2026-04-01T00:00Z",
            ["01-31T22:30", "02-28T22:30", "03-31T21:30"],
        ),
        ("every month on the first Monday at 09:00", "2026-03-01T00:00Z", "2026-05-01T00:00Z", ["03-02T09:00", "04-06T09:00"]),
        ("every month on the last day at 05:00", "2026-04-01T00:00Z", "2026-06-01T00:00Z", ["04-30T05:00", "05-31T05:00"]),
        ("every working day at 08:00 Asia/Tokyo", "2026-03-06T00:00Z", "2026-03-09T22:59Z", ["03-08T23:00"]),
    ],
)  # fmt: skip
def test_the_moments_that_a_sentence_means(sentence: str, after: str, until: str, expected: list[str]) -> None:
    assert moments(sentence, after, until) == expected


def test_the_next_moment_is_the_first_of_those_that_follow() -> None:
    schedule = read("every month on the 15th at 06:00 Europe/Berlin")
    assert schedule.next(datetime(2026, 3, 15, 5, 0, tzinfo=UTC)) == datetime(2026, 4, 15, 4, 0, tzinfo=UTC)


def test_moments_cut_anywhere_are_the_same_moments() -> None:
    """What a sweep asks for piece by piece is what one question gives: no time is answered twice or never."""
    schedule = read("every day at 00:30, 02:30, 03:00 and 23:59 Europe/Berlin")
    start, end = datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 4, 2, tzinfo=UTC)
    pieces: list[datetime] = []
    at = start
    while at < end:
        upto = min(at + timedelta(minutes=47), end)
        pieces += schedule.moments(at, upto)
        at = upto
    assert pieces == list(schedule.moments(start, end))
    assert pieces == sorted(set(pieces))


ALL = [*(read(sentence) for sentence in SENTENCES), *(read(f"every {n} minutes") for n in STEPS)]
ALL += [read(f"every {n} hours") for n in HOUR_STEPS]


@pytest.mark.parametrize("schedule", ALL, ids=str)
def test_beat_knocks_at_every_moment(schedule: Schedule) -> None:
    """It may knock at others too (cron cannot say all that we can), for then nothing is due."""
    from celery.schedules import crontab

    fields = crontab_of(schedule)
    zone = ZoneInfo(fields.pop("timezone"))
    cron = crontab(**fields)
    start = datetime(2026, 4, 1, tzinfo=UTC)
    found = list(schedule.moments(start, start + timedelta(days=62)))
    assert found
    for moment in found:
        local = moment.astimezone(zone)
        assert local.minute in cron.minute
        assert local.hour in cron.hour
        assert local.day in cron.day_of_month
        assert local.isoweekday() % 7 in cron.day_of_week
