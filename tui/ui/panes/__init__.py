"""The panes, each in a file of its own, and the one list of them.

What lives here: `PANES`. A new pane is a file and a line here.
"""

from typing import Final

from tui.ui.panes.attempts import AttemptsPane
from tui.ui.panes.base import Pane
from tui.ui.panes.detail import DetailPane
from tui.ui.panes.run_list import RunListPane
from tui.ui.panes.tree import TreePane

PANES: Final[tuple[type[Pane], ...]] = (RunListPane, DetailPane, AttemptsPane, TreePane)
"""In the order of their numbers, which are the keys that lead to them."""
