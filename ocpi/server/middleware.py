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

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(self.below):
            return self.get_response(request)
        found = resolve(request.path_info)
        if not hasattr(found.func, "door"):
            return self.get_response(request)
        request.get_host()  # raises for a name that is not ours, answered by handler400
        translation.deactivate()  # the thread may still speak the language of whoever it served before
        request.resolver_match = found
        answer: HttpResponseBase = found.func(request, *found.args, **found.kwargs)
        return answer
