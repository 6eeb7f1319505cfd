"""The pane `group`: since when, in which versions, how often, and what the failures have in common."""

from collections.abc import Sequence
from typing import ClassVar

from tui.domain.ids import RunId
from tui.present import formatting
from tui.present.errors.groups.page import group_page
from tui.present.errors.groups.summary import NOTHING_SELECTED
from tui.present.errors.groups.words import short_fingerprint
from tui.present.styled import Line, Piece, Token
from tui.ui.data.errors.live_groups import LiveErrorGroups
from tui.ui.data.live_model import LiveModel
from tui.ui.model.layout import Placement, Slot
from tui.ui.model.page_rows import PageRow
from tui.ui.panes.list_panes import RowPagePane
from tui.ui.widgets.lines import EDGE


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
            text = formatting.LOADING if self._groups.read.known_count is None else NOTHING_SELECTED
            return [PageRow(()), PageRow((Piece(text, Token.MUTED),), "none")]
        return [PageRow(row.line, row.key, row.action) for row in group_page(facts, self.live.now, width - EDGE)]

    def right(self) -> Line:
        group = self._groups.list.current
        return () if group is None else (Piece(short_fingerprint(group), Token.MUTED),)
