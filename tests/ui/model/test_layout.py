from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

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

LIST, DETAIL, ATTEMPTS, TREE = "runs", "detail", "attempts", "tree"
PLACEMENTS = {
    LIST: Placement(Slot.MAIN, has_summary=True),
    DETAIL: Placement(Slot.FIRST),
    ATTEMPTS: Placement(Slot.SECOND),
    TREE: Placement(Slot.THIRD, has_summary=True),
}
LOGS = {"logs": Placement(Slot.THIRD)}
STACKED = Proportions(main_rows=12, main_columns=132, is_stacked=True)


def planned(
    width: int,
    height: int,
    *recent: str,
    zoomed: bool = False,
    placements: Mapping[str, Placement] = PLACEMENTS,
    proportions: Proportions = Proportions(),  # noqa: B008  frozen
) -> PanePlan:
    """Plan a terminal, header and footer taken off. `recent`: the panes that had the focus, the last one first."""
    rest = [name for name in placements if name not in recent]
    panes = [*recent, *rest]
    return plan(width, height - 2, placements, recent=panes, is_zoomed=zoomed, proportions=proportions)


def test_80x24_has_one_pane_and_the_summary() -> None:
    found = planned(80, 24)
    assert dict(found.rects) == {LIST: PaneRect(0, 0, 80, 22 - SUMMARY_HEIGHT)}
    assert found.has_summary
    assert not planned(80, 24, DETAIL).has_summary


def test_120x40_has_three_panes() -> None:
    found = planned(120, 40)
    assert found.rects[LIST] == PaneRect(0, 0, 120, 18)
    assert found.rects[DETAIL] == PaneRect(0, 18, 54, 20)
    assert found.rects[ATTEMPTS] == PaneRect(55, 18, 65, 20, (ATTEMPTS, TREE))
    assert found.hairline == (54, 18, 38)
    assert planned(120, 40, TREE).shows(TREE)


def test_200x60_has_four_panes() -> None:
    found = planned(200, 60)
    assert found.rects[LIST] == PaneRect(0, 0, 116, 58)
    assert [found.rects[pane].y for pane in (DETAIL, ATTEMPTS, TREE)] == [0, 23, 43]
    assert {place.x for pane, place in found.rects.items() if pane != LIST} == {117}
    assert found.joints == ((0, "┬"), (23, "├"), (43, "├"))


def test_wide_low_terminal_shares_a_place() -> None:
    found = planned(200, 40, LIST, TREE)
    assert found.rects[TREE].tabs == (ATTEMPTS, TREE)
    assert not found.shows(ATTEMPTS)


def test_zoom_shows_one_pane() -> None:
    found = planned(200, 60, ATTEMPTS, zoomed=True)
    assert dict(found.rects) == {ATTEMPTS: PaneRect(0, 0, 200, 58)}


def test_panes_of_one_slot_share_its_place_as_tabs() -> None:
    placements = PLACEMENTS | LOGS
    assert planned(200, 60, placements=placements).rects[TREE].tabs == (TREE, "logs")
    assert planned(200, 60, LIST, "logs", placements=placements).rects["logs"].tabs == (TREE, "logs")
    assert planned(120, 40, placements=placements).rects[ATTEMPTS].tabs == (ATTEMPTS, TREE, "logs")


def test_stacked_view_has_two_panes_on_a_narrow_terminal() -> None:
    found = planned(80, 24, ATTEMPTS, proportions=STACKED)
    assert found.rects[LIST] == PaneRect(0, 0, 80, 11)
    assert found.rects[ATTEMPTS] == PaneRect(0, 11, 80, 9, (DETAIL, ATTEMPTS, TREE))
    assert found.has_summary
    assert planned(80, 24, LIST, ATTEMPTS, proportions=STACKED) == found
    assert not planned(80, 24, LIST, zoomed=True, proportions=STACKED).has_summary
    assert set(planned(80, MIN_STACKED_HEIGHT - 1, LIST, proportions=STACKED).rects) == {LIST}
    assert planned(120, 40, proportions=STACKED).rects[LIST].height == 12
    assert planned(200, 60, proportions=STACKED).rects[LIST].width == 132


@given(
    st.integers(60, 400),
    st.integers(15, 150),
    st.sampled_from(list(PLACEMENTS)),
    st.booleans(),
    st.sampled_from([Proportions(), STACKED]),
)
def test_every_cell_belongs_to_one_part(
    width: int, height: int, focused: str, zoomed: bool, proportions: Proportions
) -> None:
    assert not is_too_small(width, height)
    found = planned(width, height, focused, zoomed=zoomed, proportions=proportions)
    assert found.shows(focused)
    cells = [0] * (width * (height - 2))

    def take(x: int, y: int, across: int, down: int) -> None:
        for row in range(y, y + down):
            for column in range(x, x + across):
                cells[row * width + column] += 1

    for rect in found.rects.values():
        assert rect.width >= 40
        assert rect.height >= 7
        take(rect.x, rect.y, rect.width, rect.height)
    if found.has_summary:
        take(0, height - 2 - SUMMARY_HEIGHT, width, SUMMARY_HEIGHT)
    if found.hairline is not None:
        x, top, bottom = found.hairline
        take(x, top, 1, bottom - top)
    assert set(cells) == {1}
