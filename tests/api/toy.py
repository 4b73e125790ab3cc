"""An API of two routes that keep a list of notes, and one that asks somebody else: to try the frame without any hardware."""

from __future__ import annotations

import threading

from django.urls import path
from pydantic import Field

from backoffice.api.models import WebhookEndpoint
from backoffice.api.rules import Kind
from backoffice.api.serving import routes
from backoffice.api.serving.problems import Problem
from backoffice.api.serving.routes import Api, Ask, Repeats, Route, Told
from backoffice.api.serving.site import ApiSite
from backoffice.urls import handler400, handler404, handler500  # noqa: F401 - Django looks for them here
from ocpi.wire.base import Many, Number, String50, Wire


class Note(Wire):
    text: String50
    price: Number | None = None
    words: Many[String50] = Field(default_factory=list)


ASKED: list[str] = []
GATE = threading.Event()


def _note(ask: Ask) -> Told:
    """Keep a note."""
    WebhookEndpoint.objects.create(
        application_id=ask.caller.application,
        url=f"https://notes.example/{ask.value.text}-{WebhookEndpoint.objects.count()}",
        secret="-",
        created_at=ask.now,
    )
    if ask.value.text == "refused":
        raise Problem("conflict", "No such note is kept.")
    if ask.value.text == "broken":
        raise RuntimeError("a bug")
    return Told({"kept": ask.value.text})


def _notes(ask: Ask) -> Told:
    """The notes that are kept."""
    first = routes.after(ask)
    rows = list(
        WebhookEndpoint.objects.filter(application_id=ask.caller.application, pk__gt=first).order_by("pk")[
            : ask.query["limit"] + 1
        ]
    )
    more = len(rows) > ask.query["limit"]
    rows = rows[: ask.query["limit"]]
    return Told(routes.page([{"text": row.url} for row in rows], rows[-1].pk if more else None))


def _slow(ask: Ask) -> Told:
    """Ask somebody."""
    ASKED.append(ask.value.text)
    assert GATE.wait(60)
    if ask.value.text == "refused":
        raise Problem("conflict", "They said no.")
    return Told({"asked": len(ASKED)})


def _one(ask: Ask) -> Told:
    """One note."""
    if not WebhookEndpoint.objects.filter(application_id=ask.caller.application, url=ask.segments["name"]).exists():
        raise Problem("not_found")
    return Told({"text": ask.segments["name"]})


TOY = Api(
    "toy/v1",
    Kind.STATION_SYSTEM,
    "Toy API",
    "For tests.",
    {"notes:read": "Read notes", "notes:write": "Write notes"},
    (
        Route("GET", "/notes", "notes:read", _notes, answers=Note, many=True, query=routes.PAGING),
        Route("POST", "/notes", "notes:write", _note, Note, Note, repeats=Repeats.MAY, status=201, max_body=2000),
        Route("POST", "/slow", "notes:write", _slow, Note, Note, repeats=Repeats.MUST, asks_others=True),
        Route("GET", "/notes/{name}", "notes:read", _one, answers=Note),
    ),
)
toys = ApiSite()
toys.register(TOY)
urlpatterns = [path("api/", toys.urls)]
