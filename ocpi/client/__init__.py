"""One outgoing exchange with a partner: `Client(policy).send(request)` gives `Delivered`, `Retry` or `Refused`.

Everything that leaves for a partner, or for any URL a partner wrote, leaves here. `addresses` says where we may send,
`connections` is the only file that opens sockets, `reading` caps what comes back, `outcomes` and `causes` say what it
means. Delivery ladders, credentials
and the log of exchanges belong to the callers; Django and settings do not enter.

The caller adds `Authorization` and the message ids, and only for an origin that staff confirmed (`origin`).
"""

import ssl
import time
from datetime import UTC, datetime

from ocpi.client.addresses import AddressPolicy, UrlDenied, check_url, origin, read_url
from ocpi.client.causes import CAUSES, Cause, CauseFacts
from ocpi.client.connections import Connections, Resolve, system_resolve
from ocpi.client.outcomes import (
    Delivered,
    Headers,
    Outcome,
    Refused,
    Request,
    Retry,
    judge,
    undelivered,
)
from ocpi.client.reading import Failure, Limits

__all__ = [
    "CAUSES",
    "AddressPolicy",
    "Cause",
    "CauseFacts",
    "Client",
    "Delivered",
    "Headers",
    "Limits",
    "Outcome",
    "Refused",
    "Request",
    "Retry",
    "UrlDenied",
    "check_url",
    "origin",
    "read_url",
]


class Client:
    """Sends requests; keeps connections alive between them. One for each process, shared by its threads.

    `tls` and `resolve` are the system's unless given; certificates are always verified against `tls`.
    """

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve = system_resolve,
    ) -> None:
        self.policy = policy
        self._connections = Connections(policy, limits or Limits(), tls or _system_tls(), resolve)

    def send(self, request: Request) -> Outcome:
        """One exchange; POST and PATCH go on the wire at most once. What fails outside is a value, never raised."""
        started = time.perf_counter()
        try:
            response = self._connections.exchange(read_url(request.url, self.policy), request)
        except UrlDenied as denied:
            return undelivered(
                Cause.URL_DENIED, str(denied), sent=False, elapsed_ms=_since(started), now=datetime.now(UTC)
            )
        except Failure as failure:
            return undelivered(
                failure.cause,
                failure.detail,
                address=failure.address,
                sent=failure.sent,
                elapsed_ms=_since(started),
                now=datetime.now(UTC),
            )
        return judge(response, elapsed_ms=_since(started), now=datetime.now(UTC))

    def close(self) -> None:
        """Close the idle connections; the client may be used again."""
        self._connections.close()


def _system_tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
