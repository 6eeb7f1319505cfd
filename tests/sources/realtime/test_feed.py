"""The feed with polling beside it: what it costs, what it misses, how it restarts, and when it is stopped."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from tests.support.fleet import NO_QUERIES, Fleet, FleetRun, at
from tests.support.live_session import (
    FEED,
    LIST,
    UP_TO_DATE,
    a_fleet,
    changed_columns,
    electric_answer,
    live_session,
    snapshot_count,
)
from tests.support.responses import server_error
from tests.support.session import SHORT, live
from tests.support.sure import sure
from tui.domain.filters import RunFilters
from tui.domain.run import Capability, RunStatus
from tui.domain.update import SourceRetrying
from tui.emulator.routes.table import NAMES
from tui.sync.feed import MAX_LIST_WAIT_S
from tui.sync.lists import RECONCILE_EVERY_S


async def test_change_arrives_soon_and_costs_no_request(tmp_path: Path) -> None:
    async with live_session(tmp_path) as followed:
        assert followed.freshness.is_live
        began_s = followed.fleet.now_s
        followed.fleet.add(FleetRun(100, 12.0, 13.0, 14.0, end="FAILED"))
        ends = RunStatus.COMPLETED_WITH_ERRORS
        for second, status in ((12, RunStatus.QUEUED), (13, RunStatus.EXECUTING), (14, ends)):
            await followed.later(second + 0.4 - followed.fleet.now_s)
            assert followed.status(100) is status
        assert followed.request_count("/api/v3/runs", began_s) == 0
        assert followed.request_count(LIST, began_s) <= 4
        assert sure(followed.run(100).error_value).stack is not None


async def test_feed_waits_briefly_for_the_first_page(tmp_path: Path) -> None:
    async def feed_started_s(*faults: dict[str, Any]) -> float:
        fleet = a_fleet()
        fleet.emulator.faults.set([NO_QUERIES, *faults], NAMES)
        async with live(fleet, tmp_path) as (_, later):
            await later(5)
        return fleet.requests_to(FEED)[0][0]

    assert await feed_started_s() == 0
    assert await feed_started_s({"kind": "error", "status": 503, "route": "list"}) == MAX_LIST_WAIT_S


async def test_fields_that_the_feed_lacks_come_from_the_list(tmp_path: Path) -> None:
    async with live_session(tmp_path) as followed:
        followed.fleet.add(FleetRun(101, 12.0, 13.0))
        followed.fleet.add(FleetRun(102, 14.0, 15.0, parent=101))
        await followed.later(10)
        for number, depth in ((101, 0), (102, 1)):
            run = followed.run(number)
            assert (run.fixed.depth, run.fixed.environment) == (depth, "dev")
        assert followed.request_count("/api/v3/runs", 0) == 0


async def test_runs_displaced_from_the_feed_are_polled_not_missed(tmp_path: Path) -> None:
    fleet = a_fleet()
    fleet.add(FleetRun(2, -60, -40, 47))

    async with live_session(tmp_path, fleet) as followed:
        run = followed.run(2)
        assert followed.session.sources.is_covered(run)
        followed.fleet.add_all(FleetRun(number, 15.0 + number / 200, 22, 23) for number in range(1000, 2001))
        await followed.later(35)
        assert not followed.session.sources.is_covered(run)
        await followed.later(55 - followed.fleet.now_s)
        assert followed.status(2) is RunStatus.COMPLETED_SUCCESSFULLY
        await followed.later(30)
        assert not followed.missed


@pytest.mark.parametrize("is_requested", [True, False], ids=["the user refreshes", "the counts differ twice"])
async def test_silent_feed_is_compared_early(tmp_path: Path, is_requested: bool) -> None:
    fleet = a_fleet()
    fleet.add(FleetRun(2, -50, -40, 20))
    if not is_requested:
        fleet.allow_queries()

    async with live_session(tmp_path, fleet, realtime=False) as followed:
        coverage = sure(followed.session.sources._coverage)
        coverage.start(at(-80_000), at(10))  # by a feed that reports nothing
        await followed.later(12)
        comparison = sure(followed.session.store.reconciled)
        assert followed.status(2) is RunStatus.EXECUTING
        if is_requested:
            followed.session.sources.refresh()
        await followed.later(2 if is_requested else 21)
        assert followed.session.now() < comparison.at + timedelta(seconds=RECONCILE_EVERY_S)
        assert followed.status(2) is RunStatus.COMPLETED_SUCCESSFULLY


@pytest.mark.parametrize(("tags", "tag"), [(("a",), "a"), (("a", "b"), None)])
async def test_feed_is_not_filtered_by_several_tags(tmp_path: Path, tags: tuple[str, ...], tag: str | None) -> None:
    async with live_session(tmp_path, filters=RunFilters(tags=tags)) as followed:
        assert {query.get("tags") for _, query in followed.fleet.requests_to(FEED)} == {tag}


@pytest.mark.parametrize("fault", [{"kind": "drop"}, {"kind": "half-open"}])
async def test_broken_feed_is_polled_at_once_and_returns(tmp_path: Path, fault: dict[str, Any]) -> None:
    is_silent, timeouts = fault["kind"] == "half-open", replace(SHORT)
    async with live_session(tmp_path, feed_timeouts=timeouts if is_silent else None) as followed:
        followed.set_faults(fault | ({} if fault["kind"] == "drop" else {"route": "feed"}))
        followed.fleet.add(FleetRun(100, followed.fleet.now_s + 1, followed.fleet.now_s + 2, followed.fleet.now_s + 50))
        await followed.later(5)
        assert followed.status(100) is RunStatus.EXECUTING
        followed.set_faults()
        # A busy machine answers late, too.
        for name in ("read_s", "whole_s"):
            object.__setattr__(timeouts, name, 100.0)
        await followed.later(60)
        followed.assert_equals_world()
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


async def test_partial_rows_update_a_known_run(tmp_path: Path) -> None:
    fleet = a_fleet()
    waiting: list[Any] = []

    def electric(path: str) -> Response | None:
        if path != FEED or "live" not in fleet.query or not waiting:
            return None
        return electric_answer(fleet, [*waiting.pop(0), UP_TO_DATE])

    fleet.fault = electric
    async with live_session(tmp_path, fleet) as followed:
        before = followed.run(1)
        columns = {"status": "CANCELED", "updatedAt": "2026-11-24T14:00:10.5", "completedAt": "2026-11-24T14:00:10.4"}
        waiting.append([changed_columns(1, **columns), changed_columns(77, **columns)])
        followed.set_faults({"kind": "drop"})
        fleet.add(FleetRun(100, 11.0))  # this ends the held poll
        await followed.later(3)
        run = followed.run(1)
        assert (run.status, sure(run.state).finished_at) == (RunStatus.CANCELLED, at(10.4))
        assert sure(run.state).started_at == sure(before.state).started_at is not None
        assert followed.status(77) is None


async def test_refused_feed_is_polled_and_tried_again_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.sync.feed.RETRY_REFUSED_AFTER", timedelta(minutes=1))
    async with live_session(tmp_path) as followed:
        followed.set_faults({"kind": "error", "status": 403, "route": "feed"})
        await followed.later(10)
        assert Capability.REALTIME in followed.session.store.lost_capabilities
        assert not followed.freshness.is_live
        assert followed.freshness.other_failure is not None
        followed.fleet.add(FleetRun(100, followed.fleet.now_s + 1))
        await followed.later(4)
        assert followed.status(100) is RunStatus.QUEUED
        followed.set_faults()
        count_before = followed.request_count(FEED, 0)
        await followed.later(30)
        assert followed.request_count(FEED, 0) == count_before
        await followed.later(30)
        assert Capability.REALTIME not in followed.session.store.lost_capabilities
        assert followed.freshness.is_live


def up_to_date(fleet: Fleet, *, is_moving: bool) -> Response:
    place = f"1_{len(fleet.requests)}" if is_moving else "1_1"
    return JSONResponse(
        [UP_TO_DATE], headers={"electric-handle": "h", "electric-offset": place, "electric-cursor": "1"}
    )


def break_polls(fleet: Fleet) -> Response | None:
    return server_error(504) if "live" in fleet.query else None


STOPPED: list[tuple[Callable[[Fleet], Response | None], str, int]] = [
    (lambda fleet: up_to_date(fleet, is_moving=True), "at once", 150),
    (lambda fleet: up_to_date(fleet, is_moving=False), "cache", 60),
    (lambda fleet: electric_answer(fleet, [changed_columns(39)]), "endless", 30),
    (break_polls, "3 times in a row", 10),
]
"""How each poll is answered, why the feed is stopped then, and after how many polls."""


@pytest.mark.parametrize(("answer", "reason", "most"), STOPPED)
async def test_feed_without_progress_is_stopped_and_polled_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Callable[[Fleet], Response | None], reason: str, most: int
) -> None:
    monkeypatch.setattr("tui.sync.feed.MAX_SNAPSHOT_PARTS", 30)
    fleet = a_fleet()
    fleet.fault = lambda path: answer(fleet) if path == FEED else None
    async with live_session(tmp_path, fleet) as followed:
        await followed.later(20)
        failure = followed.source("realtime")
        assert isinstance(failure, SourceRetrying)
        assert reason in failure.reason
        assert failure.next_at - failure.at >= timedelta(minutes=1)
        assert followed.request_count(FEED, 0) <= most
        followed.assert_equals_world()
