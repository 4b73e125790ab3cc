"""The URL patterns of an OcpiSite: /ocpi/versions, /ocpi/{version}, /ocpi/{version}/{interface}/{module}/...

Both forms, with and without a trailing slash, are served (APPEND_SLASH redirects would bypass the envelope). Every address
below the root ends at some door, one with a line feed in it as well, which `.` and `$` would let slip.
"""

from __future__ import annotations

import re
from typing import Any

from django.urls import re_path

from ocpi.server.door import view
from ocpi.server.openapi import describe, page
from ocpi.server.versions import NothingDoor, VersionDetailsDoor, VersionsDoor
from ocpi.server.viewsets import VERBS, door_for
from ocpi.site import OcpiSite
from ocpi.versions import VERSIONS
from ocpi.wire.versions import InterfaceRole

ROOT = "/ocpi"
"""Where a platform includes these patterns; elsewhere they are found as well, only not as fast."""


def patterns(site: OcpiSite) -> list[Any]:
    made: list[Any] = [re_path(r"^versions/?$", view(VersionsDoor, {"get": "get"}, site=site), name="versions")]
    for version in site.versions:
        literal = re.escape(version)
        details = view(VersionDetailsDoor, {"get": "get"}, site=site, version=version)
        made.append(re_path(rf"^{literal}/?$", details, name=f"{version}-details"))
        for module in sorted(site.modules(), key=lambda module: not module.part_of):  # a part before what holds it
            if module.endpoint not in VERSIONS[version].modules:
                continue
            for interface in module.interfaces():
                prefix = literal if module.one_door else f"{literal}/{interface.value.lower()}"
                shaped = door_for(module.shape)
                verbs = {verb: name for verb, name in VERBS.items() if hasattr(shaped, name)}  # others are a 405
                door = view(shaped, verbs, site=site, module=module, version=version, interface=interface)
                if not module.one_door and site.parts(module.endpoint) == [module] and not module.part_of:
                    door.address = f"{ROOT}/{version}/{interface.value.lower()}/{module.endpoint}"  # type: ignore[attr-defined]
                below = re.escape(module.endpoint)
                if module.part_of:
                    owner = (
                        "(?P<owner>/[^/]+/[^/]+)" if module.owner_first and interface is InterfaceRole.RECEIVER else ""
                    )
                    below += f"{owner}/{re.escape(module.identifier)}"
                made.append(re_path(rf"^{prefix}/{below}(?P<path>(?:/(?s:.*))?)\Z", door))
        made.append(re_path(rf"^openapi/{literal}\.json$", describe(site, version), name=f"{version}-openapi"))
    made.append(re_path(r"^docs/?$", page(site), name="docs"))
    nothing = dict.fromkeys(VERBS, "nothing")
    made.append(re_path(r"^(?P<path>(?s:.*))\Z", view(NothingDoor, nothing, site=site)))
    return made
