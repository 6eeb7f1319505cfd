"""Bindings with an id, a word and a sentence, those of every view, and the keys that the user chose for them."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple
from weakref import WeakKeyDictionary

from textual.app import App
from textual.binding import Binding, BindingsMap
from textual.dom import DOMNode
from textual.keys import key_to_character
from textual.screen import Screen

from tui.domain.text import REPLACEMENT, clean
from tui.settings.keys import NAME_OF, is_printable, key_name, parse_key

# `bind` makes a binding with an id, a word, a sentence, and its places in the footer and on the page of keys.
#
# The keys that move the cursor in every pane are here too. All other bindings are defined beside the code that handles
# them.


MARK_ACTIONS: Final = frozenset({"mark", "mark_range", "mark_all"})
"""Bound only where something may be written: marks choose the runs of an action."""


ACTION_NAMES: Final = frozenset({"act", "withdraw", "go_to_new"})


LAST_RANK: Final = 1_000
"""The rank of the key at the right end of the footer, which is always shown."""


class FooterSlot(NamedTuple):
    """The place of a binding in the footer.

    Bindings are sorted by `rank`, smallest on the left. If there is no room for all, those with the greatest `need` are
    left out first. `pair` are the ids of two bindings that share the place, in the order of their keys.
    """

    rank: int
    need: int
    pair: tuple[str, ...]


HelpGroup = Literal["move", "look", "find", "copy", "act", "yours", "time", "program"]
"""The titles of the groups on the page of keys, in their order there."""


class Help(NamedTuple):
    """A row of the page of keys: its group, its place in the group, and what its keys do, in a few words.

    Without `text` it has the word of the binding. `ids` are the bindings that share the row, in the order of their
    keys; by default the one that has it.
    """

    group: HelpGroup
    order: int
    text: str = ""
    ids: tuple[str, ...] = ()


_SHARED_ROWS: Final = {
    binding: row
    for row in (
        Help("move", 10, "down, up", ("down", "up")),
        Help("move", 80, "root, parent", ("root", "parent")),
        Help("move", 100, "open", ("open",)),
        Help("move", 110, "the errors, back to the runs", ("errors",)),
        Help("move", 120, "the queues, back to the runs", ("queues",)),
        Help("move", 150, "the wall, back", ("wall",)),
        Help("move", 170, "back", ("back",)),
        Help("move", 190, "back, then quit", ("close",)),
        Help("look", 40, "wrap long lines", ("wrap",)),
        Help("look", 60, "choose the columns", ("columns",)),
        Help("look", 70, "previous, next attempt", ("previous-attempt", "next-attempt")),
        Help("look", 80, "compare the attempts, back", ("compare",)),
        Help("look", 90, "fold, unfold", ("fold", "unfold")),
        Help("look", 100, "unfold all, fold all", ("unfold-all", "fold-all")),
        Help("look", 140, "waterfall, tree", ("waterfall",)),
        Help("look", 160, "earlier, later", ("earlier", "later")),
        Help("look", 180, "longer, shorter span", ("longer-span", "shorter-span")),
        Help("find", 10, "filter, search a page", ("search",)),
        Help("find", 20, "next, previous match", ("next-match", "previous-match")),
        Help("find", 50, "sort", ("sort",)),
        Help("copy", 10, "copy the id", ("copy-id",)),
        Help("copy", 20, "choose what to copy", ("copy-menu",)),
        Help("time", 10, "pause the updates", ("pause",)),
        Help("time", 20, "read from the server now", ("refresh",)),
        Help("program", 10, "these keys", ("help",)),
    )
    for binding in row.ids
}
"""The rows of bindings that several views have. A binding of one view has its row in its own `bind`."""


@dataclass(frozen=True)
class Places(Binding.Group):
    """Where a binding is shown. It is a `Binding.Group` because Textual keeps only that when it copies a binding."""

    footer: FooterSlot | None = None
    help: Help | None = None


def places_of(binding: Binding) -> Places:
    """Return where a binding is shown."""
    return binding.group if isinstance(binding.group, Places) else Places()


def bind(
    keys: str,
    action: str,
    word: str,
    sentence: str,
    *,
    id: str = "",  # noqa: A002  Textual's name
    rank: int | None = None,
    need: int = 0,
    pair: tuple[str, ...] = (),
    help: Help | None = None,  # noqa: A002  the page that `?` opens
) -> Binding:
    """Make a binding.

    The footer shows the first key and `word`, the help shows all keys. A binding with a `rank` appears in the footer;
    `need` is by default the rank. Of a `pair` the footer shows the first key of both. `help` is its row on the page of
    keys; without it, the key stands in the last group there.

    Users change the keys by `id`: bindings with one id have one purpose, wherever they are. By default it is the name
    of the action. `features.key_table` collects them.

    The binding has priority, so that the app runs the action before it handles the next key. Otherwise keys that are
    typed quickly would reach a pane that an earlier key has already left.
    """
    name = id or action.partition("(")[0].replace("_", "-") + _suffix(action)
    row = help._replace(ids=help.ids or (name,)) if help else _SHARED_ROWS.get(name)
    slot = None if rank is None else FooterSlot(rank, need or rank, pair)
    return Binding(
        keys,
        action,
        word,
        show=rank is not None,
        key_display=key_label(keys.split(",", maxsplit=1)[0]),
        tooltip=sentence,
        id=name,
        priority=True,
        group=Places(footer=slot, help=row),
    )


def _suffix(action: str) -> str:
    """Return the parameter of an action, which distinguishes two bindings of the same action."""
    parameter = action.partition("(")[2].strip("')").replace(" ", "-")
    return f"-{parameter}" if parameter else ""


_ARROWS: Final = {"down": "↓", "up": "↑", "left": "←", "right": "→"}
_MODIFIERS: Final = frozenset({"ctrl", "alt", "shift", "super", "hyper", "meta"})


def key_label(key: str) -> str:
    """Return the label of a key: `?`, `Enter`, `F1`, `ctrl-d`."""
    *modifiers, base = key.split("+")
    return "-".join([*modifiers, _ARROWS.get(base) or key_name(base)])


def pressed_key_label(key: str, character: str | None) -> str | None:
    """Return the label of a pressed key; None for input that no key of a keyboard sends."""
    if character is not None and character.isprintable() and not character.isspace() and "+" not in key:
        return character if clean(character) == character != REPLACEMENT else None
    *modifiers, base = key.split("+")
    if not _MODIFIERS.issuperset(modifiers):
        return None
    if base in NAME_OF:
        return key_label(key)
    sign = key_to_character(base) or ""
    return "-".join([*modifiers, sign]) if sign and sign.isascii() and sign.isprintable() else None


MOTION: Final = (
    bind("j,down", "move(1)", "down", "Move one line down.", id="down"),
    bind("k,up", "move(-1)", "up", "Move one line up.", id="up"),
    bind("ctrl+d", "half_page(1)", "half a page down", "Move half a page down.", id="half-page-down",
         help=Help("move", 40, "half a page down, up", ("half-page-down", "half-page-up"))),
    bind("ctrl+u", "half_page(-1)", "half a page up", "Move half a page up.", id="half-page-up"),
    bind("pagedown,ctrl+f", "page(1)", "page down", "Move a page down.", id="page-down",
         help=Help("move", 30, "a page down, up", ("page-down", "page-up"))),
    bind("pageup,ctrl+b", "page(-1)", "page up", "Move a page up.", id="page-up"),
    bind("g,home", "top", "top", "Go to the top. The list of runs then follows new runs.",
         help=Help("move", 20, "top, end", ("top", "bottom"))),
    bind("G,end", "bottom", "bottom", "Go to the end."),
)  # fmt: skip

MENU_BINDINGS: Final = (
    bind("colon,ctrl+p", "palette", "commands", "Run any command, open a view, or change a setting, by name.", rank=80,
         id="commands", need=39, help=Help("find", 60, "any command")),
    bind("backspace", "view_before", "previous view",
         "Go back to the previous view, with its filter, order, period and run.",
         help=Help("move", 180, "the previous view")),
    bind("S", "save_view", "save view", "Save what is shown as a view, under a name and a letter.",
         help=Help("find", 70, "save this view")),
    bind("apostrophe", "open_view", "saved view", "Open a saved view by its letter.",
         help=Help("find", 80, "open a saved view")),
    bind("question_mark,f1", "help", "keys", "Show the keys that work here.", rank=LAST_RANK),
)  # fmt: skip

READING_BINDINGS: Final = (
    bind("O", "read_outside('pager')", "pager", "Open the value, the error or the log in $PAGER; the monitor waits.",
         id="pager", help=Help("copy", 40, "read in a pager, an editor", ("pager", "editor"))),
    bind("ctrl+o", "read_outside('editor')", "editor",
         "Open the value, the error or the log in $EDITOR; the monitor waits.", id="editor"),
)  # fmt: skip
OUTGOING_BINDINGS: Final = (
    bind("o", "browse", "browser", "Open the run in the dashboard; over SSH show the link.",
         help=Help("copy", 30, "the run in the browser")),
    *READING_BINDINGS,
)  # fmt: skip
OUTGOING_ACTIONS: Final = frozenset({"browse", "read_outside"})


# The bindings of a class, for the table of all bindings: `features.key_table`.


def merged_bindings(kind: type[DOMNode]) -> BindingsMap:
    """Return the bindings of a class and its bases."""
    return kind._merged_bindings or BindingsMap()  # noqa: SLF001  Textual has no public name for them


def bindings_by_id(kind: type[DOMNode], more: Iterable[Binding] = ()) -> dict[str, tuple[Binding, tuple[str, ...]]]:
    """Return a binding of each id with its keys, of which the footer shows the first."""
    found: dict[str, list[Binding]] = {}
    for binding in (*(each for _, each in merged_bindings(kind)), *more):
        if binding.id is not None:
            found.setdefault(binding.id, []).append(binding)
    keys = {name: [key for each in same for key in each.key.split(",")] for name, same in found.items()}
    return {
        name: (first, tuple(dict.fromkeys(sorted(keys[name], key=lambda key: key_label(key) != first.key_display))))
        for name, (first, *_) in found.items()
    }


# Gives bindings the keys that the user chose for them.
#
# Textual's own keymap is not used: it cannot take a key away, it puts letters over a focused text field, it works out
# all bindings again for each key, and it loses the labels of keys. Here the bindings of a node are replaced once, when
# it becomes part of the screen.


_FOCUS_KEYS: Final = frozenset({"tab", "shift+tab"})

Keys = Mapping[str, tuple[str, ...]]
"""Keys by the ids of bindings. A binding with no keys does not work."""


class Keymap:
    """The user's own keys, and the bindings of an app that were replaced by them."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._keys: Keys = {}
        self._defaults: WeakKeyDictionary[DOMNode, BindingsMap] = WeakKeyDictionary()

    def use(self, own: Keys) -> Keys:
        """Use other keys, as the config file names them, in all screens. Return them as Textual names them."""
        self._keys = {binding: tuple(map(parse_key, names)) for binding, names in own.items()}
        self.apply(self._app)
        if self._app.is_running:
            for screen in self._app.screen_stack:
                for node in screen.walk_children(with_self=True):
                    self.apply(node)
            self._app.refresh_bindings()
        return self._keys

    def apply(self, node: DOMNode) -> None:
        """Give a node the user's keys. `node` is on a screen, or is one."""
        # Textual has no public name for the bindings of a node.
        default = self._defaults.get(node, node._bindings)  # noqa: SLF001
        is_screen = isinstance(node, Screen)
        mapped = default
        if self._keys and (is_screen or any(binding.id in self._keys for _, binding in default)):
            screen = next((each for each in node.ancestors_with_self if isinstance(each, Screen)), None)
            letters: frozenset[str] = getattr(screen, "row_letters", frozenset())
            has_text = getattr(screen, "has_text_field", False)
            mapped = self._mapped(default, letters, has_text=has_text, is_screen=is_screen)
        if mapped is not node._bindings:  # noqa: SLF001
            self._defaults[node] = default
            node._bindings = mapped  # noqa: SLF001

    def _mapped(
        self, default: BindingsMap, row_letters: Container[str], *, has_text: bool, is_screen: bool
    ) -> BindingsMap:
        """Return other bindings of a node. `has_text`: it is in a dialog where the user's letters are text.

        `row_letters` choose the rows of a menu. A binding whose keys are all among them keeps its arrows there.

        Textual's own Tab of a screen would work where the user has taken ours away.
        """
        found: dict[str, list[Binding]] = {}
        done: set[tuple[str, str]] = set()
        for key, binding in default:
            if is_screen and not has_text and binding.id is None and key in _FOCUS_KEYS:
                continue
            own = None if binding.id is None else self._keys.get(binding.id)
            if own is None:
                found.setdefault(key, []).append(binding)
            elif (binding.id or "", binding.action) not in done:
                done.add((binding.id or "", binding.action))
                usual = (key for key, each in default if each.id == binding.id and not is_printable(key))
                usable = [each for each in own if each not in row_letters] or (usual if own else ())
                for chosen in (each for each in usable if not (has_text and is_printable(each))):
                    found.setdefault(chosen, []).append(replace(binding, key=chosen, key_display=key_label(own[0])))
        return BindingsMap.from_keys(found)
