"""The tree of runs around one run."""

from typing import TYPE_CHECKING

from tui.kit.feature import Feature
from tui.kit.layout import Placement, Slot
from tui.kit.pane_entry import PaneEntry

if TYPE_CHECKING:
    from tui.kit.pane import Pane


def _tree() -> "type[Pane]":
    from tui.features.tree.view import TreePane  # noqa: PLC0415  loaded when first visible

    return TreePane


FEATURE = Feature(panes=(PaneEntry("tree", Placement(Slot.THIRD, has_summary=True), _tree),))
