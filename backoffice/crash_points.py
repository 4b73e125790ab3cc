"""Places at which a process can be made to die, to prove that dying there loses nothing and repeats nothing.

Off unless `ROAMDESK_CRASH_AT` names one (`name` or `name:3` for the third time it is reached): then the process ends at once, as
by `kill -9`, without a word to anybody. tests/chaos visits each of them.
"""

from __future__ import annotations

import os
from collections import Counter

_WHERE, _, _TIMES = os.environ.get("ROAMDESK_CRASH_AT", "").partition(":")
_reached: Counter[str] = Counter()

POINTS = frozenset(
    {
        "card-claimed-before-ask",
        "card-asked-before-settled",
        "card-settled-before-commit",
        "card-start-before-commit",
        "booking-taken-before-commit",
        "command-queued-before-commit",
        "command-taken-before-commit",
        "command-settled-before-commit",
        "command-heard-before-commit",
        "cdr-before-commit",
        "cdr-after-commit",
        "cdr-after-store-before-answer",
        "errand-claimed-before-send",
        "errand-sent-before-mark",
        "errand-told-before-commit",
        "errand-marked",
        "push-before-send",
        "push-after-send-before-mark",
        "push-after-acknowledged-before-done",
        "webhook-before-send",
        "webhook-after-send-before-mark",
    }
)


def crash_point(name: str) -> None:
    assert name in POINTS
    if _WHERE and name == _WHERE:
        _reached[name] += 1
        if _reached[name] == int(_TIMES or 1):
            os._exit(137)
