"""Keys: their names in the config file, and the check of a file's keys and commands, for `features.checked_file`."""

import re
import string
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Final, NamedTuple

from tui.settings.schema import CommandEntry
from tui.settings.settings import Complaint, ConfigFile, places_of

# The names of keys in the config file (`G`, `ctrl-g`, `F5`, `PgDn`), and those that Textual uses (`ctrl+g`, `f5`).
#
# Only keys that terminals send apart from all others have a name.


ESCAPE: Final = "escape"
ENTER: Final = "enter"
QUIT_KEYS: Final = ("ctrl+q", "ctrl+c")
RESERVED: Final = {ESCAPE: "goes back", ENTER: "confirms", QUIT_KEYS[0]: "quits", QUIT_KEYS[1]: "quits"}
"""Keys that no file changes, and what they do."""

_OWN_NAMES: Final = {"+": "plus", "-": "minus", "/": "slash", "\\": "backslash", "@": "at", "_": "underscore"}
SIGNS: Final = {
    sign: _OWN_NAMES.get(sign) or re.sub("[ -]", "_", unicodedata.name(sign).lower()) for sign in string.punctuation
}
"""The signs of a keyboard, and Textual's names of them: those of Unicode, but for a few."""

_NAMED: Final = {
    "Enter": ENTER, "Esc": ESCAPE, "Tab": "tab", "space": "space", "Backspace": "backspace", "Up": "up",
    "Down": "down", "Left": "left", "Right": "right", "PgUp": "pageup", "PgDn": "pagedown", "Home": "home",
    "End": "end", "Insert": "insert", "Delete": "delete", **{f"F{number}": f"f{number}" for number in range(1, 25)},
}  # fmt: skip
_OTHER_NAMES: Final = {"return": ENTER, "escape": ESCAPE, "pageup": "pageup", "pagedown": "pagedown", "del": "delete"}
_BY_NAME: Final = {**{name.casefold(): key for name, key in _NAMED.items()}, **_OTHER_NAMES}
NAME_OF: Final = {key: name for name, key in _NAMED.items()} | {key: sign for sign, key in SIGNS.items()}
"""The names of Textual's keys; a letter has none."""

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
    return "-".join([*modifiers, NAME_OF.get(base, base)])


def is_printable(key: str) -> bool:
    """Return whether a key is text where something is typed."""
    return len(key) == 1 or key == "space" or (key in NAME_OF and len(NAME_OF[key]) == 1)


def is_capital(key: str) -> bool:
    """Return whether a key is a capital letter. Only those may start something that changes runs."""
    return len(key) == 1 and key.isascii() and key.isupper()


# Finds what is wrong about the keys of a config file. A refused entry leaves the keys of its binding as they are.
#
# Two bindings may not share a key where both work, unless they do so by default. Own commands are part of this.


MAX_PROBLEMS: Final = 50
MAX_ID_CHARS: Final = 40
EVERYWHERE: Final = "everywhere"
"""The scope of bindings that work in each screen, also while something is typed."""

_MIN_LIKENESS: Final = 0.6
_LISTED: Final = "trigger-tui config --keys lists them"
_LEFT_OUT: Final = "this entry is ignored"

Keys = Mapping[str, Sequence[str]]
"""Keys by the ids of bindings."""


class BindingRow(NamedTuple):
    """What users know of a binding.

    * `id`: its name in the config file
    * `keys`: its keys by default, as Textual names them
    * `scope`: the view, pane or dialog where it is first met
    * `writes`: it changes runs
    """

    id: str
    keys: tuple[str, ...]
    word: str
    sentence: str
    scope: str
    writes: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The keys as the config file writes them."""
        return tuple(map(key_name, self.keys))


class KeyTable(NamedTuple):
    """All bindings, collected from the classes of the monitor (`features.key_table`).

    * `rows`: by their ids, in the order in which they are listed
    * `words`: the ids and words of all bindings; a command without a key may not be named like one of them
    * `places`: where keys work (a pane, page or dialog), and the ids of the bindings that work there
    * `text_places`, `text_keys`: the places where letters are text, and the keys that edit it
    """

    rows: Mapping[str, BindingRow]
    words: frozenset[str]
    places: Mapping[str, Sequence[str]]
    text_places: frozenset[str]
    text_keys: Sequence[str]

    def ids_by_key(self, place: str, keys: Keys) -> dict[str, set[str]]:
        """Return which bindings have a key in a place. Where the user types, the keys that edit the text belong to the
        binding "".
        """
        is_text = place in self.text_places
        found: dict[str, set[str]] = {}
        for binding in self.places[place]:
            for key in keys.get(binding, self.rows[binding].keys):
                if not (is_text and is_printable(key)):
                    found.setdefault(key, set()).add(binding)
        for key in self.text_keys if is_text else ():
            found.setdefault(key, set()).add("")
        return found

    def chosen(self, binding: str, names: Sequence[str]) -> tuple[str, ...]:
        """Return the keys of an entry. Raises `ValueError` with the reason if its binding may not have them."""
        if (row := self.rows.get(binding)) is None:
            from difflib import get_close_matches  # noqa: PLC0415  only for a wrong file

            nearest = get_close_matches(binding[:MAX_ID_CHARS], self.rows, 1, _MIN_LIKENESS)
            raise ValueError(f"no such binding; {f'did you mean {nearest[0]}?' if nearest else _LISTED}")
        keys: dict[str, None] = {}
        for name in names:
            try:
                keys[parse_key(name)] = None
            except ValueError as error:
                raise ValueError(f'{error}, got "{name}"; {self.stays(binding)}') from None
        if keys.keys() != set(row.keys) and (reason := self._forbidden(row, tuple(keys))):
            raise ValueError(f"{reason}; {self.stays(binding)}")
        return tuple(keys)

    def _forbidden(self, row: BindingRow, keys: Sequence[str]) -> str:
        """Return why a binding may not have these keys; empty if it may."""
        if missing := [key_name(key) for key in row.keys if key in RESERVED and key not in keys]:
            return f"{' and '.join(missing)} must stay: add {'it' if len(missing) == 1 else 'them'} to the list"
        for key in keys:
            if key in RESERVED and key not in row.keys:
                return f"{key_name(key)} always {RESERVED[key]}: expected another key"
            if row.writes and not is_capital(key):
                return f"an action needs a capital letter such as {row.names[0]}, got {key_name(key)}"
        printable = [key_name(key) for key in keys if is_printable(key)]
        if printable and row.scope == EVERYWHERE:
            return f"it works while you type too: expected a key such as ctrl-g or F5, got {printable[0]}"
        if printable and all(place in self.text_places for place in self.places_of(row.id)):
            return f"letters are text there: expected a key such as ctrl-g or F5, got {printable[0]}"
        return ""

    def places_of(self, binding: str) -> list[str]:
        """Return where a binding works."""
        return [place for place, ids in self.places.items() if binding in ids]

    def stays(self, binding: str) -> str:
        names = self.rows[binding].names
        return f"{' and '.join(names)} {'stays' if len(names) == 1 else 'stay'}"

    def clashes(self, keys: Keys) -> Iterator[tuple[str, tuple[str, str], str]]:
        """Yield each clash: a key, the ids of two bindings that have it in the same place, and the place. What they
        share by default is no clash.
        """
        for place in self.places:
            shared = {pair for ids in self.ids_by_key(place, {}).values() for pair in combinations(sorted(ids), 2)}
            for key, ids in self.ids_by_key(place, keys).items():
                yield from ((key, pair, place) for pair in combinations(sorted(ids), 2) if pair not in shared)


def with_checked_keys(file: ConfigFile, table: KeyTable) -> ConfigFile:
    """Return a file without the entries that are refused, and with what is wrong about them."""
    problems: list[Complaint] = []

    def complain(path: str, text: str, *, is_remark: bool = False) -> None:
        problems.append(Complaint(path, text, is_remark, file.shown))

    keys: dict[str, tuple[str, ...]] = {}
    for binding, names in file.values.keys.items():
        if len(problems) >= MAX_PROBLEMS:
            break
        try:
            keys[binding] = chosen = table.chosen(binding, names)
        except ValueError as error:
            complain(_path(binding), str(error))
            continue
        text = [key_name(key) for key in chosen if is_printable(key) and set(chosen) != set(table.rows[binding].keys)]
        if text and not table.text_places.isdisjoint(table.places_of(binding)):
            verb = "is" if len(text) == 1 else "are"
            complain(_path(binding), f"{' and '.join(text)} {verb} text where something is typed", is_remark=True)
    for binding, reason in _drop_clashes(keys, table):
        complain(_path(binding), reason)
    paths = places_of(file, "commands")
    refused = dict(_refused_commands(dict(zip(paths, file.values.commands, strict=True)), keys, table))
    for path, (name, reason) in refused.items():
        complain(f"{path}.{name}", f"{reason}; {_LEFT_OUT}")
    values = replace(
        file.values,
        keys={binding: names for binding, names in file.values.keys.items() if binding in keys},
        commands=tuple(each for path, each in zip(paths, file.values.commands, strict=True) if path not in refused),
    )
    used = {path for path in file.keys if not path.startswith("keys.") or path.removeprefix("keys.") in keys}
    complaints = (*file.complaints, *problems[:MAX_PROBLEMS])
    return replace(file, values=values, keys=frozenset(used - refused.keys()), complaints=complaints)


def _path(binding: str) -> str:
    return f"keys.{binding if len(binding) <= MAX_ID_CHARS else f'{binding[:MAX_ID_CHARS]}…'}"


def _drop_clashes(keys: dict[str, tuple[str, ...]], table: KeyTable) -> Iterator[tuple[str, str]]:
    """Remove entries that clash, the later one of two, until none does. Yield them with the reason."""
    order = {binding: number for number, binding in enumerate(keys)}

    def later(clash: tuple[str, tuple[str, str], str]) -> int:
        return max(order[binding] for binding in clash[1] if binding in keys)

    while keys and (clash := min(table.clashes(keys), key=later, default=None)):
        key, ids, place = clash
        binding = list(order)[later(clash)]
        other = next(each for each in ids if each != binding)
        taken = f"the key of {other} ({place})" if other else "a key that edits a text (where something is typed)"
        yield binding, f"{key_name(key)} is {taken}; {table.stays(binding)}"
        del keys[binding]


def _refused_commands(
    commands: Mapping[str, CommandEntry], keys: Keys, table: KeyTable
) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the paths of commands that are refused, with the wrong field and the reason.

    Of two with one key and one scope the first wins.
    """
    taken: dict[str, str] = {}
    for place in table.places_of("replay"):  # commands work in all panes of the views of runs and errors
        for key, ids in table.ids_by_key(place, keys).items():
            taken.setdefault(key, f"{key_name(key)} is the key of {min(ids)}")
    taken |= {key: f"{key_name(key)} always {effect}: expected another key" for key, effect in RESERVED.items()}
    of_commands: dict[tuple[str, str], str] = {}
    for path, command in commands.items():
        name = " ".join(command.name.casefold().split())
        if not command.key and name in table.words:
            wanted = "expected another name for a command without a key"
            yield path, ("name", f'{wanted}: "{name}" is a built-in command')
        if not command.key:
            continue
        try:
            key = parse_key(command.key)
        except ValueError as error:
            yield path, ("key", f'{error}, got "{command.key}"')
            continue
        if reason := taken.get(key) or of_commands.get((key, command.scope)):
            yield path, ("key", reason)
        else:
            of_commands[key, command.scope] = f'{key_name(key)} is the key of the command "{command.name}"'
