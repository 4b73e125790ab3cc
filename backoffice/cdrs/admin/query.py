"""The inbox as a query: tabs, filters, pages by key, and totals of all that is filtered. Reads only.

Nothing counts millions: pages go on by key, and totals are given up with a sentence when they take too long.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from django.db import OperationalError, transaction
from django.db import connection as database
from django.db.models import Case, Count, ExpressionWrapper, F, Q, QuerySet, Sum, When
from django.http import QueryDict

from backoffice.cdrs.models import Cdr
from backoffice.cdrs.rules.states import TO_REVIEW, CdrState, Verdict
from backoffice.fields import NumberField
from backoffice.roaming_site import site

PAGE = 50
PATIENCE_MS = 1500
UNACKNOWLEDGED = timedelta(hours=24)

TABS: Mapping[str, str] = {
    "review": "To review",
    "held": "Held",
    "waiting": "Unacknowledged",
    "agreed": "Agreed",
    "credited": "Credited",
    "quarantine": "Quarantine",
    "all": "All",
}
ABOUT: Mapping[str, str] = {
    "review": "Received CDRs that are not as we calculate them, or that we cannot calculate.",
    "held": "CDRs of ours that look wrong. No partner has seen them: release, correct or drop them.",
    "waiting": "CDRs of ours that were released more than 24 hours ago and that no partner has acknowledged.",
    "agreed": "Received CDRs of which every figure is ours, and CDRs of ours that their eMSP acknowledged.",
    "credited": "Credit CDRs, and the CDRs that they took back.",
    "quarantine": "CDRs that we were told and did not take: the same id with other content, or for a token of nobody here.",
    "all": "Every CDR, ours and received.",
}


def _digits(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _amount(text: str) -> Decimal | None:
    try:
        found = Decimal(text.replace(",", "."))
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found) < 10**12 else None


def _mark(text: str) -> tuple[datetime, int] | None:
    moment, _, row = text.partition("~")
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        return None
    number = _digits(row)
    return (found, number) if number is not None and found.tzinfo is not None else None


def mark(moment: datetime, row: int) -> str:
    return f"{moment.isoformat()}~{row}"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page's address says, read leniently: what makes no sense is as if it were not there."""

    tab: str = "review"
    partner: int | None = None
    way: str = ""
    reason: str = ""
    currency: str = ""
    signed: str = ""
    credit: str = ""
    delta: Decimal | None = None
    since: date | None = None
    until: date | None = None
    before: tuple[datetime, int] | None = None

    @classmethod
    def read(cls, given: QueryDict) -> Asked:
        tab = given.get("tab", "")
        return cls(
            tab=tab if tab in TABS else "review",
            partner=_digits(given.get("partner", "")),
            way=given.get("way", "") if given.get("way") in ("in", "out") else "",
            reason=given.get("reason", "")[:40],
            currency=given.get("currency", "").upper()[:3],
            signed=given.get("signed", "") if given.get("signed") in ("yes", "no") else "",
            credit=given.get("credit", "") if given.get("credit") in ("yes", "no") else "",
            delta=_amount(given.get("delta", "")),
            since=_day(given.get("since", "")),
            until=_day(given.get("until", "")),
            before=_mark(given.get("before", "")),
        )

    @property
    def narrowed(self) -> bool:
        """Whether anything but the tab leaves rows out."""
        return bool(
            self.partner
            or self.way
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
        return Q(state=CdrState.RELEASED, entered_at__lt=now - UNACKNOWLEDGED)
    if tab == "agreed":
        return Q(verdict=Verdict.AGREED) | Q(state=CdrState.ACKNOWLEDGED)
    if tab == "credited":
        return Q(credit=True) | Q(credited_by__isnull=False)
    return Q()


@dataclass(frozen=True, slots=True)
class Found:
    rows: list[Cdr]
    older: str = ""


def page(rows: QuerySet[Cdr], asked: Asked) -> Found:
    """One page, the latest end of charge first."""
    if asked.before is not None:
        moment, row = asked.before
        rows = rows.filter(Q(ends_at__lt=moment) | Q(ends_at=moment, pk__lt=row)).filter(ends_at__lte=moment)
    listed = list(rows.order_by("-ends_at", "-id").select_related("party", "emsp").defer("document")[: PAGE + 1])
    older = mark(listed[PAGE - 1].ends_at, listed[PAGE - 1].pk) if len(listed) > PAGE else ""
    return Found(listed[:PAGE], older)


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
        with transaction.atomic():
            with database.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = {PATIENCE_MS}")
            found = [
                Total(
                    row["currency"], row["ours"], row["n"], row["kwh"], row["billed"], row["calculated"], row["apart"]
                )
                for row in summed
            ]
            with database.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = DEFAULT")
        return found
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != "57014":
            raise
        return None


def counts(rows: QuerySet[Cdr]) -> dict[str, int]:
    """How many wait for a person, up to a thousand: each by its own partial index."""
    now = site.now()
    return {tab: rows.filter(_tab(tab, now)).order_by()[:1000].count() for tab in ("review", "held", "waiting")}
