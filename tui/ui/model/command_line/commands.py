"""A command of the command line, and how a typed text finds it."""

from collections.abc import Callable, Sequence

from tui.lazy_dataclass import dataclass
from tui.ui.model.command_line.arguments import Arguments


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the command line.

    `key` is the key that does the same, if there is one. `aliases` are the names of the command in other programs.
    With `arguments`, text behind the name belongs to the command; `run` is then not used.

    `is_idle`: it cannot do anything now and says why, as its key does. Only its whole name finds it, so that `open`
    without a selected run does not run another command.

    `ends_program`: only its whole name runs it. Any other text that finds it is first replaced by the name.
    """

    name: str
    sentence: str
    run: Callable[[], object]
    key: str = ""
    aliases: tuple[str, ...] = ()
    arguments: Arguments | None = None
    is_idle: bool = False
    ends_program: bool = False


def command_named(commands: Sequence[Command], text: str) -> tuple[Command, str] | None:
    """Return the command that a line runs, and its arguments; None if the line begins with no name of a command.

    A name may have several words. Only a command with arguments may have more text behind it.
    """
    line = text.strip().removeprefix(":").strip()
    head, _, rest = line.partition(" ")
    whole = line.casefold()
    for command in commands:
        names = (command.name, *command.aliases)
        if any(name.casefold() == whole for name in names):
            return command, ""
    for command in commands:
        if command.arguments is not None and head.casefold() in (command.name, *command.aliases):
            return command, rest.strip()
    return None


def matching(commands: Sequence[Command], typed: str) -> list[Command]:
    """Return the commands that contain every typed word in name, alias, key or sentence, best match first.

    An exact name, alias or sign of a key is the best match, then a name that begins with the text. If no command
    contains the words, commands match whose name has the letters in this order: `nxe` finds `next error`.
    """
    wanted = typed.casefold().removeprefix(":").split()
    whole = " ".join(wanted)
    idle = [command for command in commands if command.is_idle and whole in (command.name, *command.aliases)]
    commands = [command for command in commands if not command.is_idle]
    found = [command for command in commands if all(word in _text(command) for word in wanted)]
    if not found and not idle:
        letters = "".join(wanted)
        found = [command for command in commands if _has_letters_in_order(command.name.casefold(), letters)]
    found += idle
    return sorted(found, key=lambda command: _rank(command, whole))


def _text(command: Command) -> str:
    return " ".join((command.name, *command.aliases, command.key, command.sentence)).casefold()


def _rank(command: Command, whole: str) -> int:
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
