"""Commands of the command line as values: how a text finds one, what it says about arguments, and its box."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from tui.domain.own_commands import CommandScope
from tui.domain.run import RunId
from tui.domain.text import clean
from tui.lazy_dataclass import dataclass
from tui.text import formatting
from tui.text.styled import Line, Piece, Token, cut, fit, line_width, wrap

if TYPE_CHECKING:
    from tui.store.error_groups import ErrorGroup


# The lines below the field of the command line: what fits, what Enter does, the same in a shell, and the history.


MAX_ROWS: Final = 10
"""Rows that are visible at once, of what can be chosen."""

MIN_ROWS: Final = 3
MAX_HISTORY: Final = 3
MAX_COMMAND_LINES: Final = 2
MAX_SAID_LINES: Final = 3

_GUTTER: Final = 2
NAME_CELLS: Final = 20
_LABEL: Final = 8
_MARK: Final = 2


class HistoryLine(NamedTuple):
    """A command that was run before. `at` is in the zone of the screen."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class BoxContent:
    """Everything that the box shows.

    * `found`, `cursor`: what can be chosen, and the chosen one
    * `below`: lines below the rows, each with its label ("" for a line without one)
    * `command`: the same as a shell command
    * `history`: the newest commands first
    """

    found: "Choices"
    cursor: int | None = None
    below: Sequence[tuple[str, Line]] = ()
    command: str = ""
    history: Sequence[HistoryLine] = ()


class BoxLine(NamedTuple):
    """One line of the box. `row` is the index of the row that it shows, None for other lines."""

    line: Line
    row: int | None = None
    is_cursor: bool = False


_EMPTY: Final = BoxLine(())
_EMPTY_LINES: Final = 2
"""The empty lines of the box: one between the rows and the sentence below, and one at the end."""


def box_lines(content: BoxContent, width: int, height: int, *, top: int, now: datetime) -> list[BoxLine]:
    """Return the lines of the box, at most `height`, with an empty line at the end. `top` is the first visible row."""
    inner = max(1, width - 2 * _GUTTER)
    said = [each for label, line in content.below for each in _labelled(label, line, inner)]
    # A command that is cut between its lines would look whole.
    found = content.found
    around = MIN_ROWS * bool(found.choices) + bool(found.heading) + len(said) + _EMPTY_LINES
    command: Line = (Piece(clean(content.command), Token.MUTED),)
    command_room = max(1, min(MAX_COMMAND_LINES, height - around))
    below = [*said, *(_labelled("as", command, inner, command_room) if content.command else ())]
    heading = [BoxLine(_indented(found.heading))] if found.heading else []
    rows_room = max(MIN_ROWS, height - len(heading) - 1 - (len(below) + 1 if below else 0))
    lines = [*heading, *_rows(content, inner, min(MAX_ROWS, rows_room), top)]
    if below:
        lines += [*([_EMPTY] if lines else []), *(BoxLine(line) for line in below)]
    shown = min(MAX_HISTORY, len(content.history), height - len(lines) - 3)
    if shown > 0:
        lines += [_EMPTY, BoxLine(_indented((Piece("earlier", Token.FAINT),)))]
        lines += [BoxLine(_history_line(each, inner, now)) for each in content.history[:shown]]
    return [*lines[: max(0, height - 1)], _EMPTY]


def visible_top(cursor: int | None, top: int, count: int, shown: int = MAX_ROWS) -> int:
    """Return the first visible row, so that the chosen one is visible."""
    at = cursor or 0
    return max(0, min(max(at - shown + 1, min(top, at)), count - shown))


def _rows(content: BoxContent, inner: int, shown: int, top: int) -> list[BoxLine]:
    found, cursor = content.found, content.cursor
    top = visible_top(cursor, top, len(found.choices), shown)
    lines = []
    for index, choice in enumerate(found.choices[top : top + shown], top):
        edge = Piece("▌ " if index == cursor else "  ", Token.ACCENT)
        lines.append(BoxLine((edge, *_row(choice, inner, found)), index, index == cursor))
    return lines


def _row(row: "Choice", inner: int, found: "Choices") -> Line:
    has_marks = any(each.mark is not None for each in found.choices)
    mark: Line = (row.mark or Piece(" "), Piece(" ")) if has_marks else ()
    name: Line = (Piece(row.name, Token.TEXT),)
    if row.argument:
        name = (*name, Piece(f" {row.argument}", Token.FAINT))
    # A name without a sentence has the room of both.
    room = inner - _MARK * has_marks - (line_width(row.right) + 2 if row.right else 0)
    name_room = min(found.name_width if row.sentence else room, room)
    sentence = fit(row.sentence, max(0, room - name_room - 2)) if row.sentence else ()
    middle: Line = (*fit(name, name_room), Piece("  "), *sentence) if sentence else fit(name, max(0, room))
    return (*mark, *middle, *((Piece("  "), *row.right) if row.right else ()))


def _labelled(label: str, line: Line, inner: int, limit: int = MAX_SAID_LINES) -> list[Line]:
    """Return the lines after a label, which stands before the first one.

    A sentence is wrapped to at most `limit` lines, because its end says what the user can do instead.
    """
    if not label:
        return [_indented(cut(line, inner))]
    room = max(1, inner - _LABEL)
    lines = [line]
    if len(line) == 1:
        *rows, last = wrap(line[0].text, room)
        rows, rest = rows[: limit - 1], [*rows[limit - 1 :], last]
        lines = [(Piece(row, line[0].token),) for row in (*rows, " ".join(rest))]
    return [
        _indented((*fit((Piece("" if index else label, Token.FAINT),), _LABEL), *cut(each, room)))
        for index, each in enumerate(lines)
    ]


def _history_line(entry: HistoryLine, inner: int, now: datetime) -> Line:
    """Return `14:31` or, on another day that is not near, the age `40d`, and the command."""
    time = fit((Piece(formatting.time_or_age(entry.at, now), Token.FAINT),), _LABEL)
    return _indented((*time, *cut((Piece(entry.text, Token.MUTED),), max(0, inner - _LABEL))))


def _indented(line: Line) -> Line:
    return (Piece(" " * _GUTTER), *line)


# What a command with arguments says about them while they are typed.


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that can be chosen.

    * `text`: what the command line is, without its first word, once this is taken
    * `name`, `sentence`: how it is drawn; `mark` stands before the name, `argument` faint after it, `right` at the
      right edge
    * `is_open`: more has to be typed after it, so that Enter takes it into the line and runs nothing
    * `run`: what Enter does instead of running the line, or None
    """

    text: str
    name: str
    sentence: Line = ()
    right: Line = ()
    mark: Piece | None = None
    argument: str = ""
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
    name_width: int = NAME_CELLS


@dataclass(frozen=True, slots=True)
class Preview:
    """What Enter will do, in words, and the same as a shell command.

    `run` does it. None: it would do nothing; `does` says why.
    """

    does: Line = ()
    command: str = ""
    run: Callable[[], object] | None = None


class Arguments(Protocol):
    """The arguments of one command."""

    @property
    def shown(self) -> str:
        """Their name after that of the command, such as `FILTER`."""

    @property
    def are_needed(self) -> bool:
        """Whether the command does nothing without them."""

    def choices(self, text: str) -> Choices:
        """Return what fits the text after the command."""

    def preview(self, text: str) -> Preview:
        """Return what Enter will do with this text."""


# A command of the command line, and how a typed text finds it.


@dataclass(frozen=True, slots=True)
class OwnSelection:
    """What a command may be about, on one screen.

    * `scopes`: those that the screen has, the nearest first: it decides between two commands with one key
    * `marks`: returns the marked runs that are shown; `hidden_marks` counts the others
    """

    scopes: tuple[CommandScope, ...]
    run_id: RunId | None = None
    group: "ErrorGroup | None" = None
    has_marks: bool = False
    hidden_marks: int = 0
    marks: Callable[[], Sequence[RunId]] = tuple


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the command line.

    `key` is the key that does the same, if there is one. `aliases` are the names of the command in other programs.
    With `arguments`, text after the name belongs to the command; `run` is then not used.

    `is_idle`: it cannot do anything now and says why, as its key does. Only its whole name finds it, so that `open`
    without a selected run does not run another command.

    `ends_program`: only its whole name runs it. Any other text that finds it is first replaced by the name.
    """

    name: str
    sentence: str
    run: Callable[[], object] = lambda: None
    key: str = ""
    aliases: tuple[str, ...] = ()
    arguments: Arguments | None = None
    is_idle: bool = False
    ends_program: bool = False


def command_named(commands: Sequence[Command], text: str) -> tuple[Command, str] | None:
    """Return the command that a line runs, and its arguments; None if the line begins with no name of a command.

    A name may have several words. Only a command with arguments may have more text after it.
    """
    line = text.strip().removeprefix(":").strip()
    head, _, rest = line.partition(" ")
    whole = line.casefold()
    for command in commands:
        if whole in map(str.casefold, (command.name, *command.aliases)):
            return command, ""
    for command in commands:
        if command.arguments is not None and head.casefold() in (command.name, *command.aliases):
            return command, rest.strip()
    return None


def matching(commands: Sequence[Command], typed: str) -> list[Command]:
    """Return the commands that contain every typed word in name, alias, key or sentence, best match first.

    An exact name, alias or sign of a key is the best match, then a name that begins with the text. If no command
    contains the words, commands match whose name has the letters in this order: `fdr` finds `failed run`.
    """
    wanted = typed.casefold().removeprefix(":").split()
    whole = " ".join(wanted)
    idle = [command for command in commands if command.is_idle and whole in (command.name, *command.aliases)]
    commands = [command for command in commands if not command.is_idle]
    found = [command for command in commands if all(word in _text(command) for word in wanted)]
    if not found and not idle:
        letters = "".join(wanted)
        found = [command for command in commands if _has_letters_in_order(command.name.casefold(), letters)]
    return sorted([*found, *idle], key=lambda command: rank(command, whole))


def _text(command: Command) -> str:
    return " ".join((command.name, *command.aliases, command.key, command.sentence)).casefold()


def rank(command: Command, whole: str) -> int:
    """Return how well a text in lower case fits a command: 0 its name, 1 the begin of it, 2 a part of it, 3 no name."""
    name = command.name.casefold()
    # `!` is the key of the errors, and stands in `q!` too.
    is_sign = bool(whole) and whole == command.key and not whole.isalnum()
    if name == whole or whole in command.aliases or is_sign:
        return 0
    return 1 if name.startswith(whole) else 2 if whole in name else 3


def _has_letters_in_order(text: str, letters: str) -> bool:
    # From the begin of the name: `vrun` is nearer to `run` than to `previous run`.
    rest = iter(text)
    return text[:1] == letters[:1] and all(letter in rest for letter in letters)
