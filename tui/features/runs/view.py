"""The pane `runs`: the list of runs with its filter, order and marks, its table and its summary."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar, Final, NamedTuple

from textual import events
from textual.binding import BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from tui.domain.environment import Environment
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.features.actions.words import Overlay
from tui.features.columns.data import ChosenColumns, VisibleValues
from tui.features.columns.words import ColumnChoice, own_columns_for
from tui.features.runs import columns, model
from tui.features.runs.columns import head, row
from tui.features.runs.data import Outages, RunSubscription, ServerSearch, VisibleErrors
from tui.features.runs.model import ListEnd, RunListModel
from tui.features.runs.views import ListQuery, ListViews
from tui.features.runs.words import end_key, end_line, invalid_word_line, summary_lines
from tui.kit.app import call_soon
from tui.kit.bars import Summary
from tui.kit.colors import Background
from tui.kit.keys import MARK_ACTIONS, Help, bind
from tui.kit.layout import Placement, Slot
from tui.kit.lines import GUTTER
from tui.kit.live_model import LiveModel
from tui.kit.look import Painter
from tui.kit.pane import Pane
from tui.kit.selection import RUN, Need
from tui.kit.table import HEAD_LINES, CursorTable
from tui.kit.words import empty_lines, gap_line
from tui.store.changes import ORDERS, Changes, Order, Topic
from tui.store.filter import highlighted_texts
from tui.store.freshness import Gap, MissedRuns
from tui.store.server_filter import ServerFilter
from tui.sync.session import Session
from tui.text.blocks import Now
from tui.text.styled import Line, Piece, Token, fit, joined, mark_hits
from tui.text.table import GAP, SizedColumn

# The table of runs. It makes only visible lines, and repaints only lines and cells that have changed.
#
# `RunListModel` decides which run is on which line, `features.runs.columns` makes the cells. Textual's DataTable is not
# used: it writes 44 KB for one changed cell.


_GLYPH: Final = 2


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
        return is_alike and now.at < columns.times_same_until(run, self.now.at)


OwnColumns = Callable[[int, bool], Sequence[SizedColumn[Run]]]
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
        self.slots: Sequence[SizedColumn[Run]] = []
        """The columns that are shown, with their widths."""
        self._times: list[tuple[int, SizedColumn[Run]]] = []
        self._has_adjacent_times = True
        self._values: list[SizedColumn[Run]] = []
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
            return self.painter.strip((Piece(" " * GUTTER), *head(self.slots)), width)
        index = y - HEAD_LINES
        window = self.rows.window
        if index >= len(window):
            below = index - len(window)
            if not self.rows.has_runs and below < len(self.empty):
                return self.painter.strip((Piece(" " * GUTTER), *self.empty[below]), width)
            return self.painter.blank(width)
        match window[index]:
            case Gap() as gap:
                line = self._painted_gaps[gap] = self._gap_line(gap)
                return self.painter.strip(line, width)
            case ListEnd() if not self.rows.is_at_end:
                return self.painter.strip((Piece(" " * GUTTER), *self._end), width)
            case ListEnd():
                background = self.cursor_background(is_departed=False)
                return self.painter.strip((*self.edge(is_current=True), *self._end), width, background)
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
    def shows_errors(self) -> bool:
        """Whether a column shows why runs failed."""
        return any(slot.column.id in columns.SHOWS_ERRORS for slot in self.slots)

    def _update_columns(self) -> None:
        width = self.size.width
        if self.own_columns_for is not None:
            self.slots = self.own_columns_for(width, self.is_wide)
        else:
            self.slots = columns.columns_for(width, is_wide=self.is_wide, only_failures=self._only_failures)
        self._times = _times(self.slots)
        neighbours = pairwise(self._times)
        self._has_adjacent_times = all(x + slot.width + GAP == after for (x, slot), (after, _) in neighbours)
        self._values = [slot for slot in self.slots if slot.column.is_read_later]
        self.show_all()
        self.show_end()
        self.show_empty()

    def on_focus(self) -> None:
        self._repaint(self.rows.cursor_item)

    def on_blur(self) -> None:
        self._repaint(self.rows.cursor_item)

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

    def _repaint(self, item: RunId | ListEnd | None) -> None:
        if item is not None and item in self.rows.window:
            self.refresh_line(self.rows.window.index(item) + HEAD_LINES)

    def _gap_line(self, gap: Gap) -> Line:
        missed = self._missed.get(gap)
        return () if missed is None else gap_line(gap, missed, self._live.now.at, self.size.width)

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
        # The run itself differs after every read of its list.
        facets = () if run is None else (run.fixed, run.state, run.attempt_count, run.error_value)
        values = () if run is None else self._values_of(run, now)
        if known is not None and is_alike and known[2:5] == (facets, values, ticking):
            self._painted[run_id] = known._replace(run=run, now=now)
            return known.strip
        line: Line = (Piece("? ", Token.MUTED), Piece(run_id, Token.FAINT))
        if run is not None:
            is_bold = run_id == self.rows.cursor and not self.painter.has_gutter_cursor
            line = row(run, self.slots, now, status=overlay, is_current=is_bold)
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

    def _background(self, run_id: RunId) -> tuple[Background, Line]:
        is_current = run_id == self.rows.cursor
        edge = self.edge(is_current=is_current, is_marked=run_id in self.rows.marks)
        if not is_current:
            return Background.PAGE, edge
        return self.cursor_background(is_departed=self.rows.is_cursor_departed), edge

    def _values_of(self, run: Run, now: Now) -> tuple[Line, ...]:
        return tuple(slot.column.cell(run, now, slot.width) for slot in self._values)

    def _ticking(self, run: Run, now: Now) -> tuple[Line, ...]:
        return tuple(slot.column.cell(run, now, slot.width) for _, slot in self._times)


def _times(slots: Sequence[SizedColumn[Run]]) -> list[tuple[int, SizedColumn[Run]]]:
    """Return the columns that change with the time, with their positions."""
    x, times = GUTTER + _GLYPH, []
    for slot in slots:
        if slot.column.is_ticking:
            times.append((x, slot))
        x += slot.width + GAP
    return times


# The pane `runs`: the list of runs with its filter, order and marks.
#
# `RunListModel` has the lines and the cursor, `RunTable` draws them.


class RunHighlighted(Message):
    """The cursor moved to another run. `is_list_end`: it is on the line below the last run."""

    def __init__(self, run_id: RunId | None, *, is_list_end: bool = False) -> None:
        super().__init__()
        self.run_id = run_id
        self.is_list_end = is_list_end


class RunListPane(Pane):
    """The list of runs."""

    title = "runs"
    placement: ClassVar[Placement] = Placement(Slot.MAIN, has_summary=True)
    search_hint = "any text, or status:failed task:sync-* tag:x -tag:y took:>10s"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("s", "sort", "sort", "Sort by the next column: age, status, task, took, updated, cost.", rank=50, need=46),
        bind("c", "columns", "columns", "Choose the columns of the list, their order and their widths.", rank=78,
             need=95),
        bind("w", "wide", "wide", "Show clock times beside ages, and whole run ids if they fit.",
             help=Help("look", 50, "whole run ids, clock times")),
        bind("space", "mark", "mark", "Mark the run, or remove its mark.", rank=30, need=44,
             help=Help("act", 30, "mark: run, range, all", ("mark", "mark-range", "mark-all"))),
        bind("V", "mark_range", "mark range", "Mark everything from the last mark to here."),
        bind("asterisk", "mark_all", "mark all shown", "Mark all runs that are shown; twice clears all marks."),
    ]  # fmt: skip

    def __init__(self, live: LiveModel, *, id: str) -> None:  # noqa: A002  Textual's name
        super().__init__(live, id=id)
        self.views = ListViews(live, self._show_views, partial(self._update_rows, is_recheck=True))
        self.rows = RunListModel(live.session.store, self.views.shown)
        self.table = RunTable(live, self.rows)
        self.table.on_moved = self._on_moved
        self.on_filtered: Callable[[], None] = lambda: None
        """Called when the shown runs or their number have changed. A message would pass three more queues."""
        self.table.end_line_for = self._end_line
        self.table.empty_lines_for = lambda width: tuple(empty_lines(model.empty_facts(live, self.views), width))
        self.server_search = ServerSearch(live.session, self.views, self._visible_runs, self._on_search_update)
        self._visible_errors = VisibleErrors(live.session, self._runs_to_read)
        self._own_columns: OwnRunColumns | None = None
        self._is_empty = True
        self._wanted_cursor: RunId | None = None
        self._named: ListQuery | None = None
        """The filter that stands for something else than its words, if one was shown."""
        self._is_typed = True
        """Whether the user typed the filter. Otherwise a line, a view or an address gave it."""
        self._filter_token = Token.MUTED
        self._environment: Environment | None = None
        self._missed: dict[Gap, MissedRuns] = {}
        self._outages = Outages(live.session, self._say)

    @property
    def body(self) -> RunTable:
        return self.table

    @property
    def target(self) -> RunId | None:
        return self.rows.cursor

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in MARK_ACTIONS:
            return not self.live.session.is_read_only
        return super().check_action(action, parameters)

    def has_use_for(self, action: str) -> bool:
        if action == "enter" and self.rows.is_end_chosen:
            return end_key(model.end_facts(self.live, self.views, self.server_search.progress)) is not None
        if action in {"mark", "mark_range"}:
            return self.target is not None
        if action in {"enter", "sort", "mark_all", "error_step", "run_step"}:
            return self.rows.has_runs
        return super().has_use_for(action)

    def word_for(self, action: str, usual: str) -> str:
        if action == "enter" and self.rows.is_end_chosen:
            return "search" if self.searched else "read on"
        return "select" if action == "enter" and self.target is None else super().word_for(action, usual)

    def enter(self) -> None:
        """Search the server for runs that the list does not show."""
        self.server_search.start()
        self.refresh_bindings()

    @property
    def searched(self) -> str:
        return self.views.query.text

    @property
    def search_start(self) -> str:
        # The user adds words to a filter that a line, a view or an address gave, and goes on typing an own one.
        return self.searched if self._is_typed or not self.searched else f"{self.searched} "

    def left(self) -> Line:
        return model.rule_left(self.live, self.views, self._filter_token)

    def right(self) -> Line:
        return model.rule_right(self.live, self.views, self.rows, self._missed, self.size.width)

    def spare(self) -> tuple[Line, ...]:
        return model.rule_spare(self.live, self.views, self.rows, self._missed, self._filter_token, self.size.width)

    def search(self, text: str) -> Line:
        """Filter the list. The table highlights the words."""
        if text.rstrip() != self.searched.rstrip():
            self._is_typed = True
            self.table.highlight(highlighted_texts(text))
            self._drop_search()
            # Esc in the prompt restores a filter that stood for something, with its name.
            named = self._named
            if named is None or named.text != text:
                named = ListQuery(self.views.query.period)
            query = replace(self.views.query, text=text, text_name=named.text_name, is_searched=named.is_searched)
            self.views.request(replace(query, is_typing=True))
        parsed = self.views.parsed
        if parsed.invalid_words:
            return invalid_word_line(parsed)
        count = model.count_words(self.live, self.views, is_wide=self.size.width >= model.WIDE)
        return (Piece(" · ".join(part for part in (parsed.hint, count) if part), Token.MUTED),)

    def show_query(self, query: ListQuery, cursor: RunId | None = None, *, token: Token | None = None) -> None:
        """Show another filter and order, with the cursor on a run once the list has it.

        `token` is the colour of the server's filters in the rule, if it changes.
        """
        self._filter_token = token or self._filter_token
        self.table.highlight(highlighted_texts(query.text))
        self._drop_search()
        self._is_typed = False
        self._wanted_cursor, self._named = cursor, query if query.text_name else None
        self.views.request(query)
        if self.live.session.settings.relay_url is not None and model.names_queue(query.text):
            self.server_search.start()  # no row of a relay names its queue

    def end_typing(self) -> None:
        self.views.end_typing()
        self.show_rule()

    def _drop_search(self) -> None:
        self.server_search.drop()
        if self.rows.is_at_end:
            self.rows.follow()

    def hit_step(self, step: int) -> None:
        if self.searched:
            self.table.step_run(step)  # every run of a filtered list is a match

    def error_step(self, step: int) -> bool:
        return self.table.to_failed(step)

    def show_chosen(self, chosen: ServerFilter, order: Order, *, is_wide: bool, token: Token = Token.MUTED) -> None:
        """Show the runs that pass the server's filters. `token` is the colour of these filters in the rule."""
        self._filter_token = token
        before = self.views.query
        if (chosen.filters, chosen.period) != (before.filters, before.period):
            self._drop_search()
            before = replace(before, is_searched=False)
        self.views.request(replace(before, filters=chosen.filters, period=chosen.period, order=order))
        if is_wide is not self.table.is_wide:
            self.table.show_wide(is_wide=is_wide)

    def on_changes(self, changes: Changes) -> None:
        if Topic.RUNS in changes.topics:
            self.views.on_changes(changes)
            self._update_rows(changes)
            self.on_filtered()
        if Topic.ACTIONS in changes.topics:
            self.table.show_overlays()
        if Topic.ENVIRONMENT in changes.topics:
            before, self._environment = self._environment, self.live.session.store.environment
            if before is not None and before != self._environment:
                self.clear_marks()  # they were set on runs of the other environment
                self._drop_search()
        self._show_texts()

    def on_show(self) -> None:
        self._show_texts()

    def tick(self) -> None:
        now, is_paused = self.live.now, self.live.pause is not None
        if not is_paused and (since := self.views.advance(now.at)) is not None:
            self.table.show_lines(self.rows.set_since(since))
        if not is_paused:
            self.views.recheck(now.frozen_at or now.at)
        if self.is_shown:
            self.table.tick()
        self._outages.record(self.live.freshness_tracker.gap)
        if not is_paused:
            self._missed = self._outages.missed(now.at)
            self.table.show_gaps(self._missed)
        self._show_texts()

    def _show_texts(self) -> None:
        """Update everything except the runs: the text of an empty list, the end line, the rule."""
        if not self.is_shown:
            return
        if self._is_empty is self.rows.has_runs:
            self._is_empty = not self._is_empty
            self.refresh_bindings()
        self.table.show_empty()
        self.table.show_end()
        self.show_rule()
        self._look()

    def _look(self) -> None:
        """Read what visible rows lack."""
        if self.live.pause is not None:
            return
        if self.table.shows_errors:
            self._visible_errors.look()
        if self._own_columns is not None:
            self._own_columns.values.look()

    def _on_moved(self) -> None:
        self.screen.post_message(RunHighlighted(self.rows.cursor, is_list_end=self.rows.is_at_end))
        self.show_rule()
        self._look()

    def action_sort(self) -> None:
        self.sort_by(ORDERS[(ORDERS.index(self.views.query.order) + 1) % len(ORDERS)])

    def sort_by(self, order: Order) -> None:
        """Sort the list, and save the order for the next start."""
        self.views.request(replace(self.views.query, order=order))
        self.app_base.part(RunSubscription).save_order(order.id)

    def action_wide(self) -> None:
        self.table.show_wide(is_wide=not self.table.is_wide)
        self.app_base.part(RunSubscription).save_width(is_wide=self.table.is_wide)

    def action_columns(self) -> None:
        from tui.features.columns.dialog import open_run_columns  # noqa: PLC0415  loaded when first used

        open_run_columns(self)

    def on_mount(self) -> None:
        self.app_base.part(ChosenColumns).listeners.append(self._show_columns)
        self._show_columns()

    def _show_columns(self) -> None:
        self.show_columns(self.app_base.part(ChosenColumns).shown(self.title))

    def show_columns(self, choices: "tuple[ColumnChoice, ...] | None") -> None:
        """Show chosen columns; None: the program's own."""
        if self._own_columns is None and choices is not None:
            session = self.live.session
            self._own_columns = OwnRunColumns(session, self.table, self._runs_to_read, self.call_later, self._say)
        if self._own_columns is not None:
            self._own_columns.show(choices)

    def _say(self, text: str) -> None:
        self.app_base.messages.add(self.live.session.now(), text)

    def left_out_columns(self) -> tuple[str, ...]:
        """Return the chosen columns that do not fit."""
        return () if self._own_columns is None else self._own_columns.left_out()

    def refetch(self) -> None:
        if self._own_columns is not None:
            self._own_columns.values.retry()

    def action_mark(self) -> None:
        self.rows.toggle_mark()
        self.table.step_run(1)
        self.show_rule()
        self.refresh_bindings()

    def action_mark_range(self) -> None:
        self.rows.mark_range()
        self._show_rows()

    def action_mark_all(self) -> None:
        self.rows.mark_all()
        self._show_rows()

    def clear_marks(self) -> None:
        """Clear all marks."""
        self.rows.marks.clear()
        self._show_rows()

    def clear_shown_marks(self) -> None:
        """Clear the marks that the filter does not hide."""
        self.rows.marks.clear_shown()
        self._show_rows()

    def _show_rows(self) -> None:
        self.table.show_all()
        self.show_rule()
        self.refresh_bindings()

    def _visible_runs(self) -> list[RunId]:
        return [run_id for _, run_id in self.rows.visible_runs]

    def _runs_to_read(self) -> list[RunId]:
        """Return the runs whose values the user sees; none while the list is hidden, and none while updates pause."""
        return self._visible_runs() if self.is_shown and self.live.pause is None else []

    def _on_search_update(self) -> None:
        # A task of the session calls this; widgets are changed on the app's own message loop.
        self.call_later(self._show_search)

    def _show_search(self) -> None:
        self._show_texts()
        self.refresh_bindings()

    def _update_rows(self, changes: Changes, *, is_recheck: bool = False) -> None:
        self.table.show_lines(self.rows.on_changes(changes, is_recheck=is_recheck))

    def _end_line(self, width: int) -> Line | None:
        if self.views.parsed.invalid_words:
            return None
        return end_line(model.end_facts(self.live, self.views, self.server_search.progress), width)

    def _show_views(self) -> None:
        self.rows.set_view(self.views.shown)
        if self._wanted_cursor is not None:
            self.rows.go_to(self._wanted_cursor)
            self._wanted_cursor = None
        self.table.show_failures(only_failures=model.shows_only_failures(self.views.query))
        self._show_texts()
        self._show_rows()
        call_soon(self, self.on_filtered)


# The two lines about the selected run, visible where the detail is not.


class RunSummary(Summary):
    """Summarises the selected run."""

    needs: ClassVar[tuple[Need[Any], ...]] = (RUN,)

    def __init__(self, live: LiveModel) -> None:
        super().__init__(live)
        self.overlay: Overlay = lambda _: None
        self.overview_lines_for: Callable[[int], tuple[Line, ...] | None] = lambda _: None
        """Returns the lines for a width while no run is selected; None: a hint stands there."""

    def content(self, width: int) -> tuple[Line, ...]:
        run_id = self.selection.run_id
        if run_id is None and not self.selection.is_list_end and (lines := self.overview_lines_for(width)) is not None:
            return lines
        run, is_list_end = None if run_id is None else self.live.get(run_id), self.selection.is_list_end
        children = () if run is None else self.live.session.store.children_of(run.id)
        overlay = None if run is None else self.overlay(run.id)
        return summary_lines(run, children, self.live.now, width, overlay=overlay, is_list_end=is_list_end)


# The chosen columns of the list of runs: what they show, and the reads that they need.


class OwnRunColumns:
    """Shows chosen columns in a table of runs.

    `visible` returns the runs on the screen, `call_later` calls on the app's own message loop, `say` adds a message.
    """

    def __init__(
        self,
        session: Session,
        table: RunTable,
        visible: Callable[[], Sequence[RunId]],
        call_later: Callable[..., object],
        say: Callable[[str], None],
    ) -> None:
        self._table = table
        self._call_later = call_later
        self._choices: tuple[ColumnChoice, ...] = ()
        self.values = VisibleValues(session, visible, self._on_values, say)

    def show(self, choices: tuple[ColumnChoice, ...] | None) -> None:
        """Show these columns; None: the program's own."""
        self._choices = choices or ()
        self._table.show_own(None if choices is None else self._columns_for)

    def left_out(self) -> tuple[str, ...]:
        """Return the chosen columns that do not fit into the table."""
        table = self._table
        return own_columns_for(self._choices, table.size.width, self.values.value, is_wide=table.is_wide)[1]

    def _columns_for(self, width: int, is_wide: bool) -> Sequence[SizedColumn[Run]]:  # noqa: FBT001  as the table calls it
        columns = own_columns_for(self._choices, width, self.values.value, is_wide=is_wide)[0]
        shown = {slot.column.id for slot in columns}
        self.values.show(choice.path for choice in self._choices if choice.path is not None and choice.name in shown)
        return columns

    def _on_values(self, run_ids: Collection[RunId]) -> None:
        # A task of the session calls this; widgets are changed on the app's own message loop.
        self._call_later(self._table.show_values, frozenset(run_ids))
