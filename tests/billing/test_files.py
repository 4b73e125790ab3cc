"""What is written: cells of every kind in both formats, and no text that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from backoffice.billing.actions.writing import writer_of
from backoffice.billing.actions.writing.workbook import WorkbookWriter
from backoffice.billing.rules.cells import inert, masked, number
from backoffice.billing.rules.columns import COLUMNS, HEADER, Kind
from backoffice.billing.rules.lines import Booked, Line
from backoffice.billing.rules.totals import Totals
from tests.billing.cast import document
from tests.billing.formulas import CORPUS, active

CSV = {"format": "CSV", "delimiter": "COMMA", "decimal_mark": "POINT", "encoding": "UTF_8"}
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def booked(tree: dict[str, Any] | None = None, **facts: Any) -> Booked:
    tree = document() if tree is None else tree
    return Booked(
        **{
            "number": 1,
            "way": "PAYABLE",
            "partner": ("SE", "ELV"),
            "cpo": "SE-ELV",
            "emsp": "DE-RDK",
            "document": tree,
            "starts_at": datetime(2026, 3, 1, 8, tzinfo=UTC),
            "ends_at": datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
            "received_at": datetime(2026, 3, 1, 10, tzinfo=UTC),
            "time_zone": "Europe/Stockholm",
            "verdict": "DIFFERS",
            "reasons": ["TOTAL_MISMATCH", "ENERGY_MISMATCH"],
            "our_net": Decimal("8.50"),
            "delta": Decimal("0.50"),
            "decided_by": "",
            "decided_at": None,
        }
        | facts
    )


def written(folder: Path, found: Sequence[Booked], **definition: str) -> tuple[Path, list[str]]:
    path = folder / "made"
    writer, totals = writer_of(path, CSV | definition), Totals()
    lines = [Line(each, row) for row, each in enumerate(found, 1)]
    writer.write(lines)
    for line in lines:
        totals.add(line)
    return path, writer.close(totals)


def read(path: Path, delimiter: str = ",", encoding: str = "utf-8") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode(encoding), newline=""), delimiter=delimiter))


def test_every_cell_of_a_cdr(tmp_path: Path) -> None:
    path, _ = written(tmp_path, [booked(document(id="CDR-1"))])
    (row,) = read(path)
    assert {name: value for name, value in row.items() if value} == {
        "export_version": "cdr-1",
        "row_no": "1",
        "direction": "payable",
        "partner_country": "SE",
        "partner_party": "ELV",
        "cpo_id": "SE-ELV",
        "emsp_id": "DE-RDK",
        "cdr_id": "CDR-1",
        "session_id": "S-1",
        "credit": "false",
        "start_utc": "2026-03-01T08:00:00Z",
        "end_utc": "2026-03-01T09:30:00Z",
        "start_local": "2026-03-01T09:00:00+01:00",
        "end_local": "2026-03-01T10:30:00+01:00",
        "time_zone": "Europe/Stockholm",
        "token_uid_masked": "**********E5F6",
        "token_type": "RFID",
        "contract_id": "DE-RDK-C00000001-X",
        "auth_method": "WHITELIST",
        "location_id": "LUND-1",
        "location_name": "Storgatan",
        "address": "Storgatan 1",
        "postal_code": "222 22",
        "city": "Lund",
        "country": "SWE",
        "evse_uid": "E1",
        "evse_id": "SE*ELV*E1",
        "connector_id": "1",
        "connector_standard": "IEC_62196_T2",
        "power_type": "AC_3_PHASE",
        "energy_kwh": "20",
        "duration_h": "1.5",
        "charging_h": "1.25",
        "parking_h": "0.25",
        "currency": "EUR",
        "energy_net": "9.00",
        "total_net": "9.00",
        "tax_name_1": "VAT",
        "tax_pct_1": "25",
        "tax_amount_1": "2.25",
        "total_gross": "11.25",
        "our_total_net": "8.50",
        "delta_net": "0.50",
        "verdict": "DIFFERS",
        "reason_codes": "TOTAL_MISMATCH;ENERGY_MISMATCH",
        "signed_data_state": "NONE",
        "received_at": "2026-03-01T10:00:00Z",
    }


def test_the_header_is_the_agreed_one() -> None:
    """Of version 1. A change of it is a new version."""
    taxes = " ".join(f"tax_{fact}_{place}" for place in range(1, 5) for fact in ("name", "pct", "amount"))
    assert " ".join(HEADER) == (
        "export_version row_no direction partner_country partner_party cpo_id emsp_id agreement_no cdr_id session_id "
        "credit credit_reference_id authorization_reference invoice_reference_id invoice_no start_utc end_utc "
        "start_local end_local time_zone token_uid_masked token_type contract_id auth_method location_id "
        "location_name address postal_code city country evse_uid evse_id connector_id connector_standard "
        "power_type meter_id meter_start meter_stop energy_kwh duration_h charging_h parking_h tariff_ids "
        "currency fixed_net energy_net time_net parking_net reservation_net total_net "
        f"{taxes} "
        "total_gross our_total_net delta_net verdict reason_codes signed_data_state home_charging received_at "
        "decided_by decided_at remark"
    )


# --- amounts -----------------------------------------------------------------------------------------------------------


def test_a_credit_is_negative_in_every_amount_and_quantity(tmp_path: Path) -> None:
    """Its document says only the total so (mod_cdrs#credit_cdrs); a partner's that says it not even there is taken the same."""
    total = {"before_taxes": Decimal("-9.00"), "taxes": [{"name": "VAT", "percentage": 25, "amount": Decimal("-2.25")}]}
    forgetful = {
        "before_taxes": Decimal("9.00"),
        "taxes": [{"name": "VAT", "percentage": 25, "amount": Decimal("2.25")}],
    }
    credit = {"credit": True, "credit_reference_id": "CDR-1", "total_fixed_cost": {"before_taxes": 0}}
    found = [booked(document(total_cost=each, **credit)) for each in (total, forgetful)]
    path, _ = written(tmp_path, found)
    for row in read(path):
        assert (row["credit"], row["credit_reference_id"]) == ("true", "CDR-1")
        assert (row["total_net"], row["tax_amount_1"], row["total_gross"]) == ("-9.00", "-2.25", "-11.25")
        assert (row["energy_net"], row["fixed_net"], row["energy_kwh"]) == ("-9.00", "0", "-20")
        assert (row["duration_h"], row["parking_h"], row["charging_h"]) == ("-1.5", "-0.25", "-1.25")
        assert row["tax_pct_1"] == "25"


def test_a_charge_and_its_credit_sum_to_nothing() -> None:
    totals = Totals()
    totals.add(Line(booked(), 1))
    back = document(credit=True, credit_reference_id="CDR-1", total_cost={"before_taxes": Decimal("-9.00"), "taxes": [{"name": "VAT", "percentage": 25, "amount": Decimal("-2.25")}]})  # fmt: skip  # noqa: E501
    totals.add(Line(booked(back), 2))
    assert totals.told() == {"EUR": {"rows": 2, "kwh": "0", "net": "0.00", "tax": "0.00", "untaxed": 0}}


def test_no_tax_rate_is_assumed(tmp_path: Path) -> None:
    two = [{"name": "GST", "percentage": 5, "amount": Decimal("0.45")}, {"name": "QST", "amount": Decimal("0.90")}]
    six = [{"name": f"T{n}", "percentage": n, "amount": n} for n in range(1, 7)]
    found = [
        booked(document(total_cost={"before_taxes": 9, "taxes": two})),
        booked(document(total_cost={"before_taxes": 9})),
        booked(document(total_cost={"before_taxes": 9, "taxes": six})),
    ]
    path, _ = written(tmp_path, found)
    both, none, many = read(path)
    assert [both[f"tax_{fact}_{n}"] for n in (1, 2) for fact in ("name", "pct", "amount")] == [
        *("GST", "5", "0.45"),
        *("QST", "", "0.90"),
    ]
    assert both["total_gross"] == "10.35"
    assert (none["total_net"], none["tax_name_1"], none["total_gross"]) == ("9", "", "")
    assert (many["tax_name_3"], many["tax_amount_3"]) == ("T3", "3")
    assert (many["tax_name_4"], many["tax_pct_4"], many["tax_amount_4"]) == ("3 more", "", "15")
    assert many["total_gross"] == "30"


@pytest.mark.parametrize(
    ("value", "mark", "text"),
    [
        (Decimal("12.50"), ".", "12.50"),
        (Decimal("12.50"), ",", "12,50"),
        (Decimal("1E+3"), ".", "1000"),
        (Decimal("1E-10"), ".", "0.0000000001"),
        (Decimal("123456789012345678.25"), ".", "123456789012345678.25"),
        (-3, ",", "-3"),
    ],
)
def test_numbers_have_all_their_digits_and_no_others(value: Decimal | int, mark: str, text: str) -> None:
    assert number(value, mark) == text


# --- times -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "moment", "text"),
    [
        ("Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T02:30:00+02:00"),
        ("Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00+01:00"),  # the same on the clock
        ("Asia/Kathmandu", "2026-03-01T00:00:00.250Z", "2026-03-01T05:45:00.250+05:45"),
        ("", "2026-03-01T00:00:00Z", ""),
        ("Mars/Olympus", "2026-03-01T00:00:00Z", ""),
        ("../../etc/passwd", "2026-03-01T00:00:00Z", ""),
        ("Europe", "2026-03-01T00:00:00Z", ""),
        ("Pacific/Kiritimati", "9999-12-31T23:00:00Z", ""),
        ("America/New_York", "0001-01-01T00:00:00Z", ""),  # a year before the first
    ],
)
def test_local_times_tell_their_distance_from_utc(zone: str, moment: str, text: str, tmp_path: Path) -> None:
    path, _ = written(tmp_path, [booked(starts_at=datetime.fromisoformat(moment), time_zone=zone)])
    (row,) = read(path)
    assert row["start_local"] == text


# --- what partners may leave out or invent -------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["CSV", "XLSX"])
@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"total_cost": None, "cdr_token": None, "cdr_location": None, "tariffs": None},
        {"total_cost": {"before_taxes": True, "taxes": None}, "total_time": "1.5", "cdr_token": {"uid": 7}},
        {"tariffs": [{}], "total_energy_cost": {}, "remark": 5, "id": None, "currency": None},
    ],
)
def test_a_document_that_lacks_everything_is_written_all_the_same(
    tree: dict[str, Any], form: str, tmp_path: Path
) -> None:
    path, _ = written(tmp_path, [booked(tree)], format=form)
    assert path.stat().st_size


@pytest.mark.parametrize(
    ("uid", "shown"),
    [("04A1B2C3D4E5F6", "**********E5F6"), ("ABC", "**C"), ("AB", "**"), ("", ""), ("ABCDEF", "****EF")],
)
def test_a_tokens_number_is_hidden_but_for_its_end(uid: str, shown: str) -> None:
    assert masked(uid) == shown


# --- formulas ----------------------------------------------------------------------------------------------------------


def hostile(text: str) -> Booked:
    """In every text of the document that a column shows, and in what the books keep as text."""
    place = dict.fromkeys((*document()["cdr_location"], "name"), text)
    tree = document(
        id=text, session_id=text, credit_reference_id=text, authorization_reference=text, invoice_reference_id=text,
        auth_method=text, meter_id=text, currency=text, remark=text, cdr_location=place,
        cdr_token={"uid": text, "type": text, "contract_id": text}, tariffs=[{"id": text}, {"id": text}],
        total_cost={"before_taxes": 1, "taxes": [{"name": text, "amount": 1}] * 5},
    )  # fmt: skip
    told = {"partner": (text, text), "cpo": text, "emsp": text, "verdict": text, "reasons": [text, text]}
    return booked(tree, decided_by=text, **told)


def test_the_corpus_is_run_by_a_file_that_does_not_guard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Else the tests below would be green for no reason."""
    monkeypatch.setattr("backoffice.billing.actions.writing.text.inert", lambda value: value)
    path, _ = written(tmp_path, [hostile(text) for text in CORPUS])
    assert len(active(path.read_bytes().decode())) > 30 * len(CORPUS)


@pytest.mark.parametrize("mark", ["POINT", "COMMA"])
@pytest.mark.parametrize("delimiter", ["COMMA", "SEMICOLON", "TAB", "PIPE"])
@pytest.mark.parametrize("encoding", ["UTF_8", "WINDOWS_1252"])
def test_no_text_is_run_in_csv(delimiter: str, encoding: str, mark: str, tmp_path: Path) -> None:
    """Also where a program reads the file with another delimiter than it was written with."""
    assert len(CORPUS) >= 40
    path, _ = written(
        tmp_path, [hostile(text) for text in CORPUS], delimiter=delimiter, encoding=encoding, decimal_mark=mark
    )
    codec = "utf-8" if encoding == "UTF_8" else "cp1252"
    assert active(path.read_bytes().decode(codec)) == []


def test_a_harmless_text_is_written_as_it_is() -> None:
    for text in (
        "Storgatan 1",
        "SE*ELV*E1",
        "a-b",
        "a, b; c",
        "x=1",
        "info@example.org",
        "50 % + 1",
        "Ä-Straße",
        "'quoted'",
    ):
        assert inert(text) == text


def test_a_row_stays_one_line(tmp_path: Path) -> None:
    path, _ = written(tmp_path, [hostile("a\r\nb\x0b\x85\u2028c\x00d")])
    assert path.read_bytes().count(b"\n") == 2
    assert read(path)[0]["remark"] == "a  b   c d"


def cells(path: Path, sheet: int = 1) -> list[list[Any]]:
    """The cells of a sheet as any reader of the format finds them: (kind, value) or None."""
    with zipfile.ZipFile(path) as archive:
        root = ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{sheet}.xml"))  # noqa: S314 - our own file
    found = []
    for row in root.iter(f"{SHEET}row"):
        line: dict[int, Any] = {}
        for cell in row.iter(f"{SHEET}c"):
            letters = re.match("[A-Z]+", cell.attrib["r"])
            assert letters
            place = 0
            for letter in letters[0]:
                place = place * 26 + ord(letter) - 64
            kind = cell.attrib.get("t", "n")
            value = "".join(cell.itertext())
            line[place - 1] = (kind, value)
        found.append([line.get(place) for place in range(max(line) + 1)])
    return found


def unescaped(value: str) -> str:
    return re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), value)


def test_no_text_is_run_in_a_workbook(tmp_path: Path) -> None:
    path, _ = written(tmp_path, [hostile(text) for text in CORPUS], format="XLSX")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        for name in names:
            content = archive.read(name)
            assert b"<f>" not in content and b"<f " not in content, name
            assert b"hyperlink" not in content, name
            ElementTree.fromstring(content)  # noqa: S314 - our own file; it must be well-formed
    assert not [name for name in names if "externalLink" in name or "vba" in name or "connections" in name]
    remark = HEADER.index("remark")
    shown = [row[remark] for row in cells(path)[1:]]
    for text, cell in zip(CORPUS, shown, strict=True):
        expected = f"'{text}" if text.startswith("<r>") else text
        assert cell[0] == "inlineStr"
        assert unescaped(cell[1]) == expected


# --- workbooks ----------------------------------------------------------------------------------------------------------


def test_a_workbook_has_typed_cells_a_frozen_header_and_two_sheets_of_sums(tmp_path: Path) -> None:
    other = document(currency="SEK", total_cost={"before_taxes": 100})
    path, _ = written(tmp_path, [booked(), booked(), booked(other)], format="XLSX")
    header, first, *_ = cells(path)
    assert [cell[1] for cell in header] == list(HEADER)
    row = dict(zip(HEADER, first, strict=False))
    assert row["credit"] == ("b", "0")
    assert row["row_no"] == ("n", "1")
    assert row["total_net"] == ("n", "9.00")
    assert row["contract_id"][0] == "inlineStr"
    assert row["start_utc"] == ("n", "46082.33333333334")
    assert row["agreement_no"] is None
    with zipfile.ZipFile(path) as archive:
        assert b'state="frozen"' in archive.read("xl/worksheets/sheet1.xml")
        assert re.findall(rb'<sheet name="([^"]+)"', archive.read("xl/workbook.xml")) == [b"CDRs", b"Totals", b"Taxes"]
    assert [[cell and cell[1] for cell in row] for row in cells(path, 2)][1:] == [
        ["payable", "SE-ELV", "EUR", "2", "40", "18.00", "4.50", "22.50", "0"],
        ["payable", "SE-ELV", "SEK", "1", "20", "100", "0", "100", "1"],
    ]
    assert [[cell and cell[1] for cell in row] for row in cells(path, 3)][1:] == [
        ["payable", "SWE", "EUR", "VAT", "25", "2", "18.00", "4.50"]
    ]


def test_more_rows_than_a_sheet_takes_go_on_in_the_next(tmp_path: Path) -> None:
    path = tmp_path / "made"
    writer = WorkbookWriter(path, rows_of_a_sheet=3)
    writer.write([Line(booked(), row) for row in range(1, 8)])
    assert writer.close(Totals()) == ["The rows are on 3 sheets."]
    assert [len(cells(path, sheet)) for sheet in (1, 2, 3)] == [4, 4, 2]


# --- encodings -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "codec", "begins"),
    [
        ("UTF_8", "utf-8", b"export"),
        ("UTF_8_MARK", "utf-8-sig", b"\xef\xbb\xbfexport"),
        ("WINDOWS_1252", "cp1252", b"e"),
    ],
)
def test_a_file_is_written_in_its_encoding(encoding: str, codec: str, begins: bytes, tmp_path: Path) -> None:
    path, notes = written(tmp_path, [booked(document(remark="Größe 5 €"))], encoding=encoding)
    assert path.read_bytes().startswith(begins)
    assert read(path, encoding=codec)[0]["remark"] == "Größe 5 €"
    assert notes == []


def test_letters_that_an_encoding_lacks_are_counted(tmp_path: Path) -> None:
    path, notes = written(tmp_path, [booked(document(remark="Łódź?"))], encoding="WINDOWS_1252")
    assert read(path, encoding="cp1252")[0]["remark"] == "?ód??"
    assert notes == ["2 letters that cp1252 lacks became “?”."]


def test_marks_of_a_continental_spreadsheet(tmp_path: Path) -> None:
    path, _ = written(tmp_path, [booked()], delimiter="SEMICOLON", decimal_mark="COMMA")
    (row,) = read(path, delimiter=";")
    assert (row["total_net"], row["duration_h"], row["row_no"]) == ("9,00", "1,5", "1")


def test_a_column_without_a_fact_is_empty_and_said_to_be_so() -> None:
    unknown = [column.name for column in COLUMNS if column.of is None]
    assert unknown == ["agreement_no", "invoice_no", "meter_start", "meter_stop"]
    assert all(column.means.startswith("Not known yet") for column in COLUMNS if column.of is None)
    assert {column.kind for column in COLUMNS} == set(Kind)
