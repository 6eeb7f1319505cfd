"""The commands of the command line: every key that works now, and commands without a key."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from textual.screen import Screen

from tui.ui.data.action_controller import from_palette
from tui.ui.input.bindings import live_keys
from tui.ui.model.command_line.commands import Command

_PALETTE: Final = "palette"
_FIRST: Final = ("errors", "runs", "run", "sort", "views", "open", "server filters", "set", "theme", "messages")
"""The commands that are offered before anything is typed. Those that a view lacks are left out."""

_ENDS: Final = frozenset({"leave", "quit_level"})
"""The actions that may end the program."""

_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "leave": ("q", "quit", "exit"),
    "help": ("h", "help"),
    "browse": ("open",),
}
"""The aliases of a key's command, by its action."""


def form_commands(show_form: Callable[[str], object], forms: Mapping[str, str]) -> list[Command]:
    """Return a command for each form of a pane, by its title with its sentence."""
    return [Command(title, sentence, partial(show_form, title)) for title, sentence in forms.items()]


def commands_of(screen: Screen[Any], *, own: Sequence[Command]) -> list[Command]:
    """Return the commands of a view, then the keys of its focused pane and of the screen.

    `own` are the commands without a key, and those with arguments. One that a key has too is said once: with the
    arguments of the one, and the key of the other.
    """
    app = screen.app
    named = [
        *own,
        Command(
            "q!",
            "Quit without asking; actions that wait are not sent.",
            partial(app.run_action, "leave_at_once"),
            aliases=("quit!",),
            ends_program=True,
        ),
    ]
    live = live_keys(screen)
    owners = {alias: key.action for key in live for alias in _ALIASES.get(key.action, ())}
    # Of two keys with one word, the one that works counts, then the one that opens a view instead of a pane by its
    # number, then the one of the focused pane.
    best_first = sorted(live, key=lambda key: (not key.works_now, key.id.startswith("pane-")))
    keys = {
        key.word: Command(
            key.word,
            f"{key.denial[:1].upper()}{key.denial[1:]}." if key.denial else key.sentence,
            partial(app.run_action, from_palette(key.action), key.node),
            " ".join(key.keys),
            _ALIASES.get(key.action, ()),
            is_idle=not key.works_now,
            ends_program=key.action in _ENDS,
        )
        for key in reversed(best_first)
        if not key.is_motion and key.action != _PALETTE and owners.get(key.word, key.action) == key.action
    }
    merged = [
        replace(each, key=keys[each.name].key) if each.name in keys and not each.key else each
        for each in named
        if each.arguments is not None or each.name not in keys
    ]
    names = {each.name for each in merged}
    heads = {each.name for each in merged if each.arguments is not None}
    every = [*merged, *(each for each in reversed(keys.values()) if each.name not in names)]
    # `sort took` is what `sort` offers: it is found by its letters, and does not crowd the first lines.
    return sorted(every, key=lambda each: (_place(each), " " in each.name and each.name.partition(" ")[0] in heads))


def _place(command: Command) -> int:
    names = (command.name, *command.aliases)
    return next((place for place, name in enumerate(_FIRST) if name in names), len(_FIRST))
