"""Tariffs and charging periods in few words, for tests of the engine."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from backoffice.tariffs.rules import Breakdown, price
from backoffice.tariffs.rules.exact import text
from ocpi.wire.cdrs import ChargingPeriod
from ocpi.wire.json import encode, parse, validate
from ocpi.wire.tariffs import Tariff

BERLIN = ZoneInfo("Europe/Berlin")


def exact(tree: Any) -> Any:
    """Floats of a test as the decimals they are written as."""
    return parse(encode(tree))


def component(kind: str, amount: Any, step: int = 1, vat: Any = None) -> dict[str, Any]:
    found = {"type": kind, "price": amount, "step_size": step}
    return found if vat is None else {**found, "vat": vat}


def element(*components: dict[str, Any], **restrictions: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"price_components": list(components)}
    return {**found, "restrictions": restrictions} if restrictions else found


def tariff(*elements: dict[str, Any], tax_included: str = "N/A", **more: Any) -> Tariff:
    tree = {
        "country_code": "DE",
        "party_id": "ALL",
        "id": "T1",
        "currency": "EUR",
        "elements": list(elements),
        "tax_included": tax_included,
        "last_updated": "2025-01-01T00:00:00Z",
        **more,
    }
    return validate(Tariff, exact(tree))


def at(moment: str) -> datetime:
    """2025-01-13 is a Monday; without a date, that day. UTC."""
    return datetime.fromisoformat(moment if "-" in moment else f"2025-01-13T{moment}").replace(tzinfo=UTC)


def period(start: str, tariff_id: str | None = None, **volumes: Any) -> ChargingPeriod:
    tree: dict[str, Any] = {
        "start_date_time": at(start),
        "dimensions": [{"type": name, "volume": volume} for name, volume in volumes.items()],
    }
    if tariff_id is not None:
        tree["tariff_id"] = tariff_id
    return validate(ChargingPeriod, exact(tree))


def priced(tariffs: Tariff | list[Tariff], *periods: ChargingPeriod, end: str | None = None, **more: Any) -> Breakdown:
    """In Berlin unless told otherwise."""
    several = tariffs if isinstance(tariffs, list) else [tariffs]
    return price(several, periods, more.pop("zone", BERLIN), end=at(end) if end else None, **more)


def amount(breakdown: Breakdown, category: str = "total") -> tuple[str | None, str | None]:
    """Before and after taxes, four places."""
    cost = breakdown.total if category == "total" else breakdown.costs[category]
    return (
        None if cost.net is None else text(cost.net, cost.unit),
        None if cost.gross is None else text(cost.gross, cost.unit),
    )
