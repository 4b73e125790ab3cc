"""Doors that only the measurements have: the empty view, and a status change of one of our own charge points over HTTP."""

from __future__ import annotations

import time
import uuid

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from backoffice import statements
from backoffice.locations.actions.changing import set_status
from backoffice.locations.models import Location
from backoffice.roaming_site import site
from ocpi.site import Exchange
from ocpi.wire import json as wire_json
from ocpi.wire.headers import decode_token


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"{}", content_type="application/json")


empty.csrf_exempt = True  # type: ignore[attr-defined]


@csrf_exempt
def own_status(request: HttpRequest) -> HttpResponse:
    """What a report of our own hardware costs behind any door: token look-up, the status change with the outbox rows of every
    partner that must hear of it, and a log row."""
    started = time.perf_counter()
    now = site.now()
    header = request.META["HTTP_AUTHORIZATION"]
    peer = site.authenticate(decode_token(header), decode_token(header, plain=True))
    if peer is None:
        return HttpResponse(status=401)
    body = request.body
    told = wire_json.parse(body)
    with statements.transaction():
        set_status(Location(pk=told["location"]), told["uid"], told["status"], source="bench", now=now)
        site.record(
            Exchange(
                at=now,
                incoming=True,
                connection=peer.connection,
                module="bench",
                method="POST",
                url=request.get_full_path(),
                request_id=str(uuid.uuid4()),
                correlation_id=str(uuid.uuid4()),
                request_body=body,
                response_body=b"{}",
                response_size=2,
                http_status=200,
                ocpi_status=1000,
                elapsed_ms=(time.perf_counter() - started) * 1000,
            )
        )
    return HttpResponse(b"{}", content_type="application/json", headers={"Content-Length": "2"})


own_status.door = None  # type: ignore[attr-defined]  # a machine's, as the doors below /api/ and /ocpi/
