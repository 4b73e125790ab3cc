"""Runs a whole platform under one command: ``manage.py up``.

Here live the data directory, the embedded PostgreSQL and Valkey, the processes of a platform and their order, the
health and metrics pages, and backup and restore. No business rule enters this room.
"""
