"""The thing under the cursor: the selected run, what is read about it, and `Selected` for other things."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar, cast

from tui.api.errors import ApiError, Refused
from tui.domain.run import EXECUTING_FAMILY, FEEDS, RUN_FEED, AttemptStatus, Run, RunId, RunStatus
from tui.domain.trace import Span
from tui.domain.tree import RunTree, TreeNode
from tui.domain.update import SourceRetrying
from tui.lazy_dataclass import dataclass
from tui.store.changes import Changes, Topic
from tui.sync.clock import NO_TIMER, Clock, Timer
from tui.sync.session import Session
from tui.text.blocks import SHOW_READING_AFTER, ReadStage

if TYPE_CHECKING:
    from tui.domain.finding import QueueState


# Fetches of which at most one is in flight.


class CoalescedFetch:
    """At most one fetch is in flight; a request made meanwhile schedules one more.

    `start` begins a fetch and returns its task, or None where no request is necessary. The fetch calls `finish` at its
    end.
    """

    def __init__(self, clock: Clock, start: Callable[[], asyncio.Task[None] | None]) -> None:
        self._clock = clock
        self._start = start
        self._task: asyncio.Task[None] | None = None
        self._timer: Timer | None = None
        self._due_s = 0.0
        self._is_requested_again = False

    def schedule(self, delay_s: float) -> None:
        """Start a fetch after a delay, unless one is scheduled that begins earlier."""
        due_s = self._clock.monotonic_s() + delay_s
        if self._timer is not None:
            if self._due_s <= due_s:
                return
            self._timer.cancel()
        self._due_s = due_s
        self._timer = self._clock.call_later(delay_s, self.begin)

    def begin(self) -> None:
        """Start a fetch now, or once the one in flight has ended."""
        self.unschedule()
        # The fetch in flight may return a state from before this request.
        self._is_requested_again = self._task is not None and not self._task.done()
        if not self._is_requested_again:
            self._task = self._start()

    @property
    def is_scheduled(self) -> bool:
        """Whether a fetch begins later."""
        return self._timer is not None

    def finish(self) -> None:
        """Schedule one more fetch if one was requested while this one was in flight."""
        if self._is_requested_again:
            self._is_requested_again = False
            self.schedule(REFETCH_AFTER_S)

    def cancel(self) -> None:
        """Cancel the fetch in flight."""
        if self._task is not None:
            self._task.cancel()
        self._task, self._is_requested_again = None, False

    def unschedule(self) -> None:
        """Cancel the scheduled fetch."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def close(self) -> None:
        """Cancel the fetch in flight and the scheduled one."""
        self.unschedule()
        self.cancel()


REFETCH_AFTER_S: Final = 1.0
"""A run that changes ten times a second is fetched once a second."""


# The selected run, which the panes beside the list show, and the data that is fetched about it.


T = TypeVar("T")

REPEAT_AFTER_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Fetched(Generic[T]):
    """The result of one fetch.

    * `failure`: which part of it could not be read, and why
    * `version`: the time of the run's last update that the value includes, if the server said so
    * `fetched_at`: the time at which the value was true; None: when the fetch ended
    * `is_lagging`: the server knows more than it returned, and will return it soon
    * `is_partial`: there is more to read, and the next fetch goes on from this value
    * `cost_s`: how long the work of the fetch took; an expensive fetch is repeated less often
    """

    value: T | None
    failure: str | None = None
    version: datetime | None = None
    fetched_at: datetime | None = None
    is_lagging: bool = False
    is_partial: bool = False
    cost_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Need(Generic[T]):
    """Data about the selected run that panes show, and how to fetch it.

    * `name`: what messages call it, as in "the tree"; empty for the run itself
    * `fetch`: reads it from the server, given the value that is known, and raises `ApiError`
    * `find`: returns it without a request where that is possible
    * `min_rest_s`: the minimum time that the cursor rests before the fetch begins
    * `requests`: how many requests one fetch takes; a fetch with many is repeated less often
    * `min_interval_s`: the least time between two fetches that updates of the run cause
    * `settles_after_s`: if set, only the update that ends the run causes a fetch, this long after it
    * `may_change`: whether the value can change without an update of the run; then it is fetched again after
      `repeat_after_s`, and `settles_after_s` after the end
    * `is_outdated_by`: whether changes of other runs make it outdated
    """

    name: str
    fetch: Callable[[Session, RunId, T | None], Awaitable[Fetched[T]]]
    find: Callable[[Session, RunId], Fetched[T] | None] = lambda *_: None
    min_rest_s: float = 0.0
    requests: int = 1
    repeat_after_s: float = REPEAT_AFTER_S
    min_interval_s: float = 0.0
    settles_after_s: float | None = None
    may_change: Callable[[Session, RunId, T | None], bool] = lambda *_: False
    is_outdated_by: Callable[[Session, RunId, Changes], bool] = lambda *_: False


@dataclass(frozen=True, slots=True)
class FetchState(Generic[T]):
    """The value of one need, and the state of its fetch. `started_at` is set while a fetch is in flight."""

    value: T | None = None
    failure: str | None = None
    started_at: datetime | None = None
    fetched_at: datetime | None = None

    @property
    def is_fetching(self) -> bool:
        """Whether a fetch is in flight."""
        return self.started_at is not None


@dataclass(frozen=True, slots=True)
class Selection:
    """The selected run, and the state of each need of it.

    `is_list_end`: no run is selected, because the cursor of the list is on the line below the last run.
    """

    run_id: RunId | None = None
    is_list_end: bool = False
    states: Mapping[Need[Any], FetchState[Any]] = field(default_factory=dict, hash=False)

    def state_of(self, need: Need[T]) -> FetchState[T]:
        """Return the value of a need and the state of its fetch."""
        return cast("FetchState[T]", self.states.get(need, FetchState()))


# Decides whether fetched data about a run may be outdated. Pure: `SelectionLoader` fetches it again.


MAY_WAIT: Final = EXECUTING_FAMILY | {RunStatus.WAITING_TO_RESUME}
"""The statuses in which the code of a run may run or wait. Only the trace says which."""


def is_live(known: Run | None, node: TreeNode) -> bool:
    """Return whether a run of a tree may still change. `known` is the run in the store."""
    if known is not None and known.state is not None:
        return not known.is_final
    return node.status is not None and not node.status.canonical.is_final


def is_trace_behind(run: Run) -> bool:
    """Return whether the run has ended and its attempts do not show that yet."""
    if not run.is_final or run.attempts is None:
        return False
    history = run.attempts[1]
    if not history.attempts:
        return bool(run.attempt_count) and not history.is_trace_gone
    return history.attempts[-1].status is AttemptStatus.EXECUTING


def is_trace_open(run: Run | None, root: Span) -> bool:
    """Return whether the run has ended and its trace does not show that yet."""
    return root.is_partial and run is not None and run.is_final


def is_alone(run: Run) -> bool:
    """Return whether the run is final and has no parent. Its children are in the store."""
    return run.is_final and run.children_read_at is not None and run.fixed.depth == 0 and not run.fixed.root_id


# Fetches what the visible panes need of the selected run: once the cursor has rested, and again when it changes.


REST_S: Final = 0.15
"""How long the cursor rests before anything is fetched for the run under it."""

HELD_REST_S: Final = 0.6
"""The delay once `MAX_FETCHES` were started within `FETCHES_WITHIN_S`. A held key would otherwise spend the requests
that the list needs.
"""

MAX_FETCHES: Final = 6
FETCHES_WITHIN_S: Final = 6.0

MAX_RETRY_S: Final = 10.0
"""A repeated fetch waits twice as long after each failure, up to this."""

HUNG_AFTER: Final = timedelta(seconds=2)
"""A fetch in flight for longer is canceled when the user asks for a refresh: its response may never come."""

LAG_RETRIES_S: Final = (1.0, 2.0, 4.0)
"""Delays of the fetches that follow a lagging result: a trace reports the end of a run later than the run does."""


class _NeedFetch(CoalescedFetch):
    """The fetches of one need."""

    version: datetime | None = None
    """The last update of the run that was known when its last fetch began. None: the value has to be fetched again."""
    cost_s = 0.0
    failures = 0
    is_refused = False
    """Whether the server refused the last fetch: it is not repeated until the run changes or the user asks."""
    lags = 0
    """The lagging results so far."""


class SelectionLoader:
    """Fetches the needs of the selected run. `show` is called with every new `Selection`."""

    def __init__(self, session: Session, show: Callable[[Selection], None]) -> None:
        self._session = session
        self._show = show
        self.selection = Selection()
        """The selection as it is shown now."""
        self._needs: tuple[Need[Any], ...] = ()
        self._fetches: dict[Need[Any], _NeedFetch] = {}
        """Those about the selected run."""
        self._starts_s: dict[Need[Any], deque[float]] = defaultdict(partial(deque, maxlen=MAX_FETCHES))
        """When the last fetches were started, also those about runs before."""
        self._version: datetime | None = None
        """The last update of the run that the fetched data includes; None: nothing was fetched yet."""
        self._refetched_version: datetime | None = None
        self._was_down = False
        self._rested_s = float("-inf")
        """When the cursor has rested on the run."""

    def select(self, run_id: RunId | None, *, at_once: bool = False, is_list_end: bool = False) -> None:
        """Select a run or none, and fetch its needs once the cursor has rested, or at once."""
        if run_id != self.selection.run_id:
            self._cancel()
            self._rested_s = self._session.clock.monotonic_s() + (0.0 if at_once else self._rest_s())
            store = self._session.store
            if self.selection.run_id is not None:
                store.unpin([self.selection.run_id])
            if run_id is not None:
                store.pin([run_id])
                self._set(Selection(run_id))
            self._version = self._refetched_version = None
            self._fetches.clear()
        if run_id is None:
            self._set(Selection(is_list_end=is_list_end))
        elif at_once or self._version is None:
            self._schedule_all(0.0 if at_once else self._rest_s())

    def require(self, needs: Sequence[Need[Any]], *, at_once: bool = True) -> None:
        """Fetch these needs from now on, and nothing else: hidden panes cost no requests.

        Without `at_once`, added ones wait until the cursor has rested on the run. What was fetched before is fetched
        again only if the run has changed since.
        """
        added = [need for need in needs if need not in self._needs]
        self._needs = tuple(needs)
        if self.selection.run_id is not None:
            rest_s = 0.0 if at_once else max(0.0, self._rested_s - self._session.clock.monotonic_s())
            for need in added:
                if self.selection.state_of(need).value is None:
                    self._schedule(need, rest_s)
                elif self._is_behind(need):
                    self._schedule(need, max(rest_s, self._least_delay_s(need)))

    def refetch(self) -> None:
        """Fetch everything that is needed again, now."""
        if self.selection.run_id is None:
            return
        now = self._session.now()
        for need, state in self.selection.states.items():
            if state.started_at is not None and now - state.started_at > HUNG_AFTER:
                self._fetch_of(need).cancel()
        self._version = None
        for each in self._fetches.values():
            each.version = None  # a hidden value is fetched when its pane is shown
        self._schedule_all(0.0)

    def on_changes(self, changes: Changes) -> None:
        """Fetch again what changed since it was fetched, and everything after an outage."""
        if Topic.SOURCES in changes.topics and self._is_back():
            self.refetch()
            return
        run_id = self.selection.run_id
        if run_id is None or self._version is None:
            return
        if run_id not in changes.changed:
            for need, each in self._fetches.items():
                if need.is_outdated_by(self._session, run_id, changes):
                    each.version = None
                    self._schedule(need, REFETCH_AFTER_S)
            return
        version = self._known_version(run_id)
        if version is not None and version > self._version:
            run = self._session.store.get(run_id)
            self._schedule_updated(run_id, is_last=run is not None and run.is_final)

    def tick(self) -> None:
        """Repeat the fetches whose values change without a notification from the server. Called every second."""
        run_id = self.selection.run_id
        if run_id is None:
            return
        for need in self._needs:
            state = self.selection.state_of(need)
            if state.fetched_at is None or state.is_fetching or self._fetch_of(need).is_refused:
                continue
            # `abs`: the time is the server's, and may be set back.
            age = abs(self._session.now() - state.fetched_at)
            is_due = age >= timedelta(seconds=self._repeat_after_s(need))
            if is_due and need.may_change(self._session, run_id, state.value):
                self._schedule(need, 0.0)

    def close(self) -> None:
        """Release the selected run, so that the store may drop it. Nothing is shown, since the panes are closed too."""
        self._cancel()
        if self.selection.run_id is not None:
            self._session.store.unpin([self.selection.run_id])
            self.selection = Selection()

    def _cancel(self) -> None:
        """Cancel every fetch, in flight or scheduled."""
        for each in self._fetches.values():
            each.close()

    def _rest_s(self) -> float:
        now_s = self._session.clock.monotonic_s()
        is_held = any(
            len(each) == MAX_FETCHES and now_s - each[0] < FETCHES_WITHIN_S for each in self._starts_s.values()
        )
        return HELD_REST_S if is_held else REST_S

    def _repeat_after_s(self, need: Need[Any]) -> float:
        last = self._fetch_of(need)
        usual_s = max(need.repeat_after_s, self._session.budget.refill.interval_s(need.requests, last.cost_s))
        return max(usual_s, min(usual_s * 2.0**last.failures, MAX_RETRY_S))

    def _is_back(self) -> bool:
        """Return whether the server answers again after an outage."""
        statuses = self._session.store.source_statuses.items()
        is_down = any(isinstance(status, SourceRetrying) for name, status in statuses if name not in FEEDS)
        is_back = self._was_down and not is_down
        self._was_down = is_down
        return is_back

    def _known_version(self, run_id: RunId) -> datetime | None:
        run = self._session.store.get(run_id)
        return run.state.updated_at if run is not None and run.state is not None else None

    def _is_behind(self, need: Need[Any]) -> bool:
        """Whether the server may know more by now than was fetched for a need."""
        fetched = self._fetch_of(need).version
        known = None if self.selection.run_id is None else self._known_version(self.selection.run_id)
        return known is not None and (fetched is None or known > fetched)

    def _schedule_all(self, delay_s: float) -> None:
        """Fetch all needs after a delay."""
        for need in self._needs:
            self._schedule(need, max(delay_s, need.min_rest_s) if delay_s else 0.0)

    def _schedule_updated(self, run_id: RunId, *, is_last: bool = False) -> None:
        """Fetch the needs again that an update makes old. `is_last`: the run has ended, so no need waits any longer."""
        for need in self._needs:
            if need.settles_after_s is None:
                least_s = 0.0 if is_last else max(need.min_rest_s, self._least_delay_s(need))
                self._schedule(need, max(REFETCH_AFTER_S, least_s))
            elif is_last and need.may_change(self._session, run_id, self.selection.state_of(need).value):
                self._schedule(need, need.settles_after_s)

    def _least_delay_s(self, need: Need[Any]) -> float:
        """Return how long the next fetch that an update of the run causes has to wait."""
        starts_s = self._starts_s[need]
        if not need.min_interval_s or not starts_s or self.selection.state_of(need).fetched_at is None:
            return 0.0
        return starts_s[-1] + need.min_interval_s - self._session.clock.monotonic_s()

    def _schedule(self, need: Need[Any], delay_s: float) -> None:
        if need in self._needs:
            self._fetch_of(need).schedule(delay_s)

    def _fetch_of(self, need: Need[Any]) -> _NeedFetch:
        if need not in self._fetches:
            self._fetches[need] = _NeedFetch(self._session.clock, partial(self._start, need))
        return self._fetches[need]

    def _start(self, need: Need[T]) -> asyncio.Task[None] | None:
        run_id = self.selection.run_id
        if run_id is None:
            return None
        self._fetch_of(need).version = self._known_version(run_id)
        if (found := need.find(self._session, run_id)) is not None:
            self._set_state(need, FetchState(found.value, found.failure, fetched_at=found.fetched_at))
            return None
        self._starts_s[need].append(self._session.clock.monotonic_s())
        self._set_state(need, replace(self.selection.state_of(need), started_at=self._session.now()))
        return self._session.spawn(self._fetch(need, run_id), f"fetch {need.name or 'the run'} {run_id}")

    async def _fetch(self, need: Need[T], run_id: RunId) -> None:
        value, now, last = self.selection.state_of(need).value, self._session.now, self._fetch_of(need)
        try:
            fetched = await need.fetch(self._session, run_id, value)
        except ApiError as error:
            last.failures, last.is_refused = last.failures + 1, isinstance(error, Refused)
            self._version = self._known_version(run_id) or now()
            self._finish(need, FetchState(value, str(error), fetched_at=now()))
            return
        self._version = fetched.version or self._version or self._known_version(run_id) or now()
        last.cost_s, last.failures, last.is_refused = fetched.cost_s, 0, False
        if fetched.version is not None:
            last.version = fetched.version
        if fetched.is_lagging or fetched.is_partial:
            last.version = None
        if fetched.is_partial:
            self._schedule(need, REFETCH_AFTER_S)
        elif fetched.is_lagging and last.lags < len(LAG_RETRIES_S):
            self._schedule(need, LAG_RETRIES_S[last.lags])
            last.lags += 1
        self._finish(need, FetchState(fetched.value, fetched.failure, fetched_at=fetched.fetched_at or now()))
        if fetched.version is not None:
            self._refetch_if_changed(run_id)

    def _finish(self, need: Need[T], state: FetchState[T]) -> None:
        self._set_state(need, state)
        self._fetch_of(need).finish()

    def _refetch_if_changed(self, run_id: RunId) -> None:
        """Fetch a run again that changed during the fetch, once for each version: the response may stay behind."""
        version = self._known_version(run_id)
        if version is None or self._version is None or version <= self._version:
            return
        if version != self._refetched_version:
            self._refetched_version = version
            self._schedule_updated(run_id)

    def _set_state(self, need: Need[T], state: FetchState[T]) -> None:
        if state == self.selection.state_of(need):
            return  # for example, a run that has ended does not wait in a queue any more
        self._set(replace(self.selection, states={**self.selection.states, need: state}))

    def _set(self, selection: Selection) -> None:
        if selection != self.selection:
            self.selection = selection
            self._show(selection)


# The needs that several panes share. A need of only one pane is in the feature of that pane.


QUEUE_REST_S: Final = 0.5
TREE_REST_S: Final = 0.5
"""A tree costs several requests, so it is not fetched for every run that the cursor passes."""


async def _fetch_run(session: Session, run_id: RunId, _: Run | None) -> Fetched[Run]:
    run, failure = await session.fetcher.fetch_run_with_attempts(run_id)
    version = run.state.updated_at if run.state is not None else session.now()
    return Fetched(run, failure, version, is_lagging=is_trace_behind(run))


def _may_run_change(session: Session, run_id: RunId, _: Run | None) -> bool:
    """Return whether the run's code may be running or waiting: only the trace says which."""
    run = session.store.get(run_id)
    return run is not None and run.state is not None and run.state.started_at is not None and run.status in MAY_WAIT


def _has_lost_a_wait(session: Session, run_id: RunId, changes: Changes) -> bool:
    """Return whether a child has ended for which the run waited when its trace was read."""
    run = session.store.get(run_id)
    awaited = run.wait.runs if run is not None and run.wait is not None else ()
    ended = (session.store.get(each) for each in awaited if each in changes.changed)
    return any(child is not None and child.is_final for child in ended)


RUN: Final[Need[Run]] = Need(
    name="", fetch=_fetch_run, requests=2, may_change=_may_run_change, is_outdated_by=_has_lost_a_wait
)
"""The run with its attempts: one request for the detail, one for the trace."""


def _waits_in_queue(session: Session, run_id: RunId, _: "QueueState | None" = None) -> bool:
    run = session.store.get(run_id)
    return run is not None and run.state is not None and run.status is RunStatus.QUEUED


def _is_read(session: Session, run_id: RunId) -> bool:
    run = session.store.get(run_id)
    return run is not None and run.state is not None


async def _fetch_queue(session: Session, run_id: RunId, _: "QueueState | None") -> "Fetched[QueueState]":
    # Loaded for the first run that waits.
    from tui.domain.facts import NO_FACTS  # noqa: PLC0415
    from tui.store.findings.bounds import standstill_of  # noqa: PLC0415
    from tui.store.findings.judging import queue_standstill  # noqa: PLC0415
    from tui.sync.facts import QueueFetcher  # noqa: PLC0415

    if not _is_read(session, run_id):
        # The view was opened at a run that is in no list. This shares the requests of RUN.
        await session.fetcher.fetch_run_with_attempts(run_id)
    run = session.store.get(run_id)
    if run is None or not _waits_in_queue(session, run_id):
        return Fetched(None)
    store, facts = session.store, session.store.wall_facts or NO_FACTS
    state = await QueueFetcher(session.fetcher).read_state(run, store.wall_facts)
    if state is None:
        return Fetched(None)
    still = standstill_of(facts, session.findings.own, store.environment, session.now())
    return Fetched(replace(state, standstill=queue_standstill(state.queue, facts.paused_since) or still))


def _find_queue(session: Session, run_id: RunId) -> "Fetched[QueueState] | None":
    """Return nothing for a run that does not wait in a queue."""
    return Fetched(None) if _is_read(session, run_id) and not _waits_in_queue(session, run_id) else None


QUEUE: Final[Need["QueueState"]] = Need(
    name="its queue",
    fetch=_fetch_queue,
    find=_find_queue,
    min_rest_s=QUEUE_REST_S,
    requests=2,
    may_change=_waits_in_queue,
)
"""The queue of a run that waits in it: one request, and once a query for the name of the queue."""


async def _fetch_tree(session: Session, run_id: RunId, before: RunTree | None) -> Fetched[RunTree]:
    tree = await session.fetch_tree(run_id, before)
    return Fetched(tree, is_partial=tree.unread_count > 0)


def _find_tree(session: Session, run_id: RunId) -> Fetched[RunTree] | None:
    """Return the tree of a finished run that has no relatives."""
    run = session.store.get(run_id)
    if run is None or not is_alone(run) or session.store.children_of(run_id):
        return None
    node = TreeNode(run.id, 0, run.fixed.task, run.state.status if run.state else None, run)
    return Fetched(RunTree(node, run.id), fetched_at=run.children_read_at)


def _may_tree_change(session: Session, _: RunId, tree: RunTree | None) -> bool:
    if tree is None or tree.unread_count:
        return tree is not None
    return any(is_live(session.store.get(node.id), node) for node in tree.root.walk())


TREE: Final[Need[RunTree]] = Need(
    name="the tree", fetch=_fetch_tree, find=_find_tree, min_rest_s=TREE_REST_S, requests=3, may_change=_may_tree_change
)
"""All runs around the selected one, from the root down."""


# The feed of the selected run, if the feed of the environment does not report that run.
#
# The environment's feed covers the newest thousand runs of a day. Other runs are only polled, so their changes are
# shown seconds late, or a minute late in a burst of new runs. Source: tests/wire/recordings/README.md §8


class FocusedRunFeed:
    """Holds at most one feed: an environment allows few connections."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._run_id: RunId | None = None
        self._feed: asyncio.Task[None] | None = None

    def focus(self, run_id: RunId | None) -> None:
        """Follow a run, if it is live and no other feed reports it. Called each second with the selected run."""
        if run_id != self._run_id:
            self.close()
            self._run_id = run_id
        run = None if run_id is None else self._session.store.get(run_id)
        if run is None or run.state is None or run.is_final or self._session.sources.is_covered(run):
            self.close()
        elif self._feed is None:
            # Beside the feed of the environment: if this one ends, nothing has to poll in its place.
            self._feed = self._session.sources.follow(RUN_FEED, run_id=run.id, wake=lambda: None)[0]

    def close(self) -> None:
        """End the feed."""
        if self._feed is not None:
            self._feed.cancel()
            self._feed = None


# The history of selected runs, and the way back through it.


MAX_RUNS: Final = 100
"""The maximum number of remembered runs."""


class History:
    """The selected run and those before it. Each step selects a run in the loader."""

    def __init__(self, loader: SelectionLoader, clock: Clock) -> None:
        self._loader = loader
        self._clock = clock
        self._past: list[RunId] = []
        self._waiting: tuple[RunId | None, bool] | None = None
        self._timer: Timer = NO_TIMER
        self.on_settled: Callable[[], None] = lambda: None
        """Called when a selection that waited is made."""

    @property
    def current(self) -> RunId | None:
        """The selected run, or the one that will be selected once the cursor has rested."""
        return self._loader.selection.run_id if self._waiting is None else self._waiting[0]

    def restart(
        self, run_id: RunId | None, *, at_once: bool = False, is_list_end: bool = False, rest_s: float = 0.0
    ) -> None:
        """Select a run of the list and forget the runs before it. With `rest_s`, wait until the cursor rests."""
        self._past.clear()
        self.close()
        if rest_s:
            self._waiting = (run_id, is_list_end)
            self._timer = self._clock.call_later(rest_s, self.settle)
        else:
            self._loader.select(run_id, at_once=at_once, is_list_end=is_list_end)

    def settle(self) -> None:
        """Make a selection that waits, now."""
        if self._waiting is not None:
            run_id, is_list_end = self._waiting
            self.close()
            self._loader.select(run_id, is_list_end=is_list_end)
            self.on_settled()

    def close(self) -> None:
        """Drop a selection that waits."""
        self._waiting = None
        self._timer.cancel()

    def go(self, run_id: RunId) -> None:
        """Select another run, from which `back` returns."""
        self.settle()
        current = self.current
        if current == run_id:
            return
        if current is not None:
            self._past = [*self._past[-MAX_RUNS + 1 :], current]
        self._loader.select(run_id, at_once=True)

    def back(self) -> bool:
        """Select the previous run; return whether there was one."""
        self.settle()
        if not self._past:
            return False
        self._loader.select(self._past.pop(), at_once=True)
        return True


# `Selected`: reads more about the thing under a cursor, once the cursor rests.


V = TypeVar("V")

ROW_REST_S: Final = 0.5
"""How long a cursor rests before a request is sent for the thing under it."""

TIMEOUT_S: Final = 30.0
MAX_KEPT: Final = 100
"""The values of at most this many things are kept. When there are more, all are forgotten."""


class Kept(NamedTuple, Generic[V]):
    """The value of a thing, and why the last read failed. `version` is that of the thing when it was read."""

    value: V | None
    failure: str
    is_refused: bool
    version: Hashable
    read_s: float


class Selected(Generic[T, V]):
    """Follows one thing at a time. `on_result` is called when something was read.

    * `read`: returns the value of a thing, given the one that was read before; it may raise `ApiError`
    * `key`: returns the identity of a thing
    * `version`: returns the part of a thing's state on which its value depends; when it changes, the thing is read
      again, at the earliest `again_s` after the last read
    * `rest_s`: how long the cursor rests before a read
    * `every_s`: an unchanged thing is read again after this; None: never
    """

    def __init__(
        self,
        session: Session,
        read: Callable[[T, V | None], Awaitable[V]],
        on_result: Callable[[], None],
        *,
        key: Callable[[T], Hashable],
        name: str,
        version: Callable[[T], Hashable] = lambda _: None,
        rest_s: float = ROW_REST_S,
        every_s: float | None = None,
        again_s: float = 0.0,
    ) -> None:
        self._session = session
        self._read = read
        self._on_result = on_result
        self._key = key
        self._name = name
        self._version = version
        self._rest_s, self._every_s, self._again_s = rest_s, every_s, again_s
        self._kept: dict[Hashable, Kept[V]] = {}
        self._wanted: T | None = None
        self._since_s = self._began_s = 0.0
        self._fetch = CoalescedFetch(session.clock, self._begin)
        self._is_reading = False

    def of(self, key: Hashable) -> V | None:
        """Return the value of a thing by its key, as far as it was read."""
        kept = self._kept.get(key)
        return None if kept is None else kept.value

    def failure_of(self, key: Hashable) -> str:
        """Return why the last read of a thing failed; empty if it did not."""
        kept = self._kept.get(key)
        return "" if kept is None else kept.failure

    @property
    def stage(self) -> ReadStage:
        """How far the read of the thing under the cursor has got."""
        if not self._is_reading:
            return ReadStage.DUE if self._fetch.is_scheduled else ReadStage.DONE
        is_late = self._session.clock.monotonic_s() - self._began_s >= SHOW_READING_AFTER.total_seconds()
        return ReadStage.LATE if is_late else ReadStage.DUE

    def follow(self, thing: T | None) -> None:
        """Read a thing soon, unless its present version was read. Call this whenever the cursor may have moved."""
        before = self._wanted
        if thing is None or before is None or self._key(before) != self._key(thing):
            self.stop()
            self._since_s = self._session.clock.monotonic_s()
        self._wanted = thing
        self._schedule()

    def refresh(self) -> None:
        """Read the thing under the cursor again now, even if that is not due."""
        wanted = self._wanted
        self.stop()
        if wanted is not None:
            self._wanted = wanted
            self._fetch.begin()

    def stop(self) -> None:
        """Read nothing."""
        self._fetch.close()
        self._wanted, self._is_reading = None, False

    def _schedule(self) -> None:
        due_s = None if self._wanted is None or self._is_reading else self._due_of(self._wanted)
        if due_s is not None:
            self._fetch.schedule(max(0.0, due_s - self._session.clock.monotonic_s()))

    def _due_of(self, thing: T) -> float | None:
        """Return the moment of the clock at which a thing has to be read; None: not again."""
        kept, rested_s = self._kept.get(self._key(thing)), self._since_s + self._rest_s
        if kept is None:
            return rested_s
        if kept.version != self._version(thing):
            return max(rested_s, kept.read_s + self._again_s)
        is_over = self._every_s is None or kept.is_refused
        return None if is_over else max(rested_s, kept.read_s + (self._every_s or 0.0))

    def _begin(self) -> asyncio.Task[None] | None:
        self._is_reading = self._wanted is not None and self._session.is_started
        if self._wanted is None or not self._is_reading:
            return None
        self._began_s = self._session.clock.monotonic_s()
        return self._session.spawn(self._run(self._wanted), self._name)

    async def _run(self, thing: T) -> None:
        key, version = self._key(thing), self._version(thing)
        before, failure, is_refused = self.of(key), "", False
        value = before
        try:
            async with asyncio.timeout(TIMEOUT_S):
                value = await self._read(thing, before)
        except TimeoutError:
            failure = f"no answer for {TIMEOUT_S:.0f} s"
        except ApiError as error:
            failure, is_refused = str(error), isinstance(error, Refused) and error.is_about_the_key
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[key] = Kept(value, failure, is_refused, version, self._session.clock.monotonic_s())
        self._is_reading = False
        self._on_result()
        self._schedule()
