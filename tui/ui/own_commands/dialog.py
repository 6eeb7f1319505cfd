"""The dialog before a command of one's own.

As in all dialogs, `y` counts only after the terminal has shown it: a key that was typed before must not run anything.
"""

from dataclasses import replace

from textual import events
from textual.app import ComposeResult

from tui.present.own_commands.dialog import WIDTH, WORD, CommandQuestion, command_lines
from tui.ui.input.type_ahead import FrameVisibility, TypeAhead
from tui.ui.model import layout
from tui.ui.screens.guarded import GuardedDialog
from tui.ui.widgets.dialog import Dialog


class OwnCommandScreen(GuardedDialog):
    """Asks whether a command may run. Returns whether the user agreed."""

    def __init__(self, question: CommandQuestion, type_ahead: TypeAhead) -> None:
        super().__init__(type_ahead)
        self._question = question
        self._dialog = Dialog(has_band=True)

    def compose(self) -> ComposeResult:
        yield self._dialog

    def on_mount(self) -> None:
        self.draw()

    def forget_visibility(self) -> None:
        self._question = replace(self._question, may_answer=False, is_waiting=False)

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        question = self._question
        if event.key == "escape":
            self.dismiss(result=False)
        elif not question.may_answer or layout.is_too_small(*self.size):
            return  # the user must be able to see the question
        elif question.needs_typing:
            self._type(event)
        elif event.key in {"enter", "q"}:
            self.dismiss(result=False)
        elif event.key == "y":
            self.dismiss(result=True)

    def _type(self, event: events.Key) -> None:
        typed = self._question.typed
        if event.key == "enter" and typed:
            self.dismiss(result=typed == WORD)
            return
        if event.key in {"backspace", "ctrl+h", "ctrl+u"}:
            typed = ""
        elif event.character is not None and event.is_printable and len(typed) < len(WORD):
            typed += event.character
        self._question = replace(self._question, typed=typed)
        self.draw()

    def on_visibility(self, visibility: FrameVisibility) -> None:
        is_silent = visibility is FrameVisibility.UNKNOWN
        self._question = replace(
            self._question,
            may_answer=visibility is FrameVisibility.SEEN,
            is_waiting=visibility is FrameVisibility.WAITING,
            needs_typing=is_silent,
        )
        self.draw()
        if is_silent:
            # The field is drawn now: earlier keys do not belong into it.
            self.call_after_refresh(self._accept_typing)

    def _accept_typing(self) -> None:
        self._question = replace(self._question, may_answer=True)

    def draw(self) -> None:
        width, height = self._dialog.room(WIDTH)
        self._dialog.show(command_lines(self._question, width, height), width)
