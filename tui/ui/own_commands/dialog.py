"""The question before a command of one's own."""

from tui.present.own_commands.dialog import WIDTH, WORD, CommandQuestion, command_lines
from tui.ui.input.type_ahead import TypeAhead
from tui.ui.screens.yes_no import YesNoDialog
from tui.ui.widgets.dialog import Dialog


class OwnCommandScreen(YesNoDialog[CommandQuestion]):
    """Asks whether a command may run."""

    word = WORD

    def __init__(self, question: CommandQuestion, type_ahead: TypeAhead) -> None:
        super().__init__(question, type_ahead, Dialog(has_band=True))

    def draw(self) -> None:
        width, height = self.dialog.room(WIDTH)
        self.dialog.show(command_lines(self.question, width, height), width)
