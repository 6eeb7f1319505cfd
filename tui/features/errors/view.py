"""The panes of the errors view, in the order of their numbers, and their tables."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, ClassVar, Final, NamedTuple, overload

from textual.binding import BindingType

from tui.domain.errors.kinds import Fingerprint
from tui.domain.ids import RunId
from tui.features.actions.words import Overlay
from tui.features.attempts.words import ReadProgress, sentence
from tui.features.columns.data import ChosenColumns
from tui.features.columns.words import ColumnChoice
from tui.features.errors import words
from tui.features.errors.columns import (
    BARS,
    GroupRow,
    SizedGroupColumn,
    group_columns_for,
    group_head,
    group_row,
    own_group_columns_for,
)
from tui.features.errors.data import LiveErrorGroups
from tui.features.errors.error import ErrorLayout
from tui.features.errors.model import GROUP_ORDERS, GroupListModel, own_line
from tui.features.runs.columns import SizedColumn, columns_for, row
from tui.kit.footer import Summary
from tui.kit.keys import bind
from tui.kit.layout import Placement, Slot
from tui.kit.lines import EDGE, GUTTER
from tui.kit.list_panes import ListPane, RowPagePane
from tui.kit.live_model import LiveModel
from tui.kit.page import KeyedRows, Page, PageRow
from tui.kit.pane import PagePane
from tui.kit.selection import RUN, Need
from tui.kit.table import RowTable
from tui.kit.words import rule_parts
from tui.store.changes import Changes, Topic
from tui.store.error_groups import TimeSpan
from tui.text import formatting
from tui.text.blocks import GoToRun, Row, ToggleFold
from tui.text.styled import Line, Piece, Token

# The base of the panes that show an error: its long lines can be wrapped, and its parts folded.


class ErrorPane(PagePane):
    """A page with the error of the selected run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("w", "wrap", "wrap", "Wrap long lines, or cut them.", rank=35, need=38),
    ]

    def __init__(self, live: LiveModel, *, id: str) -> None:  # noqa: A002  Textual's name
        super().__init__(live, id=id)
        self._toggled: frozenset[Hashable] = frozenset()
        self._is_wrapped = True
        self._is_searched = False

    def room(self, width: int) -> ErrorLayout:
        """Return how a page of `width` cells shows an error now."""
        return ErrorLayout(width - EDGE, self._is_wrapped, self._toggled, opens_all=self._is_searched)

    def start_over(self) -> None:
        super().start_over()
        self._toggled = frozenset()

    def on_page_entered(self, event: Page.Entered) -> None:
        if isinstance(event.action, ToggleFold):
            event.stop()
            self._toggled ^= {event.action.key}
            self.rebuild()

    def search(self, text: str) -> Line:
        """Search in folded parts too: a search opens all of them."""
        if bool(text) is not self._is_searched:
            self._is_searched = bool(text)
            self.rebuild()
        return super().search(text)

    def action_wrap(self) -> None:
        self._is_wrapped = not self._is_wrapped
        self.rebuild()


def _nothing(groups: LiveErrorGroups) -> list[PageRow]:
    """Return the rows of a page while no group is selected."""
    text = formatting.LOADING if groups.read.known_count is None else words.NOTHING_SELECTED
    return [PageRow(()), PageRow((Piece(text, Token.MUTED),), "none")]


# The pane `group`: since when, in which versions, how often, and what the failures have in common.


class GroupPane(RowPagePane):
    """The facts of the group under the cursor."""

    title: ClassVar[str] = "group"
    placement: ClassVar[Placement] = Placement(Slot.FIRST)

    def __init__(self, live: LiveModel, groups: LiveErrorGroups) -> None:
        super().__init__(live, groups, id="group")
        self._groups = groups

    @property
    def target(self) -> RunId | None:
        return None

    def rows(self, width: int) -> Sequence[PageRow]:
        facts = self._groups.facts
        if facts is None:
            return _nothing(self._groups)
        return [PageRow(row.line, row.key, row.action) for row in words.group_page(facts, self.live.now, width - EDGE)]

    def right(self) -> Line:
        group = self._groups.list.current
        return () if group is None else (Piece(words.short_fingerprint(group), Token.MUTED),)


# The table of error groups.
#
# `GroupListModel` decides which group is on which row, `features.errors.columns` makes the cells.


class _GroupContent(NamedTuple):
    """What a row is made from. It has no cells where no column shows them. `since` is a time or date, by the present
    day.
    """

    row: GroupRow
    is_bold: bool
    since: str


class GroupTable(RowTable[Fingerprint]):
    """Shows the rows of a `GroupListModel` below a line of column names."""

    def __init__(self, live: LiveModel, rows: Callable[[], GroupListModel]) -> None:
        super().__init__(live)
        self._rows = rows
        self.columns_for: Callable[[int], list[SizedGroupColumn]] = group_columns_for
        """Returns the columns for a width in cells."""
        self.slots: list[SizedGroupColumn] = []
        """The columns that are shown, with their widths."""
        self._has_bars = False
        self.span: TimeSpan | None = None
        self.span_words = ""
        self.has_states = True
        self.is_read = False

    @property
    def rows(self) -> GroupListModel:
        return self._rows()

    def head_line(self) -> Line:
        return group_head(self.slots, self.span_words, has_states=self.has_states)

    def fit_columns(self) -> None:
        self.slots = self.columns_for(self.size.width)
        self._has_bars = any(slot.column.id == BARS.id for slot in self.slots)

    def content_of(self, key: Fingerprint, *, is_bold: bool) -> Hashable | None:
        group, span = self.rows.get(key), self.span
        if group is None:
            return None
        cells = group.counts_in(span) if span is not None and self._has_bars else ()
        newest = self.live.get(group.run_ids[0]) if group.run_ids else None
        since = words.day_words(words.first_known(group), self.now.at)
        return _GroupContent(GroupRow(group, cells, own_line(newest), self.is_read), is_bold, since)

    def line_of(self, content: Hashable) -> Line:
        assert isinstance(content, _GroupContent)
        return group_row(content.row, self.slots, self.now.at, is_current=content.is_bold)


# The pane `errors`: the list of error groups, with its filter, order and span.


class GroupListPane(ListPane):
    """The list of error groups."""

    title: ClassVar[str] = "errors"
    placement: ClassVar[Placement] = Placement(Slot.MAIN, has_summary=True)
    search_hint: ClassVar[str] = "any text: type, message, place, task, version"
    table: GroupTable
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("s", "sort", "sort", "Sort by the next order: new, most, latest, youngest, task.", rank=50, need=46),
        bind("c", "columns", "columns", "Choose the columns, their order and their widths.", rank=78, need=95),
    ]

    def __init__(self, live: LiveModel, groups: LiveErrorGroups) -> None:
        super().__init__(live, groups, GroupTable(live, lambda: groups.list), id="errors")
        self._groups = groups
        self.table.empty_lines_for = self._empty_lines

    def on_mount(self) -> None:
        self.app_base.part(ChosenColumns).listeners.append(self._show_columns)
        self._show_columns()

    def on_unmount(self) -> None:
        self.app_base.part(ChosenColumns).listeners.remove(self._show_columns)

    def _show_columns(self) -> None:
        self.show_columns(self.app_base.part(ChosenColumns).shown(self.title))

    def show_columns(self, choices: tuple[ColumnChoice, ...] | None) -> None:
        """Show chosen columns; None: the program's own."""
        self.table.columns_for = group_columns_for
        if choices is not None:
            self.table.columns_for = lambda width: own_group_columns_for(choices, width)[0]
        self.table.show_columns()

    def action_columns(self) -> None:
        from tui.features.columns.dialog import open_group_columns  # noqa: PLC0415  loaded when first used

        open_group_columns(self)

    def left(self) -> Line:
        order, text = self._groups.query
        return words.groups_left(self._groups.scope_words, order.words, text)

    def spare(self) -> tuple[Line, ...]:
        return (rule_parts(self.left())[-1],)  # the order

    def right(self) -> Line:
        freshness, rows = self.live.freshness, self._groups.list
        if freshness.is_stale and freshness.confirmed_at is not None:
            ago = formatting.duration(self.live.now.at - freshness.confirmed_at, in_minutes=self.live.in_minutes)
            return (Piece(f"last confirmed {ago} ago", Token.AMBER),)
        if pending := self._groups.pending:
            return (Piece(pending, Token.MUTED),)
        return words.groups_right(
            self._groups.read, rows.shown_count, rows.known_count, rows.new_count, self.size.width
        )

    def search(self, text: str) -> Line:
        """Filter the list, and highlight the words."""
        self._groups.filter(text)
        self.table.highlight(text)
        if pending := self._groups.pending:
            return (Piece(pending, Token.MUTED),)
        rows = self._groups.list
        return (Piece(f"{rows.shown_count:,} of {formatting.plural(rows.known_count, 'group')}", Token.MUTED),)

    @property
    def searched(self) -> str:
        return self._groups.query.text

    def error_step(self, step: int) -> bool:
        """Move the cursor to the next (1) or previous (-1) NEW group. Return whether there is one."""
        before = self._groups.list.cursor
        self.table.move_cursor(lambda: self._groups.list.to_new(step))
        return self._groups.list.cursor != before

    def follow_list(self) -> None:
        table, read, words = self.table, self._groups.read, self._groups.span.words
        # The errors of runs that fail now are read within moments: no row says for those that more may be of its group.
        is_followed = table.is_read and table.span_words == words and not (read.failure or read.unreadable_count)
        table.is_read = read.is_complete or is_followed
        table.span, table.span_words = self._groups.time_span, words
        table.has_states = not self._groups.state_problem
        super().follow_list()

    def action_sort(self) -> None:
        self._groups.sort_by(GROUP_ORDERS[(GROUP_ORDERS.index(self._groups.query.order) + 1) % len(GROUP_ORDERS)])

    def _empty_lines(self, width: int) -> tuple[Line, ...]:
        is_filtered = bool(self.searched) and self._groups.list.known_count > 0
        read, span_words, is_stale = self._groups.read, self._groups.span.words, self.live.freshness.is_stale
        return tuple(words.empty_groups_lines(read, span_words, width, is_filtered=is_filtered, is_stale=is_stale))


# The pane `newest failure`: the newest run of the group with its error, the folded stack, payload and tags.


class NewestFailurePane(ErrorPane):
    """The selected run, which is the newest one of the group."""

    title: ClassVar[str] = "newest failure"
    placement: ClassVar[Placement] = Placement(Slot.SECOND)
    needs: ClassVar[tuple[Need[Any], ...]] = (RUN,)

    def __init__(self, live: LiveModel, groups: LiveErrorGroups) -> None:
        super().__init__(live, id="newest-failure")
        self._groups = groups
        self.has_head = True
        """Whether the page names the run. Where the summary is visible, it does."""

    @property
    def is_ticking(self) -> bool:
        return self.selection.state_of(RUN).is_fetching  # a run that has ended stays as it is

    def rows(self, width: int) -> Sequence[PageRow]:
        return [PageRow(row.line, row.key, row.action) for row in self._page_rows(self.room(width))]

    def _page_rows(self, room: ErrorLayout) -> Sequence[Row]:
        selection, run = self.selection, self.run
        fetch, stage = selection.state_of(RUN), self.stage_of(RUN)
        if selection.run_id is None or run is None:
            is_loading = self._groups.read.known_count is None or selection.run_id is not None
            text = fetch.failure or (stage.words if is_loading else words.NOTHING_SELECTED)
            return [Row(()), *sentence(text, room, "none")]
        return words.newest_page(run, ReadProgress(stage, fetch.failure), self.live.now, room, has_head=self.has_head)

    def right(self) -> Line:
        run = self.run
        ended = None if run is None or run.state is None else run.state.finished_at or run.state.updated_at
        return () if ended is None else (Piece(f"{self.live.now.age(ended)} ago", Token.MUTED),)

    def follow_list(self) -> None:
        if self.subject is None:
            self.rebuild()

    def tick(self) -> None:
        super().tick()
        if self.is_shown:
            self.show_rule()


# The pane `runs`: all runs of the group under the cursor, newest first. The keys of actions work on them.


class GroupRunsPane(RowPagePane):
    """The runs of a group as rows of the list of runs."""

    title: ClassVar[str] = "runs"
    placement: ClassVar[Placement] = Placement(Slot.THIRD, has_summary=True)

    def __init__(self, live: LiveModel, groups: LiveErrorGroups) -> None:
        super().__init__(live, groups, id="runs")
        self._groups = groups
        self.overlay: Overlay = lambda _: None
        self._run_ids: Sequence[RunId] = ()
        self._indexes: dict[RunId, int] = {}

    @property
    def target(self) -> RunId | None:
        found = self.page.row
        return found.key if found is not None and isinstance(found.action, GoToRun) else None  # type: ignore[return-value]

    def rows(self, width: int) -> Sequence[PageRow]:
        run_ids = self._groups.run_ids
        if not run_ids:
            return _nothing(self._groups)
        if run_ids is not self._run_ids:
            self._run_ids, self._indexes = run_ids, {}
        return RunRows(self, run_ids, columns_for(width + GUTTER), self._indexes)

    def right(self) -> Line:
        count = len(self._groups.run_ids)
        return (Piece(formatting.plural(count, "run"), Token.MUTED),) if count else ()

    def word_for(self, action: str, usual: str) -> str:
        return "open" if action == "enter" else super().word_for(action, usual)

    def concerns(self, changes: Changes) -> bool:
        return Topic.ACTIONS in changes.topics or bool(changes.changed)


class RunRows(KeyedRows):
    """The rows of runs, made on access: a group may have 10,000 of them."""

    def __init__(
        self, pane: GroupRunsPane, run_ids: Sequence[RunId], slots: list[SizedColumn], indexes: dict[RunId, int]
    ) -> None:
        """`indexes` are filled when a run is searched for; they may be kept as long as the ids are the same."""
        self._run_ids, self._slots, self._indexes = run_ids, slots, indexes
        self._get, self._overlay, self._now = pane.live.get, pane.overlay, pane.live.now

    def __len__(self) -> int:
        return len(self._run_ids)

    @overload
    def __getitem__(self, index: int) -> PageRow: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[PageRow]: ...
    def __getitem__(self, index: int | slice) -> PageRow | Sequence[PageRow]:
        if isinstance(index, slice):
            return [self._row(run_id) for run_id in self._run_ids[index]]
        return self._row(self._run_ids[index])

    def index_of(self, key: Hashable) -> int | None:
        if not self._indexes:
            self._indexes.update((run_id, index) for index, run_id in enumerate(self._run_ids))
        return self._indexes.get(RunId(str(key)))

    def _row(self, run_id: RunId) -> PageRow:
        run = self._get(run_id)
        if run is None:
            return PageRow((Piece("? ", Token.MUTED), Piece(run_id, Token.FAINT)), run_id, GoToRun(run_id))
        return PageRow(row(run, self._slots, self._now, status=self._overlay(run_id)), run_id, GoToRun(run_id))


# The panes of the errors view, in the order of their numbers.


ERROR_PANES: Final = (GroupListPane, GroupPane, NewestFailurePane, GroupRunsPane)
"""The panes of the errors view. The position of a pane is its number, which is the key that leads to it."""


# The two lines about the selected error group, visible where its page is not.


class GroupSummary(Summary):
    """Summarises the group under the cursor and its newest run."""

    needs: ClassVar[tuple[Need[Any], ...]] = (RUN,)

    def __init__(self, live: LiveModel, groups: LiveErrorGroups) -> None:
        super().__init__(live)
        self._groups = groups

    def content(self, width: int) -> tuple[Line, ...]:
        return words.group_summary_lines(self._groups.facts, self.live.now, width)
