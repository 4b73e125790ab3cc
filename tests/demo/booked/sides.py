"""The two platforms as a test of bookings sees them: databases, the driver's app, staff, a station system, places to book."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from backoffice.supervisor import postgres
from backoffice.supervisor.data_directory import DataDirectory
from tests.demo.afar.sides import manage
from tests.demo.afar.stations import Stations, location
from tests.demo.platforms import Platform
from tests.demo.test_apps import Calls, told_by

WITHIN = 60.0

EVSES = {"SLOTS": ("A1", "A2"), "SINGLE": ("LATE", "LONG", "STAFF", "STRICT", "BROKEN")}
"""By location. At SLOTS one is as good as the other; at SINGLE each is a place to book, called as its EVSE."""
LITERAL = {"LITERAL": ("L1", "L4", "L5", "CARD"), "ALIKE": ("L2", "L3")}
"""For the partner of literal bytes. At CARD nothing is booked, and cards pay 3.00 for a charge."""

SETUP = """
import json, time
from datetime import timedelta
from backoffice.api.actions import keys
from backoffice.api.rules import Kind
from backoffice.bookings.actions import publishing
from backoffice.bookings.models.places import Decides
from backoffice.charge_points.actions import systems
from backoffice.charge_points.api import API as STATIONS
from backoffice.demo.actions import offering
from backoffice.driver_app.api import API as DRIVERS
from backoffice.locations.actions import changing
from backoffice.locations.actions.offering import assign
from backoffice.locations.models import Evse, Location
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.tariffs.actions.storing import store
from backoffice.tokens.models import Token
from ocpi.wire import json as wire_json
from ocpi.wire import tariffs as wire_tariffs
from ocpi.wire.base import date_time_text
now, names = site.now(), {places}
us = Party.objects.get(party_id="{party}", ours=True)
def key(application, api):
    return keys.issue(application, scopes=list(api.scopes), expires_at=now + timedelta(days=1), by="test", now=now)
system = systems.add_system(party=us, name="-".join(names), now=now)
app = keys.add_application(party=us, kind=Kind.DRIVER_APP, name="App-" + "-".join(names), now=now)
apps = Token.objects.filter(party=us, type="APP_USER").values("contract_id")
cards = Token.objects.filter(party=us, type="RFID", valid=True, hold="NONE", only_in=[])
cards = cards.exclude(contract_id__in=apps)
drivers = dict()
for contract, card in cards.order_by("pk").values_list("contract_id", "object_id"):
    drivers.setdefault(contract.upper(), (contract, card))  # the one that the app's API chooses
found = list(drivers.values())[:32]
print(json.dumps(dict(station=key(system.application, STATIONS), app=key(app, DRIVERS), drivers=found)), flush=True)
offering.price(us, "EUR", now)
while len(places := {{row.object_id: row for row in Location.objects.filter(object_id__in=names, party=us)}}) < len(names):
    time.sleep(0.1)
for place in places.values():  # as soon as the station system has told of them
    changing.share(Location.objects.get(pk=place.pk), now=site.now())
terms = {{"supported_access_methods": ["TOKEN"], "change_until_minutes": 0, "cancel_until_minutes": 0,
    "early_start_allowed": True, "early_start_time": 60, "noshow_fee": True}}
late_stop = {{"late_stop_allowed": True, "late_stop_time": 60}}
evses = {{evse.uid: evse for evse in Evse.objects.filter(location__in=places.values())}}
day = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
calendar = {{"id": "C1", "begin_from": date_time_text(day), "end_before": date_time_text(day + timedelta(days=4)),
    "available_timeslots": [{{"start_from": date_time_text(day), "end_before": date_time_text(day + timedelta(days=4))}}]}}
kind = {{"vehicle_types": ["PERSONAL_VEHICLE"], "format": "SOCKET", "restricted_to_type": False}}
def offer(where, name, uid="", decides=Decides.ITSELF, uids=(), **other):
    spaces = {{"evse": evses.get(uid or name)}}
    if uids:
        spaces = {{"options": [kind], "spaces": {{0: [evses[uid].pk for uid in uids]}}}}
    publishing.publish(publishing.Offer(location=places[where], object_id=name, terms=[terms | other], calendars=[calendar],
        tariff_ids=["{party}-BOOKED-EUR"], decides=decides, **spaces), by="test", now=site.now())
if "SLOTS" in names:
    offer("SLOTS", "ALIKE", uids=("A1", "A2"))
    offer("SINGLE", "LATE", noshow_timeout=0)
    offer("SINGLE", "LONG", **late_stop)
    offer("SINGLE", "STAFF", decides=Decides.STAFF)
    offer("SINGLE", "STRICT", cancel_until_minutes=1200, change_not_allowed=True)
    offer("SINGLE", "BROKEN")
if "LITERAL" in names:
    offer("LITERAL", "L-ONE", "L1", **late_stop)
    offer("ALIKE", "L-KIND", uids=("L2", "L3"))
    offer("LITERAL", "L-STAFF", "L4", decides=Decides.STAFF)
    offer("LITERAL", "L-LATE", "L5", noshow_timeout=0, cancel_until_minutes=1200)
    price = {{"type": "FLAT", "price": 3, "vat": 19, "step_size": 1}}
    tariff = {{"country_code": us.country_code, "party_id": us.party_id, "id": "CARD", "currency": "EUR",
        "preauthorize_amount": 20, "elements": [{{"price_components": [price]}}], "tax_included": "NO",
        "last_updated": date_time_text(now)}}
    parsed = wire_json.validate(wire_tariffs.Tariff, tariff)
    store(us.pk, [(tariff, parsed)], source="import", now=now, ours=True)
    assign([evses["CARD"].pk], add=["CARD"], remove=[], now=site.now())
"""

DECIDE = """
import json
from datetime import timedelta
from backoffice.bookings.actions import deciding, keeping
from backoffice.bookings.models import Booking, BookingAsked
from backoffice.roaming_site import site
from ocpi.wire.bookings import CanceledReason
now = site.now()
def waiting(name):
    return BookingAsked.objects.get(booking__object_id=name, status="PENDING").pk
for name, what in json.loads('{deeds}'):
    row = Booking.objects.get(object_id=name)
    if what == "accept":
        deciding.accept(waiting(name), by="staff", now=now)
    elif what == "decline":
        deciding.decline(waiting(name), reason="The street is closed.", by="staff", now=now)
    elif what == "fail":
        deciding.fail(waiting(name), reason="The calendar is broken.", by="staff", now=now)
    elif what == "cancel":
        keeping.cancel(row.pk, reason=CanceledReason.FULL, by="staff", now=now)
    elif what == "assign":
        keeping.assign(row.pk, by="staff", now=now)
    elif what == "move":
        later = timedelta(hours=1)
        keeping.move(row.pk, starts_at=row.starts_at + later, ends_at=row.ends_at + later, by="staff", now=now)
print("= decided")
"""


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def minute(after: float = 0) -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=after)


def over(end: str) -> bool:
    """By more than a moment: what lasts that long costs something."""
    return text(datetime.now(UTC) - timedelta(seconds=2)) >= end


class Side:
    """One of the two platforms, its station system and its app."""

    def __init__(
        self,
        platform: Platform,
        data: DataDirectory,
        port: int,
        country: str,
        party: str,
        places: dict[str, tuple[str, ...]] = EVSES,
    ) -> None:
        self.platform, self.data, self.port, self.country, self.party = platform, data, port, country, party
        address = f"host={postgres.sockets_of(data)} user={postgres.SUPERUSER} dbname={postgres.DATABASE}"
        self.database = psycopg.connect(address, autocommit=True)
        shell = subprocess.Popen(
            manage("shell", "-v0", "-c", SETUP.format(party=party, places=[*places])),
            env=platform.environment | {"ROAMDESK_DATA_DIR": str(data.root)},
            stdout=subprocess.PIPE,
        )
        assert shell.stdout is not None
        told = json.loads(shell.stdout.readline())
        self.drivers: list[tuple[str, str]] = [(contract, card) for contract, card in told["drivers"]]
        self.app = Calls(port, told["app"])
        uids = [uid for each in places.values() for uid in each]
        self.evse_ids = {uid: f"{country}*{party}*EB{uid}" for uid in uids}
        self.stations = Stations(port, told["station"], {"ALL": dict.fromkeys(self.evse_ids.values(), "ACCEPTED")})
        for place, names in places.items():
            self.stations.call("PUT", f"/locations/{place}", location({uid: self.evse_ids[uid] for uid in names}))
        assert shell.wait(60) == 0
        shell.stdout.close()

    def ask(self, query: str, **named: str) -> list[tuple[Any, ...]]:
        """Over one connection: who waits asks ten times a second."""
        return self.database.execute(query.format(**named).encode()).fetchall()

    def decide(self, *deeds: tuple[str, str]) -> None:
        told_by(self.platform, self.data, DECIDE.replace("{deeds}", json.dumps(deeds)))

    def broken(self, uid: str) -> None:
        told = {"evse_id": self.evse_ids[uid], "status": "OUTOFORDER", "reason": "Smoke"}
        self.stations.call("POST", "/statuses", told)

    def card(self, uid: str, card: str) -> Any:
        shown = {"evse_id": self.evse_ids[uid], "connector_id": "1", "uid": card, "token_type": "RFID"}
        return self.stations.call("POST", "/cards", shown)

    def begin(self, uid: str, card: str) -> None:
        """Somebody comes and charges."""
        told = self.card(uid, card)
        assert told["allowed"], told
        began = {"connector_id": "1", "authorization_id": told["authorization_id"], "meter_kwh": 10}
        self.stations.call("POST", "/charges", self._charge(uid, card) | began)

    def end(self, uid: str, card: str) -> None:
        """And leaves."""
        self.stations.call("POST", "/charges/stop", self._charge(uid, card) | {"meter_kwh": 10.0005, "reason": "Local"})

    def _charge(self, uid: str, card: str) -> dict[str, str]:
        return {"evse_id": self.evse_ids[uid], "transaction": f"T-{uid}-{card}"}
