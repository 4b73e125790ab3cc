"""OCPI 2.1.1 against 2.2.1: one party and one role per connection, no routing headers, the token as it is.

Shapes of the branch release-2.1.1-bugfixes (markdown; its objects equal those of tag 2.1.1). Each file holds the
changes of one topic. 2.1.1 allows printable ASCII only in every string; nobody keeps to that, and we neither ask for
it nor replace letters. Ids longer than 36 characters, which 2.1.1 allows for Locations and EVSEs, are refused: cut,
they would be other ids.
"""

from ocpi.versions.v2_1_1 import commands, credentials, locations, sessions, tariffs, tokens
from ocpi.versions.version import BOTH, RECEIVER, SENDER, Version

VERSION = Version(
    number="2.1.1",
    newer="2.2.1",
    modules={
        "cdrs": BOTH,
        "commands": (RECEIVER,),  # the other side is each command's response_url
        "credentials": (SENDER,),
        "locations": BOTH,
        "sessions": BOTH,
        "tariffs": BOTH,
        "tokens": BOTH,
    },
    commands=frozenset({"RESERVE_NOW", "START_SESSION", "STOP_SESSION", "UNLOCK_CONNECTOR"}),
    base64_token=False,
    endpoint_roles=False,
    routing_headers=False,
    request_ids=False,
    several_parties=False,
    patch_has_last_updated=False,
    changes=locations.CHANGES
    + credentials.CHANGES
    + tariffs.CHANGES
    + tokens.CHANGES
    + sessions.CHANGES
    + commands.CHANGES,
)
