"""An application with a key, and a caller that shows it."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.test import Client

from backoffice.api.actions import keys
from backoffice.api.models import Application
from backoffice.api.rules import Kind
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from tests import factories


def application(party: Party | None = None, kind: Kind = Kind.STATION_SYSTEM, name: str = "Depot") -> Application:
    return keys.add_application(party=party or factories.own_party(), kind=kind, name=name, now=site.now())


def key_of(owner: Application, scopes: Collection[str], **options: Any) -> str:
    now = site.now()
    options = {"expires_at": now + timedelta(days=30), "by": "olga", "now": now} | options
    return keys.issue(owner, scopes=scopes, **options)


@dataclass
class Caller:
    """Calls as a program does: without following anything, whatever comes back."""

    key: str
    root: str

    def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        raw: bytes | None = None,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> Any:
        sent = raw if raw is not None else b"" if body is None else json.dumps(body, default=float).encode()
        given = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        if key is not None:
            given["Idempotency-Key"] = key
        client = Client(raise_request_exception=False)
        return client.generic(
            method, f"/api/{self.root}{path}", sent, content_type=content_type, headers=given | (headers or {})
        )
