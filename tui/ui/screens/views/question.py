"""A question about saved views: `y` answers it, everything else leaves all as it is."""

from collections.abc import Sequence
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType

from tui.present.dialogs.views import question_lines
from tui.ui.input.keys import bind
from tui.ui.screens.painted import PaintedDialog
from tui.ui.widgets.dialog import Dialog

WIDTH: Final = 60


class ViewQuestion(PaintedDialog[bool]):
    """Returns whether the user pressed `y`. `answer` says what it does."""

    CSS_PATH = "../../styles/views.tcss"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "leave", "back", "Leave everything as it is.", id="back"),
        bind("enter,q", "leave", "back", "Leave everything as it is.", id="refuse"),
        bind("y", "confirm", "yes", "Do it."),
    ]

    def __init__(self, question: str, sentences: Sequence[str], answer: str) -> None:
        super().__init__()
        self._words = (question, sentences, answer)
        self._dialog = Dialog()

    def compose(self) -> ComposeResult:
        yield self._dialog

    def on_mount(self) -> None:
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def on_key(self, event: events.Key) -> None:
        event.stop()

    def action_leave(self) -> None:
        self.dismiss(result=False)

    def action_confirm(self) -> None:
        self.dismiss(result=True)

    def _draw(self) -> None:
        width, _ = self._dialog.room(WIDTH)
        self._dialog.show(question_lines(*self._words, width), width)
