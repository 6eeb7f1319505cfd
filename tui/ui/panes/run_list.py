"""The pane `runs`: the list of runs with its filter, order and marks.

`RunListModel` has the lines and the cursor, `RunTable` draws them.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import BindingType
from textual.message import Message

from tui.domain.environment import Environment
from tui.domain.ids import RunId
from tui.present.frame.empty import empty_lines
from tui.present.list.end import end_key, end_line
from tui.present.list.filter_remarks import invalid_word_line
from tui.present.styled import Line, Piece, Token
from tui.store.changes import Changes, Topic
from tui.store.filter import highlighted_texts
from tui.store.missed_runs import Gap, MissedRuns
from tui.store.orders import ORDERS, Order
from tui.store.server_filter import ServerFilter
from tui.ui.base import call_soon
from tui.ui.data.columns.chosen import ChosenColumns
from tui.ui.data.live_model import LiveModel
from tui.ui.data.outages import Outages
from tui.ui.data.server_search import ServerSearch
from tui.ui.data.subscription import RunSubscription
from tui.ui.data.visible_errors import VisibleErrors
from tui.ui.input.keys import bind
from tui.ui.model.layout import Placement, Slot
from tui.ui.model.list_facts import count_words, empty_facts, end_facts, names_queue, shows_only_failures
from tui.ui.model.list_rule import WIDE, rule_left, rule_right, rule_spare
from tui.ui.model.list_views import ListQuery, ListViews
from tui.ui.model.run_list import RunListModel
from tui.ui.panes.base import Pane
from tui.ui.widgets.run_table import RunTable

if TYPE_CHECKING:
    from tui.present.own_columns.choice import ColumnChoice
    from tui.ui.panes.own_columns import OwnRunColumns

MARK_ACTIONS: Final = frozenset({"mark", "mark_range", "mark_all"})
"""Bound only where something may be written: marks choose the runs of an action."""


class RunHighlighted(Message):
    """The cursor moved to another run. `is_list_end`: it is on the line below the last run."""

    def __init__(self, run_id: RunId | None, *, is_list_end: bool = False) -> None:
        super().__init__()
        self.run_id = run_id
        self.is_list_end = is_list_end


class RunListPane(Pane):
    """The list of runs."""

    title: ClassVar[str] = "runs"
    placement: ClassVar[Placement] = Placement(Slot.MAIN, has_summary=True)
    search_hint: ClassVar[str] = "any text, or status:failed task:sync-* tag:x -tag:y took:>10s"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("s", "sort", "sort", "Sort by the next column: age, status, task, took, updated, cost.", rank=50, need=46),
        bind(
            "c", "columns", "columns", "Choose the columns of the list, their order and their widths.", rank=78, need=95
        ),
        bind("w", "wide", "wide", "Show clock times beside ages, and whole run ids if they fit."),
        bind("space", "mark", "mark", "Mark the run, or remove its mark.", rank=30, need=44),
        bind("V", "mark_range", "mark range", "Mark everything from the last mark to here."),
        bind("asterisk", "mark_all", "mark all shown", "Mark all runs that are shown; twice clears all marks."),
    ]

    def __init__(self, live: LiveModel, *, id: str) -> None:  # noqa: A002  Textual's name
        super().__init__(live, id=id)
        self.views = ListViews(live, self._show_views, self._recheck_rows)
        self.rows = RunListModel(live.session.store, self.views.shown)
        self.table = RunTable(live, self.rows)
        self.table.on_moved = self._on_moved
        self.on_filtered: Callable[[], None] = lambda: None
        """Called when the shown runs or their number have changed. A message would pass three more queues."""
        self.table.end_line_for, self.table.empty_lines_for = self._end_line, self._empty_lines
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
        self._outages = Outages(live.session, lambda text: self.app_base.messages.add(live.session.now(), text))

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
            return end_key(end_facts(self.live, self.views, self.server_search.progress)) is not None
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
        return rule_left(self.live, self.views, self._filter_token)

    def right(self) -> Line:
        return rule_right(self.live, self.views, self.rows, self._missed, self.size.width)

    def spare(self) -> tuple[Line, ...]:
        return rule_spare(self.live, self.views, self.rows, self._missed, self._filter_token, self.size.width)

    def search(self, text: str) -> Line:
        """Filter the list. The table highlights the words."""
        if text.rstrip() != self.searched.rstrip():
            self._is_typed = True
            self.table.highlight(highlighted_texts(text))
            self._drop_search()
            # Esc in the prompt restores a filter that stood for something, with its name.
            named = (
                self._named
                if self._named is not None and self._named.text == text
                else ListQuery(self.views.query.period)
            )
            query = replace(self.views.query, text=text, text_name=named.text_name, is_searched=named.is_searched)
            self.views.request(replace(query, is_typing=True))
        parsed = self.views.parsed
        if parsed.invalid_words:
            return invalid_word_line(parsed)
        count = count_words(self.live, self.views, is_wide=self.size.width >= WIDE)
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
        if self.live.session.settings.relay_url is not None and names_queue(query.text):
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
            self._on_environment()
        self._show_texts()

    def _on_environment(self) -> None:
        before, self._environment = self._environment, self.live.session.store.environment
        if before is not None and before != self._environment:
            self.clear_marks()  # they were set on runs of the other environment
            self._drop_search()

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
            self._own_columns.look()

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
        from tui.ui.screens.columns.entrance import open_run_columns  # noqa: PLC0415  loaded when first used

        open_run_columns(self)

    def on_mount(self) -> None:
        self.app_base.part(ChosenColumns).listeners.append(self._show_columns)
        self._show_columns()

    def _show_columns(self) -> None:
        self.show_columns(self.app_base.part(ChosenColumns).shown(self.title))

    def show_columns(self, choices: "tuple[ColumnChoice, ...] | None") -> None:
        """Show chosen columns; None: the program's own."""
        if choices is not None or self._own_columns is not None:
            self.own_columns.show(choices)

    @property
    def own_columns(self) -> "OwnRunColumns":
        """The chosen columns. They are loaded when they are first used."""
        if self._own_columns is None:
            from tui.ui.panes.own_columns import OwnRunColumns  # noqa: PLC0415  not needed before

            session = self.live.session
            say = lambda text: self.app_base.messages.add(session.now(), text)  # noqa: E731
            self._own_columns = OwnRunColumns(session, self.table, self._runs_to_read, self.call_later, say)
        return self._own_columns

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

    def _update_rows(self, changes: Changes) -> None:
        self.table.show_lines(self.rows.on_changes(changes))

    def _recheck_rows(self, changes: Changes) -> None:
        self.table.show_lines(self.rows.on_changes(changes, is_recheck=True))

    def _end_line(self, width: int) -> Line | None:
        if self.views.parsed.invalid_words:
            return None
        return end_line(end_facts(self.live, self.views, self.server_search.progress), width)

    def _empty_lines(self, width: int) -> tuple[Line, ...]:
        return tuple(empty_lines(empty_facts(self.live, self.views), width))

    def _show_views(self) -> None:
        self.rows.set_view(self.views.shown)
        if self._wanted_cursor is not None:
            self.rows.go_to(self._wanted_cursor)
            self._wanted_cursor = None
        self.table.show_failures(only_failures=shows_only_failures(self.views.query))
        self._show_texts()
        self._show_rows()
        call_soon(self, self.on_filtered)
