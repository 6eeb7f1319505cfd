"""The error groups of the errors view: read and kept up to date while the view is shown, forgotten when it is left."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from tui.domain.filters import RunFilters
from tui.domain.ids import RunId
from tui.domain.status import FAILED
from tui.present.dialogs.filters import filter_words
from tui.present.errors.groups.facts import GroupFacts
from tui.present.errors.groups.rule import GroupsRead
from tui.store.changes import Changes, Topic
from tui.store.error_groups import ErrorGroup, ErrorGroups
from tui.store.errors.failures import TimeSpan
from tui.store.filter import EVERYTHING
from tui.store.server_filter import with_server_filters
from tui.ui.data.errors.details import GroupDetails
from tui.ui.data.errors.failure_reading import FailureReading, FailureView
from tui.ui.data.errors.surroundings import SurroundingsCounter
from tui.ui.data.live_model import LiveModel
from tui.ui.model.errors.facts import minutes_of
from tui.ui.model.errors.group_list import GroupListModel
from tui.ui.model.errors.spans import DAY, SPANS, GroupOrder, SpanChoice

SLICE_S: Final = 0.006
"""The longest time for which one slice of the grouping blocks the event loop."""

_RUNS_PER_STEP: Final = 16

SHOW_EVERY_S: Final = 0.15
"""How often the groups are shown while more of the store's runs are being grouped."""

MAX_MISSED: Final = 20_000
"""Runs that changed while the view was not shown. After more of them, everything is grouped again."""


class LiveErrorGroups:
    """The groups in their list, with what the panes show of the selected one. `on_update` is called after a change.

    `open` begins to read, `suspend` stops it, and `close` forgets the groups too. The class is longer than 200 lines:
    half of it is short properties.
    """

    def __init__(self, live: LiveModel) -> None:
        self._live = live
        self._session = live.session
        self._groups: ErrorGroups | None = None
        self._fill_task: asyncio.Task[None] | None = None
        self._is_filled = False
        self._is_open = self._was_paused = False
        self._waiting_count = self._grouped_count = 0
        self._missed: set[RunId] = set()
        self._filters = RunFilters()
        self._filter = EVERYTHING
        self._span: TimeSpan = DAY.at(self._session.now())
        self._facts: GroupFacts | None = None
        self._run_ids: tuple[ErrorGroup, Sequence[RunId]] | None = None
        self.list = GroupListModel()
        self.span: SpanChoice = DAY
        self.on_update: Callable[[], None] = lambda: None
        self.reading = FailureReading(self._session, FailureView(self._visible, self._unread, self._on_reading))
        self._surroundings = SurroundingsCounter(self._session, self._on_surroundings)
        self._details = GroupDetails(self._session, self.reading.read_group, self._on_surroundings)

    @property
    def read(self) -> GroupsRead:
        """How far the failed runs of the span were read."""
        if self._groups is None:
            return GroupsRead(is_reading=True)
        if not self._is_filled:
            return GroupsRead(self._waiting_count, self._grouped_count, self._waiting_count, is_reading=True)
        progress, known = self.reading.progress, self._groups.reading(self._span)
        return GroupsRead(
            known.failed_count,
            known.read_count,
            progress.failed_count(known.failed_count),
            progress.unreadable_count,
            has_all=progress.has_all,
            is_reading=progress.is_reading,
            failure=progress.failure,
            state_problem=self.state_problem,
        )

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
        if group is None or self._groups is None:
            return ()
        if self._run_ids is None or self._run_ids[0] is not group:
            self._run_ids = group, self._groups.run_ids(group.fingerprint, self._span) or group.run_ids
        return self._run_ids[1]

    @property
    def scope_words(self) -> str:
        """The server's filters and the span, in words."""
        return filter_words(self._filters, self.span.length)

    def open(self, filters: RunFilters) -> None:
        """Group the failed runs of the store, and read those that it lacks, among runs that match `filters`."""
        is_other, self._is_open, self._filters = filters != self._filters, True, filters
        self._filter = with_server_filters(filters, EVERYTHING)
        if self._groups is None or is_other or not self._is_filled or len(self._missed) > MAX_MISSED:
            self._groups, self._is_filled = ErrorGroups(self._session.store, starts_empty=True), False
            self._span = self._shown_span
            self._groups.reading(self._span)  # counts each run as it comes, rather than all of them at the end
            self._start_fill(self._failed_runs())
        else:
            self._start_fill(list(self._missed))
        self._missed.clear()
        self.reading.start(self.span.length, self._filters)

    def suspend(self) -> None:
        """Stop reading and counting. The groups stay, for the way back."""
        self._is_open = False
        self.reading.stop()
        self._surroundings.stop()
        self._details.stop()
        self._stop_fill()

    def close(self) -> None:
        """Forget everything but the span and the order."""
        self.suspend()
        self._groups, self._facts, self._run_ids, self._is_filled = None, None, None, False
        self._missed.clear()
        before, self.list = self.list, GroupListModel()
        self.list.sort_order = before.sort_order

    def on_changes(self, changes: Changes) -> None:
        """Group the runs that changed. A view that is not shown remembers them."""
        if self._groups is None or Topic.RUNS not in changes.topics:
            return
        if not self._is_open:
            if len(self._missed) <= MAX_MISSED:
                self._missed |= changes.added | changes.changed | changes.removed
        elif self._groups.on_changes(self._matching(changes)) and self._is_filled:
            self._show()

    def _matching(self, changes: Changes) -> Changes:
        """Return the changes of runs that pass the server's filters: the store has other runs too."""
        if self._filter.is_empty:
            return changes
        get, matches = self._session.store.get, self._filter.matches
        touched = (run for run_id in changes.added | changes.changed if (run := get(run_id)) is not None)
        return Changes(changed={run.id for run in touched if matches(run)}, removed=changes.removed)

    def tick(self) -> None:
        """Move the span, once a minute. Called every second while the view is shown."""
        if self._is_open and not self.reading.is_running:
            self.reading.start(self.span.length, self._filters)  # the view was opened before the session had started
        if self._is_filled and self._live.pause is None:
            is_after_pause, self._was_paused = self._was_paused, False
            if is_after_pause or self._shown_span != self._span:
                self._show()
        self._was_paused = self._live.pause is not None

    def show_span(self, step: int) -> bool:
        """Show the next longer (1) or shorter (-1) span. Return whether there is one."""
        index = SPANS.index(self.span) + step
        if not 0 <= index < len(SPANS):
            return False
        self.span = SPANS[index]
        self.reading.start(self.span.length, self._filters)
        if self._is_filled:
            self._show()
            self.sort_by(self.list.sort_order)  # rows of the other span do not stay
        return True

    def sort_by(self, order: GroupOrder) -> None:
        """Use another order."""
        self.list.sort_by(order, self._now_s())
        self._report()

    def filter(self, text: str) -> None:
        """Show only groups that contain the words of a text."""
        self.list.filter(text, self._now_s())
        self._report()

    def refresh(self) -> None:
        """Read everything again."""
        self.reading.start(self.span.length, self._filters)

    def on_cursor(self) -> None:
        """Count the runs around the group under the cursor, and read who has it, once the cursor rests."""
        if (group := self.list.current) is not None:
            self._surroundings.follow(group, self._span)
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
        shown = (self.list.current, *map(self.list.get, self.list.window))
        return [run_id for group in shown if group is not None for run_id in group.run_ids] if self._is_filled else ()

    def _unread(self, limit: int) -> Sequence[RunId]:
        return () if self._groups is None or not self._is_filled else self._groups.unread(self._span, limit)

    def _on_reading(self) -> None:
        if self._groups is not None and self._is_open:
            theirs = self.reading.server_groups
            self._groups.on_server_groups(theirs.groups)
            if self._is_filled and self._live.pause is None:
                self._show()

    @property
    def _shown_span(self) -> TimeSpan:
        """The span at the time up to which data is known: the time after it would be shown as without failures."""
        now = self._live.now
        return self.span.at(now.frozen_at or now.at)

    def _on_surroundings(self) -> None:
        self._facts = None
        self.on_update()

    def _show(self) -> None:
        assert self._groups is not None
        self._span = self._shown_span
        self.list.show(self._groups.groups(self._span, self._session.now()), self._now_s())
        self._report()

    def _report(self) -> None:
        self._facts = None
        self.on_cursor()
        self.on_update()

    def _failed_runs(self) -> list[RunId]:
        """Return the failed runs of the store, the newest first: their groups are shown before all are grouped."""
        store = self._session.store
        failed = {run_id for status in FAILED for run_id in store.with_status(status)}
        return [run_id for _, run_id in store.newest_first_keys() if run_id in failed]

    def _start_fill(self, run_ids: Sequence[RunId]) -> None:
        self._stop_fill()
        self._waiting_count, self._grouped_count = len(run_ids), 0
        steps = self._fill_steps(run_ids)
        if not self._run_for_a_slice(steps):
            self._fill_task = self._session.spawn(self._fill(steps), "group failed runs")

    def _stop_fill(self) -> None:
        if self._fill_task is not None:
            self._fill_task.cancel()
            self._fill_task = None

    async def _fill(self, steps: Iterator[None]) -> None:
        while not self._run_for_a_slice(steps):  # noqa: ASYNC110  each pass does work
            await asyncio.sleep(0)

    def _run_for_a_slice(self, steps: Iterator[None]) -> bool:
        """Take steps until the time is up. Return whether all are taken."""
        until_s = self._now_s() + SLICE_S
        return all(self._now_s() < until_s for _ in steps)

    def _fill_steps(self, run_ids: Iterable[RunId]) -> Iterator[None]:
        assert self._groups is not None
        waiting, shown_s = iter(run_ids), self._now_s()
        while some := set(islice(waiting, _RUNS_PER_STEP)):
            self._groups.on_changes(self._matching(Changes(changed=some)))
            self._grouped_count += len(some)
            if self._now_s() - shown_s >= SHOW_EVERY_S:
                self._show()
                shown_s = self._now_s()
            yield
        self._is_filled = True
        self._on_reading()
        self.reading.wake()  # until now it was told of no run without an error

    def _now_s(self) -> float:
        return self._session.clock.monotonic_s()
