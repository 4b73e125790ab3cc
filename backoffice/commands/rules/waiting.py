"""How long a command may take, on either side."""

from __future__ import annotations

from datetime import datetime, timedelta

TIMEOUT_SECONDS = 60
"""What we tell an eMSP to wait for the result. The cable may not be in yet."""

ANSWER_WITHIN = timedelta(seconds=TIMEOUT_SECONDS - 5)
"""How long our charge point has. Its TIMEOUT must reach the eMSP before that one gives up by itself."""

SEND_WITHIN = timedelta(seconds=15)
"""How long a request of ours may wait to be sent: whoever asked stands before a charge point."""

LONGEST = timedelta(minutes=10)
"""A partner's timeout beyond this is not waited for: nobody does."""

GRACE = timedelta(seconds=5)
"""A result that a partner sent in the last moment of its own time-out takes as long to arrive."""

DELIVER_WITHIN = timedelta(minutes=2)
"""How long we try to deliver a result; nobody waits for it any longer."""

GIVEN_UP_AFTER = timedelta(seconds=15)
"""After the deadline of an order of which nobody has told us how it ended, we end the command."""


def deadline_of(answered_at: datetime, timeout: int) -> datetime:
    """Until when a result is waited for, once the partner has said how long it takes."""
    return answered_at + min(timedelta(seconds=min(max(timeout, 1), 86_400)), LONGEST) + GRACE
