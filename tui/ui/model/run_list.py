"""Which run stands on which line of the list, where the cursor is, and what is marked.

What lives here: the list without its drawing; no Textual. The cursor is a run, never a place: new runs do not move the
line that it is on, and a run that stops matching stays under it until it leaves. Without a cursor the list follows what
is new. Places count runs, lines count the gaps between them too, on which the cursor never is, and the line at the end,
on which it may stand without a run. Longer than 300 lines: cursor, window and marks are one state, and each change
keeps them true together. Source: DESIGN §5, §7, §8.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.status import FAILED
from tui.store.changes import Changes
from tui.store.missed_runs import Gap
from tui.store.store import Store
from tui.store.view import View
from tui.ui.model.list_lines import END, Item, Left, ListEnd, ListLines
from tui.ui.model.marks import Marks

FEW: Final = 500
"""Up to so many failed runs each is asked for its place; with more of them one is near anyway."""


class RunListModel:
    """The lines of one view. Every method that changes something gives the lines of the window that look otherwise."""

    def __init__(self, store: Store, view: View, height: int = 0) -> None:
        self._store = store
        self._view = view
        self._gaps: Sequence[Gap] = ()
        self._height = height
        self._top = 0
        self._cursor: RunId | None = None
        self._left: Left | None = None
        self._has_end = False
        self._is_at_end = False
        self._marks = Marks()
        self._new: set[RunId] = set()
        self._new_after: datetime | None = None
        self.window: list[Item] = []

    @property
    def view(self) -> View:
        """What is shown, and in which order."""
        return self._view

    @property
    def top(self) -> int:
        """The line of the list that is the first of the window."""
        return self._top

    @property
    def cursor(self) -> RunId | None:
        """The run under the cursor; None: the list follows, and nothing is under it."""
        return self._cursor

    @property
    def is_at_end(self) -> bool:
        """Whether the cursor is on the line below the last run; `cursor` is None then."""
        return self._is_at_end

    @property
    def here(self) -> RunId | ListEnd | None:
        """What the cursor is on: a run, the line at the end, or nothing."""
        return END if self._is_at_end else self._cursor

    @property
    def is_following(self) -> bool:
        """Whether the cursor is nowhere, so that the list shows what is new."""
        return self._cursor is None and not self._is_at_end

    @property
    def has_runs(self) -> bool:
        """Whether a run is in the window."""
        return any(not isinstance(item, Gap | ListEnd) for item in self.window)

    @property
    def is_cursor_left_over(self) -> bool:
        """Whether the run under the cursor matches no more."""
        return self._left is not None

    @property
    def new_count(self) -> int:
        """How many runs came since the list stopped following and were not seen yet."""
        return len(self._new)

    @property
    def marks(self) -> Sequence[RunId]:
        """The marked runs that are shown, in the order of the list."""
        places = [(place, run_id) for run_id in self._marks if (place := self._view.index_of(run_id)) is not None]
        return [run_id for _, run_id in sorted(places)]

    @property
    def mark_count(self) -> int:
        """All marks, shown or not."""
        return len(self._marks)

    @property
    def hidden_mark_count(self) -> int:
        """Marks on runs that the filter hides."""
        return self._marks.hidden_count

    def is_marked(self, run_id: RunId) -> bool:
        """Whether a run is marked."""
        return run_id in self._marks

    @property
    def gaps(self) -> Sequence[Gap]:
        """Those whose line is in the window."""
        return tuple(item for item in self.window if isinstance(item, Gap))

    @property
    def seen(self) -> list[tuple[int, RunId]]:
        """The runs of the window, each with its line there."""
        return [(y, item) for y, item in enumerate(self.window) if not isinstance(item, Gap | ListEnd)]

    def __len__(self) -> int:
        return len(self._lines)

    def resize(self, height: int) -> None:
        """So many lines are seen now; the line of the cursor stays in sight."""
        self._height = height
        self._settle()

    def show(self, view: View) -> None:
        """Another filter or order: the cursor stays on its run if that is shown, else the list follows."""
        self._view, self._left = view, None
        self._marks.show(view)
        self._new = {run_id for run_id in self._new if run_id in view}
        if self._cursor is not None and self._cursor not in view:
            self._follow()
        self._top = 0
        self._settle()

    def on_changes(self, changes: Changes) -> set[int]:
        """Take in what changed in the store."""
        before, line = self.window, self._line()
        key = self._view.key_of(self._cursor) if self._cursor is not None else None
        delta = self._view.update(changes)
        self._marks.follow(delta, changes.removed)
        if delta.is_empty:
            return set()
        if self._cursor is not None:
            if self._cursor in delta.left and key is not None:
                self._left = Left(self._cursor, key)
            elif self._cursor in delta.entered:
                self._left = None
        if not self.is_following:
            self._note_new(delta.entered)
        self._new -= delta.left
        self._hold(line)
        touched = delta.changed | delta.moved | delta.entered
        return self._differing(before, touched)

    def set_since(self, since: datetime) -> set[int]:
        """Show nothing older, and again what is not."""
        before, line = self.window, self._line()
        delta = self._view.set_since(since)
        self._marks.follow(delta)
        if self._cursor in delta.left:
            self._follow()
        self._new.difference_update(delta.left)
        self._hold(line)
        return self._differing(before, delta.entered)

    def show_gaps(self, gaps: Sequence[Gap]) -> set[int]:
        """Have a line for each of these, where it has a place."""
        if gaps == self._gaps:
            return set()
        before, line = self.window, self._line()
        self._gaps = gaps
        self._hold(line)
        return self._differing(before)

    def show_end(self, *, has_end: bool) -> set[int]:
        """Have a line below the last run, or none: then the cursor goes from it to the last run."""
        if has_end is self._has_end:
            return set()
        before, line = self.window, self._line()
        self._has_end = has_end
        if self._is_at_end and not has_end:
            self._put(len(self._view) - 1)
        else:
            self._hold(line)
        return self._differing(before)

    def move(self, lines: int) -> None:
        """The cursor up or down; up from the first line means to follow again, down from the last to the end."""
        if self._is_at_end:
            if lines < 0:
                self._put(len(self._view) + lines)
            return
        place = self._place()
        if place is None:
            if lines > 0 and not len(self._view):
                self._put_at_end()
            elif lines > 0:
                self._put(lines - 1)
            return
        if place + lines < 0 and place == 0:
            self.follow()
            return
        if place + lines <= 0:
            self._top = 0  # a gap above the first run comes into sight with it
        if self._left is not None and lines > 0:
            lines -= 1  # the line below takes the place of the one that goes
        if lines > 0 and place >= len(self._view) - 1:
            self._put_at_end()
        else:
            self._put(place + lines)

    def step(self, lines: int) -> None:
        """The cursor from run to run: never onto the line at the end."""
        place = self._place()
        is_last = self._left is None and place is not None and place >= len(self._view) - 1
        if lines < 0 or not (self._is_at_end or is_last or not len(self._view)):
            self.move(lines)

    def follow(self) -> None:
        """To the top, where the list follows."""
        self._follow()
        self._top = 0
        self._settle()

    def to_end(self) -> None:
        """To the line at the end, or the last run where there is none."""
        self._top = len(self)
        self._put_at_end()

    def go_to(self, run_id: RunId) -> bool:
        """The cursor on a run, if it is shown."""
        if self._left is not None and self._left.run_id == run_id:
            return True
        place = self._view.index_of(run_id)
        if place is None:
            return False
        self._jump(place)
        return True

    def to_line(self, y: int) -> None:
        """The cursor on a line of the window, if a run or the end stands there."""
        if 0 <= y < len(self.window) and self.window[y] is END:
            self._put_at_end()
        elif (run_id := self.run_at(y)) is not None:
            self.go_to(run_id)

    def run_at(self, y: int) -> RunId | None:
        """The run on a line of the window."""
        item = self.window[y] if 0 <= y < len(self.window) else None
        return None if isinstance(item, Gap | ListEnd) else item

    def to_failed(self, step: int) -> bool:
        """The cursor on the next failed run below (1) or above (-1)."""
        here = self._place()
        start = len(self._view) if self._is_at_end else -1 if here is None else here
        place = self._near_failed(start, step)
        if place is None:
            return False
        self._jump(place)
        return True

    def toggle_mark(self) -> None:
        """Mark the run under the cursor, or take its mark away."""
        if self._cursor is not None and self._left is None:
            self._marks.toggle(self._cursor)

    def mark_range(self) -> None:
        """Mark everything from the run that was marked last to the cursor."""
        here = self._place()
        last = self._marks.last
        if here is None or self._left is not None:
            return
        place = None if last is None else self._view.index_of(last)
        first, stop = sorted((here, here if place is None else place))
        self._marks.add(self._view.slice(first, stop + 1))

    def mark_all(self) -> None:
        """Mark all runs that are shown, or clear all marks where all are marked, and at the second call in a row."""
        self._marks.toggle_all(self._view.slice(0, len(self._view)))

    def clear_marks(self) -> None:
        """Clear all marks, hidden ones too."""
        self._marks.clear()

    def clear_shown_marks(self) -> None:
        """Clear the marks of the runs that are shown."""
        self._marks.clear_shown()

    @property
    def _lines(self) -> ListLines:
        return ListLines(self._view, self._left, self._gaps, self._has_end)

    def _line(self) -> int | None:
        """The line of the cursor."""
        if self._is_at_end:
            return len(self) - 1
        if self._left is not None:
            return self._lines.line_of(self._left.key)
        key = None if self._cursor is None else self._view.key_of(self._cursor)
        return None if key is None else self._lines.line_of(key)

    def _place(self) -> int | None:
        """The place of the cursor among the runs."""
        if self._left is not None:
            return self._view.place(self._left.key)
        return None if self._cursor is None else self._view.index_of(self._cursor)

    def _jump(self, place: int) -> None:
        """The cursor on a place that may be far away: then it stands in the middle of what is around it."""
        key = self._view.key_of(self._view.at(place))
        line = place if key is None else self._lines.line_of(key)
        if not self._top <= line < self._top + self._height:
            self._top = max(0, line - self._height // 2)
        self._put(place)

    def _put(self, place: int) -> None:
        self._marks.end_series()
        if not len(self._view):
            self.follow()
            return
        self._note_place()
        self._left, self._is_at_end = None, False
        self._cursor = self._view.at(max(0, min(place, len(self._view) - 1)))
        self._settle()

    def _put_at_end(self) -> None:
        if not self._has_end:
            self._put(len(self._view) - 1)
            return
        self._note_place()
        self._cursor, self._left, self._is_at_end = None, None, True
        self._settle()

    def _note_place(self) -> None:
        """Runs that are created from now on are new, if the list followed until now."""
        if self.is_following:
            newest = self._store.newest()
            self._new_after = newest.fixed.created_at if newest is not None else None

    def _follow(self) -> None:
        self._marks.end_series()
        self._cursor, self._left, self._is_at_end = None, None, False
        self._new.clear()

    def _note_new(self, entered: Iterable[RunId]) -> None:
        for run_id in entered:
            run = self._store.get(run_id)
            at = run.fixed.created_at if run is not None else None
            if at is not None and (self._new_after is None or at > self._new_after):
                self._new.add(run_id)

    def _hold(self, line: int | None) -> None:
        """After what happened elsewhere: the cursor, which was on that line, stays where it is on the screen."""
        now = self._line()
        if line is not None and now is not None:
            self._top += now - line
        self._settle()

    def _settle(self) -> None:
        """Bring the window in order after a change: nothing below the end, the cursor in sight, seen runs not new."""
        height, line = max(1, self._height), self._line()
        self._top = 0 if line is None else max(0, min(self._top, len(self) - height))
        if line is not None:
            self._top = min(max(self._top, line - height + 1), line)
        self.window = self._lines.slice(self._top, self._top + self._height)
        self._new.difference_update(run_id for _, run_id in self.seen)

    def _differing(self, before: Sequence[Item], touched: frozenset[RunId] = frozenset()) -> set[int]:
        after = self.window
        lines = {y for y, item in enumerate(after) if item in touched}
        lines.update(y for y in range(max(len(before), len(after))) if before[y : y + 1] != after[y : y + 1])
        if self._left is not None and self._left.run_id in after:
            lines.add(after.index(self._left.run_id))
        return lines

    def _near_failed(self, start: int, step: int) -> int | None:
        failed = [run_id for status in FAILED for run_id in self._store.with_status(status)]
        if len(failed) > FEW:
            return _scan(self._view, start, step, lambda run_id: _is_failed(self._store.get(run_id)))
        places = (self._view.index_of(run_id) for run_id in failed)
        if step > 0:
            return min((place for place in places if place is not None and place > start), default=None)
        return max((place for place in places if place is not None and place < start), default=None)


def _is_failed(run: Run | None) -> bool:
    return run is not None and run.status.is_failed


def _scan(view: View, start: int, step: int, is_wanted: Callable[[RunId], bool]) -> int | None:
    place = start + step
    while 0 <= place < len(view):
        if is_wanted(view.at(place)):
            return place
        place += step
    return None
