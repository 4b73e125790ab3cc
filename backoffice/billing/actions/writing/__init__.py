"""Write rows into a file of a format: a writer takes lines as they come, holds none of them, and is closed at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from backoffice.billing.actions.writing.text import TextWriter
from backoffice.billing.actions.writing.workbook import WorkbookWriter
from backoffice.billing.models import Format
from backoffice.billing.rules.lines import Line
from backoffice.billing.rules.totals import Totals


class Writer(Protocol):
    def write(self, lines: Sequence[Line]) -> None: ...

    def close(self, totals: Totals) -> list[str]:
        """Finish the file; what a reader of it should know, as sentences."""
        ...

    def abandon(self) -> None: ...


def writer_of(path: Path, definition: Mapping[str, Any]) -> Writer:
    """A writer into this new file, in the format that the definition of a run names."""
    return WorkbookWriter(path) if definition["format"] == Format.XLSX else TextWriter(path, definition)
