"""Bookings with everything that can become of one, both ways between two whole platforms.

Afterwards both databases tell the same of each, and every bill names its booking. Drivers book by the app's API and show their
cards at a station system behind the charge-station API; staff decide at their desks.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backoffice.supervisor.data_directory import DataDirectory
from tests.demo.afar.stations import Stations, location
from tests.demo.platforms import Platform
from tests.demo.test_apps import Calls, told_by

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("quiet platform")]

WITHIN = 60.0

SETUP = """
import json
from datetime import timedelta
from backoffice.api.actions import keys
from backoffice.api.rules import Kind
from backoffice.charge_points.actions import systems
from backoffice.charge_points.api import API as STATIONS
from backoffice.driver_app.api import API as DRIVERS
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.tokens.models import Token
now = site.now()
us = Party.objects.get(party_id="{party}", ours=True)
def key(application, api):
    return keys.issue(application, scopes=list(api.scopes), expires_at=now + timedelta(days=1), by="test", now=now)
system = systems.add_system(party=us, name="Slots", now=now)
app = keys.add_application(party=us, kind=Kind.DRIVER_APP, name="Slots app", now=now)
apps = Token.objects.filter(party=us, type="APP_USER").values("contract_id")
cards = Token.objects.filter(party=us, type="RFID", valid=True, hold="NONE", only_in=[])
cards = cards.exclude(contract_id__in=apps)
drivers = {}
for contract, card in cards.order_by("pk").values_list("contract_id", "object_id"):
    drivers.setdefault(contract.upper(), (contract, card))  # the one that the app's API chooses
found = list(drivers.values())[:24]
print("=", json.dumps(dict(station=key(system.application, STATIONS), app=key(app, DRIVERS), drivers=found)))
"""

PUBLISH = """
from datetime import timedelta
from backoffice.bookings.actions import publishing
from backoffice.bookings.models.places import Decides
from backoffice.demo.actions import offering
from backoffice.locations.actions import changing
from backoffice.locations.models import Evse, Location
from backoffice.roaming_site import site
from ocpi.wire.base import date_time_text
now = site.now()
places = {row.object_id: row for row in Location.objects.select_related("party").filter(
    object_id__in=["SLOTS", "SINGLE"], party__ours=True)}
for place in places.values():
    changing.share(place, now=now)
party = places["SLOTS"].party
offering.price(party, "EUR", now)
terms = {"supported_access_methods": ["TOKEN"], "change_until_minutes": 0, "cancel_until_minutes": 0,
    "early_start_allowed": True, "early_start_time": 60, "noshow_fee": True}
evses = {evse.uid: evse for evse in Evse.objects.filter(location__in=places.values())}
day = now.replace(hour=0, minute=0, second=0, microsecond=0)
calendar = {"id": "C1", "begin_from": date_time_text(day), "end_before": date_time_text(day + timedelta(days=3)),
    "available_timeslots": [{"start_from": date_time_text(day), "end_before": date_time_text(day + timedelta(days=3))}]}
kind = {"vehicle_types": ["PERSONAL_VEHICLE"], "format": "SOCKET", "restricted_to_type": False}
def offer(name, decides=Decides.ITSELF, uids=(), **other):
    where, spaces = places["SINGLE"], {"evse": evses.get(name)}
    if uids:
        where, spaces = places["SLOTS"], {"options": [kind], "spaces": {0: [evses[uid].pk for uid in uids]}}
    publishing.publish(publishing.Offer(location=where, object_id=name, terms=[terms | other], calendars=[calendar],
        tariff_ids=[f"{party.party_id}-BOOKED-EUR"], decides=decides, **spaces), by="test", now=site.now())
offer("ALIKE", uids=("A1", "A2"))
offer("LATE", noshow_timeout=0)
offer("STAFF", decides=Decides.STAFF)
offer("STRICT", cancel_until_minutes=1200, change_not_allowed=True)
offer("BROKEN")
print("= published")
"""

DECIDE = """
import json
from datetime import timedelta
from backoffice.bookings.actions import deciding, keeping
from backoffice.bookings.models import Booking, BookingAsked
from backoffice.locations.actions import changing
from backoffice.locations.models import Location
from backoffice.roaming_site import site
from ocpi.wire.bookings import CanceledReason
now = site.now()
def waiting(name):
    return BookingAsked.objects.get(booking__object_id=name, status="PENDING").pk
for name, what in json.loads('{deeds}'):
    if what == "accept":
        deciding.accept(waiting(name), by="staff", now=now)
    elif what == "decline":
        deciding.decline(waiting(name), reason="The street is closed.", by="staff", now=now)
    elif what == "fail":
        deciding.fail(waiting(name), reason="The calendar is broken.", by="staff", now=now)
    elif what == "cancel":
        keeping.cancel(Booking.objects.get(object_id=name).pk, reason=CanceledReason.FULL, by="staff", now=now)
    elif what == "move":
        row = Booking.objects.get(object_id=name)
        later = timedelta(hours=1)
        keeping.move(row.pk, starts_at=row.starts_at + later, ends_at=row.ends_at + later, by="staff", now=now)
print("= decided")
"""

PLACES = ("A1", "A2", "LATE", "STAFF", "STRICT", "BROKEN")

BOTH = """SELECT b.object_id, b.request_id, b.status, b.request_status, b.starts_at, b.ends_at, b.evse_uid,
    b.canceled_reason, b.canceled_by, b.document FROM bookings_booking b JOIN partners_party c ON c.id = b.party_id
    JOIN partners_party e ON e.id = b.emsp_id WHERE c.party_id = '{cpo}' AND e.party_id = '{emsp}' ORDER BY 1"""
BILLS = """SELECT d.document::json->>'booking_id', d.object_id, d.total_excl FROM cdrs_cdr d
    JOIN partners_party c ON c.id = d.party_id JOIN partners_party e ON e.id = d.emsp_id
    WHERE c.party_id = '{cpo}' AND e.party_id = '{emsp}' AND d.document LIKE '%"booking_id"%' ORDER BY 1"""


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def minute(after: float = 0) -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=after)


class Side:
    """One of the two platforms, its station system and its app."""

    def __init__(self, platform: Platform, data: DataDirectory, port: int, country: str, party: str) -> None:
        self.platform, self.data, self.port, self.country, self.party = platform, data, port, country, party
        told = json.loads(told_by(platform, data, SETUP.replace("{party}", party)))
        self.drivers: list[tuple[str, str]] = [(contract, card) for contract, card in told["drivers"]]
        self.app = Calls(port, told["app"])
        self.evse_ids = {uid: f"{country}*{party}*ES{number}" for number, uid in enumerate(PLACES)}
        self.stations = Stations(port, told["station"], {"SLOTS": dict.fromkeys(self.evse_ids.values(), "ACCEPTED")})
        alike = {uid: self.evse_ids[uid] for uid in ("A1", "A2")}
        self.stations.call("PUT", "/locations/SLOTS", location(alike))
        single = {uid: evse_id for uid, evse_id in self.evse_ids.items() if uid not in alike}
        self.stations.call("PUT", "/locations/SINGLE", location(single))
        told_by(platform, data, PUBLISH)

    def ask(self, query: str, **named: str) -> list[tuple[Any, ...]]:
        return Platform.ask(self.data, query.format(**named))

    def decide(self, *deeds: tuple[str, str]) -> None:
        told_by(self.platform, self.data, DECIDE.replace("{deeds}", json.dumps(deeds)))

    def card(self, uid: str, card: str) -> Any:
        shown = {"evse_id": self.evse_ids[uid], "connector_id": "1", "uid": card, "token_type": "RFID"}
        return self.stations.call("POST", "/cards", shown)

    def charge(self, uid: str, card: str) -> None:
        """Somebody comes, charges and leaves."""
        told = self.card(uid, card)
        assert told["allowed"], told
        here = {"evse_id": self.evse_ids[uid], "transaction": f"T-{uid}-{card}"}
        began = here | {"connector_id": "1", "authorization_id": told["authorization_id"], "meter_kwh": 10}
        self.stations.call("POST", "/charges", began)
        self.stations.call("POST", "/charges/stop", here | {"meter_kwh": 10.0005, "reason": "Local"})


class Way:
    """Drivers of one platform book at the other."""

    def __init__(self, emsp: Side, cpo: Side) -> None:
        self.emsp, self.cpo = emsp, cpo
        self.left = list(emsp.drivers)
        self.wanted: dict[str, str] = {}

    def book(self, place: str, starts_at: datetime, minutes: int = 30, *, who: tuple[str, str] | None = None) -> Any:
        contract, card = who or self.left.pop()
        body = {
            "contract_id": contract,
            "country_code": self.cpo.country,
            "party_id": self.cpo.party,
            "place": place,
            "starts_at": text(starts_at),
            "ends_at": text(starts_at + timedelta(minutes=minutes)),
        }
        status, told = self.emsp.app("POST", "/bookings", body)
        if status >= 300:
            return told["code"]
        return told | {"card": card, "contract": contract}

    def free(self, place: str, starts_at: datetime, who: tuple[str, str] | None = None) -> Any:
        """Booked as soon as the eMSP has heard that it is free again."""
        who = who or self.left.pop()
        return self.emsp.platform.until(
            lambda: (told := self.book(place, starts_at, who=who)) != "conflict" and told, WITHIN
        )

    def until(self, booking: Any, status: str, request: str = "") -> Any:
        """The booking, once the eMSP has heard so."""

        def seen() -> Any:
            told = self.emsp.app.good("GET", f"/bookings/{booking['booking']}")
            if "booking_id" not in told:
                return None
            return (
                told
                if told["status"] == status and told["request_status"] == (request or told["request_status"])
                else None
            )

        return self.emsp.platform.until(seen, WITHIN) | {"card": booking["card"]}

    def ends(self, booking: Any, status: str) -> None:
        """How it must stand in the end, on both sides."""
        self.wanted[booking["booking_id"]] = status

    def post(self, booking: Any, verb: str, body: Any) -> int:
        return int(self.emsp.app("POST", f"/bookings/{booking['booking']}/{verb}", body)[0])

    def go(self) -> None:
        soon = minute(10)
        asked = {name: self.book("ALIKE", soon) for name in ("early", "moved")}
        early, moved = (self.until(told, "RESERVED", "ACCEPTED") for told in asked.values())
        full = self.book("ALIKE", soon)  # refused here, if the operator has told already that nothing is left
        if full != "conflict":
            self.ends(self.until(full, "REJECTED", "DECLINED"), "REJECTED")
        assert self.book("ALIKE", minute(-30)) == "conflict"
        assert self.book("ALIKE", soon + timedelta(days=9)) == "conflict"
        assert self.book("ALIKE", soon, 60 * 24 * 400) == "conflict"

        # changed by the driver, then nobody else gets what he gave back before it is free
        later = minute(120)
        there = {"starts_at": text(later), "ends_at": text(later + timedelta(minutes=30))}
        assert self.post(moved, "change", there) == 202
        self.emsp.platform.until(
            lambda: self.emsp.app.good("GET", f"/bookings/{moved['booking']}")["starts_at"] == text(later), WITHIN
        )
        again = self.until(self.free("ALIKE", soon), "RESERVED")
        assert self.post(again, "cancel", {"reason": "TRAFFIC"}) == 202
        self.ends(self.until(again, "CANCELED"), "CANCELED")
        twice = self.free("ALIKE", soon, who=(asked["early"]["contract"], early["card"]))
        self.ends(self.until(twice, "REJECTED", "DECLINED"), "REJECTED")

        # nobody comes
        late = self.until(self.book("LATE", minute()), "NO_SHOW")
        self.ends(late, "NO_SHOW")

        self.staff(soon)
        self.strict(soon)

        # the driver comes early; somebody else may not
        stranger = self.left.pop()[1]
        self.cpo.charge("A1", early["card"])
        self.ends(self.until(early, "FULFILLED"), "FULFILLED")
        kept = self.until(self.book("BROKEN", minute(10)), "RESERVED")
        assert not self.cpo.card("BROKEN", stranger)["allowed"]
        told = {"evse_id": self.cpo.evse_ids["BROKEN"], "status": "OUTOFORDER", "reason": "Smoke"}
        self.cpo.stations.call("POST", "/statuses", told)
        gone = self.until(kept, "CANCELED")
        assert (gone["canceled_reason"], gone["canceled_by"]) == ("BROKEN_CHARGER", "CPO")
        self.ends(gone, "CANCELED")
        self.ends(self.until(moved, "RESERVED"), "RESERVED")

    def staff(self, soon: datetime) -> None:
        hours = [timedelta(hours=number) for number in range(5)]
        waiting = [self.until(self.book("STAFF", soon + each), "PENDING") for each in hours]
        names = [each["booking_id"] for each in waiting]
        self.cpo.decide(*zip(names, ("accept", "decline", "fail", "accept", "accept"), strict=True))
        yes, no, failed, full, moved = (
            self.until(each, status)
            for each, status in zip(waiting, ("RESERVED", "REJECTED", "FAILED", "RESERVED", "RESERVED"), strict=True)
        )
        there = {"starts_at": text(soon + hours[2]), "ends_at": text(soon + hours[2] + timedelta(minutes=30))}
        self.emsp.platform.until(
            lambda: self.post(yes, "change", there) == 202, WITHIN
        )  # once it has heard that it is free
        self.until(yes, "RESERVED", "PENDING")
        self.cpo.decide((yes["booking_id"], "decline"), (full["booking_id"], "cancel"), (moved["booking_id"], "move"))
        stays = self.until(yes, "RESERVED", "DECLINED")
        assert (stays["starts_at"], stays["sentence"]) == (text(soon), "")
        self.emsp.platform.until(
            lambda: (
                self.emsp.app.good("GET", f"/bookings/{moved['booking']}")["starts_at"] == text(soon + 5 * hours[1])
            ),
            WITHIN,
        )
        for booking, status in ((yes, "RESERVED"), (no, "REJECTED"), (failed, "FAILED"), (moved, "RESERVED")):
            self.ends(booking, status)
        self.ends(self.until(full, "CANCELED"), "CANCELED")

    def strict(self, soon: datetime) -> None:
        """What the terms forbid."""
        booking = self.until(self.book("STRICT", soon), "RESERVED")
        assert self.post(booking, "cancel", {}) == 409
        assert self.post(booking, "change", {"starts_at": text(minute(60)), "ends_at": text(minute(90))}) == 409
        self.ends(booking, "RESERVED")

    def back(self) -> None:
        """The other way only what differs by the direction."""
        came, cancelled, late = (
            self.until(self.book(place, at), status)
            for place, at, status in (
                ("ALIKE", minute(10), "RESERVED"),
                ("ALIKE", minute(10), "RESERVED"),
                ("LATE", minute(), "NO_SHOW"),
            )
        )
        self.cpo.charge("A2", came["card"])
        assert self.post(cancelled, "cancel", {}) == 202
        for booking, status in ((came, "FULFILLED"), (cancelled, "CANCELED"), (late, "NO_SHOW")):
            self.ends(self.until(booking, status), status)

    def same(self) -> None:
        """What one says of a booking the other says, to the letter; and so of each bill."""
        who = {"cpo": self.cpo.party, "emsp": self.emsp.party}
        for query in (BOTH, BILLS):
            self.emsp.platform.until(lambda q=query: self.emsp.ask(q, **who) == self.cpo.ask(q, **who), WITHIN)
        rows = self.cpo.ask(BOTH, **who)
        assert {row[0]: row[2] for row in rows} == self.wanted
        billed = [row[0] for row in self.cpo.ask(BILLS, **who)]
        unused = [name for name, status in self.wanted.items() if status in ("FULFILLED", "NO_SHOW")]
        assert set(unused) <= set(billed)


def test_every_booking_both_ways_with_every_end(quiet_platform: Platform) -> None:
    platform = quiet_platform
    home = Side(platform, platform.home, platform.ports[0], "DE", "RDK")
    partner = Side(platform, platform.home.partner, platform.ports[1], "SE", "VGM")
    there = "SELECT count(*) FROM bookings_bookablelocation WHERE NOT ours AND location_id IN ('SLOTS', 'SINGLE')"
    for side in (home, partner):
        platform.until(lambda side=side: side.ask(there) == [(5,)], WITHIN)
    way, back = Way(home, partner), Way(partner, home)
    way.go()
    back.back()
    for each in (way, back):
        each.same()
    assert len(way.wanted) + len(back.wanted) >= 15
