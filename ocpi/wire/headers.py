"""HTTP headers of the protocol (`transport_and_format`): the credentials token, routing, message ids and paging.

Names are compared without regard to case (`T-007`): mappings passed in here may spell them in any way.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass

AUTHORIZATION = "Authorization"
CONTENT_TYPE = "Content-Type"
LINK = "Link"
LOCATION = "Location"
X_CORRELATION_ID = "X-Correlation-ID"
X_LIMIT = "X-Limit"
X_REQUEST_ID = "X-Request-ID"
X_TOTAL_COUNT = "X-Total-Count"
OCPI_TO_COUNTRY_CODE = "OCPI-to-country-code"
OCPI_TO_PARTY_ID = "OCPI-to-party-id"
OCPI_FROM_COUNTRY_CODE = "OCPI-from-country-code"
OCPI_FROM_PARTY_ID = "OCPI-from-party-id"

_TOKEN = re.compile(r"[!-~]+")
_MESSAGE_ID = re.compile(r"[!-~]{1,255}")
_COUNTRY_CODE = re.compile(r"[!-~]{1,2}")
_PARTY_ID = re.compile(r"[!-~]{1,3}")
_LINK_VALUE = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w!#$&+.^`|~*-]+(?:\s*=\s*(?:"[^"]*"|[^\s",;]+))?)*)\s*(?:,|$)')
_PARAMETER = re.compile(r';\s*([^\s=",;]+)\s*=\s*(?:"([^"]*)"|([^\s",;]+))')


class BadHeader(ValueError):
    """A header is not what the specification says. The message is safe to send: it never repeats a token."""


def encode_token(token: str, plain: bool = False) -> str:
    """The Authorization value. `plain`: as peers of 2.1.1 and some of 2.2 write it, without Base64."""
    return f"Token {token if plain else base64.b64encode(token.encode()).decode('ascii')}"


def decode_token(header_value: str, plain: bool = False) -> str:
    """The credentials token of an Authorization value
    (`transport_and_format#transport_and_format_authorization_header`).

    Both samples printed in the specification encode a line feed behind the token; trailing CR and LF are therefore
    dropped.
    """
    scheme, _, encoded = header_value.strip().partition(" ")
    if scheme.lower() != "token" or not encoded:
        raise BadHeader("Expected an Authorization header of the form: Token <credentials token>.")
    if plain:
        token = encoded
    else:
        try:
            token = base64.b64decode(encoded, validate=True).decode("utf-8").rstrip("\r\n")
        except (binascii.Error, ValueError) as error:
            raise BadHeader("Expected the credentials token as Base64 of UTF-8 text.") from error
    if not _TOKEN.fullmatch(token):
        raise BadHeader("Expected a credentials token of printable ASCII without spaces.")
    return token


@dataclass(frozen=True)
class Routing:
    """Who speaks to whom (`transport_and_format#transport_and_format_message_routing`); None where a header is absent.

    Values keep the case in which they came; compare them without regard to case (`T-068`). Not for credentials,
    versions and hubclientinfo.
    """

    to_country: str | None = None
    to_party: str | None = None
    from_country: str | None = None
    from_party: str | None = None

    @classmethod
    def parse(cls, headers: Mapping[str, str]) -> "Routing":
        """Read the four headers. Raises BadHeader for a malformed value and for a country code without party id, or the
        other way round.
        """
        found = {name.lower(): value for name, value in headers.items()}
        to = _party(found, OCPI_TO_COUNTRY_CODE, OCPI_TO_PARTY_ID)
        sender = _party(found, OCPI_FROM_COUNTRY_CODE, OCPI_FROM_PARTY_ID)
        return cls(*to, *sender)

    def swapped(self) -> "Routing":
        """The routing of the answer (`T-065`)."""
        return Routing(self.from_country, self.from_party, self.to_country, self.to_party)

    def as_headers(self) -> dict[str, str]:
        """The headers that are present."""
        headers = {
            OCPI_TO_COUNTRY_CODE: self.to_country,
            OCPI_TO_PARTY_ID: self.to_party,
            OCPI_FROM_COUNTRY_CODE: self.from_country,
            OCPI_FROM_PARTY_ID: self.from_party,
        }
        return {name: value for name, value in headers.items() if value is not None}


UNROUTED = Routing()
"""No such header, as between two platforms on a direct connection."""


def _party(found: Mapping[str, str], country_header: str, party_header: str) -> tuple[str | None, str | None]:
    country = found.get(country_header.lower(), "").strip()
    party = found.get(party_header.lower(), "").strip()
    if not country and not party:
        return None, None
    if not _COUNTRY_CODE.fullmatch(country) or not _PARTY_ID.fullmatch(party):
        raise BadHeader(
            f"Expected {country_header} of at most 2 and {party_header} of at most 3 characters, both or neither."
        )
    return country, party


def message_id(value: str | None) -> str | None:
    """An X-Request-ID or X-Correlation-ID that is safe to repeat and to log: visible ASCII of at most 255 characters.
    Anything else counts as absent.
    """
    return value if value is not None and _MESSAGE_ID.fullmatch(value) else None


def next_link(value: str | None) -> str | None:
    """The address of the next page out of a Link header, None on the last page (RFC 8288)."""
    for link in _LINK_VALUE.finditer(value or ""):
        relations = [quoted or bare for name, quoted, bare in _PARAMETER.findall(link[2]) if name.lower() == "rel"]
        if "next" in " ".join(relations).lower().split():
            return str(link[1]).strip()
    return None


def link_next(url: str) -> str:
    """The Link header that leads to the next page."""
    return f'<{url}>; rel="next"'
