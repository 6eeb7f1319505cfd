"""One run: its page, and its values in full."""

from typing import TYPE_CHECKING

from tui.kit.feature import Feature
from tui.kit.layout import Placement, Slot
from tui.kit.pane_entry import PaneEntry

if TYPE_CHECKING:
    from tui.kit.pane import Pane


def _detail() -> "type[Pane]":
    from tui.features.detail.view import DetailPane  # noqa: PLC0415  loaded when first visible

    return DetailPane


FEATURE = Feature(panes=(PaneEntry("detail", Placement(Slot.FIRST), _detail),))
