"""Applications and their keys: made by staff, shown once, used, revoked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from backoffice import statements
from backoffice.api.models import ApiKey, Application
from backoffice.api.rules import KEY_BEGINS, MAX_LIFE, PER_MINUTE, Kind
from backoffice.partners.models import Party
from backoffice.partners.secrets import new_token, token_hash


class UnableToManageKeys(Exception):
    """It is not possible; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose key was shown."""

    key: int
    application: int
    name: str
    kind: Kind
    party: int
    country_code: str
    party_id: str
    scopes: frozenset[str]
    per_minute: int

    is_authenticated = True
    """What Django's request.user and DRF expect of whoever it is."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """A key that once opened: the sentence is for its holder alone, who has shown that he holds it."""

    sentence: str


_FIND = """
SELECT k.id, k.application_id, a.name, a.kind, a.party_id, p.country_code, p.party_id, k.scopes, k.per_minute,
    k.expires_at, k.revoked_at, k.last_used_at
FROM api_apikey k JOIN api_application a ON a.id = k.application_id JOIN partners_party p ON p.id = a.party_id
WHERE k.hash = %s
"""

_COUNT = """
INSERT INTO api_keyuse AS u (key_id, minute, requests) VALUES (%s, %s, 1)
ON CONFLICT (key_id) DO UPDATE SET requests = CASE WHEN u.minute = excluded.minute THEN u.requests + 1 ELSE 1 END,
    minute = excluded.minute
RETURNING requests
"""

_NOTED_EVERY = timedelta(minutes=1)
"""`last_used_at` is for people: it need not cost a write in every request."""


def add_application(*, party: Party, kind: Kind, name: str, contact: str = "", now: datetime) -> Application:
    """Raises UnableToManageKeys."""
    if not party.ours:
        raise UnableToManageKeys(f"{party} is a partner: applications act for a company of ours.")
    try:
        with transaction.atomic():
            application: Application = Application.objects.create(
                party=party, kind=kind, name=name.strip(), contact=contact.strip(), created_at=now
            )
    except IntegrityError as error:
        raise UnableToManageKeys(f"{party} has an application of this name already. Choose another one.") from error
    return application


def issue(
    application: Application,
    *,
    scopes: Collection[str],
    expires_at: datetime,
    by: str,
    per_minute: int = PER_MINUTE,
    now: datetime,
) -> str:
    """A new key: the only time that it is seen. Keys of before go on working, so that the holder can change in his own time.
    Raises UnableToManageKeys."""
    if not scopes:
        raise UnableToManageKeys("A key without a scope opens nothing. Choose at least one.")
    if not now < expires_at <= now + MAX_LIFE:
        raise UnableToManageKeys(f"The key must expire within {MAX_LIFE.days} days from now.")
    key = KEY_BEGINS + new_token()
    ApiKey.objects.create(
        application=application,
        hash=token_hash(key),
        hint=key[: len(KEY_BEGINS) + 4],
        scopes=sorted(scopes),
        per_minute=per_minute,
        created_at=now,
        created_by=by,
        expires_at=expires_at,
    )
    return key


def revoke(key: ApiKey, *, reason: str, now: datetime) -> None:
    """From now on it opens nothing; there is no way back. Raises UnableToManageKeys."""
    ended = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(
        revoked_at=now, revoked_reason=reason.strip()[:200]
    )
    if not ended:
        raise UnableToManageKeys("This key was revoked already.")


def find(shown: str, *, now: datetime) -> Caller | Unusable | None:
    """Whose key this is. None: nobody's; the look-up by hash takes the same time whatever was shown."""
    rows = statements.run_first(_FIND, [token_hash(shown)])
    if not rows:
        return None
    key, application, name, kind, party, country_code, party_id, scopes, per_minute, expires, revoked, used = rows[0]
    if revoked is not None:
        return Unusable("This key was revoked. Ask the operator of this platform for a new one.")
    if expires <= now:
        return Unusable("This key has expired. Ask the operator of this platform for a new one.")
    if used is None or now - used > _NOTED_EVERY:
        ApiKey.objects.filter(pk=key).update(last_used_at=now)
    return Caller(key, application, name, Kind(kind), party, country_code, party_id, frozenset(scopes), per_minute)


def seconds_to_wait(caller: Caller, *, now: datetime) -> float | None:
    """Count this request. None: it may go on; else the seconds until the next minute, in which it may."""
    minute = now.replace(second=0, microsecond=0)
    ((requests,),) = statements.run(_COUNT, [caller.key, minute])
    return None if requests <= caller.per_minute else max(1.0, 60 - (now - minute).total_seconds())
