"""The space between header and footer, where panes stand as the plan says.

What lives here: applying a `layout.Plan` to widgets. What the plan is, is `layout`'s.
"""

from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.widget import Widget

from tui.ui.layout import Plan


class PlanLayout(Layout):
    """Places children by their ids."""

    name = "plan"

    def __init__(self) -> None:
        self.plan = Plan({})

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
    """Holds the panes, the hairline and the strip."""

    def __init__(self, *children: Widget) -> None:
        super().__init__(*children, id="workspace")
        self._plan_layout = PlanLayout()

    @property
    def layout(self) -> Layout:
        """Ours; a stylesheet could only name one of Textual's."""
        return self._plan_layout

    def apply(self, plan: Plan) -> None:
        """Put everything where the plan says; what it does not name is not displayed."""
        if plan == self._plan_layout.plan:
            return
        self._plan_layout.plan = plan
        for child in self.children:
            name = child.id or ""
            is_shown = (
                plan.shows(name)
                or (name == "strip" and plan.has_strip)
                or (name == "hairline" and plan.hairline is not None)
            )
            child.set_class(not is_shown, "away")
        # By a child: where children stand is forgotten by those above who asks, not by who asks.
        self.children[0].refresh(layout=True)
