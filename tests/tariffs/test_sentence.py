"""Tariffs in words."""

import random
from decimal import Decimal
from typing import Any

import pytest

from backoffice.tariffs.rules.sentence import LANGUAGES, alt_texts, phrases, sentence
from tests.tariffs import generated
from tests.tariffs.build import component, element, tariff

IDLE = tariff(
    element(component("ENERGY", Decimal("0.49"), vat=19)),
    element(component("PARKING_TIME", 6, vat=19), min_duration=2700),
    tax_included="YES",
    max_price={"before_taxes": Decimal("33.61"), "after_taxes": 40},
)
COMPLEX = tariff(
    element(component("FLAT", Decimal("2.5"), vat=15)),
    element(component("TIME", 1, 900, vat=20), max_current=32),
    element(component("TIME", 2, vat=20), min_current=32, day_of_week=["MONDAY", "TUESDAY", "WEDNESDAY", "SUNDAY"]),
    element(component("TIME", Decimal("1.25"), vat=20)),
    element(component("PARKING_TIME", 5, vat=10), start_time="09:00", end_time="00:00", start_date="2025-01-01"),
    element(component("PARKING_TIME", 0, vat=10)),
    tax_included="NO",
)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            "en",
            "EUR 0.49 per kWh, plus EUR 0.10 per minute without charging after 45 minutes, at most EUR 40, 19% VAT included",
        ),
        (
            "de",
            (
                "EUR 0,49 pro kWh, zuzüglich EUR 0,10 pro Minute ohne Laden nach 45 Minuten, höchstens EUR 40,"
                " inkl. 19 % MwSt."
            ),
        ),
        (
            "fr",
            "EUR 0,49 par kWh, plus EUR 0,10 par minute sans charge après 45 minutes, au plus EUR 40, TVA de 19 % incluse",
        ),
        (
            "nl",
            "EUR 0,49 per kWh, plus EUR 0,10 per minuut zonder laden na 45 minuten, hoogstens EUR 40, inclusief 19% btw",
        ),
    ],
)
def test_one_sentence(language: str, expected: str) -> None:
    assert sentence(IDLE, language) == expected


def test_a_complex_tariff_is_a_list() -> None:
    assert phrases(COMPLEX)[0] == [
        (
            "EUR 1 per hour of charging (in steps of 15 minutes) below 32 A; EUR 2 per hour of charging Monday to Wednesday"
            " and Sunday at 32 A or more; otherwise EUR 1.25 per hour of charging"
        ),
        "EUR 5 per hour without charging from 09:00 to 24:00 from 2025-01-01; otherwise time without charging free",
        "EUR 2.50 per session",
    ]
    assert sentence(COMPLEX).endswith("EUR 2.50 per session. Plus VAT.")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"tax_included": "N/A"}, "EUR 1 per kWh, no VAT"),
        ({"tax_included": "NO"}, "EUR 1 per kWh, plus taxes"),
        ({"tax_included": "YES"}, "EUR 1 per kWh, taxes included"),
        ({"tax_included": "N/A", "min_price": {"before_taxes": 2}}, "EUR 1 per kWh, at least EUR 2, no VAT"),
    ],
)
def test_terms(more: dict[str, Any], expected: str) -> None:
    assert sentence(tariff(element(component("ENERGY", 1)), **more)) == expected


@pytest.mark.parametrize(
    ("restrictions", "expected"),
    [
        ({"min_kwh": 5, "max_kwh": 10}, "EUR 1 per kWh from 5 to 10 kWh, no VAT"),
        ({"max_kwh": Decimal("7.5")}, "EUR 1 per kWh up to 7.5 kWh, no VAT"),
        ({"min_power": 50}, "EUR 1 per kWh at 50 kW or more, no VAT"),
        ({"min_power": 11, "max_power": 50}, "EUR 1 per kWh from 11 to below 50 kW, no VAT"),
        ({"max_duration": 1800}, "EUR 1 per kWh in the first 30 minutes, no VAT"),
        ({"min_duration": 90, "max_duration": 3600}, "EUR 1 per kWh between 90 seconds and 1 hour, no VAT"),
        ({"end_date": "2026-01-01"}, "EUR 1 per kWh before 2026-01-01, no VAT"),
        ({"start_time": "22:00", "end_time": "06:00"}, "EUR 1 per kWh from 22:00 to 06:00, no VAT"),
        ({"day_of_week": ["SATURDAY", "SUNDAY"]}, "EUR 1 per kWh Saturday and Sunday, no VAT"),
    ],
)
def test_restrictions(restrictions: dict[str, Any], expected: str) -> None:
    assert sentence(tariff(element(component("ENERGY", 1), **restrictions))) == expected


def test_reservations_tell_their_outcome() -> None:
    offered = tariff(
        element(component("FLAT", 4), reservation="RESERVATION_EXPIRES"),
        element(component("TIME", 3), reservation="RESERVATION"),
    )
    assert sentence(offered) == (
        "EUR 0.05 per minute of reservation, plus EUR 4 per reservation, if the reservation expires, no VAT"
    )


@pytest.mark.rule("T-340")
def test_free_of_charge() -> None:
    offered = tariff(element(component("FLAT", 0)))
    assert [sentence(offered, code) for code in LANGUAGES] == ["Free of charge", "Kostenlos", "Gratuit", "Gratis"]


def test_prices_that_are_never_charged_are_not_told() -> None:
    """As in a real tariff: the price after four hours stands behind an element that always wins."""
    offered = tariff(
        element(component("ENERGY", Decimal("0.59"))),
        element(component("TIME", 0), end_time="20:00"),
        element(component("TIME", Decimal("4.8")), end_time="20:00", min_duration=14_460),
        element(component("TIME", 0)),
    )
    assert sentence(offered) == "EUR 0.59 per kWh, no VAT"


def test_texts_fill_what_is_empty_and_nothing_else() -> None:
    texts = alt_texts(IDLE)
    assert [text.language for text in texts] == ["en", "de", "fr", "nl"]
    written = tariff(element(component("ENERGY", 1)), tariff_alt_text=[{"language": "en", "text": "Ours"}])
    assert [text.text for text in alt_texts(written)] == ["Ours"]


def test_any_tariff_has_a_sentence_and_texts_that_fit() -> None:
    for number in range(300):
        offered = generated.tariff(random.Random(f"sentence/{number}"))
        for code in LANGUAGES:
            text = sentence(offered, code)
            assert text
            assert "{" not in text
        for filled in alt_texts(offered):
            type(filled).model_validate(filled.model_dump())
