"""The verbs of this room. `connections`: what staff decide. `discovery`: what a partner offers. `handshake`: credentials.

Lock order: Connection, then its tokens, then Party and PartyRole rows by id.
"""
