"""Keys: their names in the config file, the table of all bindings, and what is wrong about the keys of a file."""

import json
import re
import string
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Final, NamedTuple

from tui.domain.own_commands import CommandScope, TemplateError, parse_template
from tui.lazy_dataclass import dataclass
from tui.settings.schema import CommandEntry
from tui.settings.settings import Complaint

# A row of the table of bindings, and the names of keys in the config file.


EVERYWHERE: Final = "everywhere"
"""The scope of bindings that work in each screen, also while something is typed."""


@dataclass(frozen=True, slots=True)
class BindingRow:
    """What users know of a binding, in some of the scopes where it works.

    * `id`: its name in the config file
    * `keys`: its keys by default, as Textual names them
    * `scopes`: the views, panes and dialogs that declare it; `KeyTable.places` says which are together
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


# All bindings, so that their keys can be checked and listed without Textual.
#
# `python -m tests.support.binding_table` writes `key_table.json` from the live bindings, and a test compares the two.


class KeyTable(NamedTuple):
    """All bindings.

    * `bindings`, `by_id`: the rows; one id may have several
    * `text_keys`, `text_places`: the keys that edit a text, and the places where letters are text
    * `places`: where keys work, and the scopes whose keys work there
    """

    bindings: tuple[BindingRow, ...]
    by_id: Mapping[str, Sequence[BindingRow]]
    text_keys: tuple[str, ...]
    text_places: tuple[str, ...]
    places: Mapping[str, frozenset[str]]


@cache
def key_table() -> KeyTable:
    """Read the table: 5 ms, which a start without own keys does not need."""
    table = json.loads(Path(__file__).with_name("key_table.json").read_text(encoding="utf-8"))
    rows = tuple(
        BindingRow(**each | {"keys": tuple(each["keys"]), "scopes": tuple(each["scopes"])})
        for each in table["bindings"]
    )
    by_id: dict[str, list[BindingRow]] = {}
    for row in rows:
        by_id.setdefault(row.id, []).append(row)
    places = {place: frozenset(scopes) for place, scopes in table["places"].items()}
    return KeyTable(rows, by_id, tuple(table["text keys"]), tuple(table["text places"]), places)


# Finds what is wrong about the keys of a config file. A refused entry leaves the keys of its binding as they are.
#
# Two bindings may not share a key where both work, unless they do so by default. Own commands are part of this.


MAX_PROBLEMS: Final = 50
MAX_ID_CHARS: Final = 40
_MIN_LIKENESS: Final = 0.6
_LISTED: Final = "trigger-tui config --keys lists them"
_COMMAND_SCOPES: Final = frozenset({"runs view", "errors view"})
"""Commands work in all panes of these views."""


@dataclass(frozen=True, slots=True)
class CheckedKeys:
    """What may be used.

    * `keys`: the accepted entries, as Textual names keys
    * `refused_commands`: the positions of commands whose keys are refused
    """

    keys: Mapping[str, tuple[str, ...]]
    refused_commands: frozenset[int]
    problems: tuple[Complaint, ...]


def default_keys(binding: str) -> tuple[str, ...]:
    """Return the keys of a binding without a config file."""
    return key_table().by_id[binding][0].keys


def check_keys(entries: Mapping[str, Sequence[str]], commands: Mapping[int, CommandEntry] | None = None) -> CheckedKeys:
    """Check keys as the file writes them, by the ids of bindings, and those of commands, by their positions."""
    problems: list[Complaint] = []
    keys: dict[str, tuple[str, ...]] = {}
    for binding, names in entries.items():
        if len(problems) >= MAX_PROBLEMS:
            break
        found, reason, is_remark = _read(binding, names)
        if reason:
            problems.append(Complaint(_path(binding), reason, is_remark))
        if found is not None:
            keys[binding] = found
    _drop_clashes(keys, problems)
    refused = _refused_commands(keys, commands or {}, problems)
    return CheckedKeys(keys, frozenset(refused), tuple(problems[:MAX_PROBLEMS]))


def _path(binding: str) -> str:
    return f"keys.{binding if len(binding) <= MAX_ID_CHARS else f'{binding[:MAX_ID_CHARS]}…'}"


def _read(binding: str, names: Sequence[str]) -> tuple[tuple[str, ...] | None, str, bool]:
    """Return the keys of an entry, or None; what is wrong about them; and whether that is only a remark."""
    if binding not in key_table().by_id:
        return None, _unknown(binding), False
    stays = _stays(binding)
    keys: list[str] = []
    for name in names:
        try:
            keys.append(parse_key(name))
        except ValueError as error:
            return None, f'{error}, got "{name}"; {stays}', False
    chosen = tuple(dict.fromkeys(keys))
    if set(chosen) == set(default_keys(binding)):
        return chosen, "", False
    if reason := _forbidden(binding, chosen):
        return None, f"{reason}; {stays}", False
    if (text := [key for key in chosen if is_printable(key)]) and _text_places(binding):
        typed = " and ".join(key_name(key) for key in text)
        return chosen, f"{typed} {'is' if len(text) == 1 else 'are'} text where something is typed", True
    return chosen, "", False


def _unknown(binding: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415  only for a wrong file

    nearest = get_close_matches(binding[:MAX_ID_CHARS], key_table().by_id, 1, _MIN_LIKENESS)
    return f"no such binding; {f'did you mean {nearest[0]}?' if nearest else _LISTED}"


def _forbidden(binding: str, keys: tuple[str, ...]) -> str:
    """Return why a binding may not have these keys; empty if it may."""
    rows, own = key_table().by_id[binding], {key for key in default_keys(binding) if key in RESERVED}
    if missing := [key_name(key) for key in default_keys(binding) if key in own and key not in keys]:
        return f"{' and '.join(missing)} cannot be taken away: expected {'it' if len(missing) == 1 else 'them'} too"
    for key in keys:
        if key in RESERVED and key not in own:
            return f"{key_name(key)} always {RESERVED[key]}: expected another key"
        if rows[0].writes and not is_capital(key):
            return f"what writes takes only a capital such as {key_name(default_keys(binding)[0])}, got {key_name(key)}"
    printable = [key_name(key) for key in keys if is_printable(key)]
    if printable and any(EVERYWHERE in row.scopes for row in rows):
        return f"it works while you type too: expected a key such as ctrl-g or F5, got {printable[0]}"
    if printable and _text_places(binding) == _places(binding):
        return f"letters are text there: expected a key such as ctrl-g or F5, got {printable[0]}"
    return ""


def _places(binding: str) -> set[str]:
    scopes = {scope for row in key_table().by_id[binding] for scope in row.scopes}
    return {place for place, names in key_table().places.items() if scopes.intersection(names)}


def _text_places(binding: str) -> set[str]:
    return _places(binding).intersection(key_table().text_places)


def _stays(binding: str) -> str:
    names = [key_name(key) for key in default_keys(binding)]
    return f"{' and '.join(names)} {'stays' if len(names) == 1 else 'stay'}"


def _clashes(keys: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, tuple[str, str], str]]:
    """Yield the keys that two bindings share in a place, but not by default, with their ids and the place.

    A text field is the binding "".
    """
    for place in key_table().places:
        shared = {pair for ids in _ids_by_key(place, {}).values() for pair in combinations(sorted(ids), 2)}
        for key, ids in _ids_by_key(place, keys).items():
            for pair in combinations(sorted(ids), 2):
                if pair not in shared:
                    yield key, pair, place


def _ids_by_key(place: str, keys: Mapping[str, tuple[str, ...]]) -> dict[str, set[str]]:
    table = key_table()
    found: dict[str, set[str]] = {}
    for row in table.bindings:
        for key in () if table.places[place].isdisjoint(row.scopes) else keys.get(row.id, row.keys):
            if place not in key_table().text_places or not is_printable(key):
                found.setdefault(key, set()).add(row.id)
    if place in key_table().text_places:
        for key in key_table().text_keys:
            found.setdefault(key, set()).add("")
    return found


def _drop_clashes(keys: dict[str, tuple[str, ...]], problems: list[Complaint]) -> None:
    """Remove entries that clash, the later one of two, until none does."""
    order = {binding: number for number, binding in enumerate(keys)}
    while keys and (clashes := list(_clashes(keys))):
        by_entry = [
            (max((each for each in clash[1] if each in keys), key=order.__getitem__), clash) for clash in clashes
        ]
        dropped: set[str] = set()
        for binding, (key, ids, place) in sorted(by_entry, key=lambda each: order[each[0]]):
            other = next(each for each in ids if each != binding)
            if binding in dropped or other in dropped:
                continue  # without the other entry, this one may be right
            dropped.add(binding)
            taken = f"the key of {other}" if other else "a key that edits a text"
            where = place if other else "where something is typed"
            text = f"{key_name(key)} is {taken} ({where}); {_stays(binding)}"
            problems.append(Complaint(_path(binding), text))
            del keys[binding]


def _refused_commands(
    keys: Mapping[str, tuple[str, ...]], commands: Mapping[int, CommandEntry], problems: list[Complaint]
) -> Iterator[int]:
    """Yield the positions of commands that cannot have their keys. Of two with one key and one scope the first wins."""
    taken = _taken_by_views(keys)
    of_commands: dict[tuple[str, str], str] = {}
    for number, command in commands.items():
        if not command.key:
            continue
        try:
            key = parse_key(command.key)
        except ValueError as error:
            reason = f'{error}, got "{command.key}"'
        else:
            if key in RESERVED:
                reason = f"{key_name(key)} always {RESERVED[key]}: expected another key"
            elif key in taken:
                reason = f"{key_name(key)} is the key of {taken[key]}"
            elif other := of_commands.get((key, command.scope)):
                reason = f'{key_name(key)} is the key of the command "{other}"'
            else:
                of_commands[key, command.scope] = command.name
                continue
        problems.append(Complaint(f"commands[{number}].key", f"{reason}; this entry is left out"))
        yield number


def _taken_by_views(keys: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return the keys of the panes with lists of runs or errors, and the bindings that have them."""
    taken: dict[str, str] = {}
    for place, scopes in key_table().places.items():
        if _COMMAND_SCOPES.intersection(scopes):
            for key, ids in _ids_by_key(place, keys).items():
                taken.setdefault(key, min(ids))
    return taken


def listed_bindings() -> Iterator[BindingRow]:
    """Yield one row of each binding, in the order of the table, with its keys as the config file writes them.

    The first of its scopes is where it is first met.
    """
    return (replace(row, keys=tuple(map(key_name, row.keys))) for row, *_ in key_table().by_id.values())


# Checks a command of one's own beyond what its Struct can: its placeholders, its name, and whether its key may write.
# `check_keys` checks whether the key is free.


def problem_of_command(entry: CommandEntry) -> tuple[str, str] | None:
    """Return the field of a command that is wrong, and what was expected; None if nothing is."""
    try:
        parse_template(entry.command, CommandScope(entry.scope))
    except TemplateError as error:
        return f"command[{error.index}]", str(error)
    if not entry.key and (name := " ".join(entry.name.casefold().split())) in {
        word for row in key_table().bindings for word in (row.word, row.id)
    }:
        return "name", f'expected another name for a command without a key: "{name}" is one of the program'
    with suppress(ValueError):  # not a key: reported with those that are taken
        if entry.key and not entry.readonly and not is_capital(parse_key(entry.key)):
            hint = "readonly = true says that it changes nothing"
            return "key", f'what writes takes only a capital such as K, got "{entry.key}" ({hint})'
    return None
