"""`connect check`: ask a partner for a few pages of each module and say what it does differently; store no object.

Only the Exchange log and the Step rows of the flow "check" remain: one Step for each module, whose `detail` is the report
as JSON, so that the connection's page shows the last check. A pull (`pulling`) reads everything and stores it; this reads
at most `PAGES` pages, tries what an honest pull never asks (a page of one, a date nobody changed anything after), and looks
at what it was told more closely: counts, links, repeats, clocks, and which repairs would make refused objects valid.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from backoffice.delivery.actions.check_report import Report
from backoffice.delivery.actions.pulling import farthest, owner_of
from backoffice.fields import DocumentField
from backoffice.partners import peers
from backoffice.partners.actions.connections import UnableToConnect
from backoffice.partners.actions.discovery import Line, started
from backoffice.partners.models import Connection, Endpoint
from backoffice.partners.rules import REGISTERED, ConnectionState, RoleState, origin
from backoffice.partners.secrets import UnableToDecrypt, decrypt
from backoffice.roaming_site import site
from ocpi import versions
from ocpi.client import Delivered
from ocpi.module import Exchanged, Module, PartyRef, Peer
from ocpi.server.bodies import context, dialect
from ocpi.server.paging import MOMENT
from ocpi.site import Outgoing
from ocpi.versions.repairs import REPAIRS, repair
from ocpi.wire import json as wire_json
from ocpi.wire.base import date_time_text
from ocpi.wire.headers import Routing, next_link
from ocpi.wire.versions import InterfaceRole

FLOW = "check"
PAGES = 3
PAGE = 50
TOLERATED_SKEW = 30.0
"""Seconds between the partner's clock and ours that nobody needs to hear of."""

_REPAIRED = 50
"""For so many refused objects of a module the repairs are tried: what the next thousand need is the same."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One answered request: its list, and where the partner says that the list goes on."""

    items: list[Any]
    total: int | None
    page_limit: int | None
    next_url: str | None


def check(connection: Connection) -> dict[str, Any]:
    """Dry pull of each module that the partner offers as Sender. Raises UnableToConnect when there is nothing to ask.

    A pause or suspension does not stop it: a check is how one finds out whether to go on.
    """
    if ConnectionState(connection.state) not in REGISTERED:
        raise UnableToConnect(f"{connection} is {connection.state.lower()}: it can be checked once it is registered.")
    peer = peers.of_connection(connection.pk)
    try:
        line = Line(connection, FLOW, decrypt(connection.token_out))
    except UnableToDecrypt as error:
        raise UnableToConnect(str(error)) from error
    assert peer is not None
    began = started(connection, FLOW)
    modules: dict[str, dict[str, Any]] = {}
    unchecked: dict[str, str] = {}
    for endpoint in connection.endpoints.filter(role="SENDER").exclude(identifier="credentials"):
        readable = [module for module in site.parts(endpoint.identifier) if isinstance(module.shape, Exchanged)]
        if not readable:
            unchecked[endpoint.identifier] = "This platform does not exchange that module."
        for module in readable:
            report = _Check(line, peer, endpoint, module).run()
            modules[module.identifier] = report.tree()
            line.tell(
                module.identifier,
                ok=report.good,
                cause="" if report.good else "check_failed" if report.error else "deviations",
                detail=DocumentField.write(modules[module.identifier]),
            )
    if not modules:
        line.tell("Nothing to check", ok=None, detail="The partner offers no Sender interface that we can read.")
    return {
        "connection": connection.name,
        "version": connection.version,
        "checked_at": date_time_text(began),
        "good": all(report["good"] for report in modules.values()),
        "modules": modules,
        "not_checked": unchecked,
    }


class _Check:
    """The dry pull of one module: the pages, then two probes."""

    def __init__(self, line: Line, peer: Peer, endpoint: Endpoint, module: Module) -> None:
        assert isinstance(module.shape, Exchanged)
        self.line = line
        self.peer = peer
        self.module = module
        self.address = module.address(endpoint.url, InterfaceRole.SENDER)
        self.level = module.shape.levels[0]
        self.cls = self.level.cls
        self.version = dialect(self.cls, version=line.connection.version, peer=peer)
        self.limit = min(line.connection.page_limit or PAGE, PAGE)
        self.farthest = farthest(module.identifier, site.now())
        self.report = Report(url=self.address)
        self.seen: set[str] = set()
        self.newest: datetime | None = None
        waiting = line.connection.roles.filter(state=RoleState.AWAITING_APPROVAL).select_related("party")
        self.claimed = {(role.party.country_code, role.party.party_id) for role in waiting}

    def run(self) -> Report:
        report = self.report
        url = self._url(offset=0, limit=self.limit)
        asked_urls: set[str] = set()
        while True:
            asked_urls.add(url)
            asked = self._ask(url)
            if asked is None:
                return report
            report.pages += 1
            report.objects += len(asked.items)
            if report.pages == 1:
                report.counted = asked.total
                self._headers(asked)
            if len(asked.items) > self.limit:
                report.note(
                    report.paging, f"Asked for at most {self.limit} objects, the partner sent {len(asked.items)}."
                )
            self._read(asked.items)
            following = asked.next_url
            report.complete = following is None
            if following is None or report.pages == PAGES:
                break
            if following in asked_urls:
                report.note(
                    report.paging, "The next link leads to a page that was read already: the pages run in a circle."
                )
                break
            if not asked.items:
                report.note(report.paging, "A page without objects has a next link.")
                break
            url = following
        self._count()
        self._probe_limit()
        self._probe_date()
        return report

    # --- requests -------------------------------------------------------------------------------------------------

    def _url(self, **query: Any) -> str:
        if self.farthest is not None:
            query = {"date_from": date_time_text(self.farthest.replace(microsecond=0))} | query
        glue = "&" if urlsplit(self.address).query else "?"
        return f"{self.address}{glue}{urlencode(query)}"

    def _ask(self, url: str) -> _Asked | None:
        report, connection = self.report, self.line.connection
        if origin(url) not in connection.confirmed_origins:
            report.error = (
                f"{origin(url)} is not a confirmed host: confirm it on the connection before we send our token there."
            )
            return None
        ours, theirs = next(iter(self.peer.ours), None), next(iter(self.peer.theirs), None)
        outcome = site.call(
            Outgoing(
                method="GET",
                url=url,
                token=self.line.token,
                connection=connection.pk,
                module=self.module.identifier,
                plain_token=connection.plain_token,
                routing=Routing(*theirs.key, *ours.key) if ours and theirs else None,
                trigger=FLOW,
            )
        )
        report.slowest_ms = max(report.slowest_ms, outcome.elapsed_ms)
        for oddity in outcome.oddities:
            report.note(report.oddities, f"Envelope: {oddity}")
        if not isinstance(outcome, Delivered):
            report.error = outcome.reason
            return None
        self._clock(outcome.answer.timestamp, outcome.elapsed_ms)
        if not isinstance(outcome.answer.data, list):
            report.error = "The answer's data is no list."
            return None
        return _Asked(
            items=outcome.answer.data,
            total=_number(outcome.headers.get("X-Total-Count")),
            page_limit=_number(outcome.headers.get("X-Limit")),
            next_url=next_link(outcome.headers.get("Link")),
        )

    # --- what a page says of itself -------------------------------------------------------------------------------

    def _headers(self, asked: _Asked) -> None:
        paging = self.report.paging
        if asked.total is None:
            self.report.note(paging, "X-Total-Count is missing or no number.")
        if asked.page_limit is None:
            self.report.note(paging, "X-Limit is missing or no number.")
        elif asked.page_limit < len(asked.items):
            self.report.note(paging, f"X-Limit says {asked.page_limit}, the page holds {len(asked.items)} objects.")

    def _count(self) -> None:
        report = self.report
        if report.counted is None or not report.complete:
            return
        if report.objects < report.counted and report.pages == 1 and report.objects <= self.limit:
            report.note(
                report.paging,
                f"No Link to a next page although {report.counted} objects are counted and {report.objects} were sent.",
            )
        elif report.objects != report.counted:
            report.note(report.paging, f"X-Total-Count says {report.counted}, the pages held {report.objects} objects.")

    def _clock(self, theirs: datetime, elapsed_ms: int) -> None:
        """The partner stamped its answer about half-way; a skew of whole hours is a local time written as UTC."""
        ours = datetime.now(UTC) - timedelta(milliseconds=elapsed_ms / 2)
        skew = round((theirs - ours).total_seconds(), 1)
        if self.report.clock_skew_seconds is None or abs(skew) > abs(self.report.clock_skew_seconds):
            self.report.clock_skew_seconds = skew
        if abs(skew) <= TOLERATED_SKEW or any(told.startswith("Their clock") for told in self.report.oddities):
            return
        hours = round(skew / 3600)
        local = hours != 0 and abs(skew - hours * 3600) < 120
        side = "ahead of" if skew > 0 else "behind"
        hint = f" That is about {abs(hours)} h: most likely local time written as UTC." if local else ""
        self.report.note(self.report.oddities, f"Their clock is {abs(skew):.0f} s {side} ours.{hint}")

    # --- probes ---------------------------------------------------------------------------------------------------

    def _probe_limit(self) -> None:
        """A page of one, of a list of several: it must hold one, and say where the second is."""
        report = self.report
        if report.objects < 2:
            return
        asked = self._probe(self._url(offset=0, limit=1))
        if asked is None:
            return
        if len(asked.items) > 1:
            report.note(report.paging, f"limit is ignored: asked for 1 object, the partner sent {len(asked.items)}.")
        elif asked.next_url is None:
            report.note(report.paging, "No Link to a next page although the page of one object was not the last.")
        if (
            asked.total is not None
            and report.counted is not None
            and asked.total < report.counted
            and len(asked.items) == 1
        ):
            report.note(
                report.paging,
                f"X-Total-Count depends on limit: {report.counted} objects with a large one, {asked.total} with 1.",
            )

    def _probe_date(self) -> None:
        """Changes after the newest object that we saw: older ones must not be in the answer."""
        if self.newest is None:
            return
        since = self.newest.replace(microsecond=0) + timedelta(seconds=1)
        asked = self._probe(self._url(date_from=date_time_text(since), offset=0, limit=self.limit))
        if asked is None:
            return
        older = [item for item in asked.items if (at := _moment(item)) is not None and at < since]
        if older:
            self.report.note(
                self.report.paging,
                f"date_from is ignored: {len(older)} of {len(asked.items)} objects are older than {date_time_text(since)}.",
            )

    def _probe(self, url: str) -> _Asked | None:
        """What a probe fails at is a defect of paging; the module was read, so it is no error of the check."""
        asked = self._ask(url)
        if asked is None:
            query = urlsplit(url).query
            self.report.note(self.report.paging, f"Refused with {query}: {self.report.error}")
            self.report.error = ""
        return asked

    # --- objects --------------------------------------------------------------------------------------------------

    def _read(self, items: list[Any]) -> None:
        report, level = self.report, self.level
        now = site.now()
        for item in items:
            if not isinstance(item, dict):
                self._reject(self.cls.__name__, "Expected an object.", "")
                continue
            key = "/".join(
                str(item.get(name, ""))
                for name in ("country_code", "party_id", level.id_field, level.qualifier)
                if name in item
            )
            if key in self.seen:
                report.note(report.paging, f"{key} was listed twice.")
            self.seen.add(key)
            at = _moment(item)
            if at is not None:
                self.newest = at if self.newest is None else max(self.newest, at)
                if at > now + timedelta(minutes=5):
                    report.note(
                        report.oddities, f"{key} says it was last updated in the future ({item['last_updated']})."
                    )
            self._object(item, key)

    def _object(self, item: dict[str, Any], key: str) -> None:
        """Everything wrong with one object, also when it belongs to a party that is none of this connection's."""
        owner = owner_of(self.module, self.peer, item)
        faults, applied = self._faults(item, owner, self.peer.repairs)
        for name in applied:
            self.report.repairs_applied[name] = self.report.repairs_applied.get(name, 0) + 1
        if not faults and owner is not None:
            self.report.ok += 1
            return
        self.report.rejected += 1
        if owner is None:
            self.report.violate("party_id", self._stranger(item), key)
        for violation in faults:
            path = versions.translate_path(self.version, self.cls, violation.path)
            name = ".".join(str(step) for step in path if not isinstance(step, int))
            self.report.violate(name or self.cls.__name__, violation.message, key)
        if faults and self.report.rejected <= _REPAIRED:
            for name in self._remedy(item, owner):
                self.report.repairs_suggested[name] = self.report.repairs_suggested.get(name, 0) + 1

    def _stranger(self, item: dict[str, Any]) -> str:
        codes = str(item.get("country_code", "")).upper(), str(item.get("party_id", "")).upper()
        awaits = " Its claim awaits approval." if codes in self.claimed else ""
        return f"Not a registered role of this connection.{awaits}"

    def _reject(self, field_name: str, sentence: str, example: str) -> None:
        self.report.rejected += 1
        self.report.violate(field_name, sentence, example)

    def _faults(
        self, item: dict[str, Any], owner: PartyRef | None, enabled: Iterable[str]
    ) -> tuple[list[wire_json.Violation], list[str]]:
        ctx = context(self.peer, owner)
        tree, applied = repair(self.cls, item, frozenset(enabled), ctx, version=self.version)
        try:
            wire_json.validate(self.cls, versions.up(self.version, self.cls, tree, ctx))
        except wire_json.Invalid as error:
            return error.violations, [done.name for done in applied]
        return [], [done.name for done in applied]

    def _remedy(self, item: dict[str, Any], owner: PartyRef | None) -> list[str]:
        """The fewest further repairs that make this object valid; none when all together do not."""
        on = set(self.peer.repairs)
        faults, applied = self._faults(item, owner, on | REPAIRS.keys())
        if faults:
            return []
        needed = [name for name in dict.fromkeys(applied) if name not in on]
        for name in list(needed):
            fewer = [other for other in needed if other != name]
            if not self._faults(item, owner, on | set(fewer))[0]:
                needed = fewer
        return needed


def _moment(item: Any) -> datetime | None:
    try:
        return MOMENT.validate_python(item["last_updated"]) if isinstance(item, dict) else None
    except (KeyError, ValueError):
        return None


def _number(value: str | None) -> int | None:
    return int(value) if value and value.strip().isascii() and value.strip().isdigit() and len(value) < 16 else None
