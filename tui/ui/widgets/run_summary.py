"""The two lines about the selected run, visible where the detail is not."""

from collections.abc import Callable
from typing import Any, ClassVar

from tui.present.actions.overlays import Overlay
from tui.present.frame.run_summary import summary_lines
from tui.present.styled import Line
from tui.ui.data.live_model import LiveModel
from tui.ui.data.needs import RUN
from tui.ui.model.selection import Need
from tui.ui.widgets.summary import Summary


class RunSummary(Summary):
    """Summarises the selected run."""

    needs: ClassVar[tuple[Need[Any], ...]] = (RUN,)

    def __init__(self, live: LiveModel) -> None:
        super().__init__(live)
        self.overlay: Overlay = lambda _: None
        self.overview_lines_for: Callable[[int], tuple[Line, ...] | None] = lambda _: None
        """Returns the lines for a width while no run is selected; None: a hint stands there."""

    def content(self, width: int) -> tuple[Line, ...]:
        run_id = self.selection.run_id
        if run_id is None and not self.selection.is_list_end and (lines := self.overview_lines_for(width)) is not None:
            return lines
        run = None if run_id is None else self.live.get(run_id)
        children = () if run is None else self.live.session.store.children_of(run.id)
        overlay = None if run is None else self.overlay(run.id)
        is_list_end = self.selection.is_list_end
        return summary_lines(run, children, self.live.now, width, overlay=overlay, is_list_end=is_list_end)
