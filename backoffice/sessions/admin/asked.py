"""The list of sessions as a query: the filters of the page and one window of what they leave. Reads only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import F, Q, QuerySet
from django.http import QueryDict

from backoffice.console.given import amount, number
from backoffice.console.windows import Mark, Window, read_mark, window
from backoffice.fields import Bare
from backoffice.sessions.actions.watching import NO_CDR_AFTER, silent
from backoffice.sessions.models import Session
from backoffice.sessions.rules.states import ONGOING
from ocpi.wire.sessions import SessionStatus

STATES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "": ("Now", tuple(sorted(status.value for status in ONGOING))),
    "active": ("Active", (SessionStatus.ACTIVE.value,)),
    "pending": ("Pending", (SessionStatus.PENDING.value,)),
    "reservation": ("Reservations", (SessionStatus.RESERVATION.value,)),
    "completed": ("Completed", (SessionStatus.COMPLETED.value,)),
    "invalid": ("Invalid", (SessionStatus.INVALID.value,)),
    "all": ("All", ()),
}

TROUBLES: Mapping[str, str] = {
    "silent": "Silent for 15 minutes",
    "no_cdr": "No CDR after 24 hours",
    "aside": "Set aside",
}

SHORTEST = 3
"""Characters of a prefix that is worth looking for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page's form says, read leniently: what makes no sense is as if it were not there."""

    state: str = ""
    trouble: str = ""
    way: str = ""
    party: int | None = None
    token: str = ""
    place: str = ""
    kwh: Decimal | None = None
    cost: Decimal | None = None
    before: Mark | None = None
    after: Mark | None = None

    @classmethod
    def read(cls, given: QueryDict) -> Asked:
        return cls(
            state=given.get("state", "") if given.get("state") in STATES else "",
            trouble=given.get("trouble", "") if given.get("trouble") in TROUBLES else "",
            way=given.get("way", "") if given.get("way") in ("ours", "theirs") else "",
            party=number(given.get("party")),
            token=given.get("token", "").strip()[:64],
            place=given.get("place", "").strip()[:64],
            kwh=amount(given.get("kwh")),
            cost=amount(given.get("cost")),
            before=read_mark(given.get("before", "")),
            after=read_mark(given.get("after", "")),
        )

    @property
    def narrowed(self) -> bool:
        given = (self.kwh, self.cost)
        return bool(self.trouble or self.way or self.party or self.token or self.place) or given != (None, None)

    def link(self, **changes: Any) -> str:
        """The page's address with other values; a new filter begins at the newest row."""
        values = {
            "state": self.state,
            "trouble": self.trouble,
            "way": self.way,
            "party": self.party,
            "token": self.token,
            "place": self.place,
            "kwh": self.kwh,
            "cost": self.cost,
            **changes,
        }
        return "?" + urlencode({name: value for name, value in values.items() if value not in (None, "")})

    def apply(self, rows: QuerySet[Session], now: datetime) -> QuerySet[Session]:
        statuses = STATES[self.state][1]
        if self.trouble == "silent":
            rows = rows.filter(silent(now))
        elif self.trouble == "no_cdr":
            rows = rows.filter(_unbilled(now))
        elif self.trouble == "aside":
            rows = rows.exclude(stuck="")
        elif len(statuses) == 1:
            rows = rows.filter(status=statuses[0])
        elif statuses:
            rows = rows.filter(status__in=statuses)
        if self.way:
            rows = rows.filter(ours=self.way == "ours")
        if self.party is not None:
            rows = rows.filter(Q(party_id=self.party) | Q(emsp_id=self.party))
        if self.token:
            rows = self._prefix(rows, self.token, "token_uid", "contract_id")
        if self.place:
            rows = self._place(rows)
        if self.kwh is not None:
            rows = rows.filter(kwh__gte=self.kwh)
        if self.cost is not None:  # ours only where the partner tells none
            rows = rows.filter(Q(total_excl__gte=self.cost) | Q(total_excl=None, our_excl__gte=self.cost))
        return rows

    def _prefix(self, rows: QuerySet[Session], text: str, *fields: str) -> QuerySet[Session]:
        bare = _bare(text)
        if len(bare) < SHORTEST:
            return rows.none()
        wanted = Q()
        for name in fields:
            rows = rows.alias(**{f"bare_{name}": Bare(F(name))})
            wanted |= Q(**{f"bare_{name}__startswith": bare})
        return rows.filter(wanted)

    def _place(self, rows: QuerySet[Session]) -> QuerySet[Session]:
        """The beginning of an EVSE id, or a whole location id."""
        bare = _bare(self.place)
        rows = rows.alias(bare_evse=Bare(F("evse_id")))
        of_evse = Q(bare_evse__startswith=bare) if len(bare) >= SHORTEST else Q(pk__in=[])
        return rows.filter(of_evse | Q(location_id__iexact=self.place))


def _unbilled(now: datetime) -> Q:
    """As the start page counts them: by the end of the charge, whenever we heard of it."""
    return Q(status=SessionStatus.COMPLETED.value, cdr_known_at=None, stuck="", ends_at__lt=now - NO_CDR_AFTER)


def _bare(text: str) -> str:
    return re.sub("[^A-Z0-9]", "", text.upper())


def find(rows: QuerySet[Session], asked: Asked, now: datetime) -> Window[Session]:
    """One page, the latest start first. Raises TooSlow."""
    rows = asked.apply(rows, now).defer("document", "signed_data", "place").select_related("party", "emsp")
    return window(rows, "starts_at", before=asked.before, after=asked.after)
