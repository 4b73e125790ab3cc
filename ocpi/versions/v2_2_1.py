"""OCPI 2.2.1 against 2.3.0: the modules, and every difference of the objects that both have.

The shapes are those of the branch release-2.2.1-bugfixes (address 255, state 45 and plain_data 5000 characters, as in
edition 2 of 2.3.0); `Context.first_edition` shortens addresses and states for peers on the first text. Signed meter
data is never shortened: cut, it would prove nothing.

What 2.3.0 made open enumerations are closed here: other values are left out of lists, and become the nearest listed
value where one is required. An object that cannot exist without its value (a Connector of an unnamed standard) is
left out.
"""

from decimal import Context as Arithmetic
from decimal import Decimal
from typing import Any

from ocpi.versions.fields import Field, Kind
from ocpi.versions.version import (
    BOTH,
    SENDER,
    WHOLE,
    Change,
    Context,
    Node,
    Untranslatable,
    Version,
    added,
    listed,
    narrowed,
    optional_narrowed,
    renamed,
    required_narrowed,
    shortened,
    without,
)
from ocpi.wire.cdrs import CDR, CdrDimension, CdrLocation, CdrToken
from ocpi.wire.credentials import Credentials
from ocpi.wire.hub_client_info import ClientInfo
from ocpi.wire.locations import EVSE, Connector, EnvironmentalImpact, Image, Location, PublishTokenType
from ocpi.wire.tariffs import PriceComponent, PriceLimit, Tariff, TariffElement
from ocpi.wire.tokens import Token
from ocpi.wire.types import Price

CAPABILITIES = listed("""
    CHARGING_PROFILE_CAPABLE CHARGING_PREFERENCES_CAPABLE CHIP_CARD_SUPPORT CONTACTLESS_CARD_SUPPORT CREDIT_CARD_PAYABLE
    DEBIT_CARD_PAYABLE PED_TERMINAL REMOTE_START_STOP_CAPABLE RESERVABLE RFID_READER START_SESSION_CONNECTOR_REQUIRED
    TOKEN_GROUP_CAPABLE UNLOCK_CAPABLE
""")
CONNECTOR_TYPES = listed("""
    CHADEMO CHAOJI DOMESTIC_A DOMESTIC_B DOMESTIC_C DOMESTIC_D DOMESTIC_E DOMESTIC_F DOMESTIC_G DOMESTIC_H DOMESTIC_I
    DOMESTIC_J DOMESTIC_K DOMESTIC_L DOMESTIC_M DOMESTIC_N DOMESTIC_O GBT_AC GBT_DC IEC_60309_2_single_16
    IEC_60309_2_three_16 IEC_60309_2_three_32 IEC_60309_2_three_64 IEC_62196_T1 IEC_62196_T1_COMBO IEC_62196_T2
    IEC_62196_T2_COMBO IEC_62196_T3A IEC_62196_T3C NEMA_5_20 NEMA_6_30 NEMA_6_50 NEMA_10_30 NEMA_10_50 NEMA_14_30
    NEMA_14_50 PANTOGRAPH_BOTTOM_UP PANTOGRAPH_TOP_DOWN TESLA_R TESLA_S
""")
FACILITIES = listed("""
    HOTEL RESTAURANT CAFE MALL SUPERMARKET SPORT RECREATION_AREA NATURE MUSEUM BIKE_SHARING BUS_STOP TAXI_STAND
    TRAM_STOP METRO_STATION TRAIN_STATION AIRPORT PARKING_LOT CARPOOL_PARKING FUEL_STATION WIFI
""")
IMAGE_CATEGORIES = listed("CHARGER ENTRANCE LOCATION NETWORK OPERATOR OTHER OWNER")
ENVIRONMENTAL_IMPACTS = listed("NUCLEAR_WASTE CARBON_DIOXIDE")
PARKING_RESTRICTIONS = listed("EV_ONLY PLUGGED DISABLED CUSTOMERS MOTORCYCLES")
PARKING_TYPES = listed("ALONG_MOTORWAY PARKING_GARAGE PARKING_LOT ON_DRIVEWAY ON_STREET UNDERGROUND_GARAGE")
TOKEN_TYPES = listed("AD_HOC_USER APP_USER OTHER RFID")
CDR_DIMENSIONS = listed("""
    CURRENT ENERGY ENERGY_EXPORT ENERGY_IMPORT MAX_CURRENT MIN_CURRENT MAX_POWER MIN_POWER PARKING_TIME POWER
    RESERVATION_TIME STATE_OF_CHARGE TIME
""")
RESERVATIONS = listed("RESERVATION RESERVATION_EXPIRES")

SAME_SOCKET = {"SAE_J3400": "TESLA_S"}
"""SAE J3400 standardised the connector that 2.2.1 lists under its maker's name."""

_EXACT = Arithmetic(prec=64)
"""Sums of two numbers as `ocpi.wire.json` takes them (20 digits, 10^-18 to 10^19) are exact."""
_UNIT_PRICE = Decimal("0.0001")
"""`types#types_number_type`: four decimals."""

_NUMBER = Field(Kind.NUMBER)
_VAT = "VAT"


def _amount(value: Any) -> Decimal | None:
    return Decimal(value) if type(value) in (int, Decimal) else None


def _taxes_from_vat(node: Node, context: Context) -> Node:
    net, gross = _amount(node.get("before_taxes")), _amount(node.get("incl_vat"))
    if net is None or gross is None:
        return without(node, "incl_vat") if node.get("incl_vat", 0) is None else node
    return {**without(node, "incl_vat"), "taxes": [{"name": _VAT, "amount": _EXACT.subtract(gross, net)}]}


def _vat_from_taxes(node: Node, context: Context) -> Node:
    if "taxes" not in node:
        return node
    older, taxes, gross = without(node, "taxes"), node["taxes"], _amount(node.get("before_taxes"))
    if type(taxes) is not list or not taxes or gross is None:
        return older
    for tax in taxes:
        amount = _amount(tax.get("amount")) if type(tax) is dict else None
        if amount is None:
            return older
        gross = _EXACT.add(gross, amount)
    return {**older, "incl_vat": gross}


def _without_tax_included(node: Node, context: Context) -> Node:
    if "tax_included" not in node:
        return node
    older = without(node, "tax_included")
    if node["tax_included"] == "YES" and type(node.get("elements")) is list:
        older["elements"] = [_element_net(element) for element in node["elements"]]
    return older


def _element_net(element: Any) -> Any:
    if type(element) is not dict or type(element.get("price_components")) is not list:
        return element
    return {**element, "price_components": [_component_net(component) for component in element["price_components"]]}


def _component_net(component: Any) -> Any:
    """Without `vat` there is no VAT in the price (T-348)."""
    if type(component) is not dict:
        return component
    gross, vat = _amount(component.get("price")), _amount(component.get("vat"))
    if gross is None or not vat or vat <= -100:
        return component
    net = _EXACT.divide(_EXACT.multiply(gross, Decimal(100)), _EXACT.add(vat, Decimal(100)))
    return {**component, "price": net.quantize(_UNIT_PRICE)}


def _element_of_reservation(node: Node, context: Context) -> Node:
    restrictions = node.get("restrictions")
    if type(restrictions) is dict and restrictions.get("reservation") not in (None, *RESERVATIONS):
        raise Untranslatable("an element that prices something else than charging and reserving")
    return node


def _hub_from_role(node: Node, context: Context) -> Node:
    """2.2.1: a hub is a role. 2.3.0: `hub_party_id` names the hub among the parties, which have no role HUB."""
    roles = node.get("roles")
    if type(roles) is not list:
        return node
    hub = next((role for role in roles if type(role) is dict and role.get("role") == "HUB"), None)
    if hub is None:
        return node
    newer = {**node, "roles": [_other(role) for role in roles]}
    codes = hub.get("country_code"), hub.get("party_id")
    if "hub_party_id" not in node and all(type(code) is str for code in codes):
        newer["hub_party_id"] = "".join(map(str, codes))
    return newer


def _other(role: Any) -> Any:
    return {**role, "role": "OTHER"} if type(role) is dict and role.get("role") == "HUB" else role


def _hub_as_role(node: Node, context: Context) -> Node:
    """A 2.2.1 hub reports only itself; its parties are found through hubclientinfo."""
    hub = node.get("hub_party_id")
    if "hub_party_id" not in node:
        return node
    older, roles = without(node, "hub_party_id"), node.get("roles")
    if type(hub) is not str or type(roles) is not list or not roles:
        return older
    own = [role for role in roles if type(role) is dict and _codes(role) == hub.upper()]
    as_hub = [{**role, "role": "HUB"} if role.get("role") == "OTHER" else role for role in own]
    if not any(role.get("role") == "HUB" for role in as_hub):
        first = own[0] if own else roles[0] if type(roles[0]) is dict else {}
        details = first.get("business_details") if own else {"name": hub}
        as_hub.append({"role": "HUB", "country_code": hub[:2], "party_id": hub[2:], "business_details": details})
    return {**older, "roles": as_hub}


def _codes(role: Node) -> str:
    return f"{role.get('country_code')}{role.get('party_id')}".upper()


def _nearest_connector(node: Node, context: Context) -> Node:
    standard = node.get("connector_standard")
    if type(standard) is not str or standard in CONNECTOR_TYPES:
        return node
    by_power = "IEC_62196_T2_COMBO" if node.get("connector_power_type") == "DC" else "IEC_62196_T2"
    return {**node, "connector_standard": SAME_SOCKET.get(standard, by_power)}


_NEWER_VALUES = "2.2.1 lists fewer values"

LOCATIONS = (
    added(Location, "parking_places", "2.2.1 does not describe parking spaces"),
    added(Location, "help_phone", "2.2.1 has no phone number"),
    shortened(Location, "address", 45),
    shortened(Location, "state", 20),
    optional_narrowed(Location, "parking_type", PARKING_TYPES, _NEWER_VALUES),
    narrowed(Location, "facilities", FACILITIES, _NEWER_VALUES),
    added(EVSE, "parking", "2.2.1 does not describe parking spaces"),
    added(EVSE, "accepted_service_providers", "2.2.1 does not name them"),
    narrowed(EVSE, "capabilities", CAPABILITIES, _NEWER_VALUES),
    narrowed(EVSE, "parking_restrictions", PARKING_RESTRICTIONS, _NEWER_VALUES),
    added(Connector, "capabilities", "2.2.1 knows capabilities of EVSEs only"),
    required_narrowed(Connector, "standard", CONNECTOR_TYPES, _NEWER_VALUES, instead=SAME_SOCKET),
    required_narrowed(Image, "category", IMAGE_CATEGORIES, _NEWER_VALUES, instead="OTHER"),
    required_narrowed(EnvironmentalImpact, "category", ENVIRONMENTAL_IMPACTS, _NEWER_VALUES),
    required_narrowed(PublishTokenType, "type", TOKEN_TYPES, _NEWER_VALUES, instead="OTHER"),
)

CREDENTIALS = (
    Change(
        Credentials,
        "Credentials.roles HUB became hub_party_id",
        up=_hub_from_role,
        down=_hub_as_role,
        paths={"hub_party_id": "roles"},
        newer=("hub_party_id",),
        loses={
            "roles": "a 2.2.1 hub reports only itself",
            "hub_party_id": "2.2.1 has no lower case in it: it becomes the codes of the role",
        },
    ),
    Change(
        ClientInfo,
        "ClientInfo.role is no longer HUB",
        up=lambda node, context: _other(node),
        assumes={"role": "2.3.0 has no role HUB; it becomes OTHER"},
    ),
)

MONEY = (
    Change(
        Price,
        "Price.incl_vat became taxes",
        up=_taxes_from_vat,
        down=_vat_from_taxes,
        paths={"taxes.*.amount": "incl_vat", "taxes": "incl_vat"},
        newer=("taxes",),
        older={"incl_vat": _NUMBER},
        loses={"taxes": "2.2.1 has one sum with VAT: names and rates are lost"},
    ),
    renamed(Price, "before_taxes", "excl_vat", Field(Kind.NUMBER, required=True)),
    renamed(PriceLimit, "before_taxes", "excl_vat", Field(Kind.NUMBER, required=True)),
    renamed(PriceLimit, "after_taxes", "incl_vat", _NUMBER),
)

TARIFFS = (
    added(Tariff, "preauthorize_amount", "2.2.1 has no payment terminals"),
    Change(
        Tariff,
        "Tariff.tax_included added: 2.2.1 prices exclude VAT",
        up=lambda node, context: node if "tax_included" in node else {**node, "tax_included": "NO"},
        down=_without_tax_included,
        newer=("tax_included",),
        loses={"tax_included": "2.2.1 prices exclude VAT"},
    ),
    Change(
        PriceComponent,
        "PriceComponent.price excludes VAT",
        loses={"price": "of a tariff with taxes included: recomputed without VAT, rounded to 4 decimals"},
    ),
    Change(
        TariffElement,
        "TariffRestrictions.reservation has more values",
        down=_element_of_reservation,
        loses={WHOLE: "2.2.1 has no fees for cancelling or overstaying; unrestricted they would price the charging"},
    ),
)

CDRS = (
    added(CDR, "booking_id", "2.2.1 has no bookings"),
    required_narrowed(CdrToken, "type", TOKEN_TYPES, _NEWER_VALUES, instead="OTHER"),
    required_narrowed(
        CdrDimension,
        "type",
        CDR_DIMENSIONS,
        "2.2.1 has one dimension for the time of a reservation",
        instead="RESERVATION_TIME",
    ),
    Change(
        CdrLocation,
        "CdrLocation.connector_standard has more values",
        down=_nearest_connector,
        loses={"connector_standard": "an unlisted one becomes the common one of its current: the CDR must arrive"},
    ),
)

TOKENS = (required_narrowed(Token, "type", TOKEN_TYPES, _NEWER_VALUES, instead="OTHER"),)

VERSION = Version(
    number="2.2.1",
    newer="2.3.0",
    modules={
        "cdrs": BOTH,
        "chargingprofiles": BOTH,
        "commands": BOTH,
        "credentials": (SENDER,),
        "hubclientinfo": BOTH,
        "locations": BOTH,
        "sessions": BOTH,
        "tariffs": BOTH,
        "tokens": BOTH,
    },
    commands=frozenset({"CANCEL_RESERVATION", "RESERVE_NOW", "START_SESSION", "STOP_SESSION", "UNLOCK_CONNECTOR"}),
    changes=LOCATIONS + CREDENTIALS + MONEY + TARIFFS + CDRS + TOKENS,
)
