"""Files of exports go into a folder of each test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def folders(settings: Any, tmp_path: Path) -> Path:
    settings.EXPORT_FILES = tmp_path / "kept"
    settings.EXPORT_FOLDER = tmp_path / "outgoing"
    settings.EXPORT_FOLDER.mkdir()
    return tmp_path
