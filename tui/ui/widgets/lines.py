"""`LineWidget`, the base of widgets that draw line by line, and the simplest of these widgets.

They bypass Textual's layout and style cache, because `Static.update` would lay out the whole screen. Here a changed
line costs one line. Source: ARCHITECTURE.md.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from tui.present.styled import Line, Piece, Token
from tui.ui.base import AppBase, app_of
from tui.ui.look.painting import Painter
from tui.ui.look.styles import Background

GUTTER: Final = 2
"""Cells at the left of every list and page, for the cursor's edge or a mark, and a space."""

EDGE: Final = 1
"""Empty cells at the right of a page, so that no text touches the next pane."""

WHEEL_LINES: Final = 3


class Backdrop(Widget):
    """A container that shows the background of the page where it has no child.

    Textual's own containers paint and filter all their lines whenever a child changes.
    """

    def render_lines(self, crop: Region) -> list[Strip]:
        return [app_of(self).painter.blank(crop.width)] * crop.height


class LineWidget(Widget):
    """A widget without border, padding and scrollbar. `strip_at` returns each line."""

    @property
    def app_base(self) -> AppBase:
        """The app, with its type."""
        return app_of(self)

    @property
    def painter(self) -> Painter:
        """The painter for this terminal."""
        return self.app_base.painter

    def strip_at(self, y: int) -> Strip:
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        return self.strip_at(y)

    def render_lines(self, crop: Region) -> list[Strip]:
        if crop.x == 0 and crop.width >= self.size.width:
            return [self.strip_at(y) for y in crop.line_range]
        left, right = crop.x, crop.right
        return [self.strip_at(y).crop(left, right) for y in crop.line_range]

    @property
    def size(self) -> Size:
        """The size of the content. Without edges it is that of the widget, which Textual would look up each time."""
        return self.outer_size

    def refresh_line(self, y: int) -> None:
        """Repaint one line."""
        self.refresh_lines((y,))

    def refresh_lines(self, lines: Iterable[int]) -> None:
        """Repaint some lines."""
        width, height = self.size
        if regions := [Region(0, y, width, 1) for y in lines if 0 <= y < height]:
            self.refresh(*regions)


class Lines(LineWidget):
    """A widget that shows a few fixed lines, such as the header."""

    def __init__(
        self,
        background: Background = Background.PAGE,
        *,
        id: str | None = None,  # noqa: A002  Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._background = background
        self._lines: tuple[Line, ...] = ()
        self._is_stale = False

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines that are shown now."""
        return self._lines

    def show(self, lines: Sequence[Line], *, is_stale: bool = False) -> None:
        """Show other lines. Only lines that differ are repainted. `is_stale` mutes the colour of running work."""
        before, self._lines = self._lines, tuple(lines)
        was_stale, self._is_stale = self._is_stale, is_stale
        for y in range(max(len(before), len(self._lines))):
            if is_stale is not was_stale or before[y : y + 1] != self._lines[y : y + 1]:
                self.refresh_line(y)

    def strip_at(self, y: int) -> Strip:
        line = self._lines[y] if 0 <= y < len(self._lines) else ()
        return self.painter.strip(line, self.size.width, self._background, is_stale=self._is_stale)


class Cover(LineWidget):
    """Stands over the lower part of a workspace. Its first line is a rule."""

    def join(self, joint: int | None) -> None:
        """Set the column in which a hairline ends at the rule."""
        raise NotImplementedError


class Hairline(LineWidget):
    """The vertical line between two panes, joined to their rules."""

    def __init__(self) -> None:
        super().__init__(id="hairline")
        self._joints: dict[int, str] = {}

    def join(self, joints: dict[int, str]) -> None:
        """Set the characters of the lines at which rules meet this one."""
        if joints != self._joints:
            self._joints = joints
            self.refresh()

    def strip_at(self, y: int) -> Strip:
        return self.painter.strip((Piece(self._joints.get(y, "│"), Token.LINE),), self.size.width)
