"""All bindings are collected from the live classes, and named rightly in files and sentences."""

import ast
import string
from collections import defaultdict
from pathlib import Path

from textual.dom import DOMNode
from textual.keys import _character_to_key

from tests.support.bindings import bindings_with_ids, classes_with_keys, help_rows
from tui.features import _KEY_SCOPES, key_table
from tui.kit.app import AppBase
from tui.kit.keys import key_label
from tui.kit.painted import PaintedScreen
from tui.settings.keys import SIGNS, parse_key
from tui.settings.reader import read_document


def test_every_class_with_keys_of_its_own_is_collected() -> None:
    collected: set[type[DOMNode]] = {AppBase, *(load() for load in _KEY_SCOPES.values())}
    own = [kind for kind in classes_with_keys() if "BINDINGS" in vars(kind) or issubclass(kind, PaintedScreen)]
    missing = {kind.__name__ for kind in own if not any(issubclass(each, kind) for each in collected)}
    assert missing == set(), "a row of `_KEY_SCOPES` in features/__init__.py, and one of `_KEY_PLACES`"
    known = key_table().rows.keys()
    assert {each.id for kind in classes_with_keys() for each in bindings_with_ids(kind)} - known == set()
    assert all(key_table().places_of(binding) for binding in known)


def test_file_can_name_every_binding_and_key() -> None:
    """What `config --init` says about a binding is right in a file."""
    for row in key_table().rows.values():
        assert tuple(map(parse_key, row.names)) == row.keys, row.id
        assert read_document({"keys": {row.id: list(row.names)}}).values.keys == {row.id: row.names}
        assert key_table().chosen(row.id, row.names) == row.keys


def test_signs_have_the_names_of_textual() -> None:
    assert {sign: _character_to_key(sign) for sign in string.punctuation} == SIGNS


def test_sentences_name_the_usual_keys() -> None:
    """Each `with_key("refresh", "r", …)` names a binding of the table, and its keys by default."""
    names = ("with_key", "key_of", "keys_of")
    texts = ((path, path.read_text(encoding="utf-8")) for path in Path("tui").rglob("*.py"))
    usual = {row.id: [key_label(key) for key in row.keys] for row in key_table().rows.values()}
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
    rows = help_rows()
    assert {name for row in rows for name in row.ids} - key_table().rows.keys() == set()
    places = [(row.group, row.order) for row in rows]
    assert len(places) == len(set(places)) > 60


def test_binding_has_the_same_keys_wherever_it_is() -> None:
    keys = defaultdict[str, set[str]](set)
    for binding in (each for kind in classes_with_keys() for each in bindings_with_ids(kind)):
        keys[binding.id or ""].add(binding.key)
    assert {name: found for name, found in keys.items() if not found <= set(key_table().rows[name].keys)} == {}
