"""What a child process does about its parent's death. No more than that, for everything else here builds on it."""

import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(with_signal: signal.Signals) -> None:
    """Ask the kernel to send this process a signal when the one that started it ends, even by ``kill -9``.

    Only Linux offers this. It is lost when the process changes its user, so it comes after that.
    """
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, int(with_signal), 0, 0, 0)
