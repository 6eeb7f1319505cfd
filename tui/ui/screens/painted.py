"""`PaintedScreen`, the base of all screens: it repaints only lines that have changed."""

from typing import Any, TypeVar

from textual.screen import ModalScreen, Screen

from tui.ui.look.compositor import LineCompositor

ResultT = TypeVar("ResultT")


class PaintedScreen(Screen[ResultT]):
    """A screen that composes itself line by line."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._compositor = LineCompositor()


# In this order: Textual takes the styles of the first base alone.
class PaintedDialog(ModalScreen[ResultT], PaintedScreen[ResultT]):
    """The same for a dialog, which leaves the screen below it visible."""
