"""How the pages of CDRs show amounts, volumes, differences and reasons. Amounts are rounded here and nowhere before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.utils.html import format_html, format_html_join

from backoffice.cdrs.rules.plausibility import hours
from backoffice.console.cells import NOTHING, lasting, word
from backoffice.tariffs.rules.exact import decimal, exponent

register = template.Library()


@register.filter
def number(value: Any, places: int = 2) -> str:
    return NOTHING if value is None else f"{decimal(Fraction(value), places):f}"


@register.filter
def money(value: Decimal | None, currency: str) -> str:
    return NOTHING if value is None else f"{decimal(Fraction(value), exponent(currency)):f} {currency}"


@register.filter
def reason(code: str) -> str:
    """A reason code as words."""
    return word(code).replace("Evse", "EVSE")


@register.simple_tag
def chips(codes: Sequence[str]) -> str:
    return format_html_join(" ", '<span class="rd-chip">{}</span>', ((reason(code),) for code in codes))


@register.simple_tag
def lasted(cdr: Any) -> str:
    length = cdr.ends_at - cdr.starts_at
    return hours(length) if abs(length) >= timedelta(hours=1) else lasting(length.total_seconds())


@register.simple_tag
def delta(cdr: Any) -> str:
    """What they bill more, and how much that is of what we calculate."""
    if cdr.delta is None:
        return NOTHING
    amount = money(cdr.delta, cdr.currency)
    sign = "+" if cdr.delta > 0 else ""
    if not cdr.our_excl or not cdr.delta:
        return f"{sign}{amount}"
    share = decimal(Fraction(cdr.delta) / abs(Fraction(cdr.our_excl)) * 100, 1)
    return format_html('{}{}<br><span class="rd-quiet">{}{} %</span>', sign, amount, sign, f"{share:f}")


@register.simple_tag
def tax(cdr: Any) -> str:
    return NOTHING if cdr.total_incl is None else money(cdr.total_incl - cdr.total_excl, cdr.currency)


@register.simple_tag
def localtimes(cdr: Any, zone: str) -> str:
    there = ZoneInfo(zone)
    if not 1970 <= cdr.starts_at.year <= cdr.ends_at.year < 9999:
        return zone
    return f"{cdr.starts_at.astimezone(there):%H:%M} – {cdr.ends_at.astimezone(there):%H:%M} {zone}"
