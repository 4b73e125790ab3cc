"""The start page: a few figures, each a link to its list, and the checklist of an empty platform.

Every panel is measured by itself: one that fails says so and leaves the others alone. Each costs one or two bounded queries,
and only panels are measured whose list the user may open.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.db import connection as database
from django.urls import reverse

from backoffice.console.cells import TONES, span, word
from backoffice.console.scope import parties_of, scoped
from backoffice.delivery.models import Pull, PullState
from backoffice.delivery.vitals import healths
from backoffice.locations.models import Location
from backoffice.partners.models import Connection, PartyRole
from backoffice.partners.rules import ConnectionState
from backoffice.roaming_site import site
from ocpi.module import Exchanged

SAMPLE = 20_000
"""Exchanges looked at for the success rate: of a busy day the latest ones."""

STALE_AFTER = timedelta(hours=24)
"""A partner's location that no push or pull told us of for so long says little about its EVSEs."""

USABLE = ("AVAILABLE", "CHARGING", "RESERVED")


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, where it leads, and how bad it is (good, busy, warn, bad, off)."""

    label: str
    value: str
    url: str
    tone: str = "off"
    icon: str = "circle"


@dataclass(slots=True)
class Panel:
    """`note` says what the figures rest on; `lines` are its rows with a progress of 0 to 100 or None."""

    title: str
    figures: list[Figure] = field(default_factory=list)
    note: str = ""
    lines: list[tuple[str, str, int | None]] = field(default_factory=list)
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the checklist of an empty platform. `allowed`: this user may do it."""

    title: str
    done: bool
    url: str
    permission: str
    allowed: bool = False


Measure = Callable[[Any, datetime], Panel]


def panels(user: Any, *, now: datetime) -> dict[str, Any]:
    """What the start page of this user shows."""
    measured = [
        _measured(title, measure, user, now) for title, permission, measure in PANELS if user.has_perm(permission)
    ]
    steps = [replace(step, allowed=user.has_perm(step.permission)) for step in checklist()]
    return {"panels": measured, "steps": steps if not all(step.done for step in steps) else [], "measured_at": now}


def _measured(title: str, measure: Measure, user: Any, now: datetime) -> Panel:
    try:
        with transaction.atomic():
            return measure(user, now)
    except DatabaseError:
        return Panel(title, failed=True)


def _connections(user: Any) -> list[int]:
    """Ids of the connections that this user may see; asked once for all panels."""
    if not hasattr(user, "_console_connections"):
        found = scoped(Connection.objects.exclude(state=ConnectionState.REMOVED), user, "our_parties")
        user._console_connections = list(found.order_by("pk").values_list("pk", flat=True))
    known: list[int] = user._console_connections
    return known


def connections(user: Any, now: datetime) -> Panel:
    fetched = [m.identifier for m in site.modules() if isinstance(m.shape, Exchanged) and m.shape.store_page]
    found = healths(_connections(user), modules=fetched, now=now)
    tones: dict[str, int] = {}
    for each in found.values():
        tones[each.tone.value] = tones.get(each.tone.value, 0) + 1
    url = reverse("admin:partners_connection_changelist")
    words = {
        "good": ("healthy", "check_circle"),
        "warn": ("strained", "warning"),
        "bad": ("failing", "error"),
        "off": ("not talking", "pause_circle"),
    }
    figures = [Figure(words[tone][0], str(n), url, tone, words[tone][1]) for tone in words if (n := tones.get(tone))]
    figures = figures or [Figure("yet", "none", url)]
    attention = sum(bool(each.attention) for each in found.values())
    return Panel(CONNECTIONS, figures, f"{attention} of {len(found)} wait for a person." if attention else "")


def messages(user: Any, now: datetime) -> Panel:
    """A success is HTTP 2xx and OCPI 1xxx."""
    parties = parties_of(user)
    ours = "" if parties is None else "AND connection_id = ANY(%(ids)s)"
    with database.cursor() as cursor:
        cursor.execute(
            f"""SELECT incoming, count(*), count(*) FILTER (WHERE http_status BETWEEN 200 AND 299
                    AND coalesce(ocpi_status, 1000) BETWEEN 1000 AND 1999)
                FROM (SELECT incoming, http_status, ocpi_status FROM delivery_exchange WHERE at > %(since)s {ours}
                      ORDER BY at DESC, id DESC LIMIT %(sample)s) latest GROUP BY 1""",
            {
                "since": now - timedelta(hours=24),
                "sample": SAMPLE,
                "ids": _connections(user) if parties is not None else None,
            },
        )
        rows = {incoming: (total, good) for incoming, total, good in cursor.fetchall()}
    url = reverse("admin:delivery_exchange_changelist")
    figures = []
    for incoming, label, way in ((True, "of their calls", "in"), (False, "of our calls", "out")):
        total, good = rows.get(incoming, (0, 0))
        share = good / total if total else None
        tone = "off" if share is None else "good" if share >= 0.99 else "warn" if share >= 0.9 else "bad"
        value = "none" if share is None else f"{share:.1%}" if share < 1 else "100%"
        figures.append(
            Figure(
                f"{label} ({total})",
                value,
                f"{url}?direction={way}&window=24h",
                tone,
                "call_received" if incoming else "call_made",
            )
        )
    seen = sum(total for total, _ in rows.values())
    return Panel(MESSAGES, figures, f"The latest {SAMPLE} of the last 24 hours." if seen >= SAMPLE else "")


def outbox(user: Any, now: datetime) -> Panel:
    with database.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FILTER (WHERE state = 'DUE'), min(owed_since) FILTER (WHERE state = 'DUE'),
                   count(*) FILTER (WHERE state = 'REFUSED')
               FROM delivery_message WHERE state IN ('DUE', 'REFUSED') AND connection_id = ANY(%s)""",
            [_connections(user)],
        )
        due, oldest, refused = cursor.fetchone()
    age = (now - oldest).total_seconds() if oldest else 0.0
    url = reverse("admin:delivery_message_changelist")
    tone = "good" if age < 60 else "warn" if age < 3600 else "bad"
    return Panel(
        OUTBOX,
        [
            Figure("waiting", str(due), f"{url}?state=DUE", tone, "schedule_send"),
            Figure("oldest", span(age) if oldest else "none", f"{url}?state=DUE", tone, "hourglass_top"),
            Figure(
                "refused",
                str(refused),
                f"{url}?state=REFUSED",
                "bad" if refused else "good",
                "error" if refused else "check_circle",
            ),
        ],
    )


def evses(user: Any, now: datetime) -> Panel:
    parties = parties_of(user)
    where = "" if parties is None else "AND l.party_id = ANY(%(parties)s)"
    join = "" if parties is None else "JOIN locations_location l ON l.id = e.location_id"
    with database.cursor() as cursor:
        cursor.execute(
            f"SELECT e.status, count(*) FROM locations_evse e {join} WHERE e.listed AND e.status <> 'REMOVED' {where} GROUP BY 1",
            {"parties": parties},
        )
        counts = dict(cursor.fetchall())
        cursor.execute(
            f"""SELECT count(*) FROM locations_location l JOIN partners_party p ON p.id = l.party_id AND NOT p.ours
                WHERE l.seen_at < %(since)s {where}""",
            {"since": now - STALE_AFTER, "parties": parties},
        )
        stale = cursor.fetchone()[0]
    total = sum(counts.values()) - counts.get("PLANNED", 0)
    usable = sum(counts.get(status, 0) for status in USABLE)
    board = reverse("admin:locations_location_board")
    share = usable / total if total else None
    figures = [
        Figure(
            f"usable of {total}",
            "none" if share is None else f"{share:.1%}",
            f"{board}?down=1",
            "off" if share is None else "good" if share >= 0.95 else "warn" if share >= 0.8 else "bad",
            "ev_station",
        )
    ]
    figures += [
        Figure(word(status).lower(), str(counts[status]), f"{board}?status={status}", *TONES[status])
        for status in TONES
        if counts.get(status)
    ]
    listing = reverse("admin:locations_location_changelist")
    figures.append(
        Figure(
            "locations unheard of for 24 h", str(stale), f"{listing}?stale=1", "warn" if stale else "good", "history"
        )
    )
    return Panel(EVSES, figures)


def pulls(user: Any, now: datetime) -> Panel:
    running = Pull.objects.filter(state=PullState.RUNNING, connection__in=_connections(user)).select_related(
        "connection"
    )
    panel = Panel(PULLS)
    for pull in running.order_by("started_at")[:10]:
        done = min(100, round(100 * pull.objects_read / pull.total)) if pull.total else None
        of = f" of {pull.total}" if pull.total is not None else ""
        panel.lines.append(
            (f"{pull}: {pull.objects_read}{of} objects", reverse("admin:delivery_pull_change", args=[pull.pk]), done)
        )
    failed = Pull.objects.filter(
        state=PullState.FAILED, connection__in=_connections(user), started_at__gt=now - timedelta(hours=24)
    ).count()
    url = reverse("admin:delivery_pull_changelist")
    panel.figures = [
        Figure(
            "running", str(len(panel.lines)), f"{url}?state__exact=RUNNING", "busy" if panel.lines else "off", "sync"
        ),
        Figure(
            "failed in 24 h",
            str(failed),
            f"{url}?state__exact=FAILED",
            "bad" if failed else "good",
            "error" if failed else "check_circle",
        ),
    ]
    return panel


CONNECTIONS, MESSAGES, OUTBOX = "Connections", "Message success, 24 h", "Outbox"
EVSES, PULLS = "EVSEs", "Pulls"
PANELS: tuple[tuple[str, str, Measure], ...] = (
    (CONNECTIONS, "partners.view_connection", connections),
    (MESSAGES, "delivery.view_exchange", messages),
    (OUTBOX, "delivery.view_message", outbox),
    (EVSES, "locations.view_location", evses),
    (PULLS, "delivery.view_pull", pulls),
)


def checklist() -> list[Step]:
    """What an empty platform needs, in the order in which it is done."""
    roles = set(PartyRole.objects.filter(connection=None).values_list("role", flat=True)[:10])
    steps = [
        Step(
            "Enter your own company and its roles",
            bool(roles),
            reverse("admin:partners_party_add"),
            "partners.add_party",
        )
    ]
    connected = Connection.objects.filter(state=ConnectionState.ACTIVE).exists()
    add = reverse("admin:partners_connection_add")
    steps.append(Step("Connect a partner", connected, add, "partners.add_connection"))
    if not roles or "CPO" in roles:
        here = Location.objects.filter(party__ours=True).exists()
        add = reverse("admin:locations_location_add")
        steps.append(Step("Add or import your first location", here, add, "locations.add_location"))
    if "EMSP" in roles:
        there = Location.objects.filter(party__ours=False).exists()
        steps.append(
            Step(
                "Fetch a partner's locations",
                there,
                reverse("admin:partners_connection_changelist"),
                "partners.view_connection",
            )
        )
    return steps
