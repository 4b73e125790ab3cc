"""Verbs of the console: counting logs for the start page."""
