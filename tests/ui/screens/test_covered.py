"""What another screen hides: nothing is asked for it, and it catches up once it is shown again."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.fleet import Fleet, FleetRun
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, run_story
from tui.domain.run import RunId
from tui.features.attempts.compared import ComparedScreen
from tui.features.errors import data as errors_data
from tui.features.queues import view as live_queues
from tui.features.wall import data as live_board
from tui.features.wall.view import WallScreen
from tui.kit.list_panes import ListPane
from tui.text.styled import Line

HIDDEN_S = 65.0
"""Longer than anything waits that is read again and again."""


def live_fleet(*, may_query: bool = True) -> Fleet:
    """Return a fleet whose newest run is live."""
    fleet = small_fleet()
    if may_query:
        fleet.allow_queries()
    fleet.add(FleetRun(500, -5.0, -4.0, 1e6))
    return fleet


async def asked_while_hidden(monitor: Monitored, seconds: float = HIDDEN_S) -> Sequence[str]:
    """Return the paths that are asked for from now on, without those of the list."""
    await monitor.later(2)  # what was asked before
    before = len(monitor.api.fleet.requests)
    await monitor.later(seconds)
    return [path for _, path, _ in monitor.api.fleet.requests[before:] if path != "/api/v1/runs"]


def test_covered_run_is_read_once_it_is_shown_again(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        fleet = monitor.api.fleet
        run = next(run for run in fleet.runs if run.ended_s == 1e6)
        await monitor.press("j", "4", "t", wait_s=4)
        await monitor.press("question_mark")
        asked = await asked_while_hidden(monitor)
        assert not [path for path in asked if run.id in path]
        fleet.cancel(run)
        assert not [path for path in await asked_while_hidden(monitor, 10) if run.id in path]
        before = len(fleet.requests)
        await monitor.press("escape", wait_s=2)
        read = {path.rpartition("/")[2] for _, path, _ in fleet.requests[before:] if run.id in path}
        assert read == {run.id, "trace"}

    run_story(story, tmp_path, live_fleet())


def test_comparison_goes_on_reading_its_run(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "3", wait_s=4)
        monitor.app.push_screen(ComparedScreen(monitor.screen.live, RunId(f"run_{500:024}"), None))
        asked = await asked_while_hidden(monitor, 20)
        assert [path for path in asked if path.endswith("/trace")]

    run_story(story, tmp_path, live_fleet())


@pytest.mark.parametrize("most", [2, errors_data.MAX_MISSED])
def test_covered_wall_knows_every_failure_on_return(most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors_data, "MAX_MISSED", most)

    async def story(monitor: Monitored) -> None:
        fleet = monitor.api.fleet
        await monitor.press("W", wait_s=4)
        await monitor.press("question_mark", wait_s=1)
        for number in range(900, 905):
            fleet.add(FleetRun(number, fleet.now_s + 2, fleet.now_s + 3, fleet.now_s + 4, "FAILED"))
            await monitor.later(5)
        live = next(each for each in monitor.app.screen_stack if isinstance(each, WallScreen)).live_board._failing
        assert live._updates.has_missed is (most == 2)  # type: ignore[union-attr]
        await monitor.press("escape", wait_s=2)
        assert ", 5 not read" in monitor.text

    run_story(story, tmp_path, live_fleet())


def test_covered_groups_are_neither_read_nor_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(monitor: Monitored) -> None:
        fleet, made = monitor.api.fleet, list[ListPane]()
        await monitor.press("exclamation_mark", wait_s=4)
        await monitor.press("question_mark", wait_s=1)

        def left(pane: ListPane) -> Line:
            made.append(pane)
            return make(pane)

        make = ListPane.left
        monkeypatch.setattr(ListPane, "left", left)
        fleet.add(FleetRun(900, fleet.now_s + 5, fleet.now_s + 6, fleet.now_s + 7, "FAILED", message="quite another"))
        assert "/api/v1/errors" not in await asked_while_hidden(monitor)
        assert made == []
        await monitor.press("escape", wait_s=2)
        assert "quite another" in monitor.text

    run_story(story, tmp_path, live_fleet())


@pytest.mark.parametrize(
    ("keys", "module", "name"), [("Q", live_queues, "queue_rows"), ("W", live_board, "make_board")]
)
def test_facts_make_nothing_for_a_covered_screen(
    keys: str, module: ModuleType, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press(keys, wait_s=4)
        made, make, shown = list[object](), getattr(module, name), monitor.lines[2]
        await monitor.press("question_mark")

        def counted(*facts: object) -> object:
            made.append(facts)
            return make(*facts)

        monkeypatch.setattr(module, name, counted)
        asked = await asked_while_hidden(monitor)
        assert made == []
        assert not [path for path in asked if path.endswith("/metrics")]
        await monitor.press("escape", wait_s=1)
        assert monitor.lines[2] == shown
        assert made

    run_story(story, tmp_path, live_fleet())


def test_errors_of_rows_are_not_read_for_a_hidden_list(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        fleet = monitor.api.fleet
        await monitor.press("j", "5", "z", wait_s=4)
        before = len(fleet.requests)
        await monitor.press(*["right_square_bracket"] * 30, wait_s=4)
        read = {path for _, path, _ in fleet.requests[before:] if path.startswith("/api/v3/runs/")}
        assert len(read) == 1  # the selected run
        await monitor.press("z", wait_s=4)
        shown = {path for _, path, _ in fleet.requests[before:] if path.startswith("/api/v3/runs/")}
        assert len(shown) > len(read)

    run_story(story, tmp_path, small_fleet(60))
