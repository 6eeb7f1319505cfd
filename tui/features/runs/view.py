"""The pane `runs`: the list of runs with its filter, order and marks, its table and its summary."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, Final

from textual.binding import BindingType

from tui.domain.run import Environment, Run, RunId
from tui.features.columns.data import VisibleValues
from tui.features.columns.words import chosen_columns, path_of, with_times
from tui.features.runs import model, words
from tui.features.runs.columns import RUN_TABLE, SHOWS_ERRORS, STATUS, table_of
from tui.features.runs.data import Outages, RunSubscription, ServerSearch, VisibleErrors
from tui.features.runs.model import ListEnd, ListQuery, ListViews, RunListModel
from tui.kit.app import call_soon
from tui.kit.bars import Summary
from tui.kit.colors import Background
from tui.kit.keys import MARK_ACTIONS, Help, bind
from tui.kit.lines import GUTTER
from tui.kit.list_panes import TablePane
from tui.kit.live_model import LiveModel
from tui.kit.selection import RUN
from tui.kit.table import RowContent, RowTable, Shown
from tui.kit.words import gap_line, gap_remark, no_order
from tui.store.changes import CREATED, ORDERS, TOOK, Changes, Order, Topic, order_named
from tui.store.freshness import Gap, MissedRuns
from tui.text import formatting
from tui.text.styled import Line, Piece, Token, cut
from tui.text.table import SizedColumn

# The table of runs. `RunListModel` decides which run is on which line, `features.runs.columns` makes the cells.
#
# Textual's DataTable is not used: it writes 44 KB for one changed cell.


class RunTable(RowTable[Run]):
    """Shows the lines of a `RunListModel`: runs, gaps, and the line below the last run."""

    rows: RunListModel

    def __init__(self, live: LiveModel, rows: RunListModel) -> None:
        super().__init__(live, RUN_TABLE, lambda: rows)
        self.missed: Mapping[Gap, MissedRuns] = {}
        """The gaps with the runs that were missed meanwhile."""
        self.end_line_for: Callable[[int], Line | None] = lambda _: None
        """Returns the line below the last run for a width in cells; None for no line."""
        self._end: Line | None = None
        self._cursor: Hashable = None

    def made_from(self, row: Run) -> tuple[Hashable, ...]:
        # The run itself differs after every read of its list.
        facets = (row.fixed, row.state, row.attempt_count, row.error_value)
        return (self.live.status_word(row.id), *facets, *self.changing_cells(row))

    def row_line(self, item: Any, content: RowContent) -> Line:
        run, overlay = self.rows.get(item), content.made_from[0]
        assert run is not None
        instead = {STATUS.id: (overlay,)} if isinstance(overlay, Piece) else None
        return self.table.row(run, self.slots, self.now, is_current=content.is_bold, instead=instead)

    def shown_of(self, item: Hashable) -> Shown:
        match item:
            case Gap():
                missed = self.missed.get(item)
                line = () if missed is None else gap_line(item, missed, self.live.now.at, self.size.width)
                return Shown(line, edge=())
            case ListEnd():
                is_current = self.rows.is_at_end
                background = self.cursor_background(is_departed=False) if is_current else Background.PAGE
                return Shown(self._end, background, self.edge(is_current=is_current))
            case _:
                shown = super().shown_of(item)
                if shown.content is None:
                    shown = shown._replace(content=(Piece("? ", Token.MUTED), Piece(str(item), Token.FAINT)))
                return shown

    def show_columns(self) -> None:
        self.show_end()
        super().show_columns()

    def show_end(self) -> None:
        """Update the line below the last run."""
        self._end = self.end_line_for(max(1, self.size.width - GUTTER - 1))
        self.rows.show_end(has_end=self._end is not None)

    def show_changes(self, *, is_anew: bool = False) -> None:
        super().show_changes(is_anew=is_anew)
        self.report_move()

    def report_move(self) -> None:
        """Call `on_moved` if the cursor is on another line than before."""
        if self.rows.cursor_item != self._cursor:
            self._cursor = self.rows.cursor_item
            self.on_moved()

    def move_cursor(self, move: Callable[[], object]) -> None:
        move()
        self.show_changes()

    @property
    def page_rows(self) -> int:
        return len(self.rows.visible_runs)

    def step(self, rows: int) -> None:
        self.move_cursor(lambda: self.rows.step(rows))

    def to_failed(self, step: int) -> bool:
        """Move the cursor to the next failed run below (1) or above (-1). Return whether there is one."""
        before = self.rows.cursor
        self.move_cursor(lambda: self.rows.to_failed(step))
        return self.rows.cursor != before


# The pane `runs`: the list of runs with its filter, order and marks.


GAP_SHOWN_FOR: Final = timedelta(minutes=2)
"""How long the rule mentions a gap whose own line is not visible."""

WIDE: Final = 100
"""A rule of at least this width has room for the long remark about a gap."""

MAX_NAME_CELLS: Final = 40
"""The most cells for the name of a filter."""

_DOT: Final = Piece(" · ", Token.MUTED)


class RunListPane(TablePane):
    """The list of runs."""

    search_hint = "any text, or status:failed task:sync-* -tag:y took:>10s payload:x"
    table: RunTable
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("s", "sort", "sort", "Sort by the next column: age, status, task, took, updated, cost.", rank=50, need=46),
        bind("c", "columns", "columns", "Choose the columns of the list, their order and their widths.", rank=78,
             need=95),
        bind("w", "wide", "wide", "Show clock times beside ages, and whole run ids if they fit.",
             help=Help("look", 50, "whole run ids, clock times")),
        bind("space", "mark", "mark", "Mark the run, or remove its mark.", rank=30, need=44,
             help=Help("act", 30, "mark: run, range, all", ("mark", "mark-range", "mark-all"))),
        bind("V", "mark_range", "mark range", "Mark everything from the last mark to here."),
        bind("asterisk", "mark_all", "mark all shown", "Mark all shown runs; a second press clears all marks."),
    ]  # fmt: skip

    def __init__(self, live: LiveModel, title: str) -> None:
        self.views = ListViews(live, self._show_views, self._show_runs)
        self.rows = RunListModel(live.session.store, self.views.shown, source=live)
        super().__init__(live, title, RunTable(live, self.rows))
        self.table.on_moved = self._on_moved
        self.on_highlighted: Callable[[], None] = lambda: None
        """Called after the messages that wait when the cursor has moved to another line."""
        self.on_filtered: Callable[[], None] = lambda: None
        """Called when the shown runs or their number have changed. A message would pass three more queues."""
        self.table.empty_lines_for = lambda width: tuple(words.empty_lines(self._facts, width))
        self.table.end_line_for = lambda width: words.end_line(self._facts, width)
        # Tasks of the session call these functions, but widgets must be changed on the app's own message loop.
        self.server_search = ServerSearch(
            live.session, self.views, lambda: self.rows.visible_runs, lambda: self.call_later(self._show_search)
        )
        self._visible_errors = VisibleErrors(live.session, self._runs_to_read)
        self._values = VisibleValues(
            live.session, self._runs_to_read, lambda: self.call_later(self.table.show_changes, is_anew=True), self._say
        )
        self._only_failures = False
        self._is_empty = True
        self._wanted_cursor: RunId | None = None
        self._named: ListQuery | None = None
        """The last filter with a name that stands for its words, if one was shown."""
        self._is_typed = True
        """Whether the user typed the filter. Otherwise a line, a view or an address gave it."""
        self._environment: Environment | None = None
        self._outages = Outages(live.session, self._say)

    @property
    def target(self) -> RunId | None:
        return self.rows.cursor

    @property
    def _facts(self) -> words.ListFacts:
        return model.list_facts(self.live, self.views, self.server_search.progress)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in MARK_ACTIONS:
            return not self.live.session.is_read_only
        return super().check_action(action, parameters)

    def has_use_for(self, action: str) -> bool:
        if action == "enter" and self.rows.is_end_chosen:
            return words.end_key(self._facts) is not None
        if action in {"mark", "mark_range"}:
            return self.target is not None
        if action in {"enter", "sort", "mark_all", "error_step", "run_step"}:
            return self.rows.has_rows
        return super().has_use_for(action)

    def word_for(self, action: str, usual: str) -> str:
        if action == "enter" and self.rows.is_end_chosen:
            return "search" if self.searched else "read more"
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
        # The user adds words to a filter that came from a line, a view or an address. After that, it is the user's own.
        return self.searched if self._is_typed or not self.searched else f"{self.searched} "

    def left(self) -> Line:
        """Return the typed filter, the server's filters, and the order."""
        query, window = self.views.query, self.live.session.store.window
        typed: Line = (_DOT, Piece(f"/{query.text}", Token.TEXT)) if query.text else ()
        if query.text_name:
            typed = (*typed, Piece("  "), *cut((Piece(query.text_name, Token.MUTED),), MAX_NAME_CELLS))
        token = Token.TEXT if self._subscription.is_filtered else Token.MUTED
        token = Token.AMBER if self._subscription.is_recalled else token  # they are those of the last session
        is_cut, reach = (False, None) if window is None else (window.is_older_cut, window.older_reach)
        count = self.views.base.older_count
        older = words.older_words(query.filters, count, is_cut=is_cut, period=query.period, reach=reach)
        older += " and older" if query.is_searched else ""
        filters = (_DOT, Piece(words.filter_words(query.filters, query.period), token), Piece(older, token))
        # A narrow rule omits the end. What hides runs has to stay, and an order that is not the usual one.
        if query.order is CREATED:
            return (*typed, *filters, _DOT, Piece("newest first", Token.MUTED))
        order = f"by {query.order.title}, {'running first, ' if query.order is TOOK else ''}"
        return (*typed, _DOT, Piece(order, Token.TEXT), *filters[1:])

    def right(self) -> Line:
        """Return the counts of shown, marked and new runs; or the age of the data, or the error in the filter."""
        live, freshness = self.live, self.live.freshness
        if freshness.is_stale and freshness.confirmed_at is not None:
            return (Piece(f"last confirmed {live.now.ago(freshness.confirmed_at)}", Token.AMBER),)
        if self.views.parsed.invalid_words:
            return words.invalid_word_line(self.views.parsed)
        number, marks, new = self._count_words, self.rows.marks.words, self.rows.new_count
        count: Line = (Piece(number, Token.TEXT),) if number else ()
        marked: Line = (_DOT, Piece(marks, Token.ACCENT)) if marks else ()
        # A narrow rule omits the end. So the remark about missing data stands before the number of new runs.
        new_runs: Line = (_DOT, Piece(f"{formatting.count(new)} new", Token.ACCENT)) if new else ()
        return (*count, *marked, *self._gap, *new_runs)

    @property
    def _count_words(self) -> str:
        return model.count_words(self.live, self.views, is_wide=self.size.width >= WIDE)

    @property
    def _gap(self) -> Line:
        """A remark about the last gap for a while, unless its own line is visible."""
        missed, now = self.table.missed, self.live.now.at
        gap = next(reversed(list(missed)), None)
        if gap is None or gap in self.rows.gaps or now - gap.until > GAP_SHOWN_FOR:
            return ()
        return (_DOT, *gap_remark(gap, missed[gap], now, is_short=self.size.width < WIDE))

    def search(self, text: str) -> Line:
        """Filter the list. The table highlights the words."""
        if text.rstrip() != self.searched.rstrip():
            self._is_typed = True
            self.table.highlight(text)
            self._drop_search()
            # Esc in the prompt restores a filter that had a name, together with that name.
            named = self._named
            if named is None or named.text != text:
                named = ListQuery(self.views.query.period)
            query = replace(self.views.query, text=text, text_name=named.text_name, is_searched=named.is_searched)
            self.views.request(replace(query, is_typing=True))
        parsed = self.views.parsed
        if parsed.invalid_words:
            return words.invalid_word_line(parsed)
        return (Piece(" · ".join(part for part in (parsed.hint, self._count_words) if part), Token.MUTED),)

    def show_query(self, query: ListQuery, cursor: RunId | None = None) -> None:
        """Show another filter and order, with the cursor on a run once the list has it."""
        self.table.highlight(query.text)
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
            self.rows.to_top()

    def error_step(self, step: int) -> bool:
        return self.table.to_failed(step)

    @property
    def _subscription(self) -> RunSubscription:
        return self.app_base.part(RunSubscription)

    def show_chosen(self) -> None:
        """Show the runs that pass the chosen filters of the server, in the chosen order and columns."""
        before, chosen, order = self.views.query, self._subscription.chosen, self._subscription.shown.order
        if (chosen.filters, chosen.period) != (before.filters, before.period):
            self._drop_search()
            before = replace(before, is_searched=False)
        self.views.request(replace(before, filters=chosen.filters, period=chosen.period, order=order_named(order)))
        self.table.show_columns()

    def on_changes(self, changes: Changes) -> None:
        if Topic.RUNS in changes.topics:
            self.views.on_changes(changes)
            self.rows.on_changes(changes)
            self.on_filtered()
        if Topic.ENVIRONMENT in changes.topics:
            before, self._environment = self._environment, self.live.session.store.environment
            if before is not None and before != self._environment:
                self.clear_marks()  # they were set on runs of the other environment
                self._drop_search()
        self._show_all(partial(self.table.show_changes, is_anew=Topic.ACTIONS in changes.topics))

    def on_show(self) -> None:
        self._show_all()

    def tick(self) -> None:
        now, is_paused = self.live.now, self.live.pause is not None
        self._outages.record(self.live.freshness_tracker.gap)
        if not is_paused:
            if (since := self.views.advance(now.at)) is not None:
                self.rows.set_since(since)
            self.views.recheck(now.until)
            self.table.missed = self._outages.missed(now.at)
            self.rows.show_gaps(tuple(self.table.missed))
        self._show_all(self.table.tick)

    def _show_runs(self, changes: Changes) -> None:
        self.rows.on_changes(changes)
        self.table.show_changes()

    def _show_all(self, show_rows: Callable[[], None] | None = None) -> None:
        """Show the runs, the text of an empty list, the end line, the rule. `show_rows` shows changed runs."""
        if not self.is_shown:
            self.table.report_move()  # a key of another pane may move the cursor, and so do changes
            return
        self.table.show_end()
        (show_rows or self.table.show_changes)()
        if self._is_empty is self.rows.has_rows:
            self._is_empty = not self._is_empty
            self.refresh_bindings()
        self.show_rule()
        self._look()

    def _look(self) -> None:
        """Read what visible rows lack."""
        if self.live.pause is None:
            if any(slot.column.id in SHOWS_ERRORS for slot in self.table.slots):
                self._visible_errors.look()
            self._values.look()

    def _on_moved(self) -> None:
        call_soon(self.screen, self.on_highlighted)
        self.show_rule()
        self._look()

    def action_sort(self) -> None:
        self.sort_by(ORDERS[(ORDERS.index(self.views.query.order) + 1) % len(ORDERS)])

    def on_row_table_title_clicked(self, event: RowTable.TitleClicked) -> None:
        order = next((each for each in ORDERS if each.id == event.order), None)
        if order is None:
            self.say(no_order(event.column.title))
        else:
            self.sort_by(order)

    def sort_by(self, order: Order) -> None:
        """Sort the list, and save the order for the next start."""
        self.views.request(replace(self.views.query, order=order))
        self._subscription.save(order=order.id)

    def action_wide(self) -> None:
        self._subscription.save(is_wide=not self._subscription.shown.is_wide)
        self.table.show_columns()

    def slots_for(self, width: int) -> Sequence[SizedColumn[Any]]:
        is_wide, choices = self._subscription.shown.is_wide, self.choices
        table = table_of(is_wide=is_wide, only_failures=self._only_failures)
        if choices is None:
            self._values.show(())
            return table.slots(width)
        slots = chosen_columns(table, with_times(choices) if is_wide else choices, width, self._values.value)
        shown = {slot.column.id for slot in slots}
        paths = (path_of(each) for each in choices if each.column in shown)
        self._values.show(path for path in paths if path is not None)
        return slots

    def _say(self, text: str) -> None:
        self.app_base.messages.add(self.live.session.now(), text)

    def refetch(self) -> None:
        self._values.retry()

    def clear_shown_marks(self) -> None:
        """Clear the marks that the filter does not hide."""
        self.rows.marks.clear_shown()
        self.show_marks()

    def show_marks(self) -> None:
        super().show_marks()
        self.refresh_bindings()

    def _runs_to_read(self) -> list[RunId]:
        """Return the runs whose values the user sees; none while the list is hidden, and none while updates pause."""
        return self.rows.visible_runs if self.is_shown and self.live.pause is None else []

    def _show_search(self) -> None:
        self._show_all()
        self.refresh_bindings()

    def _show_views(self) -> None:
        self.rows.set_view(self.views.shown)
        if self._wanted_cursor is not None:
            self.rows.go_to(self._wanted_cursor)
            self._wanted_cursor = None
        if (only_failures := model.shows_only_failures(self.views.query)) is not self._only_failures:
            self._only_failures = only_failures
            self.table.show_columns()
        self._show_all()
        self.refresh_bindings()
        call_soon(self, self.on_filtered)


# The two lines about the selected run, visible where the detail is not.


class RunSummary(Summary):
    """Summarises the selected run."""

    needs = (RUN,)

    def __init__(self, live: LiveModel) -> None:
        super().__init__(live)
        self.overview_lines_for: Callable[[int], tuple[Line, ...] | None] = lambda _: None
        """Returns the lines for a width while no run is selected; None: a hint stands there."""

    def content(self, width: int) -> tuple[Line, ...]:
        run_id = self.selection.run_id
        if run_id is None and not self.selection.is_list_end and (lines := self.overview_lines_for(width)) is not None:
            return lines
        run, is_list_end = None if run_id is None else self.live.get(run_id), self.selection.is_list_end
        children = () if run is None else self.live.session.store.children_of(run.id)
        overlay = None if run is None else self.live.overlay(run.id)
        first, second = words.summary_lines(
            run, children, self.live.now, width, overlay=overlay, is_list_end=is_list_end
        )
        if run is not None and (replayed := self.live.replayed(run.id)) is not None:
            second = cut((Piece("    "), *replayed.line, Piece("  "), *second[1:]), width - 1)
        return first, second
