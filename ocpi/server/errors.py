"""What Django answers by itself before a door is reached (a Host header that is not ours, an address outside every route),
said in the envelope when a partner asked for it: HTML would break the promise that every answer carries one.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from ocpi.site import OcpiSite
from ocpi.wire import envelope
from ocpi.wire.envelope import StatusCode
from ocpi.wire.headers import X_CORRELATION_ID, X_REQUEST_ID, message_id

Handler = Callable[..., HttpResponse]


def in_envelope(status: HTTPStatus, page: Handler, *, root: str) -> Handler:
    """A Django error handler: the envelope below `root` (such as `/ocpi`), Django's `page` elsewhere."""
    code = StatusCode.SERVER_ERROR if status >= 500 else StatusCode.CLIENT_ERROR

    def handler(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.path != root and not request.path.startswith(f"{root}/"):
            return page(request, *args, **kwargs)
        body = envelope.answer(None, status_code=code, status_message=f"{status.phrase}.", now=OcpiSite.now())
        response = HttpResponse(body, status=status, content_type="application/json")
        response["Content-Length"] = str(len(body))
        for name in (X_REQUEST_ID, X_CORRELATION_ID):
            response[name] = message_id(request.headers.get(name)) or str(uuid.uuid4())
        return response

    return handler
