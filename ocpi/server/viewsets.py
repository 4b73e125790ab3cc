"""The generic viewsets, one per shape of `ocpi.module`; they serve every module, role and version.

Which verbs exist is written on the shape. A flag that one module alone would set does not belong here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import MethodNotAllowed

from ocpi import versions
from ocpi.module import (
    Arrival,
    Call,
    CallArrival,
    Calls,
    Level,
    OwnedObjects,
    PartyRef,
    Refusal,
    Stored,
    Tree,
    Unknown,
)
from ocpi.server.bodies import context, lift, lowered, mended, validated
from ocpi.server.door import Door
from ocpi.server.paging import MOMENT, page_headers, read_query
from ocpi.wire import json as wire_json
from ocpi.wire.base import Wire
from ocpi.wire.envelope import StatusCode
from ocpi.wire.versions import InterfaceRole

_SEGMENT = re.compile("[ -~]{1,255}")


def split_path(path: str) -> tuple[str, ...]:
    """The segments below the module's URL, which the web server has percent-decoded; one trailing slash is tolerated.

    Raises Unknown for what can name nothing: empty segments, and any that are no CiString. Letters beyond ASCII would
    otherwise meet by case folding ("ſ" is "S" in upper case), and NUL would break the query.
    """
    trimmed = path.strip("/") if path.count("/") == len(path) else path.removeprefix("/").removesuffix("/")
    if not trimmed:
        return ()
    segments = tuple(trimmed.split("/"))
    if not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise Unknown("There is nothing at this path.")
    return segments


class OwnedObjectsDoor(Door):
    """Sender interface: GET a page or an object of ours. Receiver interface: GET, PUT, PATCH, DELETE an object of theirs."""

    @property
    def shape(self) -> OwnedObjects:
        assert self.module is not None and isinstance(self.module.shape, OwnedObjects)
        return self.module.shape

    def get(self, request: HttpRequest, path: str = "") -> HttpResponse:
        segments = split_path(path)
        if self.interface is InterfaceRole.SENDER:
            return self._page() if not segments else self._own_object(segments)
        owner, ids, level = self._target(segments)
        tree = self.shape.read_theirs(self.peer, owner, ids)
        if tree is None:
            raise Unknown(f"No {level.cls.__name__} {'/'.join(ids)} of {owner} is stored here.")
        return self.answer(lowered(level.cls, tree, version=self.version, peer=self.peer, owner=owner))

    def put(self, request: HttpRequest, path: str = "") -> HttpResponse:
        owner, ids, level = self._pushed_target(path, self.shape.put)
        tree, value = self._whole(level, owner)
        self._same_identity(level, tree, owner, ids)
        arrival = Arrival(
            peer=self.peer,
            owner=owner,
            ids=ids,
            level=level,
            version=self.version,
            now=self.exchange.at,
            last_updated=value.last_updated,  # type: ignore[attr-defined]  # every level's class has it
            tree=tree,
        )
        return self._stored(self.shape.put, arrival)

    def patch(self, request: HttpRequest, path: str = "") -> HttpResponse:
        store = self.shape.patch
        owner, ids, level = self._pushed_target(path, store)
        body, applied = mended(level.cls, self.body(), version=self.version, peer=self.peer, owner=owner, partial=True)
        self._note(applied)
        if "last_updated" not in body:
            raise Refusal("last_updated: every PATCH must carry it.", ocpi=StatusCode.INVALID_PARAMETERS)
        try:
            last_updated = MOMENT.validate_python(body["last_updated"])
        except (ValueError, TypeError) as error:
            raise Refusal(
                "last_updated: a DateTime such as 2026-04-01T12:00:00Z is expected.",
                ocpi=StatusCode.INVALID_PARAMETERS,
            ) from error
        self._same_identity(level, body, owner, ids)
        peer, version = self.peer, self.version

        def merge(stored: Tree) -> tuple[Tree, Wire]:
            ctx = context(peer, owner)
            merged = versions.patch_through(version, level.cls, stored, body, ctx)
            return merged, validated(level.cls, merged, version=version)

        arrival = Arrival(
            peer=peer,
            owner=owner,
            ids=ids,
            level=level,
            version=version,
            now=self.exchange.at,
            last_updated=last_updated,
            merge=merge,
            touched=frozenset(body) - {"last_updated"},
        )
        assert store is not None
        return self._stored(store, arrival)

    def delete(self, request: HttpRequest, path: str = "") -> HttpResponse:
        remove = self.shape.delete
        owner, ids, level = self._pushed_target(path, remove)
        assert remove is not None
        arrival = Arrival(
            peer=self.peer,
            owner=owner,
            ids=ids,
            level=level,
            version=self.version,
            now=self.exchange.at,
            last_updated=self.exchange.at,
        )
        return self._stored(remove, arrival)

    def post(self, request: HttpRequest, path: str = "") -> HttpResponse:
        """Not supported for client owned objects: PUT creates (transport_and_format#client_owned_object_push)."""
        raise MethodNotAllowed("POST")

    @property
    def allowed_methods(self) -> list[str]:
        if self.interface is InterfaceRole.SENDER:
            return ["GET"]
        given = [("GET", True), ("PUT", True), ("PATCH", self.shape.patch), ("DELETE", self.shape.delete)]
        return [verb for verb, offered in given if offered]

    # the sender interface -------------------------------------------------------------------------------------------

    def _page(self) -> HttpResponse:
        assert self.module is not None
        site = self.site
        query = read_query(
            self.request.GET,
            default_limit=min(site.default_page, site.max_page),
            max_limit=site.max_page,
            version=self.version,
            now=self.exchange.at,
        )
        page = self.shape.page(self.peer, query)
        counted = int(self.request.GET["counted"]) if query.total is not None else None
        url = site.endpoint_url(self.version, self.module, InterfaceRole.SENDER)
        headers = page_headers(page, query, url=url, max_limit=site.max_page, counted_at=counted)
        return self.answer(page.data, headers=headers)

    def _own_object(self, segments: tuple[str, ...]) -> HttpResponse:
        levels = self.shape.levels
        if len(segments) > len(levels) or not self.shape.serves_one:
            raise Unknown("There is nothing at this path.")
        owner = None
        if self.routing.to_country and self.routing.to_party:
            owner = self.peer.our_party(self.routing.to_country, self.routing.to_party)
        tree = self.shape.read_own(self.peer, owner, segments)
        if tree is None:
            raise Unknown(f"There is no {levels[len(segments) - 1].cls.__name__} {'/'.join(segments)} for you here.")
        cls = levels[len(segments) - 1].cls
        self.exchange.object_path = "/".join(segments)
        return self.answer(lowered(cls, tree, version=self.version, peer=self.peer, owner=owner))

    # the receiver interface -----------------------------------------------------------------------------------------

    def _target(self, segments: tuple[str, ...]) -> tuple[PartyRef, tuple[str, ...], Level]:
        """Owner, ids and level of a receiver path. Raises Unknown for a party that is not the peer's."""
        levels = self.shape.levels
        if not 3 <= len(segments) <= 2 + len(levels):
            raise Unknown("The path must be /{country_code}/{party_id}/{id}.")
        owner = self.peer.their_party(segments[0], segments[1])
        if owner is None:
            raise Unknown(f"{segments[0]}-{segments[1]} is not a registered role of this connection.")
        ids = segments[2:]
        self.exchange.object_path = "/".join((*owner.key, *ids))
        return owner, ids, levels[len(ids) - 1]

    def _pushed_target(
        self, path: str, offered: Callable[..., Stored] | None
    ) -> tuple[PartyRef, tuple[str, ...], Level]:
        if self.interface is InterfaceRole.SENDER or offered is None:
            raise MethodNotAllowed(self.request.method or "")
        return self._target(split_path(path))

    def _whole(self, level: Level, owner: PartyRef) -> tuple[Tree, Wire]:
        tree, applied = lift(level.cls, self.body(), version=self.version, peer=self.peer, owner=owner)
        self._note(applied)
        return tree, validated(level.cls, tree, version=self.version)

    def _same_identity(self, level: Level, tree: Tree, owner: PartyRef, ids: tuple[str, ...]) -> None:
        """Path and body must agree where the body says something; CiStrings compare without case."""
        told = {level.id_field: ids[-1]}
        if len(ids) == 1:
            told |= {"country_code": owner.country_code, "party_id": owner.party_id}
        for name, expected in told.items():
            value = tree.get(name)
            if value is not None and (not isinstance(value, str) or value.upper() != expected.upper()):
                raise Refusal(
                    f"{name}: the path says {expected}, the body says something else.",
                    ocpi=StatusCode.INVALID_PARAMETERS,
                )

    def _stored(self, store: Callable[[Arrival], Stored], arrival: Arrival) -> HttpResponse:
        def effect() -> HttpResponse:
            result = store(arrival)
            if result.stale:
                self.exchange.notes["stale"] = True
            message = "Older than what is stored here; nothing was changed." if result.stale else None
            return self.answer(None, http=201 if result.created else 200, message=message)

        return self.write(effect)


class CallsDoor(Door):
    """A route table of functions with typed body and answer. One view serves all routes of the module."""

    @property
    def routes(self) -> tuple[Call, ...]:
        assert self.module is not None and isinstance(self.module.shape, Calls)
        return self.module.shape.routes

    def call(self, request: HttpRequest, path: str = "") -> HttpResponse:
        segments = split_path(path)
        matching = [(route, found) for route in self.routes if (found := _match(route.path, segments)) is not None]
        if not matching:
            raise Unknown("There is nothing at this path.")
        for route, variables in matching:
            if route.method == request.method:
                return self._answered(route, variables)
        raise MethodNotAllowed(request.method or "")

    get = post = put = patch = delete = call

    @property
    def allowed_methods(self) -> list[str]:
        """Of the path that was asked for; none where nothing is."""
        try:
            segments = split_path(self.kwargs.get("path", ""))
        except Unknown:
            return []
        return sorted({route.method for route in self.routes if _match(route.path, segments) is not None})

    def _answered(self, route: Call, variables: dict[str, str]) -> HttpResponse:
        tree: Tree | None = None
        value: Wire | None = None
        peer = self.peer
        if route.body is not None and (self.has_body or not route.body_optional):
            tree, applied = lift(route.body, self.body(), version=self.version, peer=peer, owner=None)
            self._note(applied)
            value = validated(route.body, tree, version=self.version)
        answer = route.answer(
            CallArrival(
                peer=peer,
                version=self.version,
                segments=variables,
                tree=tree,
                value=value,
                query=dict(self.request.GET.items()),
                now=self.exchange.at,
                correlation_id=self.exchange.correlation_id,
                token=self.request.auth if self.module and self.module.bootstrap else "",
            )
        )
        data: bytes | None = None
        if answer.data is not None:
            data = (
                lowered(answer.cls, answer.data, version=self.version, peer=peer, owner=None)
                if answer.cls
                else wire_json.encode(answer.data)
            )
        return self.answer(data, http=answer.http, ocpi=answer.ocpi, message=answer.message, headers=answer.headers)


def _match(template: str, segments: tuple[str, ...]) -> dict[str, str] | None:
    names = [part for part in template.split("/") if part]
    if len(names) != len(segments):
        return None
    found: dict[str, str] = {}
    for name, segment in zip(names, segments, strict=True):
        if name.startswith("{"):
            found[name.strip("{}")] = segment
        elif name != segment:
            return None
    return found


def join_path(*segments: str) -> str:
    """Path segments percent-encoded, joined by one slash: how our own URLs name an object."""
    return "/".join(quote(segment, safe="") for segment in segments)


VERBS: dict[str, str] = {verb: verb for verb in ("get", "post", "put", "patch", "delete")}


def door_for(shape: Any) -> type[Door]:
    """The viewset of a shape. Raises KeyError for a shape without one."""
    return {OwnedObjects: OwnedObjectsDoor, Calls: CallsDoor}[type(shape)]
