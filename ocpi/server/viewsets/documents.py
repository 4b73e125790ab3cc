"""Documents: sent once by POST, kept at the URL that the answer names, never changed (mod_cdrs#emsp_interface)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import MethodNotAllowed

from ocpi.module import Arrival, Documents, Refusal, Unknown
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
        if self.interface is InterfaceRole.RECEIVER:
            if not segments:
                raise MethodNotAllowed("GET")
            # the id came in a body and may hold what separates segments
            return self._as_stored((*segments[:2], "/".join(segments[2:])) if len(segments) > 3 else segments)
        if segments:
            raise Unknown("There is nothing at this path.")
        return self._page()

    def post(self, request: HttpRequest, path: str = "") -> HttpResponse:
        if self.interface is InterfaceRole.SENDER or split_path(path):
            raise MethodNotAllowed("POST")
        body = self.body()
        owner = self.peer.their_party(str(body.get("country_code", "")), str(body.get("party_id", "")))
        if owner is None:
            raise Refusal(
                "country_code, party_id: not a registered role of this connection.",
                ocpi=StatusCode.INVALID_PARAMETERS,
            )
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

    @property
    def allowed_methods(self) -> list[str]:
        if self.interface is InterfaceRole.SENDER:
            return ["GET"]
        return ["GET"] if self.kwargs.get("path", "").strip("/") else ["POST"]
