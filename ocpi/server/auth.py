"""Who is calling: the credentials token of the Authorization header (transport_and_format#authorization_header).

A header has two readings, Base64 and, for partners with the plain-token quirk, the token itself. Both are handed to the
site's hook in one go; it matches each only against connections that use that reading, so no string means two things.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated

from ocpi.module import Peer
from ocpi.site import OcpiSite
from ocpi.wire.headers import BadHeader, decode_token

Readings = tuple[str | None, str]
"""Of a header: the Base64 one, None when it is none, and the plain one."""


def read(meta: Mapping[str, Any]) -> Readings:
    """Raises DRF's 401 exceptions."""
    value = meta.get("HTTP_AUTHORIZATION", "")
    if not value:
        raise NotAuthenticated("The Authorization header is missing: send 'Token ' and the Base64 credentials token.")
    try:
        plain = decode_token(value, plain=True)
    except BadHeader as error:
        raise AuthenticationFailed(str(error)) from error
    encoded: str | None
    try:
        encoded = decode_token(value)
    except BadHeader:
        encoded = None  # still a valid header for a partner that sends plain tokens
    return encoded, plain


def authenticated(site: OcpiSite, readings: Readings) -> Peer:
    """Raises DRF's 401 exception."""
    peer = site.authenticate(*readings)
    if peer is None:
        raise AuthenticationFailed("This credentials token is not known here.")
    return peer


def token_of(peer: Peer, readings: Readings) -> str:
    """The token that the peer showed."""
    encoded, plain = readings
    return plain if peer.plain_token or encoded is None else encoded
