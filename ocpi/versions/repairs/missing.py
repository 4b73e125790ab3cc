"""Required fields that partners leave out, where the connection or the rest of the object tells what they would say."""

from typing import Any

from ocpi.versions.countries import TIME_ZONES
from ocpi.versions.repairs.repair import ObjectRepair
from ocpi.versions.version import Context, Node
from ocpi.wire.base import Wire, date_time_text
from ocpi.wire.bookings import Booking, BookingLocation
from ocpi.wire.cdrs import CDR, CdrLocation
from ocpi.wire.locations import EVSE, Location
from ocpi.wire.sessions import Session
from ocpi.wire.tariffs import Tariff
from ocpi.wire.tokens import Token

NO_CURRENCY = "XXX"
"""ISO 4217 for amounts in no currency; staff see that it is missing, and amounts stay what they are."""

EVSE_UID_LENGTH = 36

OWNED = frozenset({Location, Tariff, Token, Session, CDR, BookingLocation, Booking})
_OWNER = ("country_code", "party_id")
_CHILDREN: dict[type[Wire], str] = {Location: "evses", EVSE: "connectors"}


def _lacks_owner(node: Node, cls: type[Wire], context: Context) -> bool:
    return cls in OWNED and context.owner is not None and any(node.get(name) is None for name in _OWNER)


def _with_owner(node: Node, cls: type[Wire], context: Context) -> Node:
    given = dict(zip(_OWNER, context.owner or (), strict=True))
    return {**given, **{name: value for name, value in node.items() if name not in given or value is not None}}


def _lacks_last_updated(node: Node, cls: type[Wire], context: Context) -> bool:
    if node.get("last_updated") is None:
        return context.now is not None
    return any(_is_undated(child) for child in _children(node, cls))


def _with_last_updated(node: Node, cls: type[Wire], context: Context) -> Node:
    """Inside a Location, the date of the object around it; else that of the exchange."""
    dated = node.get("last_updated") or date_time_text(context.now) if context.now else node["last_updated"]
    result = {**node, "last_updated": dated}
    if any(_is_undated(child) for child in _children(node, cls)):
        result[_CHILDREN[cls]] = [
            {**child, "last_updated": dated} if _is_undated(child) else child for child in _children(node, cls)
        ]
    return result


def _children(node: Node, cls: type[Wire]) -> list[Any]:
    children = node.get(_CHILDREN.get(cls, ""))
    return children if type(children) is list else []


def _is_undated(child: Any) -> bool:
    return type(child) is dict and child.get("last_updated") is None


def _lacks_evse_uid(node: Node) -> bool:
    """An EVSE id may be longer than a uid: then there is nothing to say."""
    evse_id = node.get("evse_id")
    return node.get("evse_uid") is None and type(evse_id) is str and 0 < len(evse_id) <= EVSE_UID_LENGTH


def _currency(context: Context) -> str:
    """That of the CDR which comes with the tariff."""
    known = context.known.get("currency")
    return known if type(known) is str else NO_CURRENCY


def _zone(node: Node, context: Context) -> str | None:
    country = node.get("country")
    return context.time_zone or (TIME_ZONES.get(country.upper()) if type(country) is str else None)


REPAIRS: tuple[ObjectRepair, ...] = (
    ObjectRepair(
        "accept_missing_owner",
        None,
        applies=_lacks_owner,
        fix=_with_owner,
        sentence="An object without country_code and party_id belongs to the party of the connection or import.",
        fills=_OWNER,
    ),
    ObjectRepair(
        "accept_missing_last_updated",
        None,
        applies=_lacks_last_updated,
        fix=_with_last_updated,
        sentence="An object without last_updated has that of the object around it, else the time it came.",
        fills=("last_updated",),
    ),
    ObjectRepair(
        "accept_missing_publish",
        Location,
        applies=lambda node, cls, context: node.get("publish") is None,
        fix=lambda node, cls, context: {**node, "publish": True},
        sentence="A Location that does not say whether it may be published may be.",
        fills=("publish",),
    ),
    ObjectRepair(
        "accept_missing_time_zone",
        Location,
        applies=lambda node, cls, context: node.get("time_zone") is None and _zone(node, context) is not None,
        fix=lambda node, cls, context: {**node, "time_zone": _zone(node, context)},
        sentence="A Location without time_zone is in that of the connection, else of its country.",
        fills=("time_zone",),
    ),
    ObjectRepair(
        "accept_missing_tax_included",
        Tariff,
        applies=lambda node, cls, context: node.get("tax_included") is None,
        fix=lambda node, cls, context: {**node, "tax_included": "NO"},
        sentence="A Tariff that does not say whether prices include taxes has prices without, as before 2.3.0.",
        fills=("tax_included",),
    ),
    ObjectRepair(
        "accept_missing_currency",
        Tariff,
        applies=lambda node, cls, context: node.get("currency") is None,
        fix=lambda node, cls, context: {**node, "currency": _currency(context)},
        sentence="A Tariff without currency is in that of the CDR it comes with, else in none (XXX).",
        fills=("currency",),
    ),
    ObjectRepair(
        "accept_missing_evse_uid",
        CdrLocation,
        applies=lambda node, cls, context: _lacks_evse_uid(node),
        fix=lambda node, cls, context: {**node, "evse_uid": node["evse_id"]},
        sentence="A CDR that names no evse_uid has its evse_id there, which the specification names as a possible one.",
        fills=("evse_uid",),
    ),
)
