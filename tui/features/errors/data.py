"""The error groups of the errors view: read and kept up to date in slices while it is shown."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from tui.api.errors import ApiError
from tui.domain.errors.groups import ErrorState, FailuresProgress, ServerErrorGroup, ServerGroupsRead, ServerGroupStatus
from tui.domain.errors.kinds import Fingerprint
from tui.domain.filters import RunFilters
from tui.domain.ids import ErrorGroupId, RunId, TaskId
from tui.features.errors import model
from tui.features.errors.words import GroupFacts, GroupsRead
from tui.features.runs.words import filter_words
from tui.kit.live_model import LiveModel
from tui.store.changes import Changes, Topic
from tui.store.error_groups import ErrorGroup, ErrorGroups, Reading, TimeSpan, is_failure, seen_at
from tui.store.filter import EVERYTHING, Filter
from tui.store.server_filter import with_server_filters
from tui.sync.clock import Timer
from tui.sync.session import Session

if TYPE_CHECKING:
    from tui.sync.failures import FailureReader, GroupReader


# Reads what only the detail of a group contains: who acknowledged it, and why.


DETAILS_REST_S: Final = 0.5
"""How long the cursor rests on an acknowledged group before its detail is read."""

MAX_KEPT: Final = 100
"""Details that are kept. All are forgotten when there are more."""

DetailKey = tuple[ErrorGroupId, TaskId, ServerGroupStatus | None]


class GroupDetails:
    """Follows the group under the cursor. `on_result` is called when its detail was read.

    A group with several groups on the server has no detail: they may differ.
    """

    def __init__(
        self,
        session: Session,
        read: Callable[[ErrorGroupId], Awaitable[ServerErrorGroup]],
        on_result: Callable[[], None],
    ) -> None:
        self._session = session
        self._read = read
        self._on_result = on_result
        self._kept: dict[DetailKey, ServerErrorGroup | None] = {}
        self._wanted: DetailKey | None = None
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None

    def of(self, group: ErrorGroup) -> ServerErrorGroup | None:
        """Return the detail of a group, if it was read."""
        key = _key(group)
        return None if key is None else self._kept.get(key)

    def follow(self, group: ErrorGroup) -> None:
        """Read the detail of a group soon, once for each status."""
        key = _key(group)
        if key == self._wanted:
            return
        self.stop()
        self._wanted = key
        if key is not None and key not in self._kept:
            self._timer = self._session.clock.call_later(DETAILS_REST_S, self._begin)

    def stop(self) -> None:
        """Read nothing."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
        self._wanted = self._timer = self._task = None

    def _begin(self) -> None:
        self._timer = None
        if self._wanted is not None:
            self._task = self._session.spawn(self._fetch(self._wanted), "read an error group")

    async def _fetch(self, key: DetailKey) -> None:
        detail: ServerErrorGroup | None = None
        with suppress(ApiError):  # the list has the state; who and why stay unknown
            detail = await self._read(key[0])
        if detail is not None and detail.task != key[1]:
            detail = None  # tasks share the id, and the server returns one of them
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[key] = detail
        self._task = None
        if detail is not None:
            self._on_result()


def _key(group: ErrorGroup) -> DetailKey | None:
    if group.state is not ErrorState.ACKNOWLEDGED or len(group.server_groups) != 1:
        return None
    theirs = group.server_groups[0]
    return theirs.id, theirs.task, theirs.status


# Reads the failed runs and the server's groups of errors for a view, while the view is shown.


class FailureView(NamedTuple):
    """What a view shows, for the reader of failures.

    `visible` returns the runs on the screen. `unread(limit)` returns the newest failed runs of the view's span whose
    error is not known, as `ErrorGroups.unread` does. `on_update` is called after each change of the two results.
    """

    visible: Callable[[], Sequence[RunId]]
    unread: Callable[[int], Sequence[RunId]]
    on_update: Callable[[], None]


class FailureReading:
    """Starts and stops reading. Keep one for the life of the app: a refusal of the groups is remembered here.

    `progress` says how far the failed runs were read, `server_groups` has the server's groups.
    """

    def __init__(self, session: Session, view: FailureView) -> None:
        self._session = session
        self._view = view
        self._reader: FailureReader | None = None
        self._groups: GroupReader | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._unsubscribe: Callable[[], None] = lambda: None
        self.progress = FailuresProgress()
        self.server_groups = ServerGroupsRead()

    @property
    def is_running(self) -> bool:
        """Whether the failed runs are followed."""
        return bool(self._tasks)

    def start(self, period: timedelta, followed: RunFilters) -> None:
        """Read the failed runs created within `period` that match the server filters, and the groups.

        A reading that runs is stopped first. Nothing happens before the session has started.
        """
        self.stop()
        if not self._session.is_started:
            return
        from tui.sync.failures import FailureReader, FailureScope, GroupReader  # noqa: PLC0415  loads httpx2

        session = self._session
        if self._groups is None:
            self._groups = GroupReader(session.fetcher, session.clock, self._on_groups)
        scope = FailureScope(period, followed, can_list=session.sources.relay is None)
        if self._reader is None or self._reader.scope != scope:
            self.progress = FailuresProgress()
            self._reader = FailureReader(
                session.fetcher,
                session.store,
                session.clock,
                scope,
                visible=self._view.visible,
                unread=self._view.unread,
                report=self._on_progress,
            )
        self._unsubscribe = session.subscribe(self._on_changes)
        self._tasks = [
            session.spawn(self._reader.run(), "read failed runs"),
            session.spawn(self._groups.run(period), "read error groups"),
        ]

    def stop(self) -> None:
        """Stop reading. The results stay as they are."""
        self._unsubscribe()
        self._unsubscribe = lambda: None
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    async def read_group(self, group_id: ErrorGroupId) -> ServerErrorGroup:
        """Return a group of the server with its detail. Raises `ApiError`. Call it after `start`."""
        assert self._groups is not None
        return await self._groups.read_detail(group_id)

    def wake(self) -> None:
        """Read the errors of runs that are visible now. Call it after the cursor or the scroll position has moved."""
        if self._reader is not None and self._tasks:
            self._reader.wake()

    def _on_changes(self, changes: Changes) -> None:
        if Topic.HISTORY in changes.topics or any(step.after.status.is_failed for step in changes.transitions):
            self.wake()

    def _on_progress(self, progress: FailuresProgress) -> None:
        if self._tasks and progress != self.progress:
            self.progress = progress
            self._view.on_update()

    def _on_groups(self, groups: ServerGroupsRead) -> None:
        if groups != self.server_groups:
            self.server_groups = groups
            self._view.on_update()


# Keeps the groups of the errors view up to date in slices, so that even 10,000 groups never block a key.


SLICE_S: Final = 0.006
"""The longest time for which one slice blocks the event loop."""

UPDATES_REST_S: Final = 0.002
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
        rows: model.GroupListModel,
        runs_filter: Filter,
        span: TimeSpan,
        on_shown: Callable[[], None],
        on_grouped: Callable[[int], None],
    ) -> None:
        self._session, self._rows, self._filter = session, rows, runs_filter
        self._on_shown, self._on_grouped = on_shown, on_grouped
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
        self._failed_count = self._new_count = 0
        self._is_listed = self._shown_filled = False
        self.waiting: dict[RunId, None] = {}
        """The runs that wait to be grouped."""
        self._is_due = self._is_running = False
        self.is_counting = False
        """Whether another span was requested, and is not shown yet."""
        self._steps: Iterator[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._shown_s = 0.0
        self._show_every_s = SHOW_EVERY_S

    @property
    def is_sorting(self) -> bool:
        """Whether another order or filter was requested, and is not shown yet."""
        return self.query != self._rows.query

    def add(self, run_ids: Collection[RunId]) -> None:
        """Group runs that are new, have changed or were removed."""
        self.note(run_ids)
        self.request()

    def note(self, run_ids: Collection[RunId]) -> None:
        """Note such runs, to group them with the next request."""
        self.waiting.update(dict.fromkeys(run_ids))

    def show_span(self, span: TimeSpan) -> None:
        """Show another span. The rows of the one before stay until all of it is counted."""
        self._wanted_span, self.is_counting = span, True
        self._restart()

    def show_query(self, query: model.GroupQuery) -> None:
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
                await asyncio.sleep(UPDATES_REST_S)
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
            self._is_due = self._is_due or bool(self.waiting)

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
        self.waiting = dict.fromkeys([*found, *self.waiting])
        self._failed_count, self._is_listed = in_span, True
        self.reading, self._shown_s = Reading(in_span, 0), self._now_s()

    def _group_waiting(self) -> Iterator[None]:
        """Group the runs that wait. Those of a large store are shown from time to time."""
        waiting, get, matches = self.waiting, self._session.store.get, self._filter.matches
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
        span, query, is_new, is_filled = self._wanted_span, self.query, self.is_counting, self.is_filled
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
        self.is_counting, self._shown_s = False, self._now_s()
        self._show_every_s = max(SHOW_EVERY_S, (self._shown_s - begun_s) / SHOW_SHARE)
        self._on_shown()
        yield from self._rows.free()

    def _now_s(self) -> float:
        return self._session.clock.monotonic_s()


# Counts the runs around the selected error group, in slices, once the cursor rests.


SURROUNDINGS_REST_S: Final = 0.15
EVERY_S: Final = 5.0
"""The runs around a group that changes are counted at most this often."""

SURROUNDINGS_SLICE_S: Final = 0.004


class SurroundingsCounter:
    """Follows one group at a time. `on_result` is called when its surroundings differ from those before."""

    def __init__(self, session: Session, on_result: Callable[[], None]) -> None:
        self._session = session
        self._on_result = on_result
        self._group: ErrorGroup | None = None
        self._span: TimeSpan | None = None
        self._result: tuple[Fingerprint, model.Surroundings] | None = None
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._counted_s = float("-inf")

    def of(self, group: ErrorGroup) -> model.Surroundings:
        """Return what is known of the runs around a group."""
        known = self._result
        return known[1] if known is not None and known[0] == group.fingerprint else model.Surroundings()

    def follow(self, group: ErrorGroup, span: TimeSpan) -> None:
        """Count the runs around a group soon, if it is another group or has changed."""
        before = self._group
        if group is before and span == self._span:
            return
        if before is None or before.fingerprint != group.fingerprint:
            self.stop()
            self._schedule(SURROUNDINGS_REST_S)
        elif self._timer is None and self._task is None:
            self._schedule(max(SURROUNDINGS_REST_S, self._counted_s + EVERY_S - self._session.clock.monotonic_s()))
        self._group, self._span = group, span

    def stop(self) -> None:
        """Stop counting, until a group is followed again."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
        self._timer = self._task = self._group = None

    def _schedule(self, delay_s: float) -> None:
        self._timer = self._session.clock.call_later(delay_s, self._begin)

    def _begin(self) -> None:
        self._timer = None
        if self._group is not None and self._span is not None:
            self._task = self._session.spawn(self._count(self._group, self._span), "count the runs around a group")

    async def _count(self, group: ErrorGroup, span: TimeSpan) -> None:
        clock, result = self._session.clock, model.Surroundings()
        if (search := self._search(group, span)) is not None:
            until_s = clock.monotonic_s() + SURROUNDINGS_SLICE_S
            for _ in search.steps():
                if clock.monotonic_s() >= until_s:
                    await asyncio.sleep(0)
                    until_s = clock.monotonic_s() + SURROUNDINGS_SLICE_S
            result = search.result
        self._task, self._counted_s = None, clock.monotonic_s()
        if self._result != (group.fingerprint, result):
            self._result = (group.fingerprint, result)
            self._on_result()
        if self._group is not group and self._timer is None:
            self._schedule(EVERY_S)

    def _search(self, group: ErrorGroup, span: TimeSpan) -> model.SurroundingsSearch | None:
        """Return the search, or None if the store lacks runs of the span: then no share of them is true."""
        store = self._session.store
        history, window = store.history, store.window
        if history is None or window is None or window.is_filtered or len(store) >= store.max_runs:
            return None
        is_all_read = history.is_complete and not history.is_cut and window.period >= span.until - span.since
        if not is_all_read and history.reached > span.since:
            return None
        return model.SurroundingsSearch(store, group, span.since, history.reached, self._session.now())


# `LiveErrorGroups` joins the parts above while the view is shown, and forgets the groups when it is left.


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
        self._is_open = self._was_paused = False
        self.is_grouped = False
        """Whether all failed runs of the store are in the groups that are shown."""
        self._missed: set[RunId] = set()
        self._filters = RunFilters()
        self.wanted_span: model.SpanChoice = model.DAY
        """The span that was asked for; `span` follows once all of it is counted."""
        self._facts: GroupFacts | None = None
        self._run_ids: tuple[ErrorGroup, Sequence[RunId]] | None = None
        self.list = model.GroupListModel()
        self.span: model.SpanChoice = model.DAY
        """The span that is shown."""
        self.on_update: Callable[[], None] = lambda: None
        self.reading = FailureReading(self._session, FailureView(self._visible, self._unread, self._on_reading))
        self._surroundings = SurroundingsCounter(self._session, self._on_surroundings)
        self._details = GroupDetails(self._session, self.reading.read_group, self._on_surroundings)

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
    def time_span(self) -> TimeSpan | None:
        """The span that is shown; None before the first groups are."""
        return None if self._updates is None else self._updates.span

    @property
    def pending(self) -> str:
        """What still has to be done before the wanted rows are shown, in words; empty if nothing."""
        updates = self._updates
        if updates is not None and updates.is_counting:
            return f"counting the {self.wanted_span.words}…"
        return "sorting…" if updates is not None and updates.is_sorting else ""

    @property
    def query(self) -> model.GroupQuery:
        """The order and the typed filter that were asked for."""
        return self.list.query if self._updates is None else self._updates.query

    @property
    def facts(self) -> GroupFacts | None:
        """The group under the cursor and its surroundings."""
        group = self.list.current
        if group is not None and (self._facts is None or self._facts.group is not group):
            self._facts = self._facts_of(group)
        return None if group is None else self._facts

    @property
    def newest(self) -> RunId | None:
        """The newest run of the group under the cursor."""
        group = self.list.current
        return None if group is None or not group.run_ids else group.run_ids[0]

    @property
    def run_ids(self) -> Sequence[RunId]:
        """All runs of the group under the cursor, newest first. The same object as long as the group is the same."""
        group, updates = self.list.current, self._updates
        if group is None or updates is None:
            return ()
        if self._run_ids is None or self._run_ids[0] is not group:
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
            runs_filter, on_grouped = with_server_filters(filters, EVERYTHING), self._live.record_groups
            updates = GroupUpdates(self._session, self.list, runs_filter, self._time_span, self._on_shown, on_grouped)
            updates.groups.on_server_groups(self.reading.server_groups.groups)
            self._updates, self.is_grouped = updates, False
            updates.request()
        else:
            updates.move_span(self._time_span)
            updates.add(self._missed)
        self._missed.clear()
        self.refresh()
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
        self.span = self.wanted_span
        self._missed.clear()
        self.list = self.list.emptied(model.GroupQuery(self.list.sort_order))

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
            self.refresh()  # the view was opened before the session had started
        if self._updates is not None and self._live.pause is None:
            is_after_pause, self._was_paused = self._was_paused, False
            if is_after_pause or self._time_span != self._updates.span:
                self._updates.move_span(self._time_span)
        self._was_paused = self._live.pause is not None

    def show_span(self, step: int) -> bool:
        """Show the next longer (1) or shorter (-1) span. Return whether there is one."""
        index = model.SPANS.index(self.wanted_span) + step
        if not 0 <= index < len(model.SPANS):
            return False
        self.wanted_span = model.SPANS[index]
        self.refresh()
        if self._updates is not None:
            self._updates.show_span(self._time_span)
        return True

    def show(self, span: model.SpanChoice, query: model.GroupQuery) -> None:
        """Show the groups of a span that contain a text, in an order, before `open` or while the view is shown."""
        is_other, self.wanted_span = span != self.wanted_span, span
        if self._updates is None:
            self.span, self.list = span, self.list.emptied(query)
            return
        self._updates.show_query(query)
        if is_other:
            self._updates.show_span(self._time_span)
            if self._is_open:
                self.refresh()

    def sort_by(self, order: model.GroupOrder) -> None:
        """Use another order."""
        if self._updates is not None:
            self._updates.show_query(self.query._replace(order=order))

    def filter(self, text: str) -> None:
        """Show only groups that contain the words of a text."""
        if self._updates is not None:
            self._updates.show_query(self.query._replace(text=text))

    def refresh(self) -> None:
        """Read everything again."""
        self.reading.start(self.wanted_span.length, self._filters)

    def on_cursor(self) -> None:
        """Once the cursor rests, count the runs around its group, and read who acknowledged it."""
        if (group := self.list.current) is not None and self._updates is not None:
            self._surroundings.follow(group, self._updates.span)
            self._details.follow(group)

    def _facts_of(self, group: ErrorGroup) -> GroupFacts:
        run_ids, store, read = self.run_ids, self._session.store, self.read
        around = self._surroundings.of(group)
        return GroupFacts(
            group,
            self.span.words,
            first_run=run_ids[-1] if run_ids else None,
            newest=self._live.get(group.run_ids[0]) if group.run_ids else None,
            task_runs=around.task_runs,
            version_start=around.version_start,
            first_start=model.first_start(store, run_ids),
            detail=self._details.of(group),
            minutes=model.minutes_of(store, run_ids, group, self._live.now.frozen_at or self._live.now.at),
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
        return self.wanted_span.at(now.frozen_at or now.at)

    def _on_surroundings(self) -> None:
        self._facts = None
        self.on_update()

    def _on_shown(self) -> None:
        updates = self._updates
        if updates is not None and not updates.is_counting:
            self.span = self.wanted_span
        if updates is not None and updates.is_filled and not self.is_grouped:
            self.is_grouped = True
            self.reading.wake()  # until now it knew no run without an error
        self._facts = None
        self.on_cursor()
        self.on_update()
