"""`Store`: all runs and facts that the sources have read.

`merge` decides which facet of a run is newer, `indexes` finds runs, `retention` chooses the runs to drop, and `facts`
stores everything else.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, assert_never

from tui.domain.action import ActionStatus
from tui.domain.environment import Capability, Environment
from tui.domain.ids import RunId, TaskId
from tui.domain.run import Run
from tui.domain.status import RunStatus
from tui.domain.update import (
    BudgetRead,
    CapabilityLost,
    CapabilityRegained,
    CaughtUp,
    CountsRead,
    EnvironmentRead,
    HistoryRead,
    Reconciled,
    RunGone,
    RunPatch,
    RunsRead,
    SourceConnected,
    SourceRetrying,
    SourceStopped,
    Update,
    WindowRead,
)
from tui.domain.wall_update import WallUpdate
from tui.store.changes import Changes, Topic
from tui.store.facts import Fact, Facts, SourceStatus
from tui.store.indexes import INDEXED, Indexes, status_of
from tui.store.merge import is_same_row, merge, merge_gone
from tui.store.orders import EPOCH, Key, KeyedRun, newest_first
from tui.store.retention import Retention, has_large_facets
from tui.store.status_counts import StatusCounter, StatusCounts

if TYPE_CHECKING:
    from tui.domain.findings.facts import WallFacts
    from tui.domain.findings.finding import Verdict


class Store:
    """All runs and facts, merged from updates that may arrive late, twice or out of order.

    The sets and mappings that it returns are live views: they change with the next `apply`. Copy them to keep them.
    """

    def __init__(self, *, max_runs: int = 100_000, max_bodies: int = 200, max_body_bytes: int = 1_000_000) -> None:
        """Keep at most `max_runs` runs, or more if more are live or pinned.

        Payload, output and attempts are kept for pinned runs and the `max_bodies` runs that were last read in detail,
        or fewer if those take more than some `max_body_bytes`.
        """
        self._max_runs = max_runs
        self._runs: dict[RunId, Run] = {}
        self._indexes = Indexes()
        self._retention = Retention(max_bodies, max_body_bytes)
        self._counter = StatusCounter()
        self._facts = Facts()
        self.wall_facts: WallFacts | None = None
        """The facts of the wall besides runs. None until one was read."""
        self.verdict: Verdict | None = None
        """The findings as they were last judged, by this session or by its relay. None before."""
        self.untrack: Callable[[object], object] = lambda _: None
        """What `hide` does. A session sets it when it starts."""

        self.get: Callable[[RunId], Run | None] = self._runs.get
        """Return a run, or None if the store does not have it. Not a method: a filter calls this for every run."""

    def hide(self, value: object) -> None:
        """Hide a value that forms no cycles from the garbage collector, which would spend 200 ms on 100,000 runs.

        It must be a collection or an instance of a class: CPython does not check that.
        """
        self.untrack(value)

    def apply(self, update: Update) -> Changes:
        """Apply an update and return what it changed."""
        changes = Changes()
        match update:
            case RunsRead():
                for patch in update.patches:
                    self._merge_patch(patch, changes)
                self._enforce_limits(changes)
            case RunGone():
                before = self._runs.get(update.id)
                self._replace(before, merge_gone(before, update.id, update.at), changes)
                self._enforce_limits(changes)
            case (
                ActionStatus()
                | CountsRead()
                | EnvironmentRead()
                | CapabilityLost()
                | CapabilityRegained()
                | SourceConnected()
                | SourceRetrying()
                | SourceStopped()
                | CaughtUp()
                | Reconciled()
                | HistoryRead()
                | WindowRead()
                | BudgetRead()
            ):
                self._record(update, changes)
            case WallUpdate():
                self._record_wall(update, changes)
            case _:
                assert_never(update)
        if changes.added or changes.changed or changes.removed:
            changes.topics.add(Topic.RUNS)
        return changes

    def _merge_patch(self, patch: RunPatch, changes: Changes) -> None:
        before = self._runs.get(patch.id)
        self._replace(before, merge(before, patch), changes)
        if patch.body is not None or patch.attempts is not None:
            self._retention.record_detail(self._runs[patch.id])

    def _replace(self, before: Run | None, after: Run, changes: Changes) -> None:
        if before is after:
            changes.confirmed += 1
            return
        self._runs[after.id] = after
        self._untrack_new(before, after)
        if before is not None and is_same_row(before, after):
            changes.confirmed += 1
            return
        old = _keyed(before)
        new = KeyedRun(after, old.key if old and old.run.created_at is after.created_at else newest_first(after))
        self._indexes.replace(old, new)
        self._retention.replace(old, new)
        self._counter.replace(before, after)
        changes.record(before, after)

    def _untrack_new(self, before: Run | None, after: Run) -> None:
        untrack = self.untrack
        untrack(after)
        if before is None or before.fixed is not after.fixed:
            untrack(after.fixed)
        if after.state is not None and (before is None or before.state is not after.state):
            untrack(after.state)

    def _enforce_limits(self, changes: Changes) -> None:
        while (run_id := self._retention.pop_next_to_strip()) is not None:
            before = self._runs[run_id]
            if has_large_facets(before):
                self._replace(before, replace(before, body=None, attempts=None), changes)
        unseen: set[RunId] = set()
        while len(self._runs) > self._max_runs and (run_id := self._retention.next_to_drop()) is not None:
            run = self._runs.pop(run_id)
            old = _keyed(run)
            self._counter.drop(run)
            self._indexes.replace(old, None)
            self._retention.replace(old, None)
            self._facts.actions.pop(run_id, None)
            (unseen if run_id in changes.added else changes.removed).add(run_id)
        # Listeners never saw a run that was added and dropped by the same update.
        changes.added -= unseen
        changes.changed -= changes.removed
        if unseen:
            changes.transitions = [step for step in changes.transitions if step.run_id not in unseen]

    def _record(self, fact: Fact, changes: Changes) -> None:
        topic = self._facts.record(fact)
        if topic is None:
            return
        changes.topics.add(topic)
        if isinstance(fact, CountsRead):
            self._counter.rebase(fact)
        if isinstance(fact, ActionStatus) and fact.run_id in self._runs:
            changes.changed.add(fact.run_id)

    def _record_wall(self, update: WallUpdate, changes: Changes) -> None:
        from tui.store.findings.known import recorded  # noqa: PLC0415  the start needs no facts of the wall

        self.wall_facts, self.verdict, topic = recorded(self.wall_facts, self.verdict, update)
        if topic is not None:
            changes.topics.add(topic)

    @property
    def max_runs(self) -> int:
        """The maximum number of runs, unless more are live or pinned."""
        return self._max_runs

    def __len__(self) -> int:
        return len(self._runs)

    def __contains__(self, run_id: object) -> bool:
        return run_id in self._runs

    def runs(self) -> Iterator[Run]:
        """Iterate over all runs in no particular order, including runs that are known only by id."""
        return iter(self._runs.values())

    def snapshot(self) -> Mapping[RunId, Run]:
        """Return a copy of all runs that later updates do not change."""
        runs = dict(self._runs)
        self.hide(runs)
        return runs

    def with_status(self, status: RunStatus) -> AbstractSet[RunId]:
        """Return the runs in a status. A run that the server has deleted has none.

        Runs that are neither live nor failed are searched among all: this takes milliseconds, and is no live view.
        """
        if status in INDEXED:
            return self._indexes.by_status.get(status, frozenset())
        return {run.id for run in self._runs.values() if status_of(run) is status}

    def task_count(self, task: TaskId) -> int:
        """Return the number of known runs of a task."""
        return self._indexes.task_counts[task]

    def live(self) -> AbstractSet[RunId]:
        """Return the runs that may still change: those with a state that are neither final nor deleted."""
        return self._indexes.live

    def status_counts(self, now: datetime) -> StatusCounts:
        """Return the header's counts: live runs by status, and failed runs of the period."""
        return self._counter.counts(now, self.window, self.history, is_full=len(self._runs) >= self._max_runs)

    def children_of(self, run_id: RunId) -> tuple[Run, ...]:
        """Return the known direct children of a run, oldest first."""
        children = (self._runs[child] for child in self._indexes.by_parent.get(run_id, ()))
        return tuple(sorted(children, key=lambda run: (run.created_at or EPOCH, run.id)))

    def created_rank(self, run_id: RunId) -> int:
        """Return the index of a run among all runs with a state, newest first. Raises `KeyError` if it is unknown."""
        return self._indexes.rank(self._runs[run_id])

    def created_between(self, start: datetime, end: datetime) -> list[RunId]:
        """Return the runs with a state created from `start` to `end`, both included, newest first."""
        return self._indexes.created_between(start, end)

    def newest_first_keys(self) -> list[Key]:
        """Return the sort keys of all runs with a state, newest first."""
        keys = self._indexes.newest_first_keys()
        self.hide(keys)
        return keys

    def shared_key(self, key: Key) -> Key:
        """Return the equal key that the indexes keep, so that each view of a live run does not keep one of its own."""
        return self._indexes.shared(key)

    def newest(self) -> Run | None:
        """Return the newest run with a state."""
        run_id = self._indexes.newest()
        return None if run_id is None else self._runs[run_id]

    def newest_existing(self) -> Run | None:
        """Return the newest run that is not from the future: a scheduled run may be older than its due time."""
        runs = (self._runs[run_id] for run_id in self._indexes.newest_first())
        return next((run for run in runs if run.existed_at == run.created_at), None)

    def oldest(self) -> Run | None:
        """Return the oldest run with a state."""
        run_id = self._indexes.oldest()
        return None if run_id is None else self._runs[run_id]

    def pin(self, run_ids: Iterable[RunId]) -> None:
        """Keep these runs with all facets, even before they are known, until each is unpinned as often as pinned."""
        for run_id in run_ids:
            self._retention.pin(run_id, _keyed(self._runs.get(run_id)))

    def unpin(self, run_ids: Iterable[RunId]) -> None:
        """Undo `pin`. The next `RunsRead` drops runs or facets that are not kept any more."""
        for run_id in run_ids:
            self._retention.unpin(run_id, _keyed(self._runs.get(run_id)))

    @property
    def environment(self) -> Environment | None:
        """The environment of the API key. None: the server refused to answer, or has not been asked yet."""
        return self._facts.environment.environment if self._facts.environment else None

    @property
    def is_environment_known(self) -> bool:
        """Whether the server has answered which environment it is, or refused to."""
        return self._facts.environment is not None

    @property
    def lost_capabilities(self) -> Mapping[Capability, str]:
        """The kinds of request that the server refuses for this API key, and its reasons."""
        return MappingProxyType(self._facts.lost_capabilities)

    @property
    def server_counts(self) -> CountsRead | None:
        """The last counts by a query of the server."""
        return self._facts.counts

    @property
    def source_statuses(self) -> Mapping[str, SourceStatus]:
        """The last status of each source, by the source's name."""
        return MappingProxyType(self._facts.source_statuses)

    @property
    def caught_up(self) -> datetime | None:
        """The latest time for which a source has read every change before it."""
        return max((each.at for each in self._facts.caught_up.values()), default=None)

    @property
    def reconciled(self) -> Reconciled | None:
        """The result of the last comparison of the feed with the list."""
        return self._facts.reconciled

    @property
    def history(self) -> HistoryRead | None:
        """How far back the runs list was read."""
        return self._facts.history

    @property
    def window(self) -> WindowRead | None:
        """The runs that the polled lists cover."""
        return self._facts.window

    @property
    def budget(self) -> BudgetRead | None:
        """The request budget that the server last reported."""
        return self._facts.budget

    @property
    def actions(self) -> Mapping[RunId, ActionStatus]:
        """The status of the last action on each run."""
        return MappingProxyType(self._facts.actions)


def _keyed(run: Run | None) -> KeyedRun | None:
    return None if run is None else KeyedRun(run, newest_first(run))
