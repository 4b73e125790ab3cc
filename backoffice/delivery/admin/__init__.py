"""The staff's door to what travels: the message log, the outbox, the pulls."""

from backoffice.delivery.admin import exchanges, outbox, pulls

__all__ = ["exchanges", "outbox", "pulls"]
