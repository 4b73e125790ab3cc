"""Owe one partner something that has a deadline: a request, the result of one, a push of what it should know meanwhile.

Called by apps inside the transaction of the change that it tells of. `backoffice.delivery.actions.running` sends.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import datetime

import psycopg
from django.db import connection as database
from django.db import transaction

from backoffice.delivery.models import Errand
from backoffice.delivery.rules import What
from backoffice.fields import DocumentField
from backoffice.roaming_site import site
from ocpi import versions
from ocpi.module import AsyncRequests, Exchanged, Module, Tree
from ocpi.server.viewsets import join_path
from ocpi.wire import json as wire_json
from ocpi.wire.versions import InterfaceRole

CHANNEL = "roamdesk_errand"
"""The sweep listens here, beside the one of the outbox: who hurries must not wait for who does not."""

_NUDGE = f"BEGIN; SET LOCAL synchronous_commit = off; NOTIFY {CHANNEL}; COMMIT"
"""As the outbox does it (docs/decisions/008), but for each errand: somebody waits for it."""

_KEY = re.compile("[A-Za-z0-9_-]{22,64}", re.ASCII)
"""At least 128 bits: whoever could guess it could make up a result. It stands in a URL."""


def shape_of(module: Module) -> AsyncRequests:
    assert isinstance(module.shape, AsyncRequests), module.identifier
    return module.shape


def pushes_of(module: Module) -> AsyncRequests | Exchanged:
    """The shape of a module whose Sender interface at a partner we call."""
    assert isinstance(module.shape, AsyncRequests | Exchanged), module.identifier
    return module.shape


def response_url(version: str, module: Module, kind: str, key: str) -> str:
    """Where the result of a request of ours is to be posted."""
    return f"{site.endpoint_url(version, module, InterfaceRole.SENDER)}/{join_path(kind, key)}"


def owe_request(
    *,
    connection: int,
    sender: int,
    receiver: int | None,
    module: str,
    kind: str,
    key: str,
    segments: Mapping[str, str] | None = None,
    tree: Tree | None = None,
    query: Mapping[str, str] | None = None,
    deadline: datetime,
    correlation_id: str = "",
    now: datetime,
) -> int:
    """Ask a partner for something, at most once: `shape.answered` hears what it said at once, or why it was not asked.

    `tree`: the body in the newest version without its response_url, which is added when it is sent (to the query where the Ask
    has no body). Raises KeyError for a kind that is not declared, `ocpi.wire.json.Invalid` for a body that breaks the rules.
    """
    declared = site.module(module)
    ask = shape_of(declared).ask(kind)
    if ask.body is not None:
        url = response_url(versions.NEWEST, declared, kind, key)
        wire_json.validate(ask.body, {**(tree or {}), "response_url": url})
    return _owe(
        connection=connection,
        sender=sender,
        receiver=receiver,
        module=module,
        kind=kind,
        what=What.REQUEST,
        key=key,
        method=ask.method,
        path=_path(ask.path, segments or {}),
        query=dict(query or {}),
        tree=tree,
        deadline=deadline,
        correlation_id=correlation_id,
        now=now,
    )


def owe_result(
    *,
    connection: int,
    sender: int,
    receiver: int | None,
    module: str,
    kind: str,
    key: str,
    url: str,
    tree: Tree,
    deadline: datetime,
    correlation_id: str = "",
    now: datetime,
) -> int:
    """Tell what came of a request of the partner's, at the URL that it gave: repeated until it is taken or too late, which
    `shape.delivered` hears. Raises as `owe_request`."""
    wire_json.validate(shape_of(site.module(module)).ask(kind).result, tree)
    return _owe(
        connection=connection,
        sender=sender,
        receiver=receiver,
        module=module,
        kind=kind,
        what=What.RESULT,
        key=key,
        method="POST",
        url=url,
        tree=tree,
        deadline=deadline,
        correlation_id=correlation_id,
        now=now,
    )


def owe_push(
    *,
    connection: int,
    sender: int,
    receiver: int | None,
    module: str,
    kind: str,
    key: str,
    method: str,
    path: str,
    segments: Mapping[str, str] | None = None,
    tree: Tree | None,
    deadline: datetime,
    correlation_id: str = "",
    now: datetime,
) -> int:
    """Tell what the partner should know while it lasts, at its Sender interface: a `Call` of the shape with this method and path
    (its template, as `{session_id}`). Repeated as a result is. `kind` is for the log and `shape.delivered`. `tree`: None where
    the call has no body; of a partial body the caller answers for what it says."""
    called = next(call for call in pushes_of(site.module(module)).calls if (call.method, call.path) == (method, path))
    assert (called.body is None) is (tree is None)
    if called.body is not None and not called.partial:
        wire_json.validate(called.body, tree)
    return _owe(
        connection=connection,
        sender=sender,
        receiver=receiver,
        module=module,
        kind=kind,
        what=What.PUSH,
        key=key,
        method=method,
        path=_path(path, segments or {}),
        tree=tree,
        deadline=deadline,
        correlation_id=correlation_id,
        now=now,
    )


def _path(template: str, segments: Mapping[str, str]) -> str:
    """Percent-encoded. Raises KeyError for a variable without a value."""
    parts = [segments[part.strip("{}")] if part.startswith("{") else part for part in template.split("/") if part]
    return join_path(*parts)


def _owe(
    *,
    connection: int,
    sender: int,
    receiver: int | None,
    module: str,
    kind: str,
    what: What,
    key: str,
    method: str,
    url: str = "",
    path: str = "",
    query: dict[str, str] | None = None,
    tree: Tree | None,
    deadline: datetime,
    correlation_id: str,
    now: datetime,
) -> int:
    if not _KEY.fullmatch(key):
        raise ValueError("the key of an errand has 22 to 64 letters, digits, _ or -, and cannot be guessed")
    row = Errand.objects.create(
        connection_id=connection,
        sender_id=sender,
        receiver_id=receiver,
        module=module,
        kind=kind,
        what=what,
        key=key,
        method=method,
        url=url,
        path=path,
        query=query or {},
        tree="" if tree is None else DocumentField.write(tree),
        deadline=deadline,
        due_at=now,
        correlation_id=correlation_id or str(uuid.uuid4()),
        created_at=now,
    )
    transaction.on_commit(nudge)
    return int(row.pk)


def trim(*, before: datetime) -> int:
    """Delete errands that were over before this time. What an app remembers of them stays."""
    return int(Errand.objects.filter(finished_at__lt=before).delete()[0])


def nudge() -> None:
    """Wake the sweep. Without it, as after a crash, an errand waits until the sweep looks by itself."""
    try:
        database.connection.execute(_NUDGE)
    except psycopg.Error:
        return
