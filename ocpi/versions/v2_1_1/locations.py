"""Locations of 2.1.1 against 2.2.1: no owner, one tariff per Connector, a required type, fewer listed values."""

import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from ocpi.versions.countries import TIME_ZONES
from ocpi.versions.fields import Field, Kind
from ocpi.versions.version import (
    Change,
    Context,
    Node,
    added,
    listed,
    move,
    narrowed,
    owned,
    renamed,
    required_narrowed,
    shortened,
    without,
)
from ocpi.wire.base import Wire
from ocpi.wire.locations import (
    EVSE,
    AdditionalGeoLocation,
    Connector,
    EnvironmentalImpact,
    EnvironmentalImpactCategory,
    GeoLocation,
    Hours,
    Location,
)

SAME_TYPES = listed("ON_STREET PARKING_GARAGE UNDERGROUND_GARAGE PARKING_LOT")
FACILITIES = listed("""
    HOTEL RESTAURANT CAFE MALL SUPERMARKET SPORT RECREATION_AREA NATURE MUSEUM BUS_STOP TAXI_STAND TRAIN_STATION AIRPORT
    CARPOOL_PARKING FUEL_STATION WIFI
""")
CAPABILITIES = listed("""
    CHARGING_PROFILE_CAPABLE CREDIT_CARD_PAYABLE REMOTE_START_STOP_CAPABLE RESERVABLE RFID_READER UNLOCK_CAPABLE
""")
CONNECTOR_TYPES = listed("""
    CHADEMO DOMESTIC_A DOMESTIC_B DOMESTIC_C DOMESTIC_D DOMESTIC_E DOMESTIC_F DOMESTIC_G DOMESTIC_H DOMESTIC_I
    DOMESTIC_J DOMESTIC_K DOMESTIC_L IEC_60309_2_single_16 IEC_60309_2_three_16 IEC_60309_2_three_32
    IEC_60309_2_three_64 IEC_62196_T1 IEC_62196_T1_COMBO IEC_62196_T2 IEC_62196_T2_COMBO IEC_62196_T3A IEC_62196_T3C
    TESLA_R TESLA_S
""")
POWER_TYPES = listed("AC_1_PHASE AC_3_PHASE DC")

NOT_AVAILABLE = "#NA"
"""The required string that cannot be provided (T-086)."""

_FEWER = "2.1.1 lists fewer values"
_INT = Field(Kind.INT, required=True)
_DEGREES = re.compile(r"-?[0-9]{1,3}\.[0-9]{1,20}")
_SIX_DECIMALS = Decimal("0.000001")


def _parking_type(node: Node, context: Context) -> Node:
    """OTHER has no newer value: it stays behind as a field that 2.2.1 does not know, and is found there on the way
    back.
    """
    kind = node.get("type")
    if type(kind) is str and kind in SAME_TYPES and "parking_type" not in node:
        return move(node, "type", "parking_type")
    return without(node, "type") if kind == "UNKNOWN" else node


def _type(node: Node, context: Context) -> Node:
    kind = node.get("parking_type")
    if kind is None:
        return {**without(node, "parking_type"), "type": "OTHER" if node.get("type") == "OTHER" else "UNKNOWN"}
    return {**without(node, "parking_type"), "type": kind if type(kind) is str and kind in SAME_TYPES else "OTHER"}


def _without_publish(node: Node, context: Context) -> Node:
    return without(node, "publish", "publish_allowed_to")


def _time_zone(node: Node, context: Context) -> Node:
    if node.get("time_zone") is not None:
        return node
    country = node.get("country")
    zone = context.time_zone or (TIME_ZONES.get(country.upper()) if type(country) is str else None)
    return {**node, "time_zone": zone} if zone else node


def _postal_code(node: Node, context: Context) -> Node:
    return node if node.get("postal_code") is not None else {**node, "postal_code": NOT_AVAILABLE}


def _without_placeholder(node: Node, context: Context) -> Node:
    return without(node, "postal_code") if node.get("postal_code") == NOT_AVAILABLE else node


def _one_tariff(node: Node, context: Context) -> Node:
    tariffs = node.get("tariff_ids")
    if "tariff_ids" not in node:
        return node
    older = without(node, "tariff_ids")
    return {**older, "tariff_id": tariffs[0]} if type(tariffs) is list and tariffs else older


def _tariff_list(node: Node, context: Context) -> Node:
    if "tariff_id" not in node or "tariff_ids" in node:
        return node
    tariff = node["tariff_id"]
    newer = without(node, "tariff_id")
    return newer if tariff is None else {**newer, "tariff_ids": [tariff]}


def _twentyfourseven(node: Node, context: Context) -> Node:
    """2.1.1 gives either twentyfourseven or regular hours."""
    return {**node, "twentyfourseven": False} if node.get("regular_hours") and "twentyfourseven" not in node else node


def _degrees(name: str) -> Any:
    def down(node: Node, context: Context) -> Node:
        value = node.get(name)
        if type(value) is not str or not _DEGREES.fullmatch(value) or len(value.partition(".")[2]) == 6:
            return node
        return {**node, name: format(Decimal(value).quantize(_SIX_DECIMALS, ROUND_HALF_EVEN), "f")}

    return down


def _six_decimals(cls: type[Wire]) -> tuple[Change, ...]:
    return tuple(
        Change(cls, f"{cls.__name__}.{name} has 5 to 7 decimals", down=_degrees(name), loses={name: "6 decimals"})
        for name in ("latitude", "longitude")
    )


CHANGES = (
    owned(Location),
    Change(
        Location,
        "Location.publish added: 2.1.1 only names what is published",
        up=lambda node, context: node if "publish" in node else {**node, "publish": True},
        down=_without_publish,
        newer=("publish", "publish_allowed_to"),
        loses={
            "publish": "2.1.1 cannot withhold a Location: do not send one that is not published",
            "publish_allowed_to": "2.1.1 cannot withhold a Location",
        },
    ),
    added(Location, "state", "2.1.1 names no state"),
    Change(
        Location,
        "Location.type became parking_type",
        up=_parking_type,
        down=_type,
        paths={"parking_type": "type"},
        newer=("parking_type",),
        older={"type": Field(Kind.STRING, required=True)},
        loses={
            "parking_type": "2.1.1 lists fewer values: others become OTHER",
            "type": "OTHER stays as a field that newer versions do not know",
        },
    ),
    Change(
        Location,
        "Location.time_zone became required",
        up=_time_zone,
        older={"time_zone": Field(Kind.STRING, length=255)},
        assumes={"time_zone": "the connection's, else that of the country"},
    ),
    Change(Location, "Location.postal_code became optional", up=_without_placeholder, down=_postal_code),
    shortened(Location, "address", 45, always=True),
    narrowed(Location, "facilities", FACILITIES, _FEWER),
    narrowed(EVSE, "capabilities", CAPABILITIES, _FEWER),
    renamed(Connector, "max_voltage", "voltage", _INT),
    renamed(Connector, "max_amperage", "amperage", _INT),
    added(Connector, "max_electric_power", "2.1.1 has voltage and amperage only"),
    Change(
        Connector,
        "Connector.tariff_id became tariff_ids",
        up=_tariff_list,
        down=_one_tariff,
        paths={"tariff_ids.*": "tariff_id", "tariff_ids": "tariff_id"},
        newer=("tariff_ids",),
        older={"tariff_id": Field(Kind.CI_STRING, length=36)},
        loses={"tariff_ids": "2.1.1 takes one: the first"},
    ),
    required_narrowed(Connector, "standard", CONNECTOR_TYPES, _FEWER),
    required_narrowed(Connector, "power_type", POWER_TYPES, _FEWER, instead="AC_1_PHASE"),
    Change(
        Hours,
        "Hours.twentyfourseven became required",
        up=_twentyfourseven,
        assumes={"twentyfourseven": "false where there are regular hours"},
    ),
    renamed(
        EnvironmentalImpact,
        "category",
        "source",
        Field(Kind.OPEN_ENUM, required=True, values=EnvironmentalImpactCategory),
    ),
    *_six_decimals(GeoLocation),
    *_six_decimals(AdditionalGeoLocation),
)
