"""The two lines about the selected error group, visible where its page is not."""

from typing import Any, ClassVar

from tui.present.errors.groups.summary import group_summary_lines
from tui.present.styled import Line
from tui.ui.data.errors.live_groups import LiveErrorGroups
from tui.ui.data.live_model import LiveModel
from tui.ui.data.needs import RUN
from tui.ui.model.selection import Need
from tui.ui.widgets.summary import Summary


class GroupSummary(Summary):
    """Summarises the group under the cursor and its newest run."""

    needs: ClassVar[tuple[Need[Any], ...]] = (RUN,)

    def __init__(self, live: LiveModel, groups: LiveErrorGroups) -> None:
        super().__init__(live)
        self._groups = groups

    def content(self, width: int) -> tuple[Line, ...]:
        return group_summary_lines(self._groups.facts, self.live.now, width)
