"""The inbox as a query: tabs, filters, one window of what they leave and the totals of all of it. Reads only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import Case, Count, ExpressionWrapper, F, Q, QuerySet, Sum, When
from django.http import QueryDict

from backoffice.cdrs.models import Cdr
from backoffice.cdrs.rules.states import TO_REVIEW, CdrState, Verdict
from backoffice.cdrs.vitals import LATE_AFTER
from backoffice.console.given import amount, number
from backoffice.console.windows import Mark, TooSlow, Window, patience, read_mark, window
from backoffice.fields import NumberField
from backoffice.roaming_site import site

TOTALS_PATIENCE_MS = 1_500
"""Totals stand below a page that is shown without them, too."""

MOST_ADDED = 50_000
"""Rows, as the planner guesses them: of more, nobody waits for what would be given up in the end."""

RECEIVABLE = "RECEIVABLE"

VERDICTS: Mapping[str, str] = {
    **{each.value: each.value.replace("_", " ").capitalize() for each in (*Verdict, *CdrState)},
    RECEIVABLE: "Receivable",
}
"""Of received ones, then the states of ours, of which no name is in both; then what the start page adds up."""

AGES: Mapping[str, tuple[str, timedelta]] = {
    f"{days}d": (f"more than {days} day{'s' * (days > 1)}", timedelta(days=days)) for days in (1, 7, 30, 90)
}

TABS: Mapping[str, str] = {
    "review": "To review",
    "held": "Held",
    "waiting": "Unacknowledged",
    "agreed": "Accepted",
    "credited": "Credited",
    "quarantine": "Quarantine",
    "all": "All",
}
ABOUT: Mapping[str, str] = {
    "review": "Received CDRs that are not as we calculate them, or that we cannot calculate.",
    "held": "CDRs of ours that look wrong. No partner has seen them: release, correct or drop them.",
    "waiting": "CDRs of ours that were released more than 24 hours ago and that no partner has acknowledged.",
    "agreed": "Received CDRs of which every figure is ours or that staff accepted, and ours that their eMSP acknowledged.",
    "credited": "Credit CDRs, and the CDRs that they took back.",
    "quarantine": "CDRs that we were told and did not take: the same id with other content, or for a token of nobody here.",
    "all": "Every CDR, ours and received.",
}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page's address says, read leniently: what makes no sense is as if it were not there."""

    tab: str = "review"
    partner: int | None = None
    way: str = ""
    verdict: str = ""
    age: str = ""
    reason: str = ""
    currency: str = ""
    signed: str = ""
    credit: str = ""
    delta: Decimal | None = None
    since: date | None = None
    until: date | None = None
    before: Mark | None = None
    after: Mark | None = None

    @classmethod
    def read(cls, given: QueryDict) -> Asked:
        tab = given.get("tab", "")
        return cls(
            tab=tab if tab in TABS else "review",
            partner=number(given.get("partner")),
            way=given.get("way", "") if given.get("way") in ("in", "out") else "",
            verdict=given.get("verdict", "") if given.get("verdict") in VERDICTS else "",
            age=given.get("age", "") if given.get("age") in AGES else "",
            reason=given.get("reason", "")[:40],
            currency=given.get("currency", "").upper()[:3],
            signed=given.get("signed", "") if given.get("signed") in ("yes", "no") else "",
            credit=given.get("credit", "") if given.get("credit") in ("yes", "no") else "",
            delta=amount(given.get("delta")),
            since=_day(given.get("since", "")),
            until=_day(given.get("until", "")),
            before=read_mark(given.get("before", "")),
            after=read_mark(given.get("after", "")),
        )

    @property
    def narrowed(self) -> bool:
        """Whether anything but the tab leaves rows out."""
        return bool(
            self.partner
            or self.way
            or self.verdict
            or self.age
            or self.reason
            or self.currency
            or self.signed
            or self.credit
            or self.delta is not None
            or self.since
            or self.until
        )

    def link(self, **changes: Any) -> str:
        """The page's address with other values; a new filter begins at the newest row."""
        values = {
            "tab": self.tab,
            "partner": self.partner,
            "way": self.way,
            "verdict": self.verdict,
            "age": self.age,
            "reason": self.reason,
            "currency": self.currency,
            "signed": self.signed,
            "credit": self.credit,
            "delta": self.delta,
            "since": self.since,
            "until": self.until,
            **changes,
        }
        return "?" + urlencode({name: value for name, value in values.items() if value not in (None, "")})

    def apply(self, rows: QuerySet[Cdr], now: datetime) -> QuerySet[Cdr]:
        rows = rows.filter(_tab(self.tab, now))
        if self.partner is not None:
            rows = rows.filter(Q(party=self.partner) | Q(emsp=self.partner))
        if self.way:
            rows = rows.filter(ours=self.way == "out")
        if self.verdict in Verdict.__members__:
            rows = rows.filter(verdict=self.verdict)
        elif self.verdict == RECEIVABLE:
            rows = rows.filter(ours=True, state__in=(CdrState.RELEASED, CdrState.ACKNOWLEDGED), emsp__ours=False)
        elif self.verdict:
            rows = rows.filter(state=self.verdict)
        if self.age:
            rows = rows.filter(created_at__lt=now - AGES[self.age][1])
        if self.reason:
            rows = rows.filter(Q(reasons__contains=[self.reason]) | Q(held_for__contains=[self.reason]))
        if self.currency:
            rows = rows.filter(currency=self.currency)
        if self.signed:
            rows = rows.filter(signed=self.signed == "yes")
        if self.credit:
            rows = rows.filter(credit=self.credit == "yes")
        if self.delta is not None:
            rows = rows.filter(Q(delta__gte=self.delta) | Q(delta__lte=-self.delta))
        if self.since:
            rows = rows.filter(ends_at__gte=datetime.combine(self.since, time(), UTC))
        if self.until and self.until < date.max:
            rows = rows.filter(ends_at__lt=datetime.combine(self.until + timedelta(days=1), time(), UTC))
        return rows


def _tab(tab: str, now: datetime) -> Q:
    if tab == "review":
        return Q(verdict__in=sorted(TO_REVIEW))
    if tab == "held":
        return Q(state=CdrState.HELD)
    if tab == "waiting":
        return Q(state=CdrState.RELEASED, entered_at__lt=now - LATE_AFTER)
    if tab == "agreed":
        return Q(verdict__in=[Verdict.AGREED, Verdict.ACCEPTED]) | Q(state=CdrState.ACKNOWLEDGED)
    if tab == "credited":
        return Q(credit=True) | Q(credited_by__isnull=False)
    return Q()


def page(rows: QuerySet[Cdr], asked: Asked) -> Window[Cdr]:
    """One page, the latest end of charge first. Raises TooSlow."""
    rows = rows.select_related("party", "emsp").defer("document")
    return window(rows, "ends_at", before=asked.before, after=asked.after)


@dataclass(frozen=True, slots=True)
class Total:
    """Of one currency and one way. Sums are signed by the credit flag: a Credit CDR repeats its energy."""

    currency: str
    ours: bool
    count: int
    kwh: Decimal
    billed: Decimal
    calculated: Decimal | None
    delta: Decimal | None


def totals(rows: QuerySet[Cdr]) -> list[Total] | None:
    """None when there are too many to add up while somebody waits."""
    negated = ExpressionWrapper(F("kwh") * -1, output_field=NumberField())
    kwh = Sum(Case(When(credit=True, then=negated), default=F("kwh"), output_field=NumberField()))
    summed = (
        rows.order_by()
        .values("currency", "ours")
        .annotate(n=Count("pk"), kwh=kwh, billed=Sum("total_excl"), calculated=Sum("our_excl"), apart=Sum("delta"))
        .order_by("currency", "ours")
    )
    try:
        with patience(TOTALS_PATIENCE_MS):
            if json.loads(rows.order_by().explain(format="json"))[0]["Plan"]["Plan Rows"] > MOST_ADDED:
                return None
            return [
                Total(
                    row["currency"], row["ours"], row["n"], row["kwh"], row["billed"], row["calculated"], row["apart"]
                )
                for row in summed
            ]
    except TooSlow:
        return None


def counts(rows: QuerySet[Cdr]) -> dict[str, int]:
    """How many wait for a person, up to a thousand: each by its own partial index."""
    now = site.now()
    return {tab: rows.filter(_tab(tab, now)).order_by()[:1000].count() for tab in ("review", "held", "waiting")}
