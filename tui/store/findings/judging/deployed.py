"""FAILING after a deploy: the first runs of a new version fail, and those of the version before did not.

A deploy is a likely cause, and the streak may begin with the version's first run only. So four failures of four are
enough, where eight are needed on other days.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice
from math import log
from typing import Final

from tui.domain.ids import TaskId
from tui.domain.text import Raw
from tui.store.findings.counted_run import Outcome
from tui.store.findings.judging.evidence import divergence
from tui.store.findings.judging.outcomes import Block, is_acknowledged
from tui.store.findings.judging.streak import Streak, is_over
from tui.store.findings.own_counts import OwnCounts, minute_of
from tui.store.findings.tallies import TaskTally

MIN_FAILURES: Final = 4
BEFORE_RATE: Final = 0.1
"""The version before failed less often than this."""

EVIDENCE: Final = MIN_FAILURES * log(1 / BEFORE_RATE)
"""The failures speak as strongly against that rate as four of four do."""

BEFORE_RUNS: Final = 50
MIN_BEFORE_RUNS: Final = 20
"""The last runs of the version before, and how few these may be."""

MAX_RUNS: Final = 50
"""A version with more runs is judged as on other days."""

TOGETHER_S: Final = 1.0
CHILDREN_TOGETHER_S: Final = 10.0
"""Runs that were created together, as in a batch, or by one parent, fail together: they count once."""


def deployed_streak(own: OwnCounts, task: TaskId, now: datetime, acknowledged: Collection[Raw] = ()) -> Streak | None:
    """Return the streak of failures of a task's newest version, None if they may be chance, or are over."""
    tally = own.tasks.get(task)
    version = None if tally is None else _failing_version(tally)
    if tally is None or version is None:
        return None
    since, before = _by_version(_newest_first(own, task, now), version, tally.versions[version])
    if len(before) < MIN_BEFORE_RUNS or sum(each.is_failed for each in before) >= BEFORE_RATE * len(before):
        return None
    # The feed sends some runs without their version: those that are done may be the new one's.
    since = [each for each in since if not is_acknowledged(each, acknowledged) and (each.version or not each.is_failed)]
    if not _is_certain(_apart(own, [each for each in since if each.version in {version, None}])):
        return None
    # Healthy runs of a still newer version end the streak too.
    blocks = [Block(each.ended_s, int(each.is_failed), 1) for each in since if each.version != before[0].version]
    since_s = next(block.at_s for block in reversed(blocks) if block.failed)
    streak = Streak(since_s, sum(block.failed for block in blocks), len(blocks))
    return None if is_over(blocks, BEFORE_RATE, streak) else streak


def lacks_runs_before(own: OwnCounts) -> bool:
    """Return whether older runs may show that some new version fails, which the list has not read yet."""
    for tally in own.tasks.values():
        version = _failing_version(tally)
        if version is not None and tally.versions.total() - tally.versions[version] < MIN_BEFORE_RUNS:
            return True
    return False


def _failing_version(tally: TaskTally) -> Raw | None:
    """Return the version of the newest failure, if it has few runs, and enough of them failed."""
    version = tally.failures[-1].version if tally.failures else None
    if version is None or tally.versions[version] > MAX_RUNS:
        return None
    newest = islice(reversed(tally.failures), MAX_RUNS)
    return version if sum(each.version == version for each in newest) >= MIN_FAILURES else None


def _by_version(newest_first: Iterator[Outcome], version: Raw, count: int) -> tuple[list[Outcome], list[Outcome]]:
    """Return the outcomes since the first of the `count` runs of a version, and the last ones of the version before."""
    since: list[Outcome] = []
    before: list[Outcome] = []
    for each in newest_first:
        if count:
            since.append(each)
            count -= each.version == version
        elif each.version is not None and (not before or each.version == before[0].version):
            before.append(each)
            if len(before) >= BEFORE_RUNS:
                break
    return since, before


def _is_certain(oldest_first: Iterable[Block]) -> bool:
    """Return whether the failures from the first run on speak against the rate of before, at some time at least."""
    failed = ended = 0
    for block in oldest_first:
        failed, ended = failed + block.failed, ended + 1
        if failed >= MIN_FAILURES and ended * divergence(failed / ended, BEFORE_RATE) >= EVIDENCE:
            return True
    return False


def _newest_first(own: OwnCounts, task: TaskId, now: datetime) -> Iterator[Outcome]:
    """Yield the outcomes of a task until now, as far as all of them are counted."""
    last = minute_of(now) + 1
    for span in own.counted_minutes():
        if last in span:
            for minute, _ in own.ends_of(task, max(span.start, own.first_minute), last):
                yield from reversed(own.outcomes(task, minute))


def _apart(own: OwnCounts, outcomes: list[Outcome]) -> list[Block]:
    """Return a block for each group of runs that were created together, oldest first. It failed if all of them did."""
    groups: list[list[Outcome]] = []
    last_s = float("-inf")
    for created_s, together_s, each in sorted((*_created(own, each), each) for each in outcomes):
        if groups and created_s - last_s < together_s:
            groups[-1].append(each)
        else:
            groups.append([each])
        last_s = created_s
    blocks = [Block(min(group).ended_s, int(all(each.is_failed for each in group)), 1) for group in groups]
    return sorted(blocks)


def _created(own: OwnCounts, outcome: Outcome) -> tuple[float, float]:
    """Return when a run was created, and for how long after another one it counts as created together."""
    run = own.run(outcome.run_id)
    created_at = None if run is None else run.created_at
    created_s = outcome.ended_s if created_at is None else created_at.timestamp()
    return created_s, CHILDREN_TOGETHER_S if run is not None and run.fixed.depth else TOGETHER_S
