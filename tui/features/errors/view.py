"""The panes of the errors view beside those of every list: the newest failure of a group, and its runs."""

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar

from textual.binding import BindingType

from tui.domain.run import Run, RunId
from tui.features.actions.words import Overlay
from tui.features.attempts.words import ReadProgress, sentence
from tui.features.errors import words
from tui.features.errors.data import LiveErrorGroups
from tui.features.errors.error import ErrorLayout
from tui.features.runs.columns import columns_for, row
from tui.kit.keys import bind
from tui.kit.layout import Placement, Slot
from tui.kit.lines import EDGE, GUTTER
from tui.kit.list_panes import RowPagePane, RowSummary
from tui.kit.live_model import LiveModel
from tui.kit.page import LazyRows, Page, PageRow
from tui.kit.pane import PagePane
from tui.kit.selection import RUN, Need
from tui.store.changes import Changes, Topic
from tui.text import formatting
from tui.text.blocks import GoToRun, Row, ToggleFold
from tui.text.styled import Line, Piece, Token
from tui.text.table import SizedColumn

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


# The pane `newest failure`: the newest run of the group with its error, the folded stack, payload and tags.


class NewestFailurePane(ErrorPane):
    """The selected run, which is the newest one of the group."""

    title = "newest failure"
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
        room, selection, run = self.room(width), self.selection, self.run
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

    title = "runs"
    placement: ClassVar[Placement] = Placement(Slot.THIRD, has_summary=True)

    def __init__(self, live: LiveModel, groups: LiveErrorGroups) -> None:
        super().__init__(live, groups, id="runs")
        self._groups = groups
        self.overlay: Overlay = lambda _: None

    @property
    def target(self) -> RunId | None:
        found = self.page.row
        return found.key if found is not None and isinstance(found.action, GoToRun) else None  # type: ignore[return-value]

    def rows(self, width: int) -> Sequence[PageRow]:
        run_ids = self._groups.run_ids
        return RunRows(self, run_ids, columns_for(width + GUTTER)) if run_ids else super().rows(width)

    def left(self) -> Line:
        return ()

    def right(self) -> Line:
        count = len(self._groups.run_ids)
        return (Piece(formatting.plural(count, "run"), Token.MUTED),) if count else ()

    def word_for(self, action: str, usual: str) -> str:
        return "open" if action == "enter" else super().word_for(action, usual)

    def concerns(self, changes: Changes) -> bool:
        return Topic.ACTIONS in changes.topics or bool(changes.changed)


class RunRows(LazyRows):
    """The rows of runs: a group may have 10,000 of them."""

    def __init__(self, pane: GroupRunsPane, run_ids: Sequence[RunId], slots: list[SizedColumn[Run]]) -> None:
        super().__init__(len(run_ids), ())
        self._run_ids, self._slots = run_ids, slots
        self._get, self._overlay, self._now = pane.live.get, pane.overlay, pane.live.now

    def make(self, index: int) -> PageRow:
        run_id = self._run_ids[index]
        run = self._get(run_id)
        line: Line = (Piece("? ", Token.MUTED), Piece(run_id, Token.FAINT))
        if run is not None:
            line = row(run, self._slots, self._now, status=self._overlay(run_id))
        return PageRow(line, run_id, GoToRun(run_id))

    def index_of(self, key: Hashable) -> int | None:
        return self._run_ids.index(RunId(str(key))) if key in self._run_ids else None


# The two lines about the selected error group, visible where its page is not.


class GroupSummary(RowSummary):
    """Summarises the group under the cursor and its newest run."""

    needs: ClassVar[tuple[Need[Any], ...]] = (RUN,)
