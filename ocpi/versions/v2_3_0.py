"""OCPI 2.3.0 with Payments and Bookings: the language we speak inside, so it has no changes."""

from ocpi.versions.version import BOTH, SENDER, Version

VERSION = Version(
    number="2.3.0",
    newer=None,
    modules={
        "bookings": BOTH,
        "cdrs": BOTH,
        "chargingprofiles": BOTH,
        "commands": BOTH,
        "credentials": (SENDER,),  # one door for both; its role is disregarded (T-145)
        "hubclientinfo": BOTH,
        "locations": BOTH,
        "payments": BOTH,
        "sessions": BOTH,
        "tariffs": BOTH,
        "tokens": BOTH,
    },
    commands=frozenset({"CANCEL_RESERVATION", "RESERVE_NOW", "START_SESSION", "STOP_SESSION", "UNLOCK_CONNECTOR"}),
)
