"""A row of the table of bindings, and the names of keys in the config file."""

import re
from typing import Final

from tui.lazy_dataclass import dataclass

EVERYWHERE: Final = "everywhere"
"""The scope of bindings that work in each screen, also while something is typed."""


@dataclass(frozen=True, slots=True)
class BindingRow:
    """What users know of a binding, in some of the scopes where it works.

    * `id`: its name in the config file
    * `keys`: its keys by default, as Textual names them
    * `scopes`: the views, panes and dialogs that declare it; `PLACES` says which are together
    * `writes`: it changes runs
    """

    id: str
    keys: tuple[str, ...]
    word: str
    sentence: str
    scopes: tuple[str, ...]
    writes: bool = False


# The names of keys in the config file (`G`, `ctrl-g`, `F5`, `PgDn`), and those that Textual uses (`ctrl+g`, `f5`).
#
# Only keys that terminals send apart from all others have a name.


ESCAPE: Final = "escape"
ENTER: Final = "enter"
QUIT_KEYS: Final = ("ctrl+q", "ctrl+c")
RESERVED: Final = {ESCAPE: "goes back", ENTER: "confirms", QUIT_KEYS[0]: "quits", QUIT_KEYS[1]: "quits"}
"""Keys that no file changes, and what they do."""

SIGNS: Final = {
    "!": "exclamation_mark", '"': "quotation_mark", "#": "number_sign", "$": "dollar_sign", "%": "percent_sign",
    "&": "ampersand", "'": "apostrophe", "(": "left_parenthesis", ")": "right_parenthesis", "*": "asterisk",
    "+": "plus", ",": "comma", "-": "minus", ".": "full_stop", "/": "slash", ":": "colon", ";": "semicolon",
    "<": "less_than_sign", "=": "equals_sign", ">": "greater_than_sign", "?": "question_mark", "@": "at",
    "[": "left_square_bracket", "\\": "backslash", "]": "right_square_bracket", "^": "circumflex_accent",
    "_": "underscore", "`": "grave_accent", "{": "left_curly_bracket", "|": "vertical_line",
    "}": "right_curly_bracket", "~": "tilde",
}  # fmt: skip
"""The signs of a keyboard, and Textual's names of them."""

_NAMED: Final = {
    "Enter": ENTER, "Esc": ESCAPE, "Tab": "tab", "space": "space", "Backspace": "backspace", "Up": "up",
    "Down": "down", "Left": "left", "Right": "right", "PgUp": "pageup", "PgDn": "pagedown", "Home": "home",
    "End": "end", "Insert": "insert", "Delete": "delete", **{f"F{number}": f"f{number}" for number in range(1, 25)},
}  # fmt: skip
_OTHER_NAMES: Final = {"return": ENTER, "escape": ESCAPE, "pageup": "pageup", "pagedown": "pagedown", "del": "delete"}
_BY_NAME: Final = {**{name.casefold(): key for name, key in _NAMED.items()}, **_OTHER_NAMES}
_NAME_OF: Final = {key: name for name, key in _NAMED.items()} | {key: sign for sign, key in SIGNS.items()}
_MODIFIER: Final = re.compile(r"(ctrl|control|shift|alt|option|meta|super|cmd|hyper)[-+](?=.)", re.IGNORECASE)
_MOVES: Final = frozenset({"up", "down", "left", "right", "home", "end", "pageup", "pagedown"})
_SAME_AS: Final = {"i": "Tab", "m": "Enter", "h": "Backspace"}
_EXPECTED: Final = "expected a key such as G, ctrl-g or F5"


def parse_key(text: str) -> str:
    """Return Textual's name of a key. Raises `ValueError` with the reason."""
    modifiers, rest = set[str](), text
    while found := _MODIFIER.match(rest):
        modifiers.add(found[1].casefold().replace("control", "ctrl"))
        rest = rest[found.end() :]
    if others := modifiers - {"ctrl", "shift"}:
        raise ValueError(f"{min(others)} is never bound; {_EXPECTED}")
    if len(rest) == 1:
        return _character(rest, modifiers)
    if (key := _BY_NAME.get(rest.casefold())) is None:
        raise ValueError(_EXPECTED)
    may_have = {"ctrl", "shift"} if key in _MOVES else _modifiers_of(key)
    if not modifiers <= may_have:
        raise ValueError(f"terminals do not send it; {_EXPECTED}")
    return "+".join([*sorted(modifiers), key])


def _modifiers_of(key: str) -> set[str]:
    if key == "tab":
        return {"shift"}
    # Terminals send shift-F1 as F13.
    is_function_key = key[0] == "f" and key[1:].isdigit()
    return {"ctrl"} if key in {"delete", "insert"} or is_function_key else set()


def _character(character: str, modifiers: set[str]) -> str:
    if not (character.isascii() and character.isprintable()) or character == " ":
        raise ValueError(_EXPECTED)
    is_letter = character.isalpha()
    if modifiers == {"shift"} and is_letter:
        return character.upper()
    if not modifiers:
        return SIGNS.get(character, character)
    if modifiers != {"ctrl"} or not is_letter:
        raise ValueError(f"terminals do not send it; {_EXPECTED}")
    if (same := _SAME_AS.get(character.lower())) is not None:
        raise ValueError(f"terminals send {same} for it; {_EXPECTED}")
    return f"ctrl+{character.lower()}"


def key_name(key: str) -> str:
    """Return the name of one of Textual's keys in the file. `parse_key` is the inverse."""
    *modifiers, base = key.split("+")
    return "-".join([*modifiers, _NAME_OF.get(base, base)])


def is_printable(key: str) -> bool:
    """Return whether a key is text where something is typed."""
    return len(key) == 1 or key == "space" or (key in _NAME_OF and len(_NAME_OF[key]) == 1)


def is_capital(key: str) -> bool:
    """Return whether a key is a capital letter: the only keys of what writes."""
    return len(key) == 1 and key.isascii() and key.isupper()
