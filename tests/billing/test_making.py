"""Making a run: what is in the file, that it is the same when made again, and what becomes of a run that breaks off."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import signal
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings as configured
from django.db import OperationalError
from django.db import connection as database

from backoffice.billing.actions import defining, delivering, entering, keeping, making, planning, reading, steering
from backoffice.billing.actions.steering import UnableToSteer
from backoffice.billing.models import Entry, Export, ExportRun
from backoffice.billing.rules.states import AGAIN_AFTER, LOST_AFTER, TRANSITIONS, RunEvent, RunState
from backoffice.cdrs.models import Cdr
from backoffice.locations.models import Location
from backoffice.roaming_site import site
from tests.billing.cast import NOW, cdr, cdrs, document, export

pytestmark = pytest.mark.django_db


def made(of: Export) -> ExportRun:
    run = planning.by_hand(of, by="fina", now=NOW)
    return make(run)


def make(run: ExportRun) -> ExportRun:
    making.make(run.pk)
    run.refresh_from_db()
    return run


def rows(run: ExportRun) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(keeping.kept(run).read_text("utf-8"), newline="")))


def events(run: ExportRun) -> list[tuple[str, str, str]]:
    return list(run.events.values_list("event", "by", "to_state"))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def leftovers(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.name.startswith("."))


def test_a_run_writes_its_cdrs_and_says_what_it_wrote(folders: Path) -> None:
    found = cdrs(3)
    run = made(export())
    assert (run.state, run.error, run.file_name) == ("DONE", "", "everything-000001.csv")
    assert [(row["row_no"], row["cdr_id"]) for row in rows(run)] == [
        (str(n), each.object_id) for n, each in enumerate(found, 1)
    ]
    assert run.sums == {"EUR": {"rows": 3, "kwh": "60", "net": "27.00", "tax": "6.75", "untaxed": 0}}
    assert (run.rows_done, run.size) == (3, keeping.kept(run).stat().st_size)
    assert run.sha256 == sha256(keeping.kept(run))
    assert events(run) == [("BEGIN", "", "RUNNING"), ("FINISH", "", "DONE")]
    assert leftovers(folders) == []
    run.export.refresh_from_db()
    assert run.export.good_at == run.finished_at


def test_sums_are_kept_apart_by_currency() -> None:
    cdrs(1)
    cdr(document(currency="SEK", total_cost={"before_taxes": 100}))
    assert made(export()).sums == {
        "EUR": {"rows": 1, "kwh": "20", "net": "9.00", "tax": "2.25", "untaxed": 0},
        "SEK": {"rows": 1, "kwh": "20", "net": "100", "tax": "0", "untaxed": 1},
    }


@pytest.mark.parametrize("size", [1, 2, 5, 6])
def test_the_file_has_as_many_pages_as_it_needs(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = reading.Chosen.pages
    monkeypatch.setattr(reading.Chosen, "pages", lambda self: real(self, size))
    found = cdrs(5)
    assert [(row["row_no"], row["cdr_id"]) for row in rows(made(export()))] == [
        (str(n), each.object_id) for n, each in enumerate(found, 1)
    ]


# --- the same bytes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["CSV", "XLSX"])
def test_made_again_it_is_the_same_whatever_happened_since(form: str) -> None:
    """New CDRs, other verdicts, a location that moved to another zone, an export with other marks: the run stays what it was."""
    cdrs(3)
    several = export(format=form)
    run = made(several)
    first = keeping.kept(run).read_bytes()
    Cdr.objects.update(verdict="DIFFERS", our_excl=1, delta=8, reasons=["LATE_CDR"])
    Location.objects.update(time_zone="Asia/Tokyo")
    defining.save(several, {"delimiter": "SEMICOLON", "format": "CSV", "name": "Renamed"}, [], by=None, now=NOW)
    cdrs(2)
    keeping.kept(run).unlink()
    with time_machine.travel(NOW + timedelta(days=400)):
        steering.again(run, by="fina", why="The file is gone.", now=site.now())
        make(run)
    assert (run.state, run.error) == ("DONE", "")
    assert keeping.kept(run).read_bytes() == first
    assert run.made_again_at is not None
    assert events(run)[2:] == [("AGAIN", "fina", "QUEUED"), ("BEGIN", "", "RUNNING"), ("FINISH", "", "DONE")]


def test_what_would_not_be_the_same_replaces_nothing() -> None:
    """Somebody changed a document in the database: the file that finance has stays, and the run says so."""
    cdrs(1)
    run = made(export())
    first = keeping.kept(run).read_bytes()
    Cdr.objects.update(document=Cdr.objects.get().document.replace("Storgatan", "Lillgatan"))
    steering.again(run, by="fina", why="", now=NOW)
    make(run)
    assert run.state == "FAILED"
    assert "Made again it is not the same file" in run.error
    assert keeping.kept(run).read_bytes() == first
    assert run.sha256 == sha256(keeping.kept(run))


def test_the_books_that_lost_a_row_make_no_file() -> None:
    cdrs(2)
    run = planning.by_hand(export(), by="", now=NOW)
    Entry.objects.filter(number=1).delete()
    make(run)
    assert (run.state, run.error) == (
        "FAILED",
        "The books hold 1 CDRs for it, and 2 were counted when it was planned.",
    )
    assert not keeping.is_kept(run)


# --- failing and being lost ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["CSV", "XLSX"])
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "Cannot write the file: No space left on device."),
        (OperationalError("server closed the connection"), "The database did not answer: OperationalError."),
        (ZeroDivisionError("x"), "It broke off: ZeroDivisionError. The worker's log says where."),
    ],
)
def test_a_run_that_breaks_off_says_why_and_leaves_nothing(
    form: str, error: Exception, said: str, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cdrs(3)
    run = planning.by_hand(export(format=form), by="", now=NOW)

    def broken(self: Any, line: Any) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr("backoffice.billing.rules.totals.Totals.add", broken)
        make(run)
    assert (run.state, run.error, run.sha256) == ("FAILED", said, "")
    assert [path for path in (folders / "kept").rglob("*") if path.is_file()] == []
    assert leftovers(folders) == []
    assert run.next_attempt_at is not None
    steering.look_after(now=run.next_attempt_at)
    make(run)
    assert (run.state, run.failures, len(rows(run)) if form == "CSV" else 3) == ("DONE", 0, 3)


def test_a_run_is_tried_again_later_and_later_and_then_waits_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    cdrs(1)
    run = planning.by_hand(export(), by="", now=NOW)
    monkeypatch.setattr(keeping, "digest", lambda path: (_ for _ in ()).throw(OSError(errno.EIO, "Input/output error")))
    waits = []
    now = NOW
    for _ in range(len(AGAIN_AFTER) + 1):
        with time_machine.travel(now, tick=False):
            make(run)
        assert run.state == "FAILED"
        if run.next_attempt_at is None:
            break
        waits.append(run.next_attempt_at - now)
        assert steering.look_after(now=run.next_attempt_at - timedelta(seconds=1)) == []
        now = run.next_attempt_at
        assert steering.look_after(now=now) == [run.pk]
        run.refresh_from_db()
    assert tuple(waits) == AGAIN_AFTER
    assert run.next_attempt_at is None
    monkeypatch.undo()
    steering.again(run, by="olga", why="The disk was replaced.", now=now)
    assert make(run).state == "DONE"


def test_a_run_whose_worker_is_gone_is_taken_up(folders: Path) -> None:
    cdrs(2)
    run = planning.by_hand(export(), by="", now=NOW)
    ExportRun.objects.filter(pk=run.pk).update(state="RUNNING", attempts=1, moved_at=NOW)
    assert steering.look_after(now=NOW + LOST_AFTER) == []
    assert steering.look_after(now=NOW + LOST_AFTER + timedelta(seconds=1)) == [run.pk]
    make(run)
    assert (run.state, run.attempts, len(rows(run))) == ("DONE", 2, 2)
    assert events(run)[0] == ("LOST", "", "QUEUED")


def test_a_run_that_kills_its_workers_is_parked() -> None:
    cdrs(1)
    run = planning.by_hand(export(), by="", now=NOW)
    now = NOW
    for attempt in range(1, 6):
        ExportRun.objects.filter(pk=run.pk).update(state="RUNNING", attempts=attempt, moved_at=now)
        now += LOST_AFTER + timedelta(seconds=1)
        steering.look_after(now=now)
    run.refresh_from_db()
    assert (run.state, run.next_attempt_at) == ("FAILED", None)
    assert "Its worker died 5 times" in run.error


@pytest.mark.parametrize("wakes", ["to go on", "to fail"])
def test_a_worker_that_wakes_up_late_lets_go(wakes: str, folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was taken for dead, and another one is making the run; what the sleeper then says and writes counts for nothing."""
    cdrs(2)
    run = planning.by_hand(export(), by="", now=NOW)
    real = making._written

    def written(mine: ExportRun, path: Path) -> Any:
        result = real(mine, path)
        ExportRun.objects.filter(pk=run.pk).update(attempts=2, moved_at=site.now())  # lost, queued, claimed
        if wakes == "to fail":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return result

    with monkeypatch.context() as patched:
        patched.setattr(making, "_written", written)
        make(run)
    assert (run.state, run.attempts, run.sha256, run.error) == ("RUNNING", 2, "", "")
    assert not keeping.kept(run).exists()
    assert leftovers(folders) == []


def test_two_workers_make_a_run_once() -> None:
    cdrs(1)
    run = planning.by_hand(export(), by="", now=NOW)
    make(run)
    before = events(run)
    make(run)
    assert events(run) == before


def dies(*arguments: Any, **more: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dies_after(call: Callable[..., Any]) -> Callable[..., None]:
    def called(*arguments: Any, **more: Any) -> None:
        call(*arguments, **more)
        dies()

    return called


# where the worker is killed -> what kills it there
POINTS: dict[str, Callable[[], None]] = {
    "claimed": lambda: setattr(making, "_made", dies),
    "half written": lambda: setattr(making, "_tell", dies),
    "written": lambda: setattr(keeping, "digest", dies),
    "known": lambda: setattr(keeping, "put", dies),
    "in place": lambda: setattr(keeping, "put", dies_after(keeping.put)),
    "copied": lambda: setattr(delivering, "put", dies),
    "in its folder": lambda: setattr(delivering, "put", dies_after(delivering.put)),
    "delivered": lambda: setattr(making, "_done", dies),
}


def killed(run: ExportRun, point: str) -> int:
    """How the process of a worker ended that made this run up to that point: kill -9, no clearing up."""
    database.close()  # a process of its own has a connection of its own
    child = os.fork()
    if child == 0:
        try:
            POINTS[point]()
            making.make(run.pk)
        finally:
            os._exit(1)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_at_any_point_leaves_no_half_file_and_the_run_is_taken_up(folders: Path) -> None:
    """Others see the whole file or none, before and after another worker has made the run."""
    for point in POINTS:
        cdrs(3)
        run = planning.by_hand(export(f"Killed when {point}", folder="to"), by="", now=NOW)
        assert killed(run, point) == signal.SIGKILL, point
        run.refresh_from_db()
        assert run.state == "RUNNING", point
        whole, place = keeping.kept(run), folders / "outgoing" / "to" / run.file_name
        for path in (whole, place):
            assert not path.exists() or sha256(path) == run.sha256, point
        done, manifest = (place.with_name(f"{place.name}.{ending}") for ending in ("done", "manifest.json"))
        assert not done.exists() or json.loads(manifest.read_text())["sha256"] == run.sha256, point
        steering.look_after(now=site.now() + LOST_AFTER + timedelta(minutes=10))
        make(run)
        assert (run.state, run.error) == ("DONE", ""), point
        assert sha256(whole) == sha256(place) == run.sha256, point
        assert done.exists(), point
        assert len(rows(run)) == run.rows_total, point
        assert leftovers(folders / "outgoing") == [], point


# --- cancelling ---------------------------------------------------------------------------------------------------------


def test_a_run_that_waits_is_cancelled_at_once_and_can_be_made_later() -> None:
    found = cdrs(2)
    everything = export()
    run = planning.by_hand(everything, by="", now=NOW)
    steering.cancel(run, by="fina", why="Not today.", now=NOW)
    assert make(run).state == "CANCELLED"
    more = cdrs(1)
    after = made(everything)
    assert [row["cdr_id"] for row in rows(after)] == [more[0].object_id], "its CDRs stay its own"
    steering.again(run, by="fina", why="", now=NOW)
    assert [row["cdr_id"] for row in rows(make(run))] == [each.object_id for each in found]


def test_a_run_that_is_being_made_stops_when_asked(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cdrs(2)
    run = planning.by_hand(export(), by="", now=NOW)
    real = making._tell

    def tell(mine: ExportRun, done: int, **more: Any) -> None:
        fresh = ExportRun.objects.get(pk=mine.pk)
        steering.cancel(fresh, by="fina", why="", now=NOW)
        real(mine, done, **more)

    monkeypatch.setattr(making, "_tell", tell)
    make(run)
    assert (run.state, run.sha256) == ("CANCELLED", "")
    assert events(run)[-1] == ("CANCEL", "fina", "CANCELLED")
    assert leftovers(folders) == []


def test_a_lost_run_that_was_to_stop_is_cancelled() -> None:
    cdrs(1)
    run = planning.by_hand(export(), by="", now=NOW)
    ExportRun.objects.filter(pk=run.pk).update(state="RUNNING", attempts=1, moved_at=NOW, cancelled_by="fina")
    steering.look_after(now=NOW + timedelta(minutes=3))
    run.refresh_from_db()
    assert run.state == "CANCELLED"


@pytest.mark.parametrize("state", RunState)
def test_what_is_not_possible_is_said_and_changes_nothing(state: RunState) -> None:
    cdrs(1)
    run = planning.by_hand(export(), by="", now=NOW)
    ExportRun.objects.filter(pk=run.pk).update(state=state)
    run.refresh_from_db()
    for event, act in ((RunEvent.CANCEL, steering.cancel), (RunEvent.AGAIN, steering.again)):
        if event in TRANSITIONS[state]:
            continue
        with pytest.raises(UnableToSteer):
            act(run, by="fina", why="", now=NOW)
        run.refresh_from_db()
        assert run.state == state


def test_only_moves_of_the_table_exist() -> None:
    for state, known in TRANSITIONS.items():
        assert set(known) <= set(RunEvent)
        assert state not in known.values() or state is RunState.RUNNING


# --- folders -----------------------------------------------------------------------------------------------------------


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_gets_the_file_its_manifest_and_then_the_mark(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cdrs(2)
    order: list[str] = []
    real = delivering.put
    monkeypatch.setattr(delivering, "put", lambda part, path: [order.append(path.name), real(part, path)])
    run = made(export(folder="finance/cdrs"))
    place = folders / "outgoing" / "finance" / "cdrs"
    assert order == [run.file_name, f"{run.file_name}.manifest.json", f"{run.file_name}.done"]
    manifest = json.loads((place / "everything-000001.csv.manifest.json").read_text())
    assert manifest["sha256"] == sha256(place / "everything-000001.csv") == run.sha256
    assert (manifest["rows"], manifest["run"], manifest["columns"]) == (2, 1, "cdr-1")
    assert manifest["sums"] == run.sums
    assert (place / "everything-000001.csv.done").read_bytes() == b""
    assert run.delivered_at is not None
    assert leftovers(folders) == []


def test_a_file_that_reached_no_folder_is_kept_and_goes_there_later(folders: Path) -> None:
    cdrs(1)
    several = export(folder="finance")
    (folders / "outgoing" / "finance").rmdir()
    (folders / "outgoing" / "finance").write_text("in the way")
    run = made(several)
    assert run.state == "FAILED"
    assert run.error == "Cannot use the folder finance: File exists."
    assert keeping.is_kept(run)
    (folders / "outgoing" / "finance").unlink()
    steering.again(run, by="", why="", now=NOW)
    assert make(run).state == "DONE"
    assert len(names(folders / "outgoing" / "finance")) == 3


def test_made_again_it_is_not_delivered_again(folders: Path) -> None:
    cdrs(1)
    run = made(export(folder="finance"))
    for path in (folders / "outgoing" / "finance").iterdir():
        path.unlink()  # whoever collects files has them
    steering.again(run, by="", why="", now=NOW)
    make(run)
    assert names(folders / "outgoing" / "finance") == []


def test_a_file_of_somebody_else_is_not_written_over(folders: Path) -> None:
    cdrs(1)
    several = export(folder="finance")
    (folders / "outgoing" / "finance" / "everything-000001.csv").write_text("mine")
    run = made(several)
    assert run.error == "In the folder finance lies another file of the name everything-000001.csv."
    assert (folders / "outgoing" / "finance" / "everything-000001.csv").read_text() == "mine"


def test_a_link_leads_nowhere_else(folders: Path) -> None:
    cdrs(1)
    several = export(folder="finance")
    (folders / "outgoing" / "finance").rmdir()
    (folders / "elsewhere").mkdir()
    (folders / "outgoing" / "finance").symlink_to(folders / "elsewhere")
    run = made(several)
    assert "leads out of the installation's folder" in run.error
    assert names(folders / "elsewhere") == []


# --- keeping -----------------------------------------------------------------------------------------------------------


def test_old_files_and_abandoned_workshops_go(folders: Path) -> None:
    cdrs(1)
    several = export()
    old = made(several)
    cdrs(1)
    new = made(several)
    workshop = keeping.kept(old).parent / ".abandoned.1"
    workshop.mkdir()
    (workshop / "half").write_text("x")
    long_ago = (site.now() - timedelta(days=configured.EXPORT_KEEP_DAYS + 1)).timestamp()
    os.utime(keeping.kept(old), (long_ago, long_ago))
    assert keeping.trim(now=site.now()) == 1
    assert (keeping.is_kept(old), keeping.is_kept(new), workshop.exists()) == (False, True, True)
    keeping.trim(now=site.now() + timedelta(days=2))
    assert not workshop.exists()


# --- memory ------------------------------------------------------------------------------------------------------------


def test_a_run_holds_no_more_than_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """How much that is at a million rows, `python -m bench export` tells."""
    alive: list[int] = []

    class Counting:
        def write(self, lines: Sequence[Any]) -> None:
            alive.append(len(lines))

        def close(self, totals: Any) -> list[str]:
            return []

        def abandon(self) -> None: ...

    real = reading.Chosen.pages
    monkeypatch.setattr(reading.Chosen, "pages", lambda self: real(self, 4))
    monkeypatch.setattr(making, "writer_of", lambda path, definition: [path.write_text("x"), Counting()][1])
    cdrs(10)
    assert made(export()).state == "DONE"
    assert alive == [4, 4, 2]


def test_a_receivable_and_its_credit_net_to_nothing_in_a_file() -> None:
    whole = document("DE-RDK", "SE-ELV", id="C-1")
    back = whole | {
        "id": "C-1-CR",
        "credit": True,
        "credit_reference_id": "C-1",
        "total_cost": {
            "before_taxes": Decimal("-9.00"),
            "taxes": [{"name": "VAT", "percentage": 25, "amount": Decimal("-2.25")}],
        },
    }
    cdr(whole)
    cdr(back)
    entering.enter(now=NOW)
    run = made(export())
    assert run.sums["EUR"] == {"rows": 2, "kwh": "0", "net": "0.00", "tax": "0.00", "untaxed": 0}
