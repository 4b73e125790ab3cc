"""Sessions and CDRs of 2.1.1 against 2.2.1: they embed the whole Location and name a contract instead of a Token.

Up, the ids (Session) or the facts that a bill needs (CDR) are taken out of the Location. Down, a Session needs the
Location from `Context.find`; a CDR is complete by itself, and takes only what it does not hold (voltage, amperage)
from there.
"""

from typing import Any

from ocpi.versions.fields import Field, Kind
from ocpi.versions.v2_1_1.locations import CONNECTOR_TYPES, NOT_AVAILABLE, POWER_TYPES
from ocpi.versions.version import (
    WHOLE,
    Change,
    Context,
    Node,
    Untranslatable,
    added,
    listed,
    owned,
    renamed,
    required_narrowed,
    without,
)
from ocpi.wire.base import Wire
from ocpi.wire.cdrs import CDR, CdrDimension, ChargingPeriod
from ocpi.wire.locations import Location
from ocpi.wire.sessions import Session

AUTH_METHODS = listed("AUTH_REQUEST WHITELIST")
STATUSES = listed("ACTIVE COMPLETED INVALID PENDING")
DIMENSIONS = listed("ENERGY FLAT MAX_CURRENT MIN_CURRENT PARKING_TIME TIME")

_FEWER = "2.1.1 lists fewer values"
_TOKEN_PATHS = {"cdr_token.contract_id": "auth_id", "cdr_token": "auth_id"}
_LOCATION = Field(Kind.OBJECT, required=True, wire=Location)
_AUTH_ID = Field(Kind.CI_STRING, required=True, length=36)
_DATE_TIME = Field(Kind.DATE_TIME, required=True)


def _cdr_token(node: Node, context: Context) -> Node:
    """The Token is found by its contract; unknown, the contract stands for it, with the codes of the party we speak
    for.
    """
    auth_id = node.get("auth_id")
    if "cdr_token" in node or auth_id is None:
        return node
    owner = tuple(context.partner) if context.partner else ()
    token = (context.find("tokens", (*owner, auth_id)) if owner and type(auth_id) is str else None) or {}
    country_code, party_id = owner or (None, None)
    cdr_token = {
        "country_code": token.get("country_code", country_code),
        "party_id": token.get("party_id", party_id),
        "uid": token.get("uid", auth_id),
        "type": token.get("type", "OTHER"),
        "contract_id": auth_id,
    }
    return {
        **without(node, "auth_id"),
        "cdr_token": {name: value for name, value in cdr_token.items() if value is not None},
    }


def _auth_id(node: Node, context: Context) -> Node:
    token = node.get("cdr_token")
    if "cdr_token" not in node:
        return node
    contract = token.get("contract_id") if type(token) is dict else None
    older = without(node, "cdr_token")
    return older if contract is None else {**older, "auth_id": contract}


def _parts(location: Any) -> tuple[Node, Node, Node]:
    """The Location, its first EVSE and that one's first Connector; empty where there is none."""
    place = location if type(location) is dict else {}
    evse = _first(place.get("evses"))
    return place, evse, _first(evse.get("connectors"))


def _first(entries: Any) -> Node:
    return entries[0] if type(entries) is list and entries and type(entries[0]) is dict else {}


def _references(node: Node, context: Context) -> Node:
    if "location" not in node or "location_id" in node:
        return node
    place, evse, connector = _parts(node["location"])
    ids = {"location_id": place.get("id"), "evse_uid": evse.get("uid"), "connector_id": connector.get("id")}
    return {**without(node, "location"), **{name: value for name, value in ids.items() if value is not None}}


def _embedded(node: Node, context: Context) -> Node:
    ids = [node.get(name) for name in ("location_id", "evse_uid", "connector_id")]
    location = _known_location(context, node, ids[0])
    if location is None:
        raise Untranslatable("2.1.1 Sessions embed their Location, which is not known")
    return {**without(node, "location_id", "evse_uid", "connector_id"), "location": _trimmed(location, ids[1], ids[2])}


def _known_location(context: Context, node: Node, location_id: Any) -> Node | None:
    """The Location of the object's owner, already in 2.1.1 form."""
    owner = node.get("country_code"), node.get("party_id")
    if context.render is None or not all(type(part) is str for part in (*owner, location_id)):
        return None
    found = context.find("locations", (str(owner[0]), str(owner[1]), location_id))
    try:
        return context.render(Location, found) if found is not None else None
    except Untranslatable:
        return None


def _trimmed(location: Node, evse_uid: Any, connector_id: Any) -> Node:
    """Only the relevant EVSE and Connector."""
    evses = [
        {**evse, "connectors": [each for each in evse.get("connectors") or [] if _has(each, "id", connector_id)]}
        for evse in location.get("evses") or []
        if _has(evse, "uid", evse_uid)
    ]
    return {**location, "evses": evses}


def _has(node: Any, name: str, key: Any) -> bool:
    return type(node) is dict and str(node.get(name)).lower() == str(key).lower()


_OF_LOCATION = ("id", "name", "address", "city", "postal_code", "country", "coordinates")
_OF_CONNECTOR = (
    ("connector_id", "id"),
    ("connector_standard", "standard"),
    ("connector_format", "format"),
    ("connector_power_type", "power_type"),
)


def _cdr_location(node: Node, context: Context) -> Node:
    if "location" not in node or "cdr_location" in node:
        return node
    place, evse, connector = _parts(node["location"])
    taken = {name: place[name] for name in _OF_LOCATION if name in place}
    if taken.get("postal_code") == NOT_AVAILABLE:
        del taken["postal_code"]
    if evse:
        taken |= {"evse_uid": evse.get("uid"), "evse_id": evse.get("evse_id") or NOT_AVAILABLE}
    taken |= {newer: connector[older] for newer, older in _OF_CONNECTOR if older in connector}
    return {**without(node, "location"), "cdr_location": taken}


def _location_of_cdr(node: Node, context: Context) -> Node:
    cdr_location = node.get("cdr_location")
    if type(cdr_location) is not dict:
        return node
    known = _known_location(context, node, cdr_location.get("id"))
    trimmed = _trimmed(known or {}, cdr_location.get("evse_uid"), cdr_location.get("connector_id"))
    place, evse, connector = _parts(trimmed)
    since = node.get("start_date_time")
    older_connector = {
        **{older: cdr_location[newer] for newer, older in _OF_CONNECTOR if newer in cdr_location},
        "voltage": connector.get("voltage", 0),
        "amperage": connector.get("amperage", 0),
        "last_updated": connector.get("last_updated", since),
    }
    if not _is_one_of(older_connector.get("standard"), CONNECTOR_TYPES):
        older_connector["standard"] = (
            "IEC_62196_T2_COMBO" if older_connector.get("power_type") == "DC" else "IEC_62196_T2"
        )
    if not _is_one_of(older_connector.get("power_type"), POWER_TYPES):
        older_connector["power_type"] = "AC_1_PHASE"
    older_evse = {
        "uid": cdr_location.get("evse_uid"),
        "evse_id": cdr_location.get("evse_id"),
        "status": "UNKNOWN",
        "connectors": [older_connector],
        "last_updated": evse.get("last_updated", since),
    }
    if older_evse["evse_id"] in (None, NOT_AVAILABLE):
        del older_evse["evse_id"]
    older = {
        "type": place.get("type", "UNKNOWN"),
        "postal_code": NOT_AVAILABLE,
        **{name: cdr_location[name] for name in _OF_LOCATION if cdr_location.get(name) is not None},
        "evses": [older_evse],
        "last_updated": place.get("last_updated", since),
    }
    return {**without(node, "cdr_location"), "location": older}


def _is_one_of(value: Any, known: frozenset[str]) -> bool:
    return type(value) is str and value in known


def _no_credit(node: Node, context: Context) -> Node:
    if node.get("credit") is True:
        raise Untranslatable("2.1.1 has no Credit CDRs")
    return node


def _of_contract(cls: type[Wire]) -> Change:
    return Change(
        cls,
        f"{cls.__name__}.auth_id became cdr_token",
        up=_cdr_token,
        down=_auth_id,
        paths=_TOKEN_PATHS,
        newer=("cdr_token",),
        older={"auth_id": _AUTH_ID},
        loses={"cdr_token": "2.1.1 names the contract only"},
    )


def _flat_as_time(node: Node, context: Context) -> Node:
    return {**node, "type": "TIME", "volume": 0} if node.get("type") == "FLAT" else node


def _dimension(node: Node, context: Context) -> Node:
    kind = node.get("type")
    if kind == "RESERVATION_TIME":
        return {**node, "type": "PARKING_TIME"}
    if type(kind) is str and kind not in DIMENSIONS:
        raise Untranslatable("2.1.1 has no such dimension")
    return node


CHANGES = (
    renamed(Session, "start_date_time", "start_datetime", _DATE_TIME),
    renamed(Session, "end_date_time", "end_datetime", Field(Kind.DATE_TIME)),
    Change(
        Session,
        "Session.location became location_id, evse_uid and connector_id",
        up=_references,
        down=_embedded,
        paths={
            "location_id": "location.id",
            "evse_uid": "location.evses.0.uid",
            "connector_id": "location.evses.0.connectors.0.id",
        },
        newer=("location_id", "evse_uid", "connector_id"),
        older={"location": _LOCATION},
        loses={WHOLE: "2.1.1 embeds the Location: one that we do not know cannot be sent"},
        assumes={"location": "as we know the Location"},
    ),
    _of_contract(Session),
    added(Session, "authorization_reference", "2.1.1 has no references"),
    required_narrowed(Session, "auth_method", AUTH_METHODS, _FEWER, instead="AUTH_REQUEST"),
    required_narrowed(Session, "status", STATUSES, _FEWER, instead="PENDING"),
    owned(Session),
    Change(
        CDR,
        "CDR.credit added",
        down=_no_credit,
        loses={WHOLE: "2.1.1 has no Credit CDRs"},
    ),
    *(
        added(CDR, name, "2.1.1 has no such field")
        for name in (
            "credit",
            "credit_reference_id",
            "session_id",
            "authorization_reference",
            "signed_data",
            "total_fixed_cost",
            "total_energy_cost",
            "total_time_cost",
            "total_parking_cost",
            "total_reservation_cost",
            "invoice_reference_id",
            "home_charging_compensation",
        )
    ),
    renamed(CDR, "end_date_time", "stop_date_time", _DATE_TIME),
    Change(
        CDR,
        "CDR.location became cdr_location",
        up=_cdr_location,
        down=_location_of_cdr,
        paths={
            "cdr_location.evse_uid": "location.evses.0.uid",
            "cdr_location.evse_id": "location.evses.0.evse_id",
            "cdr_location.connector_id": "location.evses.0.connectors.0.id",
            "cdr_location.connector_standard": "location.evses.0.connectors.0.standard",
            "cdr_location.connector_format": "location.evses.0.connectors.0.format",
            "cdr_location.connector_power_type": "location.evses.0.connectors.0.power_type",
            "cdr_location": "location",
        },
        newer=("cdr_location",),
        older={"location": _LOCATION},
        loses={"cdr_location": "2.1.1 names no state and lists fewer connectors and kinds of power"},
        assumes={"location": "what a bill does not need of the Location: as we know it, else 0 and UNKNOWN"},
    ),
    _of_contract(CDR),
    required_narrowed(CDR, "auth_method", AUTH_METHODS, _FEWER, instead="AUTH_REQUEST"),
    owned(CDR),
    added(ChargingPeriod, "tariff_id", "2.1.1 has one tariff per Connector"),
    Change(
        CdrDimension,
        "CdrDimension.type lists other values",
        up=_flat_as_time,
        down=_dimension,
        loses={"type": "the time of a reservation becomes PARKING_TIME", WHOLE: "2.1.1 lists fewer dimensions"},
        assumes={"type": "FLAT has no amount and becomes TIME 0", "volume": "FLAT has no amount and becomes TIME 0"},
    ),
)
