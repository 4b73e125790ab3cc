"""The verbs of card payments. Each is one transaction.

Locks: the terminal first, then its activation; the advice after what it belongs to.
"""
