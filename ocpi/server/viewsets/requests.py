"""Asynchronous requests: taken or refused at once, results posted to a response_url later (mod_commands, mod_charging_profiles).

Where a result goes is the requester's word. It is believed only where the requester has shown that the host is its own: else
anybody with a token could make this platform post to whom it likes.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import MethodNotAllowed

from ocpi import versions
from ocpi.client import UrlDenied, read_url
from ocpi.module import Ask, AskArrival, AsyncRequests, PartyRef, Refusal, ResultArrival, Tree, Unknown
from ocpi.server.bodies import lift, validated
from ocpi.server.viewsets.calls import AnsweringDoor, matched
from ocpi.server.viewsets.paths import match, split_path
from ocpi.wire.base import Wire
from ocpi.wire.envelope import StatusCode
from ocpi.wire.versions import InterfaceRole


class RequestsDoor(AnsweringDoor):
    """Receiver interface: the asks of the shape. Sender interface: results at `{kind}/{uid}`, and the calls of the shape."""

    @property
    def shape(self) -> AsyncRequests:
        assert self.module is not None and isinstance(self.module.shape, AsyncRequests)
        return self.module.shape

    def call(self, request: HttpRequest, path: str = "") -> HttpResponse:
        segments = split_path(path)
        if self.interface is InterfaceRole.RECEIVER:
            return self._asked(segments)
        kind = self._kind(segments)
        if kind is None:
            return self.routed(matched(self.shape.calls, segments))
        if request.method != "POST":
            raise MethodNotAllowed(request.method or "")
        return self._result(kind, segments[1])

    get = post = put = patch = delete = call

    @property
    def allowed_methods(self) -> list[str]:
        try:
            segments = split_path(self.kwargs.get("path", ""))
        except Unknown:
            return []
        if self.interface is InterfaceRole.RECEIVER:
            return sorted({ask.method for ask, _ in self._matching(segments)})
        return ["POST"] if self._kind(segments) else self.methods_at(self.shape.calls)

    # --- Receiver interface -------------------------------------------------------------------------------------------

    def _matching(self, segments: tuple[str, ...]) -> Iterator[tuple[Ask, dict[str, str]]]:
        """The asks at this path that the version of this door knows."""
        for ask in self.shape.asks:
            found = match(ask.path, segments)
            if found is not None and not versions.lacks(self.version, ask.path):
                yield ask, found

    def _asked(self, segments: tuple[str, ...]) -> HttpResponse:
        matching = list(self._matching(segments))
        if not matching:
            raise Unknown("There is nothing at this path.")
        asked = next((found for found in matching if found[0].method == self.request.method), None)
        if asked is None:
            raise MethodNotAllowed(self.request.method or "")
        ask, arrival = asked[0], self._arrival(*asked)
        return self.write(lambda: self._in_words(ask.receive(arrival), arrival.sender))

    def _arrival(self, ask: Ask, variables: dict[str, str]) -> AskArrival:
        query = dict(self.request.GET.items())
        sender = self._party(self.peer.theirs, self.exchange.from_party, sending=True)
        tree, value = self._read(ask.body, sender) if ask.body is not None else (None, None)
        url = query.pop("response_url", None) if value is None else getattr(value, "response_url", None)
        self._check_response_url(url)
        return AskArrival(
            peer=self.peer,
            version=self.version,
            kind=ask.kind,
            segments=variables,
            tree=tree,
            value=value,
            query=query,
            response_url=url or "",
            sender=sender,
            receiver=self._party(self.peer.ours, self.exchange.to_party, sending=False),
            now=self.exchange.at,
            correlation_id=self.exchange.correlation_id,
        )

    def _party(self, parties: tuple[PartyRef, ...], named: str, *, sending: bool) -> PartyRef | None:
        """Who asks or is asked: whom the routing header names, else the only one that it can be."""
        assert self.module is not None
        if named:
            return next((party for party in parties if str(party) == named.upper()), None)
        typical = self.module.sender_roles if sending else self.module.receiver_roles
        able = [party for party in parties if party.roles & typical]
        return able[0] if len(able) == 1 else None

    def _read(self, cls: type[Wire], owner: PartyRef | None) -> tuple[Tree, Wire]:
        tree, applied = lift(cls, self.body(), version=self.version, peer=self.peer, owner=owner)
        self._note(applied)
        return tree, validated(cls, tree, version=self.version, peer=self.peer)

    def _check_response_url(self, url: str | None) -> None:
        """Raises Refusal 2001. The client's own reading of the URL is compared: two readings could be told apart."""
        why = ""
        if not url:
            why = "Expected the URL that the result is to be posted to."
        elif len(url) > 255:
            why = "Expected at most 255 characters."
        else:
            assert self.site.client is not None
            try:
                target = read_url(url, self.site.client.policy)
            except UrlDenied as denied:
                why = str(denied)
            else:
                if f"{target.scheme}://{target.host}:{target.port}" not in self.peer.origins:
                    why = f"{target.origin} is not among the hosts that are confirmed for this connection."
        if why:
            details = [f"response_url: {why}"]
            raise Refusal(details[0], ocpi=StatusCode.INVALID_PARAMETERS, details=details)

    # --- Sender interface ---------------------------------------------------------------------------------------------

    def _kind(self, segments: tuple[str, ...]) -> str | None:
        """Of the request whose result is posted at this path; None at another one."""
        if len(segments) != 2 or any(match(call.path, segments) is not None for call in self.shape.calls):
            return None
        return next((ask.kind for ask in self.shape.asks if ask.kind == segments[0]), None)

    def _result(self, kind: str, uid: str) -> HttpResponse:
        self.exchange.object_path = f"{kind}/{uid}"
        tree, value = self._read(self.shape.ask(kind).result, None)
        arrival = ResultArrival(
            peer=self.peer,
            version=self.version,
            kind=kind,
            uid=uid,
            tree=tree,
            value=value,
            now=self.exchange.at,
            correlation_id=self.exchange.correlation_id,
        )
        return self.write(lambda: self._in_words(self.shape.heard(arrival), None))
