"""The page that shows one value of a run in full: its payload, its output, or the text of an error."""

from typing import ClassVar

from textual.binding import BindingType

from tui.domain.run import Json, Run
from tui.present.columns import short_id
from tui.present.json.rows import note_of
from tui.present.styled import Line, Piece, Token
from tui.ui.data.live_model import LiveModel
from tui.ui.input.keys import READING_BINDINGS
from tui.ui.screens.page_screen import PageScreen
from tui.ui.widgets.value_view import ValueView


class ValueScreen(PageScreen):
    """Shows a value. `label` is its name in the detail pane."""

    title_word: ClassVar[str] = "value"
    BINDINGS: ClassVar[list[BindingType]] = [*READING_BINDINGS]

    def __init__(self, live: LiveModel, label: str, run: Run, value: Json) -> None:
        super().__init__(live)
        self._label = label
        self._run = run
        self._value = value
        self._note = note_of(value) if isinstance(value, dict | list | str) else ""
        self.view = ValueView(value)
        self.page = self.view

    def action_read_outside(self, reader: str) -> None:
        from tui.ui.outgoing.reading import read_value  # noqa: PLC0415  loaded when first used
        from tui.ui.programs.readers import Reader  # noqa: PLC0415

        read_value(self, self._run.id, self._label, self._value, Reader(reader))

    def left(self) -> Line:
        task = Piece(self._run.fixed.task or "", Token.MUTED)
        return (Piece(f" · {self._label} of ", Token.MUTED), task, Piece("  "), *short_id(self._run.id, Token.FAINT))

    def right(self) -> Line:
        return (Piece(self._note, Token.MUTED),)
