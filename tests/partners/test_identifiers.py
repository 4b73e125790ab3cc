"""What version details call a module, and what it is."""

import pytest

from backoffice.partners.rules import module_named


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Booking", "bookings"),
        ("BOOKING", "bookings"),
        ("bookings", "bookings"),
        ("cdrs", "cdrs"),
        ("nltnm-x", "nltnm-x"),
    ],
)
def test_the_chapter_calls_bookings_otherwise_than_its_urls(said: str, meant: str) -> None:
    assert module_named(said) == meant
