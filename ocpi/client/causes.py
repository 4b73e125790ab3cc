"""Why an exchange was not delivered: the causes, whether each is temporary, and what staff should know and do.

The one table to read before changing how failures are handled; senders look at `Cause`, never at an HTTP status.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ocpi.wire.envelope import StatusCode


class Cause(StrEnum):
    """Why an exchange was not delivered; the value is what is stored and filtered on."""

    URL_DENIED = "url_denied"
    ADDRESS_DENIED = "address_denied"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    CONNECTION_LOST = "connection_lost"
    NOT_HTTP = "not_http"
    TOO_LARGE = "too_large"
    BAD_ENCODING = "bad_encoding"
    REDIRECT = "redirect"
    UNAUTHORIZED = "unauthorized"
    NOT_FOUND = "not_found"
    NOT_SUPPORTED = "not_supported"
    HTTP_4XX = "http_4xx"
    RATE_LIMITED = "rate_limited"
    NOT_READY = "not_ready"
    SERVER_ERROR = "server_error"
    NOT_JSON = "not_json"
    NO_ENVELOPE = "no_envelope"
    OCPI_2XXX = "ocpi_2xxx"
    OCPI_3XXX = "ocpi_3xxx"
    HUB_UNKNOWN_RECEIVER = "hub_unknown_receiver"
    HUB_ERROR = "hub_error"


@dataclass(frozen=True, slots=True)
class CauseFacts:
    temporary: bool
    happened: str
    """One sentence for staff: what happened."""
    remedy: str
    """One sentence for staff: what to do."""


# A refused certificate is temporary although it needs a person: the person is at the partner's side, nothing was sent
# (the handshake comes first), and once the certificate is renewed everything must flow again without our staff.
# Answers that are not HTTP at all are treated like a broken line for the same reason.
CAUSES: Mapping[Cause, CauseFacts] = {
    Cause.URL_DENIED: CauseFacts(
        False, "Nothing was sent.", "Ask the partner for a correct URL, or correct it on the connection."
    ),
    Cause.ADDRESS_DENIED: CauseFacts(
        False,
        "The host name leads to an address that this installation may not call.",
        "Check the URL with the partner; a partner inside your own network must be on the list of allowed networks.",
    ),
    Cause.DNS: CauseFacts(
        True, "The host name could not be resolved.", "Check the spelling of the URL and your DNS service."
    ),
    Cause.CONNECT: CauseFacts(
        True, "The partner's server did not accept a connection.", "Ask the partner whether their platform is up."
    ),
    Cause.TLS: CauseFacts(
        True,
        "No trusted TLS connection could be made; nothing was sent.",
        "Ask the partner to check their certificate (expired, wrong name, or missing intermediate).",
    ),
    Cause.TIMEOUT: CauseFacts(
        True, "The partner's server did not answer in time.", "If this repeats, ask the partner about their load."
    ),
    Cause.CONNECTION_LOST: CauseFacts(
        True,
        "The connection broke before the answer was complete.",
        "The partner may or may not have processed the message; it is safe to wait.",
    ),
    Cause.NOT_HTTP: CauseFacts(
        True, "What answered does not speak HTTP.", "Check host and port of the URL with the partner."
    ),
    Cause.TOO_LARGE: CauseFacts(
        False, "The answer is larger than this installation accepts.", "Ask the partner to serve smaller pages."
    ),
    Cause.BAD_ENCODING: CauseFacts(
        False, "The answer is compressed in an unreadable way.", "Ask the partner to answer uncompressed or with gzip."
    ),
    Cause.REDIRECT: CauseFacts(
        False,
        "The partner's server redirects elsewhere; redirects are not followed, they would carry the token along.",
        "Ask the partner for the final URL.",
    ),
    Cause.UNAUTHORIZED: CauseFacts(
        False, "The partner does not accept our credentials token.", "Exchange credentials with the partner anew."
    ),
    Cause.NOT_FOUND: CauseFacts(
        False, "The partner does not know this object or URL.", "Send the whole object, or check the endpoint URL."
    ),
    Cause.NOT_SUPPORTED: CauseFacts(
        False, "The partner does not offer this method.", "Mark the module as pull-only for this partner."
    ),
    Cause.HTTP_4XX: CauseFacts(
        False, "The partner refused the request.", "Read the partner's answer and correct the data or the agreement."
    ),
    Cause.RATE_LIMITED: CauseFacts(
        True, "The partner asks us to slow down.", "If this repeats, agree on a higher limit with the partner."
    ),
    Cause.NOT_READY: CauseFacts(
        True, "The partner asks to try again later.", "If this repeats, ask the partner about their platform."
    ),
    Cause.SERVER_ERROR: CauseFacts(
        True, "The partner's server failed.", "If this repeats, send the partner the X-Request-ID of this exchange."
    ),
    Cause.NOT_JSON: CauseFacts(
        False, "The answer is not JSON.", "Check the endpoint URL; show the partner the answer."
    ),
    Cause.NO_ENVELOPE: CauseFacts(
        False,
        "The answer is JSON without a valid OCPI status_code and timestamp.",
        "Show the partner the answer; OCPI requires the response envelope.",
    ),
    Cause.OCPI_2XXX: CauseFacts(
        False, "The partner found our message faulty.", "Read the partner's status message and correct the data."
    ),
    Cause.OCPI_3XXX: CauseFacts(
        True,
        "The partner could not process our message.",
        "If this repeats, send the partner the X-Request-ID of this exchange.",
    ),
    Cause.HUB_UNKNOWN_RECEIVER: CauseFacts(
        False, "The hub does not know the addressed party.", "Check country code and party id, or ask the hub."
    ),
    Cause.HUB_ERROR: CauseFacts(
        True, "The hub could not reach the addressed party.", "If this repeats, ask the hub about that party."
    ),
}


_HTTP_CAUSES = {
    401: Cause.UNAUTHORIZED,
    404: Cause.NOT_FOUND,
    405: Cause.NOT_SUPPORTED,
    408: Cause.NOT_READY,
    410: Cause.NOT_FOUND,
    425: Cause.NOT_READY,
    429: Cause.RATE_LIMITED,
    501: Cause.NOT_SUPPORTED,
}


def http_cause(status: int) -> Cause | None:
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return Cause.REDIRECT
    if 400 <= status < 500:
        return _HTTP_CAUSES.get(status, Cause.HTTP_4XX)
    if 500 <= status < 600:
        return _HTTP_CAUSES.get(status, Cause.SERVER_ERROR)
    return Cause.NOT_HTTP


def ocpi_cause(status_code: int) -> Cause | None:
    if status_code == StatusCode.UNKNOWN_RECEIVER:
        return Cause.HUB_UNKNOWN_RECEIVER
    return {1: None, 2: Cause.OCPI_2XXX, 3: Cause.OCPI_3XXX, 4: Cause.HUB_ERROR}.get(
        status_code // 1000, Cause.NO_ENVELOPE
    )
