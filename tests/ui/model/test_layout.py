from hypothesis import given
from hypothesis import strategies as st

from tui.ui.model.layout import ATTEMPTS, DETAIL, LIST, STRIP_HEIGHT, TREE, PanePlan, PaneRect, is_too_small, plan

PANES = (LIST, DETAIL, ATTEMPTS, TREE)


def planned(width: int, height: int, focused: str = LIST, tab: str = ATTEMPTS, *, zoomed: bool = False) -> PanePlan:
    """The plan of a terminal, header and footer taken off."""
    return plan(width, height - 2, focused=focused, tab=tab, is_zoomed=zoomed)


def test_at_80x24_there_is_one_pane_and_the_strip() -> None:
    found = planned(80, 24)
    assert dict(found.places) == {LIST: PaneRect(0, 0, 80, 22 - STRIP_HEIGHT)}
    assert found.has_strip
    assert not planned(80, 24, DETAIL).has_strip


def test_at_120x40_it_is_the_picture() -> None:
    found = planned(120, 40)
    assert found.places[LIST] == PaneRect(0, 0, 120, 18)
    assert found.places[DETAIL] == PaneRect(0, 18, 54, 20)
    assert found.places[ATTEMPTS] == PaneRect(55, 18, 65, 20, (ATTEMPTS, TREE))
    assert found.hairline == (54, 18, 38)
    assert planned(120, 40, TREE, TREE).shows(TREE)


def test_at_200x60_it_is_the_picture() -> None:
    found = planned(200, 60)
    assert found.places[LIST] == PaneRect(0, 0, 116, 58)
    assert [found.places[pane].y for pane in (DETAIL, ATTEMPTS, TREE)] == [0, 23, 43]
    assert {place.x for pane, place in found.places.items() if pane != LIST} == {117}
    assert found.joints == ((0, "┬"), (23, "├"), (43, "├"))


def test_a_wide_but_low_terminal_shares_a_place() -> None:
    found = planned(200, 40, tab=TREE)
    assert found.places[TREE].tabs == (ATTEMPTS, TREE)
    assert not found.shows(ATTEMPTS)


def test_zoom_gives_everything_to_one() -> None:
    found = planned(200, 60, ATTEMPTS, zoomed=True)
    assert dict(found.places) == {ATTEMPTS: PaneRect(0, 0, 200, 58)}


@given(st.integers(60, 400), st.integers(15, 150), st.sampled_from(PANES), st.booleans())
def test_every_cell_belongs_to_one_thing_and_the_focused_pane_is_seen(
    width: int, height: int, focused: str, zoomed: bool
) -> None:
    assert not is_too_small(width, height)
    found = planned(width, height, focused, focused if focused in (ATTEMPTS, TREE) else ATTEMPTS, zoomed=zoomed)
    assert found.shows(focused)
    cells = [0] * (width * (height - 2))

    def take(x: int, y: int, across: int, down: int) -> None:
        for row in range(y, y + down):
            for column in range(x, x + across):
                cells[row * width + column] += 1

    for place in found.places.values():
        assert place.width >= 40
        assert place.height >= 7
        take(place.x, place.y, place.width, place.height)
    if found.has_strip:
        take(0, height - 2 - STRIP_HEIGHT, width, STRIP_HEIGHT)
    if found.hairline is not None:
        x, top, bottom = found.hairline
        take(x, top, 1, bottom - top)
    assert set(cells) == {1}
