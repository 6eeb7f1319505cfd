"""`LinePage`: a page on which the cursor stands on rows that Enter opens, and nowhere else."""

from collections.abc import Hashable

from tui.ui.widgets.page import Page, PageLine


class BelowRow(tuple[Hashable]):
    """The key of a row that belongs to the one above it, whose key it holds. The cursor is on both."""

    __slots__ = ()


class LinePage(Page):
    """A page of rows with and without an `action`. Without any row that has one, it scrolls."""

    def on_focus(self) -> None:
        self._repaint_cursor()

    def on_blur(self) -> None:
        self._repaint_cursor()

    def _repaint_cursor(self) -> None:
        self.refresh_lines([y for y in range(self.size.height) if self._line_at(y).is_under_cursor])

    def _line_at(self, y: int) -> PageLine:
        found, index = super()._line_at(y), self._top + y
        row = self.row
        if row is None or row.action is None:
            return found._replace(is_under_cursor=False)
        if 0 <= index < len(self._rows) and self._rows[index].key == BelowRow((row.key,)):
            return found._replace(is_under_cursor=True)
        return found

    def _go(self, index: int) -> None:
        step = 1 if index >= self._cursor else -1
        super()._go(self._stop_from(index, step))

    def _clamp(self) -> None:
        self._cursor = self._stop_from(self._cursor, 1)
        super()._clamp()

    def _stop_from(self, index: int, step: int) -> int:
        """Return the index of the next row with an action in a direction, else of the last one in the other."""
        stops = [each for each, row in enumerate(self._rows) if row.action is not None]
        if not stops:
            return index
        after = [each for each in stops if each >= index]
        before = [each for each in stops if each <= index]
        if step > 0:
            return after[0] if after else before[-1]
        return before[-1] if before else after[0]
