"""The list of runs without its drawing: the cursor, the visible window of lines, and the marks.

The cursor is a run, not a position: new runs do not move its line, and a run that stops matching the filter stays under
the cursor until the cursor moves. Without a cursor the list follows new runs. An *index* counts the runs of the view. A
*line* counts gaps too, on which the cursor never stands, and the line at the end, on which it may stand.
"""

from collections.abc import Sequence
from datetime import datetime

from tui.domain.ids import RunId
from tui.store.changes import Changes
from tui.store.missed_runs import Gap
from tui.store.store import Store
from tui.store.view import View
from tui.ui.model.failed_runs import next_failed
from tui.ui.model.list_lines import END, DepartedRun, Item, ListEnd, ListLines
from tui.ui.model.marks import Marks
from tui.ui.model.new_runs import NewRuns


class RunListModel:
    """The lines of one view. A method that returns a set returns the lines of the window that look different now."""

    def __init__(self, store: Store, view: View, height: int = 0) -> None:
        self._store = store
        self._view = view
        self._gaps: Sequence[Gap] = ()
        self._height = height
        self._top = 0
        self._cursor: RunId | None = None
        self._departed: DepartedRun | None = None
        self._has_end = False
        self._is_at_end = False
        self._new = NewRuns(store)
        self.marks = Marks()
        self.window: list[Item] = []

    @property
    def view(self) -> View:
        """The runs that are shown, in their order."""
        return self._view

    @property
    def top(self) -> int:
        """The first line of the window."""
        return self._top

    @property
    def cursor(self) -> RunId | None:
        """The run under the cursor; None while the list follows or the cursor is on the end line."""
        return self._cursor

    @property
    def is_at_end(self) -> bool:
        """Whether the cursor is on the line below the last run."""
        return self._is_at_end

    @property
    def is_end_chosen(self) -> bool:
        """Whether Enter is about the line below the last run: it has the cursor, or there is no run."""
        return self._is_at_end or (self._has_end and not self.has_runs)

    @property
    def cursor_item(self) -> RunId | ListEnd | None:
        """The run or the end line under the cursor."""
        return END if self._is_at_end else self._cursor

    @property
    def is_following(self) -> bool:
        """Whether there is no cursor, so that the list shows new runs at its top."""
        return self._cursor is None and not self._is_at_end

    @property
    def has_runs(self) -> bool:
        """Whether a run is in the window."""
        return any(not isinstance(item, Gap | ListEnd) for item in self.window)

    @property
    def is_cursor_departed(self) -> bool:
        """Whether the run under the cursor no longer matches."""
        return self._departed is not None

    @property
    def new_count(self) -> int:
        """The number of runs that were created since the list stopped following, and were not visible yet."""
        return len(self._new)

    @property
    def marked_runs(self) -> Sequence[RunId]:
        """The marked runs of the view, in its order."""
        indexes = [(index, run_id) for run_id in self.marks if (index := self._view.index_of(run_id)) is not None]
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
        return len(self._lines)

    def resize(self, height: int) -> None:
        """Set the height of the window. The line of the cursor stays visible."""
        self._height = height
        self._update_window()

    def set_view(self, view: View) -> None:
        """Show another view. The cursor stays on its run if that is in it; else the list follows."""
        self._view, self._departed = view, None
        self.marks.set_view(view)
        self._new.keep(view)
        if self._cursor is not None and self._cursor not in view:
            self._clear_cursor()
        self._top = 0
        self._update_window()

    def on_changes(self, changes: Changes, *, is_recheck: bool = False) -> set[int]:
        """Update the view after changes in the store, and return the lines that differ.

        `is_recheck`: the runs are the same, and may match differently now.
        """
        before, line = self.window, self._cursor_line()
        key = self._view.key_of(self._cursor) if self._cursor is not None else None
        delta = self._view.update(changes)
        self.marks.on_view_change(delta, changes.removed)
        if delta.is_empty:
            return set()
        if self._cursor is not None:
            if self._cursor in delta.left and key is not None:
                self._departed = DepartedRun(self._cursor, key)
            elif self._cursor in delta.entered:
                self._departed = None
        if not self.is_following:
            self._new.add(delta.entered)
        self._new.discard(delta.left)
        self._keep_cursor_line(line)
        touched = delta.moved | delta.entered
        return self._changed_lines(before, touched if is_recheck else touched | delta.changed)

    def set_since(self, since: datetime) -> set[int]:
        """Show only runs that were created after `since`."""
        before, line = self.window, self._cursor_line()
        delta = self._view.set_since(since)
        self.marks.on_view_change(delta)
        if self._cursor in delta.left:
            self._clear_cursor()
        self._new.discard(delta.left)
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
        if self._is_at_end and not has_end:
            self._set_cursor(len(self._view) - 1)
        else:
            self._keep_cursor_line(line)
        return self._changed_lines(before)

    def move(self, lines: int) -> None:
        """Move the cursor. Up from the first line the list follows again; down from the last run is the end line."""
        if self._is_at_end:
            if lines < 0:
                self._set_cursor(len(self._view) + lines)
            return
        index = self._cursor_index()
        if index is None:
            if lines > 0 and not len(self._view):
                self._set_cursor_to_end()
            elif lines > 0:
                self._set_cursor(lines - 1)
            return
        if index + lines < 0 and index == 0:
            self.follow()
            return
        if index + lines <= 0:
            self._top = 0  # shows a gap above the first run together with it
        if self._departed is not None and lines > 0:
            lines -= 1  # the departed run disappears, so the line below it moves up
        if lines > 0 and index >= len(self._view) - 1:
            self._set_cursor_to_end()
        else:
            self._set_cursor(index + lines)

    def step(self, lines: int) -> None:
        """Move the cursor from run to run, never onto the end line."""
        index = self._cursor_index()
        is_last = self._departed is None and index is not None and index >= len(self._view) - 1
        if lines < 0 or not (self._is_at_end or is_last or not len(self._view)):
            self.move(lines)

    def follow(self) -> None:
        """Remove the cursor and show the top, where new runs appear."""
        self._clear_cursor()
        self._top = 0
        self._update_window()

    def to_end(self) -> None:
        """Move the cursor to the end line, or to the last run if there is none."""
        self._top = len(self)
        self._set_cursor_to_end()

    def go_to(self, run_id: RunId) -> bool:
        """Move the cursor to a run; return whether it is in the list."""
        if self._departed is not None and self._departed.run_id == run_id:
            return True
        index = self._view.index_of(run_id)
        if index is None:
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
        start = len(self._view) if self._is_at_end else -1 if index is None else index
        failed = next_failed(self._store, self._view, start, step)
        if failed is None:
            return False
        self._jump(failed)
        return True

    def toggle_mark(self) -> None:
        """Mark the run under the cursor, or remove its mark."""
        if self._cursor is not None and self._departed is None:
            self.marks.toggle(self._cursor)

    def mark_range(self) -> None:
        """Mark all runs from the one that was marked last to the cursor."""
        index = self._cursor_index()
        last = self.marks.last
        if index is None or self._departed is not None:
            return
        other = None if last is None else self._view.index_of(last)
        first, stop = sorted((index, index if other is None else other))
        self.marks.add(self._view.slice(first, stop + 1))

    def mark_all(self) -> None:
        """Mark all runs of the view. Clear all marks if all are marked, and on a second call in a row."""
        self.marks.toggle_all(self._view.slice(0, len(self._view)))

    @property
    def _lines(self) -> ListLines:
        return ListLines(self._view, self._departed, self._gaps, self._has_end)

    def _cursor_line(self) -> int | None:
        if self._is_at_end:
            return len(self) - 1
        if self._departed is not None:
            return self._lines.line_of(self._departed.key)
        key = None if self._cursor is None else self._view.key_of(self._cursor)
        return None if key is None else self._lines.line_of(key)

    def _cursor_index(self) -> int | None:
        if self._departed is not None:
            return self._view.index_for(self._departed.key)
        return None if self._cursor is None else self._view.index_of(self._cursor)

    def _jump(self, index: int) -> None:
        """Move the cursor to an index. If its line is outside the window, it becomes the middle of the window."""
        key = self._view.key_of(self._view.at(index))
        line = index if key is None else self._lines.line_of(key)
        if not self._top <= line < self._top + self._height:
            self._top = max(0, line - self._height // 2)
        self._set_cursor(index)

    def _set_cursor(self, index: int) -> None:
        self.marks.end_series()
        if not len(self._view):
            self.follow()
            return
        self._start_new_runs()
        self._departed, self._is_at_end = None, False
        self._cursor = self._view.at(max(0, min(index, len(self._view) - 1)))
        self._update_window()

    def _set_cursor_to_end(self) -> None:
        if not self._has_end:
            self._set_cursor(len(self._view) - 1)
            return
        self._start_new_runs()
        self._cursor, self._departed, self._is_at_end = None, None, True
        self._update_window()

    def _start_new_runs(self) -> None:
        if self.is_following:
            self._new.start()

    def _clear_cursor(self) -> None:
        self.marks.end_series()
        self._cursor, self._departed, self._is_at_end = None, None, False
        self._new.clear()

    def _keep_cursor_line(self, line: int | None) -> None:
        """Scroll so that the cursor, which was on that line, keeps its place on the screen."""
        now = self._cursor_line()
        if line is not None and now is not None:
            self._top += now - line
        self._update_window()

    def _update_window(self) -> None:
        """Compute the window: no empty lines below the end, and the cursor in it. Its runs are not new any more."""
        height, line = max(1, self._height), self._cursor_line()
        self._top = 0 if line is None else max(0, min(self._top, len(self) - height))
        if line is not None:
            self._top = min(max(self._top, line - height + 1), line)
        self.window = self._lines.slice(self._top, self._top + self._height)
        self._new.discard(run_id for _, run_id in self.visible_runs)

    def _changed_lines(self, before: Sequence[Item], touched: frozenset[RunId] = frozenset()) -> set[int]:
        after = self.window
        lines = {y for y, item in enumerate(after) if item in touched}
        lines.update(y for y in range(max(len(before), len(after))) if before[y : y + 1] != after[y : y + 1])
        if self._departed is not None and self._departed.run_id in after:
            lines.add(after.index(self._departed.run_id))
        return lines
