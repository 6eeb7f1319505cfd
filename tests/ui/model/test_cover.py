"""What stands over the lower part of a workspace leaves the panes above in their places."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.features import OVERVIEW_PANES, PANES
from tui.kit.layout import PanePlan, Placement, Slot, plan
from tui.kit.workspace import MIN_COVER_ROWS, MIN_PANE_ROWS, covered


def planned(width: int, height: int, *, is_overview: bool, is_zoomed: bool) -> PanePlan:
    entries = [*PANES, *OVERVIEW_PANES]
    shown: dict[str, Placement] = {
        each.title: each.placement for each in entries if each.placement.is_in(overview=is_overview)
    }
    assert any(each.slot is Slot.MAIN for each in shown.values())
    return plan(width, height, shown, recent=list(shown), is_zoomed=is_zoomed, summary_height=2)


@given(st.integers(60, 220), st.integers(13, 70), st.integers(4, 60), st.booleans(), st.booleans())
def test_panes_above_the_cover_keep_their_places(
    width: int, height: int, rows: int, is_overview: bool, is_zoomed: bool
) -> None:
    before = planned(width, height, is_overview=is_overview, is_zoomed=is_zoomed)
    after = covered(before, width, height, rows)
    cover = after.cover
    assert cover is not None
    assert (cover.x, cover.width, cover.y + cover.height) == (0, width, height)
    most = max(MIN_COVER_ROWS, height // 2)
    assert min(rows, most) <= cover.height <= min(rows, most) + MIN_PANE_ROWS
    for name, rect in after.rects.items():
        old = before.rects[name]
        assert (rect.x, rect.y, rect.width, rect.tabs) == (old.x, old.y, old.width, old.tabs)
        assert MIN_PANE_ROWS <= rect.height <= old.height
        assert rect.y + rect.height <= cover.y
    assert after.rects, "the list stays"
    assert not after.has_summary
    assert all(y < cover.y for y, _ in after.joints)
    assert after.hairline is None or after.hairline[2] <= cover.y


@pytest.mark.parametrize(("width", "height"), [(80, 22), (120, 38), (200, 58)])
def test_list_stays_at_the_usual_sizes(width: int, height: int) -> None:
    for is_overview in (True, False):
        before = planned(width, height, is_overview=is_overview, is_zoomed=False)
        after = covered(before, width, height, 60)
        assert after.rects["runs"].height >= height // 2 - MIN_PANE_ROWS
