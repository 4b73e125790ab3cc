"""The staff door of sessions: who charges now, what was charged, one session with its meter, price and timeline."""

from backoffice.sessions.admin import listing, mandates

__all__ = ["listing", "mandates"]
