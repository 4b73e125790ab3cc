"""What a list or a page shows of one session: figures as people read them, and whether they are of now."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from backoffice.console.cells import lasting, masked
from backoffice.sessions.models import Session
from backoffice.sessions.rules.watching import SILENT_AFTER
from backoffice.tariffs.rules.exact import exponent
from ocpi.wire.sessions import SessionStatus

TONES = {
    "ACTIVE": ("busy", "bolt"),
    "PENDING": ("warn", "hourglass_top"),
    "RESERVATION": ("busy", "event"),
    "COMPLETED": ("good", "check_circle"),
    "INVALID": ("off", "do_not_disturb_on"),
}


def number(value: Decimal | None, places: int = 2) -> str:
    return "–" if value is None or abs(value) > Decimal(10) ** 15 else f"{value:.{places}f}"


def money(value: Decimal | None, currency: str) -> str:
    return "–" if value is None else f"{number(value, exponent(currency))} {currency}"


class Row:
    """A session beside the moment at which it is shown. Frozen: it goes on, but nothing was heard of it lately, so that what it
    told last must not look like now."""

    def __init__(self, session: Session, now: datetime) -> None:
        self.session = session
        self.now = now
        self.tone = TONES.get(session.status, ("off", "circle"))
        self.active = session.status == SessionStatus.ACTIVE.value
        self.frozen = self.active and now - session.moved_at >= SILENT_AFTER
        self.driver = masked(session.token_uid)
        self.who, self.direction = _between(session)

    @property
    def duration(self) -> str:
        session = self.session
        until = session.ends_at or (self.now if self.active else session.starts_at)
        seconds = (until - session.starts_at).total_seconds()
        return lasting(seconds) if 0 <= seconds < 10**9 else "–"

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


def _between(session: Session) -> tuple[str, str]:
    """Whose driver charges where, in words and with an arrow to whom we are not."""
    if not session.ours:
        return "Our driver at their charge point", f"→ {session.party}"
    if session.emsp.ours:
        return "Our driver at our charge point", "ours"
    return "Their driver at our charge point", f"{session.emsp} →"


def rows(found: list[Session], now: datetime) -> list[Row]:
    return [Row(session, now) for session in found]
