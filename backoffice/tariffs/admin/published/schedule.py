"""What is valid when, for one party: every tariff with its time, and what its connectors are priced by, kind by kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse

from backoffice.console.contests import KINDS, local
from backoffice.console.scope import scoped
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.tariffs.admin.pane.asked import zones_of
from backoffice.tariffs.admin.published.filters import type_in_words
from backoffice.tariffs.admin.published.offered import MOST_SETS, OfferedSet, sets_of
from backoffice.tariffs.models import Tariff
from backoffice.tariffs.offers import Offers
from backoffice.tariffs.rules.schedule import Lane, Stretch
from backoffice.tariffs.rules.standing import Standing, standing

SPANS = {3: "3 months", 12: "12 months", 24: "2 years"}
MONTH = timedelta(days=30)
BEFORE = timedelta(days=7)
"""How much of the past is drawn, to see what is being followed."""

MOST_TARIFFS = 150
MOST_PROBLEMS = 8
TONES = {
    Standing.LIVE: "good",
    Standing.SCHEDULED: "busy",
    Standing.ENDED: "off",
    Standing.WITHDRAWN: "off",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a line, in percent of its width."""

    left: str
    width: str
    tone: str
    text: str
    tip: str
    pk: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    pk: int | None
    note: str
    bars: list[Bar]


@dataclass(frozen=True, slots=True)
class Group:
    """Connectors with the same tariffs, a row for each kind of charge."""

    offered: OfferedSet
    rows: list[Row]
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Axis:
    """The time that is drawn."""

    start: datetime
    end: datetime
    now: datetime
    zone: ZoneInfo

    def at(self, moment: datetime) -> float:
        """Percent from the left."""
        inside = min(max(moment, self.start), self.end)
        return (inside - self.start) / (self.end - self.start) * 100

    def bar(
        self, start: datetime | None, end: datetime | None, *, tone: str, text: str, tip: str, pk: int | None
    ) -> Bar:
        left = self.at(start) if start is not None else 0.0
        right = self.at(end) if end is not None else 100.0
        return Bar(f"{left:.2f}", f"{max(right - left, 0.4):.2f}", tone, text, tip, pk)

    def told(self, moment: datetime) -> str:
        return f"{local(moment, self.zone):%d %b %Y %H:%M}"

    @property
    def ticks(self) -> list[tuple[str, str]]:
        """The months, or every third one of a long time."""
        step = 1 if self.end - self.start < timedelta(days=400) else 3
        local = self.start.astimezone(self.zone)
        found, year, month = [], local.year, local.month
        while True:
            month += step
            year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
            tick = datetime(year, month, 1, tzinfo=self.zone)
            if tick >= self.end:
                return found
            found.append((f"{self.at(tick):.2f}", f"{tick:%b %y}"))


class SchedulePages:
    """Part of TariffAdmin."""

    def schedule_urls(self: Any) -> list[URLPattern]:
        return [self.page("schedule/", self.schedule_view, "schedule")]

    def schedule_view(self: Any, request: HttpRequest) -> HttpResponse:
        parties = list(with_tariffs(request))
        party = next((each for each in parties if str(each.pk) == request.GET.get("party", "")), None)
        party = party or next(iter(parties), None)
        stated = request.GET.get("months", "")
        months = int(stated) if stated.isdecimal() and len(stated) < 3 and int(stated) in SPANS else 12
        context: dict[str, Any] = {
            "title": "Schedule of tariffs",
            "crumbs": [("Tariffs", reverse("admin:tariffs_tariff_changelist"))],
            "parties": parties,
            "party": party,
            "spans": [(n, words, n == months) for n, words in SPANS.items()],
        }
        if party is not None:
            now = site.now()
            zone = ZoneInfo(next(iter(zones_of(party)), "UTC"))
            axis = Axis(now - BEFORE, now + MONTH * months, now, zone)
            rows, more = _tariffs(party, axis)
            groups = _groups(party, axis)
            context |= {
                "axis": axis,
                "now_at": f"{axis.at(now):.2f}",
                "rows": rows,
                "more": more,
                "groups": groups,
                "cut": len(groups) >= MOST_SETS,
                "problems": sum(len(each.problems) for each in groups),
            }
        return self.render(request, "console/tariffs/schedule.html", context)


def with_tariffs(request: HttpRequest) -> QuerySet[Party]:
    """Parties of which we hold a tariff, ours first, as far as this user may see them."""
    rows = scoped(Party.objects.all(), request.user, "id")
    return rows.filter(pk__in=Tariff.objects.order_by().values("party").distinct()).order_by(
        "-ours", "country_code", "party_id"
    )


def _tariffs(party: Party, axis: Axis) -> tuple[list[Row], int]:
    """Those that are valid at some time of the axis, in the order in which they begin."""
    wanted = Tariff.objects.filter(
        Q(starts_at=None) | Q(starts_at__lt=axis.end),
        Q(ends_at=None) | Q(ends_at__gt=axis.start),
        party=party,
        withdrawn_at=None,
    ).defer("document")
    found = list(wanted.order_by("starts_at", "object_id")[: MOST_TARIFFS + 1])
    rows = []
    for each in found[:MOST_TARIFFS]:
        since = f"from {axis.told(each.starts_at)}" if each.starts_at else ""
        until = f"until {axis.told(each.ends_at)}" if each.ends_at else ""
        tip = " ".join(part for part in (since, until) if part) or "always"
        tone = "bad" if each.flaw else TONES[standing(each.starts_at, each.ends_at, each.withdrawn_at, axis.now)]
        bar = axis.bar(each.starts_at, each.ends_at, tone=tone, text=each.headline[:90], tip=tip, pk=each.pk)
        rows.append(Row(each.object_id, each.pk, f"{type_in_words(each.type)}, {tip}", [bar]))
    return rows, max(0, len(found) - MOST_TARIFFS)


def _groups(party: Party, axis: Axis) -> list[Group]:
    """What connectors are priced by from now on; those with problems first."""
    sets = sets_of(party)
    offers = Offers.read(party, {each for one in sets for each in one.ids})
    found = [_group(one, offers, axis) for one in sets]
    return sorted(found, key=lambda each: not each.problems)


def _group(one: OfferedSet, offers: Offers, axis: Axis) -> Group:
    lanes = offers.lanes(one.ids, axis.now, axis.end)
    keys = {row.object_id: row.pk for row in offers.rows.values()}
    unknown = [each for each in one.ids if each.upper() not in offers.rows]
    problems = [f"Nobody told us of {each}." for each in unknown]
    if one.more:
        problems.append(f"They name {one.more} tariffs more, which are not looked at.")
    rows = []
    single = len(lanes) == 1
    for lane in lanes:
        name = "All charges" if single else KINDS[lane.kind]
        rows.append(Row(name, None, "", [_stretch(each, axis, keys) for each in lane.stretches]))
        problems += _problems(lane, name, axis)
    shown = problems[:MOST_PROBLEMS]
    left = len(problems) - len(shown)
    return Group(one, rows, [*shown, f"And {left} more."] if left else shown)


def _stretch(each: Stretch, axis: Axis, keys: dict[str, int]) -> Bar:
    tip = f"{axis.told(each.start)} to {axis.told(each.end)}"
    if each.tariff is None:
        return axis.bar(each.start, each.end, tone="bad", text="no price", tip=tip, pk=None)
    tone = "warn" if each.clashing else "good"
    text = f"{each.tariff} of {len(each.clashing)} at once" if each.clashing else each.tariff
    return axis.bar(each.start, each.end, tone=tone, text=text, tip=tip, pk=keys.get(each.tariff))


def _problems(lane: Lane, name: str, axis: Axis) -> list[str]:
    told = [f"{name}: no price from {axis.told(gap.start)}{_until(gap, axis)}." for gap in lane.gaps]
    return told + [
        f"{name}: {' and '.join(clash.clashing)} are valid at once from {axis.told(clash.start)}{_until(clash, axis)};"
        f" {clash.tariff} counts."
        for clash in lane.clashes
    ]


def _until(stretch: Stretch, axis: Axis) -> str:
    return f" to {axis.told(stretch.end)}" if stretch.end < axis.end else " on"
