"""The line below the last run, and the search of the server that Enter starts there."""

from datetime import timedelta
from pathlib import Path

import pytest
from starlette.responses import Response

from tests.support.fleet import HELD, FleetRun
from tests.support.responses import server_error
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, run_story
from tui.domain.run import Environment
from tui.domain.text import Raw
from tui.domain.update import EnvironmentRead

WITHOUT_ERRORS = (99, 40)
"""A list without a column of errors, so that only the search reads them."""


def end_line(monitor: Monitored) -> str:
    """The text of the line below the last run."""
    return next(line for line in monitor.lines[3:] if " found" in line or "older" in line or "searching" in line)


async def search(monitor: Monitored, text: str, wait_s: float = 8.0) -> None:
    await monitor.press("slash", *text, "enter", "G", "enter", wait_s=wait_s)


def details(monitor: Monitored) -> int:
    """How many runs were read one by one."""
    return sum(path.startswith("/api/v3/runs/") for _, path, _ in monitor.api.fleet.requests)


def test_search_reads_single_errors_without_queries(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("slash", *"upstream", "enter", "G")
        assert "▌ 0 found · 12 errors not read · older than 11-23 " in monitor.text
        await monitor.press("enter", wait_s=8)
        assert "6 found" in end_line(monitor)
        assert "all 12 errors read" in end_line(monitor)
        assert details(monitor) == 12
        assert all("Failed" in line for line in monitor.lines[3:9])

    run_story(story, tmp_path, small_fleet(), size=WITHOUT_ERRORS)


def test_search_reads_errors_with_one_query(tmp_path: Path) -> None:
    fleet = small_fleet()
    fleet.allow_queries()

    async def story(monitor: Monitored) -> None:
        await search(monitor, "UPSTREAM")
        assert "6 found" in end_line(monitor)
        assert "all 12 errors read" in end_line(monitor)
        assert details(monitor) == 0

    run_story(story, tmp_path, fleet)


def test_search_shows_progress_and_escape_stops(tmp_path: Path) -> None:
    fleet = small_fleet(100)

    async def story(monitor: Monitored) -> None:
        await search(monitor, "upstream", 0.5)
        assert "searching, " in end_line(monitor)
        assert " of 40 errors read   Esc stops" in end_line(monitor)
        read = details(monitor)
        assert 0 < read < 40
        await monitor.press("escape", wait_s=3)
        assert details(monitor) <= read + 3
        assert "searching" not in monitor.text
        assert "errors not read" in end_line(monitor)
        assert "/upstream" in monitor.lines[1]
        await monitor.press("enter", wait_s=32)
        assert "20 found" in end_line(monitor)
        assert "all 40 errors read" in end_line(monitor)
        await monitor.press("escape")
        assert "/upstream" not in monitor.lines[1]
        assert "found" not in monitor.text

    run_story(story, tmp_path, fleet, size=WITHOUT_ERRORS)


def test_search_leaves_requests_to_the_list(tmp_path: Path) -> None:
    fleet = small_fleet(400)

    async def story(monitor: Monitored) -> None:
        before = len(fleet.requests_to("/api/v1/runs"))
        await search(monitor, "upstream", 10)
        assert "searching" in end_line(monitor)
        assert len(fleet.requests_to("/api/v1/runs")) - before >= 3
        assert "● polling every 2 s" in monitor.lines[0]

    run_story(story, tmp_path, fleet)


def test_stopped_search_says_why_and_continues(tmp_path: Path) -> None:
    fleet = small_fleet()

    def down(path: str) -> Response | None:
        return server_error(503) if path.startswith("/api/v3/runs/") else None

    async def story(monitor: Monitored) -> None:
        fleet.fault = down
        await search(monitor, "upstream")
        assert "0 found · stopped: 503" in end_line(monitor)
        assert "Enter here tries again" in end_line(monitor)
        fleet.fault = lambda _: None
        await monitor.press("enter", wait_s=8)
        assert "stopped" not in monitor.text
        assert "6 found" in end_line(monitor)

    run_story(story, tmp_path, fleet, size=WITHOUT_ERRORS)


def test_search_counts_runs_that_cannot_be_read(tmp_path: Path) -> None:
    fleet = small_fleet()
    broken = next(run for run in fleet.runs if run.end == "FAILED")

    async def story(monitor: Monitored) -> None:
        fleet.fault = lambda path: server_error(500) if path.endswith(broken.id) else None
        await search(monitor, "upstream")
        assert "5 found · 1 error cannot be read" in end_line(monitor)

    run_story(story, tmp_path, fleet)


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


def test_task_is_found_beyond_the_period(tmp_path: Path) -> None:
    fleet = small_fleet()
    fleet.add_all(FleetRun(900 + number, -7200.0, -7200.0, -7190.0, task="long-ago") for number in range(3))

    async def story(monitor: Monitored) -> None:
        await search(monitor, "long-ago", 8)
        assert "3 found" in end_line(monitor)
        assert "task long-ago: 3 in 90d" in end_line(monitor)
        assert "last 1h and older" in monitor.lines[1]
        assert sum("long-ago" in line for line in monitor.lines[3:6]) == 3

    run_story(story, tmp_path, fleet, history=timedelta(hours=1))


def test_plain_text_search_reads_older_pages(tmp_path: Path) -> None:
    fleet = small_fleet()
    fleet.add_all(FleetRun(900 + number, -7200.0, -7200.0, -7190.0, task="long-ago") for number in range(3))

    async def story(monitor: Monitored) -> None:
        await search(monitor, "ong-ag")
        assert "3 found" in end_line(monitor)
        assert "searched back to 08-26 " in end_line(monitor)
        assert "Enter" not in monitor.lines[-1]

    run_story(story, tmp_path, fleet, history=timedelta(hours=1))


def test_search_reads_errors_of_found_runs(tmp_path: Path) -> None:
    fleet = small_fleet()
    fleet.allow_queries()
    fleet.add_all(FleetRun(900 + n, -7200.0 - n, -7200.0, -7190.0, "FAILED", task="long-ago") for n in range(3))

    async def story(monitor: Monitored) -> None:
        await search(monitor, "ong-ag")
        assert "3 found" in end_line(monitor)
        assert "all 15 errors read" in end_line(monitor)

    run_story(story, tmp_path, fleet, history=timedelta(hours=1))


def test_search_of_a_queue_is_repeated_by_enter(tmp_path: Path) -> None:
    fleet = small_fleet(3)

    async def story(monitor: Monitored) -> None:
        await search(monitor, f"queue:{HELD}")
        assert f"3 found · queue {HELD}: 3 in 90d   Enter here asks again" in end_line(monitor)
        fleet.add(FleetRun(900, fleet.now_s + 1))
        await monitor.later(4)
        await monitor.press("G", "enter", wait_s=8)
        assert f"4 found · queue {HELD}: 4 in 90d   Enter here asks again" in end_line(monitor)

    run_story(story, tmp_path, fleet)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_panes_explain_the_end_line(tmp_path: Path, size: tuple[int, int]) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("slash", *"crashed", "enter", "G")
        assert "This line is not a run" in monitor.text
        assert "selects a run" not in monitor.text
        await monitor.press("g")
        assert "This line is not a run" not in monitor.text
        assert "selects a run" in monitor.text

    run_story(story, tmp_path, small_fleet(), size=size)


def test_end_line_has_the_full_width_at_once(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("slash", *"upstream", "enter")
        assert end_line(monitor).endswith("…   Enter here asks")
        await monitor.resize(120, 40)
        assert end_line(monitor).endswith(" not searched   Enter here asks the server")

    run_story(story, tmp_path, small_fleet(), size=(70, 24))


def test_cut_list_says_how_far_it_reaches(tmp_path: Path) -> None:
    fleet = small_fleet(250)
    fleet.allow_queries()

    async def story(monitor: Monitored) -> None:
        assert "newest 100, back to 13:43" in monitor.lines[1]
        await monitor.press("slash", *"send", "enter")
        assert "100 of newest 100, back to 13:43" in monitor.lines[1]
        await monitor.press("G")
        assert "100 found" in end_line(monitor)
        assert "older than 13:43 not searched" in end_line(monitor)
        await monitor.press("enter", wait_s=8)
        assert "250 found" in end_line(monitor)

    run_story(story, tmp_path, fleet, history_runs=100)


def test_enter_in_an_empty_list_asks_at_once(tmp_path: Path) -> None:
    fleet = small_fleet(250)
    fleet.add(FleetRun(900, -3000.0, -2999.0, -2990.0, task="long-ago"))

    async def story(monitor: Monitored) -> None:
        await monitor.press("slash", *"long-ago", "enter", wait_s=1)
        assert "0 found" in end_line(monitor)
        assert end_line(monitor).endswith("Enter here asks the server")
        assert monitor.lines[-1].startswith(" Enter search")
        await monitor.press("enter", wait_s=32)
        assert "1 found" in end_line(monitor)
        assert "Enter" not in monitor.lines[-1], "now a run has to be selected first"

    run_story(story, tmp_path, fleet, history_runs=100)


def test_found_runs_do_not_extend_the_reach(tmp_path: Path) -> None:
    fleet = small_fleet(250)
    fleet.allow_queries()
    fleet.add_all(FleetRun(900 + n, -3000.0 - n, -3000.0, -2990.0, task="long-ago") for n in range(3))

    async def story(monitor: Monitored) -> None:
        await search(monitor, "long-ago")
        assert "3 found" in end_line(monitor)
        assert "task long-ago: 3 in 90d" in end_line(monitor)
        await monitor.press("escape", wait_s=1)
        assert "newest 100, back to 13:43" in monitor.lines[1]

    run_story(story, tmp_path, fleet, history_runs=100)


def test_end_line_reads_older_runs(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("end")
        assert "▌ older than 13:43 not read   Enter here loads more" in monitor.text
        assert monitor.lines[-1].startswith(" Enter read on   / filter")
        await monitor.press("enter", wait_s=8)
        assert "newest first ─" in monitor.lines[1]
        assert " 250 ─" in monitor.lines[1]
        assert "not read" not in monitor.text
        rows = monitor.screen.run_list.rows
        assert len(rows.view) == 250
        assert rows.cursor is not None

    run_story(story, tmp_path, small_fleet(250), history_runs=100)


def test_search_reads_no_more_than_the_list_keeps(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        monitor.session.store.max_runs = 100
        await monitor.press("G", "enter", wait_s=8)
        assert "stopped: no more than 100 runs are kept" in monitor.text
        assert len(monitor.session.store) == 100

    run_story(story, tmp_path, small_fleet(250), history_runs=100)


@pytest.mark.parametrize("key", ["G", "j"])
def test_end_line_is_no_run(tmp_path: Path, key: str) -> None:
    async def story(monitor: Monitored) -> None:
        rows = monitor.screen.run_list.rows
        await monitor.press("slash", *"crashed", "enter", *([key] if key == "G" else ["j"] * 7))
        assert rows.is_at_end
        await monitor.press("C")
        assert "cancel: this line is not a run" in monitor.lines[-1]
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

    run_story(story, tmp_path, small_fleet())


def test_another_filter_drops_the_search(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await search(monitor, "upstream", 0.5)
        await monitor.press("slash", "x", "enter", wait_s=5)
        assert "searching" not in monitor.text
        assert "0 found" in end_line(monitor)
        assert "and older" not in monitor.lines[1]
        assert not monitor.screen.run_list.server_search.is_running

    run_story(story, tmp_path, small_fleet(300))


def test_another_environment_drops_the_search(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await search(monitor, "upstream", 0.5)
        elsewhere = Environment(Raw("prod"), "PRODUCTION", Raw("shop"), Raw("acme"))
        await monitor.session.emit(EnvironmentRead(elsewhere, monitor.session.now()))
        await monitor.later(1)
        assert not monitor.screen.run_list.server_search.is_running

    run_story(story, tmp_path, small_fleet(300))


def test_quitting_ends_a_search(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await search(monitor, "upstream", 0.5)
        assert monitor.screen.run_list.server_search.is_running
        await monitor.press("ctrl+q")

    run_story(story, tmp_path, small_fleet(300))
