"""What the palette offers: every key that works now, and what has a name only.

What lives here: the commands as data, and finding them by what is typed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from textual.screen import Screen

from tui.store.orders import COST, CREATED, ORDERS, STATUS, TASK, TOOK, UPDATED, Order
from tui.ui.base import app_of
from tui.ui.data.action_controller import from_palette
from tui.ui.input.bindings import live_keys
from tui.ui.look.theme import ColorMode


@dataclass(frozen=True, slots=True)
class Command:
    """`name` is what is typed, `words` the sentence behind it, `key` the key that does the same, if there is one.
    `aliases` are what users of other programs type for it.
    """

    name: str
    words: str
    run: Callable[[], object]
    key: str = ""
    aliases: tuple[str, ...] = ()


_ITSELF: Final = "palette"
_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {"leave": ("q", "quit", "exit"), "help": ("h", "help")}
"""By the action of a key."""

_SORTED: Final = {
    CREATED: "The newest first.",
    STATUS: "What failed first, then what runs and waits, completed runs last.",
    TASK: "By the name of the task.",
    TOOK: "What runs first, then what took longest.",
    UPDATED: "The latest change first.",
    COST: "The dearest first.",
}


def commands_of(
    screen: Screen[Any], *, sort_by: Callable[[Order], None], use_look: Callable[[ColorMode], None]
) -> list[Command]:
    """Those that have a name only, then the keys of the focused pane and of the screen, as they work now."""
    app, leave_at_once = screen.app, app_of(screen).action_leave_at_once
    named = [
        *(Command(f"sort by {order.title}", _SORTED.get(order, ""), partial(sort_by, order)) for order in ORDERS),
        Command("dark", "Dark colours.", partial(use_look, ColorMode.DARK)),
        Command("light", "Light colours.", partial(use_look, ColorMode.LIGHT)),
        Command("16 colours", "The terminal's own colours.", partial(use_look, ColorMode.SIXTEEN)),
        Command("q!", "End the program without a question; what waits is not sent.", leave_at_once, aliases=("quit!",)),
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
        if key.works_now and not key.is_motion and key.action != _ITSELF
    ]
    return [*named, *keys]


def matching(commands: Sequence[Command], typed: str) -> list[Command]:
    """The commands that have every word that was typed, in name, key or sentence: the exact name or alias first, then
    names that begin so.

    Where no words are found, names with those letters in that order: `nxe` finds `next error`.
    """
    wanted = typed.casefold().removeprefix(":").split()
    found = [command for command in commands if all(word in _text(command) for word in wanted)]
    if not found:
        letters = "".join(wanted)
        found = [command for command in commands if _has_in_order(command.name.casefold(), letters)]
    whole = " ".join(wanted)
    return sorted(found, key=lambda command: _rank(command, whole))


def _text(command: Command) -> str:
    return " ".join((command.name, *command.aliases, command.key, command.words)).casefold()


def _rank(command: Command, whole: str) -> int:
    name = command.name.casefold()
    return (
        0 if name == whole or whole in command.aliases else 1 if name.startswith(whole) else 2 if whole in name else 3
    )


def _has_in_order(text: str, letters: str) -> bool:
    rest = iter(text)
    return all(letter in rest for letter in letters)
