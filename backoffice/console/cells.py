"""What a list or a page shows in one place: a time, an id, a state, a JSON document. HTML by `format_html` only.

A state is never told by colour alone: icon, text and colour go together. Times read "5 min ago" and carry the UTC time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from django.utils.html import format_html
from django.utils.safestring import SafeString

from backoffice.roaming_site import site

NOTHING = "–"

WORDS = {
    "OUTOFORDER": "Out of order",
    "EVSE_OCCUPIED": "EVSE occupied",
    "EVSE_INOPERATIVE": "EVSE inoperative",
    "RFID": "RFID",
    "EMAID": "EMAID",
}
"""Where the specification's spelling is no word."""

Tone = tuple[str, str]
"""A tone (good, busy, warn, bad, off) and the name of an icon (Material Symbols)."""

TONES: Mapping[str, Tone] = {
    # EVSE status (mod_locations#status)
    "AVAILABLE": ("good", "check_circle"),
    "CHARGING": ("busy", "bolt"),
    "RESERVED": ("busy", "event"),
    "BLOCKED": ("warn", "block"),
    "INOPERATIVE": ("bad", "build"),
    "OUTOFORDER": ("bad", "error"),
    "PLANNED": ("off", "schedule"),
    "REMOVED": ("off", "delete"),
    "UNKNOWN": ("warn", "help"),
    # connections
    "ACTIVE": ("good", "check_circle"),
    "INVITED": ("busy", "outgoing_mail"),
    "REGISTERING": ("busy", "sync"),
    "PAUSED": ("warn", "pause_circle"),
    "SUSPENDED": ("bad", "error"),
    "AWAITING_APPROVAL": ("warn", "hourglass_top"),
    # CDRs
    "HELD": ("warn", "front_hand"),
    "RELEASED": ("busy", "outgoing_mail"),
    "ACKNOWLEDGED": ("good", "check_circle"),
    "REPLACED": ("off", "swap_horiz"),
    "WAITING": ("busy", "hourglass_top"),
    "AGREED": ("good", "check_circle"),
    "ACCEPTED": ("good", "handshake"),
    "DIFFERS": ("bad", "difference"),
    "NOT_PRICED": ("warn", "help"),
    "OPEN_ALARM": ("bad", "notification_important"),
    "CLOSED": ("off", "task_alt"),
    # messages, pulls
    "DUE": ("busy", "schedule_send"),
    "DONE": ("good", "check_circle"),
    "REFUSED": ("bad", "error"),
    "DROPPED": ("off", "do_not_disturb_on"),
    "RUNNING": ("busy", "sync"),
    "FAILED": ("bad", "error"),
}


def since(moment: datetime | None, *, now: datetime | None = None) -> SafeString | str:
    """How long ago (or until), with the absolute time in UTC on hover."""
    if moment is None:
        return NOTHING
    seconds = ((now or site.now()) - moment).total_seconds()
    absolute = f"{moment:%Y-%m-%d %H:%M:%S} UTC"
    words = f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"
    return format_html('<time class="rd-time" datetime="{}" title="{}">{}</time>', moment.isoformat(), absolute, words)


def span(seconds: float) -> str:
    """A length of time in the one unit that matters."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(max(seconds, 0))} s"


def lasting(seconds: float) -> str:
    """How long something took, as people say it: a charge of 118 seconds is no charge of one minute."""
    whole = int(max(seconds, 0))
    days, hours, minutes, rest = whole // 86_400, whole // 3_600 % 24, whole // 60 % 60, whole % 60
    if whole >= 86_400:
        parts = ((days, "d"), (hours, "h"))
    elif whole >= 3_600:
        parts = ((hours, "h"), (minutes, "min"))
    elif whole >= 600:
        parts = ((minutes, "min"), (0, "s"))
    else:
        parts = ((minutes, "min"), (rest, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def masked(uid: str) -> str:
    """The end of a card's id, by which support and driver can agree which card they mean. Lists show no more of it to anybody."""
    return f"…{uid[-4:]}" if len(uid) > 6 else f"…{uid[-1:]}"


def copyable(text: str | None) -> SafeString | str:
    """An id with a button that copies it."""
    if not text:
        return NOTHING
    return format_html(
        '<span class="rd-copy"><code>{0}</code><button type="button" data-copy="{0}" aria-label="Copy {0}">'
        '<span class="material-symbols-outlined" aria-hidden="true">content_copy</span></button></span>',
        text,
    )


def state(value: str, *, tone: Tone | None = None, text: str | None = None) -> SafeString | str:
    """A state by icon, text and colour; an unknown value is shown as it is."""
    if not value:
        return NOTHING
    kind, icon = tone or TONES.get(value, ("off", "circle"))
    return format_html(
        '<span class="rd-state rd-{}"><span class="material-symbols-outlined" aria-hidden="true">{}</span>{}</span>',
        kind,
        icon,
        text or word(value),
    )


def two(first: object, second: object) -> SafeString:
    """What one looks for, and below it, quieter, what it is told apart by."""
    return format_html('<span>{}<br><span class="rd-quiet">{}</span></span>', first, second)


def word(value: str) -> str:
    """A value of an enum as a word."""
    return WORDS.get(value) or value.replace("_", " ").capitalize()


def pretty(document: Any) -> str:
    """JSON for reading: a tree or its text, indented, numbers with the digits that they have."""
    from ocpi.wire import json as wire_json

    if isinstance(document, (str, bytes)):
        try:
            document = wire_json.parse(document.encode() if isinstance(document, str) else document)
        except ValueError:
            return document if isinstance(document, str) else document.decode(errors="replace")
    return orjson.dumps(document, default=_exact, option=orjson.OPT_INDENT_2).decode()


def _exact(value: object) -> object:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} has no JSON form")


def json_panel(document: Any, *, title: str = "JSON", opened: bool = False) -> SafeString:
    """A foldable, read-only JSON document with a copy button."""
    text = pretty(document)
    return format_html(
        '<details class="rd-json"{}><summary>{}</summary><button type="button" data-copy="{}">Copy</button>'
        '<pre tabindex="0" aria-label="{}"><code>{}</code></pre></details>',
        " open" if opened else "",
        title,
        text,
        title,
        text,
    )
