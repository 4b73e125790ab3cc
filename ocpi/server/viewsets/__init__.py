"""The generic viewsets, one per shape of `ocpi.module`; they serve every module, role and version.

Which verbs exist is written on the shape. A flag that one module alone would set does not belong here.
"""

from __future__ import annotations

from typing import Any

from ocpi.module import AsyncRequests, Calls, Documents, OwnedObjects
from ocpi.server.door import Door
from ocpi.server.viewsets.calls import CallsDoor
from ocpi.server.viewsets.documents import DocumentsDoor
from ocpi.server.viewsets.objects import OwnedObjectsDoor
from ocpi.server.viewsets.paths import join_path, object_address, qualified, split_path
from ocpi.server.viewsets.requests import RequestsDoor

__all__ = [
    "VERBS",
    "CallsDoor",
    "DocumentsDoor",
    "OwnedObjectsDoor",
    "RequestsDoor",
    "door_for",
    "join_path",
    "object_address",
    "qualified",
    "split_path",
]

VERBS: dict[str, str] = {verb: verb for verb in ("get", "post", "put", "patch", "delete")}


def door_for(shape: Any) -> type[Door]:
    """The viewset of a shape. Raises KeyError for a shape without one."""
    return {
        OwnedObjects: OwnedObjectsDoor,
        Documents: DocumentsDoor,
        AsyncRequests: RequestsDoor,
        Calls: CallsDoor,
    }[type(shape)]
