"""Sleep detection, the pump, live findings, the supervisor of sources, and `Session`, which owns them and all tasks."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from contextvars import copy_context
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from importlib import import_module
from pathlib import Path
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from tui.api.actions import REPLAY, Action
from tui.api.errors import ApiError, Refused
from tui.domain.action import ActionPhase, ActionStatus, CommandEvent, Via
from tui.domain.facts import DECIDING, NO_FACTS, FactSource, MinutesRead, WallFacts, old_after
from tui.domain.filters import RunFilters
from tui.domain.finding import FindingsRead, SourceUnread, Verdict
from tui.domain.run import FEEDS, REALTIME, RELAY, REST, RUN_FEED, Run, RunId
from tui.domain.text import Raw
from tui.domain.tree import RunTree
from tui.domain.update import RunsRead, SourceConnected, SourceRetrying, SourceStopped, Update
from tui.settings.settings import Settings
from tui.store.changes import Changes, Topic
from tui.store.store import Store, read_at
from tui.sync.actions import ActionLog, ActionRunner, Interlock
from tui.sync.budget import PUBLIC_TOKEN, SECRET_KEY, Budget, Fatal, Source, Transient, as_transient, wait_s
from tui.sync.clock import Clock, ServerTime, SystemClock, Timer, WakeableClock, until_second_s
from tui.sync.reads import Priority
from tui.text.redaction import Redactor, redactor_of

if TYPE_CHECKING:
    from tui.api.client import ApiReader, Client
    from tui.api.connection import Timeouts
    from tui.store.findings.counts import OwnCounts
    from tui.store.findings.judging import Held, HeldFinding
    from tui.sync.facts import FactsSource
    from tui.sync.fetch import RunFetcher
    from tui.sync.lists import Coverage, SourceParts
    from tui.sync.relay import RelayConnection


# Detects that the machine or the process was suspended, since its connections may be dead without an error.
#
# The sign of it is a wait that took much longer than requested. The clock also counts while the machine sleeps.


CHECK_INTERVAL_S: Final = 5.0

MIN_SLEEP_S: Final = 5.0
"""A wait that ends this late means that the machine slept, or that the process was stopped. A busy machine is
quicker.
"""


async def detect_sleep(clock: Clock, on_wake: Callable[[], None]) -> None:
    """Call `on_wake` at most CHECK_INTERVAL_S after each sleep of MIN_SLEEP_S or more, until canceled."""
    while True:
        began_s = clock.elapsed_s()
        await clock.sleep(CHECK_INTERVAL_S)
        if clock.elapsed_s() - began_s >= CHECK_INTERVAL_S + MIN_SLEEP_S:
            on_wake()


# The bounded queue between the sources and the store.
#
# The pump applies updates in short turns, and calls the listeners with merged changes at a limited rate. Listeners may
# read the store, and must not block.


QUEUE_SIZE = 256
"""Updates that may wait; a page of runs is one update. Sources wait while the queue is full."""

TURN_S = 0.008
"""Apply updates for at most this long, then let other tasks run: a key is still painted within a frame."""

MIN_PUBLISH_INTERVAL_S = 0.1
"""Listeners are called at most ten times a second: a user cannot read faster, and a slow connection carries less."""

Listener = Callable[[Changes], None]


class Pump:
    """Moves updates from the queue into the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._queue: asyncio.Queue[Update] = asyncio.Queue(QUEUE_SIZE)
        self.settle = self._queue.join
        """Waits until everything queued so far is in the store."""
        self._listeners: list[Listener] = []
        self._pending = Changes()
        self._published_s = self._runs_published_s = clock.monotonic_s() - MIN_PUBLISH_INTERVAL_S
        self._timer: Timer | None = None
        self._wake = asyncio.Event()
        self._is_closed = False

    async def emit(self, update: Update) -> None:
        """Queue an update, and wait while the queue is full. After the end of `run` updates are dropped."""
        if self._is_closed:
            return
        await self._queue.put(update)
        self._wake.set()
        self._drop_queued()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with merged changes from now on. Return a function that unsubscribes it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def run(self) -> None:
        """Apply updates until canceled. An exception in a listener ends this task, and with it the session."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                turn_ends_s = self._clock.monotonic_s() + TURN_S
                while not self._queue.empty():
                    try:
                        self._pending.merge(self._store.apply(self._queue.get_nowait()))
                    finally:
                        self._queue.task_done()
                    if self._clock.monotonic_s() >= turn_ends_s:
                        self._wake.set()
                        break
                self._publish_if_due()
                await asyncio.sleep(0)
        finally:
            self._is_closed = True
            if self._timer is not None:
                self._timer.cancel()
            self._drop_queued()  # which releases the callers of `emit` and `settle`

    def _drop_queued(self) -> None:
        """After the end of `run`, drop what is queued, or `settle` would wait forever."""
        while self._is_closed and not self._queue.empty():
            self._queue.get_nowait()
            self._queue.task_done()

    def _publish_if_due(self) -> None:
        """Call the listeners if MIN_PUBLISH_INTERVAL_S has passed since the last call, else set a timer.

        Changes of runs count separately: a change of the environment just before them does not delay them.
        """
        if self._pending.is_empty:
            return
        now_s = self._clock.monotonic_s()
        has_runs = Topic.RUNS in self._pending.topics
        delay_s = (self._runs_published_s if has_runs else self._published_s) + MIN_PUBLISH_INTERVAL_S - now_s
        if delay_s > 0:
            if self._timer is None:
                self._timer = self._clock.call_later(delay_s, self._on_timer)
            return
        self._published_s = now_s
        if has_runs:
            self._runs_published_s = now_s
        changes, self._pending = self._pending, Changes()
        for listener in tuple(self._listeners):
            listener(changes)

    def _on_timer(self) -> None:
        self._timer = None
        self._wake.set()


# Judges the facts while a watcher shows findings: overview, wall, queues, `status`, an alert, or a relay's screen.
#
# Without a watcher, no fact is read and no run is counted. On a relay, the relay judges: this session only says when
# the relay has been silent for too long.


FIRST_TICK_S: Final = 0.1
"""The interval of judgements until the first verdict, since a wall says NOT KNOWN until then. Later it is a second."""

UNCHANGED_TICKS: Final = 3
"""While the store does not change, findings are judged only once in this many ticks. Their bounds are tens of
seconds.
"""

LINGER_S: Final = 5.0
"""Reading goes on for this long after the last watcher left, since moving the cursor hides and shows the overview."""

MAX_PENDING: Final = 10_000
"""Without a watcher, the counts are kept until they lack this many changed runs. Counting those takes 0.2 s."""

FIRST_FACTS_S: Final = 6.0
"""The first verdict waits at most this long for facts, so that `wall --json` has it within 10 s. It names what is still
unread.
"""

SERVER_TIME_WITHIN_S: Final = 5.0
SERVER_TIME_LOOK_S: Final = 0.1
"""The facts wait at most `SERVER_TIME_WITHIN_S` for the first answer of list or feed, and look for it at this
interval.
"""

SAME_FACTS_FOR: Final = timedelta(seconds=20)
"""Queues and waits are read this often, so every watcher sees answers of up to this age."""

SILENT_AFTER: Final = timedelta(seconds=41)
"""The same as `judging.UNKNOWN_AFTER`, which is not imported before findings are watched."""

_NO_TIME: Final = datetime.min.replace(tzinfo=UTC)
_LISTS: Final = (REST, REALTIME, RELAY)
_TOPICS: Final = frozenset({Topic.RUNS, Topic.WALL_FACTS, Topic.WINDOW, Topic.HISTORY, Topic.ENVIRONMENT})


class LiveFindings:
    """Counts the watchers, and judges in a loop while there is one. The results are `store.verdict` and
    `store.wall_facts`.

    `own` has our own counts of the store's runs, None without a watcher.
    """

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._watchers: set[object] = set()
        self._task: asyncio.Task[None] | None = None
        self._facts: FactsSource | None = None
        self._held: Held = ()
        self._ended: HeldFinding | None = None
        self._heard: dict[str, tuple[SourceConnected, float]] = {}
        self._complete: tuple[SourceConnected, float] | None = None
        """The last answer of the list after which every live run was known, and when it came."""
        self._has_changed = True
        self._old_verdict: Verdict | None = None
        """The known verdict from before a pause without a watcher."""
        self._first_facts_until_s = 0.0
        self._counting_since: datetime | None = None
        self._counts: OwnCounts | None = None
        """Kept without a watcher until too much has changed, because counting the whole store again costs more."""
        self._stop_counting: Callable[[], None] = lambda: None
        self.is_judged = False
        """Whether the store's verdict is up to date. Without a watcher it is not renewed."""

        self.own: OwnCounts | None = None

    @property
    def is_watched(self) -> bool:
        """Whether there is a watcher."""
        return bool(self._watchers)

    @property
    def verdict(self) -> Verdict | None:
        """The store's verdict; None while it is from before a pause without a watcher, until the loop replaces it."""
        verdict = self._session.store.verdict
        return None if verdict is self._old_verdict else verdict

    def watch(self) -> Callable[[], None]:
        """Judge from now on. Return a function that ends it, unless others watch."""
        watcher = object()
        self._watchers.add(watcher)
        self.start()
        return lambda: self._watchers.discard(watcher)

    async def read_span(self, since: datetime, until: datetime, cell: timedelta) -> MinutesRead:
        """Read what runs did in another span of time, within the allowance of the facts. Raises `ApiError`."""
        return await self._facts_source().read_span(since, until, cell)

    def start(self) -> None:
        """Judge if somebody watches and the session has a connection."""
        if self._watchers and self._task is None and self._session.is_started:
            verdict = self._session.store.verdict
            self._old_verdict = verdict if verdict is not None and verdict.is_known else None
            # Count at once: otherwise a screen that opens again would not know its rates until the next tick.
            if self._counts is not None and not self._counts.step(self._session.now()):
                self.own = self._counts
            self._task = self._session.spawn(self._run(), "findings")

    async def _run(self) -> None:
        """Read and judge until there was no watcher for LINGER_S."""
        session = self._session
        from tui.store.findings.counts import OwnCounts

        self._first_facts_until_s = session.clock.elapsed_s() + FIRST_FACTS_S
        self._counting_since = session.now()
        await self._forget_old_verdict()
        if self._counts is None:
            self._counts = OwnCounts(session.store)
            self._stop_counting = session.subscribe(self._on_changes)
        self.own = self._counts
        self._has_changed = True
        relay = session.sources.relay
        reading = session.spawn(self._read_facts() if relay is None else relay.watch(is_watching=True), "facts")
        try:
            await self._judge_until_unwatched()
        finally:
            self._task, self.own, self.is_judged = None, None, False
            reading.cancel()
        if relay is not None:
            # A new watcher may have come meanwhile.
            await relay.watch(is_watching=self.is_watched)

    async def _forget_old_verdict(self) -> None:
        """Forget a verdict from before a pause. If the server has been silent, it stays as not known.

        It also stays if the next one comes at once. Otherwise wall and overview would say NOT KNOWN for a moment.
        """
        verdict, session = self._session.store.verdict, self._session
        if verdict is None or not verdict.is_known:
            return
        facts = session.store.wall_facts or NO_FACTS
        if self._is_silent:
            await session.emit(FindingsRead(self._not_known(verdict)))
        elif session.sources.relay is not None or self._counts is None or not self._has_first_facts(facts):
            await session.emit(FindingsRead(None))

    def _not_known(self, verdict: Verdict) -> Verdict:
        heard_at = self._heard_at() or verdict.heard_at
        return replace(verdict, at=self._session.now(), heard_at=heard_at, is_known=False)

    async def _judge_until_unwatched(self) -> None:
        clock, ticks, unwatched_s = self._session.clock, 0, 0.0
        judged_facts = None
        while unwatched_s < LINGER_S:
            ticks += 1
            facts = self._session.store.wall_facts  # facts that were read again without a change are not published
            if self._has_changed or facts is not judged_facts or ticks % UNCHANGED_TICKS == 0:
                self._has_changed, judged_facts = False, facts
                await self._judge()
            is_first = not self.is_judged and clock.elapsed_s() < self._first_facts_until_s
            slept_s = FIRST_TICK_S if is_first else until_second_s(clock)
            await clock.sleep(slept_s)
            unwatched_s = 0.0 if self._watchers else unwatched_s + slept_s

    async def _read_facts(self) -> None:
        """Read facts once the server's time is known: the local clock may be hours away, and facts name hours."""
        session = self._session
        until_s = session.clock.elapsed_s() + SERVER_TIME_WITHIN_S
        while self._heard_at() is None and session.clock.elapsed_s() < until_s:
            await session.clock.sleep(SERVER_TIME_LOOK_S)
        self._counting_since = session.now()
        await self._facts_source().run(self._session.emit)

    def _facts_source(self) -> "FactsSource":
        if self._facts is None:
            from tui.store.findings.judging import schedules_to_ask
            from tui.sync.facts import FactsSource

            session, key = self._session, self._session.settings.key
            self._facts = FactsSource(
                session.fetcher,
                session.store,
                session.sources.clock,
                due_schedules=lambda facts, now: schedules_to_ask(facts, now, self.own),
                is_public=key.is_public,
                environment_type=key.environment_type,
            )
        return self._facts

    def _on_changes(self, changes: Changes) -> None:
        self._has_changed |= not _TOPICS.isdisjoint(changes.topics)
        counts = self._counts
        if counts is not None:
            counts.on_changes(changes)
            if self.own is None and len(counts.pending) > MAX_PENDING:
                self._counts = None
                self._stop_counting()

    async def _judge(self) -> None:
        """Judge the present facts, and emit the verdict if it differs from the last one."""
        session, own = self._session, self.own
        assert own is not None
        has_more = True
        while has_more:
            has_more = own.step(session.now())
            await asyncio.sleep(0)
        after = before = session.store.verdict
        if session.sources.relay is None:
            after = self._verdict(own)
        elif before is not None and before.is_known and self._is_silent:
            after = self._not_known(before)
        if before is not self._old_verdict or after is before:
            self._old_verdict = None
        if after is None:
            return
        if not self.is_judged or before is None or _said(after) != _said(before):
            self.is_judged = True
            if after is not before:
                await session.emit(FindingsRead(after))

    def _verdict(self, own: "OwnCounts") -> Verdict | None:
        """Return the verdict of now, None while the first facts are awaited."""
        from tui.store.findings.bounds import standstill_of
        from tui.store.findings.judging import hold, judge, verdict_of, worst_ended

        store, now, heard_at = self._session.store, self._session.now(), self._heard_at()
        facts, runs = store.wall_facts or NO_FACTS, self.runs_unread()
        held, key = self._held, self._session.settings.key
        if not self._is_silent:
            if not self._has_first_facts(facts) or (runs is not None and not self._is_late):
                return None
            environment = store.environment
            is_development = (key.environment_type if environment is None else environment.type) == "DEVELOPMENT"
            still = standstill_of(facts, own, environment, now)
            judged = judge(facts, own, now, is_development=is_development, still=still)
            before, held = held, hold(held, judged, now)
            self._held, self._ended = held, worst_ended(before, held) or self._ended
        window = store.window
        has_all = window is not None and not window.is_filtered and not window.is_older_cut and not key.is_public
        return verdict_of(held, facts, own, now, heard_at, runs, is_of_listed=not has_all, ended=self._ended)

    def runs_unread(self) -> SourceUnread | None:
        """Return why the live runs are not known, or None if they are. A feed alone does not suffice: it has only the
        newest runs.
        """
        store = self._session.store
        status, window = store.source_statuses.get(REST), store.window
        # The server did answer, even if it refuses to list that many old runs, or has more of them than are read.
        is_complete = window is not None and (window.is_live_complete or window.is_older_cut)
        if is_complete and isinstance(status, SourceConnected):
            self._heard_at()
            self._complete = self._heard[REST]
        reason = Raw(status.reason) if isinstance(status, SourceRetrying | SourceStopped) else None
        if self._complete is None:
            return SourceUnread(FactSource.RUNS, reason)
        read, read_s = self._complete
        known_for = SILENT_AFTER if reason else old_after(timedelta(seconds=read.interval_s))
        is_known = self._session.clock.elapsed_s() - read_s <= known_for.total_seconds()
        return None if is_known else SourceUnread(FactSource.RUNS, reason, read.at)

    def _has_first_facts(self, facts: WallFacts) -> bool:
        """Whether every fact that a verdict needs was read or failed since the reading began, or takes too long."""
        return self._is_late or all(self._is_read(facts, source) for source in DECIDING)

    @property
    def _is_late(self) -> bool:
        """Whether the first verdict waits no longer."""
        return self._session.clock.elapsed_s() >= self._first_facts_until_s

    def _is_read(self, facts: WallFacts, source: FactSource) -> bool:
        at = read_at(facts, source)
        if source in {FactSource.WAITS, FactSource.QUEUES} and source not in facts.unread:
            # With an older answer, a queue would look slower with every second.
            since = self._counting_since
            return at is not None and since is not None and at >= since - SAME_FACTS_FOR
        return at is not None or source in facts.unread

    @property
    def _is_silent(self) -> bool:
        """Whether the server has been silent for so long that its state is not known."""
        heard_at = self._heard_at()
        return heard_at is None or self._session.now() - heard_at > SILENT_AFTER

    def _heard_at(self) -> datetime | None:
        """Return the server's time of the last answer of list, feed or relay, by the session's clock."""
        now_s, now = self._session.clock.elapsed_s(), self._session.now()
        for name in _LISTS:
            status = self._session.store.source_statuses.get(name)
            if isinstance(status, SourceConnected):
                known = self._heard.get(name)
                if known is None or known[0] != status:
                    age_s = max(0.0, (now - status.at).total_seconds())
                    # An older answer, from a cache or with a wrong clock, must not move this time back.
                    self._heard[name] = (status, now_s - age_s if known is None else max(known[1], now_s - age_s))
        heard_s = max((at_s for _, at_s in self._heard.values()), default=None)
        with suppress(OverflowError):
            return None if heard_s is None else now - timedelta(seconds=now_s - heard_s)
        return None


def _said(verdict: Verdict) -> object:
    """Return the parts of a verdict that decide whether it is new: everything but the times that just pass."""
    return replace(verdict, at=_NO_TIME, heard_at=None if verdict.is_known else verdict.heard_at)


# Runs the sources of a session, each in its own task, and restarts a source after a transient failure.
#
# A source emits updates: the poller, a realtime feed, or a relay.


STABLE_AFTER_S: Final = 10.0
"""A source that stays connected this long, or for its own interval, has recovered: the backoff starts over.

A failure before that continues the backoff, since each restart of a feed costs a snapshot.
"""

MIN_REFRESH_INTERVAL_S: Final = 0.5
"""A refresh sooner than this after the last one is ignored: the user holds the key down."""


def source_of(name: str, parts: "SourceParts") -> Source:
    """Return a source by its name. A new source is a module with a `Source` class, and a line here.

    Imports are made here: the first paint does not wait for httpx2 and pydantic, and websockets take a tenth of a
    command's start.
    """
    from tui.api.feed import FeedTarget
    from tui.sync.feed import RealtimeSource
    from tui.sync.polling import RestSource, SingleRunSource

    if name == RELAY:
        from tui.sync.relay import RelaySource

        assert parts.relay is not None
        return RelaySource(parts.relay, parts.store, parts.clock, parts.spawn)
    if name == RUN_FEED:
        return RealtimeSource(parts, FeedTarget(run_id=parts.run_id))
    if name == REALTIME:
        # Several tags mean any of them in a list, and all of them in a feed.
        tags = parts.filters.tags if len(parts.filters.tags) == 1 else ()
        return RealtimeSource(parts, FeedTarget(window=parts.history, tags=tags))
    return RestSource(parts) if name == REST else SingleRunSource(parts)


_TEMPORARY = frozenset({408, 425, 499})


def as_source_error(error: ApiError | Transient | Fatal, *, was_connected: bool) -> Transient | Fatal:
    """Return the failure of a source that raised this error.

    401 and 403 are fatal. Any other refusal is fatal only if no request ever succeeded: afterwards, a 400 or 404 comes
    from a proxy, or from a server in the middle of a rollout.
    """
    if isinstance(error, Refused):
        is_lasting = not was_connected and error.status not in _TEMPORARY
        if error.is_about_the_key or is_lasting:
            return Fatal(str(error), status=error.status)
    return as_transient(error) if isinstance(error, ApiError) else error


class SourceSupervisor:
    """Starts and restarts sources. The returned tasks run until they are canceled or the session ends."""

    def __init__(self, session: "Session", random: Random) -> None:
        self._session = session
        self._random = random
        self.relay: RelayConnection | None = None
        """Set when a session that follows a relay starts."""
        self.clock = WakeableClock(session.clock)
        # A 429 names the time of the next try, so that only `refresh` ends that wait early. Any other wait is a guess:
        # the recovery of another source ends it too.
        self._rate_limit_clock = WakeableClock(session.clock)
        self._refreshed_s: float | None = None
        self._coverage: Coverage | None = None

    def follow_runs(
        self, *, filters: RunFilters | None = None, history: timedelta | None = None
    ) -> tuple[asyncio.Task[None], ...]:
        """Follow the runs of the environment, by polling and the realtime feed, or through the relay.

        `history` is how far back the list is read; the default comes from the settings.
        """
        names = (REST, REALTIME) if self._session.settings.relay_url is None else (RELAY,)
        return self.follow(*names, filters=filters, history=history)

    def is_covered(self, run: Run) -> bool:
        """Whether a feed of this run alone is useless: the environment's feed reports the run, or no feed works."""
        coverage, created_at = self._coverage, run.created_at
        if coverage is None or not coverage.is_live or created_at is None:
            return True
        # The feed's filter may exclude the run: a parent, or a run from before the filter changed.
        tags = run.state.tags if run.state is not None else ()
        return set(coverage.tags).issubset(tags) and coverage.covers(created_at, self._session.now())

    def refresh(self) -> None:
        """End the waits of all sources: each polls, retries, or requests a new snapshot of the feed now.

        Reads in flight that take long are sent again: a server may send an answer byte by byte.
        """
        now_s = self.clock.elapsed_s()
        if self._refreshed_s is not None and now_s - self._refreshed_s < MIN_REFRESH_INTERVAL_S:
            return
        self._refreshed_s = now_s
        self.clock.wake()
        self._rate_limit_clock.wake()
        if (lists := self._lists) is not None:
            lists.restart_reads()

    def oldest_read(self) -> tuple[str, timedelta] | None:
        """Return which read in flight began first, and after which time it fails at the latest."""
        return None if self._lists is None else self._lists.oldest_read()

    @property
    def _lists(self) -> "Client | None":
        return self._session.fetcher.lists if self._session.is_started else None

    async def supervise(self, source: Source) -> None:
        """Run a source, restart it after transient failures, and emit its state. Return after a fatal failure."""
        session, tries = self._session, 0
        connected_s: float | None = None
        failed_s = 0.0
        was_connected = False

        async def emit(update: Update) -> None:
            nonlocal tries, connected_s, was_connected
            was_connected |= isinstance(update, SourceConnected)
            if isinstance(update, SourceConnected) and tries:
                now_s = self.clock.elapsed_s()
                if connected_s is None:
                    connected_s = now_s
                    # The server answers again: the other sources retry at once.
                    self.clock.wake(healthy_since_s=failed_s)
                if now_s - connected_s >= min(update.interval_s, STABLE_AFTER_S):
                    tries = 0
            await session.emit(update)

        while True:
            started_s = self.clock.elapsed_s()
            try:
                await source.run(emit)
            except (ApiError, Transient, Fatal) as error:
                failure = as_source_error(error, was_connected=was_connected)
                if isinstance(failure, Fatal):
                    await session.emit(SourceStopped(source.name, session.now(), failure.reason, failure.status))
                    return
                now_s = self.clock.elapsed_s()
                # Only a retry that never connected shows how long its request took.
                took_s = 0.0 if connected_s is not None or not tries else now_s - started_s
                failed_s = failed_s if tries else now_s
                tries, connected_s = tries + 1, None
                pause_s = max(wait_s(self._random, tries, took_s), failure.retry_after.total_seconds())
                now, more = session.now(), (failure.reason, failure.is_answered, failure.status)
                await session.emit(SourceRetrying(source.name, now, now + timedelta(seconds=pause_s), tries, *more))
                clock = self._rate_limit_clock if failure.status == 429 and failure.retry_after else self.clock
                await clock.sleep(pause_s)

    def follow(
        self,
        *names: str,
        filters: RunFilters | None = None,
        run_id: RunId | None = None,
        history: timedelta | None = None,
        wake: Callable[[], None] | None = None,
    ) -> tuple[asyncio.Task[None], ...]:
        """Run sources by their names.

        `wake` is called when the feed ends, by default to wake all sources, so that the poller takes over.
        """
        from tui.sync.lists import Coverage, SourceParts

        coverage = Coverage(wake or self.clock.wake)
        if REST in names:
            self._coverage = coverage
        session, settings = self._session, self._session.settings
        parts = SourceParts(
            fetcher=session.fetcher,
            store=session.store,
            clock=self.clock,
            interval=lambda: session.settings.interval_s,
            history=history or settings.history,
            max_history_runs=min(settings.history_runs, settings.max_runs),
            filters=filters or RunFilters(),
            run_id=run_id,
            coverage=coverage,
            relay=self.relay,
            spawn=session.spawn,
        )
        enabled = [name for name in names if settings.realtime or name not in FEEDS]
        return tuple(session.spawn(self.supervise(source_of(name, parts)), f"source {name}") for name in enabled)


# Use `Session` as a context manager. When the block ends, by an exit, Ctrl-C or a crash, every task is canceled and
# every connection is closed.


MAX_APPLIED_RUNS = 1_000
"""Runs in one update of the store, about 10 ms of work. A run with more children is split into several updates."""

MAX_TRUNCATIONS = 100
"""Sentences about truncated responses to keep and report; later ones are dropped."""

CLOSE_TIMEOUT_S = 3.0
"""After this, the process ends without closing the remaining connections."""

FORBIDDEN: Final = 403


class Session:
    """One environment, followed while the program runs.

    `store` can be used at once, `fetcher` and `perform` only after `start`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        random: Random | None = None,
        on_rate_limit_wait: Callable[[float], None] = lambda _: None,
        on_truncated: Callable[[str], None] = lambda _: None,
        timeouts: "Timeouts | None" = None,
        feed_timeouts: "Timeouts | None" = None,
    ) -> None:
        """`on_rate_limit_wait` is called with the seconds that a user's request has to wait for the budget.

        `on_truncated` receives one sentence for each kind of response that was too large and was truncated.
        """
        self.settings = settings
        self.clock = clock or SystemClock()
        self._server_time = ServerTime(self.clock)
        self.now = self._server_time.now
        """Returns the server's time, estimated from its `Date` headers."""
        self.store = Store(max_runs=settings.max_runs)
        self.interlock = Interlock(settings.expect_env)
        self.action_log = ActionLog(
            Path(settings.state_dir),
            lambda text: self.secrets.cut(text),  # noqa: PLW0108  they are made when first needed
        )
        refill = PUBLIC_TOKEN if settings.key.is_public else SECRET_KEY
        self.budget = Budget(self.clock, refill, on_wait=on_rate_limit_wait)
        self.fetcher: RunFetcher
        random = random or Random()  # noqa: S311  spreads retries, guards nothing
        self.sources = SourceSupervisor(self, random)
        overrides = {"timeouts": timeouts, "feed_timeouts": feed_timeouts}
        self._timeouts = {name: each for name, each in overrides.items() if each is not None}
        self.truncations: dict[str, None] = {}
        """Sentences about truncated responses, in order; a dict instead of an ordered set."""
        self._on_truncated = on_truncated
        self._pump = Pump(self.store, self.clock)
        self.subscribe, self.settle = self._pump.subscribe, self._pump.settle
        self.findings = LiveFindings(self)
        self._denials: dict[str, str] = {}
        """Why the server refuses a kind of action to the key, by the id of the action."""
        self._action_number = 0
        self._actions_in_flight: dict[int, ActionStatus] = {}
        self.context = copy_context()
        """The context of new tasks. That of their creator refers to a screen, and would keep it after it was closed: a
        canceled timer stays in the event loop, with its context, until it is due."""
        self._tasks = asyncio.TaskGroup()
        self._spawned: set[asyncio.Task[None]] = set()
        self._closers = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self.spawn(self._pump.run(), "pump")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in tuple(self._spawned):
            task.cancel()
        # Other exceptions than a cancellation come from the block. The task group must not wrap them in a group.
        is_from_block = kind is not None and not issubclass(kind, asyncio.CancelledError)
        try:
            await self._tasks.__aexit__(*((None, None, None) if is_from_block else (kind, error, trace)))
        except BaseExceptionGroup as group:
            if error is not None and is_from_block:
                error.add_note(f"Tasks of the session failed too: {group.exceptions!r}")
            elif len(group.exceptions) == 1:
                raise group.exceptions[0] from None
            else:
                raise
        finally:
            try:
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await self._closers.aclose()
            except TimeoutError:
                pass  # a peer that does not answer must not delay the exit
            finally:
                await self.action_log.close()

    @cached_property
    def secrets(self) -> Redactor:
        """Knows the key and the token of this session: no file, log or copied address may hold them."""
        return redactor_of(self.settings)

    def spawn(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Start a task in the session's task group. An exception in it ends the session."""
        task = self.context.copy().run(lambda: self._tasks.create_task(work, name=name))
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard, context=self.context)
        return task

    async def start(self) -> None:
        """Load the data layer in a thread, and open the connection to the API or to the relay."""
        # These imports load httpx2, and for a relay pydantic and websockets. They take about 100 ms: a thread makes
        # them, after the first paint, so that the screen responds.
        settings, url = self.settings, self.settings.relay_url
        for module in ("tui.sync.fetch", *(() if url is None else ("tui.sync.relay",))):
            await asyncio.to_thread(import_module, module)
        from tui.api.client import Client
        from tui.sync.fetch import RunFetcher

        api: ApiReader
        client: Client | None = None
        if url is None:
            key, clock, observe = settings.key.reveal(), self.clock.now, self.budget.observe
            api = client = Client(
                settings.api_url, key, clock=clock, branch=settings.branch, on_rate_limit=observe, **self._timeouts
            )
        else:
            from tui.sync.relay import RelayConnection

            api = RelayConnection(url, settings.relay_token, self.clock, ca=settings.relay_ca)
            self.sources.relay = api
        api.on_truncated = self._on_response_truncated
        self._closers.push_async_callback(api.aclose)
        self.fetcher = RunFetcher(api, self.budget, self.emit, self.now, self.store.get, self.settle, lists=client)
        self.spawn(detect_sleep(self.clock, self.sources.refresh), "sleep")
        self.findings.start()

    def _on_response_truncated(self, text: str) -> None:
        if text not in self.truncations and len(self.truncations) < MAX_TRUNCATIONS:
            self.truncations[text] = None
            self._on_truncated(text)

    async def emit(self, update: Update) -> None:
        """Queue an update for the store. All updates of the session pass through here."""
        self.interlock.observe(update)
        has_relay = self.sources.relay is not None
        if isinstance(update, SourceConnected) and (not has_relay or update.source == RELAY):
            # The `Date` header has whole seconds. A response from a cache confirms an earlier moment.
            age = self._server_time.observe(update.at)
            update = replace(update, at=self.now() - age)
        if isinstance(update, RunsRead):
            if update.patches and not has_relay:
                self._server_time.observe(update.patches[0].read_at)
            for start in range(0, max(1, len(update.patches)), MAX_APPLIED_RUNS):
                await self._pump.emit(RunsRead(update.patches[start : start + MAX_APPLIED_RUNS]))
        else:
            await self._pump.emit(update)

    async def changes(self) -> AsyncGenerator[Changes, None]:
        """Yield changes without end. Changes that arrive while the caller is busy are merged."""
        pending, arrived = Changes(), asyncio.Event()

        def on_changes(changes: Changes) -> None:
            pending.merge(changes)
            arrived.set()

        unsubscribe = self.subscribe(on_changes)
        try:
            while True:
                await arrived.wait()
                arrived.clear()
                changes, pending = pending, Changes()
                yield changes
        finally:
            unsubscribe()

    async def fetch_tree(self, run_id: RunId, before: RunTree | None = None) -> RunTree:
        """Read the whole tree around a run, going on from an incomplete one. Raises `ApiError`."""
        from tui.sync.tree import TreeFetcher

        return await TreeFetcher(self.fetcher, self.clock, before=before).fetch_tree(run_id)

    async def fetch_current_version(self) -> Raw:
        """Read the version in which new runs start. Raises `ApiError`; a development environment has none."""
        from tui.api.facts import CURRENT_DEPLOYMENT

        return (await self.fetcher.read_row(CURRENT_DEPLOYMENT, "", Priority.SELECTED)).version

    @property
    def is_started(self) -> bool:
        """Whether `start` has opened the connection."""
        return hasattr(self, "fetcher")

    def change_settings(self, settings: Settings) -> None:
        """Use settings that were read again. The connection, the key and the action log stay as they were."""
        before, self.settings = self.settings, settings
        if before.interval_s != settings.interval_s:
            self.sources.refresh()  # read the list now

    def local_now(self) -> datetime:
        """Return the server's time in the zone of the settings. Texts show times in the zone of their `now`."""
        return self.now().astimezone(self.settings.zone)

    @property
    def is_read_only(self) -> bool:
        """Whether the settings or the key forbid writing here. The config file may protect some environments."""
        return not self.settings.may_write or self._is_protected

    @property
    def _is_protected(self) -> bool:
        """Whether the config file forbids writing in this environment, or this one is unknown and any is protected."""
        interlock = self.interlock
        return self.settings.read_only.forbids(interlock.name, is_production=interlock.is_production)

    @property
    def write_block(self) -> str | None:
        """Why no action may be sent in this session, or None."""
        if self.settings.relay_url is not None:
            return "cancel and replay do not work through a relay"
        if self.settings.read_only.everywhere:
            by_file = self.settings.origin("read_only.everywhere") == "file"
            return "the config file makes this session read-only" if by_file else "this session is read-only"
        if not self.settings.key.may_write:
            return "the public token has no scope that writes runs"
        if self.is_read_only:
            return f"the config file makes {self.interlock.name or 'an unknown environment'} read-only"
        return self.interlock.reason

    @property
    def offers_actions(self) -> bool:
        """Whether the keys of actions exist. If the API key or a relay forbids writing, they exist and say so."""
        where = self.settings.read_only
        return self.settings.relay_url is not None or not (where.everywhere or self._is_protected)

    def denial(self, action: Action) -> str | None:
        """Why actions of this kind are refused for this key or this screen, as far as we know; None if they are
        allowed.

        A refusal of the server is remembered until the user refreshes. Source: tests/wire/recordings/RIGHTS.md
        """
        key = self.settings.key
        if self.settings.relay_url is not None or not key.may_write:
            return self.write_block
        if key.is_public and action is REPLAY:
            return "a public token cannot replay runs"
        return self._denials.get(action.id)

    def block(self, action: Action) -> str | None:
        """Why no action of this kind may be sent now, or None."""
        return self.write_block or self.denial(action)

    def refresh(self) -> None:
        """Ask the server now. Forget refusals too, so that the next action finds out whether the key may act."""
        self._denials.clear()
        self.sources.refresh()

    def record_denial(self, action: Action, error: Refused) -> None:
        """Record that the server refused an action, so that this kind is not sent again."""
        # A token for single runs may still act on others. A proxy refuses one request with a web page.
        if error.status == FORBIDDEN and not error.is_page and self.settings.key.writable_runs is None:
            self._denials[action.id] = f"this key may not do that ({FORBIDDEN})"

    @property
    def actions_in_flight(self) -> list[ActionStatus]:
        """Actions that were sent and have no outcome yet. The store receives them slightly later."""
        return list(self._actions_in_flight.values())

    async def perform(self, action: Action, before: Run, *, via: Via = Via.KEY) -> ActionStatus:
        """Send an action for a run, and return its outcome. `before` is the run as it was last read."""
        self._action_number += 1
        status = ActionStatus(before.id, action.id, self._action_number, ActionPhase.REQUESTED, self.now(), via=via)
        runner = ActionRunner(
            self.fetcher, self.clock, action, before, status, self.block, self.publish, self.record, self.record_denial
        )
        return await runner.perform()

    async def publish(self, status: ActionStatus) -> None:
        """Record and emit a phase of an action."""
        self.record(status)
        if status.phase.is_end:
            self._actions_in_flight.pop(status.number, None)
        else:
            self._actions_in_flight[status.number] = status
        await self.emit(status)

    def record(self, event: ActionStatus | CommandEvent) -> None:
        """Write a phase of an action, or the start or the end of a command of the user, into the action log."""
        self.action_log.record(event, environment=self.interlock.name, api_url=self.settings.api_url)
