"""What a publication changes, field by field, in words with units. Pure: two trees in, lines out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from backoffice.tariffs.admin.pane.asked import NAMED
from backoffice.tariffs.admin.words import PER, WORDS, in_words, step_in_words
from backoffice.tariffs.rules.exact import plain
from ocpi.wire import json as wire_json

Tree = dict[str, Any]

UNTOLD = frozenset({"country_code", "party_id", "last_updated"})
LABELS = {
    "id": "Id",
    "currency": "Currency",
    "type": "Type",
    "tax_included": "Taxes included in prices",
    "start_date_time": "Valid from",
    "end_date_time": "Valid until",
    "min_price": "At least",
    "max_price": "At most",
    "preauthorize_amount": "Reserved on the card",
    "tariff_alt_url": "Web page",
    "energy_mix": "Energy mix",
}
NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Change:
    """`old` and `new`: as people read them; a dash where there is nothing."""

    what: str
    old: str
    new: str


def differences(old: Tree | None, new: Tree, zone: ZoneInfo) -> list[Change]:
    """Nothing changed: an empty list. `old` None: all of the new one."""
    before, after = _told(old or {}, zone), _told(new, zone)
    names = [*before, *(name for name in after if name not in before)]
    return [
        Change(name, before.get(name, NOTHING), after.get(name, NOTHING))
        for name in names
        if before.get(name) != after.get(name)
    ]


def _told(tree: Tree, zone: ZoneInfo) -> dict[str, str]:
    """Each fact of a tariff under a name that is the same in both."""
    currency = str(tree.get("currency") or "")
    found: dict[str, str] = {}
    for name, value in tree.items():
        if name in UNTOLD or value in (None, []):
            continue
        if name == "elements" and isinstance(value, list):
            for index, element in enumerate(value):
                found |= _element(f"Element {index + 1}", element, currency)
        elif name == "tariff_alt_text" and isinstance(value, list):
            found |= {f"Text, {code}": text for code, text in _texts(value)}
        elif name in ("min_price", "max_price") and isinstance(value, dict):
            found[LABELS[name]] = _limit(value, currency)
        elif name in ("start_date_time", "end_date_time"):
            found[LABELS[name]] = _moment(value, zone)
        elif name == "preauthorize_amount":
            found[LABELS[name]] = f"{currency} {_money(value)}"
        else:
            found[LABELS.get(name, name)] = _plain(value)
    return found


def _element(name: str, element: Any, currency: str) -> dict[str, str]:
    if not isinstance(element, dict):
        return {name: _plain(element)}
    stated = element.get("restrictions")
    found = {f"{name}, holds": in_words(stated if isinstance(stated, dict) else {})}
    counted: dict[str, int] = {}
    components = element.get("price_components")
    for component in components if isinstance(components, list) else ():
        kind = str(component.get("type") or "no type") if isinstance(component, dict) else "no type"
        counted[kind] = counted.get(kind, 0) + 1
        label = WORDS.get(kind, kind)
        again = f" ({counted[kind]})" if counted[kind] > 1 else ""
        found[f"{name}, {label}{again}"] = _component(component, kind, currency)
    for key, value in element.items():
        if key not in ("price_components", "restrictions"):
            found[f"{name}, {key}"] = _plain(value)
    return found


def _component(component: Any, kind: str, currency: str) -> str:
    if not isinstance(component, dict):
        return _plain(component)
    told = f"{currency} {_money(component.get('price'))} {PER.get(kind, '')}".strip()
    vat = component.get("vat")
    told += f", VAT {_plain(vat)} %" if vat is not None else ", no VAT named"
    step = step_in_words(kind, component.get("step_size"))
    return told + (f", {step}" if step and kind != "FLAT" and component.get("step_size") != 1 else "")


def _limit(value: Mapping[str, Any], currency: str) -> str:
    told = [
        f"{currency} {_money(value[name])} {words}"
        for name, words in (("before_taxes", "before taxes"), ("after_taxes", "with taxes"))
        if value.get(name) is not None
    ]
    return ", ".join(told) or NOTHING


def _texts(entries: Sequence[Any]) -> Iterator[tuple[str, str]]:
    for each in entries:
        if isinstance(each, dict):
            code = str(each.get("language"))
            yield NAMED.get(code, code), str(each.get("text"))


def _moment(value: Any, zone: ZoneInfo) -> str:
    try:
        moment = datetime.fromisoformat(str(value))
        local = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(zone)
    except (ValueError, OverflowError):
        return str(value)
    return f"{local:%d %b %Y %H:%M} {zone.key}"


def _money(value: Any) -> str:
    """At least two decimals where there are any, as prices are written."""
    whole, point, decimals = _plain(value).partition(".")
    return f"{whole}{point}{decimals.ljust(2, '0')}" if point else whole


def _plain(value: Any) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, (dict, list)):
        return wire_json.encode(value).decode()[:300]
    return WORDS.get(str(value), str(value))
