"""Keeps the groups of the errors view up to date in slices, so that even 10,000 groups never block a key."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from typing import Final

from tui.domain.ids import RunId
from tui.session import Session
from tui.store.changes import Changes
from tui.store.error_groups import ErrorGroups, Reading
from tui.store.errors.failures import TimeSpan, is_failure, seen_at
from tui.store.filter import Filter
from tui.ui.model.errors.group_list import GroupListModel
from tui.ui.model.errors.ranking import GroupQuery

SLICE_S: Final = 0.006
"""The longest time for which one slice blocks the event loop."""

REST_S: Final = 0.002
"""The time between two slices. A key takes several turns of the event loop, and none of them waits for a slice."""

SHOW_EVERY_S: Final = 0.15
"""How often the groups are shown while more of the store's runs are being grouped."""

SHOW_SHARE: Final = 0.2
"""The part of the time that this may take: sorting thousands of groups takes longer than grouping some more runs."""

_RUNS_PER_STEP: Final = 4
_RUNS_PER_COUNT: Final = 512


class GroupUpdates:
    """Groups the failed runs that pass a filter, and shows the groups of a span in a list.

    Everything that was requested is done by one task, in slices. The list changes when all of a request is done, so
    that it never mixes two spans, two filters or two states of the store. Only while the runs of the store are grouped
    for the first time, it shows what there is so far, and `reading` says so. `on_shown` is called after each change,
    `on_grouped` when the task ends, with the number of runs that it grouped for the first time.
    """

    def __init__(
        self,
        session: Session,
        rows: GroupListModel,
        runs_filter: Filter,
        span: TimeSpan,
        on_shown: Callable[[], None],
        on_grouped: Callable[[int], None],
    ) -> None:
        self._session = session
        self._rows = rows
        self._filter = runs_filter
        self._on_shown = on_shown
        self._on_grouped = on_grouped
        self.groups = ErrorGroups(session.store, starts_empty=True)
        self.span = span
        """The span that is shown."""
        self._wanted_span = span
        self.query = rows.query
        """The order and the typed filter that are shown, or will be."""
        self.reading: Reading | None = None
        """How many runs of the span are in the groups that are shown; None before that is counted."""
        self.is_filled = False
        """Whether all failed runs of the store were grouped once."""
        self._failed_count = 0
        self._new_count = 0
        self._is_listed = self._shown_filled = False
        self._waiting: dict[RunId, None] = {}
        self._is_due = self._is_reset = self._is_running = False
        self._steps: Iterator[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._shown_s = 0.0
        self._show_every_s = SHOW_EVERY_S

    @property
    def is_counting(self) -> bool:
        """Whether another span was requested, and is not shown yet."""
        return self._is_reset

    @property
    def is_sorting(self) -> bool:
        """Whether another order or filter was requested, and is not shown yet."""
        return self.query != self._rows.query

    @property
    def waiting_count(self) -> int:
        """How many runs wait to be grouped."""
        return len(self._waiting)

    def add(self, run_ids: Collection[RunId]) -> None:
        """Group runs that are new, have changed or were removed."""
        self.note(run_ids)
        self.request()

    def note(self, run_ids: Collection[RunId]) -> None:
        """Note such runs, to group them with the next request."""
        self._waiting.update(dict.fromkeys(run_ids))

    def show_span(self, span: TimeSpan) -> None:
        """Show another span. The rows of the one before stay until all of it is counted."""
        self._wanted_span, self._is_reset = span, True
        self._restart()

    def show_query(self, query: GroupQuery) -> None:
        """Show another order, or other groups. The rows stay until all groups are sorted."""
        if query != self.query:
            self.query = query
            self._restart()

    def move_span(self, span: TimeSpan) -> None:
        """Show the span of a later time."""
        self._wanted_span = span
        self.request()

    def request(self) -> None:
        """Bring the list up to date: a slice of it at once, the rest in a task."""
        self._is_due = True
        if self._is_running:
            return
        if self._steps is None:
            self._steps = self._all_steps()
        if self._task is None and not self._run_for_a_slice():
            self._task = self._session.spawn(self._run(), "group failed runs")

    def stop(self) -> None:
        """Do nothing more. What was requested is done after the next request."""
        self._steps = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _restart(self) -> None:
        """Drop the work in progress: its result will not be shown."""
        if not self._is_running:
            self.stop()
        self.request()

    async def _run(self) -> None:
        try:
            while not self._run_for_a_slice():  # noqa: ASYNC110  each pass does work
                await asyncio.sleep(REST_S)
        finally:
            count, self._new_count = self._new_count, 0
            self._on_grouped(count)
        self._task = None

    def _run_for_a_slice(self) -> bool:
        """Take steps until the time is up. Return whether all are taken."""
        now_s = self._session.clock.monotonic_s
        until_s = now_s() + SLICE_S
        self._is_running = True
        try:
            if self._steps is not None and not all(now_s() < until_s for _ in self._steps):
                return False
        finally:
            self._is_running = False
        self._steps = None
        return True

    def _all_steps(self) -> Iterator[None]:
        if not self._is_listed:
            yield from self._list_failed_runs()
        while self._is_due:
            self._is_due = False
            yield from self._group_waiting()
            yield from self._show()
            self._is_due = self._is_due or bool(self._waiting)

    def _list_failed_runs(self) -> Iterator[None]:
        """Find the failed runs of the store, newest first: their groups are shown before all are grouped."""
        store, since, until = self._session.store, self._wanted_span.since, self._wanted_span.until
        found, in_span = deque[RunId](), 0
        keys = iter(store.newest_first_keys())
        while some := list(islice(keys, _RUNS_PER_COUNT)):
            for _, run_id in some:
                run = store.get(run_id)
                if run is not None and run.state is not None and is_failure(run) and self._filter.matches(run):
                    found.append(run_id)
                    in_span += since <= seen_at(run, run.state) <= until
            yield
        self._waiting = dict.fromkeys([*found, *self._waiting])
        self._failed_count, self._is_listed = in_span, True
        self.reading, self._shown_s = Reading(in_span, 0), self._now_s()

    def _group_waiting(self) -> Iterator[None]:
        """Group the runs that wait. Those of a large store are shown from time to time."""
        waiting, get, matches = self._waiting, self._session.store.get, self._filter.matches
        while waiting:
            some = list(islice(waiting, _RUNS_PER_STEP))
            for run_id in some:
                del waiting[run_id]
            self._new_count += 0 if self.is_filled else len(some)
            changed = {run_id for run_id in some if (run := get(run_id)) is not None and matches(run)}
            self.groups.on_changes(Changes(changed=changed))
            self.groups.discard(run_id for run_id in some if run_id not in changed)
            yield
            if not self.is_filled and self._now_s() - self._shown_s >= self._show_every_s:
                return
        self.is_filled = True

    def _show(self) -> Iterator[None]:
        span, query, is_new, is_filled = self._wanted_span, self.query, self._is_reset, self.is_filled
        begun_s = self._now_s()
        yield from self.groups.steps(span, self._session.now())
        changed, reading = self.groups.changed, self.groups.reading(span)
        if not is_filled:
            reading = Reading(max(self._failed_count, reading.failed_count), reading.read_count)
        before = self.span, self._rows.query, self.reading, self._shown_filled
        if not changed and not is_new and before == (span, query, reading, is_filled):
            return
        yield from self._rows.show(changed, query, self._now_s(), is_new=is_new)
        self.groups.forget_changed()
        self.span, self.reading, self._shown_filled = span, reading, is_filled
        self._is_reset, self._shown_s = False, self._now_s()
        self._show_every_s = max(SHOW_EVERY_S, (self._shown_s - begun_s) / SHOW_SHARE)
        self._on_shown()
        yield from self._rows.free()

    def _now_s(self) -> float:
        return self._session.clock.monotonic_s()
