"""Captures, CDRs and invoices: every cent is in one line, and a line is tied, written off, or somebody's work."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice.payments.rules.tie import SENTENCES, SETTLED, Book, Decided, Entry, Finding, local_day, sums, tie

DAY = date(2026, 11, 26)
C, B, I = Book.CAPTURES, Book.CDRS, Book.INVOICES  # noqa: E741 - the third book


def entry(book: Book, units: int, reference: str = "R1", *, currency: str = "EUR", day: date = DAY) -> Entry:
    return Entry(book=book, reference=reference, units=units, currency=currency, day=day, terminal="T1")


def test_what_each_line_comes_to() -> None:
    for entries, decided, finding, risk in (
        ([entry(C, 500), entry(B, 500), entry(I, 500)], None, Finding.TIED, 0),
        ([entry(C, 500), entry(B, 500, "r1"), entry(I, 500)], None, Finding.TIED, 0),
        ([entry(B, 0)], None, Finding.TIED, 0),
        ([entry(C, 0)], None, Finding.TIED, 0),
        ([entry(C, 499), entry(B, 500), entry(I, 500)], None, Finding.SHORT, 1),
        ([entry(C, 501), entry(B, 500), entry(I, 500)], None, Finding.OVER, 0),
        ([entry(B, 500), entry(I, 500)], None, Finding.NO_CAPTURE, 500),
        ([entry(C, 0), entry(B, 500), entry(I, 500)], None, Finding.SHORT, 500),
        ([entry(C, 500)], None, Finding.NO_CDR, 0),
        ([entry(I, 500)], None, Finding.NO_CDR, 0),
        ([entry(C, 500), entry(B, 500)], None, Finding.NO_INVOICE, 0),
        ([entry(C, 500), entry(B, 500), entry(I, 501)], None, Finding.INVOICE_DIFFERS, 0),
        ([entry(C, 500), entry(C, 500), entry(B, 500)], None, Finding.TWICE, 0),
        ([entry(C, 500), entry(B, 500, currency="GBP")], None, Finding.CURRENCY, 0),
        ([entry(C, 300), entry(C, 200), entry(B, 500), entry(I, 500)], None, Finding.TIED, 0),  # a part and its rest
        ([entry(C, 300), entry(C, 100), entry(B, 500), entry(I, 500)], None, Finding.SHORT, 100),
        ([entry(C, 500), entry(C, -500), entry(B, 0), entry(I, 500), entry(I, -500)], None, Finding.TIED, 0),
        ([entry(C, 500), entry(B, 0), entry(I, 500), entry(I, -500)], None, Finding.OVER, 0),
        (
            [entry(C, 500), entry(C, -100), entry(B, 400), *(entry(I, n) for n in (500, -500, 400))],
            None,
            Finding.TIED,
            0,
        ),
        ([entry(C, 500), entry(B, 500), entry(I, 500), entry(I, 500)], None, Finding.TWICE, 0),
        ([entry(C, 500), entry(B, 250), entry(B, 250), entry(I, 500)], None, Finding.TWICE, 0),
        ([entry(C, 400), entry(B, 500), entry(I, 500)], 100, Finding.WRITTEN_OFF, 0),
        ([entry(C, 400), entry(B, 500), entry(I, 500)], 99, Finding.SHORT, 100),
    ):
        given_ = [Decided(reference="R1", written_off=decided, reason="goodwill")] if decided else []
        (line,) = tie(entries, given_)
        assert (line.finding, line.at_risk) == (finding, risk), entries
        back = sum(each.units for each in entries if each.book is C) - sum(
            each.units for each in entries if each.book is B
        )
        assert line.to_give_back == (max(back, 0) if finding in (Finding.OVER, Finding.TWICE) else 0)
        assert line.settled is (finding in SETTLED)
    assert set(SENTENCES) == set(Finding)


def test_staff_say_which_cdr_a_capture_is_for() -> None:
    books = [entry(C, 500, "TYPO"), entry(B, 500, "R1"), entry(I, 500, "R1")]
    assert [line.finding for line in tie(books)] == [Finding.NO_CAPTURE, Finding.NO_CDR]
    (line,) = tie(books, [Decided(reference="TYPO", other="R1", reason="The terminal printed it so.")])
    assert (line.finding, line.reference, line.reason) == (Finding.TIED, "R1", "The terminal printed it so.")


books = st.lists(
    st.builds(
        Entry,
        book=st.sampled_from(Book),
        reference=st.sampled_from("ABCDE"),
        units=st.integers(0, 1000),
        currency=st.sampled_from(["EUR", "SEK"]),
        day=st.sampled_from([DAY, date(2026, 11, 25)]),
        terminal=st.sampled_from(["T1", "T2"]),
    ),
    max_size=30,
)


@given(books, st.sampled_from(["", "A", "Z"]))
@settings(max_examples=100, deadline=None)
def test_every_cent_is_in_exactly_one_line_and_one_sum(entries: list[Entry], other: str) -> None:
    decided = [Decided(reference="B", other=other, reason="by hand")]
    lines = tie(entries, decided)
    assert sorted(map(repr, (each for line in lines for each in line.entries))) == sorted(map(repr, entries))
    per = sums(lines)
    for book, told in ((C, "captured"), (B, "billed"), (I, "invoiced")):
        total = sum(each.units for each in entries if each.book is book)
        assert sum(getattr(line, told) or 0 for line in lines) == total
        assert sum(getattr(each, told) for each in per) == total
    assert all(
        line.captured == line.billed == line.invoiced for line in lines if line.finding is Finding.TIED and line.billed
    )
    for each in per:
        assert each.tied is (each.open == 0)


def test_a_day_is_that_of_the_place() -> None:
    """Also those of 23 and 25 hours, and where nobody knows the zone."""
    for moment, zone, day in (
        ("2026-11-26T23:30:00Z", "Europe/Berlin", "2026-11-27"),
        ("2026-11-26T23:30:00Z", "UTC", "2026-11-26"),
        ("2026-11-26T23:30:00Z", "", "2026-11-26"),
        ("2026-11-26T23:30:00Z", "Mars/Base", "2026-11-26"),
        ("2026-11-26T23:30:00Z", "../../etc/passwd", "2026-11-26"),
        ("2026-10-24T21:59:59Z", "Europe/Berlin", "2026-10-24"),
        ("2026-10-24T22:00:00Z", "Europe/Berlin", "2026-10-25"),  # 25 hours
        ("2026-10-25T22:59:59Z", "Europe/Berlin", "2026-10-25"),
        ("2026-10-25T23:00:00Z", "Europe/Berlin", "2026-10-26"),
        ("2026-03-28T23:00:00Z", "Europe/Berlin", "2026-03-29"),  # 23 hours
        ("2026-03-29T21:59:59Z", "Europe/Berlin", "2026-03-29"),
        ("2026-03-29T22:00:00Z", "Europe/Berlin", "2026-03-30"),
        ("2026-11-26T05:30:00Z", "America/New_York", "2026-11-26"),
        ("2026-11-26T04:30:00Z", "America/New_York", "2026-11-25"),
    ):
        assert local_day(datetime.fromisoformat(moment), zone) == date.fromisoformat(day), (moment, zone)


def test_a_day_of_another_zone_is_another_day() -> None:
    lines = tie([entry(C, 1, "A"), replace(entry(C, 2, "B"), zone="Europe/Berlin"), entry(C, 4, "C")])
    assert {(each.zone, each.captured, each.count) for each in sums(lines)} == {("UTC", 5, 2), ("Europe/Berlin", 2, 1)}
