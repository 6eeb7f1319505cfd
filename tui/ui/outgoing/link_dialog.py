"""The dialog with a link: terminals open it by a click, the user can copy it."""

from typing import ClassVar

from rich.style import Style
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.strip import Strip

from tui.present.outgoing.link import WIDTH, link_lines
from tui.ui.input.clipboard import Clipboard
from tui.ui.input.keys import bind
from tui.ui.screens.painted import PaintedDialog
from tui.ui.widgets.dialog import Dialog


class LinkedDialog(Dialog):
    """A dialog in which some lines are a link (OSC 8)."""

    def __init__(self, link: str) -> None:
        super().__init__()
        # One style for all lines: a terminal underlines them together when the pointer is over one.
        self._style = Style(link=link, underline=True)
        self.linked = range(0)
        """The lines of the link."""

    def strip_at(self, y: int) -> Strip:
        strip = super().strip_at(y)
        if self.line_at(y) not in self.linked:
            return strip
        # Only the text: a click on the spaces beside it opens nothing.
        text = strip.text
        begin, end = len(text) - len(text.lstrip(" │|")), len(text.rstrip(" │|"))
        return Strip.join(
            [
                strip.crop(0, begin),
                strip.crop(begin, end).apply_style(self._style),
                strip.crop(end),
            ]
        )


class LinkDialog(PaintedDialog[None]):
    """Shows a link that no browser could open, and why."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "close", "back", "Close the dialog.", id="back"),
        bind("q", "close", "back", "Close the dialog."),
        bind("o", "close", "back", "Close the dialog.", id="browse"),
        bind("y", "copy_link", "copy", "Copy the link."),
    ]

    def __init__(self, link: str, reason: str, clipboard: Clipboard) -> None:
        super().__init__()
        self._link = link
        self._reason = reason
        self._clipboard = clipboard
        self._dialog = LinkedDialog(link)

    def compose(self) -> ComposeResult:
        yield self._dialog

    def on_mount(self) -> None:
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def action_close(self) -> None:
        self.dismiss(None)

    def action_copy_link(self) -> None:
        self.dismiss(None)
        self._clipboard.send("link", self._link)

    def _draw(self) -> None:
        width, _ = self._dialog.room(WIDTH)
        lines, self._dialog.linked = link_lines(self._reason, self._link, width)
        self._dialog.show(lines, width)
