"""Valid trees of any class in any version, for hypothesis.

`values(cls)`: of a wire class, as 2.3.0 has it. `older_values(version, name)`: of the same class as an older version
has it. Both come from the facts, with what the classes demand of several fields at once put right by `_SETTLE`.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ocpi.wire.base import Wire
from tests.versions.shapes import Field, Shape, shape

Tree = dict[str, Any]

LETTERS = "abcXYZ019"
MARKS = "*-_. "


def _text(alphabet: str, length: int | None) -> SearchStrategy[str]:
    """A few characters, first and last visible; sometimes as long as allowed."""
    most = min(length or 12, 12)
    inner = st.text(alphabet, max_size=max(most - 2, 0))
    texts = st.sampled_from(alphabet[:9]) if most < 2 else st.builds("a{}{}".format, inner, st.sampled_from(LETTERS))
    return texts | st.just("x" * length) if length and length <= 512 else texts


NUMBERS: SearchStrategy[Any] = st.integers(0, 10**6) | st.decimals(
    min_value=0, max_value=10**5, places=4, allow_nan=False, allow_infinity=False
)
DATE_TIMES = st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1)).map(  # noqa: DTZ001  written as UTC
    lambda moment: moment.replace(tzinfo=UTC, microsecond=0).isoformat().replace("+00:00", "Z")
)
TIMES_OF_DAY = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.integers(0, 59))
DATES = st.dates(datetime(2015, 1, 1).date(), datetime(2035, 1, 1).date()).map(str)  # noqa: DTZ001  a date has no zone
URLS = st.builds("https://example.com/{}".format, st.text(LETTERS, max_size=8))


def _degrees(whole: int, places: SearchStrategy[int]) -> SearchStrategy[str]:
    return st.builds(
        lambda degrees, decimals, count: f"{degrees}.{decimals:07d}"[: len(f"{degrees}.") + count],
        st.integers(-whole, whole),
        st.integers(0, 9_999_999),
        places,
    )


def _special(version: str, name: str, field: Field) -> SearchStrategy[Any] | None:
    """Strings that have a form of their own."""
    if field.name in ("latitude", "longitude"):
        places = st.just(6) if version == "2.1.1" else st.integers(5, 6)
        return _degrees(89 if field.name == "latitude" else 179, places)
    if name in ("RegularHours", "TariffRestrictions") and field.type == "string":
        return DATES if field.name.endswith("_date") else TIMES_OF_DAY
    return {
        "weekday": st.integers(1, 7),
        "percentage": st.integers(0, 100),
        "limit": st.integers(0, 500),
        "min_charging_rate": st.integers(0, 500),
        "hub_party_id": st.just("NLHUB"),
        "token": _text(LETTERS, 64) if name == "Credentials" else None,
        "country_code": st.sampled_from(["NL", "DE"]),
        "party_id": st.sampled_from(["TNM", "ABC", "HUB"]),
        "country": st.sampled_from(["NLD", "DEU"]),
    }.get(field.name)


def _value(version: str, form: Shape, name: str, field: Field) -> SearchStrategy[Any]:
    special = _special(version, name, field)
    if special is not None:
        return special
    if field.type == "Location" and name in ("Session", "CDR"):
        return st.builds(_only_one, older_values(version, "Location"), older_values(version, "EVSE"))
    if field.type in form.classes:
        return older_values(version, field.type)
    if field.type in form.enums:
        listed = st.sampled_from(sorted(form.enums[field.type]))
        return listed if field.type in form.closed else listed | st.just("NLTNM-SPECIAL")
    wide = "" if version == "2.1.1" else "äß€"  # 2.1.1 strings are printable ASCII
    return {
        "string": _text(LETTERS + MARKS + wide, field.length),
        "CiString": _text(LETTERS + MARKS, field.length),
        "URL": URLS,
        "DateTime": DATE_TIMES,
        "number": NUMBERS,
        "int": st.integers(0, 10 ** min(field.length or 6, 6) - 1),
        "boolean": st.booleans(),
        "any": st.just({}),
    }[field.type]


def _only_one(location: Tree, evse: Tree) -> Tree:
    """2.1.1 embeds a Location with the EVSE and the Connector that were used."""
    return {**location, "evses": [{**evse, "connectors": evse["connectors"][:1]}]}


def values(cls: type[Wire]) -> SearchStrategy[Tree]:
    """Valid trees of a wire class."""
    return older_values("2.3.0", cls.__name__)


_cache: dict[tuple[str, str], SearchStrategy[Tree]] = {}


def older_values(version: str, name: str) -> SearchStrategy[Tree]:
    """Valid trees of a class as a version has it. Lists have at most two entries, optional fields are sometimes null."""
    if (version, name) not in _cache:
        form = shape(version)
        required, optional = {}, {}
        for field in form.classes[name].values():
            one = _value(version, form, name, field)
            whole = st.lists(one, min_size=field.required, max_size=2) if field.many else one
            if field.required:
                required[field.name] = whole
            else:
                optional[field.name] = whole | st.none()
        optional["nltnm_note"] = st.text(LETTERS, min_size=1, max_size=3)
        settle = _SETTLE.get(name, lambda tree: tree)
        _cache[version, name] = st.fixed_dictionaries(required, optional=optional).map(settle)
    return _cache[version, name]


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
