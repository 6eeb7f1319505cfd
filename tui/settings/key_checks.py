"""What is wrong about the keys and commands of a config file, and the bindings as a list for users."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import combinations
from pathlib import Path
from typing import Final, NamedTuple

from tui.domain.own_commands import CommandScope, TemplateError, parse_template
from tui.lazy_dataclass import dataclass
from tui.settings.keys import EVERYWHERE, RESERVED, BindingRow, is_capital, is_printable, key_name, parse_key
from tui.settings.schema import CommandEntry
from tui.settings.settings import UNBIND, Complaint

# All bindings, so that their keys can be checked and listed without Textual.
#
# `python -m tests.support.binding_table` writes `key_table.json` from the live bindings, and a test compares the two.


_TABLE: Final = json.loads(Path(__file__).with_name("key_table.json").read_text(encoding="utf-8"))

TEXT_KEYS: Final[tuple[str, ...]] = tuple(_TABLE["text keys"])
"""Keys that edit a text."""

TEXT_PLACES: Final[tuple[str, ...]] = tuple(_TABLE["text places"])
"""Places where letters are text."""

PLACES: Final[Mapping[str, tuple[str, ...]]] = {place: tuple(scopes) for place, scopes in _TABLE["places"].items()}
"""Where keys work, and the scopes whose keys work there."""

BINDINGS: Final = tuple(
    BindingRow(each["id"], tuple(each["keys"]), each["word"], each["sentence"], tuple(each["scopes"]), each["writes"])
    for each in _TABLE["bindings"]
)


# Finds what is wrong about the keys of a config file. A refused entry leaves the keys of its binding as they are.
#
# Two bindings may not share a key where both work, unless they do so by default. Own commands are part of this.


MAX_PROBLEMS: Final = 50
MAX_ID_CHARS: Final = 40
_MIN_LIKENESS: Final = 0.6
_LISTED: Final = "trigger-tui config --keys lists them"
_COMMAND_SCOPES: Final = frozenset({"runs view", "errors view"})
"""Commands work in all panes of these views."""

ROWS: Final[dict[str, list[BindingRow]]] = {}
"""The rows of each binding."""

for _row in BINDINGS:
    ROWS.setdefault(_row.id, []).append(_row)


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
    return ROWS[binding][0].keys


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
    if binding not in ROWS:
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

    nearest = get_close_matches(binding[:MAX_ID_CHARS], ROWS, 1, _MIN_LIKENESS)
    return f"no such binding; {f'did you mean {nearest[0]}?' if nearest else _LISTED}"


def _forbidden(binding: str, keys: tuple[str, ...]) -> str:
    """Return why a binding may not have these keys; empty if it may."""
    rows, own = ROWS[binding], {key for key in default_keys(binding) if key in RESERVED}
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
    scopes = {scope for row in ROWS[binding] for scope in row.scopes}
    return {place for place, names in PLACES.items() if scopes.intersection(names)}


def _text_places(binding: str) -> set[str]:
    return _places(binding).intersection(TEXT_PLACES)


def _stays(binding: str) -> str:
    names = [key_name(key) for key in default_keys(binding)]
    return f"{' and '.join(names)} {'stays' if len(names) == 1 else 'stay'}"


class _Clash(NamedTuple):
    key: str
    ids: tuple[str, str]
    place: str


def _clashes(keys: Mapping[str, tuple[str, ...]]) -> Iterator[_Clash]:
    """Yield the pairs of bindings that share a key in a place, but not by default. A text field is the binding ""."""
    for place in PLACES:
        shared = {pair for ids in _ids_by_key(place, {}).values() for pair in combinations(sorted(ids), 2)}
        for key, ids in _ids_by_key(place, keys).items():
            for pair in combinations(sorted(ids), 2):
                if pair not in shared:
                    yield _Clash(key, pair, place)


def _ids_by_key(place: str, keys: Mapping[str, tuple[str, ...]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in BINDINGS:
        for key in () if _SCOPES[place].isdisjoint(row.scopes) else keys.get(row.id, row.keys):
            if place not in TEXT_PLACES or not is_printable(key):
                found.setdefault(key, set()).add(row.id)
    if place in TEXT_PLACES:
        for key in TEXT_KEYS:
            found.setdefault(key, set()).add("")
    return found


_SCOPES: Final = {place: frozenset(scopes) for place, scopes in PLACES.items()}


def _drop_clashes(keys: dict[str, tuple[str, ...]], problems: list[Complaint]) -> None:
    """Remove entries that clash, the later one of two, until none does."""
    order = {binding: number for number, binding in enumerate(keys)}
    while keys and (clashes := list(_clashes(keys))):
        by_entry = [
            (max((each for each in clash.ids if each in keys), key=order.__getitem__), clash) for clash in clashes
        ]
        dropped: set[str] = set()
        for binding, clash in sorted(by_entry, key=lambda each: order[each[0]]):
            other = next(each for each in clash.ids if each != binding)
            if binding in dropped or other in dropped:
                continue  # without the other entry, this one may be right
            dropped.add(binding)
            taken = f"the key of {other}" if other else "a key that edits a text"
            where = clash.place if other else "where something is typed"
            text = f"{key_name(clash.key)} is {taken} ({where}); {_stays(binding)}"
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
    for place, scopes in _SCOPES.items():
        if _COMMAND_SCOPES.intersection(scopes):
            for key, ids in _ids_by_key(place, keys).items():
                taken.setdefault(key, min(ids))
    return taken


# The bindings as a list for users: one entry an id, in the order of the table.


@dataclass(frozen=True, slots=True)
class ListedBinding:
    """One binding. `scope` is where it is first met; `keys` and `default` are as the config file writes them."""

    id: str
    scope: str
    keys: tuple[str, ...]
    default: tuple[str, ...]
    sentence: str


def listed_bindings(own: Mapping[str, tuple[str, ...]]) -> Iterator[ListedBinding]:
    """Yield all bindings. `own` are the user's keys by id."""
    for binding, (row, *_) in ROWS.items():
        default = tuple(map(key_name, row.keys))
        yield ListedBinding(binding, row.scopes[0], own.get(binding, default), default, row.sentence)


def keys_text(keys: Sequence[str]) -> str:
    """Return keys as one text."""
    return " ".join(keys) or UNBIND


# Checks a command of one's own beyond what its Struct can: its placeholders, its name, and whether its key may write.
# `check_keys` checks whether the key is free.


_WORDS: Final = frozenset(row.word for row in BINDINGS) | {row.id for row in BINDINGS}


def problem_of_command(entry: CommandEntry) -> tuple[str, str] | None:
    """Return the field of a command that is wrong, and what was expected; None if nothing is."""
    try:
        parse_template(entry.command, CommandScope(entry.scope))
    except TemplateError as error:
        return f"command[{error.index}]", str(error)
    if not entry.key and (name := " ".join(entry.name.casefold().split())) in _WORDS:
        return "name", f'expected another name for a command without a key: "{name}" is one of the program'
    with suppress(ValueError):  # not a key: reported with those that are taken
        if entry.key and not entry.readonly and not is_capital(parse_key(entry.key)):
            hint = "readonly = true says that it changes nothing"
            return "key", f'what writes takes only a capital such as K, got "{entry.key}" ({hint})'
    return None
