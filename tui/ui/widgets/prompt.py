"""The input line for a filter or a search, in the place of the footer. A remark stands behind the text."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final

from rich.cells import cell_len
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from tui.present.styled import Line, Piece, Token, cut, line_width
from tui.ui.input.keys import bind
from tui.ui.widgets.lines import Lines

if TYPE_CHECKING:
    from textual.widgets import Input

    from tui.ui.widgets.text_input import TextInput

MARGIN: Final = 8
"""Cells beside the text that the remark leaves free, for the mark, the cursor and the next keys."""

GAP: Final = "  "
"""Stands between a long text and the remark."""

OnChange = Callable[[str], Line]
"""Called with the text after each change. Returns a remark about it."""
OnClose = Callable[[str, bool], None]
"""Called with the last text, and whether the user keeps it."""


class Prompt(Horizontal):
    """Calls `OnChange` for each change, and `OnClose` on Enter, on Esc and when it loses the focus.

    It uses callbacks instead of messages: the filter and the focus must have changed before the next key is handled.
    Its parts are made when it is first opened.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "cancel", "back", "Discard the change.", id="back"),
        bind("enter,down", "keep", "keep", "Keep the text and go to the results.", id="keep-text"),
    ]

    def __init__(self) -> None:
        super().__init__(id="prompt", classes="away")
        self._mark = Lines(id="prompt-mark")
        self._input: TextInput | None = None
        self._remark = Lines(id="prompt-remark")
        self._on_change: OnChange = lambda _: ()
        self._on_close: OnClose = lambda *_: None
        self._back_to: Widget | None = None

    @property
    def is_open(self) -> bool:
        """Whether the prompt is shown."""
        return not self.has_class("away")

    async def _made_input(self) -> "TextInput":
        if self._input is None:
            from tui.ui.widgets.text_input import TextInput  # noqa: PLC0415  loaded when first used

            self._input = TextInput()
            await self.mount(self._mark, self._input, self._remark)
            self.watch(self._input, "value", self._on_text, init=False)
        return self._input

    async def open(self, text: str, on_change: OnChange, on_close: OnClose, *, hint: str = "") -> None:
        """Show the prompt with a text and focus it. `hint` is shown while the text is empty."""
        field = await self._made_input()
        self._on_change, self._on_close = lambda _: (), on_close
        self.remove_class("away")
        self._mark.show([(Piece(" /", Token.ACCENT, is_bold=True),)])
        field.placeholder = hint
        field.value = text
        field.cursor_position = len(text)
        self._on_change = on_change
        self._show_remark(())
        self._back_to = self.screen.focused
        # At once, so that the next key goes to the input.
        self.screen.set_focus(field)

    @property
    def _text(self) -> str:
        return "" if self._input is None else self._input.value

    def refresh_remark(self) -> None:
        """Update the remark, after the results of the text have changed."""
        self._on_text(self._text)

    def _on_text(self, text: str) -> None:
        if self.is_open:
            self._show_remark(self._on_change(text))

    def _show_remark(self, line: Line) -> None:
        # The text must stay visible beside the remark.
        width = self.size.width or self.screen.size.width
        line = cut((Piece(GAP), *line), max(width // 2, width - cell_len(self._text) - MARGIN)) if line else ()
        self._remark.styles.width = line_width(line) + 1
        self._remark.show([line])

    def on_input_blurred(self, event: "Input.Blurred") -> None:
        event.stop()
        # Moving the focus away keeps the text.
        if self.is_open:
            self._close(is_kept=True)

    def action_keep(self) -> None:
        self._close(is_kept=True)

    def action_cancel(self) -> None:
        self._close(is_kept=False)

    def _close(self, *, is_kept: bool) -> None:
        if not self.is_open:
            return
        self.add_class("away")
        if self.screen.focused is self._input:
            self.screen.set_focus(self._back_to)
        self._on_close(self._text, is_kept)
