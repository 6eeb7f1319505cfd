"""The overview stands where the panes about a run stand."""

from hypothesis import given
from hypothesis import strategies as st

from tui.features import OVERVIEW_PANES, PANES
from tui.kit.layout import MEDIUM, PanePlan, is_too_small, plan
from tui.kit.workspace import numbers_of

ALL = {entry.title: entry.placement for entry in (*PANES, *OVERVIEW_PANES)}


def planned(width: int, height: int, *recent: str, overview: bool, is_zoomed: bool = False) -> PanePlan:
    shown = {name: placement for name, placement in ALL.items() if placement.is_in(overview=overview)}
    order = [*recent, *(name for name in shown if name not in recent)]
    return plan(width, height - 2, shown, recent=order, is_zoomed=is_zoomed)


def test_numbers_are_those_of_the_rules() -> None:
    numbers = numbers_of((*PANES, *OVERVIEW_PANES))
    assert [numbers[entry.title] for entry in PANES] == list(range(1, len(PANES) + 1))
    assert [numbers[entry.title] for entry in OVERVIEW_PANES] == list(range(2, len(OVERVIEW_PANES) + 2))


@given(width=st.integers(60, 300), height=st.integers(15, 100), focus=st.sampled_from(["runs", "second", "third"]))
def test_selecting_a_run_moves_no_place(width: int, height: int, focus: str) -> None:
    assert not is_too_small(width, height)
    names = {"runs": ("runs", "runs"), "second": ("attempts", "failing now"), "third": ("tree", "tasks")}[focus]
    run = planned(width, height, names[0], overview=False)
    overview = planned(width, height, names[1], overview=True)
    assert run.hairline == overview.hairline
    assert run.has_summary is overview.has_summary or focus != "runs"
    if "runs" in run.rects:
        assert run.rects["runs"] == overview.rects["runs"]
    if "detail" in run.rects:
        places = [
            (each.x, each.y, each.width, each.height) for each in (run.rects["detail"], overview.rects["overview"])
        ]
        assert places[0] == places[1]
    assert {*run.joints} <= {*overview.joints}


def test_failures_stand_above_tasks_and_queues_are_a_tab() -> None:
    found = planned(120, 40, "runs", overview=True)
    failing, tasks = found.rects["failing now"], found.rects["tasks"]
    assert (failing.y, failing.height, tasks.y, tasks.height) == (18, 7, 25, 13)
    assert failing.tabs == ("failing now", "tasks", "queues")
    assert tasks.tabs == ()
    assert found.joints == ((18, "┬"), (25, "├"))
    queues = planned(120, 40, "queues", overview=True)
    assert queues.rects["queues"].height == 20
    assert not queues.shows("tasks")
    assert planned(120, 40, "tasks", "queues", overview=True).shows("failing now")


def test_wide_terminal_has_all_one_above_the_other() -> None:
    found = planned(200, 60, overview=True)
    assert [found.rects[name].y for name in ("overview", "failing now", "tasks")] == [0, 23, 43]
    assert found.rects["failing now"].tabs == ("failing now", "queues")


def test_low_place_has_tabs_alone() -> None:
    found = planned(*MEDIUM, overview=True)
    assert found.rects["failing now"].height + found.rects["tasks"].height == found.rects["overview"].height
    low = planned(160, 30, overview=True)
    assert not low.shows("tasks")
    assert planned(160, 30, "tasks", overview=True).shows("tasks")


def test_zoom_shows_one_pane_of_the_overview() -> None:
    assert [*planned(120, 40, "tasks", overview=True, is_zoomed=True).rects] == ["tasks"]
    assert [*planned(80, 24, "queues", overview=True).rects] == ["queues"]
