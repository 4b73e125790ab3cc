"""Bookings with everything that can become of one, both ways between two whole platforms.

Afterwards both databases tell the same of each, and every bill names its booking. Drivers book by the app's API and show their
cards at a station system behind the charge-station API; staff decide at their desks.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.demo.booked.sides import WITHIN, Side, minute, over, text
from tests.demo.platforms import Platform

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("quiet platform")]

STATUSES = {"PENDING", "RESERVED", "REJECTED", "FAILED", "FULFILLED", "CANCELED", "NO_SHOW"}
REQUESTS = {"PENDING", "ACCEPTED", "DECLINED", "FAILED"}
BOOKED = {"RESERVATION_TIME", "RESERVATION_EXPIRES", "RESERVATION_OVERTIME"}

BOTH = """SELECT b.object_id, b.request_id, b.status, b.request_status, b.starts_at, b.ends_at, b.evse_uid,
    b.canceled_reason, b.canceled_by, b.document FROM bookings_booking b JOIN partners_party c ON c.id = b.party_id
    JOIN partners_party e ON e.id = b.emsp_id WHERE c.party_id = '{cpo}' AND e.party_id = '{emsp}' ORDER BY 1"""
BILLS = """SELECT d.document::json->>'booking_id', d.object_id, d.total_excl, d.document FROM cdrs_cdr d
    JOIN partners_party c ON c.id = d.party_id JOIN partners_party e ON e.id = d.emsp_id
    WHERE c.party_id = '{cpo}' AND e.party_id = '{emsp}' AND d.document LIKE '%"booking_id"%' ORDER BY 2"""
PRICED = """SELECT DISTINCT d.verdict, d.our_excl = d.total_excl FROM cdrs_cdr d
    JOIN partners_party c ON c.id = d.party_id JOIN partners_party e ON e.id = d.emsp_id
    WHERE c.party_id = '{cpo}' AND e.party_id = '{emsp}' AND d.document LIKE '%"booking_id"%'"""


class Way:
    """Drivers of one platform book at the other."""

    def __init__(self, emsp: Side, cpo: Side) -> None:
        self.emsp, self.cpo = emsp, cpo
        self.left = list(emsp.drivers)
        self.wanted: dict[str, str] = {}
        self.long: Any = None

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

    def told(self, booking: Any) -> Any:
        return self.emsp.app.good("GET", f"/bookings/{booking['booking']}")

    def until(self, booking: Any, status: str, request: str = "", **fields: str) -> Any:
        """The booking, once the eMSP has heard so."""
        wanted = {"status": status} | ({"request_status": request} if request else {}) | fields

        def seen() -> Any:
            told = self.told(booking)
            return "booking_id" in told and wanted.items() <= told.items() and told

        return self.emsp.platform.until(seen, WITHIN) | {"card": booking["card"]}

    def ends(self, booking: Any, status: str) -> None:
        """How it must stand in the end, on both sides."""
        self.wanted[booking["booking_id"]] = status

    def post(self, booking: Any, verb: str, body: Any) -> int:
        return int(self.emsp.app("POST", f"/bookings/{booking['booking']}/{verb}", body)[0])

    # --- what drivers do ----------------------------------------------------------------------------------------------

    def stays(self) -> None:
        """A driver comes for the last minute of a booking, and stays."""
        self.long = self.until(self.book("LONG", minute(-3), 4), "RESERVED", "ACCEPTED", evse_uid="LONG")
        self.cpo.begin("LONG", self.long["card"])
        self.ends(self.long, "FULFILLED")

    def leaves(self) -> None:
        self.emsp.platform.until(lambda: over(self.long["ends_at"]), 90)
        self.cpo.end("LONG", self.long["card"])

    def go(self) -> None:
        self.stays()
        soon = minute(10)
        asked = {name: self.book("ALIKE", soon) for name in ("early", "moved")}
        early, moved = (self.until(told, "RESERVED", "ACCEPTED", evse_uid="#NA") for told in asked.values())
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
        self.ends(self.until(moved, "RESERVED", "ACCEPTED", starts_at=text(later)), "RESERVED")
        again = self.until(self.free("ALIKE", soon), "RESERVED")
        assert self.post(again, "cancel", {"reason": "TRAFFIC"}) == 202
        self.ends(self.until(again, "CANCELED", canceled_reason="TRAFFIC", canceled_by="EMSP"), "CANCELED")
        twice = self.free("ALIKE", soon, who=(asked["early"]["contract"], early["card"]))
        self.ends(self.until(twice, "REJECTED", "DECLINED"), "REJECTED")

        # nobody comes
        late = self.until(self.book("LATE", minute()), "NO_SHOW")
        self.ends(late, "NO_SHOW")

        self.staff(soon)
        self.strict(soon)

        # the driver comes early; somebody else may not
        stranger = self.left.pop()[1]
        self.cpo.begin("A1", early["card"])
        self.cpo.end("A1", early["card"])
        self.ends(self.until(early, "FULFILLED", evse_uid="A1"), "FULFILLED")
        kept = self.until(self.book("BROKEN", minute(10)), "RESERVED")
        assert not self.cpo.card("BROKEN", stranger)["allowed"]
        self.cpo.broken("BROKEN")
        self.ends(self.until(kept, "CANCELED", canceled_reason="BROKEN_CHARGER", canceled_by="CPO"), "CANCELED")

    def staff(self, soon: datetime) -> None:
        hours = [timedelta(hours=number) for number in range(7)]
        waiting = [self.until(self.book("STAFF", soon + each), "PENDING") for each in hours[:5]]
        unassigned = self.until(self.book("ALIKE", soon + hours[6]), "RESERVED", evse_uid="#NA")
        names = [each["booking_id"] for each in waiting]
        deeds = zip(names, ("accept", "decline", "fail", "accept", "accept"), strict=True)
        self.cpo.decide(*deeds, (unassigned["booking_id"], "assign"))
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
        self.ends(self.until(moved, "RESERVED", starts_at=text(soon + hours[5])), "RESERVED")
        self.ends(self.until(full, "CANCELED", canceled_reason="FULL", canceled_by="CPO"), "CANCELED")
        self.ends(self.until(unassigned, "RESERVED", evse_uid="A1"), "RESERVED")
        for booking, status in ((yes, "RESERVED"), (no, "REJECTED"), (failed, "FAILED")):
            self.ends(booking, status)
        self.ends(self.until(self.book("STAFF", soon + timedelta(hours=20)), "PENDING", "PENDING"), "PENDING")

    def strict(self, soon: datetime) -> None:
        """What the terms forbid."""
        booking = self.until(self.book("STRICT", soon), "RESERVED", evse_uid="STRICT")
        assert self.post(booking, "cancel", {}) == 409
        assert self.post(booking, "change", {"starts_at": text(minute(60)), "ends_at": text(minute(90))}) == 409
        self.ends(booking, "RESERVED")

    def back(self) -> None:
        """The other way only what differs by the direction."""
        self.stays()
        came, cancelled, late = (
            self.until(self.book(place, at), status)
            for place, at, status in (
                ("ALIKE", minute(10), "RESERVED"),
                ("ALIKE", minute(10), "RESERVED"),
                ("LATE", minute(), "NO_SHOW"),
            )
        )
        waiting = self.until(self.book("STAFF", minute(60)), "PENDING", "PENDING")
        self.cpo.begin("A2", came["card"])
        self.cpo.end("A2", came["card"])
        assert self.post(cancelled, "cancel", {}) == 202
        self.cpo.decide((waiting["booking_id"], "decline"))
        ends = ((came, "FULFILLED"), (cancelled, "CANCELED"), (late, "NO_SHOW"), (waiting, "REJECTED"))
        for booking, status in ends:
            self.ends(self.until(booking, status), status)

    # --- what is left of it -------------------------------------------------------------------------------------------

    def same(self) -> None:
        """What one says of a booking the other says, to the letter; and so of each bill."""
        who = {"cpo": self.cpo.party, "emsp": self.emsp.party}
        unused = [name for name, status in self.wanted.items() if status in ("FULFILLED", "NO_SHOW")]
        until = self.emsp.platform.until
        until(lambda: {row[0] for row in self.cpo.ask(BILLS, **who)} >= set(unused), WITHIN)
        for query in (BOTH, BILLS):
            until(lambda q=query: self.emsp.ask(q, **who) == self.cpo.ask(q, **who), WITHIN)
        assert {row[0]: row[2] for row in self.cpo.ask(BOTH, **who)} == self.wanted
        until(lambda: self.emsp.ask(PRICED, **who) == [("AGREED", True)], WITHIN)
        bills = [json.loads(row[3]) for row in self.cpo.ask(BILLS, **who)]
        told = {each["type"] for bill in bills for period in bill["charging_periods"] for each in period["dimensions"]}
        assert told >= BOOKED, told


def test_every_booking_both_ways_with_every_end(quiet_platform: Platform) -> None:
    platform = quiet_platform
    with ThreadPoolExecutor(2) as several:
        sides = [
            several.submit(Side, platform, data, port, *who)
            for data, port, who in (
                (platform.home, platform.ports[0], ("DE", "RDK")),
                (platform.home.partner, platform.ports[1], ("SE", "VGM")),
            )
        ]
        home, partner = (side.result() for side in sides)
        there = "SELECT count(*) FROM bookings_bookablelocation WHERE NOT ours AND location_id IN ('SLOTS', 'SINGLE')"
        for side in (home, partner):
            platform.until(lambda side=side: side.ask(there) == [(6,)], WITHIN)
        way, back = Way(home, partner), Way(partner, home)
        for done in [several.submit(way.go), several.submit(back.back)]:
            done.result()
    for each in (way, back):
        each.leaves()
    for each in (way, back):
        each.same()
    rows = [row for each in (way, back) for row in each.cpo.ask(BOTH, cpo=each.cpo.party, emsp=each.emsp.party)]
    assert len(rows) >= 20
    assert {row[2] for row in rows} == STATUSES
    asked = [request for row in rows for request in json.loads(row[9])["booking_requests"]]
    assert {request["request_status"] for request in asked} == REQUESTS
    for side in (home, partner):
        side.database.close()
