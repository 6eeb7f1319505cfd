"""What the list is filled from: outages and their gap line, the live feed, errors of visible rows, saved filters."""

import asyncio
import json
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse

from tests.support.chaos import set_faults
from tests.support.fleet import NO_QUERIES, FleetRun, fleet_of
from tests.support.responses import server_error
from tests.support.ui.action_app import executing
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, monitored, on_monitor, run_story
from tui.domain.filters import RunFilters
from tui.domain.update import CaughtUp
from tui.settings.private_files import names_path
from tui.store.server_filter import ServerFilter
from tui.sync.polling import RunLister
from tui.text.styled import Token

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
            assert monitor.lines[4].startswith("  no data 14:00–14:01 · 4 runs changed meanwhile · 2 failed  ╌╌╌╌")
            texts = [message.text for message in monitor.app.messages]
            assert texts[-1] == "There was no data 14:00–14:01: 4 runs changed meanwhile, 2 failed."
            await monitor.later(10)
            assert monitor.lines[4].startswith("  no data 14:00–14:01 · 4 runs changed meanwhile · 2 failed  ╌╌╌╌")
            assert [message.text for message in monitor.app.messages] == texts
            await monitor.resize(80, 24)
            await monitor.later(1)
            line = "  no data 14:00–14:01 · 4 runs changed meanwhile · 2 failed  "
            assert monitor.lines[4] == line + "╌" * (79 - len(line))

    asyncio.run(story())


@on_monitor(small_fleet)
async def test_cursor_skips_a_gap_line_and_keeps_its_run(monitor: Monitored) -> None:
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


def faults(monitor: Monitored, *specs: dict[str, Any]) -> None:
    fleet = monitor.api.fleet
    set_faults(fleet.emulator, fleet.world, [NO_QUERIES, *specs])


def messages(monitor: Monitored) -> list[str]:
    return [message.text for message in monitor.app.messages]


@on_monitor(lambda: fleet_of(executing(1)), size=(140, 30), realtime=True)
async def test_header_explains_polling_without_a_feed(monitor: Monitored) -> None:
    faults(monitor, {"kind": "error", "status": 403, "route": "feed"})
    await monitor.later(25)
    assert "● polling every 2 s  no live feed (403), retrying in " in monitor.lines[0]
    assert any(text.startswith("The server refuses the live feed: ") for text in messages(monitor))
    faults(monitor)
    await monitor.press("r", wait_s=2)
    assert "● live" in monitor.lines[0]
    assert messages(monitor)[-1].startswith("The live feed is back after ")


READ = "Upstream returned 503"


def reads(monitor: Monitored) -> int:
    """How many runs were read one by one."""
    paths = [path for _, path, _ in monitor.api.fleet.requests]
    return sum(path.startswith("/api/v3/runs/") for path in paths)


def failed_rows(monitor: Monitored) -> list[str]:
    return [line for line in monitor.lines if line[2:].startswith(("✗ Failed", "▼ Crashed"))]


@on_monitor(lambda: small_fleet(60), wait_s=1)
async def test_visible_failed_rows_get_their_errors(monitor: Monitored) -> None:
    rows = failed_rows(monitor)
    assert rows
    await monitor.later(6)
    assert all(READ in row or "Process exited" in row for row in failed_rows(monitor))
    count = reads(monitor)
    assert count == len(rows)
    await monitor.later(6)
    assert reads(monitor) == count, "each run is read once"
    await monitor.press("G", wait_s=6)
    assert reads(monitor) > count
    assert all(READ in row or "Process exited" in row for row in failed_rows(monitor))


def test_refused_errors_stay_unknown(tmp_path: Path) -> None:
    fleet = small_fleet(20)
    fleet.fault = lambda path: server_error() if path.startswith("/api/v3/runs/") else None

    async def story(monitor: Monitored) -> None:
        await monitor.later(8)
        assert all(row.rstrip().endswith("·") for row in failed_rows(monitor))
        fleet.fault = lambda _: None
        await monitor.later(40)
        assert all(READ in row or "Process exited" in row for row in failed_rows(monitor))

    run_story(story, tmp_path, fleet, wait_s=1)


FAILED = ServerFilter(RunFilters(statuses=("FAILED",)), timedelta(hours=24))


def keep(tmp_path: Path, *, kept_at: str | None) -> None:
    """Choose a filter in one session, as of that time."""

    async def story(monitor: Monitored) -> None:
        monitor.app.subscription.choose(FAILED)
        await monitor.later(1)
        assert "filters from" not in monitor.text
        assert title_token(monitor) is Token.TEXT

    run_story(story, tmp_path, small_fleet(), size=(80, 24), environment_name="here")
    (path,) = tmp_path.rglob("screen-*.json")
    text = path.read_text()
    assert '"2026-11-24T14:00:' in text
    at = text.index('"2026-11-24T14:00:')
    wanted = "null" if kept_at is None else f'"{kept_at}"'
    path.write_text(text[:at] + wanted + text[text.index('"', at + 1) + 1 :])


def title_token(monitor: Monitored) -> Token:
    """The colour of the filters in the title of the list."""
    return next(piece.token for piece in monitor.screen.run_list.rule.text.left if "last 24h" in piece.text)


def test_start_shows_the_saved_filters(tmp_path: Path) -> None:
    keep(tmp_path, kept_at="2026-11-23T18:02:00+00:00")

    async def story(monitor: Monitored) -> None:
        assert "filters from yesterday 18:02: Threw, last 24h · 0 clears" in monitor.lines[-1]
        assert title_token(monitor) is Token.AMBER
        assert "Threw, last 24h" in monitor.lines[1]
        assert len(monitor.screen.run_list.rows.view) == 6
        await monitor.press("0", wait_s=3)
        assert "all filters are cleared" in monitor.lines[-1]
        assert title_token(monitor) is Token.MUTED
        assert len(monitor.screen.run_list.rows.view) == 30
        await monitor.later(5)
        await monitor.press("0")
        assert "no filter is set" in monitor.lines[-1]

    run_story(story, tmp_path, small_fleet(), size=(80, 24), environment_name="here")

    async def afterwards(monitor: Monitored) -> None:
        assert "filters from" not in monitor.text
        assert title_token(monitor) is Token.MUTED

    run_story(afterwards, tmp_path, small_fleet(), size=(80, 24), environment_name="here")


@on_monitor(small_fleet, wait_s=15)
async def test_names_of_runs_are_kept_for_the_shell(monitor: Monitored) -> None:
    settings = monitor.session.settings
    path = names_path(settings.state_dir, settings.key.reveal())
    await monitor.until(path.exists, "the file of names")
    names = json.loads(path.read_text())["names"]
    assert set(names["task"]) == {str(run.fixed.task) for run in monitor.session.store.runs() if run.fixed.task}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert settings.key.reveal() not in path.name
