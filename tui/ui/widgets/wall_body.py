"""`WallBody`: the rows of the wall below its header, with a cursor that goes from block to block."""

from collections.abc import Hashable
from typing import Final

from textual.strip import Strip

from tui.present.styled import Piece, Token
from tui.present.wall.blocks import Band, WallPage, WallTarget
from tui.ui.look.styles import Background
from tui.ui.widgets.lines import LineWidget

_BACKGROUNDS: Final = {
    Band.NONE: Background.PAGE,
    Band.FAILING: Background.FAILING,
    Band.AMBER: Background.AMBER,
    Band.NEW: Background.NEW,
}
_NO_PAGE: Final = WallPage(())


class WallBody(LineWidget, can_focus=True):
    """Shows a page. Only rows that differ are repainted. There is no cursor until it is moved."""

    def __init__(self) -> None:
        super().__init__(id="wall")
        self._page = _NO_PAGE
        self._key: Hashable = None
        self._index = 0

    @property
    def page(self) -> WallPage:
        """The page that is shown now."""
        return self._page

    @property
    def target(self) -> WallTarget | None:
        """The row under the cursor, None without a cursor."""
        targets = self._page.targets
        return None if self._key is None or not targets else targets[min(self._index, len(targets) - 1)]

    def show(self, page: WallPage) -> None:
        """Show another page. The cursor stays on its row, or on the row in its place."""
        before, under = self._page, self.target
        self._page = page
        if self._key is not None:
            found = next((index for index, each in enumerate(page.targets) if each.key == self._key), None)
            self._index = min(self._index, max(0, len(page.targets) - 1)) if found is None else found
            target = self.target
            self._key = None if target is None else target.key
        height = max(len(before.rows), len(page.rows))
        differ = {y for y in range(height) if before.rows[y : y + 1] != page.rows[y : y + 1]}
        if under != self.target:
            differ |= {each.y for each in (under, self.target) if each is not None}
        self.refresh_lines(differ)

    def move(self, step: int) -> None:
        """Move the cursor, or show it on the first row."""
        targets = self._page.targets
        if not targets:
            return
        index = 0 if self._key is None else max(0, min(len(targets) - 1, self._index + step))
        self._go(index)

    def go_to(self, key: Hashable) -> None:
        """Put the cursor on the row with a key, if it is shown. None hides it."""
        if key is None:
            under, self._key = self.target, None
            self.refresh_lines({under.y} if under is not None else ())
            return
        found = next((index for index, each in enumerate(self._page.targets) if each.key == key), None)
        if found is not None:
            self._go(found)

    def _go(self, index: int) -> None:
        under = self.target
        self._index, self._key = index, self._page.targets[index].key
        self.refresh_lines({each.y for each in (under, self.target) if each is not None})

    def strip_at(self, y: int) -> Strip:
        width = self.size.width
        if not 0 <= y < len(self._page.rows):
            return self.painter.blank(width)
        row, target = self._page.rows[y], self.target
        strip = self.painter.strip(row.line, width, _BACKGROUNDS[row.band])
        if target is None or target.y != y:
            return strip
        left, right = target.left, min(target.right, width)
        edge: Strip = self.painter.strip((Piece("▌", Token.ACCENT),), 1, Background.CURSOR)
        background = Background.PAGE if self.painter.has_gutter_cursor else Background.CURSOR
        cursor = self.painter.strip((Piece(" "), *row.line), width + 1, background).crop(left + 2, right + 1)
        return Strip.join([strip.crop(0, left), edge, cursor, strip.crop(right, width)])
