"""The feed with polling beside it: what it tells at once, what it costs, what it may miss, and life without it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from tests.answers import server_error
from tests.fleet import NO_QUERIES, Fleet, FleetRun, at
from tests.harness import SHORT, Later, live, public_token
from tests.ordeal import set_faults
from tests.virtual_clock import VirtualClock
from tui.domain.environment import Capability
from tui.domain.filters import RunFilters
from tui.domain.ids import RunId, TaskId
from tui.domain.sources import REST
from tui.domain.status import RunStatus, read_status
from tui.domain.text import Raw
from tui.domain.update import Reconciled, SourceConnected, SourceRetrying
from tui.emulator.routes.table import NAMES
from tui.session import Session
from tui.sources.budget import Priority
from tui.sources.realtime import HOLD_S, LIST_FIRST_S, MOST_BREAKS, MOST_PARTS, MOST_REPEATS, REFUSED_AGAIN, REPLAY_S
from tui.sources.rest import RECONCILE_EVERY_S
from tui.sources.scan import PAGE_SIZE
from tui.store.changes import Changes
from tui.store.freshness import Connection, Freshness
from tui.store.merge import merge
from tui.wire.feed import FeedAnswer, FeedPosition, FeedTarget

FEED, LIST = "/realtime/v1/runs", "/api/v1/runs"


@dataclass
class Followed:
    """A session on a fleet, and what may be asked of both."""

    fleet: Fleet
    session: Session
    later: Later
    connection: Connection

    def see(self, _: Changes) -> None:
        """As a screen does."""
        for status in self.session.store.sources.values():
            self.connection.see(status, self.session.clock.elapsed_s(), self.session.now())

    def status(self, number: int) -> RunStatus | None:
        run = self.session.store.get(RunId(FleetRun(number, 0).id))
        return None if run is None else run.status

    def source(self, name: str) -> Any:
        return self.session.store.sources[name]

    @property
    def freshness(self) -> Freshness:
        return self.connection.at(self.session.clock.elapsed_s(), self.session.now())

    def faults(self, *specs: dict[str, Any]) -> None:
        set_faults(self.fleet.emulator, self.fleet.world, [NO_QUERIES, *specs])

    def asked(self, path: str, since_s: float) -> int:
        return sum(moment >= since_s for moment, _ in self.fleet.asked(path))

    def assert_equals_world(self) -> None:
        now_s = self.fleet.now_s
        known = {run.id: run.title for run in self.session.store.runs()}
        assert known == {
            run.id: read_status(run.status(now_s)).title for run in self.fleet.runs if run.created_s <= now_s
        }


Story = Callable[[Followed], Awaitable[None]]


def told(story: Story, tmp_path: Path, fleet: Fleet | None = None, **changes: Any) -> None:
    async def scenario() -> None:
        there = fleet or a_fleet()
        async with live(there, tmp_path, **changes) as (session, later):
            followed = Followed(there, session, later, Connection(session.settings.interval_s))
            session.listen(followed.see)
            await later(10)
            await story(followed)

    asyncio.run(scenario())


def a_fleet() -> Fleet:
    """A few finished runs, and one that lives for long."""
    fleet = Fleet(VirtualClock())
    fleet.add_all(FleetRun(number, -500.0 - number, -400.0, -300) for number in range(10, 40))
    fleet.add(FleetRun(1, -50, -40))
    return fleet


def test_a_change_is_told_within_the_servers_window_and_costs_no_request(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        assert on.freshness.is_live
        began_s = on.fleet.now_s
        on.fleet.add(FleetRun(100, 12.0, 13.0, 14.0, end="FAILED"))
        for second, status in (
            (12, RunStatus.QUEUED),
            (13, RunStatus.EXECUTING),
            (14, RunStatus.COMPLETED_WITH_ERRORS),
        ):
            await on.later(second + 0.4 - on.fleet.now_s)
            assert on.status(100) is status
        assert on.asked("/api/v3/runs", began_s) == 0
        assert on.asked(LIST, began_s) <= 4
        run = on.session.store.get(RunId(FleetRun(100, 0).id))
        assert run is not None
        assert run.error is not None
        assert run.error[1] is not None
        assert run.error[1].stack is not None

    told(story, tmp_path)


def test_the_feed_begins_behind_the_first_page_and_does_not_wait_for_one_that_never_comes(tmp_path: Path) -> None:
    async def begun_s(*faults: dict[str, Any]) -> float:
        fleet = a_fleet()
        fleet.emulator.faults.set([NO_QUERIES, *faults], NAMES)
        async with live(fleet, tmp_path) as (_, later):
            await later(5)
        return fleet.asked(FEED)[0][0]

    async def scenario() -> None:
        assert await begun_s() == 0
        assert await begun_s({"kind": "error", "status": 503, "route": "list"}) == LIST_FIRST_S

    asyncio.run(scenario())


def test_a_quiet_environment_is_held_and_hardly_asked(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        began_s = on.fleet.now_s
        await on.later(600)
        polls, lists = on.asked(FEED, began_s), on.asked(LIST, began_s)
        assert 26 <= polls <= 36  # one of 17 to 23 s after the other
        assert lists <= 45  # two for each comparison
        assert on.freshness.is_live
        assert on.session.store.reconciled is not None
        assert on.session.store.reconciled.missed_count == 0

    told(story, tmp_path)


def test_what_only_the_list_tells_is_filled_in_from_there(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        on.fleet.add(FleetRun(101, 12.0, 13.0))
        on.fleet.add(FleetRun(102, 14.0, 15.0, parent=101))
        await on.later(10)
        for number, depth in ((101, 0), (102, 1)):
            run = on.session.store.get(RunId(FleetRun(number, 0).id))
            assert run is not None
            assert (run.fixed.depth, run.fixed.environment) == (depth, "dev")
        assert on.asked("/api/v3/runs", 0) == 0

    told(story, tmp_path)


def test_a_new_run_costs_no_request_of_its_own_although_lists_tell_it_late(tmp_path: Path) -> None:
    fleet = a_fleet()
    fleet.world.lifecycle._changes._lag_ms = (900, 1000)
    fleet.add_all(FleetRun(number, 12.0 + number / 10, 13.0 + number / 10) for number in range(100, 200))

    async def story(on: Followed) -> None:
        began_s = on.fleet.now_s
        await on.later(40)
        on.assert_equals_world()
        assert not any(path.startswith("/api/v3/runs") for moment, path, _ in on.fleet.requests if moment >= began_s)

    told(story, tmp_path, fleet)


def test_what_the_feed_missed_is_found_repaired_and_counted(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        missed: list[Reconciled] = []

        def note(_: Changes) -> None:
            look = on.session.store.reconciled
            if look is not None and look.missed_count and look not in missed:
                missed.append(look)

        on.session.listen(note)

        # A feed that goes on telling of one and the same run, whatever happens to others.
        def swallow(path: str) -> Response | None:
            if path != FEED or "live" not in on.fleet.query:
                return None
            now = at(on.fleet.now_s).replace(tzinfo=None).isoformat()
            return _electric(on.fleet, [_columns(39, updatedAt=now), UP_TO_DATE])

        on.fleet.fault = swallow
        on.fleet.add_all(FleetRun(number, 11.0 + number / 100, 20, 21) for number in range(200, 205))
        await on.later(33)
        assert on.freshness.is_live
        on.assert_equals_world()
        assert [look.missed_count for look in missed] == [5]

    told(story, tmp_path)


def test_a_comparison_that_shrinks_below_a_page_on_its_way_compares_the_rest_all_the_same(tmp_path: Path) -> None:
    fleet = Fleet(VirtualClock())
    fleet.add_all(FleetRun(number, -900.0 + number, -10.0) for number in range(60))
    queued = [fleet.add(FleetRun(number, -900.0 + number)) for number in range(60, 560)]
    unheard = queued[0]

    def of_the_queue() -> int:
        return sum(query.get("filter[status]", "").startswith("QUEUED") for _, query in fleet.asked(LIST))

    async def story(on: Followed) -> None:
        feed = on.session.reads.feed

        async def deaf(target: FeedTarget, after: FeedPosition | None) -> FeedAnswer:
            answer = await feed(target, after)
            return replace(answer, patches=tuple(patch for patch in answer.patches if patch.id != unheard.id))

        on.session.reads.feed = deaf  # type: ignore[method-assign]
        await on.later(300)
        fleet.cancel(unheard)
        read = of_the_queue()
        while of_the_queue() == read:
            await on.later(0.5)
        begun = on.session.store.reconciled
        for run in queued[40:]:
            fleet.cancel(run)
        while on.session.store.reconciled == begun:
            await on.later(0.5)
        assert len(on.session.store.live()) <= PAGE_SIZE
        assert on.status(unheard.number) is RunStatus.CANCELLED

    told(story, tmp_path, fleet, key=public_token("read:runs"))


def test_of_more_than_a_thousand_runs_the_older_live_ones_are_polled(tmp_path: Path) -> None:
    fleet = Fleet(VirtualClock())
    fleet.add(FleetRun(1, -2000, -1990, 40))
    fleet.add_all(FleetRun(number, -1500.0 + number, -20, -10) for number in range(2, 1102))

    async def story(on: Followed) -> None:
        await on.later(65)
        assert on.status(1) is RunStatus.COMPLETED_SUCCESSFULLY
        on.assert_equals_world()

    told(story, tmp_path, fleet)


def test_runs_that_a_thousand_newer_ones_push_out_of_the_feed_are_polled_and_nobody_is_blamed(tmp_path: Path) -> None:
    fleet = a_fleet()
    fleet.add(FleetRun(2, -60, -40, 47))

    async def story(on: Followed) -> None:
        blamed: list[Reconciled] = []

        def note(_: Changes) -> None:
            look = on.session.store.reconciled
            if look is not None and look.missed_count:
                blamed.append(look)

        on.session.listen(note)
        run = on.session.store.get(RunId(FleetRun(2, 0).id))
        assert run is not None
        assert on.session.sources.is_told(run)
        on.fleet.add_all(FleetRun(number, 15.0 + number / 200, 22, 23) for number in range(1000, 2001))
        await on.later(35)
        assert not on.session.sources.is_told(run)
        await on.later(55 - on.fleet.now_s)
        assert on.status(2) is RunStatus.COMPLETED_SUCCESSFULLY
        await on.later(30)
        assert not blamed

    told(story, tmp_path, fleet)


@pytest.mark.parametrize("is_asked", [True, False], ids=["somebody asks", "the counts differ twice"])
def test_what_a_live_feed_does_not_tell_is_looked_for_before_it_is_time_when(tmp_path: Path, is_asked: bool) -> None:
    fleet = a_fleet()
    fleet.add(FleetRun(2, -50, -40, 20))
    if not is_asked:
        fleet.allow_queries()

    async def story(on: Followed) -> None:
        coverage = on.session.sources._coverage
        assert coverage is not None
        coverage.begin(at(-80_000), at(10))  # of a feed that says nothing
        await on.later(12)
        look = on.session.store.reconciled
        assert look is not None
        assert on.status(2) is RunStatus.EXECUTING
        if is_asked:
            on.session.sources.refresh()
        await on.later(2 if is_asked else 21)
        assert on.session.now() < look.at + timedelta(seconds=RECONCILE_EVERY_S)
        assert on.status(2) is RunStatus.COMPLETED_SUCCESSFULLY

    told(story, tmp_path, fleet, realtime=False)


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_may_not_have_a_feed_is_polled_with_and_asks_again_later(tmp_path: Path, status: int) -> None:
    async def story(on: Followed) -> None:
        on.faults({"kind": "error", "status": status, "route": "feed"})
        await on.later(30)
        assert Capability.REALTIME in on.session.store.lost
        assert not on.freshness.is_live
        assert on.freshness.aside is not None
        on.fleet.add(FleetRun(100, on.fleet.now_s + 1))
        await on.later(4)
        assert on.status(100) is RunStatus.QUEUED
        on.faults()
        asked = on.asked(FEED, 0)
        await on.later(60)
        assert on.asked(FEED, 0) == asked
        await on.later(REFUSED_AGAIN.total_seconds())
        assert Capability.REALTIME not in on.session.store.lost
        assert on.freshness.is_live

    told(story, tmp_path)


def test_an_old_server_without_a_feed_is_polled_from_the_start(tmp_path: Path) -> None:
    fleet = a_fleet()
    fleet.emulator.faults.set(
        [NO_QUERIES, {"kind": "error", "status": 404, "body": "<html></html>", "route": "feed"}], NAMES
    )

    async def story(on: Followed) -> None:
        assert Capability.REALTIME in on.session.store.lost
        assert isinstance(on.source("rest"), SourceConnected)
        on.assert_equals_world()

    told(story, tmp_path, fleet)


def test_without_realtime_no_feed_is_asked_for(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        assert on.asked(FEED, 0) == 0
        assert on.session.store.sources.keys() == {"rest"}

    told(story, tmp_path, realtime=False)


def test_when_all_connections_are_taken_it_polls_and_tries_again_after_a_minute(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        on.faults({"kind": "realtime-limit", "most": 0})
        await on.later(25)
        trouble = on.source("realtime")
        assert isinstance(trouble, SourceRetrying)
        assert trouble.status == 429
        assert trouble.next_at - trouble.at >= timedelta(minutes=1)
        assert Capability.REALTIME not in on.session.store.lost
        on.faults()
        await on.later(61)
        assert on.freshness.is_live

    told(story, tmp_path)


@pytest.mark.parametrize("fault", [{"kind": "drop"}, {"kind": "hang"}, {"kind": "half-open"}, {"kind": "close"}])
def test_a_broken_feed_is_polled_for_at_once_and_comes_back(tmp_path: Path, fault: dict[str, Any]) -> None:
    async def story(on: Followed) -> None:
        on.faults(fault | ({} if fault["kind"] == "drop" else {"route": "feed"}))
        on.fleet.add(FleetRun(100, on.fleet.now_s + 1, on.fleet.now_s + 2, on.fleet.now_s + 50))
        await on.later(5)
        assert on.status(100) is RunStatus.EXECUTING
        on.faults()
        await on.later(120)
        on.assert_equals_world()
        assert on.freshness.is_live

    is_silent = fault["kind"] in {"hang", "half-open"}
    told(story, tmp_path, feed_timeouts=SHORT if is_silent else None)


def test_a_feed_that_was_well_while_the_list_failed_goes_on_where_it_was(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        snapshots = _snapshots(on)
        on.faults({"kind": "error", "status": 503, "route": "list"})
        await on.later(70)
        assert type(on.source(REST)) is SourceRetrying
        on.faults()
        await on.later(40)
        assert type(on.source(REST)) is SourceConnected
        assert _snapshots(on) == snapshots

    told(story, tmp_path)


def test_a_server_that_forgot_the_feed_is_asked_for_all_of_it_again(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        snapshots = _snapshots(on)
        on.faults({"kind": "must-refetch", "times": 1})
        on.fleet.add(FleetRun(100, on.fleet.now_s + 1))
        await on.later(5)
        assert on.status(100) is RunStatus.QUEUED
        assert _snapshots(on) == snapshots + 1
        assert on.freshness.is_live

    told(story, tmp_path)


def test_a_server_that_forgets_every_feed_is_polled(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        on.fleet.fault = lambda path: _must_refetch() if path == FEED and "live" in on.fleet.query else None
        await on.later(30)
        assert not on.freshness.is_live
        assert _snapshots(on) < 40

    told(story, tmp_path)


def _must_refetch() -> Response:
    return JSONResponse([{"headers": {"control": "must-refetch"}}], 409, {"electric-handle": "other"})


def _snapshots(on: Followed) -> int:
    return sum(query.get("offset") == "-1" for _, query in on.fleet.asked(FEED))


def test_a_machine_that_slept_begins_anew_and_knows_everything(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        snapshots = _snapshots(on)
        clock = on.fleet.clock
        # The server's time passed, ours stood still: its world is moved by hand.
        clock.asleep_s += 3600
        on.fleet.slept_s += 3600
        on.fleet.cancel(on.fleet.runs[-1])
        await on.later(12)
        assert _snapshots(on) == snapshots + 1
        assert on.status(1) is RunStatus.CANCELLED
        assert on.freshness.is_live
        assert on.session.now() - clock.now() == timedelta(hours=1)

    told(story, tmp_path)


def test_a_feed_is_not_blamed_for_the_sleep_of_the_machine_when_the_list_is_sooner(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        clock, feed = on.fleet.clock, on.session.reads.feed
        blamed: list[Reconciled] = []
        dead: list[FeedPosition] = []

        def note(_: Changes) -> None:
            look = on.session.store.reconciled
            if look is not None and look.missed_count:
                blamed.append(look)

        async def dead_then_slow(target: FeedTarget, after: FeedPosition | None) -> FeedAnswer:
            answer = await feed(target, after)
            if after is None:
                await clock.sleep(0.4)
            elif clock.asleep_s and not dead:
                dead.append(after)
                await asyncio.Event().wait()
            return answer

        on.session.listen(note)
        on.session.reads.feed = dead_then_slow  # type: ignore[method-assign]
        await on.later(34)  # a comparison is just over, and the next is not due before the sleep is noticed
        on.fleet.add_all(FleetRun(100 + n, 120.0 + 100 * n, 125.0 + 100 * n, 130.0 + 100 * n) for n in range(30))
        clock.asleep_s += 3600
        on.fleet.slept_s += 3600
        await on.later(40)
        assert dead
        on.assert_equals_world()
        assert not blamed

    told(story, tmp_path)


def test_who_was_away_for_longer_than_the_server_replays_begins_anew(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        snapshots = _snapshots(on)
        pauses = [REPLAY_S + 0.1]

        def pause(_: Changes) -> None:
            # Between an answer and the next poll, and for less than what is taken for a sleep of the machine.
            if pauses and on.status(100) is not None:
                on.fleet.clock.asleep_s += pauses[0]
                on.fleet.slept_s += pauses.pop()

        on.session.listen(pause)
        on.fleet.add(FleetRun(100, 12.0))
        await on.later(4)
        assert not pauses
        assert _snapshots(on) == snapshots + 1
        assert on.freshness.is_live

    told(story, tmp_path)


def test_a_feed_that_holds_no_poll_is_given_up(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        body = [{"headers": {"control": "up-to-date"}}]

        def hollow(path: str) -> Response | None:
            headers = {"electric-handle": "h", "electric-offset": f"1_{len(on.fleet.requests)}"}
            return JSONResponse(body, headers=headers) if path == FEED else None

        on.fleet.fault = hollow
        await on.later(30)
        assert isinstance(on.source("realtime"), SourceRetrying)
        assert "does not hold" in on.source("realtime").reason
        assert on.asked(FEED, 10) < 150

    told(story, tmp_path)


def test_a_feed_that_a_cache_answers_is_given_up(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        headers = {"electric-handle": "h", "electric-offset": "1_1", "electric-cursor": "1"}
        body = [{"headers": {"control": "up-to-date"}}]
        on.fleet.fault = lambda path: JSONResponse(body, headers=headers) if path == FEED else None
        await on.later(30)
        assert isinstance(on.source("realtime"), SourceRetrying)
        assert "cache" in on.source("realtime").reason
        assert on.asked(FEED, 10) < 60

    told(story, tmp_path)


def test_a_server_that_holds_its_polls_may_say_that_they_lead_to_where_we_were(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        feed, begun = on.session.reads.feed, _snapshots(on)

        async def without_cursor(target: FeedTarget, after: FeedPosition | None) -> FeedAnswer:
            if after is None:
                return await feed(target, after)
            await on.fleet.clock.sleep(HOLD_S)
            return FeedAnswer((), on.session.now(), after)

        on.session.reads.feed = without_cursor  # type: ignore[method-assign]
        await on.later((MOST_REPEATS + 2) * HOLD_S)
        assert on.freshness.is_live
        assert _snapshots(on) == begun

    told(story, tmp_path)


def test_a_feed_that_tells_the_same_rows_again_and_again_is_given_up(tmp_path: Path) -> None:
    fleet = a_fleet()
    old = [_columns(39), UP_TO_DATE]
    fleet.fault = lambda path: _electric(fleet, old) if path == FEED and "live" in fleet.query else None

    async def story(on: Followed) -> None:
        await on.later(20)
        assert isinstance(on.source("realtime"), SourceRetrying)
        assert on.asked(FEED, 0) < 150

    told(story, tmp_path, fleet)


def test_a_beginning_that_has_no_end_is_given_up(tmp_path: Path) -> None:
    fleet = a_fleet()
    fleet.fault = lambda path: _electric(fleet, [_columns(39)]) if path == FEED else None

    async def story(on: Followed) -> None:
        await on.later(60)
        trouble = on.source("realtime")
        assert isinstance(trouble, SourceRetrying)
        assert "has no end" in trouble.reason
        assert on.asked(FEED, 0) == MOST_PARTS
        on.assert_equals_world()

    told(story, tmp_path, fleet)


def test_changed_columns_alone_change_the_run_that_is_known(tmp_path: Path) -> None:
    fleet = a_fleet()
    waiting: list[Any] = []

    def electric(path: str) -> Response | None:
        if path != FEED or "live" not in fleet.query or not waiting:
            return None
        return _electric(fleet, [*waiting.pop(0), UP_TO_DATE])

    async def story(on: Followed) -> None:
        before = on.session.store.get(RunId(FleetRun(1, 0).id))
        columns = {"status": "CANCELED", "updatedAt": "2026-11-24T14:00:10.5", "completedAt": "2026-11-24T14:00:10.4"}
        waiting.append([_columns(1, **columns), _columns(77, **columns)])
        on.faults({"kind": "drop"})
        fleet.add(FleetRun(100, 11.0))  # which ends the poll that is held
        await on.later(3)
        run = on.session.store.get(RunId(FleetRun(1, 0).id))
        assert run is not None
        assert run.state is not None
        assert run.status is RunStatus.CANCELLED
        assert run.state.finished_at == at(10.4)
        assert before is not None
        assert before.state is not None
        assert run.state.started_at == before.state.started_at is not None
        assert on.status(77) is None

    fleet.fault = electric
    told(story, tmp_path, fleet)


UP_TO_DATE = {"headers": {"control": "up-to-date"}}


def _columns(number: int, **columns: str) -> dict[str, Any]:
    """What a real Electric says of a run whose columns changed: these and the key."""
    return {"value": {"id": FleetRun(number, 0).id[4:], **columns}, "headers": {"operation": "update"}}


def _electric(fleet: Fleet, body: list[Any]) -> Response:
    return JSONResponse(body, headers={"electric-handle": "h", "electric-offset": f"9_{len(fleet.requests)}"})


def test_what_cannot_hold_a_connection_is_polled_for_a_while(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        on.fleet.fault = lambda path: server_error(504) if path == FEED and "live" in on.fleet.query else None
        await on.later(120)
        trouble = on.source("realtime")
        assert isinstance(trouble, SourceRetrying)
        assert trouble.next_at - trouble.at >= REFUSED_AGAIN
        assert "3 times in a row" in trouble.reason

    told(story, tmp_path)


def test_troubles_with_good_times_between_them_do_not_add_up(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        reasons: set[str] = set()

        def note(_: Changes) -> None:
            if isinstance(on.source("realtime"), SourceRetrying):
                reasons.add(on.source("realtime").reason)

        on.session.listen(note)
        for kind, often in (("must-refetch", MOST_REPEATS + 1), ("close", MOST_BREAKS + 1)):
            for _ in range(often):
                on.faults({"kind": kind, "route": "feed", "times": 1})
                await on.later(50)
                assert on.freshness.is_live
        assert reasons
        assert not any("again and again" in reason or "in a row" in reason for reason in reasons)

    told(story, tmp_path)


def test_filters_of_the_server_leave_the_same_runs_out_of_the_feed(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        on.fleet.add(FleetRun(100, 12, 13, task="send-email"))
        on.fleet.add(FleetRun(101, 12, 13, task="sync-orders"))
        await on.later(10)
        assert on.status(100) is None
        assert on.status(101) is RunStatus.EXECUTING

    told(story, tmp_path, filters=RunFilters(tasks=(TaskId("sync-orders"),)))


def test_a_run_that_is_not_there_costs_nobody_the_feed(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        on.session.sources.follow_closely(RunId("run_nobody"))
        await on.later(2)
        trouble = on.source("run-feed")
        assert isinstance(trouble, SourceRetrying)
        assert trouble.status == 404
        assert Capability.REALTIME not in on.session.store.lost
        assert on.freshness.is_live

    told(story, tmp_path)


@pytest.mark.parametrize(("tags", "asked"), [(("a",), "a"), (("a", "b"), None)])
def test_of_several_tags_none_is_asked_for_since_a_feed_means_all_of_them(
    tmp_path: Path, tags: tuple[str, ...], asked: str | None
) -> None:
    async def story(on: Followed) -> None:
        assert {query.get("tags") for _, query in on.fleet.asked(FEED)} == {asked}

    told(story, tmp_path, filters=RunFilters(tags=tags))


def test_a_feed_of_one_tag_is_not_said_to_tell_of_a_run_without_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = a_fleet()
        async with live(fleet, tmp_path, filters=RunFilters(tags=("mine",))) as (session, later):
            await later(5)
            answer = await session.reads.run(RunId(FleetRun(1, 0).id), Priority.SELECTED)
            run = merge(None, answer.patch)
            assert not session.sources.is_told(run)
            assert run.state is not None
            assert session.sources.is_told(replace(run, state=replace(run.state, tags=(Raw("mine"),))))

    asyncio.run(scenario())


def test_what_no_row_of_the_feed_tells_only_the_list_lets_in(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        on.fleet.add(FleetRun(100, 12, 13, 20))
        await on.later(6)
        assert on.status(100) is None
        assert on.asked(LIST, 12) >= 1

    told(story, tmp_path, filters=RunFilters(queues=("other",)))


def test_an_outage_of_everything_is_made_up_for_and_said_to_be(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        on.faults({"kind": "error", "status": 503, "route": ["feed", "list"]})
        on.session.sources.refresh()
        began_s = on.fleet.now_s
        on.fleet.add_all(
            FleetRun(number, began_s + number / 10, began_s + 20, began_s + 40) for number in range(50, 90)
        )
        await on.later(60)
        assert on.freshness.is_stale
        on.faults()
        on.session.sources.refresh()
        back_s = on.fleet.now_s
        await on.later(12)
        on.assert_equals_world()
        assert on.freshness.is_live
        assert on.session.store.caught_up is not None
        assert on.session.store.caught_up >= at(back_s)

    told(story, tmp_path)


def test_the_feed_is_late_by_its_own_hold_time(tmp_path: Path) -> None:
    async def story(on: Followed) -> None:
        connected = on.source("realtime")
        assert isinstance(connected, SourceConnected)
        assert connected.interval_s == HOLD_S
        assert on.source("rest").interval_s == RECONCILE_EVERY_S

    told(story, tmp_path)
