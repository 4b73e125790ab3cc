"""Decisions about commands: how one moves, what speaks against it, how long it may take. No database, no clock."""
