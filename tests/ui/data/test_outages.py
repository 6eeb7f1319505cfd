"""The gap line in the list after an outage, and its count of missed runs."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.responses import JSONResponse
from textual.geometry import Region
from textual.widget import Widget

from tests.support.fleet import FleetRun
from tests.support.ui.action_app import executing, fleet_of
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, monitored, run_story
from tui.domain.update import CaughtUp
from tui.kit.colors import ColorMode
from tui.sync.polling import RunLister

LIVED = [
    FleetRun(10, -50, -40, 20.0, end="FAILED"),
    FleetRun(11, 15.0, 16.0, 25.0),
    FleetRun(12, 20.0, 21.0, 26.0, end="CRASHED"),
    FleetRun(13, 30.0),
]


@pytest.fixture(autouse=True)
def the_tests_say_when_all_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunLister, "caught_up_at", None)


async def break_for(monitor: Monitored, seconds: float) -> None:
    """The server has trouble for so long, then it answers again."""
    fleet = monitor.api.fleet
    fleet.fault = lambda _: JSONResponse({"error": "down"}, 503)
    await monitor.later(seconds)
    assert "STALE" in monitor.lines[1]
    fleet.fault = lambda _: None
    await monitor.press("r")
    await monitor.later(5)


async def catch_up(monitor: Monitored) -> None:
    """A source says that all is read."""
    await monitor.session.emit(CaughtUp("rest", monitor.session.now()))
    await monitor.later(1)


def cursor_line(monitor: Monitored) -> int:
    return next(number for number, line in enumerate(monitor.lines) if line.startswith("▌"))


def test_gap_line_counts_the_missed_runs(tmp_path: Path) -> None:
    fleet = fleet_of(executing(1), FleetRun(90, -300, -290, -280, end="FAILED"), *LIVED, FleetRun(14, 70.5))

    async def story() -> None:
        async with monitored(fleet, tmp_path) as monitor:
            await monitor.later(4)
            assert "no data" not in monitor.text
            await break_for(monitor, 63)
            assert monitor.lines[1].endswith("─ 7 ─")
            assert monitor.lines[3].startswith("  ○ Queued ")
            line = "  no data 14:00–14:01 · catching up, 4 runs so far · 2 failed  "
            assert monitor.lines[4] == line + "╌" * (119 - len(line))
            texts = [message.text for message in monitor.app.messages]
            assert not any("no data" in text for text in texts)
            await catch_up(monitor)
            assert monitor.lines[4].startswith("  no data 14:00–14:01 · 4 runs caught up · 2 failed  ╌╌╌╌")
            texts = [message.text for message in monitor.app.messages]
            assert texts[-1] == "There was no data 14:00–14:01: 4 runs caught up, 2 failed."
            await monitor.later(60)
            assert monitor.lines[4].startswith("  no data 14:00–14:01 · 4 runs caught up · 2 failed  ╌╌╌╌")
            assert [message.text for message in monitor.app.messages] == texts
            await monitor.resize(80, 24)
            await monitor.later(1)
            line = "  no data 14:00–14:01 · 4 runs caught up · 2 failed  "
            assert monitor.lines[4] == line + "╌" * (79 - len(line))

    asyncio.run(story())


def test_cursor_skips_a_gap_line_and_keeps_its_run(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        rows = monitor.screen.run_list.rows
        await monitor.press(*"jjjj")
        here, line = rows.cursor, cursor_line(monitor)
        await break_for(monitor, 30)
        assert (rows.cursor, cursor_line(monitor)) == (here, line)
        assert rows.top == 1  # as with new runs: what is above the cursor does not move it
        assert monitor.lines[1].endswith(" · no data for 31 s at 14:00 · catching up ─")
        await monitor.press("k", "k", "k")
        assert "no data" not in monitor.lines[1]
        assert (rows.cursor, monitor.lines[3][:9]) == (rows.view.at(0), "  no data")
        assert cursor_line(monitor) == 4
        await monitor.press("k")
        assert (rows.cursor, monitor.lines[3][:9]) == (None, "  no data")
        await monitor.pilot.click(monitor.screen.run_list.table, offset=(10, 1), times=2)
        await monitor.later()
        assert (rows.cursor, monitor.screen.pane) == (None, monitor.screen.run_list)
        await monitor.press("j")
        assert (rows.cursor, cursor_line(monitor)) == (rows.view.at(0), 4)
        await monitor.press("slash", *"crash", "enter")
        assert monitor.lines[3].startswith("  no data for 31 s at 14:00")
        await monitor.press("s")
        assert "by status" in monitor.lines[1]
        assert monitor.lines[1].endswith(" · catching up ─")

    run_story(story, tmp_path, small_fleet())


@pytest.mark.parametrize(
    ("width", "left", "right"),
    [
        (80, " · last 1h", "no data for 31 s · 2 runs · 1 failed"),
        (120, " · last 1h and 1 older live run", "no data for 31 s at 14:00 · 2 runs caught up · 1 failed"),
        (
            200,
            " · last 1h and 1 older live run · newest first",
            "no data for 31 s at 14:00 · 2 runs caught up · 1 failed",
        ),
    ],
)
def test_rule_after_an_outage_has_no_cut_words(tmp_path: Path, width: int, left: str, right: str) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press(*"jjjj")
        await break_for(monitor, 30)
        await catch_up(monitor)
        assert monitor.lines[1].replace("─", "") == f" 1:runs{left}  33 · 2 new · {right} "

    fleet = small_fleet()
    fleet.add_all(
        [FleetRun(90, -7200.0, -7200.0), FleetRun(91, 15.0, 16.0, 25.0), FleetRun(92, 20.0, 21.0, 26.0, "FAILED")]
    )
    run_story(story, tmp_path, fleet, size=(width, 24), history=timedelta(hours=1))


def test_pause_holds_back_changes_until_it_ends(tmp_path: Path) -> None:
    fleet = fleet_of(executing(1), *LIVED)

    async def story() -> None:
        async with monitored(fleet, tmp_path) as monitor:
            await monitor.press("p")
            await break_for(monitor, 63)
            await catch_up(monitor)
            await monitor.later(60)
            assert "no data" not in monitor.text
            assert "waiting" in monitor.lines[0]
            assert all("no data" not in message.text for message in monitor.app.messages)
            await monitor.press("p")
            assert monitor.lines[3].startswith("  no data 14:00–14:01 · 4 runs caught up · 2 failed  ╌╌")
            assert sum("4 runs caught up, 2 failed" in message.text for message in monitor.app.messages) == 1
            await monitor.press("p")
            await monitor.later(60)
            await monitor.press("p")
            assert monitor.text.count("no data") == 1

    asyncio.run(story())


def test_three_gaps_are_kept_within_the_period(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        for _ in range(4):
            await break_for(monitor, 75)
        assert [line[:21] for line in monitor.lines if line.startswith("  no data")] == [
            "  no data 14:04–14:05",
            "  no data 14:02–14:03",
            "  no data 14:01–14:02",
        ]
        assert ["no data 14:00" in message.text for message in monitor.app.messages].count(True) == 1
        assert "  no data 14:01–14:02 · what was missed is not known  ╌" in monitor.text
        await monitor.later(350)
        assert not [line for line in monitor.lines if line.startswith("  no data")]

    run_story(story, tmp_path, fleet_of(FleetRun(20, 60), FleetRun(21, 600)), history=timedelta(minutes=5))


def test_short_outage_without_runs_in_ascii(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await break_for(monitor, 14)
        table, painted = monitor.screen.run_list.table, list[tuple[object, ...]]()
        refresh = table.refresh

        def spied(*regions: Region) -> Widget:
            painted.append(regions)
            return refresh(*regions)

        table.refresh = spied  # type: ignore[method-assign, assignment]
        await catch_up(monitor)
        assert painted == [(Region(0, 1, 80, 1),)]  # its line alone, and once
        await monitor.later(2)
        assert len(painted) == 1
        line = "  no data for 15 s at 14:00 - nothing missed  "
        assert monitor.lines[3] == line + "." * (79 - len(line))

    old = fleet_of(FleetRun(90, -5000, -4999, -4998))
    run_story(story, tmp_path, old, size=(80, 24), color_mode=ColorMode.NONE, is_ascii=True)


def test_one_lost_response_is_no_outage(tmp_path: Path) -> None:
    fleet = fleet_of(executing(1))

    async def story() -> None:
        async with monitored(fleet, tmp_path) as monitor:
            fleet.fault = lambda _: JSONResponse({"error": "down"}, 503)
            await monitor.later(2.5)
            fleet.fault = lambda _: None
            await monitor.later(20)
            assert "no data" not in monitor.text
            assert all("no data" not in message.text for message in monitor.app.messages)

    asyncio.run(story())
