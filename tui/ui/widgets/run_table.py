"""The table of runs, drawn line by line: only what is seen is made, only what changed is painted.

What lives here: drawing and the keys that move in it. Which run stands where is `run_rows`', what a cell says is
`present.columns`'. No DataTable: it repaints 44 KB for one changed cell (DESIGN §9). Module and class are longer than
300 and 200 lines: half of them are keys, pointer and messages, a line behind each.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar, Final, NamedTuple

from textual import events
from textual.binding import BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.present.actions.overlays import Overlay
from tui.present.columns import AGE, GAP, TOOK, Now, Slot, columns_for, head, row
from tui.present.frame.outage import gap_line
from tui.present.printed.table import wide_columns
from tui.present.styled import Line, Piece, Token, mark_hits
from tui.store.missed_runs import Gap, MissedRuns
from tui.ui.data.live_model import LiveModel
from tui.ui.input.keys import MOTION
from tui.ui.look.painting import Ground, Painter
from tui.ui.model.list_lines import ListEnd
from tui.ui.model.run_list import RunListModel
from tui.ui.widgets.lines import GUTTER, WHEEL_LINES, LineWidget

HEAD_LINES: Final = 1
_GLYPH: Final = 2
_TICKING: Final = (TOOK.id, AGE.id)


class _Painted(NamedTuple):
    """A line as it was painted, and everything that it was made from."""

    run: Run | None
    ticking: tuple[Line, ...]
    ground: Ground
    edge: Line
    overlay: Piece | None
    strip: Strip


class RunTable(LineWidget, can_focus=True):
    """The lines of `RunListModel`, with the names of the columns above them."""

    BINDINGS: ClassVar[list[BindingType]] = list(MOTION)

    class Moved(Message):
        """The cursor is on another run, or on none."""

    class Entered(Message):
        """A run was clicked twice."""

    def __init__(self, live: LiveModel, rows: RunListModel) -> None:
        super().__init__()
        self._live = live
        self.overlay: Overlay = lambda _: None
        self.end_line_for: Callable[[int], Line | None] = lambda _: None
        """The line below the last run in so many cells; None: there is none."""
        self.empty_lines_for: Callable[[int], tuple[Line, ...]] = lambda _: ()
        """What stands there while no run does, in so many cells."""
        self._slots: list[Slot] = []
        self._needles: tuple[str, ...] = ()
        self._painted: dict[RunId, _Painted] = {}
        self._missed: Mapping[Gap, MissedRuns] = {}
        self._painted_gaps: dict[Gap, Line] = {}
        self._cursor: RunId | ListEnd | None = None
        self._end: Line = ()
        self._is_stale = False
        self._painter: Painter | None = None
        self._now = live.now
        self._said: dict[RunId, Piece | None] = {}
        self.empty: tuple[Line, ...] = ()
        self.rows = rows
        self.is_wide = False

    def show_all(self) -> None:
        """Paint everything anew: another filter, order, or width."""
        self._now = self._live.now
        self._painted.clear()
        self.rows.resize(max(0, self.size.height - HEAD_LINES))
        self.refresh()
        self._tell()

    def show_lines(self, lines: set[int]) -> None:
        """Paint some lines of the window anew."""
        if len(lines) >= max(1, len(self.rows.window)):
            self.refresh()
        else:
            for y in lines:
                self.refresh_line(y + HEAD_LINES)
        self._tell()

    def show_run(self, run_id: RunId) -> None:
        """Paint the line of a run anew, if it is seen."""
        if run_id in self.rows.window:
            self.refresh_line(self.rows.window.index(run_id) + HEAD_LINES)

    def show_overlays(self) -> None:
        """Paint those lines anew in which an action says something else now."""
        said = {run_id: self.overlay(run_id) for _, run_id in self.rows.visible_runs}
        for y, run_id in self.rows.visible_runs:
            painted = self._painted.get(run_id)
            # A tick may have made the line with the news in it, and shown one cell of that.
            if said[run_id] != self._said.get(run_id) or (painted is not None and painted.overlay != said[run_id]):
                self.refresh_line(y + HEAD_LINES)
        self._said = said

    def show_missed(self, missed: Mapping[Gap, MissedRuns]) -> None:
        """A line for each gap that has a place, with what it kept from us."""
        self._missed = missed
        self.show_lines(self.rows.show_gaps(tuple(missed)))
        for y, item in enumerate(self.rows.window):
            if isinstance(item, Gap) and self._painted_gaps.get(item) != self._gap_line(item):
                self.refresh_line(y + HEAD_LINES)

    def show_needles(self, needles: tuple[str, ...]) -> None:
        """Mark other words."""
        if needles != self._needles:
            self._needles = needles
            self._painted.clear()
            self.refresh()

    def show_empty(self) -> None:
        """Bring what stands there while no run does up to date."""
        lines = () if self.rows.has_runs else self.empty_lines_for(max(1, self.size.width - 2 * GUTTER))
        if lines != self.empty:
            self.empty = lines
            if not self.rows.has_runs:
                self.refresh()

    def show_end(self) -> None:
        """Bring the line below the last run up to date."""
        line = self.end_line_for(max(1, self.size.width - GUTTER - 1))
        is_new, self._end = line != self._end, line or ()
        self.show_lines(self.rows.show_end(has_end=line is not None))
        if is_new and self.rows.window and isinstance(self.rows.window[-1], ListEnd):
            self.refresh_line(len(self.rows.window) - 1 + HEAD_LINES)

    def tick(self) -> None:
        """A second has passed: paint those cells anew whose text is another one now."""
        is_stale = self._live.now.frozen_at is not None
        if is_stale is not self._is_stale:
            self._is_stale = is_stale
            self.show_all()
            return
        # Of one moment until the next tick: a cell that is painted later must not take a neighbour's news with it.
        now, spans = self._live.now, self._spans()
        self._now = now
        for y, run_id in self.rows.visible_runs:
            painted, run = self._painted.get(run_id), self._live.get(run_id)
            if painted is None or run is None:
                continue
            for cell, before, (x, width) in zip(self._ticking(run, now), painted.ticking, spans, strict=True):
                if cell != before:
                    self.refresh(Region(x, y + HEAD_LINES, width, 1))

    def strip_at(self, y: int) -> Strip:
        """The strip of a line."""
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
        """Other columns, another number of lines."""
        event.stop()
        self._lay_out()

    def show_wide(self, *, is_wide: bool) -> None:
        """Whole run ids, or what fits beside more columns."""
        self.is_wide = is_wide
        self._lay_out()

    def _lay_out(self) -> None:
        self._slots = wide_columns(self.size.width) if self.is_wide else columns_for(self.size.width)
        self.show_all()
        self.show_end()
        self.show_empty()

    def on_focus(self) -> None:
        """The cursor is bright."""
        self._repaint_cursor()

    def on_blur(self) -> None:
        """The cursor is quiet."""
        self._repaint_cursor()

    def action_move(self, lines: int) -> None:
        """Up or down by lines."""
        self._moving(lambda: self.rows.move(lines))

    def step_run(self, step: int) -> None:
        """To the next or previous run."""
        self._moving(lambda: self.rows.step(step))

    def action_half_page(self, direction: int) -> None:
        """Up or down by half of what is seen."""
        self.action_move(direction * max(1, len(self.rows.visible_runs) // 2))

    def action_page(self, direction: int) -> None:
        """Up or down by what is seen."""
        self.action_move(direction * max(1, len(self.rows.visible_runs) - 1))

    def action_top(self) -> None:
        """To the top, where the list follows."""
        self._moving(self.rows.follow)

    def action_bottom(self) -> None:
        """To the end of the list."""
        self._moving(self.rows.to_end)

    def to_failed(self, step: int) -> bool:
        """To the next failed run below or above."""
        before = self.rows.cursor
        self._moving(lambda: self.rows.to_failed(step))
        return self.rows.cursor != before

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves the cursor: it is always in view."""
        event.stop()
        self.action_move(WHEEL_LINES)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Likewise."""
        event.stop()
        self.action_move(-WHEEL_LINES)

    def on_click(self, event: events.Click) -> None:
        """To the run under the pointer; a second click opens it."""
        self._moving(lambda: self.rows.to_line(event.y - HEAD_LINES))
        is_end = self.rows.is_at_end and event.y - HEAD_LINES == len(self.rows.window) - 1
        if event.chain == 2 and (is_end or self.rows.run_at(event.y - HEAD_LINES) is not None):
            self.post_message(self.Entered())

    def _moving(self, move: Callable[[], object]) -> None:
        """Do something to the cursor, and paint the two lines that it concerns, or all when the window moved."""
        rows = self.rows
        window, here = rows.window, rows.cursor_item
        move()
        if rows.window != window:
            self.refresh()
        else:
            self._repaint(here)
            self._repaint(rows.cursor_item)
        self._tell()

    def _tell(self) -> None:
        if self.rows.cursor_item != self._cursor:
            self._cursor = self.rows.cursor_item
            self.post_message(self.Moved())

    def _repaint_cursor(self) -> None:
        self._repaint(self.rows.cursor_item)

    def _repaint(self, item: RunId | ListEnd | None) -> None:
        if item is not None and item in self.rows.window:
            self.refresh_line(self.rows.window.index(item) + HEAD_LINES)

    def _end_strip(self) -> Strip:
        if not self.rows.is_at_end:
            return self.painter.strip((Piece(" " * GUTTER), *self._end), self.size.width)
        edge = (Piece("▌", Token.ACCENT if self.has_focus else Token.FAINT), Piece(" "))
        ground = Ground.CURSOR if self.has_focus else Ground.CURSOR_AWAY
        return self.painter.strip((*edge, *self._end), self.size.width, ground)

    def _gap_line(self, gap: Gap) -> Line:
        missed = self._missed.get(gap)
        return () if missed is None else gap_line(gap, missed, self._live.now.at, self.size.width)

    def _gap(self, gap: Gap) -> Strip:
        line = self._painted_gaps[gap] = self._gap_line(gap)
        return self.painter.strip(line, self.size.width)

    def _row(self, run_id: RunId) -> Strip:
        now = self._now
        run = self._live.get(run_id)
        ground, edge = self._ground(run_id)
        overlay = self.overlay(run_id)
        ticking = self._ticking(run, now) if run is not None else ()
        if self._painter is not self.painter:
            self._painter = self.painter
            self._painted.clear()
        known = self._painted.get(run_id)
        if known is not None and known[:5] == (run, ticking, ground, edge, overlay):
            return known.strip
        line = self._line(run_id, run, now, overlay)
        for needle in self._needles:
            line = mark_hits(line, needle)
        strip = self.painter.strip((*edge, *line), self.size.width, ground, is_stale=now.frozen_at is not None)
        if len(self._painted) > 4 * max(1, self.size.height):
            self._painted.clear()
        self._painted[run_id] = _Painted(run, ticking, ground, edge, overlay, strip)
        return strip

    def _line(self, run_id: RunId, run: Run | None, now: Now, overlay: Piece | None) -> Line:
        if run is None:
            return (Piece("? ", Token.MUTED), Piece(run_id, Token.FAINT))
        return row(run, self._slots, now, status=overlay, is_current=run_id == self.rows.cursor)

    def _ground(self, run_id: RunId) -> tuple[Ground, Line]:
        is_marked = run_id in self.rows.marks
        if run_id != self.rows.cursor:
            return Ground.PAGE, (Piece("• ", Token.ACCENT) if is_marked else Piece("  "),)
        mark = Piece("•", Token.MARKED) if is_marked else Piece("▌", Token.ACCENT if self.has_focus else Token.FAINT)
        edge = (mark, Piece(" "))
        if self.rows.is_cursor_departed:
            return Ground.GONE_CURSOR, edge
        return (Ground.CURSOR if self.has_focus else Ground.CURSOR_AWAY), edge

    def _ticking(self, run: Run, now: Now) -> tuple[Line, ...]:
        return tuple(slot.column.cell(run, now) for slot in self._slots if slot.column.id in _TICKING)

    def _spans(self) -> list[tuple[int, int]]:
        """Where the cells stand that change with the time."""
        x, spans = GUTTER + _GLYPH, []
        for slot in self._slots:
            if slot.column.id in _TICKING:
                spans.append((x, slot.width))
            x += slot.width + GAP
        return spans
