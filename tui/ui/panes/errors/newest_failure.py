"""The pane `newest failure`: the newest run of the group with its error, the folded stack, payload and tags."""

from collections.abc import Sequence
from typing import Any, ClassVar

from tui.present.actions.row_actions import Row
from tui.present.attempts.page import ReadProgress
from tui.present.attempts.sentence import sentence
from tui.present.errors.groups.newest import newest_page
from tui.present.errors.groups.summary import NOTHING_SELECTED
from tui.present.errors.layout import ErrorLayout
from tui.present.styled import Line, Piece, Token
from tui.ui.data.errors.live_groups import LiveErrorGroups
from tui.ui.data.live_model import LiveModel
from tui.ui.data.needs import RUN
from tui.ui.model.layout import Placement, Slot
from tui.ui.model.page_rows import PageRow
from tui.ui.model.selection import Need
from tui.ui.panes.error_pane import ErrorPane


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
            text = fetch.failure or (stage.words if is_loading else NOTHING_SELECTED)
            return [Row(()), *sentence(text, room, "none")]
        progress = ReadProgress(stage, fetch.failure)
        return newest_page(run, progress, self.live.now, room, has_head=self.has_head)

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
