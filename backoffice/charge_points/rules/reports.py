"""What hardware may say about an EVSE, without database or clock.

Staff decide whether an EVSE is in service, hardware how it is doing: PLANNED and REMOVED are set by staff alone, and as long
as they hold, hardware is not believed (mod_locations#mod_locations_status_enum).
"""

from __future__ import annotations

from ocpi.wire.locations import Status

STAFF_ONLY = frozenset({Status.PLANNED, Status.REMOVED})


def why_refused(current: Status, reported: Status) -> str | None:
    """The sentence for a report that must not be taken; None when it may."""
    if reported in STAFF_ONLY:
        return f"Hardware cannot report {reported}: only staff set it."
    if current in STAFF_ONLY:
        return f"The EVSE is {current}: it takes no reports until staff put it into service."
    return None


def why_closed(current: Status) -> str | None:
    """The sentence for a charge that must not begin, because staff have not put the EVSE into service; None when it may."""
    if current in STAFF_ONLY:
        return f"The EVSE is {current}: nobody charges there until staff put it into service."
    return None
