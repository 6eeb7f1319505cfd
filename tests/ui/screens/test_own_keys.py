"""Keys of one's own in panes and dialogs, and the table of all bindings."""

import string
from collections import defaultdict

from textual.dom import DOMNode
from textual.keys import _character_to_key

from tests.support.bindings import bindings_with_ids, classes_with_keys, help_rows
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, on_monitor
from tui.features import _KEY_SCOPES, key_table
from tui.features.command_line.view import CommandField, CommandLineScreen
from tui.features.copying.view import CopyMenu
from tui.kit.app import AppBase
from tui.kit.page_screen import help_keys
from tui.kit.painted import PaintedScreen
from tui.settings.keys import SIGNS, parse_key
from tui.settings.reader import read_document

KEYS: dict[str, tuple[str, ...]] = {
    "down": ("n", "Down"),
    "next-match": ("m",),
    "next-error": ("K", "F8"),
    "zoom": (),
    "next-pane": ("ctrl-g",),
    "log-level": ("v",),
    "waterfall": ("J",),
    "next-attempt": ("o",),
    "previous-attempt": ("i",),
    "next-command": ("ctrl-j", "Down"),
    "back": ("Esc", "b"),
    "withdraw": ("ctrl-w",),
}


def footer_of(monitor: Monitored) -> list[str]:
    return monitor.lines[-1].strip().split("   ")


def own(monitor: Monitored, keys: dict[str, tuple[str, ...]]) -> None:
    """Use other keys, as a changed config file does."""
    from dataclasses import replace

    monitor.app._use_keys(replace(monitor.app.session.settings, keys=keys))


@on_monitor(lambda: small_fleet(6))
async def test_own_keys_work_in_every_pane_and_dialog(monitor: Monitored) -> None:
    own(monitor, KEYS)
    await monitor.press("n", wait_s=1)
    assert "K failed run" in footer_of(monitor)
    assert not any(each.endswith(("zoom", "z back")) for each in footer_of(monitor))
    await monitor.press("tab")
    assert monitor.screen.pane.title == "runs", "Tab has no other meaning"
    await monitor.press("ctrl+g", "ctrl+g", wait_s=1)
    assert monitor.screen.pane.title == "attempts"
    await monitor.press("4", "J", wait_s=1)
    assert monitor.screen.pane.title == "waterfall", "it is made now"
    await monitor.press("J", wait_s=1)
    assert monitor.screen.pane.title == "tree"
    await monitor.press("j")
    assert "j is not a key here" in monitor.text
    keys = help_keys(monitor.screen, [entry.load() for entry in monitor.screen.workspace.unmade], may_write=True)
    assert (keys["next-error"].keys, keys["log-level"].keys, "zoom" in keys) == (("K", "F8"), ("v",), False)
    # Letters stay text where something is typed.
    own(monitor, KEYS | {"pause": ("K",), "next-error": ("x",)})
    await monitor.press("1", "slash", *"Knob", "ctrl+w", *"nb")
    assert monitor.lines[-1].strip().startswith("/ nb")
    await monitor.press("escape", "colon", *"nb")
    screen = monitor.app.screen
    assert isinstance(screen, CommandLineScreen)
    assert screen.query_one(CommandField).value == "nb"
    await monitor.press("backspace", "backspace")
    before = monitor.text
    await monitor.press("ctrl+j")
    assert monitor.text != before
    # Letters of the rows of a menu stay those of their rows.
    await monitor.press("escape")
    own(monitor, {"down": ("n", "p"), "up": ("e",), "pause": (), "unfold-all": ()})
    await monitor.press("p", "Y", wait_s=2)
    assert type(monitor.app.screen).__name__ == CopyMenu.__name__
    for key, count, why in (("n", 1, "n is no letter of a row"), ("up", 0, "e may be the letter of an error")):
        await monitor.press(key)
        assert monitor.lines[monitor.line_of("payload")].count("▌") == count, why
    await monitor.press("p")
    assert monitor.app.screen is monitor.screen, "the payload is copied"


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
