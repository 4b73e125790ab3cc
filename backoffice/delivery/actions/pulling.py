"""Ask a partner for its objects, page by page: checkpoint after each page, in the page's own transaction.

The partner is not to be trusted here either: links must stay on its confirmed hosts, circles and repetitions stop the run,
one bad object is reported and skipped, and never the page. A run that died goes on from its checkpoint.
"""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db import IntegrityError, transaction
from django.db import connection as database

from backoffice.claiming import Claim, claimed
from backoffice.delivery.models import Pull, PullState
from backoffice.delivery.rules import PullLimits, why_stop
from backoffice.nudging import CHANNEL
from backoffice.partners import peers
from backoffice.partners.models import Connection, Endpoint
from backoffice.partners.rules import ConnectionState, is_url, origin
from backoffice.partners.secrets import decrypt
from backoffice.roaming_site import site
from ocpi import versions
from ocpi.client import Delivered, Outcome
from ocpi.module import Exchanged, Module, OwnedObjects, PartyRef, Peer
from ocpi.server.bodies import dialect, lift
from ocpi.site import Outgoing
from ocpi.wire import json as wire_json
from ocpi.wire.base import Wire, date_time_text
from ocpi.wire.headers import Routing, next_link
from ocpi.wire.versions import InterfaceRole

_DEFAULT_EVERY = timedelta(hours=1)
_FULL_EVERY = timedelta(days=7)
_AGAIN_AFTER = timedelta(minutes=2)
"""After a failed run. A partner that has just registered may not know us yet when the first one starts."""

_OVERLAP = timedelta(minutes=5)
"""A delta begins this much before the last run: clocks differ, and a push may have been lost on the way."""

_PAGE = 100
_ATTEMPTS_PER_PAGE = 3


class UnableToPull(Exception):
    """This module cannot be fetched from this partner; the sentence says why."""


def start(connection: Connection, module: str, *, full: bool, now: datetime, since: datetime | None = None) -> Pull:
    """A new run, or the running one: there is one at a time per partner and module. Raises UnableToPull. `since`: of a run that
    is neither full nor goes on from the last one."""
    if connection.state != ConnectionState.ACTIVE:
        raise UnableToPull(f"{connection} is {connection.state.lower()}: resume it first.")
    declared = site.module(module)
    endpoint = Endpoint.objects.filter(connection=connection, identifier=declared.endpoint, role="SENDER").first()
    if endpoint is None:
        raise UnableToPull(f"{connection} offers no Sender interface for {module}.")
    running = Pull.objects.filter(connection=connection, module=module, state=PullState.RUNNING).first()
    if running is not None:
        return running
    last = _last_success(connection, module)
    if since is None and not full and last is not None:
        since = last.started_at - _OVERLAP
    query: dict[str, Any] = {"offset": 0, "limit": min(connection.page_limit or _PAGE, _PAGE)}
    asked_from = since or farthest(module, now)
    if asked_from is not None:
        query["date_from"] = date_time_text(asked_from.replace(microsecond=0))
    url = declared.address(endpoint.url, InterfaceRole.SENDER)
    glue = "&" if "?" in url else "?"
    try:
        with transaction.atomic(), database.cursor() as cursor:
            cursor.execute(f"NOTIFY {CHANNEL}")  # the sweep hands it to the workers
            return Pull.objects.create(
                connection=connection,
                module=module,
                full=since is None,
                date_from=since,
                next_url=f"{url}{glue}{urlencode(query)}",
                started_at=now,
                moved_at=now,
                correlation_id=str(uuid.uuid4()),
            )
    except IntegrityError:
        return Pull.objects.get(connection=connection, module=module, state=PullState.RUNNING)


def farthest(module: str, now: datetime) -> datetime | None:
    """The date from which everything of a module is asked for; None where no date is needed."""
    shape = site.module(module).shape
    return now - shape.dated if isinstance(shape, OwnedObjects) and shape.dated is not None else None


def _last_success(connection: Connection, module: str) -> Pull | None:
    return (
        Pull.objects.filter(connection=connection, module=module, state=PullState.DONE).order_by("-started_at").first()
    )


def start_due(*, now: datetime, chance: random.Random | None = None) -> list[int]:
    """Ids of the runs to go on with now: those whose hour has come (with a splay of a tenth), and those that stand still."""
    chance = chance or random.Random()
    wanted: list[int] = []
    for connection in Connection.objects.filter(state=ConnectionState.ACTIVE, pull_enabled=True):
        offered = connection.endpoints.filter(role="SENDER").values_list("identifier", flat=True)
        for module in pullable(offered):
            running = connection.pulls.filter(module=module, state=PullState.RUNNING).first()
            if running is not None:
                if now - running.moved_at > timedelta(minutes=2):
                    wanted.append(running.pk)
                continue
            latest = connection.pulls.filter(module=module).order_by("-started_at").first()
            every = connection.pull_every or _DEFAULT_EVERY
            splay = every * chance.uniform(-0.1, 0.1)
            if latest is not None and latest.state == PullState.FAILED:
                every, splay = min(every, _AGAIN_AFTER), timedelta(0)
            if latest is not None and now - latest.started_at < every + splay:
                continue
            last_full = connection.pulls.filter(module=module, full=True, state=PullState.DONE).last()
            full = last_full is None or now - last_full.started_at > _FULL_EVERY
            wanted.append(start(connection, module, full=full, now=now).pk)
    return wanted


def pulls_waiting() -> list[tuple[int, datetime]]:
    """Runs of which no page was read yet, and since when: what staff have just started. Those that died go by `start_due`."""
    rows = Pull.objects.filter(state=PullState.RUNNING, pages=0).order_by("id")
    return list(rows.values_list("pk", "started_at")[:100])


def can_pull(module: Module) -> bool:
    """Whether this platform fetches that module."""
    return isinstance(module.shape, Exchanged) and module.shape.store_page is not None


def pullable(offered: Iterable[str]) -> list[str]:
    """The modules that this platform fetches from the Sender interfaces with these identifiers."""
    return [module.identifier for identifier in offered for module in site.parts(identifier) if can_pull(module)]


@dataclass(slots=True)
class _Tally:
    """What one page held."""

    good: list[tuple[PartyRef, dict[str, Any], Wire]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    rejected: int = 0
    violations: dict[str, list[Any]] = field(default_factory=dict)
    repairs: dict[str, int] = field(default_factory=dict)

    def violate(self, path: str, message: str, example: str) -> None:
        entry = self.violations.setdefault(path, [0, message, example])
        entry[0] += 1


def run(pull_id: int, *, limits: PullLimits | None = None) -> Pull:
    """Go on with a run to its end. Two processes never work on one run: the second returns at once."""
    limits = limits or PullLimits()
    with claimed(Claim.PULL, pull_id) as alone:
        pull = Pull.objects.select_related("connection").get(pk=pull_id)
        if alone and pull.state == PullState.RUNNING:
            _run_alone(pull, limits)
    return pull


def _run_alone(pull: Pull, limits: PullLimits) -> None:
    module = site.module(pull.module)
    shape = module.shape
    assert isinstance(shape, Exchanged) and shape.store_page is not None
    seen_urls: set[str] = set()
    seen_keys: set[int] = set()
    while True:
        connection = Connection.objects.get(pk=pull.connection_id)
        peer = peers.of_connection(connection.pk)
        if peer is None or connection.state != ConnectionState.ACTIVE:
            return _end(pull, PullState.FAILED, f"{connection} is {connection.state.lower()}.")
        if origin(pull.next_url) not in connection.confirmed_origins:
            return _end(
                pull,
                PullState.FAILED,
                f"The next link leads to {origin(pull.next_url)}, which is not a confirmed host.",
            )
        seen_urls.add(pull.next_url)
        outcome = _get(pull, connection, peer)
        if not isinstance(outcome, Delivered):
            return _end(pull, PullState.FAILED, outcome.reason)
        total = _total(outcome.headers.get("X-Total-Count"))
        again = _lowered(pull.next_url, (pull.total or 0) - (total or 0)) if total is not None else None
        if again is not None and again not in seen_urls:
            pull.next_url, pull.total, pull.moved_at = again, total, site.now()
            pull.save()
            continue
        listed = outcome.answer.data
        if not isinstance(listed, list):
            return _end(pull, PullState.FAILED, "The answer's data is no list.")
        tally = _read_page(listed, module, connection.version, peer)
        now = site.now()
        fresh = {hash(key) for key in tally.keys} - seen_keys
        seen_keys |= fresh
        url = next_link(outcome.headers.get("Link"))
        broken = url is not None and not is_url(url)
        with transaction.atomic():
            pull.stored += shape.store_page(peer, tally.good, now)
            pull.pages += 1
            pull.objects_read += len(listed)
            pull.rejected += tally.rejected
            pull.total = total
            _add(pull, tally)
            pull.next_url = "" if broken else url or ""
            pull.moved_at = now
            pull.save()
        if broken:
            return _end(pull, PullState.FAILED, "The next link is no absolute http or https URL.")
        if not url:
            return _finish(pull, peer, shape)
        stop = why_stop(
            limits=limits,
            pages=pull.pages,
            objects=pull.objects_read,
            running_for=now - pull.started_at,
            url=url,
            seen_urls=seen_urls,
            fresh=len(fresh),
        )
        if stop:
            return _end(pull, PullState.FAILED, stop)


def _get(pull: Pull, connection: Connection, peer: Peer) -> Outcome:
    """One page; a temporary failure is tried again at once, then the run fails and the next one starts over by date."""
    ours = next(iter(peer.ours), None)
    theirs = next(iter(peer.theirs), None)
    routing = Routing(*theirs.key, *ours.key) if ours and theirs else None
    for attempt in range(1, _ATTEMPTS_PER_PAGE + 1):
        outcome = site.call(
            Outgoing(
                method="GET",
                url=pull.next_url,
                token=decrypt(connection.token_out),
                connection=connection.pk,
                module=pull.module,
                plain_token=connection.plain_token,
                routing=routing,
                correlation_id=pull.correlation_id,
                attempt=attempt,
                trigger="pull",
            )
        )
        if isinstance(outcome, Delivered) or (outcome.http_status is not None and outcome.http_status < 500):
            return outcome
    return outcome


def _read_page(listed: list[Any], module: Module, version: str, peer: Peer) -> _Tally:
    assert isinstance(module.shape, Exchanged)
    level = module.shape.levels[0]
    tally, cls = _Tally(), level.cls
    named = ("country_code", "party_id", level.id_field, level.qualifier)
    for item in listed:
        if not isinstance(item, dict):
            tally.rejected += 1
            tally.violate(cls.__name__, "Expected an object.", "")
            continue
        key = "/".join(str(item.get(name, "")) for name in named if name)
        tally.keys.append(key)
        owner = owner_of(module, peer, item)
        if owner is None:
            tally.rejected += 1
            tally.violate("party_id", "Not a registered role of this connection.", key)
            continue
        tree, applied = lift(cls, item, version=version, peer=peer, owner=owner)
        for repair in applied:
            tally.repairs[repair.name] = tally.repairs.get(repair.name, 0) + 1
        try:
            tally.good.append((owner, tree, wire_json.validate(cls, tree)))
        except wire_json.Invalid as error:
            tally.rejected += 1
            for violation in error.violations:
                path = versions.translate_path(dialect(cls, version=version, peer=peer), cls, violation.path)
                tally.violate(".".join(str(step) for step in path if not isinstance(step, int)), violation.message, key)
    return tally


def owner_of(module: Module, peer: Peer, item: dict[str, Any]) -> PartyRef | None:
    """The partner's party that an object names. One that names none is of the only party there is, for a repair to say so."""
    if not module.owner_first:
        return module.sole_owner(peer)
    if item.get("country_code") is None and item.get("party_id") is None and len(peer.theirs) == 1:
        return peer.theirs[0]
    return peer.their_party(str(item.get("country_code", "")), str(item.get("party_id", "")))


def _add(pull: Pull, tally: _Tally) -> None:
    for path, (count, message, example) in tally.violations.items():
        entry = pull.violations.setdefault(path, [0, message, example])
        entry[0] += count
    for name, count in tally.repairs.items():
        pull.repairs[name] = pull.repairs.get(name, 0) + count


def _total(value: str | None) -> int | None:
    return int(value) if value and value.strip().isascii() and value.strip().isdigit() and len(value) < 16 else None


_OFFSET = re.compile(r"([?&]offset=)([0-9]{1,15})(?=&|$)", re.ASCII)


def _lowered(url: str, by: int) -> str | None:
    """The same page, begun `by` objects earlier: the list became shorter while we read it, and what follows moved up
    (transport_and_format#pagination). None when there is nothing to do: not shorter, the first page, or a link that counts
    in its own way.
    """
    found = _OFFSET.search(url)
    if by <= 0 or found is None or int(found[2]) == 0:
        return None
    return f"{url[: found.start()]}{found[1]}{max(int(found[2]) - by, 0)}{url[found.end() :]}"


def _finish(pull: Pull, peer: Peer, shape: Exchanged) -> None:
    """The last page was read. A full list is the new truth (mod_locations): what it no longer holds has vanished.

    Only when it is whole: a rejected object or a count that does not match would make us remove what still exists.
    """
    short = pull.total is not None and pull.objects_read < pull.total
    vanish = shape.vanish if isinstance(shape, OwnedObjects) else None  # a document never goes away
    if pull.full and not pull.rejected and not short and vanish and pull.connection.vanished_policy == "REMOVE":
        with transaction.atomic():
            pull.vanished = vanish(peer, pull.started_at, site.now())
    note = f"The partner counts {pull.total} objects and sent {pull.objects_read}." if short else ""
    _end(pull, PullState.DONE, note)


def _end(pull: Pull, state: PullState, error: str) -> None:
    pull.state, pull.error, pull.finished_at = state, error, site.now()
    pull.save()
