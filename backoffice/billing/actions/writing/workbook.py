"""XLSX: the rows in typed cells below a frozen header, a sheet of totals, a sheet of taxes. No cell holds a formula.

A sheet takes 1,048,576 rows; what is more goes on in the next one. A number in a workbook is what a spreadsheet counts with,
which has 15 digits; who needs more reads the CSV.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter

from backoffice.billing.rules.columns import COLUMNS, HEADER, Kind
from backoffice.billing.rules.lines import Line
from backoffice.billing.rules.totals import Totals

MOST_ROWS = 1_048_575
"""Below the header of one sheet."""

MADE = datetime(2000, 1, 1, tzinfo=UTC)
"""What a workbook says of its making; the same for all, so that equal is equal."""

LONGEST = 32_767
"""Characters of a cell."""

WIDTHS: Mapping[Kind, int] = {Kind.MOMENT: 19, Kind.LOCAL: 19, Kind.TEXT: 14, Kind.AMOUNT: 12}


_NO_XML = re.compile("[\ufffe\uffff\ud800-\udfff]")


def as_text(value: str) -> str:
    """What a cell can hold. The library takes a text in <r> and </r> for markup and writes it as it is, formulas and all."""
    value = _NO_XML.sub("", value)[:LONGEST]
    return f"'{value}" if value.startswith("<r>") else value


class WorkbookWriter:
    def __init__(self, path: Path, rows_of_a_sheet: int = MOST_ROWS) -> None:
        self.path = path
        path.open("xb").close()  # never over another file
        self.most = rows_of_a_sheet
        self.book = xlsxwriter.Workbook(
            str(path), {"constant_memory": True, "tmpdir": str(path.parent), "remove_timezone": True}
        )
        self.book.set_properties({"title": "CDRs", "author": "Roamdesk", "created": MADE})
        self.bold = self.book.add_format({"bold": True, "bottom": 1})
        self.number = self.book.add_format({"num_format": "General"})
        self.amount = self.book.add_format({"num_format": "0.00##"})
        self.time = self.book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self.sheets = 0
        self._next_sheet()

    def _next_sheet(self) -> None:
        self.sheets += 1
        self.sheet = self.book.add_worksheet("CDRs" if self.sheets == 1 else f"CDRs {self.sheets}")
        for place, column in enumerate(COLUMNS):
            self.sheet.set_column(place, place, WIDTHS.get(column.kind, 10))
        self._header(self.sheet, HEADER)
        self.row = 0
        self.cells = self._cells()

    def _header(self, sheet: Any, names: Iterable[str]) -> None:
        sheet.freeze_panes(1, 0)
        for place, name in enumerate(names):
            sheet.write_string(0, place, name, self.bold)

    def _cells(self) -> list[tuple[int, Callable[[Line], Any], Callable[[int, int, Any], Any]]]:
        """For each column that knows something: its place, its value, and how it is written."""
        sheet, amount, plain, time = self.sheet, self.amount, self.number, self.time

        def text(row: int, place: int, value: Any) -> None:
            if value != "":
                sheet.write_string(row, place, as_text(str(value)))

        def utc(row: int, place: int, value: datetime) -> None:
            sheet.write_datetime(row, place, value.astimezone(UTC), time)

        ways: Mapping[Kind, Callable[[int, int, Any], Any]] = {
            Kind.TEXT: text,
            Kind.AMOUNT: lambda row, place, value: sheet.write_number(row, place, value, amount),
            Kind.QUANTITY: lambda row, place, value: sheet.write_number(row, place, value, plain),
            Kind.COUNT: lambda row, place, value: sheet.write_number(row, place, value, plain),
            Kind.MOMENT: utc,
            Kind.LOCAL: lambda row, place, value: sheet.write_datetime(row, place, value, time),
            Kind.FLAG: sheet.write_boolean,
        }
        return [(place, column.of, ways[column.kind]) for place, column in enumerate(COLUMNS) if column.of is not None]

    def write(self, lines: Sequence[Line]) -> None:
        for line in lines:
            if self.row == self.most:
                self._next_sheet()
            self.row += 1
            for place, of, put in self.cells:
                value = of(line)
                if value is not None:
                    put(self.row, place, value)

    def close(self, totals: Totals) -> list[str]:
        self._totals(totals)
        self._taxes(totals)
        self.book.close()
        with self.path.open("rb+") as file:
            os.fsync(file.fileno())
        return [f"The rows are on {self.sheets} sheets."] if self.sheets > 1 else []

    def abandon(self) -> None:
        """Let go of the files, which are thrown away with their folder."""
        for sheet in self.book.worksheets():
            if sheet.row_data_fh is not None:
                sheet.row_data_fh.close()
        self.book.fileclosed = True

    def _totals(self, totals: Totals) -> None:
        names = (
            "direction",
            "partner",
            "currency",
            "rows",
            "energy_kwh",
            "total_net",
            "total_tax",
            "total_gross",
            "untaxed",
        )
        sheet = self.book.add_worksheet("Totals")
        sheet.set_column(0, len(names) - 1, 14)
        self._header(sheet, names)
        for row, (key, found) in enumerate(sorted(totals.by_partner.items()), 1):
            for place, word in enumerate(key):
                sheet.write_string(row, place, as_text(word))
            sheet.write_number(row, 3, found.rows)
            sheet.write_number(row, 4, found.kwh)
            for place, amount in enumerate((found.net, found.tax, found.net + found.tax), 5):
                sheet.write_number(row, place, amount, self.amount)
            sheet.write_number(row, 8, found.untaxed)

    def _taxes(self, totals: Totals) -> None:
        names = ("direction", "country", "currency", "tax_name", "tax_pct", "rows", "total_net", "tax_amount")
        sheet = self.book.add_worksheet("Taxes")
        sheet.set_column(0, len(names) - 1, 14)
        self._header(sheet, names)
        for row, (key, found) in enumerate(sorted(totals.by_tax.items()), 1):
            for place, word in enumerate(key[:4]):
                sheet.write_string(row, place, as_text(word))
            if key[4]:
                sheet.write_number(row, 4, Decimal(key[4]))
            sheet.write_number(row, 5, found.rows)
            sheet.write_number(row, 6, found.net, self.amount)
            sheet.write_number(row, 7, found.amount, self.amount)
