"""The panes, each in a module of its own, and the one list of them: a new pane is a module and a line here."""

from typing import Final

from tui.ui.panes.attempts import AttemptsPane
from tui.ui.panes.base import Pane
from tui.ui.panes.detail import DetailPane
from tui.ui.panes.logs import LogsPane
from tui.ui.panes.run_list import RunListPane
from tui.ui.panes.tree import TreePane
from tui.ui.panes.waterfall import WaterfallPane

FORMS: Final[tuple[type[Pane], ...]] = (WaterfallPane,)
"""Panes that are another form of one of `PANES`: they share its number and its place, and a key leads to them."""

PANES: Final[tuple[type[Pane], ...]] = (RunListPane, DetailPane, AttemptsPane, TreePane, LogsPane)
"""The panes of the main screen. The position of a pane is its number, which is the key that leads to it."""
