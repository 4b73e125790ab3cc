"""A file between its dry run and the button that imports it: kept under the media folder, opened by a signed token that only the
page of this member of staff carries, for an hour."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import signing

KEEP_SECONDS = 3600


class UnableToTake(Exception):
    """The file cannot be imported any more; the sentence says what to do."""


def keep(data: bytes, *, purpose: str, user: int, facts: Sequence[Any]) -> str:
    """The token. `facts`: what else the import was asked for, as JSON can hold it."""
    folder = _folder()
    for old in folder.iterdir():  # those that nobody confirmed
        if old.stat().st_mtime < time.time() - KEEP_SECONDS:
            old.unlink(missing_ok=True)
    name = uuid.uuid4().hex
    (folder / name).write_bytes(data)
    return signing.dumps([name, user, list(facts)], salt=purpose)


def take(token: str, *, purpose: str, user: int) -> tuple[Path, list[Any]]:
    """The file, which the caller removes when it is imported, and the facts. Raises UnableToTake."""
    try:
        name, owner, facts = signing.loads(token, salt=purpose, max_age=KEEP_SECONDS)
    except signing.BadSignature:
        raise UnableToTake("The report is more than an hour old. Upload the file again.") from None
    if owner != user:
        raise UnableToTake("This report was made for somebody else. Upload the file again.")
    file = _folder() / name
    if not file.exists():
        raise UnableToTake("This file was imported already, or removed. Upload it again.")
    return file, facts


def _folder() -> Path:
    folder = Path(settings.MEDIA_ROOT) / "imports"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
