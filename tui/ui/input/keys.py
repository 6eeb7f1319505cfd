"""How bindings are made: each with an id, a word for the footer, a sentence for the help, and its place in both.

What lives here: `bind`, the keys that move in every pane, and how a key is spelled on screen. What a key does is said
where it is done. Source: DESIGN §7.
"""

import re
from dataclasses import dataclass
from typing import Final

from textual.binding import Binding
from textual.keys import key_to_character

from tui.domain.text import REPLACEMENT, clean

LAST: Final = 1_000
"""The rank of the key that stands last and always."""


@dataclass(frozen=True)
class FooterSlot(Binding.Group):
    """A binding's place in the footer. `rank`: the smallest stands left; `need`: the smallest is the last that goes
    when there is no room. A group is the one thing of our own that outlives Textual's copying of bindings.
    """

    rank: int = 0
    need: int = 0


def place_of(binding: Binding) -> FooterSlot | None:
    """The place in the footer; None: it is in the help only."""
    return binding.group if isinstance(binding.group, FooterSlot) else None


def bind(
    keys: str, action: str, word: str, sentence: str, *, rank: int | None = None, need: int = 0, shown: str = ""
) -> Binding:
    """Make a binding. `word` is said in the footer, `sentence` in the help; `shown` spells the keys for both. With a
    rank it has a place in the footer; the need is as the rank if it is not said.

    It has priority, so that the app itself carries it out before it looks at the next key: what is typed faster than
    widgets work must not reach the pane that was left with the key before.
    """
    return Binding(
        keys,
        action,
        word,
        show=rank is not None,
        key_display=shown or " ".join(spelled(each) for each in keys.split(",")),
        tooltip=sentence,
        id=action.partition("(")[0].replace("_", "-") + _suffix(action),
        priority=True,
        group=None if rank is None else FooterSlot(rank=rank, need=need or rank),
    )


def _suffix(action: str) -> str:
    """What tells two bindings of one action apart: the parameter."""
    parameter = action.partition("(")[2].strip("')")
    return f"-{parameter}" if parameter else ""


_SPELLED: Final = {
    "enter": "Enter", "escape": "Esc", "tab": "Tab", "shift+tab": "shift-Tab", "space": "space", "slash": "/",
    "question_mark": "?", "colon": ":", "comma": ",", "full_stop": ".", "left_square_bracket": "[",
    "right_square_bracket": "]", "asterisk": "*", "minus": "-", "circumflex_accent": "^", "less_than_sign": "<",
    "greater_than_sign": ">", "down": "↓", "up": "↑", "pagedown": "PgDn", "pageup": "PgUp", "home": "Home",
    "end": "End", "left": "←", "right": "→", "insert": "Insert", "delete": "Delete", "backspace": "Backspace",
    "backslash": "\\", "underscore": "_", "plus": "+", "at": "@",
}  # fmt: skip
_FUNCTION_KEY: Final = re.compile(r"f([1-9]|1\d|2[0-4])")
_MODIFIERS: Final = frozenset({"ctrl", "alt", "shift", "super", "hyper", "meta"})


def spelled(key: str) -> str:
    """A key as a person reads it: `?`, `Enter`, `F1`, `ctrl-d`."""
    *modifiers, base = key.split("+")
    return "-".join([*modifiers, _SPELLED.get(base) or (base.upper() if _FUNCTION_KEY.fullmatch(base) else base)])


def pressed_name(key: str, character: str | None) -> str | None:
    """The name of a key that was pressed, as a person reads it; None for bytes that no key of a keyboard sends."""
    if character is not None and character.isprintable() and not character.isspace() and "+" not in key:
        return character if clean(character) == character != REPLACEMENT else None
    *modifiers, base = key.split("+")
    if not _MODIFIERS.issuperset(modifiers):
        return None
    if base in _SPELLED or _FUNCTION_KEY.fullmatch(base):
        return spelled(key)
    sign = key_to_character(base)
    is_sign = sign is not None and sign.isascii() and sign.isprintable()
    return "-".join([*modifiers, sign]) if sign is not None and is_sign else None


MOTION: Final = (
    bind("j,down", "move(1)", "down", "One line down.", shown="j ↓"),
    bind("k,up", "move(-1)", "up", "One line up.", shown="k ↑"),
    bind("ctrl+d", "half_page(1)", "half a page down", "Half a page down."),
    bind("ctrl+u", "half_page(-1)", "half a page up", "Half a page up."),
    bind("pagedown,ctrl+f", "page(1)", "page down", "A page down."),
    bind("pageup,ctrl+b", "page(-1)", "page up", "A page up."),
    bind("g,home", "top", "top", "To the top; in the list of runs it then follows what is new."),
    bind("G,end", "bottom", "bottom", "To the end."),
)
