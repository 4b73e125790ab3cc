"""The staff door of card payments: terminals, with what they serve on a list and a map."""

from backoffice.payments.admin import terminals

__all__ = ["terminals"]
