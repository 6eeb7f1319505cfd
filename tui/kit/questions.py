"""Dialogs that ask: a question that `y` answers, and whether the program ends while actions wait."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Final

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


_GAP: Final = 2


class YesNoDialog(GuardedDialog):
    """Returns whether the user agreed after the terminal had shown the question. Subclasses write the lines.

    Where the terminal never tells that it has shown it, the user types `word` instead of `y`. `keep` is the button that
    changes nothing, `agreement` what `y` does.
    """

    word: ClassVar[str]
    cells: ClassVar[int]
    keep: ClassVar[str]
    agreement: str

    def __init__(self, type_ahead: TypeAhead, *, has_band: bool = False, id: str | None = None) -> None:  # noqa: A002  as above
        super().__init__(type_ahead, id=id)
        self._dialog = Dialog(has_band=has_band)
        self._visibility: FrameVisibility | None = None
        self._typed = ""
        self._may_type = False

    def compose(self) -> ComposeResult:
        yield self._dialog

    def on_mount(self) -> None:
        self.draw()

    def lines(self, width: int, height: int) -> list[Line]:
        """Return the lines of the dialog."""
        raise NotImplementedError

    @property
    def is_silent(self) -> bool:
        """Whether the terminal never tells that it shows the dialog."""
        return self._visibility is FrameVisibility.UNKNOWN

    def draw(self) -> None:
        width, height = self._dialog.room(self.cells)
        self._dialog.show(self.lines(width, height), width)

    def answers(self, limit: int) -> Line:
        """Return the button on the left, and on the right how to agree, as far as that is possible yet."""
        right = y_line(self._visibility, self.agreement)
        if self.is_silent:
            field = Piece(f"{f' {self._typed}▏':<{len(self.word) + 3}}", Token.FIELD)
            right = (Piece("type "), Piece(self.word, Token.BRIGHT, is_bold=True), Piece(" and Enter "), field)
        return answer_line(self.keep, right, limit)

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if event.key == "escape":
            self.dismiss(result=False)
        elif self.is_pasted:
            return
        elif self._may_type:
            self._type(event)
        elif self._visibility is FrameVisibility.SEEN:
            self.answer(event.key)

    def _type(self, event: events.Key) -> None:
        if event.key == "enter" and self._typed:
            self.dismiss(result=self._typed == self.word)
            return
        if event.key in {"backspace", "ctrl+h", "ctrl+u"}:
            self._typed = ""
        elif event.character is not None and event.is_printable and len(self._typed) < len(self.word):
            self._typed += event.character
        self.draw()

    def on_visibility(self, visibility: FrameVisibility) -> None:
        self._visibility = visibility
        self.draw()
        if self.is_silent:
            # The field is drawn now: earlier keys do not belong into it.
            self.call_after_refresh(self._accept_typing)

    def forget_visibility(self) -> None:
        self._visibility, self._may_type = None, False

    def _accept_typing(self) -> None:
        self._may_type = self.is_silent and bool(self.word)


def y_line(visibility: FrameVisibility | None, words: str = "") -> Line:
    """Return the key `y`, lit once it has an effect, or why it has none yet."""
    if visibility is FrameVisibility.WAITING:
        return (Piece("waiting for the terminal", Token.AMBER),)
    may_answer = visibility is FrameVisibility.SEEN
    y = Piece("y", Token.BRIGHT if may_answer else Token.FAINT, is_bold=may_answer)
    return (y, Piece(f"  {words}", Token.TEXT)) if words else (y,)


def answer_line(keep: str, right: Line, limit: int) -> Line:
    """Return the button that changes nothing on the left, and how to agree on the right."""
    left: Line = (Piece(f" {keep} ", Token.BUTTON), Piece("  "), Piece("Esc", Token.TEXT, is_bold=True))
    return (*left, Piece(" " * max(_GAP, limit - line_width(left) - line_width(right))), *right)


def question_lines(question: str, sentences: Sequence[str], answers: Line, limit: int) -> list[Line]:
    """Return a question of lines of `limit` cells, with the sentences about its answer and the keys that answer."""
    lines: list[Line] = [
        (),
        *((Piece(row, Token.BRIGHT, is_bold=True),) for row in wrap(question, limit)),
        *((Piece(row, Token.MUTED),) for sentence in sentences for row in wrap(sentence, limit)),
        (),
        answers,
        (),
    ]
    return [(Piece(" " * INDENT), *line) for line in lines]


# The question before the program ends while actions wait to be sent: quit or stay.


def leave_lines(waiting: Mapping[str, int], visibility: FrameVisibility | None, width: int) -> list[Line]:
    """Return the dialog in lines of at most `width` cells. `waiting` counts runs by the title of the action."""
    limit = width - 2 * INDENT
    actions = " and ".join(f"{title} of {formatting.plural(count, 'run')}" for title, count in waiting.items())
    verb = "waits" if len(waiting) == 1 else "wait"
    text = f"{actions} {verb} to be sent. If you quit now, it is not sent." if waiting else "Nothing waits to be sent."
    ctrl_c: Line = (Piece("ctrl-c", Token.TEXT, is_bold=True), Piece("  quit", Token.TEXT))
    right: Line = (*y_line(visibility), Piece(" or ", Token.FAINT), *ctrl_c)
    answers = answer_line("Stay", ctrl_c if visibility is FrameVisibility.UNKNOWN else right, limit)
    if line_width(answers) > limit:
        answers = answer_line("Stay", ctrl_c, limit)
    return question_lines("Quit?", (text,), answers, limit)


class LeaveScreen(YesNoDialog):
    """Asks whether to quit. `unsent` returns the number of runs that wait to be sent, by title of the action.

    `ctrl-q` and `ctrl-c` quit without another question, also where the terminal never tells that it shows this: see
    `TriggerApp.action_leave`.
    """

    word = ""
    cells = 60

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
        self._ticker = Ticker(self, live.session.clock, self.draw)
        self._visibility = FrameVisibility.UNKNOWN if type_ahead.is_silent else None

    def on_mount(self) -> None:
        self._ticker.begin()

    def on_unmount(self) -> None:
        self._ticker.stop()

    def lines(self, width: int, height: int) -> list[Line]:  # noqa: ARG002  it is low
        return leave_lines(self._unsent(), self._visibility, width)
