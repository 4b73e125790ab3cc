"""Making a run: what is in the file, that it is the same when made again, and what becomes of a run that breaks off."""

from __future__ import annotations

import csv
import io

import pytest

from backoffice.billing.actions import keeping, making, planning
from backoffice.billing.models import Export, ExportRun
from tests.billing.cast import NOW, cdrs, export

pytestmark = pytest.mark.django_db


def made(of: Export, **facts: object) -> ExportRun:
    run = planning.by_hand(of, by="fina", now=NOW)
    making.make(run.pk)
    run.refresh_from_db()
    return run


def rows(run: ExportRun) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(keeping.kept(run).read_text("utf-8"), newline="")))


def test_a_run_writes_its_cdrs_and_says_what_it_wrote() -> None:
    cdrs(3)
    run = made(export())
    assert (run.state, run.error) == ("DONE", "")
    assert [row["row_no"] for row in rows(run)] == ["1", "2", "3"]
    assert run.sums == {"EUR": {"rows": 3, "kwh": "60", "net": "27.00", "tax": "6.75", "untaxed": 0}}
