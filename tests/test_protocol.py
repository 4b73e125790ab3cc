"""One table: module x interface x method x depth -> HTTP status, read from the facts of the specification.

What `tests/spec/endpoints.json` allows must work here with a real object; everything else must be refused with HTTP 405, the
envelope and an Allow header, and change nothing. The table is made of the modules that the apps register, so a new module is
in it at once, and fails until `EXAMPLES` says how its objects look.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from backoffice.charging_profiles.actions import sending
from backoffice.charging_profiles.actions.receiving import Wish
from backoffice.charging_profiles.models import ProfileRequest
from backoffice.charging_profiles.rules.states import Kind
from backoffice.commands.models import Command
from backoffice.partners.actions.connections import add_own_party, set_endpoints
from backoffice.partners.models import Connection, Party, PartyRole
from backoffice.payments.actions.terminals import providing
from backoffice.payments.models import Advice
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from ocpi import versions
from ocpi.client import AddressPolicy, Client
from ocpi.module import Documents
from ocpi.wire.base import date_time_text
from tests import factories
from tests.bookings.places import TERMS, asked, at, calendar, one_evse, premises
from tests.charging_profiles import cast as profiles
from tests.commands import cast as commands
from tests.doors.asking import Asking, snapshot
from tests.factories import Partner
from tests.peer import ScriptedPeer
from tests.peer.platform import TOKEN_B
from tests.sessions import cast
from tests.spec import facts

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
RECEIVED = "2.3.0/receiver/locations/SE/ELV/A1"


@dataclass(frozen=True)
class Example:
    """How to reach every door of a module: values for the variables of its paths, bodies, and objects that must exist.

    `bodies`: (method, depth) -> the body; the depth is the number of path segments below the module. `exists`: makes the
    objects that the paths name. `located`: the path of what the facts know only as the URL of a Location header or a
    response_url. `listed`: the query that a list needs. `answers`: methods beside GET that are answered with data. `asks`:
    methods of the Receiver interface that ask for something to be done, which is a change whatever the method; their bodies and
    queries.
    """

    variables: dict[str, dict[str, str]]
    bodies: dict[tuple[str, int], Callable[[ScriptedPeer], Any]] = field(default_factory=dict)
    listed: str = ""
    exists: Callable[[Asking], None] = lambda _asking: None
    located: str = ""
    answers: tuple[str, ...] = ()
    asks: dict[str, tuple[Callable[[ScriptedPeer], Any] | None, Callable[[ScriptedPeer], str]]] = field(
        default_factory=dict
    )


def _locations(asking: Asking) -> None:
    factories.own_location(factories.small_location("A1", "DE-RDK"))
    assert asking.put(RECEIVED, factories.small_location("A1")).says == (201, 1000)


def _tariffs(asking: Asking) -> None:
    factories.own_tariff(factories.small_tariff("T1", "DE-RDK"))
    assert asking.put("2.3.0/receiver/tariffs/SE/ELV/T1", factories.small_tariff("T1")).says == (201, 1000)


def _cdrs(asking: Asking) -> None:
    assert asking.ask("POST", "2.3.0/receiver/cdrs", factories.small_cdr("C1")).says == (201, 1000)


def _sessions(asking: Asking) -> None:
    evse = cast.point(capabilities=["CHARGING_PREFERENCES_CAPABLE"])
    session = cast.begin(evse, Party.objects.get(party_id="ELV"), now=site.now())
    Session.objects.filter(pk=session.pk).update(object_id="S1")
    assert asking.put("2.3.0/receiver/sessions/SE/ELV/S1", factories.small_session("S1")).says == (201, 1000)


AWAITED = "a-result-that-is-awaited"


def _profiles(asking: Asking) -> None:
    """Our driver charges at the partner's and has asked for a profile; theirs charges at ours, where something obeys."""
    partner = Partner(Connection.objects.get(), asking.token or "", "SE", "ELV")
    url = f"{profiles.host(partner)}/chargingprofiles"
    set_endpoints(partner.connection, [("chargingprofiles", "RECEIVER", url)])
    session = profiles.charging(partner)
    assert asking.put("2.3.0/receiver/sessions/SE/ELV/S1", factories.small_session("S1")).says == (201, 1000)
    sending.ask(Session.objects.get(object_id="S1"), Wish(Kind.CLEAR), by="anna", now=site.now())
    ProfileRequest.objects.update(uid=AWAITED)
    Session.objects.filter(pk=session.pk).update(object_id="S1")


def _commands(asking: Asking) -> None:
    """Their driver charges at ours, where something obeys; of a command of ours at theirs the result is awaited."""
    partner = Connection.objects.get()
    session = cast.begin(commands.point(), Party.objects.get(party_id="ELV"), now=site.now())
    Session.objects.filter(pk=session.pk).update(object_id="S1")
    Command.objects.create(
        uid=AWAITED,
        direction="OUT",
        kind="START_SESSION",
        state="WAITING",
        connection=partner,
        sender=Party.objects.get(party_id="RDK"),
        document="{}",
        deadline=site.now() + timedelta(minutes=1),
        created_at=site.now(),
    )


def _any_command(peer: ScriptedPeer) -> dict[str, Any]:
    """The body of every command at once: what one does not know it leaves alone."""
    return {
        "response_url": f"{peer.url}/result",
        "token": factories.small_token("C1"),
        "location_id": "LOC1",
        "evse_uid": "E1",
        "connector_id": "1",
        "session_id": "S1",
        "reservation_id": "7",
        "expiry_date": date_time_text(site.now() + timedelta(minutes=30)),
    }


def _tokens(asking: Asking) -> None:
    factories.own_token(factories.small_token("C1", "DE-RDK"))
    assert asking.put("2.3.0/receiver/tokens/SE/ELV/C1", factories.small_token("C1")).says == (201, 1000)


def _card_payments(asking: Asking) -> None:
    """They are a provider and a CPO, and so are we."""
    elv = Party.objects.get(party_id="ELV")
    rdk = add_own_party(country_code="DE", party_id="RDK", name="Roamdesk", roles=["PTP"])
    PartyRole.objects.create(party=elv, role="OTHER", connection=Connection.objects.get(), state="ACTIVE")
    providing.create(party=rdk, customer=elv, fields={"terminal_id": "T1"}, by="anna", now=site.now())
    assert asking.ask("POST", "2.3.0/receiver/payments/terminals", {"terminal_id": "T1"}).says == (201, 1000)


def _advice(asking: Asking) -> None:
    _card_payments(asking)
    door = "2.3.0/receiver/payments/financial-advice-confirmations"
    assert asking.ask("POST", door, factories.small_advice("F1", "REF-1")).says == (201, 1000)
    row = Advice.objects.get()
    row.pk, row.ours, row.party, row.customer = None, True, row.customer, row.party
    row.save(force_insert=True)


def _bookings(asking: Asking) -> None:
    """Their driver can book at ours, and ours has booked at theirs."""
    day = site.now().replace(hour=0, minute=0, second=0, microsecond=0)
    own = calendar(day=day, days=3)
    one_evse(premises(), calendars=[own], terms=[TERMS], now=site.now())
    put = asking.put("2.3.0/receiver/bookings/SE/ELV/booking_locations/BL1", factories.small_place("BL1"))
    assert put.says == (201, 1000)
    assert asking.put("2.3.0/receiver/bookings/SE/ELV/B1", factories.small_booking("B1")).says == (201, 1000)


def _asked_tomorrow(_: ScriptedPeer) -> dict[str, Any]:
    day = site.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return asked("R9", at(10, day), at(11, day))


_LATER = "2026-03-02T08:00:00Z"
_TERMINAL = {"terminal_id": "T1", "last_updated": "2999-01-01T00:00:00Z"}
EXAMPLES: dict[str, Example] = {
    "locations": Example(
        variables={
            "SENDER": {"location_id": "A1", "evse_uid": "E1", "connector_id": "1"},
            "RECEIVER": {
                "country_code": "SE",
                "party_id": "ELV",
                "location_id": "A1",
                "evse_uid": "E1",
                "connector_id": "1",
            },
        },
        bodies={
            ("PUT", 3): lambda _: factories.small_location("A1", at=_LATER),
            ("PUT", 4): lambda _: factories.small_location("A1", at=_LATER)["evses"][0],
            ("PUT", 5): lambda _: factories.small_location("A1", at=_LATER)["evses"][0]["connectors"][0],
            ("PATCH", 3): lambda _: {"name": "New name", "last_updated": _LATER},
            ("PATCH", 4): lambda _: {"status": "BLOCKED", "last_updated": _LATER},
            ("PATCH", 5): lambda _: {"max_amperage": 20, "last_updated": _LATER},
        },
        exists=_locations,
    ),
    "tariffs": Example(
        variables={"SENDER": {}, "RECEIVER": {"country_code": "SE", "party_id": "ELV", "tariff_id": "T1"}},
        bodies={("PUT", 3): lambda _: factories.small_tariff("T1", at=_LATER)},
        exists=_tariffs,
    ),
    "cdrs": Example(
        variables={"SENDER": {}, "RECEIVER": {}},
        bodies={("POST", 0): lambda _: factories.small_cdr("C2")},
        exists=_cdrs,
        located="/SE/ELV/C1",
    ),
    "sessions": Example(
        variables={
            "SENDER": {"session_id": "S1"},
            "RECEIVER": {"country_code": "SE", "party_id": "ELV", "session_id": "S1"},
        },
        bodies={
            ("PUT", 2): lambda _: {"profile_type": "REGULAR"},
            ("PUT", 3): lambda _: factories.small_session("S1", at=_LATER),
            ("PATCH", 3): lambda _: {"kwh": 3, "last_updated": _LATER},
        },
        listed="?date_from=2026-01-01T00:00:00Z",
        exists=_sessions,
        answers=("PUT 2",),
    ),
    "tokens": Example(
        variables={
            "SENDER": {"token_uid": "C1"},
            "RECEIVER": {"country_code": "SE", "party_id": "ELV", "token_uid": "C1"},
        },
        bodies={
            ("PUT", 3): lambda _: factories.small_token("C1", at=_LATER),
            ("PATCH", 3): lambda _: {"valid": False, "last_updated": _LATER},
            ("POST", 2): lambda _: {"location_id": "L1", "evse_uids": ["E1"]},
        },
        exists=_tokens,
        answers=("POST 2",),
    ),
    "chargingprofiles": Example(
        variables={"SENDER": {"session_id": "S1"}, "RECEIVER": {"session_id": "S1"}},
        bodies={
            ("POST", 2): lambda _: {"result": "ACCEPTED"},
            ("PUT", 1): lambda _: {
                "start_date_time": _LATER,
                "charging_profile": {"charging_rate_unit": "W", "charging_profile_period": []},
            },
        },
        asks={
            "GET": (None, lambda peer: f"?duration=900&response_url={peer.url}/result"),
            "DELETE": (None, lambda peer: f"?response_url={peer.url}/result"),
            "PUT": (
                lambda peer: profiles.literal(
                    b'{"response_url":"'
                    + f"{peer.url}/result".encode()
                    + b'","charging_profile":'
                    + profiles.SIXTEEN
                    + b"}"
                ),
                lambda _: "",
            ),
        },
        exists=_profiles,
        located=f"/CLEAR/{AWAITED}",
    ),
    "commands": Example(
        variables={"SENDER": {}, "RECEIVER": {"command": "OPEN_THE_DOOR"}},
        bodies={("POST", 2): lambda _: {"result": "ACCEPTED"}},
        asks={"POST": (_any_command, lambda _: "")},
        exists=_commands,
        located=f"/START_SESSION/{AWAITED}",
    ),
    "terminals": Example(
        variables={"SENDER": {"terminal_id": "T1"}, "RECEIVER": {"terminal_id": "T1"}},
        bodies={
            ("POST", 1): lambda _: {"terminal_id": "T2"},
            ("POST", 2): lambda _: {"reference": "SN-7"},
            ("PUT", 2): lambda _: _TERMINAL | {"customer_reference": "RDK"},
            ("PATCH", 2): lambda _: {"location_ids": ["L1"]},
        },
        exists=_card_payments,
    ),
    "financial-advice-confirmations": Example(
        variables={
            "SENDER": {"financial_advice_confirmation_id": "F1"},
            "RECEIVER": {"financial_advice_confirmation_id": "F1"},
        },
        bodies={("POST", 1): lambda _: factories.small_advice("F2", "REF-2")},
        exists=_advice,
    ),
    "bookings": Example(
        variables={"SENDER": {}, "RECEIVER": {"country_code": "SE", "party_id": "ELV", "booking_id": "B1"}},
        bodies={
            ("POST", 0): _asked_tomorrow,
            ("PUT", 3): lambda _: factories.small_booking("B1", last_updated=_LATER),
            ("PATCH", 3): lambda _: {"evse_uid": "E2", "last_updated": _LATER},
        },
        exists=_bookings,
        answers=("POST 0",),
    ),
    "booking_locations": Example(
        variables={
            "SENDER": {"booking_location_id": "P1", "calendar_id": "C1"},
            "RECEIVER": {
                "country_code": "SE",
                "party_id": "ELV",
                "booking_location_id": "BL1",
                "calendar_id": "C1",
            },
        },
        bodies={
            ("PUT", 4): lambda _: factories.small_place("BL1", last_updated=_LATER),
            ("PATCH", 4): lambda _: {"tariff_id": ["T1"], "last_updated": _LATER},
            ("PUT", 5): lambda _: factories.small_place("BL1")["calendars"][0] | {"last_updated": _LATER},
            ("PATCH", 5): lambda _: {"step_size": 30, "last_updated": _LATER},
        },
        exists=_bookings,
    ),
    "credentials": Example(
        variables={"BOTH": {}},
        bodies={
            ("PUT", 0): lambda peer: peer.credentials(TOKEN_B),
            ("POST", 0): lambda peer: peer.credentials(TOKEN_B),
        },
    ),
}

REFUSED_BY_STATE = {("credentials", "POST")}
"""Allowed by the table, but not to a partner that is registered already (rule T-166); the handshake's tests show it work."""


@dataclass(frozen=True)
class Row:
    version: str
    module: str
    interface: str
    method: str
    template: str
    allowed: bool

    def __str__(self) -> str:
        return f"{self.version}-{self.module}-{self.interface}-{self.method}-{self.template.strip('/') or 'top'}"


def expanded(path: str) -> list[str]:
    """`/{a}[/{b}[/{c}]]` is three templates."""
    parts = path.replace("]", "").split("[")
    return ["".join(parts[: depth + 1]) for depth in range(len(parts))]


def rows() -> Iterator[Row]:
    """Every method at every path of every registered module, in every version that we serve."""
    table = facts("endpoints")
    for version in site.versions:
        for module in sorted(module.identifier for module in site.modules()):
            endpoint = site.module(module).endpoint
            if endpoint not in versions.VERSIONS[version].modules:
                continue
            known = [
                entry
                for entry in table
                if entry["identifier"] == endpoint and entry.get("sub_interface", module) == module
            ]
            for interface in sorted({entry["interface"] for entry in known}):
                here = [entry for entry in known if entry["interface"] == interface]
                allowed = {
                    (entry["method"], template)
                    for entry in here
                    if entry["allowed"]
                    for template in expanded(entry["path"])
                }
                templates = {template for entry in here for template in expanded(entry["path"])}
                for template in sorted(templates):
                    for method in METHODS:
                        yield Row(version, module, interface, method, template, (method, template) in allowed)


ROWS = list(rows())


@pytest.fixture(scope="module")
def peer() -> Iterator[ScriptedPeer]:
    with ScriptedPeer(country_code="SE", party_id="ELV", role="CPO") as peer:
        yield peer


@pytest.fixture
def at_home(db: None, peer: ScriptedPeer, monkeypatch: pytest.MonkeyPatch) -> Partner:
    """A registered partner whose versions URL is that of the scripted one; it can be called back on this machine."""
    monkeypatch.setattr(site, "client", Client(AddressPolicy(allow_http=True, allowed_networks=factories.LOOPBACK)))
    partner = factories.partner(versions_url=peer.versions_url)
    Asking(partner.token).get("versions")  # the first use of a token is noted; that is no change by the request tested
    return partner


def test_every_registered_module_is_in_the_table() -> None:
    """A module that is registered without an example here would go untested: say how its doors are reached."""
    registered = {module.identifier for module in site.modules()}
    assert registered == {row.module for row in ROWS}
    assert registered <= set(EXAMPLES), f"add an Example for {sorted(registered - set(EXAMPLES))}"


@pytest.mark.rule("T-013", "T-047", "T-173", "T-189", "T-194", "T-201")
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_methods_of_each_door(row: Row, peer: ScriptedPeer, at_home: Partner) -> None:
    example = EXAMPLES[row.module]
    asking = Asking(at_home.token)
    example.exists(asking)
    located = row.template.startswith("<")
    below = (
        example.located
        if located
        else re.sub(r"\{(\w+)\}", lambda found: example.variables[row.interface][found[1]], row.template)
    )
    endpoint = site.module(row.module).endpoint
    door = endpoint if row.interface == "BOTH" else f"{row.interface.lower()}/{endpoint}"
    depth = len([part for part in below.split("/") if part])
    asks = row.interface == "RECEIVER" and row.method in example.asks
    make = example.asks[row.method][0] if asks else example.bodies.get((row.method, depth))
    body = make(peer) if make else None if row.method in ("GET", "DELETE") else {}
    before = snapshot()

    query = example.listed if row.method == "GET" and not depth else ""
    if asks:
        query = example.asks[row.method][1](peer)
    answered = asking.ask(row.method, f"{row.version}/{door}{below}{query}", body)

    if row.allowed and (row.module, row.method) not in REFUSED_BY_STATE:
        kept = (
            row.method == "POST"
            and row.interface == "RECEIVER"
            and isinstance(site.module(row.module).shape, Documents)
        )
        assert answered.says == (201 if kept else 200, 1000), answered.body
        assert (snapshot() != before) is (row.method != "GET" or asks)
        assert ("data" in answered.envelope) is (
            row.method == "GET"
            or asks
            or f"{row.method} {depth}" in example.answers
            or (row.module == "credentials" and body is not None)
        )
    else:
        here = {other.method for other in ROWS if other.allowed and same_door(other, row)}
        ids = {other.method for other in ROWS if other.allowed and is_id_at(other, row)} if here else set()
        listed = here | ids
        # where nothing is allowed, nothing is; and no object has that id
        assert answered.status == (405 if listed and row.method not in ids else 404), answered.body
        assert 2000 <= answered.code < 3000
        assert snapshot() == before
        if answered.status == 404:
            return
        offered = set(answered.headers["Allow"].split(", "))
        assert row.method not in offered
        assert offered == listed - ({row.method} if row.allowed else set())
        assert snapshot() == before


def same_door(one: Row, other: Row) -> bool:
    """Of one path: beside a list there may be calls with methods of their own."""
    return (one.version, one.module, one.interface, one.template) == (
        other.version,
        other.module,
        other.interface,
        other.template,
    )


def is_id_at(other: Row, row: Row) -> bool:
    """Whether a word of the protocol is the id of an object there: `/terminals/activate` is `/terminals/{terminal_id}`, too."""
    above, _, last = other.template.rpartition("/")
    return (
        (other.version, other.module, other.interface) == (row.version, row.module, row.interface)
        and last.startswith("{")
        and not row.template.startswith("<")
        and other.template != row.template
        and row.template.rpartition("/")[0] == above
    )


CONFIGURATION = [(path, method) for path in ("versions", "2.3.0", "2.2.1") for method in METHODS]


@pytest.mark.rule("T-153")
@pytest.mark.parametrize(("path", "method"), CONFIGURATION)
def test_versions_and_version_details_are_for_reading(path: str, method: str, at_home: Partner) -> None:
    before = snapshot()
    answered = Asking(at_home.token).ask(method, path, None if method in ("GET", "DELETE") else {})
    if method == "GET":
        assert answered.says == (200, 1000)
    else:
        assert answered.status == 405
        assert answered.headers["Allow"] == "GET"
    assert snapshot() == before


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW"])
@pytest.mark.parametrize("path", ["versions", "2.3.0/credentials", "2.3.0/sender/locations", RECEIVED])
def test_methods_that_ocpi_does_not_know(path: str, method: str, at_home: Partner) -> None:
    answered = Asking(at_home.token).ask(method, path)
    assert answered.status == 405
    assert "GET" in answered.headers["Allow"]
