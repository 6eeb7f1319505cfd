"""What a command with arguments says about them while they are typed."""

from collections.abc import Callable, Sequence
from typing import Protocol

from tui.lazy_dataclass import dataclass
from tui.present.command_line.box import BoxRow
from tui.present.styled import Line


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that can be chosen.

    * `text`: what the command line is, without its first word, once this is taken
    * `row`: how it is drawn
    * `is_open`: more has to be typed behind it, so that Enter takes it into the line and runs nothing
    * `run`: what Enter does instead of running the line, or None
    """

    text: str
    row: BoxRow
    is_open: bool = False
    run: Callable[[], object] | None = None


@dataclass(frozen=True, slots=True)
class Choices:
    """What fits a typed text.

    * `words`: says how many fit, such as `3 of 15 statuses`
    * `first`: the choice that Enter takes until another one is chosen; None: Enter runs the text as it is typed
    * `heading`, `also`: lines above and below the choices
    """

    choices: Sequence[Choice] = ()
    words: str = ""
    first: int | None = None
    heading: Line = ()
    also: Line = ()
    notes: Sequence[Line] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What Enter will do, in words, and the same as a shell command.

    `is_wrong`: it would do nothing; `does` says why.
    """

    does: Line = ()
    command: str = ""
    is_wrong: bool = False


class Arguments(Protocol):
    """The arguments of one command."""

    @property
    def shown(self) -> str:
        """Their name behind that of the command, such as `FILTER`."""

    @property
    def are_needed(self) -> bool:
        """Whether the command does nothing without them."""

    def choices(self, text: str) -> Choices:
        """Return what fits the text behind the command."""

    def preview(self, text: str) -> Preview:
        """Return what Enter will do with this text."""

    def take(self, text: str) -> object:
        """Run the command with these arguments."""
