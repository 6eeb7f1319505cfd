"""The feed after a broken connection, a sleep or an outage: it restarts, and no change is lost."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response

from tests.support.fleet import FleetRun, at
from tests.support.live_session import (
    FEED,
    UP_TO_DATE,
    a_fleet,
    changed_columns,
    electric_answer,
    live_session,
    snapshot_count,
)
from tests.support.session import SHORT
from tests.support.sure import sure
from tui.api.feed import FeedPosition, FeedResponse, FeedTarget
from tui.domain.run import REST, RunId, RunStatus
from tui.domain.update import Reconciled, SourceConnected, SourceRetrying
from tui.store.changes import Changes
from tui.sync.feed import MAX_PAUSE_S


@pytest.mark.parametrize("fault", [{"kind": "drop"}, {"kind": "hang"}, {"kind": "half-open"}, {"kind": "close"}])
async def test_broken_feed_is_polled_at_once_and_returns(tmp_path: Path, fault: dict[str, Any]) -> None:
    is_silent = fault["kind"] in {"hang", "half-open"}
    async with live_session(tmp_path, feed_timeouts=SHORT if is_silent else None) as followed:
        followed.set_faults(fault | ({} if fault["kind"] == "drop" else {"route": "feed"}))
        followed.fleet.add(FleetRun(100, followed.fleet.now_s + 1, followed.fleet.now_s + 2, followed.fleet.now_s + 50))
        await followed.later(5)
        assert followed.status(100) is RunStatus.EXECUTING
        followed.set_faults()
        await followed.later(120)
        followed.assert_equals_world()
        assert followed.freshness.is_live


async def test_healthy_feed_continues_while_the_list_fails(tmp_path: Path) -> None:
    async with live_session(tmp_path) as followed:
        before = snapshot_count(followed)
        followed.set_faults({"kind": "error", "status": 503, "route": "list"})
        await followed.later(70)
        assert type(followed.source(REST)) is SourceRetrying
        followed.set_faults()
        await followed.later(40)
        assert type(followed.source(REST)) is SourceConnected
        assert snapshot_count(followed) == before


async def test_feed_restarts_after_the_server_forgot_it(tmp_path: Path) -> None:
    async with live_session(tmp_path) as followed:
        before = snapshot_count(followed)
        followed.set_faults({"kind": "must-refetch", "times": 1})
        followed.fleet.add(FleetRun(100, followed.fleet.now_s + 1))
        await followed.later(5)
        assert followed.status(100) is RunStatus.QUEUED
        assert snapshot_count(followed) == before + 1
        assert followed.freshness.is_live


async def test_feed_restarts_after_a_sleep_of_the_machine(tmp_path: Path) -> None:
    async with live_session(tmp_path) as followed:
        before = snapshot_count(followed)
        clock = followed.fleet.clock
        # Time passes for the server only, so its world is advanced by hand.
        clock.asleep_s += 3600
        followed.fleet.slept_s += 3600
        followed.fleet.cancel(followed.fleet.runs[-1])
        await followed.later(12)
        assert snapshot_count(followed) == before + 1
        assert followed.status(1) is RunStatus.CANCELLED
        assert followed.freshness.is_live
        assert followed.session.now() - clock.now() == timedelta(hours=1)


async def test_changes_during_a_sleep_do_not_count_as_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with live_session(tmp_path) as followed:
        clock, feed = followed.fleet.clock, followed.session.fetcher.poll_feed
        wrongly_missed: list[Reconciled] = []
        dead: list[FeedPosition] = []

        def record(_: Changes) -> None:
            comparison = followed.session.store.reconciled
            if comparison is not None and comparison.missed_count:
                wrongly_missed.append(comparison)

        async def dead_then_slow(target: FeedTarget, after: FeedPosition | None) -> FeedResponse:
            answer = await feed(target, after)
            if after is None:
                await clock.sleep(0.4)
            elif clock.asleep_s and not dead:
                dead.append(after)
                await asyncio.Event().wait()
            return answer

        followed.session.subscribe(record)
        monkeypatch.setattr(followed.session.fetcher, "poll_feed", dead_then_slow)
        await followed.later(34)  # a comparison is done, and the next is due after the sleep is noticed
        followed.fleet.add_all(FleetRun(100 + n, 120.0 + 100 * n, 125.0 + 100 * n, 130.0 + 100 * n) for n in range(30))
        clock.asleep_s += 3600
        followed.fleet.slept_s += 3600
        await followed.later(40)
        assert dead
        followed.assert_equals_world()
        assert not wrongly_missed


async def test_feed_restarts_after_a_pause(tmp_path: Path) -> None:
    async with live_session(tmp_path) as followed:
        before = snapshot_count(followed)
        pauses = [MAX_PAUSE_S + 0.1]

        def pause(_: Changes) -> None:
            # Between a response and the next poll, and too short to count as a sleep of the machine.
            if pauses and followed.status(100) is not None:
                followed.fleet.clock.asleep_s += pauses[0]
                followed.fleet.slept_s += pauses.pop()

        followed.session.subscribe(pause)
        followed.fleet.add(FleetRun(100, 12.0))
        await followed.later(4)
        assert not pauses
        assert snapshot_count(followed) == before + 1
        assert followed.freshness.is_live


async def test_partial_rows_update_a_known_run(tmp_path: Path) -> None:
    fleet = a_fleet()
    waiting: list[Any] = []

    def electric(path: str) -> Response | None:
        if path != FEED or "live" not in fleet.query or not waiting:
            return None
        return electric_answer(fleet, [*waiting.pop(0), UP_TO_DATE])

    fleet.fault = electric
    async with live_session(tmp_path, fleet) as followed:
        before = followed.session.store.get(RunId(FleetRun(1, 0).id))
        columns = {"status": "CANCELED", "updatedAt": "2026-11-24T14:00:10.5", "completedAt": "2026-11-24T14:00:10.4"}
        waiting.append([changed_columns(1, **columns), changed_columns(77, **columns)])
        followed.set_faults({"kind": "drop"})
        fleet.add(FleetRun(100, 11.0))  # this ends the held poll
        await followed.later(3)
        run = sure(followed.session.store.get(RunId(FleetRun(1, 0).id)))
        assert run.state is not None
        assert run.status is RunStatus.CANCELLED
        assert run.state.finished_at == at(10.4)
        assert before is not None
        assert run.state.started_at == sure(before.state).started_at is not None
        assert followed.status(77) is None


async def test_complete_outage_is_caught_up_and_reported(tmp_path: Path) -> None:
    async with live_session(tmp_path) as followed:
        followed.set_faults({"kind": "error", "status": 503, "route": ["feed", "list"]})
        followed.session.sources.refresh()
        began_s = followed.fleet.now_s
        followed.fleet.add_all(
            FleetRun(number, began_s + number / 10, began_s + 20, began_s + 40) for number in range(50, 90)
        )
        await followed.later(60)
        assert followed.freshness.is_stale
        followed.set_faults()
        followed.session.sources.refresh()
        back_s = followed.fleet.now_s
        await followed.later(12)
        followed.assert_equals_world()
        assert followed.freshness.is_live
        assert sure(followed.session.store.caught_up) >= at(back_s)
