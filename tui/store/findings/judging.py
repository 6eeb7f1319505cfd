"""`judge` finds all findings of one moment, `hold` chooses those to show, `KnownFindings` those that call the user."""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate, chain, islice
from math import inf, log
from typing import Final, NamedTuple

from tui.domain.facts import FactSource, MinutesRead, Queue, Schedule, TaskNormal, WaitToken, WallFacts
from tui.domain.filters import TASK_QUEUE_PREFIX
from tui.domain.finding import (
    NOT_KNOWN,
    ApprovalWaits,
    Evidence,
    Finding,
    FindingSubject,
    FindingWord,
    QueueWaits,
    RunHangs,
    RunOverdue,
    ScheduleMissed,
    SourceUnread,
    Standstill,
    StandstillReason,
    SubjectKind,
    TaskFails,
    TaskSlow,
    Verdict,
)
from tui.domain.run import Run, RunId, TaskId
from tui.domain.text import Raw
from tui.store.filter import as_value
from tui.store.findings import bounds, counts
from tui.store.findings.bounds import LATE_AFTER, MIN_NORMAL_RUNS, normals_by_task
from tui.store.findings.counts import MINUTE_S, Outcome, OwnCounts, PackedEnds, TaskTally, failed_count, outcome_count
from tui.store.store import unread_sources

# FAILING: the tasks that fail more than they usually do, also right after a deploy.


# Runs, and how strongly they speak against a failure rate: the Chernoff bound of a binomial tail.
#
# `evidence(rate) > log(1 / error)` holds exactly if the lower confidence bound of the failure rate, with that
# probability of an error, is above `rate`. The bound is safe for few runs too, unlike Wilson's.


class Block(NamedTuple):
    """The runs that ended from `at_s` on, in seconds since the epoch: one run, those of a minute, or a streak."""

    at_s: float
    failed: int
    ended: int

    @property
    def rate(self) -> float:
        """The share that failed."""
        return self.failed / self.ended

    def evidence(self, rate: float) -> float:
        """Return the Kullback-Leibler divergence from another failure rate, times the runs. It is infinite if that rate
        is impossible.
        """
        total = 0.0
        for observed, expected in ((self.rate, rate), (1.0 - self.rate, 1.0 - rate)):
            if observed > 0.0:
                if expected <= 0.0:
                    return inf
                total += observed * log(observed / expected)
        return self.ended * max(0.0, total)


def running(blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield the sum of the blocks as far as each of them, from which it begins."""
    return accumulate(blocks, lambda sum_, each: Block(each.at_s, sum_.failed + each.failed, sum_.ended + each.ended))


def total_of(at_s: float, blocks: Iterable[Block]) -> Block:
    """Return the sum of some blocks."""
    _, failed, ended = zip((0, 0, 0), *blocks, strict=True)
    return Block(at_s, sum(failed), sum(ended))


# The outcomes of a task's runs by whole minutes, newest first.
#
# Each minute is taken from the server's query or from our own counts, whichever has all of its runs. So two processes
# that read the same server see the same runs, even if each has read others.


WINDOW_S: Final = 600
"""Failures are judged by the ten minutes before the task's newest run: older ones say little about the task now."""

RARE_WINDOW_S: Final = 7_200
MIN_RECENT_RUNS: Final = 20
"""If fewer runs of a task ended in these ten minutes, it is judged by its last 20 runs of two hours, since it may run
only every ten minutes.
"""

MAX_AGE_S: Final = 3_300
"""A task whose last failure is older than this is not failing. The server's error groups, which say whether a failure
is acknowledged, cover an hour.
"""

MAX_UNREAD_S: Final = 240
"""The server's minutes are read each minute. If they end longer ago than this, the last run of a task is unknown."""


class EndedMinutes:
    """The minutes by which failures are judged at one moment. Minutes that neither the server's answer nor our own
    counts have completely are left out.
    """

    def __init__(self, minutes: MinutesRead | None, own: OwnCounts, now: datetime) -> None:
        cells = None if minutes is None else counts.server_cells(minutes)
        last = counts.minute_of(now + timedelta(seconds=counts.CLOCK_AHEAD_S))
        self._own = own
        self._minutes: list[tuple[int, Mapping[TaskId, PackedEnds] | None, Mapping[TaskId, PackedEnds] | None]] = []
        """The begin of each minute, newest first, with its ends by the own counts and by the server."""
        counted = own.counted_minutes()
        for minute in range(last, last - (RARE_WINDOW_S + MAX_AGE_S) // MINUTE_S - 1, -1):
            at_s = minute * MINUTE_S
            by_own = own.ends(minute) if any(minute in span for span in counted) else None
            by_server = cells.ends.get(at_s, {}) if cells is not None and cells.has_ends(at_s) else None
            if by_own is not None or by_server is not None:
                self._minutes.append((at_s, by_own, by_server))
        self._since_s = now.timestamp() - MAX_AGE_S
        self._failed_s = {} if cells is None else cells.failed_s
        known_until_s = self._minutes[0][0] + MINUTE_S if self._minutes else 0
        self.is_present = now.timestamp() - known_until_s <= MAX_UNREAD_S
        """Whether the newest run of a task can be named."""

    def failing_tasks(self) -> Iterator[TaskId]:
        """Yield the tasks that failed within `MAX_AGE_S`, in no particular order."""
        failed = [(task, each.failures[-1].ended_s) for task, each in self._own.tasks.items() if each.failures]
        yield from {task for task, at_s in (*failed, *self._failed_s.items()) if self.is_recent(_minute_s(at_s))}

    def is_recent(self, minute_s: float) -> bool:
        """Return whether a minute began within `MAX_AGE_S`."""
        return minute_s > self._since_s

    def of(self, task: TaskId, acknowledged: Collection[Raw] = ()) -> Iterator[Block]:
        """Yield the minutes of a task that count, newest first.

        Failures with one of the acknowledged messages count neither as failed nor as ended. Only our own counts know
        the messages.
        """
        ignored = self._ignored(task, acknowledged) if acknowledged else {}
        oldest_s = 0.0
        for at_s, by_own, by_server in self._minutes:
            if at_s <= oldest_s:
                return
            ends = 0 if by_own is None else by_own.get(task, 0)
            if by_server is not None and not acknowledged and (other := by_server.get(task, 0)) != ends:
                ends = max(ends, other, key=outcome_count)  # the greater count of a minute is the newer one
            if not ends or (acknowledged and by_own is None):
                continue
            ended, failed = outcome_count(ends), failed_count(ends)
            if ignored:
                failed, ended = failed - ignored.get(at_s, 0), ended - ignored.get(at_s, 0)
            if ended:
                oldest_s = oldest_s or at_s - RARE_WINDOW_S
                yield Block(at_s, failed, ended)

    def in_order(self, task: TaskId, minutes: list[Block], acknowledged: Collection[Raw] = ()) -> list[Block]:
        """Return the minutes, with a block for each run where their order can matter and our own counts know it."""
        blocks = []
        for each in minutes:
            singles: list[Block] = []
            if 0 < each.failed < each.ended or each is minutes[0]:
                singles = [
                    _block(outcome)
                    for outcome in reversed(self._own.outcomes(task, int(each.at_s // MINUTE_S)))
                    if not (acknowledged and is_acknowledged(outcome, acknowledged))
                ]
            is_same = len(singles) == each.ended and sum(single.failed for single in singles) == each.failed
            blocks += singles if is_same else [each]
        return blocks

    def oldest_s(self, newest_s: float) -> float:
        """Return when the known part of the two hours before a minute begins."""
        return max(newest_s - RARE_WINDOW_S, self._minutes[-1][0] if self._minutes else 0)

    def _ignored(self, task: TaskId, messages: Collection[Raw]) -> Counter[float]:
        tally = self._own.tasks.get(task)
        failures = () if tally is None else tally.failures
        return Counter(_minute_s(each.ended_s) for each in failures if is_acknowledged(each, messages))


def _minute_s(at_s: float) -> float:
    return at_s // MINUTE_S * MINUTE_S


def is_acknowledged(outcome: Outcome, messages: Collection[Raw]) -> bool:
    """Return whether a run failed with one of the messages, to which the server adds the type of the error."""
    message = outcome.message
    return outcome.is_failed and bool(message) and any(str(message) in each for each in messages)


def split_recent(blocks: Iterator[Block]) -> tuple[list[Block], Iterable[Block]]:
    """Return the recent minutes, with at least MIN_RECENT_RUNS runs if there are as many, and the minutes before."""
    recent, ended = list[Block](), 0
    for block in blocks:
        if recent and block.at_s <= recent[0].at_s - WINDOW_S and ended >= MIN_RECENT_RUNS:
            return recent, chain((block,), blocks)
        recent.append(block)
        ended += block.ended
    return recent, ()


# How often a task usually fails, judged by its runs before the present streak if the server has no counts of 7 days.
#
# Failures of the streak itself must not count as usual, or a long streak would end its own finding. So the runs are
# split at the time when their failure rate rose. The split maximises a cumulative sum, and a likelihood ratio confirms
# it.


RISE: Final = log(20)
"""The runs are split only if two failure rates explain them this many times better than one. This is not an alarm: it
only chooses the runs to compare with. The streak itself is judged far more strictly.
"""


def before_streak(recent: Block, earlier: Sequence[Block]) -> tuple[int, int]:
    """Return how many of the earlier runs failed, and how many ended, before the failure rate rose.

    `earlier` is newest first. If the rate did not rise within these runs, all of them count as before the rise.
    """
    everything = total_of(0, earlier)
    before = everything.failed, everything.ended
    if not everything.failed:
        return before
    rate = total_of(0, (recent, everything)).rate
    streak = max(running((recent, *earlier)), key=lambda each: each.failed - rate * each.ended)
    healthy = Block(0, before[0] + recent.failed - streak.failed, before[1] + recent.ended - streak.ended)
    if streak.failed <= rate * streak.ended or not healthy.ended:
        return before
    is_rise = healthy.evidence(rate) + streak.evidence(rate) >= RISE
    return (healthy.failed, healthy.ended) if is_rise else before


# The present streak of failures of a task, if there is one: from its first failure until its newest run.


MIN_STREAK_FAILURES: Final = 3
"""Fewer failures are taken for chance, even if the task had no other runs."""

ERROR: Final = 1e-5
"""The probability that the true failure rate is below its lower bound. Each failure may begin a streak, so with 5 %
every twentieth failure would raise a finding. With this value, a task that fails as usual is accused once in years.
"""

STREAK_EVIDENCE: Final = log(1 / ERROR)

RECOVERY: Final = STREAK_EVIDENCE
"""A streak is over once the healthy runs after it would be this improbable if it went on."""

MIN_HEALTHY_S: Final = 45.0
MIN_HEALTHY_RUNS: Final = 3
MAX_RECENT_FAILURES: Final = 4
"""A recovered task may fail this often, as it does on other days."""

MAX_RATE: Final = 0.99
"""The failure rate of a streak counts as at most this. Otherwise one healthy run would end a streak in which all runs
failed.
"""


def may_be_streak(minutes: Collection[Block], rate: float) -> bool:
    """Return whether the failures may be a streak in some order of the runs of each minute."""
    if sum(each.failed for each in minutes) < MIN_STREAK_FAILURES:
        return False
    parts = ((Block(at_s, failed, failed), Block(at_s, 0, ended - failed)) for at_s, failed, ended in minutes)
    return _best_streak(list(chain.from_iterable(parts)), rate) is not None


def present_streak(blocks: Sequence[Block], rate: float) -> Block | None:
    """Return the streak whose failures are the strongest evidence against a rate. The blocks are newest first.

    Return None if no streak is certain, or if the runs after it are healthy again.
    """
    best = _best_streak(blocks, rate)
    return None if best is None or is_over(blocks, rate, best) else best


def _best_streak(blocks: Sequence[Block], rate: float) -> Block | None:
    best, most = None, STREAK_EVIDENCE
    for block, sum_ in zip(blocks, running(blocks), strict=True):
        is_possible = block.failed and sum_.failed >= MIN_STREAK_FAILURES and sum_.failed > rate * sum_.ended
        if is_possible and (found := sum_.evidence(rate)) >= most:
            best, most = sum_, found
    return best


def is_over(blocks: Sequence[Block], rate: float, streak: Block) -> bool:
    """Return whether the newest runs are as healthy as usual, and would hardly be so if the streak went on."""
    for block, sum_ in zip(blocks, running(blocks), strict=True):
        if block.at_s <= streak.at_s:
            return False
        newer = Block(0, sum_.failed - block.failed, sum_.ended - block.ended)
        if block.failed:
            # The healthy runs do not count against the streak that they may end.
            streak_rate = min((streak.failed - newer.failed) / (streak.ended - newer.ended), MAX_RATE)
            is_enough = newer.ended >= MIN_HEALTHY_RUNS and blocks[0].at_s - block.at_s >= MIN_HEALTHY_S
            is_healthy = is_enough and newer.rate <= rate and newer.rate < streak_rate
            if is_healthy and newer.evidence(streak_rate) >= RECOVERY:
                return True
            if newer.failed >= MAX_RECENT_FAILURES:
                return False
    return False


def since_minute(streak: Block, minutes: Iterable[Block]) -> Block:
    """Return the streak from the begin of its first minute: not every process knows the order within a minute."""
    since_s = _minute_s(streak.at_s)
    return total_of(since_s, (each for each in minutes if each.at_s >= since_s))


def extended(streak: Block, minutes: Sequence[Block], rate: float) -> Block:
    """Return the streak with the minutes before it, newest first, in which the task failed about as much.

    A rate between the streak's and the usual one is compared with the usual one. The extended streak begins where that
    likelihood ratio is greatest, so a streak that gets worse does not seem to begin later. A healthy time that is long
    enough to end a streak also limits how far it is extended.
    """
    streak_rate = min((streak.rate + rate) / 2, MAX_RATE)
    if streak_rate <= rate:
        return streak
    of_failure, of_success = log(streak_rate / rate), log((1 - streak_rate) / (1 - rate))
    found, height, highest = streak, 0.0, 0.0
    for block, sum_ in zip(minutes, running(minutes), strict=True):
        if block.at_s >= streak.at_s:
            continue
        height += block.failed * of_failure + (block.ended - block.failed) * of_success
        if block.failed and height > highest:
            found, highest = sum_, height
        elif height < highest - RECOVERY:
            break
    return found


# FAILING after a deploy: the first runs of a new version fail, and those of the version before did not.
#
# A deploy is a likely cause, and such a streak can only begin with the first run of the version. So four failures of
# four runs are enough, where eight are needed without a deploy.


MIN_DEPLOY_FAILURES: Final = 4
BEFORE_RATE: Final = 0.1
"""The version before failed less often than this."""

DEPLOY_EVIDENCE: Final = MIN_DEPLOY_FAILURES * log(1 / BEFORE_RATE)
"""The failures speak as strongly against that rate as four of four do."""

BEFORE_RUNS: Final = 50
MIN_BEFORE_RUNS: Final = 20
"""The version before is judged by this many of its last runs, and must have at least as many."""

MAX_RUNS: Final = 50
"""A version with more runs is judged like any other task."""

TOGETHER_S: Final = 1.0
CHILDREN_TOGETHER_S: Final = 10.0
"""Runs that were created together, as in a batch, or by one parent, fail together: they count once."""


def deployed_streak(own: OwnCounts, task: TaskId, now: datetime, acknowledged: Collection[Raw] = ()) -> Block | None:
    """Return the streak of failures of a task's newest version, None if they may be chance, or are over."""
    tally = own.tasks.get(task)
    version = None if tally is None else _failing_version(tally)
    if tally is None or version is None:
        return None
    since, before = _by_version(_newest_first(own, task, now), version, tally.versions[version])
    if len(before) < MIN_BEFORE_RUNS or sum(each.is_failed for each in before) >= BEFORE_RATE * len(before):
        return None
    # The feed sends some runs without their version. Those that succeeded may belong to the new version.
    since = [each for each in since if not is_acknowledged(each, acknowledged) and (each.version or not each.is_failed)]
    apart = _apart(own, [each for each in since if each.version in {version, None}])
    # At some time, the runs from the first one on must be evidence enough against the rate of the version before.
    if not any(
        sum_.failed >= MIN_DEPLOY_FAILURES and sum_.evidence(BEFORE_RATE) >= DEPLOY_EVIDENCE for sum_ in running(apart)
    ):
        return None
    # Healthy runs of a still newer version end the streak too.
    blocks = [_block(each) for each in since if each.version != before[0].version]
    streak = total_of(next(block.at_s for block in reversed(blocks) if block.failed), blocks)
    return None if is_over(blocks, BEFORE_RATE, streak) else streak


def lacks_runs_before(own: OwnCounts) -> bool:
    """Return whether the list has not read older runs yet that may show that a new version fails."""
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
    return version if sum(each.version == version for each in newest) >= MIN_DEPLOY_FAILURES else None


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


def _block(outcome: Outcome) -> Block:
    return Block(outcome.ended_s, int(outcome.is_failed), 1)


def _newest_first(own: OwnCounts, task: TaskId, now: datetime) -> Iterator[Outcome]:
    """Yield the outcomes of a task until now, as far as all of them are counted."""
    last = counts.minute_of(now) + 1
    for span in own.counted_minutes():
        if last in span:
            for minute in range(last, max(span.start, own.first_minute) - 1, -1):
                if task in own.ends(minute):
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
    return sorted(Block(min(group).ended_s, int(all(each.is_failed for each in group)), 1) for group in groups)


def _created(own: OwnCounts, outcome: Outcome) -> tuple[float, float]:
    """Return when a run was created, and for how long after another one it counts as created together."""
    run = own.run(outcome.run_id)
    created_at = None if run is None else run.created_at
    created_s = outcome.ended_s if created_at is None else created_at.timestamp()
    return created_s, CHILDREN_TOGETHER_S if run is not None and run.fixed.depth else TOGETHER_S


# FAILING: tasks that fail more than they do on other days.
#
# The bound of a task is twice its normal failure rate, or the rate and 2 % if that is more. The normal is, in this
# order: the same hour of the last 7 days if it has 20 runs; the task's runs in the two hours before the streak, if
# there are 20 of them; otherwise one run in ten. Runs of the two hours can only make the bound stricter than the fixed
# one: if a task has always failed more than a fifth of its runs, only the last 7 days can show that this is usual. The
# task fails if the lower confidence bound of a recent streak is above the bound. After a deploy, four of four are
# enough.


TIMES_NORMAL: Final = 2.0
MIN_OVER_NORMAL: Final = 0.02
"""A failure rate that is at most this much above the normal is not worth a finding."""

FIXED_NORMAL: Final = 0.1
"""The normal of a task without 20 earlier runs."""

FIXED_BOUND: Final = FIXED_NORMAL * TIMES_NORMAL
"""The bound of a task without 20 earlier runs. Bounds that are made from our own counts are never higher."""


class FailureJudge:
    """Judges all tasks at one moment. The findings depend on the runs alone: time only ends a finding, once."""

    def __init__(self, facts: WallFacts, own: OwnCounts, now: datetime) -> None:
        self._facts, self._own, self._now = facts, own, now
        self._normals = normals_by_task(facts)
        read = facts.normals
        self._normals_before = {} if read is None else {each.task: each for each in read.before}
        self._hour_s = 0.0 if read is None else read.hour.timestamp()
        self._acknowledged = bounds.acknowledged_messages(facts.errors, now)
        self._minutes = EndedMinutes(facts.minutes, own, now)

    def findings(self) -> list[Finding]:
        """Return the tasks that fail, in no particular order."""
        return [each for each in map(self._judge, self._minutes.failing_tasks()) if each is not None]

    def _judge(self, task: TaskId) -> Finding | None:
        either = _usual(self._normals.get(task)), _usual(self._normals_before.get(task))
        least = min(MIN_OVER_NORMAL if each is None else _bound(*each) for each in either)
        acknowledged = self._acknowledged.get(task, ())
        deployed = deployed_streak(self._own, task, self._now, acknowledged)
        recent, older = split_recent(self._minutes.of(task, acknowledged))
        is_possible = may_be_streak(recent, least)
        if not (deployed or is_possible) or not any(
            each.failed and self._minutes.is_recent(each.at_s) for each in recent
        ):
            return None
        if bounds.has_only_acknowledged(self._facts.errors, task, self._now):
            return None
        # Take the hour of the newest run: a quiet task must not be judged differently just because a new hour began.
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

    def _finding(self, task: TaskId, minutes: list[Block], streak: Block, normal_rate: float | None) -> Finding:
        newest_s = minutes[0].at_s
        # As the minutes follow each other, there may be one before the known ones.
        between_s = (newest_s - streak.at_s) / max(1, len(minutes) - 1)
        is_first = streak.at_s == minutes[-1].at_s
        is_older = is_first and streak.at_s - self._minutes.oldest_s(newest_s) <= max(between_s, MINUTE_S)
        version = _only_version(self._own.tasks.get(task), streak.at_s)
        times = newest_s, next(each.at_s for each in minutes if each.failed)
        ended, failed = (datetime.fromtimestamp(at, UTC) if self._minutes.is_present else None for at in times)
        evidence = TaskFails(streak.failed, streak.ended, version, normal_rate, ended, is_older, failed)
        return _of_task(FindingWord.FAILING, task, datetime.fromtimestamp(streak.at_s, UTC), evidence)


def _of_task(
    word: FindingWord, task: TaskId, since: datetime, evidence: Evidence, subject: FindingSubject | None = None
) -> Finding:
    """Return a finding about a task, or about something else that belongs to it."""
    text = f"task:{as_value(task)}{' status:failed' if word is FindingWord.FAILING else ''}"
    return Finding(word, subject or FindingSubject(SubjectKind.TASK, task, Raw(task)), since, evidence, text, task=task)


def is_judged_by_own_counts(facts: WallFacts, own: OwnCounts) -> bool:
    """Return whether a task that ended runs recently has no normal."""
    normals = normals_by_task(facts)
    return any(_usual(normals.get(task)) is None and own.has_recent(task) for task in own.tasks)


def _own_earlier(recent: Iterable[Block], older: list[Block]) -> tuple[int, int] | None:
    """Return how many runs before the streak failed, and how many ended.

    Return None if there are too few of them, or if too many failed to call that usual.
    """
    earlier = before_streak(total_of(0, recent), older)
    return earlier if earlier[1] >= MIN_NORMAL_RUNS and _bound(*earlier) <= FIXED_BOUND else None


def _usual(normal: TaskNormal | None) -> tuple[int, int] | None:
    """Return how many runs of the last 7 days failed and how many ended, None where these are too few."""
    return (normal.failed, normal.runs) if normal is not None and normal.runs >= MIN_NORMAL_RUNS else None


def _bound(failed: int, runs: int) -> float:
    """Return the failure rate above which a task fails that usually fails as often as these runs did.

    One failed and one done run are added, because 0 failures in 20 runs do not mean that the task never fails.
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


# MISSING: schedules whose due time has passed without a run.
#
# A schedule is missing only if we asked the server for its runs after the due time, and it has none since. A due time
# before the program knew the schedule counts only if its newest run shows that the schedule already was as it is now,
# or if the server named that time as the next one.


MISSED_AFTER: Final = timedelta(seconds=60)
"""The time after the server should have started the run. The server spreads schedules over some seconds, and its list
lags behind.
"""

MAX_DUE_BEFORE: Final = 3
"""A schedule that missed more due times than this before the program knew it was probably switched off."""

ASKED_BEFORE: Final = timedelta(seconds=15)
"""A schedule that is due again within this time is asked about only after that, since it may be asked about only a few
times a minute.
"""

MAX_IDLE_DEVELOPMENT: Final = timedelta(minutes=5)
"""In a development environment no run and no schedule starts while no `dev` command runs."""

_CLOCK_SKEW: Final = timedelta(seconds=1)


def needs_schedule_runs(facts: WallFacts, now: datetime, own: OwnCounts | None = None) -> tuple[str, ...]:
    """Return the ids of schedules whose newest run decides whether they are missing, each once for a due time.

    The schedule with the latest due time comes first, since only few can be asked about at once.
    """
    return tuple(each.id for each in _unasked(facts, now, own))


def schedules_to_ask(facts: WallFacts, now: datetime, own: OwnCounts | None = None) -> tuple[str, ...]:
    """Return the schedules to ask about now. One that is due again soon is asked about after that."""
    unasked, soon = _unasked(facts, now, own), now + ASKED_BEFORE
    return tuple(each.id for each in unasked if _last_overdue(each, now) == _last_overdue(each, soon))


def _unasked(facts: WallFacts, now: datetime, own: OwnCounts | None) -> list[Schedule]:
    found: list[tuple[datetime, str, Schedule]] = []
    for each in _active(facts):
        due_at, runs = _last_overdue(each, now), facts.schedule_runs.get(each.id)
        if due_at is None or (runs is not None and runs.at >= due_at + _patience(each)):
            continue
        if own is None or not _has_run(facts, own, each, due_at):
            found.append((due_at, each.id, each))
    return [each for _, _, each in sorted(found, key=lambda item: item[:2], reverse=True)]


def missing(facts: WallFacts, own: OwnCounts, now: datetime, *, is_development: bool) -> list[Finding]:
    """Return the schedules that are missing."""
    if is_development and (own.last_started is None or now - own.last_started > MAX_IDLE_DEVELOPMENT):
        return []
    found = []
    for each in _active(facts):
        due_at = _first_missed(facts, own, each, now)
        if due_at is not None:
            subject = FindingSubject(SubjectKind.SCHEDULE, each.id, Raw(each.task))
            found.append(_of_task(FindingWord.MISSING, each.task, due_at, ScheduleMissed(due_at), subject))
    return found


def _active(facts: WallFacts) -> list[Schedule]:
    return [] if facts.schedules is None else [each for each in facts.schedules.schedules if each.is_active]


def _patience(schedule: Schedule) -> timedelta:
    """Return how long after a due time its run must be there: the server delays each schedule by its own seconds."""
    if schedule.next_at is None or schedule.next_effective_at is None:
        return MISSED_AFTER
    return MISSED_AFTER + max(timedelta(), schedule.next_effective_at - schedule.next_at)


def _last_overdue(schedule: Schedule, now: datetime) -> datetime | None:
    """Return the last due time whose run must be there by now."""
    until = now - _patience(schedule)
    moments = [bounds.last_due(schedule, until)]
    if schedule.next_at is not None and schedule.next_at <= until:
        moments.append(schedule.next_at)
    return max((each for each in moments if each is not None), default=None)


def _first_missed(facts: WallFacts, own: OwnCounts, schedule: Schedule, now: datetime) -> datetime | None:
    """Return the first due time without a run, None if there is none, or if that is not known."""
    runs, known = facts.schedule_runs.get(schedule.id), facts.schedules_since.get(schedule.id)
    if runs is None or known is None:
        return None
    until = min(now, runs.at) - _patience(schedule)
    after = known.since if runs.newest_at is None else runs.newest_at
    if runs.newest_at is not None and runs.newest_at < known.since:
        ran_as_it_is = not known.is_changed and _was_due_at(schedule, runs.newest_at)
        if not ran_as_it_is or _due_count(schedule, runs.newest_at, known.since) > MAX_DUE_BEFORE:
            after = known.since
    due_at = bounds.next_due(schedule, after)
    if due_at is None or due_at > until:
        due_at = schedule.next_at
        was_started = runs.newest_at is not None and due_at is not None and runs.newest_at >= due_at - _CLOCK_SKEW
        if due_at is None or due_at > until or was_started:
            return None
    return None if _has_run(facts, own, schedule, due_at) else due_at


def _was_due_at(schedule: Schedule, created_at: datetime) -> bool:
    """Return whether a run was created at a due time of the schedule as it is now."""
    due_at = bounds.last_due(schedule, created_at + _CLOCK_SKEW)
    return due_at is not None and created_at - due_at <= _patience(schedule)


def _due_count(schedule: Schedule, after: datetime, until: datetime) -> int:
    """Return how many due times there are between two times, or one more than MAX_DUE_BEFORE."""
    count, due_at = 0, bounds.next_due(schedule, after)
    while due_at is not None and due_at <= until and count <= MAX_DUE_BEFORE:
        count += 1
        due_at = bounds.next_due(schedule, due_at)
    return count


def _has_run(facts: WallFacts, own: OwnCounts, schedule: Schedule, due_at: datetime) -> bool:
    """Return whether the store has a run that a schedule of the task started since. Another one may have started it."""
    created_s = own.scheduled_s.get(schedule.task)
    if created_s is None or sum(each.task == schedule.task for each in _active(facts)) > 1:
        return False
    return datetime.fromtimestamp(created_s, UTC) >= due_at - _CLOCK_SKEW


# SLOW: queues whose oldest run waits too long, and tasks whose runs take far longer than they usually do.


AT_LIMIT_AFTER: Final = timedelta(seconds=30)
"""How long the oldest run of a queue at its limit may wait."""

MIN_SLOW_RUNS: Final = 30
"""With fewer runs in the last hour, a single run would decide the 95th percentile."""


def slow_queues(facts: WallFacts, own: OwnCounts, now: datetime, still: Standstill | None = None) -> list[Finding]:
    """Return the queues that are slow. Delayed runs do not wait. `still` is why no run of the environment starts."""
    queues = {} if facts.queues is None else {each.stored_name: each for each in facts.queues.queues}
    found = []
    for name, waiting in bounds.waiting_runs(facts, own, now).items():
        queue = None if waiting.task is not None else queues.get(name)  # the runs of a task may wait in another one
        here = still if queue is None else queue_standstill(queue, facts.paused_since) or still
        if (finding := _judged(name, waiting, queue, here)) is not None:
            found.append(finding)
    return found


def queue_standstill(queue: Queue, paused_since: Mapping[str, datetime]) -> Standstill | None:
    """Return why no run of a queue starts, if it or its limit is paused."""
    if queue.is_paused:
        return Standstill(StandstillReason.QUEUE_PAUSED, paused_since.get(queue.id))
    return Standstill(StandstillReason.LIMIT_PAUSED) if queue.is_limit_paused else None


def _judged(stored_name: str, waiting: bounds.Waiting, queue: Queue | None, still: Standstill | None) -> Finding | None:
    if waiting.oldest_at is None or waiting.queued <= 0:
        return None
    is_full = queue is not None and bounds.is_at_limit(queue) and still is None
    if waiting.waited <= (AT_LIMIT_AFTER if is_full else LATE_AFTER):
        return None
    is_task = queue.is_task if queue is not None else stored_name.startswith(TASK_QUEUE_PREFIX)
    name = queue.name if queue is not None else Raw(stored_name.removeprefix(TASK_QUEUE_PREFIX))
    subject, field = FindingSubject(SubjectKind.QUEUE, stored_name, name), "queue"
    if waiting.task is not None:
        subject, field = FindingSubject(SubjectKind.TASK, waiting.task, Raw(waiting.task)), "task"
    running, limit = (None, None) if queue is None else (queue.running, queue.limit)
    holders = waiting.holders if is_full else ()
    evidence = QueueWaits(waiting.queued, waiting.oldest_at, running, limit, is_full, holders, still)
    text, task = f"{field}:{as_value(subject.key)} status:queued", TaskId(name) if is_task else None
    return Finding(FindingWord.SLOW, subject, waiting.oldest_at, evidence, text, task=task)


def slow_tasks(facts: WallFacts, own: OwnCounts, now: datetime) -> list[Finding]:
    """Return the tasks whose 95th percentile of the last hour is far over the same hour of the last 7 days."""
    normals = normals_by_task(facts)
    found = []
    for task, speed in bounds.speeds_by_task(facts, own).items():
        normal, p95 = normals.get(task), speed.p95
        if normal is None or normal.runs < MIN_NORMAL_RUNS or speed.runs < MIN_SLOW_RUNS:
            continue
        if p95 is not None and normal.p95 is not None and bounds.is_slower(p95, normal.p95):
            found.append(_of_task(FindingWord.SLOW, task, now, TaskSlow(p95, normal.p95, speed.runs)))
    return found


# STUCK: runs that execute far too long or hang in a short-lived status, and approvals that are not given.


OVERDUE_P95S: Final = 5
"""A run is overdue after this multiple of the p95 of its task: even slow runs rarely take three times it."""

MIN_OVERDUE: Final = timedelta(minutes=10)
"""A run is never overdue before this: if it usually takes seconds, a minute needs no attention."""

MAX_UNUSUAL: Final = timedelta(hours=24)
"""If no percentile of the task is known, its runs are overdue after this: a person should know of such a run."""

MAX_OVERDUE: Final = 500
"""Findings are made for at most this many overdue runs, the longest first: a verdict has no more findings."""

MAX_DEQUEUED: Final = timedelta(minutes=3)
"""A dequeued run starts within seconds; a cold machine takes a minute."""

MAX_APPROVAL: Final = timedelta(hours=24)
"""A token that has waited for a day was forgotten: the person who had to act has had a working day."""

_WAITING_RUNS: Final = f"status:executing,waiting age:>{MAX_APPROVAL // timedelta(hours=1)}h"
"""The filter of the runs that may wait for a token: they were created before it. Some execute while they wait."""

_DEQUEUED: Final = "Dequeued"


def stuck(facts: WallFacts, own: OwnCounts, now: datetime) -> list[Finding]:
    """Return what is stuck: one finding a run, and one for each token whose run is not known."""
    return list({each.subject.key: each for each in (*_runs(facts, own, now), *_approvals(facts, own, now))}.values())


def overdue_after(p95: timedelta | None) -> timedelta:
    """Return how long a run may execute. `p95` is the 95th percentile of its task, None if it is not known."""
    return MAX_UNUSUAL if p95 is None else max(MIN_OVERDUE, p95 * OVERDUE_P95S)


def _runs(facts: WallFacts, own: OwnCounts, now: datetime) -> list[Finding]:
    found, long = list[Finding](), list[tuple[datetime, RunId, TaskId, Run]]()
    for run in own.executing_runs():
        state, task = run.state, run.fixed.task
        if state is None or task is None or run.wait is not None:
            continue
        if state.status.title == _DEQUEUED:
            if now - state.updated_at > MAX_DEQUEUED:
                found.append(_of_run(run, state.updated_at, RunHangs(state.status.title)))
            continue
        if state.started_at is not None and now - state.started_at > MIN_OVERDUE:
            long.append((state.started_at, run.id, task, run))
    p95_of = bounds.p95s_by_task(facts, own)
    overdue = sorted(each for each in long if now - each[0] > overdue_after(p95_of(each[2])))
    # The longest run of a task always gets a finding, since it explains why the task is slow.
    longest = {each[2]: each for each in reversed(overdue)}
    # Compare ids: a run with metadata cannot be hashed.
    shown = {each[1]: each for each in (*overdue[:MAX_OVERDUE], *longest.values())}
    for started_at, _, task, run in shown.values():
        p95 = p95_of(task)
        found.append(_of_run(run, started_at + (p95 or timedelta()), RunOverdue(started_at, p95)))
    return found


def _of_run(run: Run, since: datetime, evidence: Evidence) -> Finding:
    subject = FindingSubject(SubjectKind.RUN, run.id, Raw(run.fixed.task or run.id))
    return Finding(FindingWord.STUCK, subject, since, evidence, f"id:{run.id}", task=run.fixed.task, run_id=run.id)


def _approvals(facts: WallFacts, own: OwnCounts, now: datetime) -> list[Finding]:
    tokens = (each for each in bounds.waiting_tokens(facts, own) if not each.is_doubtful)
    # If a run has several tokens, only the oldest gets a finding.
    return [_of_token(each) for each in tokens if now - each.created_at >= MAX_APPROVAL][::-1]


def _of_token(token: WaitToken) -> Finding:
    name = Raw(token.task) if token.task is not None else token.tags[0] if token.tags else Raw(token.id)
    subject = FindingSubject(SubjectKind.RUN, token.run_id or token.id, name)
    evidence = ApprovalWaits(token.created_at, token.tags, token.id)
    text = f"id:{token.run_id}" if token.run_id is not None else _WAITING_RUNS
    return Finding(FindingWord.STUCK, subject, token.created_at, evidence, text, token.task, token.run_id)


# `judge` finds all findings of one moment. `hold` chooses those to show.


UNKNOWN_AFTER: Final = timedelta(seconds=41)
"""After this silence of list and feed, the verdict is NOT KNOWN. It is judged up to 3 s later, so screens say it within
45 s. A feed answers every 20 s, even if nothing happens.
"""

MIN_SHOWN: Final = timedelta(seconds=60)
"""A new finding stays at least this long. Otherwise it could vanish before the user has read it."""

MIN_ENDED: Final = timedelta(seconds=20)
"""A finding vanishes only after it was not found for this long. Otherwise one that comes and goes within seconds would
flicker, and ring each time.
"""

ASKED_WITHIN: Final = timedelta(seconds=20)
"""The server is asked about a late schedule within this time. A schedule that it was not asked about may have missed a
run, so the verdict is not OK.
"""

ENDED_FOR: Final = timedelta(minutes=15)
"""How long OK names what ended last: who looks just after it would take OK for "nothing happened"."""

MAX_FINDINGS: Final = 500
"""A verdict has at most this many findings. With more, everything is wrong, and single ones do not matter."""

_WORDS: Final = tuple(FindingWord)


class HeldFinding(NamedTuple):
    """A finding, when it appeared, and when it was last found."""

    finding: Finding
    appeared_at: datetime
    found_at: datetime


Held = tuple[HeldFinding, ...]
"""The findings that are shown, worst first."""


def judge(
    facts: WallFacts, own: OwnCounts, now: datetime, *, is_development: bool = False, still: Standstill | None = None
) -> tuple[Finding, ...]:
    """Return what is wrong at `now`, the server's time, worst first. `still` is why no run starts at all.

    One cause makes one finding: a task that fails is not also slow, and runs that wait behind a stuck one are not
    reported. A paused queue is a cause of its own.
    """
    found = FailureJudge(facts, own, now).findings()
    found += missing(facts, own, now, is_development=is_development)
    found += stuck(facts, own, now)
    causes = {each.task for each in found if each.word in {FindingWord.FAILING, FindingWord.STUCK} and each.task}
    queues = [each for each in slow_queues(facts, own, now, still) if each.task not in causes or _is_paused(each)]
    explained = causes | {each.task for each in queues}
    found += queues
    found += [each for each in slow_tasks(facts, own, now) if each.task not in explained]
    return _worst_first(found, now)


def _is_paused(finding: Finding) -> bool:
    still = finding.evidence.standstill if isinstance(finding.evidence, QueueWaits) else None
    return still is not None and still.reason is StandstillReason.QUEUE_PAUSED


def hold(previous: Held, judged: Sequence[Finding], now: datetime) -> Held:
    """Return the findings to show: the judged ones, and older ones that appeared or were last found very recently.

    The time since which a finding holds never gets later. Failures are the exception: their runs say when they began.
    """
    before = {each.finding.identity: each for each in previous}
    after: dict[Hashable, HeldFinding] = {}
    for found in judged:
        known = before.get(found.identity)
        if known is None:
            after[found.identity] = HeldFinding(found, now, now)
            continue
        since = found.since if found.word is FindingWord.FAILING else min(found.since, known.finding.since)
        after[found.identity] = HeldFinding(replace(found, since=since), known.appeared_at, now)
    # A run that was first found by its duration, and now by the token for which it waits, keeps one finding.
    subjects = {_said_of(each.finding) for each in after.values()}
    for identity, each in before.items():
        # A time in the future means that the server's clock was set back. The finding would stay until that time.
        is_shown = each.found_at <= now and (now - each.appeared_at < MIN_SHOWN or now - each.found_at <= MIN_ENDED)
        if is_shown and identity not in after and _said_of(each.finding) not in subjects:
            after[identity] = each
    order = _worst_first([each.finding for each in after.values()], now)
    return tuple(after[each.identity] for each in order)


def _said_of(finding: Finding) -> tuple[FindingWord, SubjectKind, str]:
    return finding.word, finding.subject.kind, finding.subject.key


def _worst_first(found: Sequence[Finding], now: datetime) -> tuple[Finding, ...]:
    ranked = sorted(
        found, key=lambda each: (_WORDS.index(each.word), -_size(each, now), each.subject.kind, each.subject.key)
    )
    return tuple(ranked[:MAX_FINDINGS])


def _size(finding: Finding, now: datetime) -> float:
    """Return the number by which findings of one word are ordered: runs, or seconds."""
    match finding.evidence:
        case TaskFails(runs) | QueueWaits(runs):
            return runs
        case TaskSlow(p95, normal_p95):
            return p95 / max(normal_p95, timedelta(milliseconds=1)) / 1e6  # after all queues
        case ScheduleMissed(at) | RunOverdue(at):
            return (now - at).total_seconds()
        case _:
            return (now - finding.since).total_seconds()


def verdict_of(
    held: Held,
    facts: WallFacts,
    own: OwnCounts,
    now: datetime,
    heard_at: datetime | None,
    runs: SourceUnread | None = None,
    *,
    is_of_listed: bool = False,
    ended: HeldFinding | None = None,
) -> Verdict:
    """Return the verdict. `heard_at` is the server's time of the last answer of list or feed, None before the first.

    `runs` is set if the list was not read. `is_of_listed`: the list was read, but lacks runs. `ended` is the worst of
    the findings that ended last.
    """
    is_known = heard_at is not None and now - heard_at <= UNKNOWN_AFTER
    refused = tuple(
        (source, each.reason)
        for source in FactSource
        if (each := facts.unread.get(source)) is not None and each.is_refused
    )
    unread = (*(() if runs is None else (runs,)), *unread_sources(facts, now))
    if not unread and not held and needs_schedule_runs(facts, now - ASKED_WITHIN, own):
        unread = (SourceUnread(FactSource.SCHEDULES, Raw("the runs of late schedules are not read yet")),)
    is_own = any(each.source is FactSource.MINUTES for each in unread) or is_judged_by_own_counts(facts, own)
    own_since = counts.said_since(own) if is_own and not own.is_filtered else None
    found = tuple(each.finding for each in held)
    verdict = Verdict(now, found, heard_at, is_known, refused, own_since, unread, is_of_listed)
    if ended is None or held or now - ended.found_at > ENDED_FOR:
        return verdict
    evidence = ended.finding.evidence
    last_at = evidence.last_failed_at if isinstance(evidence, TaskFails) else None
    return replace(verdict, ended=ended.finding, ended_at=last_at or ended.found_at)


def worst_ended(before: Held, after: Held) -> HeldFinding | None:
    """Return the worst finding that is no longer held, None if all are."""
    kept = {each.finding.identity for each in after}
    return next((each for each in before if each.finding.identity not in kept), None)


# When a finding passed the bound that makes it one. That is later than its `since`, the time when the trouble began.


def passed_bound_at(finding: Finding) -> datetime | None:
    """Return when a finding passed its bound, None where its evidence does not say.

    For a failing task this is the time of its first failure, since the number of failures that passes the bound depends
    on what is normal for the task.
    """
    match finding.evidence:
        case TaskFails():
            return finding.since
        case TaskSlow():
            return None
        case QueueWaits(is_at_limit=is_full):
            return finding.since + (AT_LIMIT_AFTER if is_full else LATE_AFTER)
        case ScheduleMissed(due_at):
            return due_at + MISSED_AFTER
        case RunOverdue(started_at, p95):
            return started_at + overdue_after(p95)
        case RunHangs():
            return finding.since + MAX_DEQUEUED
        case ApprovalWaits(created_at):
            return created_at + MAX_APPROVAL


# Finds what is new in a verdict, so that each finding calls the user only once.


RINGS_AGAIN_AFTER: Final = timedelta(minutes=10)
"""A finding that comes back within this time counts as the same one: its numbers just move around its bound."""

NEW_WITHIN: Final = timedelta(minutes=1)
"""A finding of the first verdict is new if it passed its bound at most this long before the start."""

MAX_GONE: Final = 1_000
"""At most this many findings that vanished are remembered."""


class News(NamedTuple):
    """What is new in a verdict: findings, worst first, and whether nothing is known any more."""

    findings: tuple[Finding, ...] = ()
    has_gone_silent: bool = False


class KnownFindings:
    """The findings for which the user was called, or which the user saw without a call."""

    def __init__(self, at: datetime) -> None:
        self.gone: dict[Hashable, datetime] = {}
        """When each finding vanished, for at most MAX_GONE findings that are not present."""
        self._present: frozenset[Hashable] | None = None
        """The identities of the findings of the last verdict; None before the first."""
        self.begin(at)

    def begin(self, at: datetime) -> None:
        """Begin to watch, for the first time or again. What is old in the next verdict does not count as new."""
        self.gone |= dict.fromkeys(self._present or (), at)
        self._began_at, self._present, self._was_silent = at, None, False

    def news(self, verdict: Verdict) -> News:
        """Return what is new in the next verdict.

        A verdict that is NOT KNOWN changes no finding. It is news only after a verdict that was known. While a source
        is unread, findings do not count as gone.
        """
        known, was_silent, self._was_silent = self._present, self._was_silent, verdict.word == NOT_KNOWN
        gone = {key: at for key, at in self.gone.items() if verdict.at - at < RINGS_AGAIN_AFTER}
        if self._was_silent:
            self.gone = gone
            return News(has_gone_silent=known is not None and not was_silent and NOT_KNOWN not in gone)
        before = known or frozenset()
        fresh = (each for each in verdict.findings if each.identity not in before | gone.keys())
        if known is None:
            fresh = (each for each in fresh if _is_newer(each, self._began_at - NEW_WITHIN))
        news = News(tuple(fresh))
        present = frozenset(each.identity for each in verdict.findings) | (before if verdict.unread else frozenset())
        gone |= dict.fromkeys(before - present, verdict.at)
        if was_silent and known is not None:
            gone[NOT_KNOWN] = verdict.at
        newest = sorted(((key, at) for key, at in gone.items() if key not in present), key=lambda item: item[1])
        self._present, self.gone = present, dict(newest[-MAX_GONE:])
        return news


def _is_newer(finding: Finding, oldest: datetime) -> bool:
    """Return whether a finding passed its bound at `oldest` or later. If that is not known, it is not newer."""
    at = passed_bound_at(finding)
    return at is not None and at >= oldest
