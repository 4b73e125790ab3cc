"""What the reader of a pane set: curve, axis, idle time, start, zone, taxes of the place, a second tariff, language.

Its fields are named `p.…` and never collide with the paths of a form. What is not understood becomes the default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.db.models import Count

from backoffice.locations.models import Location
from backoffice.partners.models import Party
from backoffice.tariffs.admin.pane.chart import AXES
from backoffice.tariffs.rules.curves import CURVES, Curve
from backoffice.tariffs.rules.policy import TaxRate
from backoffice.tariffs.rules.sentence import LANGUAGES
from ocpi.versions.countries import ALPHA_3, TIME_ZONES

NAMED = {"en": "English", "de": "Deutsch", "fr": "Français", "nl": "Nederlands"}
MOST_TAXES = 5

FRIDAY = 4
"""A session of a working day stands for most; weekends are chosen."""

_TAX = re.compile(r"\s*([^,;0-9][^,;]{0,39}?)\s+([0-9]{1,3}(?:[.][0-9]{1,4})?)\s*%?\s*")
_EARLIEST, _LATEST = datetime(2000, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001  # local times of a zone chosen later


@dataclass(frozen=True, slots=True)
class Asked:
    """What the reader of the pane set. What is not understood becomes the default, and `problems` says so."""

    curve: Curve
    axis: str
    idle: int
    begins: datetime
    zone: ZoneInfo
    zones: Sequence[str]
    taxes: tuple[TaxRate, ...]
    taxes_text: str
    other: int | None
    language: str
    problems: tuple[str, ...] = ()

    @classmethod
    def read(cls, data: Mapping[str, Any], *, zones: Sequence[str], now: datetime) -> Asked:
        """`zones`: those of the owner's locations, the likeliest first; any other zone may be asked for too."""
        problems: list[str] = []
        zone = _zone(data.get("p.zone"), zones)
        begins = now.astimezone(zone).replace(hour=10, minute=0, second=0, microsecond=0)
        begins += timedelta(days=7 - begins.weekday() if begins.weekday() > FRIDAY else 0)
        stated = str(data.get("p.begins") or "")
        if stated:
            try:
                typed = datetime.fromisoformat(stated).replace(tzinfo=None, second=0, microsecond=0)
                if not _EARLIEST <= typed < _LATEST:
                    raise ValueError
                begins = typed.replace(tzinfo=zone)
            except ValueError:
                problems.append("Start of the session: expected a date and time from 2000 to 2099.")
        taxes_text = str(data.get("p.taxes") or "").strip()[:200]
        taxes = _taxes(taxes_text)
        if taxes is None:
            problems.append("Taxes of the place: expected names with percentages, such as GST 5, QST 9.975.")
        idle, other = str(data.get("p.idle") or "30"), str(data.get("p.with") or "")
        return cls(
            curve=CURVES.get(str(data.get("p.curve")), CURVES["dc150"]),
            axis=str(data.get("p.axis")) if data.get("p.axis") in AXES else "time",
            idle=min(int(idle), 24 * 60) if re.fullmatch(r"[0-9]{1,4}", idle) else 30,
            begins=begins,
            zone=zone,
            zones=zones,
            taxes=taxes or (),
            taxes_text=taxes_text,
            other=int(other) if re.fullmatch(r"[0-9]{1,15}", other) else None,
            language=str(data.get("p.lang")) if data.get("p.lang") in LANGUAGES else "en",
            problems=tuple(problems),
        )

    # --- for the controls ---------------------------------------------------------------------------------------------

    @property
    def curves(self) -> list[tuple[str, str, bool]]:
        return [(curve.key, curve.name, curve is self.curve) for curve in CURVES.values()]

    @property
    def axes(self) -> list[tuple[str, str, bool]]:
        return [(key, name, key == self.axis) for key, name in AXES.items()]

    @property
    def idles(self) -> list[tuple[int, str, bool]]:
        known = {0: "drives off at once", 30: "30 min idle", 60: "1 h idle", 120: "2 h idle", 480: "8 h idle"}
        shown = known if self.idle in known else known | {self.idle: f"{self.idle} min idle"}
        return [(minutes, name, minutes == self.idle) for minutes, name in sorted(shown.items())]

    @property
    def languages(self) -> list[tuple[str, str, bool]]:
        return [(code, NAMED[code], code == self.language) for code in LANGUAGES]

    @property
    def zone_choices(self) -> list[tuple[str, bool]]:
        names = dict.fromkeys([*self.zones, self.zone.key, "UTC"])
        return [(name, name == self.zone.key) for name in names]

    @property
    def begins_text(self) -> str:
        return f"{self.begins:%Y-%m-%dT%H:%M}"


def _zone(stated: Any, zones: Sequence[str]) -> ZoneInfo:
    for name in (stated, *zones):
        if isinstance(name, str) and name in available_timezones():
            return ZoneInfo(name)
    return ZoneInfo("UTC")


def _taxes(stated: str) -> tuple[TaxRate, ...] | None:
    """`GST 5, QST 9.975`; None if it is not that."""
    if not stated:
        return ()
    found = [_TAX.fullmatch(part) for part in re.split(r"[,;]", stated)]
    if len(found) > MOST_TAXES or not all(found):
        return None
    return tuple(TaxRate(each[1], Decimal(each[2])) for each in found if each)


def zones_of(party: Party) -> list[str]:
    """The time zones of a party's locations, the most frequent first, then that of its country. One query."""
    counted = Location.objects.filter(party=party).values_list("time_zone").annotate(n=Count("id")).order_by("-n")[:8]
    of_country = TIME_ZONES.get(ALPHA_3.get(party.country_code.upper(), ""))
    names = [name for name, _ in counted if name in available_timezones()]
    return list(dict.fromkeys([*names, *([of_country] if of_country else [])]))
