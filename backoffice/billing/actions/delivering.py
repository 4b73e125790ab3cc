"""Put a finished file into its folder: the file, then what is in it (manifest), then the mark that both are whole.

Whoever collects files waits for `<file>.done`. All three are written aside, on disk before they are named, and may be put there
again: the name of a file is as good as its number, and the same name always has the same content.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings

from backoffice.billing.actions.keeping import digest, put
from backoffice.billing.models import ExportRun
from backoffice.billing.rules.names import UnableToName
from backoffice.billing.rules.names import folder as checked

MANIFEST, DONE, PART = ".manifest.json", ".done", ".part"


class UnableToDeliver(Exception):
    """The file is not in its folder; the sentence says why."""


def place_of(folder: str) -> Path:
    """The folder below the installation's own, made if need be. Raises UnableToDeliver."""
    root = Path(settings.EXPORT_FOLDER)
    try:
        place = root / checked(folder)
        place.mkdir(parents=True, exist_ok=True)
        inside = place.resolve().is_relative_to(root.resolve())
    except UnableToName as error:
        raise UnableToDeliver(str(error)) from error
    except OSError as error:
        raise UnableToDeliver(f"Cannot use the folder {folder}: {error.strerror or error}.") from error
    if not inside:
        raise UnableToDeliver(f"The folder {folder} leads out of the installation's folder for exports.")
    return place


def probe(folder: str) -> None:
    """Try it: write a small file there and remove it. Raises UnableToDeliver."""
    place = place_of(folder)
    trial = place / f".roamdesk-probe{PART}"
    try:
        trial.write_bytes(b"probe")
        trial.unlink()
    except OSError as error:
        raise UnableToDeliver(f"Cannot write in the folder {folder}: {error.strerror or error}.") from error


def deliver(run: ExportRun, file: Path) -> None:
    """Raises UnableToDeliver."""
    folder: str = run.frozen("folder")
    place = place_of(folder)
    target = place / run.file_name
    try:
        if target.exists() and digest(target) != run.sha256:
            raise UnableToDeliver(f"In the folder {folder} lies another file of the name {run.file_name}.")
        part = target.with_name(f".{run.file_name}{PART}")
        shutil.copyfile(file, part)
        with part.open("rb+") as copied:
            os.fsync(copied.fileno())
        put(part, target)
        _write(target.with_name(run.file_name + MANIFEST), json.dumps(manifest(run), indent=1) + "\n")
        _write(target.with_name(run.file_name + DONE), "")
    except OSError as error:
        raise UnableToDeliver(f"Cannot write in the folder {folder}: {error.strerror or error}.") from error


def manifest(run: ExportRun) -> dict[str, Any]:
    """What the file is. Nothing in it depends on when it was put there."""
    return {
        "file": run.file_name,
        "sha256": run.sha256,
        "size": run.size,
        "rows": run.rows_done,
        "sums": run.sums,
        "export": run.export.name,
        "run": run.number,
        "columns": run.frozen("version"),
        "format": run.frozen("format"),
        "numbers_above": run.after,
        "numbers_up_to": run.upto,
        "ended_from": run.ended_from.isoformat() if run.ended_from else None,
        "ended_before": run.cut.isoformat() if run.cut else None,
        "planned_at": run.planned_at.isoformat(),
        "notes": run.notes,
    }


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}{PART}")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    put(part, path)
