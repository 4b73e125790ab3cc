"""Ask and get the answer: a route table of functions with typed body and answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import MethodNotAllowed

from ocpi.module import Answer, Call, CallArrival, Calls, PartyRef, Tree, Unknown
from ocpi.server.bodies import lift, lowered, mended, merger, validated
from ocpi.server.door import Door
from ocpi.server.viewsets.paths import match, split_path
from ocpi.wire import json as wire_json
from ocpi.wire.base import Wire

Matched = tuple[Call, dict[str, str]]
"""A route and the variables of its path."""


def matched(routes: Sequence[Call], segments: tuple[str, ...]) -> list[Matched]:
    """Those at this path, whatever their methods."""
    return [(route, found) for route in routes if (found := match(route.path, segments)) is not None]


class AnsweringDoor(Door):
    """A door with routes that are functions."""

    def routed(self, matching: Sequence[Matched]) -> HttpResponse:
        """Raises Unknown for a path that no route has, MethodNotAllowed for one that has other methods."""
        if not matching:
            raise Unknown("There is nothing at this path.")
        for route, variables in matching:
            if route.method == self.request.method:
                return self._answered(route, variables)
        raise MethodNotAllowed(self.request.method or "")

    def methods_at(self, routes: Sequence[Call]) -> list[str]:
        """Of the path that was asked for; none where nothing is."""
        try:
            segments = split_path(self.kwargs.get("path", ""))
        except Unknown:
            return []
        return sorted({route.method for route in routes if match(route.path, segments) is not None})

    def _answered(self, route: Call, variables: dict[str, str]) -> HttpResponse:
        tree: Tree | None = None
        value: Wire | None = None
        merge: Callable[[Tree], tuple[Tree, Wire]] | None = None
        peer = self.peer
        if route.partial and route.body is not None:
            tree, applied = mended(route.body, self.body(), version=self.version, peer=peer, owner=None, partial=True)
            self._note(applied)
            merge = merger(route.body, tree, version=self.version, peer=peer, owner=None)
        elif route.body is not None and (self.has_body or not route.body_optional):
            tree, applied = lift(route.body, self.body(), version=self.version, peer=peer, owner=None)
            self._note(applied)
            value = validated(route.body, tree, version=self.version, peer=peer)
        arrival = CallArrival(
            peer=peer,
            version=self.version,
            segments=variables,
            tree=tree,
            value=value,
            query=dict(self.request.GET.items()) if self.meta.get("QUERY_STRING") else {},
            now=self.exchange.at,
            correlation_id=self.exchange.correlation_id,
            sender=peer.their_party(self.routing.from_country or "", self.routing.from_party or ""),
            receiver=peer.our_party(self.routing.to_country or "", self.routing.to_party or ""),
            merge=merge,
            token=self.shown if self.module and self.module.bootstrap else "",
        )
        if route.atomic:
            return self.write(lambda: self._said(route, arrival))
        self.prove()
        return self._said(route, arrival)

    def _said(self, route: Call, arrival: CallArrival) -> HttpResponse:
        return self._in_words(route.answer(arrival))

    def _in_words(self, answer: Answer, owner: PartyRef | None = None) -> HttpResponse:
        """The answer in the peer's version. What the log says of the object, the function says best."""
        self.exchange.object_path = answer.object_path or self.exchange.object_path
        data: bytes | None = None
        if answer.data is not None:
            data = (
                lowered(answer.cls, answer.data, version=self.version, peer=self.peer, owner=owner)
                if answer.cls
                else wire_json.encode(answer.data)
            )
        return self.answer(data, http=answer.http, ocpi=answer.ocpi, message=answer.message, headers=answer.headers)


class CallsDoor(AnsweringDoor):
    """One view serves all routes of the module."""

    @property
    def routes(self) -> tuple[Call, ...]:
        assert self.module is not None and isinstance(self.module.shape, Calls)
        return self.module.shape.routes

    def call(self, request: HttpRequest, path: str = "") -> HttpResponse:
        return self.routed(matched(self.routes, split_path(path)))

    get = post = put = patch = delete = call

    @property
    def allowed_methods(self) -> list[str]:
        return self.methods_at(self.routes)
