"""The features, a folder for each thing that is shown or asked: the panes, views, lists and commands of all.

A new feature is a folder and its rows here. `kit` and all below it know no feature. A row names a module and what is in
it, which is imported when it is first used.
"""

from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from tui.kit.layout import PaneEntry, Placement, Slot
from tui.store.addresses import VIEWS as ADDRESSED
from tui.store.addresses import register_list

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import click

    from tui.kit.list_panes import ListEntrance, ViewEntrance
    from tui.kit.lists import ListView
    from tui.settings.keys import KeyTable
    from tui.settings.settings import ConfigFile


def _in(place: str, room: str = "features") -> "Callable[[], Any]":
    """Return a function that imports something of a feature: `detail.view:DetailPane`."""
    module, _, name = place.partition(":")
    return lambda: getattr(import_module(f"tui.{room}.{module}"), name)


def late(place: str) -> "Callable[..., Any]":
    """Return a function that imports one of a feature when it is first called, and calls it."""
    load = _in(place)

    def call(*arguments: Any) -> Any:
        return load()(*arguments)

    return call


PANES: Final[tuple[PaneEntry, ...]] = (
    PaneEntry("runs", Placement(Slot.MAIN, has_summary=True), _in("runs.view:RunListPane")),
    PaneEntry("detail", Placement(Slot.FIRST), _in("detail.view:DetailPane")),
    PaneEntry("attempts", Placement(Slot.SECOND), _in("attempts.view:AttemptsPane")),
    PaneEntry("tree", Placement(Slot.THIRD, has_summary=True), _in("tree.view:TreePane")),
    PaneEntry("logs", Placement(Slot.THIRD, has_summary=True), _in("logs.view:LogsPane")),
)
"""The panes of the main screen. The position of a pane is its number, which is the key that leads to it."""

FORMS: Final[tuple[PaneEntry, ...]] = (
    PaneEntry("waterfall", Placement(Slot.THIRD), _in("tree.waterfall:WaterfallPane"), form_of="tree"),
)
"""Panes that are another form of one of `PANES`: they share its number and its place, and a key leads to them."""

OVERVIEW_PANES: Final[tuple[PaneEntry, ...]] = (
    PaneEntry("overview", Placement(Slot.FIRST, is_overview=True), _in("wall.panes:OverviewPane")),
    PaneEntry("errors", Placement(Slot.SECOND, is_overview=True), _in("wall.panes:LinePane")),
    PaneEntry("tasks", Placement(Slot.THIRD, is_overview=True, is_below=True), _in("wall.panes:OverviewTasksPane")),
    PaneEntry("queues", Placement(Slot.SECOND, is_overview=True), _in("wall.panes:LinePane")),
)
"""The panes in place of those about the selected run, while no run is selected. Their numbers begin at 2."""

LISTED: Final = ("schedules", "deployments", "tokens")
"""The lists of one file each: a module of `lists` has a `VIEW`, from which its screen, address and command follow."""

LISTS: "Final[dict[str, Callable[[], ListView[Any]]]]" = {
    "errors": _in("errors.data:GROUPS"),
    "queues": _in("queues.view:QUEUES"),
    **{name: _in(f"lists.{name}:VIEW") for name in LISTED},
}
"""The lists by their names."""

ENTRANCES: "Final[Mapping[str, Callable[[], type[ListEntrance]]]]" = {
    "errors": _in("errors.screen:ErrorsEntrance"),
    "queues": _in("queues.view:QueuesEntrance"),
}
"""The ways to lists whose screens have more than others."""

VIEWS: "Final[Mapping[str, Callable[[], type[ViewEntrance]]]]" = {"wall": _in("wall.view:WallEntrance")}
"""The other views, the one that covers all others first."""


def _sorts_of(load: "Callable[[], ListView[Any]]") -> list[str]:
    return [order.id for order in load().orders]


def _sentence_of(load: "Callable[[], ListView[Any]]") -> str:
    return load().sentence


for _name, _load in LISTS.items():
    if _name not in ADDRESSED:
        register_list(_name, partial(_sorts_of, _load), partial(_sentence_of, _load))


def command_of_list(name: str) -> "tuple[click.Command, ...]":
    """Make the command of a list that has no other."""
    return (_in("lists.command:list_command")()(LISTS[name]()),)


COMMANDS: "Final[dict[str, Callable[[], tuple[click.Command, ...]]]]" = {
    **dict.fromkeys(("ls", "show", "tree", "watch"), _in("runs.command:COMMANDS")),
    "logs": _in("logs.command:COMMANDS"),
    "trace": _in("tree.command:COMMANDS"),
    "status": _in("wall.command:COMMANDS"),
    "errors": _in("errors.command:COMMANDS"),
    "queues": _in("queues.command:COMMANDS"),
    **{name: partial(command_of_list, name) for name in LISTED},
    **dict.fromkeys(("cancel", "replay"), _in("actions.command:COMMANDS")),
    "config": _in("config.command:COMMANDS"),
}
"""The commands of features by their names. A module may have several."""


# The keys that the config file may change, collected from the classes that declare them.


_MOTION: Final = "lists and pages"
"""The scope of the keys that move the cursor in every pane and page."""

_KEY_SCOPES: "Final[Mapping[str, Callable[[], type[Any]]]]" = {
    _MOTION: _in("lines:CursorLines", "kit"),
    "runs view": _in("runs.screen:MainScreen"),
    **{each.title: each.load for each in (*PANES, *FORMS)},
    "lists": _in("list_panes:ListScreen", "kit"),
    "list": _in("list_panes:ListPane", "kit"),
    "errors view": _in("errors.screen:ErrorsScreen"),
    "errors: newest failure": _in("errors.screen:NewestFailurePane"),
    "queues view": _in("queues.view:QueuesScreen"),
    "link dialog": _in("page_screen:LinkDialog", "kit"),
    "read menu": _in("copying.view:ReadMenu"),
    "columns": _in("columns.dialog:ColumnsScreen"),
    "column path": _in("columns.dialog:ColumnPathScreen"),
    "command line": _in("command_line.view:CommandLineScreen"),
    "compared": _in("attempts.compared:ComparedScreen"),
    "copy menu": _in("copying.view:CopyMenu"),
    "part menu": _in("copying.view:PartMenu"),
    "help": _in("page_screen:HelpScreen", "kit"),
    "messages": _in("page_screen:MessagesScreen", "kit"),
    "clear all": _in("runs.filters:ClearAll"),
    "server filters": _in("runs.filters:ServerFiltersScreen"),
    "value": _in("detail.value:ValueScreen"),
    "letter menu": _in("views.view:LetterMenu"),
    "save view": _in("views.view:SaveView"),
    "views": _in("views.view:ViewsScreen"),
    "wall": _in("wall.view:WallScreen"),
    "prompt": _in("lines:Prompt", "kit"),
    "status grid": _in("runs.filters:StatusGrid"),
    "period input": _in("runs.filters:PeriodInput"),
    "value input": _in("runs.filters:ValueInput"),
    "value view": _in("detail.value:ValueView"),
}
"""The classes that declare keys with an id, by the names that users read, in the order of `config --keys`."""

_NUMBERED: "Final[Mapping[str, Sequence[str]]]" = {
    "runs view": [each.title for each in PANES],
    "lists": ("list", "row"),
    "errors view": ("newest failure", "runs"),
    "queues view": (),
}
"""The panes that have keys of their own in a view: their numbers."""

_KEY_PLACES: "Final[Mapping[str, Sequence[str]]]" = {
    **{each.title: ("runs view", _MOTION, each.title) for each in (*PANES, *FORMS)},
    "list": ("lists", _MOTION, "list"),
    "row": ("lists", _MOTION),
    "errors: newest failure": ("errors view", _MOTION, "errors: newest failure"),
    "errors: runs": ("errors view", _MOTION),
    **{each: (each,) for each in ("link dialog", "read menu", "columns", "column path", "command line")},
    "compared": (_MOTION, "compared"),
    **{each: (each,) for each in ("copy menu", "part menu")},
    **{each: (_MOTION, each) for each in ("help", "messages")},
    "server filters": ("server filters", "status grid", "period input", "value input", "clear all"),
    "value": (_MOTION, "value", "value view"),
    **{each: (each,) for each in ("letter menu", "save view")},
    "views": (_MOTION, "views"),
    **{each: (each,) for each in ("wall", "prompt")},
    **{each: (f"{each} view", _MOTION, "list") for each in ("errors", "queues")},
}
"""Where keys work, and the scopes whose keys work there, besides those of the app."""


@cache
def key_table() -> "KeyTable":
    """Collect all bindings. It imports every screen: only keys and commands of the user's own need that."""
    from tui.api.actions import ACTIONS  # noqa: PLC0415
    from tui.kit.app import AppBase  # noqa: PLC0415
    from tui.kit.keys import bindings_by_id, merged_bindings  # noqa: PLC0415
    from tui.kit.lines import TextInput  # noqa: PLC0415
    from tui.kit.workspace import keys_for  # noqa: PLC0415
    from tui.settings.keys import EVERYWHERE, BindingRow, KeyTable  # noqa: PLC0415

    kinds: dict[str, type[Any]] = {EVERYWHERE: AppBase, **{scope: load() for scope, load in _KEY_SCOPES.items()}}
    writing = {*(action.id for action in ACTIONS), "delete-view"}
    ids: dict[str, set[str]] = {}
    rows: dict[str, BindingRow] = {}
    words: set[str] = set()
    for scope, kind in kinds.items():
        panes = _NUMBERED.get(scope)
        numbers = () if panes is None else keys_for({title: number for number, title in enumerate(panes, 1)})
        found = bindings_by_id(kind, numbers)
        for binding, (first, keys) in found.items():
            row = BindingRow(binding, keys, first.description, first.tooltip, scope, binding in writing)
            rows.setdefault(binding, row)
            words |= {binding, row.word}
        ids[scope] = set(found)
    places = {place: ids[EVERYWHERE].union(*map(ids.__getitem__, scopes)) for place, scopes in _KEY_PLACES.items()}
    return KeyTable(
        rows,
        frozenset(words),
        {place: [binding for binding in rows if binding in found] for place, found in places.items()},
        frozenset(place for place in places if getattr(kinds.get(place), "has_text_field", False)),
        sorted({key for key, binding in merged_bindings(TextInput) if binding.id is None}),
    )


def checked_file(file: "ConfigFile") -> "ConfigFile":
    """Return a config file without keys and commands that clash with the bindings, and with a complaint about each."""
    if not file.values.keys and not file.values.commands:
        return file  # as for most users: nothing is imported
    from tui.settings.keys import with_checked_keys  # noqa: PLC0415

    return with_checked_keys(file, key_table())
