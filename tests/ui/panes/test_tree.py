"""The tree pane by its keys."""

from pathlib import Path

from starlette.responses import JSONResponse, Response

from tests.support.fleet import Fleet, FleetRun
from tests.support.ui.monitor import Monitored, run_story
from tests.support.virtual_clock import VirtualClock
from tui.domain.run import RunId
from tui.features.tree.view import TreePane


def planted() -> Fleet:
    """An import that runs, with a plan, five pages that are alike, a shard that failed because of its page, and a
    notice that was triggered last and stands on top of the list.
    """
    fleet = Fleet(VirtualClock())
    fleet.allow_queries()
    fleet.add_all(
        [
            FleetRun(1, -100, -99, 20.0, task="import"),
            FleetRun(2, -98, -97, -96, task="plan", parent=1),
            *(FleetRun(number, -95, -94, -90, task="page", parent=1) for number in range(3, 8)),
            FleetRun(8, -90, -89, -80, "FAILED", task="shard", parent=1),
            FleetRun(9, -89, -88, -85, "FAILED", task="leaf", parent=8),
            FleetRun(10, -10, -9, 10.0, task="notify", parent=1),
        ]
    )
    return fleet


async def opened(monitor: Monitored) -> TreePane:
    """The tree of the newest run, zoomed."""
    await monitor.press("j", "4", "z", wait_s=2.0)
    pane = monitor.screen.panes["tree"]
    assert isinstance(pane, TreePane)
    return pane


def target(pane: TreePane) -> RunId | None:
    """What a key pressed now would be about."""
    return pane.target


def rows(monitor: Monitored) -> list[str]:
    """The task of each row, or what a group says; the row under the cursor with `>` before it."""
    found = []
    pane = monitor.screen.panes["tree"]
    assert isinstance(pane, TreePane)
    for number, line in enumerate(monitor.lines[3:-3]):
        if not line.strip():
            break
        shown = line.lstrip("▌ │├└─▾▸").split("  ")[0]
        task = shown if shown[:1].isdigit() else shown.partition(" ")[2]
        found.append(f"> {task}" if number == pane.page.cursor else task)
    return found


def test_tree_starts_at_the_selected_run(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "4", "z", wait_s=2)
        assert "4:tree · from the root import" in monitor.lines[1]
        assert "10 runs · all loaded" in monitor.lines[1]
        assert monitor.lines[2].split() == ["run", "below", "it", "took", "queued", "id"]
        assert rows(monitor) == ["import", "plan", "shard", "leaf", "> notify", "5 completed"]
        assert monitor.lines[3].split()[2:7] == ["import", "trigger()", "✗2", "E1", "✓6"]
        assert "✗2  the first to fail was leaf" in monitor.text

    run_story(story, tmp_path, planted())


def test_the_keys_that_fold_and_move(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        pane = await opened(monitor)
        await monitor.press("k", "h")
        assert rows(monitor) == ["import", "plan", "> shard", "leaf", "notify", "5 completed"]
        await monitor.press("h")
        assert rows(monitor) == ["import", "plan", "> shard", "notify", "5 completed"]
        await monitor.press("l", "l")
        assert rows(monitor)[3] == "> leaf"
        await monitor.press("minus")
        assert rows(monitor)[2] == "> shard"
        await monitor.press("circumflex_accent")
        assert rows(monitor)[0] == "> import"
        await monitor.press("G", "k", "k")
        assert target(pane) is None
        await monitor.press("enter")
        assert rows(monitor)[5:] == ["> 5 completed", *["page"] * 5]
        await monitor.press("l", "j")
        assert target(pane) == "run_000000000000000000000004"
        await monitor.press("less_than_sign")
        assert rows(monitor) == ["import", "plan", "shard", "notify", "> 5 completed"]
        await monitor.press("E", "less_than_sign")
        assert rows(monitor) == ["> import"]
        await monitor.press("greater_than_sign")
        assert rows(monitor) == ["> import", "plan", "shard", "notify", "5 completed"]
        await monitor.press("e")
        assert len(rows(monitor)) == 11

    run_story(story, tmp_path, planted())


def test_footer_has_the_actions_of_the_row_under_the_cursor(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        await monitor.press("g")
        assert "C cancel" in monitor.lines[-1]
        await monitor.press("j")
        assert rows(monitor)[1] == "> plan"
        assert "C cancel" not in monitor.lines[-1]
        await monitor.press("k")
        assert "C cancel" in monitor.lines[-1]
        await monitor.later(25)
        assert "C cancel" not in monitor.lines[-1], "the run has ended"

    run_story(story, tmp_path, planted())


def test_x_finds_failures_in_folded_branches(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        await monitor.press("E", "circumflex_accent", "x")
        assert rows(monitor)[2] == "> shard"
        await monitor.press("x")
        assert rows(monitor)[3] == "> leaf"
        await monitor.press("x")
        assert rows(monitor)[2] == "> shard"
        await monitor.press("X")
        assert rows(monitor)[3] == "> leaf"

    run_story(story, tmp_path, planted())


def test_tree_stays_while_another_run_is_fetched(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        pane = await opened(monitor)
        monitor.api.fleet.fault = lambda _: JSONResponse({"error": "busy"}, 503)
        await monitor.press("k", "enter")
        assert pane.selection.run_id == "run_000000000000000000000009"
        assert rows(monitor) == ["import", "plan", "shard", "> leaf", "notify", "5 completed"]
        assert "The tree could not be read: 503 busy. r tries again." in monitor.text
        monitor.api.fleet.fault = lambda _: None
        await monitor.press("r", wait_s=10)
        assert "could not be read" not in monitor.text
        assert rows(monitor)[3] == "> leaf"

    run_story(story, tmp_path, planted())


def test_tree_shows_the_newest_state_of_runs(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        fleet = monitor.api.fleet
        line = monitor.line_of("notify")
        assert monitor.lines[line].split()[2:3] == ["◐"]
        await monitor.later(30 - fleet.now_s)
        assert rows(monitor)[4] == "> notify"
        assert "✓ notify" in monitor.lines[line]
        assert monitor.lines[3].split()[1:6] == ["✓", "import", "trigger()", "✗2", "✓7"]
        assert "all loaded" in monitor.lines[1]

    run_story(story, tmp_path, planted())


def test_search_unfolds_and_folds_again(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        pane = await opened(monitor)
        before = rows(monitor)
        await monitor.press("slash", *"page", "enter")
        assert len(rows(monitor)) == 11
        await monitor.press("n")
        assert target(pane) is not None
        await monitor.press("circumflex_accent", "escape")
        assert len(rows(monitor)) == len(before)

    run_story(story, tmp_path, planted())


def test_single_run_tree_fits_every_size(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        for width, height in ((60, 15), (80, 24), (200, 60), (120, 40)):
            await monitor.resize(width, height)
            await monitor.later(1)
            line = monitor.lines[monitor.line_of("no runs above or below it")]
            assert line.startswith("▌   ✓ lonely")
            assert all(len(each) <= width for each in monitor.lines)

    fleet = Fleet(VirtualClock())
    fleet.add(FleetRun(1, -10, -9, -5, task="lonely"))
    run_story(story, tmp_path, fleet)


def test_unreadable_tree_explains_why(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        def refuse(path: str) -> Response | None:
            return JSONResponse({"error": "no"}, 403) if path.startswith("/api/v3/runs/") else None

        monitor.api.fleet.fault = refuse
        await opened(monitor)
        assert "The tree could not be read" in monitor.text
        assert "r tries again." in monitor.text

    run_story(story, tmp_path, planted())
