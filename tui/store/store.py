"""`Store`: all runs and facts that the sources have read."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar, cast

from tui.domain import facts as wall
from tui.domain import update as updates
from tui.domain.action import ActionPhase, ActionStatus
from tui.domain.finding import FindingsRead, SourceUnread, Verdict
from tui.domain.run import Capability, Environment, Run, RunId
from tui.store.changes import EPOCH, Changes, KeyedRun, Topic, newest_first
from tui.store.indexes import Retention, RunIndex, StatusCounter, StatusCounts, has_large_facets
from tui.store.merge import is_same_row, merge, merge_gone

# Keeps the newest fact of each kind, and the last verdict.


SET_BACK: Final = timedelta(seconds=60)
"""If an answer is older than the last one by more than this, the server's clock was set back: answers do not overtake
each other by as much. Then the last answer counts, or facts would stay unchanged until that clock has caught up.
"""

ROWS_PER_PAGE: Final = 100
"""The rows of one page of tokens or schedules."""

_FIELDS: Final[Mapping[wall.FactSource, str]] = {
    source: source.name.lower() for source in wall.FactSource if source is not wall.FactSource.RUNS
}
"""The field of `WallFacts` for each source."""

MAX_PAUSE_GAP: Final = timedelta(minutes=1)
"""If two reads are further apart, we do not know when a queue was paused between them."""


def is_news(before: wall.WallFacts, after: wall.WallFacts, fact: wall.FactRead) -> bool:
    """Return whether more than the age of a fact changed. It may have been read again without a change."""
    old, new = _stored(before, fact), _stored(after, fact)
    return after is not before and (old is None or new is None or replace(new, at=old.at) != old)


def with_fact(facts: wall.WallFacts, fact: wall.FactRead) -> wall.WallFacts:
    """Return the facts with one more, `facts` itself if it is not newer than the known one.

    The newest `at` of a kind of fact wins, so that the order of arrival makes no difference (see `SET_BACK`).
    """
    match fact:
        case wall.FactUnread():
            if _is_older(fact.at, facts, fact.source):
                return facts
            failed = facts.unread.get(fact.source)
            since = fact.since or (fact.at if failed is None else failed.since)
            return replace(facts, unread={**facts.unread, fact.source: replace(fact, since=since)})
        case wall.ScheduleRunsRead():
            known = facts.schedule_runs.get(fact.schedule_id)
            if known is not None and (known.at == fact.at or _is_later(known.at, fact.at)):
                return facts
            listed = {each.id for each in facts.schedules.schedules} if facts.schedules is not None else None
            kept = {key: run for key, run in facts.schedule_runs.items() if listed is None or key in listed}
            return replace(facts, schedule_runs={**kept, fact.schedule_id: fact})
        case _:
            source = wall.SOURCE_OF[type(fact)]
            if _is_older(fact.at, facts, source):
                return facts
            changed: dict[str, Any] = {_FIELDS[source]: fact}
            changed["unread"] = {each: why for each, why in facts.unread.items() if each is not source}
            if isinstance(fact, wall.QueuesRead):
                changed |= _pauses(facts, fact)
            if isinstance(fact, wall.SchedulesRead):
                changed["schedules_since"] = _schedules_since(facts, fact)
            return replace(facts, **changed)


def _stored(facts: wall.WallFacts, fact: wall.FactRead) -> wall.FactRead | None:
    """Return the stored fact that this one would replace."""
    match fact:
        case wall.FactUnread():
            return facts.unread.get(fact.source)
        case wall.ScheduleRunsRead():
            return facts.schedule_runs.get(fact.schedule_id)
        case _:
            source = wall.SOURCE_OF[type(fact)]
            return None if source in facts.unread else cast("wall.FactRead | None", getattr(facts, _FIELDS[source]))


def read_at(facts: wall.WallFacts, source: wall.FactSource) -> datetime | None:
    """Return when a source last answered with a fact."""
    fact = getattr(facts, _FIELDS[source]) if source in _FIELDS else None
    return None if fact is None else cast("datetime", fact.at)


def _pauses(facts: wall.WallFacts, read: wall.QueuesRead) -> dict[str, Any]:
    """Return since when each paused queue is paused, and when a queue was resumed, as far as that was seen.

    A pause is known from its begin only if the queue was read without it shortly before.
    No answer has the time of a pause. Source: tests/wire/recordings/README.md §7 (recordings 606, 607).
    """
    before = {} if facts.queues is None else {each.id: each.is_paused for each in facts.queues.queues}
    is_recent = facts.queues is not None and read.at - facts.queues.at <= MAX_PAUSE_GAP
    since = dict(facts.paused_since)
    if is_recent:
        since |= {each.id: read.at for each in read.queues if before.get(each.id) is False}
    paused = {each.id: since[each.id] for each in read.queues if each.is_paused and each.id in since}
    was_resumed = any(before.get(each.id) and not each.is_paused for each in read.queues)
    return {"paused_since": paused, "resumed_at": read.at if was_resumed else facts.resumed_at}


def interval_of(facts: wall.WallFacts, source: wall.FactSource) -> timedelta:
    """Return how often a source is read, with as many pages as it has."""
    count = 0
    if source in {wall.FactSource.TOKENS, wall.FactSource.SCHEDULES}:
        count = len(getattr(getattr(facts, _FIELDS[source]), _FIELDS[source], ()))
    return max(wall.INTERVALS[source], wall.PAGE_INTERVAL * -(-count // ROWS_PER_PAGE))


def unread_sources(facts: wall.WallFacts, now: datetime) -> tuple[SourceUnread, ...]:
    """Return the deciding sources without an answer, or with an old one, except those that the key may not read."""
    found = []
    for source in wall.DECIDING:
        at, failed = read_at(facts, source), facts.unread.get(source)
        if failed is not None and failed.is_refused:
            continue
        is_old = at is None or wall.age_shown(at, interval_of(facts, source), now) is not None
        if is_old or (failed is not None and now - (failed.since or failed.at) > wall.MAX_FAILING):
            found.append(SourceUnread(source, None if failed is None else failed.reason, at))
    return tuple(found)


def _schedules_since(facts: wall.WallFacts, read: wall.SchedulesRead) -> dict[str, wall.ScheduleKnown]:
    """Return since when each schedule has been known in its present form. Earlier due times may have been different."""
    before = {} if facts.schedules is None else {each.id: _definition(each) for each in facts.schedules.schedules}
    new = wall.ScheduleKnown(read.at, is_changed=facts.schedules is not None)
    return {
        each.id: facts.schedules_since.get(each.id, new) if before.get(each.id) == _definition(each) else new
        for each in read.schedules
    }


def _definition(schedule: wall.Schedule) -> tuple[object, ...]:
    return schedule.task, schedule.cron, schedule.zone, schedule.is_active


def _is_older(at: datetime, facts: wall.WallFacts, source: wall.FactSource) -> bool:
    unread, read = facts.unread.get(source), read_at(facts, source)
    return (unread is not None and _is_later(unread.at, at)) or (read is not None and _is_later(read, at))


def _is_later(known: datetime, at: datetime) -> bool:
    return timedelta() < known - at < SET_BACK


# `Facts`: everything in the store except runs.
#
# For example the environment, the status of each source, the server's counts, and the progress of actions.


SourceStatus = updates.SourceConnected | updates.SourceRetrying | updates.SourceStopped
K = TypeVar("K")
V = TypeVar("V")
Fact = (
    updates.CountsRead
    | updates.EnvironmentRead
    | updates.Reconciled
    | updates.HistoryRead
    | updates.WindowRead
    | updates.BudgetRead
)
"""The kinds of facts of which only the latest is kept."""

AnyFact = Fact | SourceStatus | updates.CaughtUp | updates.CapabilityLost | updates.CapabilityRegained | ActionStatus

_KEPT: Final[Mapping[type[Fact], tuple[str, Topic]]] = {
    updates.CountsRead: ("server_counts", Topic.COUNTS),
    updates.EnvironmentRead: ("_environment", Topic.ENVIRONMENT),
    updates.Reconciled: ("reconciled", Topic.RECONCILED),
    updates.HistoryRead: ("history", Topic.HISTORY),
    updates.WindowRead: ("window", Topic.WINDOW),
    updates.BudgetRead: ("budget", Topic.BUDGET),
}
"""The attribute of `Facts` for each kind, and its topic."""

_PROGRESS: Final = tuple(ActionPhase)


class Facts:
    """The latest fact of each kind.

    Of two facts with a server time, the later one is kept. Facts without a server time come from a single source, and
    the last one is kept. `_progress` orders the statuses of an action.
    """

    def __init__(self) -> None:
        self._environment: updates.EnvironmentRead | None = None
        self.server_counts: updates.CountsRead | None = None
        """The last counts by a query of the server."""
        self.history: updates.HistoryRead | None = None
        """How far back the runs list was read."""
        self.window: updates.WindowRead | None = None
        """The runs that the polled lists cover."""
        self.budget: updates.BudgetRead | None = None
        """The request budget that the server last reported."""
        self.reconciled: updates.Reconciled | None = None
        """The result of the last comparison of the feed with the list."""
        self.lost_capabilities: Final[dict[Capability, str]] = {}
        """The kinds of request that the server refuses for this API key, and its reasons."""
        self.source_statuses: Final[dict[str, SourceStatus]] = {}
        """The last status of each source, by the source's name."""
        self._caught_up: dict[str, updates.CaughtUp] = {}
        self.actions: Final[dict[RunId, ActionStatus]] = {}
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

    def _put(self, fact: AnyFact) -> Topic | None:
        """Store a fact and return the topic that changed; None if the fact is not new."""
        match fact:
            case ActionStatus():
                known = self.actions.get(fact.run_id)
                if known is not None and _progress(known) >= _progress(fact):
                    return None
                self.actions[fact.run_id] = fact
                return Topic.ACTIONS
            case updates.CapabilityLost():
                return _put(self.lost_capabilities, fact.capability, fact.reason, Topic.CAPABILITIES)
            case updates.CapabilityRegained():
                return None if self.lost_capabilities.pop(fact.capability, None) is None else Topic.CAPABILITIES
            case updates.CaughtUp():
                return _put(self._caught_up, fact.source, fact, Topic.SOURCES)
            case updates.SourceConnected() | updates.SourceRetrying() | updates.SourceStopped():
                return _put(self.source_statuses, fact.source, fact, Topic.SOURCES)
            case _:
                name, topic = _KEPT[type(fact)]
                latest: Fact | None = getattr(self, name)
                if getattr(latest, "at", EPOCH) > getattr(fact, "at", EPOCH):
                    return None
                setattr(self, name, fact)
                return None if latest == fact else topic


def _put(values: dict[K, V], key: K, value: V, topic: Topic) -> Topic | None:
    """Store a value, and return the topic if it is another one."""
    before, values[key] = values.get(key), value
    return None if before == value else topic


def _progress(action: ActionStatus) -> tuple[int, int, datetime, str, str]:
    """Return the sort key of an action's status: a later action on the run wins, then a later phase of the action."""
    return action.number, _PROGRESS.index(action.phase), action.at, action.message, action.new_run_id or ""


# `merge` decides which facet of a run is newer, `RunIndex` finds runs, `Retention` chooses the runs to drop, and
# `Facts` keeps everything else.


class Store(Facts, RunIndex):
    """All runs and facts, merged from updates that may arrive late, twice or out of order."""

    def __init__(self, *, max_runs: int = 100_000, max_bodies: int = 2_000, max_body_bytes: int = 16_000_000) -> None:
        """Keep at most `max_runs` runs, or more if more are live or pinned.

        Payload, output and attempts are kept for pinned runs and the `max_bodies` runs that were last read in detail,
        or fewer if those take more than some `max_body_bytes`.
        """
        Facts.__init__(self)
        RunIndex.__init__(self)
        self.max_runs = max_runs
        """The maximum number of runs, unless more are live or pinned."""
        self._retention = Retention(max_bodies, max_body_bytes)
        self.is_found: Callable[[Run], bool] = lambda _: False
        """Whether a search of payloads found a run, which keeps its own then: without, it would be lost again."""
        self._counter = StatusCounter()
        self.wall_facts: wall.WallFacts | None = None
        """The facts of the wall besides runs. None until one was read."""
        self.verdict: Verdict | None = None
        """The findings as they were last judged, by this session or by its relay. None before the first time."""

    def apply(self, update: updates.Update) -> Changes:
        """Apply an update and return what it changed."""
        changes = Changes()
        match update:
            case updates.RunsRead():
                for patch in update.patches:
                    before = self._runs.get(patch.id)
                    self._replace(before, merge(before, patch), changes)
                    if patch.body is not None or patch.attempts is not None:
                        self._retention.record_detail(self._runs[patch.id])
                self._enforce_limits(changes)
            case updates.RunGone():
                before = self._runs.get(update.id)
                self._replace(before, merge_gone(before, update.id, update.at), changes)
                self._enforce_limits(changes)
            case FindingsRead():
                # The last one wins: one judge makes them in order, and the first one may be dated by a local clock that
                # is ahead of the server's.
                changes.topics |= set() if update.verdict == self.verdict else {Topic.VERDICT}
                self.verdict = update.verdict
            case wall.WallUpdate():
                known, fact = self.wall_facts or wall.NO_FACTS, cast("wall.FactRead", update)
                self.wall_facts = with_fact(known, fact)
                changes.topics |= {Topic.WALL_FACTS} if is_news(known, self.wall_facts, fact) else set()
            case _:  # a fact: `Facts` has a case for each
                self._record(update, changes)
        if changes.added or changes.changed or changes.removed:
            changes.topics.add(Topic.RUNS)
        return changes

    def _replace(self, before: Run | None, after: Run, changes: Changes) -> None:
        if before is after:
            return
        self._runs[after.id] = after
        if before is not None and is_same_row(before, after):
            return
        old = _keyed(before)
        new = KeyedRun(after, old.key if old and old.run.created_at is after.created_at else newest_first(after))
        self._index(old, new)
        self._retention.replace(old, new)
        self._counter.replace(before, after)
        changes.record(before, after)

    def _enforce_limits(self, changes: Changes) -> None:
        while (run_id := self._retention.pop_next_to_strip(lambda found: self.is_found(self._runs[found]))) is not None:
            before = self._runs[run_id]
            if has_large_facets(before):
                self._replace(before, replace(before, body=None, attempts=None), changes)
        unseen: set[RunId] = set()
        while len(self._runs) > self.max_runs and (run_id := self._retention.next_to_drop()) is not None:
            run = self._runs.pop(run_id)
            old = _keyed(run)
            self._counter.drop(run)
            self._index(old, None)
            self._retention.replace(old, None)
            self.actions.pop(run_id, None)
            (unseen if run_id in changes.added else changes.removed).add(run_id)
        # Listeners never saw a run that was added and dropped by the same update.
        changes.added -= unseen
        changes.changed -= changes.removed
        if unseen:
            changes.transitions = [step for step in changes.transitions if step.run_id not in unseen]

    def _record(self, fact: AnyFact, changes: Changes) -> None:
        topic = self._put(fact)
        if topic is not None:
            changes.topics.add(topic)
            if isinstance(fact, updates.CountsRead):
                self._counter.rebase(fact)
            if isinstance(fact, ActionStatus) and fact.run_id in self._runs:
                changes.changed.add(fact.run_id)

    def status_counts(self, now: datetime) -> StatusCounts:
        """Return the header's counts: live runs by status, and failed runs of the period."""
        return self._counter.counts(now, self.window, self.history, is_full=len(self._runs) >= self.max_runs)

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
