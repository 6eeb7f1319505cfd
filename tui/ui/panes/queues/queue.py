"""The pane `queue`: since when and why the selected queue is blocked, whether it drains, and its last hour."""

from collections.abc import Sequence
from typing import ClassVar

from tui.domain.ids import RunId
from tui.present import formatting
from tui.present.actions.row_actions import GoToRun
from tui.present.queues.page import NOTHING_SELECTED, queue_page
from tui.present.queues.series import cell_words
from tui.present.queues.words import health_glyph
from tui.present.styled import Line, Piece, Token
from tui.store.findings.board import QueueHealth
from tui.ui.data.live_model import LiveModel
from tui.ui.data.queues.live_queues import LiveQueues
from tui.ui.model.layout import Placement, Slot
from tui.ui.model.page_rows import PageRow
from tui.ui.panes.list_panes import RowPagePane
from tui.ui.widgets.lines import EDGE, GUTTER


class QueuePane(RowPagePane):
    """The facts of the queue under the cursor."""

    title: ClassVar[str] = "queue"
    placement: ClassVar[Placement] = Placement(Slot.FIRST)

    def __init__(self, live: LiveModel, queues: LiveQueues) -> None:
        super().__init__(live, queues, id="queue")
        self._queues = queues

    @property
    def target(self) -> RunId | None:
        action = self._row_action
        return action.run_id if isinstance(action, GoToRun) else None

    def rows(self, width: int) -> Sequence[PageRow]:
        facts = self._queues.facts
        if facts is None:
            text = formatting.LOADING if self._is_loading else NOTHING_SELECTED
            return [PageRow(()), PageRow((Piece(text, Token.MUTED),), "none")]
        return [PageRow(row.line, row.key, row.action) for row in queue_page(facts, self.live.now, width - EDGE)]

    @property
    def _is_loading(self) -> bool:
        read = self._queues.read
        return read.read_at is None and not read.refusal and not read.failure

    def left(self) -> Line:
        row = self._queues.list.current
        if row is None:
            return ()
        glyph = () if row.health in {QueueHealth.FINE, QueueHealth.BUSY} else (health_glyph(row.health), Piece(" "))
        return (Piece(" · ", Token.MUTED), *glyph, Piece(row.name, Token.TEXT))

    def right(self) -> Line:
        facts = self._queues.facts
        words = "" if facts is None else cell_words(facts, self.size.width - GUTTER - EDGE)
        return (Piece(words, Token.MUTED),) if words else ()
