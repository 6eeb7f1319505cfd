"""The places of panes while something else stands over their lower part."""

from dataclasses import replace
from typing import Final

from tui.ui.model.layout import PanePlan, PaneRect

MIN_COVER_ROWS: Final = 8
"""The cover gets so many rows, if it needs them, where half of the space is less."""

MIN_PANE_ROWS: Final = 4
"""A pane with less room is hidden. The cover then begins where it does, and leaves no hole."""


def covered(plan: PanePlan, width: int, height: int, rows: int) -> PanePlan:
    """Return a plan in which the lower part is for a cover that needs `rows` rows. Panes above keep their places."""
    top = height - min(rows, max(MIN_COVER_ROWS, height // 2))
    tops = [rect.y for rect in plan.rects.values() if max(0, top - MIN_PANE_ROWS) < rect.y <= top]
    top = min(tops, default=top)
    rects = {
        name: replace(rect, height=min(rect.height, top - rect.y))
        for name, rect in plan.rects.items()
        if top - rect.y >= MIN_PANE_ROWS
    }
    hairline = plan.hairline
    if hairline is not None:
        x, first, last = hairline
        hairline = (x, first, min(last, top)) if first < top else None
    joints = tuple((y, joint) for y, joint in plan.joints if y < top)
    return PanePlan(rects, 0, hairline, joints, PaneRect(0, top, width, height - top))
