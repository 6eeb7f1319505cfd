"""A question that `y` answers, such as the one before a command of one's own. Any other answer changes nothing."""

from dataclasses import replace
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from textual import events
from textual.app import ComposeResult

from tui.ui.input.type_ahead import FrameVisibility, TypeAhead
from tui.ui.screens.guarded import GuardedDialog
from tui.ui.widgets.dialog import Dialog


class AskedQuestion(Protocol):
    """A question as a dataclass: whether it may be answered, is not shown yet, has to be answered by a word."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def may_answer(self) -> bool:
        """Whether `y` has an effect."""

    @property
    def needs_typing(self) -> bool:
        """Whether the terminal never tells that it shows the dialog."""

    @property
    def typed(self) -> str:
        """The typed part of the word."""


Q = TypeVar("Q", bound=AskedQuestion)


class YesNoDialog(GuardedDialog, Generic[Q]):
    """Returns whether the user agreed after the terminal had shown the question. Subclasses draw it.

    Where the terminal never tells that it has shown it, the user types `word` instead of `y`.
    """

    word: ClassVar[str]

    def __init__(self, question: Q, type_ahead: TypeAhead, dialog: Dialog) -> None:
        super().__init__(type_ahead)
        self.question: Q = question
        self.dialog = dialog

    def compose(self) -> ComposeResult:
        yield self.dialog

    def on_mount(self) -> None:
        self.draw()

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if event.key == "escape":
            self.dismiss(result=False)
        elif not self.question.may_answer or self.is_pasted:
            return
        elif self.question.needs_typing:
            self._type(event)
        elif not self.may_be_answered:
            return
        elif event.key in {"enter", "q"}:
            self.dismiss(result=False)
        elif event.key == "y":
            self.dismiss(result=True)

    def _type(self, event: events.Key) -> None:
        typed = self.question.typed
        if event.key == "enter" and typed:
            self.dismiss(result=typed == self.word)
            return
        if event.key in {"backspace", "ctrl+h", "ctrl+u"}:
            typed = ""
        elif event.character is not None and event.is_printable and len(typed) < len(self.word):
            typed += event.character
        self.question = replace(self.question, typed=typed)
        self.draw()

    def on_visibility(self, visibility: FrameVisibility) -> None:
        is_silent = visibility is FrameVisibility.UNKNOWN
        self.question = replace(
            self.question,
            may_answer=visibility is FrameVisibility.SEEN,
            is_waiting=visibility is FrameVisibility.WAITING,
            needs_typing=is_silent,
        )
        self.draw()
        if is_silent:
            # The field is drawn now: earlier keys do not belong into it.
            self.call_after_refresh(self._accept_typing)

    def forget_visibility(self) -> None:
        self.question = replace(self.question, may_answer=False, is_waiting=False)

    def _accept_typing(self) -> None:
        self.question = replace(self.question, may_answer=True)
