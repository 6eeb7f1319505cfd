"""The features, a folder for each thing that is shown or asked: the panes, views, lists and commands of all.

A new feature is a folder and its rows here. `kit` and all below it know no feature. A row names a module and what is in
it, which is imported when it is first used.
"""

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from tui.kit.layout import PaneEntry, Placement, Slot
from tui.store.addresses import VIEWS as ADDRESSED
from tui.store.addresses import register_list

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import click

    from tui.kit.list_panes import ListEntrance, ViewEntrance
    from tui.kit.lists import ListView


def _in(place: str) -> "Callable[[], Any]":
    """Return a function that imports something of a feature: `detail.view:DetailPane`."""
    module, _, name = place.partition(":")
    return lambda: getattr(import_module(f"tui.features.{module}"), name)


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
    PaneEntry("failing now", Placement(Slot.SECOND, is_overview=True), _in("wall.panes:LinePane")),
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
    from tui.features.lists.command import list_command  # noqa: PLC0415  loaded when it is run

    return (list_command(LISTS[name]()),)


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
