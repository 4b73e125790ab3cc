"""Planning: what a schedule asks for, what was missed, what is asked for by hand; each CDR in exactly one run."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django_celery_beat.models import PeriodicTask

from backoffice.billing.actions import defining, planning, reading, steering
from backoffice.billing.actions.defining import UnableToDefine
from backoffice.billing.models import Export, ExportRun
from backoffice.partners.models import Party
from tests.billing.cast import NOW, cdr, cdrs, document, export

pytestmark = pytest.mark.django_db


def ids(run: ExportRun) -> list[str]:
    return [booked.document["id"] for page in reading.of_run(run).pages() for booked in page]


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}:00Z")


def test_everything_new_since_the_last_run() -> None:
    everything = export(schedule="every 10 minutes")
    first = cdrs(3)
    (one,) = planning.due(everything.pk, now=NOW + timedelta(minutes=10))
    assert planning.due(everything.pk, now=NOW + timedelta(minutes=11)) == []
    second = cdrs(2)
    (two,) = planning.due(everything.pk, now=NOW + timedelta(minutes=20))
    runs = [ExportRun.objects.get(pk=pk) for pk in (one, two)]
    assert [ids(run) for run in runs] == [[each.object_id for each in first], [each.object_id for each in second]]
    assert [(run.number, run.rows_total, run.due_at) for run in runs] == [
        (1, 3, NOW + timedelta(minutes=10)),
        (2, 2, NOW + timedelta(minutes=20)),
    ]


def test_nothing_new_makes_no_run_and_is_good() -> None:
    quiet = export(schedule="every 10 minutes")
    later = NOW + timedelta(minutes=10)
    assert planning.due(quiet.pk, now=later) == []
    quiet.refresh_from_db()
    assert (quiet.runs.count(), quiet.good_at, quiet.answered_until) == (0, later, later)
    with pytest.raises(planning.UnableToPlan, match="There is nothing new"):
        planning.by_hand(quiet, by="fina", now=later)


def test_an_empty_file_is_made_for_who_wants_one() -> None:
    eager = export(schedule="every 10 minutes", empty_files=True)
    (run,) = planning.due(eager.pk, now=NOW + timedelta(minutes=10))
    assert ExportRun.objects.get(pk=run).rows_total == 0


def test_a_run_by_hand_takes_what_is_new_and_shifts_nothing() -> None:
    everything = export(schedule="every day at 06:00 Europe/Berlin")
    taken = cdrs(2)
    by_hand = planning.by_hand(everything, by="fina", now=NOW)
    assert (ids(by_hand), by_hand.by, by_hand.due_at) == ([each.object_id for each in taken], "fina", None)
    everything.refresh_from_db()
    assert everything.answered_until == NOW
    left = cdrs(1)
    (run,) = planning.due(everything.pk, now=at("2026-03-11T05:00"))
    assert ids(ExportRun.objects.get(pk=run)) == [left[0].object_id]


def test_after_a_pause_of_the_platform_one_run_answers_all_times_and_says_so() -> None:
    everything = export(schedule="every day at 06:00")
    cdrs(2)
    (run_id,) = planning.due(everything.pk, now=at("2026-03-13T09:00"))
    run = ExportRun.objects.get(pk=run_id)
    assert (run.due_at, run.missed, run.missed_since) == (at("2026-03-13T06:00"), 2, at("2026-03-11T06:00"))
    assert run.rows_total == 2


def test_after_a_pause_of_the_platform_each_missed_day_has_its_own_file() -> None:
    daily = export(schedule="every day at 06:00 Europe/Berlin", period="DAYS")
    ended = [at("2026-03-10T08:00"), at("2026-03-11T08:00"), at("2026-03-12T08:00"), at("2026-03-13T04:00")]
    found = cdrs(4, ended=ended)
    runs = planning.due(daily.pk, now=at("2026-03-13T09:00"))
    assert [(run.due_at, ids(run)) for run in (ExportRun.objects.get(pk=pk) for pk in runs)] == [
        (at("2026-03-11T05:00"), [found[0].object_id]),
        (at("2026-03-12T05:00"), [found[1].object_id]),
        (at("2026-03-13T05:00"), [found[2].object_id]),
    ]


def test_a_late_cdr_of_last_month_is_in_the_next_months_file() -> None:
    monthly = export(schedule="every month on the 1st at 06:00 Europe/Berlin", period="MONTHS")
    in_march = cdrs(1, ended=[at("2026-03-31T21:59")])
    in_april = cdrs(1, ended=[at("2026-03-31T22:00")])
    (march,) = planning.due(monthly.pk, now=at("2026-04-01T05:00"))
    late = cdrs(1, ended=[at("2026-03-15T10:00")])
    (april,) = planning.due(monthly.pk, now=at("2026-05-01T05:00"))
    assert ids(ExportRun.objects.get(pk=march)) == [in_march[0].object_id]
    assert ids(ExportRun.objects.get(pk=april)) == [in_april[0].object_id, late[0].object_id]


def test_whatever_comes_when_each_cdr_is_in_exactly_one_run_of_each_export() -> None:
    often = export("Often", schedule="every 30 minutes")
    daily = export("Daily", schedule="every day at 01:00 Europe/Berlin", period="DAYS")
    monthly = export("Monthly", schedule="every month on the 1st at 02:00", period="MONTHS", since=date(2026, 3, 10))
    now, stored = NOW, []
    for step in range(60):
        now += timedelta(hours=17)
        for late in range(step % 3):
            end = now - timedelta(hours=7 + 40 * late)
            stored.append(
                cdr(document(start_date_time="2026-01-01T00:00:00Z", end_date_time=f"{end:%Y-%m-%dT%H:%M:%SZ}"))
            )
        if step % 4 == 0:
            steering.look_after(now=now)
        if step % 11 == 0:
            for each in (often, daily):
                try:
                    planning.by_hand(each, by="", now=now)
                except planning.UnableToPlan:
                    pass
    steering.look_after(now=now + timedelta(days=62))
    for each, since in ((often, None), (daily, None), (monthly, datetime(2026, 3, 10, tzinfo=UTC))):
        taken = Counter(name for run in each.runs.all() for name in ids(run))
        wanted = [cdr.object_id for cdr in stored if since is None or cdr.ends_at >= since]
        assert taken == dict.fromkeys(wanted, 1)
        assert all(run.rows_total == len(ids(run)) for run in each.runs.all())


def test_the_same_time_is_never_answered_twice() -> None:
    everything = export(schedule="every 10 minutes", empty_files=True)
    later = NOW + timedelta(minutes=10)
    assert len(planning.due(everything.pk, now=later)) == 1
    Export.objects.update(answered_until=NOW)  # as if the first had forgotten to write it down
    with pytest.raises(Exception, match="export_run_due_once"):
        planning.due(everything.pk, now=later)


def test_chosen_dates_stand_outside_the_chain() -> None:
    asked = export(period="CHOSEN", zone="Europe/Berlin")
    found = cdrs(3, ended=[at("2026-03-01T22:59"), at("2026-03-01T23:00"), at("2026-03-03T22:59")])
    for _ in range(2):
        run = planning.by_hand(asked, by="fina", now=NOW, dates=(date(2026, 3, 2), date(2026, 3, 3)))
        assert ids(run) == [found[1].object_id, found[2].object_id]
    assert planning.by_hand(asked, by="fina", now=NOW, dates=(date(2026, 5, 1), date(2026, 5, 1))).rows_total == 0
    for dates in (None, (date(2026, 3, 3), date(2026, 3, 2))):
        with pytest.raises(planning.UnableToPlan, match="first and the last day"):
            planning.by_hand(asked, by="fina", now=NOW, dates=dates)


def test_filters() -> None:
    payable, other = cdr(), cdr(document("NL-TNM"))
    receivable = cdr(document("DE-RDK", "SE-ELV"))
    internal = cdr(document("DE-RDK", "FR-RFR"))
    elv, rdk = Party.objects.get(party_id="ELV"), Party.objects.get(party_id="RDK")

    def taken(name: str, partners: list[Party] | None = None, **facts: Any) -> set[str]:
        return set(ids(planning.by_hand(export(name, partners=partners or [], **facts), by="", now=NOW)))

    def names(*found: Any) -> set[str]:
        return {each.object_id for each in found}

    assert taken("all") == names(payable, other, receivable, internal)
    assert taken("pay", direction="PAYABLE") == names(payable, other)
    assert taken("receive", direction="RECEIVABLE") == names(receivable)
    assert taken("elv", [elv]) == names(payable, receivable)
    assert taken("elv pays", [elv], direction="RECEIVABLE") == names(receivable)
    assert taken("ours", party=rdk) == names(payable, other, receivable, internal)


def test_a_paused_export_asks_for_nothing_and_catches_nothing_up() -> None:
    everything = export(schedule="every 10 minutes")
    steering.pause(everything)
    cdrs(1)
    assert planning.due(everything.pk, now=NOW + timedelta(hours=1)) == []
    assert planning.all_due(now=NOW + timedelta(hours=1)) == []
    steering.resume(everything, now=NOW + timedelta(hours=2))
    assert planning.due(everything.pk, now=NOW + timedelta(hours=2, minutes=5)) == []
    (run,) = planning.due(everything.pk, now=NOW + timedelta(hours=2, minutes=10))
    assert (ExportRun.objects.get(pk=run).missed, ExportRun.objects.get(pk=run).rows_total) == (0, 1)


def test_an_export_that_cannot_be_planned_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    broken, whole = export("A", schedule="every 10 minutes"), export("B", schedule="every 10 minutes")
    cdrs(1)
    real = planning.due

    def due(export_id: int, *, now: datetime) -> list[int]:
        if export_id == broken.pk:
            raise RuntimeError("no")
        return real(export_id, now=now)

    monkeypatch.setattr(planning, "due", due)
    planning.all_due(now=NOW + timedelta(minutes=10))
    assert whole.runs.count() == 1


# --- defining ----------------------------------------------------------------------------------------------------------


def test_beats_row_follows_the_export() -> None:
    everything = export(schedule="every day at 06:00 Europe/Berlin")
    row = PeriodicTask.objects.get(name=f"Export {everything.pk}")
    assert (row.task, row.kwargs, row.enabled) == ("billing.due", f'{{"export_id": {everything.pk}}}', True)
    assert (row.crontab.hour, row.crontab.minute, str(row.crontab.timezone)) == ("6", "0", "Europe/Berlin")
    steering.pause(everything)
    row.refresh_from_db()
    assert not row.enabled
    defining.save(everything, {"schedule": "every 5 minutes"}, [], by=None, now=NOW)
    row.refresh_from_db()
    assert row.crontab.minute == "*/5"
    row.delete()
    steering.look_after(now=NOW)
    assert PeriodicTask.objects.filter(name=f"Export {everything.pk}").exists()
    defining.save(everything, {"schedule": ""}, [], by=None, now=NOW)
    assert not PeriodicTask.objects.filter(name=f"Export {everything.pk}").exists()


def test_a_new_schedule_promises_nothing_of_the_past() -> None:
    everything = export(schedule="every day at 06:00")
    cdrs(1)
    later = NOW + timedelta(days=5)
    defining.save(everything, {"schedule": "every hour"}, [], by=None, now=later)
    assert planning.due(everything.pk, now=later + timedelta(minutes=10)) == []


@pytest.mark.parametrize(
    ("facts", "field", "why"),
    [
        ({"schedule": "now and then"}, "schedule", "is no schedule"),
        ({"schedule": "every hour", "period": "CHOSEN"}, "schedule", "made by hand"),
        ({"decimal_mark": "COMMA"}, "decimal_mark", "cannot separate both"),
        ({"zone": "Mars"}, "zone", "no time zone Mars"),
        ({"folder": "../etc"}, "folder", "below the installation's folder"),
        ({"folder": "/etc"}, "folder", "below the installation's folder"),
        ({"folder": "a/../../b"}, "folder", "below the installation's folder"),
        ({"folder": "nul"}, "folder", "cannot be a folder"),
        ({"folder": "a b"}, "folder", "cannot be a folder"),
        ({"folder": ".hidden"}, "folder", "cannot be a folder"),
        ({"folder": "a/b/c/d/e/f"}, "folder", "At most 5"),
        ({"name": " "}, "name", "Give it a name"),
    ],
)
def test_what_cannot_be_an_export_is_refused(facts: dict[str, Any], field: str, why: str) -> None:
    before = Export.objects.count()
    with pytest.raises(UnableToDefine, match=why) as refused:
        defining.save(Export(), {"name": "New"} | facts, [], by=None, now=NOW)
    assert refused.value.field == field
    assert Export.objects.count() == before


def test_a_name_is_taken_once() -> None:
    export("Twice")
    with pytest.raises(UnableToDefine, match="named Twice already"):
        export("Twice")


def test_what_belongs_to_an_export_is_settled_with_its_first_run() -> None:
    """Else a CDR might be in two of its runs, or in none."""
    everything = export()
    cdrs(2)
    planning.by_hand(everything, by="", now=NOW)
    elv = Party.objects.get(party_id="ELV")
    changes = {
        "direction": "RECEIVABLE",
        "period": "MONTHS",
        "since": date(2026, 1, 1),
        "format": "XLSX",
        "name": "Other",
    }
    changed = defining.save(everything, changes, [elv], by=None, now=NOW)
    assert (changed.direction, changed.period, changed.since) == ("BOTH", "SINCE_LAST", None)
    assert (changed.format, changed.name, list(changed.partners.all())) == ("XLSX", "Other", [])


def test_a_copy_begins_where_the_other_ended() -> None:
    everything = export(schedule="every hour", folder="books")
    cdrs(2)
    planning.by_hand(everything, by="", now=NOW)
    other = defining.copy(everything, "The same for Ada", by=None, now=NOW)
    assert (other.schedule, other.folder, other.starts_after) == ("", "books", 2)
    with pytest.raises(planning.UnableToPlan):
        planning.by_hand(other, by="", now=NOW)
    new = cdrs(1)
    assert ids(planning.by_hand(other, by="", now=NOW)) == [new[0].object_id]


def test_an_export_with_runs_is_not_removed() -> None:
    everything, unused = export(schedule="every hour"), export("Unused", schedule="every hour")
    cdrs(1)
    planning.by_hand(everything, by="", now=NOW)
    with pytest.raises(UnableToDefine, match="It has runs"):
        defining.remove(everything)
    defining.remove(unused)
    assert not PeriodicTask.objects.filter(name=f"Export {unused.pk}").exists()


def test_every_installation_has_an_export_of_what_is_new() -> None:
    """Made by a migration; beat's row by the first look after it."""
    first = Export.objects.get(name=defining.FIRST)
    assert (first.schedule, first.period, first.folder) == ("every hour", "SINCE_LAST", "")
    steering.look_after(now=NOW)
    assert PeriodicTask.objects.get(name=f"Export {first.pk}").crontab.minute == "0"
