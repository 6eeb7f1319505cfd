"""Which keys a config file may give to bindings and commands."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.features import key_table
from tui.settings.keys import EVERYWHERE, RESERVED, is_capital, is_printable, parse_key, with_checked_keys
from tui.settings.schema import CommandEntry, FileSettings
from tui.settings.settings import ConfigFile

TABLE = key_table()


def checked(entries: dict[str, list[str]], commands: dict[int, CommandEntry] | None = None) -> ConfigFile:
    """Check the keys of a file, and its commands by their positions."""
    commands = commands or {}
    paths = [*(f"keys.{binding}" for binding in entries), *(f"commands[{number}]" for number in commands)]
    keys = {binding: tuple(names) for binding, names in entries.items()}
    values = FileSettings(keys=keys, commands=tuple(commands.values()))
    return with_checked_keys(ConfigFile(values=values, keys=frozenset(paths)), TABLE)


CASES = [
    ({"next-eror": ["K"]}, "keys.next-eror: no such binding; did you mean next-error?"),
    ({"next-error": ["foo"]}, 'keys.next-error: expected a key such as G, ctrl-g or F5, got "foo"; x stays'),
    ({"next-error": ["alt-x"]}, "keys.next-error: alt is never bound; expected a key such as G, ctrl-g or F5, got"),
    ({"next-error": ["ctrl-i"]}, "keys.next-error: terminals send Tab for it; expected"),
    ({"next-error": ["Esc"]}, "keys.next-error: Esc always goes back: expected another key; x stays"),
    ({"quit": ["ctrl-q"]}, "keys.quit: ctrl-c must stay: add it to the list; ctrl-q and ctrl-c stay"),
    ({"back": []}, "keys.back: Esc must stay: add it to the list; Esc stays"),
    ({"cancel": ["c"]}, "keys.cancel: an action needs a capital letter such as C, got c; C stays"),
    ({"repaint": ["L"]}, "keys.repaint: it works while you type too: expected a key such as ctrl-g or F5, got L;"),
    ({"next-command": ["n"]}, "keys.next-command: letters are text there: expected a key such as ctrl-g or F5, got n;"),
    ({"next-error": ["q"]}, "keys.next-error: q is the key of close (runs); x stays"),
    ({"next-error": ["K"], "pause": ["K"]}, "keys.pause: K is the key of next-error (runs); p stays"),
    ({"back": ["Esc", "b"]}, "keys.back: b is text where something is typed"),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "said"), CASES)
def test_refused_entry_is_one_line(entries: dict[str, list[str]], said: str) -> None:
    (problem,) = checked(entries).complaints
    assert f"{problem.where}: {problem.text}".startswith(said)


def test_refused_entry_leaves_the_others() -> None:
    file = checked({"next-error": ["q"], "pause": ["F8", "K"], "suspend": []})
    assert file.values.keys == {"pause": ("F8", "K"), "suspend": ()}
    assert file.keys == {"keys.pause", "keys.suspend"}


def test_key_of_a_refused_entry_is_still_taken() -> None:
    file = checked({"next-error": ["p"], "pause": ["Esc"]})
    assert file.values.keys == {}
    assert [problem.where for problem in file.complaints] == ["keys.pause", "keys.next-error"]


def command(key: str, **options: bool | str) -> CommandEntry:
    return CommandEntry(name=f"my {key}", key=key, command=("true",), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (command("q", readonly=True), "key: q is the key of close;"),
        (command("Esc", readonly=True), "key: Esc always goes back: expected another key;"),
        (command("nonsense"), 'key: expected a key such as G, ctrl-g or F5, got "nonsense";'),
        (
            CommandEntry(name="Failed  Run", command=("true",)),
            'name: expected another name for a command without a key: "failed run" is a built-in command;',
        ),
    ],
)
def test_command_cannot_have_a_key_or_name_in_use(entry: CommandEntry, said: str) -> None:
    file = checked({}, {3: entry, 5: command("F6", readonly=True)})
    assert [f"{each.where}: {each.text}" for each in file.complaints] == [f"commands[3].{said} this entry is ignored"]
    assert file.keys == {"commands[5]"}
    assert [each.key for each in file.values.commands] == ["F6"]


def test_commands_of_one_scope_have_different_keys() -> None:
    same = command("F6", readonly=True)
    commands = {0: same, 1: same, 2: command("F6", readonly=True, scope="task"), 3: command(""), 4: command("")}
    assert checked({}, commands).keys == {f"commands[{number}]" for number in (0, 2, 3, 4)}


NAMES = [*(name for row in TABLE.rows.values() for name in row.names), *"abcKMQZ?'", "ctrl-g", "F9", "alt-x"]
TABLES = st.dictionaries(
    st.sampled_from([*TABLE.rows, "nonsense"]),
    st.lists(st.sampled_from(NAMES) | st.text(max_size=3), max_size=3),
    max_size=8,
)


@settings(max_examples=60)
@given(TABLES)
def test_no_table_takes_a_reserved_key_writes_in_lower_case_or_shares_a_key(entries: dict[str, list[str]]) -> None:
    file = checked(entries)
    own = {binding: tuple(map(parse_key, names)) for binding, names in file.values.keys.items()}
    for binding, keys in own.items():
        row = TABLE.rows[binding]
        assert {key for key in keys if key in RESERVED} == {key for key in row.keys if key in RESERVED}
        assert not any("alt" in key for key in keys)
        assert not row.writes or all(map(is_capital, keys))
        assert row.scope != EVERYWHERE or not any(map(is_printable, keys))
    refused = {f"keys.{binding}" for binding in entries if binding not in own}
    assert refused == {problem.where for problem in file.complaints if not problem.is_remark}
    for place, ids in TABLE.places.items():
        rows = [TABLE.rows[binding] for binding in ids]
        # Two rows that the file leaves alone share what they share.
        for one, other in product([row for row in rows if row.id in own], rows):
            both = set(own[one.id]) & set(own.get(other.id, other.keys))
            if place in TABLE.text_places:
                both = {key for key in both if not is_printable(key)}
            assert not both or one is other or set(one.keys) & set(other.keys), (place, one.id, other.id)


@pytest.mark.parametrize(
    ("text", "key"),
    [("G", "G"), ("shift-g", "G"), ("ctrl-G", "ctrl+g"), ("Ctrl+g", "ctrl+g"), ("f5", "f5"), ("PageDown", "pagedown"),
     ("-", "minus"), ("+", "plus"), ("shift-tab", "shift+tab"), ("ctrl-shift-up", "ctrl+shift+up"), ("'", "apostrophe"),
    ],
)  # fmt: skip
def test_key_has_several_spellings(text: str, key: str) -> None:
    assert parse_key(text) == key
