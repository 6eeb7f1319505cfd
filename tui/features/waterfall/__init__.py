"""The waterfall: where the time of a run went."""

from typing import TYPE_CHECKING

from tui.kit.feature import Feature
from tui.kit.layout import Placement, Slot
from tui.kit.pane_entry import PaneEntry

if TYPE_CHECKING:
    import click

    from tui.kit.pane import Pane


def _waterfall() -> "type[Pane]":
    from tui.features.waterfall.view import WaterfallPane  # noqa: PLC0415  loaded when first visible

    return WaterfallPane


def _commands() -> "tuple[click.Command, ...]":
    from tui.features.waterfall.command import COMMANDS  # noqa: PLC0415  loaded when it is run

    return COMMANDS


FEATURE = Feature(
    panes=(PaneEntry("waterfall", Placement(Slot.THIRD), _waterfall, form_of="tree"),),
    commands={"trace": _commands},
)
