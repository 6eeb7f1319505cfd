"""The attempts of a run, alone and beside each other."""

from typing import TYPE_CHECKING

from tui.kit.feature import Feature
from tui.kit.layout import Placement, Slot
from tui.kit.pane_entry import PaneEntry

if TYPE_CHECKING:
    from tui.kit.pane import Pane


def _attempts() -> "type[Pane]":
    from tui.features.attempts.view import AttemptsPane  # noqa: PLC0415  loaded when first visible

    return AttemptsPane


FEATURE = Feature(panes=(PaneEntry("attempts", Placement(Slot.SECOND), _attempts),))
