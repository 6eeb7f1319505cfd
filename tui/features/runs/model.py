"""The list of runs without its drawing: its lines, its cursor, its marks, its texts."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from tui.domain.filters import SearchProgress
from tui.domain.ids import RunId
from tui.domain.status import FAILED, FAILED_WORDS, STATUS_TABLE
from tui.domain.update import HistoryRead
from tui.features.runs.views import ListQuery, ListViews
from tui.features.runs.words import ListEndFacts, filter_words, invalid_word_line, reach_words, window_words
from tui.kit.live_model import LiveModel
from tui.kit.rows import Marks
from tui.kit.words import EmptyFacts, gap_remark, rule_parts
from tui.store.changes import CREATED, Changes, SortKey, key_after, key_before
from tui.store.filter import StatusWords, read_status_words, split_words
from tui.store.freshness import Gap, MissedRuns
from tui.store.store import Store
from tui.store.view import View
from tui.text import formatting
from tui.text.styled import Line, Piece, Token, cut

MAX_LOOKUPS: Final = 500
"""Up to this many failed runs, look up the index of each; above it, scan from the cursor."""


def next_failed(store: Store, view: View, start: int, step: int) -> int | None:
    """Return the index of the next failed run below `start` (step 1) or above it (step -1)."""
    failed = [run_id for status in FAILED for run_id in store.with_status(status)]
    if len(failed) > MAX_LOOKUPS:
        indexes = range(start + 1, len(view)) if step > 0 else range(start - 1, -1, -1)
        return next(
            (at for at in indexes if (run := store.get(view.at(at))) is not None and run.status.is_failed), None
        )
    found = [index for run_id in failed if (index := view.index_of(run_id)) is not None]
    if step > 0:
        return min((index for index in found if index > start), default=None)
    return max((index for index in found if index < start), default=None)


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
    return any(_is_failures(read_status_words(word.values)) for word in words if word.field == "status")


def _is_failures(words: StatusWords) -> bool:
    is_failed = words.group <= FAILED and words.titles <= FAILED_TITLES
    return is_failed and not words.unknown and bool(words.group or words.titles)


def names_queue(text: str) -> bool:
    """Return whether a filter names a queue."""
    return any(word.field == "queue" for word in split_words(text))


def end_facts(live: LiveModel, views: ListViews, progress: SearchProgress) -> ListEndFacts:
    """Return the facts for the line below the last run."""
    session = live.session
    return ListEndFacts(
        now=live.now.at,
        since=views.query.filters.created_from or session.now() - views.query.period,
        history=session.store.history,
        progress=progress,
        found=len(views.shown),
        is_filtered=not views.parsed.is_empty,
        unread_count=None if views.unread is None else len(views.unread),
        failed_count=None if views.failed is None else len(views.failed),
        filters_queues=names_queue(views.query.text),
    )


def empty_facts(live: LiveModel, views: ListViews) -> EmptyFacts:
    """Return the facts for the text of an empty list."""
    session, query = live.session, views.query
    return EmptyFacts(
        at=session.local_now(),
        freshness=live.freshness,
        api_url=session.settings.api_url,
        is_relayed=session.settings.relay_url is not None,
        run_count=len(views.base),
        is_filtered=bool(query.text),
        filter_errors=tuple(invalid.reason for invalid in views.parsed.invalid_words),
        filters=query.filters,
        period=query.period,
        environment=session.store.environment,
        history=session.store.history,
    )


# The list of runs without its drawing: the cursor, the visible window of lines, and the marks.
#
# The cursor is a run, not a position: new runs do not move its line, and a run that stops matching the filter stays
# under the cursor until the cursor moves. Without a cursor the list follows new runs. An *index* counts the runs of the
# view. A *line* counts gaps too, on which the cursor never stands, and the line at the end, on which it may stand.


class RunListModel:
    """The lines of one view. A method that returns a set returns the lines of the window that look different now."""

    def __init__(self, store: Store, view: View, height: int = 0) -> None:
        self._store = store
        self.view = view
        """The runs that are shown, in their order."""
        self._gaps: Sequence[Gap] = ()
        self._height = height
        self.top = 0
        """The first line of the window."""
        self.cursor: RunId | None = None
        """The run under the cursor; None while the list follows or the cursor is on the end line."""
        self._departed_key: SortKey | None = None
        """The sort key that the run under the cursor had in the view, after it left the view."""
        self._has_end = False
        self.is_at_end = False
        """Whether the cursor is on the line below the last run."""
        self._new: set[RunId] = set()
        """The runs that were created after `_newest_at`, until they are visible or leave the view."""
        self._newest_at: datetime | None = None
        self.marks = Marks[RunId]()
        self.window: list[Item] = []

    @property
    def is_end_chosen(self) -> bool:
        """Whether Enter is about the line below the last run: it has the cursor, or there is no run."""
        return self.is_at_end or (self._has_end and not self.has_runs)

    @property
    def cursor_item(self) -> RunId | ListEnd | None:
        """The run or the end line under the cursor."""
        return END if self.is_at_end else self.cursor

    @property
    def is_following(self) -> bool:
        """Whether there is no cursor, so that the list shows new runs at its top."""
        return self.cursor is None and not self.is_at_end

    @property
    def has_runs(self) -> bool:
        """Whether a run is in the window."""
        return any(not isinstance(item, Gap | ListEnd) for item in self.window)

    @property
    def is_cursor_departed(self) -> bool:
        """Whether the run under the cursor no longer matches."""
        return self._departed_key is not None

    @property
    def new_count(self) -> int:
        """The number of runs that were created since the list stopped following, and were not visible yet."""
        return len(self._new)

    @property
    def marked_runs(self) -> Sequence[RunId]:
        """The marked runs of the view, in its order."""
        indexes = [(index, run_id) for run_id in self.marks if (index := self.view.index_of(run_id)) is not None]
        return [run_id for _, run_id in sorted(indexes)]

    @property
    def gaps(self) -> Sequence[Gap]:
        """The gaps whose line is in the window."""
        return tuple(item for item in self.window if isinstance(item, Gap))

    @property
    def visible_runs(self) -> list[tuple[int, RunId]]:
        """The runs of the window with their lines in it."""
        return [(y, item) for y, item in enumerate(self.window) if not isinstance(item, Gap | ListEnd)]

    def __len__(self) -> int:
        return len(self.view) + len(self._others) + self._has_end

    @property
    def _others(self) -> list[tuple[SortKey, Item]]:
        """The lines that are not in the view, sorted by their keys: gaps, and a run that departed.

        Gaps have a line only in order of creation, within the period, and if there are runs.
        """
        others, view = list[tuple[SortKey, Item]](), self.view
        if view.order is CREATED and (len(view) or self._departed_key is not None):
            # A key without an id sorts before the runs that were created at the same moment.
            others = [
                (key_before(gap.until), gap) for gap in self._gaps if view.since is None or gap.until >= view.since
            ]
        if self._departed_key is not None and self.cursor is not None:
            others.append((self._departed_key, self.cursor))
        return sorted(others, key=lambda other: other[0])

    def _line_of(self, key: SortKey) -> int:
        """Return the line of the run with that key."""
        return self.view.index_for(key) + sum(other < key for other, _ in self._others)

    def _slice(self, top: int, stop: int) -> list[Item]:
        """Return the items of the lines from `top` up to `stop`, exclusive."""
        lines = {self.view.index_for(key) + above: item for above, (key, item) in enumerate(self._others)}
        above = sum(line < top for line in lines)
        items: list[Item] = list(self.view.slice(top - above, stop - above))
        for line, item in lines.items():
            if top <= line < stop:
                items.insert(line - top, item)
        if self._has_end and top < len(self) <= stop:
            items.append(END)
        return items[: max(0, stop - top)]

    def resize(self, height: int) -> None:
        """Set the height of the window. The line of the cursor stays visible."""
        self._height = height
        self._update_window()

    def set_view(self, view: View) -> None:
        """Show another view. The cursor stays on its run if that is in it; else the list follows."""
        self.view, self._departed_key = view, None
        self.marks.end_series()
        self.marks.show_within(view)
        self._new = {run_id for run_id in self._new if run_id in view}
        if self.cursor is not None and self.cursor not in view:
            self._clear_cursor()
        self.top = 0
        self._update_window()

    def on_changes(self, changes: Changes, *, is_recheck: bool = False) -> set[int]:
        """Update the view after changes in the store, and return the lines that differ.

        `is_recheck`: the runs are the same, and may match differently now.
        """
        before, line = self.window, self._cursor_line()
        key = self.view.key_of(self.cursor) if self.cursor is not None else None
        delta = self.view.update(changes)
        self.marks.change(left=delta.left, entered=delta.entered, removed=changes.removed)
        if delta.is_empty:
            return set()
        if self.cursor is not None:
            if self.cursor in delta.left and key is not None:
                self._departed_key = key
            elif self.cursor in delta.entered:
                self._departed_key = None
        if not self.is_following:
            self._new.update(run_id for run_id in delta.entered if self._is_new(run_id))
        self._new -= delta.left
        self._keep_cursor_line(line)
        touched = delta.moved | delta.entered
        return self._changed_lines(before, touched if is_recheck else touched | delta.changed)

    def set_since(self, since: datetime) -> set[int]:
        """Show only runs that were created after `since`."""
        before, line = self.window, self._cursor_line()
        delta = self.view.set_since(since)
        self.marks.change(left=delta.left, entered=delta.entered, removed=())
        if self.cursor in delta.left:
            self._clear_cursor()
        self._new -= delta.left
        self._keep_cursor_line(line)
        return self._changed_lines(before, delta.entered)

    def show_gaps(self, gaps: Sequence[Gap]) -> set[int]:
        """Show a line for each of these gaps that has a place in the view."""
        if gaps == self._gaps:
            return set()
        before, line = self.window, self._cursor_line()
        self._gaps = gaps
        self._keep_cursor_line(line)
        return self._changed_lines(before)

    def show_end(self, *, has_end: bool) -> set[int]:
        """Show or hide the line below the last run. A cursor on a hidden line moves to the last run."""
        if has_end is self._has_end:
            return set()
        before, line = self.window, self._cursor_line()
        self._has_end = has_end
        if self.is_at_end and not has_end:
            self._set_cursor(len(self.view) - 1)
        else:
            self._keep_cursor_line(line)
        return self._changed_lines(before)

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
            self.follow()
            return
        if index + lines <= 0:
            self.top = 0  # shows a gap above the first run together with it
        if self._departed_key is not None and lines > 0:
            lines -= 1  # the departed run disappears, so the line below it moves up
        if lines > 0 and index >= len(self.view) - 1:
            self._set_cursor_to_end()
        else:
            self._set_cursor(index + lines)

    def step(self, lines: int) -> None:
        """Move the cursor from run to run, never onto the end line."""
        index = self._cursor_index()
        is_last = self._departed_key is None and index is not None and index >= len(self.view) - 1
        if lines < 0 or not (self.is_at_end or is_last or not len(self.view)):
            self.move(lines)

    def follow(self) -> None:
        """Remove the cursor and show the top, where new runs appear."""
        self._clear_cursor()
        self.top = 0
        self._update_window()

    def to_end(self) -> None:
        """Move the cursor to the end line, or to the last run if there is none."""
        self.top = len(self)
        self._set_cursor_to_end()

    def go_to(self, run_id: RunId) -> bool:
        """Move the cursor to a run; return whether it is in the list."""
        if self._departed_key is not None and self.cursor == run_id:
            return True
        if (index := self.view.index_of(run_id)) is None:
            return False
        self._jump(index)
        return True

    def to_line(self, y: int) -> None:
        """Move the cursor to a line of the window, unless it is a gap."""
        if 0 <= y < len(self.window) and self.window[y] is END:
            self._set_cursor_to_end()
        elif (run_id := self.run_at(y)) is not None:
            self.go_to(run_id)

    def run_at(self, y: int) -> RunId | None:
        """Return the run on a line of the window."""
        item = self.window[y] if 0 <= y < len(self.window) else None
        return None if isinstance(item, Gap | ListEnd) else item

    def to_failed(self, step: int) -> bool:
        """Move the cursor to the next failed run below (1) or above (-1); return whether there is one."""
        index = self._cursor_index()
        start = len(self.view) if self.is_at_end else -1 if index is None else index
        if (failed := next_failed(self._store, self.view, start, step)) is None:
            return False
        self._jump(failed)
        return True

    def toggle_mark(self) -> None:
        """Mark the run under the cursor, or remove its mark."""
        if self.cursor is not None and self._departed_key is None:
            self.marks.toggle(self.cursor)

    def mark_range(self) -> None:
        """Mark all runs from the one that was marked last to the cursor."""
        index = self._cursor_index()
        last = self.marks.last
        if index is None or self._departed_key is not None:
            return
        other = None if last is None else self.view.index_of(last)
        first, stop = sorted((index, index if other is None else other))
        self.marks.add(self.view.slice(first, stop + 1))

    def mark_all(self) -> None:
        """Mark all runs of the view. Clear all marks if all are marked, and on a second call in a row."""
        self.marks.toggle_all(self.view.slice(0, len(self.view)))

    def _cursor_line(self) -> int | None:
        if self.is_at_end:
            return len(self) - 1
        key = self._departed_key
        if key is None and self.cursor is not None:
            key = self.view.key_of(self.cursor)
        return None if key is None else self._line_of(key)

    def _cursor_index(self) -> int | None:
        if self._departed_key is not None:
            return self.view.index_for(self._departed_key)
        return None if self.cursor is None else self.view.index_of(self.cursor)

    def _jump(self, index: int) -> None:
        """Move the cursor to an index. If its line is outside the window, it becomes the middle of the window."""
        key = self.view.key_of(self.view.at(index))
        line = index if key is None else self._line_of(key)
        if not self.top <= line < self.top + self._height:
            self.top = max(0, line - self._height // 2)
        self._set_cursor(index)

    def _set_cursor(self, index: int) -> None:
        self.marks.end_series()
        if not len(self.view):
            self.follow()
            return
        self._start_new_runs()
        self._departed_key, self.is_at_end = None, False
        self.cursor = self.view.at(max(0, min(index, len(self.view) - 1)))
        self._update_window()

    def _set_cursor_to_end(self) -> None:
        if not self._has_end:
            self._set_cursor(len(self.view) - 1)
            return
        self._start_new_runs()
        self.cursor, self._departed_key, self.is_at_end = None, None, True
        self._update_window()

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
        self.cursor, self._departed_key, self.is_at_end = None, None, False
        self._new.clear()

    def _keep_cursor_line(self, line: int | None) -> None:
        """Scroll so that the cursor, which was on that line, keeps its place on the screen."""
        now = self._cursor_line()
        if line is not None and now is not None:
            self.top += now - line
        self._update_window()

    def _update_window(self) -> None:
        """Compute the window: no empty lines below the end, and the cursor in it. Its runs are not new any more."""
        height, line = max(1, self._height), self._cursor_line()
        self.top = 0 if line is None else max(0, min(self.top, len(self) - height))
        if line is not None:
            self.top = min(max(self.top, line - height + 1), line)
        self.window = self._slice(self.top, self.top + self._height)
        self._new.difference_update(run_id for _, run_id in self.visible_runs)

    def _changed_lines(self, before: Sequence[Item], touched: frozenset[RunId] = frozenset()) -> set[int]:
        after = self.window
        lines = {y for y, item in enumerate(after) if item in touched}
        lines.update(y for y in range(max(len(before), len(after))) if before[y : y + 1] != after[y : y + 1])
        if self._departed_key is not None and self.cursor is not None and self.cursor in after:
            lines.add(after.index(self.cursor))
        return lines


# The texts in the rule of the list: filters and order on the left, counts on the right.


GAP_SHOWN_FOR: Final = timedelta(minutes=2)
"""How long the rule mentions a gap whose own line is not visible."""

WIDE: Final = 100
"""From this width on, the rule has room for the long remark about a gap."""

MAX_NAME_CELLS: Final = 40
"""For the name of a filter."""

_ORDER_WORDS: Final = {CREATED.id: "newest first"}
_DOT: Final = Piece(" · ", Token.MUTED)


def rule_left(live: LiveModel, views: ListViews, filter_token: Token) -> Line:
    """Return the typed filter, the server's filters, and the order."""
    query = views.query
    typed: Line = (_DOT, Piece(f"/{query.text}", Token.TEXT)) if query.text else ()
    if query.text_name:
        typed = (*typed, Piece("  "), *cut((Piece(query.text_name, Token.MUTED),), MAX_NAME_CELLS))
    # The typed filter comes first: a narrow rule omits the end, and the filter that hides runs has to stay.
    return (*typed, *_filters(views, filter_token), *_older(live, views, filter_token), *_order(views))


def rule_spare(
    live: LiveModel,
    views: ListViews,
    rows: RunListModel,
    missed: Mapping[Gap, MissedRuns],
    filter_token: Token,
    width: int,
) -> tuple[Line, ...]:
    """Return what a narrow rule omits first, in this order.

    The count, the marks, the filters, that data was missing, and how many runs failed meanwhile stay longer.
    """
    span = _filters(views, filter_token) if views.query.filters.is_empty else ()
    extent = rule_parts(_gap(live, rows, missed, width))[1:2]
    return (_order(views), _older(live, views, filter_token), span, _new(rows), *extent)


def _filters(views: ListViews, token: Token) -> Line:
    return (_DOT, Piece(filter_words(views.query.filters, views.query.period), token))


def _older(live: LiveModel, views: ListViews, token: Token) -> Line:
    """Return ` and 12 older live runs`, if there are any."""
    query, window = views.query, live.session.store.window
    is_cut = window is not None and window.is_older_cut
    words = window_words(query.filters, query.period, views.base.older_count, is_cut=is_cut)
    words = words.removeprefix(filter_words(query.filters, query.period))
    if query.is_searched:
        words += " and older"
    return (Piece(words, token),) if words else ()


def _order(views: ListViews) -> Line:
    order = views.query.order
    return (_DOT, Piece(_ORDER_WORDS.get(order.id, f"by {order.title}"), Token.MUTED))


def rule_right(
    live: LiveModel, views: ListViews, rows: RunListModel, missed: Mapping[Gap, MissedRuns], width: int
) -> Line:
    """Return the counts of shown, marked and new runs; or the age of the data, or the error in the filter."""
    freshness = live.freshness
    if freshness.is_stale and freshness.confirmed_at is not None:
        ago = formatting.duration(live.now.at - freshness.confirmed_at, in_minutes=live.in_minutes)
        return (Piece(f"last confirmed {ago} ago", Token.AMBER),)
    if views.parsed.invalid_words:
        return invalid_word_line(views.parsed)
    words = count_words(live, views, is_wide=width >= WIDE)
    count: Line = (Piece(words, Token.TEXT),) if words else ()
    return (*count, *_marks(rows), *_new(rows), *_gap(live, rows, missed, width))


def _marks(rows: RunListModel) -> Line:
    marks = rows.marks
    hidden = f", {formatting.count(marks.hidden_count)} hidden" if marks.hidden_count else ""
    return (_DOT, Piece(f"{formatting.count(len(marks))} marked{hidden}", Token.ACCENT)) if len(marks) else ()


def _new(rows: RunListModel) -> Line:
    return (_DOT, Piece(f"{formatting.count(rows.new_count)} new", Token.ACCENT)) if rows.new_count else ()


def _gap(live: LiveModel, rows: RunListModel, missed: Mapping[Gap, MissedRuns], width: int) -> Line:
    """Return a remark about the last gap for a while, unless its own line is visible."""
    gap = next(reversed(list(missed)), None)
    if gap is None or gap in rows.gaps or (now := live.now.at) - gap.until > GAP_SHOWN_FOR:
        return ()
    return (_DOT, *gap_remark(gap, missed[gap], now, is_short=width < WIDE))
