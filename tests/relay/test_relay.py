"""A relay and its screens: the same runs, responses and findings, and a true state after every failure."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from starlette.responses import Response

from tests.support.domain.patches import at
from tests.support.fleet import SECRET, Fleet, FleetRun, fleet_of
from tests.support.relay import TOKEN, RelaySetup, answer_to, has_all_runs, receive_until, relay_setup, screen_on
from tests.support.responses import server_error
from tests.support.sure import sure
from tests.wire.relay.samples import FACTS_OF_WALL, VERDICT
from tui.api.actions import REPLAY
from tui.api.client import ReadRequest
from tui.api.errors import NotFound, Refused
from tui.api.facts import ERROR_GROUP, QUEUE
from tui.api.lists import EVENTS, RUN, SPAN, TRACE, GetRequest
from tui.api.relay import PART_BYTES, Call, CallResponse, RelayFindings, decode_relay_message, encode_screen_message
from tui.domain.action import ActionPhase
from tui.domain.facts import WaitsRead
from tui.domain.filters import RunFilters
from tui.domain.finding import NOT_KNOWN, OK, FindingsRead, FindingWord
from tui.domain.run import RELAY, REST, Run, RunId
from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.relay.server import StoreEncoder
from tui.store.freshness import Freshness, FreshnessTracker, Level
from tui.store.store import Store
from tui.sync.reads import Priority
from tui.sync.session import Session

FAILED = FleetRun(1, -60, -55, -50, end="FAILED")
PARENT = FleetRun(2, -40, -39)
CHILD = FleetRun(3, -38, -37, parent=2)


def busy_fleet() -> Fleet:
    fleet = fleet_of(*[FAILED, PARENT, CHILD])
    fleet.add_all(FleetRun(number, number - 300.0, number - 299.0, number - 290.0) for number in range(260, 320))
    # These stay live during the outages.
    fleet.add_all(FleetRun(number, number - 500.0, number - 499.0, number - 300.0) for number in range(490, 510))
    return fleet


class FreshnessOf:
    """How fresh a screen is, computed as the monitor does."""

    def __init__(self, screen: Session) -> None:
        self._screen = screen
        self._tracker = FreshnessTracker()
        screen.subscribe(lambda _: self._record())
        self._record()

    def _record(self) -> None:
        for status in self._screen.store.source_statuses.values():
            self._tracker.record(status, self._screen.clock.elapsed_s(), self._screen.now())

    @property
    def now(self) -> Freshness:
        return self._tracker.at(self._screen.clock.elapsed_s(), self._screen.now())


async def synchronise(setup: RelaySetup, screen: Session) -> None:
    """Let time pass until the relay and the screen have all runs."""
    await setup.run_until(lambda: has_all_runs(setup.session, setup.fleet))
    await setup.run_until(lambda: has_all_runs(screen, setup.fleet))


async def test_relay_takes_no_list_requests_and_no_actions(tmp_path: Path) -> None:
    async with relay_setup(busy_fleet(), tmp_path) as setup, screen_on(setup) as screen:
        await synchronise(setup, screen)
        before = len(setup.fleet.requests)
        with pytest.raises(Refused, match="single runs only"):
            await screen.fetcher.fetch_page(RunFilters(), Priority.SELECTED, size=1)
        status = await screen.perform(REPLAY, Run(RunId(FAILED.id)))
        assert (status.phase, status.message) == (ActionPhase.REFUSED, "cancel and replay do not work through a relay")
        assert len(setup.fleet.requests) == before


async def test_details_attempts_and_trees_equal_those_of_the_api(tmp_path: Path) -> None:
    async with relay_setup(busy_fleet(), tmp_path) as setup, screen_on(setup) as screen:
        await synchronise(setup, screen)
        for each in (FAILED, PARENT):
            run, failure = await screen.fetcher.fetch_run_with_attempts(RunId(each.id))
            theirs, _ = await setup.session.fetcher.fetch_run_with_attempts(RunId(each.id))
            assert failure is None
            assert run.body is not None
            assert run.attempts is not None
            assert run.attempts[1] == theirs.attempts[1] if theirs.attempts else None
            assert run.error == theirs.error
            assert run.state == theirs.state
        tree = await screen.fetch_tree(RunId(CHILD.id))
        assert [node.id for node in tree.root.walk()] == [PARENT.id, CHILD.id]
        with pytest.raises(NotFound):
            await screen.fetcher.api.read_run(RunId("run_unknown"))
        asked = [moment for moment, path, _ in setup.fleet.requests if path == "/api/v1/whoami"]
        assert all(later - earlier >= 4 for earlier, later in pairwise(asked)), "the relay alone asks, now and then"


async def test_response_is_whole_if_a_part_ends_inside_a_character(tmp_path: Path) -> None:
    body = "é€𝄞" * PART_BYTES

    fleet = busy_fleet()
    fleet.fault = lambda path: Response(body) if path.endswith("/trace") else None
    async with relay_setup(fleet, tmp_path) as setup, setup.connect() as socket:
        assert (await answer_to(socket, TRACE.request(FAILED.id))).body == body


async def test_id_that_leads_to_another_path_is_not_sent(tmp_path: Path) -> None:
    escape = "../../../api/v1/whoami"
    requests: tuple[ReadRequest, ...] = (
        *(GetRequest(f"/api/v3/runs/{each}") for each in (escape, "..", "%2e%2e", "a\\b", f"{FAILED.id}\n", "\ud800")),
        GetRequest("/api/v1/whoami"),
        RUN.request(escape),
        TRACE.request("run_1/.."),
        EVENTS.request("run_1/.."),
        SPAN.request(FAILED.id, span=escape),
        ERROR_GROUP.request(escape),
        QUEUE.request(escape, type="task"),
        RUN.request("%2e%2e"),
        RUN.request("a\\b"),
        RUN.request(f"{FAILED.id}\n"),
    )

    fleet = busy_fleet()
    async with relay_setup(fleet, tmp_path) as setup, setup.connect() as socket:
        await setup.wait_for_responses()
        before = len(fleet.requests)
        for number, request in enumerate(requests):
            answer = await answer_to(socket, request, number)
            assert (answer.number, answer.status) == (number, 404)
        assert not [
            path for _, path, _ in fleet.requests[before:] if "/runs/" in path or "/errors" in path or "whoami" in path
        ]


async def test_key_and_tokens_are_in_no_message_and_no_text(tmp_path: Path) -> None:
    fleet = busy_fleet()
    async with relay_setup(fleet, tmp_path) as setup, setup.connect() as socket, screen_on(setup) as screen:
        await synchronise(setup, screen)
        # A server in trouble may echo the key.
        fleet.fault = lambda path: server_error(500, f"Bearer {SECRET}") if "/api/" in path else None
        await socket.send(encode_screen_message(Call(1, RUN.request(FAILED.id))), text=True)
        await setup.run_until(lambda: isinstance(setup.session.store.source_statuses[REST], SourceRetrying))
        messages = await receive_until(socket, lambda message: isinstance(message, CallResponse))
        bodies = [message.response.body.decode() for message in messages if isinstance(message, CallResponse)]
        assert any("Bearer ..." in body for body in bodies)
        texts = [*bodies, repr(messages), repr(setup.relay), repr(screen), repr(screen.settings), *setup.log_lines]
        texts += [repr(screen.store.source_statuses), repr(screen.fetcher.api), repr(vars(screen.fetcher.api))]
        assert not [text for text in texts if SECRET in text or TOKEN in text]


async def test_screen_catches_up_after_the_relay_restarts(tmp_path: Path) -> None:
    fleet = busy_fleet()
    async with relay_setup(fleet, tmp_path) as setup, screen_on(setup) as screen:
        await synchronise(setup, screen)
        freshness = FreshnessOf(screen)
        await setup.restart(down_s=120)
        assert freshness.now.level is Level.STALE
        assert freshness.now.leader == RELAY
        await synchronise(setup, screen)
        await setup.run_until(lambda: freshness.now.level is Level.FRESH)


async def test_screen_is_stale_while_the_api_is_down(tmp_path: Path) -> None:
    fleet = busy_fleet()
    async with relay_setup(fleet, tmp_path) as setup, screen_on(setup) as screen:
        await synchronise(setup, screen)
        freshness = FreshnessOf(screen)
        fleet.fault = lambda path: server_error(503) if "/api/" in path else None
        await setup.run_for(60)
        assert isinstance(screen.store.source_statuses[RELAY], SourceConnected)
        assert isinstance(screen.store.source_statuses[REST], SourceRetrying)
        assert freshness.now.level is Level.STALE
        assert freshness.now.failure == setup.session.store.source_statuses[REST]
        fleet.fault = lambda _: None
        await synchronise(setup, screen)
        await setup.run_until(lambda: freshness.now.level is Level.FRESH)
        assert [text.partition(":")[0] for text in setup.log_lines] == ["rest", "rest"]
        assert setup.log_lines[1] == "rest: connected again"


async def test_relay_tries_a_refused_key_again(tmp_path: Path) -> None:
    fleet = busy_fleet()
    fleet.fault = lambda path: server_error(401) if "/api/" in path else None
    async with relay_setup(fleet, tmp_path, realtime=True) as setup, screen_on(setup) as screen:
        await setup.run_until(lambda: isinstance(screen.store.source_statuses.get(REST), SourceStopped))
        assert FreshnessOf(screen).now.level is Level.STALE
        fleet.fault = lambda _: None
        await setup.run_until(lambda: isinstance(screen.store.source_statuses[REST], SourceConnected))
        await synchronise(setup, screen)
        # The earlier sources have stopped.
        await setup.run_for(5)
        assert setup.session.fetcher.feed_polls_in_flight == 1


async def test_screen_requests_a_live_run_missing_in_the_snapshot(tmp_path: Path) -> None:
    fleet = busy_fleet()
    expired = FleetRun(900, -20, -19)
    fleet.add(expired)
    async with relay_setup(fleet, tmp_path) as setup, screen_on(setup) as screen:
        await synchronise(setup, screen)
        fleet.forget(expired)
        await setup.restart(down_s=1)
        await synchronise(setup, screen)
        run = sure(screen.store.get(RunId(expired.id)))
        assert run.is_gone


async def test_screen_stops_if_the_relay_changes_its_environment(tmp_path: Path) -> None:
    fleet = busy_fleet()
    async with relay_setup(fleet, tmp_path) as setup, screen_on(setup) as screen:
        await synchronise(setup, screen)
        run_ids = screen.store.snapshot().keys()
        environment = {"slug": "prod", "type": "PRODUCTION", "project": {"slug": "x"}, "organization": {"slug": "y"}}
        fleet.fault = lambda path: Response(json.dumps(environment)) if path == "/api/v1/whoami" else None
        fleet.add(FleetRun(950, fleet.now_s, fleet.now_s + 1))
        await setup.restart(down_s=1)
        await setup.run_until(lambda: isinstance(screen.store.source_statuses[RELAY], SourceStopped))
        assert "another environment" in screen.store.source_statuses[RELAY].reason  # type: ignore[union-attr]
        assert sure(screen.store.environment).slug == "dev"
        assert screen.store.snapshot().keys() == run_ids
        assert FreshnessOf(screen).now.level is Level.STALE


async def test_screen_is_not_fresh_before_the_api_confirms(tmp_path: Path) -> None:
    fleet = busy_fleet()
    fleet.fault = lambda path: server_error(503) if "/api/" in path else None
    async with relay_setup(fleet, tmp_path) as setup, screen_on(setup) as screen:
        freshness = FreshnessOf(screen)
        for _ in range(40):
            await setup.run_for(1)
            assert freshness.now.level is Level.CONNECTING
        fleet.fault = lambda _: None
        await synchronise(setup, screen)


READS = ("/api/v1/queues", "/api/v1/schedules", "/api/v1/waitpoints/tokens", "/api/v1/errors", "/api/v1/deployments")


def fleet_with(*runs: FleetRun) -> Fleet:
    fleet = fleet_of(*(FleetRun(number, -90.0, -80.0, -70.0) for number in range(1, 40)))
    fleet.add_all(runs)
    fleet.allow_queries()
    return fleet


def reads(fleet: Fleet, since_s: float = 0.0) -> list[str]:
    return [path for moment, path, _ in fleet.requests if path in READS and moment >= since_s]


def word(session: Session) -> str | None:
    return None if session.store.verdict is None else session.store.verdict.word


def is_watched(setup: RelaySetup) -> bool:
    return setup.session.findings.is_watched


@asynccontextmanager
async def watched_relay(tmp_path: Path, fleet: Fleet) -> AsyncIterator[RelaySetup]:
    async with relay_setup(fleet, tmp_path, interval_s=5.0) as setup:
        await setup.run_for(10)
        yield setup


async def test_relay_reads_only_while_a_screen_watches(tmp_path: Path) -> None:
    fleet = fleet_with()

    async with watched_relay(tmp_path, fleet) as setup, screen_on(setup) as first, screen_on(setup) as second:
        await setup.run_for(10)
        assert reads(fleet) == []
        assert first.store.verdict is None
        release, other = first.findings.watch(), second.findings.watch()
        await setup.run_until(lambda: word(first) == word(second) == OK)
        relay = setup.session.store

        def has_all(screen: Session) -> bool:
            sent = sure(relay.wall_facts)
            minutes = sent.minutes and replace(sent.minutes, ends_since=None)  # screens judge nothing
            return screen.store.wall_facts == replace(sent, minutes=minutes)

        await setup.run_until(lambda: has_all(first) and has_all(second))
        assert sure(first.store.wall_facts).minutes is not None
        begin_s = fleet.now_s
        await setup.run_for(60)
        assert len(reads(fleet, begin_s)) <= 4 + 3 + 2
        release()
        await setup.run_for(10)
        assert is_watched(setup)
        other()
        await setup.run_for(15)
        assert not is_watched(setup)
        begin_s = fleet.now_s
        await setup.run_for(30)
        assert reads(fleet, begin_s) == []
        assert first.findings.own is None


async def test_finding_reaches_a_screen_that_judges_nothing(tmp_path: Path) -> None:
    runs = [FleetRun(100 + number, 14.0, 15.0, 24.0, end="FAILED", task="charge") for number in range(30)]
    fleet = fleet_with(*runs)

    async with watched_relay(tmp_path, fleet) as setup, screen_on(setup) as screen:
        screen.findings.watch()
        await setup.run_until(lambda: word(screen) == FindingWord.FAILING)

        def is_same() -> bool:
            """The relay may have counted more runs since."""
            shown, judged = screen.store.verdict, setup.session.store.verdict
            return shown is not None and judged is not None and shown.findings == judged.findings

        await setup.run_until(is_same)
        assert screen.fetcher.lists is None


async def test_screen_knows_nothing_while_its_relay_is_silent(tmp_path: Path) -> None:
    fleet = fleet_with()

    async with watched_relay(tmp_path, fleet) as setup:
        async with screen_on(setup) as screen:
            screen.findings.watch()
            await setup.run_until(lambda: word(screen) == OK)
            await setup.stop()
            await fleet.clock.run(33)  # of 41, but the last message may be some seconds old
            assert word(screen) == OK
            await fleet.clock.run(12)
            await screen.settle()
            assert word(screen) == NOT_KNOWN
            await setup.start()
            await setup.run_until(lambda: word(screen) == OK)
            assert is_watched(setup)
            fleet.fault = lambda path: server_error(500, "down") if path.startswith("/api") else None
            await setup.run_for(55)
            assert word(screen) == NOT_KNOWN, "the relay is there, but its API is silent"
        await setup.wait_until_disconnected()
        assert not is_watched(setup), "a screen that leaves ends its watch"


def test_only_what_changed_is_sent_and_no_old_verdict() -> None:
    store, sent, judged = Store(), dict[object, object](), [False]
    for fact in FACTS_OF_WALL:
        store.apply(fact)
    store.apply(FindingsRead(VERDICT))
    encoder = StoreEncoder(store, lambda: at(0), lambda: judged[0])
    first = [decode_relay_message(text) for text in encoder.findings(sent)]
    assert len(first) == len(FACTS_OF_WALL)
    assert not any(isinstance(each, RelayFindings) and each.verdict is not None for each in first)
    judged[0] = True
    (verdict,) = map(decode_relay_message, encoder.findings(sent))
    assert isinstance(verdict, RelayFindings)
    assert verdict.verdict == VERDICT
    assert list(encoder.findings(sent)) == []
    store.apply(WaitsRead(at(9), ()))
    (waits,) = map(decode_relay_message, encoder.findings(sent))
    assert isinstance(waits, RelayFindings)
    assert list(waits.updates()) == [WaitsRead(at(9), ())]
    assert len(list(encoder.findings({}))) == len(FACTS_OF_WALL) + 1
