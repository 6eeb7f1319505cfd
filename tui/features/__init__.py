"""The features, a folder for each thing that is shown or asked: the panes, views, lists and commands of all.

A new feature is a folder and its rows here. `kit` and all below it know no feature. Each function imports what it
returns, which is when it is first used.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tui.features.lists import LISTS as LISTED
from tui.features.lists import commands_of
from tui.kit.layout import Placement, Slot
from tui.kit.pane_entry import PaneEntry
from tui.store.addresses import VIEWS as ADDRESSED
from tui.store.addresses import register_list

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import click

    from tui.kit.list_panes import ListEntrance, ViewEntrance
    from tui.kit.lists import ListView
    from tui.kit.pane import Pane

# Panes.


def _runs() -> "type[Pane]":
    from tui.features.runs.view import RunListPane  # noqa: PLC0415

    return RunListPane


def _detail() -> "type[Pane]":
    from tui.features.detail.view import DetailPane  # noqa: PLC0415

    return DetailPane


def _attempts() -> "type[Pane]":
    from tui.features.attempts.view import AttemptsPane  # noqa: PLC0415

    return AttemptsPane


def _tree() -> "type[Pane]":
    from tui.features.tree.view import TreePane  # noqa: PLC0415

    return TreePane


def _logs() -> "type[Pane]":
    from tui.features.logs.view import LogsPane  # noqa: PLC0415

    return LogsPane


def _waterfall() -> "type[Pane]":
    from tui.features.tree.waterfall import WaterfallPane  # noqa: PLC0415

    return WaterfallPane


def _overview(title: str) -> "type[Pane]":
    from tui.features.wall.panes import PANES as OF_OVERVIEW  # noqa: PLC0415

    return OF_OVERVIEW[title]


PANES: Final[tuple[PaneEntry, ...]] = (
    PaneEntry("runs", Placement(Slot.MAIN, has_summary=True), _runs),
    PaneEntry("detail", Placement(Slot.FIRST), _detail),
    PaneEntry("attempts", Placement(Slot.SECOND), _attempts),
    PaneEntry("tree", Placement(Slot.THIRD, has_summary=True), _tree),
    PaneEntry("logs", Placement(Slot.THIRD, has_summary=True), _logs),
)
"""The panes of the main screen. The position of a pane is its number, which is the key that leads to it."""

FORMS: Final[tuple[PaneEntry, ...]] = (PaneEntry("waterfall", Placement(Slot.THIRD), _waterfall, form_of="tree"),)
"""Panes that are another form of one of `PANES`: they share its number and its place, and a key leads to them."""

OVERVIEW_PANES: Final = tuple(
    PaneEntry(title, placement, partial(_overview, title))
    for title, placement in {
        "overview": Placement(Slot.FIRST, is_overview=True),
        "failing now": Placement(Slot.SECOND, is_overview=True),
        "tasks": Placement(Slot.THIRD, is_overview=True, is_below=True),
        "queues": Placement(Slot.SECOND, is_overview=True),
    }.items()
)
"""The panes in place of those about the selected run, while no run is selected. Their numbers begin at 2."""

# Lists, and the other views that cover the list of runs.


def _errors() -> "ListView[Any]":
    from tui.features.errors.data import GROUPS  # noqa: PLC0415

    return GROUPS


def _queues() -> "ListView[Any]":
    from tui.features.queues.view import QUEUES  # noqa: PLC0415

    return QUEUES


LISTS: "Final[dict[str, Callable[[], ListView[Any]]]]" = {"errors": _errors, "queues": _queues, **LISTED}
"""The lists, each with a function that imports its declaration."""


def _errors_entrance() -> "type[ListEntrance]":
    from tui.features.errors.screen import ErrorsEntrance  # noqa: PLC0415

    return ErrorsEntrance


def _queues_entrance() -> "type[ListEntrance]":
    from tui.features.queues.view import QueuesEntrance  # noqa: PLC0415

    return QueuesEntrance


ENTRANCES: "Final[Mapping[str, Callable[[], type[ListEntrance]]]]" = {
    "errors": _errors_entrance,
    "queues": _queues_entrance,
}
"""The ways to lists whose screens have more than others."""


def _wall() -> "type[ViewEntrance]":
    from tui.features.wall.view import WallEntrance  # noqa: PLC0415

    return WallEntrance


VIEWS: "Final[Mapping[str, Callable[[], type[ViewEntrance]]]]" = {"wall": _wall}
"""The other views, the one that covers all others first."""


def _sorts_of(load: "Callable[[], ListView[Any]]") -> list[str]:
    return [order.id for order in load().orders]


def _sentence_of(load: "Callable[[], ListView[Any]]") -> str:
    return load().sentence


for _name, _load in LISTS.items():
    if _name not in ADDRESSED:
        register_list(_name, partial(_sorts_of, _load), partial(_sentence_of, _load))

# Commands. One function may import several.


def _run_commands() -> "tuple[click.Command, ...]":
    from tui.features.runs.command import COMMANDS  # noqa: PLC0415

    return COMMANDS


def _logs_commands() -> "tuple[click.Command, ...]":
    from tui.features.logs.command import COMMANDS  # noqa: PLC0415

    return COMMANDS


def _waterfall_commands() -> "tuple[click.Command, ...]":
    from tui.features.tree.command import COMMANDS  # noqa: PLC0415

    return COMMANDS


def _wall_commands() -> "tuple[click.Command, ...]":
    from tui.features.wall.command import COMMANDS  # noqa: PLC0415

    return COMMANDS


def _errors_commands() -> "tuple[click.Command, ...]":
    from tui.features.errors.command import COMMANDS  # noqa: PLC0415

    return COMMANDS


def _queues_commands() -> "tuple[click.Command, ...]":
    from tui.features.queues.command import COMMANDS  # noqa: PLC0415

    return COMMANDS


def _actions_commands() -> "tuple[click.Command, ...]":
    from tui.features.actions.command import COMMANDS  # noqa: PLC0415

    return COMMANDS


def _config_commands() -> "tuple[click.Command, ...]":
    from tui.features.config.command import COMMANDS  # noqa: PLC0415

    return COMMANDS


COMMANDS: "Final[dict[str, Callable[[], tuple[click.Command, ...]]]]" = {
    **dict.fromkeys(("ls", "show", "tree", "watch"), _run_commands),
    "logs": _logs_commands,
    "trace": _waterfall_commands,
    "status": _wall_commands,
    "errors": _errors_commands,
    "queues": _queues_commands,
    **{name: partial(commands_of, load) for name, load in LISTED.items()},
    **dict.fromkeys(("cancel", "replay"), _actions_commands),
    "config": _config_commands,
}
"""The commands of features by their names."""
