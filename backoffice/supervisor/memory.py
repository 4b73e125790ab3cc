"""How the platform's processes treat memory: two settings for the whole process, each with what it saves (docs/decisions)."""

import ctypes
import gc

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


def keep_freed_memory() -> None:
    """Keep what a request took and gave back. A list page takes some megabytes; glibc would return them to the system each
    time and fetch them anew, page fault by page fault: 40 % of the page's processor time. A thread keeps at most what its
    largest answer took."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc alone has it
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 16 << 20)
        mallopt(_M_TRIM_THRESHOLD, 32 << 20)


def spare_the_collector() -> None:
    """Leave what was loaded until now out of every garbage collection, and collect less often: call it when all is loaded,
    before forks. Documents hold no cycles, so going through them and all of Django's classes again and again, a third of
    the processor time of a pull, found nothing."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
