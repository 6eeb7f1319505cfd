"""The monitor on the realtime feed: the header, and the fallback when the feed is gone."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.support.chaos import set_faults
from tests.support.fleet import NO_QUERIES, Fleet, FleetRun
from tests.support.ui.action_app import executing, fleet_of
from tests.support.ui.monitor import Monitored, monitored
from tests.support.virtual_clock import VirtualClock
from tui.domain.run import RunStatus
from tui.emulator.simulation.runs import NewRun


def run_story(story: Callable[[Monitored], Awaitable[None]], tmp_path: Path, fleet: Fleet, **options: Any) -> None:
    async def whole() -> None:
        async with monitored(fleet, tmp_path, realtime=True, **options) as monitor:
            await story(monitor)

    asyncio.run(whole())


def faults(monitor: Monitored, *specs: dict[str, Any]) -> None:
    fleet = monitor.api.fleet
    set_faults(fleet.emulator, fleet.world, [NO_QUERIES, *specs])


def messages(monitor: Monitored) -> list[str]:
    return [message.text for message in monitor.app.messages]


def test_feed_change_is_shown_at_once(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        assert "● live" in monitor.lines[0]
        assert "Executing" in monitor.lines[3]
        await monitor.later(12.4 - monitor.api.fleet.now_s)
        assert "Failed" in monitor.lines[3]
        await monitor.later(30)
        assert "late" not in monitor.lines[0]

    run_story(story, tmp_path, fleet_of(FleetRun(1, -5, -4, 12, end="FAILED"), executing(2)))


def test_header_explains_polling_without_a_feed(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        faults(monitor, {"kind": "error", "status": 403, "route": "feed"})
        await monitor.later(25)
        assert "● polling every 2 s  no live feed (403), retrying in " in monitor.lines[0]
        assert any(text.startswith("The server refuses the live feed: ") for text in messages(monitor))
        faults(monitor)
        await monitor.press("r", wait_s=2)
        assert "● live" in monitor.lines[0]
        assert messages(monitor)[-1].startswith("The live feed is back after ")

    run_story(story, tmp_path, fleet_of(executing(1)), size=(140, 30))


def test_failing_lists_beside_a_feed_are_not_stale(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        faults(monitor, {"kind": "error", "status": 503, "route": "list"})
        await monitor.press("r", wait_s=50)
        assert "● live  polling fails (503), retrying " in monitor.lines[0]
        assert "STALE" not in monitor.text

    run_story(story, tmp_path, fleet_of(executing(1)), size=(140, 30))


def test_header_says_quiet_when_live_runs_do_not_change(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.later(300)
        assert "● live  no change for 5 min" in monitor.lines[0]

    run_story(story, tmp_path, fleet_of(executing(1)))


def test_pause_counts_and_then_shows_waiting_runs(tmp_path: Path) -> None:
    fleet = fleet_of(executing(1), *(FleetRun(number, 6.0 + number / 10) for number in range(10, 17)))

    async def story(monitor: Monitored) -> None:
        await monitor.press("p", wait_s=8)
        assert "‖ paused  8 s ago, 7 waiting, p resumes" in monitor.lines[0]
        assert "Queued" not in monitor.text
        await monitor.press("p", wait_s=1)
        assert monitor.text.count("Queued") == 7

    run_story(story, tmp_path, fleet)


def test_selected_old_run_has_its_own_feed(tmp_path: Path) -> None:
    fleet = Fleet(VirtualClock())
    fleet.add(FleetRun(1, -2000, -1990, 20, end="FAILED"))
    fleet.add_all(FleetRun(number, -1500.0 + number, -20, -10) for number in range(2, 1102))

    async def story(monitor: Monitored) -> None:
        await monitor.later(10)
        path = f"/realtime/v1/runs/{FleetRun(1, 0).id}"
        assert not fleet.requests_to(path)
        await monitor.press("G", wait_s=2)
        assert fleet.requests_to(path)
        await monitor.later(20.3 - fleet.now_s)
        assert any(line.startswith("▌ ✗ Failed") for line in monitor.lines)
        # It is looked at still, and has nothing more to tell.
        await monitor.later(1)
        count_before = len(fleet.requests_to(path))
        await monitor.later(60)
        assert len(fleet.requests_to(path)) == count_before
        await monitor.press("g", wait_s=60)
        assert len(fleet.requests_to(path)) == count_before
        # That it was let go is nobody else's business: the feed of all runs is still the first.
        assert [query["offset"] for _, query in fleet.requests_to("/realtime/v1/runs")].count("-1") == 1

    run_story(story, tmp_path, fleet)


def test_header_counts_rows_before_the_server_does(tmp_path: Path) -> None:
    late = {"kind": "late-counts", "seconds": 3000}

    async def story(monitor: Monitored) -> None:
        fleet = monitor.api.fleet
        create = fleet.world.lifecycle.create
        set_faults(fleet.emulator, fleet.world, [late])
        await monitor.later(12)
        create(NewRun(task_id="later", delay_ms=3_600_000))
        create(NewRun(task_id="nobody-has-this-task"))
        fleet.add(FleetRun(4, fleet.now_s + 0.1))
        await monitor.later(3)
        assert "   Q1  D1  P1  E2" in monitor.lines[0]
        rows = Counter(" ".join(line[2:19].split()[1:]) for line in monitor.lines[3:-3] if line[2:19].strip())
        assert rows == {"Queued": 1, "Delayed": 1, "Pending version": 1, "Executing": 2}
        await monitor.later(25.5 - fleet.now_s)
        # One of them failed at 25 s.
        assert "   Q1  D1  P1  E1  ✗1" in monitor.lines[0]
        counted = monitor.session.store.server_counts
        assert counted is not None
        assert counted.counts.get(RunStatus.DELAYED, 0) == 0

    fleet = fleet_of(FleetRun(1, -5, -4, 25, end="FAILED"), executing(2))
    fleet.allow_queries()
    run_story(story, tmp_path, fleet, size=(140, 24), wait_s=1.0)


def test_header_says_no_quiet_for_waiting_runs(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        fleet = monitor.api.fleet
        fleet.world.lifecycle.create(NewRun(task_id="nobody-has-this-task"))
        fleet.world.lifecycle.create(NewRun(task_id="later", delay_ms=3_600_000))
        await monitor.later(200)
        assert "D1  P1" in monitor.lines[0]
        assert "no change" not in monitor.lines[0]
        fleet.add(FleetRun(4, fleet.now_s + 0.1))
        await monitor.later(150)
        assert "no change for 2 min" in monitor.lines[0]

    run_story(story, tmp_path, fleet_of(FleetRun(1, -5, -4, -3)), size=(140, 24))
