"""The log of a run."""

from typing import TYPE_CHECKING

from tui.kit.feature import Feature
from tui.kit.layout import Placement, Slot
from tui.kit.pane_entry import PaneEntry

if TYPE_CHECKING:
    import click

    from tui.kit.pane import Pane


def _logs() -> "type[Pane]":
    from tui.features.logs.view import LogsPane  # noqa: PLC0415  loaded when first visible

    return LogsPane


def _commands() -> "tuple[click.Command, ...]":
    from tui.features.logs.command import COMMANDS  # noqa: PLC0415  loaded when it is run

    return COMMANDS


FEATURE = Feature(
    panes=(PaneEntry("logs", Placement(Slot.THIRD, has_summary=True), _logs),),
    commands={"logs": _commands},
)
