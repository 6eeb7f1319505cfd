"""Where the panes stand: at three sizes, while no run is selected, and below a cover."""

from dataclasses import replace
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from tui.features import OVERVIEW_PANES, PANES
from tui.kit.layout import (
    MIN_STACKED_HEIGHT,
    SUMMARY_HEIGHT,
    PanePlan,
    PaneRect,
    Placement,
    Proportions,
    Slot,
    is_too_small,
    plan,
)
from tui.kit.workspace import MIN_COVER_ROWS, MIN_PANE_ROWS, covered

LIST, DETAIL, ATTEMPTS, TREE, LOGS = "runs", "detail", "attempts", "tree", "logs"
ERRORS = {
    LIST: Placement(Slot.MAIN, has_summary=True),
    DETAIL: Placement(Slot.FIRST),
    ATTEMPTS: Placement(Slot.SECOND),
    TREE: Placement(Slot.THIRD, has_summary=True),
}
STACKED = Proportions(main_rows=21, main_columns=132, is_stacked=True)
ENTRIES = (*PANES, *OVERVIEW_PANES)


def planned(width: int, height: int, *recent: str, overview: bool = False, zoomed: bool = False) -> PanePlan:
    """Plan a terminal, header and footer taken off. `recent`: the panes that had the focus, the last one first."""
    shown = {each.title: each.placement for each in ENTRIES if each.placement.is_in(overview=overview)}
    order = [*recent, *(name for name in shown if name not in recent)]
    return plan(width, height - 2, shown, recent=order, is_zoomed=zoomed)


def stacked(width: int, height: int, *recent: str, zoomed: bool = False) -> PanePlan:
    order = [*recent, *(name for name in ERRORS if name not in recent)]
    return plan(width, height - 2, ERRORS, recent=order, is_zoomed=zoomed, proportions=STACKED)


def test_stacked_view_has_two_panes_on_a_narrow_terminal() -> None:
    found = stacked(80, 24, ATTEMPTS)
    assert found.rects == {LIST: PaneRect(0, 0, 80, 11), ATTEMPTS: PaneRect(0, 11, 80, 9, (DETAIL, ATTEMPTS, TREE))}
    assert found.has_summary
    assert stacked(80, 24, LIST, ATTEMPTS) == found
    assert not stacked(80, 24, LIST, zoomed=True).has_summary
    assert set(stacked(80, MIN_STACKED_HEIGHT - 1, LIST).rects) == {LIST}
    assert (stacked(120, 40).rects[LIST].height, stacked(200, 60).rects[LIST].width) == (21, 132)


widths, heights = st.integers(60, 300), st.integers(15, 100)


@given(widths, heights, st.sampled_from([LIST, DETAIL, ATTEMPTS]), st.booleans(), st.booleans())
def test_every_cell_belongs_to_one_part(width: int, height: int, focused: str, zoomed: bool, is_stacked: bool) -> None:
    assert not is_too_small(width, height)
    found = (stacked if is_stacked else planned)(width, height, focused, zoomed=zoomed)
    assert found.shows(focused)
    parts = [(rect.x, rect.y, rect.width, rect.height) for rect in found.rects.values()]
    assert all(across >= 40 and down >= 7 for _, _, across, down in parts)
    if found.has_summary:
        parts.append((0, height - 2 - SUMMARY_HEIGHT, width, SUMMARY_HEIGHT))
    if found.hairline is not None:
        line = found.hairline
        parts.append((line.x, line.y, line.width, line.height))
    # Parts that do not overlap and have the area of the terminal leave no cell free.
    assert sum(across * down for _, _, across, down in parts) == width * (height - 2)
    for (x, y, across, down), (left, top, right, low) in combinations(parts, 2):
        assert x + across <= left or left + right <= x or y + down <= top or top + low <= y
    assert all(x >= 0 <= y and x + across <= width and y + down <= height - 2 for x, y, across, down in parts)


@given(widths, heights, st.sampled_from([(LIST, LIST), (ATTEMPTS, "errors"), (TREE, "tasks")]))
def test_selecting_a_run_moves_no_place(width: int, height: int, focus: tuple[str, str]) -> None:
    run, overview = planned(width, height, focus[0]), planned(width, height, focus[1], overview=True)
    assert run.hairline == overview.hairline
    assert run.has_summary is overview.has_summary or focus[0] != LIST
    pairs = [(run.rects.get(each), overview.rects.get(other)) for each, other in ((LIST, LIST), (DETAIL, "overview"))]
    for one, other in pairs:
        assert (one and replace(one, tabs=())) == (other and replace(other, tabs=()))
    assert {*run.joints} <= {*overview.joints}


@given(st.integers(60, 220), st.integers(13, 70), st.integers(4, 60), st.booleans(), st.booleans())
def test_panes_above_a_cover_keep_their_places(
    width: int, height: int, rows: int, overview: bool, zoomed: bool
) -> None:
    before = planned(width, height + 2, overview=overview, zoomed=zoomed)
    after = covered(before, width, height, rows)
    cover = after.cover
    assert cover is not None
    assert (cover.x, cover.width, cover.y + cover.height) == (0, width, height)
    most = max(MIN_COVER_ROWS, height // 2)
    assert min(rows, most) <= cover.height <= min(rows, most) + MIN_PANE_ROWS
    assert after.rects, "the list stays"
    for name, rect in after.rects.items():
        old = before.rects[name]
        assert (rect.x, rect.y, rect.width, rect.tabs) == (old.x, old.y, old.width, old.tabs)
        assert MIN_PANE_ROWS <= rect.height <= old.height
        assert rect.y + rect.height <= cover.y
    assert not after.has_summary
    assert all(y < cover.y for y, _ in after.joints)
    assert after.hairline is None or after.hairline.y + after.hairline.height <= cover.y
