"""Every door of commands and charging profiles x foreign parties x nonsense: nothing is done, read, changed or shown to exist.

What is asked and refused is written down as what it is: a command that was refused. The two APIs beside OCPI are tried in
`tests/charge_points/test_station_api.py` and `tests/driver_app`, route by route; the doors of other modules in
`test_isolation_of_modules`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from backoffice.charge_points.models import Order
from backoffice.charging_profiles.models import ProfileRequest
from backoffice.commands.models import Command, Reservation
from backoffice.delivery.models import Errand
from backoffice.locations.models import Location, Withholding
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from tests import factories
from tests.charging_profiles.cast import SIXTEEN
from tests.commands import cast
from tests.commands.conftest import evse
from tests.doors.asking import Answered, Asking, snapshot
from tests.doors.bad_requests import BROKEN_JSON
from tests.doors.test_isolation import routing
from tests.factories import Partner

__all__ = ["evse"]

VERSIONS = ("2.3.0", "2.2.1")
KINDS = ("START_SESSION", "STOP_SESSION", "RESERVE_NOW", "CANCEL_RESERVATION", "UNLOCK_CONNECTOR")
NOTED = {"commands_command", "commands_commandevent", "delivery_errand", "charging_profiles_profileevent"}
"""Where what was refused, and results from nobody who was asked, are written down."""
ELSEWHERE = "https://elsewhere.example/results/1"


def kept() -> dict[str, str]:
    return {table: rows for table, rows in snapshot().items() if table not in NOTED}


@dataclass(frozen=True, slots=True)
class World:
    """What others have: a charge and a reservation of a stranger's driver, our own requests to the stranger, and a location that
    SE-ELV must not know."""

    session: Session
    reservation: Reservation
    sent: Command
    asked: ProfileRequest
    theirs: Session

    def stands(self) -> list[tuple[Any, ...]]:
        """What the requests of others are, whatever was noted of them."""
        return [
            *Command.objects.filter(pk__in=[self.sent.pk, self.reservation.made_by_id])
            .order_by("pk")
            .values_list("state", "response", "result", "resulted_at"),
            *ProfileRequest.objects.values_list("state", "response", "result"),
            *Reservation.objects.values_list("state", "expires_at"),
        ]


@pytest.fixture
def world(us: Party, partner: Partner, stranger: Partner) -> World:
    factories.own_party("DE-OTH")
    far = Asking(stranger.token)
    held, charged, _ = (
        cast.point(number, capabilities=(*cast.EVERYTHING, "CHARGING_PROFILE_CAPABLE")) for number in (1, 2, 3)
    )
    card = cast.token("NO-FJO", uid="NO-1")
    reserved = cast.reserved(far, stranger, held, card=card)
    cast.post(far, "START_SESSION", cast.start(stranger, card=card, location="LOC2"))
    session = cast.plug_in(charged, cast.obey(charged).authorization_id)  # type: ignore[union-attr]  # it is a Start
    Withholding.objects.create(connection_id=partner.connection.pk, location=Location.objects.get(object_id="LOC3"))
    now = site.now()
    theirs = factories.small_session("NO-S1", "NO-FJO")
    assert far.put("2.3.0/receiver/sessions/NO/FJO/NO-S1", theirs).code == 1000
    told = Session.objects.get(object_id="NO-S1")
    common = {"connection_id": stranger.connection.pk, "deadline": now + timedelta(hours=1)}
    sent = Command.objects.create(
        direction="OUT",
        kind="START_SESSION",
        state="WAITING",
        sender=us,
        receiver=stranger.party,
        document="{}",
        created_at=now,
        **common,
    )
    asked = ProfileRequest.objects.create(
        uid="x" * 32, way="OUT", kind="SET", session=told, party=us, state="WAITING", asked_at=now, **common
    )
    return World(session, Reservation.objects.get(made_by=reserved), sent, asked, told)


@dataclass(frozen=True, slots=True)
class Try:
    """One request; `says`: HTTP status, OCPI status, and what a response says at once."""

    method: str
    path: str
    body: bytes | None
    says: tuple[int, int, str]
    why: str


def tries(version: str, partner: Partner, world: World) -> Iterator[Try]:
    commands, profiles = f"{version}/receiver/commands", f"{version}/receiver/chargingprofiles"

    def command(kind: str, body: bytes, says: tuple[int, int, str], why: str) -> Try:
        return Try("POST", f"{commands}/{kind}", body, says, why)

    for owner in ("NO-FJO", "DE-RDK", "DE-OTH", "XX-YYY"):
        card, refused = cast.token(owner, uid="NO-1"), (200, 2001, "REJECTED")
        yield command("START_SESSION", cast.start(partner, card=card), refused, f"a token of {owner}")
        yield command("RESERVE_NOW", cast.reserve(partner, card=card), refused, f"a token of {owner}")
        yield command("RESERVE_NOW", cast.reserve(partner, "R1", card=card), refused, "and the stranger's number")
    kept_for, taken = (200, 1000, "REJECTED"), cast.start(partner)
    yield command("START_SESSION", taken, kept_for, "an EVSE that is kept for a stranger")
    yield command("RESERVE_NOW", cast.reserve(partner), kept_for, "the same, under the stranger's own number")
    cable = cast.unlock(partner, location="LOC2")
    yield command("UNLOCK_CONNECTOR", cable, kept_for, "the cable of a stranger's driver")
    yield command("STOP_SESSION", cast.stop(partner, world.session.object_id), kept_for, "a stranger's charge")
    nothing = (200, 1000, "UNKNOWN_SESSION")
    yield command("STOP_SESSION", cast.stop(partner, world.theirs.object_id), nothing, "a charge that is not ours")
    yield command("CANCEL_RESERVATION", cast.cancel(partner), (200, 1000, "ACCEPTED"), "a stranger's reservation")
    for name in ("LOC3", "NOWHERE"):  # what is withheld is as what is not there
        there = (200, 2003, "REJECTED")
        yield command("START_SESSION", cast.start(partner, location=name), there, name)
        yield command("RESERVE_NOW", cast.reserve(partner, location=name), there, name)
        yield command("UNLOCK_CONNECTOR", cast.unlock(partner, location=name), there, name)
    here = f"{cast.host(partner)}/results/1"
    for session in (world.session.object_id, world.theirs.object_id, "NOTHING"):
        path = f"{profiles}/{session}"
        put = b'{"charging_profile":' + SIXTEEN + f',"response_url":"{here}"}}'.encode()
        yield Try("PUT", path, put, nothing, session)
        yield Try("GET", f"{path}?duration=60&response_url={here}", None, nothing, session)
        yield Try("DELETE", f"{path}?response_url={here}", None, nothing, session)
    result, sender = b'{"result":"ACCEPTED"}', f"{version}/sender"
    for uid in (world.sent.uid, world.reservation.made_by.uid, "f" * 32, "1"):
        for kind in ("START_SESSION", "RESERVE_NOW"):
            yield Try("POST", f"{sender}/commands/{kind}/{uid}", result, (404, 2001, ""), "a result from nobody asked")
    for uid in (world.asked.uid, "y" * 32, "1"):
        yield Try("POST", f"{sender}/chargingprofiles/SET/{uid}", result, (404, 2001, ""), "a result of nobody asked")
    active = b'{"start_date_time":"2026-11-01T10:00:00Z","charging_profile":' + SIXTEEN + b"}"
    for session in (world.session.object_id, world.theirs.object_id, "NOTHING"):
        yield Try("PUT", f"{sender}/chargingprofiles/{session}", active, (404, 2001, ""), session)


def said(answered: Answered) -> tuple[int, int, str]:
    data = answered.data
    return answered.status, answered.code, data.get("result", "") if isinstance(data, dict) else ""


def shown(answered: Answered) -> bytes:
    """What the answer says, but for when, and the names of what was asked for."""
    return answered.body.partition(b'"timestamp"')[0]


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_of_another_is_done_read_or_changed(version: str, world: World, partner: Partner) -> None:
    asking, wrong = Asking(partner.token), []
    asking.get("versions")
    state, stands, orders = kept(), world.stands(), Order.objects.count()
    secrets = (world.session.object_id, "NO-1", "C0001")
    attempts = [
        (each, headers) for each in tries(version, partner, world) for headers in ({}, routing("DE-RDK", "SE-ELV"))
    ]
    for some in (attempts[start : start + 16] for start in range(0, len(attempts), 16)):
        for each, headers in some:
            answered = asking.ask(each.method, each.path, each.body, headers=headers)
            if said(answered) != each.says:
                wrong.append(f"{each}: {answered.status} {answered.body[:200]!r}")
            asked_for = each.path.encode() + (each.body or b"")
            wrong += [
                f"{each} shows {secret}"
                for secret in secrets
                if secret.encode() in answered.body and secret.encode() not in asked_for
            ]
        if kept() != state or world.stands() != stands:
            wrong.append(f"one of these changed something: {some}")
            state, stands = kept(), world.stands()
    assert not wrong, "\n".join(wrong)
    assert Order.objects.count() == orders, "no charge point was told anything"
    owed = [
        (row.connection_id, row.kind, cast.owed()[-1][2]) for row in Errand.objects.filter(url__contains="/cancelled/")
    ]
    assert owed == [(partner.connection.pk, "CANCEL_RESERVATION", "UNKNOWN_RESERVATION")] * 2


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_not_there_and_what_is_anothers_look_the_same(version: str, world: World, partner: Partner) -> None:
    asking = Asking(partner.token)

    def seen(method: str, path: str, name: str, body: bytes | None = None) -> bytes:
        return shown(asking.ask(method, f"{version}/{path}", body)).replace(name.encode(), b"*")

    session, result = world.session.object_id, b'{"result":"ACCEPTED"}'
    query = f"?duration=60&response_url={cast.host(partner)}/results/1"
    profile = "receiver/chargingprofiles/"
    assert seen("GET", profile + session + query, session) == seen("GET", profile + "NOTHING" + query, "NOTHING")
    for path, uid in (("commands/START_SESSION/", world.sent.uid), ("chargingprofiles/SET/", world.asked.uid)):
        other = "f" * len(uid)
        assert seen("POST", f"sender/{path}{uid}", uid, result) == seen("POST", f"sender/{path}{other}", other, result)
    start: Callable[[str], bytes] = lambda name: cast.start(partner, location=name)
    door = "receiver/commands/START_SESSION"
    assert seen("POST", door, "LOC3", start("LOC3")) == seen("POST", door, "NOWHERE", start("NOWHERE"))


NONSENSE: list[Any] = [
    *(body for _, body in BROKEN_JSON),
    [],
    {},
    0,
    b"null",
    {"response_url": None},
    {"response_url": ELSEWHERE, "session_id": "S1", "reservation_id": "R1", "location_id": "LOC1"},
    {"response_url": "file:///etc/passwd"},
    {"result": {}},
    {"result": "YES"},
]


@pytest.mark.parametrize("version", VERSIONS)
def test_nonsense_is_answered_and_changes_nothing(version: str, world: World, partner: Partner) -> None:
    asking = Asking(partner.token)
    asking.get("versions")
    doors = [("POST", f"{version}/receiver/commands/{kind}") for kind in KINDS]
    doors += [("POST", f"{version}/sender/commands/{kind}/{world.sent.uid}") for kind in ("START_SESSION", "NONSENSE")]
    doors += [(method, f"{version}/receiver/chargingprofiles/S1") for method in ("PUT", "GET", "DELETE")]
    doors += [("POST", f"{version}/sender/chargingprofiles/SET/{world.asked.uid}")]
    doors += [("PUT", f"{version}/sender/chargingprofiles/{world.theirs.object_id}")]
    state, commands, errands = snapshot(), Command.objects.count(), Errand.objects.count()
    for method, path in doors:
        for body in NONSENSE:
            answered = asking.ask(method, path, body, content_type="application/json")
            assert answered.status in (200, 400, 404, 405), (method, path, body)
            assert answered.code != 1000, (method, path, body)
        assert snapshot() == state, (method, path)
    assert (Command.objects.count(), Errand.objects.count()) == (commands, errands)
