"""TLS: the certificate must belong to the name in the URL, and nothing is sent before that is known."""

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ocpi.client import Cause, Client, Delivered, Limits, Request, Retry
from tests.client.listener import LOOPBACK, Listener, http, read_request

SMALL = Limits(connect_seconds=1, read_seconds=10, total_seconds=20)
DAY = datetime.timedelta(days=1)


class Authority:
    """A certificate authority of our own, and certificates from it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tests")])
        self.certificate = self._sign(self.name, self.key.public_key(), x509.BasicConstraints(ca=True, path_length=0))
        self.file = folder / "authority.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        *extensions: x509.ExtensionType,
        until: datetime.timedelta = DAY,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - 10 * DAY).not_valid_after(now + until)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(self.key, hashes.SHA256())

    def server(self, host: str, *, until: datetime.timedelta = DAY, own: bool = False) -> ssl.SSLContext:
        """A server's side for this host; `own`: signed by an authority that nobody trusts."""
        signer = Authority(self.folder) if own else self
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            name: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            name = x509.DNSName(host)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        certificate = signer._sign(subject, key.public_key(), x509.SubjectAlternativeName([name]), until=until)
        file = self.folder / f"server-{certificate.serial_number}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


class SecureListener(Listener):
    """Answers every request over TLS; `names` are those asked for by SNI, `heard` the requests."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(self.talk)
        self.context = context
        self.names: list[str | None] = []
        self.heard: list[bytes] = []
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)

    def talk(self, connection: socket.socket, number: int) -> None:
        with contextlib.suppress(ssl.SSLError), self.context.wrap_socket(connection, server_side=True) as secured:
            while request := read_request(secured):
                self.heard.append(request)
                secured.sendall(http())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def client(authority: Authority) -> Iterator[Client]:
    client = Client(
        LOOPBACK,
        limits=SMALL,
        tls=ssl.create_default_context(cafile=str(authority.file)),
        resolve=lambda host, port: ["127.0.0.1"],
    )
    yield client
    client.close()


def test_the_name_is_in_the_handshake_and_the_number_in_the_connection(authority: Authority, client: Client) -> None:
    with SecureListener(authority.server("partner.example")) as listener:
        for _ in range(3):
            outcome = client.send(Request("GET", f"https://partner.example:{listener.port}/ocpi"))
            assert isinstance(outcome, Delivered), outcome.reason
        assert (listener.accepted, listener.names, len(listener.heard)) == (1, ["partner.example"], 3)
        assert b"Host: partner.example:%d\r\n" % listener.port in listener.heard[0]


def test_a_certificate_for_an_address_is_understood(authority: Authority, client: Client) -> None:
    with SecureListener(authority.server("127.0.0.1")) as listener:
        assert isinstance(client.send(Request("GET", f"https://127.0.0.1:{listener.port}/")), Delivered)


@pytest.mark.parametrize(
    ("host", "days", "own", "words"),
    [
        ("other.example", 1, False, "partner.example"),
        ("127.0.0.1", 1, False, "partner.example"),
        ("partner.example", -1, False, "expired"),
        ("partner.example", 1, True, "certificate verify failed"),
    ],
    ids=["wrong name", "only the number", "expired", "unknown authority"],
)
def test_an_untrusted_certificate_ends_it_before_the_token_leaves(
    authority: Authority, client: Client, host: str, days: int, own: bool, words: str
) -> None:
    with SecureListener(authority.server(host, until=days * DAY, own=own)) as listener:
        outcome = client.send(
            Request("GET", f"https://partner.example:{listener.port}/", {"Authorization": "Token c2VjcmV0"})
        )
        assert listener.heard == []
    assert isinstance(outcome, Retry)
    assert outcome.cause is Cause.TLS
    assert words in outcome.detail
    assert outcome.http_status is None


def test_what_does_not_speak_tls_is_named_so(client: Client) -> None:
    def play(connection: socket.socket, _number: int) -> None:
        connection.recv(65536)
        connection.sendall(http(b"", "400 Bad Request"))

    with Listener(play) as listener:
        outcome = client.send(Request("GET", f"https://partner.example:{listener.port}/"))
    assert isinstance(outcome, Retry)
    assert outcome.cause is Cause.TLS


def test_a_silent_handshake_ends_with_the_connect_time(client: Client) -> None:
    waits = threading.Event()

    def play(_connection: socket.socket, _number: int) -> None:
        waits.wait(20)

    with Listener(play) as listener:
        outcome = client.send(Request("GET", f"https://partner.example:{listener.port}/"))
        waits.set()
    assert isinstance(outcome, Retry)
    assert outcome.cause is Cause.TIMEOUT
    assert outcome.elapsed_ms < 5000


def test_the_systems_authorities_are_the_default(authority: Authority) -> None:
    client = Client(LOOPBACK, limits=SMALL, resolve=lambda host, port: ["127.0.0.1"])
    with SecureListener(authority.server("partner.example")) as listener:
        outcome = client.send(Request("GET", f"https://partner.example:{listener.port}/"))
        assert listener.heard == []
    assert isinstance(outcome, Retry)
    assert outcome.cause is Cause.TLS
