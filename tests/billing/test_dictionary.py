"""The dictionary of columns in docs/finance.md is the code's own table."""

from __future__ import annotations

from pathlib import Path

from backoffice.billing.rules.columns import COLUMNS, VERSION

PAGE = Path(__file__).resolve().parents[2] / "docs" / "finance.md"


def test_the_dictionary_names_every_column_in_order_with_its_meaning() -> None:
    _, _, part = PAGE.read_text("utf-8").partition(f"## Columns, version {VERSION}\n")
    rows = [line for line in part.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{column.name}` | {column.kind} | {column.means} |" for column in COLUMNS]
