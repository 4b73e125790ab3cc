"""Valid trees of any class in any version, for hypothesis.

`values(cls)`: of a wire class, as 2.3.0 has it. `older_values(version, name)`: of the same class as an older version has
it. Both come from the facts, with what the classes demand of several fields at once put right by `_SETTLE`.

A tree is made from a seed, not drawn field by field: a Location with everything in it would not fit into what hypothesis
keeps of one example. Hypothesis shrinks how full the tree is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ocpi.wire.base import Wire
from tests.versions.shapes import BOOKINGS_1_1, Field, shape

Tree = dict[str, Any]

LETTERS = "abcXYZ019"
MARKS = "*-_. "
ABROAD = "äß€"
NUMBERS = (0, 1, 7, 10**6, Decimal("0.0001"), Decimal("2.50"), Decimal("12.3456"), Decimal("99999.9999"))
START = datetime(2015, 1, 1, tzinfo=UTC)


def values(cls: type[Wire]) -> SearchStrategy[Tree]:
    """Valid trees of a wire class."""
    return older_values("2.3.0", cls.__name__)


def older_values(version: str, name: str) -> SearchStrategy[Tree]:
    """Valid trees of a class as a version has it. Lists have at most two entries, optional fields are sometimes null."""
    return st.builds(
        lambda fullness, seed: _Maker(version, fullness, Random(seed)).object(name),
        st.sampled_from([0.05, 0.3, 0.7, 0.95]),
        st.integers(0, 2**32),
    )


@dataclass
class _Maker:
    """Makes objects of one version. `fullness`: the share of the optional fields that are there."""

    version: str
    fullness: float
    random: Random

    def object(self, name: str) -> Tree:
        tree = {}
        for field in shape(self.version).classes[name].values():
            if field.required or self.random.random() < self.fullness:
                tree[field.name] = self.field(name, field)
        if self.random.random() < 0.2:
            tree["nltnm_note"] = self.text(LETTERS, 3)
        settle = _BOOKINGS_1_1 if self.version == BOOKINGS_1_1 else {}
        return settle.get(name, _SETTLE.get(name, _as_is))(tree)

    def field(self, name: str, field: Field) -> Any:
        if not field.required and self.random.random() < 0.1:
            return None
        if not field.many:
            return self.value(name, field)
        return [self.value(name, field) for _ in range(self.random.randint(int(field.required), 2))]

    def value(self, name: str, field: Field) -> Any:
        special = self.special(name, field)
        return special if special is not None else self.plain(name, field)

    def special(self, name: str, field: Field) -> Any:
        """Values that have a form of their own."""
        pick, number = self.random.choice, self.random.randint
        if field.name in ("latitude", "longitude"):
            return self.degrees(89 if field.name == "latitude" else 179)
        if name in ("RegularHours", "TariffRestrictions") and field.type == "string":
            moment = START + timedelta(minutes=number(0, 10**7))
            return moment.strftime("%Y-%m-%d" if field.name.endswith("_date") else "%H:%M")
        if name == "Credentials" and field.name == "token":
            return self.text(LETTERS, 64)
        made: dict[str, Callable[[], Any]] = {
            "weekday": lambda: number(1, 7),
            "percentage": lambda: number(0, 100),
            "limit": lambda: number(0, 500),
            "min_charging_rate": lambda: number(0, 500),
            "hub_party_id": lambda: "NLHUB",
            "country_code": lambda: pick(["NL", "DE"]),
            "party_id": lambda: pick(["TNM", "ABC", "HUB"]),
            "country": lambda: pick(["NLD", "DEU"]),
        }
        return made[field.name]() if field.name in made else None

    def plain(self, name: str, field: Field) -> Any:
        form, random = shape(self.version), self.random
        if field.type == "Location" and name in ("Session", "CDR"):
            return self.used_location()
        if field.type in form.classes:
            return self.object(field.type)
        if field.type in form.enums:
            listed = sorted(form.enums[field.type])
            return random.choice(listed if field.type in form.closed else [*listed, "NLTNM-SPECIAL"])
        made: dict[str, Callable[[], Any]] = {
            # 2.1.1 strings are printable ASCII.
            "string": lambda: self.text(LETTERS + MARKS + ("" if self.version == "2.1.1" else ABROAD), field.length),
            "CiString": lambda: self.text(LETTERS + MARKS, field.length),
            "URL": lambda: f"https://example.com/{self.text(LETTERS, 8)}",
            "DateTime": lambda: f"{START + timedelta(seconds=random.randint(0, 10**8)):%Y-%m-%dT%H:%M:%SZ}",
            "number": lambda: random.choice(NUMBERS),
            "int": lambda: random.randint(0, 10 ** min(field.length or 6, 6) - 1),
            "boolean": lambda: random.random() < 0.5,
            "any": dict,
        }
        return made[field.type]()

    def text(self, alphabet: str, length: int | None) -> str:
        """A few characters, first and last visible; sometimes as long as allowed."""
        most = length or 12
        size = most if most <= 512 and self.random.random() < 0.2 else self.random.randint(1, min(most, 12))
        inner = "".join(self.random.choices(alphabet, k=max(size - 2, 0)))
        return f"{self.random.choice(LETTERS)}{inner}{self.random.choice(LETTERS)}"[:size]

    def degrees(self, limit: int) -> str:
        """With five to seven decimals, as long as it fits; 2.1.1 takes six."""
        whole = self.random.randint(-limit, limit)
        room = 10 - (limit < 100) - len(str(whole))
        decimals = 6 if self.version == "2.1.1" else self.random.randint(5, min(7, room))
        return f"{whole}.{self.random.randint(0, 10**decimals - 1):0{decimals}d}"

    def used_location(self) -> Tree:
        """2.1.1 embeds a Location with the EVSE and the Connector that were used."""
        evse = self.object("EVSE")
        return {**self.object("Location"), "evses": [{**evse, "connectors": evse["connectors"][:1]}]}


def _as_is(tree: Tree) -> Tree:
    return tree


def _distinct(entries: list[Tree] | None, *keys: str) -> list[Tree]:
    return list({tuple(str(entry[key]).lower() for key in keys): entry for entry in entries or []}.values())


def _without(tree: Tree, *names: str) -> Tree:
    return {name: value for name, value in tree.items() if name not in names}


def _location(tree: Tree) -> Tree:
    tree = dict(tree)
    if tree.get("evses"):
        tree["evses"] = _distinct(tree["evses"], "uid")
    if tree.get("publish"):
        tree = _without(tree, "publish_allowed_to")
    places = _distinct(tree.get("parking_places"), "id")
    if places:
        tree["parking_places"] = places
    for evse in tree.get("evses") or []:
        if not places:
            evse.pop("parking", None)
        for parking in evse.get("parking") or []:
            parking["parking_id"] = places[0]["id"]
    return tree


def _evse(tree: Tree) -> Tree:
    return {**tree, "connectors": _distinct(tree["connectors"], "id")}


def _hours(tree: Tree) -> Tree:
    if tree.get("regular_hours"):
        return {**tree, "twentyfourseven": False}
    return {**_without(tree, "regular_hours"), "twentyfourseven": True}


def _day(tree: Tree) -> Tree:
    begin, end = sorted((tree["period_begin"], tree["period_end"]))
    return {**tree, "period_begin": begin if begin < end else "00:00", "period_end": end if begin < end else "23:59"}


def _publish_token(tree: Tree) -> Tree:
    tree = {"group_id": "G1", **tree}
    tree["group_id"] = tree["group_id"] or "G1"
    if tree.get("uid"):
        tree["type"] = tree.get("type") or "RFID"
    if tree.get("visual_number"):
        tree["issuer"] = tree.get("issuer") or "TNM"
    return tree


def _credentials(tree: Tree) -> Tree:
    if "roles" not in tree:
        return tree
    roles = _distinct(tree["roles"], "role", "country_code", "party_id")
    hub = next((role for role in roles if role["role"] == "HUB"), None)
    # A 2.2.1 hub reports only itself.
    return {**tree, "roles": [hub] if hub else roles}


def _details(tree: Tree) -> Tree:
    """2.1.1 has one endpoint for a module."""
    if all("role" in endpoint for endpoint in tree["endpoints"]):
        return tree
    return {**tree, "endpoints": _distinct(tree["endpoints"], "identifier")}


def _cdr(tree: Tree) -> Tree:
    tree = _without(tree, "credit_reference_id")
    tree["id"] = tree["id"][:36]
    if tree.get("credit"):
        tree["credit_reference_id"] = "C1"
    session_only = ("CURRENT", "ENERGY_EXPORT", "ENERGY_IMPORT", "POWER", "STATE_OF_CHARGE")
    for period in tree["charging_periods"]:
        for dimension in period["dimensions"]:
            if dimension["type"] in session_only:
                dimension["type"] = "ENERGY"
    return tree


def _start_session(tree: Tree) -> Tree:
    return tree if tree.get("evse_uid") else _without(tree, "connector_id")


def _element(tree: Tree) -> Tree:
    if (tree.get("restrictions") or {}).get("reservation"):
        for component in tree["price_components"]:
            component["type"] = "FLAT"
    return tree


def _profile_result(tree: Tree) -> Tree:
    return tree if tree.get("profile") else {**tree, "result": "REJECTED"}


def _booking_location(tree: Tree) -> Tree:
    return tree if tree.get("bookable_parking_options") or tree.get("evse_uid") else {**tree, "evse_uid": "E1"}


_SETTLE: dict[str, Callable[[Tree], Tree]] = {
    "Location": _location,
    "EVSE": _evse,
    "Hours": _hours,
    "RegularHours": _day,
    "PublishTokenType": _publish_token,
    "Credentials": _credentials,
    "VersionDetails": _details,
    "CDR": _cdr,
    "StartSession": _start_session,
    "TariffElement": _element,
    "ActiveChargingProfileResult": _profile_result,
    "BookingLocation": _booking_location,
}


def _with_option(tree: Tree) -> Tree:
    """An option that says nothing is none."""
    return tree if tree.get("booking_option") else _without(tree, "booking_option")


def _place_with_option(tree: Tree) -> Tree:
    return tree if tree.get("booking_option") else {**tree, "booking_option": {"evse_uid": "E1"}}


def _element_for_one(tree: Tree) -> Tree:
    """For reserving or for booking, not for both."""
    restrictions = tree.get("restrictions") or {}
    if restrictions.get("booking"):
        tree = {**tree, "restrictions": _without(restrictions, "reservation")}
        for component in tree["price_components"]:
            component["type"] = "FLAT"
    return _element(tree)


_BOOKINGS_1_1: dict[str, Callable[[Tree], Tree]] = {
    "Booking": _with_option,
    "BookingRequest": _with_option,
    "BookingLocation": _place_with_option,
    "TariffElement": _element_for_one,
}

GARBAGE: SearchStrategy[Any] = st.sampled_from(
    [None, "", "x", "\n", 0, -1, True, Decimal("1.5"), [], [None], ["x"], [[]], {}, {"id": 1}, [{}], [{"type": []}]]
)


@st.composite
def mangled(draw: st.DrawFn, trees: SearchStrategy[Tree]) -> Any:
    """A valid tree with something wrong in one to three places."""
    tree = draw(trees)
    for _ in range(draw(st.integers(1, 3))):
        tree = _mangle(draw, tree)
    return tree


def _mangle(draw: st.DrawFn, node: Any) -> Any:
    if type(node) is dict and node and draw(st.integers(0, 5)):
        name = draw(st.sampled_from(sorted(node)))
        return {**node, name: _mangle(draw, node[name])}
    if type(node) is list and node and draw(st.integers(0, 5)):
        at = draw(st.integers(0, len(node) - 1))
        return [*node[:at], _mangle(draw, node[at]), *node[at + 1 :]]
    return draw(GARBAGE)
