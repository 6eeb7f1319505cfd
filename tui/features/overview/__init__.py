"""The overview beside the list while no run is selected."""

from functools import partial
from typing import TYPE_CHECKING

from tui.features.overview.tabs import PLACES
from tui.kit.feature import Feature
from tui.kit.pane_entry import PaneEntry

if TYPE_CHECKING:
    from tui.kit.pane import Pane


def _pane(title: str) -> "type[Pane]":
    from tui.features.overview.view import PANES  # noqa: PLC0415  loaded when first visible

    return PANES[title]


FEATURE = Feature(panes=tuple(PaneEntry(title, place, partial(_pane, title)) for title, place in PLACES.items()))
