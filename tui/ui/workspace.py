"""The space between header and footer: the panes, which of them are seen, and which one has the focus.

What lives here: the keys that lead from pane to pane, and putting widgets where a `PanePlan` says. The arithmetic of
places is `layout`'s. No pane is known by what it shows.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.message import Message
from textual.widget import Widget

from tui.ui.input.keys import bind
from tui.ui.model.layout import ATTEMPTS, LIST, MEDIUM, STRIP_HEIGHT, TABBED, WORKSPACE, PanePlan, plan
from tui.ui.panes import PANES
from tui.ui.panes.base import Pane
from tui.ui.widgets.lines import Hairline
from tui.ui.widgets.rule import Tab
from tui.ui.widgets.run_summary import RunSummary

_NUMBERS: Final = {pane.title: pane.number for pane in PANES}


class PlanLayout(Layout):
    """Places children by their ids."""

    name = "plan"

    def __init__(self) -> None:
        self.plan = PanePlan({})

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> ArrangeResult:  # noqa: ARG002, FBT001, FBT002  Textual's signature
        """A place for each child that the plan shows."""
        placements: ArrangeResult = []
        for child in children:
            if (region := self._region(child.id or "", size)) is not None:
                placements.append(WidgetPlacement(region, NULL_OFFSET, NULL_SPACING, child))
        return placements

    def _region(self, name: str, size: Size) -> Region | None:
        if (place := self.plan.places.get(name)) is not None:
            return Region(place.x, place.y, place.width, place.height)
        if name == "hairline" and self.plan.hairline is not None:
            x, top, bottom = self.plan.hairline
            return Region(x, top, 1, bottom - top)
        if name == "strip" and self.plan.has_strip:
            return Region(0, size.height - self.plan.strip_height, size.width, self.plan.strip_height)
        return None


class Workspace(Widget):
    """Holds the panes, the hairline and the strip. `Turned` says that another pane has the focus, or is seen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("tab", "focus_step(1)", "next pane", "To the next pane."),
        bind("shift+tab", "focus_step(-1)", "previous pane", "To the previous pane."),
        *(bind(str(pane.number), f"pane('{pane.title}')", pane.title, f"To the pane {pane.title}.") for pane in PANES),
        bind("z", "zoom", "zoom", "Give the pane the whole screen, or take it back.", rank=70, need=34),
    ]

    class Turned(Message):
        """Other panes are seen, or another one has the focus."""

    def __init__(self, panes: Mapping[str, Pane], strip: RunSummary) -> None:
        super().__init__(id=WORKSPACE)
        self._panes = panes
        self._strip = strip
        self._hairline = Hairline()
        self._plan_layout = PlanLayout()
        self._focused = LIST
        self._tab = ATTEMPTS
        self._size = Size(*MEDIUM)
        self._strip_height = STRIP_HEIGHT
        self._wants_zoom = False

    def compose(self) -> ComposeResult:
        """The panes in order, and what stands between and below them."""
        yield from self._panes.values()
        yield self._hairline
        yield self._strip

    @property
    def layout(self) -> Layout:
        """Ours; a stylesheet could only name one of Textual's."""
        return self._plan_layout

    @property
    def plan(self) -> PanePlan:
        """What is seen now, and where."""
        return self._plan_layout.plan

    @property
    def can_zoom(self) -> bool:
        """Whether there is more room to give or to take back: a pane that has the whole screen anyway has none."""
        return self._planned(is_zoomed=True) != self._planned(is_zoomed=False)

    @property
    def is_zoomed(self) -> bool:
        """Whether the pane has more room than it would have."""
        return self._wants_zoom and self.can_zoom

    @property
    def pane(self) -> Pane:
        """The pane that has the focus, or had it last."""
        return self._panes[self._focused]

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Wherever the focus goes, by key or pointer, is the pane where we are."""
        pane = next((each for each in event.widget.ancestors_with_self if isinstance(each, Pane)), None)
        if pane is not None and pane is not self.pane:
            self._turn_to(pane.title)

    def action_pane(self, name: str) -> None:
        """To a pane."""
        self._turn_to(name)
        self.screen.set_focus(self._panes[name].body)

    def action_focus_step(self, step: int) -> None:
        """To the next or previous pane, around the end."""
        names = list(self._panes)
        self.action_pane(names[(names.index(self._focused) + step) % len(names)])

    def action_zoom(self) -> None:
        """The whole screen for the pane, or its place again."""
        if self.can_zoom:
            self._wants_zoom = not self._wants_zoom
            self.arrange_for(self.screen.size, self._strip_height)

    def arrange_for(self, size: Size, strip_height: int) -> None:
        """Put everything where it belongs on a terminal of that size."""
        self._size, self._strip_height = size, strip_height
        found = self._planned(is_zoomed=self._wants_zoom)
        for name, pane in self._panes.items():
            place = found.places.get(name)
            tabs = place.tabs if place is not None else ()
            pane.tabs = tuple(Tab(_NUMBERS[each], each, each == name) for each in tabs)
            pane.set_class(self._wants_zoom and place is not None, "zoomed")
        if found != self.plan:
            self._apply(found)
        self.post_message(self.Turned())

    def _planned(self, *, is_zoomed: bool) -> PanePlan:
        return plan(
            self._size.width,
            self._size.height - 2,
            focused=self._focused,
            tab=self._tab,
            is_zoomed=is_zoomed,
            strip_height=self._strip_height,
        )

    def _turn_to(self, name: str) -> None:
        self._focused = name
        if name in TABBED:
            self._tab = name
        self.arrange_for(self.screen.size, self._strip_height)

    def _apply(self, found: PanePlan) -> None:
        self._plan_layout.plan = found
        for name, pane in self._panes.items():
            pane.set_class(not found.shows(name), "away")
        self._strip.set_class(not found.has_strip, "away")
        self._hairline.set_class(found.hairline is None, "away")
        top = found.hairline[1] if found.hairline is not None else 0
        self._hairline.join({y - top: joint for y, joint in found.joints})
        # By a child: where children stand is forgotten by those above who asks, not by who asks.
        self._hairline.refresh(layout=True)
