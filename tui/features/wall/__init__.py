"""Findings and the last hour: the wall, to be read in passing, and the overview while no run is selected."""

from functools import partial
from typing import TYPE_CHECKING

from tui.kit.feature import Feature
from tui.kit.layout import Placement, Slot
from tui.kit.pane_entry import PaneEntry

if TYPE_CHECKING:
    import click

    from tui.kit.list_panes import ViewEntrance
    from tui.kit.pane import Pane


def _pane(title: str) -> "type[Pane]":
    from tui.features.wall.panes import PANES  # noqa: PLC0415  loaded when first visible

    return PANES[title]


def _view() -> "type[ViewEntrance]":
    from tui.features.wall.view import WallEntrance  # noqa: PLC0415  loaded when first used

    return WallEntrance


def _commands() -> "tuple[click.Command, ...]":
    from tui.features.wall.command import COMMANDS  # noqa: PLC0415  loaded when it is run

    return COMMANDS


FEATURE = Feature(
    panes=(
        PaneEntry("overview", Placement(Slot.FIRST, is_overview=True), partial(_pane, "overview")),
        PaneEntry("failing now", Placement(Slot.SECOND, is_overview=True), partial(_pane, "failing now")),
        PaneEntry("tasks", Placement(Slot.THIRD, is_overview=True, is_below=True), partial(_pane, "tasks")),
        PaneEntry("queues", Placement(Slot.SECOND, is_overview=True), partial(_pane, "queues")),
    ),
    views={"wall": _view},
    commands={"status": _commands},
)
