"""What happened since the user's last key: the log, and the report at the key that ends it."""

from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from tui.domain.error_kinds import ErrorKind, Fingerprint, kind_of
from tui.domain.finding import NOT_KNOWN, Finding, Verdict
from tui.domain.run import Run, RunId, RunStatus, TaskId
from tui.lazy_dataclass import dataclass
from tui.store.changes import Changes
from tui.store.error_groups import known_error
from tui.store.freshness import Gap

# `AwayLog`: what happened since the user's last key. It is bounded, however long the user is away.


MAX_EPISODES: Final = 200
"""Findings that came or went. Of more, the oldest are only counted."""

MAX_FAILURES: Final = 1_000
"""Failed runs whose errors are grouped, the newest. The others are only counted."""


@dataclass(frozen=True, slots=True)
class Episode:
    """A finding while the user was away.

    `came_at` is None if it was there before, `went_at` if it is still there.
    """

    finding: Finding
    came_at: datetime | None = None
    went_at: datetime | None = None


class AwayLog:
    """What happened since `since`. `present` are the findings at that moment, None while they are not known."""

    def __init__(self, since: datetime, present: Iterable[Finding] | None = None) -> None:
        self.since = since
        self.counts: Counter[RunStatus] = Counter()
        """The runs that ended, by their last status."""

        self.failed_ids: deque[RunId] = deque(maxlen=MAX_FAILURES)
        self.dropped_episodes = 0
        self.was_judged = present is not None
        """Whether findings were judged at some time since."""

        self._present: dict[Hashable, Episode] | None = None
        self._ended: deque[Episode] = deque(maxlen=MAX_EPISODES)
        if present is not None:
            self._present = {each.identity: Episode(each) for each in present}

    @property
    def failed_count(self) -> int:
        """The runs that failed for good."""
        return sum(count for status, count in self.counts.items() if status.is_failed)

    @property
    def episodes(self) -> list[Episode]:
        """The findings that came or went, in the order in which they did so first, the last MAX_EPISODES."""
        still = [each for each in (self._present or {}).values() if each.came_at is not None]
        found = sorted([*self._ended, *still], key=lambda each: each.came_at or each.went_at or self.since)
        return found[-MAX_EPISODES:]

    @property
    def has_news(self) -> bool:
        """Whether a finding came or went, or a run failed."""
        return bool(self.failed_count or self._ended or self.episodes)

    def on_changes(self, changes: Changes) -> None:
        """Count the runs that ended. A run that is new counts if it ended since."""
        for step in changes.transitions:
            before, after = step.before, step.after
            if not after.status.is_final or (before is not None and before.status.is_final):
                continue
            state = after.state
            if state is None or (before is None and (state.finished_at or state.updated_at) < self.since):
                continue
            self.counts[after.status] += 1
            if after.status.is_failed:
                self.failed_ids.append(step.run_id)

    def on_verdict(self, verdict: Verdict) -> None:
        """Record the findings that came and went. A verdict that is not known says nothing about them.

        While some source is not read, no finding has gone.
        """
        if verdict.word == NOT_KNOWN:
            return
        self.was_judged = True
        now = {each.identity: each for each in verdict.findings}
        if self._present is None:
            self._present = {key: Episode(each) for key, each in now.items()}
            return
        present: dict[Hashable, Episode] = dict(self._present) if verdict.unread else {}
        for key, finding in now.items():
            known = self._present.get(key)
            present[key] = Episode(finding, verdict.at if known is None else known.came_at)
        for gone in (each for key, each in self._present.items() if key not in present):
            self.dropped_episodes += len(self._ended) == MAX_EPISODES
            self._ended.append(Episode(gone.finding, gone.came_at, verdict.at))
        self._present = present

    @property
    def present(self) -> list[Finding] | None:
        """The findings now, None while they are not known."""
        return None if self._present is None else [each.finding for each in self._present.values()]


# `AwayReport`: what a log says, at the key that ends it. It does not change any more.


RESTED_FOR: Final = timedelta(minutes=10)
"""The keys have rested if none came for so long."""

OUTAGE_FOR: Final = timedelta(minutes=1)
"""An outage that lasts longer without a key counts as a rest."""

MAX_GROUPED: Final = 200
"""Failed runs whose errors are grouped, the newest: more would hold up the key."""


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed runs of one task and one kind of error. `kind` is None where the errors were not read."""

    task: TaskId | None
    kind: ErrorKind | None
    count: int


@dataclass(frozen=True, slots=True)
class AwayReport:
    """What happened from `since` to `until`.

    `groups` are sorted by their counts; `ungrouped` failed runs are in none. `was_judged`: findings were known.
    """

    since: datetime
    until: datetime
    counts: Mapping[RunStatus, int]
    episodes: tuple[Episode, ...] = ()
    dropped_episodes: int = 0
    groups: tuple[FailureGroup, ...] = ()
    ungrouped: int = 0
    outage: Gap | None = None
    was_judged: bool = True


def is_due(log: AwayLog, now: datetime, rested: timedelta, outage: Gap | None, *, rest: timedelta = RESTED_FOR) -> bool:
    """Return whether a key shows what happened: the keys have rested, and something did."""
    has_rested = rested >= rest
    if outage is not None and not has_rested:
        has_rested = min(outage.until, now) - max(outage.since, log.since) > OUTAGE_FOR
    return has_rested and log.has_news


def report_of(log: AwayLog, get: Callable[[RunId], Run | None], now: datetime, outage: Gap | None) -> AwayReport:
    """Return what a log says now. `get` returns the runs, whose errors may have been read since they failed."""
    counts: dict[tuple[TaskId | None, Fingerprint | None], int] = {}
    kinds: dict[Fingerprint, ErrorKind] = {}
    newest = list(log.failed_ids)[-MAX_GROUPED:]
    for run_id in newest:
        run = get(run_id)
        error = None if run is None else known_error(run)
        kind = None if error is None else kind_of(error)
        if kind is not None:
            kinds[kind.fingerprint] = kind
        key = (None if run is None else run.fixed.task, None if kind is None else kind.fingerprint)
        counts[key] = counts.get(key, 0) + 1
    groups = [
        FailureGroup(task, None if fingerprint is None else kinds[fingerprint], count)
        for (task, fingerprint), count in counts.items()
    ]
    groups.sort(key=lambda each: (-each.count, each.task or "", each.kind.fingerprint if each.kind else ""))
    ended, episodes, ungrouped = dict(log.counts), tuple(log.episodes), log.failed_count - len(newest)
    seen = outage if outage is not None and outage.until > log.since else None
    return AwayReport(
        log.since, now, ended, episodes, log.dropped_episodes, tuple(groups), ungrouped, seen, log.was_judged
    )
