"""The list reads why its failed runs failed."""

from pathlib import Path

import pytest

from tests.support.responses import server_error
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, run_story

READ = "Upstream returned 503"


def reads(monitor: Monitored) -> int:
    """How many runs were read one by one."""
    paths = [path for _, path, _ in monitor.api.fleet.requests]
    return sum(path.startswith("/api/v3/runs/") for path in paths)


def failed_rows(monitor: Monitored) -> list[str]:
    return [line for line in monitor.lines if line[2:].startswith(("✗ Failed", "▼ Crashed"))]


def test_visible_failed_rows_get_their_errors(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
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

    run_story(story, tmp_path, small_fleet(60), wait_s=1)


def test_queries_read_all_visible_errors_at_once(tmp_path: Path) -> None:
    fleet = small_fleet(60)
    fleet.allow_queries()

    async def story(monitor: Monitored) -> None:
        await monitor.later(4)
        assert all(READ in row or "Process exited" in row for row in failed_rows(monitor))
        assert reads(monitor) == 0

    run_story(story, tmp_path, fleet, wait_s=1)


@pytest.mark.parametrize("words", ["status:failures", "status:failed,crashed"])
def test_narrow_list_of_failures_shows_errors(tmp_path: Path, words: str) -> None:
    async def story(monitor: Monitored) -> None:
        assert reads(monitor) == 0
        assert "run" in monitor.lines[2].split()
        await monitor.press("slash", *words, "enter", wait_s=6)
        assert monitor.lines[2].split() == ["status", "task", "took", "age", "error"]
        assert READ in failed_rows(monitor)[0] + failed_rows(monitor)[1]
        await monitor.press("escape")
        assert "run" in monitor.lines[2].split()

    run_story(story, tmp_path, small_fleet(60), size=(80, 24))


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
