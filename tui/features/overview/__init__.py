"""The overview beside the list while no run is selected."""

from functools import partial
from typing import TYPE_CHECKING, Final

from tui.kit.feature import Feature
from tui.kit.layout import Placement, Slot
from tui.kit.pane_entry import PaneEntry

if TYPE_CHECKING:
    from tui.kit.pane import Pane

TABS: Final = {
    "overview": Placement(Slot.FIRST, is_overview=True),
    "failing now": Placement(Slot.SECOND, is_overview=True),
    "tasks": Placement(Slot.THIRD, is_overview=True, is_below=True),
    "queues": Placement(Slot.SECOND, is_overview=True),
}
"""The place of each pane."""


def _pane(title: str) -> "type[Pane]":
    from tui.features.overview.view import PANES  # noqa: PLC0415  loaded when first visible

    return PANES[title]


FEATURE = Feature(panes=tuple(PaneEntry(title, place, partial(_pane, title)) for title, place in TABS.items()))
