"""Runs the sources of a session, each in its own task, and restarts a source after a transient failure.

A source emits updates: the poller, a realtime feed, or a relay. Importing this module loads none of them, so that the
first paint does not wait for httpx2 and pydantic.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Final

from tui.api.errors import ApiError
from tui.domain.filters import RunFilters
from tui.domain.run import FEEDS, REALTIME, RELAY, REST, RUN, RUN_FEED, Run, RunId
from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped, Update
from tui.lazy_dataclass import dataclass
from tui.settings.settings import Settings
from tui.store.store import Store
from tui.sync.budget import Emit, Fatal, Source, Transient, as_source_error, wait_s
from tui.sync.clock import Clock, WakeableClock

if TYPE_CHECKING:
    from tui.api.client import Client
    from tui.sync.fetch import RunFetcher
    from tui.sync.lists import Coverage, SourceParts
    from tui.sync.relay import RelayConnection


STABLE_AFTER_S: Final = 10.0
"""A source that stays connected this long, or for its own interval, has recovered: the backoff starts over.

A failure before that continues the backoff, since each restart of a feed costs a snapshot.
"""

MIN_REFRESH_INTERVAL_S: Final = 0.5
"""A refresh sooner than this after the last one is ignored: the user holds the key down."""


Spawn = Callable[[Coroutine[None, None, None], str], asyncio.Task[None]]
"""Starts a task with this name in the session's task group."""


def source_of(name: str, parts: "SourceParts") -> Source:
    """Return a source by its name. A new source is a module with a `Source` class, and a case here.

    Imports are made here: the first paint does not wait for httpx2 and pydantic, and websockets take a tenth of a
    command's start.
    """
    from tui.api.feed import FeedTarget
    from tui.sync.feed import RealtimeSource
    from tui.sync.polling import RestSource, SingleRunSource

    if name == RELAY:
        from tui.sync.relay import RelaySource

        assert parts.relay is not None
        return RelaySource(parts.relay, parts.store, parts.clock)
    if name == RUN_FEED:
        return RealtimeSource(parts, FeedTarget(run_id=parts.run_id))
    if name == REALTIME:
        # Several tags mean any of them in a list, and all of them in a feed.
        tags = parts.filters.tags if len(parts.filters.tags) == 1 else ()
        return RealtimeSource(parts, FeedTarget(window=parts.history, tags=tags))
    return RestSource(parts) if name == REST else SingleRunSource(parts)


@dataclass(eq=False)
class SourceSupervisor:
    """Starts and restarts sources. The returned tasks run until they are canceled or the session ends.

    The session sets `fetcher` when it starts, and `relay` if it follows a relay.
    """

    _settings: Settings
    _store: Store
    _machine_clock: Clock
    _random: Random
    emit: Emit
    now: Callable[[], datetime]
    spawn: Spawn

    def __post_init__(self) -> None:
        self.fetcher: RunFetcher
        self.relay: RelayConnection | None = None
        self.clock = WakeableClock(self._machine_clock)
        # A 429 names the time of the next try, so that only `refresh` ends that wait early. Any other wait is a guess:
        # the recovery of another source ends it too.
        self._rate_limit_clock = WakeableClock(self._machine_clock)
        self._refreshed_s: float | None = None
        self._coverage: Coverage | None = None

    def follow_runs(
        self, *, filters: RunFilters | None = None, history: timedelta | None = None
    ) -> tuple[asyncio.Task[None], ...]:
        """Follow the runs of the environment, by polling and the realtime feed, or through the relay.

        `history` is how far back the list is read; the default comes from the settings.
        """
        names = (REST, REALTIME) if self._settings.relay_url is None else (RELAY,)
        return self._follow(*names, filters=filters, history=history)

    def follow_run(self, run_id: RunId) -> tuple[asyncio.Task[None], ...]:
        """Follow one run, by polling and its realtime feed."""
        return self._follow(RUN, RUN_FEED, run_id=run_id)

    def follow_run_feed(self, run_id: RunId) -> asyncio.Task[None]:
        """Follow one run by its realtime feed alone, beside the environment. If the feed fails, nothing polls."""
        return self._follow(RUN_FEED, run_id=run_id, wake=lambda: None)[0]

    def follow(self, source: str, *, filters: RunFilters | None = None) -> asyncio.Task[None]:
        """Run one source by its name."""
        return self._follow(source, filters=filters)[0]

    def is_covered(self, run: Run) -> bool:
        """Whether a feed of this run alone is useless: the environment's feed reports the run, or no feed works."""
        coverage, created_at = self._coverage, run.created_at
        if coverage is None or not coverage.is_live or created_at is None:
            return True
        # The feed's filter may exclude the run: a parent, or a run from before the filter changed.
        tags = run.state.tags if run.state is not None else ()
        return set(coverage.tags).issubset(tags) and coverage.covers(created_at, self.now())

    def change_settings(self, settings: Settings) -> None:
        """Use other settings. Running sources use the new interval, and read at once if it differs."""
        before, self._settings = self._settings, settings
        if before.interval_s != settings.interval_s:
            self.refresh()

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
        return self.fetcher.lists if hasattr(self, "fetcher") else None  # not before the session has started

    async def supervise(self, source: Source) -> None:
        """Run a source, restart it after transient failures, and emit its state. Return after a fatal failure."""
        tries = 0
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
            await self.emit(update)

        while True:
            started_s = self.clock.elapsed_s()
            try:
                await source.run(emit)
            except (ApiError, Transient, Fatal) as error:
                failure = as_source_error(error, was_connected=was_connected)
                if isinstance(failure, Fatal):
                    await self.emit(SourceStopped(source.name, self.now(), failure.reason, failure.status))
                    return
                now_s = self.clock.elapsed_s()
                # Only a retry that never connected shows how long its request took.
                took_s = 0.0 if connected_s is not None or not tries else now_s - started_s
                failed_s = failed_s if tries else now_s
                tries, connected_s = tries + 1, None
                pause_s = max(wait_s(self._random, tries, took_s), failure.retry_after.total_seconds())
                now, more = self.now(), (failure.reason, failure.is_answered, failure.status)
                await self.emit(SourceRetrying(source.name, now, now + timedelta(seconds=pause_s), tries, *more))
                clock = self._rate_limit_clock if failure.status == 429 and failure.retry_after else self.clock
                await clock.sleep(pause_s)

    def _follow(
        self,
        *names: str,
        filters: RunFilters | None = None,
        run_id: RunId | None = None,
        history: timedelta | None = None,
        wake: Callable[[], None] | None = None,
    ) -> tuple[asyncio.Task[None], ...]:
        """`wake` is called when the feed ends, by default to wake all sources, so that the poller takes over."""
        from tui.sync.lists import Coverage, SourceParts

        coverage = Coverage(wake or self.clock.wake)
        if REST in names:
            self._coverage = coverage
        settings = self._settings
        parts = SourceParts(
            fetcher=self.fetcher,
            store=self._store,
            clock=self.clock,
            interval=lambda: self._settings.interval_s,
            history=history or settings.history,
            max_history_runs=min(settings.history_runs, settings.max_runs),
            filters=filters or RunFilters(),
            run_id=run_id,
            coverage=coverage,
            relay=self.relay,
        )
        enabled = [name for name in names if settings.realtime or name not in FEEDS]
        return tuple(self.spawn(self.supervise(source_of(name, parts)), f"source {name}") for name in enabled)
