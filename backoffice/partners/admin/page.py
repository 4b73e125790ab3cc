"""What the tabs of a connection show, gathered tab by tab so that each costs few queries. Reads only."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection as database
from django.db.models import Count, Min, Q

from backoffice.delivery.actions.pulling import can_pull, pullable
from backoffice.delivery.models import Exchange, Message, Pull
from backoffice.delivery.vitals import healths
from backoffice.partners.actions.connections import unconfirmed_origins
from backoffice.partners.models import Connection, Endpoint, Step
from backoffice.partners.rules import origin
from backoffice.roaming_site import site

Context = dict[str, Any]

_RECENT = 15
"""Exchanges and runs that a tab shows before it leads to their list."""


def fetched_modules() -> list[str]:
    """Identifiers of the modules that this platform fetches."""
    return [module.identifier for module in site.modules() if can_pull(module)]


def overview(connection: Connection) -> Context:
    now = site.now()
    return {
        "health": healths([connection.pk], modules=fetched_modules(), now=now)[connection.pk],
        "roles": list(connection.roles.select_related("party")),
        "ours": list(connection.our_parties.all()),
        "tokens": list(
            connection.inbound_tokens.filter(Q(expires_at=None) | Q(expires_at__gt=now), burnt_at__isnull=True)
        ),
    }


def endpoints(connection: Connection) -> Context:
    """Module x interface, with what is missing on the partner's side of what we speak."""
    rows: dict[str, dict[str, Endpoint]] = {}
    found = list(connection.endpoints.all())
    for endpoint in found:
        rows.setdefault(endpoint.identifier, {})[endpoint.role] = endpoint
    spoken = {module.endpoint for module in site.modules()}
    waiting = unconfirmed_origins(connection)
    matrix = [
        {
            "module": module,
            "spoken": module in spoken,
            "cells": [_cell(rows.get(module, {}).get(role), waiting) for role in ("SENDER", "RECEIVER")],
        }
        for module in sorted(rows.keys() | spoken)
    ]
    return {
        "matrix": matrix,
        "hosts": waiting,
        "confirmed": connection.confirmed_origins,
        "endpoints_known": bool(found),
    }


def _cell(endpoint: Endpoint | None, waiting: list[str]) -> Context | None:
    if endpoint is None:
        return None
    return {"endpoint": endpoint, "unconfirmed": origin(endpoint.url) in waiting}


def sync(connection: Connection) -> Context:
    """Per module that the partner offers: its watermark, the last runs, what is running, and what was wrong in it."""
    offered = connection.endpoints.filter(role="SENDER").values_list("identifier", flat=True)
    modules = pullable(offered)
    latest = _latest_pulls(connection, modules)
    lines = [
        {
            "module": module,
            "running": latest.get((module, "running")),
            "full": latest.get((module, "full")),
            "delta": latest.get((module, "delta")),
            "failed": latest.get((module, "failed")),
            "every": connection.pull_every or timedelta(hours=1),
        }
        for module in modules
    ]
    for line in lines:
        runs = [run for run in (line["full"], line["delta"]) if run is not None]
        line["watermark"] = max((run.started_at for run in runs), default=None)
        last = max((run for run in latest.values() if run and run.module == line["module"]), key=_began, default=None)
        line["last"] = last
        failed = line["failed"]
        line["failing"] = failed if failed is not None and last is not None and failed.pk == last.pk else None
    return {
        "lines": lines,
        "unread": [identifier for identifier in offered if identifier not in modules and identifier != "credentials"],
        "checks": last_check(connection),
        "running": any(line["running"] for line in lines),
    }


def _began(pull: Pull) -> Any:
    return pull.started_at


_LATEST = """
SELECT kind.name, p.id FROM unnest(%(modules)s::text[]) m(module)
CROSS JOIN (VALUES ('running', 'RUNNING', NULL), ('full', 'DONE', true), ('delta', 'DONE', false), ('failed', 'FAILED', NULL))
    kind(name, state, whole)
CROSS JOIN LATERAL (SELECT id FROM delivery_pull WHERE connection_id = %(connection)s AND delivery_pull.module = m.module
    AND delivery_pull.state = kind.state AND (kind.whole IS NULL OR delivery_pull.full = kind.whole)
    ORDER BY started_at DESC LIMIT 1) p
"""


def _latest_pulls(connection: Connection, modules: list[str]) -> dict[tuple[str, str], Pull]:
    with database.cursor() as cursor:
        cursor.execute(_LATEST, {"modules": modules, "connection": connection.pk})
        kinds = cursor.fetchall()
    runs = Pull.objects.in_bulk([row[1] for row in kinds])
    return {(runs[number].module, name): runs[number] for name, number in kinds if number in runs}


def last_check(connection: Connection) -> list[Context]:
    """The reports of the last check, one per module; a step that holds no report is none."""
    reports = []
    for step in connection.steps.filter(flow="check").order_by("id"):
        try:
            report = json.loads(step.detail)
        except ValueError:
            continue
        if isinstance(report, dict) and "violations" in report:
            reports.append({"step": step, "report": report})
    return reports


def messages(connection: Connection) -> Context:
    since = site.now() - timedelta(hours=24)
    waiting = {
        row["state"]: row
        for row in Message.objects.filter(connection=connection)
        .values("state")
        .annotate(many=Count("pk"), oldest=Min("owed_since"))
        .order_by("state")
    }
    traffic = (
        Exchange.objects.filter(connection=connection, at__gt=since)
        .values("module", "incoming", "cause")
        .annotate(many=Count("pk"))
        .order_by("module", "incoming", "cause")
    )
    return {
        "outbox": [(state, waiting.get(state)) for state in ("DUE", "REFUSED", "DONE", "DROPPED")],
        "traffic": list(traffic),
        "exchanges": list(connection.exchanges.order_by("-at", "-id").defer("request_body", "response_body")[:_RECENT]),
        "troubles": list(
            connection.messages.filter(state="REFUSED").select_related("sender").order_by("-created_at")[:_RECENT]
        ),
    }


def history(connection: Connection) -> Context:
    kind = ContentType.objects.get_for_model(Connection)
    flows: dict[str, list[Step]] = {}
    for step in connection.steps.order_by("id"):
        flows.setdefault(step.flow, []).append(step)
    return {
        "entries": list(
            LogEntry.objects.filter(content_type=kind, object_id=str(connection.pk)).select_related("user")[:100]
        ),
        "flows": sorted(flows.items(), key=lambda item: item[1][-1].at, reverse=True),
    }


@dataclass(frozen=True, slots=True)
class Tab:
    """`permission`: what somebody must have beside the view of connections; empty for nothing."""

    label: str
    gather: Callable[[Connection], Context]
    permission: str = ""


TABS: Mapping[str, Tab] = {
    "overview": Tab("Overview", overview),
    "endpoints": Tab("Endpoints", endpoints),
    "sync": Tab("Sync and check", sync, "delivery.view_pull"),
    "messages": Tab("Messages", messages, "delivery.view_message"),
    "quirks": Tab("Quirks and repairs", lambda connection: {}),
    "history": Tab("History", history),
}
"""In the order of the page. The form of `quirks` is made by the admin, which also saves it."""
