"""Payment terminals: the list, one terminal, what it serves, and the forms by which one is asked for, made and changed."""

from backoffice.payments.admin.terminals import listing

__all__ = ["listing"]
