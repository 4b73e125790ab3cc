"""What a child process asks of the kernel. No more than that, for everything else in this room builds on it.

Only Linux offers these; elsewhere they do nothing.
"""

import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent(with_signal: signal.Signals) -> None:
    """Send this process a signal when the one that started it ends, even by ``kill -9``.

    It is lost when the process changes its user, so it comes after that.
    """
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, int(with_signal), 0, 0, 0)


def take_name(name: str) -> None:
    """Show the part's name in lists of processes, of which forked parts would all have the same."""
    if _libc is not None:
        _libc.prctl(PR_SET_NAME, f"rd-{name}"[:15].encode(), 0, 0, 0)
