"""The line below the last run, and the search of the server that Enter starts there."""

from datetime import timedelta
from pathlib import Path

from starlette.responses import Response

from tests.support.fleet import FleetRun
from tests.support.responses import server_error
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, on_monitor, run_story

WITHOUT_ERRORS = (99, 24)
"""A list without a column of errors, so that only the search reads them."""


def end_line(monitor: Monitored) -> str:
    """The text of the line below the last run."""
    return next(line for line in monitor.lines[3:] if " found" in line or "older" in line or "searching" in line)


async def search(monitor: Monitored, text: str, wait_s: float = 8.0) -> None:
    await monitor.press("slash", *text, "enter", "G", "enter", wait_s=wait_s)


def details(monitor: Monitored) -> int:
    """How many runs were read one by one."""
    return sum(path.startswith("/api/v3/runs/") for _, path, _ in monitor.api.fleet.requests)


def test_search_reads_errors_with_one_query(tmp_path: Path) -> None:
    fleet = small_fleet(10)
    fleet.allow_queries()

    async def story(monitor: Monitored) -> None:
        await search(monitor, "UPSTREAM", 20)
        assert "2 found" in end_line(monitor)
        assert "all 4 errors read" in end_line(monitor)
        assert details(monitor) == 0, "one snapshot has all payloads"

    run_story(story, tmp_path, fleet, size=(80, 24))


@on_monitor(lambda: small_fleet(10), size=(99, 24))
async def test_payloads_that_came_since_the_search_are_said_to_be_newer(monitor: Monitored) -> None:
    fleet = monitor.api.fleet
    await search(monitor, "payload.n:3", 20)
    assert " · 10 payloads searched" in end_line(monitor)
    fleet.add(FleetRun(900, fleet.now_s + 1, fleet.now_s + 2, fleet.now_s + 3))
    await monitor.later(10)
    assert " · 10 payloads searched, 1 newer not · " in end_line(monitor)
    await monitor.press("enter", wait_s=20)
    assert " · 11 payloads searched" in end_line(monitor)


def test_search_shows_progress_and_escape_stops(tmp_path: Path) -> None:
    fleet = small_fleet(50)

    async def story(monitor: Monitored) -> None:
        await search(monitor, "upstream", 0.5)
        assert "searching, " in end_line(monitor)
        assert " of 20 errors read   Esc stops" in end_line(monitor)
        read = details(monitor)
        assert 0 < read < 20
        await monitor.press("escape", wait_s=3)
        assert details(monitor) <= read + 3
        assert "searching" not in monitor.text
        assert "errors not loaded yet" in end_line(monitor)
        assert "/upstream" in monitor.lines[1]
        await monitor.press("enter", wait_s=40)
        assert "10 found" in end_line(monitor)
        assert "all 20 errors read" in end_line(monitor)
        await monitor.press("escape")
        assert "/upstream" not in monitor.lines[1]
        assert "found" not in monitor.text

    run_story(story, tmp_path, fleet, size=WITHOUT_ERRORS)


def test_stopped_search_says_why_and_continues(tmp_path: Path) -> None:
    fleet = small_fleet(10)

    def down(path: str) -> Response | None:
        return server_error(503) if path.startswith("/api/v3/runs/") else None

    async def story(monitor: Monitored) -> None:
        fleet.fault = down
        await search(monitor, "upstream")
        assert "0 found · stopped: 503" in end_line(monitor)
        assert "Enter on this line: try again" in end_line(monitor)
        fleet.fault = lambda _: None
        await monitor.press("enter", wait_s=20)
        assert "stopped" not in monitor.text
        assert "2 found" in end_line(monitor)

    run_story(story, tmp_path, fleet, size=WITHOUT_ERRORS)


def test_run_of_any_age_is_found_by_its_id(tmp_path: Path) -> None:
    fleet = small_fleet()
    fleet.add(FleetRun(900, -7200.0, -7200.0, -7190.0, task="long-ago"))

    async def story(monitor: Monitored) -> None:
        assert "long-ago" not in monitor.text
        await search(monitor, FleetRun(900, 0.0).id, 5)
        assert "long-ago" in monitor.lines[3]
        assert "1 found · found by its id" in end_line(monitor)
        assert "Enter" not in end_line(monitor)
        await monitor.press("escape")
        assert "long-ago" not in "".join(monitor.lines[3:18])
        await search(monitor, "run_999999999999999999999999", 5)
        assert "0 found · no run has the id run_999999999999999999999999" in end_line(monitor)

    run_story(story, tmp_path, fleet, history=timedelta(hours=1))


@on_monitor(lambda: small_fleet(250), history_runs=100)
async def test_end_line_reads_older_runs(monitor: Monitored) -> None:
    await monitor.press("end")
    assert "▌ not read: runs older than 13:43   Enter on this line: read more" in monitor.text
    assert monitor.lines[-1].startswith(" Enter read more   / filter")
    await monitor.press("enter", wait_s=8)
    assert "newest first ─" in monitor.lines[1]
    assert " 250 ─" in monitor.lines[1]
    assert "not read" not in monitor.text
    rows = monitor.screen.run_list.rows
    assert len(rows.view) == 250
    assert rows.cursor is not None


@on_monitor(small_fleet)
async def test_end_line_is_no_run(monitor: Monitored) -> None:
    rows = monitor.screen.run_list.rows
    await monitor.press("slash", *"crashed", "enter", *["j"] * 7)
    assert rows.is_at_end
    await monitor.press("C")
    assert "cancel: not a run: this line says" in monitor.lines[-1]
    await monitor.press("space", "V")
    assert len(rows.marks) == 0
    await monitor.press("asterisk")
    assert len(rows.marks) == 6
    await monitor.press("asterisk", "k")
    assert rows.cursor == rows.view.at(5)
    await monitor.press("n", "space", "right_square_bracket")
    assert rows.cursor == rows.view.at(5)
    await monitor.press("j")
    assert rows.is_at_end
