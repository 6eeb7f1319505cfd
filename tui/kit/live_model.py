"""The bridge from the session to the widgets: merged changes, the pause, the freshness."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.update import SourceConnected
from tui.lazy_dataclass import dataclass
from tui.store.changes import Changes, Key, Topic
from tui.store.freshness import Freshness, FreshnessTracker
from tui.store.store import SourceStatus
from tui.sync.clock import Clock, Timer
from tui.sync.session import Session
from tui.text.blocks import Now

_CONFIRMED: Final = frozenset({Topic.SOURCES, Topic.BUDGET})
"""The topics of an answer that has nothing new. The header shows a short budget with the next tick."""


@dataclass(frozen=True, slots=True)
class PauseSnapshot:
    """The runs as they are shown during a pause.

    * `since`: when the pause began
    * `runs`: the runs at that moment
    * `frozen_at`: when they were last confirmed: earlier than `since` if the data was stale
    * `keys`: their sort keys, newest first
    """

    since: datetime
    runs: Mapping[RunId, Run]
    frozen_at: datetime
    keys: Sequence[Key] = ()


class LiveModel:
    """Returns runs and time as the screen shows them. `call_soon` schedules a call on the app's own message loop."""

    def __init__(self, session: Session, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self.session = session
        self.freshness_tracker = FreshnessTracker(session.settings.interval_s)
        self.pause: PauseSnapshot | None = None
        self.in_minutes = False
        """Whether ages and running durations are shown in whole minutes."""
        self.record_groups: Callable[[int], None] = lambda _: None
        """Record that so many failed runs were grouped: the groups live long."""
        self._publish: Callable[[Changes], None] = lambda _: None
        self._call_soon = call_soon
        self._pending = Changes()
        self._is_flush_scheduled = False
        self._started_s = session.clock.monotonic_s()
        self._failures: list[SourceStatus] = []

    def start(self, publish: Callable[[Changes], None]) -> None:
        """Pass the changes of the session to `publish` from now on."""
        self._publish = publish
        self.session.subscribe(self._on_changes)

    @property
    def get(self) -> Callable[[RunId], Run | None]:
        """Return a run as it is shown: the newest state, or that of the pause. Do not keep this function."""
        return self.session.store.get if self.pause is None else self.pause.runs.get

    def newest_first_keys(self) -> Sequence[Key]:
        """The sort keys of the runs as they are shown, newest first."""
        return self.session.store.newest_first_keys() if self.pause is None else self.pause.keys

    @property
    def freshness(self) -> Freshness:
        """How fresh the data is."""
        clock = self.session.clock
        waited = timedelta(seconds=clock.monotonic_s() - self._started_s)
        return self.freshness_tracker.at(clock.elapsed_s(), self.session.now(), waited)

    @property
    def connection(self) -> tuple[object, ...]:
        """The freshness without its times: how far the sources work."""
        state = self.freshness
        return state.level, state.leader, state.interval, state.failure, state.other_failure

    @property
    def now(self) -> Now:
        """The server's time, and the moment at which the timers on screen stand still, if they do."""
        at = self.session.local_now()
        if self.pause is not None:
            return Now(at, self.pause.frozen_at, self.in_minutes)
        freshness = self.freshness_tracker.at(self.session.clock.elapsed_s(), self.session.now())
        return Now(at, freshness.confirmed_at if freshness.is_stale else None, self.in_minutes)

    @property
    def waiting_count(self) -> int:
        """The number of runs that changed since the pause began."""
        if self.pause is None:
            return 0
        return len(self._pending.added) + len(self._pending.changed) + len(self._pending.removed)

    def toggle_pause(self) -> None:
        """Stop showing updates, or continue and show those that the pause held back."""
        if self.pause is None:
            self._flush()
            now, at, store = self.now, self.session.now(), self.session.store
            self.pause = PauseSnapshot(at, store.snapshot(), now.frozen_at or at, store.newest_first_keys())
            return
        self.pause = None
        self._flush()

    def _on_changes(self, changes: Changes) -> None:
        # The session's pump calls this. Drawing happens later: an exception in it would end the session.
        is_confirmed = Topic.SOURCES not in changes.topics or not self._record_sources()
        if is_confirmed and changes.topics <= _CONFIRMED:
            return
        topics = {*self._pending.topics}
        if self.pause is None:
            self._pending.merge(changes)
        else:
            self._merge_paused(changes, self.pause)
        if is_confirmed:
            self._pending.topics -= _CONFIRMED - topics
        if not self._is_flush_scheduled:
            self._is_flush_scheduled = True
            self._call_soon(self._flush)

    def _record_sources(self) -> bool:
        """Record the statuses of the sources. Return whether one of them works now, or not any more."""
        before, failures = self.connection, self._failures
        elapsed_s, now = self.session.clock.elapsed_s(), self.session.now()
        statuses = self.session.store.source_statuses.values()
        for status in statuses:
            self.freshness_tracker.record(status, elapsed_s, now)
        self._failures = [status for status in statuses if not isinstance(status, SourceConnected)]
        return self.connection != before or self._failures != failures

    def _merge_paused(self, changes: Changes, pause: PauseSnapshot) -> None:
        """Merge changes within bounds: drop transitions, and runs that both appeared and disappeared in the pause."""
        gone = {run_id for run_id in self._pending.added & changes.removed if run_id not in pause.runs}
        self._pending.merge(changes)
        self._pending.removed -= gone
        self._pending.transitions.clear()

    def _flush(self) -> None:
        self._is_flush_scheduled = False
        if self.pause is not None:
            # A pause holds back only runs. The state of the connection stays up to date.
            changes = Changes(topics=self._pending.topics - {Topic.RUNS})
            self._pending.topics &= {Topic.RUNS}
        else:
            changes, self._pending = self._pending, Changes()
        if not changes.is_empty:
            self._publish(changes)


# A fetch that is requested often and runs at most once at a time.


REFETCH_AFTER_S: Final = 1.0
"""A run that changes ten times a second is fetched once a second."""


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
        self._timer = self._clock.call_later(delay_s, self._on_due)

    def _on_due(self) -> None:
        self._timer = None
        # The fetch in flight may return a state from before this request.
        self._is_requested_again = self._task is not None and not self._task.done()
        if not self._is_requested_again:
            self._task = self._start()

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
