"""The commands of the palette: every key that works now, and commands without a key."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from textual.screen import Screen

from tui.lazy_dataclass import dataclass
from tui.store.orders import COST, CREATED, ORDERS, STATUS, TASK, TOOK, UPDATED, Order
from tui.ui.base import app_of
from tui.ui.data.action_controller import from_palette
from tui.ui.input.bindings import live_keys
from tui.ui.look.palettes import ColorMode


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the palette.

    `key` is the key that does the same, if there is one. `aliases` are the names of the command in other programs.
    """

    name: str
    sentence: str
    run: Callable[[], object]
    key: str = ""
    aliases: tuple[str, ...] = ()


_PALETTE: Final = "palette"
_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {"leave": ("q", "quit", "exit"), "help": ("h", "help")}
"""The aliases of a key's command, by its action."""

_SORT_SENTENCES: Final = {
    CREATED: "Newest runs first.",
    STATUS: "Failed runs first, then running and waiting ones, completed runs last.",
    TASK: "By the name of the task.",
    TOOK: "Running runs first, then the longest ones.",
    UPDATED: "Latest change first.",
    COST: "Most expensive runs first.",
}


def sort_commands(sort_by: Callable[[Order], None]) -> list[Command]:
    """Return a command for each order of the list of runs."""
    return [
        Command(f"sort by {order.title}", _SORT_SENTENCES.get(order, ""), partial(sort_by, order)) for order in ORDERS
    ]


def form_commands(show_form: Callable[[str], object], forms: Mapping[str, str]) -> list[Command]:
    """Return a command for each form of a pane, by its title with its sentence."""
    return [Command(title, sentence, partial(show_form, title)) for title, sentence in forms.items()]


def commands_of(
    screen: Screen[Any], *, own: Sequence[Command], use_color_mode: Callable[[ColorMode], None]
) -> list[Command]:
    """Return the commands without a key, then the keys that work now in the focused pane and on the screen.

    `own` are the screen's commands without a key. One that a key of the focused pane has too is said once.
    """
    app, leave_at_once = screen.app, app_of(screen).action_leave_at_once
    named = [
        *own,
        Command("dark", "Dark colours.", partial(use_color_mode, ColorMode.DARK)),
        Command("light", "Light colours.", partial(use_color_mode, ColorMode.LIGHT)),
        Command("16 colours", "The terminal's own colours.", partial(use_color_mode, ColorMode.SIXTEEN)),
        Command("q!", "Quit without asking; actions that wait are not sent.", leave_at_once, aliases=("quit!",)),
    ]
    keys = [
        Command(
            key.word,
            key.sentence,
            partial(app.call_later, app.run_action, from_palette(key.action), key.node),
            key.shown,
            _ALIASES.get(key.action, ()),
        )
        for key in live_keys(screen)
        if key.works_now and not key.is_motion and key.action != _PALETTE
    ]
    names = {command.name for command in keys}
    return [*(command for command in named if command.name not in names), *keys]


def matching(commands: Sequence[Command], typed: str) -> list[Command]:
    """Return the commands that contain every typed word in name, alias, key or sentence, best match first.

    An exact name or alias is the best match, then a name that begins with the text. If no command contains the words,
    commands match whose name has the letters in this order: `nxe` finds `next error`.
    """
    wanted = typed.casefold().removeprefix(":").split()
    found = [command for command in commands if all(word in _text(command) for word in wanted)]
    if not found:
        letters = "".join(wanted)
        found = [command for command in commands if _has_letters_in_order(command.name.casefold(), letters)]
    whole = " ".join(wanted)
    return sorted(found, key=lambda command: _rank(command, whole))


def _text(command: Command) -> str:
    return " ".join((command.name, *command.aliases, command.key, command.sentence)).casefold()


def _rank(command: Command, whole: str) -> int:
    name = command.name.casefold()
    return (
        0 if name == whole or whole in command.aliases else 1 if name.startswith(whole) else 2 if whole in name else 3
    )


def _has_letters_in_order(text: str, letters: str) -> bool:
    rest = iter(text)
    return all(letter in rest for letter in letters)
