"""Every place where a URL enters, fed with hostile ones: no connection is attempted, the answer is clear, nothing is changed.

The policy is production's with plain http and one more port allowed, so that nothing but the reading of the URL and the
verdict on its address stands between the sink and our own network. The resolver helps the attacker. Each sink is also run
once with loopback allowed: then it does connect, which shows that the guard looks in the right place.
"""

import io
import json
import socket
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client as Browser

from backoffice.delivery.actions import draining, pulling
from backoffice.delivery.models import Message, Pull
from backoffice.locations.models import Location
from backoffice.partners.actions import connections, flows, handshake
from backoffice.partners.actions.discovery import UnableToHandshake
from backoffice.partners.models import Connection, Step
from backoffice.partners.rules import origin
from backoffice.partners.secrets import decrypt
from backoffice.roaming_site import site
from ocpi.client import AddressPolicy, Client, Outcome, Request
from ocpi.client.outcomes import Headers, Response, judge
from tests.client.test_addresses import BAD_URLS, DENIED_ADDRESSES
from tests.doors.asking import Asking
from tests.factories import own_location, own_party, partner, small_location

PORT = 18_081
"""Allowed here, so that no URL is refused for its port alone; nothing listens on it."""

NAMES = {
    "localhost": ["127.0.0.1"],
    "inside.example": ["10.1.2.3"],
    "metadata.example": ["169.254.169.254"],
    "loop.example": ["::1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "mixed.example": ["93.184.216.34", "127.0.0.1"],
    "scoped.example": ["fe80::1%eth0"],
}
"""What the attacker's name server says."""

# Every third one of the tables that the client's own tests go through whole.
HOSTILE = [
    *(url.replace("example.com", "localhost") for url in BAD_URLS[::3]),
    *(
        f"http://[{address}]:{PORT}/ocpi/versions" if ":" in address else f"http://{address}:{PORT}/ocpi/versions"
        for address in DENIED_ADDRESSES[::3]
    ),
    *(f"http://{name}:{PORT}/ocpi/versions" for name in NAMES),
    f"https://localhost:{PORT}/ocpi/versions",
]
CONTROL = f"http://127.0.0.1:{PORT}/ocpi/versions"
HONEST = "https://partner.example/ocpi"


@dataclass
class Outside:
    """The world as the platform's client sees it: pages of an honest host, and every address that a socket tried."""

    pages: dict[tuple[str, str], Any] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    tried: list[object] = field(default_factory=list)

    def say(self, url: str, data: Any, method: str = "GET", link: str = "") -> None:
        self.pages[method, url] = data
        self.links[url] = link


class Guarded(Client):
    """The real client, but for the honest host's pages, which need no socket."""

    def __init__(self, policy: AddressPolicy, outside: Outside) -> None:
        super().__init__(policy, resolve=lambda host, port: NAMES.get(host, ["93.184.216.34"]))
        self.outside = outside

    def send(self, request: Request) -> Outcome:
        if (page := self.outside.pages.get((request.method, request.url))) is None:
            return super().send(request)
        envelope = {"data": page, "status_code": 1000, "timestamp": "2026-01-01T00:00:00Z"}
        link = self.outside.links[request.url]
        headers = Headers([("Link", f'<{link}>; rel="next"')] if link else [])
        return judge(
            Response(200, headers, json.dumps(envelope).encode(), "93.184.216.34"), elapsed_ms=1, now=datetime.now(UTC)
        )


@pytest.fixture
def outside(db: None, monkeypatch: pytest.MonkeyPatch) -> Outside:
    world = Outside()

    def connect(self: socket.socket, address: object) -> None:
        world.tried.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    _allow(monkeypatch, world)
    return world


def _allow(monkeypatch: pytest.MonkeyPatch, world: Outside, *networks: str) -> None:
    policy = AddressPolicy(
        allow_http=True,
        allowed_networks=tuple(ip_network(network) for network in networks),
        allowed_ports=frozenset({80, 443, PORT}),
    )
    monkeypatch.setattr(site, "client", Guarded(policy, world))


# --- the sinks: each takes a URL, says whether the answer was clear, and leaves what it found -------------------------------


def _facts() -> Any:
    """Everything that a hostile URL must not change. Steps and log rows tell of the attempt."""
    return [
        [
            (c.state, c.version, c.versions_url, decrypt(c.token_out) if c.token_out else "", c.busy_since),
            sorted(c.endpoints.values_list("identifier", "role", "url")),
            sorted(str(role) for role in c.roles.all()),
            c.inbound_tokens.filter(burnt_at=None).count(),
            sorted(c.confirmed_origins),
        ]
        for c in Connection.objects.order_by("id")
    ] + sorted(Location.objects.values_list("object_id", flat=True))


def _credentials(url: str, token: str = "token-b") -> dict[str, Any]:
    role = {"role": "CPO", "party_id": "TNM", "country_code": "NL", "business_details": {"name": "TNM"}}
    return {"token": token, "url": url, "roles": [role]}


def _details(*endpoints: tuple[str, str, str]) -> dict[str, Any]:
    return {
        "version": "2.3.0",
        "endpoints": [{"identifier": name, "role": role, "url": url} for name, role, url in endpoints],
    }


def _versions(url: str) -> list[dict[str, str]]:
    return [{"version": "2.3.0", "url": url}]


Sink = Callable[[Outside], Callable[[str], None]]
"""Sets its scene once, then takes URLs. Fails by itself when an answer is not clear."""


def _refused(work: Callable[[], object], *, last_step: bool = True) -> None:
    """A handshake that ended: a named cause, a sentence, and a step that says so."""
    with pytest.raises(UnableToHandshake) as failure:
        work()
    assert failure.value.cause
    assert failure.value.message
    if last_step:
        step = Step.objects.last()
        assert step is not None
        assert (step.ok, step.cause) == (False, failure.value.cause)


def _confirm(*urls: str) -> None:
    """Staff vouch for these hosts: the worst case, in which the address is all that is left to judge."""
    Connection.objects.update(confirmed_origins=sorted({origin(HONEST), *map(origin, urls)}))


def posted_credentials(outside: Outside) -> Callable[[str], None]:
    _, token_a = connections.invite(name="TNM", our_parties=[own_party()], now=site.now())

    def sink(url: str) -> None:
        answer = Asking(token_a).ask("POST", "2.3.0/credentials", _credentials(url))
        assert answer.status in (200, 400)  # 400: no JSON string either
        assert answer.code in (2001, 3001)
        assert answer.message

    return sink


def put_credentials(outside: Outside) -> Callable[[str], None]:
    """By a partner whose hosts staff have confirmed, this one too."""
    known = partner("NL-TNM:CPO")
    _confirm()

    def sink(url: str) -> None:
        _confirm(url)
        answer = Asking(known.token).ask("PUT", "2.3.0/credentials", _credentials(url))
        assert answer.status in (200, 400)
        assert answer.code in (2001, 3001)
        assert answer.message
        _confirm()

    return sink


def registration_url(outside: Outside) -> Callable[[str], None]:
    ours = [own_party()]

    def sink(url: str) -> None:
        try:
            made = connections.prepare_registration(name="TNM", our_parties=ours, versions_url=url, token_a="a")
        except connections.UnableToConnect as error:
            assert "URL" in str(error)  # noqa: PT017  # either end is right: refused at once, or when it is called
            return
        _refused(lambda: handshake.register(made, now=site.now()))
        _refused(lambda: handshake.preview(made, now=site.now()))
        made.delete()

    return sink


def details_url(outside: Outside) -> Callable[[str], None]:
    """The URL of a version in a versions answer, on a host that staff have confirmed."""
    made = _registering()

    def sink(url: str) -> None:
        outside.say(f"{HONEST}/versions", _versions(url))
        _confirm(url)
        before = _facts()
        made.refresh_from_db()
        _refused(lambda: handshake.register(made, now=site.now()))
        assert _facts() == before
        _confirm()

    return sink


def _registering() -> Connection:
    return connections.prepare_registration(
        name="TNM", our_parties=[own_party()], versions_url=f"{HONEST}/versions", token_a="a"
    )


def credentials_endpoint(outside: Outside) -> Callable[[str], None]:
    """Where version details say that credentials go."""
    made = _registering()
    outside.say(f"{HONEST}/versions", _versions(f"{HONEST}/2.3.0"))

    def sink(url: str) -> None:
        outside.say(f"{HONEST}/2.3.0", _details(("credentials", "SENDER", url)))
        _confirm(url)
        made.refresh_from_db()
        _refused(lambda: handshake.register(made, now=site.now()))
        _confirm()

    return sink


def url_in_their_credentials(outside: Outside) -> Callable[[str], None]:
    """The versions URL that a partner tells in its answer to our POST; used when we read its versions again."""
    outside.say(f"{HONEST}/versions", _versions(f"{HONEST}/2.3.0"))
    outside.say(f"{HONEST}/2.3.0", _details(("credentials", "SENDER", f"{HONEST}/2.3.0/credentials")))

    def sink(url: str) -> None:
        made = _registering()
        outside.say(f"{HONEST}/2.3.0/credentials", _credentials(url), "POST")
        try:
            handshake.register(made, now=site.now())
        except UnableToHandshake as error:
            assert error.message  # noqa: PT017  # either end is right: refused at once, or harmless later
        else:
            _refused(lambda: handshake.rediscover(made, now=site.now()))
            _refused(lambda: handshake.update(made, now=site.now()))
        made.delete()

    return sink


def _offers(outside: Outside, connection: Connection, role: str, url: str) -> bool:
    """The partner's version details name this URL. False: they were refused for it, and nothing was stored."""
    outside.say(connection.versions_url, _versions(f"{HONEST}/2.3.0"))
    known = ("credentials", "SENDER", f"{HONEST}/2.3.0/credentials")
    outside.say(f"{HONEST}/2.3.0", _details(known, ("locations", role, url)))
    try:
        handshake.rediscover(connection, now=site.now())
    except UnableToHandshake as error:
        assert error.cause == "invalid_answer"  # noqa: PT017  # either end is right: no URL, or one to be judged later
        return False
    return True


def push_endpoint(outside: Outside) -> Callable[[str], None]:
    known = partner("NL-TNM:EMSP", receives=["locations"], versions_url=f"{HONEST}/versions")
    own_location(small_location("L1", "DE-RDK"))
    _confirm()
    _offers(outside, known.connection, "RECEIVER", f"{HONEST}/l")

    def sink(url: str) -> None:
        _confirm(url)
        if _offers(outside, known.connection, "RECEIVER", url):
            Connection.objects.update(next_attempt_at=None, failures_in_a_row=0)
            Message.objects.update(due_at=site.now(), state="DUE", attempts=0, touched=[], last_cause="")
            draining.drain(known.connection.pk)
            message = Message.objects.get()
            assert message.last_cause in ("url_denied", "address_denied")
            assert message.last_error
            assert message.state != "DONE"
        _offers(outside, known.connection, "RECEIVER", f"{HONEST}/l")
        _confirm()

    return sink


def _failed(pull: Pull) -> None:
    assert (pull.state, bool(pull.error)) == ("FAILED", True)


def pull_endpoint(outside: Outside) -> Callable[[str], None]:
    known = partner("NL-TNM:CPO", versions_url=f"{HONEST}/versions")
    _confirm()
    _offers(outside, known.connection, "SENDER", f"{HONEST}/l")

    def sink(url: str) -> None:
        _confirm(url)
        if _offers(outside, known.connection, "SENDER", url):
            pull = pulling.start(known.connection, "locations", full=True, now=site.now())
            _failed(pulling.run(pull.pk))
        _offers(outside, known.connection, "SENDER", f"{HONEST}/l")
        _confirm()

    return sink


def next_page(outside: Outside) -> Callable[[str], None]:
    known = partner("NL-TNM:CPO")
    connections.set_endpoints(known.connection, [("locations", "SENDER", f"{HONEST}/l")])
    _confirm()

    def sink(url: str) -> None:
        outside.say(f"{HONEST}/l?offset=0&limit=100", [small_location("L1", "NL-TNM")], link=url)
        _confirm(url)
        pull = pulling.run(pulling.start(known.connection, "locations", full=True, now=site.now()).pk)
        assert (pull.pages, pull.vanished) == (1, 0)
        if pull.state != "DONE":  # what is no link at all ends the list
            _failed(pull)
        Location.objects.all().delete()
        _confirm()

    return sink


def register_command(outside: Outside) -> Callable[[str], None]:
    own_party()

    def sink(url: str) -> None:
        if "\0" in url:
            return  # no command line can hold it
        _told("register", url, "token-a", "--name", "TNM")
        Connection.objects.all().delete()

    return sink


def adopt_command(outside: Outside) -> Callable[[str], None]:
    own_party()

    def sink(url: str) -> None:
        if "\0" in url:
            return
        tokens = ("--inbound-token", "theirs", "--outbound-token", "ours", "--version", "2.3.0")
        _told("adopt", "--name", "TNM", "--roles", "NL-TNM:CPO", f"--versions-url={url}", *tokens)
        Connection.objects.all().delete()

    return sink


def _told(*arguments: str) -> None:
    said = io.StringIO()
    with redirect_stdout(said), pytest.raises(SystemExit):
        call_command("connect", *arguments, "--json", stdout=said)
    told = json.loads(said.getvalue())
    assert told["error"]
    assert told["cause"]


def wizard(outside: Outside) -> Callable[[str], None]:
    ours = own_party()
    User.objects.create_superuser("boss", password="x")
    browser = Browser()
    browser.force_login(User.objects.get(username="boss"))
    add = "/admin/partners/connection/add/?way=theirs"

    def sink(url: str) -> None:
        given = {"versions_url": url, "token_a": "token-a", "name": "TNM", "our_parties": [ours.pk]}
        page = browser.post(add, given)
        if page.status_code == 400:
            assert page.context["form"].errors["versions_url"]
        else:  # a name that looks like any other: the test of the registration says what it leads to
            assert page.status_code == 302
            last = Step.objects.last()
            assert last is not None
            assert (last.ok, last.cause) == (False, "address_denied")
        Connection.objects.all().delete()

    return sink


SINKS: Sequence[Sink] = (
    posted_credentials,
    put_credentials,
    registration_url,
    details_url,
    credentials_endpoint,
    url_in_their_credentials,
    push_endpoint,
    pull_endpoint,
    next_page,
    register_command,
    adopt_command,
    wizard,
)


@pytest.fixture(autouse=True)
def flows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the wizard begins in a thread happens within its request, inside the test's transaction."""
    monkeypatch.setattr(flows, "begin", lambda connection, flow, work, now: flows._outcome(connection, flow, work))


def test_the_table_is_long_enough() -> None:
    assert len(set(HOSTILE)) >= 50
    assert sum(not url.startswith("http") for url in HOSTILE) >= 3


@pytest.mark.parametrize("sink", SINKS, ids=lambda sink: sink.__name__)
def test_no_url_leads_inside(outside: Outside, sink: Sink) -> None:
    take = sink(outside)
    before = _facts()
    for url in HOSTILE:
        take(url)
        assert outside.tried == [], url
        assert _facts() == before, url


@pytest.mark.parametrize("sink", SINKS, ids=lambda sink: sink.__name__)
def test_the_guard_would_have_seen_it(outside: Outside, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    take = sink(outside)
    _allow(monkeypatch, outside, "127.0.0.0/8")
    try:
        take(CONTROL)
    except AssertionError:
        pass  # it was told that the line is down, as it should
    assert ("127.0.0.1", PORT) in outside.tried
