"""Who may open which page and press which button of exports and jobs, what the pages say, and what scopes hide."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from backoffice.billing.actions import defining, keeping, making, planning
from backoffice.billing.models import Export, ExportRun
from backoffice.console.models import PartyScope
from backoffice.jobs.actions import record
from backoffice.jobs.models import Job, Outcome
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from tests.billing.cast import cdr, cdrs, document, export
from tests.locations.cast import logged_in, staff
from tests.tariffs.page import Page, text

pytestmark = pytest.mark.django_db

GROUPS = ("Finance", "Operations", "Roaming", "Read-only", "Tariffs", "nobody")
SEE = {"Finance", "Operations", "Read-only"}

# page -> who may open it; {export}, {dates}, {run}, {job}: of the world below
PAGES: dict[str, set[str]] = {
    "billing/export/": SEE,
    "billing/export/add/": {"Finance"},
    "billing/export/{export}/change/": SEE,
    "billing/export/{dates}/change/": SEE,
    "billing/export/{export}/change/?tab=preview": {"Finance"},
    "billing/export/{export}/edit/": {"Finance"},
    "billing/exportrun/": SEE,
    "billing/exportrun/{run}/change/": SEE,
    "billing/exportrun/{run}/download/": {"Finance"},
    "jobs/job/": SEE | {"Roaming"},
    "jobs/job/{job}/change/": SEE | {"Roaming"},
    "jobs/job/{export_job}/change/": SEE | {"Roaming"},
}

# button -> what it posts, who may press it
PRESSES: dict[str, tuple[dict[str, str], set[str]]] = {
    "billing/export/add/": ({"name": "New"}, {"Finance"}),
    "billing/export/{export}/edit/": ({"name": "Renamed"}, {"Finance"}),
    "billing/export/{export}/run/": ({}, {"Finance", "Operations"}),
    "billing/export/{dates}/run/": ({"first": "2026-03-01", "last": "2026-03-31"}, {"Finance", "Operations"}),
    "billing/export/{export}/pause/": ({"on": "0"}, {"Finance"}),
    "billing/export/{export}/copy/": ({"name": "Copied"}, {"Finance"}),
    "billing/export/{export}/probe/": ({}, {"Finance"}),
    "billing/export/{unused}/delete/": ({}, {"Finance"}),
    "billing/exportrun/{waiting}/cancel/": ({"reason": "r"}, {"Finance", "Operations"}),
    "billing/exportrun/{run}/again/": ({}, {"Finance", "Operations"}),
    "jobs/job/{job}/run/": ({}, {"Operations"}),
    "jobs/job/{job}/pause/": ({"on": "0"}, {"Operations"}),
}


class World:
    """An export with a run that is made and one that waits, one of chosen dates, one without runs, and a job of beat's."""

    def __init__(self) -> None:
        # The one that migrations made waits since the database was made, with no beat: overdue after the next full hour.
        defining.remove(Export.objects.get(name=defining.FIRST))
        cdrs(2)
        self.export = export(
            "Everything", schedule="every day at 06:00 Europe/Berlin", folder="finance", now=site.now()
        )
        self.run = planning.by_hand(self.export, by="fina", now=site.now())
        making.make(self.run.pk)
        cdrs(1)
        self.waiting = planning.by_hand(self.export, by="", now=site.now())
        self.dates = export("Dates", period="CHOSEN")
        self.unused = export("Unused")
        every, _ = IntervalSchedule.objects.get_or_create(every=15, period="seconds")
        self.job = PeriodicTask.objects.create(name="Fetch", task="delivery.pull_due", interval=every)
        self.export_job = PeriodicTask.objects.get(name=f"Export {self.export.pk}")

    def url(self, page: str) -> str:
        names = ("export", "dates", "unused", "run", "waiting", "job", "export_job")
        return "/admin/" + page.format(**{name: getattr(self, name).pk for name in names})

    @staticmethod
    def rows() -> list[Any]:
        """All that a press may change."""
        return [
            list(Export.objects.order_by("pk").values()),
            list(ExportRun.objects.order_by("pk").values()),
            list(PeriodicTask.objects.order_by("pk").values("pk", "enabled")),
            list(Outcome.objects.order_by("pk").values()),
            LogEntry.objects.count(),
        ]


@pytest.fixture
def world() -> World:
    return World()


def client(group: str) -> Client:
    return logged_in(staff("someone", group))


@pytest.mark.parametrize("group", GROUPS)
def test_each_group_opens_its_pages_and_presses_its_buttons_and_no_others(group: str, world: World) -> None:
    browser = client(group)
    for page, may in PAGES.items():
        answer = browser.get(world.url(page))
        assert answer.status_code == (200 if group in may else 403), page
        if answer.streaming:
            list(answer.streaming_content)  # type: ignore[attr-defined]  # a file is closed when it is read
    for page, (posted, may) in PRESSES.items():
        before = World.rows()
        answer = browser.post(world.url(page), posted)
        if group in may:
            assert answer.status_code in (302, 400), page  # 400: this post lacks the form's other fields
            continue
        assert answer.status_code == 403, page
        assert World.rows() == before, page


def test_every_page_is_in_the_tables() -> None:
    listed = {page.split("?")[0] for page in (*PAGES, *PRESSES)}
    found = set()
    for model in (Export, ExportRun, Job):
        options = model._meta
        for pattern in admin.site._registry[model].get_urls():
            route = f"{options.app_label}/{options.model_name}/{pattern.pattern}"
            if "<path:" not in route:
                found.add(route)
    kinds = {"export": "<int:pk>", "dates": "<int:pk>", "unused": "<int:pk>", "run": "<int:pk>", "waiting": "<int:pk>"}
    kinds |= {"job": "<int:pk>", "export_job": "<int:pk>"}
    unlisted = found - {page.format(**kinds) for page in listed}
    assert unlisted <= {"billing/exportrun/add/", "jobs/job/add/"}  # of Django, refused to all


def test_nobody_without_login_gets_in(world: World) -> None:
    for page in PAGES:
        answer = Client().get(world.url(page))
        assert answer.status_code == 302, page
        assert "/admin/login/" in answer["Location"]


@pytest.mark.parametrize("page", [page for page in PRESSES if "add" not in page and "edit" not in page])
def test_what_changes_something_is_no_get(page: str, world: World) -> None:
    before = World.rows()
    assert logged_in(User.objects.create_superuser("root")).get(world.url(page)).status_code == 302
    assert World.rows() == before


# --- scopes ------------------------------------------------------------------------------------------------------------


def test_a_scope_hides_the_exports_of_others(world: World) -> None:
    """An export of all companies is as foreign as one of another company: it holds what the scope leaves out."""
    mine, other = Party.objects.get(party_id="RDK"), Party.objects.create(country_code="NL", party_id="ROT", ours=True)
    cdr(document("SE-ELV", "DE-RDK"))
    own, foreign = (
        export("Own", party=mine, schedule="every hour"),
        export("Foreign", party=other, schedule="every hour"),
    )
    cdr(document("SE-ELV", "NL-ROT"))
    run, alien = (planning.by_hand(each, by="", now=site.now()) for each in (own, foreign))
    user = staff("sam", "Finance", "Operations")
    scope = PartyScope.objects.create(name="RDK")
    scope.parties.add(mine)
    scope.users.add(user)
    browser = logged_in(user)
    listed = browser.get("/admin/billing/export/").content.decode()
    for each, shown in ((own, True), (foreign, False), (world.export, False), (world.unused, False)):
        assert (reverse("admin:billing_export_change", args=[each.pk]) in listed) is shown
    jobs = browser.get("/admin/jobs/job/").content.decode()
    assert "Export “Own”" in jobs
    assert "Foreign" not in jobs
    runs = browser.get("/admin/billing/exportrun/").content.decode()
    assert (str(run) in runs, str(alien) in runs, str(world.run) in runs) == (True, False, False)
    before = World.rows()
    for hidden in (foreign, world.export):
        for page in ("change/", "edit/"):
            assert browser.get(f"/admin/billing/export/{hidden.pk}/{page}").status_code == 404
        for page in ("run/", "pause/", "copy/", "probe/", "delete/", "edit/"):
            assert browser.post(f"/admin/billing/export/{hidden.pk}/{page}", {"name": "x"}).status_code == 404
    for hidden_run in (alien, world.run):
        assert browser.get(f"/admin/billing/exportrun/{hidden_run.pk}/change/").status_code == 404
        assert browser.get(f"/admin/billing/exportrun/{hidden_run.pk}/download/").status_code == 404
        for page in ("cancel/", "again/"):
            assert browser.post(f"/admin/billing/exportrun/{hidden_run.pk}/{page}", {"reason": "x"}).status_code == 404
    assert World.rows() == before


def test_a_scope_limits_what_may_be_defined() -> None:
    mine, other = (Party.objects.create(country_code="DE", party_id=each, ours=True) for each in ("RDK", "ROT"))
    user = staff("sam", "Finance")
    scope = PartyScope.objects.create(name="RDK")
    scope.parties.add(mine)
    scope.users.add(user)
    browser = logged_in(user)
    for party in ("", str(other.pk)):
        answer = browser.post("/admin/billing/export/add/", form(name="Mine", party=party))
        assert answer.status_code == 400
    assert not Export.objects.filter(name="Mine").exists()
    assert browser.post("/admin/billing/export/add/", form(name="Mine", party=str(mine.pk))).status_code == 302
    assert Export.objects.get(name="Mine").party == mine


# --- defining -----------------------------------------------------------------------------------------------------------


def form(**changes: str) -> dict[str, str]:
    """What the page posts, without `empty_files`: a box that is not ticked."""
    return {
        "name": "New",
        "direction": "BOTH",
        "party": "",
        "partners": "",
        "period": "SINCE_LAST",
        "since": "",
        "schedule": "",
        "zone": "UTC",
        "format": "CSV",
        "delimiter": "COMMA",
        "decimal_mark": "POINT",
        "encoding": "UTF_8",
        "folder": "",
    } | changes


@pytest.fixture
def finance() -> Client:
    return logged_in(staff("fina", "Finance"))


def test_an_export_is_defined_in_words(finance: Client) -> None:
    elv = Party.objects.create(country_code="SE", party_id="ELV")
    posted = form(
        name="For the bank", partners=" se-elv;", direction="PAYABLE", schedule="every working day at 7:30 europe/paris",
        since="2026-01-01", folder="finance/bank/", delimiter="SEMICOLON", decimal_mark="COMMA", encoding="WINDOWS_1252",
    )  # fmt: skip
    answer = finance.post("/admin/billing/export/add/", posted, follow=True)
    made = Export.objects.get(name="For the bank")
    assert (made.schedule, made.zone, made.folder) == (
        "every working day at 07:30 Europe/Paris",
        "Europe/Paris",
        "finance/bank",
    )
    assert (list(made.partners.all()), made.created_by.get_username()) == ([elv], "fina")
    said = text(answer.content.decode())
    assert (
        "What we owe partners, with SE-ELV: everything new since the last run; nothing that ended before 2026-01-01."
        in said
    )
    assert "columns separated by semicolon, decimal comma: 12,50, Windows-1252" in said
    assert LogEntry.objects.filter(object_id=made.pk).exists()


def test_what_is_wrong_is_said_at_its_field_and_everything_stays_written(finance: Client) -> None:
    posted = form(name="Bad", partners="SE-ELV", schedule="every fortnight", zone="Mars", folder="../x")
    answer = finance.post("/admin/billing/export/add/", posted)
    said = text(answer.content.decode())
    assert answer.status_code == 400
    assert "No party SE-ELV is known here" in said
    assert "“every fortnight” is no schedule" in said
    assert "Name a folder below the installation's folder" in said
    page = Page(answer.content.decode(), form="")
    assert page.attributes["id_schedule"]["value"] == "every fortnight"
    assert page.attributes["id_schedule"]["aria-invalid"] == "true"
    answer = finance.post("/admin/billing/export/add/", form(name="Bad", zone="Mars"))
    assert "There is no time zone Mars" in text(answer.content.decode())
    assert not Export.objects.filter(name="Bad").exists()


def test_what_is_settled_is_not_offered_and_not_taken(world: World, finance: Client) -> None:
    url = world.url("billing/export/{export}/edit/")
    page = Page(finance.get(url).content.decode(), form="")
    assert "disabled" in page.attributes["id_direction"]
    assert "disabled" not in page.attributes["id_schedule"]
    assert "Settled with its first run" in page.ids["id_partners_help"]
    answer = finance.post(url, form(name="Everything", direction="PAYABLE", period="MONTHS", schedule="every hour"))
    assert answer.status_code == 302
    world.export.refresh_from_db()
    assert (world.export.direction, world.export.period, world.export.schedule) == ("BOTH", "SINCE_LAST", "every hour")


# --- what pages say -----------------------------------------------------------------------------------------------------


def test_the_page_of_an_export_shows_its_runs_and_what_waits(world: World, finance: Client) -> None:
    cdrs(4)
    said = text(finance.get(world.url("billing/export/{export}/change/")).content.decode())
    assert "Waiting for the next run 4 CDRs" in said
    assert "#1 Done 2 18.00 EUR" in said.replace(" check_circle", "")
    assert ExportRun.objects.get(pk=world.run.pk).sha256[:12] in said
    assert "every day at 06:00 Europe/Berlin" in said


def test_the_preview_shows_the_first_rows_of_the_next_run_masked(world: World, finance: Client) -> None:
    url = world.url("billing/export/{export}/change/?tab=preview")
    said = text(finance.get(url).content.decode())
    assert "The first 1 row of run #2" in said, "nothing waits"
    found = cdrs(25)
    page = finance.get(url).content.decode()
    said = text(page)
    assert "The first 20 rows of the next run" in said
    assert found[19].object_id in said
    assert found[20].object_id not in said
    assert "04A1B2C3D4E5F6" not in page
    assert "**********E5F6" in said


def test_an_empty_export_says_what_is_missing(finance: Client) -> None:
    quiet = export("Quiet", schedule="every hour")
    said = text(finance.get(f"/admin/billing/export/{quiet.pk}/change/").content.decode())
    assert "The first is made when its time has come and there is a CDR for it." in said
    said = text(finance.get(f"/admin/billing/export/{quiet.pk}/change/?tab=preview").content.decode())
    assert "There is no CDR for this export yet." in said


def test_a_failed_run_is_seen_everywhere_and_made_from_its_page(world: World, finance: Client) -> None:
    ExportRun.objects.filter(pk=world.waiting.pk).update(state="FAILED", error="No space left on device.")
    listed = text(finance.get("/admin/billing/export/").content.decode())
    assert "last run failed" in listed
    home = text(finance.get("/admin/").content.decode())
    assert "1 runs not made" in home
    assert world.waiting.file_name.split("-")[0].capitalize() in text(
        finance.get("/admin/billing/exportrun/?made=no").content.decode()
    )
    said = text(finance.get(world.url("billing/exportrun/{waiting}/change/")).content.decode())
    assert "No space left on device. It is not tried again by itself." in said
    finance.post(world.url("billing/exportrun/{waiting}/again/"))
    making.make(world.waiting.pk)
    assert "on time" in text(finance.get("/admin/billing/export/").content.decode())


def test_an_export_that_nobody_makes_is_overdue(world: World, finance: Client) -> None:
    Export.objects.filter(pk=world.export.pk).update(answered_until=site.now() - timedelta(days=3))
    ExportRun.objects.filter(pk=world.waiting.pk).delete()
    assert "overdue for 2 d" in text(finance.get("/admin/billing/export/").content.decode())
    said = text(finance.get(world.url("billing/export/{export}/change/")).content.decode())
    assert "no worker is taking work, or beat stands still" in said
    assert "1 overdue" in text(finance.get("/admin/").content.decode())


def test_progress_is_shown_while_a_run_is_made(world: World, finance: Client) -> None:
    ExportRun.objects.filter(pk=world.waiting.pk).update(state="RUNNING", rows_total=4000, rows_done=1000)
    for page in ("billing/export/{export}/change/", "billing/exportrun/{waiting}/change/"):
        assert 'value="25"' in finance.get(world.url(page)).content.decode()
    assert "1,000 of 4,000 (25 %)" in text(finance.get("/admin/billing/exportrun/").content.decode())
    assert "Everything: 1,000 of 4,000 rows" in text(finance.get("/admin/").content.decode())


def test_missed_times_are_told(world: World, finance: Client) -> None:
    ExportRun.objects.filter(pk=world.run.pk).update(
        missed=2, missed_since=site.now() - timedelta(days=3), due_at=site.now() - timedelta(days=1)
    )
    assert "2 earlier times missed" in text(finance.get(world.url("billing/export/{export}/change/")).content.decode())
    assert "2 earlier times missed" in text(finance.get("/admin/billing/exportrun/").content.decode())


# --- buttons ------------------------------------------------------------------------------------------------------------


def test_a_download_is_the_file_and_is_written_down(world: World, finance: Client) -> None:
    answer = finance.get(world.url("billing/exportrun/{run}/download/"))
    body = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert hashlib.sha256(body).hexdigest() == ExportRun.objects.get(pk=world.run.pk).sha256
    assert answer["Content-Disposition"] == 'attachment; filename="everything-000001.csv"'
    assert (answer["Content-Type"], "no-store" in answer["Cache-Control"]) == ("text/csv", True)
    entry = LogEntry.objects.latest("pk")
    assert (entry.user.get_username(), entry.change_message) == ("fina", "Downloaded everything-000001.csv.")


def test_a_file_that_is_not_kept_is_offered_to_be_made_again(world: World, finance: Client) -> None:
    world.run.refresh_from_db()
    keeping.kept(world.run).unlink()
    answer = finance.get(world.url("billing/exportrun/{run}/download/"), follow=True)
    said = text(answer.content.decode())
    assert "This file is not kept here any more. Make it again: it will be the same." in said
    finance.post(world.url("billing/exportrun/{run}/again/"))
    making.make(world.run.pk)
    assert keeping.is_kept(world.run)


def test_run_now_makes_what_is_new_and_says_when_there_is_nothing(world: World, finance: Client) -> None:
    said = text(finance.post(world.url("billing/export/{export}/run/"), follow=True).content.decode())
    assert "There is nothing new" in said
    cdrs(2)
    answer = finance.post(world.url("billing/export/{export}/run/"))
    run = ExportRun.objects.latest("pk")
    assert answer["Location"] == reverse("admin:billing_exportrun_change", args=[run.pk])
    assert (run.by, run.rows_total, run.due_at) == ("fina", 2, None)


@pytest.mark.parametrize("dates", [{}, {"first": "2026-03-05", "last": "2026-03-01"}, {"first": "x", "last": "y"}])
def test_dates_that_are_none_make_no_run(dates: dict[str, str], world: World, finance: Client) -> None:
    before = ExportRun.objects.count()
    said = text(finance.post(world.url("billing/export/{dates}/run/"), dates, follow=True).content.decode())
    assert "Choose the first and the last day" in said
    assert ExportRun.objects.count() == before


def test_a_cancel_needs_a_reason(world: World, finance: Client) -> None:
    url = world.url("billing/exportrun/{waiting}/cancel/")
    assert "A reason is needed" in text(finance.post(url, {"reason": " "}, follow=True).content.decode())
    assert ExportRun.objects.get(pk=world.waiting.pk).state == "QUEUED"
    finance.post(url, {"reason": "Twice"})
    run = ExportRun.objects.get(pk=world.waiting.pk)
    assert (run.state, run.events.latest("pk").why, run.events.latest("pk").by) == ("CANCELLED", "Twice", "fina")


def test_the_folder_is_tried(world: World, finance: Client, folders: Path) -> None:
    url = world.url("billing/export/{export}/probe/")
    assert "A file could be written into finance" in text(finance.post(url, follow=True).content.decode())
    for path in (folders / "outgoing" / "finance").iterdir():
        path.unlink()
    (folders / "outgoing" / "finance").rmdir()
    (folders / "outgoing" / "finance").write_text("in the way")
    assert "Cannot use the folder finance" in text(finance.post(url, follow=True).content.decode())


def test_an_export_with_runs_is_not_removed(world: World, finance: Client) -> None:
    said = text(finance.post(world.url("billing/export/{export}/delete/"), follow=True).content.decode())
    assert "It has runs, which stay" in said
    finance.post(world.url("billing/export/{unused}/delete/"))
    assert not Export.objects.filter(pk=world.unused.pk).exists()
    assert Export.objects.filter(pk=world.export.pk).exists()


# --- jobs ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def operations() -> Client:
    return logged_in(staff("olga", "Operations"))


def ran(name: str, *, ok: bool = True, said: str = "", ago: float = 0) -> None:
    end = site.now() - timedelta(seconds=ago)
    record(name, began_at=end - timedelta(milliseconds=250), ended_at=end, ok=ok, said=said)


def test_jobs_are_listed_in_words_with_how_they_went(world: World, operations: Client) -> None:
    for _ in range(4):
        ran("Fetch", said="3")
    said = text(operations.get("/admin/jobs/job/").content.decode()).replace(" check_circle", "")
    assert re.search("Fetch every 15 seconds next in [0-9]+ s Done", said), said
    assert "250 ms usually 250 ms" in said
    assert "Export “Everything” every day at 06:00 Europe/Berlin" in said
    for _ in range(5):
        ran("Fetch", ok=False, said="OperationalError: gone")
    said = text(operations.get("/admin/jobs/job/").content.decode())
    assert "failed, 5 times" in said
    assert "OperationalError: gone" in said
    page = text(operations.get(world.url("jobs/job/{job}/change/")).content.decode())
    assert page.count("OperationalError: gone") == 5


def test_a_job_that_nobody_runs_is_overdue(world: World, operations: Client) -> None:
    ran("Fetch", ago=3600)
    assert "Overdue" in text(operations.get("/admin/jobs/job/").content.decode())


def test_a_job_is_asked_for_once_and_paused_and_resumed(world: World, operations: Client) -> None:
    run, pause = world.url("jobs/job/{job}/run/"), world.url("jobs/job/{job}/pause/")
    assert "as soon as a worker is free" in text(operations.post(run, follow=True).content.decode())
    assert "It is asked for already" in text(operations.post(run, follow=True).content.decode())
    outcome = Outcome.objects.get(name="Fetch")
    assert outcome.asked_by == "olga"
    last_run = PeriodicTask.objects.get(pk=world.job.pk).last_run_at
    operations.post(pause, {"on": "0"})
    assert not PeriodicTask.objects.get(pk=world.job.pk).enabled
    assert "Paused" in text(operations.get("/admin/jobs/job/").content.decode())
    operations.post(pause, {"on": "1"})
    row = PeriodicTask.objects.get(pk=world.job.pk)
    assert (row.enabled, row.last_run_at) == (True, last_run)


def test_the_job_of_an_export_is_steered_on_the_exports_page(world: World, operations: Client) -> None:
    operations.post(world.url("jobs/job/{export_job}/pause/"), {"on": "0"})
    assert PeriodicTask.objects.get(pk=world.export_job.pk).enabled
    page = operations.get(world.url("jobs/job/{export_job}/change/")).content.decode()
    assert reverse("admin:billing_export_change", args=[world.export.pk]) in page


def test_no_jobs_says_where_they_come_from(operations: Client) -> None:
    PeriodicTask.objects.all().delete()
    assert "Jobs are entered here by beat" in text(operations.get("/admin/jobs/job/").content.decode())


# --- queries ------------------------------------------------------------------------------------------------------------


def test_lists_ask_as_often_for_many_rows_as_for_one(world: World) -> None:
    browser = logged_in(User.objects.create_superuser("root"))
    pages = [world.url(page) for page in PAGES if "download" not in page]

    def counted() -> dict[str, int]:
        found = {}
        for url in pages:
            browser.get(url)
            with CaptureQueriesContext(connection) as queries:
                assert browser.get(url).status_code == 200
            found[url] = len(queries)
        return found

    few = counted()
    partner = Party.objects.get(party_id="ELV")
    for number in range(8):
        each = export(
            f"Many {number}", schedule="every hour", partners=[partner], party=Party.objects.get(party_id="RDK")
        )
        planning.by_hand(each, by="", now=site.now())
        ran(f"Export {each.pk}")
    for _ in range(5):
        cdrs(1)
        planning.by_hand(world.export, by="", now=site.now())
    assert counted() == few
    assert max(few.values()) <= 25
