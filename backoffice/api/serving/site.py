"""The APIs of this platform: an app's `api` registers its own, URLs and staff screens ask here. Like Django's AdminSite."""

from __future__ import annotations

import re
from typing import Any

from django.urls import re_path
from django.views.decorators.csrf import csrf_exempt

from backoffice.api.rules import Kind
from backoffice.api.serving.problems import Problem
from backoffice.api.serving.routes import Api, Route

SEGMENT = "[^/]{1,255}"


class ApiSite:
    def __init__(self) -> None:
        self._apis: dict[Kind, Api] = {}

    def register(self, api: Api) -> None:
        """Raises ValueError when its kind has one already."""
        if api.kind in self._apis:
            raise ValueError(f"{api.kind} has an API already")
        self._apis[api.kind] = api

    def apis(self) -> list[Api]:
        return list(self._apis.values())

    def of(self, kind: str) -> Api | None:
        """None: this platform serves no API of this kind."""
        return self._apis.get(Kind(kind))

    @property
    def urls(self) -> tuple[list[Any], str, str]:
        from backoffice.api.serving import openapi  # it describes this site

        patterns = [re_path("^docs/?$", openapi.page(self), name="docs")]
        for api in self.apis():
            patterns.append(re_path(f"^{api.root}/openapi.json$", openapi.describe(api), name=f"{api.kind}_openapi"))
            patterns.extend(re_path(pattern(api, path), view) for path, view in views(api).items())
        patterns.append(re_path("", csrf_exempt(_nothing)))
        return patterns, "api", "api"


def pattern(api: Api, path: str) -> str:
    """A path with braces as a regular expression; with or without a slash at its end."""
    segments = re.sub(r"{(\w+)}", rf"(?P<\1>{SEGMENT})", path)
    return f"^{api.root}{segments}/?$"


def views(api: Api) -> dict[str, Any]:
    from backoffice.api.serving.view import Door

    by_path: dict[str, dict[str, Route]] = {}
    for route in api.routes:
        by_path.setdefault(route.path, {})[route.method] = route
    made: dict[str, Any] = {}
    for path, routes in by_path.items():
        made[path] = csrf_exempt(
            Door.as_view(api=api, routes=routes, http_method_names=[method.lower() for method in routes])
        )
        made[path].door = Door  # machines ask here: past what serves people (ocpi.server.middleware)
    return made


def _nothing(request: Any, *args: Any) -> Any:
    """No such address: said as every refusal is."""
    return Problem("not_found", "There is no such address; /api/docs lists those that there are.").response("")


api_site = ApiSite()
