"""What runs by itself: tasks that beat sends write down how they went, asked jobs are sent once, exports are made end to end."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery
from django.conf import settings
from django.test import Client
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from backoffice.billing import tasks
from backoffice.billing.models import Export, ExportRun
from backoffice.celery import app
from backoffice.delivery.management.commands import sweep
from backoffice.jobs import actions
from backoffice.jobs.models import Job, Outcome
from backoffice.jobs.recording import HEADER, Recorded
from backoffice.jobs.rules import KEPT, every, late, took, usual
from backoffice.nudging import CHANNEL
from backoffice.roaming_site import site
from tests.billing.cast import NOW, cdrs, export

pytestmark = pytest.mark.django_db


@pytest.fixture
def eager() -> Celery:
    """An application whose tasks run at once, with the class that all of ours have."""
    own = Celery("trial", task_cls=Recorded, set_as_current=False)
    own.conf.task_always_eager = True
    return own


def test_every_task_of_ours_has_the_class_that_records() -> None:
    app.loader.import_default_modules()
    assert app.Task.__mro__[1].__name__ == "Recorded" or issubclass(app.Task, Recorded)
    assert isinstance(app.tasks["billing.look_after"], Recorded)


def test_a_task_that_beat_sent_says_how_it_went_and_another_does_not(eager: Celery) -> None:
    @eager.task(name="trial.good")
    def good(**kwargs: Any) -> str:
        return "3 done"

    @eager.task(name="trial.bad")
    def bad(**kwargs: Any) -> None:
        raise ValueError("no such thing")

    def sent(task: Any, name: str) -> None:
        task.push_request(**{HEADER: name} if name else {})  # as a worker does with the headers of a message
        try:
            task()
        finally:
            task.pop_request()

    sent(good, "Good")
    with pytest.raises(ValueError, match="no such thing"):
        sent(bad, "Bad")
    sent(good, "")
    assert set(Outcome.objects.values_list("name", "ok", "failures")) == {("Good", True, 0), ("Bad", False, 1)}
    assert Outcome.objects.get(name="Good").recent[0][3] == "3 done"
    assert Outcome.objects.get(name="Bad").recent[0][3] == "ValueError: no such thing"


def test_few_runs_are_remembered() -> None:
    for number in range(KEPT + 5):
        actions.record("Often", began_at=NOW, ended_at=NOW + timedelta(seconds=1), ok=number > 2, said=str(number))
    outcome = Outcome.objects.get(name="Often")
    assert (len(outcome.recent), outcome.recent[0][3], outcome.failures) == (KEPT, str(KEPT + 4), 0)


def test_an_asked_job_is_sent_once_under_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    interval, _ = IntervalSchedule.objects.get_or_create(every=15, period="seconds")
    PeriodicTask.objects.create(name="Fetch", task="delivery.pull_due", interval=interval, kwargs='{"a": 1}')
    actions.ask(Job.objects.get(name="Fetch"), by="olga", now=NOW, channel=CHANNEL)
    sent: list[Any] = []
    answers = [False, True]
    monkeypatch.setattr(sweep, "_publish", lambda task, **given: [sent.append((task, given)), answers.pop(0)][1])
    command = sweep.Command()
    for _ in range(3):  # the broker takes nothing the first time
        command._sweep(None, set())  # type: ignore[arg-type]  # nothing waits that a pool would do
    assert sent == [("delivery.pull_due", {"headers": {HEADER: "Fetch"}, "a": 1})] * 2
    assert Outcome.objects.get(name="Fetch").asked_at is None


def test_a_queued_run_is_handed_to_the_workers_and_made_here_when_they_are_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from backoffice.billing.actions import planning

    cdrs(1)
    run = planning.by_hand(export(), by="", now=NOW)
    published: list[Any] = []
    given: list[Any] = []
    monkeypatch.setattr(sweep, "_publish", lambda task, **ids: published.append((task, ids)))

    class Pool:
        def submit(self, task: Any, *arguments: Any) -> None:
            given.append((task.__name__, *arguments))

    command = sweep.Command()
    for seconds in (1, 5, 16, 20):
        monkeypatch.setattr(sweep.site, "now", lambda seconds=seconds: NOW + timedelta(seconds=seconds))
        command._sweep(Pool(), set())  # type: ignore[arg-type]  # notes what it is given
    assert published == [("billing.make", {"run_id": run.pk})]
    assert given == [("_make_here", run.pk)]


def test_from_beats_knock_to_the_finished_file(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = export(schedule="every 2 minutes")
    cdrs(3)
    monkeypatch.setattr(tasks.site, "now", lambda: NOW + timedelta(minutes=2))
    monkeypatch.setattr(tasks.make, "delay", lambda **ids: tasks.make(**ids))
    row = PeriodicTask.objects.get(name=f"Export {everything.pk}")
    assert app.tasks[row.task](**json.loads(row.kwargs)) == "1 run planned"
    assert app.tasks[row.task](**json.loads(row.kwargs)) == "nothing new"
    assert ExportRun.objects.get(export=everything).state == "DONE"


def test_what_beat_forgot_is_made_by_the_look_after(monkeypatch: pytest.MonkeyPatch) -> None:
    Export.objects.all().delete()
    everything = export(schedule="every 2 minutes")
    cdrs(2)
    monkeypatch.setattr(tasks.site, "now", lambda: NOW + timedelta(hours=1))
    monkeypatch.setattr(tasks.make, "delay", lambda **ids: tasks.make(**ids))
    assert tasks.look_after() == "0 CDRs entered, 1 runs to make"
    assert ExportRun.objects.get(export=everything).state == "DONE"
    assert tasks.compare() == "0 CDRs found without a place in the books, 0 files removed"


def test_metrics_tell_the_age_of_the_last_good_run(client: Client) -> None:
    old = export("Old", schedule="every hour")
    Export.objects.filter(pk=old.pk).update(good_at=site.now() - timedelta(hours=5))
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {settings.METRICS_TOKEN}"})
    lines = dict(
        line.rsplit(" ", 1) for line in answer.content.decode().splitlines() if line.startswith("roamdesk_export")
    )
    assert 17_999 < float(lines['roamdesk_export_good_age_seconds{export="Old"}']) < 18_100
    assert lines['roamdesk_export_runs_failed{export="Old"}'] == "0.0"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(15, "every 15 seconds"), (60, "every minute"), (5400, "every 90 minutes"), (86_400, "every day")],
)
def test_intervals_in_words(seconds: int, words: str) -> None:
    assert every(seconds) == words


def test_durations_in_words_and_what_is_usual() -> None:
    assert [took(ms) for ms in (12, 1500, 125_000)] == ["12 ms", "1.5 s", "2 min 5 s"]
    assert (usual([1, 2]), usual([1, 9, 2])) == (None, 2)


def test_a_job_is_late_by_two_of_its_gaps_and_five_minutes() -> None:
    assert not late(NOW, timedelta(seconds=15), now=NOW + timedelta(minutes=4))
    assert late(NOW, timedelta(seconds=15), now=NOW + timedelta(minutes=6))
    assert not late(NOW, timedelta(hours=1), now=NOW + timedelta(hours=1))
    assert not late(None, None, now=NOW)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"hour": "3", "minute": "10"}, "every day at 03:10 UTC"),
        ({"hour": "6,18", "minute": "0", "timezone": "Europe/Berlin"}, "every day at 06:00 and 18:00 Europe/Berlin"),
        ({"hour": "7", "minute": "30", "day_of_week": "1-5"}, "every working day at 07:30 UTC"),
        ({"hour": "0", "minute": "0", "day_of_week": "0"}, "every Sunday at 00:00 UTC"),
        ({"hour": "5", "minute": "0", "day_of_month": "1"}, "every month on the 1st at 05:00 UTC"),
        ({"hour": "*", "minute": "*/15"}, "every 15 minutes"),
        ({"hour": "5", "minute": "0", "month_of_year": "1"}, "At 05:00 AM, only in January UTC"),
    ],
    ids=str,
)
@pytest.mark.django_db
def test_what_a_clock_starts_is_told_in_our_words(given: dict[str, str], words: str, admin_client: Client) -> None:
    crontab = CrontabSchedule.objects.create(**given)
    PeriodicTask.objects.create(name="Something", task="cdrs.ask_again", crontab=crontab)
    assert f"<td>{words}<" in admin_client.get("/admin/jobs/job/").content.decode()
