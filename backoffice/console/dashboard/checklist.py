"""The first steps on an empty platform, in the order in which they are taken: from the own company to the first export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection as database

from backoffice.console.dashboard.parts import listing


@dataclass(frozen=True, slots=True)
class Step:
    """`allowed`: this user may do it. `why`: what it is good for, or how."""

    title: str
    done: bool
    url: str
    permission: str
    allowed: bool = False


_DONE = """
SELECT EXISTS (SELECT 1 FROM partners_partyrole WHERE connection_id IS NULL),
    EXISTS (SELECT 1 FROM partners_partyrole WHERE connection_id IS NULL AND role = 'CPO'),
    EXISTS (SELECT 1 FROM partners_partyrole WHERE connection_id IS NULL AND role = 'EMSP'),
    EXISTS (SELECT 1 FROM partners_connection WHERE state = 'ACTIVE'),
    EXISTS (SELECT 1 FROM locations_location l WHERE l.party_id IN (SELECT id FROM partners_party WHERE ours)),
    EXISTS (SELECT 1 FROM locations_location l WHERE l.party_id NOT IN (SELECT id FROM partners_party WHERE ours)),
    EXISTS (SELECT 1 FROM tariffs_tariff t WHERE t.party_id IN (SELECT id FROM partners_party WHERE ours)),
    EXISTS (SELECT 1 FROM tokens_token t WHERE t.party_id IN (SELECT id FROM partners_party WHERE ours)),
    EXISTS (SELECT 1 FROM charging_sessions_session),
    EXISTS (SELECT 1 FROM billing_exportrun WHERE state = 'DONE')"""


def steps(user: Any) -> list[Step]:
    """Empty once all is done."""
    with database.cursor() as cursor:
        cursor.execute(_DONE)
        company, cpo, emsp, connected, here, there, tariff, token, session, export = cursor.fetchone()
    every = not company  # nobody said yet which roles they have
    table = (
        (True, "Enter your own company and its roles", company, "partners_party_add", "partners.add_party"),
        (True, "Connect a partner", connected, "partners_connection_add", "partners.add_connection"),
        (every or cpo, "Add or import your first location", here, "locations_location_add", "locations.add_location"),
        (emsp, "Fetch a partner's locations", there, "partners_connection_changelist", "partners.view_connection"),
        (every or cpo, "Publish your first tariff", tariff, "tariffs_draft_add", "tariffs.add_draft"),
        (every or emsp, "Add or import your first token", token, "tokens_token_add", "tokens.add_token"),
        (
            True,
            "Let somebody charge: a test session",
            session,
            "charging_sessions_session_changelist",
            "charging_sessions.view_session",
        ),
        (True, "Have the first export made", export, "billing_export_changelist", "billing.view_export"),
    )
    found = []
    for wanted, title, done, name, permission in table:
        url = listing(name)
        if wanted and url:
            found.append(Step(title, done, url, permission, allowed=user.has_perm(permission)))
    return [] if all(step.done for step in found) else found
