"""FAILING: tasks that fail more than they do on other days.

The bound of a task is twice its normal failure rate, or the rate and 2 % if that is more. The normal is, in this order:
the same hour of the last 7 days if it has 20 runs; the task's runs of two hours before the streak, if these are 20;
otherwise one run in ten. These runs make the bound stricter than the fixed one, never laxer: of a task that has always
failed more than a fifth of its runs, only the last 7 days can say that this is usual. The task fails if the lower
confidence bound of a recent streak is above (`streak`). After a deploy, four of four are enough (`deployed`).
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from tui.domain.findings.facts import TaskNormal, WallFacts
from tui.domain.findings.finding import Finding, FindingSubject, FindingWord, SubjectKind, TaskFails
from tui.domain.ids import TaskId
from tui.domain.text import Raw
from tui.store.filter_words import as_value
from tui.store.findings.acknowledged import acknowledged_messages, has_only_acknowledged
from tui.store.findings.bounds import MIN_NORMAL_RUNS, normals_by_task
from tui.store.findings.counted_run import MINUTE_S
from tui.store.findings.judging.deployed import deployed_streak
from tui.store.findings.judging.outcomes import Block, EndedMinutes, split_recent
from tui.store.findings.judging.own_normal import before_streak
from tui.store.findings.judging.streak import (
    Streak,
    extended,
    may_be_certain,
    may_be_streak,
    present_streak,
    since_minute,
)
from tui.store.findings.own_counts import OwnCounts
from tui.store.findings.tallies import TaskTally

TIMES_NORMAL: Final = 2.0
MIN_OVER_NORMAL: Final = 0.02
"""A failure rate below twice the normal, or within 2 % of it, is no news."""

FIXED_NORMAL: Final = 0.1
"""The normal of a task without 20 earlier runs."""

FIXED_BOUND: Final = FIXED_NORMAL * TIMES_NORMAL
"""The bound of a task without 20 earlier runs, and the highest bound that own runs make."""


class FailureJudge:
    """Judges all tasks at one moment. The findings depend on the runs alone: time only ends a finding, once."""

    def __init__(self, facts: WallFacts, own: OwnCounts, now: datetime) -> None:
        self._facts, self._own, self._now = facts, own, now
        self._normals = normals_by_task(facts)
        read = facts.normals
        self._normals_before = {} if read is None else {each.task: each for each in read.before}
        self._hour_s = 0.0 if read is None else read.hour.timestamp()
        self._acknowledged = acknowledged_messages(facts.errors, now)
        self._minutes = EndedMinutes(facts.minutes, own, now)

    def findings(self) -> list[Finding]:
        """Return the tasks that fail, in no particular order."""
        found = map(self._judge, self._minutes.failing_tasks())
        return [each for each in found if each is not None]

    def _judge(self, task: TaskId) -> Finding | None:
        either = _usual(self._normals.get(task)), _usual(self._normals_before.get(task))
        least = min(MIN_OVER_NORMAL if each is None else _bound(*each) for each in either)
        acknowledged = self._acknowledged.get(task, ())
        deployed = deployed_streak(self._own, task, self._now, acknowledged)
        # The runs are counted only if their failures could matter.
        if not (deployed or acknowledged or may_be_certain(self._minutes.most_failures(task), least)):
            return None
        recent, older = split_recent(self._minutes.of(task, acknowledged))
        is_possible = may_be_streak(recent, least)
        if not (deployed or is_possible) or not self._minutes.has_failed_lately(recent):
            return None
        if has_only_acknowledged(self._facts.errors, task, self._now):
            return None
        # By the hour of the newest run: a full hour alone must not change what is said of a quiet task.
        usual = either[recent[0].at_s < self._hour_s]
        if usual is None:
            older = list(older)
            usual = _own_earlier(recent, older)
        bound = FIXED_BOUND if usual is None else _bound(*usual)
        streak = present_streak(self._minutes.in_order(task, recent, acknowledged), bound) if is_possible else None
        minutes = [*recent, *older]
        if streak is not None:
            streak = extended(since_minute(streak, minutes), minutes, bound)
        elif deployed is not None:
            streak = since_minute(deployed, minutes)
        else:
            return None
        return self._finding(task, minutes, streak, None if usual is None else usual[0] / usual[1])

    def _finding(self, task: TaskId, minutes: list[Block], streak: Streak, normal_rate: float | None) -> Finding:
        newest_s = minutes[0].at_s
        # As the minutes follow each other, there may be one before the known ones.
        between_s = (newest_s - streak.since_s) / max(1, len(minutes) - 1)
        is_first = streak.since_s == minutes[-1].at_s
        is_older = is_first and streak.since_s - self._minutes.oldest_s(newest_s) <= max(between_s, MINUTE_S)
        return Finding(
            FindingWord.FAILING,
            FindingSubject(SubjectKind.TASK, task, Raw(task)),
            datetime.fromtimestamp(streak.since_s, UTC),
            TaskFails(
                streak.failed,
                streak.ended,
                _only_version(self._own.tasks.get(task), streak.since_s),
                normal_rate,
                datetime.fromtimestamp(newest_s, UTC) if self._minutes.is_present else None,
                is_older=is_older,
            ),
            f"task:{as_value(task)} status:failures",
            task=task,
        )


def is_judged_by_own_counts(facts: WallFacts, own: OwnCounts) -> bool:
    """Return whether some task that ended runs of late has no normal."""
    normals = normals_by_task(facts)
    return any(each.recent and not _has_normal(normals.get(task)) for task, each in own.tasks.items())


def _own_earlier(recent: Iterable[Block], older: list[Block]) -> tuple[int, int] | None:
    """Return how many runs before the streak failed, and how many ended.

    None if these are too few, or failed too often to be called usual.
    """
    failed, ended = sum(each.failed for each in recent), sum(each.ended for each in recent)
    earlier = before_streak(Block(0, failed, ended), older)
    is_usual = earlier[1] >= MIN_NORMAL_RUNS and _bound(*earlier) <= FIXED_BOUND
    return earlier if is_usual else None


def _usual(normal: TaskNormal | None) -> tuple[int, int] | None:
    """Return how many runs of the last 7 days failed and how many ended, None where these are too few."""
    return (normal.failed, normal.runs) if normal is not None and _has_normal(normal) else None


def _has_normal(normal: TaskNormal | None) -> bool:
    return normal is not None and normal.runs >= MIN_NORMAL_RUNS


def _bound(failed: int, runs: int) -> float:
    """Return the failure rate above which a task fails that usually fails as often as these runs did.

    One more run counts as failed and one more as done: 0 of 20 does not mean never.
    """
    rate = (failed + 1) / (runs + 2)
    return max(rate * TIMES_NORMAL, rate + MIN_OVER_NORMAL)


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
