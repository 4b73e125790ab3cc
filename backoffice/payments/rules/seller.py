"""Who stands on an invoice: what must be said of a seller before one is written (Directive 2006/112/EC, articles 226, 226b)."""

from __future__ import annotations

import re
from collections.abc import Mapping

NEEDED: Mapping[str, str] = {
    "name": "the company's name as it is registered",
    "address": "street and number",
    "city": "the city",
    "country": "the country",
    "vat_id": "the VAT id",
}

_VAT_ID = re.compile(r"[A-Z]{2,3}[0-9A-Z+*]{2,13}")
"""The letters of the country (three in Switzerland), then digits and some letters: what those of Europe have in common."""

_PREFIX = re.compile(r"[A-Z0-9][A-Z0-9./-]*")


def plain(vat_id: str) -> str:
    """As it is compared: without what people put between."""
    return re.sub(r"[\s.\-]", "", vat_id).upper()


def faults(given: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with it, by field."""
    found = {name: f"Say {what}." for name, what in NEEDED.items() if not given.get(name, "").strip()}
    if "vat_id" not in found and not (_VAT_ID.fullmatch(plain(given["vat_id"])) and re.search(r"\d", given["vat_id"])):
        found["vat_id"] = "A VAT id begins with the letters of its country, as NL001234567B01."
    if "country" not in found and not re.fullmatch(r"[A-Za-z]{2}", given["country"].strip()):
        found["country"] = "Two letters, ISO 3166: NL, DE."
    prefix = given.get("prefix", "").strip().upper()
    if prefix and not _PREFIX.fullmatch(prefix):
        found["prefix"] = "Letters, digits, and . / - between them."
    return found
