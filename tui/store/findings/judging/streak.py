"""The present streak of failures of a task, if there is one: from its first failure until now."""

from collections.abc import Iterable, Sequence
from math import log
from typing import Final, NamedTuple

from tui.store.findings.judging.evidence import divergence
from tui.store.findings.judging.outcomes import Block

MIN_FAILURES: Final = 3
"""Fewer failures are chance, however few runs there are."""

ERROR: Final = 1e-5
"""The lower bound of the failure rate is one-sided with 99.999 %. Each failure may begin a streak, so that with 95 %
every twentieth would raise a finding; this way, a task that fails as usual is accused once in years."""

EVIDENCE: Final = log(1 / ERROR)

RECOVERY_ERROR: Final = ERROR
"""So improbable the healthy runs since the last failures must be if the streak went on."""

RECOVERY: Final = log(1 / RECOVERY_ERROR)
MIN_HEALTHY_S: Final = 45.0
MIN_HEALTHY_RUNS: Final = 3
MAX_RECENT_FAILURES: Final = 4
"""A recovered task may fail this often, as it does on other days."""

MAX_RATE: Final = 0.99
"""Even if all runs failed, one healthy run proves nothing."""


class Streak(NamedTuple):
    """`failed` of `ended` runs failed since `since_s`. `is_open`: it may have begun before the blocks."""

    since_s: float
    failed: int
    ended: int
    is_open: bool

    @property
    def rate(self) -> float:
        """The share that failed."""
        return self.failed / self.ended


def may_be_certain(failed: int, rate: float) -> bool:
    """Return whether so many failures could speak against a rate at all: they do most if no other run ended."""
    return failed * log(1 / rate) >= EVIDENCE


def present_streak(blocks: Sequence[Block], rate: float, now_s: float) -> Streak | None:
    """Return the streak whose failures speak most against a rate. The blocks are newest first.

    None if no streak is certain, or if the runs after it are healthy again.
    """
    failed = ended = 0
    best: Streak | None = None
    best_evidence = EVIDENCE
    for number, block in enumerate(blocks):
        failed += block.failed
        ended += block.ended
        if not block.failed or failed < MIN_FAILURES or failed <= rate * ended:
            continue
        found = ended * divergence(failed / ended, rate)
        if found >= best_evidence:
            best_evidence = found
            best = Streak(block.at_s, failed, ended, number >= len(blocks) - 2)
    return None if best is None or _is_over(blocks, rate, best, now_s) else best


def _is_over(blocks: Sequence[Block], rate: float, streak: Streak, now_s: float) -> bool:
    """Return whether the newest runs are as healthy as usual, and would hardly be so if the streak went on."""
    failed = ended = 0
    for block in blocks:
        if block.at_s <= streak.since_s:
            return False
        if block.failed:
            # The healthy runs do not count against the streak that they may end.
            streak_rate = min((streak.failed - failed) / (streak.ended - ended), MAX_RATE)
            is_healthy = ended >= MIN_HEALTHY_RUNS and failed <= rate * ended and failed < streak_rate * ended
            is_long = now_s - block.at_s >= MIN_HEALTHY_S
            if is_healthy and is_long and ended * divergence(failed / ended, streak_rate) >= RECOVERY:
                return True
            if failed >= MAX_RECENT_FAILURES:
                return False
        failed += block.failed
        ended += block.ended
    return False


def extended(streak: Streak, earlier: Iterable[Block], rate: float) -> Streak:
    """Return the streak with the earlier blocks, newest first, in which the task failed about as much.

    It begins where the likelihood ratio of the streak's rate to the usual one is greatest. Before a healthy time that
    is long enough to end a streak, nothing belongs to it.
    """
    streak_rate = min(streak.rate, MAX_RATE)
    if streak_rate <= rate:
        return streak
    of_failure, of_success = log(streak_rate / rate), log((1 - streak_rate) / (1 - rate))
    found, height, highest = streak, 0.0, 0.0
    failed, ended = streak.failed, streak.ended
    for block in earlier:
        failed += block.failed
        ended += block.ended
        height += block.failed * of_failure + (block.ended - block.failed) * of_success
        if block.failed and height > highest:
            found, highest = streak._replace(since_s=block.at_s, failed=failed, ended=ended), height
        elif height < highest - RECOVERY:
            break
    return found
