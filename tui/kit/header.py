"""The header: the environment, the freshness of the data, the counts of runs, and recent activity.

`Header` collects the facts, `kit.header_words` makes the line.
"""

from datetime import datetime, timedelta
from typing import Final

from textual import events

from tui.domain.status import EXECUTING_FAMILY, RunStatus
from tui.kit.app import app_of, is_covered
from tui.kit.header_words import HeaderFacts, header_line, terminal_title
from tui.kit.lines import Lines
from tui.kit.live_model import LiveModel
from tui.store.changes import Changes, Topic
from tui.store.counts import Activity, Minute
from tui.store.indexes import StatusCounts
from tui.text.styled import Line

ACTIVE: Final = EXECUTING_FAMILY | {RunStatus.QUEUED}
"""The statuses of runs that should change soon. Other live runs may wait for days, for a deployment or a token."""

MIN_LINE_AGE: Final = timedelta(seconds=1)
"""Changes of runs wait for the next tick while the line is younger than this."""


class Header(Lines):
    """Shows the state of the session. Its screen calls `on_changes` and `tick`."""

    def __init__(self, live: LiveModel) -> None:
        super().__init__(id="header")
        self._live = live
        self._activity = Activity(live.session.store)
        self._counts = StatusCounts()
        self._minutes: tuple[Minute, ...] = ()
        self._changed_at: datetime | None = None
        self._differed_at = live.session.now()

    def on_resize(self, event: events.Resize) -> None:
        event.stop()
        self.rebuild()

    def on_changes(self, changes: Changes) -> None:
        self._activity.on_changes(changes)
        now = self._live.session.now()
        if Topic.RUNS in changes.topics:
            self._changed_at = now
        if changes.topics - {Topic.RUNS} or now - self._differed_at >= MIN_LINE_AGE:
            self.rebuild()

    def tick(self) -> None:
        self.rebuild()

    def rebuild(self) -> None:
        """Update the line and the terminal's title. The line is repainted if it differs."""
        if self.size.width and not is_covered(self):
            painter, facts = self.painter, self._facts()
            lines = (self.line(facts, offline="o" if painter.is_ascii else "○"),)
            if lines != self.lines:
                self._differed_at = self._live.session.now()
                self.show(lines)
            app_of(self).set_title(terminal_title(facts, is_ascii=painter.is_ascii))

    def line(self, facts: HeaderFacts, *, offline: str) -> Line:
        """Return the line of the header. `offline` is the mark of an offline source."""
        return header_line(facts, self.size.width, is_colorless=self.painter.is_colorless, offline=offline)

    def _facts(self) -> HeaderFacts:
        session, pause = self._live.session, self._live.pause
        store, now = session.store, session.now()
        if pause is None:
            self._counts = store.status_counts(now)
            self._minutes = self._activity.minutes(now)
        return HeaderFacts(
            at=session.local_now(),
            freshness=self._live.freshness,
            api_url=session.settings.api_url,
            environment=store.environment,
            branch=session.settings.branch,
            is_read_only=session.is_read_only,
            counts=self._counts,
            budget=store.budget,
            paused_at=pause.since if pause is not None else None,
            frozen_at=pause.frozen_at if pause is not None else None,
            waiting=self._live.waiting_count,
            minutes=self._minutes,
            unchanged_for=self._unchanged_for(now),
            is_relayed=session.settings.relay_url is not None,
            is_slow_link=self.app_base.is_slow_link,
            reading=session.sources.oldest_read(),
        )

    def _unchanged_for(self, now: datetime) -> timedelta | None:
        """Return how long no run has changed; None if no run is expected to change."""
        can_change = any(map(self._live.session.store.with_status, ACTIVE))
        return now - self._changed_at if self._changed_at is not None and can_change else None
