"""The OpenAPI description of an API, made of its routes and their wire classes, and the page that shows all of them.

Made of what is served, so that the two cannot part. Public: it holds no secret and nobody's data.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static
from django.utils.html import format_html
from pydantic.json_schema import models_json_schema

from backoffice.api.serving.problems import MEDIA_TYPE, PROBLEMS, ProblemDetails
from backoffice.api.serving.routes import Api, Repeats, Route
from backoffice.api.serving.site import ApiSite
from backoffice.roaming_site import site
from ocpi.wire import json as wire_json
from ocpi.wire.base import Wire

REFERENCE = "#/components/schemas/{model}"
EVERYWHERE = ("bad_request", "unknown_key", "wrong_api", "scope_missing", "too_many_requests", "invalid")


def document(api: Api) -> dict[str, Any]:
    """The OpenAPI 3.1 document of one API."""
    paths: dict[str, Any] = {}
    for route in api.routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    described: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": api.title, "version": "1", "description": api.description},
        "servers": [{"url": f"{site.public_url}/api/{api.root}"}],
        "security": [{"key": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in api.routes)],
        "paths": paths,
        "components": {
            "schemas": _schemas(_classes(api)),
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, issued by the operator. Scopes: "
                    + "; ".join(f"`{name}`: {sentence}" for name, sentence in api.scopes.items()),
                }
            },
        },
    }
    if api.events:
        described["webhooks"] = {name: {"post": _webhook(name, *told)} for name, told in api.events.items()}
    return described


def _operation(route: Route) -> dict[str, Any]:
    first, _, rest = (route.answer.__doc__ or "").strip().partition("\n")
    described: dict[str, Any] = {
        "operationId": operation_id(route),
        "tags": [route.tag],
        "summary": first.strip().rstrip("."),
        "description": f"{_unindented(rest)}\n\nScope: `{route.scope}`.".strip(),
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "maxLength": 255}}
            for name in re.findall(r"{(\w+)}", route.path)
        ]
        + [
            {
                "name": each.name,
                "in": "query",
                "required": each.required,
                "description": each.description,
                "schema": dict(each.schema),
            }
            for each in route.query
        ],
        "responses": _responses(route),
    }
    if route.repeats is not Repeats.NO:
        described["parameters"].append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": route.repeats is Repeats.MUST,
                "description": "A new random text for each new request, the same one for each repetition of it: "
                "then it has its effect once, and the repetition gets the answer of the first.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            }
        )
    if route.body is not None:
        content: dict[str, Any] = {"schema": _reference(route.body)}
        if route.example is not None:
            content["example"] = route.example
        described["requestBody"] = {"required": True, "content": {"application/json": content}}
    return described


def operation_id(route: Route) -> str:
    return re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_")


def _unindented(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


def _responses(route: Route) -> dict[str, Any]:
    answered: dict[str, Any] = {"description": "Done"}
    if route.answers is not None:
        schema: dict[str, Any] = _reference(route.answers)
        if route.many:
            schema = {
                "type": "object",
                "required": ["items"],
                "properties": {"items": {"type": "array", "items": schema}, "next": {"type": "string"}},
            }
        answered["content"] = {"application/json": {"schema": schema}}
    codes = [*EVERYWHERE, *route.refusals]
    codes += ["not_json", "too_large", "media_type"] if route.body else []
    codes += ["in_progress", "idempotency_key_reused"] if route.repeats is not Repeats.NO else []
    codes += ["idempotency_key_missing"] if route.repeats is Repeats.MUST else []
    codes += ["not_found"] if "{" in route.path else []
    refused: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        refused.setdefault(PROBLEMS[code][0], []).append(code)
    problem = {MEDIA_TYPE: {"schema": _reference(ProblemDetails)}}
    return {str(route.status if route.answers else 204): answered} | {
        str(status): {"description": "; ".join(f"`{code}`: {PROBLEMS[code][1]}" for code in codes), "content": problem}
        for status, codes in sorted(refused.items())
    }


def _webhook(name: str, sentence: str, data: type[Wire]) -> dict[str, Any]:
    return {
        "summary": sentence,
        "description": "Signed as Standard Webhooks say: headers webhook-id, webhook-timestamp, webhook-signature. Answer 2xx.",
        "requestBody": {
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["type", "timestamp", "data"],
                        "properties": {
                            "type": {"const": name},
                            "timestamp": {"type": "string", "format": "date-time"},
                            "data": _reference(data),
                        },
                    }
                }
            }
        },
        "responses": {"204": {"description": "Taken"}},
    }


def _reference(cls: type[Wire]) -> dict[str, Any]:
    return {"$ref": REFERENCE.format(model=cls.__name__)}


def _classes(api: Api) -> frozenset[type[Wire]]:
    found = {cls for route in api.routes for cls in (route.body, route.answers) if cls is not None}
    return frozenset(found | {data for _, data in api.events.values()} | {ProblemDetails})


@cache
def _schemas(classes: frozenset[type[Wire]]) -> dict[str, Any]:
    ordered = sorted(classes, key=lambda cls: cls.__name__)
    _, made = models_json_schema([(cls, "validation") for cls in ordered], ref_template=REFERENCE)
    schemas: dict[str, Any] = made.get("$defs", {})
    return schemas


def describe(api: Api) -> Callable[[HttpRequest], HttpResponse]:
    def openapi(request: HttpRequest) -> HttpResponse:
        return HttpResponse(wire_json.encode(document(api)), content_type="application/json")

    return openapi


def page(apis: ApiSite) -> Callable[[HttpRequest], HttpResponse]:
    """The page: assets are this platform's own, so that it works without the internet."""
    folder = "drf_spectacular_sidecar/swagger-ui-dist"

    def docs(request: HttpRequest) -> HttpResponse:
        listed = ",".join(f'{{"name":"{api.title}","url":"/api/{api.root}/openapi.json"}}' for api in apis.apis())
        return HttpResponse(
            format_html(
                '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>APIs of this platform</title>'
                '<meta name="viewport" content="width=device-width, initial-scale=1">'
                '<link rel="stylesheet" href="{}"></head><body><main id="swagger" data-urls="{}"></main>'
                '<script src="{}"></script><script src="{}"></script><script src="{}"></script></body></html>',
                static(f"{folder}/swagger-ui.css"),
                f"[{listed}]",
                static(f"{folder}/swagger-ui-bundle.js"),
                static(f"{folder}/swagger-ui-standalone-preset.js"),
                static("ocpi/openapi.js"),
            )
        )

    return docs
