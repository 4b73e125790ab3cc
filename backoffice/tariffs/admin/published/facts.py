"""What lists and pages tell of a tariff beside its columns: where it stands, when it holds, who offers it, who was told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from backoffice import statements
from backoffice.console.cells import NOTHING, since, state
from backoffice.tariffs.models import Tariff
from backoffice.tariffs.rules.exact import plain
from backoffice.tariffs.rules.standing import Standing, standing
from ocpi.wire import json as wire_json

MOST = 1000
"""Connectors counted for a row of a list; more are "1000+"."""

_FACTS = """
SELECT t.id,
    CASE WHEN pg_column_size(t.document) < 20000 THEN (t.document::json -> 'min_price')::text END,
    CASE WHEN pg_column_size(t.document) < 20000 THEN (t.document::json -> 'max_price')::text END,
    c.connectors, c.locations,
    (SELECT count(*) FROM tariffs_disclosure d WHERE d.tariff_id = t.id),
    (SELECT count(*) FROM tariffs_draft d WHERE d.tariff_id = t.id OR d.replaces_id = t.id),
    (SELECT count(*) FROM delivery_message m WHERE m.module = 'tariffs' AND m.object_path = t.object_id
        AND m.sender_id = t.party_id AND m.state = 'DONE'),
    (SELECT count(*) FROM delivery_message m WHERE m.module = 'tariffs' AND m.object_path = t.object_id
        AND m.sender_id = t.party_id AND m.state = 'DUE'),
    (SELECT count(*) FROM delivery_message m WHERE m.module = 'tariffs' AND m.object_path = t.object_id
        AND m.sender_id = t.party_id AND m.state = 'REFUSED')
FROM tariffs_tariff t CROSS JOIN LATERAL (
    SELECT count(*) AS connectors, count(DISTINCT location_id) AS locations FROM (
        SELECT e.location_id FROM locations_connectortariff o JOIN locations_evse e ON e.id = o.evse_id AND e.listed
        JOIN locations_location l ON l.id = e.location_id
        WHERE upper(o.tariff_id) = upper(t.object_id) AND l.party_id = t.party_id LIMIT %(most)s) found) c
WHERE t.id = ANY(%(ids)s)
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one row. `limits`: in words; the counts of messages are those of what partners must hear."""

    limits: list[str] = field(default_factory=list)
    connectors: int = 0
    locations: int = 0
    disclosed: int = 0
    drafts: int = 0
    told: int = 0
    waiting: int = 0
    refused: int = 0

    @property
    def offered(self) -> SafeString | str:
        if not self.connectors:
            return NOTHING
        more = "+" if self.connectors >= MOST else ""
        return format_html(
            '<span class="rd-nowrap">{}{}</span><br><span class="rd-quiet rd-nowrap">{}{} {}</span>',
            self.connectors,
            more,
            self.locations,
            more,
            "place" if self.locations == 1 else "places",
        )

    def shown_to(self, everyone: bool) -> SafeString | str:
        """Who sees it, and how far they have been told."""
        told = [
            (state("x", tone=tone, text=f"{n} {word}"),)
            for n, word, tone in (
                (self.refused, "refused", ("bad", "error")),
                (self.waiting, "waiting", ("busy", "schedule_send")),
                (self.told, "told", ("good", "check_circle")),
            )
            if n
        ]
        who = "everyone" if everyone else f"{self.disclosed} named" if self.disclosed else "nobody"
        return format_html('<span>{}</span><span class="rd-pills">{}</span>', who, format_html_join(" ", "{}", told))


def facts_of(rows: Sequence[int]) -> dict[int, Facts]:
    """One query for the whole page."""
    found = {}
    for pk, least, most, *counts in statements.run(_FACTS, {"ids": list(rows), "most": MOST}):
        limits = [text for word, limit in (("min", least), ("max", most)) if (text := _limit(word, limit))]
        found[pk] = Facts(limits, *counts)
    return found


def _limit(word: str, stated: bytes | None) -> str:
    if not stated:
        return ""
    limit = wire_json.parse(stated)
    if not isinstance(limit, dict):
        return ""
    amount = limit.get("after_taxes", limit.get("before_taxes"))
    return f"{word} {plain(amount)}" if amount is not None else ""


STATES = {
    Standing.LIVE: ("good", "check_circle", "live"),
    Standing.SCHEDULED: ("busy", "schedule", "scheduled"),
    Standing.ENDED: ("off", "event_busy", "ended"),
    Standing.WITHDRAWN: ("off", "delete", "withdrawn"),
}


def standing_state(row: Tariff, now: datetime) -> SafeString | str:
    tone, icon, text = STATES[standing(row.starts_at, row.ends_at, row.withdrawn_at, now)]
    return state("x", tone=(tone, icon), text=text)


def validity_in_words(row: Tariff) -> SafeString | str:
    """From and until, relative, the absolute time on hover."""
    if row.starts_at is None and row.ends_at is None:
        return "always"
    parts = [(word, since(at)) for word, at in (("from", row.starts_at), ("until", row.ends_at)) if at is not None]
    return format_html_join(mark_safe("<br>"), '<span class="rd-nowrap">{} {}</span>', parts)
