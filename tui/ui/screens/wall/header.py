"""The header of the wall: no counts, the deployed version, and a bright clock."""

from collections.abc import Callable

from tui.present.frame.header_facts import HeaderFacts
from tui.present.styled import Line
from tui.present.wall.header import wall_header
from tui.store.findings.board import Board
from tui.ui.data.live_model import LiveModel
from tui.ui.widgets.header import Header


class WallHeader(Header):
    """The header over a wall. `board` returns that of the wall."""

    def __init__(self, live: LiveModel, board: Callable[[], Board | None]) -> None:
        super().__init__(live)
        self._board = board

    def line(self, facts: HeaderFacts, *, offline: str) -> Line:
        is_colorless = self.painter.is_colorless
        return wall_header(facts, self._board(), self.size.width, is_colorless=is_colorless, offline=offline)
