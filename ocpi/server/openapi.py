"""The OpenAPI description of the doors, made from the registered modules and the wire classes, and a page that shows it.

A generic viewset tells a schema generator nothing, so the document is built here. It describes what this platform serves and
not the whole specification; which objects a partner gets is not in it. Public: it holds no secret and no partner.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.templatetags.static import static
from django.utils.html import format_html
from pydantic.json_schema import models_json_schema

from ocpi import versions
from ocpi.module import AsyncRequests, Call, Calls, Documents, Level, Module, OwnedObjects
from ocpi.site import OcpiSite
from ocpi.versions.fields import classes_below
from ocpi.wire.base import Wire
from ocpi.wire.envelope import ResponseFormat
from ocpi.wire.versions import InterfaceRole, Version, VersionDetails

REFERENCE = "#/components/schemas/{model}"

PAGING = [
    {"name": "date_from", "in": "query", "schema": {"type": "string"}, "description": "last_updated at or after (UTC)"},
    {"name": "date_to", "in": "query", "schema": {"type": "string"}, "description": "last_updated before (UTC)"},
    {"name": "offset", "in": "query", "schema": {"type": "integer", "minimum": 0, "default": 0}},
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1}},
]

RESPONSE_URL = {
    "name": "response_url",
    "in": "query",
    "required": True,
    "schema": {"type": "string", "format": "uri", "maxLength": 255},
    "description": "Where the result is to be posted, on a host of the caller's",
}


def document(site: OcpiSite, version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of one OCPI version."""
    classes: set[type[Wire]] = {ResponseFormat, Version, VersionDetails}
    paths: dict[str, Any] = {
        "/versions": {"get": _operation("versions", "The versions served here", answers=Version, many=True)},
        f"/{version}": {"get": _operation("versions", "The endpoints of this version", answers=VersionDetails)},
    }
    for module in site.modules():
        if module.endpoint in versions.VERSIONS[version].modules:
            for interface in module.interfaces():
                _describe(module, interface, version, paths, classes)
    for path, item in paths.items():
        if variables := re.findall(r"{(\w+)}", path):
            item["parameters"] = [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string", "maxLength": 36}}
                for name in variables
            ]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"OCPI {version}",
            "version": version,
            "description": "Every answer carries the OCPI envelope. Tokens come from the credentials exchange.",
        },
        "servers": [{"url": f"{site.public_url}/ocpi"}],
        "security": [{"credentials_token": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(frozenset(classes), version),
            "securitySchemes": {
                "credentials_token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "'Token ' and the Base64 of the credentials token.",
                }
            },
        },
    }


def _describe(
    module: Module, interface: InterfaceRole, version: str, paths: dict[str, Any], classes: set[type[Wire]]
) -> None:
    base = (
        f"/{version}/{module.endpoint}"
        if module.one_door
        else f"/{version}/{interface.value.lower()}/{module.endpoint}"
    )
    below = f"/{module.identifier}" if module.part_of else ""
    tag = module.identifier if module.one_door else f"{module.identifier} ({interface.value.lower()})"
    shape = module.shape
    if isinstance(shape, Calls):
        _routes(shape.routes, base, tag, paths, classes)
        return
    if isinstance(shape, AsyncRequests):
        _requests(shape, interface, base, tag, paths, classes)
        return
    classes |= {level.cls for level in shape.levels}
    if interface is InterfaceRole.SENDER:
        base += below
        top = shape.levels[0].cls
        listed = _operation(tag, f"A page of {top.__name__} objects", answers=top, many=True)
        dated = isinstance(shape, OwnedObjects) and shape.dated is not None
        needs = [each | {"required": True} if dated and each["name"] == "date_from" else each for each in PAGING]
        paths[base] = {"get": listed | {"parameters": needs}}
        for depth, level in enumerate(shape.levels if shape.serves_one else ()):
            read = _operation(tag, f"One {level.cls.__name__} of ours", answers=level.cls)
            paths[base + _segments(shape.levels[: depth + 1])] = {"get": read}
        _routes(shape.calls, base, tag, paths, classes)
        return
    if isinstance(shape, Documents):
        name = shape.level.cls.__name__
        posted = _operation(tag, f"A {name}, once; the answer's Location says where it is kept", takes=shape.level.cls)
        read = _operation(tag, f"The {name} as stored here", answers=shape.level.cls)
        owner = "" if shape.partyless else "/{country_code}/{party_id}"
        paths[base + (below if shape.partyless else "")] = {"post": posted}
        paths[f"{base}{owner}{below}{_segments(shape.levels)}"] = {"get": read}
        return
    _receiver(shape, f"{base}/{{country_code}}/{{party_id}}{below}", tag, paths)


def _routes(routes: tuple[Call, ...], base: str, tag: str, paths: dict[str, Any], classes: set[type[Wire]]) -> None:
    for route in routes:
        path = f"{base}/{route.path}".rstrip("/")
        classes |= {cls for cls in (route.body, route.answers) if cls}
        summary = (route.answer.__doc__ or route.method).strip().splitlines()[0]
        takes, patches = (None, route.body) if route.partial else (route.body, None)
        paths.setdefault(path, {})[route.method.lower()] = _operation(
            tag, summary, takes=takes, patches=patches, answers=route.answers
        )


def _requests(
    shape: AsyncRequests,
    interface: InterfaceRole,
    base: str,
    tag: str,
    paths: dict[str, Any],
    classes: set[type[Wire]],
) -> None:
    if interface is InterfaceRole.SENDER:
        for ask in shape.asks:
            classes.add(ask.result)
            told = _operation(tag, f"The result of a {ask.kind} that we asked for", takes=ask.result)
            paths[f"{base}/{ask.kind}/{{uid}}"] = {"post": told}
        _routes(shape.calls, base, tag, paths, classes)
        return
    for ask in shape.asks:
        classes |= {cls for cls in (ask.body, ask.response) if cls}
        asked = _operation(tag, f"{ask.kind}; its result follows to response_url", takes=ask.body, answers=ask.response)
        if ask.body is None:
            asked["parameters"] = [RESPONSE_URL]
        paths.setdefault(f"{base}/{ask.path}".rstrip("/"), {})[ask.method.lower()] = asked


def _receiver(shape: OwnedObjects, base: str, tag: str, paths: dict[str, Any]) -> None:
    for depth, level in enumerate(shape.levels):
        name = level.cls.__name__
        verbs = {
            "get": _operation(tag, f"The {name} as stored here", answers=level.cls),
            "put": _operation(tag, f"Create or replace a {name}", takes=level.cls),
        }
        if shape.patch:
            verbs["patch"] = _operation(tag, f"Change fields of a {name}; last_updated is required", patches=level.cls)
        if shape.delete:
            verbs["delete"] = _operation(tag, f"Remove a {name}")
        paths[base + _segments(shape.levels[: depth + 1])] = verbs


def _segments(levels: tuple[Level, ...]) -> str:
    return "".join(f"/{{{level.name}}}" for level in levels)


def _operation(
    tag: str,
    summary: str,
    *,
    takes: type[Wire] | None = None,
    patches: type[Wire] | None = None,
    answers: type[Wire] | None = None,
    many: bool = False,
) -> dict[str, Any]:
    envelope: dict[str, Any] = {"$ref": REFERENCE.format(model="ResponseFormat")}
    if answers:
        data: dict[str, Any] = {"$ref": REFERENCE.format(model=answers.__name__)}
        data = {"type": "array", "items": data} if many else data
        envelope = {"allOf": [envelope, {"type": "object", "properties": {"data": data}}]}
    operation: dict[str, Any] = {
        "tags": [tag],
        "summary": summary,
        "responses": {
            "200": {"description": "The OCPI envelope", "content": {"application/json": {"schema": envelope}}},
            "401": {"description": "No or unknown credentials token, in the envelope"},
            "404": {"description": "No such object for this caller, in the envelope"},
        },
    }
    if takes or patches:
        schema = {"$ref": REFERENCE.format(model=takes.__name__)} if takes else {"type": "object"}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


@cache
def _schemas(classes: frozenset[type[Wire]], version: str) -> dict[str, Any]:
    """The JSON Schemas of these classes and all inside them, by the field names of the version."""
    ordered = sorted(classes, key=lambda cls: cls.__name__)
    _, made = models_json_schema([(cls, "validation") for cls in ordered], ref_template=REFERENCE)
    schemas: dict[str, Any] = made.get("$defs", {})
    below = {inner.__name__: inner for cls in classes for inner in classes_below(cls)}
    for name, cls in below.items():
        schema = schemas.get(name)
        if schema is None or "properties" not in schema:
            continue
        spoken = versions.fields(version, cls)
        schema["properties"] = {field: schema["properties"].get(field, {}) for field in spoken}
        if "required" in schema:
            schema["required"] = [field for field in schema["required"] if field in spoken]
    return schemas


def describe(site: OcpiSite, version: str) -> Any:
    """The view of the document of one version."""

    def openapi(request: HttpRequest) -> JsonResponse:
        return JsonResponse(document(site, version))

    return openapi


def page(site: OcpiSite) -> Any:
    """The view of the page: assets are this platform's own, so that it works without the internet."""
    folder = "drf_spectacular_sidecar/swagger-ui-dist"

    def docs(request: HttpRequest) -> HttpResponse:
        listed = ",".join(f'{{"name":"OCPI {number}","url":"/ocpi/openapi/{number}.json"}}' for number in site.versions)
        return HttpResponse(
            format_html(
                '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>OCPI of this platform</title>'
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
