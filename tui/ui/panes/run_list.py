"""The pane `runs`: the list of runs, its filter, its order, its marks, and its last line.

Where runs stand is `run_rows`' to say, drawing is `run_table`'s. Module and class are longer than 300 and 200 lines:
the keys and what a pane has to answer are a few lines each.
"""

from dataclasses import replace
from datetime import timedelta
from typing import ClassVar, Final

from textual.binding import BindingType
from textual.message import Message

from tui.domain.environment import Environment
from tui.domain.ids import RunId
from tui.present import formatting
from tui.present.dialogs.filters import window_words
from tui.present.frame.empty import empty_lines
from tui.present.frame.outage import gap_remark
from tui.present.list.end import end_key, end_line
from tui.present.list.filter_remarks import complaint_line
from tui.present.styled import Line, Piece, Token
from tui.store.changes import Changes, Topic
from tui.store.filter import highlighted_texts
from tui.store.missed_runs import Gap, MissedRuns
from tui.store.orders import CREATED, ORDERS, Order
from tui.store.server_filter import ServerFilter
from tui.ui.data.live_model import LiveModel
from tui.ui.data.outages import Outages
from tui.ui.data.server_search import ServerSearch
from tui.ui.input.keys import bind
from tui.ui.model.layout import Placement, Slot
from tui.ui.model.list_facts import count_words, empty_facts, end_facts
from tui.ui.model.list_views import ListViews
from tui.ui.model.run_list import RunListModel
from tui.ui.panes.base import Pane
from tui.ui.widgets.run_table import RunTable

GAP_TOLD_FOR: Final = timedelta(minutes=2)
"""In the rule, where its own line is not seen."""

WIDE: Final = 100
"""From here on a gap is told in full beside the filters."""


MARK_ACTIONS: Final = frozenset({"mark", "mark_range", "mark_all"})
"""Bound only where something may be written: marks are what an action is about."""


class RunHighlighted(Message):
    """The cursor is on another run, or on none: then it may be on the line at the end of the list."""

    def __init__(self, run_id: RunId | None, *, is_list_end: bool = False) -> None:
        super().__init__()
        self.run_id = run_id
        self.is_list_end = is_list_end


class RunListPane(Pane):
    """The list."""

    class Filtered(Message):
        """Other runs are shown, or another number of them."""

    title: ClassVar[str] = "runs"
    placement: ClassVar[Placement] = Placement(Slot.MAIN, has_summary=True)
    search_hint: ClassVar[str] = "any text, or status:failed task:sync-* tag:x -tag:y took:>10s"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("s", "sort", "sort", "Sort by the next column: age, status, task, took, updated, cost.", rank=50, need=46),
        bind("w", "wide", "wide", "Show whole run ids, or more columns."),
        bind("space", "mark", "mark", "Mark the run, or take its mark away.", rank=30, need=44),
        bind("V", "mark_range", "mark range", "Mark everything from the last mark to here."),
        bind("asterisk", "mark_all", "mark all shown", "Mark all runs that are shown; twice takes all marks away."),
    ]

    def __init__(self, live: LiveModel, *, id: str) -> None:  # noqa: A002  Textual's name
        super().__init__(live, id=id)
        self.views = ListViews(live, self._adopt, self._recheck)
        self.rows = RunListModel(live.session.store, self.views.shown)
        self.table = RunTable(live, self.rows)
        self.table.end_line_for, self.table.empty_lines_for = self._end, self._empty
        self.server_search = ServerSearch(live.session, self.views, self._seen_runs, self._see_search)
        self._is_empty = True
        self._filter_token = Token.MUTED
        self._environment: Environment | None = None
        self._missed: dict[Gap, MissedRuns] = {}
        self._outages = Outages(live.session, lambda text: self.app_base.messages.add(live.session.now(), text))

    @property
    def body(self) -> RunTable:
        """The table."""
        return self.table

    @property
    def target(self) -> RunId | None:
        """The run under the cursor; none while the list follows."""
        return self.rows.cursor

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Marks are for what writes: no trace of them where nothing may be written."""
        if action in MARK_ACTIONS:
            return self.live.session.settings.may_write
        return super().check_action(action, parameters)

    def has_use_for(self, action: str) -> bool:
        """What is about the run under the cursor has none while the list follows, and nothing has where it is empty."""
        if action == "enter" and self.rows.is_at_end:
            return end_key(end_facts(self.live, self.views, self.server_search.progress)) is not None
        if action in {"mark", "mark_range"}:
            return self.target is not None
        if action in {"enter", "sort", "mark_all", "error_step", "run_step"}:
            return self.rows.has_runs
        return super().has_use_for(action)

    def word_for(self, action: str, usual: str) -> str:
        """Enter selects the first run while none is selected, and asks the server on the last line."""
        if action == "enter" and self.rows.is_at_end:
            return "search" if self.searched else "read on"
        return "select" if action == "enter" and self.target is None else super().word_for(action, usual)

    def enter(self) -> None:
        """Ask the server for what the list does not show."""
        self.server_search.start()
        self.refresh_bindings()

    @property
    def searched(self) -> str:
        """The filter as it was typed."""
        return self.views.query.text

    def left(self) -> Line:
        """The typed filter, what the server was asked for, the older live runs beside it, and the order."""
        wanted, window = self.views.query, self.live.session.store.window
        order = _ORDER_WORDS.get(wanted.order.id, f"by {wanted.order.title}")
        is_cut = window is not None and window.is_older_cut
        covered = window_words(wanted.filters, wanted.period, self.views.base.older_count, is_cut=is_cut)
        if wanted.is_searched:
            covered += " and older"
        dot = Piece(" · ", Token.MUTED)
        asked, ordered = (dot, Piece(covered, self._filter_token)), (dot, Piece(order, Token.MUTED))
        typed = (dot, Piece(f"/{wanted.text}", Token.TEXT)) if wanted.text else ()
        # The end is cut first: where that happens, the filter that hides runs has to stay.
        return (*typed, *asked, *ordered)

    def right(self) -> Line:
        """How many, of how many, marked, new; or how old all of it is."""
        freshness = self.live.freshness
        if freshness.is_stale and freshness.confirmed_at is not None:
            ago = formatting.duration(self.live.now.at - freshness.confirmed_at)
            return (Piece(f"last confirmed {ago} ago", Token.AMBER),)
        if self.views.parsed.complaints:
            return complaint_line(self.views.parsed)
        line: list[Piece] = [Piece(self._count(), Token.TEXT)]
        for part in (self._marks(), f"{formatting.count(new_count)} new" if (new_count := self.rows.new_count) else ""):
            if part:
                line += [Piece(" · ", Token.MUTED), Piece(part, Token.ACCENT)]
        return (*line, *self._remark())

    def _marks(self) -> str:
        """How many runs are marked, and how many of them the filter hides."""
        rows = self.rows
        hidden = f", {formatting.count(rows.marks.hidden_count)} hidden" if rows.marks.hidden_count else ""
        return f"{formatting.count(len(rows.marks))} marked{hidden}" if len(rows.marks) else ""

    def _remark(self) -> Line:
        """The last gap for a while, where its line is not seen: it has none in this order, or other runs hide it."""
        gap, now = next(reversed(self._missed), None), self.live.now.at
        if gap is None or gap in self.rows.gaps or now - gap.until > GAP_TOLD_FOR:
            return ()
        return (Piece(" · ", Token.MUTED), *gap_remark(gap, self._missed[gap], now, is_short=self.size.width < WIDE))

    def search(self, text: str) -> Line:
        """Show only what matches; the table marks the words."""
        if text != self.searched:
            self.table.highlight(highlighted_texts(text))
            self._forget_search()
            self.views.request(replace(self.views.query, text=text, is_searched=False, is_typing=True))
        parsed = self.views.parsed
        if parsed.complaints:
            return complaint_line(parsed)
        return (Piece(" · ".join(part for part in (parsed.hint, self._count()) if part), Token.MUTED),)

    def end_typing(self) -> None:
        """The filter is as it was meant: a word that is half typed is said now."""
        self.views.end_typing()
        self.show_rule()

    def _forget_search(self) -> None:
        """A search of the server is about one filter in one environment."""
        self.server_search.drop()
        if self.rows.is_at_end:
            self.rows.follow()

    def hit_step(self, step: int) -> None:
        """Everything shown matches: the next one is the next line."""
        if self.searched:
            self.table.step_run(step)

    def error_step(self, step: int) -> bool:
        """To the next failed run."""
        return self.table.to_failed(step)

    def show_chosen(self, chosen: ServerFilter, order: Order, *, is_wide: bool, token: Token = Token.MUTED) -> None:
        """Show what the server's filters leave, in an order. `token` is the colour of the filters in the title."""
        self._filter_token = token
        before = self.views.query
        if (chosen.filters, chosen.period) != (before.filters, before.period):
            self._forget_search()
            before = replace(before, is_searched=False)
        self.views.request(replace(before, filters=chosen.filters, period=chosen.period, order=order))
        if is_wide is not self.table.is_wide:
            self.table.show_wide(is_wide=is_wide)

    def on_changes(self, changes: Changes) -> None:
        """Runs or facts changed."""
        if Topic.RUNS in changes.topics:
            self.views.on_changes(changes)
            self.table.show_lines(self.rows.on_changes(changes))
            self.post_message(self.Filtered())
        if Topic.ACTIONS in changes.topics:
            self.table.show_overlays()
        if Topic.ENVIRONMENT in changes.topics:
            self._see_environment()
        self.show_empty()
        self.show_end()
        self.show_rule()

    def _see_environment(self) -> None:
        """Marks are of one environment: what was chosen there is not meant elsewhere."""
        before, self._environment = self._environment, self.live.session.store.environment
        if before is not None and before != self._environment:
            self.clear_marks()
            self._forget_search()

    def tick(self) -> None:
        """Ages, what an outage kept from us, and once a minute the beginning of the period."""
        if self.live.pause is None and (since := self.views.advance(self.live.now.at)) is not None:
            self.table.show_lines(self.rows.set_since(since))
        if self.live.pause is None:
            now = self.live.now
            self.views.recheck(now.frozen_at or now.at)
        self.table.tick()
        self._outages.record(self.live.freshness_tracker.gap)
        if self.live.pause is None:
            self._missed = self._outages.missed(self.live.now.at)
            self.table.show_gaps(self._missed)
        self.show_empty()
        self.show_end()
        self.show_rule()

    def show_end(self) -> None:
        """Say below the last run what the list does not show."""
        self.table.show_end()

    def _end(self, width: int) -> Line | None:
        if self.views.parsed.complaints:
            return None
        return end_line(end_facts(self.live, self.views, self.server_search.progress), width)

    def show_empty(self) -> None:
        """Say why there is nothing, where there is nothing."""
        if self._is_empty is self.rows.has_runs:
            self._is_empty = not self._is_empty
            self.refresh_bindings()
        self.table.show_empty()

    def on_run_table_moved(self, event: RunTable.Moved) -> None:
        """Tell upwards which run it is now."""
        event.stop()
        self.post_message(RunHighlighted(self.rows.cursor, is_list_end=self.rows.is_at_end))
        self.show_rule()

    def action_sort(self) -> None:
        """The next order."""
        self.sort_by(ORDERS[(ORDERS.index(self.views.query.order) + 1) % len(ORDERS)])

    def sort_by(self, order: Order) -> None:
        """Another order."""
        self.views.request(replace(self.views.query, order=order))
        self._remember_arrangement()

    def action_wide(self) -> None:
        """Whole ids, or more columns."""
        self.table.show_wide(is_wide=not self.table.is_wide)
        self._remember_arrangement()

    def _remember_arrangement(self) -> None:
        self.app_base.subscription.save_arrangement(self.views.query.order.id, is_wide=self.table.is_wide)

    def action_mark(self) -> None:
        """Mark and go on, as in every list with marks."""
        self.rows.toggle_mark()
        self.table.step_run(1)
        self.show_rule()

    def action_mark_range(self) -> None:
        """From the last mark to here."""
        self.rows.mark_range()
        self.table.show_all()
        self.show_rule()

    def action_mark_all(self) -> None:
        """Mark all that is shown, or clear all marks."""
        self.rows.mark_all()
        self.table.show_all()
        self.show_rule()

    def clear_marks(self) -> None:
        """Clear all marks."""
        self.rows.marks.clear()
        self.table.show_all()
        self.show_rule()

    def clear_shown_marks(self) -> None:
        """Clear the marks of the runs that are shown."""
        self.rows.marks.clear_shown()
        self.table.show_all()
        self.show_rule()

    def _count(self) -> str:
        return count_words(self.live, self.views, is_wide=self.size.width >= WIDE)

    def _seen_runs(self) -> list[RunId]:
        return [run_id for _, run_id in self.rows.visible_runs]

    def _see_search(self) -> None:
        """A task of the session tells its progress: it is shown on the app's own turn."""
        self.call_later(self._show_search)

    def _show_search(self) -> None:
        self.show_end()
        self.show_empty()
        self.show_rule()
        self.refresh_bindings()

    def _recheck(self, changes: Changes) -> None:
        self.table.show_lines(self.rows.on_changes(changes))

    def _empty(self, width: int) -> tuple[Line, ...]:
        return tuple(empty_lines(empty_facts(self.live, self.views), width))

    def _adopt(self) -> None:
        self.rows.set_view(self.views.shown)
        self.show_empty()
        self.show_end()
        self.table.show_all()
        self.show_rule()
        self.post_message(self.Filtered())


_ORDER_WORDS: Final = {CREATED.id: "newest first"}
