"""A door that is remembered for an address is the one that Django's patterns find, and hears the same path."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory, override_settings
from django.urls import Resolver404, resolve

from ocpi.server import middleware
from ocpi.server.middleware import StraightToTheDoor

MODULES = ("locations", "tokens", "sessions", "cdrs", "tariffs", "commands", "chargingprofiles", "payments", "bookings")
TAILS = (
    "",
    "/",
    "//",
    "/a",
    "/a/",
    "/a//b",
    "/DE/ABC/x",
    "/DE/ABC/x\n",
    "/\n",
    "/a\r\nb",
    "/../x",
    "/ä",
    "/terminals/1",
)
BELOW = [
    f"/ocpi/{version}/{interface}/{module}"
    for version in ("2.3.0", "2.2.1")
    for interface in ("sender", "receiver")
    for module in MODULES
]


def found(path: str) -> Any:
    try:
        match = resolve(path)
    except Resolver404:
        return None
    return match.func, match.kwargs


@override_settings(ALLOWED_HOSTS=["*"])
def test_what_is_remembered_is_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = StraightToTheDoor(lambda request: None)  # type: ignore[arg-type, return-value]  # the rest of the way is not gone
    asked: list[str] = []
    monkeypatch.setattr(middleware, "resolve", lambda path: asked.append(path) or resolve(path))

    def heard(door: Any) -> Any:
        return lambda request, **told: (door, told)

    for address in BELOW:
        door = found(address)[0] if found(address) else None
        if getattr(door, "address", None) != address:
            continue  # parts lie below, or there is none: always looked for
        passes.known[address] = heard(door)
    assert len(passes.known) >= 20
    for address, tail in ((address, tail) for address in passes.known for tail in TAILS):
        request = RequestFactory().get("/")
        request.path_info = address + tail
        assert passes(request) == found(address + tail), address + tail
    assert asked == []
