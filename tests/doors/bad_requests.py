"""Requests that no honest partner sends, as a table: what is asked and what the answer must be.

Each row stands for a way in which real platforms or attackers went wrong. The value CANARY plays a secret inside a body: no
answer may repeat it. A new way to break a door is one more row here.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests import factories

CANARY = "canary-7f3a-secret"
OWN = "2.3.0/receiver/locations/SE/ELV/HARBOUR-7"
EVSE = f"{OWN}/E-100"
CONNECTOR = f"{EVSE}/1"
LATER = "2026-03-02T08:00:00Z"

NOT_JSON = (400, 2001)
INVALID = (200, 2001)
NOT_THERE = (404, 2001)
WRONG_TYPE = (415, 2000)
TOO_LARGE = (413, 2000)
NOT_ALLOWED = (405, 2000)
NO_ENTRY = (401, 2000)


@dataclass(frozen=True)
class Bad:
    """One request. `expected`: HTTP status and OCPI status code; more than one pair where it depends on what the path is
    taken for. `environ`: what the web server would hand over.
    """

    name: str
    method: str
    path: str
    expected: tuple[int, int] | tuple[tuple[int, int], ...]
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str | None = None
    environ: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


def _nested(opening: bytes, closing: bytes, depth: int, inside: bytes = b"") -> bytes:
    return opening * depth + inside + closing * depth


BROKEN_JSON: list[tuple[str, bytes]] = [
    ("empty", b""),
    ("blank", b" \r\n\t "),
    ("open object", b'{"id": "A"'),
    ("open list", b"[1, 2"),
    ("open text", b'{"id": "A'),
    ("no value", b'{"id": }'),
    ("no colon", b'{"id" "A"}'),
    ("single quotes", b"{'id': 'A'}"),
    ("bare keys", b"{id: 1}"),
    ("trailing comma", b'{"id": "A",}'),
    ("two documents", b'{"id": "A"}{"id": "B"}'),
    ("text behind", b'{"id": "A"} and more'),
    ("comment", b'/* x */ {"id": "A"}'),
    ("line comment", b'// x\n{"id": "A"}'),
    ("NaN", b'{"x": NaN}'),
    ("Infinity", b'{"x": Infinity}'),
    ("-Infinity", b'{"x": -Infinity}'),
    ("True", b'{"x": True}'),
    ("None", b'{"x": None}'),
    ("undefined", b'{"x": undefined}'),
    ("leading zero", b'{"x": 01}'),
    ("leading point", b'{"x": .5}'),
    ("trailing point", b'{"x": 1.}'),
    ("plus", b'{"x": +1}'),
    ("hexadecimal", b'{"x": 0x1F}'),
    ("no exponent", b'{"x": 1e}'),
    ("byte order mark", b"\xef\xbb\xbf{}"),
    ("UTF-16", '{"id": "A"}'.encode("utf-16")),
    ("UTF-16 without mark", '{"id": "A"}'.encode("utf-16-le")),
    ("UTF-32", '{"id": "A"}'.encode("utf-32")),
    ("Latin-1", '{"city": "Göteborg"}'.encode("latin-1")),
    ("bytes that are no text", b'{"x": "\xff\xfe"}'),
    ("overlong NUL", b'{"x": "\xc0\x80"}'),
    ("overlong slash", b'{"x": "\xe0\x80\xaf"}'),
    ("surrogate as bytes", b'{"x": "\xed\xa0\x80"}'),
    ("beyond Unicode", b'{"x": "\xf5\x80\x80\x80"}'),
    ("lone high surrogate", b'{"x": "\\ud800"}'),
    ("lone low surrogate", b'{"x": "\\udc00"}'),
    ("two high surrogates", b'{"x": "\\ud800\\ud800"}'),
    ("lone surrogate in a key", b'{"\\ud800": 1}'),
    ("NUL", b'{"x": "a\\u0000b"}'),
    ("NUL in a key", b'{"a\\u0000b": 1}'),
    ("NUL deep inside", b'{"x": [{"y": ["\\u0000"]}]}'),
    ("NUL as byte", b'{"x": "a\x00b"}'),
    ("NUL before", b"\x00{}"),
    ("NUL behind", b"{}\x00"),
    ("line feed in a text", b'{"x": "a\nb"}'),
    ("control character in a text", b'{"x": "\x01"}'),
    ("unknown escape", b'{"x": "\\x41"}'),
    ("short escape", b'{"x": "\\u12"}'),
    ("key twice", b'{"id": "HARBOUR-7", "id": "OTHER"}'),
    ("key twice, once escaped", b'{"id": "HARBOUR-7", "\\u0069d": "OTHER"}'),
    ("key twice inside", b'{"coordinates": {"latitude": "1.00000", "latitude": "2.00000"}}'),
    ("33 lists deep", b'{"x": ' + _nested(b"[", b"]", 33, b"1") + b"}"),
    ("33 objects deep", _nested(b'{"x":', b"}", 34, b"1")),
    ("100,000 lists deep", _nested(b"[", b"]", 100_000)),
    ("100,000 objects deep", _nested(b'{"x":', b"}", 100_000, b"1")),
    ("a million open lists", b"[" * 1_000_000),
    ("1e999", b'{"x": 1e999}'),
    ("1e5000000", b'{"x": 1e5000000}'),
    ("1e-999", b'{"x": 1e-999}'),
    ("1E+400", b'{"x": -1E+400}'),
    ("5,000 digits", b'{"x": ' + b"9" * 5000 + b"}"),
    ("5,000 decimals", b'{"x": 0.' + b"1" * 5000 + b"}"),
    ("21 digits", b'{"x": 1.23456789012345678901}'),
    ("2 to the power of 63", b'{"x": 9223372036854775808}'),
    ("less than 64 bits", b'{"x": -9223372036854775809}'),
    ("a form", b"id=HARBOUR-7&name=x"),
    ("XML", b'<?xml version="1.0"?><Location id="A"/>'),
    ("an entity bomb", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'),
    ("gzip without saying so", gzip.compress(b'{"id": "A"}')),
    ("a multipart form", b'--x\r\nContent-Disposition: form-data; name="id"\r\n\r\nA\r\n--x--\r\n'),
    ("a pickle", b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94K\x01s."),
]

NO_OBJECT: list[tuple[str, bytes]] = [
    ("a list", b"[]"),
    ("a list of objects", b'[{"id": "HARBOUR-7"}]'),
    ("a text", b'"HARBOUR-7"'),
    ("a number", b"5"),
    ("true", b"true"),
    ("null", b"null"),
]

BROKEN_LEAVES: list[tuple[str, Any]] = [
    # path of the field in a Location, and what stands there; one or more for each class of field
    ("id", None),
    ("id", ["HARBOUR-7"]),
    ("country_code", {"x": 1}),
    ("party_id", 5),
    ("publish", "true"),
    ("publish", 1),
    ("publish", None),
    ("publish", []),
    ("publish_allowed_to", [{"uid": "X"}]),
    ("publish_allowed_to", [{}]),
    ("name", 7),
    ("name", "x" * 256),
    ("name", "tab\there"),
    ("name", "line\nfeed"),
    ("name", "carriage\rreturn"),
    ("name", "escape\x1b[31m"),
    ("name", "next line\x85"),
    ("name", "line separator\u2028"),
    ("name", "paragraph\u2029"),
    ("name", "delete\x7f"),
    ("name", {"en": "x"}),
    ("address", ""[:0] or None),
    ("address", "x" * 256),
    ("address", 12),
    ("city", "x" * 46),
    ("postal_code", "x" * 11),
    ("postal_code", 41118),
    ("state", "x" * 46),
    ("country", "SWEDEN"),
    ("country", True),
    ("coordinates", "57.704210,11.959870"),
    ("coordinates", [57.70421, 11.95987]),
    ("coordinates", {"latitude": "57.704210"}),
    ("coordinates", {"latitude": 57.70421, "longitude": 11.95987}),
    ("coordinates.latitude", "57,704210"),
    ("coordinates.latitude", "57.7"),
    ("coordinates.latitude", "57.70421012"),
    ("coordinates.latitude", "+57.704210"),
    ("coordinates.latitude", " 57.704210"),
    ("coordinates.latitude", "57.704210\n"),
    ("coordinates.longitude", "１１.959870"),
    ("coordinates.longitude", "1e1.959870"),
    ("coordinates.longitude", "NaN"),
    ("related_locations", {"latitude": "57.704301"}),
    ("related_locations.0.name", "Infart"),
    ("related_locations.0.name.language", "swe"),
    ("related_locations.0.name.text", "x" * 513),
    ("parking_type", 3),
    ("parking_type", "Größe"),
    ("evses", {}),
    ("evses", "E-100"),
    ("evses", [None]),
    ("evses", [[]]),
    ("evses", [5]),
    ("evses.0", {}),
    ("evses.0.uid", "x" * 37),
    ("evses.0.uid", "E-200"),  # another EVSE has it
    ("evses.0.uid", "e-200"),
    ("evses.0.uid", "Ä"),
    ("evses.0.uid", None),
    ("evses.0.evse_id", "x" * 49),
    ("evses.0.status", "available"),
    ("evses.0.status", "FREE"),
    ("evses.0.status", 1),
    ("evses.0.status", ["AVAILABLE"]),
    ("evses.0.status_schedule.0.period_begin", "2026-06-01"),
    ("evses.0.status_schedule.0.status", ""),
    ("evses.0.capabilities", "RFID_READER"),
    ("evses.0.capabilities", [1]),
    ("evses.0.capabilities", [None]),
    ("evses.0.connectors", []),
    ("evses.0.connectors", None),
    ("evses.0.connectors", {"id": "1"}),
    ("evses.0.connectors.0.id", "2"),  # another connector has it
    ("evses.0.connectors.0.id", 1),
    ("evses.0.connectors.0.standard", None),
    ("evses.0.connectors.0.format", "PLUG"),
    ("evses.0.connectors.0.power_type", "AC"),
    ("evses.0.connectors.0.max_voltage", "230"),
    ("evses.0.connectors.0.max_voltage", 230.5),
    ("evses.0.connectors.0.max_voltage", True),
    ("evses.0.connectors.0.max_voltage", [230]),
    ("evses.0.connectors.0.max_amperage", None),
    ("evses.0.connectors.0.max_electric_power", "22 kW"),
    ("evses.0.connectors.0.tariff_ids", "DAY"),
    ("evses.0.connectors.0.tariff_ids", [{"id": "DAY"}]),
    ("evses.0.connectors.0.tariff_ids", ["x" * 37]),
    ("evses.0.connectors.0.terms_and_conditions", "javascript:alert(1)"),
    ("evses.0.connectors.0.terms_and_conditions", "ftp://elv.example/terms"),
    ("evses.0.connectors.0.terms_and_conditions", "https://elv.example/" + "x" * 240),
    ("evses.0.connectors.0.terms_and_conditions", "//elv.example/terms"),
    ("evses.0.connectors.0.terms_and_conditions", "https://elv.example/a b"),
    ("evses.0.connectors.0.last_updated", None),
    ("evses.0.floor_level", "-1000"),
    ("evses.0.floor_level", -1),
    ("evses.0.coordinates", {}),
    ("evses.0.physical_reference", "x" * 17),
    ("evses.0.directions", [{"language": "en"}]),
    ("evses.0.parking.0.parking_id", "P9"),  # no such parking place
    ("evses.0.parking.0.evse_position", "BEHIND"),
    ("evses.0.images.0.type", "jpeg2"),
    ("evses.0.images.0.width", 100_000),
    ("evses.0.images.0.width", "800"),
    ("evses.0.last_updated", 1_709_280_000),
    ("parking_places.0.id", None),
    ("parking_places.0.vehicle_types", []),
    ("parking_places.0.roofed", "yes"),
    ("operator", "Elverket"),
    ("operator.name", "x" * 101),
    ("operator.website", "elv.example"),
    ("owner.logo", "https://hamnen.example/logo.svg"),
    ("facilities", [["HOTEL"]]),
    ("facilities", ["x" * 256]),
    ("time_zone", None),
    ("time_zone", 1),
    ("opening_times", "24/7"),
    ("opening_times.twentyfourseven", "false"),
    ("opening_times.twentyfourseven", True),  # with regular hours beside it
    ("opening_times.regular_hours", []),
    ("opening_times.regular_hours.0.weekday", 0),
    ("opening_times.regular_hours.0.weekday", 8),
    ("opening_times.regular_hours.0.weekday", "MONDAY"),
    ("opening_times.regular_hours.0.period_begin", "24:00"),
    ("opening_times.regular_hours.0.period_begin", "6:00"),
    ("opening_times.regular_hours.0.period_end", "05:59"),
    ("opening_times.exceptional_openings.0.period_end", "2026-07-04T20:00:00+02:00"),
    ("charging_when_closed", 0),
    ("energy_mix", []),
    ("energy_mix.is_green_energy", "yes"),
    ("energy_mix.energy_sources.0.source", "MAGIC"),
    ("energy_mix.energy_sources.0.percentage", "60.5"),
    ("energy_mix.energy_sources.0.percentage", 100.1),
    ("energy_mix.energy_sources.0.percentage", -1),
    ("energy_mix.energy_sources.0.percentage", False),
    ("energy_mix.supplier_name", "x" * 65),
    ("help_phone", "x" * 26),
    ("help_phone", 46),
    ("last_updated", None),
    ("last_updated", ""),
    ("last_updated", "2026-03-01"),
    ("last_updated", "2026-03-01T08:00:00+00:00"),
    ("last_updated", "2026-03-01T08:00:00+01:00"),
    ("last_updated", "2026-03-01 08:00:00Z"),
    ("last_updated", "2026-03-01t08:00:00z"),
    ("last_updated", "2026-02-30T08:00:00Z"),
    ("last_updated", "2026-03-01T24:00:00Z"),
    ("last_updated", "2026-03-01T08:00:60Z"),
    ("last_updated", "0000-01-01T00:00:00Z"),
    ("last_updated", "+12026-03-01T08:00:00Z"),
    ("last_updated", "2026-03-01T08:00:00.123456Z"),
    ("last_updated", "٢٠٢٦-03-01T08:00:00Z"),
    ("last_updated", {"$date": 0}),
]


def broken_location(path: str, value: Any) -> dict[str, Any]:
    """HARBOUR-7, newer than stored, with this value at this place."""
    tree = factories.location(last_updated=LATER, token=CANARY)
    tree["coordinates"] = tree["coordinates"] | {"note": CANARY}
    node: Any = tree
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps:
        node = node[step]
    node[last] = value
    return tree


PATHS: list[tuple[str, str]] = [
    ("the interface itself", "2.3.0/receiver/locations"),
    ("a country", "2.3.0/receiver/locations/SE"),
    ("a party", "2.3.0/receiver/locations/SE/ELV"),
    ("a party with a slash", "2.3.0/receiver/locations/SE/ELV/"),
    ("too deep", f"{CONNECTOR}/1"),
    ("much too deep", OWN + "/x" * 200),
    ("double slash", "2.3.0/receiver/locations/SE/ELV//HARBOUR-7"),
    ("double slash before", "2.3.0/receiver/locations//SE/ELV/HARBOUR-7"),
    ("double slash behind", f"{OWN}//"),
    ("only slashes", "2.3.0/receiver/locations/////"),
    ("slash as %2F", "2.3.0/receiver/locations/SE%2FELV%2FHARBOUR-7%2FE-100%2F1%2F1"),
    ("dots", "2.3.0/receiver/locations/SE/ELV/../ELV/HARBOUR-7"),
    ("encoded dots", "2.3.0/receiver/locations/SE/ELV/%2e%2e/%2e%2e/admin/"),
    ("dots up to the admin", "2.3.0/../../admin/"),
    ("a file", "2.3.0/receiver/locations/SE/ELV/..%2f..%2f..%2fetc%2fpasswd"),
    ("backslashes", "2.3.0/receiver/locations/SE/ELV/..\\..\\HARBOUR-7"),
    ("NUL", "2.3.0/receiver/locations/SE/ELV/HARBOUR-7%00"),
    ("only NUL", "2.3.0/receiver/locations/SE/ELV/%00"),
    ("NUL in the party", "2.3.0/receiver/locations/SE%00/ELV/HARBOUR-7"),
    ("line feed", "2.3.0/receiver/locations/SE/ELV/HARBOUR-7%0d%0aX-Evil:%201"),
    ("bytes that are no text", "2.3.0/receiver/locations/SE/ELV/%ff%fe"),
    ("overlong slash", "2.3.0/receiver/locations/SE/ELV/%c0%afHARBOUR-7"),
    ("a surrogate", "2.3.0/receiver/locations/SE/ELV/%ed%a0%80"),
    ("encoded twice", "2.3.0/receiver/locations/SE/ELV/%2548ARBOUR-7"),
    ("full-width letters", "2.3.0/receiver/locations/ＳＥ/ＥＬＶ/HARBOUR-7"),
    ("a long s for S", "2.3.0/receiver/locations/ſE/ELV/HARBOUR-7"),
    ("a dotless i", "2.3.0/receiver/locations/SE/ELV/harbour-ı"),
    ("a zero-width space", "2.3.0/receiver/locations/SE/ELV/HARBOUR-7\u200b"),
    ("a space behind", f"{OWN}%20"),
    ("very long id", "2.3.0/receiver/locations/SE/ELV/" + "x" * 10_000),
    ("long id", "2.3.0/receiver/locations/SE/ELV/" + "x" * 256),
    ("SQL", "2.3.0/receiver/locations/SE/ELV/HARBOUR-7'%20OR%20'1'='1"),
    ("SQL in the country", "2.3.0/receiver/locations/SE'--/ELV/HARBOUR-7"),
    ("SQL wildcard", "2.3.0/receiver/locations/SE/ELV/HARBOUR%25"),
    ("SQL wildcard, one letter", "2.3.0/receiver/locations/SE/ELV/HARBOUR__"),
    ("format string", "2.3.0/receiver/locations/SE/ELV/%25s%25n%25(x)s"),
    ("HTML", "2.3.0/receiver/locations/SE/ELV/<script>alert(1)</script>"),
    ("parameters of a segment", "2.3.0/receiver/locations/SE/ELV;x=1/HARBOUR-7"),
    ("another module", "2.3.0/receiver/nothing/SE/ELV/HARBOUR-7"),
    ("another interface", "2.3.0/both/locations/SE/ELV/HARBOUR-7"),
    ("upper case interface", "2.3.0/RECEIVER/locations/SE/ELV/HARBOUR-7"),
    ("module name as prefix", "2.3.0/receiver/locationsX/SE/ELV/HARBOUR-7"),
    ("another version", "2.3.1/receiver/locations/SE/ELV/HARBOUR-7"),
    ("dots of the version as any character", "2a3b0/receiver/locations/SE/ELV/HARBOUR-7"),
    ("below credentials", "2.3.0/credentials/x"),
    ("an admin page", "admin/"),
    ("a dot file", ".git/config"),
]

QUERIES = [
    ("offset beyond", "offset=9223372036854775807"),
    ("negative limit", "limit=-1"),
    ("SQL in the limit", "limit=1;DROP TABLE locations_location"),
    ("SQL in a date", "date_from=2026-01-01T00:00:00Z' OR 1=1--"),
    ("NUL in a date", "date_to=%00"),
    ("a list as a date", "date_from[]=2026-01-01T00:00:00Z&date_from=x"),
    ("Arabic digits", "offset=%D9%A3"),
    ("superscript digits", "limit=%C2%B2"),
    ("bytes that are no text", "date_from=%ff%fe"),
    ("a hundred thousand digits", "offset=" + "9" * 100_000),
    ("zeros before too much", "offset=" + "0" * 20 + "9" * 30),
    ("five thousand zeros", "offset=" + "0" * 5000),
    ("limit given twice", "limit=1&limit=x"),
    ("HTML", "date_from=<script>alert(1)</script>"),
    ("a year without end", "date_from=99999-01-01T00:00:00Z"),
    ("exponent", "limit=1e2"),
    ("a cursor that is no number", "after=1' OR '1'='1"),
]

CONTENT_TYPES = [
    "text/plain",
    "text/html",
    "text/json",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/merge-patch+json",
    "application/json-patch+json",
    "application/jsonx",
    "application/octet-stream",
    "*/*",
    "json",
    "; charset=utf-8",
    "application/json, text/plain",
]

CREDENTIALS: list[tuple[str, dict[str, Any]]] = [
    ("no token", {"token": None}),
    ("empty token", {"token": ""}),
    ("65 characters", {"token": "x" * 65}),
    ("a space in the token", {"token": "with space"}),
    ("a line feed in the token", {"token": "token\n"}),
    ("a token that is no text", {"token": 12}),
    ("token beyond ASCII", {"token": "tökén"}),
    ("no url", {"url": None}),
    ("a file", {"url": "file:///etc/passwd"}),
    ("gopher", {"url": "gopher://127.0.0.1:6379/_FLUSHALL"}),
    ("a script", {"url": "javascript:alert(1)"}),
    ("url of 256", {"url": "https://elv.example/" + "x" * 240}),
    ("no role", {"roles": []}),
    ("roles null", {"roles": None}),
    ("a role that is no object", {"roles": ["CPO"]}),
    (
        "unknown role",
        {"roles": [{"role": "KING", "party_id": "ELV", "country_code": "SE", "business_details": {"name": "x"}}]},
    ),
    (
        "party of four",
        {"roles": [{"role": "CPO", "party_id": "ELVA", "country_code": "SE", "business_details": {"name": "x"}}]},
    ),
]


def credentials(**changes: Any) -> dict[str, Any]:
    return {
        "token": CANARY,
        "url": "https://elv.example/ocpi/versions",
        "roles": [{"role": "CPO", "party_id": "ELV", "country_code": "SE", "business_details": {"name": "Elverket"}}],
    } | changes


def _rows() -> Iterator[Bad]:
    for name, data in BROKEN_JSON:
        yield Bad(f"JSON: {name}", "PUT", OWN, NOT_JSON, data)
    for method, path in (("PATCH", OWN), ("PUT", EVSE), ("PATCH", CONNECTOR), ("PUT", "2.3.0/credentials")):
        for name, data in BROKEN_JSON[::9]:
            yield Bad(f"JSON at {method} {path}: {name}", method, path, NOT_JSON, data)
    for name, data in NO_OBJECT:
        for method, path in (("PUT", OWN), ("PATCH", EVSE), ("PUT", CONNECTOR), ("PUT", "2.3.0/credentials")):
            yield Bad(f"no object at {method} {path}: {name}", method, path, INVALID, data)
    for field_path, value in BROKEN_LEAVES:
        name = f"{field_path} = {json.dumps(value)[:40]}"
        yield Bad(f"PUT {name}", "PUT", OWN, INVALID, broken_location(field_path, value))
        top = field_path.split(".")[0]
        if top != "last_updated":
            body = {top: broken_location(field_path, value)[top], "last_updated": LATER, "note": CANARY}
            yield Bad(f"PATCH {name}", "PATCH", OWN, INVALID, body)
        else:
            yield Bad(f"PATCH of an EVSE, {name}", "PATCH", EVSE, INVALID, {"status": "BLOCKED", "last_updated": value})
            yield Bad(f"PATCH of a connector, {name}", "PATCH", CONNECTOR, INVALID, {"last_updated": value})
    for name, path in PATHS:
        yield Bad(f"path: {name}, GET", "GET", path, NOT_THERE)
        told = factories.location(last_updated=LATER)
        yield Bad(f"path: {name}, PUT", "PUT", path, (NOT_THERE, INVALID), told)
        yield Bad(f"path: {name}, PATCH", "PATCH", path, NOT_THERE, {"name": CANARY, "last_updated": LATER})
    for name, query in QUERIES:
        yield Bad(f"query: {name}", "GET", f"2.3.0/sender/locations?{query}", INVALID)
    for content_type in CONTENT_TYPES:
        yield Bad(
            f"content type {content_type}", "PUT", OWN, WRONG_TYPE, factories.location(), content_type=content_type
        )
    yield Bad("no content type", "PUT", OWN, WRONG_TYPE, factories.location(), content_type="")
    for encoding in ("gzip", "deflate", "br", "gzip, identity", "nonsense", "GZIP"):
        yield Bad(
            f"content encoding {encoding}", "PUT", OWN, WRONG_TYPE, factories.location(), {"Content-Encoding": encoding}
        )
    for length, expected in (
        ("99999999999", TOO_LARGE),
        ("9" * 30, TOO_LARGE),
        ("9" * 5000, TOO_LARGE),
        ("-1", NOT_JSON),
        ("abc", NOT_JSON),
        ("²", NOT_JSON),
        ("1e3", NOT_JSON),
        ("5", NOT_JSON),
        ("0", NOT_JSON),
        ("", NOT_JSON),
    ):
        yield Bad(
            f"content length {length[:12]} of {len(length)}",
            "PUT",
            OWN,
            expected,
            factories.location(),
            environ={"CONTENT_LENGTH": length},
        )
    yield Bad("a body of 8 MB and a byte", "PUT", OWN, TOO_LARGE, b'{"x": "' + b"x" * 8_000_000 + b'"}')
    yield Bad("a body of 1 MB and a byte for credentials", "PUT", "2.3.0/credentials", TOO_LARGE, b" " * 1_000_001)
    yield Bad("an address of 60,000 characters", "GET", "2.3.0/sender/locations/" + "x/" * 30_000, NOT_THERE)
    yield Bad("25,000 parameters", "GET", "2.3.0/sender/locations?" + "a&" * 25_000, (400, 2000))
    yield Bad("method override", "POST", OWN, NOT_ALLOWED, {}, {"X-HTTP-Method-Override": "DELETE"})
    yield Bad("DELETE with a body", "DELETE", OWN, NOT_ALLOWED, factories.location())
    yield Bad(
        "a cookie for a token", "GET", "versions", NO_ENTRY, headers={"Authorization": "", "Cookie": "sessionid=x"}
    )
    yield Bad("a token in the query", "GET", "versions?token=x", NO_ENTRY, headers={"Authorization": ""})
    for name, changes in CREDENTIALS:
        yield Bad(f"credentials: {name}", "PUT", "2.3.0/credentials", INVALID, credentials(**changes))
    for name, headers in {
        "codes too long": {"OCPI-to-country-code": "D" * 5000, "OCPI-to-party-id": "RDK"},
        "half a sender": {"OCPI-from-party-id": "ELV"},
        "SQL as a sender": {"OCPI-from-country-code": "S'", "OCPI-from-party-id": "' O"},
        "sender beyond ASCII": {"OCPI-from-country-code": "ſE", "OCPI-from-party-id": "ELV"},
    }.items():
        yield Bad(f"routing: {name}", "PUT", OWN, INVALID, factories.location(last_updated=LATER), headers)


BAD_REQUESTS: list[Bad] = list(_rows())
