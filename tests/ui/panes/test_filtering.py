"""The typed filter: its remarks, its result, and changes with time."""

from pathlib import Path

import pytest

from tests.support.fleet import FleetRun
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, run_story
from tui.features.runs.screen import FILTER_SENTENCE
from tui.store.filter import FIELDS


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("foo:bar", 'no field "foo"; the fields are status task tag'),
        ("status:faild", 'no status "faild"; similar names: failed'),
        ("took:>10q", '">10q" is not a duration; use for example took:>10s'),
    ],
)
def test_unknown_filter_shows_no_runs(tmp_path: Path, text: str, remark: str) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("slash", *text)
        assert remark in monitor.lines[-1]
        await monitor.press("enter", "asterisk")
        assert remark in monitor.lines[1]
        assert remark[1:] in monitor.lines[4]
        rows = monitor.screen.run_list.rows
        assert (len(rows.view), len(rows.marks)) == (0, 0)
        await monitor.press("escape")
        assert remark not in monitor.text
        assert len(rows.view) == 30

    run_story(story, tmp_path, small_fleet())


def test_half_a_word_is_an_error_after_enter(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        rows = monitor.screen.run_list.rows
        await monitor.press("slash", *"task:send-email took:>1")
        assert "not a duration" not in monitor.text
        assert len(rows.view) == 30
        await monitor.press("enter")
        assert '">1" is not a duration' in monitor.lines[1]
        assert len(rows.view) == 0
        await monitor.press("slash", *"s", "enter")
        assert "not a duration" not in monitor.text
        assert len(rows.view) == 30

    run_story(story, tmp_path, small_fleet())


def test_help_names_every_field_of_the_filter() -> None:
    assert [name for name in FIELDS if f"{name}:" not in FILTER_SENTENCE] == []


def test_filter_remark_counts_the_shown_runs(tmp_path: Path) -> None:
    fleet = small_fleet()

    async def story(monitor: Monitored) -> None:
        fleet.add(FleetRun(900, fleet.now_s + 3, fleet.now_s + 3))
        await monitor.press("slash", *"status:executing")
        assert monitor.lines[-1].endswith(" · 0 of 30")
        await monitor.later(6)
        assert monitor.lines[-1].endswith(" · 1 of 31")
        await monitor.press("escape", "slash", *"z" * 150)
        assert monitor.lines[-1].endswith("  0 of 31")

    run_story(story, tmp_path, fleet)


def test_cancelled_filter_shows_no_notice(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("slash", *"foo:bar", "escape")
        assert "no field" not in monitor.text
        assert len(monitor.screen.run_list.rows.view) == 30

    run_story(story, tmp_path, small_fleet())


def test_runs_enter_and_leave_a_filter_with_time(tmp_path: Path) -> None:
    fleet = small_fleet()
    fleet.add(FleetRun(900, 0.0, 0.0))

    async def story(monitor: Monitored) -> None:
        rows = monitor.screen.run_list.rows
        await monitor.press("slash", *"age:<1m", "enter")
        shown = len(rows.view)
        await monitor.later(10)
        assert len(rows.view) == shown - 1
        await monitor.press("escape", "slash", *"took:>20s", "enter")
        assert len(rows.view) == 0
        await monitor.later(10)
        assert rows.visible_runs == [FleetRun(900, 0.0).id]

    run_story(story, tmp_path, fleet)


def test_pause_filters_and_sorts_the_paused_runs(tmp_path: Path) -> None:
    fleet = small_fleet()
    fleet.add(FleetRun(900, 0.0, 0.0, fleet.now_s + 8, "FAILED", task="ends-in-the-pause"))

    async def story(monitor: Monitored) -> None:
        rows = monitor.screen.run_list.rows
        await monitor.press("p")
        fleet.add(FleetRun(901, fleet.now_s + 1, task="begins-in-the-pause"))
        await monitor.later(10)
        await monitor.press("slash", *"status:failed", "enter", "asterisk")
        assert len(rows.view) == len(rows.marks) == 6
        assert "ends-in-the-pause" not in monitor.text
        await monitor.press("escape", "escape", "s")
        assert len(rows.view) == 31
        assert "? run_" not in monitor.text
        await monitor.press("slash", *"status:failed", "enter", "p", wait_s=1)
        assert len(rows.view) == 7
        assert "ends-in-the-pause" in monitor.text
        await monitor.press("escape")
        assert len(rows.view) == 32

    run_story(story, tmp_path, fleet)


def test_pause_stops_the_time_of_a_filter(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        rows = monitor.screen.run_list.rows
        await monitor.press("slash", *"age:<25s", "enter", "p")
        shown = len(rows.view)
        await monitor.later(15)
        assert len(rows.view) == shown > 0
        await monitor.press("p")
        await monitor.later(2)
        assert len(rows.view) == 0

    run_story(story, tmp_path, small_fleet())
