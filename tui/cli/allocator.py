"""Keeps the memory of a process that runs for days small: the C library gives large blocks back to the system.

glibc raises its threshold for such blocks each time it frees one. After some large responses it takes them from the
heap, which then has holes. It also keeps a heap for each thread.
"""

from typing import Final

LARGE_BLOCK_BYTES: Final = 128 * 1024
"""glibc's first threshold. Larger blocks are pages of their own."""

HEAPS: Final = 1

# The names of `malloc.h`.
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8


def return_large_blocks() -> None:
    """Fix glibc's thresholds and let all threads share a heap. Call it before the first thread starts.

    Other C libraries have no such settings, and stay as they are.
    """
    try:
        import ctypes

        mallopt = ctypes.CDLL(None).mallopt
    except (ImportError, AttributeError, OSError, TypeError):
        return
    mallopt(_M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
    mallopt(_M_ARENA_MAX, HEAPS)
