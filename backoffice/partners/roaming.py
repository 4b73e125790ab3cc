"""The partners' door: who shows a token, and the credentials module (credentials.asciidoc)."""

from __future__ import annotations

from backoffice.partners import peers
from backoffice.partners.actions import handshake
from backoffice.partners.actions.connections import forget
from backoffice.partners.models import Connection
from backoffice.partners.rules import REGISTERED, ConnectionState, NotAllowed
from backoffice.roaming_site import site
from ocpi.module import Answer, Call, CallArrival, Calls, Module, Peer, Refusal
from ocpi.site import Guess
from ocpi.wire.credentials import Credentials
from ocpi.wire.envelope import StatusCode


def authenticate(encoded: str | None, plain: str) -> Peer | None:
    return peers.by_token(encoded, plain, site.now())


def guess(encoded: str | None, plain: str) -> Guess | None:
    return peers.guess(encoded, plain, site.now())


def read(arrival: CallArrival) -> Answer:
    """GET: our credentials. The token in it is the one just shown to us; we keep only its hash."""
    connection = Connection.objects.get(pk=arrival.peer.connection)
    return Answer(handshake.our_credentials(connection, arrival.token), Credentials)


def register(arrival: CallArrival) -> Answer:
    """POST with a CREDENTIALS_TOKEN_A; 405 for who is registered already."""
    connection = _connection(arrival, registered=False)
    return _received(connection, arrival)


def update(arrival: CallArrival) -> Answer:
    """PUT by a registered partner; 405 otherwise. Switches to the version of this endpoint."""
    connection = _connection(arrival, registered=True)
    return _received(connection, arrival)


def remove(arrival: CallArrival) -> Answer:
    """DELETE by a registered partner; 405 otherwise. Its token is dead when the answer arrives."""
    forget(_connection(arrival, registered=True), now=arrival.now)
    return Answer(message="Unregistered.")


def _connection(arrival: CallArrival, *, registered: bool) -> Connection:
    connection = Connection.objects.get(pk=arrival.peer.connection)
    if (ConnectionState(connection.state) in REGISTERED) is not registered or arrival.peer.bootstrap is registered:
        what = "not registered yet: POST first" if registered else "registered already: use PUT"
        offered = "GET, POST" if registered else "GET, PUT, DELETE"
        raise Refusal(f"This platform is {what}.", http=405, headers={"Allow": offered})
    return connection


def _received(connection: Connection, arrival: CallArrival) -> Answer:
    theirs = arrival.value
    assert isinstance(theirs, Credentials)
    try:
        token = handshake.receive(
            connection, theirs, version=arrival.version, correlation_id=arrival.correlation_id, now=arrival.now
        )
    except handshake.Busy as error:
        raise Refusal(str(error), ocpi=StatusCode.CLIENT_ERROR) from error
    except handshake.UnableToHandshake as error:
        raise Refusal(error.message, ocpi=error.status) from error
    except NotAllowed as error:
        raise Refusal(str(error), ocpi=StatusCode.CLIENT_ERROR) from error
    return Answer(handshake.our_credentials(connection, token), Credentials)


site.authenticate = authenticate
site.guess = guess
site.register(
    Module(
        "credentials",
        Calls(
            (
                Call("GET", "", None, read, Credentials),
                Call("POST", "", Credentials, register, Credentials),
                Call("PUT", "", Credentials, update, Credentials),
                Call("DELETE", "", None, remove),
            )
        ),
        routed=False,
        bootstrap=True,
        one_door=True,
    )
)
