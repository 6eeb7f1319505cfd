"""The palette: a list of commands that is filtered while the user types."""

from collections.abc import Sequence
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.strip import Strip
from textual.widgets import Input

from tui.present.styled import Line, Piece, Token, fit, line_width
from tui.ui.input.commands import Command, matching
from tui.ui.input.keys import bind
from tui.ui.look.styles import Background
from tui.ui.screens.painted import PaintedDialog
from tui.ui.widgets.dialog import DialogBorder
from tui.ui.widgets.lines import Lines, LineWidget
from tui.ui.widgets.text_input import TextInput

MAX_ROWS: Final = 14
_NAME: Final = 20
_EDGES: Final = 4
"""Rows of the dialog besides the commands: an empty one, the input, two empty ones."""


def command_line(command: Command, width: int) -> Line:
    """Return name, sentence and key of a command in exactly `width` cells."""
    key: Line = (Piece(command.key, Token.TEXT, is_bold=True), Piece("  "))
    name = fit((Piece(command.name, Token.TEXT),), _NAME)
    words = fit((Piece(command.sentence, Token.MUTED),), max(0, width - _NAME - 2 - line_width(key) - 2))
    return (*name, Piece("  "), *words, Piece("  "), *key)


class CommandList(LineWidget):
    """The matching commands, with the cursor on the one that Enter runs."""

    class Clicked(Message):
        """A command was clicked."""

    def __init__(self) -> None:
        super().__init__()
        self._commands: Sequence[Command] = ()
        self._cursor = 0
        self._top = 0

    @property
    def chosen(self) -> Command | None:
        """The command under the cursor."""
        return self._commands[self._cursor] if self._commands else None

    def show(self, commands: Sequence[Command]) -> None:
        """Show other commands, and put the cursor on the first."""
        self._commands = commands
        self._cursor = self._top = 0
        self.refresh()

    def move(self, lines: int) -> None:
        """Move the cursor. A step of one line wraps around at the ends."""
        index = self._cursor + lines
        self._go(index % max(1, len(self._commands)) if abs(lines) == 1 else index)

    def to_edge(self, *, is_end: bool) -> None:
        """Move to the last command, or to the first."""
        self._go(len(self._commands) - 1 if is_end else 0)

    def _go(self, index: int) -> None:
        self._cursor = max(0, min(index, len(self._commands) - 1))
        height = max(1, self.size.height)
        self._top = max(self._cursor - height + 1, min(self._top, self._cursor))
        self.refresh()

    def strip_at(self, y: int) -> Strip:
        width, index = self.size.width, self._top + y
        if not self._commands and y == 0:
            return self.painter.strip((Piece("  No such command.", Token.MUTED),), width, Background.DIALOG)
        if index >= len(self._commands):
            return self.painter.blank(width, Background.DIALOG)
        line = command_line(self._commands[index], width - 2)
        if index == self._cursor:
            return self.painter.strip((Piece("▌ ", Token.ACCENT), *line), width, Background.DIALOG_CURSOR)
        return self.painter.strip((Piece("  "), *line), width, Background.DIALOG)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        if self._top + event.y < len(self._commands):
            self._cursor = self._top + event.y
            self.post_message(self.Clicked())


class CommandInput(TextInput):
    """The input line. `G` in an empty line moves to the last command: no command begins with it.

    A binding would take the letter out of a typed text too.
    """

    class EndPressed(Message):
        """`G` was pressed in an empty line."""

    def takes(self, event: events.Key) -> bool:
        """Return whether a printable key is text here."""
        return event.character != "G" or bool(self.value)

    def on_key(self, event: events.Key) -> None:
        if not self.takes(event):
            event.stop()
            event.prevent_default()
            self.post_message(self.EndPressed())


class Frame(LineWidget):
    """The upper and lower edge of the dialog: an empty line, or a rule."""

    def strip_at(self, y: int) -> Strip:  # noqa: ARG002  it has one line
        line: Line = (Piece("─" * self.size.width, Token.LINE),) if self.painter.needs_rules else ()
        return self.painter.strip(line, self.size.width, Background.DIALOG)


class PaletteScreen(PaintedDialog[Command | None]):
    """Returns the chosen command, or None."""

    CSS_PATH = "../styles/palette.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "leave", "back", "Back without a command."),
        bind("enter", "choose", "run", "Run the command under the cursor."),
        bind("down,ctrl+n,tab", "step(1)", "down", "The next command."),
        bind("up,ctrl+p,shift+tab", "step(-1)", "up", "The previous command."),
        bind("pagedown", "step(10)", "page down", "Ten commands on."),
        bind("pageup", "step(-10)", "page up", "Ten commands back."),
        bind("home", "to_edge(False)", "top", "The first command."),
        bind("end", "to_edge(True)", "bottom", "The last command."),
    ]

    def __init__(self, commands: Sequence[Command]) -> None:
        super().__init__()
        self._commands = commands
        self._input = CommandInput()
        self._input.cursor_blink = False
        self._mark = Lines(Background.DIALOG, id="mark")
        self._list = CommandList()
        self._count = Lines(Background.DIALOG, id="count")

    def compose(self) -> ComposeResult:
        with Vertical(id="palette", classes="ruled" if self._list.painter.needs_rules else ""):
            # The left edge needs no border: it is the edge of the terminal.
            yield DialogBorder()
            yield Frame()
            with Horizontal():
                yield self._mark
                yield self._input
                yield self._count
            yield Lines(Background.DIALOG)
            yield self._list
            yield Frame()

    def on_mount(self) -> None:
        self._mark.show([(Piece("  "), Piece(": ", Token.ACCENT, is_bold=True))])
        # Not by message: when Enter follows a letter, the list must already be filtered by that letter.
        self.watch(self._input, "value", self._show)
        self._input.focus()

    def on_resize(self, event: events.Resize) -> None:
        room = event.size.height - _EDGES - 3
        self._list.styles.height = max(1, min(MAX_ROWS, len(self._commands), room))

    def on_key(self, event: events.Key) -> None:
        if event.is_printable and event.character is not None and not self._input.has_focus:
            event.stop()
            if self._input.takes(event):
                self._input.insert_text_at_cursor(event.character)
            else:
                self.action_to_edge(is_end=True)

    def on_command_input_end_pressed(self, event: CommandInput.EndPressed) -> None:
        event.stop()
        self.action_to_edge(is_end=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_choose()

    def on_command_list_clicked(self) -> None:
        self.action_choose()

    def action_step(self, lines: int) -> None:
        self._list.move(lines)

    def action_to_edge(self, is_end: bool) -> None:  # noqa: FBT001  a binding's parameter
        self._list.to_edge(is_end=is_end)

    def action_choose(self) -> None:
        if (command := self._list.chosen) is not None:
            self.dismiss(command)

    def action_leave(self) -> None:
        self.dismiss(None)

    def _show(self, typed: str) -> None:
        found = matching(self._commands, typed)
        self._list.show(found)
        count = (Piece(f"{len(found)} of {len(self._commands)}", Token.FAINT), Piece("  "))
        self._count.styles.width = line_width(count)
        self._count.show([count])
