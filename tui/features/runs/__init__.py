"""The list of runs, and the screen that has it."""

from typing import TYPE_CHECKING

from tui.kit.feature import Feature
from tui.kit.layout import Placement, Slot
from tui.kit.pane_entry import PaneEntry

if TYPE_CHECKING:
    import click

    from tui.kit.pane import Pane


def _runs() -> "type[Pane]":
    from tui.features.runs.view import RunListPane  # noqa: PLC0415  loaded when first visible

    return RunListPane


def _commands() -> "tuple[click.Command, ...]":
    from tui.features.runs.command import COMMANDS  # noqa: PLC0415  loaded when it is run

    return COMMANDS


FEATURE = Feature(
    panes=(PaneEntry("runs", Placement(Slot.MAIN, has_summary=True), _runs),),
    commands=dict.fromkeys(("ls", "show", "tree", "watch"), _commands),
)
