"""Documents: sent once by POST, kept at the URL that the answer names, never changed (mod_cdrs#emsp_interface)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import MethodNotAllowed

from ocpi.module import Arrival, Documents, PartyRef, Refusal, Tree
from ocpi.server.viewsets.objects import ExchangedDoor
from ocpi.server.viewsets.paths import split_path
from ocpi.wire.envelope import StatusCode
from ocpi.wire.versions import InterfaceRole


class DocumentsDoor(ExchangedDoor):
    """Sender interface: GET a page of ours. Receiver interface: POST, and GET of what was posted."""

    @property
    def shape(self) -> Documents:
        assert self.module is not None and isinstance(self.module.shape, Documents)
        return self.module.shape

    def get(self, request: HttpRequest, path: str = "") -> HttpResponse:
        segments = split_path(path)
        if self.interface is InterfaceRole.SENDER:
            return self._ours(segments)
        if not segments:
            raise MethodNotAllowed("GET")
        # the id came in a body and may hold what separates segments
        before = 0 if self.shape.partyless else 2
        return self._as_stored((*segments[:before], "/".join(segments[before:])) if segments[before:] else segments)

    def post(self, request: HttpRequest, path: str = "") -> HttpResponse:
        if called := self._calls(path):
            return self.routed(called)
        if self.interface is InterfaceRole.SENDER or split_path(path):
            raise MethodNotAllowed("POST")
        body = self.body()
        owner = self._owner(body)
        level = self.shape.level
        tree, value = self._lifted(level, body, owner)
        if not getattr(value, level.id_field):
            raise Refusal(f"{level.id_field}: Expected at least one character.", ocpi=StatusCode.INVALID_PARAMETERS)
        arrival = Arrival(
            peer=self.peer,
            owner=owner,
            ids=(getattr(value, level.id_field),),
            level=level,
            version=self.version,
            now=self.exchange.at,
            last_updated=value.last_updated,  # type: ignore[attr-defined]  # every document has it
            tree=tree,
        )
        self.exchange.object_path = "/".join((*owner.key, *arrival.ids))
        return self._stored(self.shape.post, arrival)

    def change(self, request: HttpRequest, path: str = "") -> HttpResponse:
        """Only at a call: a document is not changed."""
        if called := self._calls(path):
            return self.routed(called)
        raise MethodNotAllowed(request.method or "")

    put = patch = change

    def _owner(self, body: Tree) -> PartyRef:
        """Whose document this is. Raises Refusal 2001 for a party that is not the peer's, or where nobody can tell."""
        if self.shape.partyless:
            assert self.module is not None
            named = self.peer.their_party(self.routing.from_country or "", self.routing.from_party or "")
            owner = named or self.module.sole_owner(self.peer)
            sentence = "OCPI-from-country-code, OCPI-from-party-id: name the party of this connection that sends it."
        else:
            owner = self.peer.their_party(str(body.get("country_code", "")), str(body.get("party_id", "")))
            sentence = "country_code, party_id: not a registered role of this connection."
        if owner is None:
            raise Refusal(sentence, ocpi=StatusCode.INVALID_PARAMETERS)
        return owner

    @property
    def allowed_methods(self) -> list[str]:
        if self.interface is InterfaceRole.SENDER:
            return self._sender_methods()
        return ["GET"] if self.kwargs.get("path", "").strip("/") else ["POST"]
