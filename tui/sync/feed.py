"""Follows the realtime feed: reads a snapshot, then sends polls that the server holds until a run changes."""

import asyncio
import math
from collections import Counter
from dataclasses import field
from datetime import datetime, timedelta
from typing import Final

from tui.api.errors import ApiError, NotFound, RateLimited, Refused, ServerFault, Unreachable
from tui.api.feed import MAX_FEED_WINDOW, MAX_SNAPSHOT_ROWS, FeedPosition, FeedResponse, FeedTarget, read_change
from tui.domain.filters import RunFilters
from tui.domain.run import REALTIME, RUN_FEED, Capability, Run
from tui.domain.update import RunPatch, RunsRead, SourceConnected
from tui.lazy_dataclass import dataclass
from tui.store.filter import EVERYTHING
from tui.store.merge import merge
from tui.store.server_filter import with_server_filters
from tui.sync.budget import Emit, Transient, as_transient
from tui.sync.clock import wait_until_set
from tui.sync.lists import ReportedRuns, SourceParts, is_incomplete

# Tracks how far the polls of a feed have come, and stops a feed that makes no progress.


RETRY_REFUSED_AFTER: Final = timedelta(minutes=5)
"""Between tries while the key, the plan or the server does not allow a feed, or while the feed does not work."""

MAX_SNAPSHOT_PARTS: Final = 200
"""Parts of one snapshot. A real one has a few."""

MAX_REPEATS: Final = 5
"""Responses in a row that come at once and stay at the same position, or go back to the start."""

MIN_HOLD_S: Final = 1.0
MAX_INSTANT_RESPONSES: Final = 20
"""Responses in a row without a change, each within `MIN_HOLD_S`: the server does not hold the polls."""

OK: Final = 200


@dataclass(slots=True)
class FeedProgress:
    """The position of the next poll, and counts of responses without progress.

    The feed is live once its snapshot is complete. `was_live` stays true after a restart.
    """

    position: FeedPosition | None = None
    is_live: bool = False
    was_live: bool = False
    connected_s: float = 0.0
    """When the source last emitted that it is connected."""
    reported: ReportedRuns = field(default_factory=lambda: ReportedRuns(MAX_SNAPSHOT_ROWS))
    counts: Counter[str] = field(default_factory=Counter)
    """How many responses in a row made no progress, by what is wrong with them."""

    def restart(self) -> None:
        """Start over: the next response is the first part of a snapshot."""
        self.position, self.is_live, self.counts[_ENDLESS] = None, False, 0
        self.reported = ReportedRuns(MAX_SNAPSHOT_ROWS)

    def count(self, reason: str, most: int) -> None:
        """Count a response without progress. Raises `ServerFault` or `Transient` with the reason after too many."""
        self.counts[reason] += 1
        if self.counts[reason] >= most:
            raise Transient(reason, RETRY_REFUSED_AFTER) if reason == _ENDLESS else ServerFault(reason, OK)


_ENDLESS: Final = "the snapshot of the realtime feed is endless"


# The poller fetches the fields and runs that the feed lacks (`Coverage`). If the feed fails, polling continues, and the
# session tries the feed again later.
#
# Source: tests/wire/recordings/README.md §8.


HOLD_S: Final = 20.0
"""How long the server holds a poll without a change (17.0 to 22.3 s recorded). A response is expected by then."""

MAX_PAUSE_S: Final = 1.5
"""Between two polls. After a longer pause, the feed starts over: a poll reports only the last 2 s (recording 712)."""

MAX_LIST_WAIT_S: Final = 1.0
"""How long the feed's snapshot of 1,000 runs waits for the first page of the list, which the screen shows first."""

ROLLOUT_S: Final = 60.0
"""A refusal this soon after an answer probably comes from a server that is being restarted, so the feed is tried again
soon.
"""

RETRY_LIMITED_AFTER: Final = timedelta(minutes=1)
"""Between tries while other clients use all realtime connections of the environment."""

MAX_BREAKS: Final = 3
"""Polls in a row that break after a complete snapshot, as if a proxy cannot hold them. After these, the feed pauses."""

MIN_POLL_S: Final = 0.05
"""The least time from one poll to the next."""

PAINT_FIRST_S: Final = 0.02
"""The pause after changes. Sending the next poll takes 1 ms, which would delay painting them."""

CONNECTED_EVERY_S: Final = 1.0
"""Between two `SourceConnected` updates. Each of them redraws the screen, and four responses may come a second."""


_Merged = tuple[RunPatch, Run | None, Run]
"""A patch from the feed, the run in the store, and the patch merged into it.

This merge decides whether to emit the patch. The store merges the patch again, since it may know more by then.
"""


class RealtimeSource:
    """Follows the feed of the environment, or of a single run.

    A wake-up cancels the poll in flight, unless the feed has answered since the machine slept.
    """

    def __init__(self, parts: SourceParts, target: FeedTarget) -> None:
        """Runs older than the history are not emitted."""
        parts.coverage.tags = target.tags
        self.name = REALTIME if target.run_id is None else RUN_FEED
        self._parts = parts
        self._target = target
        filters = parts.filters if target.run_id is None else RunFilters()
        self._filter = with_server_filters(filters, EVERYTHING)
        # Rows of the feed lack these fields. Only the list can show which runs match.
        list_only = (filters.versions, filters.queues, filters.machines, filters.regions, filters.errors)
        self._can_filter = filters.batch is None and not any(list_only)
        self._break_count = 0
        self._answered_s = -math.inf

    async def run(self, emit: Emit) -> None:
        """Follow the feed until canceled. Raises `Transient`, never `Fatal`: polling continues without a feed."""
        self._emit, self._progress = emit, FeedProgress()
        if self._target.run_id is None:
            await wait_until_set(self._parts.coverage.list_started, self._parts.clock, MAX_LIST_WAIT_S)
        try:
            while True:
                await self._poll()
        except ApiError as error:
            raise await self._as_transient(error) from error
        finally:
            self._parts.coverage.stop()

    async def _poll(self) -> None:
        progress = self._progress
        if self._parts.coverage.is_silent:
            raise Transient("the realtime feed does not report the changes that the list shows", RETRY_REFUSED_AFTER)
        position, sent_s = progress.position, self._parts.clock.elapsed_s()
        response = await self._request(position)
        if response is None or response.position is None:
            # After a wake-up or a must-refetch, the next snapshot has every change since.
            progress.restart()
            if response is not None:
                progress.count("the server resets the realtime feed again and again", MAX_REPEATS)
            return
        answered_s = self._answered_s = self._parts.clock.elapsed_s()
        held_s = answered_s - sent_s
        known = ((patch, self._parts.store.get(patch.id)) for patch in self._patches(response))
        merged_patches: list[_Merged] = [(patch, run, merge(run, patch)) for patch, run in known]
        has_changes = any(before is None or run.state is not before.state for _, before, run in merged_patches)
        if response.position == position and held_s < MIN_HOLD_S:
            progress.count("the realtime feed repeats old data: a cache answers instead of the server", MAX_REPEATS)
        elif position is not None and position.is_up_to_date:
            if merged_patches:
                self._parts.coverage.has_reported = True
            if held_s >= MIN_HOLD_S or has_changes:
                progress.counts.clear()
                self._break_count = 0
            else:
                progress.count("the realtime feed answers at once, without waiting for changes", MAX_INSTANT_RESPONSES)
        elif not response.position.is_up_to_date:
            progress.count(_ENDLESS, MAX_SNAPSHOT_PARTS)
        progress.position = response.position
        await self._emit_response(merged_patches, response)
        await self._parts.clock.sleep(max(PAINT_FIRST_S if merged_patches else 0.0, MIN_POLL_S - held_s))
        if self._parts.clock.elapsed_s() - answered_s > MAX_PAUSE_S:
            progress.restart()

    async def _request(self, position: FeedPosition | None) -> FeedResponse | None:
        """Send one poll. Return None if a wake-up canceled it: a sleep of the machine breaks connections."""
        loop = asyncio.get_running_loop()
        if position is None:
            self._parts.coverage.interrupt()
        try:
            # The client has its own timeout. This one starts only on a wake-up.
            async with asyncio.timeout(None) as timeout:

                def cancel_poll(healthy_since_s: float) -> None:
                    if self._answered_s < healthy_since_s and timeout.when() is None:
                        timeout.reschedule(loop.time())

                unregister = self._parts.clock.on_wake(cancel_poll)
                try:
                    return await self._parts.fetcher.poll_feed(self._target, position)
                finally:
                    unregister()
        except TimeoutError:
            return None

    def _patches(self, response: FeedResponse) -> tuple[RunPatch, ...]:
        """Return all patches of a response. A row with only some columns is completed from the last known state."""
        patches = list(response.patches)
        states = {patch.id: patch.state for patch in patches}
        for run_id, row in response.partial:
            known = self._parts.store.get(run_id)
            state = states.get(run_id) or (known.state if known is not None else None)
            if state is None:
                self._parts.coverage.request_list()
                continue
            patches.append(read_change(run_id, row, state, response.read_at))
            states[run_id] = patches[-1].state
        return tuple(patches)

    async def _emit_response(self, merged_patches: list[_Merged], response: FeedResponse) -> None:
        """Emit the wanted patches of a response. Once the snapshot is complete, the feed is live."""
        progress, coverage, now_s = self._progress, self._parts.coverage, self._parts.clock.monotonic_s()
        wanted = [merged for merged in merged_patches if self._is_wanted(*merged, response.read_at)]
        history = self._parts.store.history
        # The list has more fields of these runs. A history that is still read will have them all.
        if progress.is_live or history is None or history.is_complete:
            for run in (each for _, _, each in wanted if is_incomplete(each)):
                started_at = run.state.started_at if run.state is not None else None
                coverage.mark_incomplete(run.id, started_at or run.existed_at)
        if wanted:
            await self._emit(RunsRead(tuple(patch for patch, _, _ in wanted)))
        unreadable_count = 0 if progress.is_live else len(response.partial) + response.unreadable
        progress.reported.add(response.patches, unreadable_count=unreadable_count)
        if response.position is None or not response.position.is_up_to_date:
            return
        progress.counts[_ENDLESS] = 0
        if not progress.is_live:
            progress.is_live = progress.was_live = True
            progress.connected_s = -math.inf
            coverage.start(response.read_at - min(self._target.window, MAX_FEED_WINDOW), response.read_at)
        if progress.reported.since is not None:
            coverage.narrow(progress.reported.since)
        await self._parts.fetcher.record_regained(Capability.REALTIME)
        if now_s - progress.connected_s >= CONNECTED_EVERY_S:
            progress.connected_s = now_s
            await self._emit(SourceConnected(self.name, response.read_at, HOLD_S))

    def _is_wanted(self, patch: RunPatch, known: Run | None, run: Run, read_at: datetime) -> bool:
        """Whether to emit a patch: its run is known already, or it is new enough and matches the filters."""
        if known is not None and known.state is not None:
            return True
        if patch.created_at is not None and patch.created_at < read_at - self._parts.history:
            return False
        if not self._can_filter:
            self._parts.coverage.request_list()
            return False
        return self._filter.matches(run)

    async def _as_transient(self, error: ApiError) -> Transient:
        """Return the `Transient` that pauses the feed, with its reason and the time of the next try."""
        match error:
            case RateLimited():
                return as_transient(error, RETRY_LIMITED_AFTER)
            case NotFound() if self._target.run_id is not None:
                return as_transient(error, RETRY_REFUSED_AFTER)
            case Refused():
                is_rollout = self._parts.clock.elapsed_s() - self._answered_s < ROLLOUT_S
                if not is_rollout or error.is_about_the_key:
                    await self._parts.fetcher.record_lost(Capability.REALTIME, str(error))
                    return as_transient(error, RETRY_REFUSED_AFTER)
            case Unreachable() | ServerFault() if self._progress.was_live:
                self._break_count = (self._break_count + 1) % MAX_BREAKS
                if not self._break_count:
                    reason = f"{error}; the feed broke {MAX_BREAKS} times in a row, so the list is read for a while"
                    return Transient(reason, RETRY_REFUSED_AFTER, status=error.status)
            case _:
                pass
        return as_transient(error)
