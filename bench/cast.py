"""Who takes part: our own company with its locations, and as many partners as a measurement needs, each with a token."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from backoffice.locations.actions.storing import store
from backoffice.partners.actions import connections
from backoffice.partners.models import Connection, Party
from backoffice.roaming_site import site
from bench.world import location
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire


def token_of(name: str) -> str:
    return f"bench-token-of-{name.replace(' ', '-')}"


def authorization(name: str) -> dict[str, str]:
    return {"Authorization": f"Token {base64.b64encode(token_of(name).encode()).decode()}"}


def our_company() -> Party:
    return connections.add_own_party(country_code="NL", party_id="BEN", name="Bench Charging", roles=["CPO", "EMSP"])


def partner(
    name: str,
    roles: str,
    *,
    ours: Party,
    version: str = "2.3.0",
    base_url: str = "http://127.0.0.1:1/ocpi",
) -> Connection:
    """An active connection to a platform with these roles (`NL-ABC:EMSP,NL-ABD:CPO`) and a locations endpoint each way."""
    claims = [
        connections.Claim(*text.split(":")[0].split("-"), text.split(":")[1], {"name": name})
        for text in roles.split(",")
    ]
    agreement = connections.Agreement(
        name=name,
        claims=claims,
        versions_url=f"{base_url}/versions",
        inbound_token=token_of(name),
        outbound_token=token_of(name),
        version=version,
    )
    made = connections.adopt(agreement, our_parties=[ours])
    connections.set_endpoints(
        made,
        [
            ("locations", "RECEIVER", f"{base_url}/{version}/receiver/locations"),
            ("locations", "SENDER", f"{base_url}/{version}/sender/locations"),
        ],
    )
    return made


def staff() -> dict[str, str]:
    """The headers of somebody of the staff who may see everything, logged in."""
    user = User.objects.filter(username="staff").first() or User.objects.create_superuser("staff")
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return {"Cookie": f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"}


def stock(owner: Party, numbers: Iterable[int]) -> None:
    """Store the locations of these numbers as this party's own, shared with everybody; nobody is told."""
    batch: list[tuple[dict[str, Any], wire.Location]] = []
    for number in numbers:
        tree = wire_json.parse(
            wire_json.encode(location(number, country_code=owner.country_code, party_id=owner.party_id))
        )
        batch.append((tree, wire_json.validate(wire.Location, tree)))
        if len(batch) == 100:
            store(owner.pk, batch, source="bench", now=site.now(), ours=False)
            batch.clear()
    if batch:
        store(owner.pk, batch, source="bench", now=site.now(), ours=False)
