"""Makes `tui/settings/key_table.json` from the live bindings: `python -m tests.support.binding_table` writes it."""

import importlib
import json
import pkgutil
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from textual.binding import Binding, BindingsMap
from textual.dom import DOMNode
from textual.screen import Screen

import tui
from tui.api.actions import ACTIONS
from tui.features import FORMS, PANES
from tui.features.detail.value import ValueScreen, ValueView
from tui.features.errors.screen import ErrorsScreen, GroupRunsPane, NewestFailurePane
from tui.features.queues.view import QueuesScreen
from tui.features.runs.filters import ClearAll, PeriodInput, ServerFiltersScreen, StatusGrid, ValueInput
from tui.features.runs.screen import MainScreen
from tui.kit.keys import MOTION, Help, key_label, places_of
from tui.kit.lines import CursorLines, Prompt, TextInput
from tui.kit.list_panes import ListPane, ListScreen, RowPagePane
from tui.kit.page import Page
from tui.kit.page_screen import PageScreen
from tui.kit.painted import PaintedScreen
from tui.kit.pane import Pane
from tui.kit.workspace import Workspace, keys_for
from tui.program.app import TriggerApp
from tui.settings import keys as table
from tui.settings.keys import EVERYWHERE, BindingRow

PATH = Path(table.__file__).with_name("key_table.json")
_BODIES = (CursorLines,)
"""What has the focus in a pane or page: all of them have the keys of `MOTION`."""
MOTION_SCOPE = "lists and pages"
_INSIDE: dict[type[DOMNode], tuple[type[DOMNode], ...]] = {
    ValueScreen: (ValueView,),
    ServerFiltersScreen: (ValueInput, PeriodInput, StatusGrid, ClearAll),
}
"""What has the focus in a screen, where it has keys of its own."""

_SAID = {TriggerApp, MainScreen, ListScreen, ErrorsScreen, QueuesScreen, Workspace, *_BODIES}
_PARTS = {*_SAID, *(kind for kinds in _INSIDE.values() for kind in kinds)}

_TITLES: dict[type[DOMNode], str] = {
    ListPane: "list",
    RowPagePane: "row",
    NewestFailurePane: "newest failure",
    GroupRunsPane: "runs",
    **{entry.load(): entry.title for entry in (*PANES, *FORMS)},
}
"""The names of panes for users."""


def live_rows() -> list[BindingRow]:
    """Return a row for each binding of each scope, equal ones together."""
    rows: dict[tuple[str, tuple[str, ...], str, str], list[str]] = {}
    for scope, bindings in _scopes().items():
        keys: dict[str, list[Binding]] = {}
        for each in bindings:
            keys.setdefault(each.id or "", []).append(each)
        for found in keys.values():
            first = found[0]
            keys_of = dict.fromkeys(key for each in found for key in each.key.split(","))
            shown = [key for key in keys_of if key_label(key) == first.key_display]
            names = tuple(dict.fromkeys([*shown, *keys_of]))
            rows.setdefault((first.id or "", names, first.description, first.tooltip), []).append(scope)
    writing = {*(action.id for action in ACTIONS), "delete-view"}
    return [
        BindingRow(binding, keys, word, sentence, tuple(scopes), writes=binding in writing)
        for (binding, keys, word, sentence), scopes in rows.items()
    ]


def help_rows() -> list[Help]:
    """Return the rows of the page of keys."""
    rows = (places_of(each).help for bindings in _scopes().values() for each in bindings)
    return list(dict.fromkeys(row for row in rows if row and row.ids[0] != "pane-1"))


def live_places() -> dict[str, tuple[str, ...]]:
    """Return the places with the scopes whose keys work there, the innermost last."""
    places: dict[str, tuple[str, ...]] = {
        _name(pane): (EVERYWHERE, view, MOTION_SCOPE, _name(pane)) for view, _, panes in _views() for pane in panes
    }
    for screen in _screens():
        if screen not in {MainScreen, ListScreen, ErrorsScreen, QueuesScreen}:
            pages = (MOTION_SCOPE,) if issubclass(screen, PageScreen) else ()
            places[_name(screen)] = (EVERYWHERE, *pages, _name(screen), *map(_name, _INSIDE.get(screen, ())))
    others = (
        kind
        for kind in _nodes()
        if not issubclass(kind, Screen | Pane | TriggerApp) and kind not in _PARTS and not _is_body(kind)
    )
    places |= {_name(kind): (EVERYWHERE, _name(kind)) for kind in others}
    scopes = _scopes()
    return {place: tuple(each for each in names if scopes.get(each)) for place, names in places.items()}


def live_text_places() -> list[str]:
    """Return the places where something is typed."""
    return [*(_name(each) for each in _screens() if each.has_text_field), _name(Prompt)]


def text_keys() -> list[str]:
    """Return the keys of a text field that have no id."""
    return sorted({binding.key for _, binding in bindings_of(TextInput) if binding.id is None})


def bindings_of(kind: type[DOMNode]) -> BindingsMap:
    merged = kind._merged_bindings
    assert merged is not None
    return merged


def _views() -> list[tuple[str, type[DOMNode], list[type[Pane]]]]:
    return [
        ("runs view", MainScreen, [entry.load() for entry in (*PANES, *FORMS)]),
        ("lists", ListScreen, [ListPane, RowPagePane]),
        ("errors view", ErrorsScreen, [NewestFailurePane, GroupRunsPane]),
        ("queues view", QueuesScreen, []),
    ]


def _scopes() -> dict[str, list[Binding]]:
    """Return what declares bindings, and these."""
    scopes = {EVERYWHERE: _ids(TriggerApp), MOTION_SCOPE: list(MOTION)}
    for view, screen, panes in _views():
        forms = [entry.load() for entry in FORMS]
        titles = [_TITLES[pane] for pane in panes if pane not in forms]
        keys = keys_for({title: number for number, title in enumerate(titles, 1)})
        scopes[view] = [*_ids(screen), *(each for each in keys if isinstance(each, Binding))]
        scopes |= {_name(pane): _ids(pane) for pane in panes}
    own = (kind for kind in _nodes() if not issubclass(kind, Pane) and kind not in _SAID and not _is_body(kind))
    leaves = set(_screens())
    return scopes | {_name(kind): _ids(kind) for kind in own if not issubclass(kind, Screen) or kind in leaves}


def _name(kind: type[DOMNode]) -> str:
    """Return the name of a place for users: the title of a pane, or the words of a class."""
    if issubclass(kind, Pane):
        return f"errors: {_TITLES[kind]}" if kind in {NewestFailurePane, GroupRunsPane} else _TITLES[kind]
    words = "".join(f" {each.lower()}" if each.isupper() else each for each in kind.__name__)
    return words.removesuffix(" screen").strip()


def _ids(kind: type[DOMNode]) -> list[Binding]:
    """Return the bindings of a class and its bases; without those of every page."""
    own = [binding for _, binding in bindings_of(kind) if binding.id is not None]
    return [each for each in own if not issubclass(kind, Page) or each.id not in {motion.id for motion in MOTION}]


def _is_body(kind: type[DOMNode]) -> bool:
    return issubclass(kind, _BODIES) and (kind in _BODIES or "BINDINGS" not in vars(kind))


def _screens() -> list[type[PaintedScreen[object]]]:
    return [kind for kind in _nodes() if issubclass(kind, PaintedScreen) and kind is not PageScreen]


def _nodes() -> list[type[DOMNode]]:
    """Return the classes of our own nodes that have bindings with ids."""
    found: dict[type[DOMNode], None] = {}
    ours = ("tui.kit.", "tui.features.", "tui.program.")
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        for each in vars(importlib.import_module(module.name)).values():
            if isinstance(each, type) and issubclass(each, DOMNode) and each.__module__.startswith(ours):
                found[each] = None
    own = [kind for kind in found if any(binding.id for _, binding in bindings_of(kind))]
    order = {name: number for number, name in enumerate(json.loads(PATH.read_text(encoding="utf-8"))["order"])}
    names = {kind: "" if issubclass(kind, Pane) else _name(kind) for kind in own}
    return sorted(own, key=lambda kind: (order.get(names[kind], len(order)), kind.__module__, kind.__name__))


def source() -> str:
    """Return the text of the table, one binding a line.

    What is known keeps its place in `order`, which `config --init` follows: a moved module changes nothing for users.
    """
    rows = [json.dumps(asdict(row), ensure_ascii=False) for row in live_rows()]
    order = [_name(kind) for kind in _nodes() if not issubclass(kind, Pane)]
    places = [f"{json.dumps(place)}: {json.dumps(scopes)}" for place, scopes in live_places().items()]
    return (
        f'{{\n"order": {json.dumps(order)},\n"text keys": {json.dumps(text_keys())},\n'
        f'"text places": {json.dumps(live_text_places())},\n'
        f'"places": {{\n{_lines(places)}\n}},\n"bindings": [\n{_lines(rows)}\n]\n}}\n'
    )


def _lines(rows: Iterable[str]) -> str:
    return ",\n".join(rows)


if __name__ == "__main__":
    PATH.write_text(source(), encoding="utf-8")
