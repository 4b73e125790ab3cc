"""The verbs of this room. `storing`: whole locations, many at once. `arriving`: what partners push. `changing`: what we do to
our own.

Lock order: Location rows by id, then Evse rows by id.
"""
