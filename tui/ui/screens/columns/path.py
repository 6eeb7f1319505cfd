"""The dialog with a text field for a column out of metadata, payload or output."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input

from tui.domain.run import Run
from tui.present.dialogs import column_path as say
from tui.present.own_columns.choice import ColumnChoice
from tui.present.styled import Piece, Token
from tui.ui.input.keys import bind
from tui.ui.look.styles import Background
from tui.ui.screens.painted import PaintedDialog
from tui.ui.widgets.dialog import DialogBorder
from tui.ui.widgets.lines import Lines
from tui.ui.widgets.text_input import TextInput


class ColumnPathScreen(PaintedDialog[ColumnChoice | None]):
    """Returns a column, or None. `run` is the selected run, whose value at the path is shown."""

    CSS_PATH = "../../styles/columns.tcss"
    has_text_field: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "leave", "back", "Go back without a column.", id="back"),
        bind("enter", "add", "add", "Add the column.", id="add-typed"),
    ]

    def __init__(self, run: Run | None) -> None:
        super().__init__()
        self._run = run
        self._input = TextInput(placeholder=say.HINT)
        self._title = Lines(Background.DIALOG)
        self._gap = Lines(Background.DIALOG, classes="gap")
        self._mark = Lines(Background.DIALOG, classes="mark")
        self._rest = Lines(Background.DIALOG, classes="rest")

    def compose(self) -> ComposeResult:
        with Vertical(id="column-path", classes="ruled" if self._title.painter.needs_rules else ""):
            yield DialogBorder(classes="left")
            yield DialogBorder(classes="right")
            yield self._title
            with Horizontal():
                yield self._mark
                yield self._input
            yield self._gap
            yield self._rest

    def on_mount(self) -> None:
        self._mark.show([(Piece(" ▌ ", Token.ACCENT),)])
        self.watch(self._input, "value", self._show)
        self._input.focus()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show, self._input.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_add()

    def action_add(self) -> None:
        typed = say.read_typed(self._input.value)
        if typed.choice is not None:
            self.dismiss(typed.choice)

    def action_leave(self) -> None:
        self.dismiss(None)

    def _show(self, text: str) -> None:
        width = self._rest.size.width or say.MIN_WIDTH
        edge = (Piece("─" * width, Token.LINE),) if self._rest.painter.needs_rules else ()
        self._title.show([edge, (Piece("   A column by its path", Token.BRIGHT, is_bold=True),), ()])
        lines = [*say.path_lines(say.read_typed(text), self._run, width), edge]
        self._rest.styles.height = len(lines)
        self._rest.show(lines)
