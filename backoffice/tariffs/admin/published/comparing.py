"""Tariffs side by side: what the same sessions cost in each, for a kWh too, and how far apart they are."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.http import urlencode

from backoffice.console.given import number
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.tariffs.admin.pane import examples
from backoffice.tariffs.admin.pane.asked import Asked, zones_of
from backoffice.tariffs.admin.pane.seeing import comparable, remembered, seen_tariffs, typed
from backoffice.tariffs.admin.published.facts import standing_state
from backoffice.tariffs.admin.published.filters import type_in_words
from backoffice.tariffs.models import Tariff
from backoffice.tariffs.rules import CompiledTariff, compile_tariff
from backoffice.tariffs.rules.comparison import Amount, compare
from backoffice.tariffs.rules.exact import exponent, text
from backoffice.tariffs.rules.examples import RESERVING, STANDARD

MOST = 8


@dataclass(frozen=True, slots=True)
class Cell:
    """`share`: how much more (or less) than in the first one, in percent."""

    total: str
    per_kwh: str
    share: str
    cheapest: bool


@dataclass(frozen=True, slots=True)
class Column:
    row: Tariff
    without: str
    """The query of the page without it."""
    first: str
    """The query of the page with it as the first one."""
    standing: str
    kind: str


class ComparePages:
    """Part of TariffAdmin."""

    def compare_urls(self: Any) -> list[URLPattern]:
        return [self.page("compare/", self.compare_view, "compare")]

    def compare_view(self: Any, request: HttpRequest) -> HttpResponse:
        wanted = [pk for text in request.GET.getlist("t") if (pk := number(text)) is not None]
        wanted = list(dict.fromkeys(wanted))[:MOST]
        rows = {row.pk: row for row in seen_tariffs(request).filter(pk__in=wanted)}
        chosen = [rows[pk] for pk in wanted if pk in rows]
        party = chosen[0].party if chosen else None
        asked = self._asked_of(request, party)
        priced, refused = _compiled(chosen, asked)
        sessions = [("", each) for each in STANDARD]
        if any(any(compiled.reservations.values()) for _, compiled in priced):
            sessions += [("", each) for each in RESERVING]
        sessions += examples.of(party) if party is not None else []
        lines = compare([compiled for _, compiled in priced], [each for _, each in sessions], asked.begins, asked.zone)
        keys = [row.pk for row, _ in priced]
        context = {
            "title": "Compare tariffs",
            "crumbs": [("Tariffs", reverse("admin:tariffs_tariff_changelist"))],
            "asked": asked,
            "columns": [_column(row, keys) for row, _ in priced],
            "refused": refused,
            "lines": [
                (
                    line.example.name,
                    [
                        _cell(amount, row.currency, line.differences[index], index in line.cheapest)
                        for index, ((row, _), amount) in enumerate(zip(priced, line.amounts, strict=True))
                    ],
                )
                for line in lines
            ],
            "currencies": sorted({row.currency for row, _ in priced}),
            "others": comparable(request, ours_first=party or _nobody()) if len(chosen) < MOST else [],
            "most": MOST,
        }
        return self.render(request, "console/tariffs/compare.html", context)

    def _asked_of(self: Any, request: HttpRequest, party: Party | None) -> Asked:
        kept = remembered(request, party) if party is not None else {}
        zones = zones_of(party) if party is not None else []
        return Asked.read(kept | request.GET.dict(), zones=zones, now=site.now())


def _nobody() -> Party:
    return Party(pk=0)


def _compiled(rows: list[Tariff], asked: Asked) -> tuple[list[tuple[Tariff, CompiledTariff]], list[Tariff]]:
    """Those that can be priced, and those that cannot."""
    priced, refused = [], []
    for row in rows:
        value = typed(row)
        try:
            if value is None or row.flaw:
                raise ValueError
            priced.append((row, compile_tariff(value, asked.taxes)))
        except (ValueError, ArithmeticError):
            refused.append(row)
    return priced, refused


def _column(row: Tariff, keys: list[int]) -> Column:
    others = [key for key in keys if key != row.pk]
    return Column(
        row,
        urlencode({"t": others}, doseq=True),
        urlencode({"t": [row.pk, *others]}, doseq=True),
        standing_state(row, site.now()),
        type_in_words(row.type),
    )


def _cell(amount: Amount, currency: str, difference: Fraction | None, cheapest: bool) -> Cell:
    if amount.total is None:
        return Cell("unknown", "", "", False)
    places = exponent(currency)
    share = ""
    if difference is not None:
        percent = text(*(abs(difference) * 100).as_integer_ratio(), 1)
        share = f"{'+' if difference > 0 else '−' if difference < 0 else '±'}{percent} %"
    return Cell(
        _money(amount.total, places) + ("" if amount.taxed else " *"),
        _money(amount.per_kwh, places + 1) if amount.per_kwh is not None else "",
        share,
        cheapest,
    )


def _money(value: Fraction, places: int) -> str:
    return text(value.numerator, value.denominator, places)
