"""A relay and its screens: the same runs and responses, and a true state after every failure."""

import asyncio
import json
from itertools import pairwise
from pathlib import Path

import pytest
from starlette.responses import Response

from tests.support.fleet import SECRET, Fleet, FleetRun, fleet_of
from tests.support.relay import (
    TOKEN,
    RelaySetup,
    answer_to,
    has_all_runs,
    receive_until,
    relay_setup,
    screen_on,
)
from tests.support.responses import server_error
from tests.support.sure import sure
from tests.support.ui.logs import LogServer
from tui.api.actions import REPLAY
from tui.api.client import (
    ErrorGroupRequest,
    ErrorGroupsRequest,
    ReadRequest,
    RunRequest,
    SpanRequest,
)
from tui.api.errors import NotFound, Refused
from tui.api.relay import PART_BYTES, Call, CallResponse, encode_screen_message
from tui.domain.action import ActionPhase
from tui.domain.filters import RunFilters
from tui.domain.run import RELAY, REST, Cursor, ErrorGroupId, Run, RunId, SpanId
from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.store.freshness import Freshness, FreshnessTracker, Level
from tui.sync.budget import Priority
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


async def test_screen_has_the_runs_and_facts_of_the_relay(tmp_path: Path) -> None:
    fleet = busy_fleet()
    fleet.allow_queries()
    async with relay_setup(fleet, tmp_path) as setup, screen_on(setup) as screen:
        mine, theirs = screen.store, setup.session.store

        def is_same() -> bool:
            facts = [
                (each.environment, each.history, each.window, each.server_counts, each.lost_capabilities)
                for each in (mine, theirs)
            ]
            return facts[0] == facts[1] and mine.source_statuses[REST] == theirs.source_statuses[REST]

        for _ in range(2):
            await synchronise(setup, screen)
            await setup.run_until(is_same)
            assert mine.environment is not None
            assert mine.server_counts is not None
            now = screen.now()
            assert mine.status_counts(now) == theirs.status_counts(now)
            assert isinstance(mine.source_statuses[RELAY], SourceConnected)
            assert screen.write_block == "a relay takes no actions"
            await setup.run_for(20)


async def test_relay_takes_no_list_requests_and_no_actions(tmp_path: Path) -> None:
    async with relay_setup(busy_fleet(), tmp_path) as setup, screen_on(setup) as screen:
        await synchronise(setup, screen)
        before = len(setup.fleet.requests)
        with pytest.raises(Refused, match="single runs only"):
            await screen.fetcher.fetch_page(RunFilters(), Priority.SELECTED, size=1)
        status = await screen.perform(REPLAY, Run(RunId(FAILED.id)))
        assert (status.phase, status.message) == (ActionPhase.REFUSED, "a relay takes no actions")
        assert len(setup.fleet.requests) == before


async def test_details_attempts_and_trees_equal_those_of_the_api(tmp_path: Path) -> None:
    async with relay_setup(busy_fleet(), tmp_path) as setup, screen_on(setup) as screen:
        await synchronise(setup, screen)
        for each in (FAILED, PARENT):
            run, failure = await screen.fetch_run_with_attempts(RunId(each.id))
            theirs, _ = await setup.session.fetch_run_with_attempts(RunId(each.id))
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


async def test_log_and_attributes_cross_the_relay(tmp_path: Path) -> None:
    fleet = busy_fleet()
    server = LogServer(fleet)
    span_id = SpanId(server.say(-10.0, "with attributes é", "WARN"))
    server.attributes[span_id] = {"code": "missing"}
    async with relay_setup(fleet, tmp_path) as setup, screen_on(setup) as screen:
        await synchronise(setup, screen)
        run_id, read_again = RunId(FAILED.id), screen.fetcher.fetch_log
        log, _ = await read_again(run_id, None, Priority.SELECTED)
        assert [(line.message, line.word) for line in log] == [("with attributes é", "WARN")]
        assert (await read_again(run_id, log, Priority.SELECTED))[0] is log
        detail = await screen.fetcher.fetch_span(run_id, span_id, Priority.SELECTED)
        assert detail.properties == {"code": "missing"}


async def test_response_is_whole_if_a_part_ends_inside_a_character(tmp_path: Path) -> None:
    body = "é€𝄞" * PART_BYTES

    fleet = busy_fleet()
    fleet.fault = lambda path: Response(body) if path.endswith("/trace") else None
    async with relay_setup(fleet, tmp_path) as setup, setup.connect() as socket:
        assert (await answer_to(socket, RunRequest(RunId(FAILED.id), "trace"))).body == body


async def test_identical_requests_of_screens_are_sent_once(tmp_path: Path) -> None:
    async with (
        relay_setup(busy_fleet(), tmp_path) as setup,
        screen_on(setup) as one,
        screen_on(setup) as other,
    ):
        await synchronise(setup, one)
        await synchronise(setup, other)
        path = f"/api/v3/runs/{FAILED.id}"
        assert not setup.fleet.requests_to(path)
        await asyncio.gather(*(each.fetcher.api.read_run(RunId(FAILED.id)) for each in (one, other)))
        assert len(setup.fleet.requests_to(path)) == 1


async def test_id_that_leads_to_another_path_is_not_sent(tmp_path: Path) -> None:
    escape = "../../../api/v1/whoami"
    requests: tuple[ReadRequest, ...] = (
        RunRequest(RunId(escape)),
        RunRequest(RunId("run_1/.."), "trace"),
        RunRequest(RunId("run_1/.."), "events"),
        SpanRequest(RunId(FAILED.id), SpanId(escape)),
        ErrorGroupRequest(ErrorGroupId(escape)),
        RunRequest(RunId("%2e%2e")),
        RunRequest(RunId("a\\b")),
        RunRequest(RunId(f"{FAILED.id}\n")),
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


async def test_refusal_of_error_groups_reaches_the_screen(tmp_path: Path) -> None:
    fleet = busy_fleet()
    async with relay_setup(fleet, tmp_path) as setup, screen_on(setup) as screen:
        await synchronise(setup, screen)
        for status, text in ((403, "Unauthorized"), (404, "Not found")):
            refusal = server_error(status, text)
            fleet.fault = lambda path, refusal=refusal: refusal if "/errors" in path else None  # type: ignore[misc]
            with pytest.raises(Refused, match=f"GET /api/v1/errors: {status} {text}") as refused:
                await screen.fetcher.api.list_error_groups("1h")
            assert refused.value.status == status
        # A screen may send anything: the relay checks it too.
        for request in (ErrorGroupsRequest("soon"), ErrorGroupsRequest("1h", Cursor("\ud800"))):
            async with setup.connect() as socket:
                assert (await answer_to(socket, request)).status == 400


async def test_key_and_tokens_are_in_no_message_and_no_text(tmp_path: Path) -> None:
    fleet = busy_fleet()
    async with (
        relay_setup(fleet, tmp_path) as setup,
        setup.connect() as socket,
        screen_on(setup) as screen,
    ):
        await synchronise(setup, screen)
        # A server in trouble may echo the key.
        fleet.fault = lambda path: server_error(500, f"Bearer {SECRET}") if "/api/" in path else None
        await socket.send(encode_screen_message(Call(1, RunRequest(RunId(FAILED.id)))), text=True)
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
        environment = {
            "slug": "prod",
            "type": "PRODUCTION",
            "project": {"slug": "x"},
            "organization": {"slug": "y"},
        }
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
