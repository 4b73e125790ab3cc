"""The staff door of card payments: terminals, with what they serve on a list and a map; and the money."""

from backoffice.payments.admin import money, terminals

__all__ = ["money", "terminals"]
