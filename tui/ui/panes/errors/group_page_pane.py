"""The base of the panes about the selected error group."""

from collections.abc import Hashable

from tui.store.changes import Changes
from tui.ui.data.errors.live_groups import LiveErrorGroups
from tui.ui.data.live_model import LiveModel
from tui.ui.panes.base import PagePane


class GroupPagePane(PagePane):
    """A page about the group under the cursor. It starts at its top when another group is selected."""

    def __init__(self, live: LiveModel, groups: LiveErrorGroups, *, id: str) -> None:  # noqa: A002  Textual's name
        super().__init__(live, id=id)
        self.groups = groups

    @property
    def subject(self) -> Hashable:
        return self.groups.list.cursor

    @property
    def is_ticking(self) -> bool:
        return self.groups.list.cursor is not None

    def concerns(self, changes: Changes) -> bool:  # noqa: ARG002  the groups tell their own changes
        return False

    def show(self) -> None:
        """Show what changed in the groups."""
        self.rebuild()
