"""The panes, each in a module of its own, and the one list of them: a new pane is a module and an entry here.

An entry repeats what the class declares, so that the class is imported only when its pane is first visible.
"""

from typing import TYPE_CHECKING, Final

from tui.ui.model.layout import Placement, Slot
from tui.ui.panes.entry import PaneEntry

if TYPE_CHECKING:
    from tui.ui.panes.base import Pane


def _runs() -> "type[Pane]":
    from tui.ui.panes.run_list import RunListPane  # noqa: PLC0415  loaded when first visible

    return RunListPane


def _detail() -> "type[Pane]":
    from tui.ui.panes.detail import DetailPane  # noqa: PLC0415  loaded when first visible

    return DetailPane


def _attempts() -> "type[Pane]":
    from tui.ui.panes.attempts import AttemptsPane  # noqa: PLC0415  loaded when first visible

    return AttemptsPane


def _tree() -> "type[Pane]":
    from tui.ui.panes.tree import TreePane  # noqa: PLC0415  loaded when first visible

    return TreePane


def _waterfall() -> "type[Pane]":
    from tui.ui.panes.waterfall import WaterfallPane  # noqa: PLC0415  loaded when first visible

    return WaterfallPane


def _logs() -> "type[Pane]":
    from tui.ui.panes.logs import LogsPane  # noqa: PLC0415  loaded when first visible

    return LogsPane


def _overview() -> "type[Pane]":
    from tui.ui.panes.overview.findings import OverviewPane  # noqa: PLC0415  loaded when first visible

    return OverviewPane


def _failing() -> "type[Pane]":
    from tui.ui.panes.overview.failing import FailingNowPane  # noqa: PLC0415  loaded when first visible

    return FailingNowPane


def _tasks() -> "type[Pane]":
    from tui.ui.panes.overview.tasks import OverviewTasksPane  # noqa: PLC0415  loaded when first visible

    return OverviewTasksPane


def _queues() -> "type[Pane]":
    from tui.ui.panes.overview.queues import OverviewQueuesPane  # noqa: PLC0415  loaded when first visible

    return OverviewQueuesPane


FORMS: Final[tuple[PaneEntry, ...]] = (PaneEntry("waterfall", Placement(Slot.THIRD), _waterfall, form_of="tree"),)
"""Panes that are another form of one of `PANES`: they share its number and its place, and a key leads to them."""

PANES: Final[tuple[PaneEntry, ...]] = (
    PaneEntry("runs", Placement(Slot.MAIN, has_summary=True), _runs),
    PaneEntry("detail", Placement(Slot.FIRST), _detail),
    PaneEntry("attempts", Placement(Slot.SECOND), _attempts),
    PaneEntry("tree", Placement(Slot.THIRD, has_summary=True), _tree),
    PaneEntry("logs", Placement(Slot.THIRD, has_summary=True), _logs),
)
"""The panes of the main screen. The position of a pane is its number, which is the key that leads to it."""

OVERVIEW_PANES: Final[tuple[PaneEntry, ...]] = (
    PaneEntry("overview", Placement(Slot.FIRST, is_overview=True), _overview),
    PaneEntry("failing now", Placement(Slot.SECOND, is_overview=True), _failing),
    PaneEntry("tasks", Placement(Slot.THIRD, is_overview=True, is_below=True), _tasks),
    PaneEntry("queues", Placement(Slot.SECOND, is_overview=True), _queues),
)
"""The panes in place of those about the selected run, while no run is selected. Their numbers begin at 2."""

DETAIL: Final = "detail"
"""The title of the pane that Enter on a run leads to."""
