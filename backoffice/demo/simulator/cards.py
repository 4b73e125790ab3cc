"""Which cards are shown at the charge points of a side: those of both companies, shared out between the networks, so that
nobody charges at two places at once.
"""

from __future__ import annotations

from datetime import UTC, datetime

from backoffice.demo.rules.drivers import Card, Cards, Group, abroad
from backoffice.demo.stilwater import documents
from backoffice.demo.world.companies import COMPANIES, company_of
from backoffice.demo.world.drivers import drivers

_ANY = datetime(2026, 1, 1, tzinfo=UTC)
"""The ids do not depend on it."""


def cards(side: str, *, seed: int) -> Cards:
    """`seed`: of the world that was loaded."""
    here = company_of(side)
    found: dict[Group, list[Card]] = {group: [] for group in Group}
    for company in COMPANIES:
        world = drivers(company, seed=seed, at=_ANY)
        shown = [tree["uid"] for tree in world.tokens if tree["type"] == "RFID"]
        barred = {*world.held, *world.only_in}
        good = [uid for uid in shown if uid not in barred and not abroad(uid)]
        good = good[COMPANIES.index(here) :: len(COMPANIES)]
        found[Group.OWN if company == here else Group.ROAMING] += [Card(uid) for uid in good]
        found[Group.HELD] += [Card(uid) for uid in shown if uid in barred]
    if here == COMPANIES[0]:  # the partner does not know that company
        found[Group.SILENT] = [Card(documents.uid(number)) for number in range(len(documents.CARDS))]
    return found
