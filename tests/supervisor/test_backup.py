"""Backup of a running platform, and its restore into another folder."""

import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backoffice.supervisor.data_directory import DataDirectory
from tests.supervisor.clusters import lend_cluster
from tests.supervisor.platform import Platform, free_port, manage, open_folder

folder = pytest.fixture(open_folder)
other = pytest.fixture(open_folder)

MAKE = """
from backoffice.partners.models import Connection
Connection.objects.create(name="Talking", state="ACTIVE")
Connection.objects.create(name="Leaving", state="SUSPENDED")
"""
SHOW = """
from backoffice.partners.models import Connection
for row in Connection.objects.order_by("name").values_list("name", "state", "held_reason"): print(*row, sep="|")
"""


@pytest.fixture
def platform(folder: Path) -> Iterator[Platform]:
    lend_cluster(DataDirectory(folder))
    platform = Platform(folder, free_port())
    try:
        platform.wait_until_ready()
        yield platform
    finally:
        if platform.process.poll() is None:
            platform.end()


def shell(folder: Path, code: str) -> str:
    ran = manage(folder, "shell", "-v", "0", "-c", code)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.xdist_group("backup")
def test_a_backup_comes_back_elsewhere_with_its_secrets_and_its_outbox_paused(platform: Platform, other: Path) -> None:
    shell(platform.folder, MAKE)
    file = other / "backup.tar"
    made = manage(platform.folder, "backup", str(file))
    assert made.returncode == 0, made.stderr
    assert file.stat().st_mode & 0o077 == 0
    assert os.listdir(other) == ["backup.tar"]
    again = manage(platform.folder, "backup", str(file))
    assert "exists already" in again.stderr

    running = manage(platform.folder, "restore", str(file))
    assert running.returncode != 0
    assert "runs already" in running.stderr

    restored = manage(other / "main", "restore", str(file))
    assert restored.returncode == 0, restored.stderr
    assert "1 connections were active and are paused" in restored.stdout
    assert (other / "main" / "secrets.json").read_text() == (platform.folder / "secrets.json").read_text()

    second = Platform(other / "main", free_port())
    try:
        second.wait_until_ready()
        leaving, talking = shell(other / "main", SHOW).splitlines()
        assert leaving == "Leaving|SUSPENDED|"
        assert talking.startswith("Talking|PAUSED|Restored from a backup")
    finally:
        said = second.end()
    assert "admin / (the password that you set)" in said or "with your own account" in said


@pytest.mark.xdist_group("backup")
@pytest.mark.parametrize("content", [b"", b"no tar", b"\0" * 20480])
def test_a_file_that_is_no_backup_changes_nothing(folder: Path, content: bytes) -> None:
    file = folder / "file"
    file.write_bytes(content)
    ran = manage(folder / "main", "restore", str(file))
    assert ran.returncode != 0
    assert "is no backup that can be read" in ran.stderr
    assert not (folder / "main" / "postgres").exists()


def test_other_secrets_in_the_environment_are_refused(folder: Path) -> None:
    file = folder / "backup.tar"
    secrets = dict.fromkeys(("SECRET_KEY", "ROAMDESK_FERNET_KEYS", "ROAMDESK_TOKEN_PEPPER"), "as it was")
    with tarfile.open(file, "w") as archive:
        for name, content in (
            ("about.json", {"format": 1, "made_at": "2026-01-01", "demo": False}),
            ("secrets.json", secrets),
        ):
            data = json.dumps(content).encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    ran = manage(folder / "main", "restore", str(file), ROAMDESK_TOKEN_PEPPER="another")
    assert "ROAMDESK_TOKEN_PEPPER in the environment is not the one of the backup" in ran.stderr
    assert not (folder / "main" / "postgres").exists()
