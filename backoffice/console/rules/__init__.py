"""Decisions of the console, without database or clock."""
