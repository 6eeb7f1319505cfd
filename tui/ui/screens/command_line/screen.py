"""The dialog of the command line: the field, and the box below it."""

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.strip import Strip
from textual.widgets import Input

from tui.present.command_line.box import BoxLine, box_lines, visible_top
from tui.present.frame.footer import KeyWord, footer_line
from tui.present.key_words import key_of
from tui.present.styled import Line, Piece, Token, line_width
from tui.ui.input.keys import bind
from tui.ui.look.styles import Background
from tui.ui.model.command_line.model import CommandLine, Execution
from tui.ui.screens.painted import PaintedDialog
from tui.ui.widgets.dialog import DialogBorder
from tui.ui.widgets.lines import Lines, LineWidget
from tui.ui.widgets.text_input import TextInput

_FIELD_ROWS: Final = 3
"""The field, and an empty row above and below it."""

_OUTSIDE_ROWS: Final = 3
"""The rows above the dialog, and the keys below it."""

_LOADING_S: Final = 0.1
"""The first frame waits this long for the history."""


def _key_words() -> list[KeyWord]:
    choose = " ".join(filter(None, (key_of("previous-command", "↑"), key_of("next-command", "↓"))))
    words = [
        KeyWord("Enter", "take it", 1),
        KeyWord(key_of("take-completion", "Tab"), "complete", 2),
        KeyWord(choose, "choose", 3),
        KeyWord(key_of("search-history", "ctrl-r"), "history", 4),
        KeyWord("Esc", "leave", 0),
    ]
    return [word for word in words if word.key]


class CommandBox(LineWidget):
    """The lines below the field."""

    class Clicked(Message):
        """A line that can be chosen was clicked."""

        def __init__(self, row: int) -> None:
            super().__init__()
            self.row = row

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[BoxLine] = []

    def show(self, lines: list[BoxLine]) -> None:
        """Show other lines. Only lines that differ are repainted."""
        before, self._lines = self._lines, lines
        if len(before) != len(lines):
            self.styles.height = len(lines)
        self.refresh_lines(y for y in range(len(lines)) if before[y : y + 1] != lines[y : y + 1])

    def strip_at(self, y: int) -> Strip:
        if y >= len(self._lines):
            return self.painter.blank(self.size.width, Background.DIALOG)
        line, _, is_cursor = self._lines[y]
        return self.painter.strip(line, self.size.width, Background.DIALOG_CURSOR if is_cursor else Background.DIALOG)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        if event.y < len(self._lines) and (row := self._lines[event.y].row) is not None:
            self.post_message(self.Clicked(row))


class CommandField(TextInput):
    """The field. The completion stands faint behind the cursor; → at the end takes it.

    `G` in an empty line goes to the last command: no command begins with it. A binding would take the letter out of a
    typed text too.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            replace(each, key=f"{each.key},ctrl+{letter}")
            for letter, action in (("f", "cursor_right"), ("b", "cursor_left"))
            for each in TextInput.BINDINGS
            if isinstance(each, Binding) and each.action == action
        ),
    ]

    class EndPressed(Message):
        """`G` was pressed in an empty line."""

    def suggest(self, text: str) -> None:
        """Show the rest of a text behind the cursor, if the cursor is at the end of what is typed."""
        # Textual's own suggestions are found by a worker, in another frame.
        self._suggestion = text

    def takes(self, event: events.Key) -> bool:
        """Return whether a printable key is text here."""
        return event.character != "G" or bool(self.value)

    def on_key(self, event: events.Key) -> None:
        if not self.takes(event):
            event.stop()
            event.prevent_default()
            self.post_message(self.EndPressed())


class Edge(LineWidget):
    """The upper and lower edge of the dialog: an empty line, or a rule."""

    def strip_at(self, y: int) -> Strip:  # noqa: ARG002  it has one line
        line: Line = (Piece("─" * self.size.width, Token.LINE),) if self.painter.needs_rules else ()
        return self.painter.strip(line, self.size.width, Background.DIALOG)


class CommandLineScreen(PaintedDialog[Execution | None]):
    """Returns what Enter runs, or None. `is_loading` says whether the history is still being read."""

    CSS_PATH = "../../styles/command_line.tcss"
    has_text_field: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "leave", "back", "Go back without a command.", id="back"),
        bind("enter", "choose", "take it", "Run the line, with the choice under the cursor.", id="run-command"),
        bind("tab", "complete", "complete", "Take the completion into the line.", id="take-completion"),
        bind("down,ctrl+n", "step(1)", "down", "The next line.", id="next-command"),
        bind("up,ctrl+p,shift+tab", "step(-1)", "up", "The previous line.", id="previous-command"),
        bind("pagedown", "step(10)", "page down", "Ten lines on.", id="commands-down"),
        bind("pageup", "step(-10)", "page up", "Ten lines back.", id="commands-up"),
        bind("home", "to_edge(False)", "top", "Go to the first line, while nothing is typed.", id="first-command"),
        bind("end", "to_edge(True)", "bottom", "Go to the last line, while nothing is typed.", id="last-command"),
        bind("ctrl+r", "search_history", "history", "Search the commands that were run before."),
    ]

    def __init__(self, model: CommandLine, is_loading: Callable[[], bool]) -> None:
        super().__init__()
        self._model = model
        self._is_loading = is_loading
        self._input = CommandField()
        self._mark = Lines(Background.DIALOG, id="mark")
        self._box = CommandBox()
        self._count = Lines(Background.DIALOG, id="count")
        self._keys = Lines(id="command-keys")
        self._top = self._height = 0
        self._opened_s = 0.0

    @property
    def model(self) -> CommandLine:
        """What is typed and chosen."""
        return self._model

    @property
    def is_preparing(self) -> bool:
        clock_s = self._box.app_base.session.clock.monotonic_s()
        return self._is_loading() and clock_s - self._opened_s < _LOADING_S

    def compose(self) -> ComposeResult:
        with Vertical(id="command-line", classes="ruled" if self._box.painter.needs_rules else ""):
            # The left edge needs no border: it is the edge of the terminal.
            yield DialogBorder()
            yield Edge()
            with Horizontal():
                yield self._mark
                yield self._input
                yield self._count
            yield Lines(Background.DIALOG)
            yield self._box
            if self._box.painter.needs_rules:
                yield Edge()
        yield self._keys

    def on_mount(self) -> None:
        self._opened_s = self._box.app_base.session.clock.monotonic_s()
        self._mark.show([(Piece("  "), Piece(": ", Token.ACCENT, is_bold=True))])
        # Not by message: when Enter follows a letter, the box must already show what fits that letter.
        self.watch(self._input, "value", self._on_typed, init=False)
        self._input.focus()
        self._show()

    def on_resize(self) -> None:
        self._show()

    def on_key(self, event: events.Key) -> None:
        if event.is_printable and event.character is not None and not self._input.has_focus:
            event.stop()
            if self._input.takes(event):
                self._input.insert_text_at_cursor(event.character)
            else:
                self.action_to_edge(is_end=True)

    def on_command_field_end_pressed(self, event: CommandField.EndPressed) -> None:
        event.stop()
        self.action_to_edge(is_end=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()

    def on_command_box_clicked(self, event: CommandBox.Clicked) -> None:
        event.stop()
        self._model.go_to(event.row)
        self.action_choose()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "to_edge":
            return not self._input.value  # else the keys move in the text
        return super().check_action(action, parameters)

    def action_step(self, lines: int) -> None:
        self._model.move(lines)
        self._show()

    def action_to_edge(self, is_end: bool) -> None:  # noqa: FBT001  a binding's parameter
        self._model.go_to(-1 if is_end else 0)
        self._show()

    def action_complete(self) -> None:
        if (text := self._model.completed()) is not None:
            self._type(text)

    def action_search_history(self) -> None:
        self._model.search_history()
        self._show()

    def action_choose(self) -> None:
        found = self._model.enter()
        if isinstance(found, str):
            self._type(found)
        elif found is not None:
            self.dismiss(found)

    def action_leave(self) -> None:
        if self._model.end_search():
            self._show()
        else:
            self.dismiss(None)

    def update(self) -> None:
        """Show what was counted or read since the last key."""
        if self.is_attached:
            self._model.update()
            self._show()

    def _type(self, text: str) -> None:
        self._model.is_searching = False
        if self._input.value == text:
            self._on_typed(text)
        self._input.value = text
        self._input.cursor_position = len(text)

    def _on_typed(self, text: str) -> None:
        self._model.type(text)
        self._top = 0
        self._show()

    def _show(self) -> None:
        width, height = self.size.width, self.size.height
        if not width:
            return
        content = self._model.content()
        room = max(1, height - _OUTSIDE_ROWS - _FIELD_ROWS - self._box.painter.needs_rules)
        self._top = visible_top(content.cursor, self._top, len(content.rows))
        now = self._box.app_base.session.local_now()
        box_width = self._box.size.width or min(width, 84)
        lines = box_lines(content, box_width, room, top=self._top, now=now)
        # The box gets no smaller while the user types: what it covered would have to be sent again and again.
        self._height = len(lines) if self._model.is_link else min(room, max(self._height, len(lines)))
        self._box.show([*lines, *[BoxLine(())] * (self._height - len(lines))])
        self._input.suggest(self._model.suggestion)
        count: Line = (Piece("  "), Piece(self._model.words, Token.FAINT), Piece("  "))
        self._count.styles.width = line_width(count)
        self._count.show([count])
        self._keys.show([footer_line(_key_words(), None, (), width)])
