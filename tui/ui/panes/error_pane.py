"""The base of the panes that show an error: its long lines can be wrapped, and its parts folded."""

from collections.abc import Hashable
from typing import ClassVar

from textual.binding import BindingType

from tui.present.actions.row_actions import ToggleFold
from tui.present.errors.layout import ErrorLayout
from tui.present.styled import Line
from tui.ui.data.live_model import LiveModel
from tui.ui.input.keys import bind
from tui.ui.panes.base import PagePane
from tui.ui.widgets.lines import EDGE
from tui.ui.widgets.page import Page


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
