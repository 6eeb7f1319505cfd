"""What the screen knows at this moment: the session's store, its clock, and whether both stand still.

What lives here: the bridge from the session to the widgets: merged changes, pause, freshness. Nothing here draws.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.present.columns import Now
from tui.session import Session
from tui.store.changes import Changes, Topic
from tui.store.freshness import Freshness, FreshnessTracker


@dataclass(frozen=True, slots=True)
class PauseSnapshot:
    """Updates stopped being shown at `since`; `runs` is how they were then, as they had been confirmed at `frozen_at`:
    earlier, where all was stale by then.
    """

    since: datetime
    runs: Mapping[RunId, Run]
    frozen_at: datetime


class LiveModel:
    """The one thing that panes ask about runs and time. `deliver` is called with changes, on the app's own turn."""

    def __init__(self, session: Session, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self.session = session
        self.connection = FreshnessTracker(session.settings.interval_s)
        self.pause: PauseSnapshot | None = None
        self._deliver: Callable[[Changes], None] = lambda _: None
        self._call_soon = call_soon
        self._pending = Changes()
        self._is_due = False
        self._began_s = session.clock.monotonic_s()

    def begin(self, deliver: Callable[[Changes], None]) -> None:
        """Tell changes from now on."""
        self._deliver = deliver
        self.session.subscribe(self._hear)

    def get(self, run_id: RunId) -> Run | None:
        """A run as it is shown: the newest, or as it was when the user paused."""
        if self.pause is not None:
            return self.pause.runs.get(run_id)
        return self.session.store.get(run_id)

    @property
    def freshness(self) -> Freshness:
        """How fresh what is shown is."""
        clock = self.session.clock
        waited = timedelta(seconds=clock.monotonic_s() - self._began_s)
        return self.connection.at(clock.elapsed_s(), self.session.now(), waited)

    @property
    def now(self) -> Now:
        """The server's time, and the moment at which running timers stand still, if they do."""
        at = self.session.now()
        if self.pause is not None:
            return Now(at, self.pause.frozen_at)
        freshness = self.connection.at(self.session.clock.elapsed_s(), at)
        return Now(at, freshness.confirmed_at if freshness.is_stale else None)

    @property
    def waiting(self) -> int:
        """How many runs changed since the pause."""
        if self.pause is None:
            return 0
        return len(self._pending.added) + len(self._pending.changed) + len(self._pending.removed)

    def toggle_pause(self) -> None:
        """Stop showing updates, or go on and show what waited."""
        if self.pause is None:
            self._flush()
            now = self.now
            self.pause = PauseSnapshot(now.at, self.session.store.snapshot(), now.frozen_at or now.at)
            return
        self.pause = None
        self._flush()

    def _hear(self, changes: Changes) -> None:
        """Called by the session's pump: no drawing here, a bug in it would look like the session's."""
        if Topic.SOURCES in changes.topics:
            elapsed_s, now = self.session.clock.elapsed_s(), self.session.now()
            for status in self.session.store.source_statuses.values():
                self.connection.record(status, elapsed_s, now)
        if self.pause is None:
            self._pending.merge(changes)
        else:
            self._put_by(changes, self.pause)
        if not self._is_due:
            self._is_due = True
            self._call_soon(self._flush)

    def _put_by(self, changes: Changes, pause: PauseSnapshot) -> None:
        """A pause may last for days: no more is kept than is told at its end, when nobody misses what came and went."""
        gone = {run_id for run_id in self._pending.added & changes.removed if run_id not in pause.runs}
        self._pending.merge(changes)
        self._pending.removed -= gone
        self._pending.transitions.clear()

    def _flush(self) -> None:
        self._is_due = False
        if self.pause is not None:
            # Where we are and how the connection is goes on being told: only the runs stand still.
            told = Changes(topics=self._pending.topics - {Topic.RUNS})
            self._pending.topics &= {Topic.RUNS}
        else:
            told, self._pending = self._pending, Changes()
        if not told.is_empty:
            self._deliver(told)
