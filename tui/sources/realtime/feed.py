"""The realtime feed as a source: a snapshot, then polls that the server holds until something changes.

What lives here: when to poll, where to go on, and what an answer that is none means. What the feed lacks (version,
depth, attempts) and what it does not reach (older runs) is left to who polls, by `coverage`. A feed that is not to be
had here is no error: the capability is lost for a while, and asked for again. Source: DESIGN §4, §5; wire/README.md §8.
"""

import asyncio
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tui.domain.environment import Capability
from tui.domain.filters import RunFilters
from tui.domain.run import Run
from tui.domain.source_names import REALTIME, RUN_FEED
from tui.domain.update import RunPatch, RunsRead, SourceConnected
from tui.sources.base import Emit, KnownRuns, Transient
from tui.sources.clock import Clock, OnWake
from tui.sources.realtime.coverage import Coverage, Newest, lacks_list
from tui.sources.run_fetcher import RunFetcher
from tui.store.filter import EVERYTHING
from tui.store.merge import merge
from tui.store.server_filter import with_server_filters
from tui.wire.errors import ApiError, NotFound, RateLimited, Refused, ServerFault, Unreachable
from tui.wire.feed import MAX_FEED_WINDOW, MAX_SNAPSHOT_ROWS, FeedPosition, FeedResponse, FeedTarget, read_change

HOLD_S: Final = 20.0
"""A poll without news is answered after so long (17.0 to 22.3 s recorded): the next word is expected by then."""

REPLAY_S: Final = 1.5
"""Changes older than 2 s are not told to a poll that asks for what came after them (recording 712): whoever was away
for longer than this begins anew.
"""

LIST_FIRST_S: Final = 1.0
"""For the first page of the list, with which a screen begins: the feed's own beginning, of 1,000 runs, can wait."""

REFUSED_AGAIN: Final = timedelta(minutes=5)
"""Between tries where the key, the plan or the server does not allow a feed."""

ROLLOUT_S: Final = 60.0
"""A feed that worked so recently and is refused now is behind a proxy, or a server, in the middle of a rollout."""

CROWDED_AGAIN: Final = timedelta(minutes=1)
"""Between tries while all connections of the environment are taken by others."""

MOST_BREAKS: Final = 3
"""Polls in a row that broke behind a snapshot that came: something in between cannot hold a connection for 20 s."""

MOST_PARTS: Final = 200
"""Of a snapshot, one after the other without a wait: an environment has a few."""

MOST_REPEATS: Final = 5
"""Answers in a row that lead to where we were already, at once, or back to the start: we would go round in a circle."""

SHORTEST_POLL_S: Final = 0.05
"""Polls follow each other no faster: more cannot be read."""

TOLD_EVERY_S: Final = 1.0
"""That the server was heard is told so often: four answers a second need not wake the screen for it."""

HOLLOW_S: Final = 1.0
MOST_HOLLOW: Final = 20
"""So many answers in a row without news, each within a second: nobody holds the polls, and they would never end."""


@dataclass(slots=True)
class _Progress:
    """How the polls got on since the source was started: the snapshot is not whole until `is_live`, and once was when
    `was_live`.
    """

    position: FeedPosition | None = None
    is_live: bool = False
    was_live: bool = False
    repeats: int = 0
    hollow: int = 0
    parts: int = 0
    told_s: float = 0.0
    newest: Newest = field(default_factory=lambda: Newest(MAX_SNAPSHOT_ROWS))

    def begin_anew(self) -> None:
        """The next answer is the start of a snapshot."""
        self.position, self.is_live, self.parts, self.newest = None, False, 0, Newest(MAX_SNAPSHOT_ROWS)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A patch from the feed, the run as the store has it, and the two merged.

    This merge decides whether to emit the patch. The store merges it again, since by then it may know more.
    """

    patch: RunPatch
    known: Run | None
    run: Run


class RealtimeSource:
    """Holds one feed: of the whole environment, or of one run. A poll that is out when it is woken is given up, unless
    the feed is known to be well.
    """

    def __init__(
        self,
        fetcher: RunFetcher,
        store: KnownRuns,
        clock: Clock,
        coverage: Coverage,
        target: FeedTarget,
        *,
        filters: RunFilters,
        max_age: timedelta,
        on_wake: OnWake,
    ) -> None:
        """`max_age` is how far back runs are wanted; `on_wake` tells when somebody wants everything asked anew."""
        self.name = REALTIME if target.run_id is None else RUN_FEED
        self._fetcher = fetcher
        self._store = store
        self._clock = clock
        self._coverage = coverage
        self._target = target
        self._max_age = max_age
        self._on_wake = on_wake
        self._wanted = with_server_filters(filters, EVERYTHING)
        # What no row of the feed tells: which runs are asked for, only the list can say.
        told_by_list = (filters.versions, filters.queues, filters.machines, filters.regions)
        self._can_judge = filters.batch is None and not any(told_by_list)
        self._breaks = 0
        self._heard_s = -math.inf

    async def run(self, emit: Emit) -> None:
        """Emit what the feed tells until cancelled. Raises `Transient`, never `Fatal`: polling goes on without it."""
        progress = _Progress()
        if self._target.run_id is None:
            await self._let_list_begin()
        try:
            while True:
                await self._poll(progress, emit)
        except ApiError as error:
            raise await self._meaning(error, was_live=progress.was_live) from error
        finally:
            self._coverage.end()

    async def _let_list_begin(self) -> None:
        has_list = self._coverage.has_list
        timer = self._clock.call_later(LIST_FIRST_S, has_list.set)
        try:
            await has_list.wait()
        finally:
            timer.cancel()

    async def _poll(self, progress: _Progress, emit: Emit) -> None:
        if self._coverage.is_silent:
            raise Transient("the realtime feed does not tell what the list does", REFUSED_AGAIN)
        asked, asked_s = progress.position, self._clock.elapsed_s()
        answer = await self._ask(asked)
        if answer is None or answer.position is None:
            # Woken, or told to begin anew: what happened meanwhile is in the next snapshot.
            progress.begin_anew()
            if answer is not None:
                self._note_repeat(progress, "the server forgets the realtime feed again and again")
            return
        answered_s = self._heard_s = self._clock.elapsed_s()
        readings = self._readings(answer)
        if answer.position == asked and answered_s - asked_s < HOLLOW_S:
            self._note_repeat(progress, "the realtime feed repeats itself: a cache between us and the server answers")
        elif asked is not None and asked.is_up_to_date:
            if readings:
                self._coverage.note_told()
            self._note_live_answer(progress, readings, answered_s - asked_s)
        elif not answer.position.is_up_to_date:
            self._note_part(progress)
        await self._tell(readings, answer, answer.position, progress, emit)
        progress.position = answer.position
        await self._clock.sleep(max(0.0, SHORTEST_POLL_S - (answered_s - asked_s)))
        if self._clock.elapsed_s() - answered_s > REPLAY_S:
            progress.begin_anew()

    async def _ask(self, position: FeedPosition | None) -> FeedResponse | None:
        """One poll; None: somebody woke us, as after a sleep of the machine, whose connections are dead."""
        loop = asyncio.get_running_loop()
        if position is None:
            self._coverage.interrupt()
        try:
            # The client has a bound of its own; this one has none until somebody wants it to be over.
            async with asyncio.timeout(None) as patience:

                def give_up(well_since_s: float) -> None:
                    if self._heard_s < well_since_s and patience.when() is None:
                        patience.reschedule(loop.time())

                forget = self._on_wake(give_up)
                try:
                    return await self._fetcher.poll_feed(self._target, position)
                finally:
                    forget()
        except TimeoutError:
            return None

    def _readings(self, answer: FeedResponse) -> tuple[_Reading, ...]:
        known = ((patch, self._store.get(patch.id)) for patch in self._patches(answer))
        return tuple(_Reading(patch, run, merge(run, patch)) for patch, run in known)

    def _patches(self, answer: FeedResponse) -> tuple[RunPatch, ...]:
        """All that an answer tells; rows of which only some columns came are read on top of what was told before."""
        patches = list(answer.patches)
        states = {patch.id: patch.state for patch in patches}
        for run_id, row in answer.partial:
            known = self._store.get(run_id)
            state = states.get(run_id) or (known.state if known is not None else None)
            if state is None:
                self._coverage.nudge()
                continue
            patches.append(read_change(run_id, row, state, answer.read_at))
            states[run_id] = patches[-1].state
        return tuple(patches)

    async def _tell(
        self,
        readings: tuple[_Reading, ...],
        answer: FeedResponse,
        position: FeedPosition,
        progress: _Progress,
        emit: Emit,
    ) -> None:
        """Emit an answer; once the snapshot is whole, the feed is live."""
        wanted = [reading for reading in readings if self._is_wanted(reading, answer.read_at)]
        self._note_lacking((reading.run for reading in wanted), is_snapshot=not progress.is_live)
        if wanted:
            await emit(RunsRead(tuple(reading.patch for reading in wanted)))
        unread = 0 if progress.is_live else answer.row_count - len(answer.patches)
        progress.newest.add(answer.patches, unread=unread)
        if not position.is_up_to_date:
            return
        progress.parts = 0
        if not progress.is_live:
            progress.is_live = progress.was_live = True
            progress.told_s = self._clock.monotonic_s() - TOLD_EVERY_S
            self._coverage.begin(answer.read_at - min(self._target.window, MAX_FEED_WINDOW), answer.read_at)
        if progress.newest.since is not None:
            self._coverage.with_server_filters(progress.newest.since)
        if not self._fetcher.is_allowed(Capability.REALTIME):
            await self._fetcher.record_regained(Capability.REALTIME)
        now_s = self._clock.monotonic_s()
        if now_s - progress.told_s >= TOLD_EVERY_S:
            progress.told_s = now_s
            await emit(SourceConnected(self.name, answer.read_at, HOLD_S))

    def _is_wanted(self, reading: _Reading, read_at: datetime) -> bool:
        """Whether a row is of a run that is asked for, as far as it tells; one that is known already always is."""
        if reading.known is not None and reading.known.state is not None:
            return True
        created_at = reading.patch.fixed.created_at if reading.patch.fixed is not None else None
        if created_at is not None and created_at < read_at - self._max_age:
            return False
        if not self._can_judge:
            self._coverage.nudge()
            return False
        return self._wanted.matches(reading.run)

    def _note_lacking(self, runs: Iterable[Run], *, is_snapshot: bool) -> None:
        """Remember of which runs the list knows more. What a snapshot tells first the history reads anyway."""
        if not is_snapshot or self._store.history is None or self._store.history.is_complete:
            for run in runs:
                if lacks_list(run):
                    started_at = run.state.started_at if run.state is not None else None
                    self._coverage.lack(run.id, started_at or run.fixed.created_at)

    def _note_live_answer(self, progress: _Progress, readings: tuple[_Reading, ...], held_s: float) -> None:
        if held_s >= HOLLOW_S or any(_is_news(reading) for reading in readings):
            progress.repeats = progress.hollow = self._breaks = 0
            return
        progress.hollow += 1
        if progress.hollow >= MOST_HOLLOW:
            raise ServerFault("the server does not hold the polls of the realtime feed", 200)

    @staticmethod
    def _note_part(progress: _Progress) -> None:
        progress.parts += 1
        if progress.parts >= MOST_PARTS:
            raise Transient("the beginning of the realtime feed has no end", REFUSED_AGAIN)

    @staticmethod
    def _note_repeat(progress: _Progress, trouble: str) -> None:
        progress.repeats += 1
        if progress.repeats >= MOST_REPEATS:
            raise ServerFault(trouble, 200)

    async def _meaning(self, error: ApiError, *, was_live: bool) -> Transient:
        """What an error means for the feed: it never ends more than the feed itself (DESIGN §4)."""
        reason = str(error)
        match error:
            case RateLimited():
                return Transient(reason, max(error.resets_in, CROWDED_AGAIN), status=429)
            case NotFound() if self._target.run_id is not None:
                return Transient(reason, REFUSED_AGAIN, status=404)
            case Refused() if not error.is_about_the_key and self._clock.elapsed_s() - self._heard_s < ROLLOUT_S:
                return Transient(reason, status=error.status)
            case Refused():
                await self._fetcher.record_lost(Capability.REALTIME, reason)
                return Transient(reason, REFUSED_AGAIN, status=error.status)
            case Unreachable() | ServerFault() if was_live:
                self._breaks += 1
                if self._breaks >= MOST_BREAKS:
                    self._breaks = 0
                    reason = f"{reason}; the feed broke {MOST_BREAKS} times in a row, polling for a while"
                    return Transient(reason, REFUSED_AGAIN, status=getattr(error, "status", None))
            case _:
                pass
        status = error.status if isinstance(error, ServerFault) else None
        return Transient(reason, is_answered=not isinstance(error, Unreachable), status=status)


def _is_news(reading: _Reading) -> bool:
    return reading.known is None or reading.run.state is not reading.known.state
