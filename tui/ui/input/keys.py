"""`bind` makes a binding with an id, a word for the footer, a sentence for the help, and its place in the footer.

The module also has the keys that move the cursor in every pane, and the labels of keys on the screen. All other
bindings are defined beside the code that handles them.
"""

import re
from dataclasses import dataclass
from typing import Final

from textual.binding import Binding
from textual.keys import key_to_character

from tui.domain.text import REPLACEMENT, clean

LAST_RANK: Final = 1_000
"""The rank of the key at the right end of the footer, which is always shown."""


@dataclass(frozen=True)
class FooterSlot(Binding.Group):
    """The place of a binding in the footer.

    Bindings are sorted by `rank`, smallest on the left. If there is no room for all, those with the greatest `need` are
    left out first. `pair` are the ids of two bindings that share the place, in the order of their keys. It is a
    `Binding.Group` because Textual keeps only that when it copies a binding.
    """

    rank: int = 0
    need: int = 0
    pair: tuple[str, ...] = ()


def place_of(binding: Binding) -> FooterSlot | None:
    """Return the place in the footer; None: the binding appears only in the help."""
    return binding.group if isinstance(binding.group, FooterSlot) else None


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
) -> Binding:
    """Make a binding.

    The footer shows the first key and `word`, the help shows all keys. A binding with a `rank` appears in the footer;
    `need` is by default the rank. Of a `pair` the footer shows the first key of both.

    Users change the keys by `id`: bindings with one id have one purpose, wherever they are. By default it is the name
    of the action. A new one belongs into `settings/keys/table.py`, which a test makes (`tests/ui/input/test_table.py`).

    The binding has priority, so that the app runs the action before it handles the next key. Otherwise keys that are
    typed quickly would reach a pane that an earlier key has already left.
    """
    return Binding(
        keys,
        action,
        word,
        show=rank is not None,
        key_display=key_label(keys.split(",", maxsplit=1)[0]),
        tooltip=sentence,
        id=id or action.partition("(")[0].replace("_", "-") + _suffix(action),
        priority=True,
        group=None if rank is None else FooterSlot(rank=rank, need=need or rank, pair=pair),
    )


def _suffix(action: str) -> str:
    """Return the parameter of an action, which distinguishes two bindings of the same action."""
    parameter = action.partition("(")[2].strip("')").replace(" ", "-")
    return f"-{parameter}" if parameter else ""


_LABELS: Final = {
    "enter": "Enter", "escape": "Esc", "tab": "Tab", "shift+tab": "shift-Tab", "space": "space", "slash": "/",
    "question_mark": "?", "colon": ":", "comma": ",", "full_stop": ".", "left_square_bracket": "[",
    "right_square_bracket": "]", "asterisk": "*", "minus": "-", "circumflex_accent": "^", "less_than_sign": "<",
    "greater_than_sign": ">", "down": "↓", "up": "↑", "pagedown": "PgDn", "pageup": "PgUp", "home": "Home",
    "end": "End", "left": "←", "right": "→", "insert": "Insert", "delete": "Delete", "backspace": "Backspace",
    "left_parenthesis": "(", "right_parenthesis": ")", "left_curly_bracket": "{", "right_curly_bracket": "}",
    "backslash": "\\", "underscore": "_", "plus": "+", "at": "@",
    "exclamation_mark": "!", "equals_sign": "=", "quotation_mark": '"', "number_sign": "#", "dollar_sign": "$",
    "percent_sign": "%", "ampersand": "&", "apostrophe": "'", "semicolon": ";", "grave_accent": "`",
    "vertical_line": "|", "tilde": "~",
}  # fmt: skip
_FUNCTION_KEY: Final = re.compile(r"f([1-9]|1\d|2[0-4])")
_MODIFIERS: Final = frozenset({"ctrl", "alt", "shift", "super", "hyper", "meta"})


def key_label(key: str) -> str:
    """Return the label of a key: `?`, `Enter`, `F1`, `ctrl-d`."""
    *modifiers, base = key.split("+")
    return "-".join([*modifiers, _LABELS.get(base) or (base.upper() if _FUNCTION_KEY.fullmatch(base) else base)])


def pressed_key_label(key: str, character: str | None) -> str | None:
    """Return the label of a pressed key; None for input that no key of a keyboard sends."""
    if character is not None and character.isprintable() and not character.isspace() and "+" not in key:
        return character if clean(character) == character != REPLACEMENT else None
    *modifiers, base = key.split("+")
    if not _MODIFIERS.issuperset(modifiers):
        return None
    if base in _LABELS or _FUNCTION_KEY.fullmatch(base):
        return key_label(key)
    sign = key_to_character(base)
    is_sign = sign is not None and sign.isascii() and sign.isprintable()
    return "-".join([*modifiers, sign]) if sign is not None and is_sign else None


MOTION: Final = (
    bind("j,down", "move(1)", "down", "Move one line down.", id="down"),
    bind("k,up", "move(-1)", "up", "Move one line up.", id="up"),
    bind("ctrl+d", "half_page(1)", "half a page down", "Move half a page down.", id="half-page-down"),
    bind("ctrl+u", "half_page(-1)", "half a page up", "Move half a page up.", id="half-page-up"),
    bind("pagedown,ctrl+f", "page(1)", "page down", "Move a page down.", id="page-down"),
    bind("pageup,ctrl+b", "page(-1)", "page up", "Move a page up.", id="page-up"),
    bind("g,home", "top", "top", "Go to the top. The list of runs then follows new runs."),
    bind("G,end", "bottom", "bottom", "Go to the end."),
)

MENU_BINDINGS: Final = (
    bind(
        "colon,ctrl+p",
        "palette",
        "commands",
        "Run a command: a view, a setting, any key by its name.",
        rank=80,
        id="commands",
        need=39,
    ),
    bind(
        "backspace", "view_before", "view before", "Go back to the view before, with its filter, order, period and run."
    ),
    bind("S", "save_view", "save view", "Save what is shown as a view, under a name and a letter."),
    bind("apostrophe", "open_view", "saved view", "Open a saved view by its letter."),
    bind("question_mark,f1", "help", "keys", "Show the keys that work here.", rank=LAST_RANK),
)

READING_BINDINGS: Final = (
    bind(
        "O",
        "read_outside('pager')",
        "pager",
        "Open the value, the error or the log in $PAGER; the monitor waits.",
        id="pager",
    ),
    bind(
        "ctrl+o",
        "read_outside('editor')",
        "editor",
        "Open the value, the error or the log in $EDITOR; the monitor waits.",
        id="editor",
    ),
)
OUTGOING_BINDINGS: Final = (
    bind("o", "browse", "browser", "Open the run in the dashboard; over SSH show the link."),
    *READING_BINDINGS,
)
OUTGOING_ACTIONS: Final = frozenset({"browse", "read_outside"})
