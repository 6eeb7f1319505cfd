"""Which keys a config file may give to bindings and commands."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.settings.keys import (
    EVERYWHERE,
    RESERVED,
    check_keys,
    default_keys,
    is_capital,
    is_printable,
    key_name,
    key_table,
    parse_key,
)
from tui.settings.schema import CommandEntry

CASES = [
    ({"next-eror": ["K"]}, "keys.next-eror: no such binding; did you mean next-error?"),
    ({"zzz": ["K"]}, "keys.zzz: no such binding; trigger-tui config --keys lists them"),
    ({"next-error": ["foo"]}, 'keys.next-error: expected a key such as G, ctrl-g or F5, got "foo"; x stays'),
    ({"next-error": ["alt-x"]}, "keys.next-error: alt is never bound; expected a key such as G, ctrl-g or F5, got"),
    ({"next-error": ["ctrl-i"]}, "keys.next-error: terminals send Tab for it; expected"),
    ({"next-error": ["ctrl-1"]}, "keys.next-error: terminals do not send it; expected"),
    ({"next-error": ["Esc"]}, "keys.next-error: Esc always goes back: expected another key; x stays"),
    ({"next-error": ["ctrl-c"]}, "keys.next-error: ctrl-c always quits: expected another key; x stays"),
    ({"quit": ["ctrl-q"]}, "keys.quit: ctrl-c cannot be taken away: expected it too; ctrl-q and ctrl-c stay"),
    ({"back": []}, "keys.back: Esc cannot be taken away: expected it too; Esc stays"),
    ({"cancel": ["c"]}, "keys.cancel: what writes takes only a capital such as C, got c; C stays"),
    ({"replay": ["F6"]}, "keys.replay: what writes takes only a capital such as R, got F6; R stays"),
    ({"repaint": ["L"]}, "keys.repaint: it works while you type too: expected a key such as ctrl-g or F5, got L;"),
    ({"next-command": ["n"]}, "keys.next-command: letters are text there: expected a key such as ctrl-g or F5, got n;"),
    ({"next-error": ["q"]}, "keys.next-error: q is the key of close (runs); x stays"),
    ({"repaint": ["ctrl-e"]}, "keys.repaint: ctrl-e is a key that edits a text (where something is typed); ctrl-l"),
    ({"next-error": ["K"], "pause": ["K"]}, "keys.pause: K is the key of next-error (runs); p stays"),
    ({"back": ["Esc", "b"]}, "keys.back: b is text where something is typed"),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "said"), CASES)
def test_refused_entry_is_one_line(entries: dict[str, list[str]], said: str) -> None:
    (problem,) = check_keys(entries).problems
    assert f"{problem.where}: {problem.text}".startswith(said)


def test_refused_entry_leaves_the_others() -> None:
    checked = check_keys({"next-error": ["q"], "pause": ["F8", "K"], "suspend": []})
    assert checked.keys == {"pause": ("f8", "K"), "suspend": ()}


def test_two_bindings_may_swap_their_keys() -> None:
    assert check_keys({"sort": ["z"], "zoom": ["s"]}).problems == ()


def test_key_of_a_refused_entry_is_still_taken() -> None:
    checked = check_keys({"next-error": ["p"], "pause": ["Esc"]})
    assert checked.keys == {}
    assert [problem.where for problem in checked.problems] == ["keys.pause", "keys.next-error"]


def test_key_of_an_unbound_binding_is_free() -> None:
    assert check_keys({"pause": [], "next-error": ["p"]}).problems == ()


def command(key: str, **options: bool | str) -> CommandEntry:
    return CommandEntry(name=f"my {key}", key=key, command=("true",), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (command("q", readonly=True), "q is the key of close; this entry is left out"),
        (command("Esc", readonly=True), "Esc always goes back: expected another key; this entry is left out"),
        (command("nonsense"), 'expected a key such as G, ctrl-g or F5, got "nonsense"; this entry is left out'),
    ],
)
def test_command_cannot_have_a_key_in_use(entry: CommandEntry, said: str) -> None:
    checked = check_keys({}, {3: entry})
    assert checked.refused_commands == {3}
    assert checked.problems[0].where == "commands[3].key"
    assert checked.problems[0].text.startswith(said)


def test_command_may_have_a_key_that_is_given_up() -> None:
    checked = check_keys({"wide": [], "wrap": [], "pause": ["K"]}, {0: command("w", readonly=True), 1: command("K")})
    assert checked.refused_commands == {1}


def test_commands_of_one_scope_have_different_keys() -> None:
    same = command("F6", readonly=True)
    commands = {0: same, 1: same, 2: command("F6", readonly=True, scope="task"), 3: command(""), 4: command("")}
    assert check_keys({}, commands).refused_commands == {1}


NAMES = [
    *(key_name(key) for row in key_table().bindings for key in row.keys),
    *"abcKMQZ?'",
    "ctrl-g",
    "F9",
    "alt-x",
    "ctrl-c",
    "Esc",
]
TABLES = st.dictionaries(
    st.sampled_from([*key_table().by_id, "nonsense"]),
    st.lists(st.sampled_from(NAMES) | st.text(max_size=3), max_size=3),
    max_size=8,
)


@given(TABLES)
def test_no_table_takes_a_reserved_key_or_writes_in_lower_case(entries: dict[str, list[str]]) -> None:
    checked = check_keys(entries)
    for binding, keys in checked.keys.items():
        assert {key for key in keys if key in RESERVED} == {key for key in default_keys(binding) if key in RESERVED}
        assert not any("alt" in key for key in keys)
        if key_table().by_id[binding][0].writes:
            assert all(map(is_capital, keys))
        if any(EVERYWHERE in row.scopes for row in key_table().by_id[binding]):
            assert not any(map(is_printable, keys))
    refused = {f"keys.{binding}" for binding in entries if binding not in checked.keys}
    assert refused == {problem.where for problem in checked.problems if not problem.is_remark}


@given(TABLES)
def test_no_table_gives_two_bindings_one_key(entries: dict[str, list[str]]) -> None:
    own = check_keys(entries).keys
    for place, scopes in key_table().places.items():
        rows = [row for row in key_table().bindings if set(row.scopes) & set(scopes)]
        for one, other in combinations(rows, 2):
            both = set(own.get(one.id, one.keys)) & set(own.get(other.id, other.keys))
            if place in key_table().text_places:
                both = {key for key in both if not is_printable(key)}
            assert not both or one.id == other.id or set(one.keys) & set(other.keys), (place, one.id, other.id)


@pytest.mark.parametrize(
    ("text", "key"),
    [("G", "G"), ("shift-g", "G"), ("ctrl-G", "ctrl+g"), ("Ctrl+g", "ctrl+g"), ("f5", "f5"), ("PageDown", "pagedown"),
     ("-", "minus"), ("+", "plus"), ("shift-tab", "shift+tab"), ("ctrl-shift-up", "ctrl+shift+up"), ("'", "apostrophe"),
    ],
)  # fmt: skip
def test_key_has_several_spellings(text: str, key: str) -> None:
    assert parse_key(text) == key
