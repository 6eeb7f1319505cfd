"""How often a task usually fails, by its runs before the present streak, where the server has no counts of 7 days.

Failures of the streak itself must not become usual while it lasts: they would end its finding. So the runs are split
where their failure rate rose, if it rose. The split maximises a cumulative sum, and a likelihood ratio confirms it.
"""

from collections.abc import Sequence
from math import log
from typing import Final

from tui.store.findings.judging.evidence import divergence
from tui.store.findings.judging.outcomes import Block

RISE: Final = log(20)
"""So much more likely two failure rates must be than one. It is no alarm, only a choice of what to compare with: the
streak itself is judged far more strictly."""


def before_streak(recent: Block, earlier: Sequence[Block]) -> tuple[int, int]:
    """Return how many of the earlier runs failed, and how many ended, before the failure rate rose.

    `earlier` is newest first. If the rate did not rise within it, all of it is before.
    """
    all_failed = sum(block.failed for block in earlier)
    all_ended = sum(block.ended for block in earlier)
    if not all_failed:
        return 0, all_ended
    failed, ended = recent.failed, recent.ended
    rate = (all_failed + failed) / (all_ended + ended)
    highest = failed - rate * ended
    begin = failed, ended
    for block in earlier:
        failed += block.failed
        ended += block.ended
        height = failed - rate * ended
        if height > highest:
            highest, begin = height, (failed, ended)
    streak_failed, streak_ended = begin
    before_failed, before_ended = all_failed + recent.failed - streak_failed, all_ended + recent.ended - streak_ended
    if highest <= 0 or not before_ended or not streak_ended:
        return all_failed, all_ended
    likelihood = before_ended * divergence(before_failed / before_ended, rate)
    likelihood += streak_ended * divergence(streak_failed / streak_ended, rate)
    return (before_failed, before_ended) if likelihood >= RISE else (all_failed, all_ended)
