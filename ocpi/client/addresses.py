"""Where we may send: one strict reading of a URL, and one verdict on an IP address.

Partners write the URLs we call (versions, endpoints, `response_url`, next links), so a URL is an attempt to make us
talk to our own network until proved otherwise. Two gates stand here. `check_url` judges the text, when it is stored
and again when it is used. `AddressPolicy.denial` judges the number that is about to be connected to, after resolution,
because a name may point anywhere and may point elsewhere a second later.

The standard library's `is_global` is not a guard: on Python 3.11 it calls NAT64, 6to4, `::127.0.0.1`, site-local
and multicast addresses global. Hence the table below, from the IANA special-purpose registries.

Nothing here opens a socket or asks a resolver.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

MAX_URL_LENGTH = 2048
"""Longer than the 255 characters of the spec's URL type: next links repeat filters and carry cursors."""

DENIED: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), what)
    for network, what in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "a cloud platform's internal service"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "AS112 redirection"),
        ("192.52.193.0/24", "automatic multicast tunnelling"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "AS112 redirection"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::/96", "IPv4-compatible"),
        ("::ffff:0:0/96", "IPv4-mapped"),
        ("::ffff:0:0:0/96", "IPv4-translated"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "local NAT64"),
        ("100::/64", "discard"),
        ("100:0:0:1::/64", "dummy"),
        ("2001::/32", "Teredo"),
        ("2001:2::/48", "benchmarking"),
        ("2001::/23", "protocol assignments"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("2620:4f:8000::/48", "AS112 redirection"),
        ("3fff::/20", "documentation"),
        ("5f00::/16", "segment routing"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
"""The only IPv6 space given out so far; what lies outside is denied although no row above names it."""

_DEFAULT_PORTS = {"https": 443, "http": 80}
_USUAL_PORTS = frozenset({443, 8443})
_USUAL_PORTS_HTTP = frozenset({80, 443, 8080, 8443})
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?]*)(?P<target>[/?].*)?", re.ASCII)
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_LOOKS_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


class UrlDenied(ValueError):
    """This URL may not be called; the text is a sentence for staff."""


@dataclass(frozen=True, slots=True)
class Target:
    """One URL, read once: everything later on uses these parts and never the text again."""

    scheme: str
    host: str
    """Lower-case DNS name, or an IP address in its shortest form without brackets."""
    port: int
    path: str
    """Path and query as they go on the request line."""
    literal: Address | None
    """The address when the URL spells one out instead of a name."""

    @property
    def authority(self) -> str:
        """The `Host` header: brackets around IPv6, no port when it is the scheme's own."""
        host = f"[{self.host}]" if isinstance(self.literal, IPv6Address) else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """What this installation allows beyond the public internet.

    `allow_http`: plain http as well as https. `allowed_networks`: addresses that win over the deny table (a partner in
    the same data centre, loopback in the demo). `allowed_ports`: the only ports; None means 443 and 8443 (with
    `allow_http` also 80 and 8080), and any port inside `allowed_networks`.
    """

    allow_http: bool
    allowed_networks: tuple[Network, ...] = ()
    allowed_ports: frozenset[int] | None = None

    def denial(self, address: Address, port: int) -> str | None:
        """Why this address and port may not be connected to; None when they may.

        An IPv6 address that carries an IPv4 address is judged twice, so that allowing a NAT64 prefix does not
        open the loopback behind it.
        """
        allowed = self._allows(address)
        if not allowed and (what := _special(address)):
            return f"{address} is not public ({what})"
        carried = embedded_v4(address)
        if carried is not None and not self._allows(carried) and (what := _special(carried)):
            return f"{address} leads to {carried}, which is not public ({what})"
        return None if self._port_allowed(port, inside=allowed) else f"port {port} is not allowed"

    def _allows(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self.allowed_networks)

    def _port_allowed(self, port: int, *, inside: bool) -> bool:
        if self.allowed_ports is not None:
            return port in self.allowed_ports
        return inside or port in (_USUAL_PORTS_HTTP if self.allow_http else _USUAL_PORTS)


def check_url(url: str, policy: AddressPolicy) -> None:
    """Refuse at storing time what could never be called: UrlDenied with a sentence for staff.

    A host name is not resolved here; its addresses are judged each time before a connection is made.
    """
    read_url(url, policy)


def origin(url: str, policy: AddressPolicy) -> str:
    """`scheme://host[:port]`, normalised: credentials tokens only go to origins that were confirmed for a partner."""
    return read_url(url, policy).origin


@lru_cache(maxsize=1024)
def read_url(url: str, policy: AddressPolicy) -> Target:
    """The one reading of a URL. Two parsers that disagree are how guards are walked around: connections use this."""
    if len(url) > MAX_URL_LENGTH:
        raise UrlDenied(f"The URL is longer than {MAX_URL_LENGTH} characters.")
    if any(not "!" <= character <= "~" for character in url):
        raise UrlDenied("The URL holds characters other than printable ASCII; write an international host as xn--.")
    if "\\" in url:
        raise UrlDenied("The URL holds a backslash.")
    if "#" in url:
        raise UrlDenied("The URL has a fragment (#).")
    if not (parts := _URL.fullmatch(url)):
        raise UrlDenied("This is not an absolute URL.")
    scheme = parts["scheme"].lower()
    if scheme != "https" and not (scheme == "http" and policy.allow_http):
        raise UrlDenied(f"The URL must start with https://, not {scheme}://.")
    if "@" in parts["authority"]:
        raise UrlDenied("The URL holds a user name or password.")
    if not (authority := _AUTHORITY.fullmatch(parts["authority"])):
        raise UrlDenied("The URL has no readable host and port.")
    port = int(authority["port"]) if authority["port"] else _DEFAULT_PORTS[scheme]
    if not 1 <= port <= 65535:
        raise UrlDenied(f"The URL has no valid port ({port}).")
    host, literal = _read_host(authority["host"].lower())
    path = parts["target"] or "/"
    if literal is not None:
        if why := policy.denial(literal, port):
            raise UrlDenied(f"The URL may not be called: {why}.")
    elif not policy._port_allowed(port, inside=bool(policy.allowed_networks)):
        raise UrlDenied(f"The URL may not be called: port {port} is not allowed.")
    return Target(scheme, host, port, path if path.startswith("/") else f"/{path}", literal)


def _read_host(text: str) -> tuple[str, Address | None]:
    """A DNS name or an address in its one regular spelling.

    `0x7f.1`, `2130706433`, `127.1` and `010.0.0.1` are addresses to a C library and names to a careless check: a host
    whose last label is a number must be a plain dotted quad.
    """
    if text.startswith("["):
        try:
            address = IPv6Address(text[1:-1])
        except AddressValueError as error:
            raise UrlDenied("The URL has an unreadable IPv6 address.") from error
        if address.scope_id is not None:
            raise UrlDenied("The URL has an IPv6 address with a zone.")
        return str(address), address
    labels = text.split(".")
    if _LOOKS_NUMERIC.fullmatch(labels[-1]):
        try:
            quad = IPv4Address(text)
        except AddressValueError as error:
            raise UrlDenied("The URL has an irregularly written IP address.") from error
        return str(quad), quad
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise UrlDenied("The URL has no valid host name.")
    return text, None


def numeric(addresses: Iterable[str]) -> list[Address]:
    """A resolver's answer as addresses; a scope (`fe80::1%eth0`) is kept off, link-local is denied anyway."""
    return [ip_address(text.partition("%")[0]) for text in addresses]


def embedded_v4(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address carries, if it is of a kind that carries one."""
    if isinstance(address, IPv4Address):
        return None
    bits = int(address)
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address.sixtofour:
        return address.sixtofour
    if address.teredo:
        return address.teredo[1]
    for network in _V4_IN_LAST_32_BITS:
        if address in network and bits > 0xFFFF:  # :: and ::1 are not IPv4 addresses
            return IPv4Address(bits & 0xFFFFFFFF)
    if (bits >> 32) & 0xFCFFFFFF == 0x00005EFE:  # ISATAP interface ids, RFC 5214, under any prefix
        return IPv4Address(bits & 0xFFFFFFFF)
    return None


_V4_IN_LAST_32_BITS = tuple(
    IPv6Network(network) for network in ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
)


def _special(address: Address) -> str | None:
    for network, what in DENIED:
        if address.version == network.version and address in network:
            return what
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST_V6:
        return "reserved"
    return None
