"""Where we may send. Every case is tried with a resolver that would help the attacker and a canary that must not sing:
the client is refused before a socket connects anywhere."""

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

import pytest

from ocpi.client import AddressPolicy, Cause, Client, Refused, Request, Retry, UrlDenied, check_url, origin
from ocpi.client.addresses import DENIED, Address, embedded_v4
from tests.client.listener import LOOPBACK, Listener, always, http

PUBLIC = AddressPolicy(allow_http=True)
STRICT = AddressPolicy(allow_http=False)


@dataclass
class Resolver:
    """Answers from a list: each question takes the next answer, the last one stays."""

    answers: list[Sequence[str]]
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every address that any socket of this process tries to connect to; the attempts fail."""
    tried: list[object] = []

    def connect(self: socket.socket, address: object) -> None:
        tried.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    return tried


BAD_URLS = [
    # the scheme
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/_GET",
    "javascript:alert(1)",
    "data:application/json,{}",
    "unix:///run/docker.sock",
    "ws://example.com/",
    "//example.com/ocpi",
    "/ocpi/versions",
    "example.com/ocpi",
    "http:example.com",
    "http:/example.com",
    "https:///ocpi",
    "",
    # the text
    "http://example.com/a b",
    "http://example.com/\r\nHost: evil",
    "http://example.com/\x00",
    "http://example.com/\t",
    " http://example.com/",
    "http://example.com/ ",
    "http://example.com/é",
    "http://exämple.com/",
    "http://１２７.0.0.1/",
    "http://127。0。0。1/",
    "http://ⓔxample.com/",
    "http://example.com\\@127.0.0.1/",
    "http://example.com/ocpi\\..\\versions",
    "http://example.com/#@127.0.0.1/",
    "http://example.com#fragment",
    "http://example.com/" + "a" * 2048,
    # the authority
    "http://user@example.com/",
    "http://user:secret@example.com/",
    "http://example.com@127.0.0.1/",
    "http://127.0.0.1:80@example.com/",
    "http://@example.com/",
    "http://example.com:/",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:-80/",
    "http://example.com:80:81/",
    "http://example.com:8o/",
    "http://example.com:+80/",
    "http://:80/",
    "http://example..com/",
    "http://.example.com/",
    "http://example.com./",
    "http://-example.com/",
    "http://exa%6dple.com/",
    "http://example.com%00.evil/",
    "http://exa,mple.com/",
    "http://[example.com]/",
    "http://" + "a" * 64 + ".com/",
    "http://" + "abcdefgh." * 29 + "com/",
    # odd spellings of IPv4 that a C library understands
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0x7f.0x0.0x0.0x1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://0177.0.0.1/",
    "http://127.0.0.01/",
    "http://127.0.0.1./",
    "http://017700000001/",
    "http://0/",
    "http://1.2.3/",
    "http://1.2.3.4.5/",
    "http://256.1.1.1/",
    "http://example.123/",
    "http://example.0x7f/",
    # IPv6 spellings
    "http://[::1%25lo]/",
    "http://[fe80::1%eth0]/",
    "http://[2a00:1450::1%eth0]/",
    "http://[::1/",
    "http://::1/",
    "http://[::1]x/",
    "http://[::ffff:127.1]/",
    "http://[v1.x]/",
    # ports of other services
    "http://example.com:22/",
    "http://example.com:25/",
    "http://example.com:6379/",
    "http://93.184.216.34:5432/",
]

DENIED_ADDRESSES = [
    "0.0.0.0",  # noqa: S104  # denied here, not bound to
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::a00:1",
    "100::1",
    "100:0:0:1::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "2a00:1450::5efe:127.0.0.1",
    "2a00:1450::200:5efe:10.0.0.1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "9999::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
]
ALLOWED_ADDRESSES = [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.1",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.1",
    "126.255.255.255",
    "128.0.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.167.255.255",
    "192.169.0.1",
    "198.17.255.255",
    "198.20.0.1",
    "223.255.255.255",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2606:2800:220:1::",
    "2a00:1450::1",
]


def test_the_tables_are_long_enough_to_mean_something() -> None:
    assert len(set(BAD_URLS)) + 2 * len(set(DENIED_ADDRESSES)) >= 125


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_bad_url_is_refused_when_stored_and_when_used(url: str, connects: list[object]) -> None:
    with pytest.raises(UrlDenied) as denied:
        check_url(url, PUBLIC)
    assert str(denied.value).startswith(("The URL", "This is not"))
    resolver = Resolver([["93.184.216.34"]])
    outcome = Client(PUBLIC, resolve=resolver).send(Request("GET", url))
    assert isinstance(outcome, Refused)
    assert outcome.cause is Cause.URL_DENIED
    assert str(denied.value) in outcome.reason
    assert (resolver.asked, connects) == ([], [])


@pytest.mark.parametrize("address", DENIED_ADDRESSES)
def test_a_denied_address_is_refused_as_literal_and_as_answer(address: str, connects: list[object]) -> None:
    literal = f"[{address}]" if ":" in address else address
    for scheme in ("http", "https"):
        with pytest.raises(UrlDenied, match="not public"):
            check_url(f"{scheme}://{literal}/ocpi", PUBLIC)
    outcome = Client(PUBLIC, resolve=Resolver([[address]])).send(Request("GET", "http://partner.example/ocpi"))
    assert isinstance(outcome, Refused)
    assert outcome.cause is Cause.ADDRESS_DENIED
    assert str(ip_address(address)) in outcome.detail
    assert connects == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://user:secret@partner.example/", "The URL holds a user name or password."),
        ("https://127.0.0.1/", "The URL may not be called: 127.0.0.1 is not public (loopback)."),
        ("https://[64:ff9b::7f00:1]/", "The URL may not be called: 64:ff9b::7f00:1 is not public (NAT64)."),
        ("https://[::ffff:10.0.0.1]/", "The URL may not be called: ::ffff:a00:1 is not public (IPv4-mapped)."),
        ("https://partner.example:25/", "The URL may not be called: port 25 is not allowed."),
        ("https://127.1/", "The URL has an irregularly written IP address."),
    ],
)
def test_staff_are_told_what_is_wrong(url: str, words: str) -> None:
    with pytest.raises(UrlDenied) as denied:
        check_url(url, STRICT)
    assert str(denied.value) == words


@pytest.mark.parametrize("address", ALLOWED_ADDRESSES)
def test_a_public_address_is_connected_to_by_number(address: str, connects: list[object]) -> None:
    literal = f"[{address}]" if ":" in address else address
    check_url(f"https://{literal}/ocpi", STRICT)
    outcome = Client(STRICT, resolve=Resolver([[address]])).send(Request("GET", "https://partner.example/ocpi"))
    assert isinstance(outcome, Retry)
    assert outcome.cause is Cause.CONNECT
    assert connects == [(address, 443)]


@pytest.mark.parametrize(
    "answer",
    [
        ["93.184.216.34", "127.0.0.1"],
        ["127.0.0.1", "93.184.216.34"],
        ["2606:2800:220:1::", "93.184.216.34", "fd00::1"],
        ["93.184.216.34", "fe80::1%eth0"],
        ["93.184.216.34", "::ffff:10.0.0.1"],
    ],
)
def test_one_bad_address_spoils_the_whole_answer(answer: list[str], connects: list[object]) -> None:
    outcome = Client(PUBLIC, resolve=Resolver([answer])).send(Request("GET", "http://partner.example/"))
    assert isinstance(outcome, Refused)
    assert outcome.cause is Cause.ADDRESS_DENIED
    assert connects == []


def test_a_rebinding_name_is_asked_once_and_judged_each_time(connects: list[object]) -> None:
    """The classic: a public address for the check, loopback for the connection. There is no second question."""
    resolver = Resolver([["93.184.216.34"], ["127.0.0.1"]])
    client = Client(PUBLIC, resolve=resolver)
    assert client.send(Request("GET", "http://rebind.example/")).http_status is None
    assert (resolver.asked, connects) == (["rebind.example"], [("93.184.216.34", 80)])
    second = client.send(Request("GET", "http://rebind.example/"))
    assert isinstance(second, Refused)
    assert second.cause is Cause.ADDRESS_DENIED
    assert connects == [("93.184.216.34", 80)]


def test_the_canary_hears_nothing_on_its_own_port() -> None:
    with Listener(always(http())) as canary:
        policy = AddressPolicy(allow_http=True, allowed_ports=frozenset({canary.port}))
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "127.1", "2130706433", "canary.example"):
            client = Client(policy, resolve=Resolver([["127.0.0.1"]]))
            assert isinstance(client.send(Request("GET", f"http://{host}:{canary.port}/")), Refused)
        assert canary.accepted == 0


def test_the_peer_is_looked_at_after_connecting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a socket ever to end somewhere else than asked (a rewriting network, a patched connect), nothing is sent."""
    with Listener(always(http())) as listener:
        monkeypatch.setattr(socket.socket, "getpeername", lambda self: ("127.0.0.9", listener.port))
        outcome = Client(LOOPBACK).send(Request("GET", listener.url))
        assert isinstance(outcome, Refused)
        assert outcome.cause is Cause.ADDRESS_DENIED
        assert "127.0.0.9" in outcome.reason


def test_host_header_and_request_line_carry_the_name_and_the_socket_the_number() -> None:
    heard: list[bytes] = []

    def play(connection: socket.socket, _number: int) -> None:
        heard.append(connection.recv(65536))
        connection.sendall(http())

    with Listener(play) as listener:
        client = Client(LOOPBACK, resolve=Resolver([["127.0.0.1"]]))
        outcome = client.send(Request("GET", f"http://Partner.Example:{listener.port}/a?b=c"))
        client.close()
    assert outcome.address == "127.0.0.1"
    assert heard[0].startswith(b"GET /a?b=c HTTP/1.1\r\nHost: partner.example:%d\r\n" % listener.port)


@pytest.fixture(params=["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"])
def proxy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    with Listener(always(http())) as listening:
        monkeypatch.setenv(request.param, f"http://127.0.0.1:{listening.port}")
        yield listening


def test_proxies_of_the_environment_are_not_used(proxy: Listener) -> None:
    with Listener(always(http())) as partner:
        client = Client(LOOPBACK)
        assert client.send(Request("GET", partner.url)).http_status == 200
        client.close()
        assert (partner.accepted, proxy.accepted) == (1, 0)


# --- the policy -----------------------------------------------------------------------------------------------------


def test_http_is_for_installations_that_allow_it() -> None:
    check_url("http://partner.example/", PUBLIC)
    with pytest.raises(UrlDenied, match="https://"):
        check_url("http://partner.example/", STRICT)


@pytest.mark.parametrize(
    ("policy", "url", "allowed"),
    [
        (STRICT, "https://partner.example/", True),
        (STRICT, "https://partner.example:8443/", True),
        (STRICT, "https://partner.example:8080/", False),
        (PUBLIC, "http://partner.example:8080/", True),
        (PUBLIC, "http://partner.example:9000/", False),
        (AddressPolicy(allow_http=False, allowed_ports=frozenset({9000})), "https://partner.example:9000/", True),
        (AddressPolicy(allow_http=False, allowed_ports=frozenset({9000})), "https://partner.example/", False),
        (LOOPBACK, "http://127.0.0.1:54321/", True),
        (LOOPBACK, "http://93.184.216.34:54321/", False),
        (LOOPBACK, "http://10.0.0.1/", False),
    ],
)
def test_ports(policy: AddressPolicy, url: str, allowed: bool) -> None:
    if allowed:
        check_url(url, policy)
    else:
        with pytest.raises(UrlDenied):
            check_url(url, policy)


def test_a_name_on_an_odd_port_must_lead_into_an_allowed_network(connects: list[object]) -> None:
    """At storing time the name could still lead there; at connecting time it is known that it does not."""
    check_url("http://partner.example:54321/", LOOPBACK)
    outcome = Client(LOOPBACK, resolve=Resolver([["93.184.216.34"]])).send(
        Request("GET", "http://partner.example:54321/")
    )
    assert isinstance(outcome, Refused)
    assert "port 54321" in outcome.reason
    assert connects == []


@pytest.mark.parametrize(
    ("network", "address", "allowed"),
    [
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "192.168.0.1", False),
        ("fd00::/8", "fd00::1", True),
        ("64:ff9b::/96", "64:ff9b::808:808", True),
        ("64:ff9b::/96", "64:ff9b::7f00:1", False),
        ("64:ff9b::/96", "64:ff9b::a9fe:a9fe", False),
        ("127.0.0.0/8", "::ffff:127.0.0.1", False),
    ],
)
def test_allowed_networks_win_but_not_for_what_is_carried_inside(network: str, address: str, allowed: bool) -> None:
    policy = AddressPolicy(allow_http=False, allowed_networks=(ip_network(network),))
    assert (policy.denial(ip_address(address), 443) is None) is allowed


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("64:ff9b::7f00:1", "127.0.0.1"),
        ("2002:7f00:1::", "127.0.0.1"),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45"),
        ("::127.0.0.1", "127.0.0.1"),
        ("2a00::5efe:a00:1", "10.0.0.1"),
        ("2a00:1450::1", None),
        ("::1", None),
        ("::", None),
        ("10.0.0.1", None),
    ],
)
def test_the_ipv4_address_inside_is_found(address: str, inside: str | None) -> None:
    found = embedded_v4(ip_address(address))
    assert found == (ip_address(inside) if inside else None)


def test_every_row_of_the_table_denies_its_first_and_last_address() -> None:
    edges: list[Address] = [edge for network, _ in DENIED for edge in (network[0], network[-1])]
    assert [edge for edge in edges if PUBLIC.denial(edge, 443) is None] == []


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("HTTPS://Partner.Example/ocpi", "https://partner.example"),
        ("https://partner.example:443/", "https://partner.example"),
        ("https://partner.example:8443/", "https://partner.example:8443"),
        ("https://[2A00:1450:0::1]/", "https://[2a00:1450::1]"),
        ("https://xn--exmple-cua.com/", "https://xn--exmple-cua.com"),
    ],
)
def test_origins_are_normalised(url: str, normal: str) -> None:
    assert origin(url, STRICT) == normal


@pytest.mark.parametrize("answer", [[], socket.gaierror(-2, "Name or service not known"), UnicodeError("label")])
def test_an_unknown_name_is_worth_another_try(answer: list[str] | Exception) -> None:
    def resolve(host: str, port: int) -> Sequence[str]:
        if isinstance(answer, Exception):
            raise answer
        return answer

    outcome = Client(PUBLIC, resolve=resolve).send(Request("GET", "http://partner.example/"))
    assert isinstance(outcome, Retry)
    assert outcome.cause is Cause.DNS
