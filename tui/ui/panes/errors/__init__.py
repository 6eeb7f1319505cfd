"""The panes of the errors view, each in a module of its own, in the order of their numbers."""

from typing import Final

from tui.ui.panes.errors.group import GroupPane
from tui.ui.panes.errors.group_list import GroupListPane
from tui.ui.panes.errors.newest_failure import NewestFailurePane
from tui.ui.panes.errors.runs import GroupRunsPane

ERROR_PANES: Final = (GroupListPane, GroupPane, NewestFailurePane, GroupRunsPane)
"""The panes of the errors view. The position of a pane is its number, which is the key that leads to it."""
