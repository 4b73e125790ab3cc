"""The versions module: which versions we speak, and for each the modules, interfaces and URLs (versions_module).

Only what works is listed: the modules that an app declares, in the interfaces that our roles on this connection have.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from ocpi import versions
from ocpi.module import Peer, Unknown
from ocpi.server.door import Door
from ocpi.site import OcpiSite
from ocpi.wire import json as wire_json


def endpoints(site: OcpiSite, version: str, peer: Peer) -> list[dict[str, Any]]:
    """Endpoint trees for this peer: Sender doors where one of our parties plays a sender role, Receiver likewise."""
    known = versions.VERSIONS[version].modules
    listed: list[dict[str, Any]] = []
    for module in sorted(site.modules(), key=lambda module: module.endpoint):
        if module.endpoint not in known:
            continue
        for interface in module.interfaces():
            url = site.endpoint_url(version, module, interface)
            row = {"identifier": module.endpoint, "role": interface.value, "url": url}
            if module.opens(interface, peer) and row not in listed:  # parts of a module share it
                listed.append(row)
    return listed


class VersionsDoor(Door):
    """GET the list of versions."""

    def get(self, request: HttpRequest) -> HttpResponse:
        listed = [{"version": version, "url": self.site.version_url(version)} for version in self.site.versions]
        return self.answer(wire_json.encode(listed))

    @property
    def allowed_methods(self) -> list[str]:
        return ["GET"]


class VersionDetailsDoor(Door):
    """GET the endpoints of one version."""

    def get(self, request: HttpRequest) -> HttpResponse:
        details = {"version": self.version, "endpoints": endpoints(self.site, self.version, self.peer)}
        return self.answer(wire_json.encode(details))

    @property
    def allowed_methods(self) -> list[str]:
        return ["GET"]


class NothingDoor(Door):
    """Every other path below the OCPI root: 404 in the envelope, where Django's own page would bypass it."""

    def nothing(self, request: HttpRequest, path: str = "") -> HttpResponse:
        raise Unknown("There is nothing at this path. Start from the versions endpoint.")
