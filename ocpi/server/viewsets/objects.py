"""Objects with an owner: what is pushed to `/{country_code}/{party_id}/{id}` and pulled by pages."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import MethodNotAllowed

from ocpi.module import Arrival, Exchanged, Level, OwnedObjects, PartyRef, Refusal, Stored, Tree, Unknown
from ocpi.server.bodies import dialect, lift, lowered, mended, merger, validated
from ocpi.server.paging import MOMENT, page_headers, read_query
from ocpi.server.viewsets.calls import AnsweringDoor, Matched, matched
from ocpi.server.viewsets.paths import match, object_address, qualified, split_path
from ocpi.wire.base import Wire
from ocpi.wire.envelope import StatusCode
from ocpi.wire.versions import InterfaceRole


class ExchangedDoor(AnsweringDoor):
    """What owned objects and documents share: pages of ours, one object of theirs as it is stored here."""

    guesses = True

    @property
    def exchanged(self) -> Exchanged:
        assert self.module is not None
        shape = self.module.shape
        assert isinstance(shape, Exchanged)
        return shape

    def _page(self) -> HttpResponse:
        assert self.module is not None
        site, shape = self.site, self.exchanged
        between = shape.between if isinstance(shape, OwnedObjects) else None
        query = read_query(
            self.request.GET,
            default_limit=min(site.default_page, site.max_page),
            max_limit=site.max_page,
            version=dialect(self.exchanged.levels[0].cls, version=self.version, peer=self.peer),
            now=self.exchange.at,
            between=between,
        )
        if query.date_from is None and isinstance(self.exchanged, OwnedObjects) and self.exchanged.dated is not None:
            raise Refusal("date_from: this list needs it.", ocpi=StatusCode.INVALID_PARAMETERS)
        page = self.exchanged.page(self.peer, query)
        counted = int(self.request.GET["counted"]) if query.total is not None else None
        url = self.module.address(
            site.endpoint_url(self.version, self.module, InterfaceRole.SENDER), InterfaceRole.SENDER
        )
        headers = page_headers(page, query, url=url, max_limit=site.max_page, counted_at=counted, between=between)
        return self.answer(page.data, headers=headers)

    def _as_stored(self, segments: tuple[str, ...]) -> HttpResponse:
        owner, ids, level = self._target(segments)
        tree = self.exchanged.read_theirs(self.peer, owner, ids)
        if tree is None:
            raise Unknown(f"No {level.cls.__name__} {'/'.join(ids)} of {owner} is stored here.")
        told = lowered(level.cls, tree, version=self.version, peer=self.peer, owner=owner, theirs=True)
        return self.answer(told)

    def _target(self, segments: tuple[str, ...]) -> tuple[PartyRef, tuple[str, ...], Level]:
        """Owner, ids and level of a receiver path. Raises Unknown for a party that is not the peer's."""
        assert self.module is not None
        levels = self.exchanged.levels
        if not self.module.owner_first:
            owner, ids = self.module.sole_owner(self.peer), segments
            if owner is None:
                raise Unknown("This connection has no party, or several, whose objects these could be.")
        else:
            owner, ids = self.peer.their_party(*segments[:2]) if len(segments) > 2 else None, segments[2:]
            if len(segments) < 3:
                raise Unknown("The path must be /{country_code}/{party_id}/{id}.")
            if owner is None:
                raise Unknown(f"{segments[0]}-{segments[1]} is not a registered role of this connection.")
        if not 1 <= len(ids) <= len(levels):
            raise Unknown("There is nothing at this path.")
        level = levels[len(ids) - 1]
        if level.qualifier:
            ids += (qualified(self.request.GET.get(level.qualifier), level.otherwise),)
        self.exchange.object_path = "/".join((*owner.key, *ids))
        return owner, ids, level

    def _lifted(self, level: Level, body: Tree, owner: PartyRef) -> tuple[Tree, Wire]:
        """A whole object, mended, in the newest version and validated."""
        tree, applied = lift(level.cls, body, version=self.version, peer=self.peer, owner=owner)
        self._note(applied)
        return tree, validated(level.cls, tree, version=self.version, peer=self.peer)

    def _stored(self, store: Callable[[Arrival], Stored], arrival: Arrival) -> HttpResponse:
        def effect() -> HttpResponse:
            result = store(arrival)
            if result.refused:
                self.exchange.notes["violations"] = [result.refused]
                return self.answer(None, ocpi=StatusCode.INVALID_PARAMETERS, message=result.refused)
            if result.stale:
                self.exchange.notes["stale"] = True
            message = "Older than what is stored here; nothing was changed." if result.stale else None
            headers = {"Location": self._address(arrival.owner, result.ids)} if result.ids else None
            return self.answer(None, http=201 if result.created else 200, message=message, headers=headers)

        return self.write(effect)

    def _address(self, owner: PartyRef, ids: tuple[str, ...]) -> str:
        """Where the peer finds a document that it posted."""
        assert self.module is not None
        base = self.site.endpoint_url(self.version, self.module, InterfaceRole.RECEIVER)
        return object_address(self.module, base, ids, owner)

    # --- what the Sender interface reads ------------------------------------------------------------------------------

    def _readable(self, segments: tuple[str, ...]) -> bool:
        """Whether GET at this path of the Sender interface is the list or one object."""
        return not segments or (self.exchanged.serves_one and len(segments) <= len(self.exchanged.levels))

    def _ours(self, segments: tuple[str, ...]) -> HttpResponse:
        """GET at the Sender interface."""
        if not segments:
            return self._page()
        if self._readable(segments):
            return self._own_object(segments)
        if any(match(call.path, segments) is not None for call in self.exchanged.calls):
            raise MethodNotAllowed("GET")
        raise Unknown("There is nothing at this path.")

    def _own_object(self, segments: tuple[str, ...]) -> HttpResponse:
        owner = None
        if self.routing.to_country and self.routing.to_party:
            owner = self.peer.our_party(self.routing.to_country, self.routing.to_party)
        cls = self.exchanged.levels[len(segments) - 1].cls
        tree = self.exchanged.read_own(self.peer, owner, segments)
        if tree is None:
            raise Unknown(f"There is no {cls.__name__} {'/'.join(segments)} for you here.")
        self.exchange.object_path = "/".join(segments)
        return self.answer(lowered(cls, tree, version=self.version, peer=self.peer, owner=owner))

    def _calls(self, path: str) -> list[Matched]:
        """The shape's calls at this path."""
        if self.interface is not InterfaceRole.SENDER or not self.exchanged.calls:
            return []
        return matched(self.exchanged.calls, split_path(path))

    def _sender_methods(self) -> list[str]:
        try:
            readable = self._readable(split_path(self.kwargs.get("path", "")))
        except Unknown:
            return ["GET"]
        called = self.methods_at(self.exchanged.calls)
        return sorted({*called, "GET"}) if readable or not called else called


class OwnedObjectsDoor(ExchangedDoor):
    """Sender interface: GET a page or an object of ours. Receiver interface: GET, PUT, PATCH, DELETE an object of theirs."""

    @property
    def shape(self) -> OwnedObjects:
        assert self.module is not None and isinstance(self.module.shape, OwnedObjects)
        return self.module.shape

    def get(self, request: HttpRequest, path: str = "") -> HttpResponse:
        segments = split_path(path)
        if self.interface is not InterfaceRole.SENDER:
            return self._as_stored(segments)
        return self._ours(segments)

    def put(self, request: HttpRequest, path: str = "") -> HttpResponse:
        if called := self._calls(path):
            return self.routed(called)
        owner, ids, level = self._pushed_target(path, self.shape.put)
        tree, value = self._lifted(level, self.body(), owner)
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
        arrival = Arrival(
            peer=peer,
            owner=owner,
            ids=ids,
            level=level,
            version=version,
            now=self.exchange.at,
            last_updated=last_updated,
            merge=merger(level.cls, body, version=version, peer=peer, owner=owner, appends=level.appends),
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
        if called := self._calls(path):
            return self.routed(called)
        raise MethodNotAllowed("POST")

    @property
    def allowed_methods(self) -> list[str]:
        if self.interface is InterfaceRole.SENDER:
            return self._sender_methods()
        given = [("GET", True), ("PUT", True), ("PATCH", self.shape.patch), ("DELETE", self.shape.delete)]
        return [verb for verb, offered in given if offered]

    def _pushed_target(
        self, path: str, offered: Callable[..., Stored] | None
    ) -> tuple[PartyRef, tuple[str, ...], Level]:
        if self.interface is InterfaceRole.SENDER or offered is None:
            raise MethodNotAllowed(self.request.method or "")
        return self._target(split_path(path))

    def _same_identity(self, level: Level, tree: Tree, owner: PartyRef, ids: tuple[str, ...]) -> None:
        """Path and body must agree where the body says something; CiStrings compare without case."""
        told = {level.id_field: ids[-2 if level.qualifier else -1]}
        if level.qualifier:
            told[level.qualifier] = ids[-1]
        if level is self.shape.levels[0]:
            told |= {"country_code": owner.country_code, "party_id": owner.party_id}
        for name, expected in told.items():
            value = tree.get(name)
            if value is not None and (not isinstance(value, str) or value.upper() != expected.upper()):
                raise Refusal(
                    f"{name}: the path says {expected}, the body says something else.",
                    ocpi=StatusCode.INVALID_PARAMETERS,
                )
