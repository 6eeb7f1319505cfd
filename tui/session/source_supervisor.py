"""The sources of a session: which are followed together, and each over again after a failure that passes.

What lives here: who waits how long before the next try, and who wakes whom. How a source asks is its own; that nothing
outlives the session is the session's, in whose task group they are born. Importing this loads no source. Source: DESIGN
§3.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Final, Protocol

from tui.config import Settings
from tui.domain.filters import RunFilters
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.source_names import FEEDS, REALTIME, RELAY, REST, RUN, RUN_FEED
from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped, Update
from tui.sources.base import Emit, Fatal, Source, Transient, wait_s
from tui.sources.clock import Clock, WakeableClock
from tui.store.store import Store

if TYPE_CHECKING:
    from tui.sources.realtime.coverage import Coverage
    from tui.sources.relay.connection import RelayConnection
    from tui.sources.run_fetcher import RunFetcher


WELL_AFTER_S: Final = 10.0
"""A source that is back for so long, or for as long as its next word may take, is well: a failure after that is a new
one. Before, it is the same one, and the waits go on growing: each beginning of a feed costs a snapshot.
"""

TOO_MANY: Final = 429

REFRESHED_AGAIN_S: Final = 0.5


class Spawn(Protocol):
    """Run something in the session's task group."""

    def __call__(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Give its task."""


class SourceSupervisor:
    """Follows until the session ends or a task is cancelled. `reads`, and on a relay `link`, are set at its start."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Clock,
        random: Random,
        *,
        emit: Emit,
        now: Callable[[], datetime],
        spawn: Spawn,
    ) -> None:
        self.fetcher: RunFetcher
        self.relay: RelayConnection | None = None
        self._settings = settings
        self._store = store
        self._clock = WakeableClock(clock)
        # A 429 says when to come again: only a person, or a sleep of the machine, ends that wait before its time. Any
        # other long wait was a guess, made in an outage perhaps, which the recovery of another source ends.
        self._told_when = WakeableClock(clock)
        self._refreshed_s: float | None = None
        self._random = random
        self._emit = emit
        self._now = now
        self._spawn = spawn
        self._coverage: Coverage | None = None

    def follow_runs(
        self, *, filters: RunFilters | None = None, history: timedelta | None = None
    ) -> tuple[asyncio.Task[None], ...]:
        """Follow the runs of the environment: by the feed, where there is one, and polling beside it; or by the relay.

        `history` is how far back the list is read, if not the settings' word.
        """
        if self._settings.relay_url is not None:
            return self._follow((RELAY,), self._new_coverage())
        self._coverage = self._new_coverage()
        return self._follow((REST, REALTIME), self._coverage, filters=filters, history=history)

    def follow_run(self, run_id: RunId) -> tuple[asyncio.Task[None], ...]:
        """Follow one run in the same way."""
        return self._follow((RUN, RUN_FEED), self._new_coverage(), run_id=run_id)

    def follow_run_feed(self, run_id: RunId) -> asyncio.Task[None]:
        """Hold the feed of one run, beside whatever is followed. Nobody polls for it when it ends."""
        return self._follow((RUN_FEED,), self._new_coverage(wake=lambda: None), run_id=run_id)[0]

    def follow(self, source: str, *, filters: RunFilters | None = None) -> asyncio.Task[None]:
        """Run one source of the registry, whatever it lacks without the others."""
        return self._follow((source,), self._new_coverage(), filters=filters)[0]

    def is_covered(self, run: Run) -> bool:
        """Whether nothing more would be told of a run by a feed of its own."""
        coverage, created_at = self._coverage, run.fixed.created_at
        if coverage is None or not coverage.is_live or created_at is None:
            return True
        # One that is looked at need not be of those that are followed: a parent, what was there before the filter.
        tags = run.state.tags if run.state is not None else ()
        return set(coverage.tags).issubset(tags) and coverage.covers(created_at, self._now())

    def refresh(self) -> None:
        """Let every source ask now instead of when its wait is over: a poll, the next try after a failure, a new
        snapshot of the feed. So soon after the last time it is the same wish, or a key that is held down.
        """
        now_s = self._clock.elapsed_s()
        if self._refreshed_s is not None and now_s - self._refreshed_s < REFRESHED_AGAIN_S:
            return
        self._refreshed_s = now_s
        self._clock.wake()
        self._told_when.wake()

    async def supervise(self, source: Source) -> None:
        """Run a source until it is cancelled or ended for good, and emit how it gets on."""
        tries = 0
        back_s: float | None = None
        failed_s = 0.0

        async def emit(update: Update) -> None:
            nonlocal tries, back_s
            if isinstance(update, SourceConnected) and tries:
                now_s = self._clock.elapsed_s()
                if back_s is None:
                    back_s = now_s
                    # The server is back: the other sources need not wait any longer.
                    self._clock.wake(well_since_s=failed_s)
                if now_s - back_s >= min(update.interval_s, WELL_AFTER_S):
                    tries = 0
            await self._emit(update)

        while True:
            began_s = self._clock.elapsed_s()
            try:
                await source.run(emit)
            except Transient as error:
                now_s = self._clock.elapsed_s()
                # A source that was connected may have failed at once: how long its last request took is not known.
                took_s = 0.0 if back_s is not None or not tries else now_s - began_s
                failed_s = failed_s if tries else now_s
                tries, back_s = tries + 1, None
                pause_s, clock = wait_s(self._random, tries, took_s), self._clock
                if error.retry_after is not None:
                    pause_s = max(pause_s, error.retry_after.total_seconds())
                    clock = self._told_when if error.status == TOO_MANY else self._clock
                next_at = self._now() + timedelta(seconds=pause_s)
                await self._emit(
                    SourceRetrying(
                        source.name, self._now(), next_at, tries, error.reason, error.is_answered, error.status
                    )
                )
                await clock.sleep(pause_s)
            except Fatal as error:
                await self._emit(SourceStopped(source.name, self._now(), error.reason, error.status))
                return

    def _new_coverage(self, wake: Callable[[], None] | None = None) -> "Coverage":
        """`wake` is called when its feed ends; everybody's wake if there is none."""
        from tui.sources.realtime.coverage import Coverage

        return Coverage(wake or self._clock.wake)

    def _follow(
        self,
        names: Sequence[str],
        coverage: "Coverage",
        *,
        filters: RunFilters | None = None,
        run_id: RunId | None = None,
        history: timedelta | None = None,
    ) -> tuple[asyncio.Task[None], ...]:
        from tui.sources.polling.run_lister import HistoryLimits
        from tui.sources.registry import SOURCES, SourceParts

        settings = self._settings
        parts = SourceParts(
            fetcher=self.fetcher,
            store=self._store,
            clock=self._clock,
            interval_s=settings.interval_s,
            history=HistoryLimits(history or settings.history, settings.history_runs),
            filters=filters or RunFilters(),
            run_id=run_id,
            coverage=coverage,
            on_wake=self._clock.on_wake,
            link=self.relay,
        )
        wanted = [name for name in names if settings.realtime or name not in FEEDS]
        return tuple(self._spawn(self.supervise(SOURCES[name](parts)), f"source {name}") for name in wanted)
