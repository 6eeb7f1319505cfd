"""Dialogs that ask: a question that `y` answers, and whether the program ends while actions wait."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

from textual import events
from textual.app import ComposeResult

from tui.kit.app import Ticker
from tui.kit.lines import Dialog
from tui.kit.live_model import LiveModel
from tui.kit.painted import GuardedDialog
from tui.kit.type_ahead import FrameVisibility, TypeAhead
from tui.text import formatting
from tui.text.blocks import INDENT
from tui.text.styled import Line, Piece, Token, line_width, wrap

# A question that `y` answers, such as the one before a command of one's own. Any other answer changes nothing.


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
        else:
            self.answer(event.key)

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
        is_seen, is_waiting = visibility is FrameVisibility.SEEN, visibility is FrameVisibility.WAITING
        self.question = replace(self.question, may_answer=is_seen, is_waiting=is_waiting, needs_typing=is_silent)
        self.draw()
        if is_silent:
            # The field is drawn now: earlier keys do not belong into it.
            self.call_after_refresh(self._accept_typing)

    def forget_visibility(self) -> None:
        self.question = replace(self.question, may_answer=False, is_waiting=False)

    def _accept_typing(self) -> None:
        self.question = replace(self.question, may_answer=True)


# The question before the program ends while actions wait to be sent.


WIDTH: Final = 60
_GAP: Final = 2


def leave_lines(waiting: Mapping[str, int], visibility: FrameVisibility | None, width: int) -> list[Line]:
    """Return the dialog in lines of at most `width` cells. `waiting` counts runs by the title of the action.

    `visibility` decides whether `y` has an effect; None: the terminal was not asked for long.
    """
    limit = width - 2 * INDENT
    actions = " and ".join(f"{title} of {formatting.plural(count, 'run')}" for title, count in waiting.items())
    verb = "waits" if len(waiting) == 1 else "wait"
    text = f"{actions} {verb} to be sent. If you quit now, it is not sent." if waiting else "Nothing waits to be sent."
    lines: list[Line] = [
        (),
        (Piece("Quit?", Token.BRIGHT, is_bold=True),),
        *((Piece(row, Token.MUTED),) for row in wrap(text, limit)),
        (),
        _answers(visibility, limit),
        (),
    ]
    return [(Piece(" " * INDENT), *line) for line in lines]


def _answers(visibility: FrameVisibility | None, limit: int) -> Line:
    may_answer = visibility is FrameVisibility.SEEN
    left: Line = (Piece(" Stay ", Token.BUTTON), Piece("  "), Piece("Esc", Token.TEXT, is_bold=True))
    ctrl_c: Line = (Piece("ctrl-c", Token.TEXT, is_bold=True), Piece("  quit", Token.TEXT))
    right: Line = (
        Piece("y", Token.BRIGHT if may_answer else Token.FAINT, is_bold=may_answer),
        Piece(" or ", Token.FAINT),
        *ctrl_c,
    )
    if visibility is FrameVisibility.UNKNOWN:
        right = ctrl_c
    elif visibility is FrameVisibility.WAITING:
        right = (Piece("waiting for the terminal", Token.AMBER), Piece(" or ", Token.FAINT), *ctrl_c)
    if line_width(left) + _GAP + line_width(right) > limit:
        right = ctrl_c
    return (*left, Piece(" " * max(_GAP, limit - line_width(left) - line_width(right))), *right)


# The dialog before the program ends while actions wait to be sent: quit or stay.


class LeaveScreen(GuardedDialog):
    """Asks whether to quit. `unsent` returns the number of runs that wait to be sent, by title of the action.

    `ctrl-q` and `ctrl-c` quit without another question: see `TriggerApp.action_leave`.
    """

    def __init__(
        self,
        live: LiveModel,
        unsent: Callable[[], Mapping[str, int]],
        type_ahead: TypeAhead,
        *,
        id: str,  # noqa: A002  Textual's name
    ) -> None:
        super().__init__(type_ahead, id=id)
        self._unsent = unsent
        self._dialog = Dialog()
        self._ticker = Ticker(self, live.session.clock, self.draw)
        self._visibility: FrameVisibility | None = FrameVisibility.UNKNOWN if type_ahead.is_silent else None

    def compose(self) -> ComposeResult:
        yield self._dialog

    def on_mount(self) -> None:
        self.draw()
        self._ticker.begin()

    def on_unmount(self) -> None:
        self._ticker.stop()

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if event.key == "escape":
            self.dismiss(result=False)
        elif self._visibility is FrameVisibility.SEEN:
            self.answer(event.key)

    def on_visibility(self, visibility: FrameVisibility) -> None:
        self._visibility = visibility
        self.draw()

    def forget_visibility(self) -> None:
        self._visibility = None

    def draw(self) -> None:
        width, _ = self._dialog.room(WIDTH)
        self._dialog.show(leave_lines(self._unsent(), self._visibility, width), width)
