"""The line in which something is typed, in the footer's place: a filter, a search.

A mark stands before the text and a remark behind it. What the text means is the pane's.
"""

from collections.abc import Callable
from typing import ClassVar, Final

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from tui.present.styled import Line, Piece, Token, cut, line_width
from tui.ui.input.keys import bind
from tui.ui.widgets.lines import Lines
from tui.ui.widgets.text_input import TextInput

MARGIN: Final = 8
"""Cells beside what is typed that a remark leaves free: the mark, the cursor, space for the next keys."""

Changed = Callable[[str], Line]
"""Hears every text as it is typed; gives a remark about it."""
Closed = Callable[[str, bool], None]
"""Hears the last text, and whether it is to be kept."""


class Prompt(Horizontal):
    """Open while something is typed; each change is told, Enter keeps it, Esc takes it back.

    It tells by calls, not by messages: whatever is typed next must find the filter done and the focus moved.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "cancel", "back", "Leave it as it was."),
        bind("enter,down", "keep", "keep", "Keep it, and go into what it found."),
    ]

    def __init__(self) -> None:
        super().__init__(id="prompt", classes="away")
        self._mark = Lines(id="prompt-mark")
        self._input = TextInput()
        self._remark = Lines(id="prompt-remark")
        self._on_change: Changed = lambda _: ()
        self._on_end: Closed = lambda *_: None
        self._back_to: Widget | None = None

    def compose(self) -> ComposeResult:
        """Mark, input, remark."""
        yield self._mark
        yield self._input
        yield self._remark

    @property
    def is_open(self) -> bool:
        """Whether somebody types."""
        return not self.has_class("away")

    def on_mount(self) -> None:
        """Hear what is typed."""
        self.watch(self._input, "value", self._hear, init=False)

    def open(self, text: str, changed: Changed, closed: Closed, *, hint: str = "") -> None:
        """Take the focus and begin with a text; `hint` stands there while there is none."""
        self._on_change, self._on_end = lambda _: (), closed
        self.remove_class("away")
        self._mark.show([(Piece(" /", Token.ACCENT, is_bold=True),)])
        self._input.placeholder = hint
        self._input.value = text
        self._input.cursor_position = len(text)
        self._on_change = changed
        self._say(())
        self._back_to = self.screen.focused
        # At once: what is typed next is meant for it.
        self.screen.set_focus(self._input)

    def refresh_remark(self) -> None:
        """Bring the remark up to date: what the text finds has changed."""
        self._hear(self._input.value)

    def _hear(self, text: str) -> None:
        if self.is_open:
            self._say(self._on_change(text))

    def _say(self, line: Line) -> None:
        # What is typed has to be seen beside the remark.
        width = self.size.width or self.screen.size.width
        line = cut(line, max(width // 2, width - cell_len(self._input.value) - MARGIN))
        self._remark.styles.width = line_width(line) + 1
        self._remark.show([line])

    def on_input_blurred(self, event: Input.Blurred) -> None:
        """Whoever goes elsewhere meant it."""
        event.stop()
        if self.is_open:
            self._close(is_kept=True)

    def action_keep(self) -> None:
        """Keep it."""
        self._close(is_kept=True)

    def action_cancel(self) -> None:
        """Take it back."""
        self._close(is_kept=False)

    def _close(self, *, is_kept: bool) -> None:
        if not self.is_open:
            return
        self.add_class("away")
        if self.screen.focused is self._input:
            self.screen.set_focus(self._back_to)
        self._on_end(self._input.value, is_kept)
