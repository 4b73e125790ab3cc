"""The form: what is wanted, whom it concerns, what speaks against it before it is sent, and what would be sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse

from backoffice.commands.actions import looking, sending
from backoffice.commands.actions.sending import UnableToCommand, Wish
from backoffice.commands.admin import finding
from backoffice.commands.admin.words import KINDS
from backoffice.commands.rules.precheck import LONGEST_RESERVATION, Objection, obstacle
from backoffice.console.cells import masked
from backoffice.console.given import number
from backoffice.roaming_site import site
from ocpi.wire.commands import CommandType

SEND, UNLOCK = "commands.send_command", "commands.unlock_connector"

MINUTES = "30"
WITH_TOKEN = frozenset({CommandType.START_SESSION.value, CommandType.RESERVE_NOW.value})
AT_EVSE = WITH_TOKEN | {CommandType.UNLOCK_CONNECTOR.value}


@dataclass(slots=True)
class Filled:
    """The form as somebody left it, and what was made of it. `missing`: what there is to say about single fields."""

    kind: str
    token: str = ""
    evse: str = ""
    connector: str = ""
    minutes: str = MINUTES
    session: str = ""
    reservation: str = ""
    emsp: str = ""
    wish: Wish | None = None
    choices: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
    connectors: tuple[str, ...] = ()


class AskingPages:
    """Part of CommandAdmin: `new` is the form."""

    def asking_urls(self: Any) -> list[URLPattern]:
        return [self.page("new/", self.new_view, "new")]

    def new_view(self: Any, request: HttpRequest) -> HttpResponse:
        given = request.POST if request.method == "POST" else request.GET
        allowed = [kind for kind in KINDS if may(request, kind)]
        if not allowed:
            raise PermissionDenied
        kind = given.get("kind", "")
        kind = kind if kind in allowed else allowed[0]
        filled = read(request, given, kind)
        problem = ""
        if request.method == "POST" and given.get("send"):
            try:
                return self._sent(request, filled)
            except UnableToCommand as error:
                problem = str(error)
        return self._form(request, filled, allowed, problem, asked=bool(set(given) - {"kind", "csrfmiddlewaretoken"}))

    def _sent(self: Any, request: HttpRequest, filled: Filled) -> HttpResponse:
        """Raises UnableToCommand."""
        if filled.wish is None:
            raise UnableToCommand("; ".join(filled.missing.values()) or "Say what the command concerns.")
        row = sending.send(filled.wish, now=site.now())
        self.note(request, row, f"{KINDS[filled.kind]}: {', '.join(filled.named.values())}")
        self.done(request, "It is on its way; this page shows what comes of it.")
        return HttpResponseRedirect(reverse("admin:commands_command_change", args=[row.pk]))

    def _form(
        self: Any, request: HttpRequest, filled: Filled, allowed: list[str], problem: str, *, asked: bool
    ) -> HttpResponse:
        objections: list[Objection] = []
        body = None
        if filled.wish is not None:
            now = site.now()
            objections = sending.check(filled.wish, now=now)
            try:
                body = sending.body(filled.wish, now=now)
            except UnableToCommand as error:
                problem = problem or str(error)
        if body is not None and "token" in body and not request.user.has_perm("tokens.see_uid"):
            body = body | {"token": body["token"] | {"uid": masked(body["token"]["uid"])}}
        certain = obstacle(objections)
        context = {
            "title": KINDS[filled.kind],
            "crumbs": [("Commands", reverse("admin:commands_command_changelist"))],
            "kinds": [(kind, KINDS[kind], kind == filled.kind) for kind in allowed],
            "filled": filled,
            "with_token": filled.kind in WITH_TOKEN,
            "at_evse": filled.kind in AT_EVSE,
            "emsps": finding.emsps(request),
            "problem": problem,
            "asked": asked,
            "objections": objections,
            "certain": certain,
            "body": body,
        }
        return self.render(request, "console/commands/new.html", context, status=422 if problem else 200)


def may(request: HttpRequest, kind: str) -> bool:
    return request.user.has_perm(UNLOCK if kind == CommandType.UNLOCK_CONNECTOR else SEND)


def read(request: HttpRequest, given: Any, kind: str) -> Filled:
    """`given`: a QueryDict. The wish is there as soon as everything that it needs was found."""
    filled = Filled(
        kind,
        **{name: given.get(name, "").strip()[:100] for name in ("token", "evse", "connector", "session", "emsp")},
        minutes=given.get("minutes", MINUTES).strip()[:10],
        reservation=given.get("reservation", "").strip()[:36],
    )
    wanted: dict[str, Any] = {"kind": kind, "asked_by": request.user.get_username()}
    if kind in WITH_TOKEN:
        wanted["token"] = _find(filled, "token", finding.token(request, filled.token), "a card of ours")
        if wanted["token"] is not None:
            row = wanted["token"]
            filled.named["token"] = f"{row.visual_number or masked(row.object_id)}, {row.contract_id}, {row.party}"
    if kind in AT_EVSE:
        _read_evse(request, filled, wanted)
    if kind == CommandType.RESERVE_NOW:
        minutes = number(filled.minutes)
        longest = LONGEST_RESERVATION // timedelta(minutes=1)
        if minutes is None or not 0 < minutes <= longest:
            filled.missing["minutes"] = f"For how many minutes? From 1 to {longest}."
        else:
            wanted["expires_at"] = site.now() + timedelta(minutes=minutes)
    if kind == CommandType.STOP_SESSION:
        wanted["session"] = _find(filled, "session", finding.session(request, filled.session), "a session")
        if wanted["session"] is not None:
            row = wanted["session"]
            filled.named["session"] = f"{row.object_id} at {row.party}, {row.evse_id or row.evse_uid}"
    if kind in (CommandType.CANCEL_RESERVATION, CommandType.UNLOCK_CONNECTOR):
        party = next((each for each in finding.emsps(request) if str(each.pk) == filled.emsp), None)
        wanted["emsp"] = party
        if party is None:
            filled.missing["emsp"] = "For which eMSP of ours?"
    if kind == CommandType.CANCEL_RESERVATION:
        wanted["reservation_id"] = filled.reservation
        if not filled.reservation:
            filled.missing["reservation"] = "Which reservation?"
        filled.named["reservation"] = filled.reservation
    if not filled.missing:
        filled.wish = Wish(**wanted)
    return filled


def _read_evse(request: HttpRequest, filled: Filled, wanted: dict[str, Any]) -> None:
    found = _find(filled, "evse", finding.evse(request, filled.evse), "an EVSE")
    if found is None:
        return
    place = found.location
    filled.named["evse"] = (
        f"{found.evse_id or found.uid}, {place.name or place.object_id}, {place.city} ({place.party})"
    )
    wanted |= {"location": place, "evse_uid": found.uid, "connector_id": filled.connector}
    filled.connectors = looking.connectors(found)
    if filled.kind == CommandType.UNLOCK_CONNECTOR and not filled.connector and len(filled.connectors) > 1:
        filled.missing["connector"] = "Which of its connectors?"


def _find(filled: Filled, name: str, found: finding.Found, what: str) -> Any:
    typed = getattr(filled, name)
    if found.one is None:
        if found.choices:
            filled.choices[name] = found.choices
            filled.missing[name] = f"{typed!r} could be several: choose one."
        else:
            filled.missing[name] = (
                f"There is no such thing as {typed!r} here: {what} is needed." if typed else f"Name {what}."
            )
    return found.one
