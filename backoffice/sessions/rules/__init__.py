"""Decisions about charging sessions: how they move, what a PATCH makes of them, what they cost, which of them need a look.
No database, no clock."""
