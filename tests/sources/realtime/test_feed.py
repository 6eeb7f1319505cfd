"""The feed with polling beside it: what it costs, how missed changes are found, and how filters apply."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response

from tests.support.fleet import NO_QUERIES, FleetRun, at, fleet_of
from tests.support.live_session import (
    FEED,
    LIST,
    UP_TO_DATE,
    a_fleet,
    changed_columns,
    electric_answer,
    live_session,
)
from tests.support.session import live
from tests.support.sure import sure
from tui.domain.filters import RunFilters
from tui.domain.run import Capability, RunId, RunStatus, TaskId
from tui.domain.text import Raw
from tui.domain.update import Reconciled, SourceConnected, SourceRetrying
from tui.emulator.routes.table import NAMES
from tui.store.changes import Changes
from tui.store.merge import merge
from tui.sync.budget import Priority
from tui.sync.feed import MAX_LIST_WAIT_S
from tui.sync.lists import RECONCILE_EVERY_S


async def test_change_arrives_soon_and_costs_no_request(tmp_path: Path) -> None:
    async with live_session(tmp_path) as followed:
        assert followed.freshness.is_live
        began_s = followed.fleet.now_s
        followed.fleet.add(FleetRun(100, 12.0, 13.0, 14.0, end="FAILED"))
        for second, status in (
            (12, RunStatus.QUEUED),
            (13, RunStatus.EXECUTING),
            (14, RunStatus.COMPLETED_WITH_ERRORS),
        ):
            await followed.later(second + 0.4 - followed.fleet.now_s)
            assert followed.status(100) is status
        assert followed.request_count("/api/v3/runs", began_s) == 0
        assert followed.request_count(LIST, began_s) <= 4
        run = sure(followed.session.store.get(RunId(FleetRun(100, 0).id)))
        assert sure(run.error_value).stack is not None


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
            run = sure(followed.session.store.get(RunId(FleetRun(number, 0).id)))
            assert (run.fixed.depth, run.fixed.environment) == (depth, "dev")
        assert followed.request_count("/api/v3/runs", 0) == 0


async def test_missed_changes_are_found_and_counted(tmp_path: Path) -> None:
    async with live_session(tmp_path) as followed:
        missed: list[Reconciled] = []

        def record(_: Changes) -> None:
            comparison = followed.session.store.reconciled
            if comparison is not None and comparison.missed_count and comparison not in missed:
                missed.append(comparison)

        followed.session.subscribe(record)

        # The feed keeps reporting the same run and no other.
        def swallow(path: str) -> Response | None:
            if path != FEED or "live" not in followed.fleet.query:
                return None
            now = at(followed.fleet.now_s).replace(tzinfo=None).isoformat()
            return electric_answer(followed.fleet, [changed_columns(39, updatedAt=now), UP_TO_DATE])

        followed.fleet.fault = swallow
        followed.fleet.add_all(FleetRun(number, 11.0 + number / 100, 20, 21) for number in range(200, 205))
        await followed.later(33)
        assert followed.freshness.is_live
        followed.assert_equals_world()
        assert [comparison.missed_count for comparison in missed] == [5]


async def test_live_runs_beyond_a_thousand_are_polled(tmp_path: Path) -> None:
    fleet = fleet_of(FleetRun(1, -2000, -1990, 40))
    fleet.add_all(FleetRun(number, -1500.0 + number, -20, -10) for number in range(2, 1102))

    async with live_session(tmp_path, fleet) as followed:
        await followed.later(65)
        assert followed.status(1) is RunStatus.COMPLETED_SUCCESSFULLY
        followed.assert_equals_world()


async def test_runs_displaced_from_the_feed_are_polled_not_missed(tmp_path: Path) -> None:
    fleet = a_fleet()
    fleet.add(FleetRun(2, -60, -40, 47))

    async with live_session(tmp_path, fleet) as followed:
        wrongly_missed: list[Reconciled] = []

        def record(_: Changes) -> None:
            comparison = followed.session.store.reconciled
            if comparison is not None and comparison.missed_count:
                wrongly_missed.append(comparison)

        followed.session.subscribe(record)
        run = sure(followed.session.store.get(RunId(FleetRun(2, 0).id)))
        assert followed.session.sources.is_covered(run)
        followed.fleet.add_all(FleetRun(number, 15.0 + number / 200, 22, 23) for number in range(1000, 2001))
        await followed.later(35)
        assert not followed.session.sources.is_covered(run)
        await followed.later(55 - followed.fleet.now_s)
        assert followed.status(2) is RunStatus.COMPLETED_SUCCESSFULLY
        await followed.later(30)
        assert not wrongly_missed


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


async def test_feed_applies_the_server_filters(tmp_path: Path) -> None:
    async with live_session(tmp_path, filters=RunFilters(tasks=(TaskId("sync-orders"),))) as followed:
        followed.fleet.add(FleetRun(100, 12, 13, task="send-email"))
        followed.fleet.add(FleetRun(101, 12, 13, task="sync-orders"))
        await followed.later(10)
        assert followed.status(100) is None
        assert followed.status(101) is RunStatus.EXECUTING


@pytest.mark.parametrize("status", [400, 404, 502])
async def test_feed_returns_within_10_s_after_a_rollout(tmp_path: Path, status: int) -> None:
    async with live_session(tmp_path) as followed:
        followed.set_faults({"kind": "error", "status": status, "route": "feed"})
        await followed.later(8)
        assert isinstance(followed.source("realtime"), SourceRetrying)
        assert Capability.REALTIME not in followed.session.store.lost_capabilities
        followed.set_faults()
        await followed.later(11)
        assert isinstance(followed.source("realtime"), SourceConnected)


@pytest.mark.parametrize(("tags", "tag"), [(("a",), "a"), (("a", "b"), None)])
async def test_feed_is_not_filtered_by_several_tags(tmp_path: Path, tags: tuple[str, ...], tag: str | None) -> None:
    async with live_session(tmp_path, filters=RunFilters(tags=tags)) as followed:
        assert {query.get("tags") for _, query in followed.fleet.requests_to(FEED)} == {tag}


async def test_feed_of_one_tag_does_not_cover_other_runs(tmp_path: Path) -> None:
    fleet = a_fleet()
    async with live(fleet, tmp_path, filters=RunFilters(tags=("mine",))) as (session, later):
        await later(5)
        answer = await session.fetcher.fetch_run(RunId(FleetRun(1, 0).id), Priority.SELECTED)
        run = merge(None, answer.patch)
        assert not session.sources.is_covered(run)
        assert session.sources.is_covered(replace(run, state=replace(sure(run.state), tags=(Raw("mine"),))))
