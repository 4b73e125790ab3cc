"""What a list or a page shows of one session: figures as people read them, and whether they are of now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from backoffice.console.cells import span
from backoffice.sessions.models import Session
from backoffice.sessions.rules.watching import SILENT_AFTER
from backoffice.tariffs.rules.exact import exponent
from ocpi.wire.sessions import SessionStatus

SEE_UID = "tokens.see_uid"

TONES = {
    "ACTIVE": ("busy", "bolt"),
    "PENDING": ("warn", "hourglass_top"),
    "RESERVATION": ("busy", "event"),
    "COMPLETED": ("good", "check_circle"),
    "INVALID": ("off", "do_not_disturb_on"),
}


def masked(uid: str, *, whole: bool) -> str:
    """The id of a card: enough to compare it with the one in a driver's hand."""
    if whole:
        return uid
    return "•" * max(len(uid) - 4, 4) + uid[-4:] if len(uid) > 4 else "••••"


def number(value: Decimal | None, places: int = 2) -> str:
    return "–" if value is None or abs(value) > Decimal(10) ** 15 else f"{value:.{places}f}"


def money(value: Decimal | None, currency: str) -> str:
    return "–" if value is None else f"{number(value, exponent(currency))} {currency}"


class Row:
    """A session beside the moment at which it is shown. Frozen: it goes on, but nothing was heard of it lately, so that what it
    told last must not look like now."""

    def __init__(self, session: Session, now: datetime, *, sees_uid: bool) -> None:
        self.session = session
        self.now = now
        self.tone = TONES.get(session.status, ("off", "circle"))
        self.active = session.status == SessionStatus.ACTIVE.value
        self.frozen = self.active and now - session.moved_at >= SILENT_AFTER
        self.driver = masked(session.token_uid, whole=sees_uid)

    @property
    def duration(self) -> str:
        session = self.session
        until = session.ends_at or (self.now if self.active else session.starts_at)
        seconds = (until - session.starts_at).total_seconds()
        return span(seconds) if 0 <= seconds < 10**9 else "–"

    @property
    def kwh(self) -> str:
        return number(self.session.kwh)

    @property
    def kw(self) -> str:
        return number(self.session.power_kw, 1) if self.active and not self.frozen else "–"

    @property
    def cost(self) -> str:
        return money(self.session.total_excl, self.session.currency)

    @property
    def our_cost(self) -> str:
        return money(self.session.our_excl, self.session.currency)

    @property
    def differs(self) -> bool:
        """Ours is not theirs, by more than half of the smallest coin."""
        theirs, ours = self.session.total_excl, self.session.our_excl
        if theirs is None or ours is None:
            return False
        return abs(theirs - ours) > Decimal(5).scaleb(-exponent(self.session.currency) - 1)


def rows(found: list[Session], now: datetime, may: Callable[[str], Any]) -> list[Row]:
    sees = bool(may(SEE_UID))
    return [Row(session, now, sees_uid=sees) for session in found]
