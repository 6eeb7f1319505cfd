"""A relay and its screens: the same runs, the same answers, and the right state after every kind of trouble."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response

from tests.support.fleet import SECRET, Fleet, FleetRun
from tests.support.recordings import body_of
from tests.support.relay import RELAY_PATH, TOKEN, Relayed, hear_until, is_as_the_world, on_screen, relaying
from tests.support.responses import server_error
from tests.support.virtual_clock import VirtualClock
from tui.actions import REPLAY
from tui.domain.action import ActionPhase
from tui.domain.filters import RunFilters
from tui.domain.ids import RunId, SpanId
from tui.domain.run import Run
from tui.domain.source_names import RELAY, REST
from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.session import Session
from tui.sources.budget import Priority
from tui.store.freshness import Freshness, FreshnessTracker, Level
from tui.wire.errors import NotFound, Refused
from tui.wire.read_requests import EventsRequest, ReadRequest, RunRequest, SpanRequest, TraceRequest
from tui.wire.relay.messages import Call, CallResponse, encode_screen_message

FAILED = FleetRun(1, -60, -55, -50, end="FAILED")
PARENT = FleetRun(2, -40, -39)
CHILD = FleetRun(3, -38, -37, parent=2)


def world() -> Fleet:
    fleet = Fleet(VirtualClock())
    fleet.add_all([FAILED, PARENT, CHILD])
    fleet.add_all(FleetRun(number, number - 300.0, number - 299.0, number - 290.0) for number in range(260, 320))
    # These live on while the relay, or the way to it, does not.
    fleet.add_all(FleetRun(number, number - 500.0, number - 499.0, number - 300.0) for number in range(490, 510))
    return fleet


class Watched:
    """How fresh a screen is, asked as the monitor asks."""

    def __init__(self, screen: Session) -> None:
        self._screen = screen
        self._connection = FreshnessTracker()
        screen.subscribe(lambda _: self._see())
        self._see()

    def _see(self) -> None:
        for status in self._screen.store.source_statuses.values():
            self._connection.record(status, self._screen.clock.elapsed_s(), self._screen.now())

    @property
    def now(self) -> Freshness:
        return self._connection.at(self._screen.clock.elapsed_s(), self._screen.now())


async def both(relayed: Relayed, screen: Session) -> None:
    """Let time pass until the relay and the screen know the world."""
    await relayed.until(lambda: is_as_the_world(relayed.session, relayed.fleet))
    await relayed.until(lambda: is_as_the_world(screen, relayed.fleet))


def test_a_screen_knows_what_the_relay_knows(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = world()
        fleet.allow_queries()
        async with relaying(fleet, tmp_path) as relayed, on_screen(relayed) as screen:
            mine, theirs = screen.store, relayed.session.store

            def is_same() -> bool:
                facts = [
                    (each.environment, each.history, each.window, each.server_counts, each.lost_capabilities)
                    for each in (mine, theirs)
                ]
                return facts[0] == facts[1] and mine.source_statuses[REST] == theirs.source_statuses[REST]

            for _ in range(2):
                await both(relayed, screen)
                await relayed.until(is_same)
                assert mine.environment is not None
                assert mine.server_counts is not None
                now = screen.now()
                assert mine.status_counts(now) == theirs.status_counts(now)
                assert isinstance(mine.source_statuses[RELAY], SourceConnected)
                assert screen.write_block == "this session is read-only"
                await relayed.later(20)

    asyncio.run(scenario())


def test_relay_takes_no_list_requests_and_no_actions(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with relaying(world(), tmp_path) as relayed, on_screen(relayed) as screen:
            await both(relayed, screen)
            before = len(relayed.fleet.requests)
            with pytest.raises(Refused, match="single runs only"):
                await screen.fetcher.fetch_page(RunFilters(), Priority.SELECTED, size=1)
            status = await screen.perform(REPLAY, Run(RunId(FAILED.id)))
            assert (status.phase, status.message) == (ActionPhase.REFUSED, "this session is read-only")
            assert len(relayed.fleet.requests) == before

    asyncio.run(scenario())


def test_details_attempts_and_trees_are_those_of_the_api(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with relaying(world(), tmp_path) as relayed, on_screen(relayed) as screen:
            await both(relayed, screen)
            for each in (FAILED, PARENT):
                run, trouble = await screen.run_with_attempts(RunId(each.id))
                theirs, _ = await relayed.session.run_with_attempts(RunId(each.id))
                assert trouble is None
                assert run.body is not None
                assert run.attempts is not None
                assert run.attempts[1] == theirs.attempts[1] if theirs.attempts else None
                assert run.error == theirs.error
                assert run.state == theirs.state
            tree = await screen.tree(RunId(CHILD.id))
            assert [node.id for node in tree.root.walk()] == [PARENT.id, CHILD.id]
            with pytest.raises(NotFound):
                await screen.fetcher.api.read_run(RunId("run_nobody"))
            assert not [path for _, path, _ in relayed.fleet.requests if path == "/api/v1/whoami"][1:]

    asyncio.run(scenario())


def test_attempts_of_a_cut_trace_come_through_the_relay(tmp_path: Path) -> None:
    recorded = {
        f"/api/v1/runs/{FAILED.id}/{part}": body_of(number).replace(
            b"run_cmwwvxwcs02e9en7d7x8uj5iz", FAILED.id.encode()
        )
        for part, number in (("trace", "1011"), ("events", "1005"))
    }

    def fault(path: str) -> Response | None:
        return Response(recorded[path], media_type="application/json") if path in recorded else None

    async def scenario() -> None:
        fleet = world()
        fleet.fault = fault
        async with relaying(fleet, tmp_path) as relayed, on_screen(relayed) as screen:
            await both(relayed, screen)
            run, _ = await screen.run_with_attempts(RunId(FAILED.id))
            assert run.attempts is not None
            history = run.attempts[1]
            assert [attempt.error and attempt.error.message for attempt in history.attempts] == [
                f"chatty attempt {number} failed" for number in (1, 2, 3)
            ]
            assert history.is_complete

    asyncio.run(scenario())


def test_what_several_screens_ask_at_once_is_one_request(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with relaying(world(), tmp_path) as relayed, on_screen(relayed) as one, on_screen(relayed) as other:
            await both(relayed, one)
            await both(relayed, other)
            path = f"/api/v3/runs/{FAILED.id}"
            assert not relayed.fleet.asked(path)
            await asyncio.gather(*(each.fetcher.api.read_run(RunId(FAILED.id)) for each in (one, other)))
            assert len(relayed.fleet.asked(path)) == 1

    asyncio.run(scenario())


def test_an_id_that_could_lead_elsewhere_is_asked_of_nobody(tmp_path: Path) -> None:
    way_out = "../../../api/v1/whoami"
    questions: tuple[ReadRequest, ...] = (
        RunRequest(RunId(way_out)),
        TraceRequest(RunId("run_1/..")),
        EventsRequest(RunId("run_1/..")),
        SpanRequest(RunId(FAILED.id), SpanId(way_out)),
        RunRequest(RunId("%2e%2e")),
        RunRequest(RunId("a\\b")),
        RunRequest(RunId(f"{FAILED.id}\n")),
    )

    async def scenario() -> None:
        fleet = world()
        async with relaying(fleet, tmp_path) as relayed, relayed.raw() as line:
            await relayed.answered()
            before = len(fleet.requests)
            for number, question in enumerate(questions):
                await line.send(encode_screen_message(Call(number, question)), text=True)
                told = (await hear_until(line, lambda message: isinstance(message, CallResponse)))[-1]
                assert isinstance(told, CallResponse)
                assert (told.number, told.response.status) == (number, 404)
            assert not [path for _, path, _ in fleet.requests[before:] if "/runs/" in path]

    asyncio.run(scenario())


def test_the_key_and_the_tokens_are_in_no_message_and_no_text(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = world()
        async with relaying(fleet, tmp_path) as relayed, relayed.raw() as line, on_screen(relayed) as screen:
            await both(relayed, screen)
            # A server in trouble says more than it should.
            fleet.fault = lambda path: server_error(500, f"Bearer {SECRET}") if "/api/" in path else None
            await line.send(encode_screen_message(Call(1, RunRequest(RunId(FAILED.id)))), text=True)
            await relayed.until(lambda: isinstance(relayed.session.store.source_statuses[REST], SourceRetrying))
            heard = await hear_until(line, lambda message: isinstance(message, CallResponse))
            bodies = [message.response.body.decode() for message in heard if isinstance(message, CallResponse)]
            assert any("Bearer ..." in body for body in bodies)
            texts = [*bodies, repr(heard), repr(relayed.relay), repr(screen), repr(screen.settings), *relayed.said]
            texts += [repr(screen.store.source_statuses), repr(screen.fetcher.api), repr(vars(screen.fetcher.api))]
            assert not [text for text in texts if SECRET in text or TOKEN in text]

    asyncio.run(scenario())


def test_a_relay_that_restarts_is_found_again_and_nothing_is_missed(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = world()
        async with relaying(fleet, tmp_path) as relayed, on_screen(relayed) as screen:
            await both(relayed, screen)
            watched = Watched(screen)
            await relayed.restart(down_s=120)
            assert watched.now.level is Level.STALE
            assert watched.now.leader == RELAY
            await both(relayed, screen)
            await relayed.until(lambda: watched.now.level is Level.FRESH)

    asyncio.run(scenario())


def test_an_upstream_that_is_gone_makes_screens_stale_and_its_return_makes_them_right(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = world()
        async with relaying(fleet, tmp_path) as relayed, on_screen(relayed) as screen:
            await both(relayed, screen)
            watched = Watched(screen)
            fleet.fault = lambda path: server_error(503) if "/api/" in path else None
            await relayed.later(60)
            assert isinstance(screen.store.source_statuses[RELAY], SourceConnected)
            assert isinstance(screen.store.source_statuses[REST], SourceRetrying)
            assert watched.now.level is Level.STALE
            assert watched.now.trouble == relayed.session.store.source_statuses[REST]
            fleet.fault = lambda _: None
            await both(relayed, screen)
            await relayed.until(lambda: watched.now.level is Level.FRESH)
            assert [line.partition(":")[0] for line in relayed.said] == ["rest", "rest"]
            assert relayed.said[1] == "rest: connected again"

    asyncio.run(scenario())


def test_a_key_that_was_refused_is_tried_again_without_a_person(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = world()
        fleet.fault = lambda path: server_error(401) if "/api/" in path else None
        async with relaying(fleet, tmp_path, realtime=True) as relayed, on_screen(relayed) as screen:
            await relayed.until(lambda: isinstance(screen.store.source_statuses.get(REST), SourceStopped))
            assert Watched(screen).now.level is Level.STALE
            fleet.fault = lambda _: None
            await relayed.until(lambda: isinstance(screen.store.source_statuses[REST], SourceConnected))
            await both(relayed, screen)
            # What was followed before is followed no more.
            await relayed.later(5)
            assert relayed.session.fetcher.feed_polls_in_flight == 1

    asyncio.run(scenario())


class Machine(VirtualClock):
    """The clock of a machine that may sleep: its time is the fleet's, its timers wait until it wakes."""

    def __init__(self, fleet: Fleet) -> None:
        super().__init__()
        self._fleet = fleet
        self._missed: list[Callable[[], None]] = []
        self._slept_s = 0.0
        self._asleep_since_s: float | None = None

    def monotonic_s(self) -> float:
        return (self._fleet.now_s if self._asleep_since_s is None else self._asleep_since_s) - self._slept_s

    def elapsed_s(self) -> float:
        return self._fleet.now_s

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Any:
        # A millisecond at least: a sum of times that is rounded must not wait for no time at all.
        late_s = max(delay_s, 0.001)
        return self._fleet.clock.call_later(late_s, lambda: call() if self._is_awake else self._missed.append(call))

    async def sleep(self, delay_s: float) -> None:
        await self._fleet.clock.sleep(delay_s)

    @property
    def _is_awake(self) -> bool:
        return self._asleep_since_s is None

    def fall_asleep(self) -> None:
        self._asleep_since_s = self._fleet.now_s

    def wake_up(self) -> None:
        assert self._asleep_since_s is not None
        self._slept_s += self._fleet.now_s - self._asleep_since_s
        self._asleep_since_s = None
        for call in self._missed:
            call()


def test_a_screen_that_slept_for_an_hour_begins_anew(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = world()
        machine = Machine(fleet)
        async with relaying(fleet, tmp_path, interval_s=60) as relayed, on_screen(relayed, clock=machine) as screen:
            await both(relayed, screen)
            watched = Watched(screen)
            before = len(fleet.asked(RELAY_PATH))
            machine.fall_asleep()
            assert screen.sources.relay is not None
            assert screen.sources.relay._line is not None
            screen.sources.relay._line.transport.pause_reading()
            await fleet.clock.run(3_600, idle=relayed.answered)
            assert len(fleet.asked(RELAY_PATH)) == before
            assert watched.now.level is Level.STALE
            machine.wake_up()
            await both(relayed, screen)
            assert len(fleet.asked(RELAY_PATH)) == before + 1
            await relayed.until(lambda: watched.now.level is Level.FRESH)

    asyncio.run(scenario())


def test_a_run_that_the_relay_does_not_know_is_asked_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = world()
        forgotten = FleetRun(900, -20, -19)
        fleet.add(forgotten)
        async with relaying(fleet, tmp_path) as relayed, on_screen(relayed) as screen:
            await both(relayed, screen)
            fleet.forget(forgotten)
            await relayed.restart(down_s=1)
            await both(relayed, screen)
            run = screen.store.get(RunId(forgotten.id))
            assert run is not None
            assert run.is_gone

    asyncio.run(scenario())


def test_a_relay_that_comes_back_with_another_environment_is_not_mixed_with_the_one_before(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = world()
        async with relaying(fleet, tmp_path) as relayed, on_screen(relayed) as screen:
            await both(relayed, screen)
            known = screen.store.snapshot().keys()
            there = {"slug": "prod", "type": "PRODUCTION", "project": {"slug": "x"}, "organization": {"slug": "y"}}
            fleet.fault = lambda path: Response(json.dumps(there)) if path == "/api/v1/whoami" else None
            fleet.add(FleetRun(950, fleet.now_s, fleet.now_s + 1))
            await relayed.restart(down_s=1)
            await relayed.until(lambda: isinstance(screen.store.source_statuses[RELAY], SourceStopped))
            assert "another environment" in screen.store.source_statuses[RELAY].reason  # type: ignore[union-attr]
            assert screen.store.environment is not None
            assert screen.store.environment.slug == "dev"
            assert screen.store.snapshot().keys() == known
            assert Watched(screen).now.level is Level.STALE

    asyncio.run(scenario())


def test_an_answer_about_a_missing_run_that_cannot_be_read_does_not_end_the_connection(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = world()
        path = f"/api/v3/runs/{PARENT.id}"
        async with relaying(fleet, tmp_path) as relayed, on_screen(relayed) as screen:
            await both(relayed, screen)
            fleet.forget(PARENT)
            fleet.fault = lambda asked: Response("{}") if asked == path else None
            await relayed.restart(down_s=1)
            connections = len(fleet.asked(RELAY_PATH))
            await relayed.until(lambda: len(fleet.asked(path)) >= 3)
            assert len(fleet.asked(RELAY_PATH)) <= connections + 1
            fleet.fault = lambda _: None
            await both(relayed, screen)

    asyncio.run(scenario())


def test_nothing_is_called_fresh_that_the_api_has_not_confirmed(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = world()
        fleet.fault = lambda path: server_error(503) if "/api/" in path else None
        async with relaying(fleet, tmp_path) as relayed, on_screen(relayed) as screen:
            watched = Watched(screen)
            for _ in range(40):
                await relayed.later(1)
                assert watched.now.level is Level.CONNECTING
            fleet.fault = lambda _: None
            await both(relayed, screen)

    asyncio.run(scenario())
