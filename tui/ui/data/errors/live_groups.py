"""The error groups of the errors view: read and kept up to date while the view is shown, forgotten when it is left."""

from collections.abc import Callable, Sequence
from typing import Final

from tui.domain.filters import RunFilters
from tui.domain.ids import RunId
from tui.present.dialogs.filters import filter_words
from tui.present.errors.groups.facts import GroupFacts
from tui.present.errors.groups.rule import GroupsRead
from tui.store.changes import Changes, Topic
from tui.store.errors.error_group import ErrorGroup
from tui.store.errors.failures import TimeSpan
from tui.store.filter import EVERYTHING
from tui.store.server_filter import with_server_filters
from tui.ui.data.errors.details import GroupDetails
from tui.ui.data.errors.failure_reading import FailureReading, FailureView
from tui.ui.data.errors.group_updates import GroupUpdates
from tui.ui.data.errors.surroundings import SurroundingsCounter
from tui.ui.data.live_model import LiveModel
from tui.ui.model.errors.facts import first_start, minutes_of
from tui.ui.model.errors.group_list import GroupListModel
from tui.ui.model.errors.ranking import GroupQuery
from tui.ui.model.errors.spans import DAY, SPANS, GroupOrder, SpanChoice

MAX_MISSED: Final = 20_000
"""Runs that changed while the view was not shown. After more of them, everything is grouped again."""


class LiveErrorGroups:
    """The groups in their list, with what the panes show of the selected one. `on_update` is called after a change.

    `open` begins to read, `suspend` stops it, and `close` forgets the groups too.
    """

    def __init__(self, live: LiveModel) -> None:
        self._live = live
        self._session = live.session
        self._updates: GroupUpdates | None = None
        self._is_open = self._is_filled = self._was_paused = False
        self._missed: set[RunId] = set()
        self._filters = RunFilters()
        self._wanted_span: SpanChoice = DAY
        self._facts: GroupFacts | None = None
        self._run_ids: tuple[ErrorGroup, Sequence[RunId]] | None = None
        self.list = GroupListModel()
        self.span: SpanChoice = DAY
        """The span that is shown."""
        self.on_update: Callable[[], None] = lambda: None
        self.reading = FailureReading(self._session, FailureView(self._visible, self._unread, self._on_reading))
        self._surroundings = SurroundingsCounter(self._session, self._on_surroundings)
        self._details = GroupDetails(self._session, self.reading.read_group, self._on_surroundings)

    @property
    def wanted_span(self) -> SpanChoice:
        """The span that was asked for; `span` follows once all of it is counted."""
        return self._wanted_span

    @property
    def read(self) -> GroupsRead:
        """How far the failed runs of the span were read."""
        updates, progress = self._updates, self.reading.progress
        if updates is None or updates.reading is None:
            return GroupsRead()
        known = updates.reading
        return GroupsRead(
            known.failed_count,
            known.read_count,
            progress.failed_count(known.failed_count),
            progress.unreadable_count,
            has_all=progress.has_all and updates.is_filled,
            failure=progress.failure,
            state_problem=self.state_problem,
        )

    @property
    def is_grouped(self) -> bool:
        """Whether all failed runs of the store are in the groups that are shown."""
        return self._is_filled

    @property
    def time_span(self) -> TimeSpan | None:
        """The span that is shown; None before the first groups are."""
        return None if self._updates is None else self._updates.span

    @property
    def pending(self) -> str:
        """What still has to be done before the wanted rows are shown, in words; empty if nothing."""
        updates = self._updates
        if updates is not None and updates.is_counting:
            return f"counting the {self._wanted_span.words}…"
        return "sorting…" if updates is not None and updates.is_sorting else ""

    @property
    def query(self) -> GroupQuery:
        """The order and the typed filter that were asked for."""
        return self.list.query if self._updates is None else self._updates.query

    @property
    def facts(self) -> GroupFacts | None:
        """The group under the cursor and its surroundings."""
        group = self.list.current
        if group is None:
            return None
        if self._facts is None or self._facts.group is not group:
            self._facts = self._facts_of(group)
        return self._facts

    @property
    def newest(self) -> RunId | None:
        """The newest run of the group under the cursor."""
        group = self.list.current
        return None if group is None or not group.run_ids else group.run_ids[0]

    @property
    def run_ids(self) -> Sequence[RunId]:
        """All runs of the group under the cursor, newest first. The same object as long as the group is the same."""
        group = self.list.current
        if group is None or self._updates is None:
            return ()
        if self._run_ids is None or self._run_ids[0] is not group:
            updates = self._updates
            self._run_ids = group, updates.groups.run_ids(group.fingerprint, updates.span) or group.run_ids
        return self._run_ids[1]

    @property
    def scope_words(self) -> str:
        """The server's filters and the span, in words."""
        return filter_words(self._filters, self.span.length)

    def open(self, filters: RunFilters) -> None:
        """Group the failed runs of the store, and read those that it lacks, among runs that match `filters`."""
        is_other, self._is_open, self._filters = filters != self._filters, True, filters
        updates = self._updates
        if updates is None or is_other or not updates.is_filled or len(self._missed) > MAX_MISSED:
            if updates is not None:
                updates.stop()
                self.list = self.list.emptied(updates.query)
            runs_filter = with_server_filters(filters, EVERYTHING)
            on_grouped = self._live.record_groups
            updates = GroupUpdates(self._session, self.list, runs_filter, self._time_span, self._on_shown, on_grouped)
            updates.groups.on_server_groups(self.reading.server_groups.groups)
            self._updates, self._is_filled = updates, False
            updates.request()
        else:
            updates.move_span(self._time_span)
            updates.add(self._missed)
        self._missed.clear()
        self.reading.start(self._wanted_span.length, self._filters)
        self.on_cursor()

    def suspend(self) -> None:
        """Stop reading and counting. The groups stay, for the way back."""
        self._is_open = False
        self.reading.stop()
        self._surroundings.stop()
        self._details.stop()
        if self._updates is not None:
            self._updates.stop()

    def close(self) -> None:
        """Forget everything but the span and the order."""
        self.suspend()
        self._updates = self._facts = self._run_ids = None
        self.span = self._wanted_span
        self._missed.clear()
        self.list = self.list.emptied(GroupQuery(self.list.sort_order))

    def on_changes(self, changes: Changes) -> None:
        """Group the runs that changed. A view that is not shown remembers them."""
        if self._updates is None or Topic.RUNS not in changes.topics:
            return
        touched = changes.added | changes.changed | changes.removed
        if self._is_open:
            self._updates.add(touched)
        elif len(self._missed) <= MAX_MISSED:
            self._missed |= touched

    def tick(self) -> None:
        """Move the span, once a minute. Called every second while the view is shown."""
        if self._is_open and not self.reading.is_running:
            self.reading.start(
                self._wanted_span.length, self._filters
            )  # the view was opened before the session had started
        if self._updates is not None and self._live.pause is None:
            is_after_pause, self._was_paused = self._was_paused, False
            if is_after_pause or self._time_span != self._updates.span:
                self._updates.move_span(self._time_span)
        self._was_paused = self._live.pause is not None

    def show_span(self, step: int) -> bool:
        """Show the next longer (1) or shorter (-1) span. Return whether there is one."""
        index = SPANS.index(self._wanted_span) + step
        if not 0 <= index < len(SPANS):
            return False
        self._wanted_span = SPANS[index]
        self.reading.start(self._wanted_span.length, self._filters)
        if self._updates is not None:
            self._updates.show_span(self._time_span)
        return True

    def show(self, span: SpanChoice, query: GroupQuery) -> None:
        """Show the groups of a span that contain a text, in an order, before `open` or while the view is shown."""
        is_other, self._wanted_span = span != self._wanted_span, span
        if self._updates is None:
            self.span, self.list = span, self.list.emptied(query)
            return
        self._updates.show_query(query)
        if is_other:
            self._updates.show_span(self._time_span)
            if self._is_open:
                self.reading.start(span.length, self._filters)

    def sort_by(self, order: GroupOrder) -> None:
        """Use another order."""
        if self._updates is not None:
            self._updates.show_query(self.query._replace(order=order))

    def filter(self, text: str) -> None:
        """Show only groups that contain the words of a text."""
        if self._updates is not None:
            self._updates.show_query(self.query._replace(text=text))

    def refresh(self) -> None:
        """Read everything again."""
        self.reading.start(self._wanted_span.length, self._filters)

    def on_cursor(self) -> None:
        """Once the cursor rests, count the runs around its group, and read who acknowledged it."""
        if (group := self.list.current) is not None and self._updates is not None:
            self._surroundings.follow(group, self._updates.span)
            self._details.follow(group)

    def _facts_of(self, group: ErrorGroup) -> GroupFacts:
        run_ids, store = self.run_ids, self._session.store
        around = self._surroundings.of(group)
        read = self.read
        return GroupFacts(
            group,
            self.span.words,
            first_run=run_ids[-1] if run_ids else None,
            newest=self._live.get(group.run_ids[0]) if group.run_ids else None,
            task_runs=around.task_runs,
            version_start=around.version_start,
            first_start=first_start(store, run_ids),
            detail=self._details.of(group),
            minutes=minutes_of(store, run_ids, group, self._live.now.frozen_at or self._live.now.at),
            state_problem=read.state_problem if group.state is None else "",
            is_complete=read.is_complete,
        )

    @property
    def state_problem(self) -> str:
        """Why the states of the groups are not known, as a sentence; empty if they are."""
        theirs = self.reading.server_groups
        if theirs.refusal:
            return f"{theirs.refusal[:1].upper()}{theirs.refusal[1:].rstrip('.')}: only NEW is known."
        if theirs.failure and theirs.groups is None:
            return f"The server's error groups could not be read: {theirs.failure.rstrip('.')}."
        return ""

    def _visible(self) -> Sequence[RunId]:
        """Return the newest runs of the groups on the screen, the group under the cursor first."""
        if self._updates is None or not self._updates.is_filled:
            return ()
        shown = (self.list.current, *map(self.list.get, self.list.window))
        return [run_id for group in shown if group is not None for run_id in group.run_ids]

    def _unread(self, limit: int) -> Sequence[RunId]:
        updates = self._updates
        return () if updates is None or not updates.is_filled else updates.groups.unread(updates.span, limit)

    def _on_reading(self) -> None:
        if self._updates is not None and self._is_open:
            self._updates.groups.on_server_groups(self.reading.server_groups.groups)
            if self._live.pause is None:
                self._updates.request()
            self._facts = None
            self.on_update()

    @property
    def _time_span(self) -> TimeSpan:
        """The span at the time up to which data is known: the time after it would be shown as without failures."""
        now = self._live.now
        return self._wanted_span.at(now.frozen_at or now.at)

    def _on_surroundings(self) -> None:
        self._facts = None
        self.on_update()

    def _on_shown(self) -> None:
        updates = self._updates
        if updates is not None and not updates.is_counting:
            self.span = self._wanted_span
        if updates is not None and updates.is_filled and not self._is_filled:
            self._is_filled = True
            self.reading.wake()  # until now it knew no run without an error
        self._facts = None
        self.on_cursor()
        self.on_update()
