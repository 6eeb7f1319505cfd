"""The whole of one value of a run: its payload, its output, an error's text.

What lives here: its title. Folding and searching are the view's, the parts of the screen `page_screen`'s.
"""

from typing import ClassVar

from tui.domain.run import Json, Run
from tui.present.columns import short_id
from tui.present.json.rows import note_of
from tui.present.styled import Line, Piece, Token
from tui.ui.data.live_model import LiveModel
from tui.ui.screens.page_screen import PageScreen
from tui.ui.widgets.value_view import ValueView


class ValueScreen(PageScreen):
    """Shows a value that is named by its label on the page about a run."""

    title_word: ClassVar[str] = "value"

    def __init__(self, live: LiveModel, label: str, run: Run, value: Json) -> None:
        super().__init__(live)
        self._label = label
        self._run = run
        self._note = note_of(value) if isinstance(value, dict | list | str) else ""
        self.view = ValueView(value)
        self.page = self.view

    def left(self) -> Line:
        """Whose value it is."""
        task = Piece(self._run.fixed.task or "", Token.MUTED)
        return (Piece(f" · {self._label} of ", Token.MUTED), task, Piece("  "), *short_id(self._run.id, Token.FAINT))

    def right(self) -> Line:
        """How much it is."""
        return (Piece(self._note, Token.MUTED),)
