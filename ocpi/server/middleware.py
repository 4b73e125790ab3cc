"""Machines on their own way: what they ask goes straight to its door, past what serves people.

Sessions, cookies, languages, messages, logins and static files mean nothing to a partner's software, and asking each of them
about each request took a sixth of a status change. Stands behind what everybody needs: the security headers.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import resolve
from django.utils import translation

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class StraightToTheDoor:
    """Middleware: below these addresses a door answers at once; the pages that people read there go on through the rest."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.below = tuple(settings.DOORS_BELOW)
        self.known: dict[str, Callable[..., HttpResponseBase]] = {}
        """Doors to which all below an address leads, once found: going through the patterns took as long as a statement."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(self.below):
            return self.get_response(request)
        path = request.path_info
        address = "/".join(path.split("/", 5)[:5])
        door, told = self.known.get(address), {"path": path[len(address) :]}
        if door is None:
            found = resolve(path)
            if not hasattr(found.func, "door"):
                return self.get_response(request)
            door, told = found.func, found.kwargs
            if getattr(door, "address", None) == address:
                self.known[address] = door
        request.get_host()  # raises for a name that is not ours, answered by handler400
        translation.deactivate()  # the thread may still speak the language of whoever it served before
        answer: HttpResponseBase = door(request, **told)
        return answer
