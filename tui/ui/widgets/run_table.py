"""The table of runs. It makes only visible lines, and repaints only lines and cells that have changed.

`RunListModel` decides which run is on which line, `present.columns` makes the cells. Textual's DataTable is not used:
it writes 44 KB for one changed cell.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from textual import events
from textual.geometry import Region
from textual.strip import Strip

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.present.actions.overlays import Overlay
from tui.present.columns import (
    AGE,
    CREATED,
    GAP,
    SHOWS_ERRORS,
    TOOK,
    Now,
    SizedColumn,
    columns_for,
    head,
    row,
    times_same_until,
)
from tui.present.frame.outage import gap_line
from tui.present.styled import Line, Piece, Token, fit, joined, mark_hits
from tui.store.missed_runs import Gap, MissedRuns
from tui.ui.data.live_model import LiveModel
from tui.ui.look.painting import Painter
from tui.ui.look.styles import Background
from tui.ui.model.list_lines import ListEnd
from tui.ui.model.run_list import RunListModel
from tui.ui.widgets.cursor_table import HEAD_LINES, PLAIN_EDGE, CursorTable
from tui.ui.widgets.lines import GUTTER

_GLYPH: Final = 2
_TICKING: Final = (TOOK.id, AGE.id, CREATED.id)


_MARKED_EDGE: Final[Line] = (Piece("• ", Token.ACCENT),)


class _Painted(NamedTuple):
    """A painted line, and everything that it was made from. `facets` and `ticking` follow from `run` and `now`.

    `values` are the cells out of metadata, payload and output.
    """

    run: Run | None
    now: Now
    facets: tuple[object, ...]
    values: tuple[Line, ...]
    ticking: tuple[Line, ...]
    background: Background
    edge: Line
    overlay: Piece | None
    strip: Strip
    sides: tuple[Strip, Strip] | None = None
    """The strip left and right of the ticking cells, once they have changed."""

    def shows(self, run: Run, now: Now) -> bool:
        """Whether the line was made from this run, and its times still have the same texts."""
        if self.run is not run or self.now is now:
            return self.run is run
        is_alike = self.now[1:] == now[1:] and self.now.at <= now.at
        return is_alike and now.at < times_same_until(run, self.now.at)


OwnColumns = Callable[[int, bool], Sequence[SizedColumn]]
"""Returns the columns for a width, and with clock times beside the ages or without."""


class RunTable(CursorTable):
    """Shows the lines of a `RunListModel` below a line of column names."""

    def __init__(self, live: LiveModel, rows: RunListModel) -> None:
        super().__init__()
        self._live = live
        self.overlay: Overlay = lambda _: None
        self.on_moved: Callable[[], None] = lambda: None
        """Called when the cursor has moved to another run, or to none. A message would pass three more queues."""
        self.end_line_for: Callable[[int], Line | None] = lambda _: None
        """Returns the line below the last run for a width in cells; None for no line."""
        self.empty_lines_for: Callable[[int], tuple[Line, ...]] = lambda _: ()
        """Returns the lines to show while the list is empty, for a width in cells."""
        self.own_columns_for: OwnColumns | None = None
        """Returns the columns that the user chose; None: the program's own are shown."""
        self._slots: Sequence[SizedColumn] = []
        self._times: list[tuple[int, SizedColumn]] = []
        self._has_adjacent_times = True
        self._values: list[SizedColumn] = []
        self._highlighted: tuple[str, ...] = ()
        self._painted: dict[RunId, _Painted] = {}
        self._missed: Mapping[Gap, MissedRuns] = {}
        self._painted_gaps: dict[Gap, Line] = {}
        self._cursor: RunId | ListEnd | None = None
        self._end: Line = ()
        self._is_stale = False
        self._painter: Painter | None = None
        self._now = live.now
        self._shown_overlays: dict[RunId, Piece | None] = {}
        self.empty: tuple[Line, ...] = ()
        self.rows = rows
        self.is_wide = False
        self._only_failures = False

    def show_all(self) -> None:
        """Repaint everything, after a change of the filter, the order or the width."""
        self._now = self._live.now
        self._painted.clear()
        self.rows.resize(max(0, self.size.height - HEAD_LINES))
        self.refresh()
        self._report_move()

    def show_lines(self, lines: set[int]) -> None:
        """Repaint some lines of the visible window."""
        if len(lines) >= max(1, len(self.rows.window)):
            self.refresh()
        else:
            for y in lines:
                self.refresh_line(y + HEAD_LINES)
        self._report_move()

    def show_overlays(self) -> None:
        """Repaint the lines of runs whose action has changed."""
        overlays = {run_id: self.overlay(run_id) for _, run_id in self.rows.visible_runs}
        for y, run_id in self.rows.visible_runs:
            painted = self._painted.get(run_id)
            # `tick` may already have made the new line, but painted only one cell of it.
            new = overlays[run_id]
            if new != self._shown_overlays.get(run_id) or (painted is not None and painted.overlay != new):
                self.refresh_line(y + HEAD_LINES)
        self._shown_overlays = overlays

    def show_gaps(self, missed: Mapping[Gap, MissedRuns]) -> None:
        """Show a line for each gap that has a place in the list, with its missed runs."""
        self._missed = missed
        self.show_lines(self.rows.show_gaps(tuple(missed)))
        for y, item in enumerate(self.rows.window):
            if isinstance(item, Gap) and self._painted_gaps.get(item) != self._gap_line(item):
                self.refresh_line(y + HEAD_LINES)

    def show_values(self, run_ids: Collection[RunId]) -> None:
        """Repaint the lines of runs for which a value was read, if it differs."""
        for y, run_id in self.rows.visible_runs:
            painted, run = self._painted.get(run_id), self._live.get(run_id)
            if run_id not in run_ids or painted is None or run is None:
                continue
            if painted.values != self._values_of(run, self._now):
                del self._painted[run_id]
                self.refresh_line(y + HEAD_LINES)

    def highlight(self, texts: tuple[str, ...]) -> None:
        """Highlight these texts in all rows."""
        if texts != self._highlighted:
            self._highlighted = texts
            self._painted.clear()
            self.refresh()

    def show_empty(self) -> None:
        """Update the lines that are shown while the list is empty."""
        lines = () if self.rows.has_runs else self.empty_lines_for(max(1, self.size.width - 2 * GUTTER))
        if lines != self.empty:
            self.empty = lines
            if not self.rows.has_runs:
                self.refresh()

    def show_end(self) -> None:
        """Update the line below the last run."""
        line = self.end_line_for(max(1, self.size.width - GUTTER - 1))
        is_new, self._end = line != self._end, line or ()
        self.show_lines(self.rows.show_end(has_end=line is not None))
        if is_new and self.rows.window and isinstance(self.rows.window[-1], ListEnd):
            self.refresh_line(len(self.rows.window) - 1 + HEAD_LINES)

    def tick(self) -> None:
        is_stale = self._live.now.frozen_at is not None
        if is_stale is not self._is_stale:
            self._is_stale = is_stale
            self.show_all()
            return
        # The time stays the same until the next tick: a line repainted meanwhile must not show later times than others.
        now = self._now = self._live.now
        changed: list[Region] = []
        for y, run_id in self.rows.visible_runs:
            painted, run = self._painted.get(run_id), self._live.get(run_id)
            if painted is None or run is None or painted.shows(run, now):
                continue
            ticking = self._ticking(run, now)
            for cell, before, (x, slot) in zip(ticking, painted.ticking, self._times, strict=True):
                if cell != before:
                    changed.append(Region(x, y + HEAD_LINES, slot.width, 1))
            if painted.run is run and painted.ticking == ticking:
                self._painted[run_id] = painted._replace(now=now)
            elif painted.run is run and not self._highlighted and self._has_adjacent_times:
                self._painted[run_id] = self._with_times(painted._replace(now=now, ticking=ticking))
        if changed:
            self.refresh(*changed)

    def strip_at(self, y: int) -> Strip:
        width = self.size.width
        if y < HEAD_LINES:
            return self.painter.strip((Piece(" " * GUTTER), *head(self._slots)), width)
        index = y - HEAD_LINES
        window = self.rows.window
        if index >= len(window):
            below = index - len(window)
            if not self.rows.has_runs and below < len(self.empty):
                return self.painter.strip((Piece(" " * GUTTER), *self.empty[below]), width)
            return self.painter.blank(width)
        match window[index]:
            case Gap() as gap:
                return self._gap(gap)
            case ListEnd():
                return self._end_strip()
            case run_id:
                return self._row(run_id)

    def on_resize(self, event: events.Resize) -> None:
        event.stop()
        self._update_columns()

    def show_wide(self, *, is_wide: bool) -> None:
        """Show clock times and whole run ids, or short ids and more columns."""
        self.is_wide = is_wide
        self._update_columns()

    def show_failures(self, *, only_failures: bool) -> None:
        """Show the columns of a list of failed runs, or of any list."""
        if only_failures is not self._only_failures:
            self._only_failures = only_failures
            self._update_columns()

    def show_own(self, own_columns_for: "OwnColumns | None") -> None:
        """Show the columns that the user chose, or the program's own."""
        self.own_columns_for = own_columns_for
        self._update_columns()

    @property
    def slots(self) -> Sequence[SizedColumn]:
        """The columns that are shown, with their widths."""
        return self._slots

    @property
    def shows_errors(self) -> bool:
        """Whether a column shows why runs failed."""
        return any(slot.column.cell in SHOWS_ERRORS for slot in self._slots)

    def _update_columns(self) -> None:
        width = self.size.width
        if self.own_columns_for is not None:
            self._slots = self.own_columns_for(width, self.is_wide)
        elif self.is_wide:
            from tui.present.list.wide_columns import wide_columns_for  # noqa: PLC0415  not needed before

            self._slots = wide_columns_for(width, only_failures=self._only_failures)
        else:
            self._slots = columns_for(width, only_failures=self._only_failures)
        self._times = _times(self._slots)
        self._has_adjacent_times = _is_adjacent(self._times)
        self._values = [slot for slot in self._slots if slot.column.is_value]
        self.show_all()
        self.show_end()
        self.show_empty()

    def on_focus(self) -> None:
        self._repaint_cursor()

    def on_blur(self) -> None:
        self._repaint_cursor()

    def action_move(self, lines: int) -> None:
        self._move_cursor(lambda: self.rows.move(lines))

    def step_run(self, step: int) -> None:
        """Move the cursor to the next (1) or previous (-1) run."""
        self._move_cursor(lambda: self.rows.step(step))

    @property
    def page_rows(self) -> int:
        return len(self.rows.visible_runs)

    def action_top(self) -> None:
        self._move_cursor(self.rows.follow)

    def action_bottom(self) -> None:
        self._move_cursor(self.rows.to_end)

    def to_failed(self, step: int) -> bool:
        """Move the cursor to the next failed run below (1) or above (-1). Return whether there is one."""
        before = self.rows.cursor
        self._move_cursor(lambda: self.rows.to_failed(step))
        return self.rows.cursor != before

    def on_click(self, event: events.Click) -> None:
        self._move_cursor(lambda: self.rows.to_line(event.y - HEAD_LINES))
        is_end = self.rows.is_at_end and event.y - HEAD_LINES == len(self.rows.window) - 1
        if event.chain == 2 and (is_end or self.rows.run_at(event.y - HEAD_LINES) is not None):
            self.post_message(self.Entered())

    def _move_cursor(self, move: Callable[[], object]) -> None:
        """Move the cursor, and repaint the two lines that it affects, or all if the list has scrolled."""
        rows = self.rows
        window, here = rows.window, rows.cursor_item
        move()
        if rows.window != window:
            self.refresh()
        else:
            self._repaint(here)
            self._repaint(rows.cursor_item)
        self._report_move()

    def _report_move(self) -> None:
        if self.rows.cursor_item != self._cursor:
            self._cursor = self.rows.cursor_item
            self.on_moved()

    def _repaint_cursor(self) -> None:
        self._repaint(self.rows.cursor_item)

    def _repaint(self, item: RunId | ListEnd | None) -> None:
        if item is not None and item in self.rows.window:
            self.refresh_line(self.rows.window.index(item) + HEAD_LINES)

    def _end_strip(self) -> Strip:
        if not self.rows.is_at_end:
            return self.painter.strip((Piece(" " * GUTTER), *self._end), self.size.width)
        background = self.cursor_background(is_departed=False)
        return self.painter.strip((*self.cursor_edge, *self._end), self.size.width, background)

    def _gap_line(self, gap: Gap) -> Line:
        missed = self._missed.get(gap)
        return () if missed is None else gap_line(gap, missed, self._live.now.at, self.size.width)

    def _gap(self, gap: Gap) -> Strip:
        line = self._painted_gaps[gap] = self._gap_line(gap)
        return self.painter.strip(line, self.size.width)

    def _row(self, run_id: RunId) -> Strip:
        now = self._now
        run = self._live.get(run_id)
        background, edge = self._background(run_id)
        overlay = self.overlay(run_id)
        if self._painter is not self.painter:
            self._painter = self.painter
            self._painted.clear()
        known = self._painted.get(run_id)
        is_alike = known is not None and (known.background, known.edge, known.overlay) == (background, edge, overlay)
        if known is not None and is_alike and run is not None and known.shows(run, now):
            return known.strip  # most rows of a list that scrolls
        ticking = self._ticking(run, now) if run is not None else ()
        facets = () if run is None else _shown_facets(run)
        values = () if run is None else self._values_of(run, now)
        if known is not None and is_alike and known[2:5] == (facets, values, ticking):
            self._painted[run_id] = known._replace(run=run, now=now)
            return known.strip
        line = self._line(run_id, run, now, overlay)
        for text in self._highlighted:
            line = mark_hits(line, text)
        strip = self.painter.strip((*edge, *line), self.size.width, background, is_stale=now.frozen_at is not None)
        if len(self._painted) > 4 * max(1, self.size.height):
            self._painted.clear()
        self._painted[run_id] = _Painted(run, now, facets, values, ticking, background, edge, overlay, strip)
        return strip

    def _with_times(self, painted: _Painted) -> _Painted:
        """Paint only the ticking cells, which stand side by side: a third of the time of the whole row."""
        start, (last, slot) = self._times[0][0], self._times[-1]
        stop = last + slot.width
        sides = painted.sides or (painted.strip.crop(0, start), painted.strip.crop(stop, self.size.width))
        cells = zip(painted.ticking, self._times, strict=True)
        line = joined((fit(cell, slot.width, slot.column.align) for cell, (_, slot) in cells), " " * GAP)
        background = self.painter.beside_edge(painted.background)
        times = self.painter.strip(line, stop - start, background, is_stale=painted.now.frozen_at is not None)
        return painted._replace(strip=Strip.join([sides[0], times, sides[1]]), sides=sides)

    def _line(self, run_id: RunId, run: Run | None, now: Now, overlay: Piece | None) -> Line:
        if run is None:
            return (Piece("? ", Token.MUTED), Piece(run_id, Token.FAINT))
        is_bold = run_id == self.rows.cursor and not self.painter.has_gutter_cursor
        return row(run, self._slots, now, status=overlay, is_current=is_bold)

    def _background(self, run_id: RunId) -> tuple[Background, Line]:
        is_marked = run_id in self.rows.marks
        if run_id != self.rows.cursor:
            return Background.PAGE, _MARKED_EDGE if is_marked else PLAIN_EDGE
        edge = self.cursor_edge
        if is_marked and self.painter.has_gutter_cursor:
            edge = (edge[0], Piece("•", Token.ACCENT))
        elif is_marked:
            edge = (Piece("•", Token.MARKED), Piece(" "))
        return self.cursor_background(is_departed=self.rows.is_cursor_departed), edge

    def _values_of(self, run: Run, now: Now) -> tuple[Line, ...]:
        return tuple(slot.column.cell(run, now) for slot in self._values)

    def _ticking(self, run: Run, now: Now) -> tuple[Line, ...]:
        return tuple(slot.column.cell(run, now) for _, slot in self._times)


def _times(slots: Sequence[SizedColumn]) -> list[tuple[int, SizedColumn]]:
    """Return the columns that change with the time, with their positions."""
    x, times = GUTTER + _GLYPH, []
    for slot in slots:
        if slot.column.id in _TICKING:
            times.append((x, slot))
        x += slot.width + GAP
    return times


def _is_adjacent(times: Sequence[tuple[int, SizedColumn]]) -> bool:
    """Return whether the columns that change with the time are neighbours."""
    return all(x + slot.width + GAP == after for (x, slot), (after, _) in pairwise(times))


def _shown_facets(run: Run) -> tuple[object, ...]:
    """Return the facets that a row shows. The run itself differs after every read of its list."""
    return run.fixed, run.state, run.attempt_count, run.error_value
