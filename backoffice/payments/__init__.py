"""Card payments (`mod_payments`): the terminals of a payment terminal provider (PTP) at a CPO's charge points, what it captured
from cards, and what both sides make of it. Whoever speaks to card networks stands behind a port and is no business of this room.
"""
