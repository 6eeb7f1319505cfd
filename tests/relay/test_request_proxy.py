"""The bounds of the responses that a relay sends."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, Response

from tests.support.fleet import Fleet, FleetRun, fleet_of
from tests.support.recordings import recording
from tests.support.relay import relay_setup
from tests.support.virtual_clock import VirtualClock
from tests.support.wire.queries import AT, QUERIES
from tui.api.client import ReadRequest, RunRequest
from tui.api.errors import TooManyQueries
from tui.api.queries import OlderLiveCounts, QueueWaitCounts, RunsOfQueue, TrqlQuery
from tui.api.relay import CallResponse, decode_relay_message, response_parts
from tui.api.responses import Response as WireResponse
from tui.api.responses import response_error
from tui.domain.run import RunId
from tui.relay import server as request_proxy
from tui.relay.server import RequestProxy
from tui.settings.secret import Secret
from tui.sync.budget import Priority
from tui.sync.relay import MAX_MESSAGE_BYTES

RUNS = [FleetRun(number, -60, -55, -50) for number in (1, 2)]


def status(response: bytes) -> int:
    message = decode_relay_message(b"".join(response_parts(1, response)))
    assert isinstance(message, CallResponse)
    return message.response.status


async def test_responses_being_sent_are_bounded_and_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = fleet_of(*RUNS)
    one, another = (RunRequest(RunId(run.id)) for run in RUNS)
    async with relay_setup(fleet, tmp_path) as setup, asyncio.timeout(100):
        proxy = RequestProxy(setup.session.fetcher, setup.session.clock, Secret("tr_dev_other"))
        async with proxy.response_to(one) as response:
            monkeypatch.setattr(request_proxy, "MAX_SENDING_BYTES", len(response))
        async with AsyncExitStack() as stack:
            responses = await asyncio.gather(*(stack.enter_async_context(proxy.response_to(one)) for _ in range(5)))
            assert [status(response) for response in responses] == [200] * 5
            assert proxy.sending_bytes == len(responses[0])
            async with proxy.response_to(another) as response:
                assert status(response) == 503
        assert proxy.sending_bytes == 0
        async with proxy.response_to(another) as response:
            assert status(response) == 200


async def test_response_too_large_as_json_is_not_passed_on(tmp_path: Path) -> None:
    # JSON needs six characters for a control character.
    binary = b"\x01" * (MAX_MESSAGE_BYTES // 6)

    fleet = fleet_of(*RUNS)
    async with relay_setup(fleet, tmp_path) as setup, asyncio.timeout(100):
        fleet.fault = lambda path: Response(binary) if path.startswith("/api/v3/runs/") else None
        proxy = RequestProxy(setup.session.fetcher, setup.session.clock, Secret("tr_dev_other"))
        response = await proxy.fetch(RunRequest(RunId(RUNS[0].id)))
        assert status(response) == 502
        assert len(response) < MAX_MESSAGE_BYTES


async def test_screen_gets_rows_of_every_query_it_may_name(tmp_path: Path) -> None:
    fleet = fleet_of(*RUNS)
    fleet.allow_queries()
    async with relay_setup(fleet, tmp_path) as setup, asyncio.timeout(100):
        proxy = RequestProxy(setup.session.fetcher, setup.session.clock, Secret("tr_dev_other"))
        for query in QUERIES:
            assert status(await proxy.fetch(query)) == 200, query
        await setup.run_for(10)  # the budget of a period is spent
        sent = len(fleet.requests_to("/api/v1/query"))
        for bad in (RunsOfQueue("x' OR 1=1 --"), OlderLiveCounts(10**9), OlderLiveCounts(1, "x")):
            assert status(await proxy.fetch(bad)) == 400
        assert len(fleet.requests_to("/api/v1/query")) == sent


async def test_busy_query_of_a_screen_is_sent_once(tmp_path: Path) -> None:
    answer = recording("2675")["response"]
    limits = {name: value for name, value in answer["headers"].items() if name.startswith("x-ratelimit-")}

    fleet = Fleet(VirtualClock())
    fleet.allow_queries()
    async with relay_setup(fleet, tmp_path) as setup, asyncio.timeout(100):
        proxy = RequestProxy(setup.session.fetcher, setup.session.clock, Secret("tr_dev_other"))
        await setup.run_for(1)
        sent = len(fleet.requests_to("/api/v1/query"))
        fleet.fault = lambda path: JSONResponse(answer["body"], 429, limits) if path == "/api/v1/query" else None
        message = decode_relay_message(b"".join(response_parts(1, await proxy.fetch(RunsOfQueue("mail")))))
        assert len(fleet.requests_to("/api/v1/query")) == sent + 1
        assert isinstance(message, CallResponse)
        # The screen knows by the words that its other requests need not wait, and sends this one again.
        error = response_error(replace(message.response, label="POST /api/v1/query"))
        assert isinstance(error, TooManyQueries)


async def test_queries_of_screens_leave_a_place_for_the_relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = fleet_of(*RUNS)
    async with relay_setup(fleet, tmp_path) as setup, asyncio.timeout(100):
        session, running, most = setup.session, set[ReadRequest](), 0
        proxy, gate = RequestProxy(session.fetcher, session.clock, Secret("tr_dev_other")), asyncio.Event()
        send = session.fetcher.api.fetch_response

        async def slow(request: ReadRequest) -> WireResponse:
            nonlocal most
            if not isinstance(request, TrqlQuery):
                return await send(request)
            running.add(request)
            most = max(most, len(running))
            await gate.wait()
            running.remove(request)
            return WireResponse("POST /api/v1/query", 200, {}, b'{"results": []}', session.now())

        monkeypatch.setattr(session.fetcher.api, "fetch_response", slow)
        of_screens = [asyncio.ensure_future(proxy.fetch(RunsOfQueue(f"q{number}"))) for number in range(5)]
        detail = await proxy.fetch(RunRequest(RunId(RUNS[0].id)))
        assert status(detail) == 200  # no query holds up other requests
        own = asyncio.ensure_future(session.fetcher.query_rows(QueueWaitCounts(AT), Priority.FACTS))
        for _ in range(50):
            await asyncio.sleep(0)
        assert running == {RunsOfQueue("q0"), QueueWaitCounts(AT)}
        gate.set()
        assert await own == []
        assert {status(each) for each in await asyncio.gather(*of_screens)} == {200}
        assert most == 2
