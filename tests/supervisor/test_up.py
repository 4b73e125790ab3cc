"""`manage.py up` as a person meets it: a real platform in its own folder, its ends, and what it says when stuck."""

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from backoffice.supervisor.data_directory import DataDirectory
from backoffice.supervisor.valkey import FILE_BROKER_URL
from tests.supervisor.clusters import lend_cluster
from tests.supervisor.platform import Platform, free_port, manage, open_folder, refused, wait_for

folder = pytest.fixture(open_folder)
platform_folder = pytest.fixture(open_folder, scope="module")


@pytest.fixture(scope="module")
def platform(platform_folder: Path) -> Iterator[Platform]:
    platform = Platform(platform_folder, free_port())
    try:
        platform.wait_until_ready()
        yield platform
    finally:
        if platform.process.poll() is None:
            platform.end()


@pytest.mark.xdist_group("platform")
class TestRunningPlatform:
    """One platform for all of these; the last ones end it."""

    def test_it_answers(self, platform: Platform) -> None:
        assert platform.healthy()

    def test_its_secrets_are_its_own(self, platform: Platform) -> None:
        for name in ("secrets.json", "admin.json"):
            assert (platform.folder / name).stat().st_mode & 0o077 == 0
        assert (platform.folder / "postgres").stat().st_mode & 0o077 == 0

    def test_a_second_start_on_the_same_folder_is_refused(self, platform: Platform) -> None:
        said = refused(platform.folder, "--port", str(free_port()))
        assert f"runs already (process {platform.process.pid}" in said
        assert "--data-dir" in said

    def test_a_taken_port_is_named(self, platform: Platform, folder: Path) -> None:
        said = refused(folder, "--port", str(platform.port))
        assert f"port {platform.port}: Address already in use" in said
        assert "choose another port" in said

    @pytest.mark.parametrize("name", ["web", "worker", "beat", "sweep", "valkey", "postgres"])
    def test_a_part_that_dies_is_started_again(self, platform: Platform, name: str) -> None:
        before = platform.part(name)
        assert before is not None
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: platform.part(name) not in (None, before), f"another {name}")
        wait_for(platform.healthy, "healthz")

    def test_other_commands_act_on_the_platform_of_the_folder(self, platform: Platform) -> None:
        ran = manage(
            platform.folder, "shell", "-v", "0", "-c", "from django.conf import settings as s; print(s.PUBLIC_URL)"
        )
        assert ran.stdout.strip() == f"http://127.0.0.1:{platform.port}", ran

    def test_being_killed_leaves_no_orphan_and_the_next_start_finds_everything(self, platform: Platform) -> None:
        password = json.loads((platform.folder / "admin.json").read_text())["password"]
        first = platform.end(signal.SIGKILL)
        assert password in first
        wait_for(lambda: platform.processes() == [], "the end of all processes")

        again = Platform(platform.folder, platform.port)
        again.wait_until_ready()
        assert again.healthy()
        said = again.end(signal.SIGINT)
        assert again.process.returncode == 0
        assert "First start" not in said
        assert password in said
        assert again.processes() == []
        ready = [line.split()[0] for line in said.splitlines() if re.search(r"(ready|done) at", line)]
        assert ready.index("postgres") < ready.index("database") < ready.index("web") < ready.index("worker")


@pytest.mark.xdist_group("platform-of-files")
def test_without_valkey_the_tasks_go_through_files(folder: Path) -> None:
    lend_cluster(DataDirectory(folder))
    platform = Platform(folder, free_port(), BROKER_URL=FILE_BROKER_URL)
    try:
        platform.wait_until_ready()
        assert platform.part("valkey") is None
        assert platform.part("worker") is not None
    finally:
        said = platform.end()
    assert "ended" not in said


def test_an_unwritable_folder_is_named(folder: Path) -> None:
    (folder / "file").write_text("")
    said = refused(folder / "file" / "main", "--port", str(free_port()))
    assert "Cannot write in the data directory" in said
    assert "--data-dir" in said


def test_damaged_secrets_are_named(folder: Path) -> None:
    (folder / "secrets.json").write_text("{")
    assert "secrets.json is damaged" in refused(folder, "--port", str(free_port()))


def test_an_unreachable_database_is_named(folder: Path) -> None:
    url = f"postgres://nobody@127.0.0.1:{free_port()}/nothing"
    said = refused(folder, "--port", str(free_port()), DATABASE_URL=url, BROKER_URL=FILE_BROKER_URL)
    assert "Cannot reach the database" in said
    assert "unset DATABASE_URL" in said.replace("\n", " ")


def test_a_cluster_of_another_version_is_named(folder: Path) -> None:
    (folder / "postgres").mkdir()
    (folder / "postgres" / "PG_VERSION").write_text("14\n")
    said = refused(folder, "--port", str(free_port()))
    assert "was made by PostgreSQL 14" in said
    assert "backup" in said


def test_real_data_and_the_demo_do_not_meet(folder: Path) -> None:
    (folder / "platform.json").write_text('{"demo": false}')
    ran = manage(folder, "up", "--demo")
    assert ran.returncode == 1
    assert "never mixes with real data" in ran.stderr
