"""The files that we keep for download: one folder for each export, written aside and moved into place whole.

They can be made again from the books at any time, so they are kept for a while only, and no backup needs them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

from backoffice.billing.models import ExportRun

_ABANDONED = timedelta(days=1)


def kept(run: ExportRun) -> Path:
    """Where its file lies, or would."""
    return Path(settings.EXPORT_FILES) / str(run.export_id) / run.file_name


def is_kept(run: ExportRun) -> bool:
    return bool(run.sha256) and kept(run).is_file()


@contextmanager
def workshop(run: ExportRun) -> Iterator[Path]:
    """A folder of this attempt alone, beside where the file will lie; gone afterwards with all that is in it."""
    folder = kept(run).parent / f".{run.file_name}.{run.attempts}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put(made: Path, place: Path) -> None:
    """Move a finished file to where others look for it; it is there whole or not at all, also after a power cut."""
    os.replace(made, place)
    sync_folder(place.parent)


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def trim(*, now: datetime) -> int:
    """Remove files older than the installation keeps them, and workshops whose worker died; how many files went."""
    oldest = (now - timedelta(days=settings.EXPORT_KEEP_DAYS)).timestamp()
    abandoned = (now - _ABANDONED).timestamp()
    gone = 0
    for folder in sorted(Path(settings.EXPORT_FILES).glob("*/")):
        for entry in sorted(folder.iterdir()):
            if entry.is_dir() and entry.stat().st_mtime < abandoned:
                shutil.rmtree(entry, ignore_errors=True)
            elif entry.is_file() and entry.stat().st_mtime < oldest:
                entry.unlink(missing_ok=True)
                gone += 1
    return gone
