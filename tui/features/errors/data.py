"""The error groups of the errors view: read and kept up to date in slices while it is shown."""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Final

from tui.api.facts import ERROR_GROUPS
from tui.api.lists import GetRequest
from tui.domain.facts import ErrorState, FailuresProgress, ServerGroupDetail
from tui.domain.filters import RunFilters
from tui.domain.run import RunId
from tui.domain.text import Raw
from tui.features.errors import model, words
from tui.features.errors.error import error_line
from tui.features.errors.words import GroupFacts
from tui.features.runs.words import filter_words
from tui.kit.lists import Clip, ListView, LiveList
from tui.kit.live_model import LiveModel
from tui.kit.rows import ListModel, RowQuery
from tui.kit.selection import Selected
from tui.store.changes import Changes, Topic
from tui.store.error_groups import ErrorGroup, ErrorGroups, Reading, TimeSpan, is_failure, seen_at
from tui.store.filter import EVERYTHING, Filter
from tui.store.server_filter import with_server_filters
from tui.sync.failures import FailureReader
from tui.sync.session import Session
from tui.text import formatting
from tui.text.blocks import ListRuns, Row
from tui.text.styled import Line, Piece, Token, plain

# Keeps the groups of the errors view up to date in slices, so that even 10,000 groups never block a key.


SLICE_S: Final = 0.006
"""The longest time for which one slice blocks the event loop."""

UPDATES_REST_S: Final = 0.002
"""The time between two slices. A key takes several turns of the event loop, which must not wait for a slice each."""

SHOW_EVERY_S: Final = 0.15
"""How often the groups are shown while more of the store's runs are being grouped."""

SHOW_SHARE: Final = 0.2
"""The part of the time that showing may take: sorting thousands of groups takes longer than grouping some more runs."""

SETTLES_S: Final = 20.0
"""For so long after the view was opened, while runs or errors are still read, the cursor is on the first group until
the user moves it: the order is not final.
"""

MAX_MISSED: Final = 20_000
"""If more runs than this changed while the view was not shown, everything is grouped again."""

_RUNS_PER_STEP: Final = 4
_RUNS_PER_COUNT: Final = 512


class GroupUpdates:
    """Groups the failed runs that pass a filter, and shows the groups of a span in a list.

    One task does all requested work, in slices. The list changes only when a request is done completely, so it never
    mixes two spans, two filters or two states of the store. An exception is the first time that the store's runs are
    grouped: then the list shows the groups so far, and `reading` says so. `on_shown` is called after each change.
    """

    def __init__(
        self,
        session: Session,
        rows: ListModel[ErrorGroup],
        runs_filter: Filter,
        span: TimeSpan,
        on_shown: Callable[[], None],
    ) -> None:
        self._session, self._rows, self._filter = session, rows, runs_filter
        self._on_shown = on_shown
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
        self.waiting: dict[RunId, None] = {}
        """The runs that wait to be grouped."""
        self._failed_count = 0
        self._shown: tuple[TimeSpan, RowQuery[ErrorGroup], Reading, bool] | None = None
        self._shown_s, self._show_every_s = 0.0, SHOW_EVERY_S
        self._opened_s = self._now_s()
        self._is_due = False
        self._steps: Iterator[None] | None = None
        self._task: asyncio.Task[None] | None = None

    def follow(self, changes: Changes, *, is_shown: bool) -> None:
        """Group the runs that changed. If the view is not shown, that is done with the next request."""
        if is_shown or not self.has_missed:
            self.waiting |= dict.fromkeys(changes.added | changes.changed | changes.removed)
        if is_shown:
            self.request()

    @property
    def has_missed(self) -> bool:
        """Whether so much has changed while the view was not shown that it has to start over."""
        return len(self.waiting) > MAX_MISSED

    @property
    def is_counting(self) -> bool:
        """Whether a span of another length was requested, and is not shown yet."""
        return self._wanted_span.length != self.span.length

    def show_span(self, span: TimeSpan) -> None:
        """Show another span, or that of a later time. The rows of the one before stay until all of it is counted."""
        if span.length != self._wanted_span.length:
            self.stop()
        self._wanted_span = span
        self.request()

    def show_query(self, query: RowQuery[ErrorGroup]) -> None:
        """Show another order, or other groups. The rows stay until all groups are sorted."""
        if query != self.query:
            self.query = query
            self.stop()
            self.request()

    def request(self) -> None:
        """Bring the list up to date: a slice of it at once, the rest in a task."""
        self._is_due = True
        if self._task is None and not self._run_for_a_slice():
            self._task = self._session.spawn(self._run(), "group failed runs")

    def stop(self) -> None:
        """Drop the work in progress. The next request begins it again."""
        self._steps = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        while not self._run_for_a_slice():  # noqa: ASYNC110  each pass does work
            await asyncio.sleep(UPDATES_REST_S)
        self._task = None

    def _run_for_a_slice(self) -> bool:
        """Take steps until the time is up. Return whether all are taken."""
        steps = self._steps = self._steps or self._all_steps()
        until_s = self._now_s() + SLICE_S
        if not all(self._now_s() < until_s for _ in steps):
            return False
        self._steps = None
        return True

    def _all_steps(self) -> Iterator[None]:
        if self.reading is None:
            yield from self._list_failed_runs()
        while self._is_due:
            self._is_due = False
            yield from self._group_waiting()
            yield from self._show()
            self._is_due = self._is_due or bool(self.waiting)

    def _list_failed_runs(self) -> Iterator[None]:
        """Find the failed runs of the store, newest first, so that the newest groups are shown first."""
        store, since, until = self._session.store, self._wanted_span.since, self._wanted_span.until
        found, in_span = deque[RunId](), 0
        keys = iter(store.newest_first_keys())
        while some := list(islice(keys, _RUNS_PER_COUNT)):
            for _, run_id in some:
                run = store.get(run_id)
                if is_failure(run) and self._filter.matches(run):
                    found.append(run_id)
                    in_span += since <= seen_at(run) <= until
            yield
        self.waiting = dict.fromkeys([*found, *self.waiting])
        self._failed_count, self.reading, self._shown_s = in_span, Reading(in_span, 0), self._now_s()

    def _group_waiting(self) -> Iterator[None]:
        """Group the runs that wait. With a large store, the groups so far are shown from time to time."""
        waiting, get, matches = self.waiting, self._session.store.get, self._filter.matches
        while waiting:
            some = list(islice(waiting, _RUNS_PER_STEP))
            for run_id in some:
                del waiting[run_id]
                run = get(run_id)
                self.groups.update(run_id, run if run is not None and matches(run) else None)
            yield
            if not self.is_filled and self._now_s() - self._shown_s >= self._show_every_s:
                return
        self.is_filled = True

    def _show(self) -> Iterator[None]:
        span, query, is_new, begun_s = self._wanted_span, self.query, self.is_counting, self._now_s()
        is_filled = self.is_filled
        yield from self.groups.steps(span, self._session.now())
        changed, reading = self.groups.changed, self.groups.reading(span)
        if not is_filled:
            reading = Reading(max(self._failed_count, reading.failed_count), reading.read_count)
        shown = span, query, reading, is_filled
        if not changed and not is_new and shown == self._shown:
            return
        goes_to_top = not self._is_settled(reading)
        yield from self._rows.show(changed, query, self._now_s(), is_new=is_new, goes_to_top=goes_to_top)
        self.groups.changed = {}
        self._shown, self.span, self.reading = shown, span, reading
        self._shown_s = self._now_s()
        self._show_every_s = max(SHOW_EVERY_S, (self._shown_s - begun_s) / SHOW_SHARE)
        self._on_shown()

    def _is_settled(self, reading: Reading) -> bool:
        history = self._session.store.history
        is_read = history is not None and history.is_complete and reading.read_count >= reading.failed_count
        return is_read or self._now_s() - self._opened_s >= SETTLES_S

    def _now_s(self) -> float:
        return self._session.clock.monotonic_s()


# `LiveErrorGroups` joins the parts above while the view is shown, and forgets the groups when it is left.


AROUND_REST_S: Final = 0.15
AROUND_EVERY_S: Final = 5.0
"""The runs around a group that changes are counted at most this often."""

AROUND_KEPT_S: Final = 20.0
"""So old may the number of its task's runs be."""


class LiveErrorGroups(LiveList[ErrorGroup]):
    """The groups in their list, with what the panes show of the selected one.

    `open` begins to read, `rest` stops it, and `forget` forgets the groups too.
    """

    def __init__(self, live: LiveModel, view: ListView[ErrorGroup]) -> None:
        super().__init__(live, view)
        self._session = live.session
        self.filters: Callable[[], RunFilters] = RunFilters
        """Returns the server's filters, which the failed runs match."""
        self._filters = RunFilters()
        self.wanted_span = model.DAY
        """The span that was requested. It is shown once all of it is counted."""
        self.reading = FailureReader(self._session, self._visible, self._unread, self._on_reading)
        # Only the detail of a group says who acknowledged it, and why. It is read once for each status.
        self._details: Selected[ErrorGroup, ServerGroupDetail | None] = Selected(
            self._session, self._read_detail, self._on_detail, key=_detail_key, name="read an error group"
        )
        self._around: Selected[ErrorGroup, model.Surroundings] = Selected(
            self._session,
            self._count_around,
            self._on_detail,
            key=lambda group: group.fingerprint,
            name="count the runs around a group",
            version=lambda group: (group, self._updates.span, self._reached is None),
            rest_s=AROUND_REST_S,
            again_s=AROUND_EVERY_S,
            every_s=AROUND_KEPT_S,
        )
        self._is_read, self._read_span = False, ""
        self._start_over(self.list.query)

    def _start_over(self, query: RowQuery[ErrorGroup]) -> None:
        """Start again without any group."""
        self.list = ListModel(self.view, query, self.list.height)
        runs_filter = with_server_filters(self._filters, EVERYTHING)
        self._updates = GroupUpdates(self._session, self.list, runs_filter, self._time_span, self._on_shown)
        self._run_ids: tuple[ErrorGroup, Sequence[RunId]] | None = None
        self.is_grouped = False
        """Whether all failed runs of the store are in the groups that are shown."""

    @property
    def span(self) -> model.SpanChoice:
        """The span that is shown."""
        return next(each for each in model.SPANS if each.length == self._updates.span.length)

    @property
    def read(self) -> FailuresProgress:
        """How far the failed runs of the span were read, with those that are grouped."""
        found = self._updates.reading
        if found is None:
            return self.reading.progress
        return replace(self.reading.progress, known_count=found.failed_count, read_count=found.read_count)

    @property
    def request(self) -> GetRequest:
        return ERROR_GROUPS.request(period=self.wanted_span.name)

    @property
    def pending(self) -> str:
        """The work that is left before the wanted rows are shown, in words; empty if none is."""
        if self._updates.is_counting:
            return f"counting failures, {self.wanted_span.words}…"
        return "sorting…" if self._updates.query != self.list.query else ""

    @property
    def query(self) -> RowQuery[ErrorGroup]:
        """The order and the typed filter that were asked for."""
        return self._updates.query

    @property
    def facts(self) -> GroupFacts | None:
        """The group under the cursor and its surroundings."""
        if (group := self.list.current) is None:
            return None
        run_ids, store = self.run_ids, self._session.store
        around = self._around.of(group.fingerprint) or model.Surroundings()
        return GroupFacts(
            group,
            self.span.words,
            first_run=run_ids[-1] if run_ids else None,
            newest=self.live.get(group.run_ids[0]),
            task_runs=around.task_runs,
            later_runs=around.later_runs,
            version_start=around.version_start,
            first_start=model.first_start(store, run_ids),
            detail=self._details.of(_detail_key(group)),
            minutes=model.minutes_of(store, run_ids, group, self.live.now.until),
            state_problem=self.state_problem if group.state is None else "",
            is_complete=self.read.is_complete,
        )

    @property
    def newest(self) -> RunId | None:
        """The newest run of the group under the cursor."""
        group = self.list.current
        return None if group is None else group.run_ids[0]

    @property
    def run_ids(self) -> Sequence[RunId]:
        """All runs of the group under the cursor, newest first. The same object as long as the group is the same."""
        group, updates = self.list.current, self._updates
        if group is None:
            return ()
        if self._run_ids is None or self._run_ids[0] is not group:
            self._run_ids = group, updates.groups.run_ids(group.fingerprint, updates.span) or group.run_ids
        return self._run_ids[1]

    def open(self) -> None:
        """Group the failed runs of the store, and read those that it lacks, among runs that match the filters."""
        self.is_open, filters, updates = True, self.filters(), self._updates
        if filters != self._filters or not updates.is_filled or updates.has_missed:
            updates.stop()
            self._filters = filters
            self._start_over(self.query)
        self._updates.groups.on_server_groups(self.reading.groups.result.groups)
        self._updates.show_span(self._time_span)
        self.refresh()
        self.follow_row()

    def rest(self) -> None:
        """Stop reading and counting. The groups stay, for the way back."""
        self.is_open = False
        self.reading.stop()
        self._around.stop()
        self._details.stop()
        self._updates.stop()

    def forget(self) -> None:
        """Drop everything except the span and the order."""
        self.rest()
        self._start_over(RowQuery(self.list.query.order))

    def on_changes(self, changes: Changes) -> None:
        """Group the runs that changed. A view that is not shown remembers them."""
        if Topic.RUNS in changes.topics:
            self._updates.follow(changes, is_shown=self.is_open)

    def tick(self) -> None:
        """Move the span, once a minute. Called every second while the view is shown."""
        if not self.is_open:
            return
        if not self.reading.is_running:
            self.refresh()  # the view was opened before the session had started
        if self.live.pause is None:
            self._updates.show_span(self._time_span)

    def show_span(self, step: int) -> bool:
        """Show the next longer (1) or shorter (-1) span. Return whether there is one."""
        index = model.SPANS.index(self.wanted_span) + step
        if not 0 <= index < len(model.SPANS):
            return False
        self.show(model.SPANS[index], self.query)
        return True

    def show(self, span: model.SpanChoice, query: RowQuery[ErrorGroup]) -> None:
        """Show the groups of a span that contain a text, in an order, before `open` or while the view is shown."""
        is_other, self.wanted_span = span != self.wanted_span, span
        if not self.is_open and not self._updates.is_filled:
            self._start_over(query)
            return
        self._updates.show_query(query)
        if is_other:
            self._updates.show_span(self._time_span)
            if self.is_open:
                self.refresh()

    def show_query(self, query: RowQuery[ErrorGroup]) -> None:
        self._updates.show_query(query)

    def refresh(self) -> None:
        """Read everything again."""
        self.reading.start(self.wanted_span.length, self._filters)

    def follow_row(self) -> None:
        """Once the cursor rests, count the runs around its group, and read who acknowledged it."""
        group = self.list.current
        if group is not None and self.is_open:
            self._around.follow(group)
            self._details.follow(group if _detail_key(group) is not None else None)

    async def _read_detail(self, group: ErrorGroup, _: ServerGroupDetail | None) -> ServerGroupDetail | None:
        theirs = group.server_groups[0]
        detail = await self.reading.groups.read_detail(theirs.id)
        return detail if detail.task == theirs.task else None  # tasks share the id, and the server returns one of them

    @property
    def _reached(self) -> datetime | None:
        """Since when the store has every run; None if it lacks some of the span."""
        store, span = self._session.store, self._updates.span
        history, window = store.history, store.window
        if history is None or window is None or window.is_filtered or len(store) >= store.max_runs:
            return None
        is_all_read = history.is_complete and not history.is_cut and window.period >= span.until - span.since
        return history.reached if is_all_read or history.reached <= span.since else None

    async def _count_around(self, group: ErrorGroup, _: model.Surroundings | None) -> model.Surroundings:
        """Count the runs around a group in slices. Nothing is known if the store lacks runs of the span."""
        reached, found = self._reached, model.Surroundings()
        if reached is not None:
            since, now = self._updates.span.since, self._session.now()
            for so_far in model.search_around(self._session.store, group, since, reached, now):
                found = so_far
                await asyncio.sleep(0)
        return found

    @property
    def state_problem(self) -> str:
        """Why the states of the groups are not known, as a sentence; empty if they are."""
        theirs = self.reading.groups.result
        if theirs.refusal:
            reason = theirs.refusal.rstrip(".")
            return f"{reason[:1].upper()}{reason[1:]}: regressed and acknowledged groups are not marked."
        if theirs.failure and theirs.groups is None:
            return f"The server's error groups could not be read: {theirs.failure.rstrip('.')}."
        return ""

    def _visible(self) -> Sequence[RunId]:
        """Return the newest runs of the groups on the screen, the group under the cursor first."""
        if not self._updates.is_filled:
            return ()
        shown = (self.list.current, *map(self.list.get, self.list.window))
        return [run_id for group in shown if group is not None for run_id in group.run_ids]

    def _unread(self, limit: int) -> Sequence[RunId]:
        updates = self._updates
        return updates.groups.unread(updates.span, limit) if updates.is_filled else ()

    def _on_reading(self) -> None:
        if self.is_open:
            self._updates.groups.on_server_groups(self.reading.groups.result.groups)
            if self.live.pause is None:
                self._updates.request()
            self.on_update()

    @property
    def _time_span(self) -> TimeSpan:
        """The span at the time up to which data is known: the time after it would be shown as without failures."""
        return self.wanted_span.at(self.live.now.until)

    def _on_shown(self) -> None:
        if self._updates.is_filled and not self.is_grouped:
            self.is_grouped = True
            self.reading.wake()  # until now it knew no run without an error
        self.follow_row()
        self.on_update()

    # The texts around the groups.

    def drawn(self, row: ErrorGroup) -> model.GroupRow:
        newest = self.live.get(row.run_ids[0])
        return model.GroupRow(row, row.counts_in(self._updates.span), model.own_line(newest), self._is_read)

    def begin_drawing(self) -> Mapping[str, str]:
        read, span_words = self.read, self.span.words
        # The errors of runs that fail now are read within moments: no row says for those that more may be of its group.
        is_followed = self._is_read and self._read_span == span_words and not (read.failure or read.unreadable_count)
        self._is_read, self._read_span = read.is_complete or is_followed, span_words
        return {"bars": span_words} | ({"state": model.ONLY_NEW} if self.state_problem else {})

    def left(self) -> Line:
        *typed, dot, order = super().left()
        return (*typed, dot, Piece(filter_words(self._filters, self.span.length), Token.MUTED), dot, order)

    def right(self, width: int) -> Line:
        freshness, rows = self.live.freshness, self.list
        if freshness.is_stale and freshness.confirmed_at is not None:
            return (Piece(f"last confirmed {self.live.now.ago(freshness.confirmed_at)}", Token.AMBER),)
        if self.pending:
            return (Piece(self.pending, Token.MUTED),)
        return words.groups_right(self.read, rows.shown_count, rows.known_count, rows.new_count, width)

    def empty_lines(self, width: int) -> tuple[Line, ...]:
        is_filtered, is_stale = bool(self.query.text) and self.list.known_count > 0, self.live.freshness.is_stale
        lines = words.empty_groups_lines(self.read, self.span.words, width, is_filtered=is_filtered, is_stale=is_stale)
        return tuple(lines)

    def page(self, limit: int) -> Sequence[Row]:
        facts = self.facts
        if facts is None:
            text = formatting.LOADING if self.read.known_count is None else words.NOTHING_SELECTED
            return [Row(()), Row((Piece(text, Token.MUTED),), "none")]
        return words.group_page(facts, self.live.now, limit)

    def page_left(self) -> Line:
        return ()

    def page_right(self, _width: int) -> Line:
        group = self.list.current
        return () if group is None else (Piece(words.short_fingerprint(group), Token.MUTED),)

    def summary(self, width: int) -> tuple[Line, ...]:
        facts = self.facts
        return super().summary(width) if facts is None else words.group_summary_lines(facts, self.live.now, width)


def _detail_key(group: ErrorGroup) -> Hashable:
    """Return the identity of the detail of a group; None for one that has none: several groups may differ."""
    if group.state is not ErrorState.ACKNOWLEDGED or len(group.server_groups) != 1:
        return None
    theirs = group.server_groups[0]
    return theirs.id, theirs.task, theirs.status


# The declaration of the list.


GROUPS: Final[ListView[ErrorGroup]] = ListView(
    name="errors",
    noun="group",
    sentence="Error groups: what fails, since when, in which version.",
    table=model.GROUP_TABLE,
    key=lambda group: group.fingerprint,
    title=words.short_fingerprint,
    orders=model.GROUP_ORDERS,
    fields={
        "type": lambda group: group.kind.type or "",
        "message": lambda group: group.kind.message,
        "state": lambda group: group.state or "",
        "fingerprint": lambda group: group.fingerprint,
        "place": model.place_text,
        "task": lambda group: "\n".join(task for task, _ in group.tasks),
        "version": lambda group: "\n".join(version for version, _ in group.versions),
    },
    opens=lambda group, _: ListRuns(f"group:{words.short_fingerprint(group)}", Raw(plain(error_line(group.kind)))),
    copies=lambda group: (Clip("f", "fingerprint", group.fingerprint),),
    # A storm changes its own row, and no other. A group that has doubled moves at once: it may have begun just now.
    sort_every_s=10.0,
    moves=lambda old, new: old.state is not new.state or old.count.bit_length() != new.count.bit_length(),
    live=LiveErrorGroups,
)
