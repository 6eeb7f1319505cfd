"""Which panes are seen now, and which one has the focus.

What lives here: the state behind a `layout.Plan` and applying it to the widgets. The arithmetic is `layout`'s.
"""

from collections.abc import Mapping
from typing import Final

from textual.geometry import Size

from tui.ui import layout
from tui.ui.panes import PANES
from tui.ui.panes.base import Pane
from tui.ui.widgets.lines import Hairline
from tui.ui.widgets.rule import Tab
from tui.ui.widgets.workspace import Workspace

_NUMBERS: Final = {pane.title: pane.number for pane in PANES}


class Arrangement:
    """The panes of one screen in their places."""

    def __init__(self, panes: Mapping[str, Pane]) -> None:
        self._panes = panes
        self._tab = layout.ATTEMPTS
        self.hairline = Hairline()
        self.focused = layout.LIST
        self.is_zoomed = False
        self.plan = layout.Plan({})

    @property
    def pane(self) -> Pane:
        """The pane that has the focus, or had it last."""
        return self._panes[self.focused]

    def turn_to(self, name: str) -> None:
        """Another pane has the focus: where it shares a place, it is the one that is seen there."""
        self.focused = name
        if name in layout.TABBED:
            self._tab = name

    def neighbour(self, step: int) -> str:
        """The name of the next (1) or previous (-1) pane, around the end."""
        names = list(self._panes)
        return names[(names.index(self.focused) + step) % len(names)]

    def apply(self, size: Size, workspace: Workspace, strip_height: int) -> None:
        """Put everything where it belongs on a terminal of that size."""
        self.plan = layout.plan(
            size.width,
            size.height - 2,
            focused=self.focused,
            tab=self._tab,
            is_zoomed=self.is_zoomed,
            strip_height=strip_height,
        )
        workspace.apply(self.plan)
        top = self.plan.hairline[1] if self.plan.hairline is not None else 0
        self.hairline.join({y - top: joint for y, joint in self.plan.joints})
        for name, pane in self._panes.items():
            place = self.plan.places.get(name)
            tabs = place.tabs if place is not None else ()
            pane.tabs = tuple(Tab(_NUMBERS[each], each, each == name) for each in tabs)
            pane.set_class(self.is_zoomed and place is not None, "zoomed")
