"""`Store`: all runs and facts that the sources have read."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, TypeVar, assert_never, cast

from tui.domain.action import ActionPhase, ActionStatus
from tui.domain.environment import Capability, Environment
from tui.domain.facts import (
    DECIDING,
    INTERVALS,
    MAX_FAILING,
    NO_FACTS,
    PAGE_INTERVAL,
    SOURCE_OF,
    FactRead,
    FactSource,
    FactUnread,
    QueuesRead,
    Schedule,
    ScheduleKnown,
    ScheduleRunsRead,
    SchedulesRead,
    WallFacts,
    WallUpdate,
    age_shown,
)
from tui.domain.finding import FindingsRead, SourceUnread, Verdict
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
from tui.store.changes import EPOCH, Changes, Key, KeyedRun, Topic, newest_first
from tui.store.indexes import INDEXED, Indexes, Retention, StatusCounter, StatusCounts, has_large_facets, status_of
from tui.store.merge import is_same_row, merge, merge_gone

# Keeps the newest fact of each kind, and the last verdict.


SET_BACK: Final = timedelta(seconds=60)
"""Answers of one source do not overtake each other by so much: the server's clock was set back. Then the last one
counts, or the facts would stay as they are until that clock is as far again."""

ROWS_PER_PAGE: Final = 100
"""Of tokens and schedules."""

_FIELDS: Final[Mapping[FactSource, str]] = {
    source: source.name.lower() for source in FactSource if source is not FactSource.RUNS
}
"""The field of `WallFacts` for each source."""

MAX_PAUSE_GAP: Final = timedelta(minutes=1)
"""Between two reads that are further apart, nobody saw when a queue was paused."""


def recorded(
    facts: WallFacts | None, verdict: Verdict | None, update: WallUpdate
) -> tuple[WallFacts | None, Verdict | None, Topic | None]:
    """Return the facts and the verdict after an update, and the topic that changed.

    The newest `at` of a kind of fact wins, so that the order of arrival makes no difference (see `SET_BACK`). Of
    verdicts the last one wins: one judge makes them in order, and the first one may be dated by a local clock that is
    ahead of the server's.
    A fact that was read again and is the same changes nothing but its age.
    """
    if isinstance(update, FindingsRead):
        return facts, update.verdict, None if update.verdict == verdict else Topic.VERDICT
    known = facts or NO_FACTS
    fact = cast("FactRead", update)
    after = with_fact(known, fact)
    return after, verdict, None if after is known or _is_confirmed(known, fact) else Topic.WALL_FACTS


def with_fact(facts: WallFacts, fact: FactRead) -> WallFacts:
    """Return the facts with one more, `facts` itself if it is not newer than the known one."""
    match fact:
        case FactUnread():
            if _is_older(fact.at, facts, fact.source):
                return facts
            failed = facts.unread.get(fact.source)
            since = fact.since or (fact.at if failed is None else failed.since)
            return replace(facts, unread={**facts.unread, fact.source: replace(fact, since=since)})
        case ScheduleRunsRead():
            known = facts.schedule_runs.get(fact.schedule_id)
            if known is not None and (known.at == fact.at or _is_later(known.at, fact.at)):
                return facts
            listed = {each.id for each in facts.schedules.schedules} if facts.schedules is not None else None
            kept = {key: run for key, run in facts.schedule_runs.items() if listed is None or key in listed}
            return replace(facts, schedule_runs={**kept, fact.schedule_id: fact})
        case _:
            source = SOURCE_OF[type(fact)]
            if _is_older(fact.at, facts, source):
                return facts
            unread = {each: why for each, why in facts.unread.items() if each is not source}
            field: dict[str, Any] = {_FIELDS[source]: fact}
            if isinstance(fact, QueuesRead):
                field["paused_since"] = _paused_since(facts, fact)
                running = {each.id for each in fact.queues if not each.is_paused}
                before = () if facts.queues is None else facts.queues.queues
                if any(each.is_paused and each.id in running for each in before):
                    field["resumed_at"] = fact.at
            if isinstance(fact, SchedulesRead):
                field["schedules_since"] = _schedules_since(facts, fact)
            return replace(facts, unread=unread, **field)


def _is_confirmed(facts: WallFacts, fact: FactRead) -> bool:
    """Return whether a fact is the known one, read again."""
    before: FactRead | None
    match fact:
        case FactUnread():
            before = facts.unread.get(fact.source)
            fact = replace(fact, since=None if before is None else before.since)
        case ScheduleRunsRead():
            before = facts.schedule_runs.get(fact.schedule_id)
        case _:
            source = SOURCE_OF[type(fact)]
            before = None if source in facts.unread else getattr(facts, _FIELDS[source])
    return before is not None and replace(fact, at=before.at) == before


def read_at(facts: WallFacts, source: FactSource) -> datetime | None:
    """Return when a source last answered with a fact."""
    fact = getattr(facts, _FIELDS[source]) if source in _FIELDS else None
    return None if fact is None else cast("datetime", fact.at)


def _paused_since(facts: WallFacts, read: QueuesRead) -> dict[str, datetime]:
    """Return since when each paused queue is paused, as far as it was known without a pause shortly before.

    No answer has the time of a pause. Source: tests/wire/recordings/README.md §7 (recordings 606, 607).
    """
    before = facts.queues if facts.queues is not None and read.at - facts.queues.at <= MAX_PAUSE_GAP else None
    known = {} if before is None else {each.id: each.is_paused for each in before.queues}
    found = {}
    for each in read.queues:
        if each.is_paused and known.get(each.id) is False:
            found[each.id] = read.at
        elif each.is_paused and each.id in facts.paused_since:
            found[each.id] = facts.paused_since[each.id]
    return found


def interval_of(facts: WallFacts, source: FactSource) -> timedelta:
    """Return how often a source is read, with as many pages as it has."""
    count = 0
    if source is FactSource.TOKENS and facts.tokens is not None:
        count = len(facts.tokens.tokens)
    elif source is FactSource.SCHEDULES and facts.schedules is not None:
        count = len(facts.schedules.schedules)
    return max(INTERVALS[source], PAGE_INTERVAL * -(-count // ROWS_PER_PAGE))


def unread_sources(facts: WallFacts, now: datetime) -> tuple[SourceUnread, ...]:
    """Return the deciding sources without an answer, or with an old one; not those that the key may not read."""
    found = []
    for source in DECIDING:
        at, failed = read_at(facts, source), facts.unread.get(source)
        if failed is not None and failed.is_refused:
            continue
        is_old = at is None or age_shown(at, interval_of(facts, source), now) is not None
        if is_old or (failed is not None and now - (failed.since or failed.at) > MAX_FAILING):
            found.append(SourceUnread(source, None if failed is None else failed.reason, at))
    return tuple(found)


def _schedules_since(facts: WallFacts, read: SchedulesRead) -> dict[str, ScheduleKnown]:
    """Return since when each schedule has been known as it is: a changed one says nothing of earlier due times."""
    before = {each.id: each for each in facts.schedules.schedules} if facts.schedules is not None else None
    known = {}
    for each in read.schedules:
        older = None if before is None else before.get(each.id)
        if older is not None and _definition(older) == _definition(each) and each.id in facts.schedules_since:
            known[each.id] = facts.schedules_since[each.id]
        else:
            known[each.id] = ScheduleKnown(read.at, is_changed=before is not None)
    return known


def _definition(schedule: Schedule) -> tuple[object, ...]:
    return schedule.task, schedule.cron, schedule.zone, schedule.is_active


def _is_older(at: datetime, facts: WallFacts, source: FactSource) -> bool:
    unread, read = facts.unread.get(source), read_at(facts, source)
    return (unread is not None and _is_later(unread.at, at)) or (read is not None and _is_later(read, at))


def _is_later(known: datetime, at: datetime) -> bool:
    return timedelta() < known - at < SET_BACK


# `Facts`: everything in the store except runs.
#
# For example the environment, the status of each source, the server's counts, and the progress of actions.


SourceStatus = SourceConnected | SourceRetrying | SourceStopped
Fact = (
    CountsRead
    | EnvironmentRead
    | CapabilityLost
    | CapabilityRegained
    | SourceStatus
    | CaughtUp
    | Reconciled
    | HistoryRead
    | WindowRead
    | BudgetRead
    | ActionStatus
)
T = TypeVar("T", CountsRead, EnvironmentRead, Reconciled, WindowRead)

# An action only moves forward. UNKNOWN comes before the other final phases, because a later read may find the outcome.
_PROGRESS = (
    ActionPhase.REQUESTED,
    ActionPhase.ACCEPTED,
    ActionPhase.UNKNOWN,
    ActionPhase.REFUSED,
    ActionPhase.FINISHED_FIRST,
    ActionPhase.CONFIRMED,
)


class Facts:
    """The latest fact of each kind.

    Of two facts with a server time, the later one is kept. Facts without a server time come from a single source, and
    the last one is kept. `_progress` orders the statuses of an action.
    """

    def __init__(self) -> None:
        self._environment: EnvironmentRead | None = None
        self.server_counts: CountsRead | None = None
        """The last counts by a query of the server."""
        self.history: HistoryRead | None = None
        """How far back the runs list was read."""
        self.window: WindowRead | None = None
        """The runs that the polled lists cover."""
        self.budget: BudgetRead | None = None
        """The request budget that the server last reported."""
        self.reconciled: Reconciled | None = None
        """The result of the last comparison of the feed with the list."""
        self._lost_capabilities: dict[Capability, str] = {}
        self.lost_capabilities: Final[Mapping[Capability, str]] = MappingProxyType(self._lost_capabilities)
        """The kinds of request that the server refuses for this API key, and its reasons."""
        self._source_statuses: dict[str, SourceStatus] = {}
        self.source_statuses: Final[Mapping[str, SourceStatus]] = MappingProxyType(self._source_statuses)
        """The last status of each source, by the source's name."""
        self._caught_up: dict[str, CaughtUp] = {}
        self._actions: dict[RunId, ActionStatus] = {}
        self.actions: Final[Mapping[RunId, ActionStatus]] = MappingProxyType(self._actions)
        """The status of the last action on each run."""

    @property
    def environment(self) -> Environment | None:
        """The environment of the API key. None: the server refused to answer, or has not been asked yet."""
        return self._environment.environment if self._environment else None

    @property
    def is_environment_known(self) -> bool:
        """Whether the server has answered which environment it is, or refused to."""
        return self._environment is not None

    @property
    def caught_up(self) -> datetime | None:
        """The latest time for which a source has read every change before it."""
        return max((each.at for each in self._caught_up.values()), default=None)

    def _put(self, fact: Fact) -> Topic | None:  # noqa: C901, PLR0912  one case for each fact
        """Store a fact and return the topic that changed; None if the fact is not new."""
        match fact:
            case ActionStatus():
                known = self._actions.get(fact.run_id)
                if known is not None and _progress(known) >= _progress(fact):
                    return None
                self._actions[fact.run_id] = fact
                return Topic.ACTIONS
            case CountsRead():
                counts, self.server_counts = self.server_counts, _later(self.server_counts, fact)
                return Topic.COUNTS if self.server_counts != counts else None
            case EnvironmentRead():
                environment, self._environment = self._environment, _later(self._environment, fact)
                return Topic.ENVIRONMENT if self._environment != environment else None
            case CapabilityLost():
                reason, self._lost_capabilities[fact.capability] = (
                    self.lost_capabilities.get(fact.capability),
                    fact.reason,
                )
                return Topic.CAPABILITIES if fact.reason != reason else None
            case CapabilityRegained():
                return None if self._lost_capabilities.pop(fact.capability, None) is None else Topic.CAPABILITIES
            case CaughtUp():
                caught_up, self._caught_up[fact.source] = self._caught_up.get(fact.source), fact
                return Topic.SOURCES if caught_up != fact else None
            case SourceConnected() | SourceRetrying() | SourceStopped():
                status, self._source_statuses[fact.source] = self._source_statuses.get(fact.source), fact
                return Topic.SOURCES if status != fact else None
            case Reconciled():
                reconciled, self.reconciled = self.reconciled, _later(self.reconciled, fact)
                return Topic.RECONCILED if self.reconciled != reconciled else None
            case HistoryRead():
                history, self.history = self.history, fact
                return Topic.HISTORY if history != fact else None
            case WindowRead():
                window, self.window = self.window, _later(self.window, fact)
                return Topic.WINDOW if self.window != window else None
            case BudgetRead():
                budget, self.budget = self.budget, fact
                return Topic.BUDGET if budget != fact else None
            case _:
                assert_never(fact)


def _later(known: T | None, received: T) -> T:
    return known if known is not None and known.at > received.at else received


def _progress(action: ActionStatus) -> tuple[int, int, datetime, str, str]:
    """Return the sort key of an action's status: a later action on the run wins, then a later phase of the action."""
    return action.number, _PROGRESS.index(action.phase), action.at, action.message, action.new_run_id or ""


# `merge` decides which facet of a run is newer, `Indexes` finds runs, `Retention` chooses the runs to drop, and `Facts`
# keeps everything else.


class Store(Facts):
    """All runs and facts, merged from updates that may arrive late, twice or out of order.

    The sets and mappings that it returns are live views: they change with the next `apply`. Copy them to keep them.
    """

    def __init__(self, *, max_runs: int = 100_000, max_bodies: int = 200, max_body_bytes: int = 1_000_000) -> None:
        """Keep at most `max_runs` runs, or more if more are live or pinned.

        Payload, output and attempts are kept for pinned runs and the `max_bodies` runs that were last read in detail,
        or fewer if those take more than some `max_body_bytes`.
        """
        super().__init__()
        self._max_runs = max_runs
        self._runs: dict[RunId, Run] = {}
        self._indexes = Indexes()
        self._retention = Retention(max_bodies, max_body_bytes)
        self._counter = StatusCounter()
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
            case WallUpdate():
                self.wall_facts, self.verdict, topic = recorded(self.wall_facts, self.verdict, update)
                if topic is not None:
                    changes.topics.add(topic)
            case _:  # a fact: `Facts` has a case for each
                self._record(update, changes)
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
            self._actions.pop(run_id, None)
            (unseen if run_id in changes.added else changes.removed).add(run_id)
        # Listeners never saw a run that was added and dropped by the same update.
        changes.added -= unseen
        changes.changed -= changes.removed
        if unseen:
            changes.transitions = [step for step in changes.transitions if step.run_id not in unseen]

    def _record(self, fact: Fact, changes: Changes) -> None:
        topic = self._put(fact)
        if topic is None:
            return
        changes.topics.add(topic)
        if isinstance(fact, CountsRead):
            self._counter.rebase(fact)
        if isinstance(fact, ActionStatus) and fact.run_id in self._runs:
            changes.changed.add(fact.run_id)

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


def _keyed(run: Run | None) -> KeyedRun | None:
    return None if run is None else KeyedRun(run, newest_first(run))
