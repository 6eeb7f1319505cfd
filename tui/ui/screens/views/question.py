"""A question about saved views: `y` answers it, everything else leaves all as it is."""

from dataclasses import replace
from typing import Final

from textual import events
from textual.app import ComposeResult

from tui.present.dialogs.views import WORD, ViewQuestionFacts, question_lines
from tui.ui.input.type_ahead import FrameVisibility, TypeAhead
from tui.ui.model import layout
from tui.ui.screens.guarded import GuardedDialog
from tui.ui.widgets.dialog import Dialog

WIDTH: Final = 60


class ViewQuestion(GuardedDialog):
    """Returns whether the user agreed after the terminal had shown the question."""

    CSS_PATH = "../../styles/views.tcss"

    def __init__(self, facts: ViewQuestionFacts, type_ahead: TypeAhead) -> None:
        super().__init__(type_ahead)
        self._facts = facts
        self._dialog = Dialog()

    def compose(self) -> ComposeResult:
        yield self._dialog

    def on_mount(self) -> None:
        self.draw()

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        facts = self._facts
        if event.key == "escape":
            self.dismiss(result=False)
        elif facts.needs_typing:
            self._type(event)
        elif event.key in {"enter", "q"}:
            self.dismiss(result=False)
        elif event.key == "y" and facts.may_answer and not layout.is_too_small(*self.size):
            self.dismiss(result=True)

    def on_visibility(self, visibility: FrameVisibility) -> None:
        is_silent = visibility is FrameVisibility.UNKNOWN
        self._facts = replace(
            self._facts,
            may_answer=visibility is FrameVisibility.SEEN,
            is_waiting=visibility is FrameVisibility.WAITING,
            needs_typing=is_silent,
        )
        self.draw()
        if is_silent:
            # The field is drawn now: earlier keys do not belong into it.
            self.call_after_refresh(self._accept_typing)

    def forget_visibility(self) -> None:
        self._facts = replace(self._facts, may_answer=False, is_waiting=False)

    def draw(self) -> None:
        width, _ = self._dialog.room(WIDTH)
        self._dialog.show(question_lines(self._facts, width), width)

    def _accept_typing(self) -> None:
        self._facts = replace(self._facts, may_answer=True)

    def _type(self, event: events.Key) -> None:
        typed = self._facts.typed
        if not self._facts.may_answer or layout.is_too_small(*self.size):
            return
        if event.key == "enter" and typed:
            self.dismiss(result=typed == WORD)
            return
        if event.key in {"backspace", "ctrl+h", "ctrl+u"}:
            typed = ""
        elif event.character is not None and event.is_printable and len(typed) < len(WORD):
            typed += event.character
        self._facts = replace(self._facts, typed=typed)
        self.draw()
