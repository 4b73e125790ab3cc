"""The start page: figures of all rooms, each a link to its list; what waits for a person; the first steps on an empty platform.

Every panel is measured by itself: one that fails says since when there is no data and leaves the others alone. Each costs a
query or two over few rows: logs are counted by the hour beforehand (`console.actions.counting`), the rest is read from indexes
that hold all that is summed. Only panels are measured whose list the user may open.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.db import DatabaseError
from django.db import connection as database

from backoffice.console import groups
from backoffice.console.dashboard import booked, cards, drivers, money, network, roaming
from backoffice.console.dashboard.asked import RANGES, STALE_AFTER, Asked, range_of
from backoffice.console.dashboard.attention import ORDERS, SHOWN, ordered
from backoffice.console.dashboard.checklist import steps
from backoffice.console.dashboard.parts import Figure, Panel

__all__ = ["PANELS", "STALE_AFTER", "Figure", "Panel", "page"]

log = logging.getLogger(__name__)

Measure = Callable[[Asked], Panel]

PANELS: Mapping[str, tuple[str, str, Measure]] = {
    # key: title for when it fails, permission, how
    "live": ("Charging now", "charging_sessions.view_session", drivers.live),
    "connections": ("Connections", "partners.view_connection", roaming.connections),
    "messages": ("Message success", "delivery.view_exchange", roaming.messages),
    "authorizations": ("Authorizations", "tokens.view_authorization", drivers.authorizations),
    "evses": ("EVSEs", "locations.view_location", network.evses),
    "bookings": ("Bookings", "bookings.view_booking", booked.bookings),
    "review": ("CDRs that wait for somebody", "cdrs.view_cdr", money.review),
    "straight": ("CDR straight-through", "cdrs.view_cdr", money.straight),
    "cards": ("Card payments", "payments.view_cardpayment", cards.cards),
    "turnover": ("Receivable and payable, month to date", "cdrs.view_cdr", money.turnover),
    "unbilled": ("Sessions without CDR", "charging_sessions.view_session", drivers.unbilled),
    "exports": ("Exports", "billing.view_export", money.exports),
    "latency": ("Their answers: 95 of 100 within", "delivery.view_exchange", roaming.latency),
    "outbox": ("Outbox", "delivery.view_message", roaming.outbox),
    "pulls": ("Pulls", "delivery.view_pull", roaming.pulls),
}
"""In the order of who is in no group of those below."""

FIRST: Mapping[str, tuple[str, ...]] = {
    groups.FINANCE: ("review", "cards", "turnover", "straight", "unbilled", "exports"),
    groups.ROAMING: ("connections", "messages", "latency", "outbox", "pulls", "authorizations"),
    groups.TARIFFS: ("straight", "review", "turnover", "evses"),
    groups.SUPPORT: ("authorizations", "live", "evses", "bookings", "unbilled"),
    groups.OPERATIONS: ("evses", "live", "bookings", "authorizations", "outbox", "pulls", "messages"),
}
"""What a group sees first; of somebody in several groups the first of these counts."""

BY_MONEY = (groups.FINANCE, groups.TARIFFS)

PATIENCE_MS = 2_000
"""A statement that takes longer fails its panel: the page is looked at every few seconds by many."""

_last_good: dict[tuple[str, tuple[int, ...] | None], datetime] = {}
"""When a panel was last measured by this process, for whom; for the sentence of one that fails."""


def page(user: Any, *, asked_range: str, order: str, now: datetime) -> dict[str, Any]:
    """What the start page of this user shows. Unknown values of `asked_range` and `order` count as the role's own."""
    asked = Asked(user, now, range_of(asked_range, now=now))
    allowed = [key for key, (_, permission, _) in PANELS.items() if user.has_perm(permission)]
    group = _begin(user)
    first = [key for key in FIRST.get(group, ()) if key in allowed]
    try:
        measured = [_measured(key, asked) for key in (*first, *(key for key in allowed if key not in first))]
    finally:
        with database.cursor() as cursor:
            cursor.execute("RESET statement_timeout")
    if order not in ORDERS:
        order = "money" if group in BY_MONEY else "drivers"
    first_steps = steps(user)
    matters = ordered((matter for panel in measured for matter in panel.matters), order)
    return {
        "panels": measured,
        "matters": matters[:SHOWN],
        "more_matters": max(0, len(matters) - SHOWN),
        "orders": ORDERS,
        "order": order,
        "ranges": RANGES,
        "range": asked.range,
        "steps": first_steps,
        "steps_done": sum(step.done for step in first_steps),
        "measured_at": now,
    }


def _begin(user: Any) -> str:
    """From here on no statement takes longer than the page has patience for. Returns the user's group: one statement for
    both, the page has few to spare."""
    with database.cursor() as cursor:
        cursor.execute(
            """SELECT set_config('statement_timeout', %s, false), array(
                   SELECT g.name FROM auth_group g JOIN auth_user_groups m ON m.group_id = g.id WHERE m.user_id = %s)""",
            [str(PATIENCE_MS), user.pk],
        )
        _, names = cursor.fetchone()
    return "" if user.is_superuser else next((name for name in FIRST if name in names), "")


def _measured(key: str, asked: Asked) -> Panel:
    title, _, measure = PANELS[key]
    whose = key, None if asked.parties is None else tuple(asked.parties)
    try:
        panel = measure(asked)
    except DatabaseError:
        log.exception("The panel %s could not be measured", title)
        return Panel(key, title, failed=True, since=_last_good.get(whose))
    _last_good[whose] = asked.now
    return panel
