"""Large blocks return to the system, also after larger ones were freed."""

import ctypes
import subprocess
import sys

import pytest

MAPPED_BLOCKS = """
# Field 3 of `mallinfo2` counts the blocks that are mapped.
import ctypes
from tui.program.early import LARGE_BLOCK_BYTES, return_large_blocks

class Usage(ctypes.Structure):
    _fields_ = [(f"field_{number}", ctypes.c_size_t) for number in range(10)]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Usage
return_large_blocks()
bytes(16 * LARGE_BLOCK_BYTES)
before = libc.mallinfo2().field_3
kept = bytes(2 * LARGE_BLOCK_BYTES)
print(libc.mallinfo2().field_3 - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="this C library is not a recent glibc")
def test_large_block_is_mapped_after_a_larger_one_was_freed() -> None:
    command = [sys.executable, "-c", MAPPED_BLOCKS]
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=100).stdout == "1\n"
