"""The store: the one place that knows every run, and what else the sources told.

What lives here: `apply`, and what can be asked. How facets win is in `merge`, how runs are found in `indexes`, which
are kept in `retention`. Nothing here shows or requests anything. Source: DESIGN §3.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import assert_never

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
from tui.store.changes import Changes, Topic
from tui.store.facts import Fact, Facts, SourceStatus
from tui.store.indexes import Indexes
from tui.store.merge import is_same_row, merge, merge_gone
from tui.store.orders import EPOCH, KeyedRun, newest_first
from tui.store.retention import Retention, is_heavy
from tui.store.status_counts import StatusCounter, StatusCounts


class Store:
    """Runs and the session's facts, merged from updates that may come late, twice, or out of order.

    Sets and mappings that it gives are its own and change with the next `apply`: copy what must outlive that.
    """

    def __init__(self, *, max_runs: int = 100_000, max_bodies: int = 200) -> None:
        """Keep at most `max_runs` runs, unless more than that are live or pinned, and payload, output and attempts
        of the `max_bodies` runs that were last read in detail, besides the pinned ones.
        """
        self._max_runs = max_runs
        self._runs: dict[RunId, Run] = {}
        self._indexes = Indexes()
        self._retention = Retention(max_bodies)
        self._counter = StatusCounter()
        self._facts = Facts()

    def apply(self, update: Update) -> Changes:
        """Take in an update, and say what changed by it; an update that tells nothing new changes nothing."""
        changes = Changes()
        match update:
            case RunsRead():
                for patch in update.patches:
                    self._read(patch, changes)
                self._let_go(changes)
            case RunGone():
                before = self._runs.get(update.id)
                self._replace(before, merge_gone(before, update.id, update.at), changes)
                self._let_go(changes)
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
                self._note(update, changes)
            case _:
                assert_never(update)
        if changes.added or changes.changed or changes.removed:
            changes.topics.add(Topic.RUNS)
        return changes

    def _read(self, patch: RunPatch, changes: Changes) -> None:
        before = self._runs.get(patch.id)
        self._replace(before, merge(before, patch), changes)
        if patch.body is not None or patch.attempts is not None:
            self._retention.note_heavy(patch.id)

    def _replace(self, before: Run | None, after: Run, changes: Changes) -> None:
        if before is after:
            changes.confirmed += 1
            return
        self._runs[after.id] = after
        if before is not None and is_same_row(before, after):
            changes.confirmed += 1
            return
        old = _placed(before)
        new = KeyedRun(after, old.key) if old and old.run.fixed is after.fixed else KeyedRun(after, newest_first(after))
        self._indexes.replace(old, new)
        self._retention.replace(old, new)
        self._counter.replace(before, after)
        changes.record(before, after)

    def _let_go(self, changes: Changes) -> None:
        while (run_id := self._retention.lighten()) is not None:
            before = self._runs[run_id]
            if is_heavy(before):
                self._replace(before, replace(before, body=None, attempts=None), changes)
        unseen: set[RunId] = set()
        while len(self._runs) > self._max_runs and (run_id := self._retention.oldest()) is not None:
            run = self._runs.pop(run_id)
            old = _placed(run)
            self._counter.drop(run)
            self._indexes.replace(old, None)
            self._retention.replace(old, None)
            self._facts.actions.pop(run_id, None)
            (unseen if run_id in changes.added else changes.removed).add(run_id)
        # What came and went within one update was never there, for all that anybody could see.
        changes.added -= unseen
        changes.changed -= changes.removed
        if unseen:
            changes.transitions = [step for step in changes.transitions if step.run_id not in unseen]

    def _note(self, fact: Fact, changes: Changes) -> None:
        topic = self._facts.record(fact)
        if topic is None:
            return
        changes.topics.add(topic)
        if isinstance(fact, CountsRead):
            self._counter.rebase(fact)
        if isinstance(fact, ActionStatus) and fact.run_id in self._runs:
            changes.changed.add(fact.run_id)

    def get(self, run_id: RunId) -> Run | None:
        """All that is known of a run, or None."""
        return self._runs.get(run_id)

    @property
    def max_runs(self) -> int:
        """How many runs are kept, unless more are live or pinned."""
        return self._max_runs

    def __len__(self) -> int:
        return len(self._runs)

    def __contains__(self, run_id: object) -> bool:
        return run_id in self._runs

    def runs(self) -> Iterator[Run]:
        """Every run, those known only by reference too, in no order that means anything."""
        return iter(self._runs.values())

    def snapshot(self) -> Mapping[RunId, Run]:
        """Every run as it is now; later updates do not touch it."""
        return dict(self._runs)

    def with_status(self, status: RunStatus) -> AbstractSet[RunId]:
        """The runs that are in a status; one that is gone is in none."""
        return self._indexes.by_status.get(status, frozenset())

    def with_task(self, task: TaskId) -> AbstractSet[RunId]:
        """The runs of a task."""
        return self._indexes.by_task.get(task, frozenset())

    def live(self) -> AbstractSet[RunId]:
        """The runs that may still change: neither final nor gone, and known by more than a reference."""
        return self._indexes.live

    def counts(self) -> Counter[RunStatus]:
        """How many runs there are here by status."""
        return Counter({status: len(run_ids) for status, run_ids in self._indexes.by_status.items()})

    def status_counts(self, now: datetime) -> StatusCounts:
        """How many runs of the environment are live, by status, and how many failed in the period, at `now`."""
        return self._counter.counts(now, self.window, self.history, is_full=len(self._runs) >= self._max_runs)

    def children_of(self, run_id: RunId) -> tuple[Run, ...]:
        """The direct children that are known, the first created first."""
        children = (self._runs[child] for child in self._indexes.by_parent.get(run_id, ()))
        return tuple(sorted(children, key=lambda run: (run.fixed.created_at or EPOCH, run.id)))

    def created_rank(self, run_id: RunId) -> int:
        """A run's place among all that have a state, 0 is the newest; `KeyError` if it is not here."""
        return self._indexes.rank(self._runs[run_id])

    def created_between(self, start: datetime, end: datetime) -> list[RunId]:
        """The runs with a state created from `start` to `end`, both included, newest first."""
        return self._indexes.created_between(start, end)

    def newest(self) -> Run | None:
        """The run with a state that was created last."""
        return self._at(0)

    def oldest(self) -> Run | None:
        """The run with a state that was created first."""
        return self._at(-1)

    def _at(self, rank: int) -> Run | None:
        run_id = self._indexes.at(rank)
        return None if run_id is None else self._runs[run_id]

    def pin(self, run_ids: Iterable[RunId]) -> None:
        """Keep these runs whole, here or yet to come, until unpinned as often as pinned."""
        for run_id in run_ids:
            self._retention.pin(run_id, _placed(self._runs.get(run_id)))

    def unpin(self, run_ids: Iterable[RunId]) -> None:
        """Take a pin back. What has to go for it goes with the next read of runs."""
        for run_id in run_ids:
            self._retention.unpin(run_id, _placed(self._runs.get(run_id)))

    @property
    def environment(self) -> Environment | None:
        """Where the key leads; None: the server would not say, or see `is_environment_known`."""
        return self._facts.environment.environment if self._facts.environment else None

    @property
    def is_environment_known(self) -> bool:
        """Whether the server was asked where the key leads, and answered, be it that it would not say."""
        return self._facts.environment is not None

    @property
    def lost_capabilities(self) -> Mapping[Capability, str]:
        """What the server refuses this key, and why."""
        return MappingProxyType(self._facts.lost)

    @property
    def server_counts(self) -> CountsRead | None:
        """The server's own counts."""
        return self._facts.counts

    @property
    def source_statuses(self) -> Mapping[str, SourceStatus]:
        """How each source gets on, by its name."""
        return MappingProxyType(self._facts.sources)

    @property
    def caught_up(self) -> datetime | None:
        """The latest moment before which everything that changed was read."""
        return max((told.at for told in self._facts.caught_up.values()), default=None)

    @property
    def reconciled(self) -> Reconciled | None:
        """The last comparison of the feed with the list."""
        return self._facts.reconciled

    @property
    def history(self) -> HistoryRead | None:
        """How far back the list was read."""
        return self._facts.history

    @property
    def window(self) -> WindowRead | None:
        """Which runs the lists cover."""
        return self._facts.window

    @property
    def budget(self) -> BudgetRead | None:
        """What remains of the request budget."""
        return self._facts.budget

    @property
    def actions(self) -> Mapping[RunId, ActionStatus]:
        """The newest action on each run, and how far it got."""
        return MappingProxyType(self._facts.actions)


def _placed(run: Run | None) -> KeyedRun | None:
    return None if run is None else KeyedRun(run, newest_first(run))
