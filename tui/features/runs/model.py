"""The list of runs without its drawing: its query and views, its lines, its cursor, its marks."""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from tui.domain.filters import MAX_PERIOD, RunFilters, SearchProgress
from tui.domain.run import FAILED, FAILED_WORDS, STATUS_TABLE, Run, RunId
from tui.domain.text import Raw
from tui.domain.update import HistoryRead
from tui.features.runs.words import ListFacts, reach_words
from tui.kit.live_model import LiveModel
from tui.kit.rows import RowLines
from tui.kit.speed import no_collections
from tui.lazy_dataclass import dataclass
from tui.store.changes import CREATED, Changes, Key, Order, SortKey, key_after, key_before
from tui.store.filter import Filter, lacks_body, parse_filter, read_status_words, split_words, without_bodies
from tui.store.freshness import Gap
from tui.store.server_filter import with_server_filters
from tui.store.store import Store
from tui.store.view import RunSource, View
from tui.sync.clock import Work, work_a_slice, work_in_slices
from tui.text import formatting

# The views behind the list: the runs that pass the server's filters, and those that also pass the typed filter.
#
# The list's pane owns them and shows `shown` through `RunListModel`. Views are filled in time slices, so that filtering
# 100,000 runs does not delay a key press.


SLICE_S: Final = 0.006
"""The longest time for which one slice blocks the event loop."""

PAINT_DELAY_S: Final = 0.1
"""After new views have replaced the old ones, further work waits this long, so that they are painted first."""

ADVANCE_EVERY: Final = timedelta(minutes=1)

RECHECK_SHARE: Final = 0.1
"""The maximum share of time for rechecks: a filter by age or duration matches other runs as time passes."""

MAX_BODILESS: Final = 10_000
"""The newest runs that are looked through for those whose payloads are not read."""

MAX_LOOKED_AT: Final = 500
"""With more runs without a payload than this, nobody looks whether all came since the search."""

ARRIVES_WITHIN: Final = timedelta(seconds=2)
"""A run that was created or ended so shortly before a search may have arrived after it."""

_RUNS_PER_TIME_CHECK: Final = 64


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The filters and the order of the list.

    * `period`: how far back the server is asked for runs
    * `text`: the typed filter
    * `text_name`: what the typed filter stands for, where it does not say so itself
    * `filters`: the server's filters
    * `is_typing`: the last word of the text may be incomplete
    * `is_searched`: the server was searched for this text, so runs of any age are shown

    The last two do not make it another query.
    """

    period: timedelta
    text: str = ""
    filters: RunFilters = field(default_factory=RunFilters)
    order: Order = CREATED
    is_typing: bool = field(default=False, compare=False)
    is_searched: bool = field(default=False, compare=False)
    text_name: Raw = Raw("")

    @property
    def shown_period(self) -> timedelta:
        """How far back runs are shown, searched ones included."""
        return MAX_PERIOD if self.is_searched else self.period


class ListViews:
    """The views of the current query.

    * `base`: the runs that pass the server's filters
    * `shown`: those of them that pass the typed filter; `base` itself if there is none
    * `failed`: the failed runs of `base`; None while the filter does not look at errors
    * `unread`: those of `failed` whose error was never fetched
    * `possible`: the runs of `base`, newest first, that match or do not match by their payloads; None while the filter
      does not look at these
    * `bodiless`: those of `possible` whose payloads are not read

    `on_views` is called when new views have replaced the old ones. `on_recheck` receives the runs that may match
    differently because time passed. During a pause all views show the runs as they were.
    """

    def __init__(self, live: LiveModel, on_views: Callable[[], None], on_recheck: Callable[[Changes], None]) -> None:
        self._live = live
        self._session = session = live.session
        self._on_views = on_views
        self._on_recheck = on_recheck
        self._fill_task: asyncio.Task[None] | None = None
        self._filling: list[View] = []
        self._recheck_task: asyncio.Task[None] | None = None
        self._recheck_due_s = 0.0
        self._advanced_at = session.now()
        self.query = ListQuery(session.settings.history)
        self.parsed = parse_filter("")
        self.base = self.shown = View(session.store, since=self._since(), source=live)
        self._base_key: tuple[RunFilters, timedelta, Order] | None = None
        """The part of the query that `base` was made for."""
        self.failed: View | None = None
        self.unread: View | None = None
        self.possible: View | None = None
        self.bodiless: View | None = None

    def request(self, query: ListQuery) -> None:
        """Create the views of a new query. The old ones stay until the new ones are complete."""
        self.query = query
        for task in (self._fill_task, self._recheck_task):
            if task is not None:
                task.cancel()
        self._fill_task = self._recheck_task = None
        for view in self._filling:
            view.stop()
        now = self._live.now
        self.parsed = parse_filter(query.text, now=now.until, is_typing=query.is_typing)
        base_key = (query.filters, query.shown_period, query.order)
        base = self.base if base_key == self._base_key else self._view(parse_filter(""), self._since())
        views = [base, self._view(self.parsed, base.since)] if query.text else [base]
        if self.parsed.depends_on_errors:
            failed = {run_id for status in FAILED for run_id in self._session.store.with_status(status)}
            keys = [key for key in self._live.newest_first_keys() if key[1] in failed]
            views += [self._view(Filter(terms=(term,)), base.since, keys) for term in (_is_failed, _is_unread)]
        if self.parsed.depends_on_bodies:
            possible, newest = without_bodies(query.text).at(now.until), self._live.newest_first_keys()[:MAX_BODILESS]
            terms = (), (lacks_body,)
            views += [self._view(possible.both(Filter(terms=each)), base.since, newest, CREATED) for each in terms]
        self._session.store.is_found = self.parsed.matches if self.parsed.depends_on_bodies else lambda _: False
        # A reused base is already complete and receives changes.
        self._filling = [view for view in views if view is not self.base]
        if work_a_slice(self._session.clock, SLICE_S, _filling(views)):
            self._replace_views(views)
        else:
            self._fill_task = self._session.spawn(self._fill(views), "filter")

    def end_typing(self) -> None:
        """Treat the last word of the text as complete. Re-create the views if that changes which words are invalid."""
        query = replace(self.query, is_typing=False)
        if parse_filter(query.text).invalid_words != self.parsed.invalid_words:
            self.request(query)
        else:
            self.query = query

    def on_changes(self, changes: Changes) -> None:
        """Update all views except `shown`, which `RunListModel` updates itself to know which lines change."""
        for view in (*self._filling, *self._other_views):
            view.update(changes)

    def recheck(self, now: datetime) -> None:
        """Pass runs to `on_recheck` that may match differently now. Only a filter that compares times has any."""
        clock, is_busy = self._session.clock, self._recheck_task is not None and not self._recheck_task.done()
        if is_busy or not self.shown.filter.timed or clock.monotonic_s() < self._recheck_due_s:
            return
        waiting, slices = deque(self.shown.advance_to(now)), itertools.count()

        def recheck(is_time_up: Callable[[], bool]) -> bool:
            self._recheck_due_s = clock.monotonic_s() + next(slices) * SLICE_S / RECHECK_SHARE
            while waiting and not is_time_up():
                some = {waiting.popleft() for _ in range(min(_RUNS_PER_TIME_CHECK, len(waiting)))}
                self._on_recheck(Changes(changed=some))
            return not waiting

        if not work_a_slice(clock, SLICE_S, recheck):
            self._recheck_task = self._session.spawn(work_in_slices(clock, SLICE_S, recheck), "recheck the filter")

    def advance(self, now: datetime) -> datetime | None:
        """Move the start of the period, once a minute, in all views except `shown`. Return it if it moved."""
        # A wrong clock may be set back. Then the runs that it made too old have to appear again.
        if abs(now - self._advanced_at) < ADVANCE_EVERY:
            return None
        self._advanced_at = now
        since = self._since()
        for view in self._other_views:
            view.set_since(since)
        return since

    @property
    def _other_views(self) -> list[View]:
        """The complete views except `shown`."""
        views = (self.base, self.failed, self.unread, self.possible, self.bodiless)
        return [view for view in views if view is not None and view is not self.shown]

    def _since(self) -> datetime:
        begin = self.query.filters.created_from
        return self._session.now() - self.query.shown_period if begin is None else begin

    def _view(
        self,
        runs_filter: Filter,
        since: datetime | None,
        candidates: Sequence[Key] | None = None,
        order: Order | None = None,
    ) -> View:
        return View(
            self._session.store,
            with_server_filters(self.query.filters, runs_filter),
            order or self.query.order,
            since=since,
            starts_empty=True,
            candidates=candidates,
            source=self._live,
        )

    async def _fill(self, views: list[View]) -> None:
        clock = self._session.clock
        await work_in_slices(clock, SLICE_S, _filling(views))
        replaced = (self.base, self.shown)
        self._replace_views(views)
        # With 100,000 runs, freeing the old keys takes 10 ms, so the new rows are painted before that.
        await clock.sleep(PAINT_DELAY_S)
        del replaced
        await work_in_slices(clock, SLICE_S, lambda is_time_up: all(view.index(is_time_up) for view in views))

    def _replace_views(self, views: list[View]) -> None:
        self._base_key = (self.query.filters, self.query.shown_period, self.query.order)
        self._filling, self.base, self.shown = [], views[0], views[1 if self.query.text else 0]
        rest = iter(views[2:])
        self.failed, self.unread = (next(rest), next(rest)) if self.parsed.depends_on_errors else (None, None)
        self.possible, self.bodiless = (next(rest), next(rest)) if self.parsed.depends_on_bodies else (None, None)
        self._on_views()


def _filling(views: Sequence[View]) -> Work:
    def fill(is_time_up: Callable[[], bool]) -> bool:
        # Pause the garbage collector only within a slice: if two pauses overlap, the first one to end would end both,
        # and after a long pause the next collection takes up to 33 ms.
        with no_collections():
            return all(view.fill(is_time_up) for view in views)

    return fill


def _is_failed(run: Run) -> bool:
    return run.status.is_failed and not run.is_gone


def _is_unread(run: Run) -> bool:
    return run.error is None and _is_failed(run)


# The list of runs without its drawing: its lines, its cursor, its marks, its texts.


MAX_LOOKUPS: Final = 500
"""Up to this many failed runs, look up the index of each; above it, scan from the cursor."""


def next_failed(store: Store, view: View, start: int, step: int) -> int | None:
    """Return the index of the next failed run below `start` (step 1) or above it (step -1)."""
    failed = [run_id for status in FAILED for run_id in store.with_status(status)]
    if len(failed) > MAX_LOOKUPS:
        indexes = range(start + 1, len(view)) if step > 0 else range(start - 1, -1, -1)
        runs = ((at, store.get(view.at(at))) for at in indexes)
        return next((at for at, run in runs if run is not None and run.status.is_failed), None)
    found = (index for run_id in failed if (index := view.index_of(run_id)) is not None)
    return min((index for index in found if (index - start) * step > 0), key=lambda at: abs(at - start), default=None)


# The lines of the list: the runs of a view, the gaps between them, and the line at the end.
#
# A gap is a period without data. Its line is above the first run that was created at or before its end.


class ListEnd(Enum):
    """The line below the last run. It says which runs the list does not show."""

    END = "end"


END: Final = ListEnd.END

Item = RunId | Gap | ListEnd


# Collects the facts that the texts of the list are made from: the count in its rule, its last line, and the empty list.
#
# `features.runs.words` and `kit.words` make the last two from them.


FAILED_TITLES: Final = frozenset(row.title for row in STATUS_TABLE if row.canonical in FAILED)


def count_words(live: LiveModel, views: ListViews, *, is_wide: bool) -> str:
    """Return `12 of 5,048`: the runs that pass the typed filter, if there is one, of those that pass the server's.

    If a limit ended the read of the list, the second part is `newest 5,048, back to 21:40`. Before the first response
    the text is empty.
    """
    shown, base, query, history = views.shown, views.base, views.query, live.session.store.history
    if history is None and not len(base):
        return ""
    has_older = history is None or not history.is_complete or history.is_cut
    total = formatting.count(len(base), at_least=has_older and len(base) > 0)
    # A search adds older runs, and then "newest N" would be wrong.
    if not query.is_searched and (is_wide or not query.text):
        total = reach_words(history, _reached_count(base, history), live.now.at) or total
    return total if shown is base else f"{formatting.count(len(shown))} of {total}"


def _reached_count(base: View, history: HistoryRead | None) -> int:
    """Return how many runs the list itself has read. Older live runs, and older runs from a search, do not count."""
    listed = len(base) - base.older_count
    if history is None or base.order is not CREATED:
        return listed
    return min(listed, base.index_for(key_after(history.reached)))


def shows_only_failures(query: ListQuery) -> bool:
    """Return whether the filters leave failed runs alone, so that every row has an error."""
    if query.filters.statuses and set(query.filters.statuses) <= set(FAILED_WORDS):
        return True
    words = [word for word in split_words(query.text) if not word.is_negated]
    if any(word.field == "group" for word in words):
        return True  # only failed runs are in groups
    statuses = (read_status_words(word.values) for word in words if word.field == "status")
    failures = (each for each in statuses if each.group <= FAILED and each.titles <= FAILED_TITLES)
    return any((each.group or each.titles) and not each.unknown for each in failures)


def names_queue(text: str) -> bool:
    """Return whether a filter names a queue."""
    return any(word.field == "queue" for word in split_words(text))


def _are_newer(store: Store, bodiless: View | None, at: datetime | None) -> bool:
    """Return whether all of some runs came, or got their output, after a time; if they are too many to look, not."""
    if bodiless is None or at is None or not 0 < len(bodiless) <= MAX_LOOKED_AT:
        return False
    at -= ARRIVES_WITHIN
    for run_id in reversed(bodiless.slice(0, MAX_LOOKED_AT)):  # the oldest first
        run = store.get(run_id)
        is_newer = run is not None and run.created_at is not None and run.created_at > at
        is_changed = run is not None and run.body is not None and run.state is not None and run.state.updated_at > at
        if not is_newer and not is_changed:
            return False
    return True


def list_facts(live: LiveModel, views: ListViews, progress: SearchProgress) -> ListFacts:
    """Return the facts for the line below the last run, and for the text of an empty list."""
    session, query, parsed = live.session, views.query, views.parsed
    return ListFacts(
        now=live.now.at,
        since=query.filters.created_from or session.now() - query.period,
        history=session.store.history,
        progress=progress,
        run_count=len(views.base),
        found=len(views.shown),
        is_filtered=not parsed.is_empty,
        filter_errors=tuple(invalid.reason for invalid in parsed.invalid_words),
        filters=query.filters,
        period=query.period,
        unread_count=None if views.unread is None else len(views.unread),
        failed_count=None if views.failed is None else len(views.failed),
        bodiless_count=0 if views.bodiless is None else len(views.bodiless),
        possible_count=0 if views.possible is None else len(views.possible),
        are_bodiless_new=_are_newer(session.store, views.bodiless, progress.bodies_asked_at),
        is_bodiless_cut=len(session.store) > MAX_BODILESS,
        filters_queues=names_queue(query.text),
        freshness=live.freshness,
        api_url=session.settings.api_url,
        is_relayed=session.settings.relay_url is not None,
        environment=session.store.environment,
    )


# The list of runs without its drawing: the cursor, the visible window of lines, and the marks.
#
# The cursor is a run, not a position: new runs do not move its line, and a run that stops matching the filter stays
# under the cursor until the cursor moves. Without a cursor the list follows new runs. An *index* counts the runs of the
# view. A *line* counts gaps too, on which the cursor never stands, and the line at the end, on which it may stand.


class RunListModel(RowLines[RunId]):
    """The lines of one view. `source` has the runs as they are shown, by default the store."""

    window: Sequence[Item]

    def __init__(self, store: Store, view: View, height: int = 0, *, source: RunSource | None = None) -> None:
        super().__init__(height)
        self._store = store
        self._source = source or store
        self.view = view
        """The runs that are shown, in their order."""
        self._gaps: Sequence[Gap] = ()
        self._key: SortKey | None = None
        """The last known sort key of the run under the cursor. It is its place once the run has left the view."""
        self._has_end = False
        self.is_at_end = False
        """Whether the cursor is on the line below the last run. Then `cursor` is None, as it also is while the list
        follows.
        """
        self._newest_at: datetime | None = None
        """Runs that were created later are new, until they are visible or leave the view."""

    @property
    def is_end_chosen(self) -> bool:
        """Whether Enter is about the line below the last run: it has the cursor, or there is no run."""
        return self.is_at_end or (self._has_end and not self.has_rows)

    @property
    def cursor_item(self) -> RunId | ListEnd | None:
        return END if self.is_at_end else self.cursor

    @property
    def is_following(self) -> bool:
        """Whether there is no cursor, so that the list shows new runs at its top."""
        return self.cursor_item is None

    @property
    def has_rows(self) -> bool:
        return len(self.view) > 0 or self.is_departed(self.cursor)

    @property
    def marked_runs(self) -> Sequence[RunId]:
        """The marked runs of the view, in its order."""
        indexes = [(index, run_id) for run_id in self.marks if (index := self.view.index_of(run_id)) is not None]
        return [run_id for _, run_id in sorted(indexes)]

    @property
    def gaps(self) -> Sequence[Gap]:
        """The gaps whose line is in the window."""
        return [item for item in self.window if isinstance(item, Gap)]

    @property
    def visible_runs(self) -> list[RunId]:
        """The runs of the window."""
        return [item for item in self.window if not isinstance(item, Gap | ListEnd)]

    def __len__(self) -> int:
        return len(self.view) + len(self._others) + self._has_end

    def get(self, key: RunId) -> Run | None:
        return self._source.get(key)

    def is_departed(self, key: Hashable) -> bool:
        return key is not None and key == self.cursor and key not in self.view

    def index_of(self, key: RunId | None) -> int | None:
        return None if key is None else self.view.index_of(key)

    def keys(self, start: int, stop: int) -> Sequence[RunId]:
        return self.view.slice(start, stop)

    @property
    def _others(self) -> list[tuple[SortKey, Item]]:
        """The lines that are not in the view, sorted by their keys: gaps, and a run that departed.

        Gaps have a line only in order of creation, within the period, and if there are runs.
        """
        others, view = list[tuple[SortKey, Item]](), self.view
        if view.order is CREATED and self.has_rows:
            # A key without an id sorts before the runs that were created at the same moment.
            others = [
                (key_before(gap.until), gap) for gap in self._gaps if view.since is None or gap.until >= view.since
            ]
        if self.cursor is not None and self._key is not None and self.is_departed(self.cursor):
            others.append((self._key, self.cursor))
        return sorted(others, key=lambda other: other[0])

    def _line_of(self, key: SortKey) -> int:
        """Return the line of the run with that key."""
        return self.view.index_for(key) + sum(other < key for other, _ in self._others)

    def _lines(self, start: int, stop: int) -> Sequence[Item]:
        lines = {self.view.index_for(key) + above: item for above, (key, item) in enumerate(self._others)}
        above = sum(line < start for line in lines)
        items: list[Item] = list(self.view.slice(start - above, stop - above))
        for line, item in lines.items():
            if start <= line < stop:
                items.insert(line - start, item)
        if self._has_end and start < len(self) <= stop:
            items.append(END)
        return items[: max(0, stop - start)]

    def set_view(self, view: View) -> None:
        """Show another view. The cursor stays on its run if that is in it; else the list follows."""
        self.view = view
        self.marks.end_series()
        self.marks.show_within(view)
        self._new = {run_id for run_id in self._new if run_id in view}
        if self.cursor is not None and self.cursor not in view:
            self._clear_cursor()
        self.top = 0
        self._show_cursor()

    def on_changes(self, changes: Changes) -> None:
        """Update the view after changes in the store."""
        line, self._key = self._cursor_line(), self._cursor_key
        delta = self.view.update(changes)
        self.marks.change(left=delta.left, entered=delta.entered, removed=changes.removed)
        if delta.is_empty:
            return
        if not self.is_following:
            self._new.update(run_id for run_id in delta.entered if self._is_new(run_id))
        self._new -= delta.left
        self._keep_cursor_line(line)

    def set_since(self, since: datetime) -> None:
        """Show only runs that were created after `since`."""
        line = self._cursor_line()
        delta = self.view.set_since(since)
        self.marks.change(left=delta.left, entered=delta.entered, removed=())
        if self.cursor in delta.left:
            self._clear_cursor()
        self._new -= delta.left
        self._keep_cursor_line(line)

    def show_gaps(self, gaps: Sequence[Gap]) -> None:
        """Show a line for each of these gaps that has a place in the view."""
        if gaps != self._gaps:
            line = self._cursor_line()
            self._gaps = gaps
            self._keep_cursor_line(line)

    def show_end(self, *, has_end: bool) -> None:
        """Show or hide the line below the last run. A cursor on a hidden line moves to the last run."""
        if has_end is self._has_end:
            return
        line = self._cursor_line()
        self._has_end = has_end
        if self.is_at_end and not has_end:
            self._set_cursor(len(self.view) - 1)
        else:
            self._keep_cursor_line(line)

    def move(self, lines: int) -> None:
        """Move the cursor. Up from the first line the list follows again; down from the last run is the end line."""
        if self.is_at_end:
            if lines < 0:
                self._set_cursor(len(self.view) + lines)
            return
        if (index := self._cursor_index()) is None:
            if lines > 0 and not len(self.view):
                self._set_cursor_to_end()
            elif lines > 0:
                self._set_cursor(lines - 1)
            return
        if index + lines < 0 and index == 0:
            self.to_top()
            return
        if index + lines <= 0:
            self.top = 0  # shows a gap above the first run together with it
        if self.is_departed(self.cursor) and lines > 0:
            lines -= 1  # the departed run disappears, so the line below it moves up
        if lines > 0 and index >= len(self.view) - 1:
            self._set_cursor_to_end()
        else:
            self._set_cursor(index + lines)

    def step(self, lines: int) -> None:
        """Move the cursor from run to run, never onto the end line."""
        index = self._cursor_index()
        is_last = index is not None and index >= len(self.view) - 1 and not self.is_departed(self.cursor)
        if lines < 0 or not (self.is_at_end or is_last or not len(self.view)):
            self.move(lines)

    def to_top(self) -> None:
        """Remove the cursor and show the top, where new runs appear."""
        self._clear_cursor()
        self.top = 0
        self._show_cursor()

    def to_bottom(self) -> None:
        """Move the cursor to the end line, or to the last run if there is none."""
        self.top = len(self)
        self._set_cursor_to_end()

    def go_to(self, run_id: RunId) -> None:
        """Move the cursor to a run, if it is in the list."""
        if (index := self.view.index_of(run_id)) is not None:
            self._jump(index)

    def to_line(self, y: int) -> None:
        item = self.window[y] if 0 <= y < len(self.window) else None
        if item is END:
            self._set_cursor_to_end()
        elif item is not None and not isinstance(item, Gap | ListEnd):
            self.go_to(item)

    def to_failed(self, step: int) -> None:
        """Move the cursor to the next failed run below (1) or above (-1), if there is one."""
        index = self._cursor_index()
        start = len(self.view) if self.is_at_end else -1 if index is None else index
        if (failed := next_failed(self._store, self.view, start, step)) is not None:
            self._jump(failed)

    def _cursor_line(self) -> int | None:
        if self.is_at_end:
            return len(self) - 1
        return None if (key := self._cursor_key) is None else self._line_of(key)

    def _cursor_index(self) -> int | None:
        return None if (key := self._cursor_key) is None else self.view.index_for(key)

    @property
    def _cursor_key(self) -> SortKey | None:
        return None if self.cursor is None else self.view.key_of(self.cursor) or self._key

    def _jump(self, index: int) -> None:
        """Move the cursor to an index. If its line is outside the window, it becomes the middle of the window."""
        key = self.view.key_of(self.view.at(index))
        line = index if key is None else self._line_of(key)
        if not self.top <= line < self.top + self.height:
            self.top = max(0, line - self.height // 2)
        self._set_cursor(index)

    def _set_cursor(self, index: int) -> None:
        self.marks.end_series()
        if not len(self.view):
            self.to_top()
            return
        self._start_new_runs()
        self.is_at_end = False
        self.cursor = self.view.at(max(0, min(index, len(self.view) - 1)))
        self._key = self.view.key_of(self.cursor)
        self._show_cursor()

    def _set_cursor_to_end(self) -> None:
        if not self._has_end:
            self._set_cursor(len(self.view) - 1)
            return
        self._start_new_runs()
        self.cursor, self.is_at_end = None, True
        self._show_cursor()

    def _start_new_runs(self) -> None:
        """Count the runs that are created from now on."""
        if self.is_following:
            newest = self._store.newest_existing()
            self._newest_at = newest.created_at if newest is not None else None

    def _is_new(self, run_id: RunId) -> bool:
        run = self._store.get(run_id)
        created_at = run.created_at if run is not None else None
        return created_at is not None and (self._newest_at is None or created_at > self._newest_at)

    def _clear_cursor(self) -> None:
        self.marks.end_series()
        self.cursor, self.is_at_end = None, False
        self._new.clear()

    def _keep_cursor_line(self, line: int | None) -> None:
        """Scroll so that the cursor, which was on that line, keeps its place on the screen."""
        now = self._cursor_line()
        if line is not None and now is not None:
            self.top += now - line
        self._show_cursor()
