"""The verbs of commands: send, hear, receive, execute, reserve, stop waiting. Each is one transaction.

Locks: the command first, then its reservation, then the session. What comes twice finds the command moved and is written down.
"""
