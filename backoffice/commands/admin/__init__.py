"""The staff door of commands: what was asked and what came of it, a form that says beforehand why it would fail, and the
reservations of our EVSEs."""

from backoffice.commands.admin import listing, reserved

__all__ = ["listing", "reserved"]
