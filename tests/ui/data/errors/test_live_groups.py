"""The groups of the errors view: on a relay, with filters of the server, and after the view was left."""

import asyncio
from pathlib import Path

from tests.support.fleet import Fleet, FleetRun
from tests.support.relay import relay_setup, screen_on
from tests.support.responses import server_error
from tests.support.session import pass_time
from tests.support.ui.fleets import FAILURES, failing_fleet
from tests.support.ui.monitor import Monitored, run_story
from tests.support.virtual_clock import VirtualClock
from tui.domain.filters import RunFilters
from tui.domain.run import TaskId
from tui.features.errors.data import GROUPS, LiveErrorGroups
from tui.kit.live_model import LiveModel


def counts_of(groups: LiveErrorGroups) -> list[int]:
    found = (groups.list.get(each) for each in groups.list.window)
    return [group.count for group in found if group is not None]


def test_screen_of_a_relay_groups_its_runs(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = failing_fleet()
        async with relay_setup(fleet, tmp_path) as setup, screen_on(setup) as screen:
            await setup.run_until(lambda: len(screen.store) == 18)
            groups = LiveErrorGroups(LiveModel(screen, lambda call: call()), GROUPS)
            groups.list.resize(9)
            screen.subscribe(groups.on_changes)
            groups.open()
            await setup.run_until(lambda: groups.read.is_complete)
            assert counts_of(groups) == [9, 6, 3]
            groups.close()

    asyncio.run(scenario())


def test_groups_keep_to_the_filters_of_the_server(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        groups = LiveErrorGroups(monitor.app.live, GROUPS)
        groups.list.resize(9)
        monitor.session.subscribe(groups.on_changes)
        groups.filters = lambda: RunFilters(tasks=(TaskId("task-1"),))
        groups.open()
        await monitor.later(8)
        assert counts_of(groups) == [6]
        assert groups.scope_words == "task-1, last 24h"
        groups.filters = RunFilters
        groups.open()
        await monitor.later(8)
        assert counts_of(groups) == [9, 6, 3]

    run_story(story, tmp_path, failing_fleet())


def test_view_that_was_left_reads_nothing_and_catches_up(tmp_path: Path) -> None:
    fleet = failing_fleet()

    async def story(monitor: Monitored) -> None:
        groups = LiveErrorGroups(monitor.app.live, GROUPS)
        groups.list.resize(9)
        monitor.session.subscribe(groups.on_changes)
        groups.open()
        await monitor.later(8)
        groups.rest()
        assert not groups.reading.is_running
        before = groups.list.current
        now_s = fleet.now_s
        fleet.add(FleetRun(100, now_s + 1, now_s + 1, now_s + 2, "FAILED", task="task-0", message=FAILURES[0]))
        await monitor.later(6)
        assert groups.list.current is before
        groups.open()
        await pass_time(monitor.session, monitor.api, 12.0, is_busy=monitor.idle.is_busy)
        assert counts_of(groups) == [10, 6, 3]

    run_story(story, tmp_path, fleet)


def test_codes_of_crashes_become_texts_with_the_feed(tmp_path: Path) -> None:
    fleet = Fleet(VirtualClock())
    fleet.add_all(FleetRun(number, -float(number), -float(number), -number + 0.5, "CRASHED") for number in range(1, 6))
    fleet.fault = lambda path: server_error(503) if path.startswith("/realtime/") else None

    async def story(monitor: Monitored) -> None:
        groups = LiveErrorGroups(monitor.app.live, GROUPS)
        groups.list.resize(9)
        monitor.session.subscribe(groups.on_changes)
        groups.open()
        await monitor.later(8)
        current = groups.list.current
        assert current is not None
        assert (current.count, "exited" in current.kind.message) == (5, False)
        fleet.fault = lambda _: None
        await monitor.later(30)
        (group,) = (groups.list.get(each) for each in groups.list.window if not groups.list.is_departed(each))
        assert group is not None
        assert (group.count, "exited" in group.kind.message) == (5, True)

    run_story(story, tmp_path, fleet)
