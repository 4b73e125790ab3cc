"""The company's own calls: drivers of ours charge at its charge points, and it bills them in its careless ways."""

from __future__ import annotations

import itertools
import logging
import random
import threading
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from backoffice.demo.rules.drivers import abroad
from backoffice.demo.rules.pace import Pace
from backoffice.demo.rules.visits import Outlet, Story, visit
from backoffice.demo.stilwater import documents
from backoffice.demo.stilwater.documents import BILLING, Charge
from ocpi.client import Client, Delivered, Outcome, Request
from ocpi.wire import headers as wire_headers
from ocpi.wire import json as wire_json

log = logging.getLogger("roamdesk.demo.stilwater")

ENOUGH = 100
"""Cards to choose from: the first page of ours."""

CARD = ("country_code", "party_id", "uid", "type", "contract_id")


class UnableToCall(Exception):
    """The other platform did not answer as it should; the sentence says what came."""


class Charges:
    """`token`: what it shows to our platform, whose versions are at `versions_url`. `since`: as of its documents."""

    def __init__(
        self,
        client: Client,
        *,
        versions_url: str,
        token: str,
        since: datetime,
        clock: Callable[[], datetime],
        chance: random.Random,
        pace: Pace,
    ) -> None:
        self._client = client
        self._versions_url = versions_url
        self._token = token
        self._since = since
        self._clock = clock
        self._chance = chance
        self._pace = pace

    def run(self, stop: threading.Event, *, count: int | None = None) -> None:
        """Charge after charge, until `stop` is set or so many were billed. What goes wrong ends the one it is in."""
        ways = itertools.cycle(BILLING)
        if count is None:  # it is started again and again, and should not always begin with the good one
            ways = itertools.islice(ways, self._chance.randrange(len(BILLING)), None)
        for way in itertools.islice(ways, count):
            while not self._tried(way, stop):
                if stop.wait(self._pause()):
                    return
            if stop.wait(self._pause()):
                return

    def _tried(self, way: Callable[[Any], list[Any]], stop: threading.Event) -> bool:
        try:
            self.one(way, stop)
        except UnableToCall as error:
            log.info("a charge came to nothing: %s", error)
            return False
        return True

    def _pause(self) -> float:
        return self._pace.pause * self._chance.uniform(0.5, 1.5)

    def one(self, way: Callable[[Any], list[Any]], stop: threading.Event) -> None:
        """From the card to the bills. Raises UnableToCall."""
        doors = self._doors()
        card = self._chance.choice(self._cards(doors))
        evse = self._chance.randrange(len(documents.EVSES))
        place = {"location_id": documents.SITE, "evse_uids": [documents.EVSES[evse]]}
        answer = self._data("POST", f"{doors['tokens', 'SENDER']}/{card['uid']}/authorize?type={card['type']}", place)
        if answer.get("allowed") != "ALLOWED":
            raise UnableToCall(f"{card['uid']} may not charge: {answer.get('allowed')}")
        told = visit(
            self._chance,
            shortest=int(self._pace.shortest * 1000),
            longest=int(self._pace.longest * 1000),
            story=self._chance.choice((Story.FULL, Story.PULLED)),
        )
        course = told.course(Outlet(documents.WATTS, direct=False))
        charge = Charge(f"{told.number:08X}", card, evse, self._clock(), answer.get("authorization_reference"))
        steps = 4
        for step in range(steps + 1):
            now = self._clock()
            kwh = course.measured(round((now - charge.begun).total_seconds() * 1000) if step else 0).kwh
            session = documents.session(charge, kwh=kwh, now=now, over=step == steps)
            self._send("PUT", f"{doors['sessions', 'RECEIVER']}/NL/STW/{session['id']}", session)
            if step < steps and stop.wait(course.ends / 1000 / steps):
                return
        for bill in way(documents.cdr(charge, kwh=kwh, ended=now, tariff_since=self._since)):
            self._send("POST", doors["cdrs", "RECEIVER"], bill)

    def _doors(self) -> dict[tuple[str, str], str]:
        versions = self._data("GET", self._versions_url)
        details = self._data("GET", next(each["url"] for each in versions if each["version"] == "2.2.1"))
        return {(each["identifier"], each["role"]): each["url"].rstrip("/") for each in details["endpoints"]}

    def _cards(self, doors: dict[tuple[str, str], str]) -> list[dict[str, Any]]:
        tokens = self._data("GET", f"{doors['tokens', 'SENDER']}?limit={ENOUGH}")
        found = [
            {name: token[name] for name in CARD} for token in tokens if token["type"] == "RFID" and abroad(token["uid"])
        ]
        if not found:
            raise UnableToCall("there are no cards yet")
        return found

    def _data(self, method: str, url: str, tree: Any = None) -> Any:
        outcome = self._send(method, url, tree)
        if not isinstance(outcome, Delivered):
            raise UnableToCall(f"{method} {url}: {outcome.reason}")
        return outcome.answer.data

    def _send(self, method: str, url: str, tree: Any = None) -> Outcome:
        body = None if tree is None else wire_json.encode(tree)
        headers = {
            wire_headers.AUTHORIZATION: wire_headers.encode_token(self._token),
            wire_headers.X_REQUEST_ID: str(uuid.uuid4()),
            wire_headers.X_CORRELATION_ID: str(uuid.uuid4()),
        }
        if body is not None:
            headers[wire_headers.CONTENT_TYPE] = "application/json"
        return self._client.send(Request(method, url, headers, body))
