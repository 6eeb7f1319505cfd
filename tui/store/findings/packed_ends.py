"""How many runs of a task ended within a time, in one integer.

A task has counts for each minute, some 100,000 in all. The garbage collector visits every object with fields, and a key
waits meanwhile; it does not visit integers, nor dicts of nothing else. Packed counts add up as they are.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from tui.domain.ids import TaskId
from tui.store.findings.board import Cells
from tui.store.findings.counted_run import Outcome

_BITS: Final = 32
_MASK: Final = (1 << _BITS) - 1
MAX_COUNT: Final = 1 << 25
"""Of each count, so that the sum of 100 fits into its bits. A store has fewer runs; a bad server may send any."""

PackedEnds = int
EndsByTask = dict[TaskId, PackedEnds]
Parts = Sequence[Mapping[TaskId, PackedEnds]]
"""The ends within the parts of a time."""


class Ends(NamedTuple):
    """`done` and `failed` are among the ended ones; the rest was canceled or expired."""

    done: int
    failed: int
    ended: int


def packed(done: int, failed: int, ended: int) -> PackedEnds:
    """Return counts as one integer. The sum of such integers has the sums of their counts."""
    # What was done is lowest: Python has all small integers once, and most minutes have nothing else.
    return _bounded(done) + (_bounded(failed) << _BITS) + (_bounded(ended - done - failed) << 2 * _BITS)


def _bounded(count: int) -> int:
    return count if 0 <= count < MAX_COUNT else max(0, min(count, MAX_COUNT))


def unpacked(ends: PackedEnds) -> Ends:
    """Return the counts of an integer, or of a sum of them."""
    done, failed = ends & _MASK, ends >> _BITS & _MASK
    return Ends(done, failed, done + failed + (ends >> 2 * _BITS))


def failed_count(ends: PackedEnds) -> int:
    """Return how many runs failed."""
    return ends >> _BITS & _MASK


def outcome_count(ends: PackedEnds) -> int:
    """Return how many runs were done or failed."""
    return (ends & _MASK) + (ends >> _BITS & _MASK)


def done_and_failed(cells: Sequence[Parts | None], tasks: Iterable[TaskId]) -> Mapping[TaskId, tuple[Cells, Cells]]:
    """Return what was done and what failed in each cell of some tasks, None where nothing is known of a cell."""
    blank = [None if parts is None else 0 for parts in cells]
    found = {task: (blank.copy(), blank.copy()) for task in tasks}
    # In most cells few of the tasks ended a run, and only these take time.
    for cell, parts in enumerate(cells):
        for part in parts or ():
            for task in part.keys() & found.keys():
                done, failed = found[task]
                done[cell] = (done[cell] or 0) + (part[task] & _MASK)
                failed[cell] = (failed[cell] or 0) + (part[task] >> _BITS & _MASK)
    return found


_DONE: Final = packed(1, 0, 1)
_FAILED: Final = packed(0, 1, 1)
_OTHER: Final = packed(0, 0, 1)


def packed_end(outcome: Outcome | None) -> PackedEnds:
    """Return the end of one run, which was canceled or expired without an outcome."""
    if outcome is None:
        return _OTHER
    return _FAILED if outcome.is_failed else _DONE
