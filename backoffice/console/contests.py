"""What the reader of a page asks of a contest between tariffs: as whose eyes, for which kind of charge, at what time.

For the pages of tariffs and of locations, which show the same question by `console/tariffs/_contest_asked.html`.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.http import HttpRequest

from backoffice.partners.models import Connection, Party
from backoffice.roaming_site import site
from ocpi.wire.tariffs import TariffType

KINDS = {
    TariffType.REGULAR: "Regular",
    TariffType.AD_HOC_PAYMENT: "Paid at the charge point",
    TariffType.PROFILE_CHEAP: "Preference: cheap",
    TariffType.PROFILE_FAST: "Preference: fast",
    TariffType.PROFILE_GREEN: "Preference: green",
}


class AskedContest:
    """What is not understood is now, REGULAR (or `kind`) and everybody. `zone`: of the times that are shown and typed."""

    def __init__(self, request: HttpRequest, party: Party, zone: ZoneInfo, *, kind: str = "") -> None:
        given = request.GET
        known = Connection.objects.none()
        if party.ours:
            known = Connection.objects.filter(our_parties=party).exclude(state="REMOVED").order_by("name")
        self.connections = list(known)
        self.chosen = next((each for each in self.connections if str(each.pk) == given.get("as", "")), None)
        stated = given.get("kind", kind)
        self.kind = TariffType(stated) if stated in TariffType.__members__ else TariffType.REGULAR
        self.kinds = [(each.value, words, each is self.kind) for each, words in KINDS.items()]
        self.zone = zone
        self.at = moment_of(given.get("at", ""), zone) or site.now().astimezone(zone).replace(second=0, microsecond=0)

    @property
    def at_text(self) -> str:
        return f"{self.at:%Y-%m-%dT%H:%M}"

    @property
    def connection(self) -> int | None:
        return self.chosen.pk if self.chosen is not None else None


def moment_of(text: str, zone: ZoneInfo) -> datetime | None:
    """What `<input type=datetime-local>` sends, as that wall clock shows it; None if it is none."""
    try:
        found = datetime.fromisoformat(text).replace(tzinfo=zone)
        found.utctimetuple()  # a year that no zone can be told in
    except (ValueError, OverflowError):
        return None
    return found


def local(moment: datetime, zone: ZoneInfo) -> datetime:
    """On the clocks of a place; the first and last days that there are stay as they are."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment
