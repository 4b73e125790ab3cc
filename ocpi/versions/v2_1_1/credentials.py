"""Credentials and version details of 2.1.1: one party in one role, so endpoints name no interface.

`Context.role` says which role that is; without it an address such as `.../ocpi/cpo/2.1.1/...` does, and at last the
commands endpoint, which only a CPO has.
"""

from typing import Any
from urllib.parse import urlsplit

from ocpi.versions.fields import Field, Kind
from ocpi.versions.version import RECEIVER, SENDER, WHOLE, Change, Context, Node, Untranslatable, without
from ocpi.wire.credentials import Credentials
from ocpi.wire.locations import BusinessDetails
from ocpi.wire.versions import Endpoint, VersionDetails

CPO, EMSP = "CPO", "EMSP"
SENDERS = {"cdrs": CPO, "commands": EMSP, "locations": CPO, "sessions": CPO, "tariffs": CPO, "tokens": EMSP}
"""Module to the market role whose endpoint is the Sender interface; the other role's is the Receiver."""

_PARTY = ("business_details", "party_id", "country_code")


def interface(module: str, role: str) -> str:
    """The interface that a market role serves of a module."""
    return SENDER if SENDERS.get(module.lower(), role) == role else RECEIVER


def _roles(node: Node, context: Context) -> Node:
    if "roles" in node:
        return node
    role = {"role": context.role or "OTHER"} | {name: node[name] for name in _PARTY if name in node}
    return {**without(node, *_PARTY), "roles": [role]}


def _one_party(node: Node, context: Context) -> Node:
    roles = node.get("roles")
    if type(roles) is not list or not roles or type(roles[0]) is not dict:
        return node
    fitting = [role for role in roles if type(role) is dict and _fits(role, context)]
    chosen = fitting[0] if fitting else roles[0]
    return {**without(node, "roles"), **{name: chosen[name] for name in _PARTY if name in chosen}}


def _fits(role: Node, context: Context) -> bool:
    codes = role.get("country_code"), role.get("party_id")
    same_party = context.owner is None or codes == tuple(context.owner)
    return same_party and context.role in (None, role.get("role"))


def _with_interfaces(node: Node, context: Context) -> Node:
    endpoints = node.get("endpoints")
    if type(endpoints) is not list:
        return node
    role = _market_role(endpoints, context)
    return {**node, "endpoints": [_with_interface(endpoint, role) for endpoint in endpoints]}


def _with_interface(endpoint: Any, role: str) -> Any:
    if type(endpoint) is not dict or "role" in endpoint or type(endpoint.get("identifier")) is not str:
        return endpoint
    return {**endpoint, "role": interface(endpoint["identifier"], role)}


def _market_role(endpoints: list[Any], context: Context) -> str:
    if context.role in (CPO, EMSP):
        return context.role
    named = [endpoint for endpoint in endpoints if type(endpoint) is dict]
    for endpoint in named:
        url = endpoint.get("url")
        folders = _folders(url) if type(url) is str else []
        for role in (CPO, EMSP):
            if role.lower() in folders:
                return role
    return CPO if any(endpoint.get("identifier") == "commands" for endpoint in named) else EMSP


def _folders(url: str) -> list[str]:
    try:
        return urlsplit(url).path.lower().split("/")
    except ValueError:  # not a URL: validation says so
        return []


def _without_interfaces(node: Node, context: Context) -> Node:
    """Only the endpoints of the one role; without a role, the first of each module."""
    endpoints = node.get("endpoints")
    if type(endpoints) is not list:
        return node
    older: dict[Any, Any] = {}
    for endpoint in endpoints:
        if type(endpoint) is not dict or type(endpoint.get("identifier")) is not str:
            continue
        module = endpoint["identifier"]
        one_door = module == "credentials" or context.role not in (CPO, EMSP)
        if one_door or endpoint.get("role") == interface(module, str(context.role)):
            older.setdefault(module, without(endpoint, "role"))
    if endpoints and not older:
        raise Untranslatable("none of these endpoints belongs to the role of the connection")
    return {**node, "endpoints": list(older.values())}


CHANGES = (
    Change(
        Credentials,
        "Credentials.business_details, party_id and country_code became roles",
        up=_roles,
        down=_one_party,
        paths={"roles.0.role": "", "roles.0": "", "roles": ""},
        newer=("roles",),
        older={
            "business_details": Field(Kind.OBJECT, required=True, wire=BusinessDetails),
            "party_id": Field(Kind.CI_STRING, required=True, length=3),
            "country_code": Field(Kind.CI_STRING, required=True, length=2),
        },
        loses={"roles": "2.1.1 has one party in one role per connection"},
    ),
    Change(
        VersionDetails,
        "Endpoint.role added",
        up=_with_interfaces,
        down=_without_interfaces,
        loses={"endpoints": "only those of the role of the connection"},
    ),
    Change(
        Endpoint,
        "Endpoint.role added: see VersionDetails",
        newer=("role",),
        loses={"role": "follows from the role of the connection", WHOLE: "not of the role of the connection"},
    ),
)
