"""The overview beside the list while no run is selected."""

from typing import TYPE_CHECKING

from tui.kit.feature import Feature
from tui.kit.layout import Placement, Slot
from tui.kit.pane_entry import PaneEntry

if TYPE_CHECKING:
    from tui.kit.pane import Pane


def _findings() -> "type[Pane]":
    from tui.features.overview.view import OverviewPane  # noqa: PLC0415  loaded when first visible

    return OverviewPane


def _failing() -> "type[Pane]":
    from tui.features.overview.view import FailingNowPane  # noqa: PLC0415  loaded when first visible

    return FailingNowPane


def _tasks() -> "type[Pane]":
    from tui.features.overview.view import OverviewTasksPane  # noqa: PLC0415  loaded when first visible

    return OverviewTasksPane


def _queues() -> "type[Pane]":
    from tui.features.overview.view import OverviewQueuesPane  # noqa: PLC0415  loaded when first visible

    return OverviewQueuesPane


FEATURE = Feature(
    panes=(
        PaneEntry("overview", Placement(Slot.FIRST, is_overview=True), _findings),
        PaneEntry("failing now", Placement(Slot.SECOND, is_overview=True), _failing),
        PaneEntry("tasks", Placement(Slot.THIRD, is_overview=True, is_below=True), _tasks),
        PaneEntry("queues", Placement(Slot.SECOND, is_overview=True), _queues),
    )
)
