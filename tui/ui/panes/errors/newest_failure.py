"""The pane `newest failure`: the newest run of the group with its error, the folded stack, payload and tags."""

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar

from textual.binding import BindingType

from tui.present.actions.row_actions import Row, ToggleFold
from tui.present.attempts.page import ReadProgress
from tui.present.attempts.sentence import sentence
from tui.present.errors.groups.newest import newest_page
from tui.present.errors.groups.summary import NOTHING_SELECTED
from tui.present.errors.layout import ErrorLayout
from tui.present.styled import Line, Piece, Token
from tui.store.changes import Changes
from tui.ui.data.errors.live_groups import LiveErrorGroups
from tui.ui.data.live_model import LiveModel
from tui.ui.data.needs import RUN
from tui.ui.input.keys import bind
from tui.ui.model.layout import Placement, Slot
from tui.ui.model.page_rows import PageRow
from tui.ui.model.selection import Need
from tui.ui.panes.base import PagePane
from tui.ui.panes.errors.group_page_pane import GroupPagePane
from tui.ui.widgets.lines import EDGE
from tui.ui.widgets.page import Page


class NewestFailurePane(GroupPagePane):
    """The selected run, which is the newest one of the group."""

    title: ClassVar[str] = "newest failure"
    placement: ClassVar[Placement] = Placement(Slot.SECOND)
    needs: ClassVar[tuple[Need[Any], ...]] = (RUN,)
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("w", "wrap", "wrap", "Wrap long lines, or cut them.", rank=35, need=38),
    ]

    def __init__(self, live: LiveModel, groups: LiveErrorGroups) -> None:
        super().__init__(live, groups, id="newest-failure")
        self._toggled: frozenset[Hashable] = frozenset()
        self._is_wrapped = True
        self._is_searched = False
        self.has_head = True
        """Whether the page names the run. Where the summary is visible, it does."""

    @property
    def subject(self) -> Hashable:
        return self.selection.run_id

    @property
    def is_ticking(self) -> bool:
        return self.selection.state_of(RUN).is_fetching  # a run that has ended stays as it is

    def rows(self, width: int) -> Sequence[PageRow]:
        room = ErrorLayout(width - EDGE, self._is_wrapped, self._toggled, opens_all=self._is_searched)
        return [PageRow(row.line, row.key, row.action) for row in self._page_rows(room)]

    def _page_rows(self, room: ErrorLayout) -> Sequence[Row]:
        selection, run = self.selection, self.run
        fetch, stage = selection.state_of(RUN), self.stage_of(RUN)
        if selection.run_id is None or run is None:
            is_loading = self.groups.read.known_count is None or selection.run_id is not None
            text = fetch.failure or (stage.words if is_loading else NOTHING_SELECTED)
            return [Row(()), *sentence(text, room, "none")]
        progress = ReadProgress(stage, fetch.failure)
        return newest_page(run, progress, self.live.now, room, has_head=self.has_head)

    def right(self) -> Line:
        run = self.run
        ended = None if run is None or run.state is None else run.state.finished_at or run.state.updated_at
        return () if ended is None else (Piece(f"{self.live.now.age(ended)} ago", Token.MUTED),)

    def concerns(self, changes: Changes) -> bool:
        return PagePane.concerns(self, changes)

    def show(self) -> None:
        if self.subject is None:
            self.rebuild()

    def tick(self) -> None:
        super().tick()
        if self.is_shown:
            self.show_rule()

    def start_over(self) -> None:
        super().start_over()
        self._toggled = frozenset()

    def on_page_entered(self, event: Page.Entered) -> None:
        match event.action:
            case ToggleFold(key):
                event.stop()
                self._toggled ^= {key}
                self.rebuild()
            case _:
                pass

    def search(self, text: str) -> Line:
        """Search in folded parts too: a search opens all of them."""
        if bool(text) is not self._is_searched:
            self._is_searched = bool(text)
            self.rebuild()
        return super().search(text)

    def action_wrap(self) -> None:
        self._is_wrapped = not self._is_wrapped
        self.rebuild()
