"""CSV (RFC 4180): a header, a line for each row, CR LF at its end."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from backoffice.billing.models import DecimalMark, Delimiter, Encoding
from backoffice.billing.rules.cells import flag, inert, local, number, utc
from backoffice.billing.rules.columns import COLUMNS, HEADER, Kind, Value
from backoffice.billing.rules.lines import Line
from backoffice.billing.rules.totals import Totals

DELIMITERS: Mapping[str, str] = {
    Delimiter.COMMA: ",",
    Delimiter.SEMICOLON: ";",
    Delimiter.TAB: "\t",
    Delimiter.PIPE: "|",
}
MARKS: Mapping[str, str] = {DecimalMark.POINT: ".", DecimalMark.COMMA: ","}
CODECS: Mapping[str, tuple[str, bytes]] = {
    Encoding.UTF_8: ("utf-8", b""),
    Encoding.UTF_8_MARK: ("utf-8", b"\xef\xbb\xbf"),
    Encoding.WINDOWS_1252: ("cp1252", b""),
}


class TextWriter:
    def __init__(self, path: Path, definition: Mapping[str, Any]) -> None:
        self.codec, begin = CODECS[definition["encoding"]]
        self.replaced = 0
        self.cells = cells_of(MARKS[definition["decimal_mark"]])
        self.page = io.StringIO()
        self.rows = csv.writer(self.page, delimiter=DELIMITERS[definition["delimiter"]], lineterminator="\r\n")
        self.file = path.open("xb", buffering=1 << 20)
        self.file.write(begin)
        self.rows.writerow(HEADER)
        self._flush()

    def write(self, lines: Sequence[Line]) -> None:
        cells = self.cells
        self.rows.writerows([make(line) for make in cells] for line in lines)
        self._flush()

    def _flush(self) -> None:
        text = self.page.getvalue()
        self.page.seek(0)
        self.page.truncate()
        try:
            self.file.write(text.encode(self.codec))
        except UnicodeEncodeError:
            encoded = text.encode(self.codec, "replace")
            self.replaced += encoded.count(b"?") - text.count("?")
            self.file.write(encoded)

    def close(self, totals: Totals) -> list[str]:
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        return [f"{self.replaced} letters that {self.codec} lacks became “?”."] if self.replaced else []

    def abandon(self) -> None:
        """Let go of the file, which is thrown away with its folder."""
        self.file.close()


def cells_of(mark: str) -> list[Callable[[Line], str]]:
    """For each column the function that makes its cell; an empty one where nothing is known."""

    def empty(line: Line) -> str:
        return ""

    def cell(of: Callable[[Line], Value], told: Callable[[Any], str]) -> Callable[[Line], str]:
        def make(line: Line) -> str:
            value = of(line)
            return "" if value is None else told(value)

        return make

    def digits(value: Decimal | int) -> str:
        return number(value, mark)

    def words(value: object) -> str:
        return inert(value if isinstance(value, str) else str(value))

    told: Mapping[Kind, Callable[[Any], str]] = {
        Kind.TEXT: words,
        Kind.AMOUNT: digits,
        Kind.QUANTITY: digits,
        Kind.COUNT: digits,
        Kind.MOMENT: utc,
        Kind.LOCAL: local,
        Kind.FLAG: flag,
    }
    return [empty if column.of is None else cell(column.of, told[column.kind]) for column in COLUMNS]
