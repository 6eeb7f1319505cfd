"""The panes, each in a module of its own, and the one list of them: a new pane is a module and a line here."""

from typing import Final

from tui.ui.panes.attempts import AttemptsPane
from tui.ui.panes.base import Pane
from tui.ui.panes.detail import DetailPane
from tui.ui.panes.logs import LogsPane
from tui.ui.panes.run_list import RunListPane
from tui.ui.panes.tree import TreePane

PANES: Final[tuple[type[Pane], ...]] = (RunListPane, DetailPane, AttemptsPane, TreePane, LogsPane)
"""The panes of the main screen. The position of a pane is its number, which is the key that leads to it."""
