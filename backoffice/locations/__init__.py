"""Charging locations, ours and our partners': Location, EVSE with its connectors, statuses, what whom is shown.

Hardware (charge_points) and prices (tariffs) must not enter; delivery is told what changed and does the rest.
"""
