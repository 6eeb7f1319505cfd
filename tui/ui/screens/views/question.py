"""A question about saved views."""

from typing import Final

from tui.present.dialogs.views import WORD, ViewQuestionFacts, question_lines
from tui.ui.input.type_ahead import TypeAhead
from tui.ui.screens.yes_no import YesNoDialog
from tui.ui.widgets.dialog import Dialog

WIDTH: Final = 60


class ViewQuestion(YesNoDialog[ViewQuestionFacts]):
    """Asks whether a saved view may be replaced or deleted."""

    CSS_PATH = "../../styles/views.tcss"
    word = WORD

    def __init__(self, question: ViewQuestionFacts, type_ahead: TypeAhead) -> None:
        super().__init__(question, type_ahead, Dialog())

    def draw(self) -> None:
        width, _ = self.dialog.room(WIDTH)
        self.dialog.show(question_lines(self.question, width), width)
