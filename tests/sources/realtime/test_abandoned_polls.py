"""Sessions without a working feed: it is refused, missing, or stopped for a while because it makes no progress."""

from datetime import timedelta
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, Response

from tests.support.fleet import FleetRun
from tests.support.live_session import (
    FEED,
    UP_TO_DATE,
    a_fleet,
    changed_columns,
    electric_answer,
    live_session,
    must_refetch,
    snapshot_count,
)
from tests.support.responses import server_error
from tui.domain.run import Capability, RunStatus
from tui.domain.update import SourceRetrying
from tui.store.changes import Changes
from tui.sync.feed import MAX_BREAKS, MAX_REPEATS, MAX_SNAPSHOT_PARTS, RETRY_REFUSED_AFTER


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_feed_is_polled_and_tried_again_later(tmp_path: Path, status: int) -> None:
    async with live_session(tmp_path) as followed:
        followed.set_faults({"kind": "error", "status": status, "route": "feed"})
        await followed.later(30)
        assert Capability.REALTIME in followed.session.store.lost_capabilities
        assert not followed.freshness.is_live
        assert followed.freshness.other_failure is not None
        followed.fleet.add(FleetRun(100, followed.fleet.now_s + 1))
        await followed.later(4)
        assert followed.status(100) is RunStatus.QUEUED
        followed.set_faults()
        count_before = followed.request_count(FEED, 0)
        await followed.later(60)
        assert followed.request_count(FEED, 0) == count_before
        await followed.later(RETRY_REFUSED_AFTER.total_seconds())
        assert Capability.REALTIME not in followed.session.store.lost_capabilities
        assert followed.freshness.is_live


async def test_feed_retries_a_minute_after_a_connection_limit(tmp_path: Path) -> None:
    async with live_session(tmp_path) as followed:
        followed.set_faults({"kind": "realtime-limit", "most": 0})
        await followed.later(25)
        failure = followed.source("realtime")
        assert isinstance(failure, SourceRetrying)
        assert failure.status == 429
        assert failure.next_at - failure.at >= timedelta(minutes=1)
        assert Capability.REALTIME not in followed.session.store.lost_capabilities
        followed.set_faults()
        await followed.later(61)
        assert followed.freshness.is_live


async def test_server_that_forgets_every_feed_is_polled(tmp_path: Path) -> None:
    async with live_session(tmp_path) as followed:
        followed.fleet.fault = lambda path: must_refetch() if path == FEED and "live" in followed.fleet.query else None
        await followed.later(30)
        assert not followed.freshness.is_live
        assert snapshot_count(followed) < 40


@pytest.mark.parametrize(("is_moving", "reason", "most"), [(True, "does not hold", 150), (False, "cache", 60)])
async def test_feed_answered_at_once_is_stopped(tmp_path: Path, is_moving: bool, reason: str, most: int) -> None:
    async with live_session(tmp_path) as followed:

        def answer_at_once(path: str) -> Response | None:
            place = f"1_{len(followed.fleet.requests)}" if is_moving else "1_1"
            headers = {"electric-handle": "h", "electric-offset": place, "electric-cursor": "1"}
            return JSONResponse([UP_TO_DATE], headers=headers) if path == FEED else None

        followed.fleet.fault = answer_at_once
        await followed.later(30)
        assert isinstance(followed.source("realtime"), SourceRetrying)
        assert reason in followed.source("realtime").reason
        assert followed.request_count(FEED, 10) < most


async def test_endless_snapshot_is_stopped(tmp_path: Path) -> None:
    fleet = a_fleet()
    fleet.fault = lambda path: electric_answer(fleet, [changed_columns(39)]) if path == FEED else None

    async with live_session(tmp_path, fleet) as followed:
        await followed.later(60)
        failure = followed.source("realtime")
        assert isinstance(failure, SourceRetrying)
        assert "does not end" in failure.reason
        assert followed.request_count(FEED, 0) == MAX_SNAPSHOT_PARTS
        followed.assert_equals_world()


async def test_feed_that_breaks_repeatedly_is_polled_for_a_while(tmp_path: Path) -> None:
    async with live_session(tmp_path) as followed:
        followed.fleet.fault = lambda path: (
            server_error(504) if path == FEED and "live" in followed.fleet.query else None
        )
        await followed.later(120)
        failure = followed.source("realtime")
        assert isinstance(failure, SourceRetrying)
        assert failure.next_at - failure.at >= RETRY_REFUSED_AFTER
        assert "3 times in a row" in failure.reason


async def test_failures_apart_from_each_other_do_not_add_up(tmp_path: Path) -> None:
    async with live_session(tmp_path) as followed:
        reasons: set[str] = set()

        def record(_: Changes) -> None:
            if isinstance(followed.source("realtime"), SourceRetrying):
                reasons.add(followed.source("realtime").reason)

        followed.session.subscribe(record)
        # A read whose connection closes is repeated once.
        for kind, times, count in (("must-refetch", 1, MAX_REPEATS + 1), ("close", 2, MAX_BREAKS + 1)):
            for _ in range(count):
                followed.set_faults({"kind": kind, "route": "feed", "times": times})
                await followed.later(50)
                assert followed.freshness.is_live
        assert reasons
        assert not any("again and again" in reason or "in a row" in reason for reason in reasons)
