"""The present streak of failures of a task, if there is one: from its first failure until its newest run."""

from collections.abc import Iterable, Sequence
from math import log
from typing import Final, NamedTuple

from tui.store.findings.counted_run import MINUTE_S
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
    """`failed` of `ended` runs failed since `since_s`."""

    since_s: float
    failed: int
    ended: int

    @property
    def rate(self) -> float:
        """The share that failed."""
        return self.failed / self.ended


def may_be_certain(failed: int, rate: float) -> bool:
    """Return whether so many failures could speak against a rate at all: they do most if no other run ended."""
    return failed >= MIN_FAILURES and failed * log(1 / rate) >= EVIDENCE


def may_be_streak(minutes: Iterable[Block], rate: float) -> bool:
    """Return whether the failures may be a streak in some order of the runs of each minute."""
    failed = ended = 0
    for block in minutes:
        failed += block.failed
        of_last = ended + block.failed
        ended += block.ended
        is_possible = block.failed and failed >= MIN_FAILURES and failed > rate * of_last
        if is_possible and of_last * divergence(failed / of_last, rate) >= EVIDENCE:
            return True
    return False


def present_streak(blocks: Sequence[Block], rate: float) -> Streak | None:
    """Return the streak whose failures speak most against a rate. The blocks are newest first.

    None if no streak is certain, or if the runs after it are healthy again.
    """
    failed = ended = 0
    best: Streak | None = None
    best_evidence = EVIDENCE
    for block in blocks:
        failed += block.failed
        ended += block.ended
        if not block.failed or failed < MIN_FAILURES or failed <= rate * ended:
            continue
        found = ended * divergence(failed / ended, rate)
        if found >= best_evidence:
            best_evidence = found
            best = Streak(block.at_s, failed, ended)
    return None if best is None or is_over(blocks, rate, best) else best


def is_over(blocks: Sequence[Block], rate: float, streak: Streak) -> bool:
    """Return whether the newest runs are as healthy as usual, and would hardly be so if the streak went on."""
    failed = ended = 0
    for block in blocks:
        if block.at_s <= streak.since_s:
            return False
        if block.failed:
            # The healthy runs do not count against the streak that they may end.
            streak_rate = min((streak.failed - failed) / (streak.ended - ended), MAX_RATE)
            is_healthy = ended >= MIN_HEALTHY_RUNS and failed <= rate * ended and failed < streak_rate * ended
            is_long = blocks[0].at_s - block.at_s >= MIN_HEALTHY_S
            if is_healthy and is_long and ended * divergence(failed / ended, streak_rate) >= RECOVERY:
                return True
            if failed >= MAX_RECENT_FAILURES:
                return False
        failed += block.failed
        ended += block.ended
    return False


def since_minute(streak: Streak, minutes: Iterable[Block]) -> Streak:
    """Return the streak from the begin of its first minute: not every process knows the order within a minute."""
    since_s = streak.since_s // MINUTE_S * MINUTE_S
    shown = [each for each in minutes if each.at_s >= since_s]
    return Streak(since_s, sum(each.failed for each in shown), sum(each.ended for each in shown))


def extended(streak: Streak, minutes: Iterable[Block], rate: float) -> Streak:
    """Return the streak with the minutes before it, newest first, in which the task failed about as much.

    It begins where the likelihood ratio of a rate between the streak's and the usual one to the latter is greatest, so
    that a streak which gets worse does not begin later. Before a healthy time that is long enough to end a streak,
    nothing belongs to it.
    """
    streak_rate = min((streak.rate + rate) / 2, MAX_RATE)
    if streak_rate <= rate:
        return streak
    of_failure, of_success = log(streak_rate / rate), log((1 - streak_rate) / (1 - rate))
    found, height, highest = streak, 0.0, 0.0
    failed, ended = streak.failed, streak.ended
    for block in minutes:
        if block.at_s >= streak.since_s:
            continue
        failed += block.failed
        ended += block.ended
        height += block.failed * of_failure + (block.ended - block.failed) * of_success
        if block.failed and height > highest:
            found, highest = Streak(block.at_s, failed, ended), height
        elif height < highest - RECOVERY:
            break
    return found
