"""The table of bindings is that of the live ones."""

import ast
import string
from collections import defaultdict
from pathlib import Path

from textual.keys import _character_to_key

from tests.support import binding_table
from tui.kit.keys import key_label
from tui.settings.keys import SIGNS, check_keys, key_name, key_table, parse_key
from tui.settings.reader import read_document


def test_table_equals_the_live_bindings() -> None:
    text = binding_table.PATH.read_text(encoding="utf-8")
    assert text == binding_table.source(), "python -m tests.support.binding_table writes it"


def test_file_can_name_every_binding_and_key() -> None:
    """What `config --init` says about a binding is right in a file."""
    for row in key_table().bindings:
        names = tuple(map(key_name, row.keys))
        assert tuple(map(parse_key, names)) == row.keys, row.id
        read = read_document({"keys": {row.id: list(names)}}).values
        assert check_keys({row.id: names}).keys == {row.id: row.keys}
        assert read.keys == {row.id: names}


def test_signs_have_the_names_of_textual() -> None:
    assert {sign: _character_to_key(sign) for sign in string.punctuation} == SIGNS


def test_sentences_name_the_usual_keys() -> None:
    """Each `with_key("refresh", "r", …)` names a binding of the table, and its keys by default."""
    names = ("with_key", "key_of", "keys_of")
    texts = ((path, path.read_text(encoding="utf-8")) for path in Path("tui").rglob("*.py"))
    usual = {row.id: [key_label(key) for key in row.keys] for row in key_table().bindings}
    found = [
        (path.name, str(call.args[0].value), [arg.value for arg in call.args[1:] if isinstance(arg, ast.Constant)])
        for path, text in texts
        if any(name in text for name in names)
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in names
        and isinstance(call.args[0], ast.Constant)
    ]
    assert len(found) > 20
    assert [each for each in found if usual.get(each[1], [])[:1] != each[2][:1] and each[2]] == []


def test_page_of_keys_names_bindings_that_exist() -> None:
    rows = binding_table.help_rows()
    assert {name for row in rows for name in row.ids} - {row.id for row in key_table().bindings} == set()
    places = [(row.group, row.order) for row in rows]
    assert len(places) == len(set(places)) > 60


def test_binding_has_the_same_keys_wherever_it_is() -> None:
    keys = defaultdict(set)
    for row in key_table().bindings:
        keys[row.id].add(frozenset(row.keys))
    assert [binding for binding, found in keys.items() if len(found) > 1] == []
