"""FAILING: tasks that fail more than they do on other days.

The bound of a task is twice its normal failure rate, or the rate and 2 % if that is more. The normal is, in this order:
the same hour of the last 7 days if it has 20 runs; the task's own runs before the streak, as far as the store has them,
if these are 20; otherwise one run in ten. Own runs make the bound stricter than the fixed one, never laxer: of a task
that has always failed more than a fifth of its runs, only the last 7 days can say that this is usual. The task fails if
the lower confidence bound of a recent streak is above (`streak`).
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain
from typing import Final

from tui.domain.findings.facts import TaskNormal, WallFacts
from tui.domain.findings.finding import Finding, FindingSubject, FindingWord, SubjectKind, TaskFails
from tui.domain.ids import TaskId
from tui.domain.text import Raw
from tui.store.findings.acknowledged import acknowledged_messages, has_only_acknowledged
from tui.store.findings.bounds import MIN_NORMAL_RUNS, normals_by_task
from tui.store.findings.counted_run import MINUTE_S
from tui.store.findings.judging.outcomes import (
    MIN_RECENT_RUNS,
    RARE_WINDOW_S,
    WINDOW_S,
    Block,
    earlier_blocks,
    recent_blocks,
    server_minutes,
    with_rare_runs,
)
from tui.store.findings.judging.own_normal import before_streak
from tui.store.findings.judging.streak import MIN_FAILURES, Streak, extended, may_be_certain, present_streak
from tui.store.findings.own_counts import OwnCounts, minute_of
from tui.store.findings.tallies import TaskTally

TIMES_NORMAL: Final = 2.0
MIN_OVER_NORMAL: Final = 0.02
"""A failure rate below twice the normal, or within 2 % of it, is no news."""

FIXED_NORMAL: Final = 0.1
"""The normal of a task without 20 earlier runs."""

FIXED_BOUND: Final = FIXED_NORMAL * TIMES_NORMAL
"""The bound of a task without 20 earlier runs, and the highest bound that own runs make."""

CLOCK_AHEAD_S: Final = 5.0
"""An end may be so far after the estimate of the server's time."""


class FailureJudge:
    """Judges all tasks at one moment."""

    def __init__(self, facts: WallFacts, own: OwnCounts, now: datetime) -> None:
        self._facts, self._own, self._now = facts, own, now
        self._now_s = now.timestamp()
        self._since_s = self._now_s - WINDOW_S
        self._counted_since = own.counted_since
        self._normals = normals_by_task(facts)
        self._acknowledged = acknowledged_messages(facts.errors, now)
        counted_s = self._now_s if self._counted_since is None else self._counted_since.timestamp()
        self._own_since_s = max(counted_s, self._since_s)
        self._rare_since_s = self._now_s - RARE_WINDOW_S
        needs_server = counted_s > self._rare_since_s
        # The hour before shows how long a streak has lasted where the store does not.
        self._server = server_minutes(facts.minutes if needs_server else None, counted_s)

    def findings(self) -> list[Finding]:
        """Return the tasks that fail, in no particular order."""
        found = (self._judge(task, count) for task, count in self._failures().items() if count >= MIN_FAILURES)
        return [each for each in found if each is not None]

    def _failures(self) -> dict[TaskId, int]:
        """Return the most failures of each task that can count: those of two hours where few of its runs are recent."""
        counts = {}
        for task, each in self._own.tasks.items():
            is_rare = len(each.recent) < MIN_RECENT_RUNS
            if each.failures and (each.recent_failed or is_rare):
                since_s = self._rare_since_s if is_rare else self._own_since_s
                counts[task] = len(each.failures) - each.failures.bisect_left((since_s,))
        for task, failed in self._server.failures(self._rare_since_s):
            counts[task] = counts.get(task, 0) + failed
        return counts

    def is_judged_by_own_counts(self) -> bool:
        """Return whether some task that ended runs of late has no normal."""
        return any(each.recent and not _has_normal(self._normals.get(task)) for task, each in self._own.tasks.items())

    def _judge(self, task: TaskId, failed: int) -> Finding | None:
        tally = self._own.tasks.get(task)
        normal = self._normals.get(task)
        usual = (normal.failed, normal.runs) if normal is not None and _has_normal(normal) else None
        # The runs before the streak are counted only if they could matter.
        if not may_be_certain(failed, MIN_OVER_NORMAL if usual is None else _bound(*usual)):
            return None
        if has_only_acknowledged(self._facts.errors, task, self._now):
            return None
        server, acknowledged = self._server.blocks(task), self._acknowledged.get(task, ())
        blocks = recent_blocks(
            () if tally is None else tally.recent.values(),
            [each for each in server if each.at_s >= self._since_s],
            acknowledged,
            self._own_since_s,
            self._now_s + CLOCK_AHEAD_S,
        )
        own_older: Iterable[Block] = earlier_blocks(self._own, task, self._since_s, self._counted_since)
        if usual is None and tally is not None:
            own_older = list(own_older)
            usual = self._own_earlier(tally, blocks, own_older)
        bound = FIXED_BOUND if usual is None else _bound(*usual)
        older = chain(own_older, [each for each in server if each.at_s < self._since_s])
        if not acknowledged:  # of earlier minutes only the numbers are known
            blocks = with_rare_runs(blocks, older, self._rare_since_s)
        streak = present_streak(blocks, bound, self._now_s)
        if streak is None:
            return None
        if streak.is_open:
            streak = extended(streak, older, bound)
        return _finding(task, tally, streak, None if usual is None else usual[0] / usual[1])

    def _own_earlier(self, tally: TaskTally, recent: list[Block], older: list[Block]) -> tuple[int, int] | None:
        """Return how many own runs before the streak failed, and how many ended.

        None if these are too few, or failed too often to be called usual.
        """
        if self._counted_since is None:
            return None
        failed, ended = sum(each.failed for each in recent), sum(each.ended for each in recent)
        earlier = 0, max(0, tally.versions.total() - ended)
        if tally.failures.bisect_left((self._since_s,)):
            earlier = before_streak(Block(self._since_s, failed, ended), older)
        is_usual = earlier[1] >= MIN_NORMAL_RUNS and _bound(*earlier) <= FIXED_BOUND
        return earlier if is_usual else None


def _has_normal(normal: TaskNormal | None) -> bool:
    return normal is not None and normal.runs >= MIN_NORMAL_RUNS


def _bound(failed: int, runs: int) -> float:
    """Return the failure rate above which a task fails that usually fails as often as these runs did.

    One more run counts as failed and one more as done: 0 of 20 does not mean never.
    """
    rate = (failed + 1) / (runs + 2)
    return max(rate * TIMES_NORMAL, rate + MIN_OVER_NORMAL)


def _finding(task: TaskId, tally: TaskTally | None, streak: Streak, normal_rate: float | None) -> Finding:
    since_s = _first_failure_s(tally, streak)
    return Finding(
        FindingWord.FAILING,
        FindingSubject(SubjectKind.TASK, task, Raw(task)),
        datetime.fromtimestamp(since_s, UTC),
        TaskFails(
            streak.failed,
            streak.ended - _healthy_between(tally, streak.since_s, since_s),
            _only_version(tally, since_s),
            normal_rate,
        ),
        f"task:{task} status:failures",
        task=task,
    )


def _first_failure_s(tally: TaskTally | None, streak: Streak) -> float:
    """Return when the first run of the streak failed: a minute has begun up to a minute before."""
    if tally is None:
        return streak.since_s
    index = tally.failures.bisect_left((streak.since_s,))
    if index >= len(tally.failures) or tally.failures[index].ended_s >= streak.since_s + 60:
        return streak.since_s
    return float(tally.failures[index].ended_s)


def _healthy_between(tally: TaskTally | None, first_s: float, end_s: float) -> int:
    """Return how many recent runs did not fail from one time until before another."""
    if tally is None or first_s >= end_s:
        return 0
    return sum(first_s <= each.ended_s < end_s and not each.is_failed for each in tally.recent.values())


def _only_version(tally: TaskTally | None, since_s: float) -> Raw | None:
    """Return the version that all failures have, if runs of other versions have ended too.

    The feed sends some runs without their version: at least half of the failures must have it.
    """
    if tally is None:
        return None
    versions = Counter[Raw | None](each.version for each in tally.failures.irange((since_s,)))
    unknown = versions.pop(None, 0)
    if len(versions) != 1 or versions.total() < unknown:
        return None
    (only,) = versions
    return only if any(version is not None and version != only for version in tally.versions) else None


def failures_since(own: OwnCounts, task: TaskId, since: datetime, now: datetime) -> tuple[int, int]:
    """Return how many runs of a task failed, and how many ended, since a time.

    An older time counts as its minute, of which only the sums are kept.
    """
    first, since_s = minute_of(since), since.timestamp()
    failed, ended = 0, -_healthy_between(own.tasks.get(task), float(first * MINUTE_S), since_s)
    for _, ends in own.ends_of(task, max(own.first_minute, first), minute_of(now)):
        failed += ends.failed
        ended += ends.failed + ends.done
    return failed, max(failed, ended)
