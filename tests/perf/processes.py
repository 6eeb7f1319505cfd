"""CPU time and memory of a process and all processes below it, read from the kernel. Linux only."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


def tree(pid: int) -> list[int]:
    """Return the process and all living processes below it."""
    found, to_read = [], [pid]
    while to_read:
        each = to_read.pop()
        with suppress(OSError):  # it has ended
            tasks = list(Path(f"/proc/{each}/task").iterdir())
            found.append(each)
            for task in tasks:
                to_read += map(int, (task / "children").read_text(encoding="ascii").split())
    return found


def cpu_s(pid: int) -> float:
    """Return the user and system seconds of the tree, of ended processes too."""
    return sum(map(_cpu_of_one_s, tree(pid)))


def rss_bytes(pid: int) -> int:
    """Return the resident memory of the tree. Pages that processes share count once for each."""
    total = 0
    for each in tree(pid):
        with suppress(OSError):
            total += int(Path(f"/proc/{each}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    return total


def _cpu_of_one_s(pid: int) -> float:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        of_ended_s = (int(fields[13]) + int(fields[14])) / _TICKS_PER_S
        # The kernel's CPU clock of another process, in nanoseconds (clock_getcpuclockid(3)); the fields have ticks.
        return time.clock_gettime((~pid << 3) | 2) + of_ended_s
    return 0.0
