"""The command line as a state: the typed text, what fits it, what is chosen, and what Enter runs."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from enum import Enum, auto
from typing import Final

from tui.lazy_dataclass import dataclass
from tui.present.command_line.box import BoxContent, BoxRow, HistoryLine
from tui.present.styled import Line, Piece, Token
from tui.store.addresses.view_address import is_address
from tui.store.command_line.links import PastedLink, parse_link, parse_run
from tui.ui.model.command_line.arguments import Arguments, Choice, Choices, Preview
from tui.ui.model.command_line.commands import Command, command_named, matching

MAX_FOUND_HISTORY: Final = 50

_LINK_NAME_WIDTH: Final = 10


class _Mode(Enum):
    COMMANDS = auto()
    ARGUMENTS = auto()
    ADDRESS = auto()
    LINK = auto()
    HISTORY = auto()


@dataclass(frozen=True, slots=True)
class Execution:
    """What Enter runs. `text` is kept in the history; "" for what has no text."""

    run: Callable[[], object]
    text: str


class CommandLine:
    """The state of one command line.

    `history` has the newest command first. `address` takes a whole address, `link_choices` says what can be done with a
    link.
    """

    def __init__(
        self,
        commands: Sequence[Command],
        history: Sequence[HistoryLine],
        *,
        address: Arguments,
        link_choices: Callable[[PastedLink], Choices],
    ) -> None:
        self.commands = commands
        self.history = history
        self._address = address
        self._link_choices = link_choices
        self._mode = _Mode.COMMANDS
        self._command: Command | None = None
        self._found = Choices()
        self.typed = ""
        self.cursor: int | None = None
        self.is_searching = False
        self.type("")

    def type(self, text: str) -> None:
        """Show what fits another text."""
        self.typed = text
        self._find()
        self.cursor = self._found.first

    def update(self) -> None:
        """Show what fits the same text now, after something was counted or read. The choice stays where it can."""
        before = self.chosen
        self._find()
        texts = [choice.text for choice in self._found.choices]
        if before is None:
            self.cursor = self._found.first if self._mode is _Mode.LINK else None
        else:
            self.cursor = texts.index(before.text) if before.text in texts else self._found.first

    def search_history(self) -> None:
        """Search the commands that were run before, or choose the next one that is found."""
        if self.is_searching:
            self.move(1)
        else:
            self.is_searching = True
            self.type(self.typed)

    def end_search(self) -> bool:
        """Return to what fits the text. Return whether the history was searched."""
        was_searching, self.is_searching = self.is_searching, False
        if was_searching:
            self.type(self.typed)
        return was_searching

    @property
    def choices(self) -> Sequence[Choice]:
        """What fits the typed text."""
        return self._found.choices

    @property
    def chosen(self) -> Choice | None:
        """The choice that Enter takes, if there is one."""
        return None if self.cursor is None else self._found.choices[self.cursor]

    @property
    def is_link(self) -> bool:
        """Whether the text is a link."""
        return self._mode is _Mode.LINK

    @property
    def words(self) -> str:
        """How many choices fit."""
        return self._found.words

    def move(self, lines: int) -> None:
        """Choose another line. A step of one line wraps around at the ends."""
        count = len(self.choices)
        if not count:
            return
        if self.cursor is None:
            self.cursor = 0 if lines > 0 else count - 1
            return
        index = self.cursor + lines
        self.cursor = index % count if abs(lines) == 1 else max(0, min(index, count - 1))

    def go_to(self, index: int) -> None:
        """Choose a line; -1 is the last one."""
        if self.choices:
            self.cursor = len(self.choices) - 1 if index < 0 else min(index, len(self.choices) - 1)

    @property
    def suggestion(self) -> str:
        """The text that Tab takes, if it begins as the typed one; else ""."""
        text = self._offered
        return text if text.startswith(self.typed) and text != self.typed else ""

    def completed(self) -> str | None:
        """Return the text after Tab; None if nothing fits."""
        text = self._offered
        return text if text and text != self.typed else None

    @property
    def _offered(self) -> str:
        """The line with the chosen or the first choice in it."""
        if not self.typed and self.cursor in {None, self._found.first} and not self.is_searching:
            return ""
        choice = self.chosen or next(iter(self.choices), None)
        if choice is None or self._mode is _Mode.LINK:
            return ""
        return self._line_with(choice)

    def _line_with(self, choice: Choice) -> str:
        return f"{self._head} {choice.text}" if self._mode is _Mode.ARGUMENTS else choice.text

    @property
    def _head(self) -> str:
        """The command as it is typed, in front of its arguments."""
        body = self.typed.lstrip()
        return self.typed[: len(self.typed) - len(body)] + body.partition(" ")[0]

    def enter(self) -> Execution | str | None:
        """Return what Enter runs, or the text that it puts into the line, or None if it can do nothing."""
        choice = self.chosen
        if choice is not None and choice.run is not None:
            return Execution(choice.run, choice.text.strip())
        if self._mode is _Mode.LINK:
            return None  # nothing opens that was not named
        if choice is not None and choice.is_open:
            return self._line_with(choice)
        return self._execution(self._line_with(choice) if choice is not None else self.typed)

    def _execution(self, text: str) -> Execution | None:
        text = text.strip()
        if is_address(text):
            return None if self._address.preview(text).is_wrong else Execution(lambda: self._address.take(text), text)
        found = command_named(self.commands, text)
        if found is None:
            return None
        command, rest = found
        arguments = command.arguments
        if arguments is None:
            return Execution(command.run, text)
        if (arguments.are_needed and not rest) or arguments.preview(rest).is_wrong:
            return None
        return Execution(lambda: arguments.take(rest), text)

    def _find(self) -> None:
        text = self.typed.strip()
        self._command = None
        if self.is_searching:
            self._mode, self._found = _Mode.HISTORY, self._history_choices(text)
        elif (link := self._link(text)) is not None:
            self._mode, self._found = _Mode.LINK, self._link_choices(link)
        elif is_address(text):
            self._mode, self._found = _Mode.ADDRESS, self._address.choices(text)
        elif (command := self._typed_command()) is not None and command.arguments is not None:
            self._mode, self._command = _Mode.ARGUMENTS, command
            self._found = command.arguments.choices(self.typed.lstrip().partition(" ")[2])
        else:
            self._mode, self._found = _Mode.COMMANDS, self._command_choices(text)

    def _link(self, text: str) -> PastedLink | None:
        """Return the link that the text is, with or without the word `run`."""
        head, _, rest = text.partition(" ")
        return parse_run(rest) if head.casefold() == "run" and rest else parse_link(text)

    def _typed_command(self) -> Command | None:
        """Return the command whose whole name and a space stand at the begin of the line."""
        head, space, _ = self.typed.lstrip().partition(" ")
        if not space:
            return None
        found = command_named(self.commands, head)
        return None if found is None else found[0]

    def _command_choices(self, text: str) -> Choices:
        found = matching(self.commands, text)
        named = command_named(self.commands, text)
        unnamed = [each for each in found if each.ends_program and (named is None or each is not named[0])]
        choices = [
            Choice(
                f"{each.name} " if each.arguments is not None else each.name,
                BoxRow(
                    each.name,
                    (Piece(each.sentence, Token.MUTED),),
                    (Piece(each.key, Token.TEXT, is_bold=True),) if each.key else (),
                    argument="" if each.arguments is None else each.arguments.shown,
                ),
                is_open=each in unnamed if each.arguments is None else each.arguments.are_needed,
                run=None if each.arguments is not None or each in unnamed else each.run,
            )
            for each in found
        ]
        count = sum(not each.is_idle for each in self.commands)
        words = f"{count} commands" if not text else f"{len(found)} of {count}"
        return Choices(choices, words, 0 if choices else None, heading=() if choices else self._unknown(text))

    def _unknown(self, text: str) -> Line:
        word = text.split(maxsplit=1)[0] if text else ""
        names = [name for each in self.commands for name in (each.name, *each.aliases)]
        near = get_close_matches(word.casefold(), names, 1, cutoff=0.4)
        said: Line = (Piece(f"No command {word}.", Token.MUTED),)
        return (*said, Piece(" Nearest: ", Token.MUTED), Piece(f"{near[0]}", Token.TEXT), Piece(".")) if near else said

    def _history_choices(self, text: str) -> Choices:
        folded = text.casefold()
        found = [each for each in self.history if folded in each.text.casefold()][:MAX_FOUND_HISTORY]
        choices = [
            Choice(each.text, BoxRow(each.text, right=(Piece(f"{each.at:%H:%M}", Token.FAINT),))) for each in found
        ]
        heading: Line = () if choices else (Piece("No command before this contains these letters.", Token.MUTED),)
        if not self.history:
            heading = (Piece("No command was run before.", Token.MUTED),)
        words = f"{len(found)} of {len(self.history)} before this"
        return Choices(choices, words, 0 if choices else None, heading=heading)

    def _preview(self) -> Preview:
        """Return what Enter will do with the line as it would be run."""
        choice = self.chosen
        if self._mode is _Mode.LINK or (self._mode is _Mode.COMMANDS and not self.typed.strip()):
            return Preview()
        line = (self._line_with(choice) if choice is not None else self.typed).strip()
        if self._mode is _Mode.ARGUMENTS and self._command is not None and self._command.arguments is not None:
            # `sort took` is a command of its own too, which could say less.
            return self._preview_of(self._command.arguments, line.partition(" ")[2].strip())
        if is_address(line):
            return self._address.preview(line)
        found = command_named(self.commands, line)
        if found is None:
            if self._mode is _Mode.HISTORY and choice is not None:
                return Preview((Piece("nothing: this command does not exist here", Token.AMBER),), is_wrong=True)
            return Preview()
        command, rest = found
        if command.arguments is not None:
            return self._preview_of(command.arguments, rest)
        return Preview((Piece(command.sentence, Token.MUTED),)) if self._mode is _Mode.HISTORY else Preview()

    @staticmethod
    def _preview_of(arguments: Arguments, text: str) -> Preview:
        return Preview() if arguments.are_needed and not text else arguments.preview(text)

    def content(self) -> BoxContent:
        """Return what the box shows."""
        preview = self._preview()
        below: list[tuple[str, Line]] = []
        hidden = len(self.choices) - 10
        if self._mode is _Mode.COMMANDS and not self.typed.strip() and hidden > 0:
            below.append(("", (Piece(f"{hidden} more: type a letter", Token.FAINT),)))
        if self._found.also:
            below += [("also", self._found.also)]
        if preview.does:
            below += [*([("", ())] if below else []), ("Enter", preview.does)]
        below += [("", note) for note in self._found.notes]
        return BoxContent(
            heading=self._found.heading,
            rows=[choice.row for choice in self.choices],
            cursor=self.cursor,
            below=below,
            command=preview.command,
            history=() if self._mode in {_Mode.HISTORY, _Mode.LINK} else self.history,
            **({"name_width": _LINK_NAME_WIDTH} if self._mode is _Mode.LINK else {}),
        )
