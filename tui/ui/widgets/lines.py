"""Widgets that are drawn line by line, past Textual's style cache.

What lives here: the base of all that is drawn here, and the simplest of them. Source: DESIGN §9, `Static.update` lays
out the whole screen, a line costs nothing but itself.
"""

from collections.abc import Sequence
from typing import Final

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tui.present.styled import Line, Piece, Token
from tui.ui.base import AppBase, app_of
from tui.ui.look.painting import Ground, Painter

GUTTER: Final = 2
"""Cells on the left of every list and page: the cursor's edge or a mark, and a space."""

EDGE: Final = 1
"""Cells that stay empty at the right of a page, so that no text runs into its neighbour."""

WHEEL_LINES: Final = 3


class LineWidget(Widget):
    """A widget whose every line is a strip that `strip_at` gives. It has no border, padding or scrollbar."""

    @property
    def app_base(self) -> AppBase:
        """The app, as what it is."""
        return app_of(self)

    @property
    def painter(self) -> Painter:
        """What turns lines into strips for this terminal."""
        return self.app_base.painter

    def strip_at(self, y: int) -> Strip:
        """The strip of a line, as wide as the widget."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """One line, for whoever asks Textual's way."""
        return self.strip_at(y)

    def render_lines(self, crop: Region) -> list[Strip]:
        """What the compositor asks for."""
        if crop.x == 0 and crop.width >= self.size.width:
            return [self.strip_at(y) for y in crop.line_range]
        left, right = crop.x, crop.right
        return [self.strip_at(y).crop(left, right) for y in crop.line_range]

    def refresh_line(self, y: int) -> None:
        """Paint one line anew."""
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))


class Lines(LineWidget):
    """A few lines that stand still: the header, the strip about the selected run, the inside of a dialog."""

    def __init__(self, ground: Ground = Ground.PAGE, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._ground = ground
        self._lines: tuple[Line, ...] = ()
        self._is_stale = False

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is shown now."""
        return self._lines

    def show(self, lines: Sequence[Line], *, is_stale: bool = False) -> None:
        """Show other lines; only those that differ are painted. `is_stale` takes the life out of what moves."""
        before, self._lines = self._lines, tuple(lines)
        was_stale, self._is_stale = self._is_stale, is_stale
        for y in range(max(len(before), len(self._lines))):
            if is_stale is not was_stale or before[y : y + 1] != self._lines[y : y + 1]:
                self.refresh_line(y)

    def strip_at(self, y: int) -> Strip:
        """The strip of a line."""
        line = self._lines[y] if 0 <= y < len(self._lines) else ()
        return self.painter.strip(line, self.size.width, self._ground, is_stale=self._is_stale)


class Hairline(LineWidget):
    """The column between panes that stand side by side, joined to their rules."""

    def __init__(self) -> None:
        super().__init__(id="hairline")
        self._joints: dict[int, str] = {}

    def join(self, joints: dict[int, str]) -> None:
        """Say at which lines rules meet it."""
        if joints != self._joints:
            self._joints = joints
            self.refresh()

    def strip_at(self, y: int) -> Strip:
        """One cell."""
        return self.painter.strip((Piece(self._joints.get(y, "│"), Token.LINE),), self.size.width)
