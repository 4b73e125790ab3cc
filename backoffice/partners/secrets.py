"""Credentials tokens: made, hashed and encrypted. Keys live in the environment, outside database and backup.

Inbound tokens (others show them to us) are kept as HMAC-SHA-256 with a pepper: a stolen database opens no door, and the
look-up by hash takes the same time whatever was presented. Outbound tokens must be shown again and so are encrypted with
MultiFernet, whose first key encrypts and whose others still decrypt (rotation).
"""

from __future__ import annotations

import hmac
import secrets
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class UnableToDecrypt(Exception):
    """The stored token was encrypted with a key that this platform does not have."""


def new_token() -> str:
    """256 random bits as 43 URL-safe characters: within the 64 printable ones that Credentials.token allows."""
    return secrets.token_urlsafe(32)


@cache
def _keyed(pepper: str) -> hmac.HMAC:
    return hmac.new(pepper.encode(), digestmod="sha256")


def _hashed(data: bytes) -> hmac.HMAC:
    keyed = _keyed(settings.TOKEN_PEPPER).copy()  # looking up the algorithm takes three times as long as hashing
    keyed.update(data)
    return keyed


def token_hash(token: str) -> bytes:
    return _hashed(token.encode()).digest()


def pseudonym(personal: str) -> str:
    """An id of a driver for places that must not hold it: its last characters for the eye, and a keyed hash that is the same for
    the same id in any case, so that it can be looked for. Ids are too short to be hidden by a hash without a key."""
    digest = _hashed(b"id:" + personal.upper().encode()).hexdigest()
    return f"*{personal[-4:] if len(personal) > 6 else personal[-1:]}-{digest[:10]}"


@cache
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(token: str) -> str:
    return _box(tuple(settings.FERNET_KEYS)).encrypt(token.encode()).decode()


def decrypt(stored: str) -> str:
    """Raises UnableToDecrypt."""
    try:
        return _box(tuple(settings.FERNET_KEYS)).decrypt(stored.encode()).decode()
    except InvalidToken as error:
        raise UnableToDecrypt(
            "A stored token cannot be decrypted: ROAMDESK_FERNET_KEYS lacks the key it was encrypted with."
        ) from error
